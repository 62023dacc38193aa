/* Plugins in another language: one that is right, and many that are not.  What
 * they do costs one sentence, and nothing is sent. */
#include "base/error.h"
#include "crypto/crypto.h"
#include "tests/unit/crypto/gnupg.h"
#include "tests/unit/test.h"

#define ENTITY                                                                                     \
  "Content-Type: text/plain; charset=us-ascii\r\n\r\n"                                             \
  "Questa frase non deve poter essere letta da chi porta la lettera.\r\n"

static struct gnupg gnupg;
static GBytes *entity;

static int
set_up(void **state)
{
  /* The system's own python: a shim of a user's takes longer than the work. */
  g_setenv("PATH", "/usr/bin:/bin", TRUE);
  gnupg_init(&gnupg);
  gnupg_make_key(&gnupg, "Anna Rossi <anna@tuoisp.example>");
  gnupg_make_key(&gnupg, "Bruno Verdi <bruno@tuoisp.example>");
  entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  return 0;
}

static int
tear_down(void **state)
{
  g_bytes_unref(entity);
  gnupg_clear(&gnupg);
  return 0;
}

static char *
source(const char *file)
{
  const char *top = g_getenv("abs_top_srcdir");
  return g_build_filename(top != NULL ? top : ".", file, NULL);
}

/* A core that knows one more plugin, named as the rc would. */
static struct crypto *
core(const char *name, const char *file, const char *mode)
{
  g_autoptr(conf_t) conf = conf_new_default();
  struct conf_plugin *plugin = g_new0(struct conf_plugin, 1);
  plugin->name = g_strdup(name);
  plugin->command = source(file);
  plugin->options = g_new0(char *, 2);
  plugin->options[0] = mode != NULL ? g_strconcat("mode=", mode, NULL) : NULL;
  g_ptr_array_add(conf->plugins, plugin);
  return crypto_new(conf, NULL, NULL);
}

static GBytes *
seal_by(struct crypto *crypto, const char *plugin, GCancellable *cancel, GError **error)
{
  const char *recipients[] = {"bruno@tuoisp.example", NULL};
  struct seal_request request = {.plugin = plugin,
                                 .from = "anna@tuoisp.example",
                                 .recipients = recipients,
                                 .entity = entity,
                                 .sign = true,
                                 .encrypt = true};
  return crypto_seal(crypto, &request, cancel, error);
}

static const struct {
  const char *mode;
  int code;
  const char *words;
} broken[] = {
    {"dies-at-once", POSTINO_ERROR_REFUSED, "ended with status 3"},
    {"killed-midway", POSTINO_ERROR_REFUSED, "ended by signal 9"},
    {"hangs-over-recipients", POSTINO_ERROR_RETRY, "did not answer in time"},
    {"other-version", POSTINO_ERROR_REFUSED, "version 7"},
    {"garbage", POSTINO_ERROR_REFUSED, "broke its protocol"},
    {"lying-length", POSTINO_ERROR_REFUSED, "broke its protocol"},
    {"other-request", POSTINO_ERROR_REFUSED, "another request"},
    {"other-type", POSTINO_ERROR_REFUSED, "not asked for"},
    {"no-data", POSTINO_ERROR_REFUSED, "no sealed letter"},
    {"unsealed-memory", POSTINO_ERROR_REFUSED, "not in sealed memory"},
    {"a-file", POSTINO_ERROR_REFUSED, "not in sealed memory"},
    {"endless-memory", POSTINO_ERROR_REFUSED, "larger than"},
    {"clear-text", POSTINO_ERROR_INVALID, "multipart/encrypted"},
    {"one-recipient-fewer", POSTINO_ERROR_INVALID, "sealed to 1 keys"},
    {"signed-only", POSTINO_ERROR_INVALID, "multipart/encrypted"},
    {"clear-copy-beside", POSTINO_ERROR_INVALID, "behind its parts"},
    {"endless-questions", POSTINO_ERROR_REFUSED, "not asked for"},
    {"half-a-letter", POSTINO_ERROR_REFUSED, "has no end"},
    {"evil-words", POSTINO_ERROR_REFUSED, "no Seal: sealed"},
    {"forgets-a-recipient", POSTINO_ERROR_REFUSED, "did not answer for each recipient"},
};

static void
broken_plugin_costs_one_sentence(void **state)
{
  for (gsize i = 0; i < G_N_ELEMENTS(broken); i++) {
    g_autoptr(crypto_t) crypto = core("broken", "tests/unit/crypto/broken.py", broken[i].mode);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) sealed = seal_by(crypto, "broken", NULL, &error);
    if (sealed != NULL)
      fail_msg("%s: a letter came out", broken[i].mode);
    if (!error_is(error, broken[i].code) || strstr(error->message, broken[i].words) == NULL)
      fail_msg("%s: %d %s", broken[i].mode, error->code, error->message);
    for (const char *c = error->message; *c != '\0'; c++)
      assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
  }
}

static void
program_in_another_language_seals(void **state)
{
  const char *const modes[] = {"", "prints-a-lot", "looks-around"};
  for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
    g_autoptr(crypto_t) crypto = core("broken", "tests/unit/crypto/broken.py", modes[i]);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) sealed = seal_by(crypto, "broken", NULL, &error);
    if (sealed == NULL)
      fail_msg("%s: %s", modes[i], error->message);
  }
}

static void
plugin_knows_no_terminal_while_a_screen_is_on_it(void **state)
{
  g_autoptr(crypto_t) crypto = core("broken", "tests/unit/crypto/broken.py", "wants-no-terminal");
  g_autoptr(GError) error = NULL;
  g_setenv("GPG_TTY", "/dev/tty", TRUE);
  g_autoptr(GBytes) seen = seal_by(crypto, "broken", NULL, &error);
  assert_null(seen);
  assert_non_null(strstr(error->message, "sees the terminal"));
  crypto_set_screen(crypto, &(struct crypto_screen){0});
  g_autoptr(GBytes) sealed = seal_by(crypto, "broken", NULL, NULL);
  assert_non_null(sealed);
  g_unsetenv("GPG_TTY");
}

static void
note_failure(bool passed, const char *line, void *data)
{
  *(bool *)data = *(bool *)data || !passed;
}

static void
example_conforms(void **state)
{
  g_autoptr(crypto_t) crypto = core("example", "contrib/plugins/example.py", NULL);
  g_autoptr(GError) error = NULL;
  bool failed = false;
  assert_true(crypto_check_plugin(crypto, "example", note_failure, &failed, NULL, &error));
  assert_false(failed);
}

/* Neither can be passed descriptors: letters go as a stream. */
static void
plugins_in_perl_and_shell_conform(void **state)
{
  static const char *const files[] = {"tests/unit/crypto/other.pl", "contrib/plugins/refuse.sh"};
  for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autoptr(crypto_t) crypto = core("other", files[i], NULL);
    g_autoptr(GError) error = NULL;
    bool failed = false;
    if (!crypto_check_plugin(crypto, "other", note_failure, &failed, NULL, &error) || failed)
      fail_msg("%s: %s", files[i], error->message);
  }
}

static void
smallest_plugin_in_c_conforms_and_refuses(void **state)
{
  g_autoptr(conf_t) conf = conf_new_default();
  g_autoptr(crypto_t) crypto = crypto_new(conf, NULL, NULL);
  g_autoptr(GError) error = NULL;
  const char *build = g_getenv("abs_top_builddir");
  g_autofree char *path =
      g_build_filename(build != NULL ? build : ".", "contrib/plugins/refuse.so", NULL);
  bool failed = false;
  assert_true(crypto_check_plugin(crypto, path, note_failure, &failed, NULL, &error));
  assert_false(failed);
}

static void
note_manual(bool passed, const char *line, void *data)
{
  if (!passed && strstr(line, "in postino-plugin(7)") == NULL)
    fail_msg("no word of the manual: %s", line);
  note_failure(passed, line, data);
}

static void
broken_plugin_does_not_conform(void **state)
{
  const char *const modes[] = {
      "dies-at-once",    "other-version",       "garbage",           "forgets-a-recipient",
      "unsealed-memory", "clear-text",          "signed-only",       "clear-copy-beside",
      "unproven",        "any-limit",           "any-format",        "outlives-cancel",
      "wild-progress",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
    g_autoptr(crypto_t) crypto = core("broken", "tests/unit/crypto/broken.py", modes[i]);
    g_autoptr(GError) error = NULL;
    bool failed = false;
    if (crypto_check_plugin(crypto, "broken", note_manual, &failed, NULL, &error) || !failed)
      fail_msg("%s conforms", modes[i]);
  }
}

struct told {
  int times, most;
  gint64 last, shortest;    /* microseconds between two */
  char *what;
};

static void
note_progress(const char *plugin, const char *what, uint64_t done, uint64_t total, void *data)
{
  struct told *told = data;
  gint64 now = g_get_monotonic_time();
  assert_string_equal(plugin, "broken");
  assert_true(done <= total);
  if (told->times > 0)
    told->shortest = MIN(told->shortest, now - told->last);
  told->last = now;
  told->times++;
  told->most = MAX(told->most, (int)done);
  g_free(told->what);
  told->what = g_strdup(what);
}

static void
progress_is_told_in_clean_short_words_and_seldom(void **state)
{
  struct told told = {.shortest = G_MAXINT64};
  g_autoptr(crypto_t) crypto = core("broken", "tests/unit/crypto/broken.py", "slow");
  crypto_set_progress(crypto, note_progress, &told);
  g_autoptr(GBytes) sealed = seal_by(crypto, "broken", NULL, NULL);
  assert_non_null(sealed);
  assert_in_range(told.times, 2, 10);
  assert_in_range(told.most, 20, 97);
  assert_true(told.shortest >= 100000);
  assert_true(g_utf8_validate(told.what, -1, NULL));
  assert_true(g_utf8_strlen(told.what, -1) <= 40);
  assert_non_null(strstr(told.what, "asking"));
  for (const char *c = told.what; *c != '\0'; c++)
    assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
  assert_null(strstr(told.what, "\xe2\x80\xae"));
  g_free(told.what);
}

static void
what_takes_but_a_moment_is_not_told_of(void **state)
{
  struct told told = {.shortest = G_MAXINT64};
  g_autoptr(crypto_t) crypto = core("broken", "tests/unit/crypto/broken.py", "wild-progress");
  crypto_set_progress(crypto, note_progress, &told);
  g_autoptr(GBytes) sealed = seal_by(crypto, "broken", NULL, NULL);
  assert_non_null(sealed);
  assert_int_equal(told.times, 0);
}

static gpointer
cancel_soon(gpointer cancel)
{
  g_usleep(400000);
  g_cancellable_cancel(cancel);
  return NULL;
}

static void
hanging_plugin_is_cancelled(void **state)
{
  g_autoptr(crypto_t) crypto = core("broken", "tests/unit/crypto/broken.py", "hangs");
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  GThread *thread = g_thread_new("cancel", cancel_soon, cancel);
  g_autoptr(GBytes) sealed = seal_by(crypto, "broken", cancel, &error);
  g_thread_join(thread);
  assert_null(sealed);
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
}

static void
unknown_or_missing_plugin_is_said(void **state)
{
  g_autoptr(crypto_t) crypto = core("gone", "no/such/program", NULL);
  g_autoptr(GError) missing = NULL;
  g_autoptr(GError) unknown = NULL;
  g_autoptr(GBytes) none = seal_by(crypto, "gone", NULL, &missing);
  assert_null(none);
  assert_true(error_is(missing, POSTINO_ERROR_REFUSED));
  assert_non_null(strstr(missing->message, "no/such/program"));
  none = seal_by(crypto, "pgp", NULL, &unknown);
  assert_null(none);
  assert_true(error_is(unknown, POSTINO_ERROR_CONFIG));
}

static void
plugin_that_cannot_prove_integrity_shows_nothing(void **state)
{
  g_autoptr(crypto_t) good = core("openpgp", "contrib/plugins/example.py", NULL);
  g_autoptr(crypto_t) unproven = core("openpgp", "tests/unit/crypto/broken.py", "unproven");
  g_autoptr(GBytes) sealed = seal_by(good, "openpgp", NULL, NULL);
  assert_non_null(sealed);
  g_autoptr(GPtrArray) from = g_ptr_array_new_with_free_func((GDestroyNotify)address_free);
  g_ptr_array_add(from, address_new(NULL, "anna@tuoisp.example"));
  g_autoptr(verdict_t) verdict = NULL;
  g_autoptr(GBytes) shown = NULL;
  assert_true(
      crypto_open(unproven, sealed, ENVELOPE_PGP_SEALED, from, &verdict, &shown, NULL, NULL));
  assert_int_equal(verdict->seal, SEAL_BROKEN);
  assert_null(shown);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(program_in_another_language_seals),
      cmocka_unit_test(plugin_knows_no_terminal_while_a_screen_is_on_it),
      cmocka_unit_test(example_conforms),
      cmocka_unit_test(plugins_in_perl_and_shell_conform),
      cmocka_unit_test(smallest_plugin_in_c_conforms_and_refuses),
      cmocka_unit_test(broken_plugin_costs_one_sentence),
      cmocka_unit_test(broken_plugin_does_not_conform),
      cmocka_unit_test(progress_is_told_in_clean_short_words_and_seldom),
      cmocka_unit_test(what_takes_but_a_moment_is_not_told_of),
      cmocka_unit_test(hanging_plugin_is_cancelled),
      cmocka_unit_test(unknown_or_missing_plugin_is_said),
      cmocka_unit_test(plugin_that_cannot_prove_integrity_shows_nothing),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
