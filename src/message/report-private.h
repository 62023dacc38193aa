/* What render.c and index.c share of reports. */
#pragma once

#include <stdbool.h>

#include "message/mime.h"
#include "message/report.h"

/* report_parse() of a letter that is split already. */
struct report *report_from_mime(const struct mime *mime);
/* Reads the text of a message/delivery-status part into `report`. */
void report_read_status(struct report *report, const char *text, size_t length);
struct report *report_new(void);

/* The older reports, which only people were meant to read: adds the recipients
 * that `text` names; `delayed` when it says that the server keeps trying.
 * The Message-ID of the returned letter too, when it stands in the text. */
void report_read_human(struct report *report, const char *text, bool delayed);
struct report_recipient *report_add(struct report *report, const char *spec,
                                    enum report_action action);
/* "5.1.1" somewhere in `text`, or NULL. */
char *report_find_status(const char *text);
