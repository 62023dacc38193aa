#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"
#include "store/disk.h"

#define CHUNK LIMIT_KIB(64)
/* Descriptors that all deliveries together keep open: an fsync of the descriptor
 * that wrote hears of every write error, and many letters share a commit of the
 * file system.  Syncs in flight, each of which may wait for its own commit. */
#define OPEN_LETTERS 256
#define SYNC_THREADS 8
/* A name that is taken and yet no letter (a directory) must not be tried for ever. */
#define PLACE_TRIES 8

struct letter {
  int fd;                     /* not yet synced; -1: it is */
  char *tmp;
  char *base;
  bool given;                 /* the caller's base name */
  unsigned flags;
  char *placed;               /* where it lies now */
  char *key;
  bool fresh;                 /* placed by this commit */
};
struct delivery {
  struct store *store;
  char *folder, *path;
  int fd;                     /* of the open letter, -1: none */
  char *tmp;
  int64_t time;
  bool cr;                    /* a CR at the border of two writes */
  bool as_is;                 /* the open letter's line ends are kept */
  GByteArray *buffer;
  GPtrArray *closed;          /* struct letter */
  int broken;                 /* errno: some of them cannot be made durable */
  GHashTable *known;          /* hashes of all names on the disk; NULL: not yet read */
};

static gint letters_open;     /* atomic */

static void
letter_free(gpointer data)
{
  struct letter *letter = data;
  if (letter->tmp != NULL)
    unlink(letter->tmp);
  if (letter->fd >= 0)
    g_atomic_int_add(&letters_open, -1);
  fd_clear(&letter->fd);
  g_free(letter->tmp);
  g_free(letter->base);
  g_free(letter->placed);
  g_free(letter->key);
  g_free(letter);
}

/* A directory that another process made and did not live to sync would take the
 * letter with it. */
static bool
sync_upwards(const struct store *store, const char *path, GError **error)
{
  g_autofree char *at = g_strdup(path);
  for (;;) {
    if (!file_sync_dir(at, error))
      return false;
    if (strlen(at) <= strlen(store->dir))
      return true;
    char *up = g_path_get_dirname(at);
    g_free(at);
    at = up;
  }
}

struct delivery *
delivery_begin(struct store *store, const char *folder, GError **error)
{
  g_autofree char *path = maildir_make(store, folder, error);
  if (path == NULL || !sync_upwards(store, path, error))
    return NULL;
  struct delivery *delivery = g_new0(struct delivery, 1);
  delivery->store = store;
  delivery->folder = g_strdup(folder);
  delivery->path = g_steal_pointer(&path);
  delivery->fd = -1;
  delivery->buffer = g_byte_array_sized_new(CHUNK);
  delivery->closed = g_ptr_array_new_with_free_func(letter_free);
  return delivery;
}

void
delivery_abandon(struct delivery *delivery)
{
  if (delivery->tmp != NULL)
    unlink(delivery->tmp);
  g_clear_pointer(&delivery->tmp, g_free);
  fd_clear(&delivery->fd);
  g_byte_array_set_size(delivery->buffer, 0);
  delivery->cr = delivery->as_is = false;
  delivery->time = 0;
}

void
delivery_end(struct delivery *delivery)
{
  if (delivery == NULL)
    return;
  delivery_abandon(delivery);
  g_ptr_array_unref(delivery->closed);
  g_byte_array_unref(delivery->buffer);
  g_clear_pointer(&delivery->known, g_hash_table_unref);
  g_free(delivery->folder);
  g_free(delivery->path);
  g_free(delivery);
}

/* ---- writing ---- */

bool
delivery_open(struct delivery *delivery, GError **error)
{
  delivery_abandon(delivery);
  delivery->fd = maildir_tmp(delivery->path, &delivery->tmp, error);
  return delivery->fd >= 0;
}

void
delivery_set_time(struct delivery *delivery, int64_t time)
{
  delivery->time = time;
}

void
delivery_keep_ends(struct delivery *delivery)
{
  delivery->as_is = true;
}

static bool
flush_buffer(struct delivery *delivery, GError **error)
{
  if (file_write_all(delivery->fd, delivery->buffer->data, delivery->buffer->len, error)) {
    g_byte_array_set_size(delivery->buffer, 0);
    return true;
  }
  g_prefix_error(error, _("the letter was not stored, %s: "), delivery->path);
  delivery_abandon(delivery);
  return false;
}

/* CRLF becomes LF, also across the border of two writes; a lone CR stays. */
static void
normalise(struct delivery *delivery, const char *data, size_t length)
{
  const char *at = data, *end = data + length;
  static const guint8 cr = '\r';
  if (delivery->cr && length > 0) {
    if (*at != '\n')
      g_byte_array_append(delivery->buffer, &cr, 1);
    delivery->cr = false;
  }
  while (at < end) {
    const char *found = memchr(at, '\r', (size_t)(end - at));
    const char *stop = found != NULL ? found : end;
    g_byte_array_append(delivery->buffer, (const guint8 *)at, (guint)(stop - at));
    if (found != NULL && found + 1 == end)
      delivery->cr = true;
    else if (found != NULL && found[1] != '\n')
      g_byte_array_append(delivery->buffer, &cr, 1);
    at = found != NULL ? found + 1 : end;
  }
}

static bool
check_open(const struct delivery *delivery, GError **error)
{
  return delivery->fd >= 0 ? true
                           : error_set(error, POSTINO_ERROR_BUG, "%s: no letter is being written",
                                       delivery->path);
}

bool
delivery_write(struct delivery *delivery, const void *data, size_t length, GError **error)
{
  if (!check_open(delivery, error))
    return false;
  for (const char *at = data; length > 0;) {
    size_t part = MIN(length, CHUNK);
    if (delivery->as_is)
      g_byte_array_append(delivery->buffer, (const guint8 *)at, (guint)part);
    else
      normalise(delivery, at, part);
    if (delivery->buffer->len >= CHUNK && !flush_buffer(delivery, error))
      return false;
    at += part;
    length -= part;
  }
  return true;
}

const char *
delivery_flush(struct delivery *delivery, GError **error)
{
  static const guint8 cr = '\r';
  if (!check_open(delivery, error))
    return NULL;
  if (delivery->cr)
    g_byte_array_append(delivery->buffer, &cr, 1);
  delivery->cr = false;
  return flush_buffer(delivery, error) ? delivery->tmp : NULL;
}

static bool
base_is_usable(const char *base)
{
  return *base != '\0' && *base != '.' && strchr(base, '/') == NULL &&
         strstr(base, ":2,") == NULL && strlen(base) < 200;
}

/* ---- syncing ---- */

static bool
sync_letter(struct letter *letter)
{
  bool synced = fsync(letter->fd) == 0;
  int errnum = errno;
  /* NFS and quotas tell some write errors only here. */
  if (close(letter->fd) < 0 && synced && errno != EINTR) {
    synced = false;
    errnum = errno;
  }
  letter->fd = -1;
  g_atomic_int_add(&letters_open, -1);
  errno = errnum;
  return synced;
}

struct sync {
  GPtrArray *letters;
  gint next, errnum;
};

static gpointer
sync_some(gpointer data)
{
  struct sync *sync = data;
  for (;;) {
    guint i = (guint)g_atomic_int_add(&sync->next, 1);
    if (i >= sync->letters->len)
      return NULL;
    struct letter *letter = sync->letters->pdata[i];
    if (letter->fd >= 0 && !sync_letter(letter))
      g_atomic_int_set(&sync->errnum, errno);
  }
}

/* Has all of them on their way to the disk before the first is waited for, so that
 * the commit which the first fsync starts holds the others too.  Returns how many. */
static guint
start_writing(const struct delivery *delivery)
{
  guint open = 0;
  for (guint i = 0; i < delivery->closed->len; i++) {
    const struct letter *letter = delivery->closed->pdata[i];
    open += letter->fd >= 0;
    /* Only a hint: where there is no such call, fsync does it all. */
    if (letter->fd >= 0)
      (void)sync_file_range(letter->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  return open;
}

static bool
sync_files(struct delivery *delivery, GError **error)
{
  struct sync sync = {.letters = delivery->closed};
  GThread *threads[SYNC_THREADS];
  guint n = 0, wanted = MIN(SYNC_THREADS, start_writing(delivery));
  while (n + 1 < wanted && (threads[n] = g_thread_try_new("fsync", sync_some, &sync, NULL)) != NULL)
    n++;
  sync_some(&sync);
  for (guint i = 0; i < n; i++)
    g_thread_join(threads[i]);
  if (sync.errnum != 0)
    delivery->broken = sync.errnum;
  return delivery->broken == 0
             ? true
             : error_errno(error, POSTINO_ERROR_LOCAL, delivery->broken,
                           _("the letter was not stored, %s cannot be made durable"),
                           delivery->path);
}

bool
delivery_close(struct delivery *delivery, const char *base, unsigned flags, GError **error)
{
  if (delivery_flush(delivery, error) == NULL)
    return false;
  if (base != NULL && !base_is_usable(base)) {
    delivery_abandon(delivery);
    return error_set(error, POSTINO_ERROR_BUG, "a base name that cannot be: %s", base);
  }
  struct timespec times[2] = {{.tv_sec = delivery->time}, {.tv_sec = delivery->time}};
  if (delivery->time > 0 && futimens(delivery->fd, times) < 0)
    delivery->time = 0;
  struct letter *letter = g_new0(struct letter, 1);
  letter->base = base != NULL ? g_strdup(base) : maildir_fresh_base(delivery->time);
  letter->given = base != NULL;
  letter->flags = flags;
  letter->tmp = g_steal_pointer(&delivery->tmp);
  letter->fd = fd_steal(&delivery->fd);
  delivery_abandon(delivery);
  g_ptr_array_add(delivery->closed, letter);
  return g_atomic_int_add(&letters_open, 1) < OPEN_LETTERS || sync_files(delivery, error);
}

/* ---- letters that are here already ---- */

static gpointer
hash_of(const char *base)
{
  g_autofree char *stem = maildir_stem(base);
  return (gpointer)(uintptr_t)(text_hash(stem, 0) | 1);
}

static bool
note_base(const char *path, const char *name, void *data)
{
  g_autofree char *base = maildir_base(name, NULL);
  g_hash_table_add(data, hash_of(base));
  return true;
}

/* Every base name's stem once per delivery, as a hash: a million letters take a few
 * megabytes.  A folder that vanishes meanwhile has nothing to tell. */
static GHashTable *
read_bases(const struct store *store)
{
  GHashTable *known = g_hash_table_new(NULL, NULL);
  g_auto(GStrv) folders = maildir_folders(store, NULL, NULL);
  for (guint i = 0; folders != NULL && folders[i] != NULL; i++) {
    g_autoptr(GError) gone = NULL;
    if (!maildir_each(store, folders[i], note_base, known, &gone))
      continue;
  }
  return known;
}

static char *
find_in(const struct store *store, const char *folder, const char *base)
{
  g_autofree char *key = key_join(folder, base);
  g_autofree char *path = maildir_find(store, key, NULL, NULL, NULL);
  return path != NULL ? g_steal_pointer(&key) : NULL;
}

char *
store_find_base(struct store *store, const char *base)
{
  if (!base_is_usable(base))
    return NULL;
  g_autofree char *indexed = index_find_base(store, base);
  g_autofree char *path =
      indexed != NULL ? maildir_find(store, indexed, NULL, NULL, NULL) : NULL;
  if (path != NULL)
    return g_steal_pointer(&indexed);
  g_auto(GStrv) folders = maildir_folders(store, NULL, NULL);
  for (guint i = 0; folders != NULL && folders[i] != NULL; i++) {
    char *key = find_in(store, folders[i], base);
    if (key != NULL)
      return key;
  }
  return NULL;
}

static bool
meet_again(struct delivery *delivery, struct letter *letter)
{
  if (delivery->known == NULL)
    delivery->known = read_bases(delivery->store);
  if (!g_hash_table_contains(delivery->known, hash_of(letter->base)))
    return false;
  g_autofree char *key = find_in(delivery->store, delivery->folder, letter->base);
  if (key == NULL)
    key = store_find_base(delivery->store, letter->base);
  if (key == NULL)
    return false;
  letter->placed = maildir_find(delivery->store, key, NULL, NULL, NULL);
  letter->key = g_steal_pointer(&key);
  return letter->placed != NULL;
}

/* ---- into place ---- */

static char *
target_of(const struct delivery *delivery, const struct letter *letter)
{
  g_autofree char *name =
      letter->flags != 0 ? maildir_name(letter->base, letter->flags) : g_strdup(letter->base);
  return g_build_filename(delivery->path, letter->flags != 0 ? "cur" : "new", name, NULL);
}

static void
put_aside(struct letter *letter)
{
  unlink(letter->tmp);
  g_clear_pointer(&letter->tmp, g_free);
}

static bool
place(struct delivery *delivery, struct letter *letter, GError **error)
{
  for (int tries = 0;; tries++) {
    if (letter->given && meet_again(delivery, letter)) {
      put_aside(letter);
      return true;
    }
    g_autofree char *target = target_of(delivery, letter);
    int errnum = maildir_rename(letter->tmp, target);
    if (errnum == 0) {
      g_clear_pointer(&letter->tmp, g_free);
      letter->placed = g_steal_pointer(&target);
      letter->key = key_join(delivery->folder, letter->base);
      letter->fresh = true;
      if (delivery->known != NULL)
        g_hash_table_add(delivery->known, hash_of(letter->base));
      return true;
    }
    if (errnum != EEXIST || tries == PLACE_TRIES)
      return error_errno(error, POSTINO_ERROR_LOCAL, errnum,
                         _("the letter was not stored, cannot create %s"), target);
    if (letter->given)
      g_hash_table_add(delivery->known, hash_of(letter->base));
    else {
      g_free(letter->base);
      letter->base = maildir_fresh_base(0);
    }
  }
}

/* A letter that was met again may have been renamed by someone who did not live
 * to sync it. */
static bool
sync_met(const struct letter *letter, GError **error)
{
  auto_fd fd = open(letter->placed, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT)
    return true;              /* moved on by another program, which answers for it */
  return fd >= 0 && fsync(fd) == 0
             ? true
             : error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot make %s durable"),
                           letter->placed);
}

static bool
place_all(struct delivery *delivery, GError **error)
{
  g_autoptr(GHashTable) dirs = change_dirs_new();
  for (guint i = 0; i < delivery->closed->len; i++) {
    struct letter *letter = delivery->closed->pdata[i];
    if (!place(delivery, letter, error) || (!letter->fresh && !sync_met(letter, error)))
      return false;
    g_hash_table_add(dirs, g_path_get_dirname(letter->placed));
  }
  return change_sync(dirs, error);
}

/* After a failure nobody counts on these: what has a name of its own is met
 * again, what has none would be doubled by the next attempt. */
static void
take_back(struct delivery *delivery)
{
  for (guint i = 0; i < delivery->closed->len; i++) {
    struct letter *letter = delivery->closed->pdata[i];
    if (letter->fresh && !letter->given)
      unlink(letter->placed);
  }
}

static char **
take_keys(struct delivery *delivery)
{
  char **keys = g_new0(char *, delivery->closed->len + 1);
  for (guint i = 0; i < delivery->closed->len; i++) {
    struct letter *letter = delivery->closed->pdata[i];
    keys[i] = g_steal_pointer(&letter->key);
  }
  return keys;
}

bool
delivery_commit(struct delivery *delivery, GStrv *keys_out, GError **error)
{
  bool done = sync_files(delivery, error) && place_all(delivery, error);
  if (!done)
    take_back(delivery);
  else if (keys_out != NULL)
    *keys_out = take_keys(delivery);
  g_ptr_array_set_size(delivery->closed, 0);
  delivery->broken = 0;
  return done;
}

bool
store_deliver(struct store *store, const char *folder, GBytes *message, unsigned flags,
              char **key_out, GError **error)
{
  g_autoptr(delivery_t) delivery = delivery_begin(store, folder, error);
  size_t length;
  const void *data = g_bytes_get_data(message, &length);
  g_auto(GStrv) keys = NULL;
  if (delivery == NULL || !delivery_open(delivery, error) ||
      !delivery_write(delivery, data, length, error) ||
      !delivery_close(delivery, NULL, flags, error) || !delivery_commit(delivery, &keys, error))
    return false;
  if (key_out != NULL)
    *key_out = g_strdup(keys[0]);
  return true;
}
