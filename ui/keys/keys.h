/* The key ring: whose keys there are, how sure that is, and what can be done. */
#pragma once

#include "ui/list.h"
#include "ui/ui-private.h"

struct keys_view {
  struct view view;
  char *query;              /* an address or a part of it; "": all */
  GPtrArray *rows;          /* struct key_info, one's own first; NULL: not here yet */
  struct list list;
  request_id asked;
};

void keys_load(struct keys_view *keys);
const struct key_info *keys_row(const struct keys_view *keys, int i);

/* What is known of a key, in one word. */
enum key_standing {
  KEY_STANDS_OWN, KEY_STANDS_CONFIRMED, KEY_STANDS_KNOWN, KEY_STANDS_DOUBTED, KEY_STANDS_CHANGED,
  KEY_STANDS_EXPIRED, KEY_STANDS_REVOKED,
};
enum key_standing key_standing(const struct key_info *key, int64_t now);
/* The fingerprint in groups of four, as people compare them.  Free it. */
char *key_grouped(const char *fingerprint);
const char *key_owner(const struct key_info *key);
/* "2026-11-26" or "?".  Free it. */
char *key_day(int64_t seconds);
/* The address of its user id, or NULL.  Free it. */
char *key_address(const struct key_info *key);

/* Says that a pair was made and to keep a copy; done function, for any view. */
void keys_say_made(struct view *view, struct event *event, void *data);
/* Says which keys were taken; done function. */
void keys_say_imported(struct view *view, struct event *event, void *data);
/* Takes the keys of a file as it was typed, and says which; `done` (may be NULL) hears of
 * it. */
void keys_import_file(struct view *view, const char *account, const char *typed, ui_done done);
/* Asks whether the key is the address's, with its fingerprint; `view` (may be NULL)
 * hears of it by `done`. */
struct key_question {
  const char *address, *fingerprint, *owner;
  bool changed;             /* letters to it were sealed to another until now */
};
void keys_ask_whose(struct ui *ui, struct view *view, const struct key_question *asked,
                    ui_done done);
