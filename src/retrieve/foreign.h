/* What other programs know of a drop: mpop's uidls, getmail's oldmail, fetchmail's
 * .fetchids, Thunderbird's popstate.dat, Claws Mail's uidl files. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* A letter that the other program retrieved whole. */
struct foreign {
  char *host, *user;        /* NULL: the file does not say whose it is */
  char *uid;
  int64_t fetched;          /* seconds; 0: not said */
};
void foreign_free(struct foreign *foreign);

/* The letters of such a file, told by its form (pure).  Lines that make no sense are
 * passed over; none at all: INVALID. */
GPtrArray *foreign_read(const char *text, size_t length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
