#include "crypto/verdict.h"

#include <string.h>

#include "base/i18n.h"
#include "base/sanitize.h"
#include "crypto/postino-plugin.h"

/* Signatures and user ids of one letter that are kept. */
#define MOST_SIGNATURES 100
#define MOST_USER_IDS 200

struct verdict *
verdict_new(enum seal seal, const char *why)
{
  struct verdict *verdict = g_new0(struct verdict, 1);
  verdict->seal = seal;
  verdict->why = why != NULL ? sanitize_line(why, -1) : NULL;
  return verdict;
}

void
verdict_free(struct verdict *verdict)
{
  if (verdict == NULL)
    return;
  g_free(verdict->name);
  g_free(verdict->address);
  g_free(verdict->why);
  g_free(verdict->fingerprint);
  g_free(verdict);
}

char *
verdict_words(const struct verdict *verdict)
{
  switch (verdict->seal) {
  case SEAL_POSTCARD:
    return g_strdup("postcard");
  case SEAL_SIGNED:
    return g_strdup_printf("signed by %s <%s>", verdict->name, verdict->address);
  case SEAL_SEALED:
    return g_strdup("sealed");
  case SEAL_SEALED_SIGNED:
    return g_strdup_printf("sealed, signed by %s <%s>", verdict->name, verdict->address);
  case SEAL_UNVERIFIED:
    return g_strdup_printf("signature not verified: %s", verdict->why);
  case SEAL_SEALED_UNVERIFIED:
    return g_strdup_printf("sealed, signature not verified: %s", verdict->why);
  case SEAL_BROKEN:
    break;
  }
  return g_strdup_printf("broken: %s", verdict->why);
}

/* ---- what the plugin found ---- */

static void
free_user_id(gpointer data)
{
  struct found_user_id *id = data;
  g_free(id->text);
  g_free(id);
}

static void
free_signature(gpointer data)
{
  struct found_signature *signature = data;
  g_free(signature->key);
  g_ptr_array_unref(signature->user_ids);
  g_free(signature);
}

void
found_free(struct found *found)
{
  if (found == NULL)
    return;
  g_ptr_array_unref(found->signatures);
  g_free(found);
}

static struct found_signature *
begin_signature(struct found *found, const struct frame_value *value)
{
  struct found_signature *signature = g_new0(struct found_signature, 1);
  uint64_t status = value_number(value);
  signature->status = status <= POSTINO_SIGNATURE_ERROR ? (int)status : POSTINO_SIGNATURE_ERROR;
  signature->user_ids = g_ptr_array_new_with_free_func(free_user_id);
  g_ptr_array_add(found->signatures, signature);
  return signature;
}

static void
take_of_signature(struct found_signature *signature, const struct frame_value *value)
{
  g_autofree char *text = value_text(value);
  GPtrArray *ids = signature->user_ids;
  if (value->field == FIELD_KEY && signature->key == NULL)
    signature->key = sanitize_line(text, -1);
  else if (value->field == FIELD_SIGNED_AT)
    signature->signed_at = (int64_t)value_number(value);
  else if (value->field == FIELD_REVOCATION_UNKNOWN)
    signature->revocation_unknown = value_number(value) != 0;
  else if (value->field == FIELD_USER_ID && ids->len < MOST_USER_IDS) {
    struct found_user_id *id = g_new0(struct found_user_id, 1);
    id->text = g_steal_pointer(&text);
    g_ptr_array_add(ids, id);
  } else if (value->field == FIELD_VALIDITY && ids->len > 0) {
    uint64_t validity = value_number(value);
    struct found_user_id *id = ids->pdata[ids->len - 1];
    id->validity = validity <= POSTINO_VALIDITY_ULTIMATE ? (int)validity : 0;
  }
}

struct found *
found_from_frame(const struct frame *frame)
{
  struct found *found = g_new0(struct found, 1);
  struct found_signature *signature = NULL;
  struct frame_cursor cursor = {frame, 0};
  struct frame_value value;
  found->signatures = g_ptr_array_new_with_free_func(free_signature);
  while (frame_next(&cursor, &value)) {
    if (value.field == FIELD_ENCRYPTED)
      found->encrypted = value_number(&value) != 0;
    else if (value.field == FIELD_INTEGRITY)
      found->integrity = value_number(&value) != 0;
    else if (value.field == FIELD_SIGNATURE && found->signatures->len < MOST_SIGNATURES)
      signature = begin_signature(found, &value);
    else if (signature != NULL)
      take_of_signature(signature, &value);
  }
  return found;
}

/* ---- the rules ---- */

bool
user_id_parse(const char *text, char **name_out, char **address_out)
{
  const char *open = strchr(text, '<');
  size_t length = strlen(text);
  g_autofree char *name = NULL;
  g_autofree char *address = NULL;
  if (!g_utf8_validate(text, -1, NULL))
    return false;
  if (open == NULL) {
    address = g_strdup(text);
  } else {
    if (text[length - 1] != '>' || strchr(open + 1, '<') != NULL ||
        strchr(text, '>') != text + length - 1)
      return false;
    name = g_strndup(text, (gsize)(open - text));
    address = g_strndup(open + 1, length - (gsize)(open - text) - 2);
  }
  if (!address_is_valid_spec(address))
    return false;
  /* A name that is an address is taken for the signer's by who reads no further. */
  if (name != NULL && strchr(name, '@') != NULL)
    g_clear_pointer(&name, g_free);
  g_autofree char *clean = name != NULL ? sanitize_line(name, -1) : NULL;
  *name_out = clean != NULL && *g_strstrip(clean) != '\0' ? g_steal_pointer(&clean) : NULL;
  *address_out = sanitize_line(address, -1);
  return true;
}

static const char *
why_of_status(int status)
{
  switch (status) {
  case POSTINO_SIGNATURE_BAD:
    return _("the text is not what was signed; it was changed on its way");
  case POSTINO_SIGNATURE_NO_KEY:
    return _("the signer's key %s is not in your key ring");
  case POSTINO_SIGNATURE_EXPIRED:
    return _("the signature has expired (key %s)");
  case POSTINO_SIGNATURE_KEY_EXPIRED:
    return _("the signer's key %s has expired");
  case POSTINO_SIGNATURE_KEY_REVOKED:
    return _("the signer's key %s was revoked");
  default:
    return _("the signature could not be checked (key %s)");
  }
}

/* The words above with the key in the place of %s. */
static char *
why_with_key(const char *words, const char *key)
{
  g_auto(GStrv) parts = g_strsplit(words, "%s", 2);
  return g_strjoinv(key != NULL ? key : "?", parts);
}

static struct verdict *
unverified(bool sealed, const char *why)
{
  return verdict_new(sealed ? SEAL_SEALED_UNVERIFIED : SEAL_UNVERIFIED, why);
}

/* The user id by which this key is the sender's, or NULL; its name in *name_out. */
static bool
is_bound(const struct found_signature *signature, const char *address,
         const struct binding *binding, char **name_out)
{
  bool confirmed = binding->confirmed != NULL && signature->key != NULL &&
                   binding->confirmed(address, signature->key, binding->data);
  g_autofree char *any_name = NULL;
  for (guint i = 0; i < signature->user_ids->len; i++) {
    const struct found_user_id *id = signature->user_ids->pdata[i];
    g_autofree char *name = NULL;
    g_autofree char *spec = NULL;
    if (!user_id_parse(id->text, &name, &spec))
      continue;
    if (any_name == NULL)
      any_name = g_strdup(name);
    if (address_same(spec, address) && (confirmed || id->validity >= POSTINO_VALIDITY_MARGINAL)) {
      *name_out = g_steal_pointer(&name);
      return true;
    }
  }
  *name_out = g_steal_pointer(&any_name);
  return confirmed;
}

static struct verdict *
verdict_of_good(const struct found_signature *signature, bool sealed, const struct binding *binding)
{
  if (binding->from == NULL || binding->from->len != 1)
    return unverified(sealed, binding->from != NULL && binding->from->len > 1
                                  ? _("the letter names more than one sender")
                                  : _("the letter names no sender"));
  const char *address = ((struct address *)binding->from->pdata[0])->spec;
  g_autofree char *name = NULL;
  if (!is_bound(signature, address, binding, &name)) {
    /* These words are the contract's (INTERFACE.md). */
    g_autofree char *why = g_strdup_printf("key %s not confirmed for %s",
                                           signature->key != NULL ? signature->key : "?", address);
    return unverified(sealed, why);
  }
  struct verdict *verdict = verdict_new(sealed ? SEAL_SEALED_SIGNED : SEAL_SIGNED, NULL);
  verdict->address = sanitize_line(address, -1);
  verdict->name = name != NULL ? g_steal_pointer(&name) : g_strdup(verdict->address);
  verdict->revocation_unknown = signature->revocation_unknown;
  return verdict;
}

struct verdict *
verdict_of(const struct found *found, bool sealed, const struct binding *binding)
{
  guint n = found->signatures->len;
  if (n == 0)
    return sealed ? verdict_new(SEAL_SEALED, NULL)
                  : unverified(false, _("there is no signature in it"));
  if (n > 1) {
    g_autofree char *why = g_strdup_printf(_("it carries %u signatures, where one is expected"), n);
    return unverified(sealed, why);
  }
  const struct found_signature *signature = found->signatures->pdata[0];
  g_autofree char *why = why_with_key(why_of_status(signature->status), signature->key);
  struct verdict *verdict = signature->status == POSTINO_SIGNATURE_GOOD
                                ? verdict_of_good(signature, sealed, binding)
                                : unverified(sealed, why);
  verdict->fingerprint = g_strdup(signature->key);
  verdict->signed_at = signature->signed_at;
  return verdict;
}
