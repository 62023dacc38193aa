/* What every unit test includes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>

/* A copy of `text` in a block of exactly its length, without a NUL behind it,
 * so that AddressSanitizer sees an over-read of one byte. */
static inline char *
exact_copy(const void *text, size_t length)
{
  char *copy = malloc(length > 0 ? length : 1);
  memcpy(copy, text, length);
  return copy;
}
