#include "retrieve/intake.h"

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "message/headers.h"
#include "retrieve/deletions.h"

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

struct wanted {
  guint place;              /* in the plan */
  guint deleted_before;     /* DELEs that were sent before its RETR */
};

struct intake {
  struct intake_options o;
  struct delivery *delivery;
  GArray *wanted;           /* struct wanted */
  guint sent;               /* of wanted: RETRs that left */
  guint read;               /* of wanted: answers that came */
  guint flight;             /* RETRs that may leave at once */
  GArray *known;            /* struct drop_name: known letters that the policy deletes */
  GArray *known_numbers;    /* guint, the same letters */
  struct deletions *deletions;
  GStringChunk *names;      /* of letters without UIDs that are deleted */
  GPtrArray *closed;        /* struct drop_row: closed, not yet durable */
  GArray *closed_places;    /* guint, the same letters in the plan */
  bool doubt;               /* a letter was shorter than announced */
  bool unproven;            /* and one of these stands closed */
  GPtrArray *recorded;      /* struct drop_row: written in this session, of letters without UIDs */
  GPtrArray *keys;
  struct plan_claims *claims; /* NULL: no letter was in doubt yet */
  struct header_block block;
  GError *delivery_error;   /* the disk's: nothing more can be saved */
  const struct plan_letter *broke_at; /* its answer was not whole */
  char *remark;
  struct retrieve_progress progress;
  gint64 told;              /* when progress was last reported */
};

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

static const struct plan_letter *
letter_of(const struct intake *in, const struct wanted *wanted)
{
  return &in->o.plan->letters[wanted->place];
}

static const struct plan_step *
step_of(const struct intake *in, const struct wanted *wanted)
{
  return &in->o.plan->steps[wanted->place];
}

void
intake_want(struct intake *in, guint place)
{
  struct wanted wanted = {.place = place};
  g_array_append_val(in->wanted, wanted);
  in->progress.total++;
  in->progress.all_bytes += letter_of(in, &wanted)->size;
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

static void
on_bytes(guint64 bytes, void *data)
{
  struct intake *in = data;
  in->progress.bytes += bytes;
  tell_progress(in, false);
}

/* ---- names and rows ---- */

/* After every date that a letter may have, so that the clock decides nothing. */
#define NEVER INT64_C(4102444800)

char *
intake_base(const char *drop, const struct drop_row *row, const struct header_block *block)
{
  g_autoptr(headers_t) headers = headers_parse(
      block->bytes->len > 0 ? (const char *)block->bytes->data : "", block->bytes->len);
  int64_t date = headers_date(headers, NEVER);
  g_autofree char *name = g_strdup_printf("%s\n%s\n%" G_GUINT64_FORMAT "\n%u", drop, row->uid,
                                          row->size, row->generation);
  g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
  return g_strdup_printf("%" G_GINT64_FORMAT ".%.32s.postino", date > 0 && date < NEVER ? date : 1,
                         hex);
}

static guint
generations_among(const GPtrArray *rows, const char *uid, guint64 size)
{
  guint next = 0;
  for (guint i = 0; i < rows->len; i++) {
    const struct drop_row *row = g_ptr_array_index(rows, i);
    if (row->size == size && g_str_equal(row->uid, uid) && row->generation >= next)
      next = row->generation + 1;
  }
  return next;
}

/* The row of a letter whose bytes are here; `digest` and `name` stay the caller's. */
static struct drop_row
make_row(const struct intake *in, const struct wanted *wanted, const char *digest, const char *name)
{
  const struct plan_step *step = step_of(in, wanted);
  struct drop_row row = {
      .uid = step->uid != NULL ? step->uid : name,
      .size = letter_of(in, wanted)->size,
      .digest = digest,
      .fetched = g_get_real_time() / G_USEC_PER_SEC,
      .generation = step->generation,
      /* Fetched in doubt: it may be deleted once its row has been met again. */
      .state = in->o.delete_fetched && step->certain && !step->kept ? DROP_DELETING : DROP_HERE,
  };
  if (step->uid == NULL)
    row.generation = MAX(MAX(generations_among(in->o.rows, row.uid, row.size),
                             generations_among(in->closed, row.uid, row.size)),
                         generations_among(in->recorded, row.uid, row.size));
  return row;
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

static bool
disk_failed(struct intake *in, GError *why, GError **error)
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

/* Durable files, then durable rows. */
static bool
commit(struct intake *in, GError **error)
{
  GError *why = NULL;
  g_auto(GStrv) keys = NULL;
  if (in->closed->len == 0)
    return true;
  if (!delivery_commit(in->delivery, &keys, &why))
    return disk_failed(in, why, error);
  take_keys(in, keys);
  in->o.result->fetched += in->closed->len;
  in->progress.done += in->closed->len;
  tell_progress(in, true);
  return store_drop_record(in->o.store, in->o.drop, in->closed, &why) ||
         disk_failed(in, why, error);
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

/* Their rows are durable: the server may forget what was to be deleted. */
static bool
release(struct intake *in, GError **error)
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

/* ---- one letter ---- */

static bool
take_bytes(const char *data, size_t length, void *data_of_sink, GError **error)
{
  struct intake *in = data_of_sink;
  header_block_take(&in->block, data, length);
  return delivery_write(in->delivery, data, length, error);
}

static void
note_refusal(struct intake *in, const struct wanted *wanted, const GError *why)
{
  in->o.result->failed++;
  if (in->remark == NULL)
    in->remark = g_strdup_printf(_("letter %u was not given: %s; the next fetch asks again"),
                                 letter_of(in, wanted)->number, why->message);
}

/* Nothing is owed: what lies ready was not asked for, and an answer to NOOP that
 * brings more with it is none. */
static bool
is_in_step(struct intake *in, GError **error)
{
  struct pop3 *pop3 = in->o.pop3;
  g_autoptr(GError) why = NULL;
  bool strays = connection_has_input(pop3->connection);
  if (!strays) {
    if (!pop3_send(pop3, error, "NOOP") || !connection_flush(pop3->connection, error))
      return false;
    if (pop3_answer(pop3, POSTINO_ERROR_REFUSED, &why) == POP3_DEAD) {
      g_propagate_error(error, g_steal_pointer(&why));
      return false;
    }
    strays = connection_has_input(pop3->connection);
  }
  return !strays ||
         pop3_broken(pop3, _("the server sends more than it was asked for"), error);
}

/* A server that forgets to stuff dots ends a letter early and sends its rest as
 * answers.  A letter shorter than announced counts only when an answer follows. */
static bool
is_really_over(struct intake *in, GError **error)
{
  struct pop3 *pop3 = in->o.pop3;
  if (in->sent > in->read)
    return pop3_look_ahead(pop3, error);
  return deletions_finish(in->deletions, error) && is_in_step(in, error);
}

/* It was here already, as its headers tell: what came is dropped, and the row
 * knows the letter by its present name. */
static bool
meet_again(struct intake *in, const struct drop_row *known, struct drop_row *row, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new();
  bool renamed = !g_str_equal(known->uid, row->uid) || known->size != row->size;
  struct drop_row old = *known;
  delivery_abandon(in->delivery);
  in->o.result->known++;
  old.state = DROP_GONE;
  row->state = DROP_HERE;
  row->fetched = known->fetched;
  row->base = known->base;
  row->generation = renamed ? row->generation : known->generation;
  if (renamed)
    g_ptr_array_add(rows, &old);
  g_ptr_array_add(rows, row);
  return store_drop_record(in->o.store, in->o.drop, rows, error);
}

/* The row that a letter fetched in doubt is the same as; NULL: none, or no doubt. */
static const struct drop_row *
known_as(struct intake *in, const struct wanted *wanted, const struct drop_row *row)
{
  if (step_of(in, wanted)->certain)
    return NULL;
  if (in->claims == NULL)
    in->claims = plan_claims_new(in->o.plan, in->o.rows);
  return plan_claim(in->claims, row->uid, row->size, row->digest);
}

static bool
keep_letter(struct intake *in, const struct wanted *wanted, GError **error)
{
  g_autofree char *digest = header_block_digest(&in->block);
  g_autofree char *name = g_strconcat("~", digest, NULL);
  struct drop_row row = make_row(in, wanted, digest, name);
  const struct drop_row *known = known_as(in, wanted, &row);
  if (known != NULL)
    return meet_again(in, known, &row, error);
  GError *why = NULL;
  g_autofree char *base = intake_base(in->o.drop, &row, &in->block);
  row.base = base;
  if (!delivery_close(in->delivery, base, 0, &why))
    return disk_failed(in, why, error);
  g_ptr_array_add(in->closed, drop_row_copy(&row));
  g_array_append_val(in->closed_places, wanted->place);
  return true;
}

/* The first letter that is shorter than announced: what came before it is safe from
 * what may turn out. */
static bool
doubt_letter(struct intake *in, GError **error)
{
  in->doubt = true;
  if (in->unproven)
    return true;
  in->unproven = commit(in, error) && release(in, error);
  return in->unproven;
}

static bool
read_letter(struct intake *in, const struct wanted *wanted, GError **error)
{
  GError *why = NULL;
  struct transfer transfer = {.limit = transfer_limit(letter_of(in, wanted)->size, in->o.max_size),
                              .sink = take_bytes,
                              .data = in,
                              .progress = on_bytes};
  guint64 size;
  header_block_reset(&in->block);
  if (!delivery_open(in->delivery, &why))
    return disk_failed(in, why, error);
  enum transfer_result result = transfer_read(in->o.pop3, &transfer, &size, &why);
  in->read++;
  bool whole = result == TRANSFER_DONE && size >= letter_of(in, wanted)->size;
  if (result == TRANSFER_DONE && (whole || is_really_over(in, &why)))
    return (whole || doubt_letter(in, error)) && keep_letter(in, wanted, error);
  delivery_abandon(in->delivery);
  if (result == TRANSFER_SINK)
    return disk_failed(in, why, error);
  if (result == TRANSFER_REFUSED) {
    note_refusal(in, wanted, why);
    g_error_free(why);
    return true;
  }
  if (!error_is(why, POSTINO_ERROR_CANCELLED))
    in->broke_at = letter_of(in, wanted);
  g_propagate_error(error, why);
  return false;
}

/* ---- a window of letters ---- */

static guint
window_end(const struct intake *in, guint from)
{
  guint to = from;
  guint64 bytes = 0;
  for (; to < in->wanted->len && to - from < WINDOW_LETTERS; to++) {
    bytes += letter_of(in, wanted_at(in, to))->size;
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
    if (!pop3_send(in->o.pop3, error, "RETR %u", letter_of(in, wanted)->number))
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
         (to == in->read || letter_of(in, wanted_at(in, to - 1))->size < LARGE_LETTER))
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
        !deletions_read(in->deletions, wanted->deleted_before, error) || !read_letter(in, wanted, error))
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
  return (!in->unproven || is_really_over(in, error)) && commit(in, error) && release(in, error);
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
  (void)commit(in, &why);
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
