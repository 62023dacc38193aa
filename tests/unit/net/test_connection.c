#include <gio/gio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "net/connection.h"
#include "net/resolve.h"
#include "tests/unit/net/peer.h"
#include "tests/unit/test.h"

static struct connection_options
options_to(struct peer *peer)
{
  return (struct connection_options){.host = "127.0.0.1", .port = peer_port(peer),
                                     .tls = CONF_TLS_NONE, .timeout = 1, .who = "home pop3"};
}

static struct connection *
open_to(struct peer *peer)
{
  struct connection_options options = options_to(peer);
  g_autoptr(GError) error = NULL;
  struct connection *connection = connection_open(&options, NULL, &error);
  if (connection == NULL)
    fail_msg("%s", error->message);
  return connection;
}

/* One scripted reply, and what reading a line of at most 20 bytes makes of it. */
struct reply {
  const char *bytes;
  size_t length;
  const char *line;         /* NULL: the error */
  int status;
  const char *words;
};
#define BYTES(text) text, sizeof text - 1
static const struct reply replies[] = {
    {BYTES("+OK\r\n"), "+OK"},
    {BYTES("+OK\n"), "+OK"},
    {BYTES("\r\n"), ""},
    {BYTES("\n"), ""},
    {BYTES("+OK a\rb\r\n"), "+OK a\rb"},
    {BYTES("+OK\r\r\n"), "+OK\r"},
    {BYTES("12345678901234567890\r\n"), "12345678901234567890"},
    {BYTES("123456789012345678901234\r\n"), NULL, 76, "without end"},
    {BYTES("12345678901234567890123456789012345678901234567890"), NULL, 76, "without end"},
    {BYTES("+OK \0hidden\r\n"), NULL, 76, "NUL"},
    {BYTES("+OK cut"), NULL, 75, "closed the connection"},
    {BYTES(""), NULL, 75, "closed the connection"},
};

static void
reply_once(struct peer *peer, void *data)
{
  const struct reply *reply = data;
  peer_say_bytes(peer, reply->bytes, reply->length);
}

static void
check_reply(const struct reply *reply)
{
  struct peer *peer = peer_new(reply_once, (void *)(uintptr_t)reply);
  g_autoptr(connection_t) connection = open_to(peer);
  g_autoptr(GError) error = NULL;
  const char *line = connection_read_line(connection, 20, &error);
  if (reply->line != NULL) {
    assert_non_null(line);
    assert_string_equal(line, reply->line);
  } else {
    assert_null(line);
    assert_int_equal(error_exit_status(error), reply->status);
    assert_non_null(strstr(error->message, reply->words));
    /* The first cause sticks. */
    g_autoptr(GError) again = NULL;
    assert_false(connection_write(connection, "QUIT\r\n", 6, NULL, &again));
    assert_string_equal(again->message, error->message);
  }
  g_clear_pointer(&connection, connection_close);
  g_free(peer_end(peer));
}

static void
lines_are_read_within_bounds(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(replies); i++)
    check_reply(&replies[i]);
}

static void
say_nothing(struct peer *peer, void *data)
{
  peer_stay_silent(peer);
}

static void
silence_times_out(void **state)
{
  struct peer *peer = peer_new(say_nothing, NULL);
  g_autoptr(connection_t) connection = open_to(peer);
  gint64 start = g_get_monotonic_time();
  g_autoptr(GError) error = NULL;
  assert_null(connection_read_line(connection, 512, &error));
  gint64 took = g_get_monotonic_time() - start;
  assert_true(took > G_USEC_PER_SEC * 9 / 10 && took < 3 * G_USEC_PER_SEC);
  assert_true(error_is(error, POSTINO_ERROR_RETRY));
  g_clear_pointer(&connection, connection_close);
  g_free(peer_end(peer));
}

static void
drip(struct peer *peer, void *data)
{
  for (int i = 0; i < 100; i++) {
    peer_say(peer, "x");
    g_usleep(300000);
    if (g_atomic_int_get((gint *)data))
      return;
  }
}

static void
a_drip_of_bytes_ends_too(void **state)
{
  gint stop = 0;
  struct peer *peer = peer_new(drip, &stop);
  g_autoptr(connection_t) connection = open_to(peer);
  gint64 start = g_get_monotonic_time();
  g_autoptr(GError) error = NULL;
  assert_null(connection_read_line(connection, 512, &error));
  g_atomic_int_set(&stop, 1);
  assert_true(g_get_monotonic_time() - start < 30 * G_USEC_PER_SEC);
  assert_non_null(strstr(error->message, "too slowly"));
  g_clear_pointer(&connection, connection_close);
  g_free(peer_end(peer));
}

static gpointer
cancel_soon(gpointer data)
{
  g_usleep(200000);
  g_cancellable_cancel(data);
  return NULL;
}

static void
cancel_ends_a_wait_at_once(void **state)
{
  struct peer *peer = peer_new(say_nothing, NULL);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  struct connection_options options = options_to(peer);
  options.timeout = 10;
  g_autoptr(connection_t) connection = connection_open(&options, cancel, NULL);
  assert_non_null(connection);
  GThread *thread = g_thread_new("cancel", cancel_soon, cancel);
  gint64 start = g_get_monotonic_time();
  g_autoptr(GError) error = NULL;
  assert_null(connection_read_line(connection, 512, &error));
  assert_true(g_get_monotonic_time() - start < 30 * G_USEC_PER_SEC);
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
  g_thread_join(thread);
  g_clear_pointer(&connection, connection_close);
  g_free(peer_end(peer));
}

static void
hear_two(struct peer *peer, void *data)
{
  peer_line(peer);
  peer_line(peer);
  peer_say(peer, "done\r\n");
}

static void
a_line_end_inside_an_argument_is_not_sent(void **state)
{
  struct peer *peer = peer_new(hear_two, NULL);
  g_autoptr(connection_t) connection = open_to(peer);
  g_autoptr(GError) error = NULL;
  assert_false(connection_printf(connection, &error, "USER %s\r\n", "a\r\nDELE 1"));
  assert_true(error_is(error, POSTINO_ERROR_BUG));
  assert_true(connection_printf(connection, NULL, "USER %s\r\n", "anna"));
  assert_true(connection_write(connection, "PASS geheim\r\n", 13, "PASS ***", NULL));
  assert_true(connection_flush(connection, NULL));
  assert_string_equal(connection_read_line(connection, 512, NULL), "done");
  g_clear_pointer(&connection, connection_close);
  g_autofree char *heard = peer_end(peer);
  assert_string_equal(heard, "USER anna\r\nPASS geheim\r\n");
}

static void
keep_line(const char *line, void *data)
{
  g_string_append_printf(data, "%s\n", line);
}

static void
reply_with_escapes(struct peer *peer, void *data)
{
  peer_answer(peer, "-ERR \033]0;evil\007\302\233 no\r\n");
}

static void
the_dialogue_is_clean_and_masked(void **state)
{
  g_autoptr(GString) log = g_string_new(NULL);
  log_set_sink(keep_line, log);
  struct peer *peer = peer_new(reply_with_escapes, NULL);
  g_autoptr(connection_t) connection = open_to(peer);
  assert_true(connection_write(connection, "PASS geheim\r\n", 13, "PASS ***\r\n", NULL));
  assert_true(connection_flush(connection, NULL));
  assert_non_null(connection_read_line(connection, 512, NULL));
  log_set_sink(NULL, NULL);
  assert_non_null(strstr(log->str, "home pop3 > PASS ***\n"));
  assert_null(strstr(log->str, "geheim"));
  assert_null(strchr(log->str, '\033'));
  assert_null(strstr(log->str, "\302\233"));
  g_clear_pointer(&connection, connection_close);
  g_free(peer_end(peer));
}

static void
go_away(struct peer *peer, void *data)
{
  peer_cut(peer);
}

/* A reset before connect() has returned would be a port that refuses. */
static void
hear_and_go_away(struct peer *peer, void *data)
{
  peer_line(peer);
  peer_cut(peer);
}

static void
writing_to_a_dead_peer_raises_no_signal(void **state)
{
  struct peer *peer = peer_new(hear_and_go_away, NULL);
  g_autoptr(connection_t) connection = open_to(peer);
  g_autoptr(GError) error = NULL;
  g_autofree char *much = g_malloc0(100000);
  bool sent = connection_write(connection, "hello\r\n", 7, NULL, &error) &&
              connection_flush(connection, &error);
  for (int i = 0; sent && i < 100; i++)
    sent = connection_write(connection, much, 100000, "", &error) &&
           connection_flush(connection, &error);
  assert_false(sent);
  assert_true(error_is(error, POSTINO_ERROR_RETRY));
  g_clear_pointer(&connection, connection_close);
  g_free(peer_end(peer));
}

static void
a_closed_port_can_be_tried_again(void **state)
{
  struct peer *peer = peer_new(go_away, NULL);
  struct connection_options options = options_to(peer);
  g_free(peer_end(peer));
  g_autoptr(GError) error = NULL;
  assert_null(connection_open(&options, NULL, &error));
  assert_int_equal(error_exit_status(error), 75);
  assert_non_null(strstr(error->message, "home pop3 (127.0.0.1:"));
}

static void
clear_text_leaves_the_machine_only_when_allowed(void **state)
{
  struct connection_options options = {.host = "192.0.2.1", .port = 110, .tls = CONF_TLS_NONE,
                                       .timeout = 1, .who = "home pop3"};
  g_autoptr(GError) error = NULL;
  assert_null(connection_open(&options, NULL, &error));
  assert_int_equal(error_exit_status(error), 77);
  assert_non_null(strstr(error->message, "allow-cleartext"));
}

/* What the proxy answers, and what the user is told; NULL: the server is reached. */
struct proxy_case { const char *bytes; size_t length; const char *word; int status; };
static const struct proxy_case proxy_cases[] = {
    {BYTES("\5\0\5\0\0\1\1\2\3\4\0\x6e+OK hi\r\n"), NULL, 0},
    {BYTES("\5\0\5\0\0\3\4abcd\0\x6e+OK hi\r\n"), NULL, 0},
    {BYTES("\5\0\5\0\0\4" "0123456789abcdef\0\x6e+OK hi\r\n"), NULL, 0},
    {BYTES("\5\0\5\4\0\1\0\0\0\0\0\0"), "host unreachable", 75},
    {BYTES("\5\0\5\2\0\1\0\0\0\0\0\0"), "rules forbid", 69},
    {BYTES("\5\0\5\x7f\0\1\0\0\0\0\0\0"), "no reason given", 75},
    {BYTES("\5\0\5\0\0\x7f"), "does not speak SOCKS5", 76},
    {BYTES("\5\xff"), "a user and a password", 69},
    {BYTES("HTTP/1.1 400 Bad Request\r\n"), "does not speak SOCKS5", 76},
    {BYTES("\5\0\5"), "takes too long|closed|no answer", 75},
};

struct proxy_scene { const struct proxy_case *row; char *asked; };

static void
play_proxy(struct peer *peer, void *data)
{
  struct proxy_scene *scene = data;
  peer_say_bytes(peer, scene->row->bytes, scene->row->length);
  if (scene->row->word != NULL && scene->row->length < 4) {
    peer_stay_silent(peer);
    return;
  }
  const char *line = peer_line(peer);
  if (line != NULL)
    scene->asked = g_memdup2(line, 25);
}

static void
check_proxy(const struct proxy_case *row)
{
  struct proxy_scene scene = {.row = row};
  struct peer *peer = peer_new(play_proxy, &scene);
  g_autofree char *proxy = g_strdup_printf("socks5://127.0.0.1:%d", peer_port(peer));
  struct connection_options options = {.host = "pop.example", .port = 110, .proxy = proxy,
                                       .tls = CONF_TLS_NONE, .allow_cleartext = true,
                                       .timeout = 1, .who = "home pop3"};
  g_autoptr(GError) error = NULL;
  g_autoptr(connection_t) connection = connection_open(&options, NULL, &error);
  if (error_exit_status(error) != row->status)
    fail_msg("%d (%s), not %d", error_exit_status(error), error != NULL ? error->message : "",
             row->status);
  if (row->word == NULL) {
    assert_string_equal(connection_read_line(connection, 512, NULL), "+OK hi");
    assert_false(connection_is_loopback(connection));
    assert_true(connection_printf(connection, NULL, "CAPA\r\n"));
    assert_true(connection_flush(connection, NULL));
  } else
    assert_true(g_regex_match_simple(row->word, error->message, 0, 0));
  g_clear_pointer(&connection, connection_close);
  g_free(peer_end(peer));
  if (row->word == NULL)
    assert_memory_equal(scene.asked, "\5\1\0\5\1\0\3\13pop.example\0\x6e" "CAPA", 25);
  g_free(scene.asked);
}

static void
a_proxy_resolves_and_reaches_the_server(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(proxy_cases); i++)
    check_proxy(&proxy_cases[i]);
}

static void
no_clear_text_goes_to_a_proxy(void **state)
{
  struct connection_options options = {.host = "127.0.0.1", .port = 110, .tls = CONF_TLS_NONE,
                                       .proxy = "socks5://127.0.0.1:1", .timeout = 1,
                                       .who = "home pop3"};
  g_autoptr(GError) error = NULL;
  assert_null(connection_open(&options, NULL, &error));
  assert_int_equal(error_exit_status(error), 77);
}

/* More than the kernel keeps on both sides. */
#define FLOOD ((size_t)24 << 20)

static void
talk_before_listening(struct peer *peer, void *data)
{
  g_autofree char *line = g_strnfill(1022, 'x');
  g_autofree char *whole = g_strconcat(line, "\r\n", NULL);
  if (data != NULL && !peer_start_tls(peer, data))
    return;
  for (size_t i = 0; i < FLOOD / 1024; i++)
    peer_say_bytes(peer, whole, 1024);
  if (peer_take(peer, FLOOD) == FLOOD)
    peer_say(peer, "+OK all taken\r\n");
  peer_stay_silent(peer);
}

static void
check_flood(struct identity *identity)
{
  struct peer *peer = peer_new(talk_before_listening, identity);
  struct connection_options options = {.host = "127.0.0.1", .port = peer_port(peer),
                                       .tls = identity != NULL ? CONF_TLS_IMPLICIT : CONF_TLS_NONE,
                                       .ca_file = identity_ca_file(), .timeout = 5,
                                       .who = "home pop3"};
  g_autoptr(GError) error = NULL;
  g_autoptr(connection_t) connection = connection_open(&options, NULL, &error);
  g_autofree char *block = g_malloc0(1 << 20);
  if (connection == NULL)
    fail_msg("%s", error->message);
  for (size_t i = 0; i < FLOOD >> 20; i++)
    assert_true(connection_write(connection, block, 1 << 20, "", NULL));
  assert_true(connection_flush(connection, NULL));
  size_t lines = 0;
  const char *line;
  while ((line = connection_read_line(connection, 2000, &error)) != NULL && *line == 'x')
    lines++;
  if (line == NULL)
    fail_msg("%zu lines, then %s", lines, error->message);
  assert_int_equal(lines, FLOOD / 1024);
  assert_string_equal(line, "+OK all taken");
  g_clear_pointer(&connection, connection_close);
  g_free(peer_end(peer));
}

static void
a_peer_that_talks_first_is_heard_while_writing(void **state)
{
  struct identity_options options = {.names = "IP:127.0.0.1"};
  struct identity *identity = identity_new(&options);
  check_flood(NULL);
  check_flood(identity);
  identity_free(identity);
  identity_clean_up();
}

static void
raw_bytes_and_lines_share_one_stream(void **state)
{
  static const struct reply reply = {BYTES("+OK body\r\nab\0c\r\n.\r\n+OK next\r\n"), NULL};
  struct peer *peer = peer_new(reply_once, (void *)(uintptr_t)&reply);
  g_autoptr(connection_t) connection = open_to(peer);
  assert_string_equal(connection_read_line(connection, 512, NULL), "+OK body");
  char body[9];
  for (size_t have = 0; have < sizeof body;) {
    size_t ready = 0;
    const char *at = connection_peek(connection, &ready, NULL);
    assert_non_null(at);
    ready = MIN(ready, 2);
    ready = MIN(ready, sizeof body - have);
    memcpy(body + have, at, ready);
    connection_skip(connection, ready);
    have += ready;
  }
  assert_memory_equal(body, "ab\0c\r\n.\r\n", 9);
  char four[4];
  assert_int_equal(connection_read(connection, four, 4, NULL), 4);
  assert_string_equal(connection_read_line(connection, 512, NULL), "next");
  assert_string_equal(connection_local_literal(connection), "[127.0.0.1]");
  g_clear_pointer(&connection, connection_close);
  g_free(peer_end(peer));
}

static void
host_names_become_what_dns_and_certificates_have(void **state)
{
  static const char *const table[][2] = {
      {"pop.example", "pop.example"},
      {"pop.example.", "pop.example"},
      {"[::1]", "::1"},
      {"127.0.0.1", "127.0.0.1"},
      {"münchen.example", "xn--mnchen-3ya.example"},
      {"straße.example", "xn--strae-oqa.example"},
      {"under_score.example", "under_score.example"},
      {"", NULL},
      {"a b", NULL},
      {"a/b", NULL},
      {"a\nb", NULL},
      {"\033[31m", NULL},
      {"bad\xff", NULL},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *name = resolve_ascii(table[i][0], &error);
    if (table[i][1] != NULL)
      assert_string_equal(name, table[i][1]);
    else {
      assert_null(name);
      assert_int_equal(error_exit_status(error), 78);
      assert_null(strpbrk(error->message, "\n\033"));
    }
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_read_within_bounds),
      cmocka_unit_test(silence_times_out),
      cmocka_unit_test(a_drip_of_bytes_ends_too),
      cmocka_unit_test(cancel_ends_a_wait_at_once),
      cmocka_unit_test(a_line_end_inside_an_argument_is_not_sent),
      cmocka_unit_test(the_dialogue_is_clean_and_masked),
      cmocka_unit_test(writing_to_a_dead_peer_raises_no_signal),
      cmocka_unit_test(a_closed_port_can_be_tried_again),
      cmocka_unit_test(clear_text_leaves_the_machine_only_when_allowed),
      cmocka_unit_test(a_proxy_resolves_and_reaches_the_server),
      cmocka_unit_test(no_clear_text_goes_to_a_proxy),
      cmocka_unit_test(a_peer_that_talks_first_is_heard_while_writing),
      cmocka_unit_test(raw_bytes_and_lines_share_one_stream),
      cmocka_unit_test(host_names_become_what_dns_and_certificates_have),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
