#include "ui/queue/queue.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"

#define ADVICE_ROWS 5
/* Columns from which on the reason has some, too. */
#define WIDE 120
#define WEEK (6 * 24 * 60 * 60)

static const struct command_group *const groups[] = {&queue_group, &any_group, NULL};

static const char *
state_words(enum letter_state state)
{
  switch (state) {
  case LETTER_HELD: return _("held");
  case LETTER_QUEUED: return _("waits");
  case LETTER_SENDING: case LETTER_BODY: return _("sending");
  case LETTER_BLOCKED: return _("blocked");
  case LETTER_UNSURE: return _("unsure");
  case LETTER_ACCEPTED: case LETTER_DONE: return _("sent");
  case LETTER_CANCELLED: break;
  }
  return _("cancelled");
}

static char *
recipients_text(const struct ledger_letter *letter)
{
  GString *out = g_string_new(NULL);
  for (guint i = 0; letter->recipients != NULL && i < letter->recipients->len; i++) {
    const struct ledger_recipient *one = g_ptr_array_index(letter->recipients, i);
    g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", one->spec);
  }
  return g_string_free(out, FALSE);
}

/* Why it waits: the letter's own reason, else the first recipient's. */
static const char *
reason_of(const struct ledger_letter *letter)
{
  for (guint i = 0; letter->reason == NULL && letter->recipients != NULL &&
                    i < letter->recipients->len; i++) {
    const struct ledger_recipient *one = g_ptr_array_index(letter->recipients, i);
    if (one->reason != NULL)
      return one->reason;
  }
  return letter->reason != NULL ? letter->reason : "";
}

static char *
next_text(const struct ledger_letter *letter)
{
  int64_t at = letter->state == LETTER_HELD ? letter->not_before : letter->next_try;
  if (at == LEDGER_NEVER)
    return g_strdup(_("no time"));
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  g_autoptr(GDateTime) then = at > 0 ? clock_local(at) : NULL, today = clock_local(now);
  if (then == NULL || today == NULL)
    return g_strdup("");
  bool same = at - now < WEEK &&
              g_date_time_get_day_of_year(then) == g_date_time_get_day_of_year(today);
  return g_date_time_format(then, same ? "%H:%M:%S" : at - now < WEEK ? "%a %H:%M" : "%e %b");
}

static void
draw_letter(const struct area *area, int row, const struct ledger_letter *letter,
            const char *subject, bool cursor)
{
  unsigned style = cursor ? STYLE_CURSOR : 0;
  bool bad = letter->state == LETTER_BLOCKED || letter->state == LETTER_UNSURE;
  int parts = area->columns >= WIDE ? 3 : 2;
  int columns = MAX((area->columns - 32) / parts, 10);
  g_autofree char *to = recipients_text(letter);
  g_autofree char *next = next_text(letter);
  area_fill(area, row, STYLE_NORMAL | style, "");
  area_field(area, row, 1, 9, STYLE_NORMAL | style, letter->id);
  area_field(area, row, 11, 10, (bad ? STYLE_BAD : STYLE_NORMAL) | style,
             state_words(letter->state));
  area_field(area, row, 22, 9, STYLE_NORMAL | style, next);
  area_field(area, row, 32, columns - 1, STYLE_NORMAL | style, to);
  area_field(area, row, 32 + columns, parts == 2 ? -1 : columns - 1, STYLE_NORMAL | style, subject);
  if (parts == 3)
    area_field(area, row, 32 + 2 * columns, -1, STYLE_NORMAL | style, reason_of(letter));
}

/* ---- what happens to the letter under the cursor, and what can be done ---- */

static char *
advice_on(const struct queue_view *queue, const struct ledger_letter *letter)
{
  const struct keymap *keymap = queue->view.ui->keymap;
  g_autofree char *retry = keymap_key_word(keymap, groups, "retry");
  g_autofree char *cancel = keymap_key_word(keymap, groups, "cancel-letter");
  g_autofree char *hour = keymap_key_word(keymap, groups, "send-at");
  g_autofree char *at = next_text(letter), *leaves = hour_words(letter->not_before);
  switch (letter->state) {
  case LETTER_HELD:
    return g_strdup_printf(_("Held; it leaves: %s. %s sends it now, %s sets another time, %s takes "
                             "it back to the drafts."),
                           leaves, retry, hour, cancel);
  case LETTER_QUEUED:
    return g_strdup_printf(_("Tried %u times; the next try is at %s. %s tries it now, %s takes it "
                             "back to the drafts."),
                           letter->attempts, at, retry, cancel);
  case LETTER_BLOCKED:
    return g_strdup_printf(_("Not tried again by itself. When the reason is mended %s tries it; "
                             "%s takes it back to the drafts."),
                           retry, cancel);
  case LETTER_UNSURE:
    return g_strdup_printf(_("It may have been sent: the server's answer was lost. %s sends it "
                             "again, and it may arrive twice; %s takes it back to the drafts."),
                           retry, cancel);
  default: return g_strdup(_("It is on its way."));
  }
}

static int
draw_advice(const struct queue_view *queue, const struct area *area)
{
  const struct ledger_letter *letter = queue_letter(queue, queue->list.cursor);
  if (letter == NULL || area->rows < 3 * ADVICE_ROWS)
    return 0;
  g_autofree char *advice = advice_on(queue, letter);
  g_autofree char *reason = sanitize_line(reason_of(letter), -1);
  g_autofree char *both = *reason != '\0' ? g_strdup_printf("%s — %s", reason, advice)
                                          : g_strdup(advice);
  g_auto(GStrv) lines = text_wrap(both, MAX(area->columns - 2, 8));
  int n = MIN((int)g_strv_length(lines), ADVICE_ROWS);
  struct area rule = area_part(area, area->rows - n - 1, 0, 1, -1);
  area_fill(&rule, 0, STYLE_DIM, "─");
  for (int i = 0; i < n; i++)
    area_field(area, area->rows - n + i, 1, -1, STYLE_NOTICE, lines[i]);
  return n + 1;
}

static void
draw(struct view *view, const struct area *whole, bool focused)
{
  struct queue_view *queue = (struct queue_view *)view;
  struct area list = area_part(whole, 0, 0, whole->rows - draw_advice(queue, whole), -1);
  const struct area *area = &list;
  list_show(&queue->list, area->rows);
  for (int row = 0; row < area->rows; row++) {
    int i = queue->list.top + row;
    const struct ledger_letter *letter = queue_letter(queue, i);
    if (letter != NULL)
      draw_letter(area, row, letter, queue_subject(queue, i), i == queue->list.cursor);
  }
  if (queue->rows == NULL)
    area_field(area, 0, 1, -1, STYLE_DIM, _("reading…"));
  else if (queue->rows->len == 0)
    area_field(area, 0, 1, -1, STYLE_DIM, _("Nothing waits to be sent."));
}

static char *
heading(struct view *view)
{
  const struct queue_view *queue = (const struct queue_view *)view;
  guint n = queue->rows != NULL ? queue->rows->len : 0;
  return g_strdup_printf(ngettext("Outbox: %u letter", "Outbox: %u letters", n), n);
}

static void
changed(struct view *view)
{
  queue_load((struct queue_view *)view);
}

static void
close_view(struct view *view)
{
  struct queue_view *queue = (struct queue_view *)view;
  if (queue->rows != NULL)
    g_ptr_array_unref(queue->rows);
  g_strfreev(queue->subjects);
  g_free(queue);
}

const struct view_class queue_class = {
    .name = "queue",
    .groups = groups,
    .draw = draw,
    .heading = heading,
    .changed = changed,
    .free = close_view,
};

struct view *
queue_view_new(struct ui *ui)
{
  struct queue_view *queue = g_new0(struct queue_view, 1);
  queue->view = (struct view){&queue_class, ui};
  queue_load(queue);
  return &queue->view;
}
