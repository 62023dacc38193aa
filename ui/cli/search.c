#include "base/clock.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "ui/cli/cli.h"

/* Rows asked for at once: streams, however many there are. */
#define PAGE 500

enum output { OUTPUT_LINES, OUTPUT_FILES, OUTPUT_IDS, OUTPUT_COUNT };

struct search {
  struct cli *cli;
  enum output output;
  gint limit;               /* 0: all */
  guint printed;
  GHashTable *ids;          /* printed already */
  json_t *array;
};

static const char *
seal_word(const struct row *row)
{
  if ((row->marks & INDEX_SEALED) != 0)
    return "sealed";
  return (row->marks & INDEX_SIGNED) != 0 ? "signed" : "postcard";
}

static json_t *
flags_json(const struct row *row)
{
  static const struct { unsigned flag; const char *word; } words[] = {
      {ROW_SEEN, "read"},   {ROW_REPLIED, "replied"}, {ROW_FLAGGED, "flagged"},
      {ROW_DRAFT, "draft"}, {ROW_PASSED, "forwarded"}, {ROW_TRASHED, "trashed"}};
  json_t *flags = json_array();
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
    if ((row->flags & words[i].flag) != 0)
      json_array_append_new(flags, json_string(words[i].word));
  return flags;
}

static json_t *
tags_json(const struct row *row)
{
  json_t *tags = json_array();
  g_auto(GStrv) words = g_strsplit(row->tags != NULL ? row->tags : "", " ", -1);
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0')
      json_array_append_new(tags, cli_json_text(*word));
  return tags;
}

static json_t *
row_json(const struct row *row)
{
  g_autofree char *date = cli_date(row->date);
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s}", "id",
                   cli_json_text(row->message_id), "file", cli_json_text(row->path), "folder",
                   cli_json_text(row->folder), "date", cli_json_text(date), "from",
                   cli_json_text(row->from), "to", cli_json_text(row->to), "subject",
                   cli_json_text(row->subject), "flags", flags_json(row), "tags", tags_json(row),
                   "size", (json_int_t)row->size, "seal", seal_word(row));
}

static void
print_line(const struct row *row)
{
  g_autoptr(GDateTime) date = clock_local(row->date);
  g_autofree char *day = date != NULL ? g_date_time_format(date, "%Y-%m-%d %H:%M") : NULL;
  g_autofree char *folder = sanitize_line(row->folder, -1);
  printf("%s  %s  %s  %s\n", day != NULL ? day : "-", folder, row->from, row->subject);
}

/* False when the limit is reached. */
static bool
print_row(struct search *search, const struct row *row)
{
  switch (search->output) {
  case OUTPUT_FILES:
    puts(row->path);
    break;
  case OUTPUT_IDS:
    if (row->message_id == NULL || !g_hash_table_add(search->ids, g_strdup(row->message_id)))
      return true;
    puts(row->message_id);
    break;
  default:
    if (search->array != NULL)
      json_array_append_new(search->array, row_json(row));
    else
      print_line(row);
  }
  search->printed++;
  return search->limit == 0 || search->printed < (guint)search->limit;
}

static bool
print_rows(struct search *search, const char *query, GError **error)
{
  struct cli *cli = search->cli;
  g_autoptr(event_t) last = NULL;
  for (;;) {
    struct rows_query rows = {.query = query, .order = ROWS_NEWEST, .limit = PAGE};
    if (last != NULL)
      rows.after = last->rows->pdata[last->rows->len - 1];
    event_t *page = cli_wait(cli, engine_rows(cli->engine, &rows), error);
    if (page == NULL)
      return false;
    g_clear_pointer(&last, event_free);
    last = page;
    for (guint i = 0; i < page->rows->len; i++)
      if (!print_row(search, page->rows->pdata[i]))
        return true;
    if (page->rows->len < PAGE)
      return true;
  }
}

static bool
print_count(struct search *search, const char *query, GError **error)
{
  struct rows_query rows = {.query = query};
  g_autoptr(event_t) event = cli_wait(search->cli, engine_count(search->cli->engine, &rows), error);
  if (event == NULL)
    return false;
  printf("%" G_GUINT64_FORMAT "\n", event->total);
  return true;
}

bool
cli_search(struct cli *cli, int argc, char **argv, GError **error)
{
  gboolean files = FALSE, ids = FALSE, count = FALSE;
  struct search search = {.cli = cli};
  const GOptionEntry entries[] = {
      {"limit", 'n', 0, G_OPTION_ARG_INT, &search.limit, N_("The newest N alone"), "N"},
      {"files", 0, 0, G_OPTION_ARG_NONE, &files, N_("Absolute file names"), NULL},
      {"ids", 0, 0, G_OPTION_ARG_NONE, &ids, N_("Message-IDs, once each"), NULL},
      {"count", 0, 0, G_OPTION_ARG_NONE, &count, N_("How many there are"), NULL},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) || !cli_words(argc, argv, 1, -1, error))
    return false;
  if (search.limit < 0 || files + ids + count > 1)
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("search takes one of --files, --ids and --count, and a --limit of 1 or more"));
  g_autofree char *query = g_strjoinv(" ", argv + 1);
  if (!cli_engine(cli, error))
    return false;
  search.output = files ? OUTPUT_FILES : ids ? OUTPUT_IDS : count ? OUTPUT_COUNT : OUTPUT_LINES;
  if (count)
    return print_count(&search, query, error);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  search.ids = seen;
  search.array = cli->json && search.output == OUTPUT_LINES ? json_array() : NULL;
  bool done = print_rows(&search, query, error);
  if (search.array != NULL && done)
    cli_json(search.array);
  else if (search.array != NULL)
    json_decref(search.array);
  return done;
}
