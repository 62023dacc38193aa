#include "ui/ui-private.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"

struct awaited {
  struct view *view;
  ui_done done;
  void *data;
  GDestroyNotify destroy;
  bool quiet;               /* the error is shown elsewhere */
};

struct question {
  struct prompt *prompt;
  struct view *view;
  ui_answer answer;
  void *data;
  GDestroyNotify destroy;
  void (*typed)(struct view *view, const char *text);
};

static void
awaited_free(struct awaited *awaited)
{
  if (awaited->destroy != NULL)
    awaited->destroy(awaited->data);
  g_free(awaited);
}

static void
question_free(struct question *question)
{
  if (question->destroy != NULL)
    question->destroy(question->data);
  prompt_free(question->prompt);
  g_free(question);
}

/* ---- saying ---- */

static void
say(struct ui *ui, bool bad, const char *sentence)
{
  g_autofree char *clean = sanitize_line(sentence, -1);
  status_say(ui->status, bad, clean);
}

void
ui_say(struct ui *ui, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *sentence = g_strdup_vprintf(format, args);
  va_end(args);
  say(ui, false, sentence);
}

void
ui_complain(struct ui *ui, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *sentence = g_strdup_vprintf(format, args);
  va_end(args);
  say(ui, true, sentence);
}

void
ui_error(struct ui *ui, const GError *error)
{
  say(ui, true, error->message);
}

char *
ui_key_of(struct ui *ui, const char *command)
{
  return keymap_key_word(ui->keymap, index_class.groups, command);
}

/* ---- views ---- */

struct view *
ui_view(struct ui *ui)
{
  return g_ptr_array_index(ui->views, ui->views->len - 1);
}

void
ui_push(struct ui *ui, struct view *view)
{
  g_ptr_array_remove(ui->views, view);
  g_ptr_array_add(ui->views, view);
  ui->pending.n = 0;
}

struct view *
ui_find(struct ui *ui, const struct view_class *kind)
{
  for (guint i = ui->views->len; i-- > 0;) {
    struct view *view = g_ptr_array_index(ui->views, i);
    if (view->kind == kind)
      return view;
  }
  return NULL;
}

static gboolean
awaits_for(void *request, void *awaited, void *view)
{
  return ((struct awaited *)awaited)->view == view;
}

static void
forget_questions(struct ui *ui, const struct view *view)
{
  for (GList *at = ui->questions->head, *next; at != NULL; at = next) {
    struct question *question = at->data;
    next = at->next;
    if (question->view != view)
      continue;
    g_queue_delete_link(ui->questions, at);
    question_free(question);
  }
}

static void
dispose(struct view *view)
{
  struct ui *ui = view->ui;
  if (ui->live == view)
    ui->live = NULL;
  g_hash_table_foreach_remove(ui->awaited, awaits_for, view);
  forget_questions(ui, view);
  view->kind->free(view);
}

void
ui_drop(struct view *view)
{
  struct ui *ui = view->ui;
  g_ptr_array_remove(ui->views, view);
  ui->pending.n = 0;
  if (view != ui->folders)
    dispose(view);
  if (ui->views->len == 0)
    ui->leaving = true;
}

void
ui_close(struct view *view)
{
  if (view->kind->may_close == NULL || view->kind->may_close(view))
    ui_drop(view);
}

/* ---- requests ---- */

static void
await(struct ui *ui, request_id request, struct awaited awaited)
{
  g_hash_table_insert(ui->awaited, g_memdup2(&request, sizeof request),
                      g_memdup2(&awaited, sizeof awaited));
}

void
ui_await(struct ui *ui, request_id request, struct view *view, ui_done done, void *data,
         GDestroyNotify destroy)
{
  await(ui, request, (struct awaited){view, done, data, destroy, false});
}

void
ui_await_quiet(struct ui *ui, request_id request, struct view *view, ui_done done, void *data,
               GDestroyNotify destroy)
{
  await(ui, request, (struct awaited){view, done, data, destroy, true});
}

void
ui_forget(struct ui *ui, request_id request)
{
  if (request != 0 && g_hash_table_remove(ui->awaited, &request))
    engine_cancel(ui->engine, request);
}

static void
say_done(struct view *view, struct event *event, void *said)
{
  if (event->error == NULL && said != NULL)
    ui_say(view->ui, "%s", (const char *)said);
}

void
ui_await_plain(struct view *view, request_id request, const char *said)
{
  /* What was asked for is said even when its view is gone by then. */
  ui_await(view->ui, request, NULL, said != NULL ? say_done : NULL, g_strdup(said), g_free);
}

/* How far it came, where that can be said. */
static void
say_cancelled(struct ui *ui, const GError *error)
{
  if (g_str_has_suffix(error->message, _("cancelled")) || g_str_equal(error->message, _("stopped")))
    ui_say(ui, _("Cancelled."));
  else
    ui_say(ui, _("Cancelled: %s"), error->message);
}

static void
done(struct ui *ui, struct event *event)
{
  gint64 key = (gint64)event->request;
  void *stored_key, *stored;
  bool shown = status_ended(ui->status, event->request);
  if (!g_hash_table_steal_extended(ui->awaited, &key, &stored_key, &stored))
    return;
  g_free(stored_key);
  struct awaited *awaited = stored;
  if (event->error != NULL && !error_is(event->error, POSTINO_ERROR_CANCELLED) && !awaited->quiet)
    ui_error(ui, event->error);
  else if (event->error != NULL && error_is(event->error, POSTINO_ERROR_CANCELLED) && shown)
    say_cancelled(ui, event->error);
  struct view *view = awaited->view != NULL || ui->views->len == 0 ? awaited->view : ui_view(ui);
  bool good = event->error == NULL;
  if (awaited->done != NULL && view != NULL)
    awaited->done(view, event, awaited->data);
  awaited_free(awaited);
  held_release(ui, event->request, good);
}

static void ask_folders(struct ui *ui);

static void
take_folders(struct view *view, struct event *event, void *data)
{
  struct ui *ui = view->ui;
  ui->folders_asked = false;
  if (ui->folders_stale)
    ask_folders(ui);
  if (event->folders == NULL)
    return;
  if (ui->folder_rows != NULL)
    g_ptr_array_unref(ui->folder_rows);
  ui->folder_rows = g_steal_pointer(&event->folders);
  ui->folders->kind->changed(ui->folders);
}

/* One at a time, however fast changes come. */
static void
ask_folders(struct ui *ui)
{
  ui->folders_stale = ui->folders_asked;
  if (ui->folders_asked)
    return;
  ui->folders_asked = true;
  ui_await(ui, engine_folders(ui->engine), ui->folders, take_folders, NULL, NULL);
}

static void
changed(struct ui *ui)
{
  ask_folders(ui);
  for (guint i = 0; i < ui->views->len; i++) {
    struct view *view = g_ptr_array_index(ui->views, i);
    if (view != ui->folders && view->kind->changed != NULL)
      view->kind->changed(view);
  }
}

static void
answer_engine(struct ui *ui, struct view *view, const char *text, void *data)
{
  uint64_t ask = *(uint64_t *)data;
  g_autoptr(secret_t) answer = text != NULL ? secret_new(text, strlen(text)) : NULL;
  engine_answer(ui->engine, ask, answer);
}

static void
ask_for_engine(struct ui *ui, const struct event *event)
{
  g_autofree char *label = sanitize_line(event->text != NULL ? event->text : "", -1);
  g_autofree char *question = g_strdup_printf("%s %s", label, _("(y/n)"));
  struct prompt_options options = {
      .label = event->secret ? label : question,
      .secret = event->secret,
      .yes_no = !event->secret,
  };
  ui_prompt(ui, NULL, &options, answer_engine, g_memdup2(&event->ask, sizeof event->ask), g_free);
}

/* In front of it stands who says so: what follows is the sender's, and some terminals
 * take numbers there for commands. */
static void
tell_arrived(struct ui *ui, const char *text)
{
  g_autofree char *whole = g_strdup_printf("postino: %s", text);
  switch (ui->conf->notify) {
  case CONF_NOTIFY_BELL: term_bell(ui->term); break;
  case CONF_NOTIFY_OSC9: term_notify(ui->term, NULL, whole); break;
  case CONF_NOTIFY_OSC777: term_notify(ui->term, "postino", text); break;
  default: break;
  }
}

/* With the key of the command that does it at once, if there is one. */
static void
say_notice(struct ui *ui, const struct event *event)
{
  if (event->command == NULL) {
    say(ui, event->bad, event->text);
    return;
  }
  g_autofree char *key = ui_key_of(ui, event->command);
  g_autofree char *whole = g_strdup_printf(_("%s %s does it at once."), event->text, key);
  say(ui, event->bad, whole);
}

void
ui_event(struct ui *ui, struct event *event)
{
  switch (event->kind) {
  case EVENT_DONE: done(ui, event); break;
  case EVENT_CHANGED: changed(ui); break;
  case EVENT_ASK:
    if (event->terminal)
      ui_lend_terminal(ui, event->ask);
    else
      ask_for_engine(ui, event);
    break;
  case EVENT_TERMINAL: ui_take_terminal(ui); break;
  case EVENT_ARRIVED: tell_arrived(ui, event->text); break;
  case EVENT_NOTICE:
    if (event->request == 0)
      status_ended(ui->status, 0);
    if (event->text != NULL)
      say_notice(ui, event);
    break;
  case EVENT_PROGRESS:
    /* The engine's own work has no end to be told of but its last step. */
    if (event->request == 0 && event->total > 0 && event->done >= event->total)
      status_ended(ui->status, 0);
    else
      status_progress(ui->status, event->request, event->text, event->done, event->total);
    break;
  }
}

/* ---- asking ---- */

static GPtrArray *
history_of(struct ui *ui, const char *label)
{
  GPtrArray *history = g_hash_table_lookup(ui->histories, label);
  if (history == NULL) {
    history = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(ui->histories, g_strdup(label), history);
  }
  return history;
}

void
ui_prompt(struct ui *ui, struct view *view, const struct prompt_options *options,
          ui_answer answer, void *data, GDestroyNotify destroy)
{
  struct question *question = g_new0(struct question, 1);
  *question = (struct question){prompt_new(options, history_of(ui, options->label)), view, answer,
                                data, destroy, options->typed};
  g_queue_push_tail(ui->questions, question);
  if (options->live && ui_asked(ui) == question->prompt)
    ui_complete(ui, question->prompt, false);
}

void
ui_confirm(struct ui *ui, struct view *view, const char *question, ui_answer answer, void *data,
           GDestroyNotify destroy)
{
  g_autofree char *label = g_strdup_printf("%s %s", question, _("(y/n)"));
  struct prompt_options options = {.label = label, .yes_no = true};
  ui_prompt(ui, view, &options, answer, data, destroy);
}

struct prompt *
ui_asked(struct ui *ui)
{
  struct question *question = g_queue_peek_head(ui->questions);
  return question != NULL ? question->prompt : NULL;
}

static void
remember(struct prompt *prompt)
{
  GPtrArray *history = prompt->history;
  if (history == NULL || prompt->text->len == 0)
    return;
  if (history->len > 0 &&
      strcmp(g_ptr_array_index(history, history->len - 1), prompt->text->str) == 0)
    return;
  g_ptr_array_add(history, g_strdup(prompt->text->str));
}

static void
answered(struct ui *ui, bool taken)
{
  struct question *question = g_queue_pop_head(ui->questions);
  status_key(ui->status);
  ui->typed_until = 0;
  if (taken)
    remember(question->prompt);
  const char *text = !taken ? NULL : question->prompt->yes_no ? "y" : question->prompt->text->str;
  question->answer(ui, question->view, text, question->data);
  question_free(question);
}

static void
prompt_takes(struct ui *ui, term_key key)
{
  struct prompt *prompt = ui_asked(ui);
  enum prompt_result result = PROMPT_MORE;
  if (key == TERM_KEY_PASTE)
    prompt_paste(prompt, term_pasted(ui->term));
  else
    result = prompt_key(prompt, key);
  if (result == PROMPT_DONE || result == PROMPT_CANCELLED)
    answered(ui, result == PROMPT_DONE);
  else if (result == PROMPT_COMPLETE)
    ui_complete(ui, prompt, true);
  else if (prompt->live && prompt->candidates == NULL)
    ui_complete(ui, prompt, false);
  if (result == PROMPT_MORE)
    ui_typed(ui);
}

void
ui_tell_typed(struct ui *ui)
{
  const struct question *question = g_queue_peek_head(ui->questions);
  if (ui->typed_until == 0 || g_get_monotonic_time() < ui->typed_until)
    return;
  ui->typed_until = 0;
  if (question != NULL && question->typed != NULL && question->view != NULL)
    question->typed(question->view, question->prompt->text->str);
}

/* ---- keys ---- */

static void
say_unbound(struct ui *ui)
{
  g_autofree char *word = key_format(&ui->pending);
  g_autofree char *help = keymap_key_word(ui->keymap, ui_view(ui)->kind->groups, "help");
  ui_say(ui, _("%s does nothing here; %s shows the keys."), word, help);
  term_bell(ui->term);
}

static void
run_keys(struct ui *ui)
{
  struct view *view = ui_view(ui);
  const struct binding *found;
  switch (keymap_find(ui->keymap, view->kind->groups, &ui->pending, &found)) {
  case KEYMAP_PREFIX:
    return;
  case KEYMAP_NONE:
    say_unbound(ui);
    ui->pending.n = 0;
    return;
  case KEYMAP_FOUND:
    ui->pending.n = 0;
    command_run(view, found->command, (const char *const *)found->args);
  }
}

void
ui_key(struct ui *ui, term_key key)
{
  if (key == TERM_KEY_RESIZE)
    return;
  if (ui_asked(ui) != NULL) {
    prompt_takes(ui, key);
    return;
  }
  if (held_takes(ui, key))
    return;
  status_key(ui->status);
  if (key == TERM_KEY_PASTE) {
    ui_say(ui, _("Pasted text is not taken as keys."));
    return;
  }
  if (ui->pending.n >= TERM_KEYS_MAX)
    ui->pending.n = 0;
  ui->pending.keys[ui->pending.n++] = ui->key = key;
  run_keys(ui);
}

/* ---- beginning and end ---- */

struct ui *
ui_new(const struct conf *conf, struct engine *engine, struct term *term)
{
  struct ui *ui = g_new0(struct ui, 1);
  ui->conf = conf;
  ui->engine = engine;
  ui->term = term;
  ui->status = status_new();
  ui->views = g_ptr_array_new();
  ui->awaited = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                      (GDestroyNotify)awaited_free);
  ui->held = g_array_new(FALSE, FALSE, sizeof(term_key));
  ui->questions = g_queue_new();
  ui->histories = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                        (GDestroyNotify)g_ptr_array_unref);
  ui->private_files = g_ptr_array_new_with_free_func(g_free);
  ui->folders = folders_view_new(ui);
  return ui;
}

static void
load_keymap(struct ui *ui)
{
  g_autoptr(GPtrArray) faults = keymap_check("default");
  ui->keymap = keymap_load(ui->conf->keymap, faults);
  g_autofree char *cancel = ui_key_of(ui, "cancel");
  status_set_cancel_key(ui->status, cancel);
  if (faults->len == 0)
    return;
  const struct conf_fault *first = g_ptr_array_index(faults, 0);
  ui_complain(ui, _("%s:%d: %s (postino check shows all faults)"), first->file, first->line,
              first->text);
}

static void
open_compose(struct ui *ui, const char *mailto)
{
  ui_await_view(ui, engine_compose(ui->engine, NULL, mailto), compose_open_draft, NULL, NULL);
}

/* Only where nothing else is being said. */
static void
offer_keys(struct view *view, struct event *event, void *data)
{
  if (event->error == NULL && event->total > 0 && !status_speaks(view->ui->status))
    ui_say(view->ui, _("You have no key pair yet, so letters go as postcards: :make-key makes one "
                       "while you go on."));
}

void
ui_begin(struct ui *ui, const struct ui_options *options)
{
  const char *folder = options->folder != NULL ? options->folder : engine_inbox(ui->engine);
  load_keymap(ui);
  ui_push(ui, index_view_new(ui, folder, NULL));
  ask_folders(ui);
  for (const char *const *at = options->notices; at != NULL && *at != NULL; at++)
    ui_say(ui, "%s", *at);
  if (ui->conf->accounts->len == 0) {
    g_autofree char *key = ui_key_of(ui, "accounts");
    ui_say(ui, _("There is no account yet: press %s to read how one is added."), key);
  }
  if (options->mailto != NULL)
    open_compose(ui, options->mailto);
  else if (ui->conf->accounts->len > 0)
    ui_await_quiet(ui, engine_key_offer(ui->engine), NULL, offer_keys, NULL, NULL);
}

void
ui_free(struct ui *ui)
{
  if (ui == NULL)
    return;
  g_hash_table_remove_all(ui->awaited);
  for (guint i = ui->views->len; i-- > 0;) {
    struct view *view = g_ptr_array_index(ui->views, i);
    if (view != ui->folders)
      dispose(view);
  }
  g_ptr_array_free(ui->views, TRUE);
  if (ui->preview != NULL)
    dispose(ui->preview);
  dispose(ui->folders);
  g_queue_free_full(ui->questions, (GDestroyNotify)question_free);
  g_hash_table_unref(ui->awaited);
  g_hash_table_unref(ui->histories);
  for (guint i = 0; i < ui->private_files->len; i++)
    ui_wipe_file(g_ptr_array_index(ui->private_files, i));
  g_ptr_array_free(ui->private_files, TRUE);
  if (ui->folder_rows != NULL)
    g_ptr_array_unref(ui->folder_rows);
  keymap_free(ui->keymap);
  status_free(ui->status);
  g_free(ui->sent_id);
  g_array_unref(ui->held);
  g_free(ui);
}
