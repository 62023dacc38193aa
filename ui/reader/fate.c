/* What became of a letter that was sent from here, recipient by recipient. */
#include "ui/fate.h"
#include "ui/reader/reader.h"

/* Recipients that stand above the letter; the command "fates" shows all. */
#define FATES_SHOWN 20

static void
fates_came(struct view *view, struct event *event, void *data)
{
  struct reader_view *reader = (struct reader_view *)view;
  if (event->error != NULL || event->queue == NULL || event->queue->len == 0)
    return;
  g_clear_pointer(&reader->fates, g_ptr_array_unref);
  reader->fates = g_steal_pointer(&event->queue);
  g_clear_pointer(&reader->laid, g_ptr_array_unref);
}

void
reader_ask_fates(struct reader_view *reader)
{
  const struct rendered *rendered = reader->letter->rendered;
  const struct address *from = rendered->from->len > 0 ? g_ptr_array_index(rendered->from, 0) : NULL;
  struct ui *ui = reader->view.ui;
  if (from != NULL && rendered->message_id != NULL &&
      conf_account_of_address(ui->conf, from->spec) != NULL)
    ui_await_quiet(ui, engine_fates(ui->engine, rendered->message_id), &reader->view, fates_came,
                   NULL, NULL);
}

void
reader_each_fate(const struct reader_view *reader,
                 void (*take)(const char *line, bool bad, void *data), void *data)
{
  const struct ledger_letter *letter =
      reader->fates != NULL ? g_ptr_array_index(reader->fates, 0) : NULL;
  guint n = letter != NULL ? letter->recipients->len : 0;
  for (guint i = 0; i < MIN(n, FATES_SHOWN); i++) {
    bool bad;
    g_autofree char *line = fate_line(g_ptr_array_index(letter->recipients, i), &bad);
    take(line, bad, data);
  }
}
