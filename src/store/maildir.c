#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "store/disk.h"

/* In ASCII order, as the Maildir convention asks. */
static const struct { char letter; unsigned flag; } flag_letters[] = {
    {'D', ROW_DRAFT},  {'F', ROW_FLAGGED}, {'P', ROW_PASSED},
    {'R', ROW_REPLIED}, {'S', ROW_SEEN},   {'T', ROW_TRASHED},
};

static bool
component_is_possible(const char *part)
{
  return *part != '\0' && strcmp(part, ".") != 0 && strcmp(part, "..") != 0;
}

/* A folder that can exist: it stays inside the mail directory and out of
 * .postino. */
static bool
folder_is_possible(const char *folder)
{
  if (strcmp(folder, ".") == 0)
    return true;
  g_auto(GStrv) parts = g_strsplit(folder, "/", -1);
  guint n = g_strv_length(parts);
  if (n == 0 || n > LIMIT_FOLDER_DEPTH || strcmp(parts[0], ".postino") == 0)
    return false;
  for (guint i = 0; i < n; i++)
    if (!component_is_possible(parts[i]))
      return false;
  return true;
}

bool
key_split(const char *key, char **folder_out, char **base_out)
{
  const char *slash = strrchr(key, '/');
  if (slash == NULL || slash == key || !component_is_possible(slash + 1))
    return false;
  g_autofree char *folder = g_strndup(key, (gsize)(slash - key));
  if (!folder_is_possible(folder))
    return false;
  *folder_out = g_steal_pointer(&folder);
  *base_out = g_strdup(slash + 1);
  return true;
}

char *
key_join(const char *folder, const char *base)
{
  return g_strconcat(folder, "/", base, NULL);
}

char *
maildir_base(const char *name, unsigned *flags_out)
{
  const char *info = strstr(name, ":2,");
  unsigned flags = 0;
  if (info != NULL)
    for (size_t i = 0; i < G_N_ELEMENTS(flag_letters); i++)
      if (strchr(info + 3, flag_letters[i].letter) != NULL)
        flags |= flag_letters[i].flag;
  if (flags_out != NULL)
    *flags_out = flags;
  return info != NULL ? g_strndup(name, (gsize)(info - name)) : g_strdup(name);
}

char *
maildir_stem(const char *base)
{
  const char *fields = strchr(base, ',');
  return fields != NULL && fields > base ? g_strndup(base, (gsize)(fields - base)) : g_strdup(base);
}

char *
maildir_name(const char *base, unsigned flags)
{
  GString *name = g_string_new(base);
  g_string_append(name, ":2,");
  for (size_t i = 0; i < G_N_ELEMENTS(flag_letters); i++)
    if ((flags & flag_letters[i].flag) != 0)
      g_string_append_c(name, flag_letters[i].letter);
  return g_string_free(name, FALSE);
}

static bool
is_standard_letter(char c)
{
  for (size_t i = 0; i < G_N_ELEMENTS(flag_letters); i++)
    if (flag_letters[i].letter == c)
      return true;
  return false;
}

static gint
compare_chars(gconstpointer a, gconstpointer b)
{
  return *(const unsigned char *)a - *(const unsigned char *)b;
}

char *
maildir_reflag(const char *name, unsigned flags)
{
  g_autofree char *base = maildir_base(name, NULL);
  g_autofree char *plain = maildir_name(base, flags);
  const char *info = strstr(name, ":2,");
  GString *out = g_string_new(plain);
  gsize start = strlen(base) + 3;
  for (const char *c = info != NULL ? info + 3 : ""; *c != '\0'; c++)
    if (!is_standard_letter(*c))
      g_string_append_c(out, *c);
  qsort(out->str + start, out->len - start, 1, compare_chars);
  return g_string_free(out, FALSE);
}

char *
maildir_path(const struct store *store, const char *folder)
{
  return strcmp(folder, ".") == 0 ? g_strdup(store->dir)
                                  : g_strconcat(store->dir, "/", folder, NULL);
}

static bool
refuse_name(const char *folder, const char *why, GError **error)
{
  g_autofree char *clean = sanitize_line(folder, -1);
  return error_set(error, POSTINO_ERROR_INVALID,
                   _("“%s” cannot be the name of a folder: %s; choose another one"), clean, why);
}

static const char *
component_fault(const char *part)
{
  static const char *const taken[] = {"cur", "new", "tmp", NULL};
  if (*part == '\0')
    return _("a part of it is empty");
  if (*part == '.')
    return _("a name that begins with a dot is hidden");
  if (g_strv_contains(taken, part))
    return _("cur, new and tmp are the insides of a Maildir");
  if (strlen(part) > 255)
    return _("it is too long");
  return NULL;
}

bool
maildir_name_is_valid(const char *folder, GError **error)
{
  if (strcmp(folder, ".") == 0)
    return true;
  g_autofree char *clean = sanitize_line(folder, -1);
  if (!g_utf8_validate(folder, -1, NULL) || strcmp(clean, folder) != 0)
    return refuse_name(folder, _("it holds bytes that cannot be shown"), error);
  g_auto(GStrv) parts = g_strsplit(folder, "/", -1);
  if (parts[0] == NULL)
    return refuse_name(folder, _("it is empty"), error);
  if (g_strv_length(parts) > LIMIT_FOLDER_DEPTH)
    return refuse_name(folder, _("it is nested too deeply"), error);
  for (guint i = 0; parts[i] != NULL; i++) {
    const char *fault = component_fault(parts[i]);
    if (fault != NULL)
      return refuse_name(folder, fault, error);
  }
  return true;
}

/* From the kernel: a generator of our own would repeat itself after a fork. */
void
disk_random(void *data, size_t length)
{
  if (getrandom(data, length, 0) == (ssize_t)length)
    return;
  for (size_t i = 0; i < length; i++)
    ((unsigned char *)data)[i] = (unsigned char)g_random_int_range(0, 256);
}

char *
disk_id(void)
{
  static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  guint64 random;
  char *id = g_malloc0(9);
  disk_random(&random, sizeof random);
  for (int i = 0; i < 8; i++, random /= 36)
    id[i] = digits[random % 36];
  return id;
}

char *
maildir_fresh_base(int64_t time)
{
  guint64 random[2];
  disk_random(random, sizeof random);
  return g_strdup_printf("%" G_GINT64_FORMAT ".%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER
                         "x.postino",
                         time > 0 ? time : g_get_real_time() / G_USEC_PER_SEC, random[0],
                         random[1]);
}

/* ---- finding ---- */

static bool
is_file(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The names that standard flags make are few, a directory may hold a million:
 * asking for them first is what keeps finding cheap. */
static char *
probe(const char *path, const char *base)
{
  g_autofree char *fresh = g_strdup_printf("%s/new/%s", path, base);
  if (is_file(fresh))
    return g_steal_pointer(&fresh);
  for (unsigned set = 0; set < 1u << G_N_ELEMENTS(flag_letters); set++) {
    unsigned flags = set ^ ROW_SEEN;
    g_autofree char *name = maildir_name(base, flags);
    g_autofree char *full = g_strdup_printf("%s/cur/%s", path, name);
    if (is_file(full))
      return g_steal_pointer(&full);
  }
  return NULL;
}

bool
maildir_has(const char *path, const char *base)
{
  g_autofree char *found = probe(path, base);
  return found != NULL;
}

/* Does `name` begin with `start`, and end there or go on with `next`? */
static bool
goes_on_with(const char *name, const char *start, size_t length, const char *next)
{
  return strncmp(name, start, length) == 0 &&
         (name[length] == '\0' || g_str_has_prefix(name + length, next));
}

/* A letter of this base name; else one of its stem, whose fields another program
 * changed.  *gone_out: a name of it was gone as soon as it was read. */
static char *
scan(const char *path, const char *sub, const char *base, bool *gone_out)
{
  struct stat info;
  g_autofree char *dir = g_build_filename(path, sub, NULL);
  g_autofree char *stem = maildir_stem(base), *other = NULL;
  g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
  size_t length = strlen(base), stem_length = strlen(stem);
  for (const char *name; open != NULL && (name = g_dir_read_name(open)) != NULL;) {
    bool same = goes_on_with(name, base, length, ":2,");
    if (!same && (other != NULL || (!goes_on_with(name, stem, stem_length, ",") &&
                                    !goes_on_with(name, stem, stem_length, ":2,"))))
      continue;
    g_autofree char *full = g_build_filename(dir, name, NULL);
    if (!is_file(full)) {
      *gone_out = *gone_out || lstat(full, &info) != 0;
      continue;
    }
    if (same)
      return g_steal_pointer(&full);
    other = g_steal_pointer(&full);
  }
  return g_steal_pointer(&other);
}

static bool
hint_fits(const char *hint, const char *path, const char *base)
{
  size_t length = strlen(path);
  if (strncmp(hint, path, length) != 0 || hint[length] != '/')
    return false;
  const char *rest = hint + length + 1;
  if (!g_str_has_prefix(rest, "cur/") && !g_str_has_prefix(rest, "new/"))
    return false;
  g_autofree char *named = maildir_base(rest + 4, NULL);
  return strcmp(named, base) == 0 && is_file(hint);
}

static char *
look_everywhere(const char *path, const char *base, const char *hint, bool *gone_out)
{
  if (hint != NULL && hint_fits(hint, path, base))
    return g_strdup(hint);
  char *found = probe(path, base);
  if (found == NULL)
    found = scan(path, "cur", base, gone_out);
  if (found == NULL)
    found = scan(path, "new", base, gone_out);
  /* It may have gone from new to cur behind the reading of cur. */
  return found != NULL ? found : scan(path, "cur", base, gone_out);
}

/* Who renames it meanwhile does not make it vanish. */
static char *
look_until_settled(const char *path, const char *base, const char *hint)
{
  for (int tries = 0; tries < RACE_TRIES; tries++) {
    bool gone = false;
    char *found = look_everywhere(path, base, hint, &gone);
    if (found != NULL || !gone)
      return found;
  }
  return NULL;
}

char *
maildir_find(const struct store *store, const char *key, const char *hint, unsigned *flags_out,
             GError **error)
{
  g_autofree char *folder = NULL, *base = NULL;
  g_autofree char *clean = sanitize_line(key, -1);
  if (!key_split(key, &folder, &base)) {
    error_set(error, POSTINO_ERROR_NOTFOUND, _("no letter %s"), clean);
    return NULL;
  }
  g_autofree char *path = maildir_path(store, folder);
  char *found = look_until_settled(path, base, hint);
  if (found == NULL) {
    error_set(error, POSTINO_ERROR_NOTFOUND,
              _("letter %s is no longer there; another program moved or removed it"), clean);
    return NULL;
  }
  g_autofree char *name = g_path_get_basename(found);
  g_free(maildir_base(name, flags_out));
  return found;
}

/* ---- putting files into place ---- */

static bool
is_same_file(const char *a, const char *b)
{
  struct stat first, second;
  return lstat(a, &first) == 0 && lstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/* What the base names of our own letters end in. */
#define OWN_NAMES ".postino"
#define DAY 86400

/* A copy may have lost its time, and a clock may have been wrong. */
static bool
is_possible(int64_t seconds, int64_t now)
{
  return seconds > DAY && seconds < now + DAY;
}

int64_t
maildir_arrival(const char *name, int64_t changed, int64_t now)
{
  g_autofree char *base = maildir_base(name, NULL);
  char *end = NULL;
  int64_t seconds = (int64_t)g_ascii_strtoull(name, &end, 10);
  if (!g_str_has_suffix(base, OWN_NAMES) && *end == '.' && is_possible(seconds, now))
    return seconds;
  return is_possible(changed, now) ? changed : 0;
}

/* Has the file `to` a third name in `dir`, of the same letter?  It is opened, since what
 * is said of a name may have been kept from before (NFS, FUSE). */
static bool
is_named_in(const char *dir, const char *from, const char *to)
{
  DIR *open_dir = opendir(dir);
  g_autofree char *name = g_path_get_basename(from), *base = maildir_base(name, NULL);
  bool found = false;
  if (open_dir == NULL)
    return false;
  for (struct dirent *file; !found && (file = readdir(open_dir)) != NULL;) {
    g_autofree char *path = g_build_filename(dir, file->d_name, NULL);
    if (!g_str_has_prefix(file->d_name, base) || strcmp(path, from) == 0 || strcmp(path, to) == 0)
      continue;
    auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    found = fd >= 0 && is_same_file(path, to);
  }
  closedir(open_dir);
  return found;
}

/* How often a name is looked for that changes meanwhile. */
#define LOOKS_MOST 5

static bool
was_renamed(const char *from, const char *to)
{
  g_autofree char *here = g_path_get_dirname(from), *there = g_path_get_dirname(to);
  for (int look = 0; look < LOOKS_MOST; look++)
    if (is_named_in(here, from, to) || (strcmp(here, there) != 0 && is_named_in(there, from, to)))
      return true;
  return false;
}

int
maildir_rename(const char *from, const char *to)
{
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return errno;
  /* File systems without it (NFS): a link never replaces either.  There the
   * answer of a link that was made may be lost and asked again: EEXIST. */
  if (link(from, to) < 0) {
    int errnum = errno;
    if (!is_same_file(from, to))
      return errnum;
  }
  if (unlink(from) == 0)
    return 0;
  int errnum = errno;
  /* Removed by this call, whose answer was lost; unless another program renamed it meanwhile:
   * its name stands, and ours would double the letter. */
  if (errnum == ENOENT && !was_renamed(from, to))
    return 0;
  unlink(to);
  return errnum;
}

static bool
copy_bytes(int in, int out, const char *from, GError **error)
{
  g_autofree char *buffer = g_malloc(65536);
  for (;;) {
    size_t got;
    if (!file_read_all(in, buffer, 65536, &got, error) ||
        !file_write_all(out, buffer, got, error)) {
      g_prefix_error(error, "%s: ", from);
      return false;
    }
    if (got < 65536)
      return true;
  }
}

static bool
copy_durably(const char *from, int out, const char *tmp, GError **error)
{
  auto_fd in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  struct stat st;
  if (in < 0 || fstat(in, &st) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", from);
  if (!copy_bytes(in, out, from, error))
    return false;
  struct timespec times[2] = {st.st_mtim, st.st_mtim};
  if (futimens(out, times) < 0 || fsync(out) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot make %s durable"), tmp);
  return true;
}

bool
maildir_copy(const char *from, const char *to, GError **error)
{
  g_autofree char *sub = g_path_get_dirname(to);
  g_autofree char *path = g_path_get_dirname(sub);
  g_autofree char *tmp = NULL;
  auto_fd out = maildir_tmp(path, &tmp, error);
  if (out < 0)
    return false;
  int errnum = 0;
  bool copied = copy_durably(from, out, tmp, error);
  if (copied && (errnum = maildir_rename(tmp, to)) == 0)
    return file_sync_dir(sub, error);
  unlink(tmp);
  return copied ? error_errno(error, POSTINO_ERROR_LOCAL, errnum, _("cannot create %s"), to)
                : false;
}

bool
maildir_transfer(const char *from, const char *to, GError **error)
{
  int errnum = maildir_rename(from, to);
  if (errnum == 0)
    return true;
  if (errnum != EXDEV)
    return error_errno(error, POSTINO_ERROR_LOCAL, errnum, _("cannot move %s to %s"), from, to);
  if (!maildir_copy(from, to, error))
    return false;
  if (unlink(from) < 0 && errno != ENOENT)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot remove %s"), from);
  return true;
}

char *
maildir_make(const struct store *store, const char *folder, GError **error)
{
  g_autofree char *path = maildir_path(store, folder);
  if (folder_is_possible(folder) && maildir_is(path))
    return g_steal_pointer(&path);
  if (!maildir_name_is_valid(folder, error))
    return NULL;
  /* tmp last: a directory is a folder only when it is whole. */
  static const char *const subs[] = {"cur", "new", "tmp"};
  for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *sub = g_build_filename(path, subs[i], NULL);
    if (!file_make_dirs(sub, error))
      return NULL;
  }
  return g_steal_pointer(&path);
}

bool
maildir_each(const struct store *store, const char *folder, maildir_each_fn each, void *data,
             GError **error)
{
  static const char *const subs[] = {"new", "cur"};
  g_autofree char *path = maildir_path(store, folder);
  for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *dir = g_build_filename(path, subs[i], NULL);
    DIR *open = opendir(dir);
    if (open == NULL)
      return error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", dir);
    bool more = true;
    for (struct dirent *entry; more && (entry = readdir(open)) != NULL;) {
      if (entry->d_name[0] == '.')
        continue;
      g_autofree char *full = g_build_filename(dir, entry->d_name, NULL);
      more = each(full, entry->d_name, data);
    }
    closedir(open);
    if (!more)
      return true;
  }
  return true;
}
