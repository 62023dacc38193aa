/* Content-Transfer-Encoding (RFC 2045, 6) decoded tolerantly and linearly. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum transfer { TRANSFER_IDENTITY, TRANSFER_BASE64, TRANSFER_QUOTED_PRINTABLE, TRANSFER_UUENCODE };

/* What a Content-Transfer-Encoding field names; identity for NULL and what is
 * not known. */
enum transfer transfer_parse(const char *value);

/* How many bytes the decoded text has.  Characters that belong to no alphabet
 * are passed over; base64 ends at its padding. */
size_t transfer_size(enum transfer transfer, const char *bytes, size_t length);

/* Appends the decoded bytes, at most `limit` of them; false when some were left. */
bool transfer_decode(GByteArray *out, enum transfer transfer, const char *bytes, size_t length,
                     size_t limit);
