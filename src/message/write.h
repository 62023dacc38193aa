/* Header fields, written (RFC 5322, 2047, 2231): folded, 7-bit, and never able to
 * hold a line end that this file did not put there. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Each appends a whole field with its line end.  Nothing is written for NULL, an
 * empty text or an empty list.  INVALID names the field and what is wrong. */
bool write_text(GString *out, const char *name, const char *text, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool write_addresses(GString *out, const char *name, const GPtrArray *addresses, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A field whose unfolded value is raw text, 8-bit too, as other programs write it: its
 * addresses, where its name says that it has them, else its text. */
bool write_raw(GString *out, const char *name, const char *value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool write_is_addressed(const char *name);
/* RFC 5322, 3.3, in UTC. */
bool write_date(GString *out, int64_t seconds, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of ids (NULL-terminated, without <>) those that can stand in a header. */
void write_ids(GString *out, const char *name, const char *const *ids);
bool write_is_id(const char *id);

/* "; NAME=VALUE" of a structured field, RFC 2231 where it needs it. */
void write_parameter(GString *out, const char *name, const char *value);

/* "type/subtype" and nothing else? */
bool write_is_media_type(const char *type);
