/* One letter: its verdict on a line of its own, then header, text and
 * attachments, laid out for the width of the screen. */
#pragma once

#include "ui/ui-private.h"

struct laid_line { unsigned style; int indent; char *text; };

struct reader_view {
  struct view view;
  struct row *row;
  bool preview;             /* beside the index: marks nothing as read */
  struct letter *letter;    /* NULL: not here yet */
  char *why;                /* why not, or NULL */
  request_id asked;
  GPtrArray *fates;         /* struct ledger_letter, one, of a letter that was sent from here; or NULL */
  struct render_options how;
  bool all_headers;
  GPtrArray *laid;          /* struct laid_line, for `width`; NULL: to be laid out */
  int width, top, height;
  char *wanted;             /* folded; NULL: nothing is searched for */
};

void reader_view_load(struct reader_view *reader);
void reader_view_take_row(struct reader_view *reader, const struct row *row);
void reader_view_scroll(struct reader_view *reader, int by);
/* Lays the letter out; cheap when nothing changed. */
void reader_view_lay(struct reader_view *reader, int width);
/* The first line from `from` on that holds what is wanted; -1: none. */
int reader_view_find(const struct reader_view *reader, int from);
/* The part of this number, or NULL. */
const struct rendered_part *reader_view_part(const struct reader_view *reader, int number);
/* The only attachment's number, 0 when there are none or several. */
int reader_view_only_part(const struct reader_view *reader);
/* fate.c */
void reader_ask_fates(struct reader_view *reader);
void reader_each_fate(const struct reader_view *reader,
                      void (*take)(const char *line, bool bad, void *data), void *data);
void reader_view_changed(struct view *view);
void reader_view_close(struct view *view);
