/* Values with parameters (RFC 2045 5.1, RFC 2183, RFC 2231): Content-Type and
 * Content-Disposition, read tolerantly and linearly. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct params;

/* `value` NULL gives an empty one.  Parameters beyond 200 are not kept. */
struct params *params_parse(const char *value);
void params_free(struct params *params);

/* What stands before the first ';', lower-cased, comments and blanks left out:
 * "text/plain"; "" when there is none. */
const char *params_main(const struct params *params);
/* The name of parameter `i`, lower-cased; NULL: there are fewer. */
const char *params_name(const struct params *params, guint i);
/* The parameter as it stands there (unquoted), or NULL; owned by params. */
const char *params_raw(const struct params *params, const char *name);
/* The parameter as clean UTF-8 on one line: RFC 2231 continuations, charsets and
 * percent signs, else encoded words (RFC 2047), else raw.  NULL: none. */
char *params_text(const struct params *params, const char *name);

typedef struct params params_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(params_t, params_free)
