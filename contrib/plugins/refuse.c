/* The smallest honest plugin: it has no keys, so it refuses.  Put a cipher there.
 *     cc -shared -fPIC -o refuse.so refuse.c $(pkg-config --cflags postino-plugin)
 *     postino plugin check ./refuse.so
 * The postino developers put this file into the public domain. */
#include <postino-plugin.h>
static const struct postino_host *host;
static int
start(const struct postino_host *h, const char *const *options, size_t n, void **state_out)
{
  host = h;
  return 0;
}
static int
recipients(void *state, const char *const *addresses, const char *const *confirmed, size_t n)
{
  for (size_t i = 0; i < n; i++)
    host->recipient(host, &(struct postino_recipient){.size = sizeof(struct postino_recipient),
      .abi = POSTINO_PLUGIN_ABI, .address = addresses[i], .why = "refuse has no keys"});
  return 0;
}
static int
seal(void *state, const struct postino_seal *letter)
{
  return host->error(host, POSTINO_UNSUPPORTED, "refuse seals nothing; use another plugin");
}
static const struct postino_plugin plugin = {POSTINO_PLUGIN_HEAD(plugin), .name = "refuse",
  .version = "1", .capabilities = POSTINO_CAN_SEAL, .start = start, .recipients = recipients,
  .seal = seal};
const struct postino_plugin *postino_plugin_entry(uint32_t abi) { return &plugin; }
