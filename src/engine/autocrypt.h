/* Autocrypt level 1: what is remembered of its fields, and what goes out. */
#pragma once

#include "engine/out.h"
#include "message/autocrypt.h"

/* The key that the field of this letter brings, or NULL. */
GBytes *autocrypt_of_letter(GBytes *bytes);

/* A letter came (its file): what it says of its sender is remembered. */
void autocrypt_take(struct engine *engine, const char *path);
/* The key that an address has sent last, or NULL. */
GBytes *autocrypt_remembered(struct engine *engine, const char *spec);

/* setup.c: the sealed pair in the file of a setup message; NULL when there is none. */
GBytes *autocrypt_setup_armour(GBytes *part);

/* gossip.c.  What an opened letter says of the keys of others whom it goes to is remembered. */
void gossip_take(struct engine *engine, const struct opened *opened);
/* The key of an address that somebody passed on, or NULL; free *sender_out. */
GBytes *gossip_remembered(struct engine *engine, const char *spec, char **sender_out);
/* Of those whom a sealed letter visibly goes to; NULL: none. */
char *gossip_fields(struct work *work, const struct outgoing *outgoing);
