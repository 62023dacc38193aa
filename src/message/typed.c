#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/address.h"

/* Addresses that a person typed.  Kept apart from the tolerant reader of
 * headers: here nothing may be guessed, dropped or split in two. */

static bool
refuse(const char *text, const char *at, const char *what, GError **error)
{
  g_autofree char *place = sanitize_line(at, -1);
  return error_set(error, POSTINO_ERROR_INVALID, _("%s at character %ld: “%.40s”"), what,
                   g_utf8_pointer_to_offset(text, at) + 1, place);
}

static bool
check_characters(const char *text, GError **error)
{
  const char *bad;
  if (!g_utf8_validate(text, -1, &bad))
    return error_set(error, POSTINO_ERROR_INVALID, _("the addresses are not UTF-8"));
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (c != '\t' && (c < 0x20 || (c >= 0x7f && c < 0xa0)))
      return refuse(text, at, _("a control character"), error);
  }
  return true;
}

static const char *
skip_blanks(const char *at)
{
  while (*at == ' ' || *at == '\t')
    at++;
  return at;
}

static bool
ends_item(char c)
{
  return c == '\0' || c == ',' || c == ';';
}

/* A quoted name or local part at `at`, its text in `out`; NULL when it is not
 * closed. */
static const char *
read_quoted(const char *at, GString *out)
{
  for (at++; *at != '"'; at++) {
    if (*at == '\\' && at[1] != '\0')
      at++;
    if (*at == '\0')
      return NULL;
    g_string_append_c(out, *at);
  }
  return at + 1;
}

/* A comment behind an address: "a@x (Anna)".  NULL when it is not closed. */
static const char *
read_comment(const char *at, GString *out)
{
  int depth = 0;
  for (; *at != '\0'; at++) {
    if (*at == '(' && depth++ == 0)
      continue;
    if (*at == ')' && --depth == 0)
      return at + 1;
    g_string_append_c(out, *at);
  }
  return NULL;
}

static bool
add(GPtrArray *list, const char *name, const char *spec, const char *text, const char *at,
    GError **error)
{
  if (!address_is_valid_spec(spec))
    return refuse(text, at, _("no usable address"), error);
  g_autofree char *clean = name != NULL ? g_strstrip(sanitize_line(name, -1)) : NULL;
  g_ptr_array_add(list, address_new(clean, spec));
  return true;
}

/* "<spec>" at `at`; moves past it. */
static bool
read_angle(GPtrArray *list, const char *name, const char *text, const char **at, GError **error)
{
  const char *close = strchr(*at, '>');
  if (close == NULL)
    return refuse(text, *at, _("no “>” after the address"), error);
  g_autofree char *spec = g_strndup(*at + 1, (gsize)(close - *at - 1));
  if (!add(list, name, g_strstrip(spec), text, *at, error))
    return false;
  *at = skip_blanks(close + 1);
  g_autoptr(GString) comment = g_string_new(NULL);
  const char *after = **at == '(' ? read_comment(*at, comment) : *at;
  if (after == NULL || !ends_item(*skip_blanks(after)))
    return refuse(text, *at, _("a comma is missing before this"), error);
  *at = skip_blanks(after);
  return true;
}

/* Where a bare item ends: at '<', at '(' or at a separator.  A separator in a
 * name ("Rossi, Anna <a@x>") is told by the '<' that follows before any '@'. */
static const char *
bare_end(const char *at)
{
  const char *stop = at + strcspn(at, "<(,;");
  if ((*stop != ',' && *stop != ';') || memchr(at, '@', (size_t)(stop - at)) != NULL)
    return stop;
  const char *further = stop + strcspn(stop, "<@");
  return *further == '<' ? further : stop;
}

static bool
read_bare(GPtrArray *list, const char *text, const char **at, GError **error)
{
  const char *start = *at, *stop = bare_end(start);
  g_autofree char *before = g_strstrip(g_strndup(start, (gsize)(stop - start)));
  if (*stop == '<') {
    *at = stop;
    return read_angle(list, before, text, at, error);
  }
  g_autoptr(GString) comment = g_string_new(NULL);
  const char *after = *stop == '(' ? read_comment(stop, comment) : stop;
  if (after == NULL)
    return refuse(text, stop, _("no “)” after this"), error);
  *at = skip_blanks(after);
  if (!ends_item(**at))
    return refuse(text, *at, _("a comma is missing before this"), error);
  return add(list, comment->len > 0 ? comment->str : NULL, before, text, start, error);
}

static bool
read_item(GPtrArray *list, const char *text, const char **at, GError **error)
{
  if (**at != '"')
    return read_bare(list, text, at, error);
  g_autoptr(GString) name = g_string_new(NULL);
  const char *start = *at, *after = read_quoted(start, name);
  if (after == NULL)
    return refuse(text, start, _("the quotes are not closed"), error);
  if (*after == '@') {
    const char *stop = after + strcspn(after, " \t,;<(");
    g_autofree char *spec = g_strndup(start, (gsize)(stop - start));
    *at = skip_blanks(stop);
    if (!ends_item(**at))
      return refuse(text, *at, _("a comma is missing before this"), error);
    return add(list, NULL, spec, text, start, error);
  }
  *at = skip_blanks(after);
  if (**at != '<')
    return refuse(text, *at, _("an address in <> is missing"), error);
  return read_angle(list, name->str, text, at, error);
}

static void
free_element(gpointer address)
{
  address_free(address);
}

GPtrArray *
address_parse_typed(const char *text, GError **error)
{
  if (!check_characters(text, error))
    return NULL;
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_element);
  for (const char *at = skip_blanks(text); *at != '\0'; at = skip_blanks(at)) {
    if (ends_item(*at)) {
      at++;
      continue;
    }
    if (!read_item(list, text, &at, error))
      return NULL;
  }
  return g_steal_pointer(&list);
}
