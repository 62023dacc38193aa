/* The fields `Autocrypt` and `Autocrypt-Gossip` (autocrypt.org, level 1, 1.1). */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "message/headers.h"

struct autocrypt {
  char *addr;
  bool mutual;              /* prefer-encrypt=mutual */
  char *keydata;            /* base64 without blanks */
};
/* The field of a letter from this address (NULL: of any).  False for one that is to be
 * passed over: of another address, with an attribute that must be understood and is not,
 * without a key, too large. */
bool autocrypt_parse(const char *value, const char *from, struct autocrypt *field_out);
void autocrypt_clear(struct autocrypt *field);
GBytes *autocrypt_key(const struct autocrypt *field);
/* The whole field with its line end for a key as armour; NULL when it is too large. */
char *autocrypt_field(const char *name, const char *spec, GBytes *armour, bool mutual);

#define GOSSIP_FIELD "Autocrypt-Gossip"
/* Of one letter, in and out: who writes to more is no group that answers all. */
#define GOSSIP_MOST 30
/* The first of these fields at the head of what was sealed (struct autocrypt); none of an
 * address that stands in two. */
GPtrArray *gossip_parse(const struct headers *inner);
