/* The list of a folder's or a search's letters: a window of rows around the
 * cursor, taken from the store by key, never the whole folder. */
#pragma once

#include "ui/list.h"
#include "ui/ui-private.h"

struct index_view {
  struct view view;
  char *folder;             /* NULL: all */
  char *query;              /* NULL: none */
  char *otherwise;          /* asked for when the query finds nothing; NULL: nothing is */
  enum rows_order order;
  bool folded;              /* threads show their first letter */
  GArray *folds;            /* guint64: threads that are the other way round */
  GPtrArray *rows;          /* struct row: the window */
  struct row *before;       /* the one before the window; NULL: it begins the list */
  bool at_end;              /* nothing follows the window */
  gint64 ahead, behind;     /* rows before and behind the window; -1: not known */
  request_id placing;       /* asks for `ahead`; 0: none */
  int pivot_at;             /* where the row stood in the window whose place is asked for */
  bool loaded;              /* the first rows are here */
  struct list list;         /* positions in the window */
  int wanted;               /* steps to go when more rows are here */
  request_id asked;         /* 0: nothing is under way */
  bool stale;               /* changed while asked */
  struct row *pivot;        /* where a new window is being built around */
  GHashTable *chosen;       /* keys */
  request_id choosing;      /* asks for keys of all; 0: none */
  guint64 unread, total;
  request_id counting;      /* 0: no count is under way */
  bool counted;             /* unread and total are known (searches) */
  char *why;                /* why there are no rows, or NULL */
};

/* The words of `sort`, in the order of enum rows_order; NULL-terminated. */
extern const char *const index_order_names[];
/* What an order does, translated. */
const char *index_order_help(enum rows_order order);
/* Asks for the first rows (`from_end`: the last), forgetting the window. */
void index_view_load(struct index_view *index, bool from_end);
void index_view_reload(struct index_view *index);
void index_view_move(struct index_view *index, int by);
/* What is asked for when no letter matches the query that has just been asked for. */
void index_view_or(struct index_view *index, const char *query);
/* Another query in the view that shows one; with `keep` its rows stay until the new ones
 * come. */
void index_view_search(struct index_view *index, const char *query, bool keep);
/* Folds or unfolds a thread; what is shown changes with the next rows. */
void index_view_turn_fold(struct index_view *index, guint64 thread);
bool index_view_is_folded(const struct index_view *index, guint64 thread);
/* No letter is chosen; what comes of choosing all is not taken. */
void index_view_unchoose(struct index_view *index);
void index_choose_all(struct view *view, const char *const *args);
/* Commands of threads.c. */
void index_fold(struct view *view, const char *const *args);
void index_fold_all(struct view *view, const char *const *args);
void index_join(struct view *view, const char *const *args);
void index_break(struct view *view, const char *const *args);
/* Puts the cursor on this row (taken), fetching a window around it if needed. */
void index_view_go_to(struct index_view *index, struct row *row);
const struct row *index_view_cursor(const struct index_view *index);
/* The counts of the folder that is shown; NULL for a search, and until they are known. */
const struct folder_row *index_view_counts(const struct index_view *index);
guint64 index_view_total(const struct index_view *index);
/* How many rows stand before the cursor; -1: not known. */
gint64 index_view_place(const struct index_view *index);
struct rows_query index_view_query(const struct index_view *index);
void index_view_changed(struct view *view);
char **index_view_letters(struct view *view);
bool index_view_is_outgoing(const struct index_view *index);
void index_view_close(struct view *view);
