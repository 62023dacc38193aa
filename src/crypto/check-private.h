/* Shared by the checks of what plugins give back. */
#pragma once

#include "crypto/check.h"
#include "crypto/mime.h"

/* INVALID: `what` of the result is not as it must be. */
bool check_wrong(GError **error, const char *what);
/* The fields of a header block, each on one line with single blanks; NULL when
 * there is a line that is none. */
GPtrArray *check_fields(struct span span, struct span *body_out);
/* Is every field one of `allowed`, none of them twice, and `first` among them? */
bool check_fields_are(const GPtrArray *fields, const char *first, const char *const *allowed);
/* CRLF ends, lines of at most 998 bytes, no NUL. */
bool check_lines(const char *bytes, size_t length);
bool check_is_boundary(const char *boundary);
/* Clear text of the letter is in this; `decode` as of needles_found(). */
bool check_is_readable(const struct check *check, const void *bytes, size_t length, bool decode);
/* Is this part the entity that was given, byte for byte? */
bool check_is_given(const struct check *check, struct span part);

/* The first part of multipart/encrypted: this type and "Version: 1". */
bool check_version(struct span part, const char *const *allowed, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* multipart/encrypted by age.  check-age.c. */
bool check_age(const struct check *check, const GPtrArray *fields, const struct entity *entity,
               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* S/MIME (RFC 8551): `fields` and `body` of the result.  check-smime.c. */
bool check_smime(const struct check *check, const GPtrArray *fields,
                 const struct entity *entity, struct span body, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
