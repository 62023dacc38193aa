/* Rows in the order of threads: threads by their newest letter, within a thread
 * depth first. */
#include <string.h>

#include "base/error.h"
#include "store/view.h"

/* Of a thread, by which a place in it is told. */
#define PARTS 1000

/* A thread and its newest letter in the view. */
struct spot { int64_t thread, newest; };

/* The letters that a query found; without a query the index keeps what is
 * needed. */
struct found {
  GHashTable *ids;          /* int64_t in `letters` */
  GArray *letters;          /* int64_t */
  GArray *spots;            /* struct spot, newest first */
};

static void
found_free(struct found *found)
{
  if (found == NULL)
    return;
  g_hash_table_unref(found->ids);
  g_array_unref(found->letters);
  g_array_unref(found->spots);
  g_free(found);
}
typedef struct found found_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(found_t, found_free)

/* Walking from the newest, the first letter of a thread is its newest. */
static bool
find_all(struct view *view, struct found *found, GError **error)
{
  g_autoptr(sql_t) sql = view_sql(view);
  const char *id;
  sql_add(sql, "SELECT l.id, l.thread", "");
  sql_add_source(sql, view->query, view->folder, &id);
  sql_add(sql, view->asked->waiting ? "" : NOT_WAITING, "");
  g_string_append_printf(sql->text, " ORDER BY %s DESC", id);
  auto_own *stmt = sql_prepare(sql, view->conn, error);
  if (stmt == NULL)
    return false;
  g_autoptr(GHashTable) threads = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  int step;
  while ((step = conn_step(view->conn, stmt, error)) == 1) {
    struct spot spot = {sqlite3_column_int64(stmt, 1), sqlite3_column_int64(stmt, 0)};
    g_array_append_val(found->letters, spot.newest);
    if (g_hash_table_add(threads, g_memdup2(&spot.thread, sizeof spot.thread)))
      g_array_append_val(found->spots, spot);
  }
  return step == 0;
}

static struct found *
found_new(struct view *view, GError **error)
{
  g_autoptr(found_t) found = g_new0(struct found, 1);
  found->ids = g_hash_table_new(g_int64_hash, g_int64_equal);
  found->letters = g_array_new(FALSE, FALSE, sizeof(int64_t));
  found->spots = g_array_new(FALSE, FALSE, sizeof(struct spot));
  if (!find_all(view, found, error))
    return NULL;
  for (guint i = 0; i < found->letters->len; i++)
    g_hash_table_add(found->ids, &g_array_index(found->letters, int64_t, i));
  return g_steal_pointer(&found);
}

/* ---- the threads beside a place ---- */

static GArray *
spots_of_index(struct view *view, int64_t beside, guint limit, GError **error)
{
  g_autoptr(GArray) spots = g_array_new(FALSE, FALSE, sizeof(struct spot));
  const char *sql = view->asked->backwards
                        ? "SELECT thread, id FROM newest WHERE folder = ? AND id > ?"
                          " ORDER BY id LIMIT ?"
                        : "SELECT thread, id FROM newest WHERE folder = ? AND id < ?"
                          " ORDER BY id DESC LIMIT ?";
  auto_stmt *stmt = conn_query(view->conn, error, sql, "iii", view->folder, beside,
                               (int64_t)limit);
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(view->conn, stmt, error)) == 1) {
    struct spot spot = {sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
    g_array_append_val(spots, spot);
  }
  return step == 0 ? g_steal_pointer(&spots) : NULL;
}

static GArray *
spots_of_found(const struct found *found, bool backwards, int64_t beside, guint limit)
{
  GArray *spots = g_array_new(FALSE, FALSE, sizeof(struct spot));
  for (guint i = 0; i < found->spots->len && spots->len < limit; i++) {
    guint at = backwards ? found->spots->len - 1 - i : i;
    struct spot spot = g_array_index(found->spots, struct spot, at);
    if (backwards ? spot.newest > beside : spot.newest < beside)
      g_array_append_val(spots, spot);
  }
  return spots;
}

/* ---- from places to rows ---- */

static bool
append_row(struct view *view, const struct thread_place *place, GPtrArray *rows, GError **error)
{
  auto_stmt *stmt = conn_query(view->conn, error,
                               "SELECT " ROW_COLUMNS " FROM letter l JOIN folder f"
                               " ON f.id = l.folder WHERE l.id = ?", "i", place->id);
  int step = stmt != NULL ? conn_step(view->conn, stmt, error) : -1;
  if (step == 1) {
    struct row *row = row_take(view->store, stmt);
    row->depth = place->depth;
    g_ptr_array_add(rows, row);
  }
  return step >= 0;
}

static bool
is_folded(const struct view *view, int64_t thread)
{
  const struct rows_query *asked = view->asked;
  bool other = false;
  for (guint i = 0; i < asked->n_folds; i++)
    other |= asked->folds[i] == (guint64)thread;
  return !view->unfolded && asked->folded != other;
}

/* The unread letters of a thread, in whatever folder; `wanted`: those that want to be read. */
static GHashTable *
unread_in(struct view *view, int64_t thread, bool wanted, GError **error)
{
  g_autoptr(GHashTable) ids = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  const char *sql = wanted ? "SELECT l.id FROM letter l WHERE l.thread = ?" WANTS_READING
                           : "SELECT id FROM letter WHERE thread = ? AND (flags & 1) = 0";
  auto_stmt *stmt = conn_query(view->conn, error, sql, "i", thread);
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(view->conn, stmt, error)) == 1) {
    int64_t id = sqlite3_column_int64(stmt, 0);
    g_hash_table_add(ids, g_memdup2(&id, sizeof id));
  }
  return step == 0 ? g_steal_pointer(&ids) : NULL;
}

/* Of the letters of a tree but the first. */
static bool
count_unread(struct view *view, const GArray *tree, int64_t thread, guint *unread_out,
             GError **error)
{
  g_autoptr(GHashTable) ids = unread_in(view, thread, false, error);
  if (ids == NULL)
    return false;
  *unread_out = 0;
  for (guint i = 1; i < tree->len; i++)
    *unread_out += g_hash_table_contains(ids, &g_array_index(tree, struct thread_place, i).id);
  return true;
}

/* Of a folded thread its first letter stands for all. */
static bool
append_folded(struct view *view, const GArray *tree, int64_t thread, GPtrArray *rows,
              GError **error)
{
  if (tree->len == 0)
    return true;
  guint before = rows->len;
  if (!append_row(view, &g_array_index(tree, struct thread_place, 0), rows, error))
    return false;
  if (rows->len == before)
    return true;
  struct row *row = rows->pdata[before];
  row->folded = tree->len - 1;
  return count_unread(view, tree, thread, &row->folded_unread, error);
}

/* Adds the letters of a thread on the way, from behind the letter `after` (0:
 * all) until there are `limit` rows. */
static bool
append_thread(struct view *view, const struct found *found, int64_t thread, int64_t after,
              guint limit, GPtrArray *rows, GError **error)
{
  g_autoptr(GArray) tree = thread_tree(view->conn, thread, view->folder,
                                       found != NULL ? found->ids : NULL, error);
  if (tree == NULL)
    return false;
  if (is_folded(view, thread))
    return after != 0 || append_folded(view, tree, thread, rows, error);
  bool open = after == 0;
  for (guint i = 0; i < tree->len && rows->len < limit; i++) {
    guint at = view->asked->backwards ? tree->len - 1 - i : i;
    const struct thread_place *place = &g_array_index(tree, struct thread_place, at);
    if (open && !append_row(view, place, rows, error))
      return false;
    open = open || place->id == after;
  }
  return true;
}

/* Where `after` stands: its thread may have been joined to another meanwhile. */
static bool
find_spot(struct view *view, const struct found *found, struct spot *spot, GError **error)
{
  const struct row *after = view->asked->after;
  *spot = (struct spot){(int64_t)after->thread, after->id};
  if (!conn_number(view->conn, &spot->thread, spot->thread, error,
                   "SELECT thread FROM letter WHERE id = ?", "i", after->id))
    return false;
  if (found == NULL)
    return conn_number(view->conn, &spot->newest, after->id, error,
                       "SELECT id FROM newest WHERE thread = ? AND folder = ?", "ii", spot->thread,
                       view->folder);
  for (guint i = 0; i < found->spots->len; i++)
    if (g_array_index(found->spots, struct spot, i).thread == spot->thread)
      *spot = g_array_index(found->spots, struct spot, i);
  return true;
}

static bool
append_threads(struct view *view, const struct found *found, int64_t beside, guint limit,
               GPtrArray *rows, GError **error)
{
  guint wanted = limit - rows->len;
  g_autoptr(GArray) spots =
      found != NULL ? spots_of_found(found, view->asked->backwards, beside, wanted)
                    : spots_of_index(view, beside, wanted, error);
  if (spots == NULL)
    return false;
  for (guint i = 0; i < spots->len && rows->len < limit; i++)
    if (!append_thread(view, found, g_array_index(spots, struct spot, i).thread, 0, limit, rows,
                       error))
      return false;
  return true;
}

GPtrArray *
view_threads(struct view *view, guint limit, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  g_autoptr(found_t) found = NULL;
  if (view->query != NULL && (found = found_new(view, error)) == NULL)
    return NULL;
  const struct row *after = view->asked->after;
  struct spot spot = {0, view->asked->backwards ? 0 : INT64_MAX};
  if (after != NULL && (!find_spot(view, found, &spot, error) ||
                        !append_thread(view, found, spot.thread, after->id, limit, rows, error)))
    return NULL;
  if (!append_threads(view, found, spot.newest, limit, rows, error))
    return NULL;
  if (view->asked->backwards)
    rows_reverse(rows);
  return g_steal_pointer(&rows);
}

/* ---- places ---- */

static bool
count_spots(struct view *view, const struct found *found, int64_t above, guint64 *n_out,
            GError **error)
{
  *n_out = 0;
  if (found == NULL) {
    int64_t n;
    if (!conn_number(view->conn, &n, 0, error,
                     "SELECT count(*) FROM newest WHERE folder = ? AND id > ?", "ii",
                     view->folder, above))
      return false;
    *n_out = (guint64)n;
    return true;
  }
  for (guint i = 0; i < found->spots->len; i++)
    *n_out += g_array_index(found->spots, struct spot, i).newest > above;
  return true;
}

static bool
find_found(struct view *view, struct found **found_out, GError **error)
{
  *found_out = view->query != NULL ? found_new(view, error) : NULL;
  return view->query == NULL || *found_out != NULL;
}

/* The thread that `n` others stand before: 0 when there are not so many. */
static bool
nth_thread(struct view *view, const struct found *found, guint64 n, int64_t *thread_out,
           GError **error)
{
  *thread_out = 0;
  if (found == NULL)
    return conn_number(view->conn, thread_out, 0, error,
                       "SELECT thread FROM newest WHERE folder = ? ORDER BY id DESC LIMIT 1"
                       " OFFSET ?", "ii", view->folder, (int64_t)n);
  if (n < found->spots->len)
    *thread_out = g_array_index(found->spots, struct spot, (guint)n).thread;
  return true;
}

static GArray *
tree_of(struct view *view, const struct found *found, int64_t thread, GError **error)
{
  return thread_tree(view->conn, thread, view->folder, found != NULL ? found->ids : NULL, error);
}

/* The letter that stands `n` of `of` parts down in its thread; a thread may be as long as
 * a folder. */
static bool
append_part(struct view *view, const struct found *found, int64_t thread, guint64 n, guint64 of,
            GPtrArray *rows, GError **error)
{
  g_autoptr(GArray) tree = tree_of(view, found, thread, error);
  if (tree == NULL)
    return false;
  if (tree->len == 0 || is_folded(view, thread))
    return append_folded(view, tree, thread, rows, error);
  guint at = (guint)(n * tree->len / of);
  return append_row(view, &g_array_index(tree, struct thread_place, at), rows, error);
}

GPtrArray *
view_thread_at(struct view *view, guint64 n, guint64 of, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  g_autoptr(found_t) found = NULL;
  guint64 all;
  int64_t thread;
  of = MAX(of, 1);
  if (!find_found(view, &found, error) || !count_spots(view, found, 0, &all, error) ||
      !nth_thread(view, found, all * n / of, &thread, error) ||
      (thread != 0 && !append_part(view, found, thread, all * n % of, of, rows, error)))
    return NULL;
  return g_steal_pointer(&rows);
}

/* In parts of a thread. */
static bool
place_in_thread(struct view *view, const struct found *found, int64_t thread, guint64 *parts_out,
                GError **error)
{
  *parts_out = 0;
  if (is_folded(view, thread))
    return true;
  g_autoptr(GArray) tree = tree_of(view, found, thread, error);
  for (guint i = 0; tree != NULL && i < tree->len; i++)
    if (g_array_index(tree, struct thread_place, i).id == view->asked->after->id)
      *parts_out = (guint64)i * PARTS / tree->len;
  return tree != NULL;
}

bool
view_thread_place(struct view *view, guint64 *before_out, guint64 *all_out, GError **error)
{
  g_autoptr(found_t) found = NULL;
  struct spot spot;
  guint64 parts;
  if (!find_found(view, &found, error) || !find_spot(view, found, &spot, error) ||
      !count_spots(view, found, spot.newest, before_out, error) ||
      !count_spots(view, found, 0, all_out, error) ||
      !place_in_thread(view, found, spot.thread, &parts, error))
    return false;
  *before_out = *before_out * PARTS + parts;
  *all_out *= PARTS;
  return true;
}

/* ---- the next unread ---- */

static struct row *
first_unread(GPtrArray *rows, bool backwards)
{
  for (guint i = 0; i < rows->len; i++) {
    guint at = backwards ? rows->len - 1 - i : i;
    const struct row *row = rows->pdata[at];
    if ((row->flags & ROW_SEEN) == 0 && row->thread_mark != THREAD_MUTED)
      return g_ptr_array_steal_index(rows, at);
  }
  return NULL;
}

/* The nearest thread on the way that has an unread letter: 0 when none has. */
static bool
unread_thread(struct view *view, int64_t beside, int64_t *thread_out, GError **error)
{
  const char *sql = view->asked->backwards
                        ? "SELECT n.thread FROM letter l JOIN newest n ON n.thread = l.thread"
                          " AND n.folder = ?1 WHERE (?1 = 0 OR l.folder = ?1)"
                          WANTS_READING " AND n.id > ?2 ORDER BY n.id LIMIT 1"
                        : "SELECT n.thread FROM letter l JOIN newest n ON n.thread = l.thread"
                          " AND n.folder = ?1 WHERE (?1 = 0 OR l.folder = ?1)"
                          WANTS_READING " AND n.id < ?2 ORDER BY n.id DESC LIMIT 1";
  return conn_number(view->conn, thread_out, 0, error, sql, "ii", view->folder, beside);
}

/* A search's letters are all looked at: there are as many as it found. */
static struct row *
unread_of_query(struct view *view, GError **error)
{
  g_autoptr(GPtrArray) rows = view_threads(view, G_MAXUINT, error);
  return rows != NULL ? first_unread(rows, view->asked->backwards) : NULL;
}

/* The first on the way behind the letter `after` (0: of all); NULL: there is none. */
static struct row *
unread_of_thread(struct view *view, int64_t thread, int64_t after, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  g_autoptr(GHashTable) ids = unread_in(view, thread, true, error);
  if (ids == NULL || g_hash_table_size(ids) == 0)
    return NULL;
  g_autoptr(GArray) tree = tree_of(view, NULL, thread, error);
  bool open = after == 0;
  for (guint i = 0; tree != NULL && i < tree->len; i++) {
    guint at = view->asked->backwards ? tree->len - 1 - i : i;
    const struct thread_place *place = &g_array_index(tree, struct thread_place, at);
    if (open && g_hash_table_contains(ids, &place->id)) {
      if (!append_row(view, place, rows, error))
        return NULL;
      break;
    }
    open = open || place->id == after;
  }
  return rows->len > 0 ? g_ptr_array_steal_index(rows, 0) : NULL;
}

struct row *
view_thread_unread(struct view *view, GError **error)
{
  view->unfolded = true;
  if (view->query != NULL)
    return unread_of_query(view, error);
  const struct row *after = view->asked->after;
  struct spot spot = {0, view->asked->backwards ? 0 : INT64_MAX};
  GError *failed = NULL;
  if (after != NULL && !find_spot(view, NULL, &spot, error))
    return NULL;
  struct row *here =
      after != NULL ? unread_of_thread(view, spot.thread, after->id, &failed) : NULL;
  int64_t thread;
  if (failed != NULL)
    g_propagate_error(error, failed);
  if (here != NULL || failed != NULL || !unread_thread(view, spot.newest, &thread, error) ||
      thread == 0)
    return here;
  return unread_of_thread(view, thread, 0, error);
}
