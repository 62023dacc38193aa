/* Letters that are read again for a search.  Of the start of a word FTS5 merges all that any
 * letter has of such words, and of a phrase it goes through all letters that have one of its
 * words.  Where the rest of the query leaves few letters (a small folder, a tag), or where of so
 * many words as begin so nearly each letter has one, it is shorter to read letters from their
 * files.  Their words go into a table of the same kind in memory, of which the same is asked. */
#include <string.h>

#include "store/reading.h"
#include "store/schema.h"
#include "store/view.h"

/* So many letters are few. */
#define READ_FEW 128
/* Instead of a merge, at a time and in all. */
#define READ_SPAN 100
#define READ_MOST 400
/* Bytes of the files; more would take longer than the table. */
#define READ_BYTES (8 << 20)

/* ---- what of a query is looked for in letters ---- */

static bool
holds_any(const struct query *query, bool (*is)(const struct query *text))
{
  if (query->kind == QUERY_TEXT)
    return is(query);
  for (guint i = 0; query->children != NULL && i < query->children->len; i++)
    if (holds_any(query->children->pdata[i], is))
      return true;
  return false;
}

static bool
is_merged(const struct query *text)
{
  return text->prefix && text->exact == NULL;
}

static bool
is_hard(const struct query *text)
{
  return text->prefix || text->word == NULL;
}

/* What stands beside the hard parts, NULL: nothing; its nodes stay the query's. */
static struct query *
easy_part(const struct query *query)
{
  g_autoptr(query_t) all = g_new0(struct query, 1);
  all->kind = QUERY_AND;
  all->children = g_ptr_array_new();
  for (guint i = 0; query->kind == QUERY_AND && i < query->children->len; i++) {
    struct query *child = query->children->pdata[i];
    if (!holds_any(child, is_hard))
      g_ptr_array_add(all->children, child);
  }
  return all->children->len > 0 ? g_steal_pointer(&all) : NULL;
}

/* ---- reading ---- */

/* The files of rows, as a scan would have them; false where one has none, or they are long. */
static bool
list_files(GPtrArray *rows, struct scan *scan, GArray *wanted)
{
  guint64 bytes = 0;
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    bytes += row->size;
    if (row->path == NULL || bytes > READ_BYTES)
      return false;
    struct scanned_folder *folder = g_new0(struct scanned_folder, 1);
    folder->name = g_strdup(row->folder);
    g_ptr_array_add(scan->folders, folder);
    g_autofree char *name = g_path_get_basename(row->path);
    g_autofree char *dir = g_path_get_dirname(row->path);
    struct change change = {.folder = i, .name = g_string_chunk_insert(scan->names, name),
                            .fresh = g_str_has_suffix(dir, "/new"), .id = row->id};
    g_array_append_val(wanted, change);
  }
  return true;
}

struct putting { struct conn *conn; bool missing; };

/* A file that is not there has another name, which the next look at the Maildir finds. */
static bool
put(GPtrArray *letters, void *data, GError **error)
{
  struct putting *putting = data;
  for (guint i = 0; i < letters->len; i++) {
    const struct letter_read *letter = letters->pdata[i];
    putting->missing |= letter->doc == NULL;
    if (letter->doc != NULL &&
        !letter_add_read(putting->conn, letter->what->id, letter->terms, error))
      return false;
  }
  return true;
}

/* Their words into temp.read, and nothing else there.  *read_out is false when there is no way
 * to read them. */
static bool
read_rows(struct view *view, GPtrArray *rows, bool *read_out, GError **error)
{
  static const int64_t listed = INT64_MAX;
  g_autoptr(scan_t) scan = scan_new();
  g_autoptr(GArray) wanted = g_array_new(FALSE, FALSE, sizeof(struct change));
  g_autoptr(GError) why = NULL;
  *read_out = list_files(rows, scan, wanted);
  if (!*read_out)
    return true;
  struct putting putting = {.conn = view->conn};
  struct reading_order order = {.wanted = wanted, .give = put, .data = &putting,
                                .listed = &listed};
  if (!conn_run(view->conn, error,
                "CREATE VIRTUAL TABLE IF NOT EXISTS temp.read USING " SCHEMA_TEXT, "") ||
      !conn_run(view->conn, error, "INSERT INTO temp.read(read) VALUES('delete-all')", ""))
    return false;
  bool ok = reading_run(view->store, scan, &order, view->cancel, &why);
  *read_out = ok && !putting.missing;
  if (ok || !g_cancellable_is_cancelled(view->cancel))
    return true;
  g_propagate_error(error, g_steal_pointer(&why));
  return false;
}

bool
view_read_few(struct view *view, GError **error)
{
  const struct rows_query plain = {.folder = view->asked->folder, .waiting = view->asked->waiting};
  int64_t floor;
  if (view->store->readers == NULL || !holds_any(view->query, is_hard))
    return true;
  if (!view_narrow(view, INT64_MAX, READ_FEW, &floor, error))
    return false;
  if (floor != 0)
    return true;
  g_autoptr(query_t) easy = easy_part(view->query);
  struct view few = *view;
  few.asked = &plain;
  few.query = easy;
  few.each = true;
  g_autoptr(GPtrArray) rows = view_walk(&few, "", READ_FEW, (struct span){0}, error);
  return rows != NULL && read_rows(view, rows, &view->read, error);
}

/* ---- instead of a merge ---- */

/* Looks among the letters that were read: all that the easy part leaves above the floor. */
static bool
look_among(struct view *view, const char *condition, guint limit, int64_t floor,
           struct gathering *page, GError **error)
{
  struct span span = {.floor = floor, .ceiling = page->ceiling, .read = true};
  GPtrArray *more = view_walk(view, condition, limit - page->rows->len, span, error);
  if (more == NULL)
    return false;
  g_ptr_array_extend_and_steal(page->rows, more);
  page->ceiling = floor;
  page->done = floor == 0 || page->rows->len == limit;
  return true;
}

bool
view_read_instead(struct view *view, const char *condition, guint limit, struct gathering *page,
                  GError **error)
{
  if (view->store->readers == NULL || !holds_any(view->query, is_merged))
    return true;
  g_autoptr(query_t) easy = easy_part(view->query);
  struct view others = *view;
  others.query = easy;
  if (easy != NULL && !view_choose(&others, error))
    return false;
  for (guint n = 0; !page->done && n < READ_MOST; n += READ_SPAN) {
    struct span span = {.ceiling = page->ceiling};
    g_autoptr(GPtrArray) rows = view_walk(&others, condition, READ_SPAN, span, error);
    bool read;
    if (rows == NULL || !read_rows(view, rows, &read, error))
      return false;
    if (!read)
      break;
    bool last = rows->len < READ_SPAN;
    int64_t floor = last ? 0 : ((struct row *)rows->pdata[rows->len - 1])->id;
    if (!look_among(view, condition, limit, floor, page, error))
      return false;
  }
  return true;
}
