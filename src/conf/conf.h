/* conf/ owns the rc file: its grammar, the rows that declare every option, and
 * the validated result.  It reads files, never writes them and runs nothing. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "base/secret.h"

enum conf_tls { CONF_TLS_IMPLICIT, CONF_TLS_STARTTLS, CONF_TLS_NONE };

enum conf_auth {
  CONF_AUTH_AUTO, CONF_AUTH_PLAIN, CONF_AUTH_LOGIN, CONF_AUTH_CRAM_MD5, CONF_AUTH_SCRAM_SHA_1,
  CONF_AUTH_SCRAM_SHA_256, CONF_AUTH_APOP, CONF_AUTH_USER, CONF_AUTH_XOAUTH2, CONF_AUTH_OAUTHBEARER,
  CONF_AUTH_EXTERNAL,
};

/* What the terminal is told when letters came. */
enum conf_notify { CONF_NOTIFY_NOTHING, CONF_NOTIFY_BELL, CONF_NOTIFY_OSC9, CONF_NOTIFY_OSC777 };
enum conf_dsn { CONF_DSN_DEFAULT, CONF_DSN_NEVER, CONF_DSN_FAILURE, CONF_DSN_ALWAYS };
enum { CONF_LEAVE_FOR_EVER = -1, CONF_LEAVE_WHEN_DELETED = -2 };

/* May the provider of a recipient be asked for the key: when the user presses a key. */
enum conf_lookup { CONF_LOOKUP_NEVER, CONF_LOOKUP_ASK, CONF_LOOKUP_ALWAYS };
enum conf_autocrypt { CONF_AUTOCRYPT_NO, CONF_AUTOCRYPT_YES, CONF_AUTOCRYPT_MUTUAL };
enum conf_when { CONF_NEVER, CONF_WHEN_POSSIBLE, CONF_ALWAYS, CONF_ASK };

/* One server of an account.  Strings may be NULL where the rc says nothing. */
struct conf_server {
  char *server;             /* host name or address literal, as written */
  enum conf_tls tls;
  int port;
  enum conf_auth auth;
  bool allow_cleartext;
  int timeout;              /* seconds without a byte */
  char *proxy;              /* "socks5://HOST:PORT"; NULL: none */
  char *ca_file;            /* absolute; NULL: the system's */
  char *client_cert;        /* absolute; NULL: none */
  char *client_key;         /* absolute; never NULL beside a client_cert */
  char *pin;                /* "sha256:HEX…" of the SubjectPublicKeyInfo */
  char *user;               /* the account's unless set inside, else the address */
  bool user_assumed;        /* the rc names no user and no password: a server without AUTH is
                             * to be had without a login */
  secret_t *password;       /* NULL: not in the rc */
  char *password_command;
  /* smtp only */
  char *command;            /* takes letters in place of a server, which is NULL then; or NULL */
  bool hold_at_server;      /* letters with an hour wait there, where it offers that */
  /* pop3 only */
  int leave_on_server;      /* CONF_LEAVE_…, 0 no, else days */
  int keep_newest;          /* letters that may stay there; 0: any number */
  guint64 max_size;         /* bytes */
};

struct conf_account {
  char *name;               /* the title */
  int line;                 /* where it stands, for messages */
  char *from;               /* as written: "Anna Rossi <anna@…>" */
  char **also;              /* never NULL */
  char *user;               /* for both servers, as written; NULL */
  secret_t *password;       /* the same; NULL */
  char *password_command;   /* the same; NULL */
  bool is_default;
  bool keyring;
  char *inbox, *sent, *drafts, *trash;
  char *signature;          /* absolute path or NULL */
  struct conf_server *pop3; /* NULL: send only */
  struct conf_server *smtp; /* NULL: read only */
  char *crypto_plugin;
  enum conf_when sign, encrypt;
  enum conf_lookup lookup;
  enum conf_autocrypt autocrypt;
  enum conf_dsn dsn;        /* delivery reports that are asked for */
};

struct conf_plugin { char *name; char *command; char **options; };
struct conf_folder { char *name; char *match; };
struct conf_rule {
  char *name, *match, *action;
  char *filter;             /* a command that a letter must pass too; NULL */
};

struct conf {
  char *path;               /* the file read; NULL when there is none */
  char *mail_dir;           /* absolute */
  char *keymap;             /* bundled name or absolute path */
  char *theme;
  char *on_new_mail;        /* a command; NULL */
  int notify;               /* enum conf_notify */
  char *editor;             /* NULL: $VISUAL, $EDITOR, then what is installed */
  int send_delay;           /* seconds */
  bool index_sealed;        /* words of sealed letters are kept as keyed hashes */
  int fetch_every;          /* minutes; 0: on demand */
  GPtrArray *accounts;      /* struct conf_account */
  GPtrArray *plugins;       /* struct conf_plugin */
  GPtrArray *folders;       /* struct conf_folder */
  GPtrArray *rules;         /* struct conf_rule */
};

/* One fault: "FILE:LINE: what is wrong, and the mend". */
struct conf_fault { char *file; int line; char *text; };

/* The rc file that is read when none is named: $POSTINORC, else
 * $XDG_CONFIG_HOME/postino/postinorc, else ~/.config/postino/postinorc if it is
 * there, else ~/.postinorc.  *named_out: the user named it, so it must exist. */
char *conf_default_path(bool *named_out);

/* Reads `path`.  All faults are collected, not the first alone: NULL with
 * CONFIG (the first fault, and how many more) in `error` when there are any;
 * `faults_out` (may be NULL) receives every struct conf_fault.  A missing file
 * is NOTFOUND.  A file that holds a password and that others can read is a
 * fault. */
struct conf *conf_load(const char *path, GPtrArray **faults_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What holds without an rc file: ~/Mail, no account. */
struct conf *conf_new_default(void);
void conf_free(struct conf *conf);

/* The account of this name, or with NULL the default one; NULL if none.  Owned
 * by conf. */
struct conf_account *conf_account(const struct conf *conf, const char *name);

/* The account that owns this address (from, also), or NULL. */
struct conf_account *conf_account_of_address(const struct conf *conf, const char *address);

/* Every option as a row, for the manual, completion and the editor's syntax. */
struct conf_option {
  const char *block;        /* "", "account", "pop3", "smtp", "crypto", … */
  const char *name;
  const char *type;         /* "text", "path", "yes/no", "number", "list", or "a|b|c" */
  const char *fallback;     /* as it would be written; NULL: none */
  const char *help;         /* N_() */
};
const struct conf_option *conf_options(size_t *count_out);

typedef struct conf conf_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(conf_t, conf_free)
