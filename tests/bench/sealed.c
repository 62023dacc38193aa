/* sealed RC N: seals N letters of a page in one process, then opens each, and prints the
 * two rates a second: what the interface and a session of "send -bs" have. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "engine/engine.h"

static void
stop(const char *what, const GError *why)
{
  fprintf(stderr, "%s: %s\n", what, why != NULL ? why->message : "not as it should be");
  exit(1);
}

static GBytes *
letter(int number)
{
  GString *text = g_string_new(NULL);
  g_string_printf(text,
                  "From: Anna Rossi <anna@tuoisp.example>\nTo: bruno@tuoisp.example\n"
                  "Subject: bench %d\nMIME-Version: 1.0\n"
                  "Content-Type: text/plain; charset=utf-8\n\n",
                  number);
  for (int i = 0; i < 60; i++)
    g_string_append_printf(text, "Riga %d della lettera %d, che nessuno deve poter leggere.\n", i,
                           number);
  return g_string_free_to_bytes(text);
}

static struct event *
ended(struct engine *engine, request_id request)
{
  for (;;) {
    struct event *event = engine_wait(engine);
    if (event->kind == EVENT_DONE && event->request == request)
      return event;
    event_free(event);
  }
}

/* Without a server: what is sealed is kept, and said to be. */
static void
seal(struct engine *engine, int number)
{
  const char *nobody[] = {NULL};
  struct send_options options = {.recipients = nobody, .recipients_from_headers = true,
                                 .sign = 1, .encrypt = 1};
  g_autoptr(GBytes) message = letter(number);
  g_autoptr(event_t) event = ended(engine, engine_submit(engine, message, &options));
  if (!error_is(event->error, POSTINO_ERROR_CONFIG))
    stop("seal", event->error);
}

static void
open_all(struct engine *engine, const char *directory, GPtrArray *names)
{
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename(directory, names->pdata[i], NULL);
    struct letter_ref ref = {.path = path};
    struct render_options options = {0};
    g_autoptr(event_t) event = ended(engine, engine_letter(engine, &ref, &options));
    if (event->error != NULL || event->letter->verdict->seal != SEAL_SEALED_SIGNED)
      stop(path, event->error);
  }
}

static GPtrArray *
files_in(const char *directory)
{
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
    g_ptr_array_add(names, g_strdup(name));
  return names;
}

static double
rate(guint n, gint64 since)
{
  return n * (double)G_USEC_PER_SEC / (double)(g_get_monotonic_time() - since);
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  setlocale(LC_ALL, "");
  guint64 n = 0;
  if (argc != 3 || !g_ascii_string_to_unsigned(argv[2], 10, 1, 100000, &n, &error))
    stop("sealed RC N", error);
  g_autoptr(conf_t) conf = conf_load(argv[1], NULL, &error);
  g_autoptr(engine_t) engine = conf != NULL ? engine_new(conf, NULL, &error) : NULL;
  if (engine == NULL)
    stop("sealed RC N", error);
  seal(engine, 0);
  gint64 since = g_get_monotonic_time();
  for (guint i = 1; i <= n; i++)
    seal(engine, (int)i);
  double seals = rate((guint)n, since);
  g_autofree char *directory = g_build_filename(conf->mail_dir, "Outbox", "cur", NULL);
  g_autoptr(GPtrArray) names = files_in(directory);
  since = g_get_monotonic_time();
  open_all(engine, directory, names);
  printf("%.1f\t%.1f\n", seals, rate(names->len, since));
  return names->len == n + 1 ? 0 : 1;
}
