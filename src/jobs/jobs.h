/* jobs/ owns the workers: a small pool of threads, a queue in front of them,
 * groups whose jobs run one after another, and cancelling.  It knows nothing of
 * mail; what a job does and to whom it tells is its own affair. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdint.h>

struct jobs;
struct job;

struct job_spec {
  /* Runs on a worker, once, also when the job was cancelled before it began:
   * it then looks at job_cancellable() and ends at once. */
  void (*run)(struct job *job, void *data);
  void *data;
  GDestroyNotify free_data; /* after run; may be NULL */
  /* Jobs of one group run one after another, in the order of their adding
   * (one connection per account, one writer); NULL: none.  Copied. */
  const char *group;
};

/* `workers` threads at most; they start when they are needed. */
struct jobs *jobs_new(int workers);
/* Cancels everything, waits for what runs, runs what was queued (cancelled), so
 * that every job that was added ends. */
void jobs_free(struct jobs *jobs);

/* The job's number, never 0.  Any thread. */
uint64_t jobs_add(struct jobs *jobs, const struct job_spec *spec);
/* Asks a job to end; a number that is not known (any more) is no error. */
void jobs_cancel(struct jobs *jobs, uint64_t id);

uint64_t job_id(const struct job *job);
/* Owned by the job. */
GCancellable *job_cancellable(const struct job *job);
