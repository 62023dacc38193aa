/* Threads in the index when the user put a letter elsewhere, or took that back. */
#include "store/index-private.h"

static GArray *
numbers_new(void)
{
  return g_array_new(FALSE, FALSE, sizeof(int64_t));
}

/* The thread of an id: 0 when no letter here names it. */
static bool
thread_of(struct conn *conn, int64_t hash, int64_t *thread_out, GError **error)
{
  return conn_number(conn, thread_out, 0, error, "SELECT thread FROM ref WHERE hash = ?", "i",
                     hash);
}

/* ---- what hangs below ---- */

/* hash → GArray of the hashes that hang below it. */
static GHashTable *
children_of(GHashTable *parents)
{
  GHashTable *children = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL,
                                               (GDestroyNotify)g_array_unref);
  GHashTableIter iter;
  void *hash, *parent;
  g_hash_table_iter_init(&iter, parents);
  while (g_hash_table_iter_next(&iter, &hash, &parent)) {
    GArray *below = g_hash_table_lookup(children, parent);
    if (below == NULL) {
      below = numbers_new();
      g_hash_table_insert(children, parent, below);
    }
    g_array_append_val(below, *(int64_t *)hash);
  }
  return children;
}

/* The id and all that hangs below it; a circle ends where it began. */
static GArray *
branch_of(GHashTable *parents, int64_t hash)
{
  g_autoptr(GHashTable) children = children_of(parents);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  GArray *branch = numbers_new();
  g_array_append_val(branch, hash);
  g_hash_table_add(seen, g_memdup2(&hash, sizeof hash));
  for (guint i = 0; i < branch->len; i++) {
    GArray *below = g_hash_table_lookup(children, &g_array_index(branch, int64_t, i));
    for (guint j = 0; below != NULL && j < below->len; j++) {
      int64_t one = g_array_index(below, int64_t, j);
      if (g_hash_table_add(seen, g_memdup2(&one, sizeof one)))
        g_array_append_val(branch, one);
    }
  }
  return branch;
}

bool
thread_is_below(struct conn *conn, int64_t thread, int64_t hash, int64_t above, bool *below_out,
                GError **error)
{
  g_autoptr(GHashTable) parents = thread_parents(conn, thread, error);
  if (parents == NULL)
    return false;
  g_autoptr(GArray) branch = branch_of(parents, above);
  *below_out = false;
  for (guint i = 1; i < branch->len; i++)
    *below_out |= g_array_index(branch, int64_t, i) == hash;
  return true;
}

/* ---- parting ---- */

static bool
count_anew(struct conn *conn, int64_t thread, GError **error)
{
  return conn_run(conn, error, "DELETE FROM newest WHERE thread = ?", "i", thread) &&
         conn_run(conn, error,
                  "INSERT INTO newest(folder, thread, id)"
                  " SELECT folder, thread, max(id) FROM letter WHERE thread = ? GROUP BY folder",
                  "i", thread) &&
         conn_run(conn, error,
                  "INSERT INTO newest(folder, thread, id)"
                  " SELECT 0, thread, max(id) FROM newest WHERE thread = ? GROUP BY thread",
                  "i", thread);
}

static bool
mark_anew(struct conn *conn, int64_t thread, GError **error)
{
  return conn_run(conn, error, "DELETE FROM thread_mark WHERE thread = ?", "i", thread) &&
         conn_run(conn, error,
                  "INSERT INTO thread_mark(thread, mark) SELECT r.thread, max(h.mark) FROM hand h"
                  " CROSS JOIN ref r ON r.hash = h.hash WHERE h.mark <> 0 AND r.thread = ?"
                  " GROUP BY r.thread",
                  "i", thread);
}

/* The id and all below it get a thread of their own. */
static bool
part(struct conn *conn, int64_t thread, int64_t hash, int64_t *part_out, GError **error)
{
  g_autoptr(GHashTable) parents = thread_parents(conn, thread, error);
  if (parents == NULL ||
      !conn_number(conn, part_out, 1, error, "SELECT max(thread) + 1 FROM ref", ""))
    return false;
  g_autoptr(GArray) branch = branch_of(parents, hash);
  for (guint i = 0; i < branch->len; i++) {
    int64_t one = g_array_index(branch, int64_t, i);
    if (!conn_run(conn, error, "UPDATE ref SET thread = ? WHERE hash = ?", "ii", *part_out, one) ||
        !conn_run(conn, error, "UPDATE letter SET thread = ? WHERE message_hash = ? AND thread = ?",
                  "iii", *part_out, one, thread))
      return false;
  }
  return count_anew(conn, thread, error) && count_anew(conn, *part_out, error) &&
         mark_anew(conn, thread, error) && mark_anew(conn, *part_out, error);
}

/* ---- joining ---- */

/* What it hangs below now, by hand or by its References: 0 when that is nothing. */
static bool
parent_of(struct conn *conn, const struct hand *hand, int64_t *parent_out, GError **error)
{
  *parent_out = hand->parent;
  return hand->placed || conn_number(conn, parent_out, 0, error,
                                     "SELECT parent FROM ref WHERE hash = ?", "i", hand->hash);
}

static bool
join_parent(struct conn *conn, const struct hand *hand, int64_t thread, GError **error)
{
  int64_t parent, other, united;
  if (!parent_of(conn, hand, &parent, error))
    return false;
  if (parent == 0 || parent == hand->hash)
    return true;
  if (!conn_run(conn, error, "INSERT OR IGNORE INTO ref(hash, thread) VALUES(?, ?)", "ii", parent,
                thread) ||
      !thread_of(conn, parent, &other, error))
    return false;
  g_autoptr(GArray) threads = numbers_new();
  g_array_append_val(threads, thread);
  if (other != thread)
    g_array_append_val(threads, other);
  return thread_unite(conn, threads, &united, error);
}

static bool
keep(struct conn *conn, const struct hand *hand, GError **error)
{
  conn->hands = HANDS_UNKNOWN;
  if (!hand->placed && hand->mark == 0)
    return conn_run(conn, error, "DELETE FROM hand WHERE hash = ?", "i", hand->hash);
  return conn_run(conn, error,
                  hand->placed ? "INSERT OR REPLACE INTO hand VALUES(?1, ?2, ?3)"
                               : "INSERT OR REPLACE INTO hand VALUES(?1, NULL, ?3)",
                  "iii", hand->hash, hand->parent, (int64_t)hand->mark);
}

bool
thread_set_hand(struct conn *conn, const struct hand *hand, GError **error)
{
  struct hand before = {.hash = hand->hash};
  int64_t thread, own;
  if (!thread_hand(conn, &before, error) || !thread_of(conn, hand->hash, &thread, error))
    return false;
  bool moves = before.placed != hand->placed || before.parent != hand->parent;
  if (thread == 0)
    return keep(conn, hand, error);
  if (!moves)
    return keep(conn, hand, error) && mark_anew(conn, thread, error);
  return part(conn, thread, hand->hash, &own, error) && keep(conn, hand, error) &&
         join_parent(conn, hand, own, error) &&
         thread_of(conn, hand->hash, &thread, error) && mark_anew(conn, thread, error);
}
