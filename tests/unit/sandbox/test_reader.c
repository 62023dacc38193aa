#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "sandbox/pool-private.h"
#include "sandbox/reader.h"
#include "tests/unit/test.h"

static const char plain[] = "From: Bruno <b@x.example>\r\nTo: anna@tuoisp.example\r\n"
                            "Subject: =?utf-8?q?Perch=C3=A9?=\r\nMessage-ID: <1@x.example>\r\n"
                            "Date: Mon, 5 Jan 2026 10:00:00 +0100\r\n\r\nCiao Anna\r\n";

static const char mixed[] =
    "From: b@x.example\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\n"
    "Content-Type: application/pdf; name=\"a.pdf\"\r\n"
    "Content-Disposition: attachment; filename=\"../../a.pdf\"\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0A\r\n--b--\r\n";

static const char bounced[] =
    "From: mailer-daemon@x.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\n"
    "sorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    "Reporting-MTA: dns; x.example\r\n\r\nFinal-Recipient: rfc822; c@x.example\r\n"
    "Action: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Message-ID: <9@tuoisp.example>\r\n\r\nhi\r\n--b--\r\n";

static GBytes *
letter_of(const char *text)
{
  return g_bytes_new(text, strlen(text));
}

static const struct render_options by_default = {.html = false};

/* The children of this process that are readers. */
static GArray *
reader_pids(void)
{
  GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
  DIR *proc = opendir("/proc");
  assert_non_null(proc);
  for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    g_autofree char *path = g_strdup_printf("/proc/%s/stat", entry->d_name);
    g_autofree char *text = NULL;
    int parent, pid;
    char state;
    if (!g_ascii_isdigit(entry->d_name[0]) || !g_file_get_contents(path, &text, NULL, NULL) ||
        sscanf(text, "%d (postino-reader) %c %d", &pid, &state, &parent) != 3 ||
        parent != getpid() || state == 'Z')
      continue;
    g_array_append_val(pids, pid);
  }
  closedir(proc);
  return pids;
}

static pid_t
only_reader(void)
{
  g_autoptr(GArray) pids = reader_pids();
  assert_int_equal(pids->len, 1);
  return g_array_index(pids, pid_t, 0);
}

static void
assert_renders(struct reader_pool *pool)
{
  g_autoptr(GBytes) letter = letter_of(plain);
  g_autoptr(GError) error = NULL;
  g_autoptr(rendered_t) rendered = reader_render(pool, letter, &by_default, NULL, &error);
  assert_null(error);
  g_autofree char *text = rendered_text(rendered);
  assert_string_equal(rendered->subject, "Perch\xc3\xa9");
  assert_non_null(strstr(text, "Ciao Anna"));
}

static void
a_letter_is_rendered_and_indexed(void **state)
{
  g_autoptr(reader_pool_t) pool = reader_pool_new(1);
  assert_renders(pool);
  g_autoptr(GBytes) letter = letter_of(plain);
  g_autoptr(GError) error = NULL;
  g_autoptr(index_doc_t) doc = reader_index(pool, letter, 1767700000, NULL, &error);
  assert_null(error);
  assert_string_equal(doc->message_id, "1@x.example");
  assert_int_equal(doc->date, 1767603600);
  g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
  g_autoptr(rendered_t) empty = reader_render(pool, nothing, &by_default, NULL, &error);
  assert_non_null(empty);
}

static guint
children_of_this_process(void)
{
  guint n = 0;
  g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
  for (const char *task; (task = g_dir_read_name(tasks)) != NULL;) {
    g_autofree char *path = g_strdup_printf("/proc/self/task/%s/children", task);
    g_autofree char *pids = NULL;
    if (g_file_get_contents(path, &pids, NULL, NULL))
      for (const char *at = pids; (at = strchr(at, ' ')) != NULL; at++)
        n++;
  }
  return n;
}

static void
a_child_that_was_expected_reads_the_letter(void **state)
{
  if (!g_file_test("/proc/thread-self/children", G_FILE_TEST_EXISTS))
    skip();
  g_autoptr(reader_pool_t) unused = reader_pool_new(2);
  reader_pool_expect(unused);
  g_clear_pointer(&unused, reader_pool_free);
  guint before = children_of_this_process();
  g_autoptr(reader_pool_t) pool = reader_pool_new(2);
  reader_pool_expect(pool);
  reader_pool_expect(pool);
  assert_renders(pool);
  assert_int_equal(children_of_this_process(), before + 1);
}

static void
a_part_comes_out_byte_for_byte(void **state)
{
  g_autoptr(reader_pool_t) pool = reader_pool_new(1);
  g_autoptr(GBytes) letter = letter_of(mixed);
  g_autoptr(GError) error = NULL;
  g_autofree char *name = NULL, *type = NULL;
  g_autoptr(GBytes) part = reader_part(pool, letter, 2, false, &name, &type, NULL, &error);
  assert_null(error);
  assert_int_equal(g_bytes_get_size(part), 6);
  assert_memory_equal(g_bytes_get_data(part, NULL), "%PDF-\0", 6);
  assert_string_equal(name, "a.pdf");
  assert_string_equal(type, "application/pdf");
  assert_null(reader_part(pool, letter, 7, false, NULL, NULL, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
}

static void
a_large_attachment_passes(void **state)
{
  size_t size = LIMIT_MIB(50);
  char *data = g_malloc(size);
  for (size_t i = 0; i < size; i++)
    data[i] = (char)(i * 2654435761u >> 13);
  g_autofree char *coded = g_base64_encode((guchar *)data, size);
  size_t length = strlen(coded);
  GString *text = g_string_sized_new(length + length / 36 + 500);
  g_string_append(text, "Subject: s\r\nContent-Type: application/zip\r\n"
                        "Content-Transfer-Encoding: base64\r\n\r\n");
  for (size_t at = 0; at < length; at += 76) {
    g_string_append_len(text, coded + at, (gssize)MIN(76, length - at));
    g_string_append(text, "\r\n");
  }
  g_autoptr(GBytes) letter = g_string_free_to_bytes(text);
  g_autoptr(reader_pool_t) pool = reader_pool_new(1);
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) part = reader_part(pool, letter, 1, false, NULL, NULL, NULL, &error);
  assert_null(error);
  assert_int_equal(g_bytes_get_size(part), size);
  assert_memory_equal(g_bytes_get_data(part, NULL), data, size);
  g_free(data);
}

static void
a_delivery_report_is_told_from_a_letter(void **state)
{
  g_autoptr(reader_pool_t) pool = reader_pool_new(1);
  g_autoptr(GBytes) report_letter = letter_of(bounced), other = letter_of(plain);
  g_autoptr(GError) error = NULL;
  g_autoptr(report_t) report = NULL;
  assert_true(reader_report(pool, report_letter, &report, NULL, &error));
  assert_string_equal(report->message_id, "9@tuoisp.example");
  const struct report_recipient *recipient = g_ptr_array_index(report->recipients, 0);
  assert_string_equal(recipient->spec, "c@x.example");
  struct report *none = report;
  assert_true(reader_report(pool, other, &none, NULL, &error));
  assert_null(none);
}

static char *
status_line(pid_t pid, const char *name)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
  g_autofree char *text = NULL;
  assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix(*line, name) && (*line)[strlen(name)] == ':')
      return g_strdup(g_strchug(*line + strlen(name) + 1));
  return NULL;
}

static void
a_child_can_do_nothing_but_compute(void **state)
{
  static const struct { const char *name, *value; } rows[] = {
      {"Seccomp", "2"}, {"NoNewPrivs", "1"}, {"Threads", "1"}};
  static const struct { __rlimit_resource_t what; rlim_t most; } limits[] = {
      {RLIMIT_CORE, 0}, {RLIMIT_FSIZE, 0}, {RLIMIT_NPROC, 0}, {RLIMIT_NOFILE, 8},
      {RLIMIT_CPU, 120},
#ifndef POSTINO_SANITIZERS
      {RLIMIT_AS, LIMIT_READER_MEMORY},
#endif
  };
  g_autoptr(reader_pool_t) pool = reader_pool_new(1);
  assert_renders(pool);
  pid_t pid = only_reader();
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *value = status_line(pid, rows[i].name);
    assert_string_equal(value, rows[i].value);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
    struct rlimit limit;
    assert_int_equal(prlimit(pid, limits[i].what, NULL, &limit), 0);
    assert_true(limit.rlim_cur == limits[i].most && limit.rlim_max == limits[i].most);
  }
  assert_int_not_equal(getsid(pid), getsid(0));
}

/* A call in a thread of its own, which its child does not answer. */
struct stuck {
  struct reader_pool *pool;
  GCancellable *cancel;
  GError *error;
  bool rendered;
};

static gpointer
render_stuck(gpointer data)
{
  struct stuck *stuck = data;
  g_autoptr(GBytes) letter = letter_of(plain);
  g_autoptr(rendered_t) rendered =
      reader_render(stuck->pool, letter, &by_default, stuck->cancel, &stuck->error);
  stuck->rendered = rendered != NULL;
  return NULL;
}

static void
await_asking(struct reader_pool *pool)
{
  gint64 deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
  while (reader_pool_asking(pool) == 0 && g_get_monotonic_time() < deadline)
    g_usleep(1000);
  assert_int_equal(reader_pool_asking(pool), 1);
}

enum ending { KILLED, CANCELLED, LATE };

static void
a_child_that_does_not_answer_costs_one_letter(void **state)
{
  static const struct { enum ending ending; enum postino_error code; } rows[] = {
      {KILLED, POSTINO_ERROR_INVALID},
      {CANCELLED, POSTINO_ERROR_CANCELLED},
      {LATE, POSTINO_ERROR_INVALID},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(reader_pool_t) pool = reader_pool_new(1);
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    struct stuck stuck = {.pool = pool, .cancel = cancel};
    assert_renders(pool);
    if (rows[i].ending == LATE)
      reader_pool_set_patience(pool, 1);
    pid_t pid = only_reader();
    assert_int_equal(kill(pid, SIGSTOP), 0);
    GThread *thread = g_thread_new("stuck", render_stuck, &stuck);
    if (rows[i].ending != LATE)
      await_asking(pool);
    if (rows[i].ending == KILLED)
      kill(pid, SIGKILL);
    else if (rows[i].ending == CANCELLED)
      g_cancellable_cancel(cancel);
    g_thread_join(thread);
    assert_false(stuck.rendered);
    assert_true(error_is(stuck.error, rows[i].code));
    if (rows[i].code == POSTINO_ERROR_INVALID)
      assert_non_null(strstr(stuck.error->message, "shown as source"));
    g_clear_error(&stuck.error);
    reader_pool_set_patience(pool, 60);
    assert_renders(pool);
    assert_int_not_equal(only_reader(), pid);
  }
}

static void
a_child_that_died_idle_costs_nothing(void **state)
{
  g_autoptr(reader_pool_t) pool = reader_pool_new(1);
  assert_renders(pool);
  pid_t pid = only_reader();
  kill(pid, SIGKILL);
  g_autoptr(GArray) left = NULL;
  do {
    g_clear_pointer(&left, g_array_unref);
    left = reader_pids();
  } while (left->len > 0);
  assert_renders(pool);
}

static void
one_who_waits_for_a_child_can_be_cancelled(void **state)
{
  g_autoptr(reader_pool_t) pool = reader_pool_new(1);
  g_autoptr(GCancellable) first = g_cancellable_new(), second = g_cancellable_new();
  struct stuck holding = {.pool = pool, .cancel = first}, waiting = {.pool = pool, .cancel = second};
  assert_renders(pool);
  kill(only_reader(), SIGSTOP);
  GThread *holder = g_thread_new("holder", render_stuck, &holding);
  await_asking(pool);
  GThread *waiter = g_thread_new("waiter", render_stuck, &waiting);
  g_cancellable_cancel(second);
  g_thread_join(waiter);
  assert_true(error_is(waiting.error, POSTINO_ERROR_CANCELLED));
  g_cancellable_cancel(first);
  g_thread_join(holder);
  assert_true(error_is(holding.error, POSTINO_ERROR_CANCELLED));
  g_clear_error(&holding.error);
  g_clear_error(&waiting.error);
}

static gpointer
render_many(gpointer data)
{
  for (int i = 0; i < 20; i++)
    assert_renders(data);
  return NULL;
}

static void
eight_threads_share_two_children(void **state)
{
  g_autoptr(reader_pool_t) pool = reader_pool_new(2);
  GThread *threads[8];
  for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
    threads[i] = g_thread_new("many", render_many, pool);
  for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
    g_thread_join(threads[i]);
  g_autoptr(GArray) pids = reader_pids();
  assert_in_range(pids->len, 1, 2);
}

static void
no_child_outlives_its_pool(void **state)
{
  struct reader_pool *pool = reader_pool_new(3);
  assert_renders(pool);
  reader_pool_free(pool);
  g_autoptr(GArray) pids = reader_pids();
  assert_int_equal(pids->len, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_letter_is_rendered_and_indexed),
      cmocka_unit_test(a_child_that_was_expected_reads_the_letter),
      cmocka_unit_test(a_part_comes_out_byte_for_byte),
      cmocka_unit_test(a_large_attachment_passes),
      cmocka_unit_test(a_delivery_report_is_told_from_a_letter),
      cmocka_unit_test(a_child_can_do_nothing_but_compute),
      cmocka_unit_test(a_child_that_does_not_answer_costs_one_letter),
      cmocka_unit_test(a_child_that_died_idle_costs_nothing),
      cmocka_unit_test(one_who_waits_for_a_child_can_be_cancelled),
      cmocka_unit_test(eight_threads_share_two_children),
      cmocka_unit_test(no_child_outlives_its_pool),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
