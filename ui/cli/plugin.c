#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/text.h"
#include "ui/cli/cli.h"
#include "ui/cli/skeletons.h"

static bool
list(struct cli *cli, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, engine_plugins(cli->engine), error);
  if (event == NULL)
    return false;
  json_t *array = json_array();
  for (guint i = 0; i < event->plugins->len; i++) {
    const struct plugin_info *info = event->plugins->pdata[i];
    if (cli->json)
      json_array_append_new(
          array, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", cli_json_text(info->name),
                           "version", cli_json_text(info->version), "path",
                           cli_json_text(info->path), "capabilities",
                           cli_json_text(info->capabilities), "rights",
                           cli_json_text(info->rights), "why_disabled",
                           cli_json_text(info->why_disabled)));
    else
      printf("%s\t%s\t%s\t%s\t%s\n", info->name, info->version != NULL ? info->version : "-",
             info->path != NULL ? info->path : "-",
             info->why_disabled != NULL ? info->why_disabled : info->capabilities,
             info->rights);
  }
  if (cli->json)
    cli_json(array);
  else
    json_decref(array);
  return true;
}

static void
print_check(const struct event *event, void *data)
{
  guint *number = data;
  printf("%s %u - %s\n", event->bad ? "not ok" : "ok", ++*number, event->text);
}

static bool
check_one(struct cli *cli, const char *name, GError **error)
{
  guint number = 0;
  g_autoptr(event_t) event = cli_wait_notices(
      cli, engine_plugin_check(cli->engine, name), print_check, &number, error);
  printf("1..%u\n", number);
  return event != NULL;
}

static bool
grant(struct cli *cli, const char *name, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, engine_plugin_grant(cli->engine, name), error);
  if (event != NULL)
    printf("%s\t%s\n", name, event->text);
  return event != NULL;
}

/* ---- a new one ---- */

/* What the skeletons are called in the tree. */
#define MODEL "refuse"

static const struct skeleton {
  const char *suffix;
  const char *const *lines;
  mode_t mode;
} skeletons[] = {
    {".c", skeleton_c, 0666},
    {".sh", skeleton_sh, 0777},
    {".py", skeleton_py, 0777},
};

/* A name without a suffix is one in C. */
static const struct skeleton *
skeleton_of(const char *path)
{
  const char *file = strrchr(path, '/');
  const char *dot = strrchr(file != NULL ? file : path, '.');
  for (gsize i = 0; dot != NULL && i < G_N_ELEMENTS(skeletons); i++)
    if (strcmp(dot, skeletons[i].suffix) == 0)
      return &skeletons[i];
  return dot == NULL ? &skeletons[0] : NULL;
}

/* It stands in rc files, in C and in file names. */
static bool
is_plugin_name(const char *name)
{
  if (!g_ascii_islower(*name) || strlen(name) > 40)
    return false;
  for (const char *c = name; *c != '\0'; c++)
    if (!g_ascii_islower(*c) && !g_ascii_isdigit(*c) && *c != '-')
      return false;
  return true;
}

static GString *
skeleton_text(const struct skeleton *skeleton, const char *name)
{
  GString *text = g_string_new(NULL);
  g_autofree char *quoted = g_strdup_printf("\"%s\"", name);
  g_autofree char *source = g_strconcat(name, skeleton->suffix, NULL);
  g_autofree char *model = g_strconcat(MODEL, skeleton->suffix, NULL);
  g_autofree char *object = g_strconcat(name, ".so", NULL);
  for (const char *const *line = skeleton->lines; *line != NULL; line++)
    g_string_append_printf(text, "%s\n", *line);
  g_string_replace(text, "\"" MODEL "\"", quoted, 0);
  g_string_replace(text, model, source, 0);
  g_string_replace(text, MODEL ".so", object, 0);
  return text;
}

static bool
write_new(const char *path, const GString *text, mode_t mode, GError **error)
{
  auto_fd fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0 && errno == EEXIST)
    return error_set(error, POSTINO_ERROR_CREATE,
                     _("%s is there already and is left as it is; give another name"), path);
  if (fd < 0)
    return error_errno(error, POSTINO_ERROR_CREATE, errno, _("cannot create %s"), path);
  return file_write_all(fd, text->str, text->len, error);
}

static bool
write_skeleton(const char *word, GError **error)
{
  const struct skeleton *skeleton = skeleton_of(word);
  const char *slash = strrchr(word, '/');
  g_autofree char *name = g_strdup(slash != NULL ? slash + 1 : word);
  if (skeleton != NULL && g_str_has_suffix(name, skeleton->suffix))
    name[strlen(name) - strlen(skeleton->suffix)] = '\0';
  if (skeleton == NULL || !is_plugin_name(name))
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("%s cannot be the name of a plugin; give lower-case letters, digits and -, "
                       "for C with .c or nothing behind it, for shell with .sh, for Python with .py"),
                     word);
  g_autofree char *path = g_str_has_suffix(word, skeleton->suffix)
                              ? g_strdup(word)
                              : g_strconcat(word, skeleton->suffix, NULL);
  g_autoptr(GString) text = skeleton_text(skeleton, name);
  if (!write_new(path, text, skeleton->mode, error))
    return false;
  printf("%s\n", path);
  return true;
}

bool
cli_plugin(struct cli *cli, int argc, char **argv, GError **error)
{
  if (!cli_options(cli, NULL, &argc, &argv, error) || !cli_words(argc, argv, 1, 2, error))
    return false;
  if (text_ascii_equal(argv[1], "new") && argc == 3)
    return write_skeleton(argv[2], error);
  bool lists = text_ascii_equal(argv[1], "list") && argc == 2;
  bool grants = text_ascii_equal(argv[1], "grant") && argc == 3;
  if (!lists && !grants && !(text_ascii_equal(argv[1], "check") && argc == 3))
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("plugin takes list, check NAME|PATH, grant NAME or new NAME"));
  if (!cli_engine(cli, error))
    return false;
  if (grants)
    return grant(cli, argv[2], error);
  return lists ? list(cli, error) : check_one(cli, argv[2], error);
}
