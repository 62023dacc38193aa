#include "message/render-private.h"

#include <string.h>

#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/words.h"

static void
take_all(struct rendered *rendered, const struct headers *headers)
{
  for (guint i = 0; i < headers_count(headers); i++) {
    struct rendered_header *header = g_new0(struct rendered_header, 1);
    header->name = g_strdup(headers_name(headers, i));
    header->value = words_decode(headers_value(headers, i), -1);
    g_ptr_array_add(rendered->headers, header);
  }
}

static void
take_addresses(struct rendered *rendered, const struct headers *headers)
{
  struct { const char *name; GPtrArray **list; } rows[] = {
      {"From", &rendered->from}, {"Reply-To", &rendered->reply_to}, {"To", &rendered->to},
      {"Cc", &rendered->cc},     {"Bcc", &rendered->bcc},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_ptr_array_unref(*rows[i].list);
    *rows[i].list = headers_addresses(headers, rows[i].name);
  }
}

/* The URIs of a List-* field (RFC 2369): each in <>, up to `end`. */
static char *
next_uri(const char **at)
{
  const char *open = strchr(*at, '<');
  const char *close = open != NULL ? strchr(open, '>') : NULL;
  if (close == NULL)
    return NULL;
  *at = close + 1;
  g_autoptr(GString) uri = g_string_new(NULL);
  for (const char *p = open + 1; p < close && uri->len < 2000; p++)
    if ((guchar)*p > 0x20 && (guchar)*p < 0x7f)
      g_string_append_c(uri, *p);
  return g_strdup(uri->str);
}

static bool
has_scheme(const char *uri, const char *scheme)
{
  return g_ascii_strncasecmp(uri, scheme, strlen(scheme)) == 0;
}

/* The address of a mailto: URI without what follows it, or NULL. */
static char *
mailto_address(const char *uri)
{
  if (!has_scheme(uri, "mailto:"))
    return NULL;
  const char *at = uri + strlen("mailto:");
  g_autofree char *raw = g_strndup(at, strcspn(at, "?"));
  g_autofree char *plain = g_uri_unescape_string(raw, "/");
  return plain != NULL && address_is_valid_spec(plain) ? g_steal_pointer(&plain) : NULL;
}

static char *
find_post(const struct headers *headers)
{
  const char *at = headers_get(headers, "List-Post");
  char *uri;
  while (at != NULL && (uri = next_uri(&at)) != NULL) {
    char *address = mailto_address(uri);
    g_free(uri);
    if (address != NULL)
      return address;
  }
  return NULL;
}

static char *
find_unsubscribe(const struct headers *headers)
{
  const char *at = headers_get(headers, "List-Unsubscribe");
  char *uri;
  while (at != NULL && (uri = next_uri(&at)) != NULL) {
    g_autofree char *address = mailto_address(uri);
    if (address != NULL || has_scheme(uri, "https://") || has_scheme(uri, "http://"))
      return uri;
    g_free(uri);
  }
  return NULL;
}

/* Scripts whose letters are taken for each other's. */
static guint
script_bit(gunichar c)
{
  switch (g_unichar_isalpha(c) ? g_unichar_get_script(c) : G_UNICODE_SCRIPT_COMMON) {
  case G_UNICODE_SCRIPT_LATIN:
    return 1;
  case G_UNICODE_SCRIPT_CYRILLIC:
    return 2;
  case G_UNICODE_SCRIPT_GREEK:
    return 4;
  case G_UNICODE_SCRIPT_ARMENIAN:
    return 8;
  case G_UNICODE_SCRIPT_CHEROKEE:
    return 16;
  case G_UNICODE_SCRIPT_COPTIC:
    return 32;
  default:
    return 0;
  }
}

/* Does one word of it mix such scripts? */
static bool
mixes_scripts(const char *text)
{
  guint seen = 0;
  for (; *text != '\0'; text = g_utf8_next_char(text)) {
    gunichar c = g_utf8_get_char(text);
    seen = g_unichar_isalpha(c) || g_unichar_ismark(c) ? seen | script_bit(c) : 0;
    if ((seen & (seen - 1)) != 0)
      return true;
  }
  return false;
}

static bool
is_ascii(const char *text)
{
  while (*text != '\0' && (guchar)*text < 0x80)
    text++;
  return *text == '\0';
}

/* Does the display name pretend to be another address? */
static bool
names_another(const struct address *address)
{
  const char *at = address->name != NULL ? strchr(address->name, '@') : NULL;
  if (at == NULL || at == address->name || !g_ascii_isalnum(at[1]))
    return false;
  g_autofree char *name = g_utf8_casefold(address->name, -1);
  g_autofree char *spec = g_utf8_casefold(address->spec, -1);
  return *spec == '\0' || strstr(name, spec) == NULL;
}

static void
judge_sender(struct page *page, const struct address *address)
{
  if (names_another(address))
    page_notice(page, g_strdup_printf(_("The sender's name looks like an address, "
                                        "but the letter names <%s> as its sender."),
                                      address->spec));
  if ((address->name != NULL && mixes_scripts(address->name)) || mixes_scripts(address->spec))
    page_notice(page, g_strdup(_("The sender mixes letters of several scripts that look alike.")));
  const char *domain = strrchr(address->spec, '@');
  if (domain == NULL || is_ascii(domain))
    return;
  g_autofree char *ascii = g_hostname_to_ascii(domain + 1);
  page_notice(page, g_strdup_printf(_("The sender's domain is not written in plain letters: %s"),
                                    ascii != NULL ? ascii : "?"));
}

static void
judge_from(struct page *page, const struct headers *headers)
{
  const GPtrArray *from = page->rendered->from;
  for (guint i = 0; i < from->len && i < 5; i++)
    judge_sender(page, g_ptr_array_index(from, i));
  const char *value = headers_get(headers, "From");
  if (value != NULL && words_have_bidi(value))
    page_notice(page, g_strdup(_("The sender's name holds invisible characters that turn the "
                                 "direction of writing; they were left out.")));
  if (headers_get(headers, "Disposition-Notification-To") != NULL)
    page_notice(page, g_strdup(_("The sender asks to be told that you read this; the command "
                                 "send-receipt does it, and nothing else does.")));
  if (headers_repeats(headers, "From") > 1)
    page_notice(page, g_strdup(_("The letter has several From fields.")));
}

void
fields_take(struct page *page, const struct headers *headers)
{
  struct rendered *rendered = page->rendered;
  take_all(rendered, headers);
  take_addresses(rendered, headers);
  char *subject = headers_text(headers, "Subject");
  if (subject != NULL) {
    g_free(rendered->subject);
    rendered->subject = subject;
  }
  rendered->message_id = headers_message_id(headers);
  g_strfreev(rendered->references);
  rendered->references = headers_references(headers);
  /* Without an arrival any date that can be read is taken. */
  int64_t none = G_MAXINT64 / 2;
  int64_t date = headers_date(headers, none);
  rendered->date = date != none ? date : 0;
  rendered->list_post = find_post(headers);
  rendered->list_unsubscribe = find_unsubscribe(headers);
  g_ptr_array_unref(rendered->route);
  rendered->route = route_parse(headers);
  judge_from(page, headers);
}
