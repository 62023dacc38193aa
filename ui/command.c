#include "ui/command.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"
#include "ui/ui-private.h"

static const struct command_group *const all_groups[] = {
    &any_group,    &mail_group,    &letter_group, &folders_group, &index_group,
    &reader_group, &compose_group, &queue_group,  &server_group, &keys_group,
    &text_group,   NULL,
};

const struct command_group *const *
command_groups(void)
{
  return all_groups;
}

const struct command_group *
command_group(const char *name)
{
  for (size_t i = 0; all_groups[i] != NULL; i++)
    if (strcmp(all_groups[i]->name, name) == 0)
      return all_groups[i];
  return NULL;
}

const struct command *
command_find(const struct command_group *const *groups, const char *name)
{
  for (; *groups != NULL; groups++)
    for (size_t i = 0; i < (*groups)->n; i++)
      if (strcmp((*groups)->rows[i].name, name) == 0)
        return &(*groups)->rows[i];
  return NULL;
}

static void
run_asked(struct ui *ui, struct view *view, const char *text, void *data)
{
  const struct command *command = data;
  g_autofree char *word = text != NULL ? g_strstrip(g_strdup(text)) : NULL;
  if (word == NULL || *word == '\0') {
    if (command->typed != NULL)
      command->typed(view, NULL);
    return;
  }
  const char *args[] = {word, NULL};
  command->run(view, args);
}

void
command_run(struct view *view, const struct command *command, const char *const *args)
{
  static const char *const none[] = {NULL};
  if (args == NULL)
    args = none;
  if (command->ask == NULL || args[0] != NULL) {
    command->run(view, args);
    return;
  }
  struct prompt_options options = {
      .label = _(command->ask),
      .text = command->complete == COMPLETE_PATH ? "~/" : NULL,
      .complete = command->complete,
      .live = command->live,
      .typed = command->typed,
  };
  ui_prompt(view->ui, view, &options, run_asked, (void *)command, NULL);
}

static const char *
nearest_command(struct view *view, const char *name)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (const struct command_group *const *group = view->kind->groups; *group != NULL; group++)
    for (size_t i = 0; i < (*group)->n; i++)
      g_ptr_array_add(names, (void *)(*group)->rows[i].name);
  g_ptr_array_add(names, NULL);
  return text_nearest(name, (const char *const *)names->pdata);
}

static void
say_unknown(struct view *view, const char *name)
{
  const char *near = nearest_command(view, name);
  if (near != NULL)
    ui_complain(view->ui, _("There is no command '%s' here; did you mean '%s'?"), name, near);
  else
    ui_complain(view->ui, _("There is no command '%s' here; press ? for those there are."), name);
}

/* What follows the name: the whole rest for a command of one argument (folder
 * names and queries hold blanks), else its words. */
static char **
split_arguments(const struct command *command, const char *rest)
{
  GStrv words;
  if (*rest == '\0')
    return g_new0(char *, 1);
  if (command->args != NULL && g_str_has_suffix(command->args, "…") &&
      g_shell_parse_argv(rest, NULL, &words, NULL))
    return words;
  words = g_new0(char *, 2);
  words[0] = g_strdup(rest);
  return words;
}

void
command_run_line(struct view *view, const char *line)
{
  g_autofree char *text = g_strstrip(g_strdup(line));
  size_t length = strcspn(text, " ");
  g_autofree char *name = g_strndup(text, length);
  const char *rest = text + length;
  while (*rest == ' ')
    rest++;
  if (*name == '\0')
    return;
  const struct command *command = command_find(view->kind->groups, name);
  /* ":500", as in vi and less. */
  if (command == NULL && g_ascii_isdigit(*name) &&
      (command = command_find(view->kind->groups, "jump")) != NULL)
    rest = name;
  if (command == NULL) {
    say_unknown(view, name);
    return;
  }
  if (command->args == NULL && *rest != '\0') {
    ui_complain(view->ui, _("'%s' takes no argument; it was not run."), name);
    return;
  }
  g_auto(GStrv) args = split_arguments(command, rest);
  command_run(view, command, (const char *const *)args);
}

char *
command_default_keymap(void)
{
  GString *out = g_string_new(
      "# The keys that hold when no keymap says otherwise, made from the command rows.\n"
      "# A view takes its own keys first, then those of letter, mail and any.\n");
  for (size_t g = 0; all_groups[g] != NULL; g++) {
    const struct command_group *group = all_groups[g];
    g_string_append_printf(out, "\n# %s\n", group->help);
    for (size_t i = 0; i < group->n; i++) {
      g_auto(GStrv) keys = g_strsplit(group->rows[i].keys, " ", -1);
      for (size_t k = 0; keys[k] != NULL; k++)
        g_string_append_printf(out, "bind %-8s %-10s %s\n", group->name, keys[k],
                               group->rows[i].name);
    }
  }
  return g_string_free(out, FALSE);
}
