#include "ui/queue/queue.h"

static void
arrived(struct view *view, struct event *event, void *data)
{
  struct queue_view *queue = (struct queue_view *)view;
  queue->asked = 0;
  if (event->queue == NULL)
    return;
  if (queue->rows != NULL)
    g_ptr_array_unref(queue->rows);
  queue->rows = g_steal_pointer(&event->queue);
  g_strfreev(queue->subjects);
  queue->subjects = g_steal_pointer(&event->strings);
  list_set(&queue->list, (int)queue->rows->len);
}

void
queue_load(struct queue_view *queue)
{
  struct ui *ui = queue->view.ui;
  ui_forget(ui, queue->asked);
  queue->asked = engine_queue(ui->engine);
  ui_await(ui, queue->asked, &queue->view, arrived, NULL, NULL);
}

const struct ledger_letter *
queue_letter(const struct queue_view *queue, int i)
{
  return queue->rows != NULL && i >= 0 && i < (int)queue->rows->len
             ? g_ptr_array_index(queue->rows, i)
             : NULL;
}

const char *
queue_subject(const struct queue_view *queue, int i)
{
  return queue_letter(queue, i) != NULL && queue->subjects != NULL ? queue->subjects[i] : "";
}
