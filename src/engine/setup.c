/* The Autocrypt setup message (level 1, 4): one's own pair goes to oneself by mail, sealed
 * with a code that is only shown on the screen. */
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/i18n.h"
#include "engine/autocrypt.h"

#define CODE_GROUPS 9

/* Nine groups of four digits, none likelier than another. */
static char *
make_code(GError **error)
{
  GString *code = g_string_new(NULL);
  for (int digits = 0; digits < CODE_GROUPS * 4;) {
    guint8 byte;
    if (getrandom(&byte, sizeof byte, 0) != (ssize_t)sizeof byte) {
      g_string_free(code, TRUE);
      error_set(error, POSTINO_ERROR_LOCAL, "%s", _("no random numbers for the setup code"));
      return NULL;
    }
    if (byte >= 250)
      continue;
    if (digits > 0 && digits % 4 == 0)
      g_string_append_c(code, '-');
    g_string_append_c(code, (char)('0' + byte % 10));
    digits++;
  }
  return g_string_free(code, FALSE);
}

/* 4.2: a text that says what it is, and the sealed pair within a file that a browser
 * would show. */
static GBytes *
write_message(const struct conf_account *account, GBytes *armour)
{
  gsize length;
  const char *bytes = g_bytes_get_data(armour, &length);
  g_autofree char *boundary = message_id_new("setup");
  g_strdelimit(boundary, "@", '=');
  GString *out = g_string_new(NULL);
  g_string_append_printf(
      out,
      "From: %s\nTo: %s\nSubject: Autocrypt Setup Message\nAutocrypt-Setup-Message: v1\n"
      "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"%s\"\n\n--%s\n"
      "Content-Type: text/plain; charset=us-ascii\n\n%s\n\n--%s\n"
      "Content-Type: application/autocrypt-setup\n"
      "Content-Disposition: attachment; filename=\"autocrypt-setup-message.html\"\n\n"
      "<html><body>\n<p>This is the Autocrypt setup file used to transfer keys between "
      "clients.</p>\n<pre>\n",
      account->from, account->from, boundary, boundary,
      "This message holds your key pair for another mail program of yours.\n"
      "Open it there and type the setup code that was shown when it was made.",
      boundary);
  g_string_append_len(out, bytes, (gssize)length);
  g_string_append_printf(out, "</pre>\n</body></html>\n\n--%s--\n", boundary);
  return g_string_free_to_bytes(out);
}

static bool
run_setup(struct work *work, GError **error)
{
  struct crypto *crypto = work->engine->crypto;
  const struct conf_account *account = engine_account(work->engine, work->args, error);
  g_autoptr(GPtrArray) from = account != NULL ? address_parse_header(account->from, -1) : NULL;
  if (account == NULL || from->len == 0)
    return false;
  const char *specs[] = {((struct address *)from->pdata[0])->spec, NULL};
  g_autoptr(GPtrArray) own =
      crypto_recipients(crypto, account->crypto_plugin, specs, work->cancel, error);
  if (own == NULL)
    return false;
  const struct seal_recipient *key = own->pdata[0];
  if (!key->can_sign || key->key == NULL)
    return error_set(error, POSTINO_ERROR_NOTFOUND,
                     _("you have no key of your own for %s; :make-key makes one"), specs[0]);
  g_autofree char *code = make_code(error);
  g_autoptr(GBytes) armour =
      code != NULL ? crypto_key_setup(crypto, account->crypto_plugin, key->key, code, work->cancel,
                                      error)
                   : NULL;
  if (armour == NULL)
    return false;
  work->done->part = g_new0(struct part, 1);
  work->done->part->bytes = write_message(account, armour);
  work->done->text = g_steal_pointer(&code);
  return true;
}

request_id
engine_key_setup(struct engine *engine, const char *account)
{
  return engine_request(engine, NULL, run_setup, g_strdup(account), g_free);
}

GBytes *
autocrypt_setup_armour(GBytes *part)
{
  static const char begin[] = "-----BEGIN PGP MESSAGE-----", end[] = "-----END PGP MESSAGE-----";
  gsize length;
  const char *text = g_bytes_get_data(part, &length);
  const char *from = text != NULL ? g_strstr_len(text, (gssize)length, begin) : NULL;
  const char *to = from != NULL ? g_strstr_len(from, text + length - from, end) : NULL;
  if (to == NULL)
    return NULL;
  g_autofree char *armour = g_strndup(from, (gsize)(to - from) + strlen(end));
  g_autofree char *whole = g_strconcat(armour, "\n", NULL);
  return g_bytes_new(whole, strlen(whole));
}
