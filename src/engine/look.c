#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "engine/engine-private.h"

/* Completions that anybody looks through. */
#define ADDRESSES 50

/* ---- folders, and saved searches among them ---- */

static const struct conf_folder *
search_of(const struct engine *engine, const char *folder)
{
  const GPtrArray *folders = engine->conf->folders;
  for (guint i = 0; folder != NULL && i < folders->len; i++) {
    const struct conf_folder *search = folders->pdata[i];
    if (g_str_equal(search->name, folder))
      return search;
  }
  return NULL;
}

bool
engine_is_search(const struct engine *engine, const char *folder)
{
  return search_of(engine, folder) != NULL;
}

/* A search that cannot be read is said once, by its row being empty and a notice;
 * the folders are shown all the same. */
static bool
add_search(struct work *work, const struct conf_folder *search, GPtrArray *folders, GError **error)
{
  g_autoptr(GError) why = NULL;
  struct rows_query query = {.query = search->match};
  struct folder_row *row = g_new0(struct folder_row, 1);
  row->name = g_strdup(search->name);
  g_ptr_array_add(folders, row);
  if (store_count(work->engine->store, &query, &row->total, &row->unread, work->cancel, &why))
    return true;
  if (!error_is(why, POSTINO_ERROR_INVALID)) {
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  g_autofree char *text = g_strdup_printf(_("folder \"%s\": %s"), search->name, why->message);
  work_notice(work, true, text);
  return true;
}

static bool
run_folders(struct work *work, GError **error)
{
  const GPtrArray *searches = work->engine->conf->folders;
  if (!refresh_first(work, error))
    return false;
  work->done->folders = store_folders(work->engine->store, work->cancel, error);
  if (work->done->folders == NULL)
    return false;
  for (guint i = 0; i < searches->len; i++)
    if (!add_search(work, searches->pdata[i], work->done->folders, error))
      return false;
  return true;
}

request_id
engine_folders(struct engine *engine)
{
  return engine_request(engine, NULL, run_folders, NULL, NULL);
}

/* ---- rows ---- */

/* A rows_query of one's own. */
struct look {
  struct rows_query query;
  char *folder, *text;
  struct row after;
  char *after_from, *after_subject, *after_key;
  guint64 *folds;
  guint64 n, of;            /* of engine_row_at() */
};

static void
look_free(void *data)
{
  struct look *look = data;
  g_free(look->folder);
  g_free(look->text);
  g_free(look->after_from);
  g_free(look->after_subject);
  g_free(look->after_key);
  g_free(look->folds);
  g_free(look);
}

/* What store_rows() may look at of the row that it goes on from. */
static void
copy_after(struct look *look, const struct row *after)
{
  look->after = *after;
  look->after_from = look->after.from = g_strdup(after->from);
  look->after_subject = look->after.subject = g_strdup(after->subject);
  look->after_key = look->after.key = g_strdup(after->key);
  look->after.folder = look->after.path = look->after.to = NULL;
  look->after.message_id = look->after.tags = NULL;
  look->query.after = &look->after;
}

static struct look *
look_new(struct engine *engine, const struct rows_query *query)
{
  struct look *look = g_new0(struct look, 1);
  const struct conf_folder *search = search_of(engine, query->folder);
  look->query = *query;
  look->query.folds = look->folds =
      g_memdup2(query->folds, query->n_folds * sizeof *query->folds);
  if (query->after != NULL)
    copy_after(look, query->after);
  if (search == NULL) {
    look->folder = g_strdup(query->folder);
    look->text = g_strdup(query->query);
  } else if (query->query != NULL && *query->query != '\0')
    look->text = g_strdup_printf("(%s) (%s)", search->match, query->query);
  else
    look->text = g_strdup(search->match);
  look->query.folder = look->folder;
  look->query.query = look->text;
  return look;
}

static bool
run_rows(struct work *work, GError **error)
{
  const struct look *look = work->args;
  if (!refresh_first(work, error))
    return false;
  sealed_before_search(work, look->query.query);
  work->done->rows = store_rows(work->engine->store, &look->query, work->cancel, error);
  return work->done->rows != NULL;
}

request_id
engine_rows(struct engine *engine, const struct rows_query *query)
{
  return engine_request(engine, NULL, run_rows, look_new(engine, query), look_free);
}

static bool
run_count(struct work *work, GError **error)
{
  const struct look *look = work->args;
  if (!refresh_first(work, error))
    return false;
  sealed_before_search(work, look->query.query);
  return store_count(work->engine->store, &look->query, &work->done->total, &work->done->done,
                     work->cancel, error);
}

request_id
engine_count(struct engine *engine, const struct rows_query *query)
{
  return engine_request(engine, NULL, run_count, look_new(engine, query), look_free);
}

static bool
run_row_at(struct work *work, GError **error)
{
  const struct look *look = work->args;
  work->done->rows = store_row_at(work->engine->store, &look->query, look->n, look->of,
                                  work->cancel, error);
  return work->done->rows != NULL;
}

request_id
engine_row_at(struct engine *engine, const struct rows_query *query, guint64 n, guint64 of)
{
  struct look *look = look_new(engine, query);
  look->n = n;
  look->of = of;
  return engine_request(engine, NULL, run_row_at, look, look_free);
}

static bool
run_place(struct work *work, GError **error)
{
  const struct look *look = work->args;
  return store_place(work->engine->store, &look->query, &work->done->done, &work->done->total,
                     work->cancel, error);
}

request_id
engine_place(struct engine *engine, const struct rows_query *query)
{
  return engine_request(engine, NULL, run_place, look_new(engine, query), look_free);
}

static bool
run_next_unread(struct work *work, GError **error)
{
  const struct look *look = work->args;
  g_autoptr(GError) why = NULL;
  struct row *row = store_next_unread(work->engine->store, &look->query, &why);
  if (row == NULL && why != NULL) {
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  work->done->rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  if (row != NULL)
    g_ptr_array_add(work->done->rows, row);
  return true;
}

request_id
engine_next_unread(struct engine *engine, const struct rows_query *query)
{
  return engine_request(engine, NULL, run_next_unread, look_new(engine, query), look_free);
}

bool
engine_query_check(struct engine *engine, const char *query, GError **error)
{
  (void)engine;
  return store_query_check(query, error);
}

/* ---- one letter ---- */

struct read {
  struct ref *ref;
  struct render_options options;
  int number;
};

static void
read_free(void *data)
{
  struct read *read = data;
  ref_free(read->ref);
  g_free(read);
}

static bool
run_letter(struct work *work, GError **error)
{
  const struct read *read = work->args;
  g_autoptr(opened_t) opened = open_letter(work, read->ref, &read->options, error);
  if (opened == NULL)
    return false;
  sealed_note(work, opened);
  struct letter *letter = work->done->letter = g_new0(struct letter, 1);
  letter->key = g_steal_pointer(&opened->key);
  letter->path = g_steal_pointer(&opened->path);
  letter->verdict = g_steal_pointer(&opened->verdict);
  letter->rendered = g_steal_pointer(&opened->rendered);
  letter->flags = opened->flags;
  return true;
}

request_id
engine_letter(struct engine *engine, const struct letter_ref *ref,
              const struct render_options *options)
{
  struct read *read = g_new0(struct read, 1);
  read->ref = ref_copy(ref);
  if (options != NULL)
    read->options = *options;
  return engine_request(engine, NULL, run_letter, read, read_free);
}

static struct part *
whole_letter(struct work *work, const struct ref *ref, GError **error)
{
  g_autoptr(opened_t) opened = g_new0(struct opened, 1);
  if (!find_letter(work, ref, opened, error))
    return NULL;
  struct part *part = g_new0(struct part, 1);
  part->type = g_strdup("message/rfc822");
  part->bytes = g_steal_pointer(&opened->source);
  return part;
}

static bool
run_part(struct work *work, GError **error)
{
  const struct read *read = work->args;
  if (read->number == 0) {
    work->done->part = whole_letter(work, read->ref, error);
    return work->done->part != NULL;
  }
  g_autoptr(opened_t) opened = open_letter(work, read->ref, NULL, error);
  if (opened == NULL)
    return false;
  if (opened->shown == NULL)
    return error_set(error, POSTINO_ERROR_INVALID, _("nothing of this letter may be shown: %s"),
                     opened->verdict->why != NULL ? opened->verdict->why : _("it is broken"));
  char *name = NULL, *type = NULL;
  GBytes *bytes = reader_part(work->engine->readers, opened->shown, read->number, false, &name,
                              &type, work->cancel, error);
  if (bytes == NULL)
    return false;
  struct part *part = work->done->part = g_new0(struct part, 1);
  *part = (struct part){.number = read->number, .name = name, .type = type, .bytes = bytes};
  return true;
}

request_id
engine_part(struct engine *engine, const struct letter_ref *ref, int number)
{
  struct read *read = g_new0(struct read, 1);
  read->ref = ref_copy(ref);
  read->number = number;
  return engine_request(engine, NULL, run_part, read, read_free);
}

/* ---- addresses ---- */

static bool
run_addresses(struct work *work, GError **error)
{
  (void)error;
  work->done->strings = store_addresses(work->engine->store, work->args, ADDRESSES);
  return true;
}

request_id
engine_addresses(struct engine *engine, const char *prefix)
{
  return engine_request(engine, NULL, run_addresses, g_strdup(prefix), g_free);
}

/* ---- queries and tags ---- */

#define COMPLETIONS 200

struct begun { enum store_completion what; char *start; };

static void
begun_free(void *data)
{
  struct begun *begun = data;
  g_free(begun->start);
  g_free(begun);
}

static bool
run_complete(struct work *work, GError **error)
{
  (void)error;
  const struct begun *begun = work->args;
  work->done->strings = store_complete(work->engine->store, begun->what, begun->start, COMPLETIONS);
  return true;
}

request_id
engine_complete(struct engine *engine, enum store_completion what, const char *start)
{
  struct begun *begun = g_new0(struct begun, 1);
  *begun = (struct begun){what, g_strdup(start)};
  return engine_request(engine, NULL, run_complete, begun, begun_free);
}

/* ---- paths ---- */

/* More are not offered. */
#define PATHS 200

struct names { char *dir, *start; };

static void
names_free(void *data)
{
  struct names *names = data;
  g_free(names->dir);
  g_free(names->start);
  g_free(names);
}

/* A name that could not be typed back is left out. */
static bool
name_fits(const char *name, const char *start)
{
  g_autofree char *clean = sanitize_line(name, -1);
  return strcmp(clean, name) == 0 && g_str_has_prefix(name, start) &&
         (*name != '.' || *start == '.');
}

static int
by_text(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
mark_directory(const char *dir, char **name)
{
  g_autofree char *path = g_build_filename(dir, *name, NULL), *plain = *name;
  *name = g_strconcat(plain, g_file_test(path, G_FILE_TEST_IS_DIR) ? "/" : "", NULL);
}

static bool
run_paths(struct work *work, GError **error)
{
  const struct names *names = work->args;
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(names->dir, 0, NULL);
  (void)error;
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    if (g_cancellable_is_cancelled(work->cancel))
      break;
    if (!name_fits(name, names->start))
      continue;
    g_ptr_array_add(found, g_strdup(name));
  }
  g_ptr_array_sort(found, by_text);
  if (found->len > PATHS)
    g_ptr_array_set_size(found, PATHS);
  for (guint i = 0; i < found->len; i++)
    mark_directory(names->dir, (char **)&found->pdata[i]);
  g_ptr_array_add(found, NULL);
  work->done->strings = (GStrv)g_ptr_array_free(g_steal_pointer(&found), FALSE);
  return true;
}

request_id
engine_paths(struct engine *engine, const char *dir, const char *start)
{
  struct names *names = g_new(struct names, 1);
  *names = (struct names){g_strdup(dir), g_strdup(start)};
  return engine_request(engine, "paths", run_paths, names, names_free);
}
