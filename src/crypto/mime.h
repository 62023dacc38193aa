/* Just enough MIME to find the exact bytes that a signature covers and what is
 * sealed: a linear splitter of one multipart, and the decoding of one body.  It
 * shows nothing and believes nothing. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "message/headers.h"
#include "message/params.h"

struct span { const char *at; size_t length; };

/* One entity: its fields and where its body lies in the bytes given. */
struct entity {
  struct headers *headers;
  struct params *type;      /* of Content-Type; text/plain when there is none */
  struct span body;
};
void entity_init(struct entity *entity, const char *bytes, size_t length);
void entity_clear(struct entity *entity);
bool entity_is(const struct entity *entity, const char *type);

/* The parts of a multipart body (RFC 2046, 5.1.1): struct span each, without the
 * line end that belongs to the boundary behind it.  False when there is no
 * boundary or it is never closed. */
struct multipart {
  struct span before, after;
  GArray *parts;
};
bool multipart_split(const struct entity *entity, struct multipart *multipart_out);
void multipart_clear(struct multipart *multipart);
/* Nothing but white space? */
bool span_is_blank(struct span span);

/* The body by its Content-Transfer-Encoding; into: behind what is there. */
GBytes *entity_decode(const struct entity *entity);
void entity_decode_into(const struct entity *entity, GByteArray *out);
GBytes *decode_base64_text(const char *text, size_t length);
/* Every line end as CRLF: the form that is signed (RFC 3156, 5). */
GBytes *canonical_lines(struct span span);

typedef struct entity entity_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(entity_t, entity_clear)
typedef struct multipart multipart_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(multipart_t, multipart_clear)
