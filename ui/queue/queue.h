/* The outbox: each letter with its state and the reason for it. */
#pragma once

#include "ui/list.h"
#include "ui/ui-private.h"

struct queue_view {
  struct view view;
  GPtrArray *rows;          /* struct ledger_letter; NULL: not here yet */
  GStrv subjects;           /* of the rows */
  struct list list;
  request_id asked;
};

void queue_load(struct queue_view *queue);
const struct ledger_letter *queue_letter(const struct queue_view *queue, int i);
const char *queue_subject(const struct queue_view *queue, int i);
