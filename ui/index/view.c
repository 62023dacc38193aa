#include "ui/index/index.h"

#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"

#define DATE_COLUMNS 10
#define SIZE_COLUMNS 5
#define COLUMNS_FOR_SIZE 100
/* In the first line, what stands before and behind the heading. */
#define AROUND_COLUMNS 19
#define WHAT_LEAST 16

static char *
date_text(int64_t date)
{
  g_autoptr(GDateTime) then = clock_local(date);
  g_autoptr(GDateTime) now = clock_now();
  if (then == NULL)
    return g_strdup("");
  if (g_date_time_get_year(then) != g_date_time_get_year(now))
    return g_date_time_format(then, "%Y-%m-%d");
  if (g_date_time_get_day_of_year(then) != g_date_time_get_day_of_year(now))
    return g_date_time_format(then, "%e %b");
  return g_date_time_format(then, "%H:%M");
}

/* Five columns: "  812", " 4.2K", "  12M". */
static char *
size_text(guint64 size)
{
  static const char units[] = " KMGT";
  double shown = (double)size;
  guint unit = 0;
  for (; shown >= 999.5 && units[unit + 1] != '\0'; unit++)
    shown /= 1024;
  if (unit == 0)
    return g_strdup_printf("%5.0f", shown);
  return g_strdup_printf(shown < 9.95 ? "%4.1f%c" : "%4.0f%c", shown, units[unit]);
}

char *
ui_short_name(const char *list)
{
  const char *angle = strchr(list, '<');
  if (angle == NULL || angle == list) {
    g_auto(GStrv) parts = g_strsplit(list, ",", 2);
    return g_strdup(parts[0] != NULL ? g_strstrip(g_strdelimit(parts[0], "<>", ' ')) : "");
  }
  g_autofree char *name = g_strstrip(g_strndup(list, (gsize)(angle - list)));
  size_t length = strlen(name);
  if (length > 1 && name[0] == '"' && name[length - 1] == '"')
    return g_strndup(name + 1, length - 2);
  return g_steal_pointer(&name);
}

static char *
who(const struct index_view *index, const struct row *row)
{
  bool to = index_view_is_outgoing(index);
  const char *list = to ? row->to : row->from;
  g_autofree char *name = ui_short_name(list != NULL ? list : "");
  return to ? g_strdup_printf(_("To %s"), name) : g_steal_pointer(&name);
}

/* A letter that hides unread ones is shown like them. */
static bool
is_unread(const struct row *row)
{
  return (row->flags & ROW_SEEN) == 0 || row->folded_unread > 0;
}

/* + chosen, m of a muted thread, w of a watched one; N new, r replied, f forwarded, D draft,
 * v on the server; ! flagged; S sealed, s signed, . a
 * postcard; @ attachments. */
static void
marks(const struct index_view *index, const struct row *row, char out[6])
{
  bool chosen = g_hash_table_contains(index->chosen, row->key);
  out[0] = chosen                               ? '+'
           : row->thread_mark == THREAD_MUTED   ? 'm'
           : row->thread_mark == THREAD_WATCHED ? 'w'
                                                : ' ';
  out[1] = row->flags & ROW_WAITING  ? 'v'
           : row->flags & ROW_DRAFT  ? 'D'
           : is_unread(row)          ? 'N'
           : row->flags & ROW_REPLIED ? 'r'
           : row->flags & ROW_PASSED  ? 'f'
                                      : ' ';
  out[2] = row->flags & ROW_FLAGGED ? '!' : ' ';
  out[3] = row->flags & ROW_WAITING     ? ' '
           : row->marks & INDEX_SEALED ? 'S'
           : row->marks & INDEX_SIGNED ? 's'
                                       : '.';
  out[4] = row->marks & INDEX_ATTACHMENT ? '@' : ' ';
  out[5] = '\0';
}

static unsigned
style_of(const struct index_view *index, const struct row *row)
{
  if (g_hash_table_contains(index->chosen, row->key))
    return STYLE_CHOSEN;
  if (row->flags & ROW_FLAGGED)
    return STYLE_FLAGGED;
  if (row->thread_mark == THREAD_MUTED || row->flags & ROW_WAITING)
    return STYLE_DIM;
  return is_unread(row) ? STYLE_UNREAD : STYLE_NORMAL;
}

static char *
subject_text(const struct index_view *index, const struct row *row)
{
  GString *out = g_string_new(NULL);
  if (index->order == ROWS_THREAD && row->depth > 0) {
    for (int i = 1; i < MIN(row->depth, 8); i++)
      g_string_append(out, "  ");
    g_string_append(out, "└ ");
  }
  if (row->folded_unread > 0)
    g_string_append_printf(out, _("(+%u, %u unread) "), row->folded, row->folded_unread);
  else if (row->folded > 0)
    g_string_append_printf(out, "(+%u) ", row->folded);
  if (row->flags & ROW_WAITING) {
    g_autofree char *size = g_format_size(row->size);
    g_string_append_printf(out, _("[%s, on the server] "), size);
  }
  g_string_append(out, row->subject != NULL && *row->subject != '\0' ? row->subject
                                                                    : _("(no subject)"));
  return g_string_free(out, FALSE);
}

/* "[in Archive, kept work]": the tags, and of what was found where it lies, if that is
 * neither what is open nor the inbox; NULL: nothing is to be said. */
static char *
label_text(const struct index_view *index, const struct row *row)
{
  bool tagged = row->tags != NULL && *row->tags != '\0';
  bool elsewhere = g_strcmp0(row->folder, index->folder) != 0 &&
                   g_strcmp0(row->folder, engine_inbox(index->view.ui->engine)) != 0;
  if (elsewhere && tagged)
    return g_strdup_printf(_("[in %s, %s]"), row->folder, row->tags);
  if (elsewhere)
    return g_strdup_printf(_("[in %s]"), row->folder);
  return tagged ? g_strdup_printf("[%s]", row->tags) : NULL;
}

/* The label stands behind the subject, which leaves it up to a third of the room. */
static void
draw_subject(const struct index_view *index, const struct area *area, int line, int column,
             unsigned style, const struct row *row)
{
  int room = area->columns - column;
  g_autofree char *subject = subject_text(index, row);
  g_autofree char *label = label_text(index, row);
  if (label == NULL) {
    area_field(area, line, column, room, style, subject);
    return;
  }
  g_autofree char *shown = text_fit(label, MAX(room / 3, 8));
  int left = MAX(room - text_width(shown, -1) - 2, 0);
  int width = MIN(text_width(subject, -1), left);
  area_field(area, line, column, width, style, subject);
  area_field(area, line, column + width + 2, -1, style, shown);
}

static void
draw_row(const struct index_view *index, const struct area *area, int line,
         const struct row *row, bool cursor)
{
  char flags[6];
  unsigned style = style_of(index, row) | (cursor ? STYLE_CURSOR : 0);
  int name_columns = CLAMP(area->columns * 22 / 100, 8, 28);
  int column = 6 + DATE_COLUMNS + 1;
  g_autofree char *date = date_text(index->order == ROWS_ARRIVAL ? row->arrival : row->date);
  g_autofree char *name = who(index, row);
  marks(index, row, flags);
  area_fill(area, line, style, "");
  area_text(area, line, 0, style, flags);
  area_field(area, line, 6, DATE_COLUMNS, style, date);
  area_field(area, line, column, name_columns, style, name);
  column += name_columns + 2;
  if (index->order == ROWS_SIZE || area->columns >= COLUMNS_FOR_SIZE) {
    g_autofree char *size = size_text(row->size);
    area_field(area, line, column, SIZE_COLUMNS, style, size);
    column += SIZE_COLUMNS + 1;
  }
  draw_subject(index, area, line, column, style, row);
}

static void
draw_nothing(const struct index_view *index, const struct area *area)
{
  if (!index->loaded)
    area_field(area, 0, 1, -1, STYLE_DIM, _("reading…"));
  else if (index->why != NULL)
    area_field(area, 0, 1, -1, STYLE_BAD, index->why);
  else if (index->query != NULL)
    area_field(area, 0, 1, -1, STYLE_DIM, _("No letter matches."));
  else if (!engine_has_looked(index->view.ui->engine))
    area_field(area, 0, 1, -1, STYLE_DIM, _("Looking for letters…"));
  else
    area_field(area, 0, 1, -1, STYLE_DIM, _("No letters here."));
  if (!index->loaded || index->view.ui->conf->accounts->len > 0)
    return;
  area_field(area, 2, 1, -1, STYLE_NORMAL,
             _("There is no account yet. To add one, leave postino and run:"));
  area_field(area, 3, 1, -1, STYLE_STRONG, "    postino account add YOU@YOUR.PROVIDER");
  g_autofree char *key = ui_key_of(index->view.ui, "accounts");
  g_autofree char *read =
      g_strdup_printf(_("or press %s to see what to write into the rc file."), key);
  area_field(area, 4, 1, -1, STYLE_NORMAL, read);
}

static void
draw(struct view *view, const struct area *area, bool focused)
{
  struct index_view *index = (struct index_view *)view;
  list_show(&index->list, area->rows);
  for (int line = 0; line < area->rows; line++) {
    int i = index->list.top + line;
    if (index->rows != NULL && i < (int)index->rows->len)
      draw_row(index, area, line, g_ptr_array_index(index->rows, i), i == index->list.cursor);
  }
  if (index->rows == NULL || index->rows->len == 0)
    draw_nothing(index, area);
}

/* "  3 unread of 20, by size". */
static char *
counts_text(const struct index_view *index)
{
  const struct folder_row *row = index_view_counts(index);
  g_autofree char *order = index->order == ROWS_NEWEST
                               ? g_strdup("")
                               : g_strdup_printf(", %s", index_order_help(index->order));
  guint64 unread = index->query != NULL ? index->unread : row != NULL ? row->unread : 0;
  if (index->query != NULL ? !index->counted : row == NULL)
    return g_steal_pointer(&order);
  return g_strdup_printf(_("  %lu unread of %lu%s"), (gulong)unread,
                         (gulong)index_view_total(index), order);
}

/* A long query or name leaves the counts their room. */
static char *
heading(struct view *view)
{
  const struct index_view *index = (const struct index_view *)view;
  g_autofree char *what =
      index->query == NULL    ? g_strdup(index->folder)
      : index->folder != NULL ? g_strdup_printf(_("Search in %s: %s"), index->folder, index->query)
                              : g_strdup_printf(_("Search: %s"), index->query);
  g_autofree char *counts = counts_text(index);
  int room = term_canvas(view->ui->term)->columns - text_width(counts, -1) - AROUND_COLUMNS;
  g_autofree char *shown = text_fit(what, MAX(room, WHAT_LEAST));
  return g_strconcat(shown, counts, NULL);
}

/* Where the cursor stands among all rows, if the list does not fit the screen. */
static int
percent_of(const struct index_view *index)
{
  guint64 total = index_view_total(index);
  gint64 at = index_view_place(index);
  bool hides = index->order == ROWS_THREAD && index->folded;
  if (at < 0 || hides || total <= (guint64)index->list.height)
    return -1;
  return (int)MIN((guint64)(at + 1) * 100 / total, 100);
}

/* What is chosen may lie off the screen. */
static char *
corner(struct view *view)
{
  const struct index_view *index = (const struct index_view *)view;
  guint chosen = g_hash_table_size(index->chosen);
  int percent = percent_of(index);
  GString *out = g_string_new(NULL);
  if (chosen > 0)
    g_string_append_printf(out, ngettext("%u chosen", "%u chosen", chosen), chosen);
  if (percent >= 0)
    g_string_append_printf(out, "%s%3d%%", chosen > 0 ? "  " : "", percent);
  if (out->len > 0)
    return g_string_free(out, FALSE);
  g_string_free(out, TRUE);
  return NULL;
}

static const struct row *
row_of(struct view *view)
{
  return index_view_cursor((struct index_view *)view);
}

static void
dealt_with(struct view *view)
{
  index_view_unchoose((struct index_view *)view);
}

static const struct command_group *const groups[] = {&index_group, &letter_group, &mail_group,
                                                     &any_group, NULL};

const struct view_class index_class = {
    .name = "index",
    .groups = groups,
    .draw = draw,
    .heading = heading,
    .corner = corner,
    .changed = index_view_changed,
    .free = index_view_close,
    .letters = index_view_letters,
    .row = row_of,
    .dealt_with = dealt_with,
};

struct view *
index_view_new(struct ui *ui, const char *folder, const char *query)
{
  struct index_view *index = g_new0(struct index_view, 1);
  index->view = (struct view){&index_class, ui};
  index->folder = g_strdup(folder);
  index->query = g_strdup(query);
  index->folds = g_array_new(FALSE, FALSE, sizeof(guint64));
  index->chosen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  index_view_load(index, false);
  return &index->view;
}
