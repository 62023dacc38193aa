#include "ui/server/server.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"

#define ADVICE_ROWS 4
#define FATE_COLUMNS 10

static const struct command_group *const groups[] = {&server_group, &any_group, NULL};

/* ---- a row ---- */

static char *
age_words(int64_t date)
{
  int64_t seconds = g_get_real_time() / G_USEC_PER_SEC - date;
  if (date == 0)
    return g_strdup("");
  if (seconds < 60 * 60)
    return g_strdup_printf(_("%d min"), (int)MAX(seconds / 60, 0));
  if (seconds < 24 * 60 * 60)
    return g_strdup_printf(_("%d h"), (int)(seconds / (60 * 60)));
  int days = (int)(seconds / (24 * 60 * 60));
  return days < 1000 ? g_strdup_printf(_("%d d"), days) : g_strdup_printf(_("%d y"), days / 365);
}

/* What becomes of it, in FATE_COLUMNS. */
static char *
fate_word(const struct server_row *row)
{
  switch (row->what) {
  case SERVER_STAYS: return g_strdup(_("stays"));
  case SERVER_KEPT: return g_strdup(_("kept"));
  case SERVER_FETCHED: return g_strdup(_("comes"));
  case SERVER_TOO_LARGE: return g_strdup(_("too large"));
  case SERVER_DELETED: return g_strdup(_("goes"));
  case SERVER_DELETED_LATER: break;
  }
  g_autoptr(GDateTime) when = clock_local(row->until);
  return when != NULL ? g_date_time_format(when, "%Y-%m-%d") : g_strdup("");
}

static void
draw_row(const struct server_view *server, const struct area *area, int at,
         const struct server_row *row, bool cursor)
{
  unsigned style = (server_is_chosen(server, row) ? STYLE_CHOSEN
                    : row->here                   ? STYLE_NORMAL
                                                  : STYLE_UNREAD) |
                   (cursor ? STYLE_CURSOR : 0);
  int fate = area->columns - FATE_COLUMNS - 1;
  int from = MAX((fate - 26) * 2 / 5, 8);
  g_autofree char *size = g_format_size(row->size);
  g_autofree char *age = age_words(row->date);
  g_autofree char *becomes = fate_word(row);
  g_autofree char *sender = ui_short_name(row->from != NULL ? row->from : "");
  area_fill(area, at, style, "");
  area_field(area, at, 0, 1, style, server_is_chosen(server, row) ? "+" : " ");
  area_field(area, at, 1, 4, style, row->here ? _("here") : "");
  area_field(area, at, 6, 9, style, size);
  area_field(area, at, 16, 7, style, age);
  area_field(area, at, 24, from, style, sender);
  area_field(area, at, 25 + from, fate - from - 26, style,
             row->subject != NULL ? row->subject : "");
  area_field(area, at, fate, FATE_COLUMNS, style, becomes);
}

/* ---- the letter under the cursor in words ---- */

static char *
advice_on(const struct server_view *server, const struct server_row *row)
{
  const struct keymap *keymap = server->view.ui->keymap;
  g_autofree char *fetch = keymap_key_word(keymap, groups, "fetch-letter");
  g_autofree char *remove = keymap_key_word(keymap, groups, "delete-there");
  g_autofree char *keep = keymap_key_word(keymap, groups, "keep-there");
  g_autofree char *about =
      g_strdup_printf(row->here ? _("Letter %u is here. On the server: %s.")
                                : _("Letter %u is not here. On the server: %s."),
                      row->number, row->fate);
  return row->kept ? g_strdup_printf(_("%s %s fetches it, %s deletes it there, %s lets it go its "
                                       "way again."),
                                     about, fetch, remove, keep)
                   : g_strdup_printf(_("%s %s fetches it, %s deletes it there, %s keeps it there."),
                                     about, fetch, remove, keep);
}

/* How many rows it took. */
static int
draw_advice(const struct server_view *server, const struct area *area)
{
  const struct server_row *row = server_row_at(server, server->list.cursor);
  if (row == NULL || area->rows < 3 * ADVICE_ROWS)
    return 0;
  g_autofree char *advice = advice_on(server, row);
  g_auto(GStrv) lines = text_wrap(advice, MAX(area->columns - 2, 8));
  int n = MIN((int)g_strv_length(lines), ADVICE_ROWS);
  struct area rule = area_part(area, area->rows - n - 1, 0, 1, -1);
  area_fill(&rule, 0, STYLE_DIM, "─");
  for (int i = 0; i < n; i++)
    area_field(area, area->rows - n + i, 1, -1, STYLE_NOTICE, lines[i]);
  return n + 1;
}

static void
draw_nothing(const struct server_view *server, const struct area *area)
{
  if (server->why != NULL)
    area_field(area, 0, 1, -1, STYLE_BAD, server->why);
  else if (server->rows != NULL)
    area_field(area, 0, 1, -1, STYLE_DIM, _("No letter lies on the server."));
  else if (server->asked != 0)
    area_field(area, 0, 1, -1, STYLE_DIM, _("asking…"));
}

static void
draw(struct view *view, const struct area *whole, bool focused)
{
  struct server_view *server = (struct server_view *)view;
  struct area list = area_part(whole, 0, 0, whole->rows - draw_advice(server, whole), -1);
  list_show(&server->list, list.rows);
  for (int at = 0; at < list.rows; at++) {
    int i = server->list.top + at;
    const struct server_row *row = server_row_at(server, i);
    if (row != NULL)
      draw_row(server, &list, at, row, i == server->list.cursor);
  }
  if (server->list.n == 0)
    draw_nothing(server, whole);
}

static char *
heading(struct view *view)
{
  const struct server_view *server = (const struct server_view *)view;
  if (server->rows == NULL)
    return g_strdup_printf(_("Server of %s"), server->account);
  guint64 size = 0;
  guint here = 0;
  for (guint i = 0; i < server->rows->len; i++) {
    const struct server_row *row = server->rows->pdata[i];
    size += row->size;
    here += row->here;
  }
  g_autofree char *all = g_format_size(size);
  return g_strdup_printf(ngettext("Server of %s: %u letter, %u here, %s",
                                  "Server of %s: %u letters, %u here, %s", server->rows->len),
                         server->account, server->rows->len, here, all);
}

static void
close_view(struct view *view)
{
  struct server_view *server = (struct server_view *)view;
  ui_forget(view->ui, server->asked);
  if (server->rows != NULL)
    g_ptr_array_unref(server->rows);
  g_hash_table_unref(server->chosen);
  g_free(server->account);
  g_free(server->why);
  g_free(server);
}

const struct view_class server_class = {
    .name = "server",
    .groups = groups,
    .draw = draw,
    .heading = heading,
    .free = close_view,
};

struct view *
server_view_new(struct ui *ui, const char *account)
{
  struct server_view *server = g_new0(struct server_view, 1);
  server->view = (struct view){&server_class, ui};
  server->chosen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  server_show(server, account);
  return &server->view;
}

const char *
server_view_account(struct view *view)
{
  return ((struct server_view *)view)->account;
}
