#include "store/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/blob.h"
#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "store/disk.h"

/* A batch is one commit: the first ones are small, so that rows appear at once.  What is
 * not many is one, since each commit writes pages that the next one writes again. */
#define BATCH_FIRST 32
#define BATCH_ALL 256
#define BATCH_GROWTH 8
#define BATCH_MOST 8000
#define BATCH_BYTES LIMIT_MIB(32)
/* Nor does a slow disk keep what it read from being seen, or lost when one leaves. */
#define BATCH_US (5 * G_USEC_PER_SEC)
/* Letters that were read and wait for the table: more would only take memory. */
#define WAITING_MOST 64
#define WAITING_BYTES LIMIT_MIB(16)
#define THREADS_MOST 16
/* What is read of a letter that is too long to be parsed whole. */
#define LONG_PART (LIMIT_HEADER + LIMIT_TEXT)

/* What retrieve/ ends its base names with. */

struct reading {
  struct store *store;
  const struct scan *scan;
  const struct reading_order *order;
  GCancellable *cancel;
  GAsyncQueue *done;        /* struct letter_read */
  GThreadPool *pool;
  guint given, taken;       /* to the pool, from the queue */
  int waiting_kib;          /* atomic: of what lies in `done` */
  GPtrArray *batch;
  size_t batch_bytes;
  guint batch_limit;
  gint64 batch_until;       /* monotonic: then it is given, however small */
};

void
letter_read_free(struct letter_read *letter)
{
  index_doc_free(letter->doc);
  terms_free(letter->terms);
  g_clear_error(&letter->error);
  g_free(letter);
}

/* ---- on a thread of the pool ---- */

static size_t
length_of(const char *text)
{
  return text != NULL ? strlen(text) : 0;
}

/* A letter that cannot be read is a letter all the same. */
static struct index_doc *
unreadable(int64_t arrival)
{
  struct index_doc *doc = g_new0(struct index_doc, 1);
  doc->date = arrival;
  doc->from = g_strdup("");
  doc->to = g_strdup("");
  doc->cc = g_strdup("");
  doc->subject = g_strdup(_("(unreadable)"));
  doc->text = g_strdup("");
  doc->filenames = g_strdup("");
  doc->digest = g_strdup("");
  return doc;
}

/* What of it is to be read, in memory that this process does not hold. */
static struct blob *
copy_letter(const char *path, struct stat *info, bool *there_out)
{
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  *there_out = fd >= 0 || (errno != ENOENT && errno != ENOTDIR && errno != ENXIO);
  if (fd < 0 || fstat(fd, info) != 0)
    return NULL;
  /* A pipe or a directory is no letter, whatever it is called. */
  *there_out = S_ISREG(info->st_mode);
  bool whole = (guint64)info->st_size <= LIMIT_MESSAGE;
  return *there_out ? blob_copy_file(fd, whole ? LIMIT_MESSAGE : LONG_PART, NULL) : NULL;
}

static void
read_letter(struct reading *reading, struct letter_read *letter)
{
  const struct scanned_folder *folder = reading->scan->folders->pdata[letter->what->folder];
  g_autofree char *path = row_file(reading->store, folder->name, letter->what->fresh,
                                   letter->what->name, "");
  struct stat info = {.st_mtim.tv_sec = g_get_real_time() / G_USEC_PER_SEC};
  bool there;
  g_autoptr(blob_t) copy = copy_letter(path, &info, &there);
  if (!there) {
    letter->odd = lstat(path, &info) == 0;
    return;
  }
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  int64_t known = maildir_arrival(letter->what->name, info.st_mtim.tv_sec, now);
  /* Until now is all that is known where nothing tells when it came. */
  int64_t arrival = known != 0 ? known : now;
  letter->size = (guint64)info.st_size;
  letter->arrival = known;
  g_autoptr(GError) why = NULL;
  if (copy != NULL)
    letter->doc = reader_index_memory(reading->store->readers, copy, arrival, reading->cancel, &why);
  if (letter->doc == NULL && (copy == NULL || error_is(why, POSTINO_ERROR_INVALID)))
    letter->doc = unreadable(arrival);
  if (letter->doc == NULL)
    letter->error = g_steal_pointer(&why);
  else if (known == 0 && letter->doc->date == now)
    letter->doc->date = info.st_mtim.tv_sec > now ? now : 0;
}

/* Here, where several are read at once, and not where they are written one by one. */
static void
take_apart(struct letter_read *letter)
{
  letter->terms = terms_new(letter->doc, letter->doc->date >= letter->listed >> LETTER_ID_BITS);
  g_clear_pointer(&letter->doc->text, g_free);
  letter->weight = 512 + terms_weight(letter->terms) + length_of(letter->doc->to) +
                   length_of(letter->doc->cc) + length_of(letter->doc->filenames);
}

static void
run(void *item, void *data)
{
  struct reading *reading = data;
  struct letter_read *letter = item;
  if (!g_cancellable_is_cancelled(reading->cancel))
    read_letter(reading, letter);
  if (letter->doc != NULL)
    take_apart(letter);
  g_atomic_int_add(&reading->waiting_kib, (int)(letter->weight >> 10));
  g_async_queue_push(reading->done, letter);
}

/* ---- on the caller's thread ---- */

static void
feed(struct reading *reading)
{
  const struct reading_order *order = reading->order;
  while (reading->given < order->wanted->len && reading->given - reading->taken < WAITING_MOST &&
         g_atomic_int_get(&reading->waiting_kib) < (int)(WAITING_BYTES >> 10)) {
    struct letter_read *letter = g_new0(struct letter_read, 1);
    letter->what = &g_array_index(order->wanted, struct change, reading->given);
    letter->listed = *order->listed;
    reading->given++;
    g_thread_pool_push(reading->pool, letter, NULL);
  }
}

static struct letter_read *
take(struct reading *reading)
{
  struct letter_read *letter = g_async_queue_pop(reading->done);
  reading->taken++;
  g_atomic_int_add(&reading->waiting_kib, -(int)(letter->weight >> 10));
  return letter;
}

static int64_t
date_of(const struct letter_read *letter)
{
  return letter->doc != NULL ? letter->doc->date : 0;
}

/* By date, so that the full-text table grows at its end; by name where the dates
 * are equal, so that the same Maildir gives the same order. */
static int
compare_letters(const void *a, const void *b)
{
  const struct letter_read *one = *(void *const *)a, *two = *(void *const *)b;
  int64_t first = date_of(one), second = date_of(two);
  if (first != second)
    return first < second ? -1 : 1;
  return strcmp(one->what->name, two->what->name);
}

static bool
flush(struct reading *reading, GError **error)
{
  if (reading->batch->len == 0)
    return true;
  g_ptr_array_sort(reading->batch, compare_letters);
  bool ok = reading->order->give(reading->batch, reading->order->data, error);
  g_ptr_array_set_size(reading->batch, 0);
  reading->batch_bytes = 0;
  reading->batch_until = g_get_monotonic_time() + BATCH_US;
  reading->batch_limit = MIN(reading->batch_limit * BATCH_GROWTH, BATCH_MOST);
  return ok;
}

static bool
is_full(const struct reading *reading)
{
  return reading->batch->len >= reading->batch_limit || reading->batch_bytes >= BATCH_BYTES ||
         g_get_monotonic_time() >= reading->batch_until;
}

static bool
run_all(struct reading *reading, GError **error)
{
  const struct reading_order *order = reading->order;
  while (reading->taken < order->wanted->len) {
    feed(reading);
    struct letter_read *letter = take(reading);
    if (letter->error != NULL) {
      g_propagate_error(error, g_steal_pointer(&letter->error));
      letter_read_free(letter);
      return false;
    }
    if (g_cancellable_is_cancelled(reading->cancel)) {
      letter_read_free(letter);
      return error_set(error, POSTINO_ERROR_CANCELLED, _("stopped"));
    }
    g_ptr_array_add(reading->batch, letter);
    if (order->tell != NULL)
      order->tell(order->data);
    reading->batch_bytes += letter->weight;
    if (is_full(reading) && !flush(reading, error))
      return false;
  }
  return true;
}

static void
drain(struct reading *reading)
{
  while (reading->taken < reading->given)
    letter_read_free(take(reading));
  g_thread_pool_free(reading->pool, FALSE, TRUE);
  g_async_queue_unref(reading->done);
  g_ptr_array_unref(reading->batch);
}

bool
reading_run(struct store *store, const struct scan *scan, const struct reading_order *order,
            GCancellable *cancel, GError **error)
{
  if (store->readers == NULL)
    return error_set(error, POSTINO_ERROR_BUG, _("letters cannot be read without a reader"));
  struct reading reading = {
      .store = store,
      .scan = scan,
      .order = order,
      .cancel = cancel,
      .done = g_async_queue_new(),
      .batch = g_ptr_array_new_with_free_func((GDestroyNotify)letter_read_free),
      .batch_limit = order->wanted->len <= BATCH_ALL ? BATCH_ALL : BATCH_FIRST,
      .batch_until = g_get_monotonic_time() + BATCH_US,
  };
  int threads = CLAMP((int)g_get_num_processors(), 1, THREADS_MOST);
  reading.pool = g_thread_pool_new(run, &reading, threads, FALSE, NULL);
  bool ok = run_all(&reading, error);
  /* What was read is kept, whatever ended the reading; but who stops it does not wait for
   * the seconds that a great batch takes. */
  if (!g_cancellable_is_cancelled(cancel) && !flush(&reading, ok ? error : NULL))
    ok = false;
  drain(&reading);
  return ok;
}
