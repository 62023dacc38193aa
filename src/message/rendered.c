/* What a reader child hands over, apart from the code that makes it: who only holds
 * and frees it needs neither the parsers nor their libraries. */
#include "message/rendered.h"

static void
free_address(gpointer data)
{
  address_free(data);
}

static void
free_line(gpointer data)
{
  struct rendered_line *line = data;
  g_free(line->text);
  g_free(line);
}

static void
free_part(gpointer data)
{
  struct rendered_part *part = data;
  g_free(part->type);
  g_free(part->name);
  g_free(part);
}

static void
free_header(gpointer data)
{
  struct rendered_header *header = data;
  g_free(header->name);
  g_free(header->value);
  g_free(header);
}

static void
free_hop(gpointer data)
{
  struct rendered_hop *hop = data;
  g_free(hop->from);
  g_free(hop->by);
  g_free(hop);
}

struct rendered *
rendered_new(void)
{
  struct rendered *rendered = g_new0(struct rendered, 1);
  GPtrArray **lists[] = {&rendered->from, &rendered->reply_to, &rendered->to, &rendered->cc,
                         &rendered->bcc};
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
    *lists[i] = g_ptr_array_new_with_free_func(free_address);
  rendered->headers = g_ptr_array_new_with_free_func(free_header);
  rendered->lines = g_ptr_array_new_with_free_func(free_line);
  rendered->parts = g_ptr_array_new_with_free_func(free_part);
  rendered->notices = g_ptr_array_new_with_free_func(g_free);
  rendered->route = g_ptr_array_new_with_free_func(free_hop);
  rendered->references = g_new0(char *, 1);
  rendered->subject = g_strdup("");
  return rendered;
}

void
rendered_free(struct rendered *rendered)
{
  if (rendered == NULL)
    return;
  GPtrArray *arrays[] = {rendered->headers, rendered->from,  rendered->reply_to,
                         rendered->to,      rendered->cc,    rendered->bcc,
                         rendered->lines,   rendered->parts, rendered->notices,
                         rendered->route};
  for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++)
    if (arrays[i] != NULL)
      g_ptr_array_unref(arrays[i]);
  g_strfreev(rendered->references);
  g_free(rendered->subject);
  g_free(rendered->message_id);
  g_free(rendered->list_post);
  g_free(rendered->list_unsubscribe);
  g_free(rendered);
}

char *
rendered_text(const struct rendered *rendered)
{
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < rendered->lines->len; i++) {
    const struct rendered_line *line = g_ptr_array_index(rendered->lines, i);
    for (int depth = 0; depth < line->quote; depth++)
      g_string_append_c(out, '>');
    if (line->quote > 0 && *line->text != '\0')
      g_string_append_c(out, ' ');
    g_string_append(out, line->text);
    g_string_append_c(out, '\n');
  }
  return g_string_free(out, FALSE);
}

void
index_doc_free(struct index_doc *doc)
{
  if (doc == NULL)
    return;
  char *strings[] = {doc->from, doc->to,   doc->cc,        doc->subject, doc->message_id,
                     doc->list, doc->text, doc->filenames, doc->digest};
  for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
    g_free(strings[i]);
  g_strfreev(doc->references);
  g_free(doc);
}
