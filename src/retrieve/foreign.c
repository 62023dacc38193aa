#include "retrieve/foreign.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "retrieve/list.h"
#include "retrieve/retrieve.h"

/* A state file: a million UIDs of 70 bytes, with times. */
#define FOREIGN_BYTES LIMIT_MIB(128)
#define OWNERS_SHOWN 5

void
foreign_free(struct foreign *foreign)
{
  g_free(foreign->host);
  g_free(foreign->user);
  g_free(foreign->uid);
  g_free(foreign);
}

static void
free_foreign(void *data)
{
  foreign_free(data);
}

/* ---- the forms ---- */

struct reading {
  GPtrArray *found;
  char *host, *user;        /* of the section; owned */
};

static void
add(struct reading *reading, const char *uid, const char *time)
{
  g_autofree char *clean = listing_clean_uid(uid);
  if (clean == NULL)
    return;
  struct foreign *foreign = g_new0(struct foreign, 1);
  foreign->host = g_strdup(reading->host);
  foreign->user = g_strdup(reading->user);
  foreign->uid = g_steal_pointer(&clean);
  foreign->fetched = time != NULL ? MAX(g_ascii_strtoll(time, NULL, 10), 0) : 0;
  g_ptr_array_add(reading->found, foreign);
}

static void
begin_section(struct reading *reading, const char *host, const char *user)
{
  g_free(reading->host);
  g_free(reading->user);
  reading->host = g_strdup(host);
  reading->user = g_strdup(user);
}

/* " COUNT HOST USER", then a UID a line. */
static void
take_mpop(struct reading *reading, const char *line)
{
  if (*line != ' ') {
    if (reading->host != NULL)
      add(reading, line, NULL);
    return;
  }
  g_auto(GStrv) words = g_strsplit(line + 1, " ", 3);
  if (g_strv_length(words) == 3)
    begin_section(reading, words[1], words[2]);
}

/* "*HOST USER", then "FATE UID TIME": kept there or to be deleted there; the others
 * were not fetched whole. */
static void
take_thunderbird(struct reading *reading, const char *line)
{
  g_auto(GStrv) words = g_strsplit(line, " ", 3);
  guint count = g_strv_length(words);
  if (*line == '*' && count == 2)
    begin_section(reading, words[0] + 1, words[1]);
  else if (count >= 2 && (strcmp(words[0], "k") == 0 || strcmp(words[0], "d") == 0) &&
           reading->host != NULL)
    add(reading, words[1], words[2]);
}

/* "USER@HOST UID" */
static void
take_fetchmail(struct reading *reading, const char *line)
{
  g_auto(GStrv) words = g_strsplit(line, " ", 2);
  char *at = words[0] != NULL ? strrchr(words[0], '@') : NULL;
  if (at == NULL || words[1] == NULL)
    return;
  *at = '\0';
  begin_section(reading, at + 1, words[0]);
  add(reading, words[1], NULL);
}

/* "UID", or "UID TAB TIME", or "UID TAB TIME TAB PART": another PART than 0 did not
 * come whole. */
static void
take_claws(struct reading *reading, const char *line)
{
  g_auto(GStrv) words = g_strsplit(line, "\t", 3);
  guint count = g_strv_length(words);
  if (count > 0 && (count < 3 || strcmp(words[2], "0") == 0))
    add(reading, words[0], words[1]);
}

typedef void (*take_line)(struct reading *reading, const char *line);

/* By the first line that is no comment. */
static take_line
form_of(const char *line)
{
  const char *space = strchr(line, ' ');
  if (*line == ' ')
    return take_mpop;
  if (*line == '*' && space != NULL)
    return take_thunderbird;
  if (space != NULL && memchr(line, '@', (size_t)(space - line)) != NULL)
    return take_fetchmail;
  return take_claws;
}

static void
take_lines(struct reading *reading, const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  take_line take = NULL;
  for (char **at = lines; *at != NULL; at++) {
    g_strchomp(*at);
    if (**at == '\0' || **at == '#')
      continue;
    if (take == NULL)
      take = form_of(*at);
    take(reading, *at);
  }
}

/* getmail: "UID NUL TIME", a line each. */
static void
take_getmail(struct reading *reading, const char *text, size_t length)
{
  for (const char *at = text, *end = text + length; at < end;) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    g_autofree char *line = g_strndup(at, (size_t)((stop != NULL ? stop : end) - at));
    size_t whole = (size_t)((stop != NULL ? stop : end) - at), uid = strlen(line);
    g_autofree char *time = uid < whole ? g_strndup(at + uid + 1, whole - uid - 1) : NULL;
    add(reading, line, time);
    at += whole + 1;
  }
}

GPtrArray *
foreign_read(const char *text, size_t length, GError **error)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(free_foreign);
  struct reading reading = {.found = found};
  if (length > 0 && memchr(text, '\0', length) != NULL)
    take_getmail(&reading, text, length);
  else if (length > 0) {
    g_autofree char *copy = g_strndup(text, length);
    take_lines(&reading, copy);
  }
  begin_section(&reading, NULL, NULL);
  if (found->len > 0)
    return g_steal_pointer(&found);
  error_set(error, POSTINO_ERROR_INVALID,
            _("no UID was found in it; it should be mpop's uidls, getmail's oldmail-…, "
              "fetchmail's .fetchids, Thunderbird's popstate.dat or a file of Claws Mail's uidl "
              "directory"));
  return NULL;
}

/* ---- into the drop ---- */

static bool
is_of(const struct foreign *foreign, const struct conf_server *server)
{
  return foreign->host == NULL || (g_ascii_strcasecmp(foreign->host, server->server) == 0 &&
                                   g_strcmp0(foreign->user, server->user) == 0);
}

static bool
nobody_of_ours(const GPtrArray *found, const struct conf_account *account, GError **error)
{
  g_autoptr(GHashTable) owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < found->len && g_hash_table_size(owners) < OWNERS_SHOWN; i++) {
    const struct foreign *foreign = g_ptr_array_index(found, i);
    g_autofree char *name = g_strconcat(foreign->user, "@", foreign->host, NULL);
    char *clean = sanitize_line(name, -1);
    if (!g_hash_table_contains(owners, clean))
      g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", clean);
    g_hash_table_add(owners, clean);
  }
  return error_set(error, POSTINO_ERROR_NOTFOUND,
                   _("it knows letters of %s, none of %s@%s, which is account \"%s\"; name "
                     "another with --account"),
                   names->str, account->pop3->user, account->pop3->server, account->name);
}

static void
free_row(void *row)
{
  drop_row_free(row);
}

/* `written`: when the other program wrote what it knew. */
static GPtrArray *
rows_for(const GPtrArray *found, int64_t written, const struct conf_server *server,
         const GPtrArray *known, guint *of_ours_out)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func(free_row);
  g_autoptr(GHashTable) uids = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < known->len; i++) {
    const struct drop_row *row = g_ptr_array_index(known, i);
    g_hash_table_add(uids, (char *)(uintptr_t)row->uid);
  }
  for (guint i = 0; i < found->len; i++) {
    const struct foreign *foreign = g_ptr_array_index(found, i);
    if (!is_of(foreign, server))
      continue;
    ++*of_ours_out;
    if (!g_hash_table_add(uids, foreign->uid))
      continue;
    struct drop_row row = {
        .uid = foreign->uid,
        .size = DROP_SIZE_UNKNOWN,
        .base = DROP_ELSEWHERE,
        .fetched = foreign->fetched > 0 ? foreign->fetched : written,
        .state = DROP_HERE,
    };
    g_ptr_array_add(rows, drop_row_copy(&row));
  }
  return rows;
}

static bool
record(struct store *store, const struct conf_account *account, const GPtrArray *found,
       int64_t written, guint *new_out, guint *known_out, GCancellable *cancel, GError **error)
{
  const struct conf_server *server = account->pop3;
  g_autofree char *drop = NULL;
  if (!store_drop(store, account->name, server->server, server->user != NULL ? server->user : "",
                  &drop, error))
    return false;
  g_autofree char *name = g_strconcat("drop-", drop, NULL);
  g_autoptr(store_lock_t) lock = store_lock(store, name, server->timeout, cancel, error);
  g_autoptr(GPtrArray) known = lock != NULL ? store_drop_rows(store, drop, DROP_NAMES, error) : NULL;
  if (known == NULL)
    return false;
  guint ours = 0;
  g_autoptr(GPtrArray) rows = rows_for(found, written, server, known, &ours);
  if (ours == 0)
    return nobody_of_ours(found, account, error);
  if (!store_drop_record(store, drop, rows, error))
    return false;
  *new_out = rows->len;
  *known_out = ours - rows->len;
  return true;
}

bool
retrieve_import_state(const struct conf_account *account, struct store *store, const char *path,
                      guint *new_out, guint *known_out, GCancellable *cancel, GError **error)
{
  g_autoptr(GBytes) bytes = file_read(path, FOREIGN_BYTES, error);
  if (bytes == NULL)
    return false;
  g_autoptr(GPtrArray) found =
      foreign_read(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), error);
  GStatBuf info;
  int64_t written = g_stat(path, &info) == 0 ? info.st_mtime : g_get_real_time() / G_USEC_PER_SEC;
  if (found != NULL && record(store, account, found, written, new_out, known_out, cancel, error))
    return true;
  g_prefix_error(error, "%s: ", path);
  return false;
}
