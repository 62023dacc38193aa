/* Delivery reports: RFC 3464 in multipart/report, and the older human ones; receipts of
 * readers (RFC 8098). */
#pragma once

#include <glib.h>

enum report_action { REPORT_FAILED, REPORT_DELAYED, REPORT_DELIVERED, REPORT_RELAYED, REPORT_EXPANDED,
                     REPORT_DISPLAYED, REPORT_DELETED };

struct report_recipient {
  char *spec;               /* final or original recipient */
  enum report_action action;
  char *status;             /* "5.1.1", or NULL */
  char *reason;             /* the diagnostic, clean */
};
struct report {
  char *message_id;         /* of the letter reported on, without <>, or NULL */
  char *envelope_id;        /* Original-Envelope-Id, or NULL */
  GPtrArray *recipients;    /* struct report_recipient */
};

/* NULL when the message is no delivery report.  In the reader child only. */
struct report *report_parse(const char *bytes, size_t length);
void report_free(struct report *report);
GVariant *report_to_variant(const struct report *report);
struct report *report_from_variant(GVariant *variant);

typedef struct report report_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(report_t, report_free)
