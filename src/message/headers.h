/* A linear scanner of header blocks (RFC 5322 2.2): no recursion, no library,
 * bounded by LIMIT_FIELDS and LIMIT_HEADER. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct headers;

/* Scans the header block at the start of `bytes` (a leading mbox "From " line is
 * passed over; LF and CRLF ends alike).  Keeps its own copy. */
struct headers *headers_parse(const char *bytes, size_t length);
void headers_free(struct headers *headers);

/* Where the body starts in the bytes that were parsed. */
size_t headers_body(const struct headers *headers);

guint headers_count(const struct headers *headers);
/* Field `i`: its name and its unfolded raw value, owned by headers. */
const char *headers_name(const struct headers *headers, guint i);
const char *headers_value(const struct headers *headers, guint i);

/* The first field of this name: raw unfolded value, or NULL. */
const char *headers_get(const struct headers *headers, const char *name);
/* How many fields of this name stand there. */
guint headers_repeats(const struct headers *headers, const char *name);
/* The first field of this name as clean UTF-8 on one line, encoded words
 * decoded (RFC 2047), raw 8-bit read as UTF-8, else windows-1252; or NULL. */
char *headers_text(const struct headers *headers, const char *name);
/* All fields of this name as mailboxes; never NULL. */
GPtrArray *headers_addresses(const struct headers *headers, const char *name);
/* The Message-ID (first msg-id of the field) without <>, or NULL. */
char *headers_message_id(const struct headers *headers);
/* msg-ids of References then In-Reply-To, oldest first, without <>, once each,
 * at most 200 (the newest).  g_strfreev; never NULL. */
char **headers_references(const struct headers *headers);

/* Seconds since 1970 of a Date value (RFC 5322 3.3 and the obsolete forms);
 * false when it is none or out of range. */
bool headers_parse_date(const char *value, int64_t *seconds_out);
/* Seconds by which its zone is east of Greenwich, for showing. */
bool headers_parse_zone(const char *value, int *seconds_out);
/* The letter's date as DESIGN.md defines it: the Date field if between 1970-01-02
 * and `arrival` plus a day, else the newest Received, else `arrival`. */
int64_t headers_date(const struct headers *headers, int64_t arrival);

/* SHA-256 in hex of the header block without Status, X-Status and X-UIDL, line
 * ends as LF: what names a letter beside its Maildir base name. */
char *headers_digest(const char *bytes, size_t length);

typedef struct headers headers_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(headers_t, headers_free)
