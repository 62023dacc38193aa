/* A plugin's process: started for one operation, and gone when that is over, unless
 * it can stay for the next (idle.h).  One thread at a time.  Whatever it does wrong
 * is an error here, and nothing else. */
#pragma once

#include <gio/gio.h>

#include "crypto/crypto.h"
#include "crypto/protocol.h"

struct plugin_spec {
  char *name;
  char *path;               /* a shared object (*.so), or any program */
  char **options;           /* never NULL */
  char **granted;           /* rights, by the rc file; NULL: it says nothing */
  bool is_bundled;          /* it came with postino: the rc's rights count, else its manifest */
  bool asks_outside;        /* for this once: GnuPG may ask the network, by its dirmngr */
  struct crypto_grants grants;
  bool no_terminal;         /* the screen is in use: no pinentry may draw on it unasked */
  struct crypto_screen screen;
  crypto_progress progress;
  void *progress_data;
};
struct plugin_spec *plugin_spec_new(const char *name, const char *path, char **options);
void plugin_spec_free(struct plugin_spec *spec);

/* What it may do (rights.h). */
char **plugin_spec_rights(const struct plugin_spec *spec, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Larger letters are not sealed or opened: all of it is held in memory. */
#define CLIENT_LARGEST ((size_t)200 << 20)

struct client;

/* Starts the process and exchanges HELLO.  `ask` may be NULL.  REFUSED when there
 * is no such program, it dies, speaks no common version or speaks nonsense;
 * RETRY when it does not answer in time; CANCELLED. */
struct client *client_start(const struct plugin_spec *spec, crypto_ask ask, void *data,
                            GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The two halves of it, for the conformance test. */
struct client *client_spawn(const struct plugin_spec *spec, crypto_ask ask, void *data,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool client_hello(struct client *client, const struct plugin_spec *spec, unsigned version,
                  GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Kills its process group. */
void client_end(struct client *client);

const char *client_name(const struct client *client);
const char *client_version(const struct client *client);
unsigned client_capabilities(const struct client *client);
/* Can it serve more than one operation, and has none failed? */
bool client_can_stay(const struct client *client);
/* Does it live, and has it said nothing unasked? */
bool client_is_quiet(struct client *client);

/* Was something that it said of its progress in the last call not as the manual has it?
 * *reports_out: how often it said anything. */
bool client_progress_was_odd(const struct client *client, unsigned *reports_out);

/* After a call that failed: has all that it started ended with it?  Waits at most
 * `seconds`. */
bool client_left_nothing(struct client *client, unsigned seconds);

/* A request; its type and number are set in client_call(). */
struct frame *client_request(struct client *client, enum frame_type type);
/* Sends `request` (consumed) and waits for its reply, at most `seconds` without
 * progress; answers its questions meanwhile.  The plugin's own refusal becomes
 * REFUSED, TRUST, AUTH, RETRY, INVALID or CANCELLED, with its words cleaned, and
 * *code_out (may be NULL) its enum postino_code. */
struct frame *client_call(struct client *client, struct frame *request, unsigned seconds,
                          int *code_out, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct client client_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(client_t, client_end)
