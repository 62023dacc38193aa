/* Threads by hand, and how much of them is shown. */
#include "ui/index/index.h"

#include <string.h>

#include "base/i18n.h"

static struct index_view *
of(struct view *view)
{
  return (struct index_view *)view;
}

/* ---- folding ---- */

static int
fold_at(const struct index_view *index, guint64 thread)
{
  for (guint i = 0; i < index->folds->len; i++)
    if (g_array_index(index->folds, guint64, i) == thread)
      return (int)i;
  return -1;
}

void
index_view_turn_fold(struct index_view *index, guint64 thread)
{
  int at = fold_at(index, thread);
  if (at >= 0)
    g_array_remove_index_fast(index->folds, (guint)at);
  else
    g_array_append_val(index->folds, thread);
}

bool
index_view_is_folded(const struct index_view *index, guint64 thread)
{
  return index->order == ROWS_THREAD && index->folded != (fold_at(index, thread) >= 0);
}

static bool
shows_threads(struct view *view)
{
  if (of(view)->order != ROWS_THREAD) {
    g_autofree char *key = ui_key_of(view->ui, "threads");
    ui_say(view->ui, _("Threads are not shown here; %s shows them."), key);
  }
  return of(view)->order == ROWS_THREAD;
}

void
index_fold(struct view *view, const char *const *args)
{
  const struct row *row = index_view_cursor(of(view));
  if (row == NULL || !shows_threads(view))
    return;
  index_view_turn_fold(of(view), row->thread);
  index_view_reload(of(view));
}

void
index_fold_all(struct view *view, const char *const *args)
{
  struct index_view *index = of(view);
  if (!shows_threads(view))
    return;
  index->folded = !index->folded;
  g_array_set_size(index->folds, 0);
  index_view_reload(index);
}

/* ---- joining and breaking ---- */

void
index_join(struct view *view, const char *const *args)
{
  struct index_view *index = of(view);
  const struct row *row = index_view_cursor(index);
  if (row == NULL || g_hash_table_size(index->chosen) == 0) {
    ui_complain(view->ui, _("Choose the letters to be joined, then put the cursor on the letter "
                            "that they answer."));
    return;
  }
  g_auto(GStrv) keys = index_view_letters(view);
  guint n = g_strv_length(keys);
  g_autofree char *undo = ui_key_of(view->ui, "undo");
  g_autofree char *said = g_strdup_printf(
      ngettext("%u letter joined to this thread; %s takes it back.",
               "%u letters joined to this thread; %s takes them back.", n),
      n, undo);
  ui_await_plain(view,
                 engine_thread_join(view->ui->engine, (const char *const *)keys, row->key), said);
  index_view_unchoose(index);
}

/* Threads tell of what is below; elsewhere nobody sees where a letter stands. */
static bool
shown_as_first(const struct index_view *index, const struct row *row)
{
  return index->order == ROWS_THREAD && g_hash_table_size(index->chosen) == 0 && row != NULL &&
         row->depth == 0;
}

void
index_break(struct view *view, const char *const *args)
{
  const struct row *row = index_view_cursor(of(view));
  g_auto(GStrv) keys = index_view_letters(view);
  if (keys[0] == NULL) {
    ui_say(view->ui, _("No letter is chosen here."));
    return;
  }
  if (shown_as_first(of(view), row)) {
    ui_say(view->ui, _("It begins its thread already."));
    return;
  }
  g_autofree char *undo = ui_key_of(view->ui, "undo");
  g_autofree char *said = g_strdup_printf(_("It begins a thread of its own; %s takes it back."), undo);
  ui_await_plain(view, engine_thread_break(view->ui->engine, (const char *const *)keys), said);
  index_view_unchoose(of(view));
}
