/* What the plugins by GPGME share. */
#pragma once

#include <glib.h>
#include <gpgme.h>
#include <stdbool.h>

/* The enum postino_code of GPGME's error. */
int common_code_of(gpgme_error_t error);
/* A boundary that stands in no encoded part; NULL without random bytes. */
char *common_boundary(void);
/* In the words of enum postino_validity. */
int common_validity(gpgme_validity_t validity);
bool common_is_dead(gpgme_key_t key);
void common_free_key(gpointer key);
