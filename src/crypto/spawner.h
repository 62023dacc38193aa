/* The one thread that starts plugin processes.  A process is killed when the thread
 * that started it ends, and workers come and go: this one stays for as long as the
 * program runs. */
#pragma once

/* Runs `work` there, waits, and gives what it gave.  Safe for threads. */
int spawner_run(int (*work)(void *data), void *data);
