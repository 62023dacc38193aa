/* What the user did not grant to a plugin is taken from its process, and from all that it
 * starts. */
#pragma once

#include <stdbool.h>

/* No connections: sockets of the internet's families cannot be made.  False: the kernel
 * does not do that. */
bool rights_no_network(void);
/* Of the files no more than the system's (to read and run), the plugin's own directory,
 * and `paths` (NULL-terminated; whole).  False: the kernel has no Landlock. */
bool rights_only_files(const char *plugin, char *const *paths);
