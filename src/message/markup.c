#include "message/markup.h"

#include <libxml/HTMLparser.h>
#include <string.h>

#include "message/span.h"

void
markup_init(struct markup *markup, const char *source, size_t length)
{
  *markup = (struct markup){.at = source, .end = source + length};
}

static bool
is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* The next attribute at *at: false at '>' (where *at stays) or at the end. */
static bool
next_attribute(const char **at, const char *end, struct span *name, struct span *value)
{
  const char *p = *at;
  while (p < end && (is_space(*p) || *p == '/'))
    p++;
  *at = p;
  if (p == end || *p == '>')
    return false;
  name->at = p++;
  while (p < end && !is_space(*p) && *p != '/' && *p != '>' && *p != '=')
    p++;
  name->end = p;
  *value = (struct span){p, p};
  *at = p;
  while (p < end && is_space(*p))
    p++;
  if (p == end || *p != '=')
    return true;
  for (p++; p < end && is_space(*p);)
    p++;
  char quote = p < end && (*p == '"' || *p == '\'') ? *p++ : '\0';
  value->at = p;
  if (quote != '\0') {
    const char *close = memchr(p, quote, (size_t)(end - p));
    value->end = close != NULL ? close : end;
    *at = close != NULL ? close + 1 : end;
    return true;
  }
  while (p < end && !is_space(*p) && *p != '>')
    p++;
  value->end = *at = p;
  return true;
}

/* Elements whose content is no markup; none of it is shown. */
static bool
is_raw(const char *name)
{
  static const char *const names[] = {"script", "style",   "title",    "textarea", "xmp",
                                      "iframe", "noembed", "noframes", NULL};
  return g_strv_contains(names, name);
}

/* Past the end tag that closes raw content; at the end when there is none. */
static void
skip_raw(struct markup *m)
{
  size_t length = strlen(m->name);
  while (m->at < m->end) {
    const char *lt = memchr(m->at, '<', (size_t)(m->end - m->at));
    if (lt == NULL || (size_t)(m->end - lt) < length + 2)
      break;
    m->at = lt + 1;
    if (lt[1] == '/' && g_ascii_strncasecmp(lt + 2, m->name, length) == 0 &&
        ((size_t)(m->end - lt) == length + 2 || !g_ascii_isalnum(lt[length + 2]))) {
      const char *gt = memchr(lt, '>', (size_t)(m->end - lt));
      m->at = gt != NULL ? gt + 1 : m->end;
      return;
    }
  }
  m->at = m->end;
}

static void
read_name(struct markup *m, const char *at)
{
  size_t n = 0;
  for (; at < m->end && !is_space(*at) && *at != '/' && *at != '>'; at++)
    if (n + 1 < MARKUP_NAME && *at != '\0')
      m->name[n++] = g_ascii_tolower(*at);
  m->name[n] = '\0';
  m->from = at;
}

/* A tag that never ends is the rest of the letter, as in a browser. */
static bool
read_tag(struct markup *m, const char *name)
{
  struct span attribute, value;
  read_name(m, name);
  const char *at = m->from;
  while (next_attribute(&at, m->end, &attribute, &value))
    ;
  m->to = at;
  if (at == m->end) {
    m->at = m->end;
    return false;
  }
  m->at = at + 1;
  m->closed = at > m->from && at[-1] == '/';
  if (m->kind == MARKUP_START && is_raw(m->name))
    skip_raw(m);
  return true;
}

/* Past a comment or a declaration at "<!", "<?" or "</" without a name. */
static void
skip_declaration(struct markup *m, const char *at)
{
  if (m->end - at >= 4 && memcmp(at, "<!--", 4) == 0) {
    const char *close = memmem(at + 2, (size_t)(m->end - at - 2), "-->", 3);
    m->at = close != NULL ? close + 3 : m->end;
    return;
  }
  const char *gt = memchr(at, '>', (size_t)(m->end - at));
  m->at = gt != NULL ? gt + 1 : m->end;
}

/* Where the next '<' stands that begins something. */
static const char *
find_tag(const struct markup *m)
{
  const char *at = m->at;
  while ((at = memchr(at, '<', (size_t)(m->end - at))) != NULL) {
    if (m->end - at > 1 &&
        (g_ascii_isalpha(at[1]) || at[1] == '!' || at[1] == '/' || at[1] == '?'))
      return at;
    at++;
  }
  return m->end;
}

bool
markup_next(struct markup *m)
{
  while (m->at < m->end) {
    const char *lt = find_tag(m);
    if (lt > m->at) {
      m->kind = MARKUP_TEXT;
      m->from = m->at;
      m->to = m->at = lt;
      return true;
    }
    bool end_tag = lt[1] == '/';
    const char *name = lt + (end_tag ? 2 : 1);
    if (name < m->end && g_ascii_isalpha(*name)) {
      m->kind = end_tag ? MARKUP_END : MARKUP_START;
      if (read_tag(m, name))
        return true;
    } else
      skip_declaration(m, lt);
  }
  return false;
}

char *
markup_attribute(const struct markup *m, const char *name)
{
  struct span attribute, value;
  size_t length = strlen(name);
  const char *at = m->from;
  while (next_attribute(&at, m->to, &attribute, &value)) {
    if ((size_t)(attribute.end - attribute.at) != length ||
        g_ascii_strncasecmp(attribute.at, name, length) != 0)
      continue;
    GString *out = g_string_new(NULL);
    markup_decode(out, value.at, value.end);
    return g_string_free(out, FALSE);
  }
  return NULL;
}

/* Names of character references, from libxml2's table: looked up by hash, since
 * its own look-up walks the table. */
static GHashTable *
entity_names(void)
{
  static GHashTable *names;
  static gsize ready = 0;
  if (g_once_init_enter(&ready)) {
    names = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint value = 1; value < 10000; value++) {
      const htmlEntityDesc *entity = htmlEntityValueLookup(value);
      if (entity != NULL)
        g_hash_table_insert(names, (gpointer)entity->name, GUINT_TO_POINTER(value));
    }
    g_hash_table_insert(names, (gpointer)"apos", GUINT_TO_POINTER('\''));
    g_once_init_leave(&ready, 1);
  }
  return names;
}

/* Numbers that stand for windows-1252 in all browsers. */
static gunichar
mend_number(guint32 c)
{
  static const guint16 windows[32] = {
      0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
      0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
      0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};
  if (c >= 0x80 && c < 0xa0)
    return windows[c - 0x80];
  return c == 0 || !g_unichar_validate(c) ? 0xfffd : c;
}

static const char *
decode_number(GString *out, const char *at, const char *to)
{
  const char *digits = at + 2;
  bool hex = digits < to && (*digits == 'x' || *digits == 'X');
  digits += hex;
  guint32 c = 0;
  const char *p = digits;
  for (; p < to && (hex ? g_ascii_isxdigit(*p) : g_ascii_isdigit(*p)); p++)
    if (c < 0x110000)
      c = c * (hex ? 16 : 10) + (guint32)g_ascii_xdigit_value(*p);
  if (p == digits) {
    g_string_append_c(out, '&');
    return at + 1;
  }
  g_string_append_unichar(out, mend_number(c));
  return p < to && *p == ';' ? p + 1 : p;
}

#define LONGEST_NAME 10

static const char *
decode_name(GString *out, const char *at, const char *to)
{
  char name[LONGEST_NAME + 1];
  size_t n = 0;
  const char *p = at + 1;
  while (p < to && n < LONGEST_NAME && g_ascii_isalnum(*p))
    name[n++] = *p++;
  name[n] = '\0';
  gpointer value = n > 0 ? g_hash_table_lookup(entity_names(), name) : NULL;
  /* Without ';' an address like "?a=1&copy=2" would be changed. */
  if (value == NULL || p == to || *p != ';') {
    g_string_append_c(out, '&');
    return at + 1;
  }
  g_string_append_unichar(out, GPOINTER_TO_UINT(value));
  return p + 1;
}

void
markup_decode(GString *out, const char *from, const char *to)
{
  while (from < to) {
    const char *amp = memchr(from, '&', (size_t)(to - from));
    const char *stop = amp != NULL ? amp : to;
    g_string_append_len(out, from, stop - from);
    if (amp == NULL)
      return;
    from = to - amp > 2 && amp[1] == '#' ? decode_number(out, amp, to) : decode_name(out, amp, to);
  }
}
