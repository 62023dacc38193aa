#include "conf/value.h"

#include <string.h>

#include "base/i18n.h"
#include "base/paths.h"
#include "base/sanitize.h"
#include "base/text.h"

static void *
field(const struct option_row *row, void *target)
{
  return (char *)target + row->offset;
}

static char *
store_text(const struct option_row *row, const char *text, void *target)
{
  char **at = field(row, target);
  g_free(*at);
  *at = g_strdup(text);
  return NULL;
}

static char *
store_path(const struct option_row *row, const char *text, void *target)
{
  char **at = field(row, target);
  g_autofree char *path = paths_expand(text);
  if (!g_path_is_absolute(path))
    return g_strdup_printf(_("%s: give the whole path, from / or ~/"), row->shown.name);
  g_free(*at);
  *at = g_steal_pointer(&path);
  return NULL;
}

static char *
store_bool(const struct option_row *row, const char *text, void *target)
{
  bool yes = strcmp(text, "yes") == 0;
  if (!yes && strcmp(text, "no") != 0)
    return g_strdup_printf(_("%s takes yes or no"), row->shown.name);
  *(bool *)field(row, target) = yes;
  return NULL;
}

static char *
store_int(const struct option_row *row, const char *text, void *target)
{
  gint64 n;
  if (!g_ascii_string_to_signed(text, 10, row->min, row->max, &n, NULL))
    return g_strdup_printf(_("%s takes a number from %d to %d, not %s"), row->shown.name,
                           row->min, row->max, text);
  *(int *)field(row, target) = (int)n;
  return NULL;
}

/* "50M": a number with K, M or G. */
static bool
read_size(const char *text, guint64 *size_out)
{
  size_t length = strlen(text);
  const char *const units = "KMG";
  const char *unit = length > 0 ? strchr(units, g_ascii_toupper(text[length - 1])) : NULL;
  guint shift = unit != NULL && *unit != '\0' ? (guint)(unit - units + 1) * 10 : 0;
  g_autofree char *digits = g_strndup(text, shift > 0 ? length - 1 : length);
  guint64 n;
  if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT64 >> shift, &n, NULL))
    return false;
  *size_out = n << shift;
  return true;
}

static char *
store_size(const struct option_row *row, const char *text, void *target)
{
  guint64 size;
  if (!read_size(text, &size) || size == 0)
    return g_strdup_printf(_("%s takes a number of bytes, as in 500K, 50M or 2G"),
                           row->shown.name);
  *(guint64 *)field(row, target) = size;
  return NULL;
}

static char *
store_days(const struct option_row *row, const char *text, void *target)
{
  gint64 days;
  if (strcmp(text, "yes") == 0)
    days = CONF_LEAVE_FOR_EVER;
  else if (strcmp(text, "no") == 0)
    days = 0;
  else if (strcmp(text, "when-deleted") == 0)
    days = CONF_LEAVE_WHEN_DELETED;
  else if (!g_ascii_string_to_signed(text, 10, 0, 36500, &days, NULL))
    return g_strdup_printf(_("%s takes yes, no, when-deleted, or a number of days"), row->shown.name);
  *(int *)field(row, target) = (int)days;
  return NULL;
}

static char *
store_pin(const struct option_row *row, const char *text, void *target)
{
  static const char prefix[] = "sha256:";
  g_autofree char *lower = g_ascii_strdown(text, -1);
  const char *hex = lower + strlen(prefix);
  if (!g_str_has_prefix(lower, prefix) || strlen(hex) != 64 ||
      strspn(hex, "0123456789abcdef") != 64)
    return g_strdup_printf(_("%s takes sha256: and 64 hexadecimal digits"), row->shown.name);
  return store_text(row, lower, target);
}

static char *
store_proxy(const struct option_row *row, const char *text, void *target)
{
  g_autofree char *scheme = NULL, *host = NULL;
  int port;
  if (!g_uri_split_network(text, G_URI_FLAGS_NONE, &scheme, &host, &port, NULL) ||
      strcmp(scheme, "socks5") != 0 || host == NULL || *host == '\0' || port == 0)
    return g_strdup_printf(_("%s takes socks5://HOST:PORT"), row->shown.name);
  return store_text(row, text, target);
}

static char *
store_word(const struct option_row *row, const char *text, void *target)
{
  for (int i = 0; row->words[i] != NULL; i++)
    if (strcmp(row->words[i], text) == 0) {
      *(int *)field(row, target) = i;
      return NULL;
    }
  g_autofree char *all = g_strjoinv(", ", (char **)row->words);
  g_autofree char *clean = sanitize_line(text, -1);
  const char *near = text_nearest(text, row->words);
  if (near != NULL)
    return g_strdup_printf(_("%s: \"%s\" is none of %s; did you mean %s?"), row->shown.name, clean,
                           all, near);
  return g_strdup_printf(_("%s: \"%s\" is none of %s"), row->shown.name, clean, all);
}

/* "move FOLDER", "tag WORDS", "flag", "read". */
static char *
store_action(const struct option_row *row, const char *text, void *target)
{
  static const char *const names[] = {"move", "tag", "flag", "read", NULL};
  g_auto(GStrv) words = g_strsplit(text, " ", 2);
  const char *name = words[0] != NULL ? words[0] : "";
  const char *argument = words[0] != NULL && words[1] != NULL ? g_strstrip(words[1]) : "";
  bool takes = strcmp(name, "move") == 0 || strcmp(name, "tag") == 0;
  g_autofree char *clean = sanitize_line(name, -1);
  if (!g_strv_contains(names, name)) {
    const char *near = text_nearest(name, names);
    if (near != NULL)
      return g_strdup_printf(_("%s: there is no \"%s\"; did you mean %s?"), row->shown.name, clean,
                             near);
    return g_strdup_printf(_("%s: there is no \"%s\"; there are move FOLDER, tag WORDS, flag and "
                             "read"),
                           row->shown.name, clean);
  }
  if (takes && *argument == '\0')
    return g_strdup_printf(_("%s: %s needs to be told what: %s"), row->shown.name, clean,
                           strcmp(name, "move") == 0 ? "move FOLDER" : "tag WORDS");
  if (!takes && *argument != '\0')
    return g_strdup_printf(_("%s: %s stands alone"), row->shown.name, clean);
  return store_text(row, text, target);
}

static char *
store_secret(const struct option_row *row, const GString *text, void *target)
{
  secret_t **at = field(row, target);
  secret_unref(*at);
  *at = secret_new(text->str, text->len);
  return NULL;
}

char *
value_store(const struct option_row *row, const struct token *token, void *target)
{
  const char *text = token->text->str;
  switch (row->type) {
  case OPTION_TEXT:
    return store_text(row, text, target);
  case OPTION_PATH:
    return store_path(row, text, target);
  case OPTION_BOOL:
    return store_bool(row, text, target);
  case OPTION_INT:
    return store_int(row, text, target);
  case OPTION_SIZE:
    return store_size(row, text, target);
  case OPTION_DAYS:
    return store_days(row, text, target);
  case OPTION_PIN:
    return store_pin(row, text, target);
  case OPTION_PROXY:
    return store_proxy(row, text, target);
  case OPTION_ACTION:
    return store_action(row, text, target);
  case OPTION_WORD:
    return store_word(row, text, target);
  case OPTION_SECRET:
    return store_secret(row, token->text, target);
  case OPTION_LIST:
  case OPTION_BLOCK:
    break;
  }
  return g_strdup_printf(_("%s takes a list: {a, b}"), row->shown.name);
}

char *
value_store_list(const struct option_row *row, const GPtrArray *tokens, void *target)
{
  if (row->type != OPTION_LIST)
    return g_strdup_printf(_("%s takes one value, not a list"), row->shown.name);
  g_autoptr(GPtrArray) values = g_ptr_array_new();
  for (guint i = 0; i < tokens->len; i++)
    g_ptr_array_add(values, g_strdup(((struct token *)g_ptr_array_index(tokens, i))->text->str));
  g_ptr_array_add(values, NULL);
  char ***at = field(row, target);
  g_strfreev(*at);
  *at = (char **)g_ptr_array_steal(values, NULL);
  return NULL;
}
