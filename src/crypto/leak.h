/* Searches what a plugin gave for the clear text that it was given: windows of
 * 24 bytes of which 8 or more differ.  It finds plugins' mistakes; it proves no
 * cipher. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct needles;

/* What must not be found: the decoded bodies of `entity`, and `subject` (may be
 * NULL). */
struct needles *needles_new(GBytes *entity, const char *subject);
void needles_free(struct needles *needles);

/* Is a window of it in the payload?  `decode`: runs of base64 and hexadecimal in
 * the payload are decoded and searched too. */
bool needles_found(const struct needles *needles, const void *payload, size_t length, bool decode);

typedef struct needles needles_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(needles_t, needles_free)
