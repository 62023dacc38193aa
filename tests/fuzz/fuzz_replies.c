/* Any bytes as what POP3 and SMTP servers say, and as a letter on its way out. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/sasl.h"
#include "net/socks.h"
#include "retrieve/list.h"
#include "retrieve/transfer.h"
#include "submit/envelope.h"
#include "submit/reply.h"
#include "submit/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
append(const char *data, size_t length, void *out, GError **error)
{
  g_string_append_len(out, data, (gssize)length);
  return true;
}

/* Whole and byte by byte it is the same letter. */
static void
unstuff(const char *data, size_t size)
{
  struct unstuff whole = {UNSTUFF_LINE}, parts = {UNSTUFF_LINE};
  g_autoptr(GString) a = g_string_new(NULL), b = g_string_new(NULL);
  size_t used, all = 0;
  if (!unstuff_feed(&whole, data, size, &used, append, a, NULL) || used > size)
    abort();
  for (size_t i = 0; i < size && parts.state != UNSTUFF_END; i++) {
    size_t one;
    if (!unstuff_feed(&parts, data + i, 1, &one, append, b, NULL))
      abort();
    all += one;
  }
  if (whole.state != parts.state || used != all || !g_string_equal(a, b))
    abort();
}

/* What is stuffed comes back by taking the dots off, and ends nowhere before its
 * end. */
static void
stuff(const char *data, size_t size)
{
  struct stuffing stuffing = {0};
  struct unstuff back = {UNSTUFF_LINE};
  g_autoptr(GString) wire = g_string_new(NULL);
  size_t used;
  envelope_stuff(&stuffing, data, size, wire);
  envelope_stuff_end(&stuffing, wire);
  g_string_append(wire, ".\r\n");
  if (!unstuff_feed(&back, wire->str, wire->len, &used, NULL, NULL, NULL) ||
      back.state != UNSTUFF_END || used != wire->len)
    abort();
  for (size_t i = 0; i < wire->len; i++)
    if ((wire->str[i] == '\r') != (i + 1 < wire->len && wire->str[i + 1] == '\n'))
      abort();
}

static void
read_lines(char **lines)
{
  g_autoptr(listing_t) listing = listing_new();
  struct smtp_reply reply = {0};
  for (char **line = lines; *line != NULL; line++)
    if (!listing_take_size(listing, *line))
      break;
  listing_sort(listing);
  for (char **line = lines; *line != NULL; line++) {
    if (!listing_take_uid(listing, *line))
      break;
    (void)pop3_code(*line, POSTINO_ERROR_RETRY);
  }
  for (char **line = lines; *line != NULL; line++)
    if (smtp_reply_take(&reply, *line) != REPLY_MORE) {
      if (reply.words != NULL && !g_utf8_validate(reply.words, -1, NULL))
        abort();
      smtp_reply_clear(&reply);
    }
  smtp_reply_clear(&reply);
}

/* What a server says before and about the login. */
static void
greet(char **lines)
{
  struct pop3 pop3 = {.mechanisms = g_new0(char *, 1), .expire = -1};
  for (char **line = lines; *line != NULL; line++) {
    g_autofree char *stamp = pop3_stamp(*line);
    if (stamp != NULL && (*stamp != '<' || stamp[strlen(stamp) - 1] != '>' || strchr(stamp, ' ') != NULL))
      abort();
    pop3_take_capability(&pop3, *line);
  }
  if (pop3.mechanisms == NULL || pop3.login_delay < 0 || pop3.expire < -1)
    abort();
  g_strfreev(pop3.mechanisms);
}

/* What EHLO's answer says, and what may then be asked of such a server. */
static void
meet(char **lines)
{
  static const struct envelope_dsn dsn = {.id = "a1", .wishes = "NOTIFY=NEVER RET=FULL"};
  static const struct envelope_needs needs = {.size = 1000, .eight_bit = true};
  struct smtp smtp = {0};
  capability_forget(&smtp);
  for (guint i = 0; lines[i] != NULL; i++)
    capability_take(&smtp, lines[i], i + 1);
  if (smtp.mechanisms == NULL || (smtp.size_limit > 0 && (smtp.capabilities & SMTP_SIZE) == 0) ||
      (smtp.hold_limit > 0 && (smtp.capabilities & SMTP_FUTURERELEASE) == 0) ||
      (g_strv_length(smtp.mechanisms) > 0 && (smtp.capabilities & SMTP_AUTH) == 0))
    abort();
  for (char **name = smtp.mechanisms; *name != NULL; name++)
    if (**name == '\0' || strpbrk(*name, " \t=") != NULL)
      abort();
  g_autofree char *obstacle = envelope_obstacle(&needs, smtp.capabilities, smtp.size_limit);
  g_autofree char *mail = envelope_mail("a@x.example", &needs, smtp.capabilities, &dsn);
  if (strpbrk(mail, "\r\n") != NULL)
    abort();
  g_strfreev(smtp.mechanisms);
}

/* Challenges to one mechanism: nothing ends well without the server's proof. */
static void
challenge(const char *mechanism, char **lines)
{
  const char *offered[] = {mechanism, NULL};
  secret_t *password = secret_new("geheim", 6);
  struct sasl_options options = {.service = "pop", .host = "x.example", .port = 995, .user = "anna",
                                 .password = password, .auth = CONF_AUTH_AUTO, .offered = offered,
                                 .confidential = true};
  g_autoptr(sasl_loop_t) sasl = sasl_new(&options, NULL);
  secret_unref(password);
  for (char **line = lines; sasl != NULL && *line != NULL; line++) {
    g_autoptr(secret_t) answer = sasl_step(sasl, *line, NULL);
    if (answer == NULL)
      break;
  }
  if (sasl != NULL && g_str_has_prefix(mechanism, "SCRAM") && sasl_finish(sasl, NULL, NULL))
    abort();
}

/* What comes from a proxy, all at once and then its end. */
static void
ask_proxy(const uint8_t *data, size_t size)
{
  int ends[2];
  struct wait wait;
  if (size > 4096 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
    return;
  if (write(ends[0], data, size) == (ssize_t)size && shutdown(ends[0], SHUT_WR) == 0 &&
      wait_init(&wait, NULL, 1, NULL)) {
    g_autoptr(GError) error = NULL;
    wait.fd = ends[1];
    if (socks_connect(ends[1], "pop.example", 995, &wait, &error) != (error == NULL))
      abort();
    wait_clear(&wait);
  }
  close(ends[0]);
  close(ends[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup((const char *)data, size);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  unstuff((const char *)data, size);
  stuff((const char *)data, size);
  read_lines(lines);
  greet(lines);
  meet(lines);
  challenge("SCRAM-SHA-256", lines);
  challenge("CRAM-MD5", lines);
  ask_proxy(data, size);
  return 0;
}
