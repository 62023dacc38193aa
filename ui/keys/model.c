#include <string.h>

#include "base/i18n.h"
#include "ui/keys/keys.h"

/* One's own first, then by owner, the newest of an owner first. */
static int
by_owner(gconstpointer one, gconstpointer other)
{
  const struct key_info *a = *(struct key_info *const *)one, *b = *(struct key_info *const *)other;
  if (a->secret != b->secret)
    return a->secret ? -1 : 1;
  int order = g_utf8_collate(key_owner(a), key_owner(b));
  return order != 0 ? order : (a->since < b->since) - (a->since > b->since);
}

static void
arrived(struct view *view, struct event *event, void *data)
{
  struct keys_view *keys = (struct keys_view *)view;
  keys->asked = 0;
  if (event->keys == NULL)
    return;
  g_clear_pointer(&keys->rows, g_ptr_array_unref);
  keys->rows = g_steal_pointer(&event->keys);
  g_ptr_array_sort(keys->rows, by_owner);
  list_set(&keys->list, (int)keys->rows->len);
}

void
keys_load(struct keys_view *keys)
{
  struct ui *ui = keys->view.ui;
  ui_forget(ui, keys->asked);
  keys->asked = engine_keys(ui->engine, NULL, keys->query);
  ui_await(ui, keys->asked, &keys->view, arrived, NULL, NULL);
}

const struct key_info *
keys_row(const struct keys_view *keys, int i)
{
  return keys->rows != NULL && i >= 0 && i < (int)keys->rows->len
             ? g_ptr_array_index(keys->rows, i)
             : NULL;
}

enum key_standing
key_standing(const struct key_info *key, int64_t now)
{
  if (key->revoked)
    return KEY_STANDS_REVOKED;
  if (key->expires != 0 && key->expires <= now)
    return KEY_STANDS_EXPIRED;
  if (key->secret)
    return KEY_STANDS_OWN;
  if (key->confirmed)
    return KEY_STANDS_CONFIRMED;
  if (key->changed)
    return KEY_STANDS_CHANGED;
  return key->trusted ? KEY_STANDS_KNOWN : KEY_STANDS_DOUBTED;
}

char *
key_grouped(const char *fingerprint)
{
  GString *text = g_string_new(NULL);
  for (size_t i = 0; fingerprint[i] != '\0'; i++)
    g_string_append_printf(text, "%s%c", i > 0 && i % 4 == 0 ? " " : "", fingerprint[i]);
  return g_string_free(text, FALSE);
}

const char *
key_owner(const struct key_info *key)
{
  return key->user_id != NULL ? key->user_id : _("without a name");
}

char *
key_day(int64_t seconds)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_local(seconds);
  return date != NULL ? g_date_time_format(date, "%Y-%m-%d") : g_strdup("?");
}

char *
key_address(const struct key_info *key)
{
  g_autoptr(GPtrArray) owners = address_parse_header(key->user_id != NULL ? key->user_id : "", -1);
  if (owners->len != 1)
    return NULL;
  return g_strdup(((const struct address *)g_ptr_array_index(owners, 0))->spec);
}
