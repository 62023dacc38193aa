/* The age plugin of contrib/, with the age program; passed over where that is not
 * installed. */
#include <glib/gstdio.h>

#include "base/error.h"
#include "crypto/age.h"
#include "crypto/check.h"
#include "crypto/crypto.h"
#include "tests/unit/test.h"

#define ENTITY                                                                                     \
  "Content-Type: text/plain; charset=us-ascii\r\n\r\n"                                             \
  "Questa frase non deve poter essere letta da chi porta la lettera.\r\n"

static char *dir;
static struct crypto *crypto;
static GBytes *entity;

static void
sh(const char *script)
{
  g_autofree char *whole = g_strdup_printf("cd %s && { %s\n}", dir, script);
  const char *argv[] = {"sh", "-ec", whole, NULL};
  g_autofree char *said = NULL;
  int status;
  assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &said,
                           &status, NULL));
  if (status != 0)
    fail_msg("%s: %s", script, said);
}

static bool
granted(const char *plugin, const char *words, const char *digest, bool ask, void *data)
{
  return strcmp(plugin, "age") == 0 && strstr(words, "read:") != NULL;
}

static int
set_up(void **state)
{
  const char *top = g_getenv("abs_top_srcdir");
  entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  dir = g_strdup("/tmp/psta.XXXXXX");
  assert_non_null(g_mkdtemp_full(dir, 0700));
  g_setenv("PATH", "/usr/bin:/bin", TRUE);
  /* Its manifest asks for ~/.age and no more. */
  g_setenv("HOME", dir, TRUE);
  g_autofree char *age = g_find_program_in_path("age");
  if (age == NULL)
    return 0;
  sh("mkdir .age; cd .age; age-keygen -o anna 2>/dev/null; age-keygen -o bruno 2>/dev/null\n"
     "printf 'anna@tuoisp.example %s\\nBruno@tuoisp.example %s # a friend\\n' "
     "\"$(age-keygen -y anna)\" \"$(age-keygen -y bruno)\" >recipients");
  g_autoptr(conf_t) conf = conf_new_default();
  struct conf_plugin *plugin = g_new0(struct conf_plugin, 1);
  plugin->name = g_strdup("age");
  plugin->command = g_build_filename(top != NULL ? top : ".", "contrib/plugins/age.py", NULL);
  plugin->options = g_new0(char *, 3);
  plugin->options[0] = g_strdup_printf("identity=%s/.age/anna", dir);
  plugin->options[1] = g_strdup_printf("recipients=%s/.age/recipients", dir);
  g_ptr_array_add(conf->plugins, plugin);
  crypto = crypto_new(conf, NULL, NULL);
  crypto_set_grants(crypto, &(struct crypto_grants){.may = granted});
  return 0;
}

static int
tear_down(void **state)
{
  sh("rm -rf \"$PWD\"");
  crypto_free(crypto);
  g_bytes_unref(entity);
  g_free(dir);
  return 0;
}

static GBytes *
seal_to(const char *spec, bool sign, GError **error)
{
  const char *recipients[] = {spec, NULL};
  struct seal_request request = {.plugin = "age",
                                 .from = "anna@tuoisp.example",
                                 .recipients = recipients,
                                 .entity = entity,
                                 .sign = sign,
                                 .encrypt = true};
  return crypto_seal(crypto, &request, NULL, error);
}

static void
letter_is_sealed_and_opened_again(void **state)
{
  if (crypto == NULL)
    skip();
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) made = seal_to("bruno@tuoisp.example", false, &error);
  if (made == NULL)
    fail_msg("%s", error->message);
  g_autoptr(GPtrArray) from = g_ptr_array_new_with_free_func((GDestroyNotify)address_free);
  g_ptr_array_add(from, address_new(NULL, "anna@tuoisp.example"));
  g_autoptr(verdict_t) verdict = NULL;
  g_autoptr(GBytes) shown = NULL;
  assert_true(crypto_open(crypto, made, ENVELOPE_AGE_SEALED, from, &verdict, &shown, NULL, NULL));
  g_autofree char *words = verdict_words(verdict);
  assert_string_equal(words, "sealed");
  assert_true(g_bytes_equal(shown, entity));
  g_autofree char *path = g_build_filename(dir, "made", NULL);
  assert_true(g_file_set_contents(path, g_bytes_get_data(made, NULL),
                                  (gssize)g_bytes_get_size(made), NULL));
  sh("tr -d '\\r' <made | sed -n '/BEGIN AGE/,/END AGE/p' | age -d -i .age/bruno | grep -q 'Questa frase'");
  /* Held against what was asked for, not against what it says. */
  struct check fewer = {.entity = entity, .encrypt = true, .keys = 3};
  assert_false(check_result(&fewer, made, NULL));
}

static void
what_age_cannot_do_is_refused(void **state)
{
  if (crypto == NULL)
    skip();
  g_autoptr(GError) unsigned_only = NULL;
  g_autoptr(GError) unknown = NULL;
  g_autoptr(GBytes) none = seal_to("bruno@tuoisp.example", true, &unsigned_only);
  assert_null(none);
  assert_true(error_is(unsigned_only, POSTINO_ERROR_REFUSED));
  none = seal_to("carla@tuoisp.example", false, &unknown);
  assert_null(none);
  assert_non_null(strstr(unknown->message, "carla@tuoisp.example"));
}

static void
note_failure(bool passed, const char *line, void *data)
{
  if (!passed)
    print_message("%s\n", line);
  *(bool *)data = *(bool *)data || !passed;
}

static void
plugin_conforms(void **state)
{
  if (crypto == NULL)
    skip();
  g_autoptr(GError) error = NULL;
  bool failed = false;
  assert_true(crypto_check_plugin(crypto, "age", note_failure, &failed, NULL, &error));
  assert_false(failed);
}

/* ---- the outside of the data ---- */

#define HEAD "age-encryption.org/v1\n"
#define STANZA "-> X25519 abc\nYWJj\n"
#define REST "--- mac\n0123456789abcdef0123456789abcdef"

static void
stanzas_are_counted(void **state)
{
  static const struct { const char *text; bool good; guint recipients, others; } rows[] = {
      {HEAD STANZA REST, true, 1, 0},
      {HEAD STANZA STANZA "-> ssh-rsa x\nYQ\n" REST, true, 3, 0},
      {HEAD "-> scrypt a 18\nYQ\n" REST, true, 0, 1},
      {HEAD STANZA "--- mac\nshort", false, 0, 0},
      {HEAD STANZA, false, 0, 0},
      {"age-encryption.org/v2\n" STANZA REST, false, 0, 0},
      {"", false, 0, 0},
      {HEAD, false, 0, 0},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    size_t length = strlen(rows[i].text);
    char *copy = exact_copy(rows[i].text, length);
    g_autoptr(GBytes) data = g_bytes_new_with_free_func(copy, length, free, copy);
    struct age age = {0};
    if (age_read(data, &age, NULL) != rows[i].good || age.recipients != rows[i].recipients ||
        age.others != rows[i].others)
      fail_msg("%s", rows[i].text);
  }
}

static void
only_one_whole_armour_is_taken(void **state)
{
  static const struct { const char *text; bool good; } rows[] = {
      {"-----BEGIN AGE ENCRYPTED FILE-----\r\nYWJj\r\n-----END AGE ENCRYPTED FILE-----\r\n\r\n", true},
      {"x-----BEGIN AGE ENCRYPTED FILE-----\nYWJj\n-----END AGE ENCRYPTED FILE-----\n", false},
      {"-----BEGIN AGE ENCRYPTED FILE-----\nY WJj\n-----END AGE ENCRYPTED FILE-----\n", false},
      {"-----BEGIN AGE ENCRYPTED FILE-----\nYWJj\n-----END AGE ENCRYPTED FILE-----\nx", false},
      {"-----BEGIN AGE ENCRYPTED FILE-----", false},
      {"", false},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    size_t length = strlen(rows[i].text);
    g_autofree char *copy = exact_copy(rows[i].text, length);
    g_autoptr(GBytes) data = age_armour_decode(copy, length, NULL);
    if ((data != NULL) != rows[i].good)
      fail_msg("%s", rows[i].text);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(letter_is_sealed_and_opened_again),
      cmocka_unit_test(what_age_cannot_do_is_refused),
      cmocka_unit_test(plugin_conforms),
      cmocka_unit_test(stanzas_are_counted),
      cmocka_unit_test(only_one_whole_armour_is_taken),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
