/* The index of sealed letters (rc: index-sealed): its key, and the letters whose words
 * go into it.  The key lies in .postino/index-key, a letter sealed to oneself: who can
 * open one's letters can search them, and nobody else. */
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "engine/out.h"

#define KEY_BYTES 32
/* What stands before the key in the sealed letter. */
#define KEY_MARK "index-key:"
/* Letters that are asked for at a time. */
#define AT_ONCE 200

static char *
key_path(struct engine *engine)
{
  return g_build_filename(store_dir(engine->store), ".postino", "index-key", NULL);
}

/* ---- the key ---- */

static bool
random_bytes(void *bytes, size_t length, GError **error)
{
  auto_fd fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  size_t got = 0;
  if (fd >= 0 && file_read_all(fd, bytes, length, &got, NULL) && got == length)
    return true;
  return error_set(error, POSTINO_ERROR_LOCAL, _("there are no random bytes for a key"));
}

static char *
key_to_text(const guint8 *bytes)
{
  GString *text = g_string_new(KEY_MARK);
  for (size_t i = 0; i < KEY_BYTES; i++)
    g_string_append_printf(text, "%02x", bytes[i]);
  g_string_append_c(text, '\n');
  return g_string_free(text, FALSE);
}

static GBytes *
seal_key(struct work *work, const guint8 *bytes, GError **error)
{
  const struct conf_account *account = engine_account(work->engine, NULL, error);
  if (account == NULL)
    return NULL;
  g_autoptr(GPtrArray) own = address_parse_header(account->from, -1);
  g_autoptr(draft_t) draft = draft_new();
  if (own->len == 0) {
    error_set(error, POSTINO_ERROR_CONFIG, _("account \"%s\" has no address to seal a key to"),
              account->name);
    return NULL;
  }
  draft->account = g_strdup(account->name);
  draft->from = g_ptr_array_steal_index(own, 0);
  draft->subject = g_strdup("index-key");
  draft->body = key_to_text(bytes);
  g_autoptr(blob_t) sealed =
      seal_to_oneself(work, account, draft, g_get_real_time() / G_USEC_PER_SEC, error);
  secret_wipe(draft->body, strlen(draft->body));
  return sealed != NULL ? blob_bytes(sealed, error) : NULL;
}

static bool
make_key(struct work *work, const char *path, GError **error)
{
  guint8 bytes[KEY_BYTES];
  if (!random_bytes(bytes, sizeof bytes, error))
    return false;
  g_autoptr(GBytes) sealed = seal_key(work, bytes, error);
  bool done = sealed != NULL && file_replace(path, sealed, 0600, error) &&
              store_seal_unlock(work->engine->store, (const char *)bytes, sizeof bytes, error);
  secret_wipe(bytes, sizeof bytes);
  return done;
}

static bool
key_of_text(const char *text, size_t length, guint8 *bytes)
{
  const char *at = g_strstr_len(text, (gssize)length, KEY_MARK);
  if (at == NULL || (size_t)(text + length - at) < strlen(KEY_MARK) + (size_t)KEY_BYTES * 2)
    return false;
  at += strlen(KEY_MARK);
  for (size_t i = 0; i < KEY_BYTES; i++) {
    int high = g_ascii_xdigit_value(at[i * 2]), low = g_ascii_xdigit_value(at[i * 2 + 1]);
    if (high < 0 || low < 0)
      return false;
    bytes[i] = (guint8)(high << 4 | low);
  }
  return true;
}

static bool
open_key(struct work *work, GBytes *sealed, GError **error)
{
  struct ref ref = {.bytes = sealed};
  g_autoptr(opened_t) opened = open_letter(work, &ref, NULL, error);
  guint8 bytes[KEY_BYTES] = {0};
  if (opened == NULL)
    return false;
  gsize length = 0;
  const char *text = opened->sealed && opened->shown != NULL
                         ? g_bytes_get_data(opened->shown, &length) : NULL;
  if (text == NULL || !key_of_text(text, length, bytes))
    return error_set(error, POSTINO_ERROR_AUTH,
                     _("the index of sealed letters stays locked: its key cannot be opened (%s)"),
                     opened->verdict->why != NULL ? opened->verdict->why
                                                  : _("it holds none; remove .postino/index-key"));
  bool done = store_seal_unlock(work->engine->store, (const char *)bytes, sizeof bytes, error);
  secret_wipe(bytes, sizeof bytes);
  return done;
}

/* `make`: a key is made where there is none.  *unlocked_out is false without an error
 * when there is none. */
static bool
unlock(struct work *work, bool make, bool *unlocked_out, GError **error)
{
  struct engine *engine = work->engine;
  *unlocked_out = store_seal_is_unlocked(engine->store);
  if (*unlocked_out)
    return true;
  g_autofree char *path = key_path(engine);
  if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
    *unlocked_out = make;
    return !make || make_key(work, path, error);
  }
  g_autoptr(GBytes) sealed = file_read(path, 1 << 20, error);
  *unlocked_out = sealed != NULL && open_key(work, sealed, error);
  return *unlocked_out;
}

/* ---- letters ---- */

static char *
text_of(const struct rendered *rendered)
{
  GString *text = g_string_new(rendered->subject);
  for (guint i = 0; i < rendered->lines->len; i++) {
    const struct rendered_line *line = rendered->lines->pdata[i];
    g_string_append_c(text, '\n');
    g_string_append(text, line->text != NULL ? line->text : "");
  }
  return g_string_free(text, FALSE);
}

static bool
add(struct work *work, const struct opened *opened, GError **error)
{
  g_autofree char *text = text_of(opened->rendered);
  bool done = store_seal_add(work->engine->store, opened->key, text, error);
  secret_wipe(text, strlen(text));
  return done;
}

void
sealed_note(struct work *work, const struct opened *opened)
{
  bool unlocked;
  g_autoptr(GError) why = NULL;
  if (!work->engine->conf->index_sealed || !opened->sealed || opened->shown == NULL ||
      opened->key == NULL)
    return;
  if ((!unlock(work, false, &unlocked, &why) || (unlocked && !add(work, opened, &why))) &&
      !error_is(why, POSTINO_ERROR_CANCELLED))
    g_info("a sealed letter is not indexed: %s", why->message);
}

void
sealed_before_search(struct work *work, const char *query)
{
  bool unlocked;
  g_autoptr(GError) why = NULL;
  /* With a screen nobody is asked for a passphrase by a search. */
  if (query == NULL || !work->engine->conf->index_sealed || work->engine->options.interactive)
    return;
  if (!unlock(work, false, &unlocked, &why) && !error_is(why, POSTINO_ERROR_CANCELLED))
    work_notice(work, true, why->message);
}

bool
sealed_forget(struct engine *engine, GError **error)
{
  return engine->conf->index_sealed || store_seal_forget(engine->store, error);
}

static bool
add_key(struct work *work, const char *key, GError **error)
{
  struct ref ref = {.key = (char *)key};
  g_autoptr(GError) why = NULL;
  g_autoptr(opened_t) opened = open_letter(work, &ref, NULL, &why);
  if (opened == NULL && error_is(why, POSTINO_ERROR_CANCELLED)) {
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  /* A letter that is gone, or that no key here opens, is no failure. */
  return opened == NULL || !opened->sealed || opened->shown == NULL || add(work, opened, error);
}

static bool
run_unlock(struct work *work, GError **error)
{
  struct engine *engine = work->engine;
  bool unlocked;
  guint64 done = 0;
  if (!engine->conf->index_sealed)
    return error_set(error, POSTINO_ERROR_CONFIG,
                     _("the text of sealed letters is not indexed; write index-sealed = yes into "
                       "the rc file"));
  if (!refresh_first(work, error) || !unlock(work, true, &unlocked, error))
    return false;
  for (int64_t before = G_MAXINT64;;) {
    g_auto(GStrv) keys = store_seal_waiting(engine->store, &before, AT_ONCE, error);
    if (keys == NULL)
      return false;
    if (*keys == NULL)
      return true;
    for (char **key = keys; *key != NULL; key++) {
      work_progress(work, _("reading sealed letters"), ++done, 0);
      if (!add_key(work, *key, error))
        return false;
    }
  }
}

request_id
engine_unlock(struct engine *engine)
{
  return engine_request(engine, GROUP_CHANGE, run_unlock, NULL, NULL);
}
