#include "ui/compose/compose.h"

#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"

#define LABEL_COLUMNS 10
#define STATE_COLUMNS 9
#define KEY_DIGITS 16
#define REASON_ROWS 3
#define BODY_ROWS 4         /* left to it, however many recipients there are */

/* ---- the indicator: in words, and in colour where there is one ---- */

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
  const char *words = sealing == NULL && compose->asked == 0
                          ? _("IT COULD NOT BE FOUND OUT WHO IT CAN BE SEALED TO")
                      : sealing == NULL        ? _("finding out who it can be sealed to…")
                      : sealing->error != NULL ? _("CANNOT BE SENT AS IT STANDS")
                                               : words_of(&sealing->plan);
  unsigned style = sealing == NULL && compose->asked != 0 ? STYLE_DIM
                   : sealing == NULL || sealing->error != NULL ? STYLE_BROKEN
                                                               : style_of(&sealing->plan);
  g_autofree char *text = g_strdup_printf(" %s", words);
  area_field(line, 0, 0, -1, style, text);
}

/* Is this reason one that stands beside a recipient? */
static bool
is_said_below(const struct sealing *sealing, const char *why)
{
  for (guint i = 0; i < sealing->recipients->len; i++) {
    const struct seal_recipient *recipient = g_ptr_array_index(sealing->recipients, i);
    if (recipient->why != NULL && strstr(why, recipient->why) != NULL)
      return true;
  }
  return false;
}

static int
draw_reason(const struct compose_view *compose, const struct area *area, int row)
{
  const struct sealing *sealing = compose->sealing;
  if (sealing == NULL)
    return row;
  if (sealing->error != NULL)
    return area_wrapped(area, row, 1, REASON_ROWS, STYLE_BAD,
                        sealing->recipients != NULL &&
                                is_said_below(sealing, sealing->error->message)
                            ? _("It is to be sealed, and not everybody can be sealed to:")
                            : sealing->error->message);
  const char *why = sealing->plan.why_not;
  return why != NULL && !is_said_below(sealing, why)
             ? area_wrapped(area, row, 1, REASON_ROWS, STYLE_NOTICE, why)
             : row;
}

/* Nobody should come to that without having seen it. */
static int
draw_answers(const struct compose_view *compose, const struct area *area, int row)
{
  const struct sealing *sealing = compose->sealing;
  if (sealing == NULL || sealing->error != NULL || sealing->plan.encrypt ||
      !compose->draft->answers_sealed)
    return row;
  area_field(area, row, 1, -1, STYLE_BAD,
             _("The letter that it answers was sealed; this one would not be."));
  return row + 1;
}

/* What the key does next for the first recipient that cannot be sealed to. */
static int
draw_mend(const struct compose_view *compose, const struct area *area, int row)
{
  const struct seal_recipient *lacks = compose_keyless(compose);
  const struct conf_account *account = compose_account(compose);
  enum draft_wish wish = compose->draft->encrypt;
  bool wanted = wish == DRAFT_YES || (wish == DRAFT_BY_POLICY && account != NULL &&
                                      account->encrypt != CONF_NEVER);
  if (lacks == NULL || !wanted)
    return row;
  g_autofree char *key =
      keymap_key_word(compose->view.ui->keymap, compose_class.groups, "find-keys");
  bool doubted = lacks->untrusted && lacks->key != NULL;
  g_autofree char *text = g_strdup_printf(
      doubted ? _("%s asks you whether the key is %s's.") : _("%s looks for a key of %s."), key,
      lacks->spec);
  area_field(area, row, 1, -1, STYLE_NOTICE, text);
  return row + 1;
}

/* ---- the fields ---- */

static void
draw_field(const struct area *area, int row, unsigned cursor, const char *label, const char *text)
{
  g_autofree char *clean = sanitize_line(text, -1);
  g_autofree char *name = g_strdup_printf("%s:", label);
  area_field(area, row, 1, LABEL_COLUMNS, STYLE_LABEL | cursor, name);
  area_field(area, row, 1 + LABEL_COLUMNS, -1, STYLE_NORMAL | cursor, clean);
}

static int
draw_fields(const struct compose_view *compose, const struct area *area, int row, bool focused)
{
  const struct draft *draft = compose->draft;
  for (int field = 0; field < FIELD_COUNT; field++, row++) {
    unsigned cursor = focused && compose->cursor == field ? STYLE_CURSOR : 0;
    g_autofree char *text = compose_field_text(compose, field);
    draw_field(area, row, cursor, compose_label(field), text);
  }
  if (draft->reply_to != NULL && draft->reply_to->len > 0) {
    g_autofree char *text = address_format_list(draft->reply_to);
    draw_field(area, row++, 0, _("Reply-To"), text);
  }
  /* An answer that was not begun here: its writer sees what it will be joined to. */
  if (draft->in_reply_to != NULL && draft->answers == NULL)
    draw_field(area, row++, 0, _("Answers"), draft->in_reply_to);
  if (draft->ask_receipt)
    draw_field(area, row++, 0, _("Receipt"), _("the recipients are asked for one"));
  if (draft->not_before > g_get_real_time() / G_USEC_PER_SEC) {
    g_autofree char *text = hour_words(draft->not_before);
    draw_field(area, row++, 0, _("Leaves"), text);
  }
  return row;
}

/* ---- the recipients ---- */

/* Whose key it is, without the address when it is the one that stands beside it. */
static char *
owner_of(const struct seal_recipient *recipient)
{
  const char *id = recipient->user_id != NULL ? recipient->user_id : "";
  const char *open = strrchr(id, '<');
  g_autofree char *spec = open != NULL ? g_strndup(open + 1, strcspn(open + 1, ">")) : NULL;
  bool same = spec != NULL && open > id && address_same(spec, recipient->spec);
  return same ? g_strchomp(g_strndup(id, (gsize)(open - id))) : g_strdup(id);
}

static char *
since_text(const struct seal_recipient *recipient)
{
  g_autoptr(GDateTime) date = recipient->known != 0 ? clock_local(recipient->known) : NULL;
  return date != NULL ? g_date_time_format(date, _(", known since %Y-%m-%d")) : g_strdup("");
}

static char *
key_text(const struct seal_recipient *recipient)
{
  const char *key = recipient->key != NULL ? recipient->key : "";
  size_t length = strlen(key);
  g_autofree char *owner = owner_of(recipient);
  g_autofree char *since = since_text(recipient);
  return g_strdup_printf("%s %s%s", length > KEY_DIGITS ? key + length - KEY_DIGITS : key, owner,
                         since);
}

static char *
reason_text(const struct seal_recipient *recipient, bool sealed)
{
  if (recipient == NULL)
    return g_strdup("…");
  /* The fingerprints stand in the question that the key asks. */
  if (recipient->changed)
    return g_strdup_printf(_("the key of %s has changed; compare the new one with its owner"),
                           recipient->spec);
  if (!recipient->can_seal)
    return g_strdup(recipient->why != NULL ? recipient->why : _("no key"));
  g_autofree char *key = key_text(recipient);
  return g_strdup_printf(sealed ? _("key %s") : _("could be sealed: key %s"), key);
}

static int
draw_recipient(const struct compose_view *compose, const struct area *area, int row, int rows,
               const char *spec)
{
  const struct seal_recipient *recipient = compose_recipient(compose, spec);
  bool sealed = recipient != NULL && compose->sealing->error == NULL &&
                compose->sealing->plan.encrypt && recipient->can_seal;
  int name_columns = MIN(area->columns / 3, 40);
  g_autofree char *reason = reason_text(recipient, sealed);
  g_autofree char *clean = sanitize_line(spec, -1);
  area_field(area, row, 3, name_columns, STYLE_NORMAL, clean);
  if (recipient != NULL)
    area_field(area, row, 4 + name_columns, STATE_COLUMNS, sealed ? STYLE_GOOD : STYLE_NOTICE,
               sealed                     ? _("sealed")
               : compose->sealing->error == NULL ? _("postcard")
               : recipient->can_seal      ? _("has key")
                                          : _("no seal"));
  return area_wrapped(area, row, 5 + name_columns + STATE_COLUMNS, rows, STYLE_DIM, reason);
}

static GPtrArray *
all_specs(const struct compose_view *compose)
{
  GPtrArray *specs = g_ptr_array_new();
  for (int field = FIELD_TO; field <= FIELD_BCC; field++) {
    const GPtrArray *list = compose_addresses(compose, field);
    for (guint i = 0; list != NULL && i < list->len; i++)
      g_ptr_array_add(specs, ((const struct address *)g_ptr_array_index(list, i))->spec);
  }
  return specs;
}

static int
draw_recipients(const struct compose_view *compose, const struct area *area, int row, int end)
{
  g_autoptr(GPtrArray) specs = all_specs(compose);
  int n = (int)specs->len;
  for (int i = 0; i < n && row < end; i++) {
    int spare = end - row - (n - i - 1); /* after a row for each of the others */
    if (row == end - 1 && i < n - 1) {
      g_autofree char *more = g_strdup_printf(_("and %d more"), n - i);
      area_field(area, row++, 3, -1, STYLE_DIM, more);
      break;
    }
    row = draw_recipient(compose, area, row, CLAMP(spare, 1, REASON_ROWS),
                         g_ptr_array_index(specs, (guint)i));
  }
  return row;
}

/* ---- attachments and text ---- */

static int
draw_attachments(const struct compose_view *compose, const struct area *area, int row, int end,
                 bool focused)
{
  const GPtrArray *all = compose->draft->attachments;
  int n = (int)all->len, room = MAX(end - row, 1);
  int first = CLAMP(compose_attachment(compose) - room + 1, 0, MAX(n - room, 0));
  for (int i = first; i < n && i < first + room; i++, row++) {
    const struct draft_attachment *attachment = g_ptr_array_index(all, (guint)i);
    unsigned cursor = focused && compose_attachment(compose) == i ? STYLE_CURSOR : 0;
    g_autofree char *size = g_format_size(blob_size(attachment->blob));
    g_autofree char *text = g_strdup_printf("%s  %s, %s", attachment->name, attachment->type, size);
    draw_field(area, row, cursor, _("Attached"), text);
  }
  return row;
}

/* The lines of the text as they fit; they are not broken so in the letter. */
static GPtrArray *
lines_of(const struct compose_view *compose, int columns)
{
  GPtrArray *out = g_ptr_array_new_with_free_func(g_free);
  const char *body = compose->draft->body != NULL ? compose->draft->body : "";
  g_autofree char *clean = sanitize_text(body, -1);
  g_auto(GStrv) paragraphs = g_strsplit(g_strchomp(clean), "\n", -1);
  for (char **at = paragraphs; *at != NULL; at++) {
    g_auto(GStrv) lines = text_wrap(*at, MAX(columns, 8));
    for (char **line = lines; *line != NULL; line++)
      g_ptr_array_add(out, g_strdup(*line));
  }
  return out;
}

static void
draw_no_text(const struct compose_view *compose, const struct area *area)
{
  g_autofree char *key =
      keymap_key_word(compose->view.ui->keymap, compose_class.groups, "edit");
  g_autofree char *text = g_strdup_printf(_("No text yet; %s opens your editor."), key);
  area_field(area, 0, 1, -1, STYLE_DIM, text);
}

static void
draw_body(struct compose_view *compose, const struct area *area)
{
  int columns = area->columns - 2;
  if (compose->lines == NULL || compose->lines_columns != columns) {
    g_clear_pointer(&compose->lines, g_ptr_array_unref);
    compose->lines = lines_of(compose, columns);
    compose->lines_columns = columns;
  }
  int n = (int)compose->lines->len;
  compose->height = area->rows;
  compose->top = CLAMP(compose->top, 0, MAX(n - area->rows, 0));
  if (n == 0)
    draw_no_text(compose, area);
  for (int row = 0; row < area->rows && compose->top + row < n; row++) {
    const char *line = g_ptr_array_index(compose->lines, (guint)(compose->top + row));
    area_field(area, row, 1, -1, *line == '>' ? STYLE_QUOTE1 : STYLE_NORMAL, line);
  }
}

static void
draw_rule(const struct compose_view *compose, const struct area *area, int row)
{
  struct area rule = area_part(area, row, 0, 1, -1);
  area_fill(&rule, 0, STYLE_DIM, "─");
  int n = (int)compose->lines->len, seen = MIN(compose->top + compose->height, n);
  if (n <= compose->height)
    return;
  g_autofree char *more = g_strdup_printf(_(" %d of %d lines "), seen, n);
  area_right(&rule, 0, STYLE_DIM, more);
}

static void
draw(struct view *view, const struct area *area, bool focused)
{
  struct compose_view *compose = (struct compose_view *)view;
  draw_indicator(compose, area);
  int row = draw_answers(compose, area, 1);
  row = draw_reason(compose, area, row);
  row = draw_mend(compose, area, row);
  row = draw_fields(compose, area, row, focused);
  int last = MAX(area->rows - 1 - BODY_ROWS, row + 1);
  int attached = MIN((int)compose->draft->attachments->len, MAX((last - row) / 2, 1));
  row = draw_recipients(compose, area, row, MAX(last - attached, row + 1));
  row = draw_attachments(compose, area, row, last, focused);
  struct area body = area_part(area, row + 1, 0, -1, -1);
  draw_body(compose, &body);
  draw_rule(compose, area, row);
}

static char *
heading(struct view *view)
{
  const struct compose_view *compose = (const struct compose_view *)view;
  const char *account = compose->draft->account;
  if (compose->busy)
    return g_strdup(_("Letter: on its way"));
  return g_strdup_printf(compose->changed ? _("Letter by account %s, not kept yet")
                                          : _("Letter by account %s"),
                         account != NULL ? account : "");
}

static bool
hinted(struct view *view, const struct command *command)
{
  const struct compose_view *compose = (const struct compose_view *)view;
  if (compose->busy)
    return command_find((const struct command_group *const[]){&any_group, NULL}, command->name) ==
           command;
  if (strcmp(command->name, "detach") == 0)
    return compose_attachment(compose) >= 0;
  if (strcmp(command->name, "find-keys") == 0)
    return compose_keyless(compose) != NULL ||
           (compose->sealing != NULL && compose->sealing->plan.lacks_own);
  if (strcmp(command->name, "send") == 0)
    return compose_has_recipient(compose->draft);
  return true;
}

static const struct command_group *const groups[] = {&compose_group, &any_group, NULL};

const struct view_class compose_class = {
    .name = "compose",
    .groups = groups,
    .draw = draw,
    .heading = heading,
    .free = compose_close,
    .may_close = compose_may_close,
    .hinted = hinted,
    .rescue = compose_rescue,
};
