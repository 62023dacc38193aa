/* inotify over every Maildir. */
#pragma once

#include "store/scan.h"

/* Watches what the scan found, if anyone asked to be told. */
void watch_folders(struct store *store, const struct scan *scan);
