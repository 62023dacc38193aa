#include "ui/server/server.h"

#include "base/i18n.h"

const struct server_row *
server_row_at(const struct server_view *server, int i)
{
  int n = server->rows != NULL ? (int)server->rows->len : 0;
  return i >= 0 && i < n ? g_ptr_array_index(server->rows, n - 1 - i) : NULL;
}

/* Where the server gives no UIDs only the number is left. */
char *
server_name(const struct server_row *row)
{
  return *row->uid != '\0'
             ? g_strdup_printf("%" G_GUINT64_FORMAT " %s", row->size, row->uid)
             : g_strdup_printf("%" G_GUINT64_FORMAT " #%u", row->size, row->number);
}

bool
server_is_chosen(const struct server_view *server, const struct server_row *row)
{
  g_autofree char *name = server_name(row);
  return g_hash_table_contains(server->chosen, name);
}

static int
position_of(const struct server_view *server, const char *name)
{
  for (int i = 0; name != NULL && i < server->list.n; i++) {
    g_autofree char *other = server_name(server_row_at(server, i));
    if (g_str_equal(name, other))
      return i;
  }
  return server->list.cursor;
}

/* What is chosen and no longer there must not be chosen unseen. */
static void
drop_lost_choices(struct server_view *server)
{
  g_autoptr(GHashTable) there = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iter;
  void *name;
  for (int i = 0; i < server->list.n; i++)
    g_hash_table_add(there, server_name(server_row_at(server, i)));
  g_hash_table_iter_init(&iter, server->chosen);
  while (g_hash_table_iter_next(&iter, &name, NULL))
    if (!g_hash_table_contains(there, name))
      g_hash_table_iter_remove(&iter);
}

static void
arrived(struct view *view, struct event *event, void *data)
{
  struct server_view *server = (struct server_view *)view;
  const struct server_row *old = server_row_at(server, server->list.cursor);
  g_autofree char *name = old != NULL ? server_name(old) : NULL;
  server->asked = 0;
  if (event->server == NULL) {
    if (server->rows == NULL && event->error != NULL)
      server->why = g_strdup(event->error->message);
    return;
  }
  if (server->rows != NULL)
    g_ptr_array_unref(server->rows);
  server->rows = g_steal_pointer(&event->server);
  list_set(&server->list, (int)server->rows->len);
  list_move(&server->list, position_of(server, name) - server->list.cursor);
  drop_lost_choices(server);
}

void
server_load(struct server_view *server, bool quietly)
{
  struct ui *ui = server->view.ui;
  ui_forget(ui, server->asked);
  g_clear_pointer(&server->why, g_free);
  server->asked = engine_server_list(ui->engine, server->account);
  status_progress(ui->status, server->asked, _("Asking the server"), 0, 0);
  if (quietly)
    ui_await_quiet(ui, server->asked, &server->view, arrived, NULL, NULL);
  else
    ui_await(ui, server->asked, &server->view, arrived, NULL, NULL);
}

void
server_show(struct server_view *server, const char *account)
{
  g_autofree char *own = g_strdup(account);
  g_free(server->account);
  server->account = g_steal_pointer(&own);
  if (server->rows != NULL)
    g_ptr_array_unref(g_steal_pointer(&server->rows));
  g_hash_table_remove_all(server->chosen);
  list_set(&server->list, 0);
  server_load(server, false);
}

/* The server counts on without them. */
void
server_forget(struct server_view *server, GHashTable *names)
{
  guint gone = 0;
  for (guint i = 0; server->rows != NULL && i < server->rows->len;) {
    struct server_row *row = server->rows->pdata[i];
    g_autofree char *name = server_name(row);
    if (g_hash_table_contains(names, name)) {
      g_ptr_array_remove_index(server->rows, i);
      gone++;
    } else {
      row->number -= gone;
      i++;
    }
  }
  list_set(&server->list, server->rows != NULL ? (int)server->rows->len : 0);
  drop_lost_choices(server);
}
