/* What the plugins by GPGME share. */
#pragma once

#include <glib.h>
#include <gpgme.h>
#include <libintl.h>
#include <stdbool.h>

#include "crypto/postino-plugin.h"

#define _(text) gettext(text)

/* The enum postino_code of GPGME's error. */
int common_code_of(gpgme_error_t error);
/* Why a letter cannot be opened for which no secret key is here. */
const char *common_not_for_us(void);
/* A boundary that stands in no encoded part; NULL without random bytes. */
char *common_boundary(void);
/* In the words of enum postino_validity. */
int common_validity(gpgme_validity_t validity);
bool common_is_dead(gpgme_key_t key);
void common_free_key(gpointer key);

/* The path of a program that stands beside the host, in which plugins run; or NULL. */
char *common_program(const char *name);

/* A letter that GnuPG reads, and what is said of it meanwhile. */
struct common_feed {
  const struct postino_host *host;
  struct postino_bytes bytes;
  const char *what;         /* translated, or NULL */
  uint64_t before, total;   /* bytes that were read in earlier steps, and of all steps */
  size_t at;
};
/* `feed` lives until common_feed_end(), which releases the data (NULL: there is none). */
gpgme_error_t common_feed_data(struct common_feed *feed, gpgme_data_t *data_out);
void common_feed_end(struct common_feed *feed, gpgme_data_t data);
/* For what is large: GPGME's own pieces of 4 KB are many. */
gpgme_error_t common_in_large_pieces(gpgme_data_t data);

/* Fails the operation with GPGME's error, in the plugin's words for its code; for the
 * plugin's functions to return. */
int common_failed(const struct postino_host *host, gpgme_error_t error, bool too_large,
                  const char *(*sentence_of)(int code));

/* opening.c: a letter that is opened. */
struct common_opening {
  const struct postino_host *host;
  gpgme_ctx_t ctx;
  struct common_feed *feed;
  bool *too_large;          /* set when more comes out than is accepted */
};
typedef gpgme_error_t (*common_op)(gpgme_ctx_t ctx, gpgme_data_t in, gpgme_data_t out);
/* What `op` makes of the data goes to the host. */
gpgme_error_t common_open(const struct common_opening *opening, const struct postino_open *open,
                          common_op op);
/* An op: what was signed lies within. */
gpgme_error_t common_verify_inside(gpgme_ctx_t ctx, gpgme_data_t in, gpgme_data_t out);
/* The data by its detached signature. */
gpgme_error_t common_verify(const struct common_opening *opening, const struct postino_open *open);
/* Those that the last operation found. */
void common_each_signature(gpgme_ctx_t ctx, void (*say)(void *plugin, gpgme_signature_t signature),
                           void *plugin);
