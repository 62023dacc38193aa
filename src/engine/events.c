#include <errno.h>
#include <sys/eventfd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "engine/engine-private.h"

/* ---- memory ---- */

struct event *
event_new(enum event_kind kind, request_id request)
{
  struct event *event = g_new0(struct event, 1);
  event->kind = kind;
  event->request = request;
  return event;
}

void
fetched_free(void *data)
{
  struct fetched *fetched = data;
  g_free(fetched->account);
  g_free(fetched->remark);
  g_clear_error(&fetched->error);
  g_free(fetched);
}

void
letter_free(struct letter *letter)
{
  if (letter == NULL)
    return;
  g_free(letter->key);
  g_free(letter->path);
  verdict_free(letter->verdict);
  rendered_free(letter->rendered);
  g_free(letter);
}

void
sealing_free(struct sealing *sealing)
{
  if (sealing == NULL)
    return;
  seal_plan_clear(&sealing->plan);
  g_clear_pointer(&sealing->recipients, g_ptr_array_unref);
  g_free(sealing->plugin);
  g_clear_error(&sealing->error);
  g_free(sealing);
}

static void
part_free(struct part *part)
{
  if (part == NULL)
    return;
  g_free(part->name);
  g_free(part->type);
  g_clear_pointer(&part->bytes, g_bytes_unref);
  blob_unref(part->file);
  g_free(part);
}

void
event_free(struct event *event)
{
  if (event == NULL)
    return;
  g_clear_error(&event->error);
  g_free(event->text);
  GPtrArray **arrays[] = {&event->rows,  &event->folders, &event->fetched,
                          &event->queue, &event->server,  &event->plugins, &event->keys};
  for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++)
    g_clear_pointer(arrays[i], g_ptr_array_unref);
  letter_free(event->letter);
  draft_free(event->draft);
  sealing_free(event->sealing);
  part_free(event->part);
  g_strfreev(event->strings);
  g_free(event);
}

/* ---- the queue ---- */

struct event_queue {
  GMutex lock;
  GCond came;
  GQueue waiting;           /* struct event */
  int fd;                   /* readable while something waits */
};

struct event_queue *
event_queue_new(GError **error)
{
  auto_fd fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", _("cannot make the event queue"));
    return NULL;
  }
  struct event_queue *queue = g_new0(struct event_queue, 1);
  g_mutex_init(&queue->lock);
  g_cond_init(&queue->came);
  g_queue_init(&queue->waiting);
  queue->fd = fd_steal(&fd);
  return queue;
}

void
event_queue_free(struct event_queue *queue)
{
  if (queue == NULL)
    return;
  struct event *event;
  while ((event = g_queue_pop_head(&queue->waiting)) != NULL)
    event_free(event);
  fd_clear(&queue->fd);
  g_cond_clear(&queue->came);
  g_mutex_clear(&queue->lock);
  g_free(queue);
}

int
event_queue_fd(struct event_queue *queue)
{
  return queue->fd;
}

/* Does a waiting event say what `event` says?  A newer PROGRESS takes the place of
 * the one before. */
static bool
is_said_already(struct event_queue *queue, struct event **event)
{
  if ((*event)->kind != EVENT_CHANGED && (*event)->kind != EVENT_PROGRESS)
    return false;
  for (GList *at = queue->waiting.tail; at != NULL; at = at->prev) {
    struct event *waiting = at->data;
    if (waiting->kind != (*event)->kind || waiting->request != (*event)->request)
      continue;
    at->data = *event;
    *event = waiting;
    return true;
  }
  return false;
}

void
event_queue_push(struct event_queue *queue, struct event *event)
{
  g_mutex_lock(&queue->lock);
  if (is_said_already(queue, &event))
    event_free(event);
  else {
    g_queue_push_tail(&queue->waiting, event);
    (void)eventfd_write(queue->fd, 1);
    g_cond_signal(&queue->came);
  }
  g_mutex_unlock(&queue->lock);
}

struct event *
event_queue_pop(struct event_queue *queue, bool wait)
{
  g_mutex_lock(&queue->lock);
  while (wait && g_queue_is_empty(&queue->waiting))
    g_cond_wait(&queue->came, &queue->lock);
  struct event *event = g_queue_pop_head(&queue->waiting);
  eventfd_t ignored;
  if (g_queue_is_empty(&queue->waiting))
    (void)eventfd_read(queue->fd, &ignored);
  g_mutex_unlock(&queue->lock);
  return event;
}
