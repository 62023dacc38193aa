/* Commands for keys: one's own pair, those of others, and whose they are. */
#include <string.h>
#include <time.h>

#include "base/i18n.h"
#include "ui/compose/compose.h"
#include "ui/keys/keys.h"

/* ---- one's own ---- */

void
keys_say_made(struct view *view, struct event *event, void *data)
{
  if (event->error == NULL && event->text != NULL)
    ui_say(view->ui, "%s", event->text);
}

void
keys_make(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  request_id request = engine_key_make(ui->engine, args[0]);
  status_progress(ui->status, request, _("Making a key pair"), 0, 0);
  ui_await(ui, request, NULL, keys_say_made, NULL, NULL);
}

/* ---- for another program of one's own ---- */

static void
say_sent(struct view *view, struct event *event, void *data)
{
  if (event->error == NULL)
    ui_say(view->ui, "%s", _("The setup message is on its way to you."));
}

static void
show_code(struct ui *ui, const char *code)
{
  GPtrArray *lines = text_lines_new();
  text_add(lines, STYLE_NORMAL, "%s",
           _("The letter that goes to you holds your key pair, sealed with this code:"));
  text_add(lines, STYLE_NORMAL, "%s", "");
  text_add(lines, STYLE_STRONG, "    %s", code);
  text_add(lines, STYLE_NORMAL, "%s", "");
  text_add(lines, STYLE_NORMAL, "%s",
           _("Open the letter in the other program (in postino: :import-key) and type it there."));
  text_add(lines, STYLE_NORMAL, "%s",
           _("It is shown only now. When the other program has your key, delete the letter."));
  ui_push(ui, text_view_new(ui, _("Setup code"), lines));
}

static void
send_setup(struct view *view, struct event *event, void *account)
{
  struct ui *ui = view->ui;
  struct send_options options = {.account = account, .recipients_from_headers = true};
  if (event->error != NULL || event->part == NULL)
    return;
  show_code(ui, event->text);
  ui_await(ui, engine_submit(ui->engine, event->part->bytes, &options), NULL, say_sent, NULL, NULL);
}

void
keys_setup(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  request_id request = engine_key_setup(ui->engine, args[0]);
  status_progress(ui->status, request, _("Sealing your key pair"), 0, 0);
  ui_await(ui, request, NULL, send_setup, g_strdup(args[0]), g_free);
}

/* ---- which there are ---- */

void
keys_list(struct view *view, const char *const *args)
{
  ui_push(view->ui, keys_view_new(view->ui, args[0]));
}

/* ---- whose they are ---- */

struct confirmation {
  char *address, *fingerprint;
  ui_done done;             /* NULL: nobody waits for it */
};

static void
confirmation_free(void *data)
{
  struct confirmation *confirmation = data;
  g_free(confirmation->address);
  g_free(confirmation->fingerprint);
  g_free(confirmation);
}

static void
say_confirmed(struct view *view, struct event *event, void *data)
{
  const struct confirmation *confirmation = data;
  if (event->error == NULL)
    ui_say(view->ui, _("Key %s is confirmed for %s."), confirmation->fingerprint,
           confirmation->address);
  compose_ask_again(view->ui);
  if (confirmation->done != NULL)
    confirmation->done(view, event, NULL);
}

static void
confirm_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  const struct confirmation *confirmation = data;
  if (text == NULL)
    return;
  struct confirmation *said = g_new0(struct confirmation, 1);
  *said = (struct confirmation){g_strdup(confirmation->address),
                                g_strdup(confirmation->fingerprint), confirmation->done};
  ui_await(ui,
           engine_key_confirm(ui->engine, confirmation->address, confirmation->fingerprint, true),
           view, say_confirmed, said, confirmation_free);
}

void
keys_ask_whose(struct ui *ui, struct view *view, const struct key_question *asked, ui_done done)
{
  g_autofree char *digits = key_grouped(asked->fingerprint);
  g_autofree char *question = g_strdup_printf(
      asked->changed ? _("This is ANOTHER key than until now. Has %s told you, not by mail, that it "
                         "is the right one: %s (%s)?")
                     : _("Has %s told you, not by mail, that this is the key: %s (%s)?"),
      asked->address, digits, asked->owner);
  struct confirmation *confirmation = g_new0(struct confirmation, 1);
  *confirmation =
      (struct confirmation){g_strdup(asked->address), g_strdup(asked->fingerprint), done};
  ui_confirm(ui, view, question, confirm_if, confirmation, confirmation_free);
}

/* The one that a letter would be sealed to: the newest. */
static const struct key_info *
newest(const GPtrArray *keys)
{
  const struct key_info *best = NULL;
  for (guint i = 0; i < keys->len; i++) {
    const struct key_info *key = g_ptr_array_index(keys, i);
    bool dead = key->revoked || (key->expires != 0 && key->expires < (int64_t)time(NULL));
    if (!dead && (best == NULL || key->since > best->since))
      best = key;
  }
  return best;
}

static void
ask_whose_found(struct view *view, struct event *event, void *data)
{
  const char *address = data;
  const struct key_info *key = event->keys != NULL ? newest(event->keys) : NULL;
  if (key != NULL)
    keys_ask_whose(view->ui, NULL,
                   &(struct key_question){address, key->fingerprint, key_owner(key), key->changed},
                   NULL);
  else if (event->keys != NULL)
    ui_complain(view->ui, _("There is no key of %s; ask for it and import it."), address);
}

/* One that only a letter brought is taken from there. */
static void
ask_whose(struct view *view, struct event *event, void *data)
{
  const char *address = data;
  if (event->keys == NULL)
    return;
  if (newest(event->keys) != NULL)
    ask_whose_found(view, event, data);
  else
    ui_await(view->ui, engine_key_find(view->ui->engine, NULL, address, false), NULL,
             ask_whose_found, g_strdup(address), g_free);
}

void
keys_confirm(struct view *view, const char *const *args)
{
  g_autoptr(GPtrArray) typed = address_parse_header(args[0], -1);
  if (typed->len != 1) {
    ui_complain(view->ui, _("\"%s\" is not one address"), args[0]);
    return;
  }
  const struct address *address = g_ptr_array_index(typed, 0);
  /* GnuPG takes it for the whole address. */
  g_autofree char *exact = g_strdup_printf("<%s>", address->spec);
  ui_await(view->ui, engine_keys(view->ui->engine, NULL, exact), NULL, ask_whose,
           g_strdup(address->spec), g_free);
}

/* ---- from a letter ---- */

void
keys_say_imported(struct view *view, struct event *event, void *data)
{
  if (event->keys == NULL || event->keys->len == 0)
    return;
  g_autoptr(GString) owners = g_string_new(NULL);
  for (guint i = 0; i < event->keys->len; i++)
    g_string_append_printf(owners, "%s%s", i > 0 ? ", " : "",
                           key_owner(g_ptr_array_index(event->keys, i)));
  ui_say(view->ui, _("Imported: %s. :confirm-key says whose it is."), owners->str);
  compose_ask_again(view->ui);
}

struct importing { char *account; ui_done done; };

static void
importing_free(void *data)
{
  struct importing *importing = data;
  g_free(importing->account);
  g_free(importing);
}

static void
say_file_imported(struct view *view, struct event *event, void *data)
{
  const struct importing *importing = data;
  keys_say_imported(view, event, NULL);
  if (importing->done != NULL)
    importing->done(view, event, NULL);
}

static void
import_part(struct view *view, struct event *event, void *data)
{
  const struct importing *importing = data;
  if (event->part == NULL)
    return;
  struct importing *again = g_new0(struct importing, 1);
  *again = (struct importing){g_strdup(importing->account), importing->done};
  ui_await(view->ui, engine_key_import(view->ui->engine, again->account, event->part->file), view,
           say_file_imported, again, importing_free);
}

void
keys_import_file(struct view *view, const char *account, const char *typed, ui_done done)
{
  g_autofree char *path = ui_typed_path(typed);
  struct importing *importing = g_new0(struct importing, 1);
  *importing = (struct importing){g_strdup(account), done};
  ui_await(view->ui, engine_attach(view->ui->engine, path), view, import_part, importing,
           importing_free);
}

void
keys_import(struct ui *ui, const char *key)
{
  struct letter_ref ref = {.key = key};
  ui_await(ui, engine_key_import_from(ui->engine, NULL, &ref), NULL, keys_say_imported, NULL, NULL);
}
