/* From what a plugin found to what may be said of a letter: the rules of
 * INTERFACE.md (`Seal:`).  Pure. */
#pragma once

#include "crypto/crypto.h"
#include "crypto/protocol.h"

struct found_user_id { char *text; int validity; };
struct found_signature {
  int status;               /* enum postino_signature_status */
  char *key;                /* clean hexadecimal, or NULL */
  int64_t signed_at;
  bool revocation_unknown;
  GPtrArray *user_ids;      /* struct found_user_id */
};
struct found {
  bool encrypted, integrity;
  GPtrArray *signatures;    /* struct found_signature */
};
struct found *found_from_frame(const struct frame *frame);
void found_free(struct found *found);

/* Name and address of a user id "NAME <ADDRESS>" or "ADDRESS"; false for anything
 * that could be read in two ways.  Both clean; *name_out NULL when there is none. */
bool user_id_parse(const char *text, char **name_out, char **address_out);

struct binding {            /* what a signature is held against */
  const GPtrArray *from;    /* struct address, of the From field */
  crypto_confirmed confirmed; /* or NULL */
  void *data;
};
/* The verdict over signatures that cover all that is shown. */
struct verdict *verdict_of(const struct found *found, bool sealed, const struct binding *binding);

typedef struct found found_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(found_t, found_free)
