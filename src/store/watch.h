/* inotify over every Maildir. */
#pragma once

#include "store/index-private.h"

/* Watches what is there, if anyone asked to be told.  Before a scan: what comes
 * meanwhile is either met by the scan or told of. */
void watch_folders(struct store *store, GCancellable *cancel);
