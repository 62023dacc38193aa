/* The way out inside engine/: drafts and outside letters become parcels (what is
 * kept, and a wire copy for each group of recipients), parcels go into the outbox,
 * and the outbox is flushed. */
#pragma once

#include "engine/engine-private.h"
#include "submit/submit.h"

/* ---- seal.c ---- */

/* What shall leave.  Exactly one of draft, message and large. */
struct outgoing {
  const struct conf_account *account;
  const char *author;       /* From address: whose key signs and reads */
  const struct draft *draft;
  GBytes *message;          /* from letter_prepare() */
  struct blob *large;       /* from letter_prepare_large(): neither signed nor sealed */
  const char *subject;
  GPtrArray *visible;       /* char *: address specs of To and Cc */
  GPtrArray *hidden;        /* char *: everybody else, once each, none of the visible */
  bool sign, encrypt;
  int64_t now;
  const char *autocrypt;    /* a whole field for the head of it, or NULL */
  const char *gossip;       /* whole fields for the head of what is sealed, or NULL */
};
void outgoing_clear(struct outgoing *outgoing);
/* Adds specs of struct address to `specs` that neither it nor `known` (may be NULL)
 * has. */
void add_specs(GPtrArray *specs, const GPtrArray *addresses, const GPtrArray *known);

struct parcel {
  struct blob *readable;
  GPtrArray *copies;        /* struct blob */
  GPtrArray *recipients;    /* struct ledger_recipient */
};
void parcel_clear(struct parcel *parcel);
/* Seals where `outgoing` says so; an error is an error, never a letter in the
 * clear. */
bool parcel_make(struct work *work, const struct outgoing *outgoing, struct parcel *parcel_out,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Where a letter with the draft's attachments is written to: memory when it is short or
 * `sealed`, since nothing of a sealed letter lies on the disk in the clear. */
struct blob_writer *draft_room(struct work *work, const struct draft *draft, bool sealed,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The draft sealed to its own author, for Drafts. */
struct blob *seal_to_oneself(struct work *work, const struct conf_account *account,
                             const struct draft *draft, int64_t now, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Who can be sealed to, and what then happens (crypto/ decides). */
struct wishes {
  const struct conf_account *account;
  const char *author;
  const GPtrArray *specs;   /* char * */
  enum conf_when sign_when, encrypt_when;
  int sign, encrypt;        /* -1 by policy, 0 no, 1 yes */
  bool answers_sealed;
};
/* *recipients_out (struct seal_recipient) is set also when it fails after they were
 * asked for; unref it. */
bool wishes_weigh(struct work *work, const struct wishes *wishes, GPtrArray **recipients_out,
                  struct seal_plan *plan_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool draft_weigh(struct work *work, const struct draft *draft, GPtrArray **recipients_out,
                 struct seal_plan *plan_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Would this draft be sealed if it could be? */
bool draft_wants_seal(const struct conf_account *account, const struct draft *draft);

/* ---- out.c ---- */

struct posting {
  const char *from;         /* of the envelope */
  int64_t not_before;       /* 0: at once */
  const char *dsn;          /* NULL: by the rc */
  const char *because;      /* kept blocked for this reason, or NULL */
  GBytes *given;            /* of a letter that is sealed: its bytes before, or NULL */
};
/* Puts a parcel into the outbox. */
bool post(struct work *work, const struct outgoing *outgoing, const struct parcel *parcel,
          const struct posting *posting, char **id_out, bool *known_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The id of the unfinished letter that was posted of the same bytes, or NULL. */
char *posted_before(struct engine *engine, const struct outgoing *outgoing,
                    const struct posting *posting);
/* Of a letter that some of its recipients have and others do not, only these stay in
 * `draft`, and a NOTICE says so (again.c). */
void address_to_the_rest(struct work *work, struct draft *draft);
/* Removes the draft that something newer has taken the place of. */
void drop_origin(struct work *work, const char *key);
/* Sets a flag if the letter is still there; NULL key is fine. */
void mark_letter(struct work *work, const char *key, unsigned flag);

/* ---- intake.c ---- */

/* A whole letter from outside: in memory, or a large one's header in `message` and all
 * of it in `large`, from `body` on its text. */
struct intake {
  GBytes *message;
  struct blob *large;
  guint64 body;
};
void intake_clear(struct intake *intake);
/* Reads the letter from `fd`.  A large one goes to the disk unless `sealed` (asked with
 * its header) says that it will be sealed or signed: nothing of a sealed letter lies
 * there in the clear.  INVALID when it is larger than a letter may be. */
typedef bool (*intake_sealed_fn)(GBytes *header, void *context);
bool intake_read(struct store *store, int fd, intake_sealed_fn sealed, void *context,
                 struct intake *intake_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- local.c ---- */

/* "root": a name that a machine's user may have. */
bool is_local_name(const char *text);
/* Names without a domain (struct address) become the account's own address where they
 * name its user, else INVALID. */
bool local_name_resolve(const struct conf_account *account, GPtrArray *addresses, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The message without its From fields. */
GBytes *message_without_from(GBytes *message);

/* ---- flush.c ---- */

/* The id of the unfinished letter whose file in the outbox has this key, or NULL. */
char *outbox_id_of(struct engine *engine, const char *key);
struct flush_options {
  bool due_now;
  const char *only;
  bool tell;                /* NOTICEs for what was sent or failed */
};
/* outbox_flush() with progress; `first_out` (may be NULL): the first letter's
 * failure.  `error` is the connection's. */
bool flush_account(struct work *work, const struct conf_account *account,
                   const struct flush_options *options, GError **first_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Is the letter sent?  Else the error says why, and ends "kept as ID; do not send
 * it again".  `connection`: why the flush ended, or NULL. */
bool letter_fate(struct engine *engine, const char *id, const GError *connection, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Sends what is due of the account as the engine's own doing. */
void flush_beside(struct engine *engine, const struct conf_account *account);
/* Something was queued: the watch sends it when it is due; without one, now. */
void flush_when_due(struct engine *engine, const struct conf_account *account);
/* A command without a screen takes what is due along; failures are NOTICEs. */
void flush_along(struct work *work, const struct conf_account *account);

/* ---- in.c ---- */

/* Fetches the account as the engine's own doing; NOTICEs say what came. */
void fetch_beside(struct engine *engine, const struct conf_account *account);

/* ---- arrival.c ---- */

/* New letters lie in the store: index, delivery reports, rules. */
void arrive(struct work *work, char *const *keys);

typedef struct intake intake_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(intake_t, intake_clear)
typedef struct parcel parcel_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(parcel_t, parcel_clear)
typedef struct outgoing outgoing_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(outgoing_t, outgoing_clear)
