#include "plugins/openpgp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "plugins/common.h"

/* How often a wrong passphrase may be mended. */
#define ATTEMPTS 3

/* ---- failing ---- */

static const char *
sentence_of(int code)
{
  switch (code) {
  case POSTINO_NO_KEY:
    return _("the key that it needs is not in your key ring (gpg --list-secret-keys)");
  case POSTINO_UNTRUSTED:
    return _("GnuPG does not take one of the keys; see gpg --list-keys");
  case POSTINO_WRONG_PASSPHRASE:
    return _("the passphrase was wrong or not given; try again");
  case POSTINO_LOCKED:
    return _(
        "your key is locked and nobody can be asked for its passphrase; unlock it (gpg --sign) "
        "or do this in the interface");
  case POSTINO_BAD_DATA:
    return _("it is damaged, or no OpenPGP data at all");
  case POSTINO_INTEGRITY:
    return _("it was changed on its way, or is not protected against that");
  default:
    return _("GnuPG failed");
  }
}

int
openpgp_failed(struct openpgp *pgp, gpgme_error_t error)
{
  return common_failed(pgp->host, error, pgp->too_large, sentence_of);
}

/* ---- the context ---- */

static gpgme_error_t
give_passphrase(void *data, const char *hint, const char *info, int was_bad, int fd)
{
  struct openpgp *pgp = data;
  const char *whose = hint != NULL ? strchr(hint, ' ') : NULL;
  const char *owner = whose != NULL ? whose + 1 : _("yours");
  g_autofree char *prompt =
      pgp->asked > 0 ? g_strdup_printf(_("Wrong. Passphrase of the key of %s:"), owner)
                     : g_strdup_printf(_("Passphrase of the key of %s:"), owner);
  pgp->asked++;
  const char *answer =
      pgp->new_passphrase != NULL ? pgp->new_passphrase : pgp->host->ask(pgp->host, prompt, 1);
  if (answer == NULL)
    return gpg_error(GPG_ERR_CANCELED);
  if (gpgme_io_writen(fd, answer, strlen(answer)) != 0 || gpgme_io_writen(fd, "\n", 1) != 0)
    return gpg_error_from_syserror();
  return 0;
}

void
openpgp_take_passphrases(struct openpgp *pgp, bool yes)
{
  bool loopback = yes || (pgp->host->can_ask && !pgp->pinentry);
  (void)gpgme_set_pinentry_mode(pgp->ctx, loopback ? GPGME_PINENTRY_MODE_LOOPBACK
                                                   : GPGME_PINENTRY_MODE_ERROR);
  gpgme_set_passphrase_cb(pgp->ctx, loopback ? give_passphrase : NULL, pgp);
}

bool
openpgp_take_terminal(struct openpgp *pgp)
{
  if (!pgp->pinentry)
    return true;
  if (pgp->at_terminal || pgp->host->terminal(pgp->host) == NULL)
    return false;
  pgp->at_terminal = true;
  return gpgme_set_pinentry_mode(pgp->ctx, GPGME_PINENTRY_MODE_ASK) == 0;
}

void
openpgp_leave_terminal(struct openpgp *pgp)
{
  if (!pgp->at_terminal)
    return;
  pgp->at_terminal = false;
  (void)gpgme_set_pinentry_mode(pgp->ctx, GPGME_PINENTRY_MODE_ERROR);
  pgp->host->terminal_done(pgp->host);
}

/* GOODMDC, or a cipher with its own proof, is what makes a plaintext showable;
 * the result of the call alone is not (EFAIL). */
static gpgme_error_t
note_status(void *data, const char *keyword, const char *arguments)
{
  struct openpgp *pgp = data;
  if (strcmp(keyword, "DECRYPTION_OKAY") == 0)
    pgp->okay++;
  else if (strcmp(keyword, "GOODMDC") == 0)
    pgp->protected ++;
  else if (strcmp(keyword, "PLAINTEXT") == 0)
    pgp->plaintexts++;
  else if (strcmp(keyword, "BEGIN_DECRYPTION") == 0)
    pgp->begun++;
  else if (strcmp(keyword, "BADMDC") == 0 || strcmp(keyword, "DECRYPTION_FAILED") == 0)
    pgp->bad++;
  else if (strcmp(keyword, "DECRYPTION_INFO") == 0) {
    int mdc = 0, cipher = 0, aead = 0;
    if (sscanf(arguments, "%d %d %d", &mdc, &cipher, &aead) == 3 && aead > 0)
      pgp->protected ++;
  }
  return 0;
}

static bool
is_proven(const struct openpgp *pgp)
{
  return pgp->okay == 1 && pgp->begun == 1 && pgp->protected > 0 && pgp->bad == 0 &&
         pgp->plaintexts <= 1;
}

/* gpg counts anew in each of its steps, so what grows is that it says anything; of a
 * letter what it has read says more. */
static void
note_progress(void *data, const char *what, int type, int current, int total)
{
  struct openpgp *pgp = data;
  if (pgp->feed.total == 0)
    pgp->host->progress(pgp->host, ++pgp->beats, 0);
}

static gpgme_error_t
set_up(struct openpgp *pgp)
{
  gpgme_error_t error = gpgme_new(&pgp->ctx);
  if (error == 0)
    error = gpgme_set_protocol(pgp->ctx, GPGME_PROTOCOL_OpenPGP);
  if (error == 0)
    error =
        gpgme_set_keylist_mode(pgp->ctx, GPGME_KEYLIST_MODE_LOCAL | GPGME_KEYLIST_MODE_WITH_SECRET);
  if (error == 0)
    error = gpgme_set_ctx_flag(pgp->ctx, "full-status", "1");
  /* What is sealed by a code is opened by that code alone, not by one of before. */
  if (error == 0)
    error = gpgme_set_ctx_flag(pgp->ctx, "no-symkey-cache", "1");
  bool loopback = pgp->host->can_ask && !pgp->pinentry;
  if (error == 0)
    error = gpgme_set_pinentry_mode(pgp->ctx, loopback ? GPGME_PINENTRY_MODE_LOOPBACK
                                                       : GPGME_PINENTRY_MODE_ERROR);
  if (error != 0)
    return error;
  if (loopback)
    gpgme_set_passphrase_cb(pgp->ctx, give_passphrase, pgp);
  gpgme_set_status_cb(pgp->ctx, note_status, pgp);
  gpgme_set_progress_cb(pgp->ctx, note_progress, pgp);
  gpgme_set_offline(pgp->ctx, 1);
  gpgme_set_armor(pgp->ctx, 1);
  return 0;
}

static int
start(const struct postino_host *host, const char *const *options, size_t n, void **state_out)
{
  struct openpgp *pgp = g_new0(struct openpgp, 1);
  pgp->host = host;
  *state_out = pgp;
  for (size_t i = 0; i < n; i++)
    if (g_str_has_prefix(options[i], "home="))
      (void)g_setenv("GNUPGHOME", options[i] + strlen("home="), TRUE);
    else if (strcmp(options[i], "pinentry") == 0)
      pgp->pinentry = true;
    else
      return host->error(host, POSTINO_UNSUPPORTED,
                         _("the options of the openpgp plugin are home=DIRECTORY and pinentry; mend "
                           "it in the rc file"));
  /* Of the family only gpg is needed here: without this GPGME starts five programs of
   * it before the first letter, for their paths and versions. */
  (void)gpgme_set_global_flag("disable-gpgconf", "1");
  gpgme_check_version(NULL);
  if (gpgme_engine_check_version(GPGME_PROTOCOL_OpenPGP) != 0)
    return host->error(host, POSTINO_UNSUPPORTED, _("GnuPG is not installed (Debian: gnupg)"));
  gpgme_error_t error = set_up(pgp);
  return error != 0 ? openpgp_failed(pgp, error) : 0;
}

/* ---- sealing ---- */

static int
put(struct openpgp *pgp, const char *bytes, size_t length)
{
  if (pgp->host->output(pgp->host, bytes, length) == 0)
    return 0;
  return pgp->host->error(pgp->host, POSTINO_TOO_LARGE,
                          _("the sealed letter is too large; attach less"));
}

static int G_GNUC_PRINTF(2, 3)
put_text(struct openpgp *pgp, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  g_autofree char *text = g_strdup_vprintf(format, ap);
  va_end(ap);
  return put(pgp, text, strlen(text));
}

/* Lines that are given on together. */
#define BLOCK LIMIT_KIB(256)

/* Armour with CRLF ends, without a line end behind the last line. */
static int
put_lines(struct openpgp *pgp, const char *text, size_t length)
{
  g_autoptr(GString) block = g_string_sized_new(BLOCK + LIMIT_KIB(1));
  int full = 0;
  while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
    length--;
  for (const char *at = text, *end = text + length; at < end && full == 0;) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    const char *last = stop != NULL ? stop : end;
    size_t line = (size_t)(last - at);
    g_string_append_len(block, at, (gssize)(line > 0 && last[-1] == '\r' ? line - 1 : line));
    if (stop != NULL)
      g_string_append_len(block, "\r\n", 2);
    at = stop != NULL ? stop + 1 : end;
    if (block->len >= BLOCK || at == end) {
      full = put(pgp, block->str, block->len);
      g_string_truncate(block, 0);
    }
  }
  return full;
}

static int
put_armour(struct openpgp *pgp, gpgme_data_t data)
{
  size_t length = 0;
  char *text = gpgme_data_release_and_get_mem(data, &length);
  int full = put_lines(pgp, text, length);
  gpgme_free(text);
  return full;
}

/* RFC 3156, 4. */
static int
give_sealed(struct openpgp *pgp, gpgme_data_t armour)
{
  g_autofree char *boundary = common_boundary();
  int full = put_text(
      pgp,
      "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n"
      "\tboundary=\"%s\"\r\n\r\n--%s\r\n"
      "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--%s\r\n"
      "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n"
      "Content-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n",
      boundary, boundary, boundary);
  if (full != 0)
    gpgme_data_release(armour);
  else
    full = put_armour(pgp, armour);
  return full != 0 ? full : put_text(pgp, "\r\n\r\n--%s--\r\n", boundary);
}

/* RFC 3156, 5. */
static int
give_signed(struct openpgp *pgp, const struct postino_seal *seal, gpgme_data_t armour)
{
  g_autofree char *boundary = common_boundary();
  gpgme_sign_result_t result = gpgme_op_sign_result(pgp->ctx);
  const char *hash = result != NULL && result->signatures != NULL
                         ? gpgme_hash_algo_name(result->signatures->hash_algo)
                         : NULL;
  g_autofree char *micalg = g_ascii_strdown(hash != NULL ? hash : "sha256", -1);
  int full = put_text(pgp,
                      "Content-Type: multipart/signed; micalg=\"pgp-%s\";\r\n"
                      "\tprotocol=\"application/pgp-signature\";\r\n"
                      "\tboundary=\"%s\"\r\n\r\n--%s\r\n",
                      micalg, boundary, boundary);
  if (full == 0)
    full = put(pgp, seal->entity.data, seal->entity.length);
  if (full == 0)
    full = put_text(pgp,
                    "\r\n--%s\r\n"
                    "Content-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n",
                    boundary);
  if (full != 0)
    gpgme_data_release(armour);
  else
    full = put_armour(pgp, armour);
  return full != 0 ? full : put_text(pgp, "\r\n\r\n--%s--\r\n", boundary);
}

/* The keys that were shown to the user, and no other; NULL-terminated. */
static GPtrArray *
chosen_keys(struct openpgp *pgp, const struct postino_seal *seal, bool *always_out)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(common_free_key);
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  *always_out = false;
  for (size_t i = 0; i < seal->n_recipients; i++) {
    gpgme_key_t key = openpgp_key(pgp, seal->keys[i]);
    if (key == NULL || common_is_dead(key) || !key->can_encrypt) {
      g_autofree char *why =
          g_strdup_printf(_("the key of %s cannot be used any more"), seal->recipients[i]);
      gpgme_key_unref(key);
      pgp->host->error(pgp->host, POSTINO_NO_KEY, why);
      return NULL;
    }
    gpgme_user_id_t uid = openpgp_user_id(key, seal->recipients[i]);
    *always_out =
        *always_out || uid == NULL || common_validity(uid->validity) < POSTINO_VALIDITY_MARGINAL;
    if (g_hash_table_add(seen, key->fpr))
      g_ptr_array_add(keys, key);
    else
      gpgme_key_unref(key);
  }
  g_ptr_array_add(keys, NULL);
  return g_steal_pointer(&keys);
}

static int
choose_signer(struct openpgp *pgp, const struct postino_seal *seal)
{
  const char *from = seal->from;
  /* Where the letter is sealed as well, the sender was just asked for. */
  bool listed = (seal->operations & POSTINO_ENCRYPT) != 0 && pgp->listed != NULL &&
                openpgp_signing_key(pgp->listed, from) != NULL;
  g_autoptr(GPtrArray) keys = listed ? g_ptr_array_ref(pgp->listed) : openpgp_keys_of(pgp, from);
  gpgme_key_t key = openpgp_signing_key(keys, from);
  gpgme_signers_clear(pgp->ctx);
  if (key != NULL)
    return gpgme_signers_add(pgp->ctx, key) == 0 ? 0
                                                 : openpgp_failed(pgp, gpg_error(GPG_ERR_GENERAL));
  g_autofree char *why = g_strdup_printf(
      _("you have no key of your own for %s to sign with; make one: gpg --quick-generate-key %s"),
      from, from);
  return pgp->host->error(pgp->host, POSTINO_NO_KEY, why);
}

static gpgme_error_t
seal_once(struct openpgp *pgp, const struct postino_seal *seal, gpgme_key_t *keys, bool always,
          gpgme_data_t *out)
{
  gpgme_data_t in = NULL;
  /* Own and confirmed keys are taken whatever the web of trust says of them. */
  gpgme_encrypt_flags_t flags =
      GPGME_ENCRYPT_NO_ENCRYPT_TO | (always ? GPGME_ENCRYPT_ALWAYS_TRUST : 0);
  pgp->feed = (struct common_feed){
      .host = pgp->host, .bytes = seal->entity, .total = seal->entity.length};
  gpgme_error_t error = common_feed_data(&pgp->feed, &in);
  if (error == 0)
    error = gpgme_data_new(out);
  if (error == 0)
    error = common_in_large_pieces(*out);
  if (error == 0 && keys == NULL)
    error = gpgme_op_sign(pgp->ctx, in, *out, GPGME_SIG_MODE_DETACH);
  else if (error == 0 && (seal->operations & POSTINO_SIGN) != 0)
    error = gpgme_op_encrypt_sign(pgp->ctx, keys, flags, in, *out);
  else if (error == 0)
    error = gpgme_op_encrypt(pgp->ctx, keys, flags, in, *out);
  common_feed_end(&pgp->feed, in);
  if (error != 0) {
    gpgme_data_release(*out);
    *out = NULL;
  }
  return error;
}

static bool
may_try_again(struct openpgp *pgp, gpgme_error_t error, int asked_before)
{
  if (pgp->pinentry)
    return common_code_of(error) == POSTINO_LOCKED && openpgp_take_terminal(pgp);
  return gpg_err_code(error) == GPG_ERR_BAD_PASSPHRASE && pgp->asked > asked_before &&
         pgp->asked < ATTEMPTS;
}

static int
seal(void *state, const struct postino_seal *seal)
{
  struct openpgp *pgp = state;
  g_autoptr(GPtrArray) keys = NULL;
  bool always = false;
  if ((seal->operations & POSTINO_SIGN) != 0 && choose_signer(pgp, seal) != 0)
    return -1;
  if ((seal->operations & POSTINO_ENCRYPT) != 0 && (keys = chosen_keys(pgp, seal, &always)) == NULL)
    return -1;
  gpgme_data_t out = NULL;
  gpgme_error_t error;
  int asked;
  pgp->asked = 0;
  do {
    asked = pgp->asked;
    error = seal_once(pgp, seal, keys != NULL ? (gpgme_key_t *)keys->pdata : NULL, always, &out);
  } while (may_try_again(pgp, error, asked));
  openpgp_leave_terminal(pgp);
  if (error != 0)
    return openpgp_failed(pgp, error);
  return keys != NULL ? give_sealed(pgp, out) : give_signed(pgp, seal, out);
}

/* ---- opening ---- */

static int
status_of(gpgme_signature_t signature)
{
  if (signature->wrong_key_usage || (signature->summary & GPGME_SIGSUM_RED) != 0)
    return gpg_err_code(signature->status) == GPG_ERR_CERT_REVOKED ? POSTINO_SIGNATURE_KEY_REVOKED
                                                                   : POSTINO_SIGNATURE_BAD;
  switch (gpg_err_code(signature->status)) {
  case GPG_ERR_NO_ERROR:
    return POSTINO_SIGNATURE_GOOD;
  case GPG_ERR_BAD_SIGNATURE:
    return POSTINO_SIGNATURE_BAD;
  case GPG_ERR_NO_PUBKEY:
    return POSTINO_SIGNATURE_NO_KEY;
  case GPG_ERR_SIG_EXPIRED:
    return POSTINO_SIGNATURE_EXPIRED;
  case GPG_ERR_KEY_EXPIRED:
    return POSTINO_SIGNATURE_KEY_EXPIRED;
  case GPG_ERR_CERT_REVOKED:
    return POSTINO_SIGNATURE_KEY_REVOKED;
  default:
    return POSTINO_SIGNATURE_ERROR;
  }
}

static void
say_signature(void *plugin, gpgme_signature_t signature)
{
  struct openpgp *pgp = plugin;
  /* The signature names the subkey; people know the whole key. */
  gpgme_key_t key = NULL;
  g_autoptr(GArray) uids = g_array_new(FALSE, TRUE, sizeof(struct postino_user_id));
  if (signature->fpr != NULL)
    key = openpgp_key_of_signer(pgp, signature->fpr);
  if (key != NULL && !common_is_dead(key))
    for (gpgme_user_id_t uid = key->uids; uid != NULL; uid = uid->next) {
      struct postino_user_id live = {POSTINO_PLUGIN_HEAD(live), .text = uid->uid,
                                     .validity = common_validity(uid->validity)};
      if (!uid->revoked && !uid->invalid)
        g_array_append_val(uids, live);
    }
  struct postino_signature said = {POSTINO_PLUGIN_HEAD(said),
                                   .status = status_of(signature),
                                   .key = key != NULL ? key->fpr : signature->fpr,
                                   .signed_at = (int64_t)signature->timestamp,
                                   .user_ids = (const void *)uids->data,
                                   .n_user_ids = uids->len};
  pgp->host->signature(pgp->host, &said);
  gpgme_key_unref(key);
}

static struct common_opening
opening_of(struct openpgp *pgp)
{
  return (struct common_opening){pgp->host, pgp->ctx, &pgp->feed, &pgp->too_large};
}

static int
say_what_came(struct openpgp *pgp, gpgme_error_t error)
{
  if (error != 0)
    return openpgp_failed(pgp, error);
  common_each_signature(pgp->ctx, say_signature, pgp);
  return 0;
}

static gpgme_error_t
decrypt_once(struct openpgp *pgp, const struct postino_open *open)
{
  struct common_opening opening = opening_of(pgp);
  pgp->okay = pgp->protected = pgp->plaintexts = pgp->begun = pgp->bad = 0;
  return common_open(&opening, open, gpgme_op_decrypt_verify);
}

static int
decrypt(struct openpgp *pgp, const struct postino_open *open)
{
  gpgme_error_t error;
  int asked;
  pgp->asked = 0;
  do {
    asked = pgp->asked;
    error = decrypt_once(pgp, open);
  } while (may_try_again(pgp, error, asked));
  openpgp_leave_terminal(pgp);
  if (common_code_of(error) == POSTINO_NO_KEY)
    return pgp->host->error(pgp->host, POSTINO_NO_KEY, common_not_for_us());
  if (error != 0)
    return openpgp_failed(pgp, error);
  if (!is_proven(pgp))
    return pgp->host->error(pgp->host, POSTINO_INTEGRITY, sentence_of(POSTINO_INTEGRITY));
  pgp->host->opened(pgp->host, 1, 1);
  return say_what_came(pgp, 0);
}

/* Of clear-signed text what was signed is given back, as GnuPG read it. */
static int
open_letter(void *state, const struct postino_open *open)
{
  struct openpgp *pgp = state;
  struct common_opening opening = opening_of(pgp);
  openpgp_expect_signer(pgp, open->from);
  if (strcmp(open->format, "pgp-signed") == 0)
    return say_what_came(pgp, common_verify(&opening, open));
  if (strcmp(open->format, "pgp-sealed") == 0)
    return decrypt(pgp, open);
  if (strcmp(open->format, "pgp-clear") == 0)
    return say_what_came(pgp, common_open(&opening, open, common_verify_inside));
  return pgp->host->error(pgp->host, POSTINO_UNSUPPORTED, _("this is not OpenPGP"));
}

static const struct postino_plugin plugin = {
    POSTINO_PLUGIN_HEAD(struct postino_plugin),
    .name = "openpgp",
    .version = PACKAGE_VERSION,
    .capabilities = POSTINO_CAN_SIGN | POSTINO_CAN_SEAL | POSTINO_CAN_OPEN | POSTINO_CAN_VERIFY |
                    POSTINO_CAN_KEYS | POSTINO_CAN_STAY,
    .start = start,
    .recipients = openpgp_recipients,
    .seal = seal,
    .open = open_letter,
    .keys = openpgp_keys,
};

const struct postino_plugin *
postino_plugin_entry(uint32_t abi)
{
  return abi >= POSTINO_PLUGIN_ABI ? &plugin : NULL;
}
