/* 8-bit letters for servers that do not offer 8BITMIME (RFC 6152, 3): each part that holds
 * 8-bit bytes is encoded, what it decodes to stays the same. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "base/blob.h"

/* Writes the whole letter (CRLF ends) as 7-bit.  What is signed or sealed is never
 * touched: INVALID when that, or a structure that is not understood, holds 8-bit bytes. */
bool sevenbit_write(GBytes *letter, struct blob_writer *out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
