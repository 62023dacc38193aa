#include "ui/term/canvas.h"

#include <string.h>

#include "base/sanitize.h"
#include "base/text.h"

#define CELL_CHARACTERS 5

static void
blank(struct cell *cell, unsigned style)
{
  memset(cell, 0, sizeof *cell);
  cell->text[0] = ' ';
  cell->columns = 1;
  cell->style = (uint8_t)style;
}

void
canvas_clear(struct canvas *canvas)
{
  for (int i = 0; i < canvas->rows * canvas->columns; i++)
    blank(&canvas->cells[i], STYLE_NORMAL);
  canvas->cursor_row = canvas->cursor_column = -1;
}

void
canvas_resize(struct canvas *canvas, int rows, int columns)
{
  canvas->rows = MAX(rows, 1);
  canvas->columns = MAX(columns, 1);
  g_free(canvas->cells);
  canvas->cells = g_new(struct cell, (gsize)canvas->rows * (gsize)canvas->columns);
  canvas_clear(canvas);
}

struct canvas *
canvas_new(int rows, int columns)
{
  struct canvas *canvas = g_new0(struct canvas, 1);
  canvas_resize(canvas, rows, columns);
  return canvas;
}

void
canvas_free(struct canvas *canvas)
{
  if (canvas == NULL)
    return;
  g_free(canvas->cells);
  g_free(canvas);
}

static struct cell *
cell_at(const struct canvas *canvas, int row, int column)
{
  return &canvas->cells[row * canvas->columns + column];
}

char *
canvas_row_text(const struct canvas *canvas, int row)
{
  GString *out = g_string_new(NULL);
  for (int i = 0; i < canvas->columns; i++)
    g_string_append(out, cell_at(canvas, row, i)->text);
  while (out->len > 0 && out->str[out->len - 1] == ' ')
    g_string_truncate(out, out->len - 1);
  return g_string_free(out, FALSE);
}

struct area
area_whole(struct canvas *canvas)
{
  return (struct area){canvas, 0, 0, canvas->rows, canvas->columns};
}

struct area
area_part(const struct area *area, int row, int column, int rows, int columns)
{
  int rows_left = MAX(area->rows - row, 0), columns_left = MAX(area->columns - column, 0);
  return (struct area){
      area->canvas,
      area->row + row,
      area->column + column,
      rows < 0 ? rows_left : MIN(rows, rows_left),
      columns < 0 ? columns_left : MIN(columns, columns_left),
  };
}

static bool
is_flag_letter(gunichar c)
{
  return c >= 0x1f1e6 && c <= 0x1f1ff;
}

/* Terminals disagree about how wide these make a cluster. */
static bool
is_risky(gunichar c)
{
  return c == 0x200d || c == 0x200c || (c >= 0xfe00 && c <= 0xfe0f) ||
         (c >= 0x1f3fb && c <= 0x1f3ff) || (c >= 0xe0000 && c <= 0xe01ef) || c == 0x20e3;
}

char *
canvas_reduce(const char *text, gssize length)
{
  const char *end = text + (length < 0 ? (gssize)strlen(text) : length);
  GString *out = g_string_new(NULL);
  int characters = 0;
  for (; text < end && characters < CELL_CHARACTERS; text = g_utf8_next_char(text)) {
    gunichar c = g_utf8_get_char(text);
    if (is_flag_letter(c)) {
      g_string_append_c(out, (char)('A' + (c - 0x1f1e6)));
      characters++;
      continue;
    }
    if (characters > 0 && !g_unichar_ismark(c) && !g_unichar_iszerowidth(c))
      break;
    if (is_risky(c) && characters > 0)
      continue;
    g_string_append_unichar(out, c);
    characters++;
  }
  return g_string_free(out, FALSE);
}

/* A wide cell that loses one of its halves leaves a blank. */
static void
break_wide(const struct canvas *canvas, int row, int column)
{
  struct cell *cell = cell_at(canvas, row, column);
  if (cell->columns == 0 && column > 0)
    blank(cell - 1, (cell - 1)->style);
  if (cell->columns == 2 && column + 1 < canvas->columns)
    blank(cell + 1, cell->style);
}

static void
put(const struct area *area, int row, int column, unsigned style, const char *text, size_t length,
    int columns)
{
  struct canvas *canvas = area->canvas;
  int y = area->row + row, x = area->column + column;
  for (int i = 0; i < columns; i++)
    break_wide(canvas, y, x + i);
  struct cell *cell = cell_at(canvas, y, x);
  blank(cell, style);
  memcpy(cell->text, text, length);
  cell->text[length] = '\0';
  cell->columns = (uint8_t)columns;
  if (columns == 2) {
    struct cell *second = cell_at(canvas, y, x + 1);
    blank(second, style);
    second->text[0] = '\0';
    second->columns = 0;
  }
}

/* Where the first mark that takes a column of its own begins; 0: nowhere. */
static size_t
beside(const char *text, size_t length)
{
  const char *end = text + length;
  for (const char *at = g_utf8_next_char(text); at < end; at = g_utf8_next_char(at))
    if (g_unichar_type(g_utf8_get_char(at)) == G_UNICODE_SPACING_MARK)
      return (size_t)(at - text);
  return 0;
}

static void
put_cluster(const struct area *area, int row, int column, unsigned style, const char *text,
            size_t length, int columns)
{
  if (length == 1) {
    char c = text[0] == '\t' ? ' ' : text[0];
    put(area, row, column, style, &c, 1, columns);
    return;
  }
  size_t split = columns > 1 ? beside(text, length) : 0;
  if (split > 0) {
    put_cluster(area, row, column, style, text, split, 1);
    put_cluster(area, row, column + 1, style, text + split, length - split, columns - 1);
    return;
  }
  g_autofree char *reduced = canvas_reduce(text, (gssize)length);
  size_t size = strlen(reduced);
  if (size == 2 && (guchar)reduced[0] < 0x80 && columns == 2) {
    put(area, row, column, style, reduced, 1, 1);
    put(area, row, column + 1, style, reduced + 1, 1, 1);
    return;
  }
  if (size >= CELL_BYTES)
    size = (size_t)(g_utf8_find_prev_char(reduced, reduced + CELL_BYTES - 1) - reduced);
  put(area, row, column, style, reduced, size, columns);
}

/* The columns that a cluster takes as it is drawn here. */
static size_t
next_cluster(const char *text, size_t length, int *columns_out)
{
  size_t step = text_cluster(text, length, columns_out);
  if (step > 0 && text[0] == '\t')
    *columns_out = 1;
  return step;
}

int
area_text(const struct area *area, int row, int column, unsigned style, const char *text)
{
  if (row < 0 || row >= area->rows || column < 0)
    return column;
  size_t left = strlen(text), step;
  for (int columns; left > 0; text += step, left -= step, column += columns) {
    step = next_cluster(text, left, &columns);
    if (step == 0 || column + columns > area->columns)
      break;
    if (columns > 0)
      put_cluster(area, row, column, style, text, step, columns);
  }
  return column;
}

int
area_matched_text(const struct area *area, int row, int column, unsigned style, const char *text,
                  const char *folded)
{
  size_t length;
  for (gssize at; (at = text_place(text, folded, &length)) >= 0; text += at + (gssize)length) {
    g_autofree char *before = g_strndup(text, (gsize)at);
    g_autofree char *match = g_strndup(text + at, length);
    column = area_text(area, row, column, style, before);
    column = area_text(area, row, column, STYLE_MATCH, match);
  }
  return area_text(area, row, column, style, text);
}

void
area_field(const struct area *area, int row, int column, int columns, unsigned style,
           const char *text)
{
  struct area field = area_part(area, row, column, 1, columns);
  if (field.columns <= 0 || field.rows <= 0 || column < 0 || row < 0)
    return;
  area_fill(&field, 0, style, "");
  g_autofree char *cut = text_fit(text, field.columns);
  area_text(&field, 0, 0, style, cut);
}

int
area_wrapped(const struct area *area, int row, int column, int rows, unsigned style,
             const char *text)
{
  g_autofree char *clean = sanitize_line(text, -1);
  g_auto(GStrv) lines = text_wrap(clean, MAX(area->columns - column - 1, 8));
  int n = (int)g_strv_length(lines);
  for (int i = 0; i < MIN(n, rows); i++, row++) {
    bool cut = i == rows - 1 && n > rows;
    g_autofree char *last = cut ? g_strconcat(lines[i], " ", lines[i + 1], NULL) : NULL;
    area_field(area, row, column, -1, style, cut ? last : lines[i]);
  }
  return row;
}

void
area_right(const struct area *area, int row, unsigned style, const char *text)
{
  g_autofree char *cut = text_fit(text, area->columns);
  area_text(area, row, area->columns - text_width(cut, -1), style, cut);
}

void
area_fill(const struct area *area, int row, unsigned style, const char *text)
{
  if (row < 0 || row >= area->rows)
    return;
  for (int i = 0; i < area->columns; i++)
    put(area, row, i, style, *text != '\0' ? text : " ", *text != '\0' ? strlen(text) : 1, 1);
}

void
area_restyle(const struct area *area, int row, int column, int columns, unsigned style)
{
  if (row < 0 || row >= area->rows)
    return;
  for (int i = MAX(column, 0); i < column + columns && i < area->columns; i++)
    cell_at(area->canvas, area->row + row, area->column + i)->style = (uint8_t)style;
}

void
area_cursor(const struct area *area, int row, int column)
{
  if (row < 0 || row >= area->rows || area->columns < 1)
    return;
  area->canvas->cursor_row = area->row + row;
  area->canvas->cursor_column = area->column + CLAMP(column, 0, area->columns - 1);
}
