/* Keys that are looked for outside: at the provider of an address, and only when the
 * user said so (Web Key Directory, by GnuPG's dirmngr). */
#include <string.h>

#include "plugins/common.h"
#include "plugins/openpgp.h"

static gpgme_error_t
look_outside(struct openpgp *pgp, const char *address, unsigned *found_out)
{
  gpgme_key_t key;
  unsigned found = 0;
  gpgme_error_t error = gpgme_op_keylist_start(pgp->ctx, address, 0);
  if (error != 0)
    return error;
  while ((error = gpgme_op_keylist_next(pgp->ctx, &key)) == 0) {
    if (openpgp_user_id(key, address) != NULL) {
      openpgp_say_key(pgp, key);
      found++;
    }
    gpgme_key_unref(key);
  }
  gpgme_op_keylist_end(pgp->ctx);
  *found_out = found;
  return gpg_err_code(error) == GPG_ERR_EOF ? 0 : error;
}

int
openpgp_locate(struct openpgp *pgp, const char *address)
{
  unsigned found = 0;
  if (address == NULL || strchr(address, '@') == NULL || *address == '-')
    return openpgp_failed(pgp, gpg_error(GPG_ERR_INV_USER_ID));
  gpgme_keylist_mode_t before = gpgme_get_keylist_mode(pgp->ctx);
  gpgme_error_t error = gpgme_set_ctx_flag(pgp->ctx, "auto-key-locate", "clear,nodefault,wkd");
  if (error == 0)
    error = gpgme_set_keylist_mode(pgp->ctx, GPGME_KEYLIST_MODE_LOCATE_EXTERNAL);
  gpgme_set_offline(pgp->ctx, 0);
  if (error == 0)
    error = look_outside(pgp, address, &found);
  gpgme_set_offline(pgp->ctx, 1);
  (void)gpgme_set_keylist_mode(pgp->ctx, before);
  (void)gpgme_set_ctx_flag(pgp->ctx, "auto-key-locate", "clear,nodefault,local");
  if (error == 0 && found > 0)
    return 0;
  g_autofree char *why = g_strdup_printf(
      _("the provider of %s has no key of it (%s); ask for it and import it"), address,
      error != 0 ? gpgme_strerror(error) : _("it answered with other addresses"));
  return pgp->host->error(pgp->host, POSTINO_NO_KEY, why);
}
