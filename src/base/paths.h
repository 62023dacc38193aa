/* Where the program's own files lie: beside the executable in a build tree,
 * else where they were installed. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The helper program `name` (postino-reader, postino-plugin-host).  Free it. */
char *paths_libexec(const char *name);
/* The bundled plugin `name` ("openpgp"): its shared object.  Free it. */
char *paths_plugin(const char *name);
/* The bundled keymap `name` ("mutt"): its file.  Free it. */
char *paths_keymap(const char *name);
/* A private directory for this user's short-lived files, kept in memory:
 * $XDG_RUNTIME_DIR, else one of mode 0700 under /dev/shm; NULL and `error`
 * where neither can be had.  Free it. */
char *paths_runtime(GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same if it lies in memory, else one in /dev/shm; LOCAL when neither does. */
char *paths_memory(GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Does the file system of `path` show what other machines do?  They share neither memory
 * nor watches with this one.  True for one that cannot be asked. */
bool paths_is_shared(const char *path);
/* The same of a statfs f_type (its low 32 bits). */
bool paths_type_is_shared(uint32_t type);
/* `~/` at the start of `path` put as the home.  Free it. */
char *paths_expand(const char *path);
