/* Commands for keys: one's own pair, those of others, and whose they are. */
#include <string.h>
#include <time.h>

#include "base/i18n.h"
#include "ui/ui-private.h"

/* In groups of four, as people compare them. */
static char *
grouped(const char *fingerprint)
{
  GString *text = g_string_new(NULL);
  for (size_t i = 0; fingerprint[i] != '\0'; i++)
    g_string_append_printf(text, "%s%c", i > 0 && i % 4 == 0 ? " " : "", fingerprint[i]);
  return g_string_free(text, FALSE);
}

static const char *
owner_of(const struct key_info *key)
{
  return key->user_id != NULL ? key->user_id : _("without a name");
}

/* ---- one's own ---- */

static void
say_made(struct view *view, struct event *event, void *data)
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
  ui_await(ui, request, NULL, say_made, NULL, NULL);
}

/* ---- which there are ---- */

static char *
day_of(int64_t seconds)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_local(seconds);
  return date != NULL ? g_date_time_format(date, "%Y-%m-%d") : g_strdup("?");
}

static void
add_key(GPtrArray *lines, const struct key_info *key)
{
  g_autofree char *fingerprint = grouped(key->fingerprint);
  g_autofree char *since = day_of(key->since);
  g_autofree char *until = key->expires != 0 ? day_of(key->expires) : NULL;
  text_add(lines, STYLE_NORMAL, "%s", owner_of(key));
  text_add(lines, STYLE_NORMAL, "  %s", fingerprint);
  text_add(lines, STYLE_NORMAL, "  %s%s, %s %s%s%s", key->secret ? _("your own") : _("public"),
           key->trusted ? _(", its owner is known") : "", _("since"), since,
           until != NULL ? _(", until ") : "", until != NULL ? until : "");
  text_add(lines, STYLE_NORMAL, "%s", "");
}

static void
show_keys(struct view *view, struct event *event, void *data)
{
  if (event->keys == NULL)
    return;
  GPtrArray *lines = text_lines_new();
  for (guint i = 0; i < event->keys->len; i++)
    add_key(lines, g_ptr_array_index(event->keys, i));
  if (event->keys->len == 0)
    text_add(lines, STYLE_NORMAL, "%s",
             _("There is none. :make-key makes a pair of your own, :import-key in a letter takes "
               "the key that it brings."));
  ui_push(view->ui, text_view_new(view->ui, _("Keys"), lines));
}

void
keys_list(struct view *view, const char *const *args)
{
  ui_await(view->ui, engine_keys(view->ui->engine, NULL, args[0]), NULL, show_keys, NULL, NULL);
}

/* ---- whose they are ---- */

struct confirmation { char *address, *fingerprint; };

static void
confirmation_free(void *data)
{
  struct confirmation *confirmation = data;
  g_free(confirmation->address);
  g_free(confirmation->fingerprint);
  g_free(confirmation);
}

static void
confirm_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  const struct confirmation *confirmation = data;
  if (text == NULL)
    return;
  g_autofree char *said = g_strdup_printf(_("Key %s is confirmed for %s."),
                                          confirmation->fingerprint, confirmation->address);
  ui_await_plain(ui_view(ui),
                 engine_key_confirm(ui->engine, confirmation->address, confirmation->fingerprint,
                                    true),
                 said);
}

/* The one that a letter would be sealed to: the newest. */
static const struct key_info *
newest(const GPtrArray *keys)
{
  const struct key_info *best = NULL;
  for (guint i = 0; i < keys->len; i++) {
    const struct key_info *key = g_ptr_array_index(keys, i);
    bool dead = key->expires != 0 && key->expires < (int64_t)time(NULL);
    if (!dead && (best == NULL || key->since > best->since))
      best = key;
  }
  return best;
}

static void
ask_whose(struct view *view, struct event *event, void *data)
{
  const char *address = data;
  const struct key_info *key = event->keys != NULL ? newest(event->keys) : NULL;
  if (event->keys == NULL)
    return;
  if (key == NULL) {
    ui_complain(view->ui, _("There is no key of %s; ask for it and import it."), address);
    return;
  }
  g_autofree char *fingerprint = grouped(key->fingerprint);
  g_autofree char *question = g_strdup_printf(
      _("Has %s told you, not by mail, that this is the key: %s (%s)?"), address, fingerprint,
      owner_of(key));
  struct confirmation *confirmation = g_new0(struct confirmation, 1);
  *confirmation = (struct confirmation){g_strdup(address), g_strdup(key->fingerprint)};
  ui_confirm(view->ui, NULL, question, confirm_if, confirmation, confirmation_free);
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

static void
say_imported(struct view *view, struct event *event, void *data)
{
  if (event->keys == NULL || event->keys->len == 0)
    return;
  g_autoptr(GString) owners = g_string_new(NULL);
  for (guint i = 0; i < event->keys->len; i++)
    g_string_append_printf(owners, "%s%s", i > 0 ? ", " : "",
                           owner_of(g_ptr_array_index(event->keys, i)));
  ui_say(view->ui, _("Imported: %s. Whose it is says :confirm-key."), owners->str);
}

void
keys_import(struct ui *ui, const char *key)
{
  struct letter_ref ref = {.key = key};
  ui_await(ui, engine_key_import_from(ui->engine, NULL, &ref), NULL, say_imported, NULL, NULL);
}
