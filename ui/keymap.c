#include "ui/keymap.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/paths.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "conf/conf.h"

#define FILE_LIMIT (1 << 20)
#define INCLUDE_DEPTH 8

struct keymap {
  GPtrArray *bindings;      /* struct binding, later ones win */
  GPtrArray *files;         /* names, kept for the bindings */
};

struct reading {
  struct keymap *keymap;
  GPtrArray *faults;
  const char *file;         /* as shown; owned by keymap->files */
  int line, depth;
};

static void
binding_free(struct binding *binding)
{
  g_strfreev(binding->args);
  g_free(binding);
}

static void
fault_free(struct conf_fault *fault)
{
  g_free(fault->file);
  g_free(fault->text);
  g_free(fault);
}

static void
fault(struct reading *reading, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
fault(struct reading *reading, const char *format, ...)
{
  va_list args;
  struct conf_fault *entry = g_new0(struct conf_fault, 1);
  entry->file = g_strdup(reading->file);
  entry->line = reading->line;
  va_start(args, format);
  entry->text = g_strdup_vprintf(format, args);
  va_end(args);
  g_ptr_array_add(reading->faults, entry);
}

static bool
begins_with(const struct key_sequence *keys, const struct key_sequence *start)
{
  return keys->n >= start->n &&
         memcmp(keys->keys, start->keys, sizeof(term_key) * (size_t)start->n) == 0;
}

/* One key cannot be a binding and the beginning of another in one group: the
 * later one is meant. */
static void
forget_clashing(struct keymap *keymap, const struct binding *binding)
{
  for (guint i = keymap->bindings->len; i-- > 0;) {
    const struct binding *old = g_ptr_array_index(keymap->bindings, i);
    if (old->group == binding->group &&
        (begins_with(&old->keys, &binding->keys) || begins_with(&binding->keys, &old->keys)))
      g_ptr_array_remove_index(keymap->bindings, i);
  }
}

static void
add(struct keymap *keymap, struct binding binding)
{
  forget_clashing(keymap, &binding);
  g_ptr_array_add(keymap->bindings, g_memdup2(&binding, sizeof binding));
}

struct keymap *
keymap_new(void)
{
  struct keymap *keymap = g_new0(struct keymap, 1);
  keymap->bindings = g_ptr_array_new_with_free_func((GDestroyNotify)binding_free);
  keymap->files = g_ptr_array_new_with_free_func(g_free);
  for (const struct command_group *const *g = command_groups(); *g != NULL; g++)
    for (size_t i = 0; i < (*g)->n; i++) {
      g_auto(GStrv) words = g_strsplit((*g)->rows[i].keys, " ", -1);
      for (size_t k = 0; words[k] != NULL; k++) {
        struct binding binding = {.group = *g, .command = &(*g)->rows[i],
                                  .args = g_new0(char *, 1)};
        if (key_parse(words[k], &binding.keys))
          add(keymap, binding);
        else
          g_free(binding.args);
      }
    }
  return keymap;
}

void
keymap_free(struct keymap *keymap)
{
  if (keymap == NULL)
    return;
  g_ptr_array_free(keymap->bindings, TRUE);
  g_ptr_array_free(keymap->files, TRUE);
  g_free(keymap);
}

/* ---- files ---- */

static const struct command_group *
group_of(struct reading *reading, const char *word)
{
  const struct command_group *group = command_group(word);
  if (group != NULL)
    return group;
  const char *names[16] = {NULL};
  for (size_t i = 0; command_groups()[i] != NULL && i < G_N_ELEMENTS(names) - 1; i++)
    names[i] = command_groups()[i]->name;
  const char *near = text_nearest(word, names);
  g_autofree char *list = g_strjoinv(", ", (char **)names);
  if (near != NULL)
    fault(reading, _("unknown view '%s'; did you mean '%s'?"), word, near);
  else
    fault(reading, _("unknown view '%s'; the views are %s"), word, list);
  return NULL;
}

static bool
keys_of(struct reading *reading, const char *word, struct key_sequence *keys_out)
{
  if (key_parse(word, keys_out))
    return true;
  const char *near = text_nearest(word, key_names());
  if (near != NULL)
    fault(reading, _("unknown key '%s'; did you mean '%s'?"), word, near);
  else
    fault(reading,
          _("unknown key '%s'; write a character, C-x, M-x, a name such as PageUp, or up to %d "
            "of them in a row: <C-x><C-s>"),
          word, TERM_KEYS_MAX);
  return false;
}

/* The rows that a key of this group may run: its own, then those of the wider
 * groups that hold in the same view. */
static void
reach_of(const struct command_group *group, const struct command_group *reach[5])
{
  static const char *const wider[] = {"letter", "mail", "any"};
  static const char *const narrow[] = {"compose", "queue", "keys", "text", "any", NULL};
  size_t n = 0, first = g_strv_contains(narrow, group->name) ? 2
                        : strcmp(group->name, "folders") == 0 ? 1
                                                              : 0;
  reach[n++] = group;
  for (size_t i = first; i < G_N_ELEMENTS(wider); i++)
    if (strcmp(group->name, wider[i]) != 0)
      reach[n++] = command_group(wider[i]);
  reach[n] = NULL;
}

static const char *
nearest_in(const struct command_group *const *reach, const char *word)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (; *reach != NULL; reach++)
    for (size_t i = 0; i < (*reach)->n; i++)
      g_ptr_array_add(names, (void *)(*reach)->rows[i].name);
  g_ptr_array_add(names, NULL);
  return text_nearest(word, (const char *const *)names->pdata);
}

static const struct command *
command_of(struct reading *reading, const struct command_group *group, const char *word)
{
  const struct command_group *reach[5];
  reach_of(group, reach);
  const struct command *command = command_find(reach, word);
  const char *near = command == NULL ? nearest_in(reach, word) : NULL;
  if (near != NULL)
    fault(reading, _("unknown command '%s' in view %s; did you mean '%s'?"), word, group->name,
          near);
  else if (command == NULL)
    fault(reading, _("unknown command '%s' in view %s; the help screen (?) lists them"), word,
          group->name);
  return command;
}

static const struct binding *
bound_here(const struct reading *reading, const struct binding *wanted)
{
  for (guint i = 0; i < reading->keymap->bindings->len; i++) {
    const struct binding *old = g_ptr_array_index(reading->keymap->bindings, i);
    if (old->group == wanted->group && old->file == reading->file && old->command != NULL &&
        (begins_with(&old->keys, &wanted->keys) || begins_with(&wanted->keys, &old->keys)))
      return old;
  }
  return NULL;
}

static void
read_bind(struct reading *reading, char **words)
{
  if (g_strv_length(words) < 4) {
    fault(reading, _("bind needs a view, a key and a command: bind index x delete"));
    return;
  }
  struct binding binding = {.file = reading->file, .line = reading->line};
  binding.group = group_of(reading, words[1]);
  bool good = keys_of(reading, words[2], &binding.keys) && binding.group != NULL;
  if (!good)
    return;
  binding.command = command_of(reading, binding.group, words[3]);
  if (binding.command == NULL)
    return;
  if (binding.command->args == NULL && words[4] != NULL) {
    fault(reading, _("'%s' takes no argument; remove '%s'"), words[3], words[4]);
    return;
  }
  const struct binding *old = bound_here(reading, &binding);
  if (old != NULL) {
    fault(reading, _("key '%s' of view %s is bound already in line %d; keep one of them"),
          words[2], words[1], old->line);
    return;
  }
  binding.args = g_strdupv(words + 4);
  add(reading->keymap, binding);
}

static void
read_unbind(struct reading *reading, char **words)
{
  if (g_strv_length(words) != 3) {
    fault(reading, _("unbind needs a view and a key: unbind index x"));
    return;
  }
  struct binding binding = {.file = reading->file, .line = reading->line};
  binding.group = group_of(reading, words[1]);
  if (keys_of(reading, words[2], &binding.keys) && binding.group != NULL) {
    binding.args = g_new0(char *, 1);
    add(reading->keymap, binding);
  }
}

static void read_file(struct reading *from, const char *name);

static void
read_include(struct reading *reading, char **words)
{
  if (g_strv_length(words) != 2)
    fault(reading, _("include needs one file name"));
  else if (reading->depth >= INCLUDE_DEPTH)
    fault(reading, _("includes lie more than %d deep; does a file include itself?"),
          INCLUDE_DEPTH);
  else
    read_file(reading, words[1]);
}

static void
read_line(struct reading *reading, const char *line)
{
  static const char *const names[] = {"bind", "unbind", "include", NULL};
  g_autofree char *clean = g_strstrip(sanitize_line(line, -1));
  if (*clean == '\0' || *clean == '#')
    return;
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
  g_auto(GStrv) pieces = g_strsplit(clean, " ", -1);
  for (size_t i = 0; pieces[i] != NULL; i++) {
    if (words->len > 2 && *pieces[i] == '#')
      break; /* a comment behind; as the third word it would be a key */
    if (*pieces[i] != '\0')
      g_ptr_array_add(words, g_strdup(pieces[i]));
  }
  g_ptr_array_add(words, NULL);
  char **argv = (char **)words->pdata;
  if (strcmp(argv[0], "bind") == 0)
    read_bind(reading, argv);
  else if (strcmp(argv[0], "unbind") == 0)
    read_unbind(reading, argv);
  else if (strcmp(argv[0], "include") == 0)
    read_include(reading, argv);
  else if (text_nearest(argv[0], names) != NULL)
    fault(reading, _("unknown word '%s'; did you mean '%s'?"), argv[0],
          text_nearest(argv[0], names));
  else
    fault(reading, _("unknown word '%s'; a line is bind, unbind, include or a # comment"),
          argv[0]);
}

/* A bundled name, or a file; a relative one lies beside the file that names it. */
static char *
path_of(const struct reading *from, const char *name)
{
  g_autofree char *expanded = paths_expand(name);
  if (g_path_is_absolute(expanded))
    return g_steal_pointer(&expanded);
  g_autofree char *bundled = strchr(name, '/') == NULL ? paths_keymap(name) : NULL;
  if (bundled != NULL && g_file_test(bundled, G_FILE_TEST_EXISTS))
    return g_steal_pointer(&bundled);
  if (from->file == NULL)
    return g_steal_pointer(&expanded);
  g_autofree char *dir = g_path_get_dirname(from->file);
  return g_build_filename(dir, expanded, NULL);
}

static void
read_file(struct reading *from, const char *name)
{
  g_autoptr(GError) error = NULL;
  struct reading reading = *from;
  char *path = path_of(from, name);
  g_ptr_array_add(reading.keymap->files, path);
  g_autoptr(GBytes) bytes = file_read(path, FILE_LIMIT, &error);
  if (bytes == NULL) {
    if (from->file == NULL) {
      from->file = path;
      from->line = 1;
    }
    fault(from, _("%s; name a keymap that is there (default, mutt, pine, vi, emacs, or a file)"),
          error->message);
    return;
  }
  reading.file = path;
  reading.line = 0;
  reading.depth++;
  g_autofree char *text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (size_t i = 0; lines[i] != NULL; i++) {
    reading.line = (int)i + 1;
    read_line(&reading, lines[i]);
  }
}

struct keymap *
keymap_load(const char *name, GPtrArray *faults)
{
  struct keymap *keymap = keymap_new();
  struct reading reading = {.keymap = keymap, .faults = faults};
  if (name != NULL && strcmp(name, "default") != 0)
    read_file(&reading, name);
  return keymap;
}

GPtrArray *
keymap_check(const char *name)
{
  GPtrArray *faults = g_ptr_array_new_with_free_func((GDestroyNotify)fault_free);
  keymap_free(keymap_load(name, faults));
  return faults;
}

/* ---- looking up ---- */

static const struct binding *
find_in(const struct keymap *keymap, const struct command_group *group,
        const struct key_sequence *keys, bool *prefix_out)
{
  for (guint i = 0; i < keymap->bindings->len; i++) {
    const struct binding *binding = g_ptr_array_index(keymap->bindings, i);
    if (binding->group != group || !begins_with(&binding->keys, keys))
      continue;
    if (binding->keys.n == keys->n)
      return binding;
    *prefix_out = *prefix_out || binding->command != NULL;
  }
  return NULL;
}

enum keymap_match
keymap_find(const struct keymap *keymap, const struct command_group *const *groups,
            const struct key_sequence *keys, const struct binding **found_out)
{
  bool prefix = false;
  for (; *groups != NULL; groups++) {
    const struct binding *found = find_in(keymap, *groups, keys, &prefix);
    if (prefix)
      return KEYMAP_PREFIX;
    if (found != NULL && found->command == NULL)
      return KEYMAP_NONE;
    if (found != NULL) {
      *found_out = found;
      return KEYMAP_FOUND;
    }
  }
  return KEYMAP_NONE;
}

char *
keymap_keys(const struct keymap *keymap, const struct command_group *const *groups,
            const struct command *command, int max)
{
  g_autoptr(GString) out = g_string_new(NULL);
  int n = 0;
  for (guint i = 0; i < keymap->bindings->len && n < max; i++) {
    const struct binding *binding = g_ptr_array_index(keymap->bindings, i), *found;
    if (binding->command != command || binding->args[0] != NULL ||
        keymap_find(keymap, groups, &binding->keys, &found) != KEYMAP_FOUND || found != binding)
      continue;
    g_autofree char *word = key_format(&binding->keys);
    g_string_append_printf(out, "%s%s", n > 0 ? " " : "", word);
    n++;
  }
  return n > 0 ? g_strdup(out->str) : NULL;
}

char *
keymap_key_word(const struct keymap *keymap, const struct command_group *const *groups,
                const char *name)
{
  const struct command *command = command_find(groups, name);
  char *keys = command != NULL ? keymap_keys(keymap, groups, command, 1) : NULL;
  return keys != NULL ? keys : g_strdup_printf(":%s", name);
}
