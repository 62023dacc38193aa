/* The fields of queries: a row each. */
#pragma once

#include "store/query.h"

/* A word that a field knows, with its condition on letter l. */
struct query_property {
  const char *name;         /* NULL: the end of a list */
  const char *sql;
  bool narrow;              /* as in struct query */
};
/* What the values of a field without properties may be completed from. */
enum query_offers { OFFERS_NOTHING, OFFERS_ADDRESSES, OFFERS_FOLDERS, OFFERS_TAGS };

struct query_field {
  const char *name;
  const char *column;       /* of the full-text table; NULL: `read` makes the node */
  const char *example;
  /* Fills a QUERY_SQL or QUERY_DATE node; what is wrong with the value, or NULL. */
  char *(*read)(const struct query_field *field, const char *value, int64_t now,
                struct query *query);
  enum query_offers offers;
  const struct query_property *properties; /* NULL: it takes any value */
};

/* All of them. */
const struct query_field *query_fields(size_t *n_out);

/* The field of this name, or NULL. */
const struct query_field *query_field(const char *name);
/* The name of the field nearest to `name`, or NULL. */
const char *query_field_nearest(const char *name);
