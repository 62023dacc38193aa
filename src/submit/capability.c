/* What a server says of itself (RFC 5321, 4.1.1.1). */
#include "base/text.h"
#include "submit/smtp.h"

static const struct { const char *name; enum smtp_capability bit; } capabilities[] = {
    {"PIPELINING", SMTP_PIPELINING}, {"SIZE", SMTP_SIZE},         {"8BITMIME", SMTP_8BITMIME},
    {"SMTPUTF8", SMTP_SMTPUTF8},     {"STARTTLS", SMTP_STARTTLS}, {"AUTH", SMTP_AUTH},
    {"ENHANCEDSTATUSCODES", SMTP_ENHANCED},                       {"DSN", SMTP_DSN},
    {"CHUNKING", SMTP_CHUNKING},     {"FUTURERELEASE", SMTP_FUTURERELEASE},
};

/* RFC 4954; some old servers write "AUTH=LOGIN" beside it. */
static void
note_mechanisms(struct smtp *smtp, char **words)
{
  g_auto(GStrv) all = g_steal_pointer(&smtp->mechanisms);
  g_autoptr(GPtrArray) merged = g_ptr_array_new();
  for (char **word = all; *word != NULL; word++)
    g_ptr_array_add(merged, g_strdup(*word));
  for (char **word = words; *word != NULL && merged->len < 100; word++)
    if (**word != '\0')
      g_ptr_array_add(merged, g_strdup(*word));
  g_ptr_array_add(merged, NULL);
  smtp->mechanisms = (char **)g_ptr_array_free(g_steal_pointer(&merged), FALSE);
}

/* RFC 4865, 4: the longest interval, and the latest time, whichever is sooner. */
static void
note_hold(struct smtp *smtp, char **words)
{
  guint64 limit, until = G_MAXINT64;
  if (words[0] == NULL || words[1] == NULL ||
      !g_ascii_string_to_unsigned(words[0], 10, 1, 999999999, &limit, NULL))
    return;
  g_autoptr(GDateTime) latest = g_date_time_new_from_iso8601(words[1], NULL);
  int64_t left = latest != NULL ? g_date_time_to_unix(latest) - g_get_real_time() / G_USEC_PER_SEC : 0;
  if (latest != NULL)
    until = (guint64)MAX(left, 0);
  smtp->hold_limit = MIN(limit, until);
}

void
capability_take(struct smtp *smtp, const char *text, guint line)
{
  if (line == 1)
    return;
  g_auto(GStrv) words = g_strsplit_set(text, " \t=", 100);
  if (words[0] == NULL)
    return;
  for (size_t i = 0; i < G_N_ELEMENTS(capabilities); i++)
    if (text_ascii_equal(words[0], capabilities[i].name))
      smtp->capabilities |= capabilities[i].bit;
  if (text_ascii_equal(words[0], "AUTH"))
    note_mechanisms(smtp, words + 1);
  if (text_ascii_equal(words[0], "FUTURERELEASE"))
    note_hold(smtp, words + 1);
  guint64 limit;
  if (text_ascii_equal(words[0], "SIZE") && words[1] != NULL &&
      g_ascii_string_to_unsigned(words[1], 10, 0, G_MAXINT64, &limit, NULL))
    smtp->size_limit = limit;
}

void
capability_forget(struct smtp *smtp)
{
  smtp->capabilities = 0;
  smtp->size_limit = smtp->hold_limit = 0;
  g_strfreev(smtp->mechanisms);
  smtp->mechanisms = g_new0(char *, 1);
}
