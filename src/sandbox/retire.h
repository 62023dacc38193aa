/* A child that has worked this long is let go and a fresh one takes its place:
 * its limit on processor time holds for its whole life. */
#pragma once

#define RETIRE_CPU_SECONDS 60
