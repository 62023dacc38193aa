/* The structure of a letter (RFC 2045-2049): which bytes are which part.
 * Linear in every dimension; at most LIMIT_PARTS parts, LIMIT_PART_DEPTH deep. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "message/headers.h"
#include "message/params.h"
#include "message/transfer.h"

enum mime_kind { MIME_LEAF, MIME_MULTIPART, MIME_MESSAGE };

struct mime_part {
  enum mime_kind kind;
  int parent;               /* index of the part around it, -1 for the letter itself */
  int depth;                /* 0 for the letter itself */
  int number;               /* 1, 2, … of what is no multipart; else 0 */
  const char *start, *body, *end; /* header and body; not the line end of the delimiter */
  struct headers *headers;  /* its own */
  struct params *type;      /* Content-Type */
  struct params *disposition;
  const char *media;        /* "text/plain": what it is taken for, owned by the tree */
  enum transfer transfer;
};

struct mime {
  GPtrArray *parts;         /* struct mime_part, each before its children, in their order */
  GPtrArray *decoded;       /* GBytes that parts of encoded messages point into */
  bool cut_parts, cut_depth;/* LIMIT_PARTS, LIMIT_PART_DEPTH was met */
  bool no_boundary;         /* a multipart names none: shown as text */
  bool unclosed;            /* a closing delimiter is missing */
  bool doubled;             /* a part has Content-Type or its encoding twice */
};

/* The tree points into `bytes`, which must outlive it.  Never empty. */
struct mime *mime_parse(const char *bytes, size_t length);
void mime_free(struct mime *mime);

const struct mime_part *mime_part(const struct mime *mime, guint i);
/* The part with this number, or NULL. */
const struct mime_part *mime_numbered(const struct mime *mime, int number);
/* The first child of part `i`, and the next sibling of a child; -1: none. */
int mime_first(const struct mime *mime, int i);
int mime_next(const struct mime *mime, int i);

/* The body with its transfer encoding undone, at most `limit` bytes; *whole_out
 * says whether that was all. */
GBytes *mime_decode(const struct mime_part *part, size_t limit, bool *whole_out);
/* The safe name of its file, or NULL. */
char *mime_name(const struct mime_part *part);
/* Does its media type begin so? */
bool mime_is(const struct mime_part *part, const char *prefix);
/* Does its Content-Disposition say so? */
bool mime_is_attachment(const struct mime_part *part);

typedef struct mime mime_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(mime_t, mime_free)
