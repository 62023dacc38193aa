/* The frames that postino and a plugin process exchange (postino-plugin(7)):
 * one packet of a SOCK_SEQPACKET socket each, at most LIMIT_PLUGIN_FRAME bytes,
 * up to two descriptors of sealed memory beside it.  Shared with the host. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"

#define PROTOCOL_VERSION 1
/* The descriptor that a plugin process finds its socket on. */
#define PROTOCOL_FD 3

enum frame_type {
  FRAME_HELLO = 1,
  FRAME_RECIPIENTS = 2,
  FRAME_SEAL = 3,
  FRAME_OPEN = 4,
  FRAME_KEYS = 5,
  FRAME_ASK = 32,           /* plugin to core, inside a request */
  FRAME_PROGRESS = 33,      /* the same; has no reply */
  FRAME_TERMINAL = 34,      /* the same: for a pinentry, until TERMINAL_DONE or the end */
  FRAME_TERMINAL_DONE = 35, /* the same; has no reply */
  FRAME_DATA = 40,          /* a piece of a letter, where descriptors cannot be passed */
  FRAME_ERROR = 255,        /* instead of a reply */
  FRAME_REPLY = 128,        /* added to a type */
};

/* Numbers are 8 bytes, little-endian; texts UTF-8 without a NUL. */
enum frame_field {
  FIELD_VERSION_MIN = 1,    /* number */
  FIELD_VERSION_MAX = 2,    /* number */
  FIELD_VERSION = 3,        /* number: the one chosen */
  FIELD_NAME = 4,           /* text */
  FIELD_PLUGIN_VERSION = 5, /* text */
  FIELD_CAPABILITIES = 6,   /* number: enum postino_capability */
  FIELD_OPTION = 7,         /* text, repeated */
  FIELD_CAN_ASK = 8,        /* number */
  FIELD_OPERATIONS = 16,    /* number: enum postino_operation */
  FIELD_FROM = 17,          /* text */
  FIELD_RECIPIENT = 18,     /* text; begins a group */
  FIELD_KEY = 19,           /* text: fingerprint; begins a group in KEYS */
  FIELD_USER_ID = 20,       /* text */
  FIELD_VALIDITY = 21,      /* number: of the user id before it */
  FIELD_CAN_SEAL = 22,      /* number */
  FIELD_CAN_SIGN = 23,      /* number */
  FIELD_WHY = 24,           /* text */
  FIELD_SINCE = 25,         /* number */
  FIELD_EXPIRES = 26,       /* number */
  FIELD_LIMIT = 27,         /* number: bytes that the result may have */
  FIELD_FORMAT = 28,        /* text */
  FIELD_ENCRYPTED = 29,     /* number */
  FIELD_INTEGRITY = 30,     /* number */
  FIELD_SIGNATURE = 31,     /* number: enum postino_signature_status; begins a group */
  FIELD_SIGNED_AT = 32,     /* number */
  FIELD_CODE = 33,          /* number: enum postino_code */
  FIELD_PROMPT = 34,        /* text */
  FIELD_SECRET = 35,        /* number */
  FIELD_ANSWER = 36,        /* bytes; absent: refused */
  FIELD_DONE = 37,          /* number */
  FIELD_TOTAL = 38,         /* number */
  FIELD_ACTION = 39,        /* text */
  FIELD_QUERY = 40,         /* text */
  FIELD_CONFIRMED = 41,     /* text: the user confirmed it for the recipient before */
  FIELD_UNTRUSTED = 42,     /* number */
  FIELD_HAVE_SECRET = 43,   /* number */
  FIELD_REVOKED = 44,       /* number: of a key in KEYS */
  FIELD_TERMINAL = 45,      /* text: its device; absent: refused */
  FIELD_WHAT = 46,          /* text: what PROGRESS is of; a few words */
  FIELD_REVOCATION_UNKNOWN = 47, /* number: of a signature's key */
  FIELD_STREAM = 48,        /* number: letters go in DATA frames, both ways */
  FIELD_DATA = 49,          /* bytes: of a DATA frame; empty: it was the last */
  FIELD_LAST = FIELD_DATA,
};
/* A field whose number has this bit must be understood by who reads it. */
#define FIELD_CRITICAL 0x8000

struct frame;

struct frame *frame_new(unsigned type, uint32_t request);
/* Wipes what it held (it may be a passphrase) and closes its descriptors. */
void frame_free(struct frame *frame);
unsigned frame_type(const struct frame *frame);
/* Has it no field that must be understood and is not known? */
bool frame_is_understood(const struct frame *frame);
uint32_t frame_request(const struct frame *frame);

void frame_add(struct frame *frame, unsigned field, const void *data, size_t length);
void frame_add_text(struct frame *frame, unsigned field, const char *text); /* NULL: nothing */
void frame_add_number(struct frame *frame, unsigned field, uint64_t number);
/* Bulk data: a copy in sealed memory.  At most two a frame. */
bool frame_add_bulk(struct frame *frame, GBytes *bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for a descriptor that is sealed already; it is taken over. */
void frame_add_fd(struct frame *frame, int fd);

/* The same frame, without its descriptors (they stay with `frame`). */
bool frame_send_alone(int socket, const struct frame *frame, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* INVALID when the frame is too long, LOCAL when the other side is gone. */
bool frame_send(int socket, const struct frame *frame, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* One frame, whole and well-formed; blocks until one is there.  PROTOCOL when it
 * is not, NOTFOUND when the other side has closed. */
struct frame *frame_receive(int socket, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reading, in order.  `field` without FIELD_CRITICAL; the data lives as long as
 * the frame. */
struct frame_cursor { const struct frame *frame; size_t offset; };
struct frame_value { unsigned field; const char *data; size_t length; };
bool frame_next(struct frame_cursor *cursor, struct frame_value *value_out);
uint64_t value_number(const struct frame_value *value);
/* Up to the first NUL.  Free it. */
char *value_text(const struct frame_value *value);

/* The first field of its number; NULL or `fallback` when there is none. */
char *frame_text(const struct frame *frame, unsigned field);
uint64_t frame_number(const struct frame *frame, unsigned field, uint64_t fallback);
bool frame_find(const struct frame *frame, unsigned field, struct frame_value *value_out);

/* Bulk data number `index` of the frame; NULL without error when there
 * is none.  PROTOCOL unless it is memory sealed against writing, growing and
 * shrinking, of at most `limit` bytes. */
GBytes *frame_bulk(const struct frame *frame, unsigned index, size_t limit, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The same, of which a large one is not copied. */
struct blob *frame_blob(const struct frame *frame, unsigned index, size_t limit, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct frame frame_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(frame_t, frame_free)
