/* retrieve/ owns the way in: which letters to fetch and to delete (pure), POP3
 * (RFC 1939, 2449, 2595, 3206, 5034, 6856), and the order in which a letter
 * becomes durable here before the server may delete it. */
#pragma once

#include "account/account.h"
#include "store/store.h"

struct retrieve_progress {
  guint done, total;        /* letters of this run */
  guint64 bytes, all_bytes;
  const char *what;         /* "connecting", "fetching", … translated */
};
typedef void (*retrieve_progress_fn)(const struct retrieve_progress *progress, void *data);

struct retrieve_options {
  bool dry_run;
  retrieve_progress_fn progress;
  void (*plan_line)(const char *line, void *data); /* dry_run: one line per letter */
  void *data;
};
struct retrieve_result {
  guint fetched, known, failed, too_large, deleted;
  char **keys;              /* of the new letters; their text is key_text's */
  GStringChunk *key_text;
  char *remark;             /* one clean sentence, or NULL */
  bool waiting_changed;     /* what is listed as lying on the server alone (store/waiting.h) */
};
void retrieve_result_clear(struct retrieve_result *result);

/* Fetches one account's drop into its inbox.  What was fetched stays counted in
 * *result_out also when `error` is set afterwards (result_out is always filled). */
bool retrieve_run(const struct conf_account *account, struct keyring *keyring,
                  struct store *store, const struct retrieve_options *options,
                  struct retrieve_result *result_out, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What lies on the server. */
enum server_fate {
  SERVER_STAYS, SERVER_KEPT, SERVER_FETCHED, SERVER_TOO_LARGE,
  SERVER_DELETED,           /* at the next fetch */
  SERVER_DELETED_LATER,     /* at `until` */
};
struct server_row {
  guint number;
  char *uid;
  guint64 size;
  char *from, *subject;     /* clean; NULL when TOP was not asked or is missing */
  int64_t date;
  bool here;                /* retrieved already */
  enum server_fate what;
  int64_t until;
  char *fate;               /* "stays", "deleted at the next fetch: WHY", … translated */
  bool kept;                /* stays whatever the policy says (retrieve_keep()) */
};
void server_row_free(struct server_row *row);
/* `options` (NULL: none) are told how many headers were read. */
GPtrArray *retrieve_list(const struct conf_account *account, struct keyring *keyring,
                         struct store *store, const struct retrieve_options *options,
                         GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A letter of the user's choice, as it was shown. */
struct server_pick {
  guint number;
  const char *uid;          /* as in the row; NULL: the one that the last list, anybody's, had
                             * under the number, and its size */
  guint64 size;
};
/* Fetches (whatever their size) or deletes these, checked by UID. */
bool retrieve_fetch_picks(const struct conf_account *account, struct keyring *keyring,
                          struct store *store, const struct server_pick *picks, guint n,
                          const struct retrieve_options *options,
                          struct retrieve_result *result_out, GCancellable *cancel,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool retrieve_delete_picks(const struct conf_account *account, struct keyring *keyring,
                           struct store *store, const struct server_pick *picks, guint n,
                           GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* No policy deletes these on the server from now on; or, it may again.  Asks no
 * server. */
bool retrieve_keep(const struct conf_account *account, struct store *store,
                   const struct server_pick *picks, guint n, bool keep, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Fetches the letter that is listed under this key while it lies on the server alone.
 * NOTFOUND when it is not there any more; it is listed no longer then. */
bool retrieve_fetch_waiting(const struct conf_account *account, struct keyring *keyring,
                            struct store *store, const char *key,
                            const struct retrieve_options *options,
                            struct retrieve_result *result_out, GCancellable *cancel,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Takes over what another program knows of the account's drop (foreign.h): those
 * letters are not fetched, and no policy deletes them there.  NOTFOUND when the file
 * is another account's, INVALID when it is none. */
bool retrieve_import_state(const struct conf_account *account, struct store *store,
                           const char *path, guint *new_out, guint *known_out,
                           GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Logs in and out and says what it found ("TLSv1.3, SCRAM-SHA-256, 12 letters"). */
bool retrieve_test(const struct conf_account *account, struct keyring *keyring,
                   struct store *store, char **found_out, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
