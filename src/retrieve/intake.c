#include "retrieve/intake-private.h"

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"

/* A window: so many letters and bytes share one sync. */
#define WINDOW_LETTERS 256
#define WINDOW_BYTES LIMIT_MIB(16)
/* RETRs that may wait for their answers: few at first, since a server whose sizes are
 * wrong shows it soon.  net/ keeps what comes while they leave. */
#define FLIGHT_FIRST 256
#define FLIGHT_GROWTH 16
#define FLIGHT_MOST 32768
/* A longer flight leaves when nothing is on its way: then it is one round trip, however
 * the network cuts it up. */
#define FLIGHT_BESIDE 4096
/* Nothing is asked for behind a letter of this size until it comes: its answer lasts
 * longer than a round trip. */
#define LARGE_LETTER LIMIT_MIB(4)
/* Microseconds between two reports of progress. */
#define PROGRESS_EVERY 100000

static void
free_row(void *row)
{
  drop_row_free(row);
}

struct intake *
intake_new(const struct intake_options *options)
{
  struct intake *in = g_new0(struct intake, 1);
  in->o = *options;
  in->wanted = g_array_new(FALSE, FALSE, sizeof(struct wanted));
  in->known = g_array_new(FALSE, FALSE, sizeof(struct drop_name));
  in->known_numbers = g_array_new(FALSE, FALSE, sizeof(guint));
  in->deletions = deletions_new(options->pop3);
  in->names = g_string_chunk_new(1024);
  in->closed = g_ptr_array_new_with_free_func(free_row);
  in->closed_places = g_array_new(FALSE, FALSE, sizeof(guint));
  in->recorded = g_ptr_array_new_with_free_func(free_row);
  in->keys = g_ptr_array_new();
  header_block_init(&in->block);
  in->flight = FLIGHT_FIRST;
  in->progress.what = _("fetching");
  return in;
}

void
intake_free(struct intake *in)
{
  if (in == NULL)
    return;
  delivery_end(in->delivery);
  g_array_unref(in->wanted);
  g_array_unref(in->known);
  g_array_unref(in->known_numbers);
  deletions_free(in->deletions);
  g_string_chunk_free(in->names);
  g_ptr_array_unref(in->closed);
  g_array_unref(in->closed_places);
  g_ptr_array_unref(in->recorded);
  g_ptr_array_unref(in->keys);
  plan_claims_free(in->claims);
  header_block_clear(&in->block);
  g_clear_error(&in->delivery_error);
  g_free(in->remark);
  g_free(in);
}

void
intake_want(struct intake *in, guint place)
{
  struct wanted wanted = {.place = place};
  g_array_append_val(in->wanted, wanted);
  in->progress.total++;
  in->progress.all_bytes += intake_letter(in, &wanted)->size;
}

void
intake_delete(struct intake *in, guint place, const struct drop_name *name)
{
  g_array_append_vals(in->known, name, 1);
  g_array_append_val(in->known_numbers, in->o.plan->letters[place].number);
}

const char *
intake_remark(const struct intake *in)
{
  return in->remark;
}

const struct plan_letter *
intake_broke_at(const struct intake *in)
{
  return in->broke_at;
}

static struct wanted *
wanted_at(const struct intake *in, guint i)
{
  return &g_array_index(in->wanted, struct wanted, i);
}

static void
tell_progress(struct intake *in, bool always)
{
  const struct retrieve_options *options = in->o.options;
  gint64 now = g_get_monotonic_time();
  if (options == NULL || options->progress == NULL ||
      (!always && now - in->told < PROGRESS_EVERY))
    return;
  in->told = now;
  options->progress(&in->progress, options->data);
}

void
intake_count_bytes(guint64 bytes, void *data)
{
  struct intake *in = data;
  in->progress.bytes += bytes;
  tell_progress(in, false);
}

/* ---- deleting ---- */

static bool
delete_known(struct intake *in, GError **error)
{
  if (!store_drop_settle(in->o.store, in->o.drop, in->known, DROP_DELETING, error))
    return false;
  for (guint i = 0; i < in->known->len; i++)
    deletions_add(in->deletions, g_array_index(in->known_numbers, guint, i),
                  &g_array_index(in->known, struct drop_name, i));
  return true;
}

/* ---- durable ---- */

bool
intake_disk_failed(struct intake *in, GError *why, GError **error)
{
  g_clear_error(&in->delivery_error);
  in->delivery_error = g_error_copy(why);
  g_propagate_error(error, why);
  return false;
}

static void
take_keys(struct intake *in, char **keys)
{
  struct retrieve_result *result = in->o.result;
  if (result->key_text == NULL)
    result->key_text = g_string_chunk_new(4096);
  for (char **key = keys; key != NULL && *key != NULL; key++)
    g_ptr_array_add(in->keys, g_string_chunk_insert(result->key_text, *key));
}

bool
intake_commit(struct intake *in, GError **error)
{
  GError *why = NULL;
  g_auto(GStrv) keys = NULL;
  if (in->closed->len == 0)
    return true;
  if (!delivery_commit(in->delivery, &keys, &why))
    return intake_disk_failed(in, why, error);
  take_keys(in, keys);
  in->o.result->fetched += in->closed->len;
  in->progress.done += in->closed->len;
  tell_progress(in, true);
  return store_drop_record(in->o.store, in->o.drop, in->closed, &why) ||
         intake_disk_failed(in, why, error);
}

/* Letters without UIDs that are alike are told apart by their generations; the others
 * would only take memory, a hundred thousand of them 25 MB. */
static void
keep_generation(struct intake *in, struct drop_row *row)
{
  if (*row->uid == '~')
    g_ptr_array_add(in->recorded, row);
  else
    drop_row_free(row);
}

/* What the row is called, for as long as we last. */
static struct drop_name
name_of(struct intake *in, const struct drop_row *row, const struct plan_step *step)
{
  const char *uid = step->uid != NULL ? step->uid : g_string_chunk_insert(in->names, row->uid);
  return (struct drop_name){.uid = uid, .size = row->size, .generation = row->generation};
}

bool
intake_release(struct intake *in, GError **error)
{
  for (guint i = 0; i < in->closed->len; i++) {
    guint place = g_array_index(in->closed_places, guint, i);
    struct drop_row *row = g_steal_pointer(&in->closed->pdata[i]);
    if (row->state == DROP_DELETING) {
      struct drop_name name = name_of(in, row, &in->o.plan->steps[place]);
      deletions_add(in->deletions, in->o.plan->letters[place].number, &name);
    }
    keep_generation(in, row);
  }
  g_ptr_array_set_size(in->closed, 0);
  g_array_set_size(in->closed_places, 0);
  in->unproven = false;
  return pop3_pipelines(in->o.pop3) || deletions_finish(in->deletions, error);
}

/* ---- a window of letters ---- */

static guint
window_end(const struct intake *in, guint from)
{
  guint to = from;
  guint64 bytes = 0;
  for (; to < in->wanted->len && to - from < WINDOW_LETTERS; to++) {
    bytes += intake_letter(in, wanted_at(in, to))->size;
    if (to > from && bytes > WINDOW_BYTES)
      break;
  }
  return to;
}

static bool
send_retrievals(struct intake *in, guint upto, GError **error)
{
  guint deleted;
  if (!deletions_send(in->deletions, &deleted, error))
    return false;
  for (; in->sent < upto; in->sent++) {
    struct wanted *wanted = wanted_at(in, in->sent);
    wanted->deleted_before = deleted;
    if (!pop3_send(in->o.pop3, error, "RETR %u", intake_letter(in, wanted)->number))
      return false;
  }
  return connection_flush(in->o.pop3->connection, error);
}

/* Where the next flight of RETRs ends. */
static guint
flight_end(const struct intake *in)
{
  guint to = in->sent, room = pop3_room(in->o.pop3);
  guint most = MIN(in->wanted->len, MIN(in->read + in->flight, in->sent + room));
  while (to < most &&
         (to == in->read || intake_letter(in, wanted_at(in, to - 1))->size < LARGE_LETTER))
    to++;
  return to;
}

/* Asks for more before what was asked for has come, so that the line is never idle,
 * and rarely: a flight is a round trip on the wire.  In doubt no flight leaves before
 * the window to `to` is settled. */
static bool
keep_asking(struct intake *in, guint to, GError **error)
{
  guint unanswered = in->sent - in->read, before = in->flight;
  if (in->doubt)
    return unanswered > 0 || send_retrievals(in, to, error);
  if (in->sent == in->wanted->len || unanswered > before / 2)
    return true;
  if (in->sent > 0)
    in->flight = MIN(before * FLIGHT_GROWTH, FLIGHT_MOST);
  guint end = flight_end(in);
  if (end > in->sent && (unanswered == 0 || end - in->sent <= FLIGHT_BESIDE))
    return send_retrievals(in, end, error);
  in->flight = before;
  return true;
}

static bool
read_window(struct intake *in, guint to, GError **error)
{
  bool pipelined = pop3_pipelines(in->o.pop3);
  while (in->read < to) {
    struct wanted *wanted = wanted_at(in, in->read);
    if (!(pipelined ? keep_asking(in, to, error) : send_retrievals(in, in->read + 1, error)) ||
        !deletions_read(in->deletions, wanted->deleted_before, error) ||
        !intake_read_letter(in, wanted, error))
      return false;
  }
  return true;
}

/* Letters that are shorter than announced become durable only when the dialogue is
 * seen to be in step, which takes an end of what was asked for. */
static bool
settle_window(struct intake *in, GError **error)
{
  if (in->unproven && in->sent > in->read)
    return true;
  return (!in->unproven || intake_is_over(in, error)) && intake_commit(in, error) &&
         intake_release(in, error);
}

static bool
fetch_window(struct intake *in, GError **error)
{
  return read_window(in, window_end(in, in->read), error) && settle_window(in, error);
}

static bool
fetch_all(struct intake *in, GError **error)
{
  if (in->wanted->len == 0)
    return true;
  in->delivery = delivery_begin(in->o.store, in->o.pop3->account->inbox, error);
  if (in->delivery == NULL)
    return false;
  tell_progress(in, true);
  while (in->read < in->wanted->len)
    if (!fetch_window(in, error))
      return false;
  return true;
}

/* ---- the end ---- */

/* What stands closed when the line is cut is whole: it is kept, and its row too;
 * but not on the word of a server that has lost its step. */
static void
salvage(struct intake *in, bool in_step)
{
  g_autoptr(GError) why = NULL;
  if (in->delivery == NULL || in->delivery_error != NULL || in->closed->len == 0 ||
      (in->unproven && !in_step))
    return;
  (void)!intake_commit(in, &why);
}

static bool
finish(struct intake *in, GError **error)
{
  if (!deletions_finish(in->deletions, error))
    return false;
  if (deletions_count(in->deletions) == 0) {
    pop3_leave(in->o.pop3);
    return true;
  }
  g_autoptr(GError) why = NULL;
  bool confirmed = pop3_quit(in->o.pop3, &why);
  if (!deletions_settle(in->deletions, in->o.store, in->o.drop, confirmed, &in->o.result->deleted,
                        error))
    return false;
  if (confirmed)
    return true;
  g_propagate_prefixed_error(error, g_steal_pointer(&why), "%s",
                             _("the server did not confirm that it deleted what was to be "
                               "deleted; the next fetch sees to it: "));
  return false;
}

bool
intake_run(struct intake *in, GError **error)
{
  g_autoptr(GError) why = NULL;
  bool ok = fetch_all(in, &why);
  if (!ok) {
    salvage(in, !error_is(why, POSTINO_ERROR_PROTOCOL));
    g_propagate_error(error, g_steal_pointer(&why));
  }
  ok = ok && delete_known(in, error) && finish(in, error);
  g_ptr_array_add(in->keys, NULL);
  g_free(in->o.result->keys);
  in->o.result->keys = (char **)g_ptr_array_free(in->keys, FALSE);
  in->keys = g_ptr_array_new();
  return ok;
}
