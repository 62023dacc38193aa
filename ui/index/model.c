#include "ui/index/index.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"

#define LEAST_LOAD 40

static guint
load_size(const struct index_view *index)
{
  return (guint)MAX(term_canvas(index->view.ui->term)->rows * 2, LEAST_LOAD);
}

struct rows_query
index_view_query(const struct index_view *index)
{
  return (struct rows_query){
      .folder = index->folder,
      .query = index->query,
      .order = index->order,
      .limit = load_size(index),
      .folded = index->folded,
      .folds = (const guint64 *)(const void *)index->folds->data,
      .n_folds = index->folds->len,
      .waiting = true,
  };
}

const struct row *
index_view_cursor(const struct index_view *index)
{
  if (index->rows == NULL || index->list.cursor >= (int)index->rows->len)
    return NULL;
  return g_ptr_array_index(index->rows, index->list.cursor);
}

const struct folder_row *
index_view_counts(const struct index_view *index)
{
  const GPtrArray *rows = index->view.ui->folder_rows;
  for (guint i = 0; rows != NULL && index->folder != NULL && i < rows->len; i++) {
    const struct folder_row *row = g_ptr_array_index(rows, i);
    if (strcmp(row->name, index->folder) == 0)
      return row;
  }
  return NULL;
}

guint64
index_view_total(const struct index_view *index)
{
  const struct folder_row *row = index_view_counts(index);
  return index->query != NULL ? index->total : row != NULL ? row->total : 0;
}

gint64
index_view_place(const struct index_view *index)
{
  if (index->ahead >= 0)
    return index->ahead + index->list.cursor;
  guint64 total = index_view_total(index), left = (guint64)(index->list.n - index->list.cursor);
  bool known = index->behind >= 0 && (index->query == NULL || index->counted);
  return known && total >= left + (guint64)index->behind
             ? (gint64)(total - left) - index->behind
             : -1;
}

static void
clear_before(struct index_view *index)
{
  if (index->before != NULL)
    row_free(g_steal_pointer(&index->before));
}

/* Takes a window whose first row is one too many when the list begins before. */
static void
take_before(struct index_view *index, GPtrArray *rows, guint limit)
{
  clear_before(index);
  if (rows->len >= limit && rows->len > 1)
    index->before = g_ptr_array_steal_index(rows, 0);
}

static void
take_window(struct index_view *index, GPtrArray *rows)
{
  if (index->rows != NULL)
    g_ptr_array_unref(index->rows);
  index->rows = rows;
  index->loaded = true;
  list_set(&index->list, (int)rows->len);
}

static int
position_of(const GPtrArray *rows, const char *key)
{
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    if (strcmp(((const struct row *)g_ptr_array_index(rows, i))->key, key) == 0)
      return (int)i;
  return -1;
}

/* The letter that a folded thread is shown by. */
static int
position_of_fold(const GPtrArray *rows, guint64 thread)
{
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = g_ptr_array_index(rows, i);
    if (row->thread == thread && row->folded > 0)
      return (int)i;
  }
  return -1;
}

/* What lies many screens away is asked for again when it is needed. */
static void
trim_front(struct index_view *index, guint keep)
{
  while (index->rows->len > keep && index->list.cursor > (int)keep / 2) {
    clear_before(index);
    index->before = g_ptr_array_steal_index(index->rows, 0);
    index->list.cursor--;
    index->list.top--;
    index->ahead += index->ahead >= 0;
    index->pivot_at--;
  }
  list_set(&index->list, (int)index->rows->len);
}

static void
trim_back(struct index_view *index, guint keep)
{
  if (index->rows->len <= keep || index->list.cursor > (int)keep / 2)
    return;
  if (index->behind >= 0)
    index->behind += index->rows->len - keep;
  g_ptr_array_set_size(index->rows, (int)keep);
  index->at_end = false;
  list_set(&index->list, (int)keep);
}

/* ---- results ---- */

enum load { LOAD_START, LOAD_END, LOAD_AGAIN, LOAD_MORE, LOAD_BACK, LOAD_AROUND };
struct loading { enum load kind; guint limit; };

static void ask(struct index_view *index, enum load kind, guint limit, const struct row *after,
                bool backwards);

static void
take_again(struct index_view *index, GPtrArray *rows)
{
  const struct row *old = index_view_cursor(index);
  int on_screen = index->list.cursor - index->list.top;
  int at = old != NULL ? position_of(rows, old->key) : -1;
  if (old != NULL && at < 0)
    at = position_of_fold(rows, old->thread);
  bool from_top = index->list.top == 0 && index->before == NULL;
  take_window(index, rows);
  if (at < 0)
    return;
  index->list.cursor = at;
  if (!from_top || at >= index->list.height)
    index->list.top = MAX(at - on_screen, 0);
}

/* Rows that came next to the window were among those beyond it. */
static gint64
fewer(gint64 beyond, guint rows)
{
  return beyond < 0 ? -1 : MAX(beyond - rows, 0);
}

static void
take_more(struct index_view *index, GPtrArray *rows)
{
  index->behind = fewer(index->behind, rows->len);
  g_ptr_array_extend_and_steal(index->rows, rows);
  list_set(&index->list, (int)index->rows->len);
  trim_front(index, load_size(index) * 4);
}

static void
take_back(struct index_view *index, GPtrArray *rows, guint limit)
{
  take_before(index, rows, limit);
  int n = (int)rows->len;
  index->ahead = fewer(index->ahead, rows->len);
  index->pivot_at += n;
  g_ptr_array_extend_and_steal(rows, g_steal_pointer(&index->rows));
  index->rows = rows;
  index->list.cursor += n;
  index->list.top += n;
  list_set(&index->list, (int)rows->len);
  trim_back(index, load_size(index) * 4);
}

static void
take_around(struct index_view *index, GPtrArray *rows, guint limit)
{
  take_before(index, rows, limit);
  g_ptr_array_add(rows, g_steal_pointer(&index->pivot));
  index->at_end = false;
  index->ahead = index->behind = -1;
  take_window(index, rows);
  index->list.cursor = (int)rows->len - 1;
  index->list.top = MAX(index->list.cursor - 2, 0);
}

static void
take_place(struct view *view, struct event *event, void *data)
{
  struct index_view *index = (struct index_view *)view;
  guint64 before = event->done;
  index->placing = 0;
  if (event->error != NULL)
    return;
  if (event->total > 0)
    before = (guint64)((double)index_view_total(index) * (double)before / (double)event->total);
  index->ahead = MAX((gint64)before - index->pivot_at, 0);
}

/* Rows around one that was gone to are rows of nowhere until it is known where it stands. */
static void
ask_place(struct index_view *index)
{
  struct ui *ui = index->view.ui;
  struct rows_query query = index_view_query(index);
  query.after = index_view_cursor(index);
  index->pivot_at = index->list.cursor;
  ui_forget(ui, index->placing);
  index->placing = engine_place(ui->engine, &query);
  ui_await_quiet(ui, index->placing, &index->view, take_place, NULL, NULL);
}

static void
take(struct index_view *index, const struct loading *loading, GPtrArray *rows)
{
  bool whole = rows->len < loading->limit;
  switch (loading->kind) {
  case LOAD_START:
    clear_before(index);
    take_window(index, rows);
    index->list.cursor = index->list.top = 0;
    index->behind = -1;
    index->at_end = whole;
    break;
  case LOAD_END:
    index->ahead = -1;
    take_before(index, rows, loading->limit);
    take_window(index, rows);
    index->list.cursor = MAX((int)rows->len - 1, 0);
    index->at_end = true;
    break;
  case LOAD_AGAIN:
    index->behind = -1;
    index->at_end = whole;
    take_again(index, rows);
    break;
  case LOAD_MORE:
    index->at_end = whole;
    take_more(index, rows);
    break;
  case LOAD_BACK:
    take_back(index, rows, loading->limit);
    break;
  case LOAD_AROUND:
    take_around(index, rows, loading->limit);
    ask_place(index);
    break;
  }
  if (index->before == NULL)
    index->ahead = 0;
  if (index->at_end)
    index->behind = 0;
}

static void
move_on(struct index_view *index)
{
  int by = index->wanted;
  index->wanted = 0;
  index_view_move(index, by);
}

/* Did the query find nothing, and is there another to ask for? */
static bool
ask_otherwise(struct index_view *index, const struct event *event, const struct loading *loading)
{
  g_autofree char *otherwise = g_steal_pointer(&index->otherwise);
  if (otherwise == NULL || event->rows == NULL || event->rows->len > 0 ||
      loading->kind != LOAD_START)
    return false;
  index_view_search(index, otherwise, false);
  return true;
}

static void
arrived(struct view *view, struct event *event, void *data)
{
  struct index_view *index = (struct index_view *)view;
  index->asked = 0;
  if (ask_otherwise(index, event, data))
    return;
  g_clear_pointer(&index->why, g_free);
  if (event->error != NULL) {
    /* The inbox is made by the first letter that comes. */
    if (!error_is(event->error, POSTINO_ERROR_NOTFOUND) ||
        g_strcmp0(index->folder, engine_inbox(view->ui->engine)) != 0)
      index->why = g_strdup(event->error->message);
    index->loaded = true;
    if (index->rows != NULL)
      g_ptr_array_set_size(index->rows, 0);
    list_set(&index->list, 0);
  } else if (event->rows != NULL) {
    take(index, data, g_steal_pointer(&event->rows));
  }
  if (index->stale)
    index_view_reload(index);
  else if (((const struct loading *)data)->kind == LOAD_AROUND && index->list.n > 0)
    ask(index, LOAD_MORE, load_size(index), g_ptr_array_index(index->rows, index->list.n - 1),
        false);
  else if (index->wanted != 0)
    move_on(index);
}

static void
ask(struct index_view *index, enum load kind, guint limit, const struct row *after,
    bool backwards)
{
  struct rows_query query = index_view_query(index);
  struct loading *loading = g_new0(struct loading, 1);
  *loading = (struct loading){kind, limit};
  query.limit = limit;
  query.after = after;
  query.backwards = backwards;
  bool held = index->asked != 0 && index->view.ui->held_for == index->asked;
  ui_forget(index->view.ui, index->asked);
  index->asked = engine_rows(index->view.ui->engine, &query);
  if (held || kind == LOAD_AROUND)
    ui_hold(index->view.ui, index->asked);
  ui_await_quiet(index->view.ui, index->asked, &index->view, arrived, loading, g_free);
}

static void
take_count(struct view *view, struct event *event, void *data)
{
  struct index_view *index = (struct index_view *)view;
  index->counting = 0;
  if (event->error != NULL)
    return;
  index->unread = event->done;
  index->total = event->total;
  index->counted = true;
}

static void
count(struct index_view *index)
{
  struct ui *ui = index->view.ui;
  struct rows_query query = index_view_query(index);
  if (index->query == NULL)
    return;
  ui_forget(ui, index->counting);
  index->counting = engine_count(ui->engine, &query);
  ui_await(ui, index->counting, &index->view, take_count, NULL, NULL);
}

void
index_view_load(struct index_view *index, bool from_end)
{
  index->wanted = 0;
  ui_forget(index->view.ui, index->placing);
  index->placing = 0;
  ask(index, from_end ? LOAD_END : LOAD_START, load_size(index), NULL, from_end);
  count(index);
}

void
index_view_reload(struct index_view *index)
{
  index->stale = index->asked != 0;
  if (index->stale)
    return;
  guint limit = MAX(load_size(index), index->rows != NULL ? index->rows->len : 0);
  ask(index, LOAD_AGAIN, limit, index->before, false);
  count(index);
}

void
index_view_changed(struct view *view)
{
  index_view_reload((struct index_view *)view);
}

/* ---- moving ---- */

void
index_view_move(struct index_view *index, int by)
{
  int n = index->list.n, target = index->list.cursor + by, near = index->list.height;
  list_move(&index->list, by);
  int rest = target - index->list.cursor;
  bool more = by > 0 ? !index->at_end : index->before != NULL;
  if (n == 0 || !more)
    return;
  /* Steps beyond the window are taken when its next rows are here. */
  index->wanted += rest;
  if (index->asked != 0)
    return;
  if (by > 0 && target + near >= n)
    ask(index, LOAD_MORE, load_size(index), g_ptr_array_index(index->rows, n - 1), false);
  else if (by < 0 && target - near < 0)
    ask(index, LOAD_BACK, load_size(index), g_ptr_array_index(index->rows, 0), true);
}

void
index_view_go_to(struct index_view *index, struct row *row)
{
  int at = position_of(index->rows, row->key);
  if (at >= 0) {
    row_free(row);
    index->list.cursor = at;
    return;
  }
  if (index_view_is_folded(index, row->thread))
    index_view_turn_fold(index, row->thread);
  if (index->pivot != NULL)
    row_free(index->pivot);
  index->pivot = row;
  ask(index, LOAD_AROUND, load_size(index), row, true);
}

/* ---- for others ---- */

char **
index_view_letters(struct view *view)
{
  struct index_view *index = (struct index_view *)view;
  const struct row *row = index_view_cursor(index);
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  GHashTableIter iter;
  void *key;
  g_hash_table_iter_init(&iter, index->chosen);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    g_ptr_array_add(keys, g_strdup(key));
  if (keys->len == 0 && row != NULL)
    g_ptr_array_add(keys, g_strdup(row->key));
  g_ptr_array_add(keys, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&keys), FALSE);
}

/* Folders of letters that one wrote show to whom. */
bool
index_view_is_outgoing(const struct index_view *index)
{
  const struct conf *conf = index->view.ui->conf;
  if (index->folder == NULL)
    return false;
  for (guint i = 0; i < conf->accounts->len; i++) {
    const struct conf_account *account = g_ptr_array_index(conf->accounts, i);
    if (strcmp(index->folder, account->sent) == 0 || strcmp(index->folder, account->drafts) == 0)
      return true;
  }
  struct engine *engine = index->view.ui->engine;
  return strcmp(index->folder, engine_drafts(engine)) == 0 ||
         strcmp(index->folder, engine_outbox(engine)) == 0;
}

const char *
index_view_folder(struct view *view)
{
  return ((struct index_view *)view)->folder;
}

void
index_view_show(struct view *view, const char *folder)
{
  struct index_view *index = (struct index_view *)view;
  g_free(index->folder);
  index->folder = g_strdup(folder);
  g_clear_pointer(&index->query, g_free);
  g_clear_pointer(&index->otherwise, g_free);
  g_clear_pointer(&index->why, g_free);
  index_view_unchoose(index);
  g_array_set_size(index->folds, 0);
  if (index->rows != NULL)
    g_ptr_array_set_size(index->rows, 0);
  clear_before(index);
  index->list = (struct list){.height = index->list.height};
  index->loaded = index->at_end = index->stale = false;
  index_view_load(index, false);
}

void
index_view_or(struct index_view *index, const char *query)
{
  g_free(index->otherwise);
  index->otherwise = index->asked != 0 ? g_strdup(query) : NULL;
}

void
index_view_search(struct index_view *index, const char *query, bool keep)
{
  if (g_strcmp0(index->query, query) == 0)
    return;
  g_clear_pointer(&index->otherwise, g_free);
  g_free(index->query);
  index->query = g_strdup(query);
  index_view_unchoose(index);
  index->stale = false;
  if (!keep && index->rows != NULL) {
    g_ptr_array_set_size(index->rows, 0);
    list_set(&index->list, 0);
    index->loaded = index->counted = false;
  }
  index_view_load(index, false);
}

bool
index_view_step(struct view *view, int by)
{
  struct index_view *index = (struct index_view *)view;
  int target = index->list.cursor + by;
  if (target < 0 || target >= index->list.n)
    return false;
  index_view_move(index, by);
  return true;
}

void
index_view_close(struct view *view)
{
  struct index_view *index = (struct index_view *)view;
  if (index->rows != NULL)
    g_ptr_array_unref(index->rows);
  clear_before(index);
  if (index->pivot != NULL)
    row_free(index->pivot);
  g_hash_table_unref(index->chosen);
  g_array_unref(index->folds);
  g_free(index->folder);
  g_free(index->query);
  g_free(index->otherwise);
  g_free(index->why);
  g_free(index);
}
