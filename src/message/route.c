#include "message/render-private.h"

#include <string.h>

#include "base/sanitize.h"

static void
free_hop(gpointer data)
{
  struct rendered_hop *hop = data;
  g_free(hop->from);
  g_free(hop->by);
  g_free(hop);
}

/* The words of a Received field outside comments, with the comments apart. */
struct received { GPtrArray *words; GString *comments; };

static const char *
read_comment(const char *at, GString *comments)
{
  int depth = 0;
  for (; *at != '\0'; at++) {
    if (*at == '(')
      depth++;
    else if (*at == ')' && --depth == 0)
      return at + 1;
    g_string_append_c(comments, g_ascii_tolower(*at));
  }
  return at;
}

static void
read_received(struct received *r, const char *at)
{
  while (*at != '\0' && *at != ';') {
    size_t length = strcspn(at, " \t(;");
    if (*at == '(')
      at = read_comment(at, r->comments);
    else if (length == 0)
      at++;
    else {
      if (r->words->len < 50)
        g_ptr_array_add(r->words, g_strndup(at, length));
      at += length;
    }
  }
}

/* The word after `key`, clean, or NULL. */
static char *
word_after(const struct received *r, const char *key)
{
  for (guint i = 0; i + 1 < r->words->len; i++)
    if (g_ascii_strcasecmp(g_ptr_array_index(r->words, i), key) == 0)
      return sanitize_line(g_ptr_array_index(r->words, i + 1), -1);
  return NULL;
}

/* RFC 3848 and the IANA mail transmission types: the S before A. */
static bool
is_tls_protocol(const char *with)
{
  static const char *const names[] = {"ESMTPS",      "ESMTPSA",      "LMTPS",      "LMTPSA",
                                      "UTF8SMTPS",   "UTF8SMTPSA",   "UTF8LMTPS",  "UTF8LMTPSA",
                                      "SMTPS",       "HTTPS",        NULL};
  g_autofree char *upper = g_ascii_strup(with, -1);
  return g_strv_contains(names, upper);
}

static bool
says_tls(const struct received *r)
{
  static const char *const words[] = {"using tls", "version=tls", "version=ssl", "tlsv1", "tls1_",
                                      "tls1."};
  g_autofree char *with = word_after(r, "with");
  if (with != NULL && is_tls_protocol(with))
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
    if (strstr(r->comments->str, words[i]) != NULL)
      return true;
  return false;
}

static struct rendered_hop *
read_hop(const char *value)
{
  struct received r = {g_ptr_array_new_with_free_func(g_free), g_string_new(NULL)};
  read_received(&r, value);
  struct rendered_hop *hop = g_new0(struct rendered_hop, 1);
  hop->from = word_after(&r, "from");
  hop->by = word_after(&r, "by");
  hop->tls = says_tls(&r);
  const char *date = strrchr(value, ';');
  hop->date_known = date != NULL && headers_parse_date(date + 1, &hop->date);
  g_ptr_array_unref(r.words);
  g_string_free(r.comments, TRUE);
  return hop;
}

GPtrArray *
route_parse(const struct headers *headers)
{
  GPtrArray *hops = g_ptr_array_new_with_free_func(free_hop);
  for (guint i = headers_count(headers); i-- > 0 && hops->len < RENDERED_HOPS;)
    if (g_ascii_strcasecmp(headers_name(headers, i), "Received") == 0)
      g_ptr_array_add(hops, read_hop(headers_value(headers, i)));
  return hops;
}
