/* What is asked of rows, made ready: rows.c and thread-rows.c. */
#pragma once

#include "store/query.h"

/* A folder that is on the disk, but not in the index yet. */
#define NO_FOLDER (-1)
/* A condition: rows that have a file. */
#define NOT_WAITING " AND (l.flags & 64) = 0"

struct view {
  struct store *store;
  const struct rows_query *asked;
  struct query *query;      /* NULL: all */
  struct conn *conn;
  GCancellable *cancel;     /* not held */
  int64_t folder;           /* 0: all */
  guint64 offset;           /* rows that a walk passes over */
  bool each, read;          /* as in struct sql */
  bool unfolded;            /* threads are looked through whole, whatever is shown of them */
};
bool view_open(struct view *view, struct store *store, const struct rows_query *asked,
               GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void view_clear(struct view *view);
/* A new statement that goes the view's way to its letters. */
struct sql *view_sql(const struct view *view);

/* ---- pages.c ---- */

/* Letters among which a walk keeps. */
struct span {
  int64_t floor, ceiling;   /* as in struct sql */
  bool lists, read;         /* as in struct sql */
};
/* A page that comes together from the newest letters to the oldest. */
struct gathering {
  GPtrArray *rows;
  int64_t ceiling;          /* what lies from there on was asked; 0: nothing was */
  guint64 asked;            /* letters */
  bool done;                /* it is all that there is, or would be */
};
/* One walk from the key of `asked->after`, in any order but threads. */
GPtrArray *view_walk(struct view *view, const char *condition, guint limit, struct span span,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The rows from there on; `condition` is "" or one more " AND …". */
GPtrArray *view_page(struct view *view, const char *condition, guint limit, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Adds what makes the rows those before `asked->after`. */
void view_add_before(struct sql *sql, const struct rows_query *asked, const char *id);
/* query_expand() for who goes through all rows. */
bool view_expand(struct view *view, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- candidates.c ---- */

/* Reads all that there is to find among, where that is shorter than what the full-text table
 * would do: view->read. */
bool view_read_few(struct view *view, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Goes on with the page by reading letters instead of a merge, as far as that is shorter. */
bool view_read_instead(struct view *view, const char *condition, guint limit,
                       struct gathering *page, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- narrow.c ---- */

/* How far so many letters below `ceiling` come that the folder and what an index leads to leave:
 * the number of the next one, 0 when there is none, INT64_MAX where nothing is narrow. */
bool view_narrow(struct view *view, int64_t ceiling, guint letters, int64_t *floor_out,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Decides whether the letters of a query are found by its text or by the rest. */
bool view_choose(struct view *view, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What an unread letter must be for someone who asks for the next one. */
#define WANTS_READING \
  " AND (l.flags & 1) = 0 AND NOT EXISTS (SELECT 1 FROM thread_mark m WHERE m.thread = l.thread" \
  " AND m.mark = 1)"

/* ---- thread-rows.c ---- */

GPtrArray *view_threads(struct view *view, guint limit, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The first letter of the thread `n` of `of` parts down the list; an empty array behind its end. */
GPtrArray *view_thread_at(struct view *view, guint64 n, guint64 of, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* How many threads stand before that of `asked->after`, and how many there are. */
bool view_thread_place(struct view *view, guint64 *before_out, guint64 *all_out, GError **error);
struct row *view_thread_unread(struct view *view, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void rows_reverse(GPtrArray *rows);

typedef struct view view_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(view_t, view_clear)
