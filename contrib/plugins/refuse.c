/* The smallest plugin of postino that is honest: it has no keys, so it refuses.
 * Copy it, and put a cipher where it refuses.
 *
 *     cc -shared -fPIC -fvisibility=hidden -o refuse.so refuse.c \
 *        $(pkg-config --cflags postino-plugin)
 *     postino plugin check ./refuse.so
 *
 * The postino developers put this file into the public domain. */
#include <postino-plugin.h>

static const struct postino_host *host;

static int
start(const struct postino_host *h, const char *const *options, size_t n_options, void **state_out)
{
  (void)options;
  (void)n_options;
  *state_out = NULL;
  host = h;
  return 0;
}

static int
recipients(void *state, const char *const *addresses, const char *const *confirmed, size_t n)
{
  (void)state;
  (void)confirmed;
  for (size_t i = 0; i < n; i++) {
    struct postino_recipient recipient = {POSTINO_PLUGIN_HEAD(recipient),
                                          .address = addresses[i],
                                          .why = "this example has no keys; use another plugin"};
    host->recipient(host, &recipient);
  }
  return 0;
}

static int
seal(void *state, const struct postino_seal *letter)
{
  (void)state;
  (void)letter;
  return host->error(host, POSTINO_UNSUPPORTED, "this example seals nothing; use another plugin");
}

static const struct postino_plugin plugin = {
    POSTINO_PLUGIN_HEAD(plugin), .name = "refuse", .version = "1", .capabilities = POSTINO_CAN_SEAL,
    .start = start, .recipients = recipients, .seal = seal,
};

const struct postino_plugin *
postino_plugin_entry(uint32_t abi)
{
  return abi >= POSTINO_PLUGIN_ABI ? &plugin : NULL;
}
