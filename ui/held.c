/* Keys that were typed for what is not there yet: a view that opens, a letter that is gone to. */
#include "ui/ui-private.h"

#define HELD_SECONDS 3
#define HELD_KEYS 256

void
ui_await_view(struct ui *ui, request_id request, ui_done done, void *data, GDestroyNotify destroy)
{
  ui_await(ui, request, NULL, done, data, destroy);
  ui_hold(ui, request);
}

void
ui_hold(struct ui *ui, request_id request)
{
  ui->held_for = request;
  ui->held_until = g_get_monotonic_time() + HELD_SECONDS * G_USEC_PER_SEC;
}

void
held_forget(struct ui *ui)
{
  ui->held_for = 0;
  g_array_set_size(ui->held, 0);
}

bool
held_takes(struct ui *ui, term_key key)
{
  if (ui->held_for == 0)
    return false;
  /* Who waits that long types for what is on the screen. */
  bool late = g_get_monotonic_time() >= ui->held_until;
  if (late || key == TERM_KEY_ESC || key == TERM_CONTROL('G')) {
    held_forget(ui);
    return false;
  }
  if (key != TERM_KEY_PASTE && ui->held->len < HELD_KEYS)
    g_array_append_val(ui->held, key);
  return true;
}

void
held_release(struct ui *ui, request_id request, bool opened)
{
  if (request != ui->held_for)
    return;
  g_autoptr(GArray) keys = g_steal_pointer(&ui->held);
  ui->held = g_array_new(FALSE, FALSE, sizeof(term_key));
  held_forget(ui);
  for (guint i = 0; opened && i < keys->len && !ui->leaving; i++)
    ui_key(ui, g_array_index(keys, term_key, i));
}
