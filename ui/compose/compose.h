/* A letter being written: what it will be, to whom, how sealed; sent exactly as
 * shown. */
#pragma once

#include "ui/ui-private.h"

enum compose_field { FIELD_FROM, FIELD_TO, FIELD_CC, FIELD_BCC, FIELD_SUBJECT, FIELD_COUNT };

struct compose_view {
  struct view view;
  struct draft *draft;
  struct sealing *sealing;  /* what is shown is what is sent; NULL: being found out */
  request_id asked;         /* for it; 0: none */
  int cursor;               /* a field, behind them the attachments */
  int top, height, body_rows; /* of the body's part */
  bool changed;             /* something would be lost */
  bool busy;                /* being sent or kept: no more changes */
  bool send_when_known;
};

/* Something changed: who can be sealed to is found out anew. */
void compose_touch(struct compose_view *compose);
GPtrArray *compose_addresses(const struct compose_view *compose, enum compose_field field);
/* The field as people write it.  Free it. */
char *compose_field_text(const struct compose_view *compose, enum compose_field field);
/* Reads what was typed; INVALID with the place. */
bool compose_set_field(struct compose_view *compose, enum compose_field field, const char *text,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool compose_set_account(struct compose_view *compose, const char *name);
void compose_move(struct compose_view *compose, int by);
/* The attachment under the cursor, -1: none. */
int compose_attachment(const struct compose_view *compose);
const char *compose_label(enum compose_field field);
void compose_close(struct view *view);

/* commands.c */
void compose_start(struct compose_view *compose);
void compose_sealing_known(struct compose_view *compose);
bool compose_may_close(struct view *view);
