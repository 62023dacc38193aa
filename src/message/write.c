#include "message/write.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/address.h"
#include "message/words.h"

#define COLUMNS 76

/* A line end or other control in a field would be a field of its own to
 * somebody. */
static bool
check_text(const char *name, const char *text, GError **error)
{
  if (!g_utf8_validate(text, -1, NULL))
    return error_set(error, POSTINO_ERROR_INVALID, _("%s: this is not UTF-8 text"), name);
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
    if (g_unichar_iscntrl(g_utf8_get_char(at)))
      return error_set(error, POSTINO_ERROR_INVALID,
                       _("%s: a line end or control character cannot stand in it; remove it"),
                       name);
  return true;
}

bool
write_text(GString *out, const char *name, const char *text, GError **error)
{
  if (text == NULL || *text == '\0')
    return true;
  if (!check_text(name, text, error))
    return false;
  g_string_append_printf(out, "%s: ", name);
  words_encode(out, text, false, strlen(name) + 2);
  g_string_append(out, "\r\n");
  return true;
}

/* As it travels: a domain in its ASCII form wherever that spares the letter from
 * needing SMTPUTF8. */
static char *
wire_spec(const char *spec)
{
  const char *at = strrchr(spec, '@');
  g_autofree char *local = g_strndup(spec, (gsize)(at - spec));
  if (g_str_is_ascii(spec) || !g_str_is_ascii(local))
    return g_strdup(spec);
  g_autofree char *domain = g_hostname_to_ascii(at + 1);
  return domain != NULL ? g_strdup_printf("%s@%s", local, domain) : g_strdup(spec);
}

static bool
check_address(const char *name, const struct address *address, GError **error)
{
  if (!address_is_valid_spec(address->spec)) {
    g_autofree char *shown = sanitize_line(address->spec != NULL ? address->spec : "", -1);
    return error_set(error, POSTINO_ERROR_INVALID, _("%s: “%s” is no usable address"), name,
                     shown);
  }
  return address->name == NULL || check_text(name, address->name, error);
}

static size_t
append_address(GString *out, const struct address *address, size_t column)
{
  g_autofree char *spec = wire_spec(address->spec);
  bool named = address->name != NULL && *address->name != '\0';
  size_t length = strlen(spec) + (named ? 2 : 0);
  if (named)
    column = words_encode(out, address->name, true, column);
  if (column + 1 + length > COLUMNS && column > 1) {
    g_string_append(out, "\r\n ");
    column = 1;
  } else if (named) {
    g_string_append_c(out, ' ');
    column++;
  }
  g_string_append_printf(out, named ? "<%s>" : "%s", spec);
  return column + length;
}

bool
write_addresses(GString *out, const char *name, const GPtrArray *addresses, GError **error)
{
  if (addresses == NULL || addresses->len == 0)
    return true;
  g_string_append_printf(out, "%s: ", name);
  size_t column = strlen(name) + 2;
  for (guint i = 0; i < addresses->len; i++) {
    const struct address *address = g_ptr_array_index(addresses, i);
    if (!check_address(name, address, error))
      return false;
    if (i > 0) {
      g_string_append(out, ", ");
      column += 2;
    }
    column = append_address(out, address, column);
  }
  g_string_append(out, "\r\n");
  return true;
}

bool
write_is_addressed(const char *name)
{
  static const char *const names[] = {
      "From",      "To",          "Cc",        "Bcc",       "Reply-To",         "Sender",
      "Resent-To", "Resent-From", "Resent-Cc", "Resent-Bcc", "Mail-Followup-To"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_ascii_strcasecmp(name, names[i]) == 0)
      return true;
  return false;
}

bool
write_raw(GString *out, const char *name, const char *value, GError **error)
{
  if (write_is_addressed(name)) {
    g_autoptr(GPtrArray) list = address_parse_header(value, -1);
    return write_addresses(out, name, list, error);
  }
  g_autofree char *text = words_decode(value, -1);
  return write_text(out, name, text, error);
}

bool
write_date(GString *out, int64_t seconds, GError **error)
{
  static const char days[][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(seconds);
  if (date == NULL || g_date_time_get_year(date) < 1970)
    return error_set(error, POSTINO_ERROR_INVALID, _("Date: the clock shows no usable time"));
  g_string_append_printf(out, "Date: %s, %d %s %04d %02d:%02d:%02d +0000\r\n",
                         days[g_date_time_get_day_of_week(date) - 1],
                         g_date_time_get_day_of_month(date),
                         months[g_date_time_get_month(date) - 1], g_date_time_get_year(date),
                         g_date_time_get_hour(date), g_date_time_get_minute(date),
                         g_date_time_get_second(date));
  return true;
}

/* With its <> it must fit one line. */
#define LONGEST_ID 900

bool
write_is_id(const char *id)
{
  size_t length = strlen(id);
  for (const char *at = id; *at != '\0'; at++)
    if (*at <= ' ' || *at >= 0x7f || *at == '<' || *at == '>')
      return false;
  return length > 0 && length <= LONGEST_ID;
}

void
write_ids(GString *out, const char *name, const char *const *ids)
{
  size_t column = 0;
  for (; ids != NULL && *ids != NULL; ids++) {
    if (!write_is_id(*ids))
      continue;
    size_t length = strlen(*ids) + 2;
    if (column == 0) {
      g_string_append_printf(out, "%s:", name);
      column = strlen(name) + 1;
    } else if (column + 1 + length > COLUMNS) {
      g_string_append(out, "\r\n");
      column = 0;
    }
    g_string_append_printf(out, " <%s>", *ids);
    column += 1 + length;
  }
  if (column > 0)
    g_string_append(out, "\r\n");
}

static bool
is_token(const char *text)
{
  for (const char *at = text; *at != '\0'; at++)
    if (*at <= ' ' || *at >= 0x7f || strchr("()<>@,;:\\\"/[]?=", *at) != NULL)
      return false;
  return *text != '\0';
}

bool
write_is_media_type(const char *type)
{
  if (type == NULL || strlen(type) > 127)
    return false;
  g_auto(GStrv) halves = g_strsplit(type, "/", 3);
  return g_strv_length(halves) == 2 && is_token(halves[0]) && is_token(halves[1]);
}

/* RFC 2231, 7: attribute-char. */
static bool
is_attribute_char(char c)
{
  return g_ascii_isalnum(c) || (c != '\0' && strchr("!#$&+-.^_`{|}~", c) != NULL);
}

#define SEGMENT 54

static void
append_extended(GString *out, const char *name, const char *value)
{
  g_autoptr(GString) coded = g_string_new("UTF-8''");
  for (const char *at = value; *at != '\0'; at++) {
    if (is_attribute_char(*at))
      g_string_append_c(coded, *at);
    else
      g_string_append_printf(coded, "%%%02X", (guchar)*at);
  }
  if (coded->len <= SEGMENT) {
    g_string_append_printf(out, ";\r\n %s*=%s", name, coded->str);
    return;
  }
  size_t at = 0;
  for (int n = 0; at < coded->len; n++) {
    size_t take = MIN(SEGMENT, coded->len - at);
    /* Three characters of one byte stay together. */
    while (take > 2 && at + take < coded->len &&
           (coded->str[at + take - 1] == '%' || coded->str[at + take - 2] == '%'))
      take--;
    g_string_append_printf(out, ";\r\n %s*%d*=%.*s", name, n, (int)take, coded->str + at);
    at += take;
  }
}

void
write_parameter(GString *out, const char *name, const char *value)
{
  bool plain = strlen(value) <= SEGMENT;
  for (const char *at = value; *at != '\0'; at++)
    plain = plain && (guchar)*at >= 0x20 && (guchar)*at < 0x7f;
  /* What looks like an encoded word is decoded by readers of the time before
   * RFC 2231. */
  if (!plain || strstr(value, "=?") != NULL) {
    append_extended(out, name, value);
    return;
  }
  g_string_append_printf(out, ";\r\n %s=\"", name);
  for (const char *at = value; *at != '\0'; at++) {
    if (*at == '"' || *at == '\\')
      g_string_append_c(out, '\\');
    g_string_append_c(out, *at);
  }
  g_string_append_c(out, '"');
}
