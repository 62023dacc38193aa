#include "base/i18n.h"
#include "ui/compose/compose.h"
#include "ui/keys/keys.h"

static struct keys_view *
of(struct view *view)
{
  return (struct keys_view *)view;
}

static const struct key_info *
key_of(struct view *view)
{
  return keys_row(of(view), of(view)->list.cursor);
}

static void
down(struct view *view, const char *const *args)
{
  list_move(&of(view)->list, 1);
}

static void
up(struct view *view, const char *const *args)
{
  list_move(&of(view)->list, -1);
}

static void
reload(struct view *view, struct event *event, void *data)
{
  keys_load(of(view));
  compose_ask_again(view->ui);
}

/* ---- whose it is ---- */

static void
confirm(struct view *view, const char *const *args)
{
  const struct key_info *key = key_of(view);
  g_autofree char *address = key != NULL ? key_address(key) : NULL;
  if (key != NULL && address == NULL)
    ui_complain(view->ui, "%s", _("This key names no address."));
  else if (key != NULL)
    keys_ask_whose(view->ui, view,
                   &(struct key_question){address, key->fingerprint, key_owner(key), key->changed},
                   reload);
}

static void
doubted(struct view *view, struct event *event, void *owner)
{
  reload(view, event, NULL);
  if (event->error == NULL)
    ui_say(view->ui, _("That this key is %s's is not confirmed any more."), (const char *)owner);
}

static void
doubt(struct view *view, const char *const *args)
{
  const struct key_info *key = key_of(view);
  g_autofree char *address = key != NULL ? key_address(key) : NULL;
  if (address == NULL)
    return;
  ui_await(view->ui, engine_key_confirm(view->ui->engine, address, key->fingerprint, false), view,
           doubted, g_strdup(address), g_free);
}

/* ---- renewing, revoking, deleting ---- */

struct change {
  enum key_change what;
  char *fingerprint;
  const char *said;
};

static void
change_free(void *data)
{
  struct change *change = data;
  g_free(change->fingerprint);
  g_free(change);
}

static void
changed(struct view *view, struct event *event, void *said)
{
  reload(view, event, NULL);
  if (event->error == NULL)
    ui_say(view->ui, "%s", (const char *)said);
}

static void
change_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  const struct change *change = data;
  if (text != NULL)
    ui_await(ui, engine_key_change(ui->engine, NULL, change->what, change->fingerprint), view,
             changed, (void *)change->said, NULL);
}

/* `own`: the key's secret is needed for it. */
static void
ask_change(struct view *view, enum key_change what, bool own, const char *question,
           const char *said)
{
  const struct key_info *key = key_of(view);
  if (key == NULL)
    return;
  if (own && !key->secret) {
    ui_complain(view->ui, "%s", _("Only its owner can do that; this key is not yours."));
    return;
  }
  struct change *change = g_new0(struct change, 1);
  *change = (struct change){what, g_strdup(key->fingerprint), said};
  g_autofree char *whole = g_strdup_printf("%s %s", key_owner(key), question);
  ui_confirm(view->ui, view, whole, change_if, change, change_free);
}

static void
renew(struct view *view, const char *const *args)
{
  ask_change(view, KEY_RENEW, true, _("— let this key last for two years from today?"),
             _("The key lasts for two years more; send it again to those who write to you."));
}

static void
revoke_key(struct view *view, const char *const *args)
{
  ask_change(view, KEY_REVOKE, true,
             _("— revoke this key? It cannot be taken back; what was sealed to it can still be "
               "read."),
             _("The key is revoked; send it to those who write to you, so that they know."));
}

static void
delete_key(struct view *view, const char *const *args)
{
  const struct key_info *key = key_of(view);
  bool own = key != NULL && key->secret;
  ask_change(view, KEY_DELETE, false,
             own ? _("— delete YOUR OWN key? Without a copy of it, all that was sealed to you can "
                     "never be read again.")
                 : _("— delete this key from the key ring?"),
             _("The key is deleted."));
}

/* ---- files ---- */

static void
exported(struct view *view, struct event *event, void *data)
{
  if (event->error == NULL)
    ui_say(view->ui, _("The public key was written to %s."), event->text);
}

static void
export_key(struct view *view, const char *const *args)
{
  const struct key_info *key = key_of(view);
  g_autofree char *path = ui_typed_path(args[0]);
  if (key != NULL)
    ui_await(view->ui, engine_key_export(view->ui->engine, NULL, key->fingerprint, path), view,
             exported, NULL, NULL);
}

static void
backed_up(struct view *view, struct event *event, void *data)
{
  if (event->error == NULL)
    ui_say(view->ui,
           _("Your key pair was written to %s. Move it to where nobody else comes and no disk "
             "fails with this one: a stick in a drawer; gpg --import takes it back."),
           event->text);
}

static void
backup(struct view *view, const char *const *args)
{
  const struct key_info *key = key_of(view);
  g_autofree char *path = ui_typed_path(args[0]);
  if (key != NULL && !key->secret)
    ui_complain(view->ui, "%s", _("Only its owner can do that; this key is not yours."));
  else if (key != NULL)
    ui_await(view->ui, engine_key_backup(view->ui->engine, NULL, key->fingerprint, path), view,
             backed_up, NULL, NULL);
}

static void
import_file(struct view *view, const char *const *args)
{
  keys_import_file(view, NULL, args[0], reload);
}

static void
made(struct view *view, struct event *event, void *data)
{
  reload(view, event, NULL);
  if (event->error == NULL && event->text != NULL)
    ui_say(view->ui, "%s", event->text);
}

static void
make(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  request_id request = engine_key_make(ui->engine, args[0]);
  status_progress(ui->status, request, _("Making a key pair"), 0, 0);
  ui_await(ui, request, view, made, NULL, NULL);
}

static const struct command rows[] = {
    {.name = "down", .keys = "j Down", .help = N_("Go to the next key"), .run = down},
    {.name = "up", .keys = "k Up", .help = N_("Go to the key before"), .run = up},
    {.name = "confirm", .keys = "c", .help = N_("Say that the key is its owner's, as he told you"),
     .hint = N_("confirm"), .run = confirm},
    {.name = "doubt", .keys = "C", .help = N_("Take back that the key is its owner's"),
     .run = doubt},
    {.name = "renew", .keys = "r", .help = N_("Let a key of your own last for two years more"),
     .hint = N_("renew"), .run = renew},
    {.name = "revoke", .keys = "R", .help = N_("Withdraw a key of your own for good"),
     .run = revoke_key},
    {.name = "export", .keys = "x", .args = "file", .ask = N_("Write the public key to:"),
     .complete = COMPLETE_PATH, .help = N_("Write the public key to a file"), .hint = N_("export"),
     .run = export_key},
    {.name = "backup", .keys = "b", .args = "file", .ask = N_("Write your key pair to:"),
     .complete = COMPLETE_PATH, .help = N_("Write a copy of your key pair for a safe place"),
     .hint = N_("backup"), .run = backup},
    {.name = "import", .keys = "i", .args = "file", .ask = N_("Take keys from:"),
     .complete = COMPLETE_PATH, .help = N_("Take keys from a file"), .hint = N_("import"),
     .run = import_file},
    {.name = "make", .keys = "m", .args = "[account]", .complete = COMPLETE_ACCOUNT,
     .help = N_("Make a key pair of your own"), .hint = N_("make"), .run = make},
    {.name = "delete-key", .keys = "d Delete", .help = N_("Delete the key from the key ring"),
     .run = delete_key},
};

const struct command_group keys_group = {"keys", N_("Keys"), rows, G_N_ELEMENTS(rows)};
