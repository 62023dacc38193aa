#include "retrieve/deletions.h"

struct deletions {
  struct pop3 *pop3;
  GArray *numbers;          /* guint, in the order in which they are sent */
  GArray *names;            /* struct drop_name, the same letters */
  guint sent, answered;     /* of these */
  GArray *refused;          /* guint: places, rising */
};

struct deletions *
deletions_new(struct pop3 *pop3)
{
  struct deletions *d = g_new0(struct deletions, 1);
  d->pop3 = pop3;
  d->numbers = g_array_new(FALSE, FALSE, sizeof(guint));
  d->names = g_array_new(FALSE, FALSE, sizeof(struct drop_name));
  d->refused = g_array_new(FALSE, FALSE, sizeof(guint));
  return d;
}

void
deletions_free(struct deletions *d)
{
  if (d == NULL)
    return;
  g_array_unref(d->numbers);
  g_array_unref(d->names);
  g_array_unref(d->refused);
  g_free(d);
}

void
deletions_add(struct deletions *d, guint number, const struct drop_name *name)
{
  g_array_append_val(d->numbers, number);
  g_array_append_vals(d->names, name, 1);
}

guint
deletions_count(const struct deletions *d)
{
  return d->numbers->len;
}

bool
deletions_send(struct deletions *d, guint *sent_out, GError **error)
{
  guint most = pop3_pipelines(d->pop3) ? pop3_room(d->pop3) : 1;
  guint upto = d->sent + MIN(most, d->numbers->len - d->sent);
  for (; d->sent < upto; d->sent++)
    if (!pop3_send(d->pop3, error, "DELE %u", g_array_index(d->numbers, guint, d->sent)))
      return false;
  *sent_out = d->sent;
  return true;
}

bool
deletions_read(struct deletions *d, guint upto, GError **error)
{
  for (; d->answered < upto; d->answered++) {
    g_autoptr(GError) why = NULL;
    switch (pop3_answer(d->pop3, POSTINO_ERROR_REFUSED, &why)) {
    case POP3_DEAD:
      g_propagate_error(error, g_steal_pointer(&why));
      return false;
    case POP3_NO:
      g_array_append_val(d->refused, d->answered);
      break;
    default:
      break;
    }
  }
  return true;
}

bool
deletions_finish(struct deletions *d, GError **error)
{
  guint sent;
  do
    if (!deletions_send(d, &sent, error) || !connection_flush(d->pop3->connection, error) ||
        !deletions_read(d, sent, error))
      return false;
  while (sent < d->numbers->len);
  return true;
}

bool
deletions_settle(const struct deletions *d, struct store *store, const char *drop, bool confirmed,
                 guint *deleted_out, GError **error)
{
  g_autoptr(GArray) gone = g_array_new(FALSE, FALSE, sizeof(struct drop_name));
  g_autoptr(GArray) stay = g_array_new(FALSE, FALSE, sizeof(struct drop_name));
  for (guint i = 0, refused = 0; i < d->answered; i++) {
    bool stays = refused < d->refused->len && g_array_index(d->refused, guint, refused) == i;
    refused += stays;
    if (stays || confirmed)
      g_array_append_vals(stays ? stay : gone, &g_array_index(d->names, struct drop_name, i), 1);
  }
  if (!store_drop_settle(store, drop, stay, DROP_HERE, error) ||
      !store_drop_settle(store, drop, gone, DROP_GONE, error))
    return false;
  *deleted_out = gone->len;
  return true;
}
