#include "tests/unit/engine/provider.h"

#include <stdio.h>

#define CANNOT_START 77

static char *provider;      /* its directory */

/* Runs isp COMMAND DIR ARGUMENTS…; its output, or NULL with *status_out. */
static char *
isp(int *status_out, const char *command, const char *first, const char *second)
{
  const char *source = g_getenv("abs_top_srcdir");
  g_autofree char *script = g_build_filename(source != NULL ? source : "../..", "tests", "isp", "isp", NULL);
  const char *argv[] = {script, command, provider, first, second, NULL};
  char *out = NULL;
  int status = 0;
  g_autoptr(GError) error = NULL;
  if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out, NULL,
                    &status, &error))
    fail_msg("%s", error->message);
  *status_out = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return out;
}

static char *
isp_good(const char *command, const char *first, const char *second)
{
  int status;
  char *out = isp(&status, command, first, second);
  if (status != 0)
    fail_msg("isp %s ended with %d", command, status);
  return out;
}

void
provider_up(void)
{
  int status;
  provider = g_dir_make_tmp("isp-XXXXXX", NULL);
  g_free(isp(&status, "up", NULL, NULL));
  if (status == CANNOT_START) {
    printf("1..0 # SKIP the provider cannot be started by this user\n");
    exit(0);
  }
  if (status != 0) {
    printf("Bail out! the provider did not start (%d)\n", status);
    exit(99);
  }
  g_free(isp(&status, "seed", NULL, NULL));
  if (status == 0)
    return;
  provider_down();
  printf("Bail out! no sample mail (%d)\n", status);
  exit(99);
}

/* What the servers' own users wrote can only be removed by who may. */
void
provider_down(void)
{
  int status;
  g_free(isp(&status, "down", NULL, NULL));
  const char *argv[] = {"rm", "-rf", provider, NULL};
  g_spawn_sync(NULL, (char **)argv, NULL,
               G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
               NULL, NULL, NULL, NULL, NULL);
  g_clear_pointer(&provider, g_free);
}

char *
provider_rc(const char *name, bool ask)
{
  g_autofree char *rc = isp_good("rc", name, NULL);
  g_autoptr(GString) text = g_string_new("fetch-every = 0\nsend-delay = 3600\n");
  g_auto(GStrv) lines = g_strsplit(rc, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (!ask || strstr(*line, "password") == NULL)
      g_string_append_printf(text, "%s\n", *line);
  return g_strdup(text->str);
}

char *
provider_password(const char *name)
{
  g_autofree char *file = g_strconcat(name, ".password", NULL);
  g_autofree char *path = g_build_filename(provider, "accounts", file, NULL);
  char *password = NULL;
  assert_true(g_file_get_contents(path, &password, NULL, NULL));
  return password;
}

void
provider_keys_of(const char *name)
{
  g_autofree char *out = isp_good("env", NULL, NULL);
  g_autofree char *upper = g_ascii_strup(name, -1);
  g_autofree char *mark = g_strdup_printf("\nGNUPGHOME_%s=", upper);
  const char *at = strstr(out, mark);
  assert_non_null(at);
  at += strlen(mark);
  g_autofree char *home = g_strndup(at, strcspn(at, "\n"));
  g_setenv("GNUPGHOME", home, TRUE);
}

void
provider_wait(const char *name, guint count)
{
  g_autofree char *number = g_strdup_printf("%u", count);
  g_free(isp_good("wait", name, number));
}

guint
provider_drop(const char *name)
{
  g_autofree char *out = isp_good("drop", name, NULL);
  guint n = 0;
  for (const char *at = out; *at != '\0'; at++)
    n += *at == '\n';
  return n;
}
