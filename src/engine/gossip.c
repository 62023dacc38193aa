/* Autocrypt key gossip (level 1, 1.1: "Key Gossip"): a letter that is sealed to several
 * brings within its seal the keys of those who see each other, so that each can answer
 * all.  What is remembered of it stands behind what somebody sent himself. */
#include <string.h>

#include "base/log.h"
#include "engine/autocrypt.h"
#include "store/drops.h"

/* The table is for what accounts remember; no account is called so. */
#define GOSSIP "\tautocrypt gossip"

/* ---- what is remembered ---- */

/* "TIMESTAMP SENDER KEYDATA" */
struct heard { int64_t at; char *sender, *keydata; };

static void
heard_clear(struct heard *heard)
{
  g_clear_pointer(&heard->sender, g_free);
  g_clear_pointer(&heard->keydata, g_free);
}
typedef struct heard heard_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(heard_t, heard_clear)

static bool
read_heard(struct engine *engine, const char *spec, struct heard *heard)
{
  g_autofree char *lower = g_ascii_strdown(spec, -1);
  g_autofree char *value = store_memory_get(engine->store, GOSSIP, lower);
  g_auto(GStrv) words = g_strsplit(value != NULL ? value : "", " ", 3);
  if (g_strv_length(words) != 3)
    return false;
  heard->at = g_ascii_strtoll(words[0], NULL, 10);
  heard->sender = g_strdup(words[1]);
  heard->keydata = g_strdup(words[2]);
  return true;
}

/* What is remembered costs no letter when it cannot be kept. */
static void
remember(struct engine *engine, const struct autocrypt *field, const char *sender, int64_t at)
{
  g_auto(heard_t) heard = {0};
  g_autoptr(GError) error = NULL;
  if (read_heard(engine, field->addr, &heard) && heard.at >= at)
    return;
  g_autofree char *lower = g_ascii_strdown(field->addr, -1);
  g_autofree char *value =
      g_strdup_printf("%" G_GINT64_FORMAT " %s %s", at, sender, field->keydata);
  if (!store_memory_set(engine->store, GOSSIP, lower, value, &error))
    log_dialogue("autocrypt", '*', error->message, -1);
}

GBytes *
gossip_remembered(struct engine *engine, const char *spec, char **sender_out)
{
  g_auto(heard_t) heard = {0};
  if (!read_heard(engine, spec, &heard))
    return NULL;
  struct autocrypt field = {.keydata = heard.keydata};
  *sender_out = g_steal_pointer(&heard.sender);
  return autocrypt_key(&field);
}

/* ---- a letter ---- */

static bool
has(const GPtrArray *addresses, const char *spec)
{
  for (guint i = 0; addresses != NULL && i < addresses->len; i++)
    if (address_same(((const struct address *)addresses->pdata[i])->spec, spec))
      return true;
  return false;
}

static bool
names(const struct headers *headers, const char *const *fields, const char *spec)
{
  for (; *fields != NULL; fields++) {
    g_autoptr(GPtrArray) addresses = headers_addresses(headers, *fields);
    if (has(addresses, spec))
      return true;
  }
  return false;
}

/* Does the letter go to this address, by its head and, where the seal covers them, by
 * the fields within?  Whoever passes a sealed letter on can write any head before it. */
static bool
goes_to(const struct rendered *outer, const struct headers *inner, const char *spec)
{
  static const char *const fields[] = {"To", "Cc", "Reply-To", NULL};
  bool covered = headers_get(inner, "To") != NULL || headers_get(inner, "Cc") != NULL;
  return (has(outer->to, spec) || has(outer->cc, spec) || has(outer->reply_to, spec)) &&
         (!covered || names(inner, fields, spec));
}

void
gossip_take(struct engine *engine, const struct opened *opened)
{
  const struct rendered *rendered = opened->rendered;
  if (!opened->sealed || opened->shown == NULL || rendered->envelope != ENVELOPE_PGP_SEALED ||
      rendered->from->len != 1 || rendered->date <= 0)
    return;
  const char *sender = ((const struct address *)rendered->from->pdata[0])->spec;
  if (conf_account_of_address(engine->conf, sender) != NULL || !address_is_valid_spec(sender))
    return;
  gsize length;
  const char *text = g_bytes_get_data(opened->shown, &length);
  g_autoptr(headers_t) inner = headers_parse(text != NULL ? text : "", length);
  g_autoptr(GPtrArray) list = gossip_parse(inner);
  int64_t at = MIN(rendered->date, g_get_real_time() / G_USEC_PER_SEC);
  for (guint i = 0; i < list->len; i++) {
    const struct autocrypt *field = list->pdata[i];
    /* Of himself he says it in the field Autocrypt, and of us nobody does. */
    if (!address_same(field->addr, sender) &&
        conf_account_of_address(engine->conf, field->addr) == NULL &&
        goes_to(rendered, inner, field->addr))
      remember(engine, field, sender, at);
  }
}

/* ---- going out ---- */

static char *
field_of(struct work *work, const struct outgoing *outgoing, const struct seal_recipient *to)
{
  g_autoptr(GBytes) armour =
      to->can_seal && to->key != NULL
          ? crypto_key_export(work->engine->crypto, outgoing->account->crypto_plugin, to->key,
                              work->cancel, NULL)
          : NULL;
  return armour != NULL ? autocrypt_field(GOSSIP_FIELD, to->spec, armour, false) : NULL;
}

char *
gossip_fields(struct work *work, const struct outgoing *outgoing)
{
  g_autoptr(GPtrArray) specs = g_ptr_array_new();
  if (!outgoing->encrypt || outgoing->account->autocrypt == CONF_AUTOCRYPT_NO)
    return NULL;
  for (guint i = 0; i < outgoing->visible->len; i++)
    if (!address_same(outgoing->visible->pdata[i], outgoing->author))
      g_ptr_array_add(specs, outgoing->visible->pdata[i]);
  if (specs->len < 2 || specs->len > GOSSIP_MOST)
    return NULL;
  g_ptr_array_add(specs, NULL);
  g_autoptr(GPtrArray) recipients =
      crypto_recipients(work->engine->crypto, outgoing->account->crypto_plugin,
                        (const char *const *)specs->pdata, work->cancel, NULL);
  GString *fields = g_string_new(NULL);
  for (guint i = 0; recipients != NULL && i < recipients->len; i++) {
    g_autofree char *field = field_of(work, outgoing, recipients->pdata[i]);
    g_string_append(fields, field != NULL ? field : "");
  }
  return g_string_free(fields, fields->len == 0);
}
