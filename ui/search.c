/* Searching: the results come while the query is typed.  What is asked for is never
 * waited for: a newer query cancels the one before. */
#include <string.h>

#include "base/i18n.h"
#include "ui/index/index.h"

/* A pause between two keys in which what was typed is looked for. */
#define PAUSE_US 150000
/* Letters from which on a word stands for all that begin so: fewer begin half of all
 * words, which takes seconds among very many letters and narrows nothing. */
#define LETTERS_LEAST 3

/* ---- the pause ---- */

void
ui_typed(struct ui *ui)
{
  ui->typed_until = g_get_monotonic_time() + PAUSE_US;
}

int
ui_timeout(struct ui *ui)
{
  int timeout = status_timeout(ui->status);
  if (ui->typed_until == 0)
    return timeout;
  gint64 left = MAX(ui->typed_until - g_get_monotonic_time(), 0);
  int pause = (int)(left / 1000) + 1;
  return timeout < 0 ? pause : MIN(timeout, pause);
}

/* ---- while typing ---- */

/* Letters and digits at its end. */
static guint
last_letters(const char *text)
{
  guint n = 0;
  for (const char *at = text + strlen(text); at > text; n++) {
    at = g_utf8_prev_char(at);
    if (!g_unichar_isalnum(g_utf8_get_char(at)))
      break;
  }
  return n;
}

/* The word that is being typed stands for all that begin so. */
static char *
query_so_far(const char *text)
{
  g_autofree char *query = g_strstrip(g_strdup(text));
  bool spaced = g_str_has_suffix(text, " ");
  return !spaced && last_letters(query) >= LETTERS_LEAST ? g_strconcat(query, "*", NULL)
                                                         : g_steal_pointer(&query);
}

/* With the star where that can be read (`is:unread*` cannot), else as it was typed;
 * NULL for what cannot be read yet. */
static char *
readable_query(struct ui *ui, const char *text)
{
  g_autofree char *query = query_so_far(text);
  if (*query == '\0')
    return NULL;
  if (engine_query_check(ui->engine, query, NULL))
    return g_steal_pointer(&query);
  g_autofree char *plain = g_strstrip(g_strdup(text));
  return engine_query_check(ui->engine, plain, NULL) ? g_steal_pointer(&plain) : NULL;
}

static void
leave_live(struct ui *ui)
{
  if (ui->live != NULL)
    ui_drop(ui->live);
  ui->live = NULL;
}

static void
search_so_far(struct ui *ui, const char *folder, const char *text)
{
  if (text == NULL) {
    leave_live(ui);
    return;
  }
  g_autofree char *query = readable_query(ui, text);
  if (query == NULL)
    return;
  if (ui->live != NULL) {
    index_view_search((struct index_view *)ui->live, query, true);
    return;
  }
  ui->live = index_view_new(ui, folder, query);
  ui_push(ui, ui->live);
}

/* ---- the commands ---- */

/* Are the rows those of all that begins with what was typed?  Then they may stay: else a
 * key that follows would open a letter that nobody looked for. */
static bool
is_shown(struct ui *ui, const struct index_view *live, const char *text)
{
  g_autofree char *query = readable_query(ui, text);
  return live->asked == 0 && g_strcmp0(query, live->query) == 0;
}

static void
search_in(struct view *view, const char *folder, const char *text)
{
  struct ui *ui = view->ui;
  g_autoptr(GError) error = NULL;
  if (!engine_query_check(ui->engine, text, &error)) {
    leave_live(ui);
    ui_error(ui, error);
    return;
  }
  struct index_view *live = (struct index_view *)g_steal_pointer(&ui->live);
  if (live != NULL) {
    index_view_search(live, text, is_shown(ui, live, text));
  } else {
    live = (struct index_view *)index_view_new(ui, folder, text);
    ui_push(ui, &live->view);
  }
  /* Who wrote half a word and saw its letters would be shown none. */
  g_autofree char *begun = readable_query(ui, text);
  if (g_strcmp0(begun, text) != 0)
    index_view_or(live, begun);
}

/* The folder that is open: of a search in it, the same. */
static const char *
open_folder(struct ui *ui)
{
  for (guint i = ui->views->len; i-- > 0;) {
    struct view *view = g_ptr_array_index(ui->views, i);
    if (view->kind == &index_class && view != ui->live && index_view_folder(view) != NULL)
      return index_view_folder(view);
  }
  return NULL;
}

void
search_all(struct view *view, const char *const *args)
{
  search_in(view, NULL, args[0]);
}

void
search_all_typed(struct view *view, const char *text)
{
  search_so_far(view->ui, NULL, text);
}

void
search_here(struct view *view, const char *const *args)
{
  search_in(view, open_folder(view->ui), args[0]);
}

void
search_here_typed(struct view *view, const char *text)
{
  search_so_far(view->ui, open_folder(view->ui), text);
}
