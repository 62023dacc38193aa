/* Which letters a flush sends, and in which order. */
#include "base/error.h"
#include "submit/flush-private.h"

/* A held letter before its time: `next_try` is when the server may be asked to hold it
 * (RFC 4865), and 0 once it did not. */
bool
flush_is_early(const struct ledger_letter *letter, int64_t now)
{
  return letter->state == LETTER_HELD && letter->not_before > now;
}

static bool
is_to_be_handed_over(const struct flush *flush, const struct ledger_letter *letter, int64_t now)
{
  const struct conf_server *server = flush->account->smtp;
  return flush_is_early(letter, now) && server->hold_at_server && server->command == NULL &&
         letter->next_try > 0 && letter->next_try <= now;
}

static bool
is_due(const struct flush *flush, const struct ledger_letter *letter)
{
  const struct submit_options *options = flush->options;
  int64_t now = outbox_now();
  bool now_anyway = options != NULL && (options->due_now || options->only != NULL);
  if (!g_str_equal(letter->account, flush->account->name) ||
      g_hash_table_contains(flush->tried, letter->id) ||
      (options != NULL && options->only != NULL && !g_str_equal(options->only, letter->id)))
    return false;
  switch (letter->state) {
  case LETTER_HELD:
    return letter->not_before <= now || is_to_be_handed_over(flush, letter, now);
  case LETTER_QUEUED:
    return letter->not_before <= now && (now_anyway || letter->next_try <= now);
  default:
    return false;
  }
}

static bool
read_due(struct flush *flush, GError **error)
{
  g_autoptr(GPtrArray) letters = ledger_open(flush->store, error);
  if (letters == NULL)
    return false;
  for (guint i = 0; i < letters->len; i++) {
    struct ledger_letter *letter = g_ptr_array_index(letters, i);
    if (is_due(flush, letter))
      g_queue_push_tail(&flush->due, g_steal_pointer(&letter->id));
  }
  return true;
}

/* The ledger is read anew when all that were due had their turn, so that rows which
 * came meanwhile have theirs; each is looked at again when its turn has come.  Letters
 * that are on their way count. */
bool
flush_next_due(struct flush *flush, guint on_way, struct ledger_letter **letter_out, GError **error)
{
  *letter_out = NULL;
  if (g_queue_is_empty(&flush->due) && !read_due(flush, error))
    return false;
  while (!g_queue_is_empty(&flush->due)) {
    g_autofree char *id = g_queue_pop_head(&flush->due);
    g_autoptr(GError) why = NULL;
    g_autoptr(ledger_letter_t) letter = ledger_get(flush->store, id, &why);
    if (letter == NULL && !error_is(why, POSTINO_ERROR_NOTFOUND)) {
      g_propagate_error(error, g_steal_pointer(&why));
      return false;
    }
    if (letter == NULL || !is_due(flush, letter))
      continue;
    flush->total = flush->done + on_way + 1 + g_queue_get_length(&flush->due);
    g_hash_table_add(flush->tried, g_steal_pointer(&id));
    *letter_out = g_steal_pointer(&letter);
    return true;
  }
  return true;
}
