/* A small POP3 server over the scripted peer that keeps a drop and misbehaves
 * where it is told to. */
#pragma once

#include "tests/unit/net/peer.h"
#include "tests/unit/test.h"

enum fault { FAULT_NONE, FAULT_CUT, FAULT_HALF, FAULT_SAY, FAULT_SILENT, FAULT_KILL };

struct fake_letter { char *uid; char *text; bool marked, deleted; };
struct fake {
  GPtrArray *letters;       /* struct fake_letter; text with CRLF ends */
  const char *capabilities; /* lines; NULL: those of a decent server */
  const char *after_tls;    /* the same, once TLS is there */
  const struct identity *identity; /* for STLS */
  const char *at;           /* command (its beginning) at which the fault comes, "greeting" */
  enum fault fault;
  const char *say;          /* FAULT_SAY, with its line ends */
  int times;                /* faults left */
  volatile gint victim;     /* FAULT_KILL: process */
  bool no_stuffing;
  int size_lie;             /* added to every LIST size */
  guint retrieved, examined;
  bool loses_ahead;         /* what comes with a login before its answer is thrown away */
  bool lost_quit;           /* QUIT deletes, but is not answered */
};

struct fake *fake_new(void);
void fake_free(struct fake *fake);
/* A letter; `body` with LF ends is what the store is to hold behind the header. */
void fake_add(struct fake *fake, const char *uid, const char *subject, const char *body);
guint fake_count(const struct fake *fake);
void fake_fault(struct fake *fake, const char *at, enum fault fault, const char *say);
/* The peer_script. */
void fake_serve(struct peer *peer, void *fake);
