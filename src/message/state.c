#include <string.h>

#include "message/draft-private.h"

/* What only postino knows of a draft, kept with it: the user's wishes for
 * sealing must outlive a postponed letter, above all that it answers a sealed
 * one; and when it is to leave. */

static const char *const wishes[] = {[DRAFT_BY_POLICY] = "policy", [DRAFT_YES] = "yes",
                                     [DRAFT_NO] = "no"};

static void
append_key(GString *out, const char *name, const char *key)
{
  if (key == NULL || *key == '\0')
    return;
  g_autofree char *escaped = g_uri_escape_string(key, NULL, FALSE);
  g_string_append_printf(out, "%s%s=%s", out->len > 0 ? "; " : "", name, escaped);
}

/* NULL when there is nothing to say. */
char *
draft_state_format(const struct draft *draft)
{
  GString *out = g_string_new(NULL);
  if (draft->sign != DRAFT_BY_POLICY)
    append_key(out, "sign", wishes[draft->sign]);
  if (draft->encrypt != DRAFT_BY_POLICY)
    append_key(out, "encrypt", wishes[draft->encrypt]);
  if (draft->ask_receipt)
    append_key(out, "receipt", "yes");
  if (draft->answers_sealed)
    append_key(out, "sealed", "yes");
  if (draft->not_before > 0) {
    g_autofree char *leaves = g_strdup_printf("%" G_GINT64_FORMAT, draft->not_before);
    append_key(out, "leaves", leaves);
  }
  append_key(out, "answers", draft->answers);
  append_key(out, "forwards", draft->forwards);
  char *state = g_string_free(out, FALSE);
  if (*state == '\0')
    g_clear_pointer(&state, g_free);
  return state;
}

static enum draft_wish
read_wish(const char *word)
{
  for (size_t i = 0; i < G_N_ELEMENTS(wishes); i++)
    if (strcmp(wishes[i], word) == 0)
      return (enum draft_wish)i;
  return DRAFT_BY_POLICY;
}

static void
take(struct draft *draft, const char *name, const char *value)
{
  g_autofree char *plain = g_uri_unescape_string(value, NULL);
  if (plain == NULL)
    return;
  if (strcmp(name, "sign") == 0)
    draft->sign = read_wish(plain);
  else if (strcmp(name, "encrypt") == 0)
    draft->encrypt = read_wish(plain);
  else if (strcmp(name, "receipt") == 0)
    draft->ask_receipt = strcmp(plain, "yes") == 0;
  else if (strcmp(name, "sealed") == 0)
    draft->answers_sealed = strcmp(plain, "yes") == 0;
  else if (strcmp(name, "leaves") == 0)
    draft->not_before = MAX(g_ascii_strtoll(plain, NULL, 10), 0);
  else if (strcmp(name, "answers") == 0) {
    g_free(draft->answers);
    draft->answers = g_steal_pointer(&plain);
  } else if (strcmp(name, "forwards") == 0) {
    g_free(draft->forwards);
    draft->forwards = g_steal_pointer(&plain);
  }
}

void
draft_state_parse(struct draft *draft, const char *value)
{
  g_auto(GStrv) items = g_strsplit(value, ";", 16);
  for (char **item = items; *item != NULL; item++) {
    char *equals = strchr(*item, '=');
    if (equals == NULL)
      continue;
    *equals = '\0';
    take(draft, g_strstrip(*item), g_strstrip(equals + 1));
  }
}
