#include "store/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "store/disk.h"

#define OUTBOX "Outbox"
/* One wire copy in memory. */
#define LIMIT_COPY LIMIT_MIB(1024)
/* Wire copies without a row: only what a crash left, never what is being added. */
#define STALE_COPY_SECONDS (36 * 3600)

static void
recipient_free(gpointer data)
{
  struct ledger_recipient *recipient = data;
  g_free(recipient->spec);
  g_free(recipient->reason);
  g_free(recipient->status);
  g_free(recipient);
}

void
ledger_letter_free(struct ledger_letter *letter)
{
  if (letter == NULL)
    return;
  g_free(letter->id);
  g_free(letter->account);
  g_free(letter->from);
  g_free(letter->message_id);
  g_free(letter->digest);
  g_free(letter->base);
  g_free(letter->sent_folder);
  g_free(letter->reason);
  g_free(letter->dsn);
  if (letter->recipients != NULL)
    g_ptr_array_unref(letter->recipients);
  g_free(letter);
}

static void
free_element(gpointer letter)
{
  ledger_letter_free(letter);
}

/* ---- reading rows ---- */

#define COLUMNS                                                                               \
  "SELECT number, id, account, sender, message_id, digest, base, sent_folder, state, reason," \
  " attempts, created, changed, not_before, next_try, copies, dsn FROM letters "
#define UNFINISHED "state NOT IN (7, 8)"
G_STATIC_ASSERT(LETTER_DONE == 7 && LETTER_CANCELLED == 8);

static bool
read_recipients(txn_t *txn, int64_t number, struct ledger_letter *letter, GError **error)
{
  g_autoptr(state_stmt_t) rows =
      state_prepare(txn, error,
                    "SELECT spec, copy, state, reason, status, changed FROM recipients"
                    " WHERE letter = ? ORDER BY number",
                    "i", number);
  enum step step = rows != NULL ? STEP_ROW : STEP_FAILED;
  while (step == STEP_ROW && (step = state_step(txn, rows, error)) == STEP_ROW) {
    struct ledger_recipient *recipient = g_new0(struct ledger_recipient, 1);
    recipient->spec = state_text(rows, 0);
    recipient->copy = (guint)sqlite3_column_int64(rows, 1);
    recipient->state = (enum recipient_state)sqlite3_column_int(rows, 2);
    recipient->reason = state_text(rows, 3);
    recipient->status = state_text(rows, 4);
    recipient->changed = sqlite3_column_int64(rows, 5);
    g_ptr_array_add(letter->recipients, recipient);
  }
  return step == STEP_DONE;
}

static struct ledger_letter *
read_letter(txn_t *txn, sqlite3_stmt *row, GError **error)
{
  g_autoptr(ledger_letter_t) letter = g_new0(struct ledger_letter, 1);
  letter->recipients = g_ptr_array_new_with_free_func(recipient_free);
  letter->id = state_text(row, 1);
  letter->account = state_text(row, 2);
  letter->from = state_text(row, 3);
  letter->message_id = state_text(row, 4);
  letter->digest = state_text(row, 5);
  letter->base = state_text(row, 6);
  letter->sent_folder = state_text(row, 7);
  letter->state = (enum letter_state)sqlite3_column_int(row, 8);
  letter->reason = state_text(row, 9);
  letter->attempts = (guint)sqlite3_column_int64(row, 10);
  letter->created = sqlite3_column_int64(row, 11);
  letter->changed = sqlite3_column_int64(row, 12);
  letter->not_before = sqlite3_column_int64(row, 13);
  letter->next_try = sqlite3_column_int64(row, 14);
  letter->copies = (guint)sqlite3_column_int64(row, 15);
  letter->dsn = state_text(row, 16);
  if (!read_recipients(txn, sqlite3_column_int64(row, 0), letter, error))
    return NULL;
  return g_steal_pointer(&letter);
}

bool
ledger_is_empty(struct store *store)
{
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, NULL))
    return false;
  g_autoptr(state_stmt_t) row = state_prepare(&txn, NULL, "SELECT 1 FROM letters LIMIT 1", "");
  return row != NULL && state_step(&txn, row, NULL) == STEP_DONE;
}

GPtrArray *
ledger_open(struct store *store, GError **error)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(free_element);
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, error))
    return NULL;
  g_autoptr(state_stmt_t) rows =
      state_prepare(&txn, error, COLUMNS "WHERE " UNFINISHED " ORDER BY created, number", "");
  enum step step = rows != NULL ? STEP_ROW : STEP_FAILED;
  while (step == STEP_ROW && (step = state_step(&txn, rows, error)) == STEP_ROW) {
    struct ledger_letter *letter = read_letter(&txn, rows, error);
    if (letter == NULL)
      return NULL;
    g_ptr_array_add(all, letter);
  }
  return step == STEP_DONE ? g_steal_pointer(&all) : NULL;
}

/* The first letter of the query; NULL without error when there is none. */
static struct ledger_letter *
read_one(struct store *store, const char *sql, const char *value, GError **error)
{
  g_auto(txn_t) txn = {0};
  if (value == NULL || !txn_begin(&txn, store, false, error))
    return NULL;
  g_autoptr(state_stmt_t) row = state_prepare(&txn, error, sql, "t", value);
  return row != NULL && state_step(&txn, row, error) == STEP_ROW ? read_letter(&txn, row, error)
                                                                 : NULL;
}

struct ledger_letter *
ledger_get(struct store *store, const char *id, GError **error)
{
  g_autoptr(GError) failed = NULL;
  struct ledger_letter *letter = read_one(store, COLUMNS "WHERE id = ?", id, &failed);
  if (failed != NULL)
    g_propagate_error(error, g_steal_pointer(&failed));
  else if (letter == NULL)
    error_set(error, POSTINO_ERROR_NOTFOUND, _("the outbox has no letter %s"), id);
  return letter;
}

struct ledger_letter *
ledger_by_digest(struct store *store, const char *digest)
{
  return read_one(store, COLUMNS "WHERE digest = ? AND " UNFINISHED " ORDER BY number LIMIT 1",
                  digest, NULL);
}

struct ledger_letter *
ledger_by_message_id(struct store *store, const char *message_id)
{
  return read_one(store, COLUMNS "WHERE message_id = ? ORDER BY number DESC LIMIT 1", message_id,
                  NULL);
}

/* ---- wire copies ---- */

static char *
copy_path(const struct store *store, const char *id, guint copy)
{
  return g_strdup_printf("%s/.postino/outbox/%s.%u", store->dir, id, copy);
}

static void
remove_copies(const struct store *store, const char *id, guint copies)
{
  for (guint i = 1; i <= copies; i++) {
    g_autofree char *path = copy_path(store, id, i);
    unlink(path);
  }
}

static bool
write_copies(const struct store *store, const char *id, GBytes *const *copies, guint n,
             GError **error)
{
  for (guint i = 0; i < n; i++) {
    g_autofree char *path = copy_path(store, id, i + 1);
    if (!file_replace(path, copies[i], 0600, error)) {
      remove_copies(store, id, i + 1);
      return false;
    }
  }
  return true;
}

GBytes *
ledger_copy(struct store *store, const struct ledger_letter *letter, guint copy, GError **error)
{
  g_autofree char *path = copy_path(store, letter->id, copy);
  return file_read(path, LIMIT_COPY, error);
}

/* Does a row of an unfinished letter need it?  Yes when in doubt. */
static bool
copy_is_needed(struct store *store, const char *name)
{
  g_autofree char *id = g_strndup(name, strcspn(name, "."));
  g_autoptr(GError) failed = NULL;
  g_autoptr(ledger_letter_t) letter = ledger_get(store, id, &failed);
  if (letter == NULL)
    return !error_is(failed, POSTINO_ERROR_NOTFOUND);
  return letter->state != LETTER_DONE && letter->state != LETTER_CANCELLED;
}

void
ledger_sweep(struct store *store)
{
  g_autofree char *dir = g_build_filename(store->dir, ".postino", "outbox", NULL);
  DIR *open = opendir(dir);
  if (open == NULL)
    return;
  int64_t stale = g_get_real_time() / G_USEC_PER_SEC - STALE_COPY_SECONDS;
  for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
    struct stat st;
    if (entry->d_name[0] != '.' && fstatat(dirfd(open), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode) && st.st_ctime < stale && !copy_is_needed(store, entry->d_name))
      unlinkat(dirfd(open), entry->d_name, 0);
  }
  closedir(open);
}

/* ---- adding ---- */

static bool
write_recipients(txn_t *txn, int64_t number, const GPtrArray *recipients, GError **error)
{
  if (!state_run(txn, error, "DELETE FROM recipients WHERE letter = ?", "i", number))
    return false;
  for (guint i = 0; recipients != NULL && i < recipients->len; i++) {
    const struct ledger_recipient *recipient = recipients->pdata[i];
    if (!state_run(txn, error, "INSERT INTO recipients VALUES(?, ?, ?, ?, ?, ?, ?, ?)", "iitiitti",
                   number, (int64_t)i, recipient->spec, (int64_t)recipient->copy,
                   (int64_t)recipient->state, recipient->reason, recipient->status,
                   recipient->changed))
      return false;
  }
  return true;
}

static bool
number_of(txn_t *txn, const char *id, int64_t *number_out, GError **error)
{
  g_autoptr(state_stmt_t) row =
      state_prepare(txn, error, "SELECT number FROM letters WHERE id = ?", "t", id);
  if (row == NULL || state_step(txn, row, error) != STEP_ROW)
    return false;
  *number_out = sqlite3_column_int64(row, 0);
  return true;
}

/* Two `send` of one letter at the same moment: the second must not be sent too. */
static bool
check_single(txn_t *txn, const char *digest, GError **error)
{
  g_autoptr(state_stmt_t) row = state_prepare(
      txn, error, "SELECT id FROM letters WHERE digest = ? AND " UNFINISHED, "t", digest);
  if (row == NULL)
    return false;
  enum step step = state_step(txn, row, error);
  if (step == STEP_ROW)
    return error_set(error, POSTINO_ERROR_RETRY,
                     _("the same letter came into the outbox meanwhile, as %s"),
                     (const char *)sqlite3_column_text(row, 0));
  return step == STEP_DONE;
}

static bool
insert_letter(struct store *store, const struct ledger_letter *letter, const char *id,
              const char *base, guint copies, GError **error)
{
  int64_t now = g_get_real_time() / G_USEC_PER_SEC, number;
  g_auto(txn_t) txn = {0};
  return txn_begin(&txn, store, true, error) && check_single(&txn, letter->digest, error) &&
         state_run(&txn, error,
                   "INSERT INTO letters(id, account, sender, message_id, digest, base, sent_folder,"
                   " state, reason, attempts, created, changed, not_before, next_try, copies, dsn)"
                   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   "tttttttitiiiiiit", id, letter->account, letter->from, letter->message_id,
                   letter->digest, base, letter->sent_folder, (int64_t)letter->state,
                   letter->reason, (int64_t)letter->attempts,
                   letter->created > 0 ? letter->created : now,
                   letter->changed > 0 ? letter->changed : now, letter->not_before,
                   letter->next_try, (int64_t)copies, letter->dsn) &&
         number_of(&txn, id, &number, error) &&
         write_recipients(&txn, number, letter->recipients, error) && txn_commit(&txn, error);
}

/* The letter's file where it lies; NULL when it is nowhere in this folder. */
static char *
file_in(const struct store *store, const char *folder, const char *base)
{
  g_autofree char *key = key_join(folder, base);
  return maildir_find(store, key, NULL, NULL, NULL);
}

static bool
remove_file(const struct store *store, const char *path, GError **error)
{
  g_autofree char *dir = g_path_get_dirname(path);
  if (unlink(path) < 0 && errno != ENOENT)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot remove %s"), path);
  return file_sync_dir(dir, error);
}

static void
set_id(struct ledger_letter *letter, char *id, char *base, guint copies)
{
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  g_free(letter->id);
  g_free(letter->base);
  letter->id = id;
  letter->base = base;
  letter->copies = copies;
  letter->created = letter->created > 0 ? letter->created : now;
  letter->changed = letter->changed > 0 ? letter->changed : now;
}

bool
ledger_add(struct store *store, struct ledger_letter *letter, GBytes *readable,
           GBytes *const *copies, guint n_copies, GError **error)
{
  g_autofree char *id = disk_id(), *key = NULL, *folder = NULL, *base = NULL;
  if (!write_copies(store, id, copies, n_copies, error))
    return false;
  bool kept = store_deliver(store, OUTBOX, readable, ROW_SEEN, &key, error);
  if (kept && key_split(key, &folder, &base) &&
      insert_letter(store, letter, id, base, n_copies, error)) {
    set_id(letter, g_steal_pointer(&id), g_steal_pointer(&base), n_copies);
    return true;
  }
  g_autofree char *path = base != NULL ? file_in(store, OUTBOX, base) : NULL;
  if (path != NULL)
    unlink(path);
  remove_copies(store, id, n_copies);
  return false;
}

/* ---- settling ---- */

bool
ledger_update(struct store *store, const struct ledger_letter *letter, unsigned from,
              GError **error)
{
  int64_t now = g_get_real_time() / G_USEC_PER_SEC, number;
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, true, error) ||
      !state_run(&txn, error,
                 "UPDATE letters SET changed = CASE state WHEN ?1 THEN ?2 ELSE max(?2, ?3) END,"
                 " state = ?1, reason = ?4, attempts = ?5, not_before = ?6, next_try = ?7,"
                 " base = ?8, sent_folder = ?9 WHERE id = ?10 AND ((1 << state) & ?11) <> 0",
                 "iiitiiittti", (int64_t)letter->state, letter->changed, now, letter->reason,
                 (int64_t)letter->attempts, letter->not_before, letter->next_try, letter->base,
                 letter->sent_folder, letter->id, (int64_t)from))
    return false;
  if (state_changes(&txn) == 0)
    return error_set(error, POSTINO_ERROR_NOTFOUND,
                     _("letter %s is no longer as it was; another postino took it on"),
                     letter->id);
  return number_of(&txn, letter->id, &number, error) &&
         write_recipients(&txn, number, letter->recipients, error) && txn_commit(&txn, error);
}

/* Two names of one place, say Sent a link to Outbox: there is nothing to move and
 * above all nothing to remove. */
static bool
is_same_place(const char *a, const char *b)
{
  g_autofree char *real_a = g_path_get_dirname(a), *real_b = g_path_get_dirname(b);
  struct stat first, second;
  return stat(real_a, &first) == 0 && stat(real_b, &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* Renames the file to where it belongs; *found_out: it is there now, by this call
 * or an earlier one. */
static bool
refile(struct store *store, const char *base, const char *folder, bool *found_out, GError **error)
{
  g_autofree char *from = file_in(store, OUTBOX, base);
  g_autofree char *there = file_in(store, folder, base);
  g_autofree char *path = maildir_make(store, folder, error);
  if (path == NULL)
    return false;
  *found_out = from != NULL || there != NULL;
  if (there == NULL && from != NULL) {
    g_autofree char *name = maildir_name(base, ROW_SEEN);
    there = g_build_filename(path, "cur", name, NULL);
    if (!maildir_transfer(from, there, error))
      return false;
  } else if (from != NULL && !is_same_place(from, there) && unlink(from) < 0 && errno != ENOENT)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot remove %s"), from);
  g_autoptr(GHashTable) dirs = change_dirs_new();
  g_hash_table_add(dirs, g_path_get_dirname(there != NULL ? there : path));
  if (from != NULL)
    g_hash_table_add(dirs, g_path_get_dirname(from));
  if (!change_sync(dirs, error))
    return false;
  g_autofree char *old_key = key_join(OUTBOX, base), *new_key = key_join(folder, base);
  if (from != NULL && strcmp(folder, OUTBOX) != 0)
    index_moved(store, old_key, new_key, there, ROW_SEEN);
  return true;
}

bool
ledger_file_sent(struct store *store, struct ledger_letter *letter, GError **error)
{
  const char *folder = letter->sent_folder != NULL ? letter->sent_folder : "Sent";
  bool found;
  if (letter->state == LETTER_DONE) {
    remove_copies(store, letter->id, letter->copies);
    return true;
  }
  if (!refile(store, letter->base, folder, &found, error))
    return false;
  enum letter_state before = letter->state;
  g_autofree char *reason = g_steal_pointer(&letter->reason);
  letter->state = LETTER_DONE;
  letter->reason = found ? g_strdup(reason)
                         : g_strdup(_("sent; its copy was removed from the Outbox by another program"));
  if (!ledger_update(store, letter, 1u << LETTER_ACCEPTED | 1u << LETTER_DONE, error)) {
    letter->state = before;
    g_free(letter->reason);
    letter->reason = g_steal_pointer(&reason);
    return false;
  }
  remove_copies(store, letter->id, letter->copies);
  return true;
}

bool
ledger_discard(struct store *store, struct ledger_letter *letter, const char *folder,
               GError **error)
{
  bool found;
  g_autofree char *path = file_in(store, OUTBOX, letter->base);
  g_autofree char *key = key_join(OUTBOX, letter->base);
  if (folder != NULL && !refile(store, letter->base, folder, &found, error))
    return false;
  if (folder == NULL && path != NULL) {
    if (!remove_file(store, path, error))
      return false;
    index_removed(store, key);
  }
  remove_copies(store, letter->id, letter->copies);
  return true;
}
