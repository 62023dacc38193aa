#include "retrieve/intake-private.h"

#include "base/error.h"
#include "base/i18n.h"
#include "message/headers.h"

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
  const struct plan_step *step = intake_step(in, wanted);
  struct drop_row row = {
      .uid = step->uid != NULL ? step->uid : name,
      .size = intake_letter(in, wanted)->size,
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
                                 intake_letter(in, wanted)->number, why->message);
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

bool
intake_is_over(struct intake *in, GError **error)
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
  if (intake_step(in, wanted)->certain)
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
    return intake_disk_failed(in, why, error);
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
  in->unproven = intake_commit(in, error) && intake_release(in, error);
  return in->unproven;
}

bool
intake_read_letter(struct intake *in, const struct wanted *wanted, GError **error)
{
  GError *why = NULL;
  guint64 listed = intake_letter(in, wanted)->size;
  struct transfer transfer = {.limit = transfer_limit(listed, in->o.max_size),
                              .sink = take_bytes,
                              .data = in,
                              .progress = intake_count_bytes};
  guint64 size;
  header_block_reset(&in->block);
  if (!delivery_open(in->delivery, &why))
    return intake_disk_failed(in, why, error);
  enum transfer_result result = transfer_read(in->o.pop3, &transfer, &size, &why);
  in->read++;
  bool whole = result == TRANSFER_DONE && size >= listed;
  if (result == TRANSFER_DONE && (whole || intake_is_over(in, &why)))
    return (whole || doubt_letter(in, error)) && keep_letter(in, wanted, error);
  delivery_abandon(in->delivery);
  if (result == TRANSFER_SINK)
    return intake_disk_failed(in, why, error);
  if (result == TRANSFER_REFUSED) {
    note_refusal(in, wanted, why);
    g_error_free(why);
    return true;
  }
  if (!error_is(why, POSTINO_ERROR_CANCELLED))
    in->broke_at = intake_letter(in, wanted);
  g_propagate_error(error, why);
  return false;
}
