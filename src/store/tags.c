#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "store/disk.h"

#define LIMIT_TAG 200

static char *
read_tags(txn_t *txn, const char *stem, const char *digest, GError **error)
{
  g_autoptr(state_stmt_t) rows = state_prepare(
      txn, error,
      "SELECT coalesce(group_concat(tag, ' '), '') FROM (SELECT DISTINCT tag FROM tags WHERE"
      " digest = ?2 AND " OF_STEM("base", "?1") " ORDER BY tag)",
      "tt", stem, digest);
  return rows != NULL && state_step(txn, rows, error) == STEP_ROW ? state_text(rows, 0) : NULL;
}

static bool
run_each(txn_t *txn, const char *sql, const char *base, const char *digest,
         const char *const *tags, GError **error)
{
  for (; *tags != NULL; tags++)
    if (!state_run(txn, error, sql, "ttt", base, digest, *tags))
      return false;
  return true;
}

/* The names of the stem that have tags: by them each tag is found at once, by the stem only
 * after all others. */
static GPtrArray *
tagged_bases(txn_t *txn, const char *stem, const char *digest, GError **error)
{
  g_autoptr(GPtrArray) bases = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(state_stmt_t) rows = state_prepare(
      txn, error, "SELECT DISTINCT base FROM tags WHERE digest = ?2 AND " OF_STEM("base", "?1"),
      "tt", stem, digest);
  enum step step = rows != NULL ? STEP_ROW : STEP_FAILED;
  while (step == STEP_ROW && (step = state_step(txn, rows, error)) == STEP_ROW)
    g_ptr_array_add(bases, state_text(rows, 0));
  return step == STEP_DONE ? g_steal_pointer(&bases) : NULL;
}

static bool
remove_each(txn_t *txn, const char *stem, const char *digest, const char *const *tags,
            GError **error)
{
  if (*tags == NULL)
    return true;
  g_autoptr(GPtrArray) bases = tagged_bases(txn, stem, digest, error);
  for (guint i = 0; bases != NULL && i < bases->len; i++)
    if (!run_each(txn, "DELETE FROM tags WHERE base = ? AND digest = ? AND tag = ?",
                  bases->pdata[i], digest, tags, error))
      return false;
  return bases != NULL;
}

bool
tags_change(txn_t *txn, const char *base, const char *digest, const char *const *add,
            const char *const *remove, char **was_out, char **now_out, GError **error)
{
  g_autofree char *stem = maildir_stem(base);
  g_autofree char *was = read_tags(txn, stem, digest, error);
  if (was == NULL ||
      !run_each(txn, "INSERT OR IGNORE INTO tags VALUES(?, ?, ?)", stem, digest, add, error) ||
      !remove_each(txn, stem, digest, remove, error))
    return false;
  *now_out = read_tags(txn, stem, digest, error);
  if (*now_out == NULL)
    return false;
  *was_out = g_steal_pointer(&was);
  return true;
}

void
tags_copy(struct store *store, const char *from, const char *to)
{
  g_autofree char *old = maildir_stem(from), *fresh = maildir_stem(to);
  g_auto(txn_t) txn = {0};
  g_autoptr(GError) failed = NULL;
  if (strcmp(old, fresh) == 0)
    return;
  if (!txn_begin(&txn, store, true, &failed) ||
      !state_run(&txn, &failed,
                 "INSERT OR IGNORE INTO tags SELECT ?2, digest, tag FROM tags WHERE " OF_STEM("base", "?1"),
                 "tt", old, fresh) ||
      !txn_commit(&txn, &failed))
    g_info("tags of %s not kept: %s", from, failed->message);
}

/* ---- "+todo -read" ---- */

static bool
tag_is_valid(const char *tag, GError **error)
{
  g_autofree char *clean = sanitize_line(tag, -1);
  if (*tag != '\0' && strlen(tag) <= LIMIT_TAG && g_utf8_validate(tag, -1, NULL) &&
      strcmp(clean, tag) == 0)
    return true;
  return error_set(error, POSTINO_ERROR_INVALID,
                   _("“%s” cannot be a tag; write words like +todo -read"), clean);
}

static bool
parse_words(const char *words, GPtrArray *add, GPtrArray *remove, GError **error)
{
  g_auto(GStrv) parts = g_strsplit_set(words, " \t\n", -1);
  for (char **part = parts; *part != NULL; part++) {
    if (**part == '\0')
      continue;
    bool minus = **part == '-';
    const char *tag = *part + (minus || **part == '+');
    if (!tag_is_valid(tag, error))
      return false;
    g_ptr_array_add(minus ? remove : add, g_strdup(tag));
  }
  if (add->len + remove->len == 0)
    return error_set(error, POSTINO_ERROR_INVALID, _("no tag is named; write words like +todo -read"));
  g_ptr_array_add(add, NULL);
  g_ptr_array_add(remove, NULL);
  return true;
}

/* Another program may rename it between looking and opening. */
static char *
digest_of(struct store *store, const char *key, GError **error)
{
  for (int tries = 0;; tries++) {
    g_autofree char *path = maildir_find(store, key, NULL, NULL, error), *digest = NULL;
    g_autoptr(GError) failed = NULL;
    if (path == NULL)
      return NULL;
    if (digest_file(path, &digest, NULL, &failed))
      return g_steal_pointer(&digest);
    if (!error_is(failed, POSTINO_ERROR_NOTFOUND) || tries == RACE_TRIES) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return NULL;
    }
  }
}

struct words { const GPtrArray *add, *remove; };

static bool
tag_one(struct store *store, txn_t *txn, const char *key, const struct words *words,
        GPtrArray *steps, GError **error)
{
  g_autofree char *digest = digest_of(store, key, error);
  g_autofree char *folder = NULL, *base = NULL, *was = NULL, *now = NULL;
  if (digest == NULL || !key_split(key, &folder, &base) ||
      !tags_change(txn, base, digest, (const char *const *)words->add->pdata,
                   (const char *const *)words->remove->pdata, &was, &now, error))
    return false;
  if (strcmp(was, now) != 0)
    undo_steps_add(steps, key, digest, was, now);
  return true;
}

/* Some letters in one transaction; the index follows when that stands. */
static bool
tag_some(struct undo_log *log, const char *const *keys, guint n, const struct words *words,
         GError **error)
{
  g_auto(txn_t) txn = {0};
  bool done = txn_begin(&txn, log->store, true, error);
  for (guint i = 0; done && i < n; i++)
    done = tag_one(log->store, &txn, keys[i], words, log->steps, error);
  if (!done || !undo_log_write(log, &txn, error) || !txn_commit(&txn, error))
    return false;
  for (guint i = 0; i < log->steps->len; i++) {
    const struct undo_step *step = log->steps->pdata[i];
    index_tagged(log->store, step->key, *step->now != '\0' ? step->now : NULL);
  }
  undo_log_written(log);
  return true;
}

static bool
tag_all(struct undo_log *log, const char *const *keys, const struct words *words,
        const struct store_bulk *bulk, GError **error)
{
  guint total = g_strv_length((char **)keys);
  for (guint i = 0; i < total; i += UNDO_AT_ONCE)
    if (!change_goes_on(bulk, true, i, total, error) ||
        !tag_some(log, keys + i, MIN(total - i, UNDO_AT_ONCE), words, error))
      return false;
  return true;
}

bool
store_tag_bulk(struct store *store, const char *const *keys, const char *text,
               const struct store_bulk *bulk, GError **error)
{
  g_auto(undo_log_t) log = {.store = store, .kind = UNDO_TAG, .steps = undo_steps_new()};
  g_autoptr(GPtrArray) add = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) remove = g_ptr_array_new_with_free_func(g_free);
  struct words words = {add, remove};
  return parse_words(text, add, remove, error) && tag_all(&log, keys, &words, bulk, error);
}

bool
store_tag(struct store *store, const char *const *keys, const char *words, GError **error)
{
  return store_tag_bulk(store, keys, words, NULL, error);
}
