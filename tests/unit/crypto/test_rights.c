/* A plugin that tries what it was not granted, and one that goes on for ever. */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "tests/unit/test.h"

#define SECRET "una cosa che non lo riguarda"

static char *ground;        /* a directory of the test's own */
static char *secret;        /* a file there */
static char *sources;       /* "read:" and where the plugin's own text lies */
static bool limits_files, limits_signals;

static int
set_up(void **state)
{
  const char *top = g_getenv("abs_top_srcdir");
  long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
  /* The system's own python: a shim of a user's reads files of the user's. */
  g_setenv("PATH", "/usr/bin:/bin", TRUE);
  ground = g_dir_make_tmp("postino-rights-XXXXXX", NULL);
  secret = g_build_filename(ground, "secret", NULL);
  g_autofree char *whole = g_canonicalize_filename(top != NULL ? top : ".", NULL);
  sources = g_strconcat("read:", whole, NULL);
  limits_files = landlock >= 1;
  limits_signals = landlock >= 6;
  return g_file_set_contents(secret, SECRET, -1, NULL) ? 0 : -1;
}

static int
tear_down(void **state)
{
  g_autoptr(GDir) dir = g_dir_open(ground, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(ground, name, NULL);
    g_unlink(path);
  }
  g_rmdir(ground);
  g_free(ground);
  g_free(secret);
  g_free(sources);
  return 0;
}

static char *
greedy(void)
{
  return g_build_filename(sources + strlen("read:"), "tests/unit/crypto/greedy.py", NULL);
}

/* What the sealing ended with.  `right`: granted beside the plugin's own text; NULL
 * when the rc says nothing of rights. */
static struct crypto_grants word; /* a person's */

static GError *
tries(const char *command, const char *mode, const char *path, const char *right)
{
  g_autoptr(conf_t) conf = conf_new_default();
  struct conf_plugin *plugin = g_new0(struct conf_plugin, 1);
  plugin->name = g_strdup("greedy");
  plugin->command = command != NULL ? g_strdup(command) : greedy();
  plugin->options = g_new0(char *, 3);
  plugin->options[0] = g_strconcat("mode=", mode, NULL);
  plugin->options[1] = g_strconcat("path=", path, NULL);
  if (right != NULL) {
    plugin->rights = g_new0(char *, 3);
    plugin->rights[0] = g_strdup(sources);
    plugin->rights[1] = *right != '\0' ? g_strdup(right) : NULL;
  }
  g_ptr_array_add(conf->plugins, plugin);
  g_autoptr(crypto_t) crypto = crypto_new(conf, NULL, NULL);
  crypto_set_grants(crypto, &word);
  g_autoptr(GBytes) entity = g_bytes_new_static("Content-Type: text/plain\r\n\r\nciao\r\n", 34);
  const char *recipients[] = {"bruno@tuoisp.example", NULL};
  struct seal_request request = {.plugin = "greedy",
                                 .from = "anna@tuoisp.example",
                                 .recipients = recipients,
                                 .entity = entity,
                                 .encrypt = true};
  GError *error = NULL;
  g_autoptr(GBytes) sealed = crypto_seal(crypto, &request, NULL, &error);
  assert_null(sealed);
  return error;
}

static void
assert_comes_to(const char *mode, const char *path, const char *right, const char *words)
{
  g_autoptr(GError) error = tries(NULL, mode, path, right);
  if (strstr(error->message, words) == NULL)
    fail_msg("%s with %s: %s", mode, right != NULL ? right : "nothing said", error->message);
}

static void
file_is_read_and_written_only_where_it_was_granted(void **state)
{
  if (!limits_files)
    skip();
  g_autofree char *read = g_strconcat("read:", ground, NULL);
  g_autofree char *write = g_strconcat("write:", ground, NULL);
  assert_comes_to("reads", secret, "", "denied EACCES");
  assert_comes_to("reads", secret, "network", "denied EACCES");
  assert_comes_to("reads", secret, read, "read " SECRET);
  assert_comes_to("writes", secret, read, "denied EACCES");
  assert_comes_to("writes", secret, write, "written");
  assert_comes_to("writes", secret, "everything", "written");
}

static void
plugin_of_which_nothing_is_said_may_read_and_no_more(void **state)
{
  assert_comes_to("reads", secret, NULL, "read " SECRET);
  assert_comes_to("connects", "9", NULL, "denied EACCES");
  if (limits_files)
    assert_comes_to("writes", secret, NULL, "denied EACCES");
}

static void
network_is_reached_only_where_it_was_granted(void **state)
{
  g_autoptr(GSocketListener) listener = g_socket_listener_new();
  guint16 port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);
  assert_true(port > 0);
  g_autofree char *number = g_strdup_printf("%u", port);
  assert_comes_to("connects", number, "", "denied EACCES");
  assert_comes_to("listens", "", "", "denied EACCES");
  assert_comes_to("connects", number, "network", "connected");
}

static void
postino_is_neither_seen_nor_signalled(void **state)
{
  if (limits_files)
    assert_comes_to("peeks", "", "", "denied E");
  if (limits_signals)
    assert_comes_to("signals", "", "", "denied EPERM");
}

static bool
lives(int process)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", process);
  g_autofree char *stat = NULL;
  if (!g_file_get_contents(path, &stat, NULL, NULL))
    return false;
  const char *status = strrchr(stat, ')');
  return status != NULL && strncmp(status, ") Z", 3) != 0 && strncmp(status, ") X", 3) != 0;
}

static void
child_does_not_outlive_the_letter(void **state)
{
  g_autoptr(GError) error = tries(NULL, "outlives", "", "");
  const char *child = strstr(error->message, "child ");
  int process = child != NULL ? (int)strtol(child + strlen("child "), NULL, 10) : 0;
  if (process <= 1)
    fail_msg("%s", error->message);
  for (int i = 0; i < 500 && lives(process); i++)
    g_usleep(10000);
  assert_false(lives(process));
}

static void
memory_files_descriptors_and_dumps_are_limited(void **state)
{
  assert_comes_to("allocates", "", "", "no memory");
  assert_comes_to("fills", "", "", "denied EFBIG");
  assert_comes_to("opens_many", "", "", "denied EMFILE");
  assert_comes_to("dumps_core", "", "", "ended by signal 6");
  assert_false(g_file_test("core", G_FILE_TEST_EXISTS));
}

static void
plugin_that_goes_on_for_ever_is_stopped(void **state)
{
  g_autoptr(GError) drips = tries(NULL, "drips", "", "");
  assert_true(error_is(drips, POSTINO_ERROR_RETRY));
  g_autoptr(GError) floods = tries(NULL, "floods", "", "");
  assert_true(error_is(floods, POSTINO_ERROR_REFUSED));
  assert_non_null(strstr(floods->message, "without end"));
}

/* A manifest asks; what was not granted is named, and what was is all it gets. */
static void
manifest_asks_and_the_rc_grants(void **state)
{
  g_autofree char *command = g_build_filename(ground, "asking.py", NULL);
  g_autofree char *manifest = g_strconcat(command, ".rights", NULL);
  g_autofree char *text = g_strdup_printf("# what it needs\n%s\nnetwork\n", sources);
  g_autofree char *program = greedy();
  assert_int_equal(symlink(program, command), 0);
  assert_true(g_file_set_contents(manifest, text, -1, NULL));
  g_autoptr(GError) unsaid = tries(command, "listens", "", NULL);
  assert_true(error_is(unsaid, POSTINO_ERROR_TRUST));
  assert_non_null(strstr(unsaid->message, "asks for the rights \"read:"));
  assert_non_null(strstr(unsaid->message, "postino plugin grant greedy"));
  g_autoptr(GError) less = tries(command, "listens", "", "");
  assert_true(error_is(less, POSTINO_ERROR_TRUST));
  assert_non_null(strstr(less->message, "asks for the right network"));
  g_autoptr(GError) granted = tries(command, "listens", "", "network");
  assert_non_null(strstr(granted->message, "has a socket"));
  g_autoptr(GError) more = tries(command, "reads", secret, "everything");
  assert_non_null(strstr(more->message, limits_files ? "denied EACCES" : SECRET));
  assert_true(g_file_set_contents(manifest, "teleport\n", -1, NULL));
  g_autoptr(GError) unknown = tries(command, "listens", "", "everything");
  assert_true(error_is(unknown, POSTINO_ERROR_CONFIG));
  assert_non_null(strstr(unknown->message, "\"teleport\" is no right"));
}

static char *given;         /* the digest of what was granted */

static bool
may(const char *plugin, const char *words, const char *digest, bool ask, void *data)
{
  assert_string_equal(plugin, "greedy");
  assert_non_null(strstr(words, "network"));
  if (given == NULL)
    given = g_strdup(digest);
  return strcmp(given, digest) == 0;
}

static void
word_of_a_person_holds_until_the_manifest_changes(void **state)
{
  g_autofree char *command = g_build_filename(ground, "worded.py", NULL);
  g_autofree char *manifest = g_strconcat(command, ".rights", NULL);
  g_autofree char *text = g_strdup_printf("%s\nnetwork\n", sources);
  g_autofree char *more = g_strdup_printf("%s\nnetwork\nread:%s\n", sources, ground);
  g_autofree char *program = greedy();
  assert_int_equal(symlink(program, command), 0);
  assert_true(g_file_set_contents(manifest, text, -1, NULL));
  word = (struct crypto_grants){.may = may};
  g_autoptr(GError) granted = tries(command, "listens", "", NULL);
  assert_non_null(strstr(granted->message, "has a socket"));
  g_autoptr(GError) beyond = tries(command, "reads", secret, NULL);
  assert_non_null(strstr(beyond->message, limits_files ? "denied EACCES" : SECRET));
  assert_true(g_file_set_contents(manifest, more, -1, NULL));
  g_autoptr(GError) changed = tries(command, "reads", secret, NULL);
  assert_true(error_is(changed, POSTINO_ERROR_TRUST));
  g_clear_pointer(&given, g_free);
  word = (struct crypto_grants){0};
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(file_is_read_and_written_only_where_it_was_granted),
      cmocka_unit_test(plugin_of_which_nothing_is_said_may_read_and_no_more),
      cmocka_unit_test(network_is_reached_only_where_it_was_granted),
      cmocka_unit_test(postino_is_neither_seen_nor_signalled),
      cmocka_unit_test(child_does_not_outlive_the_letter),
      cmocka_unit_test(memory_files_descriptors_and_dumps_are_limited),
      cmocka_unit_test(plugin_that_goes_on_for_ever_is_stopped),
      cmocka_unit_test(manifest_asks_and_the_rc_grants),
      cmocka_unit_test(word_of_a_person_holds_until_the_manifest_changes),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
