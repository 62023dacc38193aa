#include "net/etpan.h"

#include <dlfcn.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/i18n.h"

static bool
find_all(void *library, struct etpan *etpan)
{
  const struct {
    void *place;
    const char *name;
  } wanted[] = {
      {&etpan->low_new, "mailstream_low_new"},   {&etpan->stream_new, "mailstream_new"},
      {&etpan->write, "mailstream_write"},       {&etpan->flush, "mailstream_flush"},
      {&etpan->read, "mailstream_read"},         {&etpan->feed, "mailstream_feed_read_buffer"},
      {&etpan->close, "mailstream_close"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
    void *function = dlsym(library, wanted[i].name);
    if (function == NULL)
      return false;
    *(void **)wanted[i].place = function;
  }
  return true;
}

static gpointer
load(gpointer data)
{
  static struct etpan etpan;
  void *library = dlopen(ETPAN_SONAME, RTLD_NOW | RTLD_LOCAL);
  return library != NULL && find_all(library, &etpan) ? &etpan : NULL;
}

const struct etpan *
etpan_load(GError **error)
{
  static GOnce once = G_ONCE_INIT;
  const struct etpan *etpan = g_once(&once, load, NULL);
  if (etpan == NULL)
    error_set(error, POSTINO_ERROR_LOCAL, _("%s cannot be loaded; install it again"), ETPAN_SONAME);
  return etpan;
}
