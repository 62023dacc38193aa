#include "submit/envelope.h"

#include <string.h>

#include "base/i18n.h"
#include "message/address.h"
#include "message/headers.h"

static bool
is_ascii(const char *text, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)text[i] >= 0x80)
      return false;
  return true;
}

/* An address that is not ASCII cannot be encoded, wherever it stands (RFC 6531);
 * other 8-bit text of the header is carried as that of the body is. */
static bool
has_utf8_address(const char *data, size_t length)
{
  static const char *const fields[] = {"From", "Sender", "Reply-To", "To", "Cc"};
  g_autoptr(headers_t) headers = headers_parse(data, length);
  for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
    g_autoptr(GPtrArray) addresses = headers_addresses(headers, fields[i]);
    for (guint j = 0; j < addresses->len; j++) {
      const struct address *address = g_ptr_array_index(addresses, j);
      if (!is_ascii(address->spec, strlen(address->spec)))
        return true;
    }
  }
  return false;
}

static guint64
size_on_the_line(const char *data, size_t length)
{
  guint64 size = length;
  for (size_t i = 0; i < length; i++) {
    size += data[i] == '\n' && (i == 0 || data[i - 1] != '\r');
    size += data[i] == '\r' && (i + 1 == length || data[i + 1] != '\n');
  }
  if (length > 0 && data[length - 1] != '\n' && data[length - 1] != '\r')
    size += 2;
  return size;
}

struct envelope_needs
envelope_needs(GBytes *letter, const char *from, const char *const *recipients)
{
  size_t length;
  const char *data = g_bytes_get_data(letter, &length);
  struct envelope_needs needs = {.size = size_on_the_line(data, length),
                                 .eight_bit = !is_ascii(data, length),
                                 .utf8 = !is_ascii(from, strlen(from))};
  for (; *recipients != NULL; recipients++)
    needs.utf8 |= !is_ascii(*recipients, strlen(*recipients));
  needs.utf8 |= needs.eight_bit && has_utf8_address(data, length);
  return needs;
}

char *
envelope_obstacle(const struct envelope_needs *needs, unsigned capabilities, guint64 limit)
{
  if ((capabilities & SMTP_SIZE) != 0 && limit > 0 && needs->size > limit) {
    g_autofree char *size = g_format_size(needs->size), *most = g_format_size(limit);
    return g_strdup_printf(_("the letter has %s and the server takes %s at most; send less in it"),
                           size, most);
  }
  if (needs->utf8 && (capabilities & SMTP_SMTPUTF8) == 0)
    return g_strdup(_("an address is not in ASCII and the server does not offer SMTPUTF8; use one in "
                      "ASCII"));
  if (needs->eight_bit && (capabilities & SMTP_8BITMIME) == 0)
    return g_strdup(_("the letter has 8-bit text and the server does not offer 8BITMIME; encode it "
                      "as quoted-printable or base64"));
  return NULL;
}

/* The word of the wishes that begins so, or NULL. */
static char *
wish(const struct envelope_dsn *dsn, const char *prefix)
{
  g_auto(GStrv) words = g_strsplit(dsn->wishes != NULL ? dsn->wishes : "", " ", -1);
  for (char **word = words; *word != NULL; word++)
    if (g_str_has_prefix(*word, prefix))
      return g_strdup(*word);
  return NULL;
}

/* RFC 3461, 4: xtext. */
static void
append_xtext(GString *line, const char *text)
{
  for (; *text != '\0'; text++)
    if (*text > ' ' && *text < 0x7f && *text != '+' && *text != '=')
      g_string_append_c(line, *text);
    else
      g_string_append_printf(line, "+%02X", (unsigned char)*text);
}

/* An address that is not ASCII has no short form there. */
char *
envelope_rcpt(const char *spec, unsigned capabilities, const struct envelope_dsn *dsn)
{
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_append_printf(line, "RCPT TO:<%s>", spec);
  if ((capabilities & SMTP_DSN) == 0)
    return g_strdup(line->str);
  g_autofree char *notify = wish(dsn, "NOTIFY=");
  if (notify != NULL)
    g_string_append_printf(line, " %s", notify);
  if (is_ascii(spec, strlen(spec))) {
    g_string_append(line, " ORCPT=rfc822;");
    append_xtext(line, spec);
  }
  return g_strdup(line->str);
}

char *
envelope_mail(const char *from, const struct envelope_needs *needs, unsigned capabilities,
              const struct envelope_dsn *dsn)
{
  g_autofree char *ret = wish(dsn, "RET=");
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_append_printf(line, "MAIL FROM:<%s>", from);
  if ((capabilities & SMTP_SIZE) != 0)
    g_string_append_printf(line, " SIZE=%" G_GUINT64_FORMAT, needs->size);
  if (needs->eight_bit)
    g_string_append(line, " BODY=8BITMIME");
  if (needs->utf8)
    g_string_append(line, " SMTPUTF8");
  if (needs->hold > 0)
    g_string_append_printf(line, " HOLDFOR=%" G_GUINT64_FORMAT, needs->hold);
  if ((capabilities & SMTP_DSN) != 0) {
    g_string_append_printf(line, " %s", ret != NULL ? ret : "RET=HDRS");
    if (dsn->id != NULL)
      g_string_append_printf(line, " ENVID=%s", dsn->id);
  }
  return g_strdup(line->str);
}

/* A CR and a LF that stand alone become CRLF: nothing in a letter can be taken
 * for its end by a server that is less strict (RFC 5321, 2.3.8). */
void
envelope_stuff(struct stuffing *stuffing, const char *data, size_t length, GString *out)
{
  for (const char *at = data, *end = data + length; at < end;) {
    if (stuffing->cr) {
      stuffing->cr = false;
      at += *at == '\n';
      continue;
    }
    if (*at == '\r' || *at == '\n') {
      g_string_append(out, "\r\n");
      stuffing->cr = *at++ == '\r';
      stuffing->inside = false;
      continue;
    }
    if (!stuffing->no_dots && !stuffing->inside && *at == '.')
      g_string_append_c(out, '.');
    const char *stop = at;
    while (stop < end && *stop != '\r' && *stop != '\n')
      stop++;
    g_string_append_len(out, at, (gssize)(stop - at));
    stuffing->inside = true;
    at = stop;
  }
}

void
envelope_stuff_end(struct stuffing *stuffing, GString *out)
{
  if (stuffing->inside)
    g_string_append(out, "\r\n");
  stuffing->inside = false;
}
