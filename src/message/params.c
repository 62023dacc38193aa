#include "message/params.h"

#include <string.h>

#include "base/sanitize.h"
#include "message/charset.h"
#include "message/words.h"

#define MAX_PARAMS 200

struct param { char *name, *value; };
struct params {
  char *main;
  GPtrArray *list;          /* struct param */
};

static void
param_free(gpointer data)
{
  struct param *param = data;
  g_free(param->name);
  g_free(param->value);
  g_free(param);
}

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Past blanks and comments. */
static const char *
skip(const char *at)
{
  for (int depth = 0; *at != '\0'; at++) {
    if (*at == '(')
      depth++;
    else if (*at == ')' && depth > 0)
      depth--;
    else if (*at == '\\' && depth > 0 && at[1] != '\0')
      at++;
    else if (depth == 0 && !is_blank(*at))
      break;
  }
  return at;
}

/* A quoted string at `at` (which is its first quote), up to the closing one or
 * the end. */
static const char *
read_quoted(const char *at, GString *out)
{
  for (at++; *at != '\0' && *at != '"'; at++) {
    if (*at == '\\' && at[1] != '\0')
      at++;
    g_string_append_c(out, *at);
  }
  return *at == '"' ? at + 1 : at;
}

/* A value: quoted, or everything up to ';' (raw names hold blanks). */
static const char *
read_value(const char *at, GString *out)
{
  at = skip(at);
  if (*at == '"') {
    at = read_quoted(at, out);
    while (*at != '\0' && *at != ';')
      at++;
    return at;
  }
  for (; *at != '\0' && *at != ';'; at++)
    g_string_append_c(out, *at);
  while (out->len > 0 && is_blank(out->str[out->len - 1]))
    g_string_truncate(out, out->len - 1);
  return at;
}

static const char *
read_param(struct params *params, const char *at)
{
  const char *start = at;
  while (*at != '\0' && *at != '=' && *at != ';' && !is_blank(*at) && *at != '(')
    at++;
  g_autofree char *name = g_ascii_strdown(start, at - start);
  at = skip(at);
  if (*at != '=') {
    while (*at != '\0' && *at != ';')
      at++;
    return at;
  }
  g_autoptr(GString) value = g_string_new(NULL);
  at = read_value(at + 1, value);
  if (params->list->len < MAX_PARAMS) {
    struct param *param = g_new0(struct param, 1);
    param->name = g_steal_pointer(&name);
    param->value = g_strdup(value->str);
    g_ptr_array_add(params->list, param);
  }
  return at;
}

struct params *
params_parse(const char *value)
{
  struct params *params = g_new0(struct params, 1);
  params->list = g_ptr_array_new_with_free_func(param_free);
  GString *head = g_string_new(NULL);
  const char *at = value != NULL ? value : "";
  for (at = skip(at); *at != '\0' && *at != ';'; at = skip(at)) {
    if (head->len < 200 && (guchar)*at > 0x20 && (guchar)*at < 0x7f)
      g_string_append_c(head, g_ascii_tolower(*at));
    at++;
  }
  params->main = g_string_free(head, FALSE);
  while (*at == ';') {
    at = skip(at + 1);
    at = read_param(params, at);
  }
  return params;
}

void
params_free(struct params *params)
{
  if (params == NULL)
    return;
  g_free(params->main);
  g_ptr_array_unref(params->list);
  g_free(params);
}

const char *
params_main(const struct params *params)
{
  return params->main;
}

const char *
params_name(const struct params *params, guint i)
{
  return i < params->list->len ? ((const struct param *)params->list->pdata[i])->name : NULL;
}

const char *
params_raw(const struct params *params, const char *name)
{
  for (guint i = 0; i < params->list->len; i++) {
    const struct param *param = g_ptr_array_index(params->list, i);
    if (strcmp(param->name, name) == 0)
      return param->value;
  }
  return NULL;
}

static void
append_percent(GString *out, const char *at)
{
  for (; *at != '\0'; at++) {
    if (*at == '%' && g_ascii_isxdigit(at[1]) && g_ascii_isxdigit(at[2])) {
      g_string_append_c(out, (char)(g_ascii_xdigit_value(at[1]) << 4 | g_ascii_xdigit_value(at[2])));
      at += 2;
    } else
      g_string_append_c(out, *at);
  }
}

/* The charset before the first ' of an extended value; the rest after the
 * second. */
static const char *
split_charset(const char *value, char **charset_out)
{
  const char *first = strchr(value, '\'');
  const char *second = first != NULL ? strchr(first + 1, '\'') : NULL;
  if (second == NULL)
    return value;
  *charset_out = g_strndup(value, (gsize)(first - value));
  return second + 1;
}

/* Section `n` of a continued parameter. */
static const char *
section(const struct params *params, const char *name, guint n, bool *extended_out)
{
  g_autofree char *extended = g_strdup_printf("%s*%u*", name, n);
  const char *value = params_raw(params, extended);
  *extended_out = value != NULL;
  if (value != NULL)
    return value;
  g_autofree char *plain = g_strdup_printf("%s*%u", name, n);
  return params_raw(params, plain);
}

static GString *
join_sections(const struct params *params, const char *name, char **charset_out)
{
  GString *bytes = NULL;
  for (guint n = 0; n < MAX_PARAMS; n++) {
    bool extended;
    const char *value = section(params, name, n, &extended);
    if (value == NULL)
      break;
    if (bytes == NULL)
      bytes = g_string_new(NULL);
    if (n == 0 && extended)
      value = split_charset(value, charset_out);
    if (extended)
      append_percent(bytes, value);
    else
      g_string_append(bytes, value);
  }
  return bytes;
}

char *
params_text(const struct params *params, const char *name)
{
  g_autofree char *charset = NULL;
  g_autofree char *star = g_strconcat(name, "*", NULL);
  const char *value = params_raw(params, star);
  g_autoptr(GString) bytes = NULL;
  if (value != NULL) {
    bytes = g_string_new(NULL);
    append_percent(bytes, split_charset(value, &charset));
  } else
    bytes = join_sections(params, name, &charset);
  if (bytes == NULL) {
    value = params_raw(params, name);
    return value != NULL ? words_decode(value, -1) : NULL;
  }
  g_autoptr(GString) text = g_string_new(NULL);
  charset_append(text, charset, bytes->str, bytes->len);
  return sanitize_line(text->str, (gssize)text->len);
}
