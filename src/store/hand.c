/* Threads by hand: what the user joined, broke off, muted or watches.  state.db keeps
 * it, named by the letter's Message-ID (or base name), so that it holds for every copy
 * and after a rebuild; the table `hand` of the index mirrors it.  One way leads from
 * one to the other, hand_follow(), whoever changed what: this store, another process, a
 * crash between the two, or a rebuild. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "store/disk.h"
#include "store/index-private.h"

static void
add_edit(GHashTable *edits, int64_t hash, bool placed, int64_t parent, int mark)
{
  struct hand *hand = g_new0(struct hand, 1);
  *hand = (struct hand){hash, placed, parent, mark};
  g_hash_table_replace(edits, &hand->hash, hand);
}

static void
take_edit(GHashTable *edits, sqlite3_stmt *stmt)
{
  add_edit(edits, sqlite3_column_int64(stmt, 0), sqlite3_column_type(stmt, 1) != SQLITE_NULL,
           sqlite3_column_int64(stmt, 1), sqlite3_column_int(stmt, 2));
}

static GHashTable *
edits_new(void)
{
  return g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

#define HAND_COLUMNS "SELECT hash, parent, mark FROM "

/* ---- state.db ---- */

static GHashTable *
load_state(struct store *store, GError **error)
{
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, error))
    return NULL;
  g_autoptr(GHashTable) edits = edits_new();
  g_autoptr(state_stmt_t) rows = state_prepare(&txn, error, HAND_COLUMNS "thread_edits", "");
  enum step step = rows != NULL ? STEP_ROW : STEP_FAILED;
  while (step == STEP_ROW && (step = state_step(&txn, rows, error)) == STEP_ROW)
    take_edit(edits, rows);
  return step == STEP_DONE ? g_steal_pointer(&edits) : NULL;
}

static bool
read_edit(txn_t *txn, struct hand *hand, GError **error)
{
  g_autoptr(state_stmt_t) rows = state_prepare(
      txn, error, HAND_COLUMNS "thread_edits WHERE hash = ?", "i", hand->hash);
  enum step step = rows != NULL ? state_step(txn, rows, error) : STEP_FAILED;
  hand->placed = step == STEP_ROW && sqlite3_column_type(rows, 1) != SQLITE_NULL;
  hand->parent = step == STEP_ROW ? sqlite3_column_int64(rows, 1) : 0;
  hand->mark = step == STEP_ROW ? sqlite3_column_int(rows, 2) : 0;
  return step != STEP_FAILED;
}

static bool
write_edit(txn_t *txn, const struct hand *hand, GError **error)
{
  if (!hand->placed && hand->mark == 0)
    return state_run(txn, error, "DELETE FROM thread_edits WHERE hash = ?", "i", hand->hash);
  return state_run(txn, error,
                   hand->placed ? "INSERT OR REPLACE INTO thread_edits VALUES(?1, ?2, ?3)"
                                : "INSERT OR REPLACE INTO thread_edits VALUES(?1, NULL, ?3)",
                   "iii", hand->hash, hand->parent, (int64_t)hand->mark);
}

/* As an undo step keeps it: "PARENT MARK", PARENT "-" when References decide. */
static char *
edit_text(const struct hand *hand)
{
  return hand->placed ? g_strdup_printf("%" G_GINT64_FORMAT " %d", hand->parent, hand->mark)
                      : g_strdup_printf("- %d", hand->mark);
}

static void
edit_of_text(const char *text, struct hand *hand)
{
  char *end = NULL;
  hand->placed = *text != '-';
  hand->parent = hand->placed ? g_ascii_strtoll(text, &end, 10) : 0;
  const char *mark = strchr(text, ' ');
  hand->mark = mark != NULL ? (int)g_ascii_strtoll(mark, NULL, 10) : 0;
}

static bool
change_edit(txn_t *txn, const char *key, const struct hand *hand, GPtrArray *steps,
            GError **error)
{
  struct hand before = {.hash = hand->hash};
  if (!read_edit(txn, &before, error) || !write_edit(txn, hand, error))
    return false;
  g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT, hand->hash);
  g_autofree char *was = edit_text(&before);
  g_autofree char *now = edit_text(hand);
  if (strcmp(was, now) != 0)
    undo_steps_add(steps, key, name, was, now);
  return true;
}

/* ---- the index follows ---- */

static GHashTable *
load_mirror(struct conn *conn, GError **error)
{
  g_autoptr(GHashTable) edits = edits_new();
  auto_stmt *stmt = conn_query(conn, error, HAND_COLUMNS "hand", "");
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1)
    take_edit(edits, stmt);
  return step == 0 ? g_steal_pointer(&edits) : NULL;
}

static bool
is_same(const struct hand *a, const struct hand *b)
{
  return a != NULL && b != NULL && a->placed == b->placed && a->parent == b->parent &&
         a->mark == b->mark;
}

/* Those of `wanted` that `there` lacks or has otherwise, and those of `there` that are
 * wanted no more, without a place and a mark. */
static GArray *
differences(GHashTable *wanted, GHashTable *there)
{
  GArray *changes = g_array_new(FALSE, FALSE, sizeof(struct hand));
  GHashTableIter iter;
  void *value;
  g_hash_table_iter_init(&iter, wanted);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const struct hand *hand = value;
    if (!is_same(hand, g_hash_table_lookup(there, &hand->hash)))
      g_array_append_val(changes, *hand);
  }
  g_hash_table_iter_init(&iter, there);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    struct hand gone = {.hash = ((const struct hand *)value)->hash};
    if (!g_hash_table_contains(wanted, &gone.hash))
      g_array_append_val(changes, gone);
  }
  return changes;
}

static GArray *
changes_of(struct store *store, GError **error)
{
  g_autoptr(GHashTable) wanted = load_state(store, error);
  g_autoptr(conn_t) conn = wanted != NULL ? conn_read(store, NULL, error) : NULL;
  g_autoptr(GHashTable) there = conn != NULL ? load_mirror(conn, error) : NULL;
  return there != NULL ? differences(wanted, there) : NULL;
}

bool
hand_follow(struct store *store, bool *changed_out, GError **error)
{
  g_autoptr(GArray) changes = changes_of(store, error);
  if (changes == NULL)
    return false;
  if (changes->len == 0)
    return true;
  g_autoptr(conn_t) conn = conn_write(store, NULL, error);
  if (conn == NULL)
    return false;
  for (guint i = 0; i < changes->len; i++)
    if (!thread_set_hand(conn, &g_array_index(changes, struct hand, i), error))
      return false;
  if (changed_out != NULL)
    *changed_out = true;
  return conn_commit(conn, error);
}

/* ---- what the user says ---- */

/* A letter as threads know it. */
struct named { const char *key; int64_t hash, thread; };

static bool
name_one(struct conn *conn, const char *key, struct named *named, GError **error)
{
  g_autofree char *folder = NULL, *base = NULL;
  if (!key_split(key, &folder, &base))
    return error_set(error, POSTINO_ERROR_NOTFOUND, _("no such letter"));
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT l.message_hash, l.thread FROM folder f JOIN letter l"
                               " ON l.folder = f.id WHERE f.name = ? AND l.base = ?",
                               "ss", folder, base);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  if (step == 0)
    return error_set(error, POSTINO_ERROR_NOTFOUND,
                     _("the letter is no longer in the index; look for changes and try again"));
  if (step == 1)
    *named = (struct named){key, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
  return step == 1;
}

static GArray *
name_all(struct conn *conn, const char *const *keys, GError **error)
{
  g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct named));
  for (; *keys != NULL; keys++) {
    struct named named;
    if (!name_one(conn, *keys, &named, error))
      return NULL;
    g_array_append_val(all, named);
  }
  return g_steal_pointer(&all);
}

/* `edits`: struct hand, one for each of `letters`. */
static bool
change_all(struct store *store, const GArray *letters, const GArray *edits, GError **error)
{
  g_autoptr(GPtrArray) steps = undo_steps_new();
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, true, error))
    return false;
  for (guint i = 0; i < edits->len; i++)
    if (!change_edit(&txn, g_array_index(letters, struct named, i).key,
                     &g_array_index(edits, struct hand, i), steps, error))
      return false;
  return undo_record(&txn, UNDO_THREAD, steps, error) && txn_commit(&txn, error) &&
         hand_follow(store, NULL, error);
}

/* The edit that a letter has now, to be changed in part. */
static bool
present_edit(struct conn *conn, int64_t hash, struct hand *hand, GError **error)
{
  *hand = (struct hand){.hash = hash};
  return thread_hand(conn, hand, error);
}

static bool
place_all(struct conn *conn, const GArray *letters, int64_t parent, GArray *edits,
          GError **error)
{
  for (guint i = 0; i < letters->len; i++) {
    struct hand hand;
    if (!present_edit(conn, g_array_index(letters, struct named, i).hash, &hand, error))
      return false;
    hand.placed = true;
    hand.parent = parent;
    g_array_append_val(edits, hand);
  }
  return true;
}

/* Below itself, or below what hangs below it, a letter would hang nowhere. */
static bool
may_hang(struct conn *conn, const GArray *letters, const struct named *parent, GError **error)
{
  for (guint i = 0; i < letters->len; i++) {
    const struct named *letter = &g_array_index(letters, struct named, i);
    bool below = letter->hash == parent->hash;
    if (!below && letter->thread == parent->thread &&
        !thread_is_below(conn, letter->thread, parent->hash, letter->hash, &below, error))
      return false;
    if (below)
      return error_set(error, POSTINO_ERROR_INVALID,
                       _("a letter cannot be joined below itself or below its own answers; put the "
                         "cursor on another one"));
  }
  return true;
}

bool
store_thread_join(struct store *store, const char *const *keys, const char *below, GError **error)
{
  g_autoptr(GArray) letters = NULL, edits = g_array_new(FALSE, FALSE, sizeof(struct hand));
  {
    g_autoptr(conn_t) conn = conn_read(store, NULL, error);
    struct named parent;
    if (conn == NULL || !name_one(conn, below, &parent, error) ||
        (letters = name_all(conn, keys, error)) == NULL ||
        !may_hang(conn, letters, &parent, error) ||
        !place_all(conn, letters, parent.hash, edits, error))
      return false;
  }
  return change_all(store, letters, edits, error);
}

bool
store_thread_break(struct store *store, const char *const *keys, GError **error)
{
  g_autoptr(GArray) letters = NULL, edits = g_array_new(FALSE, FALSE, sizeof(struct hand));
  {
    g_autoptr(conn_t) conn = conn_read(store, NULL, error);
    if (conn == NULL || (letters = name_all(conn, keys, error)) == NULL ||
        !place_all(conn, letters, 0, edits, error))
      return false;
  }
  return change_all(store, letters, edits, error);
}

/* Every letter of the thread that has a mark loses it; one has the new one. */
static bool
mark_thread(struct conn *conn, const struct named *letter, int mark, GArray *names, GArray *edits,
            GError **error)
{
  struct hand own;
  if (!present_edit(conn, letter->hash, &own, error))
    return false;
  own.mark = mark;
  g_array_append_val(names, *letter);
  g_array_append_val(edits, own);
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT h.hash, h.parent, h.mark FROM hand h CROSS JOIN ref r"
                               " ON r.hash = h.hash WHERE h.mark <> 0 AND r.thread = ?"
                               " AND h.hash <> ?", "ii", letter->thread, letter->hash);
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1) {
    struct hand other = {sqlite3_column_int64(stmt, 0),
                         sqlite3_column_type(stmt, 1) != SQLITE_NULL,
                         sqlite3_column_int64(stmt, 1), 0};
    g_array_append_val(names, *letter);
    g_array_append_val(edits, other);
  }
  return step == 0;
}

bool
store_thread_mark(struct store *store, const char *const *keys, enum thread_mark mark,
                  GError **error)
{
  g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(struct named));
  g_autoptr(GArray) edits = g_array_new(FALSE, FALSE, sizeof(struct hand));
  {
    g_autoptr(conn_t) conn = conn_read(store, NULL, error);
    g_autoptr(GArray) letters = conn != NULL ? name_all(conn, keys, error) : NULL;
    if (letters == NULL)
      return false;
    for (guint i = 0; i < letters->len; i++)
      if (!mark_thread(conn, &g_array_index(letters, struct named, i), (int)mark, names, edits,
                       error))
        return false;
  }
  return change_all(store, names, edits, error);
}

/* ---- taking back ---- */

bool
hand_undo(struct store *store, const struct undo_step *step, GError **error)
{
  struct hand hand = {.hash = g_ascii_strtoll(step->digest != NULL ? step->digest : "", NULL, 10)};
  g_auto(txn_t) txn = {0};
  if (hand.hash == 0 || !txn_begin(&txn, store, true, error) || !read_edit(&txn, &hand, error))
    return false;
  g_autofree char *present = edit_text(&hand);
  /* Who changed it since has changed his mind. */
  if (strcmp(present, step->now) != 0)
    return false;
  edit_of_text(step->was, &hand);
  return write_edit(&txn, &hand, error) && txn_commit(&txn, error) &&
         hand_follow(store, NULL, error);
}
