/* The fields of queries: a row each. */
#pragma once

#include "store/query.h"

struct query_field {
  const char *name;
  const char *column;       /* of the full-text table; NULL: `read` makes the node */
  const char *example;
  /* Fills a QUERY_SQL or QUERY_DATE node; what is wrong with the value, or NULL. */
  char *(*read)(const struct query_field *field, const char *value, int64_t now,
                struct query *query);
};

/* The field of this name, or NULL. */
const struct query_field *query_field(const char *name);
/* The name of the field nearest to `name`, or NULL. */
const char *query_field_nearest(const char *name);
