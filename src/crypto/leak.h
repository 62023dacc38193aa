/* Searches what a plugin gave for the clear text that it was given: windows of
 * 24 bytes of which 8 or more differ.  It finds plugins' mistakes; it proves no
 * cipher. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Does `payload` hold a window of the decoded bodies of `entity`, or of
 * `subject` (may be NULL)?  Runs of base64 and hexadecimal in it are decoded and
 * searched too. */
bool leak_found(GBytes *entity, const char *subject, GBytes *payload);
