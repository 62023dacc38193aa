/* Plugin processes that wait for the next letter of their user.  Only what the user
 * wrote or asked passes through them: a letter from outside is opened by a process of
 * its own, which has seen no other and sees no other. */
#pragma once

#include "crypto/client.h"

struct idle;

struct idle *idle_new(void);
/* Ends those that wait. */
void idle_free(struct idle *idle);
/* One of this plugin that waits, lives and says nothing; or NULL. */
struct client *idle_take(struct idle *idle, const struct plugin_spec *spec);
/* After its reply: kept if it can stay and none waits yet, else ended. */
void idle_give(struct idle *idle, const struct plugin_spec *spec, struct client *client);
