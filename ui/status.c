#include "ui/status.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

#define NOTICE_SECONDS 15
#define MESSAGES_KEPT 200
#define NOTICE_ROWS 4
#define SILENCE_SECONDS 3

struct going_on { request_id request; char *text; guint64 done, total; gint64 touched; };

struct status {
  GPtrArray *messages;      /* char *, oldest first */
  bool bad;                 /* the last of them */
  gint64 until;             /* monotonic; 0: no notice is shown */
  bool read;                /* a key was pressed since */
  GPtrArray *running;       /* struct going_on, oldest first */
  char *cancel_key;
};

static void
going_on_free(struct going_on *entry)
{
  g_free(entry->text);
  g_free(entry);
}

struct status *
status_new(void)
{
  struct status *status = g_new0(struct status, 1);
  status->messages = g_ptr_array_new_with_free_func(g_free);
  status->running = g_ptr_array_new_with_free_func((GDestroyNotify)going_on_free);
  status->cancel_key = g_strdup(":cancel");
  return status;
}

void
status_free(struct status *status)
{
  if (status == NULL)
    return;
  g_ptr_array_free(status->messages, TRUE);
  g_ptr_array_free(status->running, TRUE);
  g_free(status->cancel_key);
  g_free(status);
}

void
status_set_cancel_key(struct status *status, const char *key)
{
  g_free(status->cancel_key);
  status->cancel_key = g_strdup(key);
}

void
status_say(struct status *status, bool bad, const char *sentence)
{
  if (status->messages->len >= MESSAGES_KEPT)
    g_ptr_array_remove_index(status->messages, 0);
  g_ptr_array_add(status->messages, g_strdup(sentence));
  status->bad = bad;
  status->read = false;
  status->until = g_get_monotonic_time() + NOTICE_SECONDS * G_USEC_PER_SEC;
}

void
status_key(struct status *status)
{
  /* The first key may have been under way before the sentence was read. */
  if (status->read)
    status->until = 0;
  status->read = true;
}

const GPtrArray *
status_messages(const struct status *status)
{
  return status->messages;
}

static struct going_on *
entry_of(const struct status *status, request_id request)
{
  for (guint i = 0; i < status->running->len; i++) {
    struct going_on *entry = g_ptr_array_index(status->running, i);
    if (entry->request == request)
      return entry;
  }
  return NULL;
}

void
status_progress(struct status *status, request_id request, const char *text, guint64 done,
                guint64 total)
{
  struct going_on *entry = entry_of(status, request);
  if (entry == NULL) {
    entry = g_new0(struct going_on, 1);
    entry->request = request;
    g_ptr_array_add(status->running, entry);
  }
  g_free(entry->text);
  entry->text = g_strdup(text != NULL ? text : _("working"));
  entry->done = done;
  entry->total = total;
  entry->touched = g_get_monotonic_time();
}

bool
status_ended(struct status *status, request_id request)
{
  struct going_on *entry = entry_of(status, request);
  return entry != NULL && g_ptr_array_remove(status->running, entry);
}

/* The engine's own work (request 0) tells no end: it is forgotten when it is
 * silent for a while. */
static const struct going_on *
going_on(const struct status *status)
{
  gint64 now = g_get_monotonic_time();
  for (guint i = status->running->len; i-- > 0;) {
    const struct going_on *entry = g_ptr_array_index(status->running, i);
    if (entry->request != 0 ||
        (now - entry->touched < SILENCE_SECONDS * G_USEC_PER_SEC && status->until <= now))
      return entry;
  }
  return NULL;
}

request_id
status_running(const struct status *status)
{
  for (guint i = status->running->len; i-- > 0;) {
    const struct going_on *entry = g_ptr_array_index(status->running, i);
    if (entry->request != 0)
      return entry->request;
  }
  return 0;
}

int
status_timeout(const struct status *status)
{
  const struct going_on *own = entry_of(status, 0);
  gint64 now = g_get_monotonic_time(), next = G_MAXINT64;
  if (status->until > now)
    next = status->until;
  if (own != NULL && own->touched + SILENCE_SECONDS * G_USEC_PER_SEC > now)
    next = MIN(next, own->touched + SILENCE_SECONDS * G_USEC_PER_SEC);
  return next == G_MAXINT64 ? -1 : (int)MIN((next - now) / 1000 + 1, 60000);
}

static char *
progress_text(const struct going_on *entry)
{
  if (entry->total > 0)
    return g_strdup_printf(_("%s: %lu of %lu"), entry->text, (gulong)entry->done,
                           (gulong)entry->total);
  return g_strdup_printf("%s…", entry->text);
}

static const char *
notice_of(const struct status *status)
{
  if (status->until <= g_get_monotonic_time() || status->messages->len == 0)
    return NULL;
  return g_ptr_array_index(status->messages, status->messages->len - 1);
}

static char *
running_text(const struct status *status, int columns)
{
  const struct going_on *entry = going_on(status);
  if (entry == NULL)
    return NULL;
  g_autofree char *text = progress_text(entry);
  g_autofree char *hint = entry->request != 0
                              ? g_strdup_printf(_("(%s cancels)"), status->cancel_key)
                              : g_strdup("");
  g_autofree char *fit = text_fit(text, MAX(columns - text_width(hint, -1) - 2, 10));
  g_autofree char *line = g_strdup_printf("%s  %s", fit, hint);
  return text_fit(line, columns);
}

/* What goes on stands at the right of the notice's last row, or below it if that
 * would leave the notice less than half of the columns. */
static bool
is_below(const char *running, int columns)
{
  return running != NULL && text_width(running, -1) > columns / 2;
}

static int
notice_columns(const char *running, int columns)
{
  return running != NULL && !is_below(running, columns)
             ? MAX(columns - text_width(running, -1) - 2, 10)
             : columns;
}

bool
status_speaks(const struct status *status)
{
  return notice_of(status) != NULL;
}

int
status_rows(const struct status *status, int columns)
{
  const char *notice = notice_of(status);
  if (notice == NULL)
    return 1;
  g_autofree char *running = running_text(status, columns);
  g_auto(GStrv) lines = text_wrap(notice, notice_columns(running, columns));
  return (int)CLAMP(g_strv_length(lines), 1, NOTICE_ROWS) + is_below(running, columns);
}

void
status_draw(const struct status *status, const struct area *area)
{
  const char *notice = notice_of(status);
  g_autofree char *running = running_text(status, area->columns);
  g_auto(GStrv) lines =
      text_wrap(notice != NULL ? notice : "", notice_columns(running, area->columns));
  for (int row = 0; row < area->rows; row++)
    area_fill(area, row, STYLE_NORMAL, "");
  int rows = area->rows - (notice != NULL && is_below(running, area->columns));
  for (int row = 0; row < rows && lines[row] != NULL; row++) {
    bool cut = row == rows - 1 && lines[row + 1] != NULL;
    g_autofree char *line = g_strconcat(lines[row], cut ? "…" : "", NULL);
    area_text(area, row, 0, status->bad ? STYLE_BAD : STYLE_NORMAL, line);
    if (lines[row + 1] == NULL)
      break;
  }
  if (running != NULL)
    area_right(area, area->rows - 1, STYLE_NOTICE, running);
}

/* Draws "KEY word" if it fits; the column behind it, or -1. */
static int
draw_hint(const struct keymap *keymap, const struct command_group *const *groups,
          const struct area *line, int column, const struct command *command)
{
  g_autofree char *keys = keymap_keys(keymap, groups, command, 1);
  if (keys == NULL)
    return column;
  int width = text_width(keys, -1) + 1 + text_width(_(command->hint), -1);
  if (column + width > line->columns)
    return -1;
  column = area_text(line, 0, column, STYLE_KEY, keys);
  return area_text(line, 0, column + 1, STYLE_DIM, _(command->hint)) + 2;
}

void
status_draw_hints(const struct keymap *keymap, struct view *view, const struct area *line)
{
  const struct command_group *const *groups = view->kind->groups;
  int column = 0;
  const struct command *help = command_find(groups, "help");
  area_fill(line, 0, STYLE_DIM, "");
  /* The key that shows all keys is never the one that finds no room. */
  if (help != NULL)
    column = draw_hint(keymap, groups, line, column, help);
  for (const struct command_group *const *group = groups; *group != NULL; group++)
    for (size_t i = 0; i < (*group)->n && column >= 0; i++) {
      const struct command *row = &(*group)->rows[i];
      if (row->hint != NULL && row != help &&
          (view->kind->hinted == NULL || view->kind->hinted(view, row)))
        column = draw_hint(keymap, groups, line, column, row);
    }
}
