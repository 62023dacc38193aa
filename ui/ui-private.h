/* What the rooms of ui/ share: the frame around the views. */
#pragma once

#include "engine/engine.h"
#include "ui/keymap.h"
#include "ui/prompt.h"
#include "ui/status.h"
#include "ui/term/term.h"
#include "ui/ui.h"
#include "ui/view.h"

struct ui {
  const struct conf *conf;
  struct engine *engine;
  struct term *term;
  struct keymap *keymap;
  struct status *status;
  GPtrArray *views;         /* struct view *, the last has the keys */
  struct view *folders;     /* at the side of wide screens; also on the stack when used */
  struct view *preview;     /* the letter beside the index of very wide screens; or NULL */
  GPtrArray *folder_rows;   /* struct folder_row, the newest snapshot; or NULL */
  bool folders_asked;       /* a newer one is under way */
  bool folders_stale;       /* and is old already */
  GHashTable *awaited;      /* request → struct awaited */
  GQueue *questions;        /* struct question, the first one is asked */
  GHashTable *histories;    /* label → GPtrArray of char * */
  gint64 typed_until;       /* monotonic: the pause after a key of the prompt; 0: none */
  struct view *live;        /* results of the query that is being typed; NULL: none */
  struct key_sequence pending;
  term_key key;             /* the last one: the command that runs may ask which it was */
  bool lent;                /* the terminal is another program's: a pinentry */
  char *sent_id;            /* what `undo` takes back; NULL */
  gint64 sent_until;        /* monotonic */
  GPtrArray *private_files; /* given to programs that outlive the command; wiped at the end */
  request_id held_for;      /* opens a view or goes to a letter for which keys are held; 0: none */
  gint64 held_until;        /* monotonic */
  GArray *held;             /* term_key */
  bool leaving;
  bool asked_to_leave;
  bool leaving_asked;       /* leaving goes on when a view that objected is dealt with */
  bool flush_behind;        /* letters wait: they are sent when postino is left */
};

/* ---- views ---- */

struct view *ui_view(struct ui *ui);
/* Gives the keys to a view, which the ui owns from here. */
void ui_push(struct ui *ui, struct view *view);
/* Closes it, wherever it lies in the stack, unless it objects. */
void ui_close(struct view *view);
/* The same without asking it. */
void ui_drop(struct view *view);
/* The topmost view of this class, or NULL. */
struct view *ui_find(struct ui *ui, const struct view_class *kind);
void ui_leave(struct ui *ui);

/* ---- saying ---- */

void ui_say(struct ui *ui, const char *format, ...) G_GNUC_PRINTF(2, 3);
void ui_complain(struct ui *ui, const char *format, ...) G_GNUC_PRINTF(2, 3);
void ui_error(struct ui *ui, const GError *error);
/* The key of a command that holds where letters are listed, as a sentence names it.  Free it. */
char *ui_key_of(struct ui *ui, const char *command);

/* ---- requests ---- */

/* Called with the EVENT_DONE of a request, whether it has an error or not (which
 * is a notice by then).  What it steals from the event is its own. */
typedef void (*ui_done)(struct view *view, struct event *event, void *data);
/* `view` NULL: the frame's own.  When the view is closed first, `done` is never
 * called.  `data` is freed by `destroy` after all. */
void ui_await(struct ui *ui, request_id request, struct view *view, ui_done done, void *data,
              GDestroyNotify destroy);
/* The same; `done` shows the error itself. */
void ui_await_quiet(struct ui *ui, request_id request, struct view *view, ui_done done,
                    void *data, GDestroyNotify destroy);
/* Of a request that opens a view: what is typed until then is typed for that view
 * and must not run as commands of the present one. */
void ui_await_view(struct ui *ui, request_id request, ui_done done, void *data,
                   GDestroyNotify destroy);
/* What is typed until the request ends waits for it: it moves the cursor, say.  Keys that
 * wait already wait on.  It is awaited by whoever asked. */
void ui_hold(struct ui *ui, request_id request);
/* held.c: does the key wait?  The request ended: its keys go to what it opened, or
 * nowhere.  They were typed for something else. */
bool held_takes(struct ui *ui, term_key key);
void held_release(struct ui *ui, request_id request, bool opened);
void held_forget(struct ui *ui);
/* Its result is not wanted any more; 0: none. */
void ui_forget(struct ui *ui, request_id request);
/* A request whose result is its error or nothing; an error becomes a notice, and
 * success `said` (translated; may be NULL). */
void ui_await_plain(struct view *view, request_id request, const char *said);
/* Feeds one event; for the loop and for tests. */
void ui_event(struct ui *ui, struct event *event);
void ui_key(struct ui *ui, term_key key);
void ui_draw(struct ui *ui);

/* ---- asking ---- */

/* NULL: cancelled.  `view` may be NULL; if it closes, nothing is called. */
typedef void (*ui_answer)(struct ui *ui, struct view *view, const char *text, void *data);
void ui_prompt(struct ui *ui, struct view *view, const struct prompt_options *options,
               ui_answer answer, void *data, GDestroyNotify destroy);
/* `answer` gets "y" for yes and NULL for no. */
void ui_confirm(struct ui *ui, struct view *view, const char *question, ui_answer answer,
                void *data, GDestroyNotify destroy);
struct prompt *ui_asked(struct ui *ui);
/* The loop's own: the letter beside the index of a very wide screen follows the
 * cursor. */
void ui_settle(struct ui *ui);
/* After a pause in typing, tells the prompt's command what was typed. */
void ui_tell_typed(struct ui *ui);
/* search.c: a key was typed into the prompt; milliseconds until something is due. */
void ui_typed(struct ui *ui);
int ui_timeout(struct ui *ui);
void search_all(struct view *view, const char *const *args);
void search_all_typed(struct view *view, const char *text);
void search_here(struct view *view, const char *const *args);
void search_here_typed(struct view *view, const char *text);
/* program.c: the terminal is left to another program, and taken again. */
void ui_lend_terminal(struct ui *ui, uint64_t ask);
void ui_take_terminal(struct ui *ui);
struct ui *ui_new(const struct conf *conf, struct engine *engine, struct term *term);
void ui_free(struct ui *ui);
/* Opens the first views. */
void ui_begin(struct ui *ui, const struct ui_options *options);
/* Finds candidates for the prompt (complete.c). */
void ui_complete(struct ui *ui, struct prompt *prompt, bool insert);

/* ---- programs (program.c) ---- */

/* Runs a program on the terminal and comes back; false with `error` when it could
 * not be started or failed.  `input` (may be NULL) is its stdin. */
bool ui_run_program(struct ui *ui, const char *const *argv, GBytes *input, bool pause,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The user's words for a command as an argument vector: no shell. */
char **ui_program_words(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* `text` as it comes back from the user's editor; a `secret` one is written only to a
 * file in memory.  NULL when it failed; both, text and `error`, when it failed after it
 * had saved something else. */
char *ui_edit_text(struct ui *ui, const char *text, bool secret, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Writes a private file, mode 0600, in memory if there is a place for it, else under the
 * runtime directory.  Free the path. */
char *ui_private_file(const char *name, GBytes *bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ui_wipe_file(const char *path);
/* The path that was typed: what stands before "//" or "/~/" was there first and is
 * passed over; `~/` is the home.  Free it. */
char *ui_typed_path(const char *text);
/* Starts a program that lives on by itself; the file is wiped when postino ends. */
bool ui_start_program(struct ui *ui, const char *const *argv, const char *file, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ui_stop_self(struct ui *ui);

/* ---- the views, each in its room ---- */

extern const struct view_class folders_class, index_class, reader_class, compose_class,
    queue_class, server_class, keys_class, text_class;
struct view *folders_view_new(struct ui *ui);
/* `query` NULL: the folder alone; `folder` NULL: all folders. */
struct view *index_view_new(struct ui *ui, const char *folder, const char *query);
const char *index_view_folder(struct view *view);
/* "Anna Rossi <anna@…>, …": the first name, or the address without one.  Free it. */
char *ui_short_name(const char *list);
/* Another folder in the view that lies there. */
void index_view_show(struct view *view, const char *folder);
/* Puts the cursor on the next or previous letter; false at the end. */
bool index_view_step(struct view *view, int by);
struct view *reader_view_new(struct ui *ui, const struct row *row, bool preview);
void ui_open_letter(struct ui *ui, const struct row *row);
struct view *compose_view_new(struct ui *ui, struct draft *draft);
/* Takes the draft of a request (reply, forward, compose, resume) up: done function. */
void compose_open_draft(struct view *view, struct event *event, void *data);
struct view *queue_view_new(struct ui *ui);
/* What lies on the server of this account. */
struct view *server_view_new(struct ui *ui, const char *account);
const char *server_view_account(struct view *view);
/* When a letter leaves (hour.c): seconds since 1970, 0 at once, LEDGER_NEVER when it is
 * told to.  Free the words. */
char *hour_words(int64_t at);
/* "now", "hold", or what when_parse() reads; USAGE. */
bool hour_read(const char *text, int64_t *at_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hour_ask(struct view *view, ui_answer answer, void *data, GDestroyNotify destroy);
/* `query`: an address or a part of it; NULL: all keys. */
struct view *keys_view_new(struct ui *ui, const char *query);
/* Commands for keys (keys/any.c); the letter of this key brings one. */
void keys_make(struct view *view, const char *const *args);
void keys_setup(struct view *view, const char *const *args);
void keys_list(struct view *view, const char *const *args);
void keys_confirm(struct view *view, const char *const *args);
void keys_import(struct ui *ui, const char *key);
/* Lines to be read: help, routes, messages.  Takes `lines` (struct text_line). */
struct text_line {
  unsigned style;
  int hang;                 /* columns by which wrapped rows are indented */
  char *text;
};
void text_add(GPtrArray *lines, unsigned style, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The same; where it does not fit, its further rows begin at column `hang`. */
void text_add_hanging(GPtrArray *lines, int hang, const char *format, ...) G_GNUC_PRINTF(3, 4);
GPtrArray *text_lines_new(void);
struct view *text_view_new(struct ui *ui, const char *heading, GPtrArray *lines);
void help_open(struct view *of);
/* How an account is added, when there is none. */
void accounts_open(struct ui *ui);

extern const struct command_group any_group, mail_group, letter_group, folders_group, index_group,
    reader_group, compose_group, queue_group, server_group, keys_group, text_group;
