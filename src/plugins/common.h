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
/* `feed` lives until the data is released. */
gpgme_error_t common_feed_data(struct common_feed *feed, gpgme_data_t *data_out);
