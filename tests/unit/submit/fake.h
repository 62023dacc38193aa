/* A small SMTP server over the scripted peer that keeps letters and misbehaves
 * where it is told to. */
#pragma once

#include "tests/unit/net/peer.h"
#include "tests/unit/test.h"

enum fault { FAULT_NONE, FAULT_CUT, FAULT_HALF, FAULT_SAY, FAULT_SILENT, FAULT_KILL };

struct fake {
  const char *capabilities; /* "PIPELINING\nSIZE 1000"; NULL: those of a decent server */
  const char *after_tls;
  const struct identity *identity; /* for STARTTLS */
  const char *at;           /* command (its beginning); "greeting", "body", "AUTH", … */
  enum fault fault;
  const char *say;
  int times;
  volatile gint victim;     /* FAULT_KILL: process */
  GPtrArray *kept;          /* char *: "recipient recipient\nletter" */
  guint sessions;
};

/* Capabilities of a server that takes chunks (RFC 3030). */
extern const char fake_chunking[];

struct fake *fake_new(void);
void fake_free(struct fake *fake);
void fake_fault(struct fake *fake, const char *at, enum fault fault, const char *say);
const char *fake_letter(const struct fake *fake, guint i);
/* The peer_script. */
void fake_serve(struct peer *peer, void *fake);
