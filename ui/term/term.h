/* The terminal: a canvas to draw on, keys that come in.  curses lives behind
 * this header and nowhere else; a fake stands in for tests.  One thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ui/term/canvas.h"
#include "ui/term/keys.h"

struct term;

/* Takes the terminal of stdin and stdout.  CONFIG when TERM is unknown here,
 * USAGE when they are no terminal. */
struct term *term_open(GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Leaves it as it was found. */
void term_close(struct term *term);

/* One without a device: keys are fed, the canvas is read. */
struct term *term_fake(int rows, int columns);
void term_feed(struct term *term, term_key key);
void term_feed_paste(struct term *term, const char *text);

/* Draw here, then term_show(). */
struct canvas *term_canvas(struct term *term);
void term_show(struct term *term);
/* Everything is painted again at the next term_show(). */
void term_repaint(struct term *term);
void term_bell(struct term *term);
/* A message that the terminal shows on the desktop if it can: OSC 777 with a title, OSC 9
 * without (NULL).  What is no plain text is taken out. */
void term_notify(struct term *term, const char *title, const char *text);

/* The next key that is there, or false; never waits. */
bool term_read(struct term *term, term_key *key_out);
/* The text of TERM_KEY_PASTE: clean, at most 1 MB, LF line ends.  Owned by the
 * terminal until the next term_read(). */
const char *term_pasted(const struct term *term);
/* The size may have changed (SIGWINCH): TERM_KEY_RESIZE follows if so. */
void term_check_size(struct term *term);

/* Gives the terminal to another program, and takes it back. */
void term_suspend(struct term *term);
void term_resume(struct term *term);

typedef struct term term_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(term_t, term_close)
