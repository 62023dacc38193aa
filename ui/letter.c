/* Commands on letters, wherever they are listed or read. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "ui/index/index.h"
#include "ui/ui-private.h"

/* ---- letters that lie on the server alone ---- */

/* It is not opened by itself: whoever asked may be writing something by now. */
static void
say_came(struct view *view, struct event *event, void *data)
{
  const struct fetched *fetched =
      event->fetched != NULL && event->fetched->len > 0 ? event->fetched->pdata[0] : NULL;
  if (event->error != NULL || fetched == NULL)
    return;
  if (fetched->fetched + fetched->known > 0)
    ui_say(view->ui, _("The letter is here now; open it again to read it."));
  else if (fetched->remark != NULL)
    ui_complain(view->ui, "%s", fetched->remark);
}

static void
fetch_if(struct ui *ui, struct view *view, const char *text, void *key)
{
  if (text == NULL)
    return;
  request_id request = engine_fetch_waiting(ui->engine, key);
  status_progress(ui->status, request, _("Fetching the letter"), 0, 0);
  ui_await(ui, request, NULL, say_came, NULL, NULL);
}

static void
offer_to_fetch(struct ui *ui, const struct row *row)
{
  g_autofree char *size = g_format_size(row->size);
  g_autofree char *question =
      g_strdup_printf(_("This letter lies on the server alone. Fetch its %s?"), size);
  ui_confirm(ui, NULL, question, fetch_if, g_strdup(row->key), g_free);
}

/* ---- opening ---- */

void
ui_open_letter(struct ui *ui, const struct row *row)
{
  if (row->flags & ROW_WAITING) {
    offer_to_fetch(ui, row);
    return;
  }
  if (row->flags & ROW_DRAFT && g_strcmp0(row->folder, engine_drafts(ui->engine)) == 0) {
    ui_await_view(ui, engine_resume(ui->engine, row->key), compose_open_draft, NULL, NULL);
    return;
  }
  struct view *open = ui_find(ui, &reader_class);
  ui_push(ui, reader_view_new(ui, row, false));
  if (open != NULL)
    ui_drop(open);
}

static const struct row *
row_of(struct view *view)
{
  const struct row *row = view->kind->row != NULL ? view->kind->row(view) : NULL;
  if (row == NULL)
    ui_say(view->ui, _("No letter is chosen here."));
  return row;
}

static char **
letters_of(struct view *view)
{
  char **keys = view->kind->letters != NULL ? view->kind->letters(view) : g_new0(char *, 1);
  if (keys[0] == NULL)
    ui_say(view->ui, _("No letter is chosen here."));
  return keys;
}

static void
dealt_with(struct view *view)
{
  if (view->kind->dealt_with != NULL)
    view->kind->dealt_with(view);
}

/* ---- answering ---- */

static void
answer(struct view *view, enum draft_reply how)
{
  const struct row *row = row_of(view);
  if (row == NULL)
    return;
  struct letter_ref ref = {.key = row->key};
  ui_await_view(view->ui, engine_reply(view->ui->engine, &ref, how), compose_open_draft, NULL, NULL);
}

static void
reply(struct view *view, const char *const *args)
{
  answer(view, DRAFT_REPLY);
}

static void
reply_all(struct view *view, const char *const *args)
{
  answer(view, DRAFT_REPLY_ALL);
}

static void
reply_list(struct view *view, const char *const *args)
{
  answer(view, DRAFT_REPLY_LIST);
}

static void
forward(struct view *view, const char *const *args)
{
  const struct row *row = row_of(view);
  if (row == NULL)
    return;
  struct letter_ref ref = {.key = row->key};
  ui_await_view(view->ui, engine_forward(view->ui->engine, &ref), compose_open_draft, NULL, NULL);
}

static void
resume(struct view *view, const char *const *args)
{
  const struct row *row = row_of(view);
  if (row != NULL)
    ui_await_view(view->ui, engine_resume(view->ui->engine, row->key), compose_open_draft, NULL, NULL);
}

/* ---- where they lie ---- */

/* What lay in the trash already is gone; the others can be taken back. */
static void
say_deleted(struct view *view, struct event *event, void *count)
{
  guint gone = (guint)event->done, n = GPOINTER_TO_UINT(count) - gone;
  g_autofree char *undo = ui_key_of(view->ui, "undo");
  if (event->error != NULL)
    return;
  if (n > 0)
    ui_say(view->ui, ngettext("%u letter is in the trash; %s takes it back.",
                              "%u letters are in the trash; %s takes them back.", n), n, undo);
  if (gone > 0)
    ui_say(view->ui, ngettext("%u letter is removed for good.", "%u letters are removed for good.",
                              gone), gone);
}

static void
remove_letters(struct view *view, const char *const *args)
{
  g_auto(GStrv) keys = letters_of(view);
  if (keys[0] == NULL)
    return;
  ui_await(view->ui, engine_delete(view->ui->engine, (const char *const *)keys), NULL, say_deleted,
           GUINT_TO_POINTER(g_strv_length(keys)), NULL);
  dealt_with(view);
}

static void
move(struct view *view, const char *const *args)
{
  g_auto(GStrv) keys = letters_of(view);
  if (keys[0] == NULL)
    return;
  if (engine_is_search(view->ui->engine, args[0])) {
    ui_complain(view->ui, _("%s is a saved search, no place; name a folder."), args[0]);
    return;
  }
  guint n = g_strv_length(keys);
  g_autofree char *undo = ui_key_of(view->ui, "undo");
  g_autofree char *said = g_strdup_printf(ngettext("%u letter moved to %s; %s takes it back.",
                                                   "%u letters moved to %s; %s takes them back.", n),
                                          n, args[0], undo);
  ui_await_plain(view, engine_move(view->ui->engine, (const char *const *)keys, args[0]), said);
  dealt_with(view);
}

static void
copy(struct view *view, const char *const *args)
{
  g_auto(GStrv) keys = letters_of(view);
  if (keys[0] == NULL)
    return;
  guint n = g_strv_length(keys);
  g_autofree char *said = g_strdup_printf(
      ngettext("%u letter copied to %s.", "%u letters copied to %s.", n), n, args[0]);
  ui_await_plain(view, engine_copy(view->ui->engine, (const char *const *)keys, args[0]), said);
}

/* ---- flags ---- */

static void
toggle(struct view *view, unsigned flag)
{
  g_auto(GStrv) keys = letters_of(view);
  const struct row *row = view->kind->row(view);
  if (keys[0] == NULL || row == NULL)
    return;
  bool set = !(row->flags & flag);
  guint n = g_strv_length(keys);
  g_autofree char *undo = ui_key_of(view->ui, "undo");
  g_autofree char *said =
      n > 1 ? g_strdup_printf(ngettext("%u letter is marked; %s takes that back.",
                                       "%u letters are marked; %s takes that back.", n), n, undo)
            : NULL;
  ui_await_plain(view,
                 engine_flag(view->ui->engine, (const char *const *)keys, set ? flag : 0,
                             set ? 0 : flag),
                 said);
}

static void
flag(struct view *view, const char *const *args)
{
  toggle(view, ROW_FLAGGED);
}

static void
unread(struct view *view, const char *const *args)
{
  toggle(view, ROW_SEEN);
}

static void
tag(struct view *view, const char *const *args)
{
  g_auto(GStrv) keys = letters_of(view);
  g_autofree char *words = g_strjoinv(" ", (char **)args);
  if (keys[0] == NULL)
    return;
  guint n = g_strv_length(keys);
  g_autofree char *undo = ui_key_of(view->ui, "undo");
  g_autofree char *said =
      n > 1 ? g_strdup_printf(ngettext("The tags of %u letter are set; %s takes that back.",
                                       "The tags of %u letters are set; %s takes that back.", n),
                              n, undo)
            : NULL;
  ui_await_plain(view, engine_tag(view->ui->engine, (const char *const *)keys, words), said);
}

/* ---- threads ---- */

/* Takes the mark away from the threads when the letter under the cursor has it. */
static void
toggle_mark(struct view *view, enum thread_mark mark, const char *said)
{
  g_auto(GStrv) keys = letters_of(view);
  const struct row *row = view->kind->row(view);
  if (keys[0] == NULL || row == NULL)
    return;
  bool has = row->thread_mark == mark;
  ui_await_plain(view,
                 engine_thread_mark(view->ui->engine, (const char *const *)keys,
                                    has ? THREAD_PLAIN : mark),
                 has ? _("The thread is like any other again.") : said);
  dealt_with(view);
}

static void
mute(struct view *view, const char *const *args)
{
  toggle_mark(view, THREAD_MUTED, _("The thread is muted: what comes is passed over."));
}

static void
watch(struct view *view, const char *const *args)
{
  toggle_mark(view, THREAD_WATCHED, _("The thread is watched; is:watched finds it."));
}

/* ---- the next one ---- */

static void go_to_unread(struct view *view, struct event *event, void *data);

/* Who types on means the letter that is gone to. */
static void
ask_unread(struct index_view *index, const struct rows_query *query, bool first_round)
{
  struct ui *ui = index->view.ui;
  request_id request = engine_next_unread(ui->engine, query);
  ui_await(ui, request, &index->view, go_to_unread, g_memdup2(&first_round, sizeof first_round),
           g_free);
  ui_hold(ui, request);
}

static void
go_to_unread(struct view *view, struct event *event, void *data)
{
  struct index_view *index = (struct index_view *)view;
  bool *first_round = data, open = ui_view(view->ui)->kind == &reader_class;
  if (event->error != NULL)
    return;
  if (event->rows == NULL || event->rows->len == 0) {
    if (!*first_round) {
      ui_say(view->ui, _("No unread letter here."));
      return;
    }
    struct rows_query query = index_view_query(index);
    ask_unread(index, &query, false);
    return;
  }
  struct row *row = g_ptr_array_steal_index(event->rows, 0);
  if (open)
    ui_open_letter(view->ui, row);
  index_view_go_to(index, row);
}

static void
next_unread(struct view *view, const char *const *args)
{
  struct view *list = ui_find(view->ui, &index_class);
  if (list == NULL)
    return;
  struct index_view *index = (struct index_view *)list;
  struct rows_query query = index_view_query(index);
  query.after = index_view_cursor(index);
  ask_unread(index, &query, query.after != NULL);
}

/* ---- out of postino ---- */

static void
say_saved(struct view *view, struct event *event, void *dir)
{
  guint n = event->strings != NULL ? g_strv_length(event->strings) : 0;
  if (event->error != NULL)
    return;
  if (n == 0)
    ui_say(view->ui, _("This letter has no attachments."));
  else if (n == 1)
    ui_say(view->ui, _("Saved as %s."), event->strings[0]);
  else
    ui_say(view->ui, ngettext("%u file saved in %s.", "%u files saved in %s.", n), n,
           (const char *)dir);
}

static void
save(struct view *view, const char *const *args)
{
  const struct row *row = row_of(view);
  if (row == NULL)
    return;
  struct letter_ref ref = {.key = row->key};
  char *dir = ui_typed_path(args[0]);
  ui_await(view->ui, engine_save(view->ui->engine, &ref, 0, dir), NULL, say_saved, dir, g_free);
}

/* A command that was shown and confirmed, and the letter that goes to it. */
struct piping { char **argv; char *key; };

static void
piping_free(struct piping *piping)
{
  g_strfreev(piping->argv);
  g_free(piping->key);
  g_free(piping);
}

static void
run_piped(struct view *view, struct event *event, void *data)
{
  struct piping *piping = data;
  g_autoptr(GError) error = NULL;
  if (event->error != NULL || event->part == NULL)
    return;
  if (!ui_run_program(view->ui, (const char *const *)piping->argv, event->part->bytes, true,
                      &error))
    ui_error(view->ui, error);
}

static void
pipe_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  struct piping *piping = data;
  if (text == NULL)
    return;
  struct letter_ref ref = {.key = piping->key};
  struct piping *own = g_memdup2(piping, sizeof *piping);
  *piping = (struct piping){NULL, NULL};
  ui_await(ui, engine_part(ui->engine, &ref, 0), NULL, run_piped, own,
           (GDestroyNotify)piping_free);
}

/* The words as they will be run, each in brackets. */
static char *
shown_words(char **argv)
{
  GString *out = g_string_new(NULL);
  for (size_t i = 0; argv[i] != NULL; i++) {
    g_autofree char *word = sanitize_line(argv[i], -1);
    g_string_append_printf(out, "%s[%s]", i > 0 ? " " : "", word);
  }
  return g_string_free(out, FALSE);
}

static void
pipe_letter(struct view *view, const char *const *args)
{
  g_autoptr(GError) error = NULL;
  const struct row *row = row_of(view);
  if (row == NULL)
    return;
  g_auto(GStrv) argv = ui_program_words(args[0], &error);
  if (argv == NULL) {
    ui_error(view->ui, error);
    return;
  }
  g_autofree char *shown = shown_words(argv);
  g_autofree char *question = g_strdup_printf(_("Give the letter to %s?"), shown);
  struct piping *piping = g_new0(struct piping, 1);
  *piping = (struct piping){g_steal_pointer(&argv), g_strdup(row->key)};
  ui_confirm(view->ui, NULL, question, pipe_if, piping, (GDestroyNotify)piping_free);
}

static const struct command rows[] = {
    {.name = "reply", .keys = "r", .help = N_("Answer the author"), .hint = N_("reply"),
     .run = reply},
    {.name = "reply-all", .keys = "a", .help = N_("Answer everybody"), .run = reply_all},
    {.name = "reply-list", .keys = "L", .help = N_("Answer the mailing list"), .run = reply_list},
    {.name = "forward", .keys = "f", .help = N_("Pass the letter on"), .run = forward},
    {.name = "delete", .keys = "d Delete", .help = N_("Move to the trash; from there, for good"),
     .hint = N_("delete"), .run = remove_letters},
    {.name = "move", .keys = "M", .args = "folder", .ask = N_("Move to folder:"),
     .complete = COMPLETE_FOLDER, .help = N_("Move to a folder"), .run = move},
    {.name = "copy", .keys = "C", .args = "folder", .ask = N_("Copy to folder:"),
     .complete = COMPLETE_FOLDER, .help = N_("Copy to a folder"), .run = copy},
    {.name = "flag", .keys = "! F", .help = N_("Flag as important, or not"), .run = flag},
    {.name = "unread", .keys = "N", .help = N_("Mark as unread, or as read"), .run = unread},
    {.name = "next-unread", .keys = "Tab", .help = N_("Go to the next unread letter"),
     .hint = N_("unread"), .run = next_unread},
    {.name = "tag", .keys = "t", .args = "words", .ask = N_("Tags (+todo -read):"),
     .complete = COMPLETE_TAG, .help = N_("Add and remove tags"), .run = tag},
    {.name = "mute", .keys = "I", .help = N_("Mute the thread, or not: Tab passes it over"),
     .run = mute},
    {.name = "watch", .keys = "w", .help = N_("Watch the thread, or not: it is marked in the list"),
     .run = watch},
    {.name = "save", .keys = "s", .args = "dir", .ask = N_("Save attachments in:"),
     .complete = COMPLETE_PATH, .help = N_("Save all attachments"), .run = save},
    {.name = "pipe", .keys = "|", .args = "command", .ask = N_("Give the letter to command:"),
     .help = N_("Give the letter's bytes to a command, after asking"), .run = pipe_letter},
    {.name = "resume", .keys = "e", .help = N_("Take the letter up as a draft"), .run = resume},
};
const struct command_group letter_group = {"letter", N_("The letter under the cursor, or those chosen"),
                                           rows, G_N_ELEMENTS(rows)};
