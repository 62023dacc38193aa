#include "ui/help/text.h"

#include <string.h>

#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"

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

void
text_add(GPtrArray *lines, unsigned style, const char *format, ...)
{
  va_list args;
  struct text_line *line = g_new0(struct text_line, 1);
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  line->style = style;
  line->text = sanitize_line(text, -1);
  g_ptr_array_add(lines, line);
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
  int last = MAX((int)text->lines->len - MAX(text->height, 1), 0);
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
    g_autofree char *key_field = text_pad(keys != NULL ? keys : "", 16);
    g_autofree char *name_field = text_pad(name, 20);
    text_add(lines, STYLE_NORMAL, "  %s %s %s", key_field, name_field, _(row->help));
  }
  text_add(lines, STYLE_NORMAL, "%s", "");
}

void
help_open(struct view *of)
{
  struct ui *ui = of->ui;
  GPtrArray *lines = text_lines_new();
  text_add(lines, STYLE_NORMAL, "%s",
           _("Every command has a name: press : and type it; Tab completes. / searches here."));
  text_add(lines, STYLE_NORMAL, "%s", "");
  for (const struct command_group *const *group = of->kind->groups; *group != NULL; group++)
    add_group(lines, ui->keymap, of->kind->groups, *group);
  g_autofree char *heading = g_strdup_printf(_("Keys of the view %s"), of->kind->name);
  ui_push(ui, text_view_new(ui, heading, lines));
}
