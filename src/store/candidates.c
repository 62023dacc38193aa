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

/* ---- the page ---- */

typedef struct search search_t;
struct search {
  struct view *view;        /* what was asked for */
  struct view easy;         /* by the easy part alone */
  const char *condition;
  guint limit;
};

/* Looks among letters that the easy part gave; all that it has above the floor. */
static bool
look_among(struct search *search, GPtrArray *rows, int64_t floor, struct gathering *page,
           bool *read_out, GError **error)
{
  struct span span = {.floor = floor, .ceiling = page->ceiling, .read = true};
  if (!read_rows(search->view, rows, read_out, error))
    return false;
  if (!*read_out)
    return true;
  GPtrArray *more = view_walk(search->view, search->condition, search->limit - page->rows->len,
                              span, error);
  if (more == NULL)
    return false;
  g_ptr_array_extend_and_steal(page->rows, more);
  page->ceiling = floor;
  page->done = floor == 0 || page->rows->len == search->limit;
  return true;
}

static GPtrArray *
easy_rows(struct search *search, guint letters, const struct gathering *page, GError **error)
{
  struct span span = {.ceiling = page->ceiling};
  return view_walk(&search->easy, search->condition, letters, span, error);
}

static bool
search_init(struct search *search, struct view *view, const char *condition, guint limit,
            GError **error)
{
  *search = (struct search){view, *view, condition, limit};
  search->easy.query = easy_part(view->query);
  return search->easy.query == NULL || view_choose(&search->easy, error);
}

static void
search_clear(struct search *search)
{
  g_clear_pointer(&search->easy.query, query_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(search_t, search_clear)

bool
view_read_few(struct view *view, const char *condition, guint limit, struct gathering *page,
              GError **error)
{
  int64_t floor;
  if (view->store->readers == NULL || !holds_any(view->query, is_hard))
    return true;
  if (!view_narrow(view, READ_FEW, &floor, error))
    return false;
  if (floor != 0)
    return true;
  g_auto(search_t) search = {0};
  if (!search_init(&search, view, condition, limit, error))
    return false;
  g_autoptr(GPtrArray) rows = easy_rows(&search, READ_FEW, page, error);
  bool read;
  return rows != NULL && look_among(&search, rows, 0, page, &read, error);
}

bool
view_read_instead(struct view *view, const char *condition, guint limit, struct gathering *page,
                  GError **error)
{
  if (view->store->readers == NULL || !holds_any(view->query, is_merged))
    return true;
  g_auto(search_t) search = {0};
  if (!search_init(&search, view, condition, limit, error))
    return false;
  bool read = true;
  for (guint n = 0; read && !page->done && n < READ_MOST; n += READ_SPAN) {
    g_autoptr(GPtrArray) rows = easy_rows(&search, READ_SPAN, page, error);
    if (rows == NULL)
      return false;
    bool last = rows->len < READ_SPAN;
    int64_t floor = last ? 0 : ((struct row *)rows->pdata[rows->len - 1])->id;
    if (!look_among(&search, rows, floor, page, &read, error))
      return false;
  }
  return true;
}
