#include <string.h>

#include "base/limits.h"
#include "plugins/common.h"
#include "plugins/smime.h"

static GPtrArray *
list_certificates(struct smime *smime, const char *pattern, bool own)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func(common_free_key);
  gpgme_key_t key;
  if (gpgme_op_keylist_start(smime->ctx, pattern, own) != 0)
    return keys;
  while (gpgme_op_keylist_next(smime->ctx, &key) == 0)
    g_ptr_array_add(keys, key);
  gpgme_op_keylist_end(smime->ctx);
  return keys;
}

static GPtrArray *
certificates_of(struct smime *smime, const char *address)
{
  g_autofree char *pattern = g_strdup_printf("<%s>", address);
  return list_certificates(smime, pattern, false);
}

/* gpgsm gives an address as "<anna@…>". */
static bool
is_address(gpgme_user_id_t uid, const char *address)
{
  size_t length = strlen(address);
  return uid->uid != NULL && strlen(uid->uid) == length + 2 && uid->uid[0] == '<' &&
         uid->uid[length + 1] == '>' && g_ascii_strncasecmp(uid->uid + 1, address, length) == 0;
}

static bool
bears(gpgme_key_t key, const char *address)
{
  for (gpgme_user_id_t uid = key->uids; uid != NULL; uid = uid->next)
    if (is_address(uid, address))
      return true;
  return false;
}

/* The chain was looked at when it was listed: all user ids share what came out. */
static bool
is_trusted(gpgme_key_t key)
{
  return !common_is_dead(key) && key->uids != NULL &&
         common_validity(key->uids->validity) >= POSTINO_VALIDITY_MARGINAL;
}

static gpgme_key_t
newest(GPtrArray *keys, const char *address, bool own, bool encrypt)
{
  gpgme_key_t best = NULL;
  for (guint i = 0; i < keys->len; i++) {
    gpgme_key_t key = keys->pdata[i];
    bool able = encrypt ? key->can_encrypt : key->can_sign;
    if (!able || (own && !key->secret) || !bears(key, address) || !is_trusted(key))
      continue;
    if (best == NULL || key->subkeys->timestamp > best->subkeys->timestamp)
      best = key;
  }
  return best;
}

gpgme_key_t
smime_certificate(struct smime *smime, const char *address, bool own, bool encrypt)
{
  g_autoptr(GPtrArray) keys = certificates_of(smime, address);
  gpgme_key_t key = newest(keys, address, own, encrypt);
  if (key != NULL)
    gpgme_key_ref(key);
  return key;
}

/* The CN of "…,CN=Anna Rossi,…": a name for people, never one that could be read
 * as an address. */
static char *
common_name(const char *subject)
{
  const char *at = subject;
  while (at != NULL && !g_str_has_prefix(at, "CN="))
    at = (at = strchr(at, ',')) != NULL ? at + 1 : NULL;
  if (at == NULL)
    return g_strdup("");
  char *name = g_strndup(at + 3, strcspn(at + 3, ","));
  if (strpbrk(name, "<>@\\\"") != NULL || strlen(name) > 200)
    *name = '\0';
  return name;
}

GPtrArray *
smime_user_ids(gpgme_key_t key)
{
  GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *name =
      key->uids != NULL && key->uids->uid != NULL ? common_name(key->uids->uid) : g_strdup("");
  for (gpgme_user_id_t uid = key->uids; uid != NULL; uid = uid->next)
    if (uid->uid != NULL && uid->uid[0] == '<')
      g_ptr_array_add(ids, g_strdup_printf("%s%s%s", name, *name != '\0' ? " " : "", uid->uid));
  return ids;
}

static char *
why_not(GPtrArray *keys, const char *address)
{
  bool expired = false, revoked = false, any = false;
  for (guint i = 0; i < keys->len; i++) {
    gpgme_key_t key = keys->pdata[i];
    any = any || bears(key, address);
    expired = expired || key->expired;
    revoked = revoked || key->revoked;
  }
  if (expired)
    return g_strdup_printf(_("the certificate of %s has expired; ask for a signed letter with the "
                             "new one and import it (gpgsm --import)"),
                           address);
  if (revoked)
    return g_strdup_printf(
        _("the certificate of %s was revoked; ask for a new one and import it (gpgsm --import)"),
        address);
  if (any)
    return g_strdup_printf(_("the issuer of the certificate of %s is not trusted; see gpgsm "
                             "--list-chain, and trustlist.txt of gpg-agent"),
                           address);
  return g_strdup_printf(
      _("there is no certificate of %s; ask for a signed letter and import the one in it (gpgsm --import)"),
      address);
}

static void
say_recipient(struct smime *smime, const char *address)
{
  g_autoptr(GPtrArray) keys = certificates_of(smime, address);
  gpgme_key_t key = newest(keys, address, false, true);
  g_autofree char *why = key == NULL ? why_not(keys, address) : NULL;
  g_autoptr(GPtrArray) ids = key != NULL ? smime_user_ids(key) : NULL;
  struct postino_recipient said = {POSTINO_PLUGIN_HEAD(said),
                                   .address = address,
                                   .can_seal = key != NULL,
                                   .can_sign = newest(keys, address, true, false) != NULL,
                                   .why = why};
  if (key != NULL) {
    said.key = key->fpr;
    said.user_id = ids->len > 0 ? ids->pdata[0] : NULL;
    said.since = key->subkeys->timestamp;
    said.expires = key->subkeys->expires;
  }
  smime->host->recipient(smime->host, &said);
}

int
smime_recipients(void *state, const char *const *addresses, const char *const *confirmed, size_t n)
{
  for (size_t i = 0; i < n; i++)
    say_recipient(state, addresses[i]);
  return 0;
}

/* ---- the certificates ---- */

static void
say_key(struct smime *smime, gpgme_key_t key)
{
  g_autoptr(GPtrArray) ids = smime_user_ids(key);
  struct postino_key said = {POSTINO_PLUGIN_HEAD(said),
                             .key = key->fpr,
                             .user_id = ids->len > 0        ? ids->pdata[0]
                                        : key->uids != NULL ? key->uids->uid
                                                            : NULL,
                             .validity =
                                 key->uids != NULL ? common_validity(key->uids->validity) : 0,
                             .secret = (int)key->secret,
                             .since = key->subkeys->timestamp,
                             .expires = key->subkeys->expires,
                             .revoked = (int)key->revoked};
  smime->host->key(smime->host, &said);
}

static int
find_keys(struct smime *smime, const char *query, bool own)
{
  const char *pattern = query != NULL && *query != '\0' ? query : NULL;
  g_autoptr(GPtrArray) keys = list_certificates(smime, pattern, own);
  for (guint i = 0; i < keys->len && i < LIMIT_KEYS; i++)
    say_key(smime, keys->pdata[i]);
  return 0;
}

static int
show_key(struct smime *smime, const char *fingerprint)
{
  gpgme_data_t out = NULL;
  gpgme_error_t error = gpgme_data_new(&out);
  gpgme_set_armor(smime->ctx, 1);
  if (error == 0)
    error = gpgme_op_export(smime->ctx, fingerprint, 0, out);
  gpgme_set_armor(smime->ctx, 0);
  size_t length = 0;
  char *text = error == 0 ? gpgme_data_release_and_get_mem(out, &length) : NULL;
  if (error != 0 || length == 0) {
    gpgme_free(text);
    return smime_failed(smime, error != 0 ? error : gpg_error(GPG_ERR_NO_PUBKEY));
  }
  smime->host->output(smime->host, text, length);
  gpgme_free(text);
  return 0;
}

static int
import_keys(struct smime *smime, const struct postino_bytes *bytes, bool of_others)
{
  gpgme_data_t in = NULL;
  gpgme_error_t error = gpgme_data_new_from_mem(&in, bytes->data, bytes->length, 0);
  if (error == 0 && of_others && gpgme_data_identify(in, 0) == GPGME_DATA_TYPE_PKCS12) {
    gpgme_data_release(in);
    return smime->host->error(smime->host, POSTINO_BAD_DATA,
                              _("it holds a secret key, which nobody sends to others: it is not "
                                "taken; tell its sender"));
  }
  if (error == 0)
    error = gpgme_op_import(smime->ctx, in);
  gpgme_data_release(in);
  gpgme_import_result_t result = error == 0 ? gpgme_op_import_result(smime->ctx) : NULL;
  if (result == NULL || result->imports == NULL)
    return smime_failed(smime, error != 0 ? error : gpg_error(GPG_ERR_NO_DATA));
  gpgme_result_ref(result);
  for (gpgme_import_status_t import = result->imports; import != NULL; import = import->next) {
    gpgme_key_t key = NULL;
    if (import->fpr != NULL && gpgme_get_key(smime->ctx, import->fpr, &key, 0) == 0)
      say_key(smime, key);
    gpgme_key_unref(key);
  }
  gpgme_result_unref(result);
  return 0;
}

int
smime_keys(void *state, const struct postino_keys *keys)
{
  struct smime *smime = state;
  if (strcmp(keys->action, "find") == 0)
    return find_keys(smime, keys->query, false);
  if (strcmp(keys->action, "own") == 0)
    return find_keys(smime, NULL, true);
  if (strcmp(keys->action, "show") == 0)
    return show_key(smime, keys->query);
  if (strcmp(keys->action, "import") == 0)
    return import_keys(smime, &keys->data, strcmp(keys->query, "public") == 0);
  if (strcmp(keys->action, "make") == 0)
    return smime->host->error(smime->host, POSTINO_UNSUPPORTED,
                              _("an authority makes certificates; ask one for yours and import it "
                                "(gpgsm --import)"));
  if (strcmp(keys->action, "locate") == 0)
    return smime->host->error(smime->host, POSTINO_UNSUPPORTED,
                              _("certificates are not looked for outside; ask for a signed letter "
                                "and import the one in it"));
  return smime->host->error(smime->host, POSTINO_UNSUPPORTED, _("the smime plugin cannot do that"));
}
