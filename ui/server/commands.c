#include "base/i18n.h"
#include "ui/server/server.h"

#include <string.h>

static struct server_view *
of(struct view *view)
{
  return (struct server_view *)view;
}

/* ---- going about ---- */

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
page_down(struct view *view, const char *const *args)
{
  list_move(&of(view)->list, list_page(&of(view)->list));
}

static void
page_up(struct view *view, const char *const *args)
{
  list_move(&of(view)->list, -list_page(&of(view)->list));
}

static void
first(struct view *view, const char *const *args)
{
  list_move(&of(view)->list, -of(view)->list.n);
}

static void
last(struct view *view, const char *const *args)
{
  list_move(&of(view)->list, of(view)->list.n);
}

static void
choose(struct view *view, const char *const *args)
{
  struct server_view *server = of(view);
  const struct server_row *row = server_row_at(server, server->list.cursor);
  if (row == NULL)
    return;
  g_autofree char *name = server_name(row);
  if (!g_hash_table_remove(server->chosen, name))
    g_hash_table_add(server->chosen, g_steal_pointer(&name));
  list_move(&server->list, 1);
}

static void
again(struct view *view, const char *const *args)
{
  server_load(of(view), false);
}

/* The next one that has a server, round and round. */
static void
next_account(struct view *view, const char *const *args)
{
  const GPtrArray *accounts = view->ui->conf->accounts;
  guint at = 0;
  while (at < accounts->len &&
         strcmp(((struct conf_account *)accounts->pdata[at])->name, of(view)->account) != 0)
    at++;
  for (guint i = 1; i < accounts->len; i++) {
    const struct conf_account *account = accounts->pdata[(at + i) % accounts->len];
    if (account->pop3 == NULL)
      continue;
    server_show(of(view), account->name);
    return;
  }
  ui_say(view->ui, _("There is no other account with a server."));
}

/* ---- what is done with letters ---- */

/* The letters of one command, as they were when it was given. */
struct errand {
  char *account;
  GArray *picks;            /* struct server_pick; their uids are the names' */
  GHashTable *names;        /* server_name(), owned */
  GPtrArray *uids;
  guint not_here, not_kept;
};

static void
errand_free(void *data)
{
  struct errand *errand = data;
  g_free(errand->account);
  g_array_unref(errand->picks);
  g_hash_table_unref(errand->names);
  g_ptr_array_unref(errand->uids);
  g_free(errand);
}

static void
add(struct errand *errand, const struct server_row *row)
{
  char *uid = g_strdup(row->uid);
  struct server_pick pick = {.number = row->number, .uid = uid, .size = row->size};
  g_ptr_array_add(errand->uids, uid);
  g_array_append_val(errand->picks, pick);
  g_hash_table_add(errand->names, server_name(row));
  errand->not_here += !row->here;
  errand->not_kept += !row->kept;
}

/* The chosen letters, else that of the cursor; NULL (and said) when there is none. */
static struct errand *
errand_new(struct server_view *server)
{
  if (server->list.n == 0) {
    ui_say(server->view.ui, _("No letter is chosen here."));
    return NULL;
  }
  struct errand *errand = g_new0(struct errand, 1);
  errand->account = g_strdup(server->account);
  errand->picks = g_array_new(FALSE, FALSE, sizeof(struct server_pick));
  errand->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  errand->uids = g_ptr_array_new_with_free_func(g_free);
  bool chosen = g_hash_table_size(server->chosen) > 0;
  for (int i = 0; i < server->list.n; i++) {
    const struct server_row *row = server_row_at(server, i);
    if (chosen ? server_is_chosen(server, row) : i == server->list.cursor)
      add(errand, row);
  }
  return errand;
}

static const struct server_pick *
picks_of(const struct errand *errand)
{
  return (const struct server_pick *)(void *)errand->picks->data;
}

/* The list of another account may be shown by now. */
static bool
is_shown(struct view *view, const struct errand *errand)
{
  return strcmp(of(view)->account, errand->account) == 0;
}

static void
say_done(struct view *view, const struct event *event)
{
  const struct fetched *fetched =
      event->fetched != NULL && event->fetched->len > 0 ? event->fetched->pdata[0] : NULL;
  if (fetched != NULL && fetched->remark != NULL)
    ui_complain(view->ui, "%s: %s", fetched->account, fetched->remark);
  else if (fetched != NULL && fetched->fetched == 0 && fetched->known > 0)
    ui_say(view->ui, _("It is here already."));
  else if (event->text != NULL)
    ui_say(view->ui, "%s", event->text);
}

static void
done(struct view *view, struct event *event, void *data)
{
  if (event->error != NULL)
    return;
  say_done(view, event);
  if (!is_shown(view, data))
    return;
  g_hash_table_remove_all(of(view)->chosen);
  server_load(of(view), true);
}

static void
deleted(struct view *view, struct event *event, void *data)
{
  struct errand *errand = data;
  if (event->error == NULL && is_shown(view, errand))
    server_forget(of(view), errand->names);
  done(view, event, data);
}

static void
start(struct view *view, request_id request, const char *what, ui_done then,
      struct errand *errand)
{
  struct ui *ui = view->ui;
  status_progress(ui->status, request, what, 0, 0);
  ui_await(ui, request, view, then, errand, errand_free);
}

static void
fetch_letter(struct view *view, const char *const *args)
{
  struct errand *errand = errand_new(of(view));
  if (errand == NULL)
    return;
  request_id request = engine_server_fetch(view->ui->engine, errand->account, picks_of(errand),
                                           errand->picks->len);
  start(view, request, _("Fetching"), done, errand);
}

struct deletion {
  struct errand *errand;    /* NULL: under way */
};

static void
deletion_free(void *data)
{
  struct deletion *deletion = data;
  if (deletion->errand != NULL)
    errand_free(deletion->errand);
  g_free(deletion);
}

static void
delete_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  struct deletion *deletion = data;
  if (text == NULL)
    return;
  struct errand *errand = g_steal_pointer(&deletion->errand);
  request_id request = engine_server_delete(ui->engine, errand->account, picks_of(errand),
                                            errand->picks->len);
  start(view, request, _("Deleting on the server"), deleted, errand);
}

static char *
deletion_question(const struct errand *errand)
{
  guint n = errand->picks->len;
  if (errand->not_here == 0)
    return g_strdup_printf(ngettext("Delete %u letter on the server? It stays here.",
                                    "Delete %u letters on the server? They stay here.", n),
                           n);
  return g_strdup_printf(
      ngettext("Delete %u letter on the server for good? %u is NOT here.",
               "Delete %u letters on the server for good? %u of them NOT here.", n),
      n, errand->not_here);
}

static void
delete_there(struct view *view, const char *const *args)
{
  struct errand *errand = errand_new(of(view));
  if (errand == NULL)
    return;
  struct deletion *deletion = g_new0(struct deletion, 1);
  deletion->errand = errand;
  g_autofree char *question = deletion_question(errand);
  ui_confirm(view->ui, view, question, delete_if, deletion, deletion_free);
}

/* Once all are kept the same key lets them go. */
static void
keep_there(struct view *view, const char *const *args)
{
  struct errand *errand = errand_new(of(view));
  if (errand == NULL)
    return;
  request_id request = engine_server_keep(view->ui->engine, errand->account, picks_of(errand),
                                          errand->picks->len, errand->not_kept > 0);
  start(view, request, _("Keeping"), done, errand);
}

static const struct command rows[] = {
    {.name = "down", .keys = "j Down", .help = N_("Go to the next letter"), .run = down},
    {.name = "up", .keys = "k Up", .help = N_("Go to the letter before"), .run = up},
    {.name = "page-down", .keys = "Space PageDown", .help = N_("Go a page down"),
     .run = page_down},
    {.name = "page-up", .keys = "- PageUp", .help = N_("Go a page up"), .run = page_up},
    {.name = "first", .keys = "Home <", .help = N_("Go to the newest letter"), .run = first},
    {.name = "last", .keys = "End >", .help = N_("Go to the oldest letter"), .run = last},
    {.name = "choose", .keys = "x", .help = N_("Choose the letter for the next command, or not"),
     .run = choose},
    {.name = "fetch-letter", .keys = "f Enter",
     .help = N_("Fetch the letter, whatever its size; it comes into the inbox"),
     .hint = N_("fetch this"), .run = fetch_letter},
    {.name = "delete-there", .keys = "d Delete", .help = N_("Delete the letter on the server"),
     .hint = N_("delete"), .run = delete_there},
    {.name = "keep-there", .keys = "s",
     .help = N_("Keep the letter on the server whatever leave-on-server says, or no longer"),
     .hint = N_("keep"), .run = keep_there},
    {.name = "list-again", .keys = "C-r", .help = N_("Ask the server again"),
     .hint = N_("ask again"), .run = again},
    {.name = "next-account", .keys = "Tab", .help = N_("Show the server of the next account"),
     .run = next_account},
};

const struct command_group server_group = {"server", N_("What lies on the server"), rows,
                                           G_N_ELEMENTS(rows)};
