/* Names without a domain: cron, mail(1) and at write to the users of a machine, but
 * postino delivers nothing there. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "engine/out.h"

bool
is_local_name(const char *text)
{
  size_t length = strlen(text);
  for (const char *at = text; *at != '\0'; at++)
    if (!g_ascii_isalnum(*at) && strchr("._-", *at) == NULL)
      return false;
  return length > 0 && length <= 64;
}

static bool
is_local_part_of(const char *name, const char *address)
{
  g_autoptr(GPtrArray) list = address_parse_header(address, -1);
  for (guint i = 0; i < list->len; i++) {
    const char *spec = ((struct address *)list->pdata[i])->spec;
    size_t length = strcspn(spec, "@");
    if (strlen(name) == length && g_ascii_strncasecmp(spec, name, length) == 0)
      return true;
  }
  return false;
}

/* Who is meant by a name of this machine: its user, who is also its root.  Anybody
 * else of this name at the provider is a stranger. */
static bool
is_oneself(const char *name, const struct conf_account *account)
{
  static const char *const masters[] = {"root", "postmaster", "mailer-daemon"};
  if (g_ascii_strcasecmp(name, g_get_user_name()) == 0 || is_local_part_of(name, account->from))
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS(masters); i++)
    if (g_ascii_strcasecmp(name, masters[i]) == 0)
      return true;
  for (char **also = account->also; also != NULL && *also != NULL; also++)
    if (is_local_part_of(name, *also))
      return true;
  return false;
}

bool
local_name_resolve(const struct conf_account *account, GPtrArray *addresses, GError **error)
{
  for (guint i = 0; i < addresses->len; i++) {
    struct address *address = addresses->pdata[i];
    if (strchr(address->spec, '@') != NULL)
      continue;
    g_autoptr(GPtrArray) own = address_parse_header(account->from, -1);
    if (!is_oneself(address->spec, account) || own->len == 0) {
      g_autofree char *clean = sanitize_line(address->spec, -1);
      return error_set(error, POSTINO_ERROR_INVALID,
                       _("\"%s\" is no address to send to: a name without @ means a user of this "
                         "machine, and only you are known here; write the whole address"),
                       clean);
    }
    g_free(address->spec);
    address->spec = g_strdup(((struct address *)own->pdata[0])->spec);
  }
  return true;
}

/* ---- From: root (Cron Daemon) ---- */

static size_t
line_length(const char *text, size_t length)
{
  const char *end = memchr(text, '\n', length);
  return end != NULL ? (size_t)(end - text) + 1 : length;
}

GBytes *
message_without_from(GBytes *message)
{
  size_t length;
  const char *text = g_bytes_get_data(message, &length);
  g_autoptr(GString) out = g_string_sized_new(length);
  bool skipping = false;
  size_t at = 0;
  while (at < length) {
    size_t line = line_length(text + at, length - at);
    if (text[at] == '\n' || text[at] == '\r')
      break;
    if (text[at] != ' ' && text[at] != '\t')
      skipping = line >= 5 && g_ascii_strncasecmp(text + at, "From:", 5) == 0;
    if (!skipping)
      g_string_append_len(out, text + at, (gssize)line);
    at += line;
  }
  g_string_append_len(out, text + at, (gssize)(length - at));
  return g_bytes_new(out->str, out->len);
}
