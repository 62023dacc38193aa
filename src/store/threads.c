/* Threads after JWZ's idea: every id ever named knows the id before it, so that
 * a missing letter still holds its answers together; all ids that hang together
 * carry one thread number. */
#include <string.h>

#include "store/index-private.h"

/* An answer that names no letter belongs to a letter of its subject that came
 * at most so long before it. */
#define SUBJECT_SECONDS ((int64_t)30 * 86400)
/* How many orphans of a subject are gathered when their letter comes late. */
#define ORPHANS 50
/* Missing letters between an answer and the nearest letter that is here. */
#define CLIMB 256
/* Sizes of threads are compared up to this, then it does not matter. */
#define SIZE_COMPARED 1000

void
thread_link_clear(struct thread_link *link)
{
  g_clear_pointer(&link->subject_key, g_free);
}

/* ---- joining ---- */

static void
add_once(GArray *threads, int64_t thread)
{
  for (guint i = 0; i < threads->len; i++)
    if (g_array_index(threads, int64_t, i) == thread)
      return;
  g_array_append_val(threads, thread);
}

/* A letter's ids, oldest first, its own last.  What stands before `start` says who the
 * parent would be, but its threads are others: the user put the id at `start` elsewhere. */
struct chain {
  GArray *ids;              /* int64_t */
  GArray *settled;          /* int64_t: the thread of each of which nothing is to be noted but
                             * another thread; 0: something is */
  guint start;
  int64_t below;            /* what the id at `start` was put below, or 0 */
  int mark;                 /* the greatest that the user gave to any of them */
};

static void
chain_clear(struct chain *chain)
{
  g_clear_pointer(&chain->ids, g_array_unref);
  g_clear_pointer(&chain->settled, g_array_unref);
}
typedef struct chain chain_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(chain_t, chain_clear)

/* Most people have said nothing of any thread. */
static bool
look_for_hands(struct conn *conn, GError **error)
{
  int64_t any;
  if (conn->hands == HANDS_UNKNOWN) {
    if (!conn_number(conn, &any, 0, error, "SELECT EXISTS (SELECT 1 FROM hand)", ""))
      return false;
    conn->hands = any != 0 ? HANDS_SOME : HANDS_NONE;
  }
  return true;
}

bool
thread_hand(struct conn *conn, struct hand *hand, GError **error)
{
  if (!look_for_hands(conn, error))
    return false;
  if (conn->hands == HANDS_NONE) {
    *hand = (struct hand){.hash = hand->hash};
    return true;
  }
  auto_stmt *stmt = conn_query(conn, error, "SELECT parent, mark FROM hand WHERE hash = ?", "i",
                               hand->hash);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  hand->placed = step == 1 && sqlite3_column_type(stmt, 0) != SQLITE_NULL;
  hand->parent = step == 1 ? sqlite3_column_int64(stmt, 0) : 0;
  hand->mark = step == 1 ? sqlite3_column_int(stmt, 1) : 0;
  return step >= 0;
}

static bool
look_at_hands(struct conn *conn, struct chain *chain, GError **error)
{
  for (guint i = 0; i < chain->ids->len; i++) {
    struct hand hand = {.hash = g_array_index(chain->ids, int64_t, i)};
    if (!thread_hand(conn, &hand, error))
      return false;
    chain->mark = MAX(chain->mark, hand.mark);
    if (hand.placed) {
      chain->start = i;
      chain->below = hand.parent;
    }
  }
  return true;
}

static GArray *
ids_of(const struct index_doc *doc, int64_t own)
{
  GArray *chain = g_array_new(FALSE, FALSE, sizeof(int64_t));
  for (char **id = doc->references; id != NULL && *id != NULL; id++) {
    int64_t hash = hash_of(*id);
    if (hash != own)
      add_once(chain, hash);
  }
  g_array_append_val(chain, own);
  return chain;
}

/* *settled_out: the thread, when it is known what the id hangs below (of one that is
 * `first` nothing says it), else 0. */
static bool
add_thread_of(struct conn *conn, int64_t hash, bool first, GArray *threads, int64_t *settled_out,
              GError **error)
{
  auto_stmt *stmt = conn_query(conn, error, "SELECT thread, parent FROM ref WHERE hash = ?", "i",
                               hash);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  *settled_out = 0;
  if (step == 1) {
    int64_t thread = sqlite3_column_int64(stmt, 0);
    add_once(threads, thread);
    if (first || sqlite3_column_type(stmt, 1) != SQLITE_NULL)
      *settled_out = thread;
  }
  return step >= 0;
}

static bool
threads_of_chain(struct conn *conn, struct chain *chain, GArray *threads, GError **error)
{
  int64_t settled;
  chain->settled = g_array_new(FALSE, FALSE, sizeof settled);
  for (guint i = chain->start; i < chain->ids->len; i++) {
    if (!add_thread_of(conn, g_array_index(chain->ids, int64_t, i), i == 0, threads, &settled,
                       error))
      return false;
    g_array_append_val(chain->settled, settled);
  }
  return chain->below == 0 ||
         add_thread_of(conn, chain->below, true, threads, &settled, error);
}

/* The letter that an orphan answers: *hash_out is 0 when there is none. */
static bool
find_by_subject(struct conn *conn, const struct thread_link *link, int64_t folder, int64_t id,
                int64_t *hash_out, GArray *threads, GError **error)
{
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT message_hash, thread FROM letter WHERE folder = ?"
                               " AND subject_key = ? AND id < ? AND id > ?"
                               " ORDER BY id DESC LIMIT 1",
                               "isii", folder, link->subject_key, id,
                               id - (SUBJECT_SECONDS << LETTER_ID_BITS));
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  *hash_out = 0;
  if (step == 1) {
    *hash_out = sqlite3_column_int64(stmt, 0);
    add_once(threads, sqlite3_column_int64(stmt, 1));
  }
  return step >= 0;
}

/* Orphans that came before the letter that they answer. */
static bool
gather_orphans(struct conn *conn, const struct thread_link *link, int64_t folder, int64_t id,
               GArray *threads, GError **error)
{
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT thread FROM letter INDEXED BY letter_orphan"
                               " WHERE folder = ? AND subject_key = ?"
                               " AND id > ? AND id < ? AND orphan = 1 AND NOT EXISTS (SELECT 1"
                               " FROM hand h WHERE h.hash = message_hash AND h.parent IS NOT NULL)"
                               " ORDER BY id LIMIT ?",
                               "isiii", folder, link->subject_key, id,
                               id + (SUBJECT_SECONDS << LETTER_ID_BITS), (int64_t)ORPHANS);
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1)
    add_once(threads, sqlite3_column_int64(stmt, 0));
  return step == 0;
}

static bool
merge(struct conn *conn, int64_t from, int64_t into, GError **error)
{
  return conn_run(conn, error, "UPDATE ref SET thread = ? WHERE thread = ?", "ii", into, from) &&
         conn_run(conn, error, "UPDATE letter SET thread = ? WHERE thread = ?", "ii", into, from) &&
         conn_run(conn, error,
                  "INSERT INTO newest(folder, thread, id)"
                  " SELECT folder, ?, id FROM newest WHERE thread = ?"
                  " ON CONFLICT DO UPDATE SET id = max(id, excluded.id)",
                  "ii", into, from) &&
         conn_run(conn, error, "DELETE FROM newest WHERE thread = ?", "i", from) &&
         conn_run(conn, error,
                  "INSERT INTO thread_mark(thread, mark) SELECT ?, mark FROM thread_mark"
                  " WHERE thread = ? ON CONFLICT DO UPDATE SET mark = max(mark, excluded.mark)",
                  "ii", into, from) &&
         conn_run(conn, error, "DELETE FROM thread_mark WHERE thread = ?", "i", from);
}

/* The smaller ones move into the largest, so that a thread that grows by joining
 * stays cheap. */
bool
thread_unite(struct conn *conn, const GArray *threads, int64_t *thread_out, GError **error)
{
  int64_t best = g_array_index(threads, int64_t, 0), best_size = -1;
  for (guint i = 0; threads->len > 1 && i < threads->len; i++) {
    int64_t thread = g_array_index(threads, int64_t, i), size;
    if (!conn_number(conn, &size, 0, error,
                     "SELECT count(*) FROM (SELECT 1 FROM ref WHERE thread = ? LIMIT ?)", "ii",
                     thread, (int64_t)SIZE_COMPARED))
      return false;
    if (size > best_size || (size == best_size && thread < best)) {
      best = thread;
      best_size = size;
    }
  }
  for (guint i = 0; i < threads->len; i++) {
    int64_t thread = g_array_index(threads, int64_t, i);
    if (thread != best && !merge(conn, thread, best, error))
      return false;
  }
  *thread_out = best;
  return true;
}

/* A letter's own References say who its parent is; of others' they only fill
 * what is not known yet. */
static bool
note_chain(struct conn *conn, const struct chain *chain, int64_t thread, int64_t parent,
           GError **error)
{
  const GArray *ids = chain->ids;
  for (guint i = chain->start; i < ids->len; i++) {
    int64_t hash = g_array_index(ids, int64_t, i);
    bool own = i + 1 == ids->len;
    if (!own && g_array_index(chain->settled, int64_t, i - chain->start) == thread)
      continue;
    int64_t before = i > 0 ? g_array_index(ids, int64_t, i - 1) : own ? parent : 0;
    if (!conn_run(conn, error,
                  "INSERT INTO ref(hash, thread, parent) VALUES(?1, ?2, nullif(?3, 0))"
                  " ON CONFLICT DO UPDATE SET thread = ?2, parent ="
                  " CASE WHEN ?4 AND ?3 <> 0 THEN ?3 ELSE coalesce(parent, nullif(?3, 0)) END",
                  "iiii", hash, thread, before, (int64_t)own))
      return false;
  }
  return (chain->below == 0 ||
          conn_run(conn, error, "INSERT OR IGNORE INTO ref(hash, thread) VALUES(?, ?)", "ii",
                   chain->below, thread)) &&
         (chain->mark == 0 ||
          conn_run(conn, error,
                   "INSERT INTO thread_mark(thread, mark) VALUES(?, ?)"
                   " ON CONFLICT DO UPDATE SET mark = max(mark, excluded.mark)",
                   "ii", thread, (int64_t)chain->mark));
}

/* The letters that an id's absence of a name is made up for by a subject: not where the
 * user said where it belongs. */
static bool
threads_of_subject(struct conn *conn, const struct thread_link *link, bool reply, int64_t folder,
                   int64_t id, int64_t *parent_out, GArray *threads, GError **error)
{
  struct hand own = {.hash = link->hash};
  if (*link->subject_key == '\0' || (reply && !link->orphan))
    return true;
  if (!thread_hand(conn, &own, error))
    return false;
  if (link->orphan)
    return own.placed || find_by_subject(conn, link, folder, id, parent_out, threads, error);
  return gather_orphans(conn, link, folder, id, threads, error);
}

bool
thread_join(struct conn *conn, const struct index_doc *doc, const char *base, int64_t folder,
            int64_t id, struct thread_link *link, GError **error)
{
  bool reply, named = doc->message_id != NULL && *doc->message_id != '\0';
  link->subject_key = sort_key_subject(doc->subject != NULL ? doc->subject : "", &reply);
  g_autofree char *stem = maildir_stem(base);
  link->hash = hash_of(named ? doc->message_id : stem);
  link->orphan = reply && (doc->references == NULL || doc->references[0] == NULL);
  g_auto(chain_t) chain = {.ids = ids_of(doc, link->hash)};
  g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(int64_t));
  int64_t parent = 0;
  if (!look_at_hands(conn, &chain, error) || !threads_of_chain(conn, &chain, threads, error) ||
      !threads_of_subject(conn, link, reply, folder, id, &parent, threads, error))
    return false;
  if (threads->len == 0) {
    int64_t fresh;
    if (!conn_number(conn, &fresh, 1, error, "SELECT max(thread) + 1 FROM ref", ""))
      return false;
    g_array_append_val(threads, fresh);
  }
  return thread_unite(conn, threads, &link->thread, error) &&
         note_chain(conn, &chain, link->thread, parent == link->hash ? 0 : parent, error);
}

/* ---- the newest of each ---- */

static bool
raise_newest(struct conn *conn, int64_t thread, int64_t folder, int64_t id, GError **error)
{
  return conn_run(conn, error,
                  "INSERT INTO newest(folder, thread, id) VALUES(?, ?, ?)"
                  " ON CONFLICT DO UPDATE SET id = max(id, excluded.id)",
                  "iii", folder, thread, id);
}

bool
thread_gained(struct conn *conn, int64_t thread, int64_t folder, int64_t id, GError **error)
{
  return raise_newest(conn, thread, folder, id, error) &&
         raise_newest(conn, thread, 0, id, error);
}

static bool
set_newest(struct conn *conn, int64_t thread, int64_t folder, int64_t newest, GError **error)
{
  if (newest == 0)
    return conn_run(conn, error, "DELETE FROM newest WHERE thread = ? AND folder = ?", "ii", thread,
                    folder);
  return conn_run(conn, error, "UPDATE newest SET id = ? WHERE thread = ? AND folder = ?", "iii",
                  newest, thread, folder);
}

bool
thread_lost(struct conn *conn, int64_t thread, int64_t folder, int64_t id, GError **error)
{
  int64_t was, newest;
  if (!conn_number(conn, &was, 0, error, "SELECT id FROM newest WHERE thread = ? AND folder = ?",
                   "ii", thread, folder))
    return false;
  if (was == id &&
      (!conn_number(conn, &newest, 0, error,
                    "SELECT max(id) FROM letter WHERE thread = ? AND folder = ?", "ii", thread,
                    folder) ||
       !set_newest(conn, thread, folder, newest, error)))
    return false;
  if (!conn_number(conn, &newest, 0, error,
                   "SELECT max(id) FROM newest WHERE thread = ? AND folder <> 0", "i", thread) ||
      !set_newest(conn, thread, 0, newest, error))
    return false;
  return newest != 0 ||
         (conn_run(conn, error, "DELETE FROM ref WHERE thread = ?", "i", thread) &&
          conn_run(conn, error, "DELETE FROM thread_mark WHERE thread = ?", "i", thread));
}

/* ---- the tree ---- */

struct node {
  int64_t id, hash;
  int parent, child, next;  /* places in the array; -1: none */
  bool placed;
};

static GArray *
load_nodes(struct conn *conn, int64_t thread, int64_t folder, GHashTable *only, GError **error)
{
  g_autoptr(GArray) nodes = g_array_new(FALSE, FALSE, sizeof(struct node));
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT id, message_hash FROM letter WHERE thread = ?1"
                               " AND (?2 = 0 OR folder = ?2) ORDER BY id",
                               "ii", thread, folder);
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1) {
    struct node node = {sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1), -1, -1, -1,
                        false};
    if (only == NULL || g_hash_table_contains(only, &node.id))
      g_array_append_val(nodes, node);
  }
  return step == 0 ? g_steal_pointer(&nodes) : NULL;
}

GHashTable *
thread_parents(struct conn *conn, int64_t thread, GError **error)
{
  g_autoptr(GHashTable) parents = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT r.hash, coalesce(h.parent, r.parent) AS above FROM ref r"
                               " LEFT JOIN hand h ON h.hash = r.hash WHERE r.thread = ?"
                               " AND above <> 0",
                               "i", thread);
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1) {
    int64_t hash = sqlite3_column_int64(stmt, 0), parent = sqlite3_column_int64(stmt, 1);
    g_hash_table_insert(parents, g_memdup2(&hash, sizeof hash), g_memdup2(&parent, sizeof parent));
  }
  return step == 0 ? g_steal_pointer(&parents) : NULL;
}

/* Hangs each letter below the nearest one before it that is here. */
static void
hang(GArray *nodes, GHashTable *parents)
{
  g_autoptr(GHashTable) places = g_hash_table_new(g_int64_hash, g_int64_equal);
  struct node *all = (struct node *)(void *)nodes->data;
  for (guint i = nodes->len; i-- > 0;)
    g_hash_table_insert(places, &all[i].hash, &all[i]);
  for (guint i = 0; i < nodes->len; i++) {
    const int64_t *hash = g_hash_table_lookup(parents, &all[i].hash);
    for (int hops = 0; hash != NULL && hops < CLIMB; hops++) {
      struct node *above = g_hash_table_lookup(places, hash);
      if (above != NULL && above->hash != all[i].hash) {
        all[i].parent = (int)(above - all);
        break;
      }
      hash = g_hash_table_lookup(parents, hash);
    }
  }
  for (guint i = nodes->len; i-- > 0;)
    if (all[i].parent >= 0) {
      all[i].next = all[all[i].parent].child;
      all[all[i].parent].child = (int)i;
    }
}

/* Takes a letter off the one above it: a circle of References is cut there. */
static void
cut(struct node *all, int at)
{
  int *link = &all[all[at].parent].child;
  while (*link != at)
    link = &all[*link].next;
  *link = all[at].next;
  all[at].parent = all[at].next = -1;
}

/* Depth first without recursion: a thread may be as deep as it is long. */
static void
walk_from(struct node *all, int root, GArray *out)
{
  int at = root, depth = 0;
  while (at >= 0) {
    struct thread_place place = {all[at].id, depth};
    g_array_append_val(out, place);
    all[at].placed = true;
    if (all[at].child >= 0) {
      at = all[at].child;
      depth++;
      continue;
    }
    while (at != root && all[at].next < 0) {
      at = all[at].parent;
      depth--;
    }
    at = at == root ? -1 : all[at].next;
  }
}

GArray *
thread_tree(struct conn *conn, int64_t thread, int64_t folder, GHashTable *only, GError **error)
{
  g_autoptr(GArray) nodes = load_nodes(conn, thread, folder, only, error);
  if (nodes == NULL)
    return NULL;
  g_autoptr(GHashTable) parents = nodes->len > 1 ? thread_parents(conn, thread, error)
                                                 : g_hash_table_new(NULL, NULL);
  if (parents == NULL)
    return NULL;
  GArray *out = g_array_sized_new(FALSE, FALSE, sizeof(struct thread_place), nodes->len);
  struct node *all = (struct node *)(void *)nodes->data;
  if (nodes->len > 1)
    hang(nodes, parents);
  for (guint i = 0; i < nodes->len; i++)
    if (all[i].parent < 0)
      walk_from(all, (int)i, out);
  for (guint i = 0; i < nodes->len; i++)
    if (!all[i].placed) {
      cut(all, (int)i);
      walk_from(all, (int)i, out);
    }
  return out;
}
