#include "message/span.h"

#include <string.h>

bool
span_next_field(struct span *block, struct span *field)
{
  if (block->at >= block->end || *block->at == '\r' || *block->at == '\n')
    return false;
  const char *at = block->at;
  do {
    const char *lf = memchr(at, '\n', (size_t)(block->end - at));
    at = lf != NULL ? lf + 1 : block->end;
  } while (at < block->end && (*at == ' ' || *at == '\t'));
  *field = (struct span){block->at, at};
  block->at = at;
  return true;
}
