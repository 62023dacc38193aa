/* A sheet of character cells.  Views draw here and nowhere else; a back end
 * shows it.  Text is clean UTF-8 (base/sanitize.h); a cell holds one grapheme
 * cluster, reduced to what every terminal draws alike. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What a cell means; the back end decides how that looks. */
enum style {
  STYLE_NORMAL, STYLE_DIM, STYLE_STRONG, STYLE_BAR, STYLE_KEY, STYLE_UNREAD, STYLE_FLAGGED,
  STYLE_CHOSEN, STYLE_QUOTE1, STYLE_QUOTE2, STYLE_QUOTE3, STYLE_LABEL, STYLE_LINK, STYLE_NOTICE,
  STYLE_BAD, STYLE_GOOD, STYLE_MATCH, STYLE_SEALED, STYLE_SIGNED, STYLE_POSTCARD, STYLE_BROKEN,
  STYLE_COUNT,
};
/* Added to a style: the row under the cursor. */
#define STYLE_CURSOR 0x80

/* A base character and what combines with it: at most 5 characters, which is
 * what curses keeps in a cell (CCHARW_MAX). */
#define CELL_BYTES 21

struct cell {
  char text[CELL_BYTES];    /* "" in the second column of a wide one */
  uint8_t columns;          /* 1 or 2; 0: covered by the cell to the left */
  uint8_t style;
};

struct canvas {
  int rows, columns;
  struct cell *cells;       /* row after row */
  int cursor_row, cursor_column; /* -1: hidden */
};

struct canvas *canvas_new(int rows, int columns);
void canvas_free(struct canvas *canvas);
/* Other size, all blank. */
void canvas_resize(struct canvas *canvas, int rows, int columns);
void canvas_clear(struct canvas *canvas);
/* The characters of one row, trailing blanks cut; for tests.  Free it. */
char *canvas_row_text(const struct canvas *canvas, int row);

/* A rectangle of a canvas.  Everything drawn is clipped to it. */
struct area {
  struct canvas *canvas;
  int row, column, rows, columns;
};
struct area area_whole(struct canvas *canvas);
/* A part of an area, clipped; rows or columns < 0: all that is left. */
struct area area_part(const struct area *area, int row, int column, int rows, int columns);

/* Draws `text` from this column; returns the column behind it.  A cluster that
 * does not fit whole is not drawn. */
int area_text(const struct area *area, int row, int column, unsigned style, const char *text);
/* The same, each place of `folded` (as text_fold() makes it) in the style of a match. */
int area_matched_text(const struct area *area, int row, int column, unsigned style,
                      const char *text, const char *folded);
/* Text in a field of exactly `columns`: cut with an ellipsis, or padded. */
void area_field(const struct area *area, int row, int column, int columns, unsigned style,
                const char *text);
/* The same over up to `rows` rows, of which the last is cut; the row behind it. */
int area_wrapped(const struct area *area, int row, int column, int rows, unsigned style,
                 const char *text);
/* Against the right edge. */
void area_right(const struct area *area, int row, unsigned style, const char *text);
/* One character over the whole row of the area, "" for blanks. */
void area_fill(const struct area *area, int row, unsigned style, const char *text);
/* Restyles cells that are there already. */
void area_restyle(const struct area *area, int row, int column, int columns, unsigned style);
void area_cursor(const struct area *area, int row, int column);

/* Reduces one cluster to a cell: the base character and its combining marks;
 * joiners, variation selectors, skin tones and tags are left out; a flag becomes
 * its two letters.  Free it. */
char *canvas_reduce(const char *text, gssize length);

typedef struct canvas canvas_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(canvas_t, canvas_free)
