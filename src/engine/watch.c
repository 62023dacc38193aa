#include "engine/watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "engine/out.h"

/* Milliseconds in which further changes of a Maildir are awaited before it is
 * read: another program rarely delivers one letter alone. */
#define SETTLE_MS 100
/* Seconds until a flush that failed is tried again, whatever the ledger says is
 * due: its row may be due while the server cannot be reached. */
#define FLUSH_AGAIN 60
/* Seconds after the start when mail is fetched first, so that the first screen is
 * not in its way. */
#define FIRST_FETCH 1
#define MINUTE 60
/* Seconds between looks where the system does not tell of all changes. */
#define LOOK_SECONDS 10

/* What is going on for one account (watch->lock). */
struct post {
  const struct conf_account *account;
  bool fetching, flushing;
  gint64 next_fetch;        /* monotonic seconds; 0: never by itself */
  gint64 next_flush;        /* monotonic seconds: not before */
  char *fetch_trouble;      /* what was told last, so that it is told once */
  char *flush_trouble;
};

struct watch {
  struct engine *engine;
  GThread *thread;
  GMutex lock;
  GCancellable *closing;
  bool recover;             /* look once for what a crash left */
  int wake;                 /* eventfd */
  int mail;                 /* store_watch_fd(), owned by the store; -1: none */
  gint64 changed_until;     /* monotonic µs: then what changed is looked at; 0: nothing did */
  gint64 next_look;         /* monotonic seconds; 0: none was needed */
  struct post *posts;
  guint n;
};

static gint64
now_seconds(void)
{
  return g_get_monotonic_time() / G_USEC_PER_SEC;
}

/* ---- what is due ---- */

static void
fetch_due(struct watch *watch, struct post *post, gint64 now)
{
  if (post->next_fetch == 0 || post->next_fetch > now || post->fetching)
    return;
  post->fetching = true;
  post->next_fetch = now + (gint64)watch->engine->conf->fetch_every * MINUTE;
  fetch_beside(watch->engine, post->account);
}

/* A letter that a crash left between two states is no longer due at any time; the
 * first flush settles it. */
static bool
was_left(struct engine *engine, const struct conf_account *account)
{
  g_autoptr(GPtrArray) letters = ledger_open(engine->store, NULL);
  for (guint i = 0; letters != NULL && i < letters->len; i++) {
    const struct ledger_letter *letter = letters->pdata[i];
    if (g_strcmp0(letter->account, account->name) == 0 &&
        (letter->state == LETTER_SENDING || letter->state == LETTER_BODY ||
         letter->state == LETTER_ACCEPTED))
      return true;
  }
  return false;
}

static void
flush_due(struct watch *watch, struct post *post, gint64 now)
{
  if (post->account->smtp == NULL || post->flushing || post->next_flush > now)
    return;
  int64_t due = outbox_next(watch->engine->store, post->account->name);
  bool left = watch->recover && was_left(watch->engine, post->account);
  int64_t clock = g_get_real_time() / G_USEC_PER_SEC;
  if (!left && (due == 0 || due > clock)) {
    post->next_flush = due != 0 ? now + (due - clock) : 0;
    return;
  }
  post->flushing = true;
  flush_beside(watch->engine, post->account);
}

/* Milliseconds until something is due; -1: nothing is. */
static int
time_left(const struct watch *watch, gint64 now)
{
  gint64 next = G_MAXINT64;
  for (guint i = 0; i < watch->n; i++) {
    const struct post *post = &watch->posts[i];
    if (post->next_fetch != 0 && !post->fetching)
      next = MIN(next, post->next_fetch);
    if (post->next_flush > now && !post->flushing)
      next = MIN(next, post->next_flush);
  }
  if (next == G_MAXINT64)
    return -1;
  return (int)CLAMP((next - now) * 1000, 0, 60 * 60 * 1000);
}

static int
see_to_all(struct watch *watch)
{
  gint64 now = now_seconds();
  g_mutex_lock(&watch->lock);
  for (guint i = 0; i < watch->n; i++) {
    fetch_due(watch, &watch->posts[i], now);
    flush_due(watch, &watch->posts[i], now);
  }
  watch->recover = false;
  int left = time_left(watch, now);
  g_mutex_unlock(&watch->lock);
  return left;
}

/* ---- waiting ---- */

static void
read_empty(int fd)
{
  char bytes[4096];
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  while (poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & POLLIN) != 0)
    if (read(fd, bytes, sizeof bytes) <= 0)
      return;
}

/* Further changes are awaited without being told of each. */
static void
mail_changed(struct watch *watch)
{
  watch->changed_until = g_get_monotonic_time() + SETTLE_MS * 1000;
}

static int
change_due(struct watch *watch, int left)
{
  gint64 now = g_get_monotonic_time();
  if (watch->changed_until == 0)
    return left;
  if (now >= watch->changed_until)
    watch->changed_until = MAX(refresh_rests_until(watch->engine), now);
  if (now >= watch->changed_until) {
    watch->changed_until = 0;
    read_empty(watch->mail);
    refresh_beside(watch->engine);
    return left;
  }
  int until = (int)((watch->changed_until - now) / 1000) + 1;
  return left < 0 ? until : MIN(left, until);
}

/* Where the system does not tell of all changes, a look every so often finds them. */
static int
look_due(struct watch *watch, int left)
{
  gint64 now = now_seconds();
  if (store_watch_is_whole(watch->engine->store))
    return left;
  if (now >= watch->next_look) {
    if (watch->next_look != 0)
      refresh_beside(watch->engine);
    watch->next_look = now + LOOK_SECONDS;
  }
  int until = (int)(watch->next_look - now) * 1000;
  return left < 0 ? until : MIN(left, until);
}

static void *
keep_watch(void *data)
{
  struct watch *watch = data;
  /* Thousands of folders take a while, which the first screen does not wait for. */
  watch->mail = store_watch_fd(watch->engine->store, watch->closing);
  if (!g_cancellable_is_cancelled(watch->closing))
    refresh_beside(watch->engine);
  store_sweep(watch->engine->store, watch->closing);
  while (!g_cancellable_is_cancelled(watch->closing)) {
    int left = change_due(watch, look_due(watch, see_to_all(watch)));
    struct pollfd fds[] = {{.fd = watch->wake, .events = POLLIN},
                           {.fd = watch->changed_until == 0 ? watch->mail : -1, .events = POLLIN}};
    if (poll(fds, G_N_ELEMENTS(fds), left) < 0 && errno != EINTR)
      break;
    if ((fds[0].revents & POLLIN) != 0)
      read_empty(watch->wake);
    if ((fds[1].revents & POLLIN) != 0)
      mail_changed(watch);
    else if (fds[1].revents != 0)
      watch->mail = -1;
  }
  return NULL;
}

/* ---- opening and closing ---- */

static void
fill_posts(struct watch *watch)
{
  const struct conf *conf = watch->engine->conf;
  watch->n = conf->accounts->len;
  watch->posts = g_new0(struct post, watch->n);
  for (guint i = 0; i < watch->n; i++) {
    struct post *post = &watch->posts[i];
    post->account = conf->accounts->pdata[i];
    if (conf->fetch_every > 0 && post->account->pop3 != NULL)
      post->next_fetch = now_seconds() + FIRST_FETCH;
  }
}

bool
watch_start(struct engine *engine, GError **error)
{
  auto_fd wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s",
                       _("cannot watch the mail directory"));
  struct watch *watch = g_new0(struct watch, 1);
  g_mutex_init(&watch->lock);
  watch->engine = engine;
  watch->wake = fd_steal(&wake);
  watch->closing = g_cancellable_new();
  watch->mail = -1;
  watch->recover = true;
  fill_posts(watch);
  engine->watch = watch;    /* before its thread can start a work that asks for it */
  watch->thread = g_thread_new("watch", keep_watch, watch);
  return true;
}

void
watch_stop(struct watch *watch)
{
  if (watch == NULL || watch->thread == NULL)
    return;
  g_cancellable_cancel(watch->closing);
  watch_wake(watch);
  g_thread_join(g_steal_pointer(&watch->thread));
}

void
watch_free(struct watch *watch)
{
  if (watch == NULL)
    return;
  watch_stop(watch);
  for (guint i = 0; i < watch->n; i++) {
    g_free(watch->posts[i].fetch_trouble);
    g_free(watch->posts[i].flush_trouble);
  }
  g_free(watch->posts);
  fd_clear(&watch->wake);
  g_object_unref(watch->closing);
  g_mutex_clear(&watch->lock);
  g_free(watch);
}

/* ---- what others tell it ---- */

void
watch_wake(struct watch *watch)
{
  if (watch == NULL)
    return;
  g_mutex_lock(&watch->lock);
  gint64 now = now_seconds();
  for (guint i = 0; i < watch->n; i++)
    watch->posts[i].next_flush = MIN(watch->posts[i].next_flush, now);
  g_mutex_unlock(&watch->lock);
  (void)eventfd_write(watch->wake, 1);
}

static struct post *
post_of(struct watch *watch, const struct conf_account *account)
{
  guint i = 0;
  while (i + 1 < watch->n && watch->posts[i].account != account)
    i++;
  g_assert(watch->posts[i].account == account);
  return &watch->posts[i];
}

/* Is this trouble news? */
static bool
remember(char **trouble, const GError *error)
{
  bool news = error != NULL && g_strcmp0(*trouble, error->message) != 0 &&
              !error_is(error, POSTINO_ERROR_CANCELLED);
  g_free(*trouble);
  *trouble = error != NULL ? g_strdup(error->message) : NULL;
  return news;
}

void
watch_fetched(struct watch *watch, const struct conf_account *account, const GError *error)
{
  if (watch == NULL)
    return;
  g_mutex_lock(&watch->lock);
  struct post *post = post_of(watch, account);
  post->fetching = false;
  bool news = remember(&post->fetch_trouble, error);
  g_mutex_unlock(&watch->lock);
  if (news)
    engine_notice(watch->engine, true, error->message);
  (void)eventfd_write(watch->wake, 1);
}

void
watch_flushed(struct watch *watch, const struct conf_account *account, const GError *error,
              bool told)
{
  if (watch == NULL)
    return;
  g_mutex_lock(&watch->lock);
  struct post *post = post_of(watch, account);
  post->flushing = false;
  post->next_flush = now_seconds() + (error != NULL ? FLUSH_AGAIN : 1);
  bool news = remember(&post->flush_trouble, error) && !told;
  g_mutex_unlock(&watch->lock);
  if (!news)
    return;
  g_autofree char *text =
      g_strdup_printf(_("not sent: %s; what was to be sent stays in the outbox"), error->message);
  engine_notice(watch->engine, true, text);
  (void)eventfd_write(watch->wake, 1);
}
