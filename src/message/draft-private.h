/* What the files that make drafts share. */
#pragma once

#include "message/draft.h"

/* RFC 3676, 4.3. */
#define DRAFT_SEPARATOR "-- \n"

/* Lists of struct address that own them. */
GPtrArray *draft_list_new(void);
void draft_list_add(GPtrArray *list, const GPtrArray *more);

void draft_attach(struct draft *draft, const char *name, const char *type, struct blob *blob);

/* A draft with nothing but its account and From. */
struct draft *draft_authored(const struct draft_author *author);
/* The author's signature with an empty line and the separator before it, or "". */
char *draft_signature(const struct draft_author *author);
bool draft_is_own(const struct draft_author *author, const char *spec);

/* `bytes` (at most 64) random bytes as hex, with a NUL behind them. */
void draft_random_hex(char *text, size_t bytes);

/* The field of a draft kept for oneself that holds what only postino knows of
 * it; never in a letter that leaves. */
#define DRAFT_STATE_FIELD "X-Postino-Draft"
char *draft_state_format(const struct draft *draft);
void draft_state_parse(struct draft *draft, const char *value);

/* Subject without the prefixes that replies gather, or forwards. */
const char *draft_subject_rest(const char *subject, bool forward);
