#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "store/disk.h"
#include "store/mbox.h"

/* Letters that are made durable together. */
#define BATCH_LETTERS 64
#define BATCH_BYTES LIMIT_MIB(32)

struct import {
  struct store *store;
  struct delivery *delivery;
  GHashTable *here;           /* header digest → GPtrArray of paths */
  GHashTable *seen;           /* "header body" digests of what this import brought */
  guint64 imported, known;
  guint64 kept;               /* of those imported: durable */
  guint batch;
  guint64 bytes;
  store_progress_fn progress;
  void *data;
  GCancellable *cancel;
};

/* ---- what is here already ---- */

struct gather {
  struct import *import;
  GError *error;
};

static bool
check_cancel(GCancellable *cancel, GError **error)
{
  GError *stopped = NULL;
  return g_cancellable_set_error_if_cancelled(cancel, &stopped) ? error_adopt(error, stopped)
                                                                : true;
}

static bool
gather_one(const char *path, const char *name, void *data)
{
  struct gather *gather = data;
  g_autofree char *headers = NULL;
  if (!check_cancel(gather->import->cancel, &gather->error))
    return false;
  if (!digest_file(path, &headers, NULL, NULL))
    return true;              /* renamed or removed this moment */
  GPtrArray *paths = g_hash_table_lookup(gather->import->here, headers);
  if (paths == NULL) {
    paths = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(gather->import->here, g_steal_pointer(&headers), paths);
  }
  g_ptr_array_add(paths, g_strdup(path));
  return true;
}

/* The folder that is imported into alone: a letter of another folder may well be
 * wanted here too. */
static bool
gather_folder(struct import *import, const char *folder, GError **error)
{
  struct gather gather = {.import = import};
  if (!maildir_each(import->store, folder, gather_one, &gather, error))
    return false;
  if (gather.error == NULL)
    return true;
  g_propagate_error(error, gather.error);
  return false;
}

static bool
is_here(const struct import *import, const char *headers, const char *body)
{
  const GPtrArray *paths = g_hash_table_lookup(import->here, headers);
  for (guint i = 0; paths != NULL && i < paths->len; i++) {
    g_autofree char *other_headers = NULL, *other_body = NULL;
    if (digest_file(paths->pdata[i], &other_headers, &other_body, NULL) &&
        strcmp(headers, other_headers) == 0 && strcmp(body, other_body) == 0)
      return true;
  }
  return false;
}

/* ---- one letter after the other ---- */

static bool
commit(struct import *import, GError **error)
{
  import->batch = 0;
  import->bytes = 0;
  if (!delivery_commit(import->delivery, NULL, error))
    return false;
  import->kept = import->imported;
  return true;
}

/* The letter in the delivery is whole: keep it unless it is here already. */
static bool
settle(struct import *import, unsigned flags, int64_t time, GError **error)
{
  g_autofree char *headers = NULL, *body = NULL;
  const char *tmp = delivery_flush(import->delivery, error);
  if (tmp == NULL || !digest_file(tmp, &headers, &body, error))
    return false;
  g_autofree char *both = g_strconcat(headers, " ", body, NULL);
  if (g_hash_table_contains(import->seen, both) || is_here(import, headers, body)) {
    delivery_abandon(import->delivery);
    import->known++;
    return true;
  }
  delivery_set_time(import->delivery, time);
  if (!delivery_close(import->delivery, NULL, flags, error))
    return false;
  g_hash_table_add(import->seen, g_steal_pointer(&both));
  import->imported++;
  if (++import->batch < BATCH_LETTERS && import->bytes < BATCH_BYTES)
    return true;
  return commit(import, error);
}

static bool
put(struct import *import, const char *data, size_t length, GError **error)
{
  import->bytes += length;
  return delivery_write(import->delivery, data, length, error);
}

/* ---- mbox ---- */

struct reading {
  struct import *import;
  struct mbox *mbox;
  bool open, headers;         /* a letter is being read; its header block */
  bool blank;                 /* the line before was empty: a letter may begin */
  char held[2];               /* a line's end, which may belong to the mbox */
  size_t n_held;
  guint64 length_end;         /* where a Content-Length that fits ends */
  bool as_is;                 /* its line ends are kept */
  bool own;                   /* our export wrote it */
  bool quoted;                /* this writer puts > before "From " */
  gint64 content_length;
  unsigned flags;
  int64_t date;
};

static void
read_field(struct reading *reading, const char *line, size_t length)
{
  static const struct { const char *name; char letter; unsigned flag; } marks[] = {
      {"Status:", 'R', ROW_SEEN},      {"X-Status:", 'A', ROW_REPLIED},
      {"X-Status:", 'F', ROW_FLAGGED}, {"X-Status:", 'D', ROW_TRASHED},
      {"X-Status:", 'T', ROW_DRAFT},
  };
  static const char content[] = "Content-Length:";
  for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
    size_t n = strlen(marks[i].name);
    if (length > n && g_ascii_strncasecmp(line, marks[i].name, n) == 0 &&
        memchr(line + n, marks[i].letter, length - n) != NULL)
      reading->flags |= marks[i].flag;
  }
  if (length >= sizeof content && g_ascii_strncasecmp(line, content, sizeof content - 1) == 0) {
    g_autofree char *value = g_strndup(line + sizeof content - 1, length - (sizeof content - 1));
    char *end;
    gint64 number = g_ascii_strtoll(g_strstrip(value), &end, 10);
    reading->content_length = end != value && *end == '\0' && number >= 0 ? number : -1;
  }
}

static bool
release_held(struct reading *reading, GError **error)
{
  size_t n = reading->n_held;
  reading->n_held = 0;
  return n == 0 || put(reading->import, reading->held, n, error);
}

/* At the end of the file an empty line is the mbox's, another one's end the letter's. */
static bool
finish(struct reading *reading, bool at_end, GError **error)
{
  if (!reading->open)
    return true;
  if (at_end && !reading->blank && !release_held(reading, error))
    return false;
  reading->open = false;
  return settle(reading->import, reading->flags, reading->date, error);
}

/* Our export puts LF alone before a separator: a CR before it is the letter's. */
static bool
release_cr(struct reading *reading, const struct mbox_piece *line, GError **error)
{
  bool own = reading->as_is && reading->n_held == 2 && mbox_is_own(line->data, line->length);
  return !reading->open || !own || put(reading->import, reading->held, 1, error);
}

static bool
begin(struct reading *reading, const struct mbox_piece *line, int64_t date, GError **error)
{
  if (!release_cr(reading, line, error) || !finish(reading, false, error) ||
      !delivery_open(reading->import->delivery, error))
    return false;
  /* Where the mbox itself has LF, a CRLF is the letter's own. */
  reading->as_is = line->length < 2 || line->data[line->length - 2] != '\r';
  if (reading->as_is)
    delivery_keep_ends(reading->import->delivery);
  reading->own = mbox_is_own(line->data, line->length);
  reading->open = reading->headers = reading->quoted = true;
  reading->blank = false;
  reading->n_held = 0;
  reading->length_end = 0;
  reading->content_length = -1;
  reading->flags = 0;
  reading->date = date;
  return true;
}

static bool
is_blank(const struct mbox_piece *piece)
{
  return piece->first && piece->last &&
         ((piece->length == 1 && piece->data[0] == '\n') ||
          (piece->length == 2 && piece->data[0] == '\r' && piece->data[1] == '\n'));
}

static void
begin_body(struct reading *reading, guint64 offset)
{
  bool unquoted;
  reading->headers = false;
  /* Our own export quotes, and may have changed what the letter counted. */
  if (reading->own || reading->content_length < 0 ||
      !mbox_length_fits(reading->mbox, offset, (guint64)reading->content_length, &unquoted))
    return;
  reading->length_end = offset + (guint64)reading->content_length;
  reading->quoted = !unquoted;
}

/* Bytes at the end of a line that may be the mbox's: where the letter's own line ends are
 * kept, our export put an LF alone behind it. */
static size_t
line_end(const struct reading *reading, const struct mbox_piece *piece, bool blank)
{
  size_t length = piece->length;
  if (length == 0 || piece->data[length - 1] != '\n')
    return 0;
  bool cr = length > 1 && piece->data[length - 2] == '\r';
  return cr && (blank || !reading->as_is) ? 2 : 1;
}

static bool
content(struct reading *reading, const struct mbox_piece *piece, GError **error)
{
  bool counted = piece->offset < reading->length_end;
  bool blank = is_blank(piece);
  if (!release_held(reading, error))
    return false;
  if (piece->first)
    reading->blank = blank || (!counted && reading->length_end > 0 &&
                               piece->offset == reading->length_end);
  bool ends_headers = blank && reading->headers;
  if (ends_headers)
    begin_body(reading, piece->offset + piece->length);
  if (reading->headers && piece->first && piece->last)
    read_field(reading, piece->data, piece->length);
  size_t skip =
      reading->quoted && piece->first && mbox_quotes(piece->data, piece->length) > 0 ? 1 : 0;
  /* The line behind a header block is the letter's, but for one of ours that has no more. */
  bool keep = counted || (ends_headers && !reading->own);
  size_t end = keep ? 0 : line_end(reading, piece, blank);
  memcpy(reading->held, piece->data + piece->length - end, end);
  reading->n_held = end;
  return put(reading->import, piece->data + skip, piece->length - skip - end, error);
}

static bool
take(struct reading *reading, const struct mbox_piece *piece, GError **error)
{
  int64_t date = 0;
  bool may_begin = !reading->open || reading->blank ||
                   (reading->length_end > 0 && piece->offset == reading->length_end) ||
                   mbox_is_own(piece->data, piece->length);
  if (piece->first && piece->last && may_begin && piece->offset >= reading->length_end &&
      mbox_is_separator(piece->data, piece->length, &date))
    return begin(reading, piece, date, error);
  if (reading->open)
    return content(reading, piece, error);
  if (is_blank(piece))
    return true;
  return error_set(error, POSTINO_ERROR_INVALID,
                   _("it is no mbox file: its first line does not begin with “From ” and a date"));
}

static void
tell(const struct import *import, guint64 done, guint64 total)
{
  struct store_progress progress = {
      .done = done, .total = total, .rows = import->imported + import->known};
  if (import->progress != NULL)
    import->progress(&progress, import->data);
}

static bool
import_mbox(struct import *import, const char *path, GError **error)
{
  g_autoptr(mbox_t) mbox = mbox_open(path, error);
  if (mbox == NULL)
    return false;
  struct reading reading = {.import = import, .mbox = mbox};
  struct mbox_piece piece;
  g_autoptr(GError) failed = NULL;
  for (guint64 told = 0; mbox_next(mbox, &piece, &failed);) {
    if (!take(&reading, &piece, &failed) || !check_cancel(import->cancel, &failed))
      break;
    if (piece.offset - told > LIMIT_MIB(1)) {
      told = piece.offset;
      tell(import, told, mbox_size(mbox));
    }
  }
  if (failed != NULL) {
    g_propagate_prefixed_error(error, g_steal_pointer(&failed), "%s: ", path);
    return false;
  }
  return finish(&reading, true, error) && commit(import, error);
}

/* ---- Maildir ---- */

static bool
read_into(struct import *import, int fd, GError **error)
{
  g_autofree char *buffer = g_malloc(65536);
  for (size_t got = 65536; got == 65536;)
    if (!file_read_all(fd, buffer, 65536, &got, error) || !put(import, buffer, got, error))
      return false;
  return true;
}

static bool
import_file(struct import *import, const char *path, const char *name, GError **error)
{
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct stat st;
  unsigned flags;
  if (fd < 0 && errno == ENOENT)
    return true;
  if (fd < 0 || fstat(fd, &st) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", path);
  if (!S_ISREG(st.st_mode))
    return true;
  g_free(maildir_base(name, &flags));
  if (!delivery_open(import->delivery, error))
    return false;
  delivery_keep_ends(import->delivery);
  int64_t arrival = maildir_arrival(name, st.st_mtim.tv_sec, g_get_real_time() / G_USEC_PER_SEC);
  return read_into(import, fd, error) && settle(import, flags, arrival, error);
}

static bool
import_dir(struct import *import, const char *path, const char *sub, GError **error)
{
  g_autofree char *dir = g_build_filename(path, sub, NULL);
  g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  if (open == NULL)
    return error_set(error, POSTINO_ERROR_LOCAL, _("%s cannot be read"), dir);
  for (const char *name; (name = g_dir_read_name(open)) != NULL;)
    if (*name != '.')
      g_ptr_array_add(names, g_strdup(name));
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *full = g_build_filename(dir, names->pdata[i], NULL);
    if (!check_cancel(import->cancel, error) ||
        !import_file(import, full, names->pdata[i], error))
      return false;
    tell(import, i + 1, names->len);
  }
  return true;
}

static bool
import_path(struct import *import, const char *path, GError **error)
{
  if (!maildir_is(path))
    return import_mbox(import, path, error);
  return import_dir(import, path, "cur", error) && import_dir(import, path, "new", error) &&
         commit(import, error);
}

/* What was stopped says what stands. */
static bool
tell_stopped(const struct import *import, const char *folder, GError *why, GError **error)
{
  if (!error_is(why, POSTINO_ERROR_CANCELLED)) {
    g_propagate_error(error, why);
    return false;
  }
  g_error_free(why);
  return error_set(error, POSTINO_ERROR_CANCELLED,
                   ngettext("stopped: %u letter was imported into %s and stays; import once more "
                            "to go on with the others, none comes twice",
                            "stopped: %u letters were imported into %s and stay; import once more "
                            "to go on with the others, none comes twice", (guint)import->kept),
                   (guint)import->kept, folder);
}

bool
store_import(struct store *store, const char *path, const char *folder, guint64 *imported_out,
             guint64 *known_out, store_progress_fn progress, void *data, GCancellable *cancel,
             GError **error)
{
  if (access(path, R_OK) < 0)
    return error_errno(error, POSTINO_ERROR_NOTFOUND, errno, "%s", path);
  g_autoptr(delivery_t) delivery = delivery_begin(store, folder, error);
  g_autoptr(GHashTable) here = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                     (GDestroyNotify)g_ptr_array_unref);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  struct import import = {.store = store, .delivery = delivery, .here = here, .seen = seen,
                          .progress = progress, .data = data, .cancel = cancel};
  GError *why = NULL;
  if (delivery == NULL)
    return false;
  if (!gather_folder(&import, folder, &why) || !import_path(&import, path, &why))
    return tell_stopped(&import, folder, why, error);
  if (imported_out != NULL)
    *imported_out = import.imported;
  if (known_out != NULL)
    *known_out = import.known;
  return true;
}
