#include "sandbox/reader.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "sandbox/call.h"
#include "sandbox/pool-private.h"
#include "sandbox/starter.h"

struct child {
  pid_t pid;                /* 0: not started */
  int socket;
  bool borrowed;
};

struct reader_pool {
  GMutex lock;              /* over all below */
  GCond returned;
  struct child *children;
  int count, asking, patience;
  GThread *ahead;           /* starts a child that nobody has asked for yet; NULL */
  bool starting;            /* it has not yet */
  struct starter *starter;  /* safe for threads */
};

/* With sanitizers everything takes many times as long. */
#ifdef POSTINO_SANITIZERS
#define PATIENCE (6 * LIMIT_READER_SECONDS)
#else
#define PATIENCE LIMIT_READER_SECONDS
#endif

struct reader_pool *
reader_pool_new(int children)
{
  struct reader_pool *pool = g_new0(struct reader_pool, 1);
  g_mutex_init(&pool->lock);
  g_cond_init(&pool->returned);
  pool->count = CLAMP(children, 1, 64);
  pool->children = g_new0(struct child, pool->count);
  for (int i = 0; i < pool->count; i++)
    pool->children[i].socket = -1;
  pool->patience = PATIENCE;
  pool->starter = starter_new();
  return pool;
}

/* Ends a child (one that is at its end already keeps the status that it chose)
 * and takes its exit status from the kernel; 0 when unknown. */
static int
end_child(struct child *child)
{
  int status = 0;
  if (child->pid == 0)
    return status;
  fd_clear(&child->socket);
  kill(child->pid, SIGKILL);
  while (waitpid(child->pid, &status, 0) < 0)
    if (errno != EINTR) {
      status = 0;
      break;
    }
  child->pid = 0;
  return status;
}

void
reader_pool_free(struct reader_pool *pool)
{
  if (pool == NULL)
    return;
  if (pool->ahead != NULL)
    g_thread_join(pool->ahead);
  for (int i = 0; i < pool->count; i++)
    end_child(&pool->children[i]);
  starter_free(pool->starter);
  g_mutex_clear(&pool->lock);
  g_cond_clear(&pool->returned);
  g_free(pool->children);
  g_free(pool);
}

int
reader_pool_asking(struct reader_pool *pool)
{
  g_mutex_lock(&pool->lock);
  int asking = pool->asking;
  g_mutex_unlock(&pool->lock);
  return asking;
}

void
reader_pool_set_patience(struct reader_pool *pool, int seconds)
{
  g_mutex_lock(&pool->lock);
  pool->patience = seconds;
  g_mutex_unlock(&pool->lock);
}

static void
wake_waiters(GCancellable *cancel, gpointer data)
{
  struct reader_pool *pool = data;
  g_mutex_lock(&pool->lock);
  g_cond_broadcast(&pool->returned);
  g_mutex_unlock(&pool->lock);
}

/* A free child, one that runs already before one that does not; with the lock
 * held. */
static struct child *
find_free(struct reader_pool *pool)
{
  struct child *found = NULL;
  for (int i = 0; i < pool->count; i++) {
    struct child *child = &pool->children[i];
    if (!child->borrowed && (found == NULL || (found->pid == 0 && child->pid != 0)))
      found = child;
  }
  return found;
}

/* Waits for a free child; NULL when cancelled. */
static struct child *
borrow(struct reader_pool *pool, GCancellable *cancel)
{
  gulong handler = 0;
  if (cancel != NULL)
    handler = g_cancellable_connect(cancel, G_CALLBACK(wake_waiters), pool, NULL);
  struct child *child = NULL;
  g_mutex_lock(&pool->lock);
  while (!g_cancellable_is_cancelled(cancel) &&
         (pool->starting || (child = find_free(pool)) == NULL))
    g_cond_wait(&pool->returned, &pool->lock);
  if (child != NULL)
    child->borrowed = true;
  g_mutex_unlock(&pool->lock);
  if (handler != 0)
    g_cancellable_disconnect(cancel, handler);
  return child;
}

static void
give_back(struct reader_pool *pool, struct child *child)
{
  g_mutex_lock(&pool->lock);
  child->borrowed = false;
  g_cond_signal(&pool->returned);
  g_mutex_unlock(&pool->lock);
}

/* The lock guards the count; returns the seconds that the child has. */
static int
count_asking(struct reader_pool *pool, int change)
{
  g_mutex_lock(&pool->lock);
  pool->asking += change;
  int patience = pool->patience;
  g_mutex_unlock(&pool->lock);
  return patience;
}

static bool
start(struct reader_pool *pool, struct child *child, GError **error)
{
  return child->pid != 0 || starter_start(pool->starter, &child->pid, &child->socket, error);
}

/* Who asks meanwhile waits for this one. */
static gpointer
start_ahead(gpointer data)
{
  struct reader_pool *pool = data;
  (void)!start(pool, &pool->children[0], NULL);
  g_mutex_lock(&pool->lock);
  pool->starting = false;
  g_cond_broadcast(&pool->returned);
  g_mutex_unlock(&pool->lock);
  return NULL;
}

void
reader_pool_expect(struct reader_pool *pool)
{
  g_mutex_lock(&pool->lock);
  struct child *first = &pool->children[0];
  if (pool->ahead == NULL && !first->borrowed && first->pid == 0) {
    pool->starting = true;
    pool->ahead = g_thread_new("reader-ahead", start_ahead, pool);
  }
  g_mutex_unlock(&pool->lock);
}

/* A child that died while it had nothing to do cost nobody anything: another one
 * is asked, once. */
static enum call_result
ask(struct reader_pool *pool, struct child *child, struct call *call, int letter_fd,
    GError **error)
{
  for (int attempt = 0;; attempt++) {
    if (!start(pool, child, error))
      return CALL_LOCAL;
    enum call_result result = call_ask(call, child->socket, letter_fd);
    if (result != CALL_UNHEARD || attempt > 0)
      return result;
    end_child(child);
  }
}

/* What ld.so ends a program with that lacks a library. */
#define NOT_LOADED 127

static bool
explain(enum call_result result, int status, GError **error)
{
  if (WIFEXITED(status) && WEXITSTATUS(status) == FRAME_EXIT_RIGHTS)
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("the reader cannot give up its rights on this kernel, so no letter is "
                       "opened; seccomp is needed"));
  if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_LOADED)
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("postino-reader, which reads letters, does not start; install postino "
                       "again"));
  switch (result) {
  case CALL_CANCELLED:
    return error_set(error, POSTINO_ERROR_CANCELLED, _("cancelled"));
  case CALL_LATE:
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("reading this letter took too long; it is shown as source"));
  case CALL_LOCAL:
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("no memory or descriptors to read this letter; try again later"));
  default:
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("the reader failed on this letter; it is shown as source"));
  }
}

/* One letter's turn with a borrowed child, which is ended whenever it may still
 * be at work on it. */
static bool
converse(struct reader_pool *pool, struct child *child, struct call *call, int letter_fd,
         GError **error)
{
  GError *fault = NULL;
  enum call_result result = ask(pool, child, call, letter_fd, &fault);
  if (result == CALL_ANSWERED) {
    call->deadline = g_get_monotonic_time() + count_asking(pool, 1) * G_USEC_PER_SEC;
    result = call_await(call, child->socket);
    count_asking(pool, -1);
  }
  if (result == CALL_ANSWERED)
    return true;
  int status = end_child(child);
  if (result == CALL_LEAVING)
    return true;
  if (fault == NULL)
    return explain(result, status, error);
  g_propagate_error(error, fault);
  return false;
}

/* What is longer than LIMIT_MESSAGE need not be copied whole to be known for it. */
static GBytes *
cut(GBytes *message)
{
  size_t length = MIN(g_bytes_get_size(message), LIMIT_MESSAGE + 1);
  return g_bytes_new_from_bytes(message, 0, length);
}

static bool
run_memory(struct reader_pool *pool, struct call *call, int letter_fd, guint64 length,
           GError **error)
{
  call->request.length = length;
  struct child *child = borrow(pool, call->cancel);
  if (child == NULL)
    return explain(CALL_CANCELLED, 0, error);
  bool done = converse(pool, child, call, letter_fd, error);
  give_back(pool, child);
  return done;
}

static bool
run(struct reader_pool *pool, struct call *call, GBytes *message, GError **error)
{
  g_autoptr(GBytes) letter = cut(message);
  auto_fd letter_fd = file_memfd(letter, error);
  return letter_fd >= 0 && run_memory(pool, call, letter_fd, g_bytes_get_size(letter), error);
}

struct rendered *
reader_render(struct reader_pool *pool, GBytes *message, const struct render_options *options,
              GCancellable *cancel, GError **error)
{
  struct call call = {.request = {.ask = FRAME_RENDER, .html = options->html, .raw = options->raw},
                      .cancel = cancel};
  struct rendered *rendered = NULL;
  if (run(pool, &call, message, error)) {
    rendered = call.content != NULL ? rendered_from_variant(call.content) : NULL;
    if (rendered == NULL)
      explain(CALL_NONSENSE, 0, error);
  }
  call_clear(&call);
  return rendered;
}

static struct index_doc *
take_doc(struct call *call, bool answered, GError **error)
{
  struct index_doc *doc = NULL;
  if (answered) {
    doc = call->content != NULL ? index_doc_from_variant(call->content) : NULL;
    if (doc == NULL)
      explain(CALL_NONSENSE, 0, error);
  }
  call_clear(call);
  return doc;
}

struct index_doc *
reader_index(struct reader_pool *pool, GBytes *message, int64_t arrival, GCancellable *cancel,
             GError **error)
{
  struct call call = {.request = {.ask = FRAME_INDEX, .arrival = arrival}, .cancel = cancel};
  return take_doc(&call, run(pool, &call, message, error), error);
}

struct index_doc *
reader_index_memory(struct reader_pool *pool, const struct blob *message, int64_t arrival,
                    GCancellable *cancel, GError **error)
{
  struct call call = {.request = {.ask = FRAME_INDEX, .arrival = arrival}, .cancel = cancel};
  bool answered = run_memory(pool, &call, blob_memory(message), blob_size(message), error);
  return take_doc(&call, answered, error);
}

static GBytes *
take_part(struct call *call, char **name_out, char **type_out, GError **error)
{
  if (call->content == NULL) {
    error_set(error, POSTINO_ERROR_NOTFOUND, _("there is no part %u in this letter"),
              call->request.number);
    return NULL;
  }
  if (!g_variant_is_of_type(call->content, G_VARIANT_TYPE("(msms)"))) {
    explain(CALL_NONSENSE, 0, error);
    return NULL;
  }
  const char *name, *type;
  g_variant_get(call->content, "(m&sm&s)", &name, &type);
  if (name_out != NULL)
    *name_out = name != NULL ? sanitize_filename(name, "part") : NULL;
  if (type_out != NULL)
    *type_out = sanitize_line(type != NULL ? type : "application/octet-stream", -1);
  return call->bytes != NULL ? g_bytes_ref(call->bytes) : g_bytes_new(NULL, 0);
}

GBytes *
reader_part(struct reader_pool *pool, GBytes *message, int number, bool as_text, char **name_out,
            char **type_out, GCancellable *cancel, GError **error)
{
  struct call call = {
      .request = {.ask = FRAME_PART, .number = (uint32_t)MAX(number, 0), .as_text = as_text},
      .cancel = cancel};
  GBytes *part = NULL;
  if (run(pool, &call, message, error))
    part = take_part(&call, name_out, type_out, error);
  call_clear(&call);
  return part;
}

bool
reader_report(struct reader_pool *pool, GBytes *message, struct report **report_out,
              GCancellable *cancel, GError **error)
{
  struct call call = {.request = {.ask = FRAME_REPORT}, .cancel = cancel};
  bool done = run(pool, &call, message, error);
  if (done) {
    struct report *report = call.content != NULL ? report_from_variant(call.content) : NULL;
    done = call.content == NULL || report != NULL || explain(CALL_NONSENSE, 0, error);
    if (done)
      *report_out = report;
  }
  call_clear(&call);
  return done;
}
