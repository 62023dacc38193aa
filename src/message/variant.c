#include <string.h>

#include "base/limits.h"
#include "base/sanitize.h"
#include "message/render-private.h"
#include "message/report-private.h"

#define ADDRESSES "a(mss)"
#define RENDERED_TYPE                                                                  \
  "(ua(ss)" ADDRESSES ADDRESSES ADDRESSES ADDRESSES ADDRESSES "smsasxa(uibs)a(usmstbb)" \
  "asa(msmsxbb)msmsb)"
#define INDEX_TYPE "(xssssmsasmsssus)"
#define REPORT_TYPE "(msmsa(sumss))"

/* More than any letter within the limits makes. */
#define LARGEST LIMIT_MIB(32)
#define MOST_REFERENCES 200

/* A reader that was taken over may send anything: nothing is believed that the
 * serial form alone does not guarantee. */
static bool
is_sound(GVariant *variant, const char *type)
{
  return variant != NULL && g_variant_is_of_type(variant, G_VARIANT_TYPE(type)) &&
         g_variant_get_size(variant) <= LARGEST && g_variant_is_normal_form(variant);
}

static char *
clean_line(const char *text)
{
  return text != NULL ? sanitize_line(text, -1) : NULL;
}

/* Without '<', '>' and blanks, as headers_message_id() gives it; else NULL. */
static char *
clean_id(const char *text)
{
  if (text == NULL || *text == '\0' || strpbrk(text, "<> \t\r\n") != NULL)
    return NULL;
  return sanitize_line(text, -1);
}

static GVariant *
child(GVariant *variant, gsize i)
{
  return g_variant_get_child_value(variant, i);
}

static const char *
string_of(GVariant *variant)
{
  return g_variant_get_string(variant, NULL);
}

static GVariant *
addresses_to(const GPtrArray *addresses)
{
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE(ADDRESSES));
  for (guint i = 0; i < addresses->len; i++) {
    const struct address *address = g_ptr_array_index(addresses, i);
    g_variant_builder_add(&builder, "(mss)", address->name, address->spec);
  }
  return g_variant_builder_end(&builder);
}

static void
free_address(gpointer data)
{
  address_free(data);
}

static bool
addresses_from(GPtrArray **out, GVariant *variant)
{
  gsize n = g_variant_n_children(variant);
  if (n > LIMIT_ADDRESSES)
    return false;
  g_ptr_array_unref(*out);
  *out = g_ptr_array_new_with_free_func(free_address);
  for (gsize i = 0; i < n; i++) {
    const char *name, *spec;
    g_autoptr(GVariant) row = child(variant, i);
    g_variant_get(row, "(m&s&s)", &name, &spec);
    g_autofree char *clean_name = clean_line(name);
    g_autofree char *clean_spec = clean_line(spec);
    g_ptr_array_add(*out, address_new(clean_name, clean_spec));
  }
  return true;
}

static GVariant *
strings_to(const GPtrArray *strings)
{
  return g_variant_new_strv((const char *const *)strings->pdata, (gssize)strings->len);
}

static GVariant *
references_to(char *const *references)
{
  return g_variant_new_strv((const char *const *)references, -1);
}

static char **
references_from(GVariant *variant)
{
  gsize n = g_variant_n_children(variant);
  if (n > MOST_REFERENCES)
    return NULL;
  GPtrArray *ids = g_ptr_array_new();
  for (gsize i = 0; i < n; i++) {
    g_autoptr(GVariant) row = child(variant, i);
    char *id = clean_id(string_of(row));
    if (id != NULL)
      g_ptr_array_add(ids, id);
  }
  g_ptr_array_add(ids, NULL);
  return (char **)g_ptr_array_free(ids, FALSE);
}

static GVariant *
headers_to(const GPtrArray *headers)
{
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ss)"));
  for (guint i = 0; i < headers->len; i++) {
    const struct rendered_header *header = g_ptr_array_index(headers, i);
    g_variant_builder_add(&builder, "(ss)", header->name, header->value);
  }
  return g_variant_builder_end(&builder);
}

static bool
headers_from(GPtrArray *out, GVariant *variant)
{
  gsize n = g_variant_n_children(variant);
  if (n > LIMIT_FIELDS)
    return false;
  for (gsize i = 0; i < n; i++) {
    const char *name, *value;
    g_autoptr(GVariant) row = child(variant, i);
    g_variant_get(row, "(&s&s)", &name, &value);
    struct rendered_header *header = g_new(struct rendered_header, 1);
    *header = (struct rendered_header){clean_line(name), clean_line(value)};
    g_ptr_array_add(out, header);
  }
  return true;
}

static GVariant *
lines_to(const GPtrArray *lines)
{
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(uibs)"));
  for (guint i = 0; i < lines->len; i++) {
    const struct rendered_line *line = g_ptr_array_index(lines, i);
    g_variant_builder_add(&builder, "(uibs)", (guint32)line->kind, line->quote,
                          (gboolean)line->fixed, line->text);
  }
  return g_variant_builder_end(&builder);
}

static bool
lines_from(GPtrArray *out, GVariant *variant)
{
  gsize n = g_variant_n_children(variant);
  if (n > RENDERED_LINES)
    return false;
  for (gsize i = 0; i < n; i++) {
    guint32 kind;
    gint32 quote;
    gboolean fixed;
    const char *text;
    g_autoptr(GVariant) row = child(variant, i);
    g_variant_get(row, "(uib&s)", &kind, &quote, &fixed, &text);
    if (kind > LINE_LINK || quote < 0 || quote > RENDERED_QUOTE)
      return false;
    struct rendered_line *line = g_new(struct rendered_line, 1);
    *line = (struct rendered_line){kind, quote, fixed, sanitize_text(text, -1)};
    for (char *lf = line->text; (lf = strchr(lf, '\n')) != NULL; lf++)
      *lf = ' ';
    g_ptr_array_add(out, line);
  }
  return true;
}

static GVariant *
parts_to(const GPtrArray *parts)
{
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(usmstbb)"));
  for (guint i = 0; i < parts->len; i++) {
    const struct rendered_part *part = g_ptr_array_index(parts, i);
    g_variant_builder_add(&builder, "(usmstbb)", (guint32)part->number, part->type, part->name,
                          part->size, (gboolean)part->shown, (gboolean)part->attachment);
  }
  return g_variant_builder_end(&builder);
}

static bool
parts_from(GPtrArray *out, GVariant *variant)
{
  gsize n = g_variant_n_children(variant);
  if (n > LIMIT_PARTS)
    return false;
  for (gsize i = 0; i < n; i++) {
    guint32 number;
    const char *type, *name;
    guint64 size;
    gboolean shown, attachment;
    g_autoptr(GVariant) row = child(variant, i);
    g_variant_get(row, "(u&sm&stbb)", &number, &type, &name, &size, &shown, &attachment);
    if (number < 1 || number > LIMIT_PARTS)
      return false;
    struct rendered_part *part = g_new(struct rendered_part, 1);
    *part = (struct rendered_part){
        (int)number, clean_line(type),
        name != NULL ? sanitize_filename(name, "attachment") : NULL, size, shown, attachment};
    g_ptr_array_add(out, part);
  }
  return true;
}

static bool
notices_from(GPtrArray *out, GVariant *variant)
{
  gsize n = g_variant_n_children(variant);
  if (n > RENDERED_NOTICES)
    return false;
  for (gsize i = 0; i < n; i++) {
    g_autoptr(GVariant) row = child(variant, i);
    g_ptr_array_add(out, clean_line(string_of(row)));
  }
  return true;
}

static GVariant *
route_to(const GPtrArray *route)
{
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(msmsxbb)"));
  for (guint i = 0; i < route->len; i++) {
    const struct rendered_hop *hop = g_ptr_array_index(route, i);
    g_variant_builder_add(&builder, "(msmsxbb)", hop->from, hop->by, hop->date,
                          (gboolean)hop->date_known, (gboolean)hop->tls);
  }
  return g_variant_builder_end(&builder);
}

static bool
route_from(GPtrArray *out, GVariant *variant)
{
  gsize n = g_variant_n_children(variant);
  if (n > RENDERED_HOPS)
    return false;
  for (gsize i = 0; i < n; i++) {
    const char *from, *by;
    gint64 date;
    gboolean known, tls;
    g_autoptr(GVariant) row = child(variant, i);
    g_variant_get(row, "(m&sm&sxbb)", &from, &by, &date, &known, &tls);
    struct rendered_hop *hop = g_new(struct rendered_hop, 1);
    *hop = (struct rendered_hop){clean_line(from), clean_line(by), date, known, tls};
    g_ptr_array_add(out, hop);
  }
  return true;
}

static GVariant *
maybe_string(const char *text)
{
  return g_variant_new("ms", text);
}

static const char *
maybe_of(GVariant *variant)
{
  const char *text;
  g_variant_get(variant, "m&s", &text);
  return text;
}

GVariant *
rendered_to_variant(const struct rendered *rendered)
{
  GVariant *fields[] = {
      g_variant_new_uint32(rendered->envelope),
      headers_to(rendered->headers),
      addresses_to(rendered->from),
      addresses_to(rendered->reply_to),
      addresses_to(rendered->to),
      addresses_to(rendered->cc),
      addresses_to(rendered->bcc),
      g_variant_new_string(rendered->subject),
      maybe_string(rendered->message_id),
      references_to(rendered->references),
      g_variant_new_int64(rendered->date),
      lines_to(rendered->lines),
      parts_to(rendered->parts),
      strings_to(rendered->notices),
      route_to(rendered->route),
      maybe_string(rendered->list_post),
      maybe_string(rendered->list_unsubscribe),
      g_variant_new_boolean(rendered->protects),
  };
  return g_variant_new_tuple(fields, G_N_ELEMENTS(fields));
}

enum { ENVELOPE, HEADERS, FROM, REPLY_TO, TO, CC, BCC, SUBJECT, MESSAGE_ID, REFERENCES, DATE, LINES,
       PARTS, NOTICES, ROUTE, LIST_POST, LIST_UNSUBSCRIBE, PROTECTS, FIELDS };

static bool
take_lists(struct rendered *rendered, GVariant *const *fields)
{
  return addresses_from(&rendered->from, fields[FROM]) &&
         addresses_from(&rendered->reply_to, fields[REPLY_TO]) &&
         addresses_from(&rendered->to, fields[TO]) && addresses_from(&rendered->cc, fields[CC]) &&
         addresses_from(&rendered->bcc, fields[BCC]) &&
         headers_from(rendered->headers, fields[HEADERS]) &&
         lines_from(rendered->lines, fields[LINES]) && parts_from(rendered->parts, fields[PARTS]) &&
         notices_from(rendered->notices, fields[NOTICES]) &&
         route_from(rendered->route, fields[ROUTE]);
}

static bool
take_fields(struct rendered *rendered, GVariant *const *fields)
{
  guint32 envelope = g_variant_get_uint32(fields[ENVELOPE]);
  char **references = references_from(fields[REFERENCES]);
  if (envelope > ENVELOPE_AGE_SEALED || references == NULL) {
    g_strfreev(references);
    return false;
  }
  rendered->envelope = envelope;
  g_strfreev(rendered->references);
  rendered->references = references;
  g_free(rendered->subject);
  rendered->subject = clean_line(string_of(fields[SUBJECT]));
  rendered->message_id = clean_id(maybe_of(fields[MESSAGE_ID]));
  rendered->date = g_variant_get_int64(fields[DATE]);
  rendered->list_post = clean_line(maybe_of(fields[LIST_POST]));
  rendered->list_unsubscribe = clean_line(maybe_of(fields[LIST_UNSUBSCRIBE]));
  rendered->protects = g_variant_get_boolean(fields[PROTECTS]);
  return take_lists(rendered, fields);
}

struct rendered *
rendered_from_variant(GVariant *variant)
{
  if (!is_sound(variant, RENDERED_TYPE))
    return NULL;
  g_autoptr(rendered_t) rendered = rendered_new();
  GVariant *fields[FIELDS];
  for (gsize i = 0; i < FIELDS; i++)
    fields[i] = child(variant, i);
  bool good = take_fields(rendered, fields);
  for (gsize i = 0; i < FIELDS; i++)
    g_variant_unref(fields[i]);
  return good ? g_steal_pointer(&rendered) : NULL;
}

GVariant *
index_doc_to_variant(const struct index_doc *doc)
{
  GVariant *fields[] = {
      g_variant_new_int64(doc->date),     g_variant_new_string(doc->from),
      g_variant_new_string(doc->to),      g_variant_new_string(doc->cc),
      g_variant_new_string(doc->subject), maybe_string(doc->message_id),
      references_to(doc->references),     maybe_string(doc->list),
      g_variant_new_string(doc->text),    g_variant_new_string(doc->filenames),
      g_variant_new_uint32(doc->marks),   g_variant_new_string(doc->digest),
  };
  return g_variant_new_tuple(fields, G_N_ELEMENTS(fields));
}

#define ALL_MARKS (INDEX_ATTACHMENT | INDEX_CALENDAR | INDEX_KEY | INDEX_SIGNED | INDEX_SEALED | \
                   INDEX_REPORT)

static bool
is_digest(const char *text)
{
  return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

struct index_doc *
index_doc_from_variant(GVariant *variant)
{
  if (!is_sound(variant, INDEX_TYPE))
    return NULL;
  const char *from, *to, *cc, *subject, *id, *list, *text, *filenames, *digest;
  g_autoptr(GVariant) references = NULL;
  gint64 date;
  guint32 marks;
  g_variant_get(variant, "(x&s&s&s&sm&s@asm&s&s&su&s)", &date, &from, &to, &cc, &subject, &id,
                &references, &list, &text, &filenames, &marks, &digest);
  char **ids = references_from(references);
  if (ids == NULL || (marks & ~(guint32)ALL_MARKS) != 0 || strlen(text) > LIMIT_TEXT ||
      !is_digest(digest)) {
    g_strfreev(ids);
    return NULL;
  }
  struct index_doc *doc = g_new0(struct index_doc, 1);
  *doc = (struct index_doc){
      .date = date,
      .from = clean_line(from),
      .to = clean_line(to),
      .cc = clean_line(cc),
      .subject = clean_line(subject),
      .message_id = clean_id(id),
      .references = ids,
      .list = clean_line(list),
      .text = sanitize_text(text, -1),
      .filenames = sanitize_text(filenames, -1),
      .marks = marks,
      .digest = g_strdup(digest),
  };
  return doc;
}

GVariant *
report_to_variant(const struct report *report)
{
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sumss)"));
  for (guint i = 0; i < report->recipients->len; i++) {
    const struct report_recipient *recipient = g_ptr_array_index(report->recipients, i);
    g_variant_builder_add(&builder, "(sumss)", recipient->spec, (guint32)recipient->action,
                          recipient->status, recipient->reason);
  }
  GVariant *fields[] = {maybe_string(report->message_id), maybe_string(report->envelope_id),
                        g_variant_builder_end(&builder)};
  return g_variant_new_tuple(fields, G_N_ELEMENTS(fields));
}

static bool
take_recipient(struct report *report, GVariant *row)
{
  const char *spec, *status, *reason;
  guint32 action;
  g_variant_get(row, "(&sum&s&s)", &spec, &action, &status, &reason);
  if (action > REPORT_DELETED)
    return false;
  struct report_recipient *recipient = report_add(report, spec, action);
  g_free(recipient->reason);
  recipient->reason = clean_line(reason);
  recipient->status = status != NULL ? report_find_status(status) : NULL;
  return true;
}

struct report *
report_from_variant(GVariant *variant)
{
  if (!is_sound(variant, REPORT_TYPE))
    return NULL;
  g_autoptr(report_t) report = report_new();
  const char *id, *envelope;
  g_autoptr(GVariant) recipients = NULL;
  g_variant_get(variant, "(m&sm&s@a(sumss))", &id, &envelope, &recipients);
  gsize n = g_variant_n_children(recipients);
  if (n > LIMIT_ADDRESSES)
    return NULL;
  report->message_id = clean_id(id);
  report->envelope_id = clean_line(envelope);
  for (gsize i = 0; i < n; i++) {
    g_autoptr(GVariant) row = child(recipients, i);
    if (!take_recipient(report, row))
      return NULL;
  }
  return g_steal_pointer(&report);
}
