/* The signer's key.  Most letters are signed by a key of the address that they say they
 * are from: its keys are listed by a gpg of their own while another one opens the letter.
 * What the letter says decides nothing: a key counts by the fingerprint of the signature
 * alone, and any other key is asked for by it. */
#include "plugins/openpgp.h"

/* Whether a secret key is here costs a question to the agent for each subkey. */
static gpgme_ctx_t
context_for_listing(void)
{
  gpgme_ctx_t ctx = NULL;
  if (gpgme_new(&ctx) != 0)
    return NULL;
  if (gpgme_set_protocol(ctx, GPGME_PROTOCOL_OpenPGP) != 0 ||
      gpgme_set_keylist_mode(ctx, GPGME_KEYLIST_MODE_LOCAL) != 0) {
    gpgme_release(ctx);
    return NULL;
  }
  gpgme_set_offline(ctx, 1);
  return ctx;
}

static gpointer
list_of_sender(gpointer data)
{
  g_autofree char *pattern = data;
  gpgme_ctx_t ctx = context_for_listing();
  GPtrArray *keys =
      ctx != NULL ? openpgp_list(ctx, (const char *[]){pattern, NULL}, false) : NULL;
  gpgme_release(ctx);
  return keys;
}

static void
wait_for_senders(struct openpgp *pgp)
{
  if (pgp->asking == NULL)
    return;
  g_clear_pointer(&pgp->senders, g_ptr_array_unref);
  pgp->senders = g_thread_join(g_steal_pointer(&pgp->asking));
}

void
openpgp_expect_signer(struct openpgp *pgp, const char *from)
{
  wait_for_senders(pgp);
  g_clear_pointer(&pgp->senders, g_ptr_array_unref);
  if (from != NULL && *from != '\0')
    pgp->asking = g_thread_new("signer", list_of_sender, g_strdup_printf("<%s>", from));
}

static bool
has_subkey(gpgme_key_t key, const char *fingerprint)
{
  for (gpgme_subkey_t subkey = key->subkeys; subkey != NULL; subkey = subkey->next)
    if (subkey->fpr != NULL && g_ascii_strcasecmp(subkey->fpr, fingerprint) == 0)
      return true;
  return false;
}

gpgme_key_t
openpgp_key_of_signer(struct openpgp *pgp, const char *fingerprint)
{
  wait_for_senders(pgp);
  for (guint i = 0; pgp->senders != NULL && i < pgp->senders->len; i++)
    if (has_subkey(pgp->senders->pdata[i], fingerprint)) {
      gpgme_key_ref(pgp->senders->pdata[i]);
      return pgp->senders->pdata[i];
    }
  gpgme_keylist_mode_t before = gpgme_get_keylist_mode(pgp->ctx);
  (void)gpgme_set_keylist_mode(pgp->ctx, GPGME_KEYLIST_MODE_LOCAL);
  gpgme_key_t key = openpgp_key_now(pgp, fingerprint);
  (void)gpgme_set_keylist_mode(pgp->ctx, before);
  return key;
}
