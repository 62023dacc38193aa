/* message/ owns the shape of letters: bytes to headers, addresses, MIME trees
 * and text, and drafts back to bytes.  Pure: no files, no network, no clock but
 * what it is given.  Everything here is total: any bytes give some result. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* One mailbox (RFC 5322, 3.4).  Both strings are clean UTF-8. */
struct address {
  char *name;               /* display name, decoded; NULL: none */
  char *spec;               /* local@domain, without <> */
};

struct address *address_new(const char *name, const char *spec);
struct address *address_copy(const struct address *address);
void address_free(struct address *address);

/* Mailboxes of a header value as it came (encoded words decoded, groups
 * flattened, at most LIMIT_ADDRESSES).  Tolerant: what cannot be read becomes a
 * mailbox whose spec is the text.  struct address, never NULL. */
GPtrArray *address_parse_header(const char *value, gssize length);

/* Mailboxes that a person typed: the whole text must be read, else INVALID with
 * the place.  Commas or semicolons part them; a quoted or bare name may hold
 * anything but control characters.  CR, LF and NUL are refused. */
GPtrArray *address_parse_typed(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Is this a usable envelope address (RFC 5321 4.1.2, or UTF-8 by RFC 6531)?  No
 * space, control, <, > or second bare @. */
bool address_is_valid_spec(const char *spec);

/* "Name <spec>" for people, quoted where RFC 5322 needs it; not encoded. */
char *address_format(const struct address *address);
char *address_format_list(const GPtrArray *addresses);

/* Same mailbox?  Domains are compared without case; local parts too, as every
 * large provider does. */
bool address_same(const char *spec_a, const char *spec_b);

typedef struct address address_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(address_t, address_free)
