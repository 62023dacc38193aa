/* What the files that render letters share, and their tests. */
#pragma once

#include "message/mime.h"
#include "message/rendered.h"

/* What a rendered letter may hold: its lines cost memory beside their text. */
#define RENDERED_LINES 50000
#define RENDERED_NOTICES 50
#define RENDERED_QUOTE 100
/* More hops than any letter takes: RFC 5321, 6.3 suggests 100 as the sign of a
 * loop. */
#define RENDERED_HOPS 100

/* Lines being laid out, within LIMIT_TEXT. */
struct page {
  struct rendered *rendered;
  size_t used;              /* bytes of text */
  size_t budget;            /* bytes of source that may still be decoded for text */
  bool full;                /* the limit was met: nothing more is taken */
  GHashTable *links;        /* address → its number */
  bool html;                /* the HTML alternative is wanted */
};

void page_init(struct page *page, struct rendered *rendered);
void page_clear(struct page *page);
/* Adds one line of clean text. */
void page_line(struct page *page, enum line_kind kind, int quote, bool fixed, const char *text,
               gssize length);
/* Says that more was there than is shown. */
void page_say_cut(struct page *page);
/* An empty line, unless the last one is empty or there is none. */
void page_gap(struct page *page, int quote);
/* Takes empty lines off the end, down to `keep` lines. */
void page_trim(struct page *page, guint keep);
/* A sentence of notices, once.  Takes it. */
void page_notice(struct page *page, char *sentence);
/* The number of a link; 0 when there are too many. */
int page_link(struct page *page, const char *address, bool *new_out);

/* The text of a part as valid UTF-8, not yet clean: decoded, converted, at most
 * what page's budget allows. */
GString *page_decode(struct page *page, const struct mime_part *part);

/* The words of `text` that are in no run of four words of `known`, with those beside
 * them; runs end with a line end. */
char *novel_text(const char *known, const char *text);

/* Lays out clean text (LF line ends). */
void text_layout(struct page *page, const char *text, const struct mime_part *part);
/* Lays out HTML (UTF-8, not yet clean): RFC 2046 text, nothing that is hidden,
 * nothing that lies elsewhere. */
void html_layout(struct page *page, const char *source, size_t length);

/* What rendered keeps of the letter's own fields, and notices of what is odd
 * about its sender. */
void fields_take(struct page *page, const struct headers *headers);
/* The Received lines as hops, first hop first. */
GPtrArray *route_parse(const struct headers *headers);
/* The Content-Types that make the outermost structure signed or sealed. */
enum envelope_kind envelope_of(const struct mime *mime);
/* Does a line of one of the first text parts begin with `title`? */
bool envelope_has_armour(const struct mime *mime, const char *title);
/* Which child of a multipart/alternative is shown; -1: none. */
int mime_choose(const struct mime *mime, int alternative, bool html);
/* Is it for saving rather than for reading or for machines? */
bool mime_is_listed(const struct mime *mime, const struct mime_part *part);
/* Says in words what a message/delivery-status part says. */
void report_notices(struct page *page, const struct mime_part *part);
