/* What the parts of ui/term share. */
#pragma once

#include <stdio.h>

#include "ui/term/term.h"

#define PASTE_LIMIT (1 << 20) /* more was not pasted by a person */

struct term {
  struct canvas *canvas;
  struct canvas *shown;     /* what the device shows; NULL: unknown */
  GQueue *fed;              /* term_feed(): GUINT_TO_POINTER(key) */
  GQueue *fed_pastes;       /* char * */
  char *pasted;
  GString *paste;           /* being pasted, or NULL */
  bool device;
  bool suspended;
  void *screen;             /* curses' SCREEN */
  FILE *out;                /* what curses writes to; NULL: stdout */
  int gathered;             /* a file for one painting, or -1 */
};

/* The device behind it; each is a no-op for the fake. */
void device_paint(struct term *term);
bool device_read(struct term *term, term_key *key_out);

/* ---- crash.c: the terminal is put back even when the program dies ---- */

/* Remembers the modes of the terminal before it is taken, and the bytes that
 * undo what was done to it; signals of a crash write them. */
void crash_remember_modes(void);
void crash_arm(const char *restore);
void crash_disarm(void);

/* ---- locale.c: UTF-8 inside, the terminal's charset at the door ---- */

/* The characters of a cell as curses takes them, at most `max` with the NUL;
 * what the locale lacks is written in ASCII, cut or padded to `columns`. */
void locale_cell(const struct cell *cell, wchar_t *out, int max);
bool locale_is_utf8(void);
