/* How a reader child gives up everything that a process can do but compute. */
#pragma once

#include <stdbool.h>

/* Dies with `parent`, the process that started it; false when that is gone. */
bool rights_die_with(int parent);

/* No new privileges, files, network, processes, core dumps or tracing; bounded
 * memory and processor time; a list of system calls.  For good.  False when the
 * kernel refuses any of it: then nothing from outside may be read. */
bool rights_drop(void);
