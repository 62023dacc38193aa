/* Letters that came and want to be read: one sentence for somebody who looks elsewhere,
 * which the interface passes on to the terminal. */
#include <inttypes.h>
#include <string.h>

#include "base/i18n.h"
#include "engine/engine-private.h"

static bool
is_wanted(const struct engine *engine)
{
  return engine->options.interactive && engine->conf->notify != CONF_NOTIFY_NOTHING;
}

static void
tell(struct engine *engine, const char *text)
{
  struct event *event = event_new(EVENT_ARRIVED, 0);
  event->text = g_strdup(text);
  event_queue_push(engine->events, event);
}

static char *
how_many(guint64 n)
{
  return g_strdup_printf(
      ngettext("%" PRIu64 " new letter", "%" PRIu64 " new letters", (gulong)n),
      n);
}

/* ---- what this engine fetched ---- */

/* A rule may have dealt with it, and of a muted thread nobody wants to hear. */
static struct row *
unread_row(struct engine *engine, const char *key)
{
  g_autoptr(row_t) row = store_row(engine->store, key, NULL);
  if (row == NULL || (row->flags & (ROW_SEEN | ROW_TRASHED)) != 0 ||
      row->thread_mark == THREAD_MUTED || strcmp(row->folder, engine_trash(engine)) == 0)
    return NULL;
  return g_steal_pointer(&row);
}

static char *
about(const struct row *row)
{
  const char *from = row->from != NULL && *row->from != '\0' ? row->from : _("nobody");
  const char *subject =
      row->subject != NULL && *row->subject != '\0' ? row->subject : _("(no subject)");
  return g_strdup_printf("%s: %s", from, subject);
}

void
news_tell(struct engine *engine, GHashTable *keys)
{
  g_autoptr(row_t) first = NULL;
  GHashTableIter iter;
  void *key;
  guint n = 0;
  if (!is_wanted(engine))
    return;
  g_hash_table_iter_init(&iter, keys);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    g_autoptr(row_t) row = unread_row(engine, key);
    n += row != NULL;
    if (first == NULL)
      first = g_steal_pointer(&row);
  }
  g_autofree char *text = n == 1 ? about(first) : how_many(n);
  if (n > 0)
    tell(engine, text);
}

/* ---- what others put into the inboxes ---- */

static bool
is_inbox(const struct engine *engine, const char *folder)
{
  for (guint i = 0; i < engine->conf->accounts->len; i++) {
    const struct conf_account *account = engine->conf->accounts->pdata[i];
    if (g_strcmp0(account->inbox, folder) == 0)
      return true;
  }
  return false;
}

static struct news_count
count_inboxes(struct engine *engine)
{
  struct news_count count = {0};
  const struct work *work = work_current();
  g_autoptr(GPtrArray) folders =
      store_folders(engine->store, work != NULL ? work->cancel : NULL, NULL);
  for (guint i = 0; folders != NULL && i < folders->len; i++) {
    const struct folder_row *row = folders->pdata[i];
    if (!is_inbox(engine, row->name))
      continue;
    count.known = true;
    count.unread += row->unread;
    count.total += row->total;
  }
  return count;
}

void
news_settle(struct engine *engine)
{
  if (!is_wanted(engine))
    return;
  struct news_count now = count_inboxes(engine);
  g_mutex_lock(&engine->lock);
  now.known = now.known && engine->settled;
  engine->inboxes = now;
  g_mutex_unlock(&engine->lock);
}

void
news_compare(struct engine *engine)
{
  if (!is_wanted(engine))
    return;
  struct news_count now = count_inboxes(engine);
  g_mutex_lock(&engine->lock);
  struct news_count before = engine->inboxes;
  bool busy = engine->fetching > 0;
  engine->settled = true;
  if (!busy)
    engine->inboxes = now;
  g_mutex_unlock(&engine->lock);
  if (busy || !before.known || !now.known || now.unread <= before.unread ||
      now.total <= before.total)
    return;
  g_autofree char *text = how_many(MIN(now.unread - before.unread, now.total - before.total));
  tell(engine, text);
}

void
news_fetching(struct engine *engine, bool begins)
{
  if (!begins)
    news_settle(engine);
  g_mutex_lock(&engine->lock);
  engine->fetching = begins ? engine->fetching + 1 : engine->fetching - 1;
  g_mutex_unlock(&engine->lock);
}
