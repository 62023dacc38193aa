#include "ui/term/term-private.h"

#include <string.h>

#include "base/sanitize.h"

struct term *
term_fake(int rows, int columns)
{
  struct term *term = g_new0(struct term, 1);
  term->canvas = canvas_new(rows, columns);
  term->fed = g_queue_new();
  term->fed_pastes = g_queue_new();
  term->gathered = -1;
  return term;
}

struct canvas *
term_canvas(struct term *term)
{
  return term->canvas;
}

void
term_feed(struct term *term, term_key key)
{
  g_queue_push_tail(term->fed, GUINT_TO_POINTER(key));
}

void
term_feed_paste(struct term *term, const char *text)
{
  g_queue_push_tail(term->fed_pastes, g_strdup(text));
  term_feed(term, TERM_KEY_PASTE);
}

static void
take_paste(struct term *term, char *text)
{
  g_free(term->pasted);
  term->pasted = sanitize_text(text, -1);
  g_free(text);
}

bool
term_read(struct term *term, term_key *key_out)
{
  if (g_queue_is_empty(term->fed))
    return term->device && !term->suspended && device_read(term, key_out);
  *key_out = GPOINTER_TO_UINT(g_queue_pop_head(term->fed));
  if (*key_out == TERM_KEY_PASTE)
    take_paste(term, g_queue_pop_head(term->fed_pastes));
  return true;
}

const char *
term_pasted(const struct term *term)
{
  return term->pasted != NULL ? term->pasted : "";
}

void
term_repaint(struct term *term)
{
  g_clear_pointer(&term->shown, canvas_free);
}

void
term_show(struct term *term)
{
  if (term->device && !term->suspended)
    device_paint(term);
}
