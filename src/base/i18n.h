/* Translation marks.  Words that the contract fixes are never marked. */
#pragma once

#include <libintl.h>

#define _(text) gettext(text)
#define N_(text) text
