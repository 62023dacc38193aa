/* Keys: what the terminal sends, and the words that keymap files use for it.
 * A character is its code point; C-x is the control character; keys without a
 * character lie above the code points.  M-x is what terminals make of it: Esc,
 * then x. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef uint32_t term_key;

#define TERM_KEY_ESC 27
#define TERM_KEY_ENTER 13
#define TERM_KEY_TAB 9
#define TERM_KEY_BACKSPACE 127
enum {
  TERM_KEY_UP = 0x110000, TERM_KEY_DOWN, TERM_KEY_LEFT, TERM_KEY_RIGHT, TERM_KEY_HOME,
  TERM_KEY_END, TERM_KEY_PAGE_UP, TERM_KEY_PAGE_DOWN, TERM_KEY_INSERT, TERM_KEY_DELETE,
  TERM_KEY_BACK_TAB, TERM_KEY_F1, TERM_KEY_F12 = TERM_KEY_F1 + 11,
  TERM_KEY_RESIZE,          /* the size changed: draw anew */
  TERM_KEY_PASTE,           /* text was pasted: term_pasted() */
};
#define TERM_CONTROL(letter) ((term_key)((letter) & 31))

/* At most so many keys in a row are one binding. */
#define TERM_KEYS_MAX 3
struct key_sequence { term_key keys[TERM_KEYS_MAX]; int n; };

/* Reads "x", "C-x", "M-x", "PageUp", "<C-x><C-s>", "gg"; false for anything
 * else. */
bool key_parse(const char *word, struct key_sequence *keys_out);
/* The shortest word for it.  Free it. */
char *key_format(const struct key_sequence *keys);
/* The names of keys without a character, NULL-terminated, for suggestions. */
const char *const *key_names(void);
