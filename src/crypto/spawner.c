#include "crypto/spawner.h"

#include <glib.h>
#include <stdbool.h>

struct order {
  int (*work)(void *data);
  void *data;
  GMutex lock;
  GCond finished;
  bool done;
  int result;
};

static gpointer
run(gpointer orders)
{
  for (;;) {
    struct order *order = g_async_queue_pop(orders);
    int result = order->work(order->data);
    g_mutex_lock(&order->lock);
    order->result = result;
    order->done = true;
    g_cond_signal(&order->finished);
    g_mutex_unlock(&order->lock);
  }
  return NULL;
}

static gpointer
begin(gpointer data)
{
  GAsyncQueue *orders = g_async_queue_new();
  g_thread_unref(g_thread_new("plugin-starter", run, orders));
  return orders;
}

int
spawner_run(int (*work)(void *data), void *data)
{
  static GOnce once = G_ONCE_INIT;
  struct order order = {.work = work, .data = data};
  GAsyncQueue *orders = g_once(&once, begin, NULL);
  g_mutex_init(&order.lock);
  g_cond_init(&order.finished);
  g_async_queue_push(orders, &order);
  g_mutex_lock(&order.lock);
  while (!order.done)
    g_cond_wait(&order.finished, &order.lock);
  g_mutex_unlock(&order.lock);
  g_mutex_clear(&order.lock);
  g_cond_clear(&order.finished);
  return order.result;
}
