/* A letter being written: what it will be, to whom, how sealed; sent exactly as
 * shown.  Nothing that was written is lost but by the writer's own word. */
#pragma once

#include "ui/ui-private.h"

enum compose_field { FIELD_FROM, FIELD_TO, FIELD_CC, FIELD_BCC, FIELD_SUBJECT, FIELD_COUNT };

/* What the writer said yes to; each is asked once. */
enum compose_agreed {
  AGREED_NO_SUBJECT = 1 << 0, AGREED_NO_ATTACHMENT = 1 << 1, AGREED_POSTCARD = 1 << 2,
};

struct compose_view {
  struct view view;
  struct draft *draft;
  struct sealing *sealing;  /* what is shown is what is sent; NULL: being found out */
  request_id asked;         /* for it; 0: none */
  char *other_text;         /* what the last stay in the editor replaced, or what it left
                             * behind when it failed; NULL */
  unsigned agreed;          /* enum compose_agreed */
  int cursor;               /* a field, behind them the attachments */
  int top, height;          /* of the body's part */
  GPtrArray *lines;         /* char *: the text wrapped for so many columns; NULL: to be made */
  int lines_columns;
  GHashTable *looked_for;   /* addresses whose keys were looked for unasked; NULL: none */
  bool changed;             /* something would be lost */
  bool busy;                /* being sent or kept: no more changes */
  bool send_when_known;
  bool unkeepable;          /* it could not be kept at the end of the program */
};

/* ---- model.c ---- */

/* Something changed that decides who can be sealed to: it is found out anew. */
void compose_touch(struct compose_view *compose);
/* Keys have changed: that is found out anew for every letter that is being written. */
void compose_ask_again(struct ui *ui);
GPtrArray *compose_addresses(const struct compose_view *compose, enum compose_field field);
/* The field as people write it.  Free it. */
char *compose_field_text(const struct compose_view *compose, enum compose_field field);
/* Reads what was typed; INVALID with the place. */
bool compose_set_field(struct compose_view *compose, enum compose_field field, const char *text,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool compose_set_account(struct compose_view *compose, const char *name);
/* Takes `text` as it is shown and sent from now on. */
void compose_put_body(struct compose_view *compose, char *text);
/* The same by the writer's hand; what it replaces is kept. */
void compose_set_body(struct compose_view *compose, char *text);
void compose_move(struct compose_view *compose, int by);
/* The attachment under the cursor, -1: none. */
int compose_attachment(const struct compose_view *compose);
const char *compose_label(enum compose_field field);
bool compose_has_recipient(const struct draft *draft);
/* What the key of sealing turns: as it would be sent now, or as it was to be. */
bool compose_is_to_be_sealed(const struct compose_view *compose);
bool compose_is_to_be_signed(const struct compose_view *compose);
const struct conf_account *compose_account(const struct compose_view *compose);
/* Who can be sealed to, of this address; NULL: not known. */
const struct seal_recipient *compose_recipient(const struct compose_view *compose,
                                               const char *spec);
/* The first recipient that cannot be sealed to; NULL: none. */
const struct seal_recipient *compose_keyless(const struct compose_view *compose);
void compose_close(struct view *view);

/* ---- text.c: pure ---- */

/* Does the writer's own text (no quotation, no signature) speak of something
 * attached?  In the languages that the program knows. */
bool compose_speaks_of_attachment(const char *body);
/* The body with the signature block of one account replaced by another's (blocks as
 * draft_blank() makes them, "" for none); NULL when the old one is not at its end.
 * Free it. */
char *compose_replace_signature(const char *body, const char *old, const char *new);

/* ---- send.c ---- */

void compose_send(struct compose_view *compose);
void compose_sealing_known(struct compose_view *compose);
void compose_postpone(struct compose_view *compose);
void compose_discard(struct compose_view *compose);
bool compose_may_close(struct view *view);
bool compose_rescue(struct view *view);

/* ---- commands.c ---- */

/* In letters of the address and at its provider; `quiet`: without a word when there is
 * none. */
void compose_look_for_key(struct compose_view *compose, const char *address, bool quiet);
void compose_start(struct compose_view *compose);
/* Asks for a field; `goes_on`: then for what lacks next. */
void compose_ask_field(struct compose_view *compose, enum compose_field field, bool goes_on);
/* Says that it is being sent, if it is. */
bool compose_is_busy(struct compose_view *compose);
