#include <string.h>

#include "base/i18n.h"
#include "base/text.h"
#include "message/draft-private.h"
#include "message/write.h"
#include "message/headers.h"

/* References grow with the thread (RFC 5322, 3.6.4): the first keeps its root,
 * the newest its place. */
#define REFERENCES_SENT 50

/* Longer lines that are answered are wrapped so, with their quote marks; a line that
 * fits a screen stays as its writer broke it. */
#define QUOTE_COLUMNS 72
#define QUOTE_KEPT 80

static const char *const reply_prefixes[] = {"re", "aw", "r", "sv", "vs", "antw", "odp", "rif", NULL};
static const char *const forward_prefixes[] = {"fwd", "fw", "wg", "i", "tr", "rv", "enc", NULL};

/* Behind "Re:", "RE :", "Re[2]:" or "Re：" at `at`; NULL when there is none. */
static const char *
after_prefix(const char *at, const char *const *prefixes)
{
  for (; *prefixes != NULL; prefixes++) {
    size_t length = strlen(*prefixes);
    if (g_ascii_strncasecmp(at, *prefixes, length) != 0)
      continue;
    const char *p = at + length;
    if (*p == '[' || *p == '^' || *p == '(')
      p += 1 + strspn(p + 1, "0123456789])");
    p += strspn(p, " ");
    if (*p == ':')
      return p + 1;
    if (g_str_has_prefix(p, "\xef\xbc\x9a"))
      return p + 3;
  }
  return NULL;
}

const char *
draft_subject_rest(const char *subject, bool forward)
{
  const char *next = subject + strspn(subject, " ");
  do
    subject = next + strspn(next, " ");
  while ((next = after_prefix(subject, forward ? forward_prefixes : reply_prefixes)) != NULL);
  return subject;
}

/* ---- recipients ---- */

static bool
holds(const GPtrArray *list, const char *spec)
{
  for (guint i = 0; i < list->len; i++) {
    const struct address *address = g_ptr_array_index(list, i);
    if (address_same(address->spec, spec))
      return true;
  }
  return false;
}

/* Adds those of `from` that can be written to, once each, without those of
 * `beside` and, when `author` is given, without oneself. */
static void
add_others(GPtrArray *list, const GPtrArray *from, const GPtrArray *beside,
           const struct draft_author *author)
{
  for (guint i = 0; from != NULL && i < from->len; i++) {
    const struct address *address = g_ptr_array_index(from, i);
    if (!address_is_valid_spec(address->spec) || holds(list, address->spec) ||
        (beside != NULL && holds(beside, address->spec)) ||
        (author != NULL && draft_is_own(author, address->spec)))
      continue;
    g_ptr_array_add(list, address_copy(address));
  }
}

static const char *
header_value(const struct rendered *letter, const char *name)
{
  for (guint i = 0; letter->headers != NULL && i < letter->headers->len; i++) {
    const struct rendered_header *header = g_ptr_array_index(letter->headers, i);
    if (g_ascii_strcasecmp(header->name, name) == 0)
      return header->value;
  }
  return NULL;
}

/* Whom the sender asks to answer a discussion to; empty when not said. */
static void
add_followup(GPtrArray *list, const struct rendered *letter, const struct draft_author *author)
{
  const char *value = header_value(letter, "Mail-Followup-To");
  if (value == NULL)
    return;
  g_autoptr(GPtrArray) asked = address_parse_header(value, -1);
  add_others(list, asked, NULL, author);
}

static void
address_sender(struct draft *draft, const struct rendered *letter,
               const struct draft_author *author)
{
  const GPtrArray *asked =
      letter->reply_to != NULL && letter->reply_to->len > 0 ? letter->reply_to : letter->from;
  add_others(draft->to, asked, NULL, author);
  /* One's own letter taken up again goes to those it went to. */
  if (draft->to->len == 0)
    add_others(draft->to, letter->to, NULL, author);
  if (draft->to->len == 0)
    add_others(draft->to, asked, NULL, NULL);
}

static void
address_all(struct draft *draft, const struct rendered *letter, const struct draft_author *author)
{
  add_followup(draft->to, letter, author);
  if (draft->to->len > 0)
    return;
  address_sender(draft, letter, author);
  add_others(draft->cc, letter->to, draft->to, author);
  add_others(draft->cc, letter->cc, draft->to, author);
}

static void
address_list(struct draft *draft, const struct rendered *letter, const struct draft_author *author)
{
  add_followup(draft->to, letter, author);
  if (draft->to->len > 0)
    return;
  if (letter->list_post != NULL && address_is_valid_spec(letter->list_post))
    g_ptr_array_add(draft->to, address_new(NULL, letter->list_post));
  else
    address_all(draft, letter, author);
}

/* Who was written to under another of their own addresses answers from it. */
static void
choose_from(struct draft *draft, const struct rendered *letter, const struct draft_author *author)
{
  const GPtrArray *lists[] = {letter->to, letter->cc};
  const char *found = NULL;
  for (size_t n = 0; n < G_N_ELEMENTS(lists); n++)
    for (guint i = 0; lists[n] != NULL && i < lists[n]->len; i++) {
      const struct address *address = g_ptr_array_index(lists[n], i);
      if (draft->from == NULL || address_same(draft->from->spec, address->spec))
        return;
      for (const char *const *own = author->own; own != NULL && *own != NULL; own++)
        if (found == NULL && address_same(*own, address->spec))
          found = *own;
    }
  if (found == NULL)
    return;
  struct address *from = address_new(draft->from->name, found);
  address_free(draft->from);
  draft->from = from;
}

/* ---- threading ---- */

static void
refer(struct draft *draft, const struct rendered *letter)
{
  if (letter->message_id == NULL || !write_is_id(letter->message_id))
    return;
  draft->in_reply_to = g_strdup(letter->message_id);
  g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
  for (char **id = letter->references; id != NULL && *id != NULL; id++)
    if (write_is_id(*id) && strcmp(*id, letter->message_id) != 0)
      g_ptr_array_add(ids, g_strdup(*id));
  if (ids->len > REFERENCES_SENT - 1)
    g_ptr_array_remove_range(ids, 1, ids->len - (REFERENCES_SENT - 1));
  g_ptr_array_add(ids, g_strdup(letter->message_id));
  g_ptr_array_add(ids, NULL);
  g_ptr_array_set_free_func(ids, NULL);
  draft->references = (char **)g_ptr_array_free(g_steal_pointer(&ids), FALSE);
}

/* ---- text ---- */

/* The date as its sender's clock showed it: the reader's own zone is nobody's
 * business. */
static char *
sent_date(const struct rendered *letter)
{
  const char *value = header_value(letter, "Date");
  int64_t seconds;
  int zone = 0;
  bool stated = value != NULL && headers_parse_date(value, &seconds) &&
                seconds == letter->date && headers_parse_zone(value, &zone);
  g_autoptr(GDateTime) date =
      g_date_time_new_from_unix_utc(letter->date + (stated ? zone : 0));
  return date != NULL ? g_date_time_format(date, "%Y-%m-%d %H:%M") : g_strdup("1970-01-01 00:00");
}

static char *
writer_name(const struct rendered *letter)
{
  const struct address *from =
      letter->from != NULL && letter->from->len > 0 ? g_ptr_array_index(letter->from, 0) : NULL;
  if (from == NULL)
    return g_strdup(_("somebody"));
  return g_strdup(from->name != NULL && *from->name != '\0' ? from->name : from->spec);
}

static const char *
written(const struct rendered_line *line)
{
  if (line->kind == LINE_RULE)
    return "----";
  return line->text != NULL ? line->text : "";
}

static void
append_quoted(GString *out, const struct rendered_line *line)
{
  int depth = CLAMP(line->quote, 0, 20) + 1;
  g_autofree char *marks = g_strnfill((gsize)depth, '>');
  const char *text = written(line);
  if (*text == '\0') {
    g_string_append_printf(out, "%s\n", marks);
    return;
  }
  char *whole[] = {(char *)text, NULL};
  bool keep = line->fixed || text_width(text, -1) + depth + 1 <= QUOTE_KEPT;
  g_auto(GStrv) wrapped = keep ? NULL : text_wrap(text, QUOTE_COLUMNS - depth - 1);
  for (char **piece = wrapped != NULL ? wrapped : whole; *piece != NULL; piece++)
    g_string_append_printf(out, "%s %s\n", marks, *piece);
}

/* What the sender wrote: not the signature, not what postino says of the letter. */
static bool
is_writing(const struct rendered_line *line)
{
  return line->kind != LINE_SIGNATURE && line->kind != LINE_NOTICE;
}

static void
drop_empty_end(GString *out, size_t start)
{
  while (out->len >= start + 2 && g_str_has_suffix(out->str, "\n>\n"))
    g_string_truncate(out, out->len - 2);
}

static void
append_answered(GString *out, const struct rendered *letter)
{
  g_autofree char *date = sent_date(letter), *name = writer_name(letter);
  g_string_append_printf(out, _("On %s, %s wrote:"), date, name);
  g_string_append_c(out, '\n');
  size_t start = out->len;
  for (guint i = 0; letter->lines != NULL && i < letter->lines->len; i++) {
    const struct rendered_line *line = g_ptr_array_index(letter->lines, i);
    if (is_writing(line))
      append_quoted(out, line);
  }
  drop_empty_end(out, start);
}

struct draft *
draft_reply(const struct rendered *letter, enum draft_reply how, const struct draft_author *author)
{
  struct draft *draft = draft_authored(author);
  choose_from(draft, letter, author);
  if (how == DRAFT_REPLY_ALL)
    address_all(draft, letter, author);
  else if (how == DRAFT_REPLY_LIST)
    address_list(draft, letter, author);
  else
    address_sender(draft, letter, author);
  const char *subject = letter->subject != NULL ? letter->subject : "";
  draft->subject = g_strchomp(g_strconcat("Re: ", draft_subject_rest(subject, false), NULL));
  refer(draft, letter);
  draft->answers_sealed =
      letter->envelope == ENVELOPE_PGP_SEALED || letter->envelope == ENVELOPE_SMIME_SEALED ||
      letter->envelope == ENVELOPE_AGE_SEALED;
  GString *body = g_string_new(NULL);
  append_answered(body, letter);
  g_autofree char *signature = draft_signature(author);
  g_string_append_printf(body, "\n%s", signature);
  draft->body = g_string_free(body, FALSE);
  return draft;
}

/* ---- forwarding ---- */

static void
append_header(GString *out, const char *name, const char *value)
{
  if (value != NULL && *value != '\0')
    g_string_append_printf(out, "%s: %s\n", name, value);
}

static void
append_forwarded(GString *out, const struct rendered *letter)
{
  g_autofree char *from = address_format_list(letter->from);
  g_autofree char *to = address_format_list(letter->to);
  g_autofree char *cc = address_format_list(letter->cc);
  g_autofree char *date = sent_date(letter);
  g_string_append_printf(out, "---------- %s ----------\n", _("Forwarded letter"));
  append_header(out, "From", from);
  append_header(out, "Date", date);
  append_header(out, "To", to);
  append_header(out, "Cc", cc);
  append_header(out, "Subject", letter->subject);
  g_string_append_c(out, '\n');
  for (guint i = 0; letter->lines != NULL && i < letter->lines->len; i++) {
    const struct rendered_line *line = g_ptr_array_index(letter->lines, i);
    if (line->kind == LINE_NOTICE)
      continue;
    g_autofree char *marks = g_strnfill((gsize)CLAMP(line->quote, 0, 20), '>');
    g_string_append_printf(out, "%s%s%s\n", marks, *marks != '\0' ? " " : "",
                           written(line));
  }
}

struct draft *
draft_forward(const struct rendered *letter, GBytes *original, const struct draft_author *author)
{
  struct draft *draft = draft_authored(author);
  choose_from(draft, letter, author);
  const char *subject = letter->subject != NULL ? letter->subject : "";
  draft->subject = g_strchomp(g_strconcat("Fwd: ", draft_subject_rest(subject, true), NULL));
  draft->answers_sealed =
      letter->envelope == ENVELOPE_PGP_SEALED || letter->envelope == ENVELOPE_SMIME_SEALED ||
      letter->envelope == ENVELOPE_AGE_SEALED;
  g_autofree char *signature = draft_signature(author);
  GString *body = g_string_new("\n");
  append_forwarded(body, letter);
  g_string_append(body, signature);
  draft->body = g_string_free(body, FALSE);
  if (original != NULL) {
    g_autofree char *name = g_strconcat(subject, ".eml", NULL);
    g_autoptr(blob_t) blob = blob_new(original);
    draft_attach(draft, *subject != '\0' ? name : "letter.eml", "message/rfc822", blob);
  }
  return draft;
}
