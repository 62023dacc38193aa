#include "message/report-private.h"

#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "message/address.h"
#include "message/render-private.h"

#define LONGEST_REASON 1000
/* The human part of a report that is read. */
#define HUMAN_BYTES LIMIT_KIB(256)

static void
free_recipient(gpointer data)
{
  struct report_recipient *recipient = data;
  g_free(recipient->spec);
  g_free(recipient->status);
  g_free(recipient->reason);
  g_free(recipient);
}

struct report *
report_new(void)
{
  struct report *report = g_new0(struct report, 1);
  report->recipients = g_ptr_array_new_with_free_func(free_recipient);
  return report;
}

void
report_free(struct report *report)
{
  if (report == NULL)
    return;
  g_free(report->message_id);
  g_free(report->envelope_id);
  g_ptr_array_unref(report->recipients);
  g_free(report);
}

struct report_recipient *
report_add(struct report *report, const char *spec, enum report_action action)
{
  if (report->recipients->len >= LIMIT_ADDRESSES)
    return NULL;
  struct report_recipient *recipient = g_new0(struct report_recipient, 1);
  g_autofree char *clean = sanitize_line(spec, -1);
  recipient->spec = g_strdup(g_strstrip(clean));
  recipient->action = action;
  recipient->reason = g_strdup("");
  g_ptr_array_add(report->recipients, recipient);
  return recipient;
}

/* RFC 3463, 2: class "." subject "." detail. */
static size_t
status_length(const char *at)
{
  size_t n = 2;
  if ((at[0] != '2' && at[0] != '4' && at[0] != '5') || at[1] != '.')
    return 0;
  size_t subject = strspn(at + n, "0123456789");
  if (subject < 1 || subject > 3 || at[n + subject] != '.')
    return 0;
  n += subject + 1;
  size_t detail = strspn(at + n, "0123456789");
  return detail < 1 || detail > 3 || at[n + detail] == '.' ? 0 : n + detail;
}

char *
report_find_status(const char *text)
{
  for (const char *at = text; *at != '\0'; at++) {
    bool begins = at == text || !(g_ascii_isalnum(at[-1]) || at[-1] == '.');
    size_t length = begins ? status_length(at) : 0;
    if (length > 0)
      return g_strndup(at, length);
  }
  return NULL;
}

/* What stands behind the type and ';' of a field's value (RFC 3464, 2.1.2). */
static char *
typed_value(const char *value)
{
  if (value == NULL)
    return NULL;
  const char *semicolon = strchr(value, ';');
  g_autofree char *clean = sanitize_line(semicolon != NULL ? semicolon + 1 : value, -1);
  g_strstrip(clean);
  return *clean != '\0' ? g_steal_pointer(&clean) : NULL;
}

static char *
cut_reason(char *reason)
{
  if (strlen(reason) <= LONGEST_REASON)
    return reason;
  const char *end = g_utf8_find_prev_char(reason, reason + LONGEST_REASON);
  reason[end != NULL ? end - reason : 0] = '\0';
  return reason;
}

static enum report_action
read_action(const char *value, const char *status)
{
  static const char *const names[] = {"failed", "delayed", "delivered", "relayed", "expanded"};
  for (size_t i = 0; value != NULL && i < G_N_ELEMENTS(names); i++)
    if (g_ascii_strncasecmp(value, names[i], strlen(names[i])) == 0)
      return (enum report_action)i;
  if (status != NULL && *status != '5')
    return *status == '4' ? REPORT_DELAYED : REPORT_DELIVERED;
  return REPORT_FAILED;
}

/* The original recipient is the one that the sender knows. */
static char *
recipient_of(const struct headers *fields)
{
  char *original = typed_value(headers_get(fields, "Original-Recipient"));
  return original != NULL ? original : typed_value(headers_get(fields, "Final-Recipient"));
}

static void
read_group(struct report *report, const struct headers *fields)
{
  if (report->envelope_id == NULL && headers_get(fields, "Original-Envelope-Id") != NULL)
    report->envelope_id = headers_text(fields, "Original-Envelope-Id");
  g_autofree char *spec = recipient_of(fields);
  if (spec == NULL)
    return;
  const char *status = headers_get(fields, "Status");
  g_autofree char *code = status != NULL ? report_find_status(status) : NULL;
  struct report_recipient *recipient =
      report_add(report, spec, read_action(headers_get(fields, "Action"), code));
  if (recipient == NULL)
    return;
  recipient->status = g_steal_pointer(&code);
  char *reason = typed_value(headers_get(fields, "Diagnostic-Code"));
  if (reason != NULL) {
    g_free(recipient->reason);
    recipient->reason = cut_reason(reason);
  }
}

/* Past the lines that begin no group: empty ones, and what is no field. */
static const char *
skip_to_field(const char *at, const char *end)
{
  while (at < end) {
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    const char *stop = lf != NULL ? lf : end;
    if (g_ascii_isalpha(*at) && memchr(at, ':', (size_t)(stop - at)) != NULL)
      return at;
    at = lf != NULL ? lf + 1 : end;
  }
  return end;
}

void
report_read_status(struct report *report, const char *text, size_t length)
{
  const char *at = text, *end = text + length;
  while ((at = skip_to_field(at, end)) < end && report->recipients->len < LIMIT_ADDRESSES) {
    g_autoptr(headers_t) fields = headers_parse(at, (size_t)(end - at));
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    at = headers_body(fields) > 0 ? at + headers_body(fields) : lf != NULL ? lf + 1 : end;
    read_group(report, fields);
  }
}

static bool
is_status(const struct mime_part *part)
{
  return strcmp(part->media, "message/delivery-status") == 0 ||
         strcmp(part->media, "message/global-delivery-status") == 0;
}

/* ---- receipts ---- */

bool
report_is_receipt(const struct mime_part *part)
{
  return strcmp(part->media, "message/disposition-notification") == 0 ||
         strcmp(part->media, "message/global-disposition-notification") == 0;
}

/* "mode; type/modifiers" (RFC 8098, 3.2.6): what was not shown says nothing of whether
 * it will be. */
static bool
read_disposition(const char *value, enum report_action *action_out)
{
  g_autofree char *type = typed_value(value);
  size_t length = type != NULL ? strcspn(type, "/, ") : 0;
  bool deleted = length == 7 && g_ascii_strncasecmp(type, "deleted", 7) == 0;
  *action_out = deleted ? REPORT_DELETED : REPORT_DISPLAYED;
  return deleted || (length == 9 && g_ascii_strncasecmp(type, "displayed", 9) == 0);
}

static struct report *
read_receipt(const struct mime_part *part)
{
  bool whole;
  g_autoptr(GBytes) bytes = mime_decode(part, LIMIT_HEADER, &whole);
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  g_autoptr(headers_t) fields = headers_parse(length > 0 ? data : "", length);
  g_autofree char *spec = recipient_of(fields);
  enum report_action action;
  if (spec == NULL || !read_disposition(headers_get(fields, "Disposition"), &action))
    return NULL;
  struct report *report = report_new();
  (void)report_add(report, spec, action);
  const char *id = headers_get(fields, "Original-Message-ID");
  if (id != NULL) {
    g_autofree char *text = g_strdup_printf("Message-ID: %s\r\n", id);
    g_autoptr(headers_t) field = headers_parse(text, strlen(text));
    report->message_id = headers_message_id(field);
  }
  return report;
}

/* The Message-ID of the letter that came back, whole or by its headers. */
static char *
returned_id(const struct mime *mime)
{
  for (guint i = 1; i < mime->parts->len; i++) {
    const struct mime_part *part = mime_part(mime, i);
    char *id = NULL;
    if (part->depth != 1)
      continue;
    if (part->kind == MIME_MESSAGE && mime_first(mime, (int)i) >= 0)
      id = headers_message_id(mime_part(mime, i + 1)->headers);
    else if (mime_is(part, "text/rfc822-headers") || mime_is(part, "message/global-headers")) {
      bool whole;
      g_autoptr(GBytes) bytes = mime_decode(part, LIMIT_HEADER, &whole);
      gsize length;
      const char *data = g_bytes_get_data(bytes, &length);
      g_autoptr(headers_t) headers = headers_parse(length > 0 ? data : "", length);
      id = headers_message_id(headers);
    }
    if (id != NULL)
      return id;
  }
  return NULL;
}

/* Who writes reports: nobody, or the post office. */
static bool
is_from_postmaster(const struct headers *headers)
{
  static const char *const names[] = {"mailer-daemon@", "postmaster@", "mail-daemon@", "mdaemon@",
                                      "mailerdaemon@",  "bounce@",     "MAILER-DAEMON"};
  if (headers_get(headers, "X-Failed-Recipients") != NULL)
    return true;
  g_autoptr(GPtrArray) from = headers_addresses(headers, "From");
  if (from->len != 1)
    return false;
  const char *spec = ((const struct address *)g_ptr_array_index(from, 0))->spec;
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_ascii_strncasecmp(spec, names[i], strlen(names[i])) == 0)
      return true;
  return false;
}

static bool
speaks_of_delay(const struct headers *headers)
{
  g_autofree char *subject = headers_text(headers, "Subject");
  g_autofree char *lower = subject != NULL ? g_ascii_strdown(subject, -1) : g_strdup("");
  return strstr(lower, "delayed") != NULL || strstr(lower, "warning") != NULL ||
         strstr(lower, "still being retried") != NULL;
}

/* Exim names the recipients in a field of its own. */
static void
add_failed_field(struct report *report, const struct headers *headers, bool delayed)
{
  g_autoptr(GPtrArray) failed = headers_addresses(headers, "X-Failed-Recipients");
  for (guint i = 0; i < failed->len; i++) {
    const struct address *address = g_ptr_array_index(failed, i);
    bool known = false;
    for (guint j = 0; j < report->recipients->len && !known; j++) {
      const struct report_recipient *other = g_ptr_array_index(report->recipients, j);
      known = address_same(other->spec, address->spec);
    }
    if (!known)
      report_add(report, address->spec, delayed ? REPORT_DELAYED : REPORT_FAILED);
  }
}

static struct report *
human_report(const struct mime *mime)
{
  const struct headers *headers = mime_part(mime, 0)->headers;
  if (!is_from_postmaster(headers))
    return NULL;
  g_autoptr(report_t) report = report_new();
  bool delayed = speaks_of_delay(headers);
  for (guint i = 0; i < mime->parts->len; i++) {
    const struct mime_part *part = mime_part(mime, i);
    if (part->kind != MIME_LEAF || !mime_is(part, "text/plain"))
      continue;
    bool whole;
    g_autoptr(GBytes) bytes = mime_decode(part, HUMAN_BYTES, &whole);
    gsize length;
    const char *data = g_bytes_get_data(bytes, &length);
    g_autofree char *text = sanitize_text(length > 0 ? data : "", (gssize)length);
    report_read_human(report, text, delayed);
    break;
  }
  add_failed_field(report, headers, delayed);
  if (report->message_id == NULL)
    report->message_id = returned_id(mime);
  return report->recipients->len > 0 ? g_steal_pointer(&report) : NULL;
}

struct report *
report_from_mime(const struct mime *mime)
{
  for (guint i = 0; i < mime->parts->len; i++) {
    const struct mime_part *part = mime_part(mime, i);
    if (part->depth == 1 && report_is_receipt(part))
      return read_receipt(part);
    if (part->depth > 1 || !is_status(part))
      continue;
    bool whole;
    g_autoptr(GBytes) bytes = mime_decode(part, LIMIT_HEADER, &whole);
    gsize length;
    const char *data = g_bytes_get_data(bytes, &length);
    g_autoptr(report_t) report = report_new();
    if (length > 0)
      report_read_status(report, data, length);
    report->message_id = returned_id(mime);
    if (report->recipients->len > 0)
      return g_steal_pointer(&report);
  }
  return human_report(mime);
}

struct report *
report_parse(const char *bytes, size_t length)
{
  if (length > LIMIT_MESSAGE)
    return NULL;
  g_autoptr(mime_t) mime = mime_parse(bytes, length);
  return report_from_mime(mime);
}

/* What a status means, and what one may do (RFC 3463, 3). */
struct advice { const char *status, *words; };
static const struct advice advices[] = {
    {".1.1", N_("there is no such mailbox; check the address")},
    {".1.2", N_("there is no such mail server; check what stands behind the @")},
    {".1.3", N_("the address is not written rightly")},
    {".1.6", N_("the mailbox has moved; ask for the new address")},
    {".2.1", N_("the mailbox is closed")},
    {".2.2", N_("the mailbox is full; send the letter again later")},
    {".2.3", N_("the letter is too large for the mailbox; send a smaller one")},
    {".3.4", N_("the letter is too large for the server; send a smaller one")},
    {".4.1", N_("the mail server does not answer")},
    {".4.4", N_("no way to the mail server was found; check what stands behind the @")},
    {".4.7", N_("the mail server was not reached in time; send the letter again later")},
    {".7.1", N_("the recipient's server refuses letters from you")},
};

static const char *
advice_of(const char *status)
{
  for (size_t i = 0; status != NULL && i < G_N_ELEMENTS(advices); i++)
    if (strcmp(status + 1, advices[i].status) == 0)
      return _(advices[i].words);
  return NULL;
}

static const char *
sentence_of(enum report_action action)
{
  switch (action) {
  case REPORT_DELAYED:
    return _("Not yet delivered to %s; the server keeps trying");
  case REPORT_DELIVERED:
    return _("Delivered to %s");
  case REPORT_RELAYED:
    return _("Passed on for %s, to a server that sends no reports");
  case REPORT_EXPANDED:
    return _("Delivered to %s, and passed on from there");
  case REPORT_DISPLAYED:
    return _("Shown to %s, who sent a receipt");
  case REPORT_DELETED:
    return _("Deleted by %s without a look, says a receipt");
  case REPORT_FAILED:
    break;
  }
  return _("Not delivered to %s");
}

static char *
in_words(const struct report_recipient *recipient)
{
  GString *out = g_string_new(NULL);
  /* The formats are ours; translations of them are checked by msgfmt -c. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  g_string_append_printf(out, sentence_of(recipient->action), recipient->spec);
#pragma GCC diagnostic pop
  const char *advice = advice_of(recipient->status);
  if (advice != NULL)
    g_string_append_printf(out, ": %s", advice);
  if (*recipient->reason != '\0')
    g_string_append_printf(out, " (%s)", recipient->reason);
  return g_string_free(out, FALSE);
}

void
receipt_notices(struct page *page, const struct mime_part *part)
{
  g_autoptr(report_t) report = read_receipt(part);
  for (guint i = 0; report != NULL && i < report->recipients->len; i++)
    page_notice(page, in_words(g_ptr_array_index(report->recipients, i)));
}

void
report_notices(struct page *page, const struct mime_part *part)
{
  bool whole;
  g_autoptr(GBytes) bytes = mime_decode(part, LIMIT_HEADER, &whole);
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  g_autoptr(report_t) report = report_new();
  if (length > 0)
    report_read_status(report, data, length);
  for (guint i = 0; i < report->recipients->len; i++)
    page_notice(page, in_words(g_ptr_array_index(report->recipients, i)));
}
