/* Letters signed, sealed and opened by the real plugin process and real keys. */
#include <signal.h>
#include <sys/wait.h>

#include <glib/gstdio.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "crypto/mime.h"
#include "tests/unit/crypto/gnupg.h"
#include "tests/unit/test.h"

#define ENTITY                                                                                     \
  "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" \
  "La chiave =C3=A8 sotto il vaso di gerani, come sempre.\r\nA domani, Anna.\r\n"

struct ground {
  struct gnupg gnupg;
  struct conf *conf;
  struct crypto *crypto;
  const char *passphrase; /* what the person would type; NULL: refuses */
  int asked;
  int noted;                /* keys that letters were sealed to */
};
static struct ground ground;

static secret_t *
answer(const char *prompt, bool secret, void *data)
{
  ground.asked++;
  assert_true(secret);
  assert_non_null(strstr(prompt, "Passphrase"));
  return ground.passphrase != NULL ? secret_new(ground.passphrase, strlen(ground.passphrase))
                                   : NULL;
}

static void
import_stranger(const char *user_id)
{
  struct gnupg other;
  gnupg_init(&other);
  gnupg_make_key(&other, user_id);
  g_autoptr(GBytes) key = gnupg_run(&other, NULL, "--armor", "--export", NULL);
  gnupg_clear(&other);
  g_setenv("GNUPGHOME", ground.gnupg.dir, TRUE);
  g_bytes_unref(gnupg_run(&ground.gnupg, key, "--import", NULL));
}

static int
set_up(void **state)
{
  gnupg_init(&ground.gnupg);
  gnupg_make_key(&ground.gnupg, "Anna Rossi <anna@tuoisp.example>");
  gnupg_make_key(&ground.gnupg, "Bruno Verdi <bruno@tuoisp.example>");
  g_bytes_unref(gnupg_run(&ground.gnupg, NULL, "--pinentry-mode", "loopback", "--passphrase",
                          "apriti sesamo", "--quick-generate-key",
                          "Luca Neri <luca@tuoisp.example>", "future-default", "default", "0",
                          NULL));
  import_stranger("Carla Ignota <carla@tuoisp.example>");
  ground.conf = conf_new_default();
  ground.crypto = crypto_new(ground.conf, answer, NULL);
  return 0;
}

static int
tear_down(void **state)
{
  crypto_free(ground.crypto);
  conf_free(ground.conf);
  gnupg_clear(&ground.gnupg);
  return 0;
}

static GPtrArray *
from(const char *spec)
{
  GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)address_free);
  g_ptr_array_add(list, address_new(NULL, spec));
  return list;
}

static GBytes *
seal(const char *sender, const char *recipient, bool sign, bool encrypt, GError **error)
{
  const char *recipients[] = {recipient, NULL};
  g_autoptr(GBytes) entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  struct seal_request request = {.plugin = "openpgp",
                                 .from = sender,
                                 .recipients = recipients,
                                 .entity = entity,
                                 .sign = sign,
                                 .encrypt = encrypt};
  return crypto_seal(ground.crypto, &request, NULL, error);
}

static char *
opened(GBytes *message, enum envelope_kind kind, const char *sender, GBytes **entity_out)
{
  g_autoptr(GPtrArray) senders = from(sender);
  g_autoptr(verdict_t) verdict = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) entity = NULL;
  assert_true(crypto_open(ground.crypto, message, kind, senders, &verdict, &entity, NULL, &error));
  if (entity_out != NULL)
    *entity_out = g_steal_pointer(&entity);
  return verdict_words(verdict);
}

static void
assert_is_entity(GBytes *entity)
{
  assert_non_null(entity);
  assert_int_equal(g_bytes_get_size(entity), strlen(ENTITY));
  assert_memory_equal(g_bytes_get_data(entity, NULL), ENTITY, strlen(ENTITY));
}

static void
signed_letter_is_verified(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) entity = NULL;
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "bruno@tuoisp.example", true, false, &error);
  assert_null(error);
  g_autofree char *words = opened(sealed, ENVELOPE_PGP_SIGNED, "anna@tuoisp.example", &entity);
  assert_string_equal(words, "signed by Anna Rossi <anna@tuoisp.example>");
  assert_is_entity(entity);
}

static void
sealed_letter_is_opened(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) entity = NULL;
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "bruno@tuoisp.example", false, true, &error);
  assert_null(error);
  g_autofree char *words = opened(sealed, ENVELOPE_PGP_SEALED, "anna@tuoisp.example", &entity);
  assert_string_equal(words, "sealed");
  assert_is_entity(entity);
}

static void
sealed_and_signed_letter_is_opened_and_verified(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) entity = NULL;
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "bruno@tuoisp.example", true, true, &error);
  assert_null(error);
  g_autofree char *words = opened(sealed, ENVELOPE_PGP_SEALED, "anna@tuoisp.example", &entity);
  assert_string_equal(words, "sealed, signed by Anna Rossi <anna@tuoisp.example>");
  assert_is_entity(entity);
}

static void
letter_to_oneself_is_sealed_once(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) sealed = seal("anna@tuoisp.example", "Anna@TuoISP.example", true, true, &error);
  assert_null(error);
  assert_non_null(sealed);
}

static void
signature_of_another_address_is_not_confirmed(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "bruno@tuoisp.example", true, false, &error);
  g_autofree char *fingerprint = gnupg_fingerprint(&ground.gnupg, "anna@tuoisp.example");
  g_autofree char *words = opened(sealed, ENVELOPE_PGP_SIGNED, "bruno@tuoisp.example", NULL);
  g_autofree char *wanted = g_strdup_printf(
      "signature not verified: key %s not confirmed for bruno@tuoisp.example", fingerprint);
  assert_string_equal(words, wanted);
}

static void
changed_signed_letter_is_not_verified(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "bruno@tuoisp.example", true, false, &error);
  g_autofree char *text = g_strndup(g_bytes_get_data(sealed, NULL), g_bytes_get_size(sealed));
  memcpy(strstr(text, "gerani"), "cipolo", 6);
  g_autoptr(GBytes) changed = g_bytes_new(text, strlen(text));
  g_autofree char *words = opened(changed, ENVELOPE_PGP_SIGNED, "anna@tuoisp.example", NULL);
  assert_true(g_str_has_prefix(words, "signature not verified: "));
}

static void
signed_letter_with_unix_line_ends_is_verified(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "bruno@tuoisp.example", true, false, &error);
  g_autoptr(GString) text =
      g_string_new_len(g_bytes_get_data(sealed, NULL), (gssize)g_bytes_get_size(sealed));
  g_string_replace(text, "\r\n", "\n", 0);
  g_autoptr(GBytes) unix_text = g_bytes_new(text->str, text->len);
  g_autofree char *words = opened(unix_text, ENVELOPE_PGP_SIGNED, "anna@tuoisp.example", NULL);
  assert_string_equal(words, "signed by Anna Rossi <anna@tuoisp.example>");
}

static void
key_that_nobody_confirmed_is_refused_with_the_mend(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "carla@tuoisp.example", true, true, &error);
  assert_null(sealed);
  assert_true(error_is(error, POSTINO_ERROR_TRUST));
  assert_non_null(strstr(error->message, "carla@tuoisp.example"));
  assert_non_null(strstr(error->message, "gpg --quick-lsign-key"));
}

static bool
confirm_carla(const char *address, const char *fingerprint, void *data)
{
  return strcmp(address, "carla@tuoisp.example") == 0;
}

static void
key_that_the_user_confirmed_is_sealed_to(void **state)
{
  g_autoptr(GError) error = NULL;
  crypto_set_confirmed(ground.crypto, confirm_carla, NULL);
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "carla@tuoisp.example", true, true, &error);
  crypto_set_confirmed(ground.crypto, NULL, NULL);
  assert_null(error);
  assert_non_null(sealed);
}

/* ---- what the user does to a key ---- */

static const struct key_info *
key_of(GPtrArray *keys, const char *fingerprint)
{
  for (guint i = 0; i < keys->len; i++) {
    const struct key_info *key = keys->pdata[i];
    if (strcmp(key->fingerprint, fingerprint) == 0)
      return key;
  }
  return NULL;
}

static GPtrArray *
change_key(enum key_change change, const char *fingerprint)
{
  g_autoptr(GError) error = NULL;
  if (!crypto_key_change(ground.crypto, "openpgp", change, fingerprint, NULL, &error))
    fail_msg("%s", error->message);
  GPtrArray *keys = crypto_keys(ground.crypto, "openpgp", "", NULL, &error);
  assert_null(error);
  return keys;
}

static void
key_is_renewed_revoked_and_deleted(void **state)
{
  g_autoptr(GError) error = NULL;
  int64_t now = g_get_real_time() / G_USEC_PER_SEC, two_years = (int64_t)730 * 24 * 3600;
  ground.passphrase = "segreta";
  g_bytes_unref(gnupg_run(&ground.gnupg, NULL, "--pinentry-mode", "loopback", "--passphrase",
                          "segreta", "--quick-generate-key", "Dario <dario@tuoisp.example>",
                          "future-default", "default", "1d", NULL));
  g_autofree char *key = gnupg_fingerprint(&ground.gnupg, "dario@tuoisp.example");
  g_autoptr(GPtrArray) renewed = change_key(KEY_RENEW, key);
  assert_non_null(key_of(renewed, key));
  assert_in_range(key_of(renewed, key)->expires, now + two_years - 100, now + two_years + 600);
  assert_false(key_of(renewed, key)->revoked);
  g_autoptr(GPtrArray) revoked = change_key(KEY_REVOKE, key);
  assert_true(key_of(revoked, key)->revoked);
  g_autoptr(GBytes) listed = gnupg_run(&ground.gnupg, NULL, "--with-colons", "--list-keys", key, NULL);
  assert_true(g_strstr_len(g_bytes_get_data(listed, NULL), (gssize)g_bytes_get_size(listed),
                           "pub:r:") != NULL);
  g_autoptr(GPtrArray) left = change_key(KEY_DELETE, key);
  assert_null(key_of(left, key));
  assert_false(crypto_key_change(ground.crypto, "openpgp", KEY_DELETE, key, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_REFUSED));
  ground.passphrase = NULL;
}

/* ---- a changed key ---- */

static char *
known_key(const char *address, void *data)
{
  return strcmp(address, "bruno@tuoisp.example") == 0 || strcmp(address, "carla@tuoisp.example") == 0
             ? g_strdup(data)
             : NULL;
}

static void
count_note(const char *address, const char *fingerprint, void *data)
{
  ground.noted++;
}

static bool
confirm_any(const char *address, const char *fingerprint, void *data)
{
  return true;
}

static void
key_of_before_is_sealed_to_and_noted(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *key = gnupg_fingerprint(&ground.gnupg, "bruno@tuoisp.example");
  ground.noted = 0;
  crypto_set_memory(ground.crypto, &(struct crypto_memory){known_key, count_note, key});
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "bruno@tuoisp.example", true, true, &error);
  crypto_set_memory(ground.crypto, &(struct crypto_memory){NULL});
  assert_null(error);
  assert_non_null(sealed);
  assert_int_equal(ground.noted, 2);
}

static void
changed_key_is_sealed_to_by_the_users_word_alone(void **state)
{
  g_autoptr(GError) error = NULL;
  char old[] = "0123456789ABCDEF0123456789ABCDEF01234567";
  ground.noted = 0;
  crypto_set_memory(ground.crypto, &(struct crypto_memory){known_key, count_note, old});
  g_autoptr(GBytes) refused =
      seal("anna@tuoisp.example", "carla@tuoisp.example", true, true, &error);
  assert_null(refused);
  assert_true(error_is(error, POSTINO_ERROR_TRUST));
  assert_non_null(strstr(error->message, "has changed"));
  assert_non_null(strstr(error->message, old));
  assert_int_equal(ground.noted, 0);
  g_clear_error(&error);
  crypto_set_confirmed(ground.crypto, confirm_any, NULL);
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "carla@tuoisp.example", true, true, &error);
  crypto_set_confirmed(ground.crypto, NULL, NULL);
  crypto_set_memory(ground.crypto, &(struct crypto_memory){NULL});
  assert_null(error);
  assert_non_null(sealed);
}

static void
address_without_a_key_is_named(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) sealed =
      seal("anna@tuoisp.example", "giulia@altrove.example", false, true, &error);
  assert_null(sealed);
  assert_true(error_is(error, POSTINO_ERROR_REFUSED));
  assert_non_null(strstr(error->message, "giulia@altrove.example"));
}

static void
recipients_are_told_in_order(void **state)
{
  const char *specs[] = {"carla@tuoisp.example", "nobody@tuoisp.example", "anna@tuoisp.example",
                         NULL};
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) list = crypto_recipients(ground.crypto, "openpgp", specs, NULL, &error);
  assert_null(error);
  assert_int_equal(list->len, 3);
  const struct seal_recipient *carla = list->pdata[0], *nobody = list->pdata[1],
                              *anna = list->pdata[2];
  assert_true(!carla->can_seal && carla->untrusted && carla->key != NULL);
  assert_true(!nobody->can_seal && !nobody->untrusted && nobody->key == NULL &&
              nobody->why != NULL);
  assert_true(anna->can_seal && anna->can_sign && anna->why == NULL);
  assert_string_equal(anna->user_id, "Anna Rossi <anna@tuoisp.example>");
}

/* The number of a plugin process of ours, the lowest; 0: there is none. */
static int
plugin_process(void)
{
  int lowest = 0;
  g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
  for (const char *task; (task = g_dir_read_name(tasks)) != NULL;) {
    g_autofree char *path = g_strdup_printf("/proc/self/task/%s/children", task);
    g_autofree char *children = NULL;
    if (!g_file_get_contents(path, &children, NULL, NULL))
      continue;
    g_auto(GStrv) list = g_strsplit(children, " ", -1);
    for (char **child = list; *child != NULL; child++) {
      int process = (int)strtol(*child, NULL, 10);
      if (process > 0 && (lowest == 0 || process < lowest))
        lowest = process;
    }
  }
  return lowest;
}

static gpointer
seal_in_thread(gpointer data)
{
  g_autoptr(GError) error = NULL;
  GBytes *sealed = seal("anna@tuoisp.example", "bruno@tuoisp.example", true, true, &error);
  if (sealed == NULL)
    fail_msg("%s", error->message);
  return sealed;
}

/* What the user writes may pass through one process, also from threads that come and
 * go; what comes from outside never does. */
static void
one_process_seals_letter_after_letter_and_opens_none(void **state)
{
  g_autoptr(GBytes) first = g_thread_join(g_thread_new("first", seal_in_thread, NULL));
  int process = plugin_process();
  assert_true(process > 0);
  g_autoptr(GBytes) second = g_thread_join(g_thread_new("second", seal_in_thread, NULL));
  assert_int_equal(plugin_process(), process);
  assert_int_equal(kill(process, SIGSTOP), 0);
  g_autofree char *words = opened(first, ENVELOPE_PGP_SEALED, "anna@tuoisp.example", NULL);
  assert_string_equal(words, "sealed, signed by Anna Rossi <anna@tuoisp.example>");
  assert_int_equal(kill(process, SIGCONT), 0);
  assert_int_equal(plugin_process(), process);
  /* One that is gone is replaced without a word. */
  assert_int_equal(kill(process, SIGKILL), 0);
  siginfo_t info;
  assert_int_equal(waitid(P_PID, (id_t)process, &info, WEXITED | WNOWAIT), 0);
  g_autoptr(GBytes) third = g_thread_join(g_thread_new("third", seal_in_thread, NULL));
  assert_true(plugin_process() > 0);
}

/* A key that was good for a day in 2020, and what it signed that day. */
static guint
listings(const char *log)
{
  g_autofree char *text = NULL;
  guint n = 0;
  assert_true(g_file_get_contents(log, &text, NULL, NULL));
  for (const char *at = text; (at = strstr(at, "--list-keys")) != NULL; at++)
    n++;
  return n;
}

/* gpg is a script that writes down what it is started for. */
static void
ring_is_listed_once_for_a_letter_and_anew_when_it_changed(void **state)
{
  static const char *const specs[] = {"bruno@tuoisp.example", "anna@tuoisp.example", NULL};
  g_autofree char *dir = g_build_filename(ground.gnupg.dir, "bin", NULL);
  g_autofree char *script = g_build_filename(dir, "gpg", NULL);
  g_autofree char *log = g_build_filename(dir, "log", NULL);
  g_autofree char *real = g_find_program_in_path("gpg");
  g_autofree char *text = g_strdup_printf("#!/bin/sh\necho \"$*\" >>%s\nexec %s \"$@\"\n", log, real);
  g_autofree char *before = g_strdup(g_getenv("PATH"));
  g_autofree char *path = g_strconcat(dir, ":", before, NULL);
  assert_int_equal(g_mkdir(dir, 0700), 0);
  assert_true(g_file_set_contents(script, text, -1, NULL));
  assert_int_equal(g_chmod(script, 0700), 0);
  g_setenv("PATH", path, TRUE);
  struct crypto *usual = ground.crypto;
  ground.crypto = crypto_new(ground.conf, answer, NULL);
  g_autoptr(GPtrArray) weighed = crypto_recipients(ground.crypto, "openpgp", specs, NULL, NULL);
  g_autoptr(GBytes) sealed = seal("anna@tuoisp.example", "bruno@tuoisp.example", true, true, NULL);
  assert_non_null(weighed);
  assert_non_null(sealed);
  assert_int_equal(listings(log), 1);
  gnupg_make_key(&ground.gnupg, "Dora Gialli <dora@tuoisp.example>");
  guint listed = listings(log);
  g_autoptr(GPtrArray) again = crypto_recipients(ground.crypto, "openpgp", specs, NULL, NULL);
  assert_non_null(again);
  assert_int_equal(listings(log), listed + 1);
  crypto_free(ground.crypto);
  ground.crypto = usual;
  g_setenv("PATH", before, TRUE);
}

static void
expired_key_is_not_sealed_to_and_its_signature_is_said(void **state)
{
  g_autoptr(GError) error = NULL;
  const char *specs[] = {"vecchio@tuoisp.example", NULL};
  g_bytes_unref(gnupg_run(&ground.gnupg, NULL, "--faked-system-time", "20200101T120000",
                          "--passphrase", "", "--quick-generate-key",
                          "Vecchio <vecchio@tuoisp.example>", "future-default", "default", "1d",
                          NULL));
  g_autoptr(GPtrArray) list = crypto_recipients(ground.crypto, "openpgp", specs, NULL, &error);
  assert_null(error);
  const struct seal_recipient *old = list->pdata[0];
  assert_true(!old->can_seal && !old->can_sign && !old->untrusted);
  assert_non_null(strstr(old->why, "expired"));
  g_autoptr(GBytes) entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  g_autoptr(GBytes) signature =
      gnupg_run(&ground.gnupg, entity, "--faked-system-time", "20200101T130000", "--armor",
                "--local-user", "vecchio@tuoisp.example", "--detach-sign", NULL);
  g_autofree char *armour =
      g_strndup(g_bytes_get_data(signature, NULL), g_bytes_get_size(signature));
  g_autofree char *letter =
      g_strconcat("Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; "
                  "boundary=b\r\n\r\n--b\r\n" ENTITY
                  "\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n",
                  armour, "\r\n--b--\r\n", NULL);
  g_autoptr(GBytes) message = g_bytes_new(letter, strlen(letter));
  g_autofree char *words = opened(message, ENVELOPE_PGP_SIGNED, "vecchio@tuoisp.example", NULL);
  assert_true(g_str_has_prefix(words, "signature not verified: the signer's key "));
  assert_true(g_str_has_suffix(words, " has expired"));
}

static void
signature_of_an_unknown_key_is_said(void **state)
{
  g_autoptr(GBytes) entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  struct gnupg other;
  gnupg_init(&other);
  gnupg_make_key(&other, "Sconosciuto <chi@tuoisp.example>");
  g_autoptr(GBytes) signature = gnupg_run(&other, entity, "--armor", "--detach-sign", NULL);
  gnupg_clear(&other);
  g_setenv("GNUPGHOME", ground.gnupg.dir, TRUE);
  g_autofree char *armour =
      g_strndup(g_bytes_get_data(signature, NULL), g_bytes_get_size(signature));
  g_autofree char *letter =
      g_strconcat("Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; "
                  "boundary=b\r\n\r\n--b\r\n" ENTITY
                  "\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n",
                  armour, "\r\n--b--\r\n", NULL);
  g_autoptr(GBytes) message = g_bytes_new(letter, strlen(letter));
  g_autofree char *words = opened(message, ENVELOPE_PGP_SIGNED, "chi@tuoisp.example", NULL);
  assert_true(g_str_has_suffix(words, " is not in your key ring"));
}

static void
forget_passphrases(void)
{
  const char *argv[] = {"gpgconf", "--homedir", ground.gnupg.dir, "--reload", "gpg-agent", NULL};
  assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                           NULL, NULL));
}

static void
passphrase_is_asked_of_the_person(void **state)
{
  g_autoptr(GError) error = NULL;
  forget_passphrases();
  ground.asked = 0;
  ground.passphrase = "apriti sesamo";
  g_autoptr(GBytes) sealed = seal("luca@tuoisp.example", "anna@tuoisp.example", true, true, &error);
  assert_null(error);
  assert_non_null(sealed);
  assert_int_equal(ground.asked, 1);
}

static void
refused_passphrase_sends_nothing(void **state)
{
  g_autoptr(GError) error = NULL;
  forget_passphrases();
  ground.passphrase = NULL;
  g_autoptr(GBytes) sealed = seal("luca@tuoisp.example", "anna@tuoisp.example", true, true, &error);
  assert_null(sealed);
  assert_true(error_is(error, POSTINO_ERROR_AUTH));
}

static void
wrong_passphrase_is_asked_again_and_then_refused(void **state)
{
  g_autoptr(GError) error = NULL;
  forget_passphrases();
  ground.asked = 0;
  ground.passphrase = "wrong";
  g_autoptr(GBytes) sealed =
      seal("luca@tuoisp.example", "anna@tuoisp.example", true, false, &error);
  assert_null(sealed);
  assert_true(error_is(error, POSTINO_ERROR_AUTH));
  assert_int_equal(ground.asked, 3);
}

static void
locked_key_without_a_person_is_for_later(void **state)
{
  g_autoptr(GError) error = NULL;
  forget_passphrases();
  g_autoptr(crypto_t) alone = crypto_new(ground.conf, NULL, NULL);
  g_autoptr(GBytes) entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  const char *recipients[] = {"anna@tuoisp.example", NULL};
  struct seal_request request = {.plugin = "openpgp",
                                 .from = "luca@tuoisp.example",
                                 .recipients = recipients,
                                 .entity = entity,
                                 .sign = true};
  g_autoptr(GBytes) sealed = crypto_seal(alone, &request, NULL, &error);
  assert_null(sealed);
  assert_true(error_is(error, POSTINO_ERROR_RETRY));
}

static void
bundled_plugins_are_listed(void **state)
{
  static const char *const names[] = {"openpgp", "smime"};
  g_autoptr(GPtrArray) list = crypto_plugins(ground.crypto, NULL);
  assert_int_equal(list->len, G_N_ELEMENTS(names));
  for (guint i = 0; i < list->len; i++) {
    const struct plugin_info *info = list->pdata[i];
    assert_string_equal(info->name, names[i]);
    assert_null(info->why_disabled);
    assert_string_equal(info->capabilities, "sign seal open verify keys");
    /* What they need, and no more. */
    assert_true(g_str_has_prefix(info->rights, "gnupg"));
  }
}

/* ---- keys ---- */

static void
key_pair_is_made_and_is_one_s_own(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(address_t) owner = address_new("Nuova <evil>", "nuova@tuoisp.example");
  ground.passphrase = "apriti sesamo";
  struct key_info *made = crypto_key_make(ground.crypto, "openpgp", owner, NULL, &error);
  if (made == NULL)
    fail_msg("%s", error->message);
  assert_true(made->secret);
  assert_string_equal(made->user_id, "Nuova  evil <nuova@tuoisp.example>");
  const char *specs[] = {"nuova@tuoisp.example", NULL};
  g_autoptr(GPtrArray) list = crypto_recipients(ground.crypto, "openpgp", specs, NULL, &error);
  const struct seal_recipient *own = list->pdata[0];
  assert_true(own->can_seal && own->can_sign);
  assert_string_equal(own->key, made->fingerprint);
  g_autoptr(GPtrArray) found =
      crypto_keys(ground.crypto, "openpgp", "<nuova@tuoisp.example>", NULL, &error);
  assert_int_equal(found->len, 1);
  g_autoptr(GPtrArray) all = crypto_keys(ground.crypto, "openpgp", NULL, NULL, &error);
  assert_true(all->len > 1);
  g_autoptr(GBytes) key =
      crypto_key_export(ground.crypto, "openpgp", made->fingerprint, NULL, &error);
  g_autofree char *text = g_strndup(g_bytes_get_data(key, NULL), g_bytes_get_size(key));
  assert_true(g_str_has_prefix(text, "-----BEGIN PGP PUBLIC KEY BLOCK-----"));
  g_autoptr(GPtrArray) imported =
      crypto_key_import(ground.crypto, "openpgp", key, true, NULL, &error);
  assert_int_equal(imported->len, 1);
  key_info_free(made);
}

static void
what_is_no_key_is_not_imported(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) missing = NULL;
  g_autoptr(GBytes) garbage = g_bytes_new_static("no key", 6);
  assert_null(crypto_key_import(ground.crypto, "openpgp", garbage, false, NULL, &error));
  assert_non_null(error);
  assert_null(crypto_key_export(ground.crypto, "openpgp",
                                "0123456789012345678901234567890123456789", NULL, &missing));
  assert_non_null(missing);
}

/* A pair whose secret half is here is one's own, and needs no confirming: one that a
 * letter brings must not become that. */
static void
pair_of_a_stranger_is_not_taken_from_a_letter(void **state)
{
  struct gnupg other;
  g_autofree char *home = g_strdup(g_getenv("GNUPGHOME"));
  gnupg_init(&other);
  gnupg_make_key(&other, "Anna Rossi <vittima@tuoisp.example>");
  g_autoptr(GBytes) armour = gnupg_run(&other, NULL, "--armor", "--export-secret-keys", NULL);
  g_autoptr(GBytes) binary = gnupg_run(&other, NULL, "--export-secret-keys", NULL);
  gnupg_clear(&other);
  g_setenv("GNUPGHOME", home, TRUE);
  GBytes *keys[] = {armour, binary};
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
    g_autoptr(GError) error = NULL;
    assert_null(crypto_key_import(ground.crypto, "openpgp", keys[i], true, NULL, &error));
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
    assert_non_null(strstr(error->message, "secret key"));
    g_autoptr(GPtrArray) found =
        crypto_keys(ground.crypto, "openpgp", "vittima@tuoisp.example", NULL, NULL);
    assert_int_equal(found->len, 0);
  }
}

static void
note_failure(bool passed, const char *line, void *data)
{
  if (!passed)
    print_message("failed: %s\n", line);
  *(int *)data += passed ? 1 : 1000;
}

static void
openpgp_conforms(void **state)
{
  g_autoptr(GError) error = NULL;
  int lines = 0;
  ground.passphrase = "apriti sesamo";
  assert_true(crypto_check_plugin(ground.crypto, "openpgp", note_failure, &lines, NULL, &error));
  assert_in_range(lines, 20, 999);
}

static void
large_letter_goes_there_and_back(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GString) text = g_string_new("Content-Type: text/plain\r\n\r\n");
  for (int i = 0; i < 100000; i++)
    g_string_append_printf(text, "%08d riga della lettera lunga\r\n", i * 7919);
  g_autoptr(GBytes) entity = g_bytes_new(text->str, text->len);
  const char *recipients[] = {"bruno@tuoisp.example", NULL};
  struct seal_request request = {.plugin = "openpgp",
                                 .from = "anna@tuoisp.example",
                                 .recipients = recipients,
                                 .entity = entity,
                                 .encrypt = true};
  g_autoptr(GBytes) sealed = crypto_seal(ground.crypto, &request, NULL, &error);
  assert_null(error);
  g_autoptr(GBytes) back = NULL;
  g_autofree char *words = opened(sealed, ENVELOPE_PGP_SEALED, "anna@tuoisp.example", &back);
  assert_string_equal(words, "sealed");
  assert_true(g_bytes_equal(back, entity));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(signed_letter_is_verified),
      cmocka_unit_test(sealed_letter_is_opened),
      cmocka_unit_test(sealed_and_signed_letter_is_opened_and_verified),
      cmocka_unit_test(letter_to_oneself_is_sealed_once),
      cmocka_unit_test(signature_of_another_address_is_not_confirmed),
      cmocka_unit_test(changed_signed_letter_is_not_verified),
      cmocka_unit_test(signed_letter_with_unix_line_ends_is_verified),
      cmocka_unit_test(key_that_nobody_confirmed_is_refused_with_the_mend),
      cmocka_unit_test(key_that_the_user_confirmed_is_sealed_to),
      cmocka_unit_test(key_of_before_is_sealed_to_and_noted),
      cmocka_unit_test(changed_key_is_sealed_to_by_the_users_word_alone),
      cmocka_unit_test(address_without_a_key_is_named),
      cmocka_unit_test(recipients_are_told_in_order),
      cmocka_unit_test(one_process_seals_letter_after_letter_and_opens_none),
      cmocka_unit_test(ring_is_listed_once_for_a_letter_and_anew_when_it_changed),
      cmocka_unit_test(expired_key_is_not_sealed_to_and_its_signature_is_said),
      cmocka_unit_test(signature_of_an_unknown_key_is_said),
      cmocka_unit_test(passphrase_is_asked_of_the_person),
      cmocka_unit_test(refused_passphrase_sends_nothing),
      cmocka_unit_test(wrong_passphrase_is_asked_again_and_then_refused),
      cmocka_unit_test(locked_key_without_a_person_is_for_later),
      cmocka_unit_test(bundled_plugins_are_listed),
      cmocka_unit_test(key_pair_is_made_and_is_one_s_own),
      cmocka_unit_test(key_is_renewed_revoked_and_deleted),
      cmocka_unit_test(what_is_no_key_is_not_imported),
      cmocka_unit_test(pair_of_a_stranger_is_not_taken_from_a_letter),
      cmocka_unit_test(openpgp_conforms),
      cmocka_unit_test(large_letter_goes_there_and_back),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
