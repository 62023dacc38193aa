/* Autocrypt level 1: the field `Autocrypt`, and what is remembered of it. */
#pragma once

#include "engine/engine-private.h"

struct autocrypt {
  bool mutual;              /* prefer-encrypt=mutual */
  char *keydata;            /* base64 without blanks */
};
/* Pure: the field of a letter from this address.  False for one that is to be passed
 * over: of another address, with an attribute that must be understood and is not,
 * without a key, too large. */
bool autocrypt_parse(const char *value, const char *from, struct autocrypt *field_out);
void autocrypt_clear(struct autocrypt *field);
GBytes *autocrypt_key(const struct autocrypt *field);
/* The key that the field of this letter brings, or NULL. */
GBytes *autocrypt_of_letter(GBytes *bytes);

/* A letter came (its file): what it says of its sender is remembered. */
void autocrypt_take(struct engine *engine, const char *path);
/* The key that an address has sent last, or NULL. */
GBytes *autocrypt_remembered(struct engine *engine, const char *spec);

/* setup.c: the sealed pair in the file of a setup message; NULL when there is none. */
GBytes *autocrypt_setup_armour(GBytes *part);

/* The whole field with its line end for a key as armour; NULL when it is too large. */
char *autocrypt_field(const char *spec, GBytes *armour, bool mutual);
