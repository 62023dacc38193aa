#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/draft-private.h"
#include "message/write.h"

/* The form in which people edit a letter: header lines, an empty line, the text.
 * There is no field that attaches a file, since a form may hold what a link or
 * another letter put there. */

static bool
take_list(GPtrArray *list, const char *value, GError **error)
{
  g_autoptr(GPtrArray) some = address_parse_typed(value, error);
  if (some == NULL)
    return false;
  draft_list_add(list, some);
  return true;
}

static bool
take_from(struct draft *draft, const char *value, GError **error)
{
  g_autoptr(GPtrArray) some = address_parse_typed(value, error);
  if (some == NULL)
    return false;
  if (some->len != 1)
    return error_set(error, POSTINO_ERROR_INVALID, _("exactly one address is needed"));
  address_free(draft->from);
  draft->from = address_copy(g_ptr_array_index(some, 0));
  return true;
}

static char **
read_ids(const char *value)
{
  g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
  g_auto(GStrv) words = g_strsplit_set(value, " \t<>,", -1);
  for (char **word = words; *word != NULL; word++)
    if (write_is_id(*word))
      g_ptr_array_add(ids, g_strdup(*word));
  if (ids->len == 0)
    return NULL;
  g_ptr_array_add(ids, NULL);
  g_ptr_array_set_free_func(ids, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&ids), FALSE);
}

static bool
take_to(struct draft *draft, const char *value, GError **error)
{
  return take_list(draft->to, value, error);
}

static bool
take_cc(struct draft *draft, const char *value, GError **error)
{
  return take_list(draft->cc, value, error);
}

static bool
take_bcc(struct draft *draft, const char *value, GError **error)
{
  return take_list(draft->bcc, value, error);
}

static bool
take_reply_to(struct draft *draft, const char *value, GError **error)
{
  return take_list(draft->reply_to, value, error);
}

static bool
take_subject(struct draft *draft, const char *value, GError **error)
{
  g_free(draft->subject);
  draft->subject = g_strstrip(sanitize_line(value, -1));
  return true;
}

static bool
take_in_reply_to(struct draft *draft, const char *value, GError **error)
{
  g_auto(GStrv) ids = read_ids(value);
  g_free(draft->in_reply_to);
  draft->in_reply_to = ids != NULL ? g_strdup(ids[0]) : NULL;
  return true;
}

static bool
take_references(struct draft *draft, const char *value, GError **error)
{
  g_strfreev(draft->references);
  draft->references = read_ids(value);
  return true;
}

struct row {
  const char *name;
  bool (*take)(struct draft *draft, const char *value, GError **error);
};
static const struct row rows[] = {
    {"From", take_from},         {"To", take_to},
    {"Cc", take_cc},             {"Bcc", take_bcc},
    {"Reply-To", take_reply_to}, {"Subject", take_subject},
    {"In-Reply-To", take_in_reply_to}, {"References", take_references},
};

/* One field with its continuation lines joined, from line `number`. */
static bool
take_field(struct draft *draft, const char *field, int number, GError **error)
{
  const char *colon = strchr(field, ':');
  g_autofree char *name =
      g_strstrip(g_strndup(field, colon != NULL ? (gsize)(colon - field) : strlen(field)));
  g_autofree char *shown = sanitize_line(name, -1);
  if (colon == NULL)
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("line %d: “%.40s” is no header field; put an empty line between the "
                       "header and the text"),
                     number, shown);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    if (g_ascii_strcasecmp(rows[i].name, name) != 0)
      continue;
    g_autofree char *value = g_strstrip(g_strdup(colon + 1));
    if (*value == '\0' || rows[i].take(draft, value, error))
      return true;
    g_prefix_error(error, _("line %d: %s: "), number, rows[i].name);
    return false;
  }
  return error_set(error, POSTINO_ERROR_INVALID,
                   _("line %d: “%.40s” cannot be set here; From, To, Cc, Bcc, Reply-To, Subject, "
                     "In-Reply-To and References can"),
                   number, shown);
}

static bool
is_continued(const char *next)
{
  return *next == ' ' || *next == '\t';
}

/* Takes the header lines; *body_out is where the text begins. */
static bool
take_header(struct draft *draft, const char *text, const char **body_out, GError **error)
{
  g_autoptr(GString) field = g_string_new(NULL);
  int number = 1;
  for (const char *at = text; *at != '\0';) {
    int first = number;
    g_string_truncate(field, 0);
    do {
      size_t length = strcspn(at, "\n");
      g_string_append_len(field, at, (gssize)length);
      at += length + (at[length] == '\n');
      number++;
    } while (is_continued(at) && strspn(at, " \t") != strcspn(at, "\n"));
    bool empty = strspn(field->str, " \t") == field->len;
    *body_out = at;
    if (empty)
      return true;
    if (!take_field(draft, field->str, first, error))
      return false;
  }
  return true;
}

static char *
read_text(const char *text, GError **error)
{
  if (!g_utf8_validate(text, -1, NULL)) {
    error_set(error, POSTINO_ERROR_INVALID,
              _("the letter is not UTF-8; save it from the editor as UTF-8"));
    return NULL;
  }
  GString *out = g_string_new(NULL);
  for (const char *at = text; *at != '\0'; at++)
    if (*at != '\r')
      g_string_append_c(out, *at);
    else if (at[1] != '\n')
      g_string_append_c(out, '\n');
  return g_string_free(out, FALSE);
}

struct draft *
draft_parse(const char *text, const struct draft_author *author, GError **error)
{
  g_autofree char *lines = read_text(text, error);
  if (lines == NULL)
    return NULL;
  g_autoptr(draft_t) draft = draft_authored(author);
  const char *body = lines;
  if (!take_header(draft, lines, &body, error))
    return NULL;
  if (draft->subject == NULL)
    draft->subject = g_strdup("");
  draft->body = g_strdup(body);
  return g_steal_pointer(&draft);
}

static void
append_list(GString *out, const char *name, const GPtrArray *list)
{
  g_autofree char *text = address_format_list(list);
  g_string_append_printf(out, "%s: %s\n", name, text);
}

static void
append_ids(GString *out, const char *name, const char *const *ids)
{
  bool any = false;
  for (; ids != NULL && *ids != NULL; ids++) {
    if (!write_is_id(*ids))
      continue;
    g_string_append_printf(out, "%s <%s>", any ? "" : name, *ids);
    any = true;
  }
  if (any)
    g_string_append_c(out, '\n');
}

char *
draft_format(const struct draft *draft)
{
  GString *out = g_string_new(NULL);
  g_autofree char *from = draft->from != NULL ? address_format(draft->from) : g_strdup("");
  g_autofree char *subject = sanitize_line(draft->subject != NULL ? draft->subject : "", -1);
  const char *answered[] = {draft->in_reply_to, NULL};
  g_string_append_printf(out, "From: %s\n", from);
  append_list(out, "To", draft->to);
  append_list(out, "Cc", draft->cc);
  append_list(out, "Bcc", draft->bcc);
  append_list(out, "Reply-To", draft->reply_to);
  g_string_append_printf(out, "Subject: %s\n", subject);
  append_ids(out, "In-Reply-To:", answered);
  append_ids(out, "References:", (const char *const *)draft->references);
  g_string_append_printf(out, "\n%s", draft->body != NULL ? draft->body : "");
  return g_string_free(out, FALSE);
}
