/* A letter being written, and the bytes that it becomes. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "message/address.h"
#include "message/rendered.h"

enum draft_wish { DRAFT_BY_POLICY, DRAFT_YES, DRAFT_NO };

struct draft_attachment { char *name; char *type; struct blob *blob; };

struct draft {
  char *account;            /* name of the account it is sent by */
  struct address *from;
  GPtrArray *to, *cc, *bcc, *reply_to; /* struct address */
  char *subject;
  char *message_id;         /* without <>; NULL: made when built */
  char *in_reply_to;        /* without <>, or NULL */
  char **references;        /* oldest first, without <>; NULL: none */
  char *body;               /* UTF-8, LF line ends */
  GPtrArray *attachments;   /* struct draft_attachment */
  enum draft_wish sign, encrypt;
  int64_t not_before;       /* seconds since 1970; 0: sent at once */
  bool ask_receipt;         /* Disposition-Notification-To (RFC 8098) */
  bool answers_sealed;      /* a reply to a sealed letter: sealed, or the user insists */
  char *origin;             /* key of the letter in Drafts that it came from, or NULL */
  char *answers;            /* key of the letter that it answers (marked R), or NULL */
  char *forwards;           /* key of the letter that it forwards (marked P), or NULL */
};

struct draft *draft_new(void);
struct draft *draft_copy(const struct draft *draft);
void draft_free(struct draft *draft);

/* Who writes: the account's addresses, for From and for leaving oneself out. */
struct draft_author {
  const char *account;
  const struct address *from;
  const char *const *own;   /* all own address specs, NULL-terminated */
  const char *signature;    /* text, or NULL */
};
enum draft_reply { DRAFT_REPLY, DRAFT_REPLY_ALL, DRAFT_REPLY_LIST };

/* The draft that answers a letter: recipients by Reply-To, Mail-Followup-To and
 * List-Post, oneself left out; Re: once; In-Reply-To and References (RFC 5322
 * 3.6.4); the text quoted with "> " under an attribution line. */
struct draft *draft_reply(const struct rendered *letter, enum draft_reply how,
                          const struct draft_author *author);
/* The draft that passes a letter on: inline text under its headers, and (when
 * `original` is given) the letter itself as message/rfc822. */
struct draft *draft_forward(const struct rendered *letter, GBytes *original,
                            const struct draft_author *author);
struct draft *draft_blank(const struct draft_author *author);
/* From a mailto: URI (RFC 6068): to, cc, bcc, subject, body, in-reply-to only. */
struct draft *draft_mailto(const char *uri, const struct draft_author *author, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* From the form that people edit: header lines, blank line, body. */
struct draft *draft_parse(const char *text, const struct draft_author *author, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* That form (headers From To Cc Bcc Reply-To Subject, then In-Reply-To and
 * References when set).  Free it. */
char *draft_format(const struct draft *draft);
/* From a letter in Drafts, as built by draft_build(with Bcc). */
struct draft *draft_from_message(const char *bytes, size_t length, const char *account,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Header protection (RFC 9788): an entity that carries the letter's own fields. */
enum build_protect { BUILD_BARE, BUILD_SIGNED, BUILD_SEALED };
struct build_options {
  int64_t now;              /* for Date, shown in UTC */
  bool keep_bcc;            /* drafts and the kept copy; never the wire copy */
  bool entity_only;         /* the MIME entity to be sealed: no RFC 5322 fields but Content-* */
  enum build_protect protect; /* of such an entity */
  const char *hidden_subject; /* stands at the head of such an entity's text, for programs that
                             * do not know RFC 9788; NULL: nothing does */
};
/* RFC 5322 bytes with CRLF ends (2045-2049, 2047, 2231; 7-bit; lines of at most
 * 998; header injection impossible; random boundaries and Message-ID with the
 * From domain, no host name), attachments block by block.  INVALID says which field and
 * why, or that a file is no longer the one that was attached; no letter over
 * LIMIT_MESSAGE. */
bool draft_write(const struct draft *draft, const struct build_options *options,
                 struct blob_writer *out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, in memory. */
GBytes *draft_build(const struct draft *draft, const struct build_options *options,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The outer fields of `draft` (with `subject`) before an entity that begins with
 * its Content-* fields. */
struct blob *draft_wrap(const struct draft *draft, struct blob *entity, const char *subject,
                        const struct build_options *options, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* A letter from outside (`postino send`): splits off Bcc, adds Date and
 * Message-ID where they are missing, makes line ends CRLF.  Lone CR and NUL are
 * INVALID; text with lines over 998 becomes quoted-printable, any other part with
 * such lines is INVALID; an 8-bit body stays so.  A missing From is the caller's
 * to put before it.  The recipients of To, Cc and Bcc in *recipients_out (struct
 * address): what stands there, so that each has still to be asked
 * address_is_valid_spec(). */
GBytes *letter_prepare(GBytes *message, const struct build_options *options, const char *domain,
                       GPtrArray **recipients_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The header of a letter that may be too long for memory, with the empty line that
 * ends it; no bytes when that is not within LIMIT_HEADER. */
GBytes *letter_head(const struct blob *message, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* letter_prepare() block by block: header `head`, the body what stands in `message` from
 * `body` on.  *written_out: false where that cannot be done so (its text is to become
 * quoted-printable, or a line in the header is no field), and nothing is written. */
bool letter_prepare_large(GBytes *head, const struct blob *message, guint64 body,
                          const struct build_options *options, const char *domain,
                          struct blob_writer *out, GPtrArray **recipients_out,
                          bool *written_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The Content-* fields and body of a letter from letter_prepare() as an entity,
 * for sealing it; 7-bit where it is one text part. */
bool letter_write_entity(GBytes *message, enum build_protect protect, struct blob_writer *out,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Such a letter's other fields, to stand before an entity: (when not NULL) with `subject`
 * for its own. */
GBytes *letter_fields(GBytes *message, const char *subject);
/* The letter with its Content-* fields and body replaced by `entity` (and, when
 * not NULL, its Subject). */
GBytes *letter_with_entity(GBytes *message, GBytes *entity, const char *subject);

/* What stands outside in the Subject's place (RFC 9788, 3.2.1: hcp_baseline). */
#define PROTECT_SUBJECT "[...]"
/* Header protection (RFC 9788): `entity` with the fields of `letter` (a whole one
 * or its header block, with its true Subject) within it, as it is to be signed or
 * sealed.  CRLF. */
GBytes *entity_protect(GBytes *entity, GBytes *letter, bool sealed);
/* An opened entity with nothing but its Content-* fields and its body. */
GBytes *entity_bare(GBytes *entity);

/* A new Message-ID without <>, 128 random bits at `domain`. */
char *message_id_new(const char *domain);

typedef struct draft draft_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(draft_t, draft_free)
