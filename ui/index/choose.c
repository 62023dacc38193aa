#include "ui/index/index.h"

#include "base/i18n.h"

/* All letters of the view are chosen: their keys are asked for some at a time, since a
 * folder may hold very many. */
#define AT_ONCE 1000

static void ask(struct index_view *index, const struct row *after);

static void
chosen(struct view *view, struct event *event, void *data)
{
  struct index_view *index = (struct index_view *)view;
  (void)data;
  if (index->choosing != event->request)
    return;
  index->choosing = 0;
  if (event->rows == NULL)
    return;
  for (guint i = 0; i < event->rows->len; i++) {
    const struct row *row = g_ptr_array_index(event->rows, i);
    g_hash_table_add(index->chosen, g_strdup(row->key));
  }
  if (event->rows->len == AT_ONCE) {
    ask(index, g_ptr_array_index(event->rows, AT_ONCE - 1));
    return;
  }
  guint n = g_hash_table_size(index->chosen);
  ui_say(view->ui,
         ngettext("%u letter is chosen for the next command.",
                  "%u letters are chosen for the next command.", n), n);
}

static void
ask(struct index_view *index, const struct row *after)
{
  struct ui *ui = index->view.ui;
  struct rows_query query = {.folder = index->folder, .query = index->query,
                             .order = ROWS_NEWEST, .after = after, .limit = AT_ONCE};
  index->choosing = engine_rows(ui->engine, &query);
  ui_await(ui, index->choosing, &index->view, chosen, NULL, NULL);
}

void
index_view_unchoose(struct index_view *index)
{
  g_hash_table_remove_all(index->chosen);
  index->choosing = 0;
}

void
index_choose_all(struct view *view, const char *const *args)
{
  struct index_view *index = (struct index_view *)view;
  (void)args;
  bool some = index->choosing != 0 || g_hash_table_size(index->chosen) > 0;
  index_view_unchoose(index);
  if (some)
    ui_say(view->ui, _("No letter is chosen any more."));
  else
    ask(index, NULL);
}
