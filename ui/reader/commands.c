#include "ui/fate.h"
#include "ui/reader/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"

static struct reader_view *
of(struct view *view)
{
  return (struct reader_view *)view;
}

static void
down(struct view *view, const char *const *args)
{
  reader_view_scroll(of(view), 1);
}

static void
up(struct view *view, const char *const *args)
{
  reader_view_scroll(of(view), -1);
}

static void
page_down(struct view *view, const char *const *args)
{
  reader_view_scroll(of(view), MAX(of(view)->height - 1, 1));
}

static void
page_up(struct view *view, const char *const *args)
{
  reader_view_scroll(of(view), -MAX(of(view)->height - 1, 1));
}

static void
first(struct view *view, const char *const *args)
{
  of(view)->top = 0;
}

static void
last(struct view *view, const char *const *args)
{
  if (of(view)->laid != NULL)
    reader_view_scroll(of(view), (int)of(view)->laid->len);
}

/* ---- other letters ---- */

static void
step(struct view *view, int by)
{
  struct view *list = ui_find(view->ui, &index_class);
  if (list == NULL || !index_view_step(list, by)) {
    ui_say(view->ui, by > 0 ? _("This is the last letter.") : _("This is the first letter."));
    return;
  }
  reader_view_take_row(of(view), list->kind->row(list));
}

static void
next(struct view *view, const char *const *args)
{
  step(view, 1);
}

static void
previous(struct view *view, const char *const *args)
{
  step(view, -1);
}

/* ---- how it is shown ---- */

static void
headers(struct view *view, const char *const *args)
{
  of(view)->all_headers = !of(view)->all_headers;
  g_clear_pointer(&of(view)->laid, g_ptr_array_unref);
  of(view)->top = 0;
}

static void
html(struct view *view, const char *const *args)
{
  of(view)->how.html = !of(view)->how.html;
  of(view)->how.raw = false;
  of(view)->top = 0;
  reader_view_load(of(view));
}

static void
raw(struct view *view, const char *const *args)
{
  of(view)->how.raw = !of(view)->how.raw;
  of(view)->top = 0;
  reader_view_load(of(view));
}

static const struct letter *
letter_of(struct view *view)
{
  if (of(view)->letter == NULL)
    ui_say(view->ui, _("The letter is not open yet."));
  return of(view)->letter;
}

static char *
delay_text(const struct rendered_hop *before, const struct rendered_hop *hop)
{
  if (before == NULL || !before->date_known || !hop->date_known)
    return g_strdup("");
  gint64 seconds = hop->date - before->date;
  if (seconds < 0)
    return g_strdup(_(", the clocks disagree"));
  if (seconds < 120)
    return g_strdup_printf(_(", after %d s"), (int)seconds);
  if (seconds < 7200)
    return g_strdup_printf(_(", after %d min"), (int)(seconds / 60));
  return g_strdup_printf(_(", after %d h"), (int)MIN(seconds / 3600, 99999));
}

static void
route(struct view *view, const char *const *args)
{
  const struct letter *letter = letter_of(view);
  if (letter == NULL)
    return;
  GPtrArray *lines = text_lines_new();
  const GPtrArray *hops = letter->rendered->route;
  text_add(lines, STYLE_DIM, "%s",
           _("As the Received lines tell it; each server may write there what it likes."));
  for (guint i = 0; i < hops->len; i++) {
    const struct rendered_hop *hop = g_ptr_array_index(hops, i);
    g_autofree char *delay = delay_text(i > 0 ? g_ptr_array_index(hops, i - 1) : NULL, hop);
    text_add(lines, STYLE_NORMAL, "%u. %s → %s%s", i + 1,
             hop->from != NULL ? hop->from : _("(unknown)"),
             hop->by != NULL ? hop->by : _("(unknown)"), delay);
    text_add(lines, hop->tls ? STYLE_GOOD : STYLE_NOTICE, "   %s",
             hop->tls ? _("says that it used TLS") : _("does not say that it used TLS"));
  }
  if (hops->len == 0)
    text_add(lines, STYLE_NORMAL, "%s", _("The letter has no Received line."));
  ui_push(view->ui, text_view_new(view->ui, _("Route"), lines));
}

static void
show_fates(struct view *view, struct event *event, void *data)
{
  if (event->error != NULL)
    return;
  GPtrArray *lines = text_lines_new();
  if (event->queue->len == 0)
    text_add(lines, STYLE_NORMAL, "%s", _("This letter was not sent from here."));
  for (guint i = 0; i < event->queue->len; i++) {
    const struct ledger_letter *letter = g_ptr_array_index(event->queue, i);
    for (guint j = 0; j < letter->recipients->len; j++) {
      const struct ledger_recipient *one = g_ptr_array_index(letter->recipients, j);
      bool bad;
      g_autofree char *line = fate_line(one, &bad);
      text_add(lines, bad ? STYLE_BAD : STYLE_NORMAL, "%s", line);
    }
  }
  ui_push(view->ui, text_view_new(view->ui, _("What became of it"), lines));
}

static void
fates(struct view *view, const char *const *args)
{
  const struct letter *letter = letter_of(view);
  if (letter != NULL && letter->rendered->message_id != NULL)
    ui_await(view->ui, engine_fates(view->ui->engine, letter->rendered->message_id), view,
             show_fates, NULL, NULL);
}

static void
parts(struct view *view, const char *const *args)
{
  const struct letter *letter = letter_of(view);
  if (letter == NULL)
    return;
  GPtrArray *lines = text_lines_new();
  const GPtrArray *all = letter->rendered->parts;
  for (guint i = 0; i < all->len; i++) {
    const struct rendered_part *part = g_ptr_array_index(all, i);
    g_autofree char *size = g_format_size(part->size);
    text_add(lines, STYLE_NORMAL, "[%d] %s, %s  %s%s", part->number, part->type, size,
             part->name != NULL ? part->name : "", part->shown ? _("  (shown)") : "");
  }
  if (all->len == 0)
    text_add(lines, STYLE_NORMAL, "%s", _("The letter has no parts."));
  text_add(lines, STYLE_NORMAL, "%s", "");
  text_add(lines, STYLE_DIM, "%s",
           _("Back in the letter: o opens a part, S saves one, P gives one to a command."));
  ui_push(view->ui, text_view_new(view->ui, _("Parts"), lines));
}

/* ---- finding ---- */

static void
go_to_match(struct reader_view *reader, int from)
{
  int found = reader_view_find(reader, from);
  if (found < 0 && from > 0 && (found = reader_view_find(reader, 0)) >= 0)
    ui_say(reader->view.ui, _("Searched on from the beginning."));
  if (found < 0)
    ui_say(reader->view.ui, _("Not found in this letter."));
  else
    reader_view_scroll(reader, found - reader->top);
}

static void
find(struct view *view, const char *const *args)
{
  g_free(of(view)->wanted);
  of(view)->wanted = text_fold(args[0], -1);
  go_to_match(of(view), of(view)->top);
}

static void
find_next(struct view *view, const char *const *args)
{
  if (of(view)->wanted != NULL)
    go_to_match(of(view), of(view)->top + 1);
}

/* ---- parts ---- */

struct part_wish { int number; char *words, *key; };

static void
part_wish_free(struct part_wish *wish)
{
  g_free(wish->words);
  g_free(wish->key);
  g_free(wish);
}

/* The part that the user means: the number given, else the only attachment; else
 * the number is asked for and `command` runs again with it. */
static int
part_of(struct view *view, const char *const *args)
{
  guint64 given = 0;
  int number = reader_view_only_part(of(view));
  if (args[0] != NULL)          /* what is no number is no part: 0 */
    number = g_ascii_string_to_unsigned(args[0], 10, 1, G_MAXINT, &given, NULL) ? (int)given : 0;
  if (letter_of(view) == NULL)
    return 0;
  if (reader_view_part(of(view), number) == NULL) {
    g_autofree char *key = keymap_key_word(view->ui->keymap, reader_class.groups, "parts");
    ui_complain(view->ui, _("The letter has no such part; %s lists the parts."), key);
    return 0;
  }
  return number;
}

static void
run_again(struct ui *ui, struct view *view, const char *text, void *command)
{
  const char *args[] = {text, NULL};
  if (text != NULL && *text != '\0')
    ((const struct command *)command)->run(view, args);
}

static bool
needs_number(struct view *view, const char *const *args, const char *name)
{
  if (args[0] != NULL || letter_of(view) == NULL || reader_view_only_part(of(view)) != 0)
    return false;
  struct prompt_options options = {.label = _("Number of the part:")};
  ui_prompt(view->ui, view, &options, run_again,
            (void *)command_find(view->kind->groups, name), NULL);
  return true;
}

static void
say_saved(struct view *view, struct event *event, void *data)
{
  if (event->error == NULL && event->strings != NULL && event->strings[0] != NULL)
    ui_say(view->ui, _("Saved as %s."), event->strings[0]);
}

static void
save_in(struct ui *ui, struct view *view, const char *text, void *data)
{
  const struct part_wish *wish = data;
  if (text == NULL || *text == '\0')
    return;
  struct letter_ref ref = {.key = wish->key};
  g_autofree char *dir = ui_typed_path(text);
  ui_await(ui, engine_save(ui->engine, &ref, wish->number, dir), NULL, say_saved, NULL, NULL);
}

static struct part_wish *
wish_new(struct view *view, int number)
{
  struct part_wish *wish = g_new0(struct part_wish, 1);
  wish->number = number;
  wish->key = g_strdup(of(view)->row->key);
  return wish;
}

static void
save_part(struct view *view, const char *const *args)
{
  int number;
  if (needs_number(view, args, "save-part") || (number = part_of(view, args)) == 0)
    return;
  struct prompt_options options = {
      .label = _("Save it in:"), .text = "~/", .complete = COMPLETE_PATH};
  ui_prompt(view->ui, view, &options, save_in, wish_new(view, number),
            (GDestroyNotify)part_wish_free);
}

/* The program that a desktop would take; it comes back before it has read. */
static const char *
usual_program(void)
{
  const char *browser = g_getenv("BROWSER");
  g_autofree char *xdg = g_find_program_in_path("xdg-open");
  return xdg != NULL ? "xdg-open" : browser;
}

static char **
with_file(char **words, const char *path)
{
  guint n = g_strv_length(words);
  char **argv = g_new0(char *, n + 2);
  for (guint i = 0; i < n; i++)
    argv[i] = g_strdup(words[i]);
  argv[n] = g_strdup(path);
  return argv;
}

static void
open_file(struct view *view, struct event *event, void *data)
{
  const struct part_wish *wish = data;
  g_autoptr(GError) error = NULL;
  if (event->error != NULL || event->part == NULL)
    return;
  g_auto(GStrv) words = ui_program_words(wish->words, &error);
  g_autofree char *name =
      sanitize_filename(event->part->name != NULL ? event->part->name : "", "part");
  g_autofree char *path =
      words != NULL ? ui_private_file(name, event->part->bytes, &error) : NULL;
  if (path == NULL) {
    ui_error(view->ui, error);
    return;
  }
  g_auto(GStrv) argv = with_file(words, path);
  bool lives_on = g_strcmp0(wish->words, usual_program()) == 0;
  bool good = lives_on ? ui_start_program(view->ui, (const char *const *)argv, path, &error)
                       : ui_run_program(view->ui, (const char *const *)argv, NULL, false, &error);
  if (!lives_on)
    ui_wipe_file(path);
  if (!good)
    ui_error(view->ui, error);
}

static void
open_with(struct ui *ui, struct view *view, const char *text, void *data)
{
  const struct part_wish *wish = data;
  if (text == NULL || *text == '\0')
    return;
  struct letter_ref ref = {.key = wish->key};
  struct part_wish *own = wish_new(view, wish->number);
  own->words = g_strdup(text);
  ui_await(ui, engine_part(ui->engine, &ref, wish->number), NULL, open_file, own,
           (GDestroyNotify)part_wish_free);
}

static void
open_part(struct view *view, const char *const *args)
{
  int number;
  if (needs_number(view, args, "open") || (number = part_of(view, args)) == 0)
    return;
  const struct rendered_part *part = reader_view_part(of(view), number);
  g_autofree char *label = g_strdup_printf(_("Open %s with:"),
                                           part->name != NULL ? part->name : part->type);
  struct prompt_options options = {.label = label, .text = usual_program()};
  ui_prompt(view->ui, view, &options, open_with, wish_new(view, number),
            (GDestroyNotify)part_wish_free);
}

static void
give_part(struct view *view, struct event *event, void *data)
{
  const struct part_wish *wish = data;
  g_autoptr(GError) error = NULL;
  if (event->error != NULL || event->part == NULL)
    return;
  g_auto(GStrv) words = ui_program_words(wish->words, &error);
  if (words == NULL || !ui_run_program(view->ui, (const char *const *)words, event->part->bytes,
                                       true, &error))
    ui_error(view->ui, error);
}

static void
pipe_to(struct ui *ui, struct view *view, const char *text, void *data)
{
  const struct part_wish *wish = data;
  if (text == NULL || *text == '\0')
    return;
  struct letter_ref ref = {.key = wish->key};
  struct part_wish *own = wish_new(view, wish->number);
  own->words = g_strdup(text);
  ui_await(ui, engine_part(ui->engine, &ref, wish->number), NULL, give_part, own,
           (GDestroyNotify)part_wish_free);
}

static void
pipe_part(struct view *view, const char *const *args)
{
  int number;
  if (needs_number(view, args, "pipe-part") || (number = part_of(view, args)) == 0)
    return;
  struct prompt_options options = {.label = _("Give the part to command:")};
  ui_prompt(view->ui, view, &options, pipe_to, wish_new(view, number),
            (GDestroyNotify)part_wish_free);
}

static void
import_key(struct view *view, const char *const *args)
{
  struct reader_view *reader = of(view);
  if (reader->row != NULL)
    keys_import(view->ui, reader->row->key);
}

static void
receipt_kept(struct view *view, struct event *event, void *data)
{
  if (event->error == NULL)
    ui_say(view->ui, _("The receipt is in the outbox and leaves now."));
}

static void
receipt_if(struct ui *ui, struct view *view, const char *text, void *key)
{
  struct letter_ref ref = {.key = key};
  if (text != NULL)
    ui_await(ui, engine_receipt(ui->engine, &ref), view, receipt_kept, NULL, NULL);
}

static const char *
asks_for_receipt(const struct letter *letter)
{
  const GPtrArray *headers = letter->rendered->headers;
  for (guint i = 0; i < headers->len; i++) {
    const struct rendered_header *header = g_ptr_array_index(headers, i);
    if (g_ascii_strcasecmp(header->name, "Disposition-Notification-To") == 0)
      return header->value;
  }
  return NULL;
}

static void
send_receipt(struct view *view, const char *const *args)
{
  const struct letter *letter = letter_of(view);
  if (letter == NULL)
    return;
  const char *asker = asks_for_receipt(letter);
  if (asker == NULL || letter->key == NULL) {
    ui_say(view->ui, _("Nobody asks for a receipt of this letter."));
    return;
  }
  g_autofree char *clean = sanitize_line(asker, -1);
  g_autofree char *question = g_strdup_printf(_("Tell %s that you have read this letter?"), clean);
  ui_confirm(view->ui, view, question, receipt_if, g_strdup(letter->key), g_free);
}

static const struct command rows[] = {
    {.name = "down", .keys = "j Down Enter", .help = N_("Scroll down by a line"), .run = down},
    {.name = "up", .keys = "k Up", .help = N_("Scroll up by a line"), .run = up},
    {.name = "page-down", .keys = "Space PageDown", .help = N_("Scroll down by a page"),
     .hint = N_("page"), .run = page_down},
    {.name = "page-up", .keys = "- PageUp", .help = N_("Scroll up by a page"), .run = page_up},
    {.name = "first", .keys = "Home <", .help = N_("Go to the beginning"), .run = first},
    {.name = "last", .keys = "End >", .help = N_("Go to the end"), .run = last},
    {.name = "next", .keys = "J", .help = N_("Open the next letter"), .hint = N_("next"),
     .run = next},
    {.name = "previous", .keys = "K", .help = N_("Open the letter before"), .run = previous},
    {.name = "find", .keys = "/", .args = "text", .ask = N_("Find in the letter:"),
     .help = N_("Find text in this letter"), .run = find},
    {.name = "find-next", .keys = "n", .help = N_("Find it once more"), .run = find_next},
    {.name = "headers", .keys = "h", .help = N_("Show all header fields, or the usual ones"),
     .run = headers},
    {.name = "html", .keys = "H", .help = N_("Show the HTML text, or the plain one"),
     .run = html},
    {.name = "raw", .keys = "v", .help = N_("Show the source, or the letter"), .run = raw},
    {.name = "import-key", .keys = "", .help = N_("Take the key that this letter brings"),
     .run = import_key},
    {.name = "fates", .keys = "W", .help = N_("Show what became of a letter that you sent"),
     .run = fates},
    {.name = "send-receipt", .keys = "",
     .help = N_("Tell the sender who asked for it that you have read the letter"),
     .run = send_receipt},
    {.name = "route", .keys = "R", .help = N_("Show the way that the letter took"), .run = route},
    {.name = "parts", .keys = "p", .help = N_("List the parts"), .run = parts},
    {.name = "open", .keys = "o", .args = "[N]",
     .help = N_("Open an attachment with a program that you name"), .run = open_part},
    {.name = "save-part", .keys = "S", .args = "[N]", .help = N_("Save one part"),
     .run = save_part},
    {.name = "pipe-part", .keys = "P", .args = "[N]",
     .help = N_("Give one part to a command that you name"), .run = pipe_part},
};

const struct command_group reader_group = {"reader", N_("Reading a letter"), rows,
                                           G_N_ELEMENTS(rows)};
