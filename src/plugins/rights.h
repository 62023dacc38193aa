/* What a plugin's process may do, enforced by the kernel: landlock for files, a filter
 * of system calls for the network and for leaving its process group.  Both hold for
 * whatever it starts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Descriptors, dumps and sizes, for every plugin; it dies with `parent`. */
void rights_give_up(int parent);
/* What GnuPG's daemons do for others, too, they must not do under a plugin's limits: its
 * agent is started before them, where `rights` have "gnupg", and its dirmngr, which asks
 * the network, where "dirmngr" stands beside it. */
void rights_start_daemons(char *const *rights, size_t n);
/* `rights` as the core writes them: "network", "gnupg", "read:/PATH", "write:/PATH";
 * with "everything" nothing more is taken.  `program` itself can be read in any case.
 * False when the kernel has the means and refuses them. */
bool rights_limit(const char *program, char *const *rights, size_t n);
/* Before another program takes over. */
void rights_limit_memory(void);
