#include "jobs/jobs.h"

#include <stdbool.h>

struct job {
  uint64_t id;
  struct job_spec spec;
  char *group;
  GCancellable *cancel;
};

struct jobs {
  GThreadPool *pool;
  GMutex lock;
  GHashTable *known;        /* &job->id -> struct job: queued or running */
  GHashTable *groups;       /* name -> GQueue of jobs behind the running one */
  uint64_t last_id;
  bool closing;
};

static void
job_free(struct job *job)
{
  if (job->spec.free_data != NULL)
    job->spec.free_data(job->spec.data);
  g_free(job->group);
  g_object_unref(job->cancel);
  g_free(job);
}

/* The next of the group that `job` leaves, if one waits. */
static struct job *
leave_group(struct jobs *jobs, const struct job *job)
{
  if (job->group == NULL)
    return NULL;
  GQueue *waiting = g_hash_table_lookup(jobs->groups, job->group);
  struct job *next = g_queue_pop_head(waiting);
  if (next == NULL)
    g_hash_table_remove(jobs->groups, job->group);
  return next;
}

static void
run_job(void *item, void *data)
{
  struct job *job = item;
  struct jobs *jobs = data;
  job->spec.run(job, job->spec.data);
  g_mutex_lock(&jobs->lock);
  g_hash_table_remove(jobs->known, &job->id);
  struct job *next = leave_group(jobs, job);
  g_mutex_unlock(&jobs->lock);
  if (next != NULL)
    g_thread_pool_push(jobs->pool, next, NULL);
  job_free(job);
}

static void
free_waiting(void *queue)
{
  g_queue_free(queue);
}

struct jobs *
jobs_new(int workers)
{
  struct jobs *jobs = g_new0(struct jobs, 1);
  g_mutex_init(&jobs->lock);
  jobs->known = g_hash_table_new(g_int64_hash, g_int64_equal);
  jobs->groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_waiting);
  jobs->pool = g_thread_pool_new(run_job, jobs, workers, FALSE, NULL);
  return jobs;
}

/* Jobs that wait in a group are pushed by the one before them, so the pool is
 * closed only when none is left. */
static void
wait_for_all(struct jobs *jobs)
{
  for (;;) {
    g_mutex_lock(&jobs->lock);
    guint left = g_hash_table_size(jobs->known);
    g_mutex_unlock(&jobs->lock);
    if (left == 0)
      return;
    g_usleep(2000);
  }
}

void
jobs_free(struct jobs *jobs)
{
  if (jobs == NULL)
    return;
  g_mutex_lock(&jobs->lock);
  jobs->closing = true;
  GHashTableIter at;
  void *job;
  g_hash_table_iter_init(&at, jobs->known);
  while (g_hash_table_iter_next(&at, NULL, &job))
    g_cancellable_cancel(((struct job *)job)->cancel);
  g_mutex_unlock(&jobs->lock);
  wait_for_all(jobs);
  g_thread_pool_free(jobs->pool, FALSE, TRUE);
  g_hash_table_unref(jobs->known);
  g_hash_table_unref(jobs->groups);
  g_mutex_clear(&jobs->lock);
  g_free(jobs);
}

/* Does the job have to wait behind another of its group? */
static bool
must_wait(struct jobs *jobs, struct job *job)
{
  if (job->group == NULL)
    return false;
  GQueue *waiting = g_hash_table_lookup(jobs->groups, job->group);
  if (waiting != NULL) {
    g_queue_push_tail(waiting, job);
    return true;
  }
  g_hash_table_insert(jobs->groups, g_strdup(job->group), g_queue_new());
  return false;
}

uint64_t
jobs_add(struct jobs *jobs, const struct job_spec *spec)
{
  struct job *job = g_new0(struct job, 1);
  job->spec = *spec;
  job->group = g_strdup(spec->group);
  job->cancel = g_cancellable_new();
  g_mutex_lock(&jobs->lock);
  uint64_t id = job->id = ++jobs->last_id;
  if (jobs->closing)
    g_cancellable_cancel(job->cancel);
  g_hash_table_insert(jobs->known, &job->id, job);
  bool waits = must_wait(jobs, job);
  g_mutex_unlock(&jobs->lock);
  if (!waits)
    g_thread_pool_push(jobs->pool, job, NULL);
  return id;
}

void
jobs_cancel(struct jobs *jobs, uint64_t id)
{
  g_mutex_lock(&jobs->lock);
  struct job *job = g_hash_table_lookup(jobs->known, &id);
  GCancellable *cancel = job != NULL ? g_object_ref(job->cancel) : NULL;
  g_mutex_unlock(&jobs->lock);
  if (cancel == NULL)
    return;
  g_cancellable_cancel(cancel);
  g_object_unref(cancel);
}

uint64_t
job_id(const struct job *job)
{
  return job->id;
}

GCancellable *
job_cancellable(const struct job *job)
{
  return job->cancel;
}
