/* What lies on an account's server: the newest letter first. */
#pragma once

#include "ui/list.h"
#include "ui/ui-private.h"

struct server_view {
  struct view view;
  char *account;
  GPtrArray *rows;          /* struct server_row; NULL: not here yet */
  struct list list;
  GHashTable *chosen;       /* a set of server_name() */
  char *why;                /* why there are none; or NULL */
  request_id asked;
};

/* Asks the server; `quietly`: what fails then leaves the rows as they are. */
void server_load(struct server_view *server, bool quietly);
/* Another account's. */
void server_show(struct server_view *server, const char *account);
const struct server_row *server_row_at(const struct server_view *server, int i);
/* Tells a letter from others, also in the next list.  Free it. */
char *server_name(const struct server_row *row);
bool server_is_chosen(const struct server_view *server, const struct server_row *row);
/* Its next list will not have these (a set of server_name()). */
void server_forget(struct server_view *server, GHashTable *names);
