/* What the user does to a key of the key ring: renew it, revoke it, delete it. */
#include <string.h>
#include <time.h>

#include "plugins/common.h"
#include "plugins/openpgp.h"

/* As long as is usual for a key that somebody looks after. */
#define RENEWED_SECONDS ((unsigned long)2 * 365 * 24 * 60 * 60)

static gpgme_error_t
find_key(struct openpgp *pgp, const char *fingerprint, bool own, gpgme_key_t *key_out)
{
  if (fingerprint == NULL || *fingerprint == '\0')
    return gpg_error(GPG_ERR_INV_VALUE);
  gpgme_error_t error = gpgme_get_key(pgp->ctx, fingerprint, key_out, own);
  return gpg_err_code(error) == GPG_ERR_EOF ? gpg_error(GPG_ERR_NO_PUBKEY) : error;
}

int
openpgp_renew(struct openpgp *pgp, const char *fingerprint)
{
  gpgme_key_t key = NULL;
  gpgme_error_t error = find_key(pgp, fingerprint, true, &key);
  pgp->asked = 0;
  if (error == 0 && !openpgp_take_terminal(pgp))
    error = gpg_error(GPG_ERR_NO_PIN_ENTRY);
  if (error == 0)
    error = gpgme_op_setexpire(pgp->ctx, key, RENEWED_SECONDS, NULL, 0);
  if (error == 0)
    error = gpgme_op_setexpire(pgp->ctx, key, RENEWED_SECONDS, "*", 0);
  openpgp_leave_terminal(pgp);
  gpgme_key_unref(key);
  if (error == 0)
    error = find_key(pgp, fingerprint, true, &key);
  if (error != 0)
    return openpgp_failed(pgp, error);
  openpgp_say_key(pgp, key);
  gpgme_key_unref(key);
  return 0;
}

/* ---- revoking ---- */

struct revoking {
  bool asked;               /* "revkey" was given: what follows is to be kept */
};

/* gpg's own dialogue: its questions by their keywords, which are its interface. */
static const char *
answer_to(struct revoking *revoking, const char *keyword, const char *question)
{
  static const char *const yes[] = {"keyedit.revoke.subkey.okay", "ask_revocation_reason.okay",
                                    "keyedit.save.okay", NULL};
  if (strcmp(keyword, "GET_BOOL") == 0)
    return g_strv_contains(yes, question) ? "y\n" : "n\n";
  if (strcmp(keyword, "GET_LINE") != 0)
    return NULL;
  if (strcmp(question, "ask_revocation_reason.code") == 0)
    return "0\n";
  if (strcmp(question, "keyedit.prompt") != 0)
    return "\n";
  const char *command = revoking->asked ? "save\n" : "revkey\n";
  revoking->asked = true;
  return command;
}

static gpgme_error_t
converse(void *data, const char *keyword, const char *question, int fd)
{
  if (fd < 0)
    return 0;
  const char *answer = answer_to(data, keyword, question != NULL ? question : "");
  if (answer == NULL)
    return 0;
  return gpgme_io_writen(fd, answer, strlen(answer)) != 0 ? gpg_error_from_syserror() : 0;
}

static bool
is_revoked(struct openpgp *pgp, const char *fingerprint)
{
  gpgme_key_t key = NULL;
  bool revoked = find_key(pgp, fingerprint, false, &key) == 0 && key->revoked;
  if (revoked)
    openpgp_say_key(pgp, key);
  gpgme_key_unref(key);
  return revoked;
}

int
openpgp_revoke(struct openpgp *pgp, const char *fingerprint)
{
  struct revoking revoking = {false};
  gpgme_key_t key = NULL;
  gpgme_data_t out = NULL;
  gpgme_error_t error = find_key(pgp, fingerprint, true, &key);
  pgp->asked = 0;
  if (error == 0)
    error = gpgme_data_new(&out);
  if (error == 0 && !openpgp_take_terminal(pgp))
    error = gpg_error(GPG_ERR_NO_PIN_ENTRY);
  if (error == 0)
    error = gpgme_op_interact(pgp->ctx, key, 0, converse, &revoking, out);
  openpgp_leave_terminal(pgp);
  gpgme_data_release(out);
  gpgme_key_unref(key);
  if (error != 0)
    return openpgp_failed(pgp, error);
  if (!is_revoked(pgp, fingerprint))
    return pgp->host->error(
        pgp->host, POSTINO_WRONG_PASSPHRASE,
        _("the key was not revoked; try again and give its passphrase"));
  return 0;
}

int
openpgp_delete(struct openpgp *pgp, const char *fingerprint)
{
  gpgme_key_t key = NULL;
  gpgme_error_t error = find_key(pgp, fingerprint, false, &key);
  if (error == 0)
    error = gpgme_op_delete_ext(pgp->ctx, key, GPGME_DELETE_ALLOW_SECRET | GPGME_DELETE_FORCE);
  gpgme_key_unref(key);
  return error != 0 ? openpgp_failed(pgp, error) : 0;
}
