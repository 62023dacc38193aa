#include "message/address.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "message/charset.h"
#include "message/words.h"

struct address *
address_new(const char *name, const char *spec)
{
  struct address *address = g_new0(struct address, 1);
  address->name = name != NULL && *name != '\0' ? g_strdup(name) : NULL;
  address->spec = g_strdup(spec);
  return address;
}

struct address *
address_copy(const struct address *address)
{
  return address != NULL ? address_new(address->name, address->spec) : NULL;
}

void
address_free(struct address *address)
{
  if (address == NULL)
    return;
  g_free(address->name);
  g_free(address->spec);
  g_free(address);
}

static void
free_element(gpointer address)
{
  address_free(address);
}

static GPtrArray *
new_list(void)
{
  return g_ptr_array_new_with_free_func(free_element);
}

/* One mailbox of a header as it is gathered: what stands outside brackets as
 * text for people (quotes taken off) and as it was spelled, what stands in the
 * last <…>, and the first comment. */
struct gathering {
  GString *text, *spelled, *angle, *comment;
  bool has_angle, gap;
};

static void
gathering_reset(struct gathering *g)
{
  g_string_truncate(g->text, 0);
  g_string_truncate(g->spelled, 0);
  g_string_truncate(g->angle, 0);
  g_string_truncate(g->comment, 0);
  g->has_angle = g->gap = false;
}

static void
add_char(struct gathering *g, const char *text, const char *spelled, size_t length)
{
  if (g->gap && g->text->len > 0)
    g_string_append_c(g->text, ' ');
  if (g->gap && g->spelled->len > 0)
    g_string_append_c(g->spelled, ' ');
  g->gap = false;
  g_string_append_len(g->text, text, (gssize)length);
  g_string_append(g->spelled, spelled);
}

static const char *
read_comment(struct gathering *g, const char *at, const char *end)
{
  bool first = g->comment->len == 0;
  int depth = 0;
  for (; at < end; at++) {
    if (*at == '(' && depth++ == 0)
      continue;
    if (*at == ')' && --depth == 0)
      return at + 1;
    if (*at == '\\' && at + 1 < end)
      at++;
    if (first)
      g_string_append_c(g->comment, *at);
  }
  return at;
}

static const char *
read_quoted(struct gathering *g, const char *at, const char *end)
{
  if (g->gap && g->text->len > 0)
    g_string_append_c(g->text, ' ');
  if (g->gap && g->spelled->len > 0)
    g_string_append_c(g->spelled, ' ');
  g->gap = false;
  g_string_append_c(g->spelled, '"');
  for (at++; at < end && *at != '"'; at++) {
    if (*at == '\\' && at + 1 < end)
      g_string_append_c(g->spelled, *at++);
    g_string_append_c(g->spelled, *at);
    g_string_append_c(g->text, *at);
  }
  g_string_append_c(g->spelled, '"');
  return at < end ? at + 1 : at;
}

/* <local@domain>, with an obsolete route ("@a,@b:") left out; blanks count only
 * inside quotes. */
static const char *
read_angle(struct gathering *g, const char *at, const char *end)
{
  bool quoted = false;
  g_string_truncate(g->angle, 0);
  g->has_angle = true;
  for (at++; at < end && (*at != '>' || quoted); at++) {
    if (*at == '"')
      quoted = !quoted;
    else if (quoted && *at == '\\' && at + 1 < end)
      g_string_append_c(g->angle, *at++);
    else if (!quoted && *at == ':' && g->angle->len > 0 && g->angle->str[0] == '@') {
      g_string_truncate(g->angle, 0);
      continue;
    }
    if (quoted || (*at != ' ' && *at != '\t'))
      g_string_append_c(g->angle, *at);
  }
  return at < end ? at + 1 : at;
}

static char *
clean_spec(const GString *raw)
{
  g_autoptr(GString) text = g_string_new(NULL);
  charset_append(text, NULL, raw->str, raw->len);
  char *clean = sanitize_line(text->str, (gssize)text->len);
  return g_strstrip(clean);
}

/* The gathered mailbox joins the list, unless nothing was gathered. */
static void
finish(struct gathering *g, GPtrArray *list)
{
  const GString *spec = g->has_angle ? g->angle : g->spelled;
  const GString *name = g->angle->len > 0 && g->text->len > 0 ? g->text : g->comment;
  if ((g->text->len > 0 || g->angle->len > 0) && list->len < LIMIT_ADDRESSES) {
    /* "Name <>": what cannot be written to is shown as it came. */
    if (spec->len == 0)
      spec = g->spelled;
    struct address *address = g_new0(struct address, 1);
    address->spec = clean_spec(spec);
    if (name->len > 0)
      address->name = words_decode(name->str, (gssize)name->len);
    if (address->name != NULL && *address->name == '\0')
      g_clear_pointer(&address->name, g_free);
    g_ptr_array_add(list, address);
  }
  gathering_reset(g);
}

static const char *
gather(struct gathering *g, GPtrArray *list, const char *at, const char *end)
{
  switch (*at) {
  case ' ':
  case '\t':
  case '\r':
  case '\n':
    g->gap = true;
    return at + 1;
  case '(':
    g->gap = true;
    return read_comment(g, at, end);
  case '"':
    return read_quoted(g, at, end);
  case '<':
    return read_angle(g, at, end);
  case ',':
  case ';':
    finish(g, list);
    return at + 1;
  case ':':
    /* A group's name; in what already looks like an address it is text. */
    if (!g->has_angle && strchr(g->spelled->str, '@') == NULL) {
      gathering_reset(g);
      return at + 1;
    }
    break;
  default:
    break;
  }
  char spelled[] = {*at, '\0'};
  add_char(g, at, spelled, 1);
  return at + 1;
}

GPtrArray *
address_parse_header(const char *value, gssize length)
{
  const char *end = value + (length < 0 ? (gssize)strlen(value) : length);
  GPtrArray *list = new_list();
  struct gathering g = {g_string_new(NULL), g_string_new(NULL), g_string_new(NULL),
                        g_string_new(NULL), false, false};
  for (const char *at = value; at < end && list->len < LIMIT_ADDRESSES;)
    at = gather(&g, list, at, end);
  finish(&g, list);
  g_string_free(g.text, TRUE);
  g_string_free(g.spelled, TRUE);
  g_string_free(g.angle, TRUE);
  g_string_free(g.comment, TRUE);
  return list;
}

/* RFC 5321, 4.5.3.1: 64 before the @, 255 behind it. */
#define LOCAL_LENGTH 64
#define DOMAIN_LENGTH 255

static bool
is_local_char(char c)
{
  return (guchar)c >= 0x80 || g_ascii_isalnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* The length of a Quoted-string at `at` without <> and with single blanks between words
 * at most: others do not survive a header that is folded.  Else 0. */
static size_t
quoted_local(const char *at)
{
  const char *p = at + 1;
  for (; *p != '\0' && *p != '"'; p++) {
    if (*p == ' ' && p > at + 1 && p[1] != ' ' && p[1] != '"')
      continue;
    if (*p == '\\')
      p++;
    if (*p <= ' ' || *p == '<' || *p == '>' || *p == 0x7f)
      return 0;
  }
  return *p == '"' && p > at + 1 ? (size_t)(p + 1 - at) : 0;
}

static size_t
dot_string(const char *at)
{
  size_t n = 0;
  for (;; n++) {
    size_t start = n;
    while (is_local_char(at[n]))
      n++;
    if (n == start)
      return 0;
    if (at[n] != '.')
      return n;
  }
}

static bool
is_literal(const char *domain, size_t length)
{
  if (length < 4 || domain[length - 1] != ']')
    return false;
  for (size_t i = 1; i + 1 < length; i++)
    if (!g_ascii_isalnum(domain[i]) && strchr(".:-", domain[i]) == NULL)
      return false;
  return true;
}

static bool
is_domain(const char *domain)
{
  size_t length = strlen(domain);
  if (length == 0 || length > DOMAIN_LENGTH)
    return false;
  if (domain[0] == '[')
    return is_literal(domain, length);
  char before = '.';
  for (size_t i = 0; i < length; i++) {
    char c = domain[i];
    if ((c == '.' || c == '-') && before == '.')
      return false;
    if (c == '.' && before == '-')
      return false;
    if (c != '.' && c != '-' && c != '_' && !g_ascii_isalnum(c) && (guchar)c < 0x80)
      return false;
    before = c;
  }
  return before != '.' && before != '-';
}

bool
address_is_valid_spec(const char *spec)
{
  if (spec == NULL || !g_utf8_validate(spec, -1, NULL))
    return false;
  size_t local = *spec == '"' ? quoted_local(spec) : dot_string(spec);
  if (local == 0 || local > LOCAL_LENGTH || spec[local] != '@' || !is_domain(spec + local + 1))
    return false;
  /* Nothing invisible, no bidirectional control, no odd blank. */
  for (const char *at = spec; *at != '\0'; at = g_utf8_next_char(at))
    if (g_unichar_isspace(g_utf8_get_char(at)) && (*at != ' ' || *spec != '"'))
      return false;
  g_autofree char *clean = sanitize_line(spec, -1);
  return strcmp(clean, spec) == 0;
}

static bool
needs_quotes(const char *name)
{
  size_t length = strlen(name);
  return strpbrk(name, "()<>[]:;@\\,.\"") != NULL || name[0] == ' ' || name[length - 1] == ' ';
}

char *
address_format(const struct address *address)
{
  if (address->name == NULL || *address->name == '\0')
    return g_strdup(address->spec);
  GString *out = g_string_new(NULL);
  if (needs_quotes(address->name)) {
    g_string_append_c(out, '"');
    for (const char *at = address->name; *at != '\0'; at++) {
      if (*at == '"' || *at == '\\')
        g_string_append_c(out, '\\');
      g_string_append_c(out, *at);
    }
    g_string_append_c(out, '"');
  } else
    g_string_append(out, address->name);
  g_string_append_printf(out, " <%s>", address->spec);
  return g_string_free(out, FALSE);
}

char *
address_format_list(const GPtrArray *addresses)
{
  GString *out = g_string_new(NULL);
  for (guint i = 0; addresses != NULL && i < addresses->len; i++) {
    g_autofree char *one = address_format(g_ptr_array_index(addresses, i));
    if (i > 0)
      g_string_append(out, ", ");
    g_string_append(out, one);
  }
  return g_string_free(out, FALSE);
}

bool
address_same(const char *spec_a, const char *spec_b)
{
  if (g_ascii_strcasecmp(spec_a, spec_b) == 0)
    return true;
  if (g_str_is_ascii(spec_a) || g_str_is_ascii(spec_b))
    return false;
  g_autofree char *a = g_utf8_casefold(spec_a, -1);
  g_autofree char *b = g_utf8_casefold(spec_b, -1);
  g_autofree char *na = g_utf8_normalize(a, -1, G_NORMALIZE_DEFAULT);
  g_autofree char *nb = g_utf8_normalize(b, -1, G_NORMALIZE_DEFAULT);
  return g_strcmp0(na, nb) == 0;
}
