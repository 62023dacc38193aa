#include "plugins/smime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugins/common.h"

/* RFC 2045, 6.8. */
#define BASE64_LINE 64

/* ---- failing ---- */

static const char *
sentence_of(int code)
{
  switch (code) {
  case POSTINO_NO_KEY:
    return _("the key that it needs is not here (gpgsm --list-secret-keys)");
  case POSTINO_UNTRUSTED:
    return _("gpgsm does not take one of the certificates; see gpgsm --list-chain");
  case POSTINO_WRONG_PASSPHRASE:
    return _("the passphrase was wrong or not given; try again");
  case POSTINO_LOCKED:
    return _("your key is locked and nobody can be asked for its passphrase; unlock it (gpgsm "
             "--sign) and try again");
  case POSTINO_BAD_DATA:
    return _("it is damaged, or no S/MIME data at all");
  case POSTINO_INTEGRITY:
    return _("it cannot be opened: it was damaged on its way, or is by a cipher that gpgsm does "
             "not know");
  default:
    return _("gpgsm failed");
  }
}

int
smime_failed(struct smime *smime, gpgme_error_t error)
{
  return common_failed(smime->host, error, smime->too_large, sentence_of);
}

/* ---- the context ---- */

static void
note_progress(void *data, const char *what, int type, int current, int total)
{
  struct smime *smime = data;
  if (smime->feed.total == 0)
    smime->host->progress(smime->host, ++smime->beats, 0);
}

static gpgme_error_t
set_up(struct smime *smime, const char *home)
{
  g_autofree char *program = common_program("postino-gpgsm");
  gpgme_error_t error = gpgme_new(&smime->ctx);
  if (error == 0)
    error = gpgme_set_protocol(smime->ctx, GPGME_PROTOCOL_CMS);
  if (error == 0)
    error = gpgme_ctx_set_engine_info(smime->ctx, GPGME_PROTOCOL_CMS, program, home);
  if (error == 0)
    error = gpgme_set_keylist_mode(smime->ctx, GPGME_KEYLIST_MODE_LOCAL |
                                                   GPGME_KEYLIST_MODE_WITH_SECRET |
                                                   GPGME_KEYLIST_MODE_VALIDATE);
  if (error != 0)
    return error;
  gpgme_set_progress_cb(smime->ctx, note_progress, smime);
  gpgme_set_offline(smime->ctx, 1);
  gpgme_set_armor(smime->ctx, 0);
  return 0;
}

static int
start(const struct postino_host *host, const char *const *options, size_t n, void **state_out)
{
  struct smime *smime = g_new0(struct smime, 1);
  const char *home = NULL;
  smime->host = host;
  *state_out = smime;
  for (size_t i = 0; i < n; i++)
    if (g_str_has_prefix(options[i], "home="))
      home = options[i] + strlen("home=");
    else
      return host->error(host, POSTINO_UNSUPPORTED,
                         _("the only option of the smime plugin is home=DIRECTORY; mend it in the "
                           "rc file"));
  gpgme_check_version(NULL);
  if (gpgme_engine_check_version(GPGME_PROTOCOL_CMS) != 0)
    return host->error(host, POSTINO_UNSUPPORTED, _("gpgsm is not installed (Debian: gpgsm)"));
  smime->home = home;
  gpgme_error_t error = set_up(smime, home);
  return error != 0 ? smime_failed(smime, error) : 0;
}

/* The letter itself, of which progress is told until common_feed_end(). */
static gpgme_error_t
letter_data(struct smime *smime, gpgme_data_t *data_out, const struct common_feed *feed)
{
  smime->feed = *feed;
  smime->feed.host = smime->host;
  return common_feed_data(&smime->feed, data_out);
}

/* ---- sealing ---- */

static void
append_base64(GString *to, gpgme_data_t data)
{
  size_t length = 0;
  char *bytes = gpgme_data_release_and_get_mem(data, &length);
  g_autofree char *text = g_base64_encode((const guchar *)bytes, length);
  size_t all = strlen(text);
  for (size_t i = 0; i < all; i += BASE64_LINE) {
    g_string_append_len(to, text + i, (gssize)MIN(BASE64_LINE, all - i));
    g_string_append(to, "\r\n");
  }
  gpgme_free(bytes);
}

/* "sha-256" for SHA256 (RFC 8551, 3.5.3.2). */
static char *
micalg_of(struct smime *smime)
{
  gpgme_sign_result_t result = gpgme_op_sign_result(smime->ctx);
  const char *hash = result != NULL && result->signatures != NULL
                         ? gpgme_hash_algo_name(result->signatures->hash_algo)
                         : NULL;
  if (hash == NULL || g_ascii_strncasecmp(hash, "sha", 3) != 0)
    return g_strdup("sha-256");
  return g_strdup_printf("sha-%s", hash + 3);
}

static gpgme_error_t
sign_bytes(struct smime *smime, const struct postino_seal *seal, gpgme_data_t *out)
{
  gpgme_data_t in = NULL;
  bool more = (seal->operations & POSTINO_ENCRYPT) != 0;
  struct common_feed feed = {.bytes = seal->entity, .what = _("signing"),
                             .total = seal->entity.length * (more ? 2 : 1)};
  gpgme_error_t error = letter_data(smime, &in, &feed);
  if (error == 0)
    error = gpgme_data_new(out);
  if (error == 0)
    error = gpgme_op_sign(smime->ctx, in, *out, GPGME_SIG_MODE_DETACH);
  common_feed_end(&smime->feed, in);
  return error;
}

/* RFC 8551, 3.5.3; NULL after an error was said. */
static GString *
sign(struct smime *smime, const struct postino_seal *seal)
{
  gpgme_key_t key = smime_certificate(smime, seal->from, true, false);
  if (key == NULL) {
    g_autofree char *why = g_strdup_printf(
        _("you have no certificate of your own for %s to sign with; import it (gpgsm --import)"),
        seal->from);
    smime->host->error(smime->host, POSTINO_NO_KEY, why);
    return NULL;
  }
  gpgme_data_t signature = NULL;
  gpgme_signers_clear(smime->ctx);
  gpgme_error_t error = gpgme_signers_add(smime->ctx, key);
  smime_prepare_pinentry(smime, key);
  gpgme_key_unref(key);
  if (error == 0)
    error = sign_bytes(smime, seal, &signature);
  smime_end_pinentry(smime);
  if (error != 0) {
    gpgme_data_release(signature);
    smime_failed(smime, error);
    return NULL;
  }
  g_autofree char *boundary = common_boundary();
  g_autofree char *micalg = micalg_of(smime);
  GString *entity = g_string_new(NULL);
  g_string_printf(entity,
                  "Content-Type: multipart/signed; micalg=%s;\r\n"
                  "\tprotocol=\"application/pkcs7-signature\";\r\n"
                  "\tboundary=\"%s\"\r\n\r\n--%s\r\n",
                  micalg, boundary, boundary);
  g_string_append_len(entity, seal->entity.data, (gssize)seal->entity.length);
  g_string_append_printf(entity,
                         "\r\n--%s\r\n"
                         "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
                         "Content-Transfer-Encoding: base64\r\n"
                         "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n",
                         boundary);
  append_base64(entity, signature);
  g_string_append_printf(entity, "\r\n--%s--\r\n", boundary);
  return entity;
}

/* The certificates that were shown to the user, and no other; NULL-terminated. */
static GPtrArray *
chosen(struct smime *smime, const struct postino_seal *seal)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(common_free_key);
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (size_t i = 0; i < seal->n_recipients; i++) {
    gpgme_key_t key = smime_certificate(smime, seal->recipients[i], false, true);
    if (key == NULL || seal->keys[i] == NULL || g_ascii_strcasecmp(key->fpr, seal->keys[i]) != 0) {
      g_autofree char *why = g_strdup_printf(_("the certificate of %s cannot be used any more"),
                                             seal->recipients[i]);
      gpgme_key_unref(key);
      smime->host->error(smime->host, POSTINO_NO_KEY, why);
      return NULL;
    }
    if (g_hash_table_add(seen, key->fpr))
      g_ptr_array_add(keys, key);
    else
      gpgme_key_unref(key);
  }
  g_ptr_array_add(keys, NULL);
  return g_steal_pointer(&keys);
}

static int
give(struct smime *smime, GString *entity)
{
  int full = smime->host->output(smime->host, entity->str, entity->len);
  if (full != 0)
    smime->host->error(smime->host, POSTINO_TOO_LARGE,
                       _("the sealed letter is too large; attach less"));
  return full;
}

/* RFC 8551, 3.3. */
static int
give_sealed(struct smime *smime, gpgme_data_t data)
{
  g_autoptr(GString) entity = g_string_new(
      "Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n"
      "\tname=\"smime.p7m\"\r\n"
      "Content-Transfer-Encoding: base64\r\n"
      "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n");
  append_base64(entity, data);
  return give(smime, entity);
}

static int
encrypt(struct smime *smime, const struct postino_seal *seal, const GString *inside)
{
  g_autoptr(GPtrArray) keys = chosen(smime, seal);
  if (keys == NULL)
    return -1;
  gpgme_data_t in = NULL, out = NULL;
  struct common_feed feed = {.bytes = {inside->str, inside->len}, .what = _("encrypting"),
                             .before = seal->entity.length,
                             .total = seal->entity.length + inside->len};
  gpgme_error_t error = letter_data(smime, &in, &feed);
  if (error == 0)
    error = gpgme_data_new(&out);
  if (error == 0)
    error = gpgme_op_encrypt(smime->ctx, (gpgme_key_t *)keys->pdata, GPGME_ENCRYPT_NO_ENCRYPT_TO,
                             in, out);
  common_feed_end(&smime->feed, in);
  if (error != 0) {
    gpgme_data_release(out);
    return smime_failed(smime, error);
  }
  return give_sealed(smime, out);
}

static int
seal(void *state, const struct postino_seal *seal)
{
  struct smime *smime = state;
  g_autoptr(GString) entity = sign(smime, seal);
  if (entity == NULL)
    return -1;
  return (seal->operations & POSTINO_ENCRYPT) != 0 ? encrypt(smime, seal, entity)
                                                   : give(smime, entity);
}

/* ---- opening ---- */

static int
status_of(gpgme_signature_t signature)
{
  switch (gpg_err_code(signature->status)) {
  case GPG_ERR_NO_ERROR:
    return signature->wrong_key_usage ? POSTINO_SIGNATURE_BAD : POSTINO_SIGNATURE_GOOD;
  case GPG_ERR_BAD_SIGNATURE:
    return POSTINO_SIGNATURE_BAD;
  case GPG_ERR_NO_PUBKEY:
    return POSTINO_SIGNATURE_NO_KEY;
  case GPG_ERR_SIG_EXPIRED:
    return POSTINO_SIGNATURE_EXPIRED;
  case GPG_ERR_KEY_EXPIRED:
  case GPG_ERR_CERT_EXPIRED:
    return POSTINO_SIGNATURE_KEY_EXPIRED;
  case GPG_ERR_CERT_REVOKED:
    return POSTINO_SIGNATURE_KEY_REVOKED;
  default:
    return POSTINO_SIGNATURE_ERROR;
  }
}

static gpgme_key_t
certificate_by(struct smime *smime, const char *fingerprint)
{
  gpgme_key_t key = NULL;
  if (fingerprint == NULL || gpgme_op_keylist_start(smime->ctx, fingerprint, 0) != 0)
    return NULL;
  if (gpgme_op_keylist_next(smime->ctx, &key) != 0)
    key = NULL;
  gpgme_op_keylist_end(smime->ctx);
  return key;
}

/* The chain decides what a certificate's names are worth. */
static void
say_signature(void *plugin, gpgme_signature_t signature)
{
  struct smime *smime = plugin;
  gpgme_key_t key = certificate_by(smime, signature->fpr);
  bool live = key != NULL && !common_is_dead(key);
  g_autoptr(GPtrArray) texts = live ? smime_user_ids(key) : g_ptr_array_new();
  int validity = live && key->uids != NULL ? common_validity(key->uids->validity) : 0;
  validity = MIN(validity, common_validity(signature->validity));
  g_autoptr(GArray) uids = g_array_new(FALSE, TRUE, sizeof(struct postino_user_id));
  for (guint i = 0; i < texts->len; i++) {
    struct postino_user_id uid = {POSTINO_PLUGIN_HEAD(uid), .text = texts->pdata[i],
                                  .validity = validity};
    g_array_append_val(uids, uid);
  }
  struct postino_signature said = {POSTINO_PLUGIN_HEAD(said),
                                   .status = status_of(signature),
                                   .key = signature->fpr,
                                   .signed_at = (int64_t)signature->timestamp,
                                   .user_ids = (const void *)uids->data,
                                   .n_user_ids = uids->len,
                                   .revocation_unknown = 1};
  smime->host->signature(smime->host, &said);
  gpgme_key_unref(key);
}

static struct common_opening
opening_of(struct smime *smime)
{
  return (struct common_opening){smime->host, smime->ctx, &smime->feed, &smime->too_large};
}

static int
say_what_came(struct smime *smime, gpgme_error_t error)
{
  if (error != 0)
    return smime_failed(smime, error);
  common_each_signature(smime->ctx, say_signature, smime);
  return 0;
}

static int
verify(struct smime *smime, const struct postino_open *open)
{
  struct common_opening opening = opening_of(smime);
  return say_what_came(smime, common_verify(&opening, open));
}

/* What was signed lies within. */
static int
verify_opaque(struct smime *smime, const struct postino_open *open)
{
  struct common_opening opening = opening_of(smime);
  return say_what_came(smime, common_open(&opening, open, common_verify_inside));
}

/* Integrity: the core knows better, by the kind of the data. */
static int
decrypt(struct smime *smime, const struct postino_open *open)
{
  struct common_opening opening = opening_of(smime);
  smime_prepare_pinentry(smime, NULL);
  gpgme_error_t error = common_open(&opening, open, gpgme_op_decrypt);
  smime_end_pinentry(smime);
  if (common_code_of(error) == POSTINO_NO_KEY)
    return smime->host->error(smime->host, POSTINO_NO_KEY, common_not_for_us());
  if (error != 0)
    return smime_failed(smime, error);
  smime->host->opened(smime->host, 1, 1);
  return 0;
}

static int
open_letter(void *state, const struct postino_open *open)
{
  static const struct {
    const char *format;
    int (*open)(struct smime *smime, const struct postino_open *open);
  } rows[] = {
      {"smime-signed", verify}, {"smime-opaque", verify_opaque}, {"smime-sealed", decrypt}};
  struct smime *smime = state;
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    if (strcmp(open->format, rows[i].format) == 0)
      return rows[i].open(smime, open);
  return smime->host->error(smime->host, POSTINO_UNSUPPORTED, _("this is not S/MIME"));
}

static const struct postino_plugin plugin = {
    POSTINO_PLUGIN_HEAD(struct postino_plugin),
    .name = "smime",
    .version = PACKAGE_VERSION,
    .capabilities = POSTINO_CAN_SIGN | POSTINO_CAN_SEAL | POSTINO_CAN_OPEN | POSTINO_CAN_VERIFY |
                    POSTINO_CAN_KEYS | POSTINO_CAN_STAY,
    .start = start,
    .recipients = smime_recipients,
    .seal = seal,
    .open = open_letter,
    .keys = smime_keys,
};

const struct postino_plugin *
postino_plugin_entry(uint32_t abi)
{
  return abi >= POSTINO_PLUGIN_ABI ? &plugin : NULL;
}
