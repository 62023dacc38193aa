/* The Autocrypt setup message (level 1, 4): one's own pair, sealed with a code that the
 * user carries from one machine to the other by eye. */
#include <string.h>

#include "plugins/common.h"
#include "plugins/openpgp.h"

#define CODE_DIGITS 36
#define GROUP_DIGITS 4

/* The code stands for any passphrase that is asked for; NULL: the person is asked. */
static void
hold_code(struct openpgp *pgp, char *code)
{
  if (pgp->new_passphrase != NULL)
    explicit_bzero(pgp->new_passphrase, strlen(pgp->new_passphrase));
  g_free(pgp->new_passphrase);
  pgp->new_passphrase = code;
  openpgp_take_passphrases(pgp, code != NULL);
}

/* `text` with more lines behind its first one. */
static GString *
with_fields(gpgme_data_t data, const char *fields)
{
  size_t length = 0;
  char *text = gpgme_data_release_and_get_mem(data, &length);
  GString *out = g_string_new_len(text, (gssize)length);
  const char *end = memchr(out->str, '\n', out->len);
  if (end != NULL)
    g_string_insert(out, end + 1 - out->str, fields);
  explicit_bzero(text, length);
  gpgme_free(text);
  return out;
}

static void
wipe(GString *text)
{
  explicit_bzero(text->str, text->len);
  g_string_free(text, TRUE);
}

/* By the program that knows Autocrypt's cipher; the process serves nothing else. */
static gpgme_error_t
take_cipher(struct openpgp *pgp)
{
  g_autofree char *program = common_program("postino-gpg");
  return gpgme_ctx_set_engine_info(pgp->ctx, GPGME_PROTOCOL_OpenPGP, program, NULL);
}

static gpgme_error_t
seal_with_code(struct openpgp *pgp, const GString *pair, const char *code, gpgme_data_t *out)
{
  gpgme_data_t in = NULL;
  gpgme_error_t error = gpgme_data_new_from_mem(&in, pair->str, pair->len, 0);
  if (error == 0)
    error = gpgme_data_new(out);
  if (error == 0)
    error = take_cipher(pgp);
  hold_code(pgp, g_strdup(code));
  if (error == 0)
    error = gpgme_op_encrypt(pgp->ctx, NULL, GPGME_ENCRYPT_SYMMETRIC, in, *out);
  hold_code(pgp, NULL);
  gpgme_data_release(in);
  return error;
}

static gpgme_error_t
export_pair(struct openpgp *pgp, const char *fingerprint, gpgme_data_t *out)
{
  gpgme_error_t error = gpgme_data_new(out);
  pgp->asked = 0;
  if (error == 0 && !openpgp_take_terminal(pgp))
    error = gpg_error(GPG_ERR_NO_PIN_ENTRY);
  if (error == 0)
    error = gpgme_op_export(pgp->ctx, fingerprint, GPGME_EXPORT_MODE_SECRET, *out);
  openpgp_leave_terminal(pgp);
  return error;
}

int
openpgp_setup(struct openpgp *pgp, const char *fingerprint, const struct postino_bytes *code)
{
  gpgme_data_t secret = NULL, sealed = NULL;
  g_autofree char *words = g_strndup(code->data, code->length);
  gpgme_error_t error = export_pair(pgp, fingerprint, &secret);
  if (error != 0 || strlen(words) < 2) {
    gpgme_data_release(secret);
    return openpgp_failed(pgp, error != 0 ? error : gpg_error(GPG_ERR_INV_VALUE));
  }
  GString *pair = with_fields(secret, "Autocrypt-Prefer-Encrypt: mutual\n");
  error = seal_with_code(pgp, pair, words, &sealed);
  wipe(pair);
  if (error != 0) {
    gpgme_data_release(sealed);
    return openpgp_failed(pgp, error);
  }
  g_autofree char *fields = g_strdup_printf(
      "Passphrase-Format: numeric9x4\nPassphrase-Begin: %.2s\n", words);
  g_autoptr(GString) armour = with_fields(sealed, fields);
  explicit_bzero(words, strlen(words));
  pgp->host->output(pgp->host, armour->str, armour->len);
  return 0;
}

/* People type the digits with and without the strokes between them.  NULL: these are
 * not as many as there must be. */
static char *
normal_code(const char *typed)
{
  GString *out = g_string_new(NULL);
  size_t digits = 0;
  for (; *typed != '\0'; typed++) {
    if (!g_ascii_isdigit(*typed))
      continue;
    if (digits > 0 && digits % GROUP_DIGITS == 0)
      g_string_append_c(out, '-');
    g_string_append_c(out, *typed);
    digits++;
  }
  return g_string_free(out, digits != CODE_DIGITS);
}

static gpgme_error_t
open_with_code(struct openpgp *pgp, const struct postino_bytes *armour, char *code,
               gpgme_data_t *out)
{
  gpgme_data_t in = NULL;
  gpgme_error_t error = gpgme_data_new_from_mem(&in, armour->data, armour->length, 0);
  if (error == 0)
    error = gpgme_data_new(out);
  hold_code(pgp, code);
  if (error == 0)
    error = gpgme_op_decrypt(pgp->ctx, in, *out);
  hold_code(pgp, NULL);
  gpgme_data_release(in);
  return error;
}

/* The value of a header of the armour; NULL: it has none.  Free it. */
static char *
armour_header(const char *armour, const char *name)
{
  const char *at = strstr(armour, name);
  const char *value = at != NULL ? at + strlen(name) : NULL;
  return value != NULL ? g_strstrip(g_strndup(value, strcspn(value, "\r\n"))) : NULL;
}

/* Of another form than ours the code is typed as it is. */
static char *
ask_code(struct openpgp *pgp, const char *armour, bool *given_out)
{
  g_autofree char *format = armour_header(armour, "\nPassphrase-Format:");
  g_autofree char *begin = armour_header(armour, "\nPassphrase-Begin:");
  bool numeric = g_strcmp0(format, "numeric9x4") == 0;
  g_autofree char *hint =
      begin != NULL && *begin != '\0' && strlen(begin) < 8
          ? g_strdup_printf(_(" (it begins with %s)"), begin) : g_strdup("");
  g_autofree char *prompt = g_strdup_printf(
      numeric ? _("The 36 digits of the setup code that the other program has shown%s:")
              : _("The setup code that the other program has shown%s:"), hint);
  const char *typed = pgp->host->ask(pgp->host, prompt, 1);
  *given_out = typed != NULL;
  if (typed == NULL)
    return NULL;
  return numeric ? normal_code(typed) : g_strdup(typed);
}

/* The one block that it begins with; what follows it is passed over (level 1, 4). */
static size_t
pair_length(const char *text, size_t length)
{
  static const char begin[] = "-----BEGIN PGP PRIVATE KEY BLOCK-----";
  static const char end[] = "-----END PGP PRIVATE KEY BLOCK-----";
  size_t blank = 0;
  while (blank < length && g_ascii_isspace(text[blank]))
    blank++;
  const char *last = length - blank > strlen(begin) &&
                             memcmp(text + blank, begin, strlen(begin)) == 0
                         ? memmem(text, length, end, strlen(end)) : NULL;
  return last != NULL ? (size_t)(last - text) + strlen(end) : 0;
}

int
openpgp_setup_open(struct openpgp *pgp, const struct postino_bytes *armour)
{
  gpgme_data_t pair = NULL;
  bool given;
  g_autofree char *head = g_strndup(armour->data, armour->length);
  char *code = ask_code(pgp, head, &given);
  if (!given)
    return openpgp_failed(pgp, gpg_error(GPG_ERR_CANCELED));
  if (code == NULL)
    return pgp->host->error(pgp->host, POSTINO_WRONG_PASSPHRASE,
                            _("the setup code has nine groups of four digits; type it again"));
  gpgme_error_t error = open_with_code(pgp, armour, code, &pair);
  if (error != 0) {
    gpgme_data_release(pair);
    return pgp->host->error(pgp->host, POSTINO_WRONG_PASSPHRASE,
                            _("the setup code does not open it; look at it and type it again"));
  }
  size_t length = 0;
  char *text = gpgme_data_release_and_get_mem(pair, &length);
  struct postino_bytes bytes = {text, pair_length(text, length)};
  int result = bytes.length > 0
                   ? openpgp_import(pgp, &bytes)
                   : pgp->host->error(pgp->host, POSTINO_BAD_DATA,
                                      _("there is no key pair in this setup message; let the other "
                                        "program make a new one"));
  explicit_bzero(text, length);
  gpgme_free(text);
  return result;
}
