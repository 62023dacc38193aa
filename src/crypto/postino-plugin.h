/* postino-plugin.h: what a crypto plugin of postino is, in C.
 *
 * Copyright (c) 2026 the postino developers
 *
 * Permission to use, copy, modify, and/or distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
 * REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
 * AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
 * INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
 * LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
 * OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
 * PERFORMANCE OF THIS SOFTWARE.
 *
 * A plugin is a shared object that exports one function, postino_plugin_entry.
 * postino never loads it: postino-plugin-host does, in a process of its own, one
 * process for each thing that is asked (or for several, POSTINO_CAN_STAY; what
 * comes from outside is opened in one of its own in any case), and speaks the framed
 * protocol of postino-plugin(7) with postino.  So a plugin may block, allocate and crash as
 * it likes: what it costs is the one operation, and nothing is sent.  Standard
 * output and standard error go to postino's log, never to a terminal.  The
 * process is ended by SIGKILL when it has answered, is cancelled, or takes too
 * long: keep nothing in temporary files.
 *
 *     cc -shared -fPIC -fvisibility=hidden -o mine.so mine.c \
 *        $(pkg-config --cflags postino-plugin)
 *     postino plugin check ./mine.so
 *
 * Functions return 0, or what host->error() returned.  Results are handed over
 * by the host's functions, which copy: nothing a plugin gives has to outlive the
 * call, and nothing it was given does.  Strings are UTF-8 and NUL-terminated.
 * Every struct begins with its size and the ABI number and grows only at its
 * end: fill both in, and look at `size` before you use a member that a later
 * number added. */
#ifndef POSTINO_PLUGIN_H
#define POSTINO_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POSTINO_PLUGIN_ABI 1

/* For the first two members of any struct: struct postino_recipient r = {
 * POSTINO_PLUGIN_HEAD(r), .address = … }. */
#define POSTINO_PLUGIN_HEAD(object) .size = sizeof(object), .abi = POSTINO_PLUGIN_ABI

/* What a plugin can do. */
enum postino_capability {
  POSTINO_CAN_SIGN = 1 << 0,
  POSTINO_CAN_SEAL = 1 << 1,    /* encrypt */
  POSTINO_CAN_OPEN = 1 << 2,    /* decrypt */
  POSTINO_CAN_VERIFY = 1 << 3,
  POSTINO_CAN_KEYS = 1 << 4,
  POSTINO_CAN_STAY = 1 << 5     /* one process serves one operation after another */
};

/* Why an operation failed: what postino does next depends on it. */
enum postino_code {
  POSTINO_NO_KEY = 1,           /* there is no key for an address, or none to open with */
  POSTINO_UNTRUSTED = 2,        /* there is one, but whose it is nobody has confirmed */
  POSTINO_EXPIRED = 3,          /* expired or revoked */
  POSTINO_LOCKED = 4,           /* a passphrase is needed and nobody can be asked */
  POSTINO_WRONG_PASSPHRASE = 5, /* or the person refused to give one */
  POSTINO_CANCELLED = 6,
  POSTINO_BAD_DATA = 7,         /* what was given to it cannot be read */
  POSTINO_INTEGRITY = 8,        /* decrypted, but changed or unprotected: nothing may be shown */
  POSTINO_UNSUPPORTED = 9,
  POSTINO_INTERNAL = 10,        /* anything else */
  POSTINO_TOO_LARGE = 11        /* output() said that the limit is reached */
};

/* One recipient: whether a letter can be sealed to it, and by which key. */
struct postino_recipient {
  uint32_t size, abi;
  const char *address;          /* as it was asked for */
  int can_seal;
  int can_sign;                 /* its secret key is here */
  int untrusted;                /* a key is there, and confirming it would be enough */
  const char *key;              /* fingerprint in hexadecimal, or NULL */
  const char *user_id;          /* the key's, as it stands there, or NULL */
  const char *why;              /* why it cannot be sealed to, and what to do; or NULL */
  int64_t since, expires;       /* seconds since 1970; 0: unknown, never */
};

/* One signature that was found. */
enum postino_signature_status {
  POSTINO_SIGNATURE_GOOD = 0,
  POSTINO_SIGNATURE_BAD = 1,            /* the text is not what was signed */
  POSTINO_SIGNATURE_NO_KEY = 2,
  POSTINO_SIGNATURE_EXPIRED = 3,
  POSTINO_SIGNATURE_KEY_EXPIRED = 4,
  POSTINO_SIGNATURE_KEY_REVOKED = 5,
  POSTINO_SIGNATURE_ERROR = 6           /* could not be checked */
};
enum postino_validity {         /* how sure it is that a user id is the key's owner */
  POSTINO_VALIDITY_UNKNOWN = 0,
  POSTINO_VALIDITY_NEVER = 1,
  POSTINO_VALIDITY_MARGINAL = 2,
  POSTINO_VALIDITY_FULL = 3,
  POSTINO_VALIDITY_ULTIMATE = 4
};
struct postino_user_id {
  uint32_t size, abi;
  const char *text;             /* as it stands in the key: "Anna Rossi <anna@…>" */
  int validity;                 /* enum postino_validity */
};
struct postino_signature {
  uint32_t size, abi;
  int status;                   /* enum postino_signature_status */
  const char *key;              /* fingerprint of the whole key (not of a subkey), or key id */
  int64_t signed_at;            /* 0: unknown */
  const struct postino_user_id *user_ids; /* live ones only: not revoked, not expired */
  size_t n_user_ids;
  int revocation_unknown;       /* 1: nothing here says whether the key was revoked, and nobody
                                 * was asked */
};

/* A key, as `keys` lists them. */
struct postino_key {
  uint32_t size, abi;
  const char *key;              /* fingerprint */
  const char *user_id;
  int validity, secret;
  int64_t since, expires;
  int revoked;
};

/* What the host offers.  `host` is the pointer that start() was given. */
struct postino_host {
  uint32_t size, abi;
  void *self;                   /* the host's */
  /* Fails the operation; one sentence for the user that ends with what to do.
   * Returns what the plugin's function is to return. */
  int (*error)(const struct postino_host *host, int code, const char *sentence);
  /* Asks the person at the screen: a passphrase (`secret`), or yes or no (any
   * non-empty answer is yes).  NULL: refused, or nobody is there.  The answer is
   * wiped when the operation ends. */
  const char *(*ask)(const struct postino_host *host, const char *prompt, int secret);
  int can_ask;                  /* 0: ask() will give NULL */
  /* Says that it goes on (growing numbers, at most `total` where that is not 0: unknown);
   * 60 seconds without are too long.  Can be called often: ten a second are passed on. */
  void (*progress)(const struct postino_host *host, uint64_t done, uint64_t total);
  /* Appends to what seal, open or keys gives back.  Not 0: it grows beyond what
   * is accepted; stop with POSTINO_TOO_LARGE. */
  int (*output)(const struct postino_host *host, const void *bytes, size_t length);
  /* Says what is known of one recipient; one signature; one key. */
  void (*recipient)(const struct postino_host *host, const struct postino_recipient *recipient);
  void (*signature)(const struct postino_host *host, const struct postino_signature *signature);
  void (*key)(const struct postino_host *host, const struct postino_key *key);
  /* Says of what open() gave: it was encrypted, and nobody can have changed it
   * on its way.  Without the second nothing of it is shown. */
  void (*opened)(const struct postino_host *host, int encrypted, int integrity_proven);
  /* Asks for the person's terminal, for a pinentry that draws on it: postino's own
   * screen leaves it.  The name of its device (GPG_TTY is set to it, too), or NULL:
   * refused, or nobody is there.  It is given back by terminal_done() or with the
   * end of the operation; printing to it yourself is no part of the bargain. */
  const char *(*terminal)(const struct postino_host *host);
  void (*terminal_done)(const struct postino_host *host);
  /* As progress(), with what goes on in a few words of the person's language (80 bytes
   * at most; NULL: none): they are shown, and the percentage where `total` is not 0.
   * There where `size` says so. */
  void (*working)(const struct postino_host *host, const char *what, uint64_t done,
                  uint64_t total);
};

struct postino_bytes {
  const void *data;
  size_t length;
};

/* What seal() is asked to do. */
enum postino_operation { POSTINO_SIGN = 1, POSTINO_ENCRYPT = 2 };
struct postino_seal {
  uint32_t size, abi;
  unsigned operations;          /* enum postino_operation */
  const char *from;             /* address of the sender, by whose key is signed */
  const char *const *recipients;/* addresses, each once; the sender's own is among them */
  const char *const *keys;      /* of each: the fingerprint that recipients() gave */
  size_t n_recipients;
  struct postino_bytes entity;  /* Content-* fields, blank line, body; CRLF, 7-bit */
};

/* What open() is given: the parts, taken out of their MIME wrapping. */
struct postino_open {
  uint32_t size, abi;
  const char *format;           /* "pgp-sealed", "pgp-signed", "pgp-clear" (text; output: what was signed),
                                 * "smime-sealed", "smime-signed", "smime-opaque" (output too) */
  struct postino_bytes data;    /* what is encrypted; or exactly what was signed */
  struct postino_bytes signature; /* detached, without armour; empty for *-sealed */
  const char *from;             /* the address that the letter says it is from, NULL: none, or
                                 * several.  Anybody can write it: it proves nothing */
};

struct postino_keys {
  uint32_t size, abi;
  const char *action;           /* "own" (keys whose secret is here), "find" (query: address or
                                 * part of one), "show" (query: fingerprint; output: the public
                                 * key), "backup" (the same with the secret one, as locked as it
                                 * is), "import" (data; query "public": of somebody
                                 * else, nothing with a secret key may be taken), "locate" (query: address; the only one
                                 * that may use the network: the user said so), "make" (query: "NAME <ADDRESS>"),
                                 * "setup" (query: fingerprint; data: the code; output: the pair
                                 * sealed with it), "setup-open" (data: that); query:
                                 * fingerprint: "renew" (an own key, for two years from now),
                                 * "revoke" (an own key, for good), "delete" (its secret too) */
  const char *query;
  struct postino_bytes data;
};

struct postino_plugin {
  uint32_t size, abi;
  const char *name;             /* "openpgp" */
  const char *version;
  unsigned capabilities;        /* enum postino_capability */
  /* Before anything else; `options` as the rc file gives them, "name=value".
   * *state_out is handed to the others.  May be NULL. */
  int (*start)(const struct postino_host *host, const char *const *options, size_t n_options,
               void **state_out);
  /* Says host->recipient() for each address, in order.  Within 5 seconds and
   * without the network.  `confirmed[i]` is NULL, or the fingerprint that the
   * user has confirmed for addresses[i]. */
  int (*recipients)(void *state, const char *const *addresses, const char *const *confirmed,
                    size_t n);
  /* Gives by host->output() the whole entity that replaces seal->entity, exactly
   * as postino-plugin(7) describes it: postino checks it. */
  int (*seal)(void *state, const struct postino_seal *seal);
  /* *-sealed: gives the decrypted entity by host->output(), then host->opened(),
   * and host->signature() for each signature inside.  *-signed: only the last. */
  int (*open)(void *state, const struct postino_open *open);
  int (*keys)(void *state, const struct postino_keys *keys);
};

/* The one function that is exported.  Return NULL when `abi`, the highest number
 * that the host knows, is not enough. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const struct postino_plugin *postino_plugin_entry(uint32_t abi);

#ifdef __cplusplus
}
#endif

#endif
