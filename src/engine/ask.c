/* A worker that needs a person's answer waits here; the question goes out as an
 * event, and ends with the answer, with the request's cancel, or with the engine. */
#include "base/sanitize.h"
#include "engine/engine-private.h"

struct ask {
  uint64_t id;
  char *prompt;
  bool secret, terminal;
  bool answered;
  secret_t *answer;         /* NULL: refused */
  guint waiting;            /* workers that want this answer */
};

struct ask_desk {
  GMutex lock;
  GCond moved;              /* an answer came, a request was cancelled, or closing */
  GPtrArray *open;          /* struct ask: with somebody waiting */
  struct event_queue *events;
  uint64_t last_id;
  bool closed;
  bool lent;                /* the terminal is another program's */
};

struct ask_desk *
ask_desk_new(struct event_queue *events)
{
  struct ask_desk *desk = g_new0(struct ask_desk, 1);
  g_mutex_init(&desk->lock);
  g_cond_init(&desk->moved);
  desk->open = g_ptr_array_new();
  desk->events = events;
  return desk;
}

void
ask_desk_close(struct ask_desk *desk)
{
  g_mutex_lock(&desk->lock);
  desk->closed = true;
  g_cond_broadcast(&desk->moved);
  g_mutex_unlock(&desk->lock);
}

void
ask_desk_free(struct ask_desk *desk)
{
  if (desk == NULL)
    return;
  g_ptr_array_unref(desk->open);
  g_cond_clear(&desk->moved);
  g_mutex_clear(&desk->lock);
  g_free(desk);
}

void
ask_desk_answer(struct ask_desk *desk, uint64_t id, secret_t *answer)
{
  g_mutex_lock(&desk->lock);
  for (guint i = 0; i < desk->open->len; i++) {
    struct ask *ask = desk->open->pdata[i];
    if (ask->id != id || ask->answered)
      continue;
    ask->answered = true;
    ask->answer = secret_ref(answer);
    g_cond_broadcast(&desk->moved);
  }
  g_mutex_unlock(&desk->lock);
}

static void
say(struct ask_desk *desk, const struct ask *ask, const struct work *work)
{
  struct event *event = event_new(EVENT_ASK, work != NULL ? work_request(work) : 0);
  event->text = sanitize_line(ask->prompt, -1);
  event->ask = ask->id;
  event->secret = ask->secret;
  event->terminal = ask->terminal;
  event_queue_push(desk->events, event);
}

/* Two connections that want the same password ask once. */
static struct ask *
join(struct ask_desk *desk, const char *prompt, bool secret, bool terminal,
     const struct work *work)
{
  for (guint i = 0; i < desk->open->len; i++) {
    struct ask *open = desk->open->pdata[i];
    if (secret && open->secret && !open->answered && g_str_equal(open->prompt, prompt)) {
      open->waiting++;
      return open;
    }
  }
  struct ask *ask = g_new0(struct ask, 1);
  ask->id = ++desk->last_id;
  ask->prompt = g_strdup(prompt);
  ask->secret = secret;
  ask->terminal = terminal;
  ask->waiting = 1;
  g_ptr_array_add(desk->open, ask);
  say(desk, ask, work);
  return ask;
}

static secret_t *
leave(struct ask_desk *desk, struct ask *ask)
{
  secret_t *answer = ask->answered ? secret_ref(ask->answer) : NULL;
  if (--ask->waiting > 0)
    return answer;
  g_ptr_array_remove(desk->open, ask);
  secret_unref(ask->answer);
  g_free(ask->prompt);
  g_free(ask);
  return answer;
}

static void
on_cancel(GCancellable *cancel, void *data)
{
  (void)cancel;
  struct ask_desk *desk = data;
  g_mutex_lock(&desk->lock);
  g_cond_broadcast(&desk->moved);
  g_mutex_unlock(&desk->lock);
}

/* Under the desk's lock. */
static void
have_terminal_back(struct ask_desk *desk)
{
  event_queue_push(desk->events, event_new(EVENT_TERMINAL, 0));
  desk->lent = false;
  g_cond_broadcast(&desk->moved);
}

static bool
is_given_up(const struct ask_desk *desk, GCancellable *cancel)
{
  return desk->closed || g_cancellable_is_cancelled(cancel);
}

/* Under the desk's lock.  The terminal goes to one at a time. */
static secret_t *
wait_for_answer(struct ask_desk *desk, const char *prompt, bool secret, bool terminal,
                struct work *work, GCancellable *cancel)
{
  while (terminal && desk->lent && !is_given_up(desk, cancel))
    g_cond_wait(&desk->moved, &desk->lock);
  if (is_given_up(desk, cancel))
    return NULL;
  desk->lent = desk->lent || terminal;
  struct ask *ask = join(desk, prompt, secret, terminal, work);
  while (!ask->answered && !is_given_up(desk, cancel))
    g_cond_wait(&desk->moved, &desk->lock);
  secret_t *answer = leave(desk, ask);
  /* It may be handed over to somebody who does not wait for it any more. */
  if (terminal && answer == NULL)
    have_terminal_back(desk);
  return answer;
}

static secret_t *
ask_and_wait(struct ask_desk *desk, const char *prompt, bool secret, bool terminal)
{
  struct work *work = work_current();
  GCancellable *cancel = work != NULL ? work->cancel : NULL;
  if (work != NULL && (work->request->how & WORK_SILENT) != 0)
    return NULL;
  gulong handler =
      cancel != NULL ? g_cancellable_connect(cancel, G_CALLBACK(on_cancel), desk, NULL) : 0;
  g_mutex_lock(&desk->lock);
  secret_t *answer = wait_for_answer(desk, prompt, secret, terminal, work, cancel);
  g_mutex_unlock(&desk->lock);
  if (handler != 0)
    g_cancellable_disconnect(cancel, handler);
  return answer;
}

secret_t *
ask_password(const char *prompt, void *data)
{
  struct engine *engine = data;
  return ask_and_wait(engine->asks, prompt, true, false);
}

secret_t *
ask_plugin(const char *prompt, bool secret, void *data)
{
  struct engine *engine = data;
  return ask_and_wait(engine->asks, prompt, secret, false);
}

/* ---- the terminal ---- */

char *
terminal_hand_over(void *data)
{
  struct engine *engine = data;
  g_autoptr(secret_t) name = ask_and_wait(engine->asks, "", false, true);
  return name != NULL ? g_strdup(secret_text(name)) : NULL;
}

void
terminal_take_back(void *data)
{
  struct ask_desk *desk = ((struct engine *)data)->asks;
  g_mutex_lock(&desk->lock);
  have_terminal_back(desk);
  g_mutex_unlock(&desk->lock);
}
