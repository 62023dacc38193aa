/* What there is to import below a path: the folders that other programs keep there. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "store/disk.h"

/* Thunderbird keeps the folders below Name in Name.sbd. */
#define BELOW ".sbd"

struct walk {
  const char *to, *inbox;
  GPtrArray *sources;
};

void
import_source_free(struct import_source *source)
{
  g_free(source->path);
  g_free(source->folder);
  g_free(source);
}

/* `name` is the folder's below the path, "" for the path itself. */
static void
add(struct walk *walk, const char *path, const char *name)
{
  struct import_source *source = g_new0(struct import_source, 1);
  source->path = g_strdup(path);
  if (*name != '\0' && walk->to != NULL)
    source->folder = g_strconcat(walk->to, "/", name, NULL);
  else if (*name != '\0' && g_ascii_strcasecmp(name, "Inbox") != 0)
    source->folder = g_strdup(name);
  else
    source->folder = g_strdup(walk->to != NULL ? walk->to : walk->inbox);
  g_ptr_array_add(walk->sources, source);
}

static bool
is_mbox(const char *path)
{
  char start[5];
  size_t got = 0;
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  return fd >= 0 && file_read_all(fd, start, sizeof start, &got, NULL) && got == sizeof start &&
         memcmp(start, "From ", sizeof start) == 0;
}

/* The folder that an entry of a directory would be, NULL: none.  A Maildir++ says “.A.B” of B
 * in A. */
static char *
folder_of(const char *name, const char *entry, bool maildir)
{
  g_autofree char *own = g_strdup(entry);
  if (maildir && (strcmp(entry, "cur") == 0 || strcmp(entry, "new") == 0 || strcmp(entry, "tmp") == 0))
    return NULL;
  if (*entry == '.') {
    if (!maildir || strspn(entry, ".") > 1 || entry[1] == '\0' || strcmp(entry, ".postino") == 0)
      return NULL;
    g_free(own);
    own = g_strdelimit(g_strdup(entry + 1), ".", '/');
  } else if (!maildir && g_str_has_suffix(own, BELOW)) {
    own[strlen(own) - strlen(BELOW)] = '\0';
  }
  return *name == '\0' ? g_steal_pointer(&own) : g_strconcat(name, "/", own, NULL);
}

static int
compare_names(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *
entries_of(const char *path)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
    g_ptr_array_add(entries, g_strdup(name));
  g_ptr_array_sort(entries, compare_names);
  return entries;
}

static void
look(struct walk *walk, const char *path, const char *name, int depth)
{
  bool maildir = maildir_is(path);
  if (maildir)
    add(walk, path, name);
  g_autoptr(GPtrArray) entries = entries_of(path);
  for (guint i = 0; i < entries->len && depth < LIMIT_FOLDER_DEPTH; i++) {
    g_autofree char *below = g_build_filename(path, entries->pdata[i], NULL);
    g_autofree char *folder = folder_of(name, entries->pdata[i], maildir);
    struct stat st;
    if (folder == NULL || lstat(below, &st) != 0)
      continue;
    if (S_ISDIR(st.st_mode))
      look(walk, below, folder, depth + 1);
    else if (!maildir && S_ISREG(st.st_mode) && is_mbox(below))
      add(walk, below, folder);
  }
}

GPtrArray *
store_import_sources(const char *path, const char *to, const char *inbox, GError **error)
{
  g_autoptr(GPtrArray) sources =
      g_ptr_array_new_with_free_func((GDestroyNotify)import_source_free);
  struct walk walk = {to, inbox, sources};
  if (!g_file_test(path, G_FILE_TEST_IS_DIR))
    add(&walk, path, "");
  else
    look(&walk, path, "", 0);
  if (sources->len > 0)
    return g_steal_pointer(&sources);
  error_set(error, POSTINO_ERROR_INVALID,
            _("there is neither a Maildir nor an mbox file in %s; give the directory or the file"
              " that has the letters"), path);
  return NULL;
}
