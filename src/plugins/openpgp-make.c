/* A new key pair, and the copy of it that its owner keeps elsewhere. */
#include <string.h>

#include "plugins/common.h"
#include "plugins/openpgp.h"

/* How often the two passphrases may differ. */
#define ATTEMPTS 3

/* A second pair beside a living one would only puzzle others. */
static int
refuse_second(struct openpgp *pgp, const char *user_id)
{
  const char *open = strrchr(user_id, '<');
  g_autofree char *address = open != NULL ? g_strndup(open + 1, strcspn(open + 1, ">")) : NULL;
  g_autoptr(GPtrArray) keys = address != NULL ? openpgp_keys_of(pgp, address) : NULL;
  gpgme_key_t own = keys != NULL ? openpgp_signing_key(keys, address) : NULL;
  if (own == NULL)
    return 0;
  g_autofree char *why = g_strdup_printf(
      _("you have a key of your own for %s already: %s; revoke or delete that one first"), address,
      own->fpr);
  return pgp->host->error(pgp->host, POSTINO_UNSUPPORTED, why);
}

static void
forget_new(struct openpgp *pgp)
{
  if (pgp->new_passphrase != NULL)
    explicit_bzero(pgp->new_passphrase, strlen(pgp->new_passphrase));
  g_clear_pointer(&pgp->new_passphrase, g_free);
}

/* Typed twice, since what is typed is not seen; an empty one once: it is none. */
static gpgme_error_t
ask_new(struct openpgp *pgp)
{
  const char *prompt = _("Passphrase for your new key (empty: none):");
  for (int i = 0; i < ATTEMPTS; i++) {
    const char *answer = pgp->host->ask(pgp->host, prompt, 1);
    if (answer == NULL)
      return gpg_error(GPG_ERR_CANCELED);
    pgp->new_passphrase = g_strdup(answer);
    if (*answer == '\0')
      return 0;
    answer = pgp->host->ask(pgp->host, _("Passphrase, the same once more:"), 1);
    if (answer == NULL)
      return gpg_error(GPG_ERR_CANCELED);
    if (strcmp(answer, pgp->new_passphrase) == 0)
      return 0;
    forget_new(pgp);
    prompt = _("The two were not the same. Passphrase for your new key (empty: none):");
  }
  return gpg_error(GPG_ERR_BAD_PASSPHRASE);
}

static gpgme_error_t
create(struct openpgp *pgp, const char *user_id)
{
  gpgme_error_t error = pgp->host->can_ask && !pgp->pinentry ? ask_new(pgp) : 0;
  bool none =
      !pgp->pinentry && (pgp->new_passphrase == NULL || *pgp->new_passphrase == '\0');
  if (error == 0 && !openpgp_take_terminal(pgp))
    error = gpg_error(GPG_ERR_NO_PIN_ENTRY);
  if (error == 0)
    error = gpgme_op_createkey(pgp->ctx, user_id, "future-default", 0, 0, NULL,
                               GPGME_CREATE_NOEXPIRE | GPGME_CREATE_FORCE |
                                   (none ? GPGME_CREATE_NOPASSWD : 0));
  forget_new(pgp);
  openpgp_leave_terminal(pgp);
  return error;
}

int
openpgp_make(struct openpgp *pgp, const char *user_id)
{
  if (user_id == NULL)
    return openpgp_failed(pgp, gpg_error(GPG_ERR_INV_USER_ID));
  if (refuse_second(pgp, user_id) != 0)
    return -1;
  gpgme_error_t error = create(pgp, user_id);
  gpgme_genkey_result_t result = error == 0 ? gpgme_op_genkey_result(pgp->ctx) : NULL;
  gpgme_key_t key = NULL;
  if (result == NULL || result->fpr == NULL)
    return openpgp_failed(pgp, error != 0 ? error : gpg_error(GPG_ERR_GENERAL));
  error = gpgme_get_key(pgp->ctx, result->fpr, &key, 0);
  if (error != 0)
    return openpgp_failed(pgp, error);
  openpgp_say_key(pgp, key);
  gpgme_key_unref(key);
  return 0;
}

int
openpgp_export(struct openpgp *pgp, const char *fingerprint, gpgme_export_mode_t mode)
{
  gpgme_data_t out = NULL;
  pgp->asked = 0;
  gpgme_error_t error = gpgme_data_new(&out);
  bool secret = (mode & GPGME_EXPORT_MODE_SECRET) != 0;
  if (error == 0 && secret && !openpgp_take_terminal(pgp))
    error = gpg_error(GPG_ERR_NO_PIN_ENTRY);
  if (error == 0)
    error = gpgme_op_export(pgp->ctx, fingerprint, mode, out);
  openpgp_leave_terminal(pgp);
  size_t length = 0;
  char *text = error == 0 ? gpgme_data_release_and_get_mem(out, &length) : NULL;
  int result = 0;
  if (error != 0 || length == 0)
    result = openpgp_failed(pgp, error != 0 ? error : gpg_error(GPG_ERR_NO_PUBKEY));
  else
    pgp->host->output(pgp->host, text, length);
  if (text != NULL)
    explicit_bzero(text, length);
  gpgme_free(text);
  return result;
}
