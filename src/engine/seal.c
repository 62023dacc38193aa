/* From what was written to what leaves: who can be sealed to, the sealed copies,
 * and the copy that is kept. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "engine/autocrypt.h"
#include "engine/out.h"

/* Attachments that do not lie on the disk once more while the letter is made. */
#define SMALL LIMIT_MIB(1)

/* ---- addresses ---- */

static bool
has_spec(const GPtrArray *specs, const char *spec)
{
  for (guint i = 0; specs != NULL && i < specs->len; i++)
    if (address_same(specs->pdata[i], spec))
      return true;
  return false;
}

void
add_specs(GPtrArray *specs, const GPtrArray *addresses, const GPtrArray *known)
{
  for (guint i = 0; addresses != NULL && i < addresses->len; i++) {
    const struct address *address = addresses->pdata[i];
    if (!has_spec(specs, address->spec) && !has_spec(known, address->spec))
      g_ptr_array_add(specs, g_strdup(address->spec));
  }
}

void
outgoing_clear(struct outgoing *outgoing)
{
  g_clear_pointer(&outgoing->visible, g_ptr_array_unref);
  g_clear_pointer(&outgoing->hidden, g_ptr_array_unref);
  g_clear_pointer(&outgoing->message, g_bytes_unref);
  g_clear_pointer(&outgoing->large, blob_unref);
}

/* ---- what would happen ---- */

static void
recipient_free(void *recipient)
{
  seal_recipient_free(recipient);
}

/* Nobody can be sealed to: there is no plugin, or it was not asked. */
static GPtrArray *
nobody(const GPtrArray *specs, const char *why)
{
  GPtrArray *recipients = g_ptr_array_new_with_free_func(recipient_free);
  for (guint i = 0; i < specs->len; i++) {
    struct seal_recipient *recipient = g_new0(struct seal_recipient, 1);
    recipient->spec = g_strdup(specs->pdata[i]);
    recipient->why = g_strdup(why);
    g_ptr_array_add(recipients, recipient);
  }
  return recipients;
}

/* Asks the plugin for everybody and, last, for the author's own key. */
static GPtrArray *
ask_plugin_whom(struct work *work, const struct wishes *wishes, bool *can_sign_out, GError **error)
{
  g_autoptr(GPtrArray) specs = g_ptr_array_new();
  for (guint i = 0; i < wishes->specs->len; i++)
    g_ptr_array_add(specs, wishes->specs->pdata[i]);
  g_ptr_array_add(specs, (char *)wishes->author);
  g_ptr_array_add(specs, NULL);
  GPtrArray *recipients =
      crypto_recipients(work->engine->crypto, wishes->account->crypto_plugin,
                        (const char *const *)specs->pdata, work->cancel, error);
  if (recipients == NULL)
    return NULL;
  if (recipients->len != specs->len - 1) {
    g_ptr_array_unref(recipients);
    error_set(error, POSTINO_ERROR_BUG, "%s", _("the plugin did not answer for every recipient"));
    return NULL;
  }
  const struct seal_recipient *own = recipients->pdata[recipients->len - 1];
  *can_sign_out = own->can_sign;
  g_ptr_array_remove_index(recipients, recipients->len - 1);
  for (guint i = 0; i < recipients->len; i++) {
    struct seal_recipient *recipient = recipients->pdata[i];
    recipient->known = key_seen(work->engine, recipient->key);
  }
  return recipients;
}

static bool
is_needed(enum conf_when when, int wish)
{
  return wish == 1 || (wish == -1 && when == CONF_ALWAYS);
}

static bool
is_thinkable(enum conf_when when, int wish)
{
  return wish == 1 || (wish == -1 && when != CONF_NEVER);
}

static bool
plan_of(const struct wishes *wishes, bool can_sign, const GPtrArray *recipients,
        struct seal_plan *plan_out, GError **error)
{
  return seal_plan_make(wishes->sign_when, wishes->encrypt_when, wishes->sign, wishes->encrypt,
                        wishes->answers_sealed, can_sign, recipients, plan_out, error);
}

/* A plugin that does not work is an error where sealing or signing is wished or the
 * rc demands it; where it only would be done when possible, it is the reason why
 * the letter goes as a postcard, and that is shown. */
static bool
weigh_without_plugin(const struct wishes *wishes, GError *why, GPtrArray **recipients_out,
                     struct seal_plan *plan_out, GError **error)
{
  if (error_is(why, POSTINO_ERROR_CANCELLED) || is_needed(wishes->sign_when, wishes->sign) ||
      is_needed(wishes->encrypt_when, wishes->encrypt)) {
    g_propagate_error(error, why);
    return false;
  }
  g_autoptr(GError) reason = why;
  *recipients_out = nobody(wishes->specs, reason->message);
  if (!plan_of(wishes, false, *recipients_out, plan_out, error))
    return false;
  if (plan_out->why_not != NULL) { /* once, not for each recipient */
    g_free(plan_out->why_not);
    plan_out->why_not = g_strdup(reason->message);
  }
  return true;
}

bool
wishes_weigh(struct work *work, const struct wishes *wishes, GPtrArray **recipients_out,
             struct seal_plan *plan_out, GError **error)
{
  bool can_sign = false;
  g_autoptr(GError) why = NULL;
  if (!is_thinkable(wishes->sign_when, wishes->sign) &&
      !is_thinkable(wishes->encrypt_when, wishes->encrypt) && !wishes->answers_sealed)
    *recipients_out = nobody(wishes->specs, _("this account does not seal"));
  else
    *recipients_out = ask_plugin_whom(work, wishes, &can_sign, &why);
  if (*recipients_out == NULL)
    return weigh_without_plugin(wishes, g_steal_pointer(&why), recipients_out, plan_out, error);
  return plan_of(wishes, can_sign, *recipients_out, plan_out, error);
}

static int
wish_of(enum draft_wish wish)
{
  return wish == DRAFT_BY_POLICY ? -1 : wish == DRAFT_YES;
}

bool
draft_weigh(struct work *work, const struct draft *draft, GPtrArray **recipients_out,
            struct seal_plan *plan_out, GError **error)
{
  const struct conf_account *account = engine_account(work->engine, draft->account, error);
  if (account == NULL)
    return false;
  g_autoptr(GPtrArray) specs = g_ptr_array_new_with_free_func(g_free);
  add_specs(specs, draft->to, NULL);
  add_specs(specs, draft->cc, NULL);
  add_specs(specs, draft->bcc, NULL);
  struct wishes wishes = {.account = account,
                          .author = draft->from != NULL ? draft->from->spec : "",
                          .specs = specs,
                          .sign_when = account->sign,
                          .encrypt_when = account->encrypt,
                          .sign = wish_of(draft->sign),
                          .encrypt = wish_of(draft->encrypt),
                          .answers_sealed = draft->answers_sealed};
  return wishes_weigh(work, &wishes, recipients_out, plan_out, error);
}

bool
draft_wants_seal(const struct conf_account *account, const struct draft *draft)
{
  if (draft->encrypt != DRAFT_BY_POLICY)
    return draft->encrypt == DRAFT_YES;
  return draft->answers_sealed || account->encrypt == CONF_ALWAYS;
}

/* ---- parcels ---- */

static void
ledger_recipient_free(void *data)
{
  struct ledger_recipient *recipient = data;
  g_free(recipient->spec);
  g_free(recipient->reason);
  g_free(recipient->status);
  g_free(recipient);
}

static void
blob_free(void *blob)
{
  blob_unref(blob);
}

static void
parcel_init(struct parcel *parcel)
{
  parcel->readable = NULL;
  parcel->copies = g_ptr_array_new_with_free_func(blob_free);
  parcel->recipients = g_ptr_array_new_with_free_func(ledger_recipient_free);
}

void
parcel_clear(struct parcel *parcel)
{
  g_clear_pointer(&parcel->readable, blob_unref);
  g_clear_pointer(&parcel->copies, g_ptr_array_unref);
  g_clear_pointer(&parcel->recipients, g_ptr_array_unref);
}

/* These recipients get the copy that was added last. */
static void
address_to(struct parcel *parcel, const GPtrArray *specs, guint from, guint n)
{
  for (guint i = from; i < from + n; i++) {
    struct ledger_recipient *recipient = g_new0(struct ledger_recipient, 1);
    recipient->spec = g_strdup(specs->pdata[i]);
    recipient->copy = parcel->copies->len;
    g_ptr_array_add(parcel->recipients, recipient);
  }
}

/* ---- what is made of the letter ---- */

static bool
is_private(const struct outgoing *outgoing)
{
  return outgoing->sign || outgoing->encrypt;
}

static bool
is_small(const struct draft *draft)
{
  guint64 size = 0;
  for (guint i = 0; draft != NULL && i < draft->attachments->len; i++)
    size += blob_size(((struct draft_attachment *)draft->attachments->pdata[i])->blob);
  return size < SMALL;
}

struct blob_writer *
draft_room(struct work *work, const struct draft *draft, bool sealed, GError **error)
{
  return sealed || is_small(draft) ? blob_writer_memory(error)
                                   : ledger_spool(work->engine->store, error);
}

/* What shall be signed or sealed carries the letter's own fields, the true subject among
 * them. */
static bool
write_entity(const struct outgoing *outgoing, bool for_others, struct blob_writer *out,
             GError **error)
{
  bool hidden = for_others && outgoing->encrypt && outgoing->subject != NULL &&
                *outgoing->subject != '\0';
  enum build_protect protect = !is_private(outgoing) ? BUILD_BARE
                               : outgoing->encrypt   ? BUILD_SEALED
                                                     : BUILD_SIGNED;
  struct build_options build = {.now = outgoing->now, .entity_only = true, .protect = protect,
                                .hidden_subject = hidden ? outgoing->subject : NULL};
  return outgoing->message != NULL
             ? letter_write_entity(outgoing->message, protect, out, error)
             : draft_write(outgoing->draft, &build, out, error);
}

static struct blob *
entity_of(struct work *work, const struct outgoing *outgoing, bool for_others, GError **error)
{
  g_autoptr(blob_writer_t) writer =
      draft_room(work, outgoing->draft, is_private(outgoing), error);
  const char *gossip = for_others && outgoing->gossip != NULL ? outgoing->gossip : "";
  return writer != NULL && blob_write(writer, gossip, strlen(gossip), error) &&
                 write_entity(outgoing, for_others, writer, error)
             ? blob_writer_end(writer, error)
             : NULL;
}

static struct blob *
join_text(const char *text, struct blob *rest)
{
  g_autoptr(GBytes) head = g_bytes_new(text, strlen(text));
  return blob_join(head, rest);
}

/* The letter: its fields before the entity.  The field Autocrypt stands before the others;
 * it says nothing that anybody must believe. */
static struct blob *
wrap(const struct outgoing *outgoing, struct blob *entity, bool keep_bcc, GError **error)
{
  struct build_options build = {.now = outgoing->now, .keep_bcc = keep_bcc};
  bool hidden = outgoing->encrypt && outgoing->subject != NULL && *outgoing->subject != '\0';
  g_autoptr(blob_t) letter = NULL;
  if (outgoing->message != NULL) {
    g_autoptr(GBytes) fields = letter_fields(outgoing->message, hidden ? PROTECT_SUBJECT : NULL);
    letter = blob_join(fields, entity);
  } else
    letter = draft_wrap(outgoing->draft, entity,
                        hidden ? PROTECT_SUBJECT : outgoing->draft->subject, &build, error);
  return letter != NULL && outgoing->autocrypt != NULL ? join_text(outgoing->autocrypt, letter)
                                                       : g_steal_pointer(&letter);
}

/* The entity signed, or sealed to `n` of `specs` (and always to its author). */
static struct blob *
seal(struct work *work, const struct outgoing *outgoing, struct blob *entity,
     const GPtrArray *specs, guint from, guint n, GError **error)
{
  g_autoptr(GBytes) bytes = blob_bytes(entity, error);
  g_autoptr(GPtrArray) to = g_ptr_array_new();
  for (guint i = from; i < from + n; i++)
    g_ptr_array_add(to, specs->pdata[i]);
  if (to->len == 0)
    g_ptr_array_add(to, (char *)outgoing->author);
  g_ptr_array_add(to, NULL);
  struct seal_request request = {.plugin = outgoing->account->crypto_plugin,
                                 .from = outgoing->author,
                                 .recipients = (const char *const *)to->pdata,
                                 .entity = bytes,
                                 .memory = entity,
                                 .subject = outgoing->subject,
                                 .sign = outgoing->sign,
                                 .encrypt = outgoing->encrypt};
  work->doing = outgoing->encrypt ? _("sealing") : _("signing");
  work_progress(work, work->doing, 0, 0);
  g_autoptr(GBytes) sealed =
      bytes != NULL ? crypto_seal(work->engine->crypto, &request, work->cancel, error) : NULL;
  return sealed != NULL ? blob_new(sealed) : NULL;
}

/* ---- parcels of it ---- */

/* What is kept; false when it could not be made. */
static bool
keep_readable(const struct outgoing *outgoing, struct blob *entity, struct parcel *parcel,
              GError **error)
{
  parcel->readable = wrap(outgoing, entity, true, error);
  return parcel->readable != NULL;
}

/* The same bytes for everybody, and kept. */
static void
pack_as_it_is(const struct outgoing *outgoing, struct blob *blob, struct parcel *parcel)
{
  g_ptr_array_add(parcel->copies, blob_ref(blob));
  address_to(parcel, outgoing->visible, 0, outgoing->visible->len);
  address_to(parcel, outgoing->hidden, 0, outgoing->hidden->len);
  parcel->readable = blob_ref(blob);
}

/* One entity for everybody: a postcard, or only signed. */
static bool
pack_open(const struct outgoing *outgoing, struct blob *entity, struct parcel *parcel,
          GError **error)
{
  g_autoptr(blob_t) wire = wrap(outgoing, entity, false, error);
  if (wire == NULL)
    return false;
  pack_as_it_is(outgoing, wire, parcel);
  if (outgoing->hidden->len == 0)
    return true;
  g_clear_pointer(&parcel->readable, blob_unref);
  return keep_readable(outgoing, entity, parcel, error);
}

static bool
add_copy(const struct outgoing *outgoing, struct blob *entity, const GPtrArray *specs, guint from,
         guint n, struct parcel *parcel, GError **error)
{
  struct blob *wire = wrap(outgoing, entity, false, error);
  if (wire == NULL)
    return false;
  g_ptr_array_add(parcel->copies, wire);
  address_to(parcel, specs, from, n);
  return true;
}

/* A copy for those who see each other (the author can read it too, so it is what
 * is kept), and one for each who is hidden: a ciphertext tells for how many keys it
 * is. */
static bool
pack_sealed(struct work *work, const struct outgoing *outgoing, struct blob *entity,
            struct parcel *parcel, GError **error)
{
  const GPtrArray *visible = outgoing->visible, *hidden = outgoing->hidden;
  g_autoptr(blob_t) kept = seal(work, outgoing, entity, visible, 0, visible->len, error);
  if (kept == NULL)
    return false;
  if (visible->len > 0 && !add_copy(outgoing, kept, visible, 0, visible->len, parcel, error))
    return false;
  for (guint i = 0; i < hidden->len; i++) {
    g_autoptr(blob_t) sealed = seal(work, outgoing, entity, hidden, i, 1, error);
    if (sealed == NULL || !add_copy(outgoing, sealed, hidden, i, 1, parcel, error))
      return false;
  }
  return keep_readable(outgoing, kept, parcel, error);
}

/* A letter from outside that is neither signed nor sealed. */
static bool
is_ready(const struct outgoing *outgoing)
{
  return outgoing->draft == NULL && !outgoing->encrypt && !outgoing->sign;
}

static void
pack_ready(const struct outgoing *outgoing, struct parcel *parcel)
{
  g_autoptr(blob_t) blob = outgoing->large != NULL ? blob_ref(outgoing->large)
                                                   : blob_new(outgoing->message);
  pack_as_it_is(outgoing, blob, parcel);
}

static bool
pack(struct work *work, const struct outgoing *outgoing, struct parcel *parcel, GError **error)
{
  g_autoptr(blob_t) entity = entity_of(work, outgoing, true, error);
  if (entity == NULL)
    return false;
  if (outgoing->encrypt)
    return pack_sealed(work, outgoing, entity, parcel, error);
  if (!outgoing->sign)
    return pack_open(outgoing, entity, parcel, error);
  g_autoptr(blob_t) signed_entity =
      seal(work, outgoing, entity, outgoing->visible, 0, outgoing->visible->len, error);
  return signed_entity != NULL && pack_open(outgoing, signed_entity, parcel, error);
}

/* The writer's own key for the field Autocrypt; a letter is not held up for it. */
static char *
own_field(struct work *work, const struct outgoing *outgoing)
{
  const struct conf_account *account = outgoing->account;
  const char *specs[] = {outgoing->author, NULL};
  if (account->autocrypt == CONF_AUTOCRYPT_NO)
    return NULL;
  g_autoptr(GPtrArray) own = crypto_recipients(work->engine->crypto, account->crypto_plugin, specs,
                                               work->cancel, NULL);
  const struct seal_recipient *key = own != NULL && own->len == 1 ? own->pdata[0] : NULL;
  g_autoptr(GBytes) armour =
      key != NULL && key->can_sign && key->key != NULL
          ? crypto_key_export(work->engine->crypto, account->crypto_plugin, key->key, work->cancel,
                              NULL)
          : NULL;
  return armour != NULL ? autocrypt_field("Autocrypt", outgoing->author, armour,
                                          account->autocrypt == CONF_AUTOCRYPT_MUTUAL)
                        : NULL;
}

bool
parcel_make(struct work *work, const struct outgoing *given, struct parcel *parcel_out,
            GError **error)
{
  g_auto(parcel_t) parcel = {0};
  g_autofree char *field = is_ready(given) ? NULL : own_field(work, given);
  struct outgoing with_field = *given, *outgoing = &with_field;
  with_field.autocrypt = field;
  g_autofree char *gossip = is_ready(given) ? NULL : gossip_fields(work, given);
  with_field.gossip = gossip;
  parcel_init(&parcel);
  if (is_ready(outgoing))
    pack_ready(outgoing, &parcel);
  else if (outgoing->large != NULL)
    return error_set(error, POSTINO_ERROR_BUG, "%s", _("a letter on the disk cannot be sealed"));
  else if (!pack(work, outgoing, &parcel, error))
    return false;
  *parcel_out = parcel;
  memset(&parcel, 0, sizeof parcel);
  return true;
}

struct blob *
seal_to_oneself(struct work *work, const struct conf_account *account, const struct draft *draft,
                int64_t now, GError **error)
{
  g_autoptr(GPtrArray) none = g_ptr_array_new();
  /* Within and outside it must be the same letter. */
  g_autoptr(draft_t) named = draft_copy(draft);
  if (named->message_id == NULL)
    named->message_id = message_id_new(strrchr(named->from->spec, '@') != NULL
                                           ? strrchr(named->from->spec, '@') + 1
                                           : "localhost");
  struct outgoing outgoing = {.account = account, .author = named->from->spec, .draft = named,
                              .subject = named->subject, .encrypt = true, .now = now};
  g_autoptr(blob_t) entity = entity_of(work, &outgoing, false, error);
  g_autoptr(blob_t) sealed =
      entity != NULL ? seal(work, &outgoing, entity, none, 0, 0, error) : NULL;
  return sealed != NULL ? wrap(&outgoing, sealed, true, error) : NULL;
}
