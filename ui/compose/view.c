#include "ui/compose/compose.h"

#include <string.h>

#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"

#define LABEL_COLUMNS 9
#define KEY_DIGITS 16

static unsigned
style_of(const struct seal_plan *plan)
{
  return plan->encrypt ? STYLE_SEALED : plan->sign ? STYLE_SIGNED : STYLE_POSTCARD;
}

static const char *
words_of(const struct seal_plan *plan)
{
  if (plan->encrypt && plan->sign)
    return _("SEALED AND SIGNED: only the recipients can read it");
  if (plan->encrypt)
    return _("SEALED: only the recipients can read it");
  if (plan->sign)
    return _("SIGNED, but a POSTCARD: readable on the way");
  return _("POSTCARD: readable on the way");
}

static void
draw_indicator(const struct compose_view *compose, const struct area *line)
{
  const struct sealing *sealing = compose->sealing;
  if (sealing == NULL) {
    area_field(line, 0, 0, -1, STYLE_DIM, _(" finding out who it can be sealed to…"));
    return;
  }
  if (sealing->error != NULL) {
    g_autofree char *text = g_strdup_printf(_(" CANNOT BE SENT: %s"), sealing->error->message);
    area_field(line, 0, 0, -1, STYLE_BROKEN, text);
    return;
  }
  const char *why = sealing->plan.why_not;
  g_autofree char *text = g_strdup_printf(" %s%s%s%s", words_of(&sealing->plan),
                                          why != NULL ? " (" : "", why != NULL ? why : "",
                                          why != NULL ? ")" : "");
  area_field(line, 0, 0, -1, style_of(&sealing->plan), text);
}

static int
draw_fields(const struct compose_view *compose, const struct area *area, int row, bool focused)
{
  for (int field = 0; field < FIELD_COUNT; field++, row++) {
    unsigned cursor = focused && compose->cursor == field ? STYLE_CURSOR : 0;
    g_autofree char *text = compose_field_text(compose, field);
    g_autofree char *clean = sanitize_line(text, -1);
    g_autofree char *label = g_strdup_printf("%s:", compose_label(field));
    area_field(area, row, 1, LABEL_COLUMNS, STYLE_LABEL | cursor, label);
    area_field(area, row, 1 + LABEL_COLUMNS, -1, STYLE_NORMAL | cursor, clean);
  }
  return row;
}

static char *
key_text(const struct seal_recipient *recipient)
{
  const char *key = recipient->key != NULL ? recipient->key : "";
  size_t length = strlen(key);
  return g_strdup_printf("%s %s", length > KEY_DIGITS ? key + length - KEY_DIGITS : key,
                         recipient->user_id != NULL ? recipient->user_id : "");
}

static void
draw_recipient(const struct compose_view *compose, const struct area *area, int row,
               const struct seal_recipient *recipient)
{
  bool sealed = compose->sealing->plan.encrypt && recipient->can_seal;
  int name_columns = MIN(area->columns / 3, 40);
  g_autofree char *key = recipient->can_seal ? key_text(recipient) : NULL;
  g_autofree char *reason =
      key != NULL && sealed ? g_strdup_printf(_("key %s"), key)
      : key != NULL         ? g_strdup_printf(_("could be sealed: key %s"), key)
      : recipient->why != NULL ? g_strdup(recipient->why)
                            : g_strdup(_("no key"));
  area_field(area, row, 3, name_columns, STYLE_NORMAL, recipient->spec);
  area_field(area, row, 4 + name_columns, 9, sealed ? STYLE_GOOD : STYLE_NOTICE,
             sealed ? _("sealed") : _("postcard"));
  area_field(area, row, 14 + name_columns, -1, STYLE_DIM, reason);
}

static int
draw_recipients(const struct compose_view *compose, const struct area *area, int row)
{
  const GPtrArray *all = compose->sealing != NULL ? compose->sealing->recipients : NULL;
  int room = MAX(area->rows / 3, 1), n = all != NULL ? (int)all->len : 0;
  for (int i = 0; i < MIN(n, room); i++, row++) {
    if (i == room - 1 && n > room) {
      g_autofree char *more = g_strdup_printf(_("and %d more"), n - i);
      area_field(area, row, 3, -1, STYLE_DIM, more);
    } else {
      draw_recipient(compose, area, row, g_ptr_array_index(all, i));
    }
  }
  return row;
}

static int
draw_attachments(const struct compose_view *compose, const struct area *area, int row,
                 bool focused)
{
  const GPtrArray *all = compose->draft->attachments;
  for (guint i = 0; i < all->len && row < area->rows - 2; i++, row++) {
    const struct draft_attachment *attachment = g_ptr_array_index(all, i);
    unsigned cursor = focused && compose_attachment(compose) == (int)i ? STYLE_CURSOR : 0;
    g_autofree char *name = sanitize_line(attachment->name, -1);
    g_autofree char *size = g_format_size(g_bytes_get_size(attachment->bytes));
    g_autofree char *text = g_strdup_printf("%s  %s, %s", name, attachment->type, size);
    area_field(area, row, 1, LABEL_COLUMNS, STYLE_LABEL | cursor, _("Attached:"));
    area_field(area, row, 1 + LABEL_COLUMNS, -1, STYLE_NORMAL | cursor, text);
  }
  return row;
}

static void
draw_body(struct compose_view *compose, const struct area *area)
{
  g_autofree char *clean =
      sanitize_text(compose->draft->body != NULL ? compose->draft->body : "", -1);
  g_auto(GStrv) lines = g_strsplit(clean, "\n", -1);
  int n = (int)g_strv_length(lines);
  compose->height = area->rows;
  compose->body_rows = n;
  compose->top = CLAMP(compose->top, 0, MAX(n - area->rows, 0));
  for (int row = 0; row < area->rows && compose->top + row < n; row++) {
    const char *line = lines[compose->top + row];
    area_field(area, row, 1, -1, *line == '>' ? STYLE_QUOTE1 : STYLE_NORMAL, line);
  }
}

static void
draw(struct view *view, const struct area *area, bool focused)
{
  struct compose_view *compose = (struct compose_view *)view;
  draw_indicator(compose, area);
  int row = draw_fields(compose, area, 1, focused);
  row = draw_recipients(compose, area, row);
  row = draw_attachments(compose, area, row, focused);
  struct area rule = area_part(area, row, 0, 1, -1);
  area_fill(&rule, 0, STYLE_DIM, "─");
  struct area body = area_part(area, row + 1, 0, -1, -1);
  draw_body(compose, &body);
}

static char *
heading(struct view *view)
{
  const struct compose_view *compose = (const struct compose_view *)view;
  const char *account = compose->draft->account;
  if (compose->busy)
    return g_strdup(_("Letter: on its way to the outbox"));
  return g_strdup_printf(_("Letter by account %s"), account != NULL ? account : "");
}

static const struct command_group *const groups[] = {&compose_group, &any_group, NULL};

const struct view_class compose_class = {
    .name = "compose",
    .groups = groups,
    .draw = draw,
    .heading = heading,
    .free = compose_close,
    .may_close = compose_may_close,
};
