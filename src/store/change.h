/* What the files share that change letters: flags, moves, copies, removals. */
#pragma once

#include "store/disk.h"

/* Where the letter lies, wherever other programs put it within its folder; NULL with
 * `error`. */
char *change_find(struct store *store, const char *key, unsigned *flags_out, GError **error);

/* A change that can be taken back: of some letters at a time what will become of them is
 * written down, then it is done. */
struct changing;
struct planned {
  const char *key;
  char *was, *now;            /* as struct undo_step; NULL: it needs no undoing */
  char *left;                 /* the key as it will be; NULL: it cannot be changed */
  guint step;
};
struct changing {
  struct store *store;
  const char *const *keys;
  unsigned mask, flags;       /* of a change of flags */
  const char *folder, *folder_path; /* of a move */
  bool (*plan)(struct changing *change, struct planned *letter, GError **error);
  /* Does it; what was planned is corrected to what became of it. */
  bool (*make)(struct changing *change, struct planned *letter, GError **error);
  const struct store_bulk *bulk;
  GHashTable *dirs;
  GPtrArray *left;            /* the keys of what was done; or NULL */
  GError *first;
};

/* The path that the letter at `path` has in another folder: same directory kind, same flags. */
char *change_target(const char *path, const char *folder_path, const char *base);
/* All of change->keys; the first thing that went wrong is said, the others are still done. */
bool change_all(struct changing *change, enum undo_kind kind, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Keeps `failed` if nothing failed before. */
void change_keep_first(GError **first, GError *failed);
bool change_tell_first(GError *first, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* change_goes_on() for letters that are done one by one: keeps that it was stopped. */
bool change_next(const struct store_bulk *bulk, bool undoable, guint done, guint total,
                 GError **first);
