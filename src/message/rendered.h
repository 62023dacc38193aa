/* A letter as the reader shows it: clean text and a list of parts, nothing that
 * has to be parsed again.  Made in the reader child, passed as a GVariant. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "message/address.h"

/* What the letter's own outermost structure says it is; whether that holds is
 * for crypto/ to find out. */
enum envelope_kind {
  ENVELOPE_PLAIN,
  ENVELOPE_PGP_SIGNED,      /* multipart/signed, application/pgp-signature */
  ENVELOPE_PGP_SEALED,      /* multipart/encrypted, application/pgp-encrypted */
  ENVELOPE_SMIME_SIGNED,    /* multipart/signed, application/pkcs7-signature */
  ENVELOPE_SMIME_OPAQUE,    /* application/pkcs7-mime, signed-data */
  ENVELOPE_SMIME_SEALED,    /* application/pkcs7-mime, enveloped-data */
  ENVELOPE_PGP_INLINE,      /* armour in a text part */
};

enum line_kind {
  LINE_TEXT, LINE_QUOTE, LINE_SIGNATURE, LINE_HEADER, LINE_NOTICE, LINE_RULE, LINE_LINK,
};

/* One paragraph (text before wrapping) of clean UTF-8. */
struct rendered_line {
  enum line_kind kind;
  int quote;                /* depth of quoting, 0 for none */
  bool fixed;               /* keep as it is (code, tables): do not reflow */
  char *text;               /* without marks of quoting; "" for a rule; may hold TAB if fixed */
};

struct rendered_part {
  int number;               /* 1, 2, …: what --part and the save command take */
  char *type;               /* "application/pdf" */
  char *name;               /* safe file name, or NULL */
  uint64_t size;            /* decoded bytes */
  bool shown;               /* its text is among the lines */
  bool attachment;          /* listed as an attachment */
};

struct rendered_header { char *name; char *value; };

struct rendered {
  enum envelope_kind envelope;
  GPtrArray *headers;       /* struct rendered_header: one unfolded clean line each, in the letter's order */
  GPtrArray *from, *reply_to, *to, *cc, *bcc; /* struct address */
  char *subject;
  char *message_id;         /* without <>, or NULL */
  char **references;        /* headers_references() */
  int64_t date;
  GPtrArray *lines;         /* struct rendered_line */
  GPtrArray *parts;         /* struct rendered_part */
  GPtrArray *notices;       /* char *: what was cut, broken or left out */
  GPtrArray *route;         /* struct rendered_hop, first hop first */
  char *list_post;          /* address of List-Post, or NULL */
  char *list_unsubscribe;   /* first usable URI, or NULL */
  bool protects;            /* its own fields are meant to be covered by the seal around it
                             * (RFC 9788 hp, or the older protected-headers) */
};

struct rendered_hop { char *from, *by; int64_t date; bool date_known; bool tls; };

struct render_options {
  bool html;                /* prefer the HTML alternative to the plain one */
  bool raw;                 /* no rendering: the source as clean text */
};

/* Renders a whole message or entity.  In the reader child only. */
struct rendered *render_message(const char *bytes, size_t length,
                                const struct render_options *options);
struct rendered *rendered_new(void);
void rendered_free(struct rendered *rendered);

/* The text for search and quoting: all lines, LF between.  Free it. */
char *rendered_text(const struct rendered *rendered);

/* The decoded bytes of part `number`, or NULL when there is none.  Text parts
 * are converted to UTF-8 only if `as_text`.  In the reader child only. */
GBytes *render_part(const char *bytes, size_t length, int number, bool as_text, char **name_out,
                    char **type_out);

/* What the index keeps of a letter. */
enum index_mark {
  INDEX_ATTACHMENT = 1 << 0, INDEX_CALENDAR = 1 << 1, INDEX_KEY = 1 << 2,
  INDEX_SIGNED = 1 << 3, INDEX_SEALED = 1 << 4, INDEX_REPORT = 1 << 5,
};
struct index_doc {
  int64_t date;             /* headers_date() */
  char *from, *to, *cc;     /* formatted lists, clean */
  char *subject;
  char *message_id;
  char **references;
  char *list;               /* List-Id, or the name in it; NULL */
  char *text;               /* decoded text of all text parts; at most LIMIT_TEXT */
  char *filenames;          /* one a line */
  unsigned marks;           /* enum index_mark */
  char *digest;             /* headers_digest() */
};
/* In the reader child only. */
struct index_doc *index_message(const char *bytes, size_t length, int64_t arrival);
void index_doc_free(struct index_doc *doc);

/* Between processes.  _from_variant checks everything: NULL when malformed. */
GVariant *rendered_to_variant(const struct rendered *rendered);
struct rendered *rendered_from_variant(GVariant *variant);
GVariant *index_doc_to_variant(const struct index_doc *doc);
struct index_doc *index_doc_from_variant(GVariant *variant);

typedef struct rendered rendered_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(rendered_t, rendered_free)
typedef struct index_doc index_doc_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(index_doc_t, index_doc_free)
