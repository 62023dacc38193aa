#include "conf/conf.h"

#include <sys/stat.h>

#include <glib/gstdio.h>

#include "base/error.h"
#include "base/file.h"
#include "tests/unit/test.h"

static char *dir;

static int
make_dir(void **state)
{
  dir = g_dir_make_tmp("postino-conf-XXXXXX", NULL);
  g_setenv("HOME", dir, TRUE);
  return dir == NULL;
}

static int
remove_dir(void **state)
{
  g_autoptr(GDir) all = g_dir_open(dir, 0, NULL);
  for (const char *name; (name = g_dir_read_name(all)) != NULL;) {
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_remove(path);
  }
  g_rmdir(dir);
  g_free(dir);
  return 0;
}

static char *
write_rc(const char *name, const char *text, mode_t mode)
{
  char *path = g_build_filename(dir, name, NULL);
  g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
  assert_true(file_replace(path, bytes, mode, NULL));
  assert_int_equal(chmod(path, mode), 0);
  return path;
}

static struct conf *
load_good(const char *text)
{
  g_autofree char *path = write_rc("rc", text, 0600);
  g_autoptr(GError) error = NULL;
  struct conf *conf = conf_load(path, NULL, &error);
  if (conf == NULL)
    fail_msg("%s", error->message);
  return conf;
}

/* The faults as "LINE: TEXT" lines. */
static char *
faults_of(const char *text, mode_t mode)
{
  g_autofree char *path = write_rc("rc", text, mode);
  g_autoptr(GPtrArray) faults = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(conf_t) conf = conf_load(path, &faults, &error);
  GString *lines = g_string_new(NULL);
  for (guint i = 0; i < faults->len; i++) {
    const struct conf_fault *fault = g_ptr_array_index(faults, i);
    g_string_append_printf(lines, "%d: %s\n", fault->line, fault->text);
  }
  assert_int_equal(conf == NULL, faults->len > 0);
  if (conf == NULL)
    assert_int_equal(error_exit_status(error), 78);
  return g_string_free(lines, FALSE);
}

static void
the_manual_s_example_is_read(void **state)
{
  g_autoptr(conf_t) conf = load_good(
      "mail-dir = \"~/Post\"   # a comment\n"
      "keymap = mutt\n"
      "send-delay = 3\n"
      "account \"home\" {\n"
      "  from     = \"Anna Rossi <anna@tuoisp.example>\"\n"
      "  also     = {\"a.rossi@tuoisp.example\", b@x.example}\n"
      "  user     = \"anna\"\n"
      "  password = \"a \\\"b\\\" \\\\ ${HOME} #x\"\n"
      "  default  = yes\n"
      "  inbox = \"In\"  sent = \"Out\"  drafts = \"D\"  trash = \"T\"\n"
      "  pop3 { server = \"pop3.tuoisp.example\" tls = starttls leave-on-server = 14 max-size = 2G }\n"
      "  smtp { server = \"smtp.tuoisp.example\"  tls = \"implicit\"  auth = \"scram-sha-256\" timeout = 5 user = other }\n"
      "  crypto { sign = never encrypt = \"always\" }\n"
      "}\n"
      "plugin \"age\" { command = \"/usr/bin/age-postino\" option = {\"identity=~/.age\"} }\n"
      "folder \"Lists\" { match = \"list:debian\" }\n"
      "rule \"n\" { match = \"from:news@\" action = \"move Archive\" }\n");
  g_autofree char *mail = g_build_filename(dir, "Post", NULL);
  assert_string_equal(conf->mail_dir, mail);
  assert_int_equal(conf->send_delay, 3);
  const struct conf_account *home = conf_account(conf, NULL);
  assert_string_equal(home->name, "home");
  assert_int_equal(g_strv_length(home->also), 2);
  assert_string_equal(secret_text(home->pop3->password), "a \"b\" \\ ${HOME} #x");
  assert_int_equal(home->pop3->tls, CONF_TLS_STARTTLS);
  assert_int_equal(home->pop3->port, 110);
  assert_int_equal(home->pop3->leave_on_server, 14);
  assert_true(home->pop3->max_size == (guint64)2 << 30);
  assert_int_equal(home->smtp->port, 465);
  assert_int_equal(home->smtp->auth, CONF_AUTH_SCRAM_SHA_256);
  assert_string_equal(home->smtp->user, "other");
  assert_string_equal(home->pop3->user, "anna");
  assert_int_equal(home->sign, CONF_NEVER);
  assert_int_equal(home->encrypt, CONF_ALWAYS);
  assert_ptr_equal(conf_account_of_address(conf, "A.Rossi@tuoisp.example"), home);
  assert_null(conf_account_of_address(conf, "x@tuoisp.example"));
  assert_int_equal(conf->plugins->len + conf->folders->len + conf->rules->len, 3);
}

static void
letters_may_stay_until_they_are_deleted_here(void **state)
{
  g_autoptr(conf_t) conf = load_good("account \"a\" { from = \"a@b.example\" pop3 { server = p "
                                     "leave-on-server = when-deleted keep-newest = 500 proxy = \"socks5://[::1]:9050\" } }\n");
  const struct conf_account *a = conf_account(conf, "a");
  assert_int_equal(a->pop3->leave_on_server, CONF_LEAVE_WHEN_DELETED);
  assert_int_equal(a->pop3->keep_newest, 500);
  assert_string_equal(a->pop3->proxy, "socks5://[::1]:9050");
}

static void
what_is_not_said_has_its_default(void **state)
{
  g_autoptr(conf_t) conf =
      load_good("account \"a\" { from = \"a@b.example\" pop3 { server = p } }\n");
  const struct conf_account *a = conf_account(conf, "a");
  assert_string_equal(a->inbox, "Inbox");
  assert_string_equal(a->pop3->user, "a@b.example");
  assert_int_equal(a->pop3->port, 995);
  assert_int_equal(a->pop3->leave_on_server, CONF_LEAVE_FOR_EVER);
  assert_int_equal(a->pop3->keep_newest, 0);
  assert_int_equal(a->pop3->timeout, 60);
  assert_true(a->pop3->max_size == (guint64)50 << 20);
  assert_null(a->smtp);
  assert_string_equal(a->crypto_plugin, "openpgp");
  assert_int_equal(conf->fetch_every, 5);
}

/* One line of the rc wrong each, and what the fault must say. */
static void
each_fault_names_its_line_and_its_mend(void **state)
{
  static const struct {
    const char *rc, *line, *says;
  } rows[] = {
      {"\nkeymapp = vi\n", "2: ", "did you mean keymap?"},
      {"account \"a\" {\n from = \"a@b\"\n pop3 { sevrer = x }\n}\n", "3: ", "did you mean server?"},
      {"account \"a\" {\n from = \"a@b\"\n smtp { server = x\n tls = implict }\n}\n", "4: ",
       "did you mean implicit?"},
      {"send-delay = many\n", "1: ", "a number from 0"},
      {"theme = \"open\n", "1: ", "put a \" at its end"},
      {"account \"a\" {\n from = \"a@b\"\n", "1: ", "put a } at its end"},
      {"account \"a\" {\n user = x\n}\n", "1: ", "lacks from"},
      {"account {\n from = \"a@b\"\n}\n", "1: ", "needs a name"},
      {"folder \"x\" { match = a }\nfolder \"x\" { match = b }\n", "2: ", "twice"},
      {"theme = a\ntheme = b\n", "2: ", "set twice, first on line 1"},
      {"}\n", "1: ", "remove it"},
      {"theme = dark blue\n", "1: ", "\"quotes\""},
      {"theme =\nkeymap = vi\n", "1: ", "has no value"},
      {"account \"a\" { from = \"a@b\" pop3 { server = p.example tls = none } }\n", "1: ",
       "allow-cleartext"},
      {"account \"a\" { from = \"nobody\" pop3 { server = p } }\n", "1: ", "name@domain"},
      {"account \"a\" { from = \"a@b\" pop3 { server = p\npin = \"sha256:12\" } }\n", "2: ",
       "64 hexadecimal"},
      {"account \"a\" { from = \"a@b\" smtp { server = s auth = external } }\n", "1: ",
       "needs client-cert"},
      {"account \"a\" { from = \"a@b\" smtp { server = s client-key = \"/k\" } }\n", "1: ",
       "needs client-cert"},
      {"mail-dir = Mail\n", "1: ", "whole path"},
      {"theme = \"a\\nb\"\n", "1: ", "backslash"},
      {"include \"missing\"\n", "1: ", "cannot include"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *faults = faults_of(rows[i].rc, 0600);
    if (!g_str_has_prefix(faults, rows[i].line) || strstr(faults, rows[i].says) == NULL)
      fail_msg("%s\n-> %s\nwanted %s%s", rows[i].rc, faults, rows[i].line, rows[i].says);
    if (strchr(faults, '\n') != faults + strlen(faults) - 1)
      fail_msg("%s\n-> more than one fault: %s", rows[i].rc, faults);
  }
}

static void
a_bundled_plugin_needs_no_command(void **state)
{
  g_autoptr(conf_t) conf = load_good("plugin \"openpgp\" { option = {\"pinentry\"} }\n");
  const struct conf_plugin *plugin = conf->plugins->pdata[0];
  assert_null(plugin->command);
  assert_string_equal(plugin->options[0], "pinentry");
  g_autofree char *faults = faults_of("plugin \"age\" { option = {\"x=1\"} }\n", 0600);
  assert_non_null(strstr(faults, "plugin lacks command"));
}

static void
all_faults_are_told_at_once(void **state)
{
  g_autofree char *faults = faults_of("send-delay = x\nthem = a\nkeymap = vi\nfetch-every = -1\n", 0600);
  assert_non_null(strstr(faults, "1: send-delay"));
  assert_non_null(strstr(faults, "2: unknown option \"them\""));
  assert_non_null(strstr(faults, "4: fetch-every"));
  assert_null(strstr(faults, "3: "));
}

static void
a_password_that_others_may_read_is_refused(void **state)
{
  static const char rc[] = "account \"a\" { from = \"a@b\"\n password = x\n pop3 { server = p } }\n";
  g_autofree char *open = faults_of(rc, 0644);
  assert_true(g_str_has_prefix(open, "2: "));
  assert_non_null(strstr(open, "chmod 600"));
  g_autofree char *closed = faults_of(rc, 0600);
  assert_string_equal(closed, "");
  g_autofree char *harmless = faults_of("theme = a\n", 0644);
  assert_string_equal(harmless, "");
}

static void
includes_are_read_and_may_not_circle(void **state)
{
  g_autofree char *inner = write_rc("inner", "theme = blue\n", 0600);
  g_autoptr(conf_t) conf = load_good("include \"inner\"\n");
  assert_string_equal(conf->theme, "blue");
  g_autofree char *circle = write_rc("circle", "include \"circle\"\n", 0600);
  g_autofree char *faults = faults_of("include \"circle\"\n", 0600);
  assert_non_null(strstr(faults, "includes itself"));
}

static void
bytes_that_are_no_text_end_in_a_fault(void **state)
{
  g_autofree char *path = g_build_filename(dir, "rc", NULL);
  static const char bytes[] = "theme = a\0b\nkeymap = \xff\n{{{{=,\"";
  assert_true(g_file_set_contents(path, bytes, sizeof bytes - 1, NULL));
  g_autoptr(GPtrArray) faults = NULL;
  g_autoptr(GError) error = NULL;
  assert_null(conf_load(path, &faults, &error));
  assert_true(faults->len >= 3);
}

static void
a_missing_file_is_not_found(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(dir, "none", NULL);
  assert_null(conf_load(path, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
}

static void
every_option_has_its_help(void **state)
{
  size_t n;
  const struct conf_option *options = conf_options(&n);
  assert_true(n > 40);
  for (size_t i = 0; i < n; i++) {
    assert_true(strlen(options[i].help) > 3);
    for (size_t j = 0; j < i; j++)
      assert_false(strcmp(options[i].block, options[j].block) == 0 &&
                   strcmp(options[i].name, options[j].name) == 0);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_manual_s_example_is_read),
      cmocka_unit_test(letters_may_stay_until_they_are_deleted_here),
      cmocka_unit_test(what_is_not_said_has_its_default),
      cmocka_unit_test(each_fault_names_its_line_and_its_mend),
      cmocka_unit_test(a_bundled_plugin_needs_no_command),
      cmocka_unit_test(all_faults_are_told_at_once),
      cmocka_unit_test(a_password_that_others_may_read_is_refused),
      cmocka_unit_test(includes_are_read_and_may_not_circle),
      cmocka_unit_test(bytes_that_are_no_text_end_in_a_fault),
      cmocka_unit_test(a_missing_file_is_not_found),
      cmocka_unit_test(every_option_has_its_help),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
