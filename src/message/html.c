#include <string.h>

#include "base/sanitize.h"
#include "message/markup.h"
#include "message/render-private.h"

enum {
  BLOCK = 1 << 0,           /* stands on lines of its own */
  APART = 1 << 1,           /* and has empty lines around it */
  VOID = 1 << 2,            /* has no content and no end tag */
  UNSEEN = 1 << 3,          /* its content is not for readers */
};

/* Elements with names that the code asks for come first. */
enum element { A, BLOCKQUOTE, BR, DD, DL, DT, HR, IMG, LI, OL, P, PRE, TABLE, TD, TH, TR, UL,
               OTHERS };
struct row { const char *name; unsigned flags; };
static const struct row rows[] = {
    [A] = {"a", 0},
    [BLOCKQUOTE] = {"blockquote", BLOCK | APART},
    [BR] = {"br", VOID},
    [DD] = {"dd", BLOCK},
    [DL] = {"dl", BLOCK | APART},
    [DT] = {"dt", BLOCK},
    [HR] = {"hr", VOID | BLOCK},
    [IMG] = {"img", VOID},
    [LI] = {"li", BLOCK},
    [OL] = {"ol", BLOCK},
    [P] = {"p", BLOCK | APART},
    [PRE] = {"pre", BLOCK | APART},
    [TABLE] = {"table", BLOCK},
    [TD] = {"td", 0},
    [TH] = {"th", 0},
    [TR] = {"tr", BLOCK},
    [UL] = {"ul", BLOCK},
    {"b", 0}, {"big", 0}, {"body", 0}, {"button", 0}, {"code", 0}, {"em", 0}, {"font", 0},
    {"head", 0}, {"html", 0}, {"i", 0}, {"label", 0}, {"s", 0}, {"small", 0}, {"span", 0},
    {"strong", 0}, {"tbody", 0}, {"tfoot", 0}, {"thead", 0}, {"u", 0},
    {"address", BLOCK}, {"article", BLOCK}, {"aside", BLOCK}, {"caption", BLOCK},
    {"center", BLOCK}, {"details", BLOCK}, {"div", BLOCK}, {"fieldset", BLOCK},
    {"figcaption", BLOCK}, {"figure", BLOCK | APART}, {"footer", BLOCK}, {"form", BLOCK},
    {"h1", BLOCK | APART}, {"h2", BLOCK | APART}, {"h3", BLOCK | APART}, {"h4", BLOCK | APART},
    {"h5", BLOCK | APART}, {"h6", BLOCK | APART}, {"header", BLOCK}, {"legend", BLOCK},
    {"main", BLOCK}, {"nav", BLOCK}, {"section", BLOCK}, {"summary", BLOCK},
    {"area", VOID}, {"base", VOID}, {"basefont", VOID}, {"bgsound", VOID}, {"col", VOID},
    {"embed", VOID}, {"frame", VOID}, {"input", VOID}, {"keygen", VOID}, {"link", VOID},
    {"meta", VOID}, {"param", VOID}, {"source", VOID}, {"track", VOID}, {"wbr", VOID},
    {"audio", UNSEEN}, {"canvas", UNSEEN}, {"datalist", UNSEEN}, {"select", UNSEEN},
    {"svg", UNSEEN}, {"template", UNSEEN}, {"video", UNSEEN}, {"xml", UNSEEN},
};
/* Other names share some numbers. */
#define UNKNOWN 32
#define IDS (G_N_ELEMENTS(rows) + UNKNOWN)

/* An element that is open; `before` is the one of its name opened before it. */
struct open { guint8 id; bool unseen, tiny; guint before; };

#define MAX_LISTS 10
#define LONGEST_ADDRESS 2000
#define LONGEST_ALT 300

struct writer {
  struct page *page;
  GString *text;            /* the paragraph so far */
  bool space;               /* a blank is due before the next word */
  bool gap;                 /* an empty line is due before the next paragraph */
  bool cell, row;           /* the next word begins a cell; the line is a table's row */
  bool pre_begins;          /* a line end behind <pre> is none of its text */
  int quote, pre;
  int last_quote;
  GArray *stack;            /* struct open */
  guint last[IDS];          /* 1 + the place of the last open of this name; 0: none */
  int unseen;               /* open elements that are hidden */
  bool tiny;                /* inside font-size:0 */
  int lists;                /* open lists, and where the numbered ones are (-1: bullets) */
  int numbers[MAX_LISTS];
  char *marker;             /* of the list item that begins */
  char *href;               /* of the open link */
  gsize href_at;            /* where its text begins in `text` */
  bool href_text;           /* it has some */
  GPtrArray *footnotes;
};

static bool
is_seen(const struct writer *w)
{
  return w->unseen == 0 && !w->tiny;
}

/* Blanks of any width, and what fillers of previews are made of. */
static bool
is_blank_text(const char *text)
{
  for (; *text != '\0'; text = g_utf8_next_char(text)) {
    gunichar c = g_utf8_get_char(text);
    if (!g_unichar_isspace(c) && !g_unichar_iszerowidth(c) && c != 0x2800)
      return false;
  }
  return true;
}

static void
write_line(struct writer *w, const char *raw, gsize length, bool fixed)
{
  g_autofree char *clean = sanitize_text(raw, (gssize)length);
  for (char *lf = clean; (lf = strchr(lf, '\n')) != NULL; lf++)
    *lf = ' ';
  bool blank = is_blank_text(clean);
  if (blank && w->pre == 0)
    return;
  if (w->gap)
    page_gap(w->page, MIN(w->quote, w->last_quote));
  w->gap = false;
  w->last_quote = w->quote;
  page_line(w->page, w->quote > 0 ? LINE_QUOTE : LINE_TEXT, w->quote, fixed,
            blank ? "" : g_strchomp(clean), -1);
}

/* Rows longer than this are layout, not columns. */
#define LONGEST_ROW 120

static void end_link(struct writer *w);

static void
end_line(struct writer *w)
{
  end_link(w);
  if (w->text->len > 0)
    write_line(w, w->text->str, w->text->len,
               w->pre > 0 || (w->row && w->text->len <= LONGEST_ROW));
  g_string_truncate(w->text, 0);
  w->space = w->cell = w->row = false;
  w->href_at = 0;
}

/* What stands before the next word. */
static void
begin_word(struct writer *w)
{
  if (w->marker != NULL && w->text->len == 0)
    g_string_append(w->text, w->marker);
  else if (w->cell && w->text->len > 0) {
    g_string_append(w->text, "  ");
    w->row = true;
  } else if (w->space && w->text->len > 0)
    g_string_append_c(w->text, ' ');
  g_clear_pointer(&w->marker, g_free);
  w->cell = w->space = false;
  if (w->href != NULL && !w->href_text) {
    w->href_text = true;
    w->href_at = w->text->len;
  }
}

static bool
is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void
write_flowing(struct writer *w, const char *at, const char *end)
{
  while (at < end) {
    if (is_space(*at)) {
      w->space = true;
      at++;
      continue;
    }
    const char *word = at;
    while (at < end && !is_space(*at))
      at++;
    begin_word(w);
    g_string_append_len(w->text, word, at - word);
  }
}

static void
write_fixed(struct writer *w, const char *at, const char *end)
{
  if (w->pre_begins && at < end && *at == '\n')
    at++;
  w->pre_begins = false;
  if (w->href != NULL && !w->href_text && at < end) {
    w->href_text = true;
    w->href_at = w->text->len;
  }
  while (at < end) {
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    const char *stop = lf != NULL ? lf : end;
    g_string_append_len(w->text, at, stop - at);
    if (lf != NULL) {
      write_line(w, w->text->str, w->text->len, true);
      g_string_truncate(w->text, 0);
    }
    at = lf != NULL ? lf + 1 : end;
  }
}

static void
write_text(struct writer *w, const char *from, const char *to)
{
  if (!is_seen(w))
    return;
  g_autoptr(GString) text = g_string_sized_new((gsize)(to - from) + 1);
  markup_decode(text, from, to);
  if (w->pre > 0)
    write_fixed(w, text->str, text->str + text->len);
  else
    write_flowing(w, text->str, text->str + text->len);
}

/* Addresses that a reader may follow; nothing is ever fetched. */
static bool
is_followable(const char *href)
{
  static const char *const schemes[] = {"http://", "https://", "mailto:", "ftp://", "tel:"};
  for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
    if (g_ascii_strncasecmp(href, schemes[i], strlen(schemes[i])) == 0)
      return true;
  return false;
}

/* Does the link's text say where it leads? */
static bool
says_itself(const char *text, const char *href)
{
  const char *behind = strchr(href, ':');
  while (behind != NULL && (*behind == ':' || *behind == '/'))
    behind++;
  g_autofree char *plain = g_strdup(href);
  g_autofree char *shown = g_strdup(text);
  for (char *last = plain + strlen(plain); last > plain && last[-1] == '/';)
    *--last = '\0';
  for (char *last = shown + strlen(shown); last > shown && last[-1] == '/';)
    *--last = '\0';
  return strcmp(shown, plain) == 0 ||
         (behind != NULL && strlen(plain) > (gsize)(behind - href) &&
          strcmp(shown, plain + (behind - href)) == 0);
}

static void
begin_link(struct writer *w, const struct markup *tag)
{
  g_clear_pointer(&w->href, g_free);
  g_autofree char *href = is_seen(w) ? markup_attribute(tag, "href") : NULL;
  if (href == NULL || strlen(href) > LONGEST_ADDRESS)
    return;
  g_autofree char *clean = sanitize_line(g_strstrip(href), -1);
  if (!is_followable(clean))
    return;
  w->href = g_steal_pointer(&clean);
  w->href_text = false;
}

static void
end_link(struct writer *w)
{
  if (w->href == NULL || !w->href_text)
    return;
  g_autofree char *href = g_steal_pointer(&w->href);
  if (w->text->len == 0 ||
      says_itself(w->text->str + MIN(w->href_at, w->text->len), href))
    return;
  bool new_one;
  int number = page_link(w->page, href, &new_one);
  if (number == 0)
    return;
  g_string_append_printf(w->text, " [%d]", number);
  if (new_one)
    g_ptr_array_add(w->footnotes, g_strdup_printf("[%d] %s", number, href));
}

static void
write_image(struct writer *w, const struct markup *tag)
{
  if (w->unseen > 0)
    return;
  g_autofree char *alt = markup_attribute(tag, "alt");
  if (alt == NULL || strlen(alt) > LONGEST_ALT)
    return;
  g_autofree char *clean = sanitize_line(alt, -1);
  g_strstrip(clean);
  if (is_blank_text(clean))
    return;
  begin_word(w);
  g_string_append_printf(w->text, "[%s]", clean);
  w->space = true;
}

static guint8
find_id(const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    if (rows[i].name[0] == name[0] && strcmp(rows[i].name, name) == 0)
      return (guint8)i;
  return (guint8)(G_N_ELEMENTS(rows) + g_str_hash(name) % UNKNOWN);
}

static unsigned
flags_of(guint8 id)
{
  return id < G_N_ELEMENTS(rows) ? rows[id].flags : 0;
}

static void
block_edge(struct writer *w, unsigned flags)
{
  if ((flags & BLOCK) == 0)
    return;
  end_line(w);
  if ((flags & APART) != 0 && w->lists == 0)
    w->gap = true;
}

/* What ends with an element. */
static void
leave(struct writer *w, guint8 id)
{
  switch (id) {
  case A:
    end_link(w);
    g_clear_pointer(&w->href, g_free);
    break;
  case BLOCKQUOTE:
    w->quote--;
    break;
  case PRE:
    w->pre--;
    break;
  case UL:
  case OL:
    w->lists--;
    w->gap = w->gap || w->lists == 0;
    break;
  case LI:
    g_clear_pointer(&w->marker, g_free);
    break;
  default:
    break;
  }
}

static void
pop(struct writer *w)
{
  struct open open = g_array_index(w->stack, struct open, w->stack->len - 1);
  if (w->unseen == 0)
    block_edge(w, flags_of(open.id));
  leave(w, open.id);
  g_array_set_size(w->stack, w->stack->len - 1);
  w->last[open.id] = open.before;
  w->unseen -= open.unseen;
  w->tiny = open.tiny;
}

static void
pop_to(struct writer *w, guint place)
{
  while (w->stack->len >= place && w->stack->len > 0)
    pop(w);
}

static guint
newest(const struct writer *w, guint8 a, guint8 b)
{
  return MAX(w->last[a], w->last[b]);
}

/* The place of the innermost table or cell, which stray end tags do not cross. */
static guint
barrier(const struct writer *w)
{
  return MAX(w->last[TABLE], newest(w, TD, TH));
}

/* End tags that HTML lets authors leave out. */
static void
close_implied(struct writer *w, guint8 id)
{
  guint place = 0, wall = barrier(w);
  if (id == LI) {
    place = w->last[LI];
    wall = MAX(wall, newest(w, UL, OL));
  } else if (id == DT || id == DD) {
    place = newest(w, DT, DD);
    wall = MAX(wall, w->last[DL]);
  } else if (id == TR) {
    place = w->last[TR];
    wall = w->last[TABLE];
  } else if (id == TD || id == TH) {
    place = newest(w, TD, TH);
    wall = w->last[TABLE];
  } else if ((flags_of(id) & BLOCK) != 0)
    place = w->last[P];
  if (place > wall)
    pop_to(w, place);
}

/* The number at the start of a CSS value; false when it is none. */
static bool
is_zero(const char *value)
{
  char *end;
  double number = g_ascii_strtod(value, &end);
  return end > value && number > -0.01 && number < 0.01;
}

/* How a style attribute hides: the declarations that senders use for it.  A
 * font-size of zero holds until an inner element sets another. */
static void
read_style(const struct markup *tag, bool *unseen, bool *tiny)
{
  g_autofree char *style = tag->to - tag->from > 6 ? markup_attribute(tag, "style") : NULL;
  if (style == NULL)
    return;
  gsize n = 0;
  for (gsize i = 0; style[i] != '\0'; i++)
    if (!g_ascii_isspace(style[i]))
      style[n++] = g_ascii_tolower(style[i]);
  style[n] = '\0';
  for (char *at = style, *next; at != NULL; at = next) {
    next = strchr(at, ';');
    if (next != NULL)
      *next++ = '\0';
    if (g_str_has_prefix(at, "display:none") || g_str_has_prefix(at, "visibility:hidden") ||
        g_str_has_prefix(at, "visibility:collapse") ||
        (g_str_has_prefix(at, "max-height:") && is_zero(at + strlen("max-height:"))) ||
        (g_str_has_prefix(at, "opacity:") && is_zero(at + strlen("opacity:"))))
      *unseen = true;
    if (g_str_has_prefix(at, "font-size:"))
      *tiny = is_zero(at + strlen("font-size:"));
  }
}

static void
begin_item(struct writer *w)
{
  int depth = CLAMP(w->lists, 1, MAX_LISTS);
  int *number = &w->numbers[depth - 1];
  g_autofree char *indent = g_strnfill((gsize)(depth - 1) * 2, ' ');
  g_free(w->marker);
  if (w->lists > 0 && *number >= 0)
    w->marker = g_strdup_printf("%s%d. ", indent, *number < 100000 ? ++*number : *number);
  else
    w->marker = g_strdup_printf("%s\xe2\x80\xa2 ", indent);
}

/* What begins with an element that is seen. */
static void
enter(struct writer *w, guint8 id, const struct markup *tag)
{
  switch (id) {
  case A:
    begin_link(w, tag);
    break;
  case LI:
    begin_item(w);
    break;
  case TD:
  case TH:
    w->cell = w->text->len > 0;
    break;
  case PRE:
    w->pre_begins = true;
    break;
  default:
    break;
  }
}

/* Counts that their ends take back, seen or not. */
static void
count(struct writer *w, guint8 id)
{
  switch (id) {
  case BLOCKQUOTE:
    w->quote++;
    break;
  case PRE:
    w->pre++;
    break;
  case UL:
  case OL:
    if (w->lists == 0)
      w->gap = true;
    if (w->lists < MAX_LISTS)
      w->numbers[w->lists] = id == OL ? 0 : -1;
    w->lists++;
    break;
  default:
    break;
  }
}

static void
take_void(struct writer *w, guint8 id, const struct markup *tag)
{
  bool unseen = false, tiny = false;
  read_style(tag, &unseen, &tiny);
  if (unseen || w->unseen > 0)
    return;
  if (id == IMG)
    write_image(w, tag);
  else if (id == BR && w->text->len == 0)
    w->gap = true;
  else if (id == BR)
    end_line(w);
  else if (id == HR) {
    end_line(w);
    page_line(w->page, LINE_RULE, w->quote, false, "", 0);
  }
}

static bool
is_hidden(const struct markup *tag)
{
  if (tag->to - tag->from < 6)
    return false;
  g_autofree char *hidden = markup_attribute(tag, "hidden");
  return hidden != NULL;
}

static void
take_start(struct writer *w, const struct markup *tag)
{
  guint8 id = find_id(tag->name);
  unsigned flags = flags_of(id);
  close_implied(w, id);
  if ((flags & VOID) != 0) {
    take_void(w, id, tag);
    return;
  }
  if (id >= G_N_ELEMENTS(rows) && tag->closed)
    return;
  if (id == A && w->last[A] > barrier(w))
    pop_to(w, w->last[A]);
  struct open open = {id, (flags & UNSEEN) != 0 || is_hidden(tag), w->tiny, w->last[id]};
  bool tiny = w->tiny;
  read_style(tag, &open.unseen, &tiny);
  if (w->unseen == 0)
    block_edge(w, flags);
  g_array_append_val(w->stack, open);
  w->last[id] = w->stack->len;
  w->unseen += open.unseen;
  w->tiny = tiny;
  count(w, id);
  if (w->unseen == 0)
    enter(w, id, tag);
}

static void
take_end(struct writer *w, const struct markup *tag)
{
  guint8 id = find_id(tag->name);
  if (id == BR || id == P) {
    if (w->last[id] <= barrier(w)) {
      block_edge(w, BLOCK);
      return;
    }
  }
  guint wall = id == TABLE ? 0 : id == TR || id == TD || id == TH ? w->last[TABLE] : barrier(w);
  if (w->last[id] > wall)
    pop_to(w, w->last[id]);
}

static void
write_footnotes(struct writer *w)
{
  if (w->footnotes->len == 0)
    return;
  page_gap(w->page, 0);
  for (guint i = 0; i < w->footnotes->len; i++)
    page_line(w->page, LINE_LINK, 0, false, g_ptr_array_index(w->footnotes, i), -1);
}

void
html_layout(struct page *page, const char *source, size_t length)
{
  struct writer w = {.page = page, .text = g_string_new(NULL)};
  w.stack = g_array_new(FALSE, FALSE, sizeof(struct open));
  w.footnotes = g_ptr_array_new_with_free_func(g_free);
  struct markup markup;
  markup_init(&markup, source, length);
  while (!page->full && markup_next(&markup)) {
    if (markup.kind == MARKUP_TEXT)
      write_text(&w, markup.from, markup.to);
    else if (markup.kind == MARKUP_START)
      take_start(&w, &markup);
    else
      take_end(&w, &markup);
  }
  pop_to(&w, 1);
  end_line(&w);
  write_footnotes(&w);
  g_array_unref(w.stack);
  g_ptr_array_unref(w.footnotes);
  g_string_free(w.text, TRUE);
  g_free(w.marker);
  g_free(w.href);
}
