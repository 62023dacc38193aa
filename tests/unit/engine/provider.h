/* The real provider of tests/isp for a test program: Dovecot, Postfix, the sample
 * mail and its keys. */
#pragma once

#include "tests/unit/engine/house.h"

/* Starts it with the sample mail.  Where it cannot be started by this user the
 * program tells its tests as skipped and ends. */
void provider_up(void);
void provider_down(void);

/* The rc block of NAME ("anna", "bruno"), without `password` when `ask`. */
char *provider_rc(const char *name, bool ask);
char *provider_password(const char *name);
/* Plugins of this process find NAME's keys. */
void provider_keys_of(const char *name);
/* Waits until NAME's drop holds `count` letters; how many lie there now. */
void provider_wait(const char *name, guint count);
guint provider_drop(const char *name);
