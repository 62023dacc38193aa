/* HTML cut into tags and text, linearly.  (libxml2's parser takes 15 s for 80,000
 * open elements and as many stray end tags; nothing here looks back.) */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum markup_kind { MARKUP_TEXT, MARKUP_START, MARKUP_END };

#define MARKUP_NAME 16

struct markup {
  const char *at, *end;
  enum markup_kind kind;
  char name[MARKUP_NAME];   /* of the tag, lower-cased, cut */
  bool closed;              /* a start tag that ends in "/>" */
  const char *from, *to;    /* the text, or the attributes */
};

void markup_init(struct markup *markup, const char *source, size_t length);
/* The next tag or text; false at the end.  Comments, declarations and the
 * content of script, style, title and their like are passed over. */
bool markup_next(struct markup *markup);
/* The attribute of the start tag, character references decoded, or NULL. */
char *markup_attribute(const struct markup *markup, const char *name);
/* Appends text with its character references decoded. */
void markup_decode(GString *out, const char *from, const char *to);
