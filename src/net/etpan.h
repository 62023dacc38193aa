/* libetpan's mailstream.  The library brings GnuTLS and Berkeley DB with it, which take a
 * third of the time in which a program begins: it is loaded by the first connection. */
#pragma once

#include <glib.h>
#include <libetpan/mailstream.h>

struct etpan {
  __typeof__(mailstream_low_new) *low_new;
  __typeof__(mailstream_new) *stream_new;
  __typeof__(mailstream_write) *write;
  __typeof__(mailstream_flush) *flush;
  __typeof__(mailstream_read) *read;
  __typeof__(mailstream_feed_read_buffer) *feed;
  __typeof__(mailstream_close) *close;
};
/* For as long as the program runs; any thread.  LOCAL. */
const struct etpan *etpan_load(GError **error) G_GNUC_WARN_UNUSED_RESULT;
