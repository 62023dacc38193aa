#include "plugins/openpgp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "plugins/common.h"

/* ---- which there are ---- */

/* The key's live user id that is this address, the most valid one; or NULL. */
gpgme_user_id_t
openpgp_user_id(gpgme_key_t key, const char *address)
{
  gpgme_user_id_t best = NULL;
  for (gpgme_user_id_t uid = key->uids; uid != NULL; uid = uid->next)
    if (!uid->revoked && !uid->invalid && uid->address != NULL &&
        g_ascii_strcasecmp(uid->address, address) == 0 &&
        (best == NULL || common_validity(uid->validity) > common_validity(best->validity)))
      best = uid;
  return best;
}

GPtrArray *
openpgp_list(gpgme_ctx_t ctx, const char **patterns, bool own)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func(common_free_key);
  gpgme_key_t key;
  if (gpgme_op_keylist_ext_start(ctx, patterns, own, 0) != 0)
    return keys;
  while (gpgme_op_keylist_next(ctx, &key) == 0)
    g_ptr_array_add(keys, key);
  gpgme_op_keylist_end(ctx);
  return keys;
}

GPtrArray *
openpgp_keys_of(struct openpgp *pgp, const char *address)
{
  g_autofree char *pattern = g_strdup_printf("<%s>", address);
  return openpgp_list(pgp->ctx, (const char *[]){pattern, NULL}, false);
}

/* gpg is started once for all of them. */
static GPtrArray *
keys_of_all(struct openpgp *pgp, const char *const *addresses, size_t n)
{
  g_autoptr(GPtrArray) patterns = g_ptr_array_new_with_free_func(g_free);
  for (size_t i = 0; i < n; i++)
    g_ptr_array_add(patterns, g_strdup_printf("<%s>", addresses[i]));
  g_ptr_array_add(patterns, NULL);
  return n > 0 ? openpgp_list(pgp->ctx, (const char **)patterns->pdata, false)
               : g_ptr_array_new_with_free_func(common_free_key);
}

/* Those with a user id, dead ones too, that is this address. */
static GPtrArray *
keys_among(const GPtrArray *all, const char *address)
{
  GPtrArray *keys = g_ptr_array_new();
  for (guint i = 0; i < all->len; i++) {
    gpgme_key_t key = all->pdata[i];
    for (gpgme_user_id_t uid = key->uids; uid != NULL; uid = uid->next)
      if (uid->address != NULL && g_ascii_strcasecmp(uid->address, address) == 0) {
        g_ptr_array_add(keys, key);
        break;
      }
  }
  return keys;
}

/* On the plugin's own context: gpgme_get_key() makes one, for which gpg is started
 * once more. */
gpgme_key_t
openpgp_key_now(struct openpgp *pgp, const char *fingerprint)
{
  if (fingerprint == NULL)
    return NULL;
  g_autoptr(GPtrArray) keys = openpgp_list(pgp->ctx, (const char *[]){fingerprint, NULL}, false);
  if (keys->len != 1)
    return NULL;
  gpgme_key_ref(keys->pdata[0]);
  return keys->pdata[0];
}

gpgme_key_t
openpgp_key(struct openpgp *pgp, const char *fingerprint)
{
  for (guint i = 0; fingerprint != NULL && pgp->listed != NULL && i < pgp->listed->len; i++) {
    gpgme_key_t key = pgp->listed->pdata[i];
    if (key->fpr != NULL && g_ascii_strcasecmp(key->fpr, fingerprint) == 0) {
      gpgme_key_ref(key);
      return key;
    }
  }
  return openpgp_key_now(pgp, fingerprint);
}

static bool
is_confirmed(gpgme_key_t key, const char *confirmed)
{
  return confirmed != NULL && key->fpr != NULL && g_ascii_strcasecmp(key->fpr, confirmed) == 0;
}

/* How sure it is that the key is the address's: own and confirmed ones are. */
static int
rank_of(gpgme_key_t key, gpgme_user_id_t uid, const char *confirmed)
{
  int validity = common_validity(uid->validity);
  if (is_confirmed(key, confirmed))
    return POSTINO_VALIDITY_ULTIMATE + 1;
  if (key->secret && validity != POSTINO_VALIDITY_NEVER)
    return MAX(validity, POSTINO_VALIDITY_FULL);
  return validity;
}

/* The key to seal to: usable, the surest, among equals the newest. */
static gpgme_key_t
best_key(GPtrArray *keys, const char *address, const char *confirmed, int *rank_out)
{
  gpgme_key_t best = NULL;
  int best_rank = -1;
  for (guint i = 0; i < keys->len; i++) {
    gpgme_key_t key = keys->pdata[i];
    gpgme_user_id_t uid = openpgp_user_id(key, address);
    if (uid == NULL || common_is_dead(key) || !key->can_encrypt)
      continue;
    int rank = rank_of(key, uid, confirmed);
    if (best == NULL || rank > best_rank ||
        (rank == best_rank && key->subkeys->timestamp > best->subkeys->timestamp)) {
      best = key;
      best_rank = rank;
    }
  }
  *rank_out = best_rank;
  return best;
}

/* The key to sign with: own, usable, the newest. */
gpgme_key_t
openpgp_signing_key(GPtrArray *keys, const char *address)
{
  gpgme_key_t best = NULL;
  for (guint i = 0; i < keys->len; i++) {
    gpgme_key_t key = keys->pdata[i];
    if (!key->secret || common_is_dead(key) || !key->can_sign ||
        openpgp_user_id(key, address) == NULL)
      continue;
    if (best == NULL || key->subkeys->timestamp > best->subkeys->timestamp)
      best = key;
  }
  return best;
}

static char *
why_no_key(GPtrArray *keys, const char *address)
{
  bool expired = false, revoked = false;
  for (guint i = 0; i < keys->len; i++) {
    gpgme_key_t key = keys->pdata[i];
    expired = expired || key->expired;
    revoked = revoked || key->revoked;
  }
  if (expired)
    return g_strdup_printf(
        _("the key of %s has expired; ask for a new one and import it (gpg --import)"), address);
  if (revoked)
    return g_strdup_printf(
        _("the key of %s was revoked; ask for a new one and import it (gpg --import)"), address);
  if (keys->len > 0)
    return g_strdup_printf(_("the key of %s cannot be used for sealing; ask for another one"),
                           address);
  return g_strdup_printf(_("there is no key of %s; ask for it and import it (gpg --import)"),
                         address);
}

static void
say_recipient(struct openpgp *pgp, const char *address, const char *confirmed)
{
  g_autoptr(GPtrArray) keys = keys_among(pgp->listed, address);
  int rank;
  gpgme_key_t key = best_key(keys, address, confirmed, &rank);
  g_autofree char *why = NULL;
  struct postino_recipient said = {POSTINO_PLUGIN_HEAD(said), .address = address,
                                   .can_seal = rank >= POSTINO_VALIDITY_MARGINAL,
                                   .can_sign = openpgp_signing_key(keys, address) != NULL};
  if (key == NULL)
    why = why_no_key(keys, address);
  else {
    said.key = key->fpr;
    said.user_id = openpgp_user_id(key, address)->uid;
    said.since = key->subkeys->timestamp;
    said.expires = key->subkeys->expires;
    said.untrusted = !said.can_seal;
    if (!said.can_seal)
      why = g_strdup_printf(
          _("nobody has confirmed that key %s is that of %s; compare the fingerprint with its "
            "owner, then say so (:confirm-key %s, or gpg --quick-lsign-key %s)"),
          key->fpr, address, address, key->fpr);
  }
  said.why = why;
  pgp->host->recipient(pgp->host, &said);
}

/* A letter is weighed and sealed at once; seldom is more time between the two. */
#define LISTED_SECONDS 5

static char *
ring_directory(void)
{
  const char *home = getenv("GNUPGHOME");
  return home != NULL && *home != '\0' ? g_strdup(home)
                                       : g_build_filename(g_get_home_dir(), ".gnupg", NULL);
}

/* What changes as soon as anything in the ring does. */
static char *
ring_now(void)
{
  static const char *const files[] = {"pubring.kbx", "pubring.gpg", "public-keys.d/pubring.db",
                                      "trustdb.gpg", "tofu.db", "private-keys-v1.d", "gpg.conf"};
  g_autofree char *directory = ring_directory();
  GString *now = g_string_new(NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *path = g_build_filename(directory, files[i], NULL);
    struct stat st;
    if (stat(path, &st) == 0)
      g_string_append_printf(now, "%zu %lld %lld.%09ld %llu\n", i, (long long)st.st_size,
                             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                             (unsigned long long)st.st_ino);
  }
  return g_string_free(now, FALSE);
}

static bool
were_listed(const struct openpgp *pgp, const char *const *addresses, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!g_strv_contains((const char *const *)pgp->listed_of, addresses[i]))
      return false;
  return g_get_monotonic_time() - pgp->listed_at < LISTED_SECONDS * G_USEC_PER_SEC;
}

/* gpg is not started twice for what is asked of the ring twice in a row. */
static void
list_recipients(struct openpgp *pgp, const char *const *addresses, size_t n)
{
  g_autofree char *now = ring_now();
  if (pgp->listed != NULL && g_strcmp0(pgp->ring, now) == 0 && were_listed(pgp, addresses, n))
    return;
  g_clear_pointer(&pgp->listed, g_ptr_array_unref);
  g_strfreev(pgp->listed_of);
  pgp->listed_of = g_new0(char *, n + 1);
  for (size_t i = 0; i < n; i++)
    pgp->listed_of[i] = g_strdup(addresses[i]);
  g_free(pgp->ring);
  pgp->ring = g_steal_pointer(&now);
  pgp->listed_at = g_get_monotonic_time();
  pgp->listed = keys_of_all(pgp, addresses, n);
}

int
openpgp_recipients(void *state, const char *const *addresses, const char *const *confirmed,
                   size_t n)
{
  struct openpgp *pgp = state;
  list_recipients(pgp, addresses, n);
  for (size_t i = 0; i < n; i++)
    say_recipient(pgp, addresses[i], confirmed[i]);
  return 0;
}

/* ---- the key ring ---- */

void
openpgp_say_key(struct openpgp *pgp, gpgme_key_t key)
{
  struct postino_key said = {POSTINO_PLUGIN_HEAD(said),
                             .key = key->fpr,
                             .user_id = key->uids != NULL ? key->uids->uid : NULL,
                             .validity =
                                 key->uids != NULL ? common_validity(key->uids->validity) : 0,
                             .secret = (int)key->secret,
                             .since = key->subkeys->timestamp,
                             .expires = key->subkeys->expires,
                             .revoked = (int)key->revoked};
  pgp->host->key(pgp->host, &said);
}

static int
find_keys(struct openpgp *pgp, const char *query, bool own)
{
  const char *pattern = query != NULL && *query != '\0' ? query : NULL;
  g_autoptr(GPtrArray) keys = openpgp_list(pgp->ctx, (const char *[]){pattern, NULL}, own);
  for (guint i = 0; i < keys->len && i < LIMIT_KEYS; i++)
    openpgp_say_key(pgp, keys->pdata[i]);
  return 0;
}

/* As GnuPG itself would read it. */
static bool
holds_secret(struct openpgp *pgp, const struct postino_bytes *bytes)
{
  gpgme_data_t in = NULL;
  gpgme_key_t key;
  bool secret = false;
  if (gpgme_data_new_from_mem(&in, bytes->data, bytes->length, 0) != 0 ||
      gpgme_op_keylist_from_data_start(pgp->ctx, in, 0) != 0) {
    gpgme_data_release(in);
    return true;
  }
  while (gpgme_op_keylist_next(pgp->ctx, &key) == 0) {
    secret = secret || key->secret;
    gpgme_key_unref(key);
  }
  gpgme_op_keylist_end(pgp->ctx);
  gpgme_data_release(in);
  return secret;
}

/* A letter could bring the pair of somebody who calls himself otherwise. */
static int
import_public(struct openpgp *pgp, const struct postino_bytes *bytes)
{
  if (holds_secret(pgp, bytes))
    return pgp->host->error(pgp->host, POSTINO_BAD_DATA,
                            _("it holds a secret key, which nobody sends to others: it is not "
                              "taken; tell its sender"));
  return openpgp_import(pgp, bytes);
}

int
openpgp_import(struct openpgp *pgp, const struct postino_bytes *bytes)
{
  gpgme_data_t in = NULL;
  gpgme_error_t error = gpgme_data_new_from_mem(&in, bytes->data, bytes->length, 0);
  if (error == 0)
    error = gpgme_op_import(pgp->ctx, in);
  gpgme_data_release(in);
  gpgme_import_result_t result = error == 0 ? gpgme_op_import_result(pgp->ctx) : NULL;
  if (result == NULL || result->imports == NULL)
    return openpgp_failed(pgp, error != 0 ? error : gpg_error(GPG_ERR_NO_DATA));
  gpgme_result_ref(result);
  /* gpg tells of a pair's two halves. */
  g_autoptr(GHashTable) said = g_hash_table_new(g_str_hash, g_str_equal);
  for (gpgme_import_status_t import = result->imports; import != NULL; import = import->next) {
    bool again = import->fpr != NULL && !g_hash_table_add(said, import->fpr);
    gpgme_key_t key = again ? NULL : openpgp_key_now(pgp, import->fpr);
    if (key != NULL)
      openpgp_say_key(pgp, key);
    gpgme_key_unref(key);
  }
  gpgme_result_unref(result);
  return 0;
}

int
openpgp_keys(void *state, const struct postino_keys *keys)
{
  struct openpgp *pgp = state;
  if (strcmp(keys->action, "find") == 0)
    return find_keys(pgp, keys->query, false);
  if (strcmp(keys->action, "own") == 0)
    return find_keys(pgp, NULL, true);
  if (strcmp(keys->action, "locate") == 0)
    return openpgp_locate(pgp, keys->query);
  if (strcmp(keys->action, "show") == 0)
    return openpgp_export(pgp, keys->query, GPGME_EXPORT_MODE_MINIMAL);
  if (strcmp(keys->action, "backup") == 0)
    return openpgp_export(pgp, keys->query, GPGME_EXPORT_MODE_SECRET);
  if (strcmp(keys->action, "import") == 0)
    return (strcmp(keys->query, "public") == 0 ? import_public : openpgp_import)(pgp, &keys->data);
  if (strcmp(keys->action, "setup") == 0)
    return openpgp_setup(pgp, keys->query, &keys->data);
  if (strcmp(keys->action, "setup-open") == 0)
    return openpgp_setup_open(pgp, &keys->data);
  if (strcmp(keys->action, "make") == 0)
    return openpgp_make(pgp, keys->query);
  if (strcmp(keys->action, "renew") == 0)
    return openpgp_renew(pgp, keys->query);
  if (strcmp(keys->action, "revoke") == 0)
    return openpgp_revoke(pgp, keys->query);
  if (strcmp(keys->action, "delete") == 0)
    return openpgp_delete(pgp, keys->query);
  return pgp->host->error(pgp->host, POSTINO_UNSUPPORTED, _("the openpgp plugin cannot do that"));
}
