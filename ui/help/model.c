#include "ui/help/text.h"

#include <string.h>

#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"

#define KEY_COLUMNS 16
#define NAME_COLUMNS 20
/* Fewer are no column of text. */
#define LEAST_COLUMNS 16

static void
line_free(struct text_line *line)
{
  g_free(line->text);
  g_free(line);
}

GPtrArray *
text_lines_new(void)
{
  return g_ptr_array_new_with_free_func((GDestroyNotify)line_free);
}

static void
add_line(GPtrArray *lines, unsigned style, int hang, const char *text)
{
  struct text_line *line = g_new0(struct text_line, 1);
  *line = (struct text_line){style, hang, sanitize_line(text, -1)};
  g_ptr_array_add(lines, line);
}

void
text_add(GPtrArray *lines, unsigned style, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  add_line(lines, style, 0, text);
}

void
text_add_hanging(GPtrArray *lines, int hang, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  add_line(lines, STYLE_NORMAL, hang, text);
}

/* ---- rows ---- */

static void
text_row_free(struct text_row *row)
{
  g_free(row->text);
  g_free(row);
}

static void
add_text_row(GPtrArray *rows, unsigned style, int indent, const char *text, guint line)
{
  struct text_row *row = g_new0(struct text_row, 1);
  *row = (struct text_row){style, indent, g_strdup(text), line};
  g_ptr_array_add(rows, row);
}

/* The byte where this column begins. */
static size_t
byte_at(const char *text, int column)
{
  size_t at = 0;
  for (int width = 0, columns; text[at] != '\0' && width < column; width += columns)
    at += text_cluster(text + at, strlen(text + at), &columns);
  return at;
}

/* Up to column `hang` a line is a table's row and stays as it is. */
static void
wrap_line(GPtrArray *rows, const struct text_line *line, int columns, guint number)
{
  size_t head = byte_at(line->text, line->hang);
  if (text_width(line->text, -1) <= columns) {
    add_text_row(rows, line->style, 0, line->text, number);
    return;
  }
  bool hangs = line->hang > 0 && line->hang + LEAST_COLUMNS <= columns && line->text[head] != '\0';
  const char *text = line->text;
  int indent = hangs ? line->hang : 0;
  g_auto(GStrv) pieces = text_wrap(hangs ? text + head : text, MAX(columns - indent, 8));
  for (char **piece = pieces; *piece != NULL; piece++) {
    g_autofree char *first =
        hangs && piece == pieces ? g_strdup_printf("%.*s%s", (int)head, text, *piece) : NULL;
    add_text_row(rows, line->style, first != NULL ? 0 : indent, first != NULL ? first : *piece, number);
  }
}

void
text_lay_out(struct text_view *text, int columns)
{
  if (text->rows != NULL && text->columns == columns)
    return;
  int top = text->rows != NULL ? text_top_line(text) : 0;
  g_clear_pointer(&text->rows, g_ptr_array_unref);
  text->rows = g_ptr_array_new_with_free_func((GDestroyNotify)text_row_free);
  text->columns = columns;
  for (guint i = 0; i < text->lines->len; i++)
    wrap_line(text->rows, g_ptr_array_index(text->lines, i), columns, i);
  text_go_to_line(text, top);
}

int
text_top_line(const struct text_view *text)
{
  if (text->rows == NULL || text->top >= (int)text->rows->len)
    return 0;
  return (int)((const struct text_row *)g_ptr_array_index(text->rows, text->top))->line;
}

void
text_go_to_line(struct text_view *text, int line)
{
  int row = 0, n = text->rows != NULL ? (int)text->rows->len : 0;
  while (row < n && (int)((const struct text_row *)g_ptr_array_index(text->rows, row))->line < line)
    row++;
  text_scroll(text, row - text->top);
}

int
text_find(const GPtrArray *lines, const char *wanted, int from)
{
  for (int i = MAX(from, 0); i < (int)lines->len; i++) {
    const struct text_line *line = g_ptr_array_index(lines, i);
    g_autofree char *folded = text_fold(line->text, -1);
    if (strstr(folded, wanted) != NULL)
      return i;
  }
  return -1;
}

void
text_scroll(struct text_view *text, int by)
{
  int n = text->rows != NULL ? (int)text->rows->len : 0;
  int last = MAX(n - MAX(text->height, 1), 0);
  text->top = CLAMP(text->top + by, 0, last);
}

static void
add_group(GPtrArray *lines, const struct keymap *keymap,
          const struct command_group *const *groups, const struct command_group *group)
{
  text_add(lines, STYLE_LABEL, "%s", _(group->help));
  for (size_t i = 0; i < group->n; i++) {
    const struct command *row = &group->rows[i];
    if (command_find(groups, row->name) != row)
      continue;
    g_autofree char *keys = keymap_keys(keymap, groups, row, 4);
    g_autofree char *name = g_strdup_printf("%s %s", row->name, row->args != NULL ? row->args : "");
    g_autofree char *key_field = text_pad(keys != NULL ? keys : "", KEY_COLUMNS);
    g_autofree char *name_field = text_pad(name, NAME_COLUMNS);
    text_add_hanging(lines, 2 + KEY_COLUMNS + 1 + NAME_COLUMNS + 1, "  %s %s %s", key_field,
                     name_field, _(row->help));
  }
  text_add(lines, STYLE_NORMAL, "%s", "");
}

void
help_open(struct view *of)
{
  struct ui *ui = of->ui;
  GPtrArray *lines = text_lines_new();
  g_autofree char *command = keymap_key_word(ui->keymap, of->kind->groups, "command");
  g_autofree char *find = keymap_key_word(ui->keymap, text_class.groups, "find");
  g_autofree char *next = keymap_key_word(ui->keymap, text_class.groups, "find-next");
  g_autofree char *back = keymap_key_word(ui->keymap, text_class.groups, "back");
  text_add(lines, STYLE_NORMAL,
           _("Every command has a name: press %s and type it; Tab completes. Here %s searches, %s "
             "searches on, %s goes back."),
           command, find, next, back);
  text_add(lines, STYLE_NORMAL, "%s", "");
  for (const struct command_group *const *group = of->kind->groups; *group != NULL; group++)
    add_group(lines, ui->keymap, of->kind->groups, *group);
  g_autofree char *heading = g_strdup_printf(_("Keys of the view %s"), of->kind->name);
  ui_push(ui, text_view_new(ui, heading, lines));
}
