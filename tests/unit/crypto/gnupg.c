#include "tests/unit/crypto/gnupg.h"

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "tests/unit/test.h"

static GBytes *
run(const char *const *argv, GBytes *input)
{
  g_autoptr(GError) error = NULL;
  GBytes *output = NULL;
  g_autoptr(GBytes) errors = NULL;
  g_autoptr(GBytes) given = input != NULL ? g_bytes_ref(input) : g_bytes_new(NULL, 0);
  g_autoptr(GSubprocess) process =
      g_subprocess_newv(argv,
                        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                            G_SUBPROCESS_FLAGS_STDERR_PIPE,
                        &error);
  if (process == NULL ||
      !g_subprocess_communicate(process, given, NULL, &output, &errors, &error) ||
      !g_subprocess_get_successful(process)) {
    g_autofree char *command = g_strjoinv(" ", (char **)argv);
    g_autofree char *said =
        errors != NULL ? g_strndup(g_bytes_get_data(errors, NULL), g_bytes_get_size(errors)) : NULL;
    fail_msg("%s: %s", command, error != NULL ? error->message : said);
  }
  return output;
}

void
gnupg_init(struct gnupg *gnupg)
{
  gnupg->dir = g_strdup("/tmp/pstg.XXXXXX");
  assert_non_null(g_mkdtemp_full(gnupg->dir, 0700));
  g_setenv("GNUPGHOME", gnupg->dir, TRUE);
  /* Else the agent measures for seconds how slow a passphrase may be. */
  g_autofree char *agent = g_build_filename(gnupg->dir, "gpg-agent.conf", NULL);
  assert_true(g_file_set_contents(agent, "s2k-count 65536\n", -1, NULL));
}

void
gnupg_clear(struct gnupg *gnupg)
{
  const char *kill[] = {"gpgconf", "--homedir", gnupg->dir, "--kill", "all", NULL};
  const char *erase[] = {"rm", "-rf", gnupg->dir, NULL};
  g_bytes_unref(run(kill, NULL));
  g_bytes_unref(run(erase, NULL));
  g_clear_pointer(&gnupg->dir, g_free);
}

GBytes *
gnupg_run(struct gnupg *gnupg, GBytes *input, ...)
{
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  const char *head[] = {"gpg", "--homedir", gnupg->dir, "--batch", "--yes", "--quiet", "--no-tty"};
  va_list ap;
  for (gsize i = 0; i < G_N_ELEMENTS(head); i++)
    g_ptr_array_add(argv, (char *)head[i]);
  va_start(ap, input);
  for (const char *argument; (argument = va_arg(ap, const char *)) != NULL;)
    g_ptr_array_add(argv, (char *)argument);
  va_end(ap);
  g_ptr_array_add(argv, NULL);
  return run((const char *const *)argv->pdata, input);
}

void
gnupg_make_key(struct gnupg *gnupg, const char *user_id)
{
  g_bytes_unref(gnupg_run(gnupg, NULL, "--passphrase", "", "--quick-generate-key", user_id,
                          "future-default", "default", "0", NULL));
}

char *
gnupg_fingerprint(struct gnupg *gnupg, const char *address)
{
  g_autoptr(GBytes) listed =
      gnupg_run(gnupg, NULL, "--with-colons", "--list-keys", address, NULL);
  g_autofree char *text = g_strndup(g_bytes_get_data(listed, NULL), g_bytes_get_size(listed));
  const char *line = strstr(text, "\nfpr:");
  assert_non_null(line);
  g_auto(GStrv) fields = g_strsplit(line + 1, ":", 11);
  return g_strdup(fields[9]);
}
