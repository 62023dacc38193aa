#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/text.h"
#include "store/index-private.h"

/* Dates that fit an id with room to spare (the year 36812). */
#define DATE_MAX ((int64_t)1 << 40)
/* What tells names and subjects apart when sorting; more only fills the index. */
#define KEY_BYTES 60

int64_t
hash_of(const char *text)
{
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_checksum_update(sum, (const guchar *)text, (gssize)strlen(text));
  guint8 digest[32];
  gsize length = sizeof digest;
  g_checksum_get_digest(sum, digest, &length);
  int64_t hash;
  memcpy(&hash, digest, sizeof hash);
  return hash & INT64_MAX;
}

/* ---- sort keys ---- */

static void
cut_key(char *key)
{
  if (strlen(key) <= KEY_BYTES)
    return;
  size_t at = KEY_BYTES;
  while (at > 0 && ((guchar)key[at] & 0xc0) == 0x80)
    at--;
  key[at] = '\0';
}

char *
sort_key_sender(const char *from)
{
  char *key = text_fold(from, -1);
  char *start = key + strspn(key, " \"'<");
  memmove(key, start, strlen(start) + 1);
  cut_key(key);
  return key;
}

/* "re:", "re[2]:", "aw:"… at the start: its length, or 0.  `folded` text. */
static size_t
answer_prefix(const char *folded, bool *reply_out)
{
  static const struct { const char *word; bool reply; } words[] = {
      {"re", true},   {"aw", true},   {"sv", true},   {"antw", true}, {"r", true},
      {"rif", true},  {"ref", true},  {"odp", true},  {"vs", true},   {"res", true},
      {"fwd", false}, {"fw", false},  {"wg", false},  {"i", false},   {"tr", false},
      {"enc", false}, {"rv", false},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
    if (!text_ascii_prefix(folded, words[i].word))
      continue;
    const char *at = folded + strlen(words[i].word);
    if (*at == '[' || *at == '(')
      at += 1 + strspn(at + 1, "0123456789") + 1;
    if (at > folded + strlen(folded) || *at != ':')
      continue;
    *reply_out = *reply_out || words[i].reply;
    return (size_t)(at + 1 - folded);
  }
  return 0;
}

char *
sort_key_subject(const char *subject, bool *reply_out)
{
  bool reply = false;
  g_autofree char *folded = text_fold(subject, -1);
  const char *at = folded + strspn(folded, " ");
  for (size_t length; (length = answer_prefix(at, &reply)) > 0;)
    at += length + strspn(at + length, " ");
  char *key = g_strdup(at);
  g_strchomp(key);
  cut_key(key);
  if (reply_out != NULL)
    *reply_out = reply;
  return key;
}

/* ---- folders ---- */

bool
folder_is_sent(const char *folder)
{
  const char *last = strrchr(folder, '/');
  last = last != NULL ? last + 1 : folder;
  const char *dot = strrchr(last, '.');
  if (dot != NULL && dot[1] != '\0')
    last = dot + 1;
  static const char *const names[] = {"Sent", "Outbox", "Sent Items", "Sent Messages", "Sent Mail"};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
    if (text_ascii_equal(last, names[i]))
      return true;
  return false;
}

bool
letter_folder(struct conn *conn, const char *folder, int64_t *id_out, GError **error)
{
  return conn_run(conn, error, "INSERT OR IGNORE INTO folder(name, sent) VALUES(?, ?)", "si",
                  folder, (int64_t)folder_is_sent(folder)) &&
         conn_number(conn, id_out, 0, error, "SELECT id FROM folder WHERE name = ?", "s", folder);
}

bool
letter_find(struct conn *conn, const char *folder, const char *base, int64_t *id_out,
            GError **error)
{
  return conn_number(conn, id_out, 0, error,
                     "SELECT l.id FROM folder f JOIN letter l ON l.folder = f.id"
                     " WHERE f.name = ? AND l.base = ?",
                     "ss", folder, base);
}

bool
letter_find_stem(struct conn *conn, const char *folder, const char *base, int64_t *id_out,
                 GError **error)
{
  g_autofree char *stem = maildir_stem(base);
  return letter_find(conn, folder, base, id_out, error) &&
         (*id_out != 0 ||
          conn_number(conn, id_out, 0, error,
                      "SELECT l.id FROM folder f CROSS JOIN letter l ON l.folder = f.id"
                      " AND " OF_STEM("l.base", "?1") " WHERE f.name = ?2",
                      "ss", stem, folder));
}

/* ---- coming ---- */

/* The next free number within a second; 0: there is none. */
static bool
free_in(struct conn *conn, int64_t date, int64_t *id_out, GError **error)
{
  int64_t first = MAX(date << LETTER_ID_BITS, 1), last = ((date + 1) << LETTER_ID_BITS) - 1;
  int64_t taken;
  if (!conn_number(conn, &taken, first - 1, error,
                   "SELECT max(coalesce((SELECT max(id) FROM letter WHERE id BETWEEN ?1 AND ?2),"
                   " ?1 - 1), coalesce((SELECT max(id) FROM dead WHERE id BETWEEN ?1 AND ?2),"
                   " ?1 - 1))", "ii", first, last))
    return false;
  *id_out = taken < last ? taken + 1 : 0;
  return true;
}

/* The next free number of a date, or of a second after it.  Numbers of the dead stay
 * taken, for their postings would find the newcomer.  A second that was found full
 * is not looked at again, so that letters that all have one date stay cheap. */
static bool
free_id(struct conn *conn, int64_t date, int64_t *id_out, GError **error)
{
  date = CLAMP(date, 0, DATE_MAX);
  int64_t from = date;
  bool known = date >= conn->full_from && date < conn->full_to;
  if (known)
    date = conn->full_to;
  for (;; date++) {
    if (!free_in(conn, date, id_out, error))
      return false;
    if (*id_out != 0)
      break;
  }
  if (date > from && !known)
    conn->full_from = from;
  if (date > from)
    conn->full_to = date;
  return true;
}

/* The last column, before which the word of all letters stands. */
static GString *
marked_list(const struct terms *terms)
{
  GString *marked = g_string_new(NULL);
  terms_append(marked, WORD_OF_ALL);
  gsize length = 0;
  const char *list = terms != NULL ? g_bytes_get_data(terms->columns[TERMS_LIST], &length) : NULL;
  if (length > 0)
    g_string_append_len(marked, list, (gssize)length);
  return marked;
}

static bool
insert_words(struct conn *conn, const char *sql, int64_t id, const struct terms *terms,
             GError **error)
{
  g_autoptr(GString) list = marked_list(terms);
  auto_stmt *stmt = conn_query(conn, error, sql, "i", id);
  if (stmt == NULL)
    return false;
  for (int i = 0; terms != NULL && i < TERMS_LIST; i++) {
    gsize length;
    const char *column = g_bytes_get_data(terms->columns[i], &length);
    sqlite3_bind_text(stmt, i + 2, length > 0 ? column : "", (int)length, SQLITE_STATIC);
  }
  sqlite3_bind_text(stmt, TERMS_LIST + 2, list->str, (int)list->len, SQLITE_STATIC);
  return conn_step(conn, stmt, error) >= 0;
}

#define WORDS \
  "(rowid, body, sender, recipients, copies, subject, filename, list)" \
  " VALUES(?, ?, ?, ?, ?, ?, ?, ?)"

bool
letter_add_text(struct conn *conn, int64_t id, const struct terms *terms, GError **error)
{
  return insert_words(conn, "INSERT INTO text" WORDS, id, terms, error);
}

bool
letter_add_read(struct conn *conn, int64_t id, const struct terms *terms, GError **error)
{
  return insert_words(conn, "INSERT INTO temp.read" WORDS, id, terms, error);
}

static bool
add_tags(struct conn *conn, int64_t id, const char *tags, GError **error)
{
  g_auto(GStrv) words = g_strsplit_set(tags != NULL ? tags : "", " ", -1);
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0' && !conn_run(conn, error, "INSERT OR IGNORE INTO tag(word, id) VALUES(?, ?)",
                                    "si", *word, id))
      return false;
  return true;
}

static const char *
or_empty(const char *text)
{
  return text != NULL ? text : "";
}

static bool
insert_row(struct conn *conn, int64_t id, int64_t folder, const struct thread_link *link,
           const struct letter_file *file, guint64 size, const struct index_doc *doc,
           const char *tags, GError **error)
{
  g_autofree char *sender_key = sort_key_sender(or_empty(doc->from));
  bool named = doc->message_id != NULL && *doc->message_id != '\0';
  return conn_run(conn, error,
                  /* Not ABORT, for which SQLite would keep a copy of each page. */
                  "INSERT OR ROLLBACK INTO letter(id, folder, base, suffix, fresh, flags, marks,"
                  " size, arrival, thread, orphan, message_hash, message_id, sender, sender_key,"
                  " recipients, copies, subject, subject_key, list, tags)"
                  " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                  "iissiiiiiiiisssssssss", id, folder, file->base, file->suffix,
                  (int64_t)file->fresh, (int64_t)file->flags, (int64_t)doc->marks, (int64_t)size,
                  file->arrival > 0 ? file->arrival : doc->date, link->thread,
                  (int64_t)link->orphan, link->hash, named ? doc->message_id : NULL,
                  or_empty(doc->from), sender_key, or_empty(doc->to), or_empty(doc->cc),
                  or_empty(doc->subject), link->subject_key, doc->list, tags);
}

/* ---- changing and going ---- */

/* A letter's folder and thread before it changes. */
static bool
place_of(struct conn *conn, int64_t id, int64_t *folder_out, int64_t *thread_out, GError **error)
{
  auto_stmt *stmt = conn_query(conn, error, "SELECT folder, thread FROM letter WHERE id = ?", "i",
                               id);
  if (stmt == NULL)
    return false;
  int step = conn_step(conn, stmt, error);
  if (step == 0)
    return error_set(error, POSTINO_ERROR_NOTFOUND, _("the letter is no longer in the index"));
  if (step < 0)
    return false;
  *folder_out = sqlite3_column_int64(stmt, 0);
  *thread_out = sqlite3_column_int64(stmt, 1);
  return true;
}

/* The words of the row say which tags the letter has in the table. */
static bool
remove_tags(struct conn *conn, int64_t id, GError **error)
{
  g_autofree char *tags = NULL;
  {
    auto_stmt *stmt = conn_query(conn, error, "SELECT tags FROM letter WHERE id = ?", "i", id);
    if (stmt == NULL || conn_step(conn, stmt, error) < 0)
      return false;
    tags = g_strdup(column_text(stmt, 0));
  }
  g_auto(GStrv) words = g_strsplit_set(tags, " ", -1);
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0' &&
        !conn_run(conn, error, "DELETE FROM tag WHERE word = ? AND id = ?", "si", *word, id))
      return false;
  return true;
}

bool
letter_remove(struct conn *conn, int64_t id, GError **error)
{
  int64_t folder, thread;
  return place_of(conn, id, &folder, &thread, error) &&
         remove_tags(conn, id, error) &&
         conn_run(conn, error, "DELETE FROM letter WHERE id = ?", "i", id) &&
         conn_run(conn, error, "DELETE FROM letter_words WHERE id = ?", "i", id) &&
         conn_run(conn, error, "INSERT OR IGNORE INTO dead(id) VALUES(?)", "i", id) &&
         thread_lost(conn, thread, folder, id, error);
}

bool
letter_move(struct conn *conn, int64_t id, int64_t folder, const struct letter_file *file,
            GError **error)
{
  int64_t before, thread;
  if (!place_of(conn, id, &before, &thread, error) ||
      !conn_run(conn, error,
                "UPDATE letter SET folder = ?, base = ?, suffix = ?, fresh = ?,"
                " flags = ? WHERE id = ?",
                "issiii", folder, file->base, file->suffix,
                (int64_t)file->fresh, (int64_t)file->flags, id))
    return false;
  /* In this order: a thread that is nowhere is forgotten. */
  return before == folder || (thread_gained(conn, thread, folder, id, error) &&
                              thread_lost(conn, thread, before, id, error));
}

bool
letter_tag(struct conn *conn, int64_t id, const char *tags, GError **error)
{
  return remove_tags(conn, id, error) &&
         conn_run(conn, error, "UPDATE letter SET tags = ? WHERE id = ?", "si", tags, id) &&
         add_tags(conn, id, tags, error);
}

/* ---- a letter as a whole ---- */

/* Is there a row of this base already?  The letter itself takes the place of the row that
 * told of it. */
static bool
make_room(struct conn *conn, int64_t folder, const char *base, bool waits, bool *taken_out,
          GError **error)
{
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT id, flags & 64 FROM letter WHERE folder = ? AND base = ?",
                               "is", folder, base);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  *taken_out = step == 1;
  if (step < 1 || waits || sqlite3_column_int(stmt, 1) == 0)
    return step >= 0;
  *taken_out = false;
  int64_t id = sqlite3_column_int64(stmt, 0);
  stmt_reset(&stmt);
  return letter_remove(conn, id, error);
}

bool
letter_add(struct conn *conn, int64_t folder, bool sent, const struct letter_file *file,
           guint64 size, const struct index_doc *doc, const char *tags, int64_t *id_out,
           GError **error)
{
  int64_t id;
  bool taken, waits = (file->flags & ROW_WAITING) != 0;
  if (!make_room(conn, folder, file->base, waits, &taken, error))
    return false;
  *id_out = 0;
  if (taken)
    return true;
  g_auto(thread_link_t) link = {0};
  bool ok = free_id(conn, doc->date, &id, error) &&
            thread_join(conn, doc, file->base, folder, id, &link, error) &&
            insert_row(conn, id, folder, &link, file, size, doc, tags, error) &&
            thread_gained(conn, link.thread, folder, id, error) &&
            add_tags(conn, id, tags, error) &&
            (waits || addresses_add(conn, doc, sent, error));
  if (ok)
    *id_out = id;
  return ok;
}
