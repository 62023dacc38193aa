/* Receipts (RFC 8098): never but when the reader says so. */
#include "message/receipt.h"

#include "base/error.h"
#include "base/i18n.h"
#include "base/text.h"
#include "engine/out.h"
#include "message/address.h"
#include "store/drops.h"

/* Who asks; several may not (RFC 8098, 2.1: then nobody is answered unseen). */
static struct address *
asker_of(const struct rendered *rendered, GError **error)
{
  for (guint i = 0; i < rendered->headers->len; i++) {
    const struct rendered_header *header = g_ptr_array_index(rendered->headers, i);
    if (g_ascii_strcasecmp(header->name, "Disposition-Notification-To") != 0)
      continue;
    g_autoptr(GPtrArray) list = address_parse_header(header->value, -1);
    const struct address *first = list->len == 1 ? g_ptr_array_index(list, 0) : NULL;
    if (first != NULL && address_is_valid_spec(first->spec))
      return address_copy(first);
    error_set(error, POSTINO_ERROR_INVALID,
              _("the sender does not name one address that a receipt could go to"));
    return NULL;
  }
  error_set(error, POSTINO_ERROR_NOTFOUND, _("nobody asks for a receipt of this letter"));
  return NULL;
}

static const struct conf_account *
find_own(struct engine *engine, const GPtrArray *addresses, const struct address **own_out)
{
  for (guint i = 0; i < addresses->len; i++) {
    const struct address *address = g_ptr_array_index(addresses, i);
    const struct conf_account *account = conf_account_of_address(engine->conf, address->spec);
    if (account != NULL && account->smtp != NULL) {
      *own_out = address;
      return account;
    }
  }
  return NULL;
}

/* Only for a letter that names one of the user's addresses: who got it in another way
 * would tell the sender an address that he need not know. */
static const struct conf_account *
account_of(struct engine *engine, const struct rendered *rendered, const struct address **own_out,
           GError **error)
{
  const struct conf_account *account = find_own(engine, rendered->to, own_out);
  if (account == NULL)
    account = find_own(engine, rendered->cc, own_out);
  if (account == NULL)
    error_set(error, POSTINO_ERROR_INVALID,
              _("none of your addresses is among the recipients that the letter names, so a receipt "
                "would tell the sender one"));
  return account;
}

/* One letter, one receipt. */
static bool
is_first(struct engine *engine, const struct conf_account *account, const char *name, GError **error)
{
  g_autofree char *before = store_memory_get(engine->store, account->name, name);
  return before == NULL ||
         error_set(error, POSTINO_ERROR_REFUSED, _("a receipt of this letter was sent already"));
}

static bool
post_receipt(struct work *work, const struct conf_account *account, const struct receipt *receipt,
             GError **error)
{
  g_auto(parcel_t) parcel = {0};
  g_auto(outgoing_t) outgoing = {.account = account, .author = receipt->own->spec,
                                 .now = receipt->now};
  outgoing.message = receipt_build(receipt, error);
  if (outgoing.message == NULL)
    return false;
  outgoing.visible = g_ptr_array_new_with_free_func(g_free);
  outgoing.hidden = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(outgoing.visible, g_strdup(receipt->asker->spec));
  /* RFC 8098, 2.1: what comes back of it goes to nobody. */
  struct posting posting = {.from = "", .dsn = "NOTIFY=NEVER"};
  bool known;
  return parcel_make(work, &outgoing, &parcel, error) &&
         post(work, &outgoing, &parcel, &posting, &work->done->text, &known, error);
}

static bool
run_receipt(struct work *work, GError **error)
{
  struct engine *engine = work->engine;
  g_autoptr(opened_t) opened = open_letter(work, work->args, NULL, error);
  if (opened == NULL)
    return false;
  const struct rendered *rendered = opened->rendered;
  const struct address *own = NULL;
  struct address *asker = asker_of(rendered, error);
  const struct conf_account *account =
      asker != NULL ? account_of(engine, rendered, &own, error) : NULL;
  g_autofree char *name = g_strdup_printf(
      "receipt %s", rendered->message_id != NULL ? rendered->message_id : opened->key);
  struct receipt receipt = {.own = own, .asker = asker, .message_id = rendered->message_id,
                            .now = g_get_real_time() / G_USEC_PER_SEC};
  bool done = account != NULL && is_first(engine, account, name, error) &&
              post_receipt(work, account, &receipt, error) &&
              store_memory_set(engine->store, account->name, name, "sent", error);
  address_free(asker);
  if (done)
    flush_when_due(engine, account);
  return done;
}

static void
free_ref(void *ref)
{
  ref_free(ref);
}

request_id
engine_receipt(struct engine *engine, const struct letter_ref *ref)
{
  return engine_request(engine, GROUP_CHANGE, run_receipt, ref_copy(ref), free_ref);
}
