/* postino-plugin-host PARENT PATH [RIGHT…]: the process of one crypto plugin.  Gives
 * up what a plugin does not need and was not granted, then becomes the program PATH, or loads the
 * shared object PATH and speaks the protocol of postino-plugin(7) for it on
 * descriptor 3. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/secret.h"
#include "crypto/postino-plugin.h"
#include "crypto/protocol.h"
#include "plugins/rights.h"

#define LARGEST_FILE LIMIT_MIB(512)
#define MOST_IDLE_SECONDS 60
/* Microseconds between two reports of progress. */
#define PROGRESS_EVERY 100000

struct served {
  struct postino_host host; /* what the plugin sees */
  const struct postino_plugin *plugin;
  void *state;
  char *options[128];
  size_t n_options;
  /* the request of the moment */
  uint32_t request;
  struct frame *reply;
  int output;               /* memory that is sealed when all is in it; -1: nothing yet */
  size_t limit;             /* what may still be added */
  bool answered;            /* an error was sent */
  char *answer;             /* of ask() */
  char *terminal;           /* that was lent */
  gint64 told;              /* when progress was told last, monotonic */
};

/* ---- frames ---- */

/* Without its other side nothing here has a purpose. */
static void
send_or_end(const struct frame *frame)
{
  if (!frame_send(PROTOCOL_FD, frame, NULL))
    _exit(76);
}

static struct frame *
receive_or_end(void)
{
  struct frame *frame = frame_receive(PROTOCOL_FD, NULL);
  if (frame == NULL)
    _exit(0);
  return frame;
}

/* Nobody keeps a process that has no work. */
static bool
is_asked(void)
{
  struct pollfd fd = {PROTOCOL_FD, POLLIN, 0};
  int ready;
  do
    ready = poll(&fd, 1, MOST_IDLE_SECONDS * 1000);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

static void
send_error(uint32_t request, int code, const char *sentence)
{
  g_autoptr(frame_t) frame = frame_new(FRAME_ERROR, request);
  g_autofree char *text = g_strndup(sentence != NULL ? sentence : "", LIMIT_KIB(4));
  frame_add_number(frame, FIELD_CODE, (uint64_t)code);
  frame_add_text(frame, FIELD_WHY, text);
  send_or_end(frame);
}

/* ---- what the plugin calls ---- */

static struct served *
served_of(const struct postino_host *host)
{
  return host->self;
}

static int
host_error(const struct postino_host *host, int code, const char *sentence)
{
  struct served *served = served_of(host);
  if (!served->answered)
    send_error(served->request, code, sentence);
  served->answered = true;
  return -1;
}

static void
forget_answer(struct served *served)
{
  if (served->answer != NULL)
    secret_wipe(served->answer, strlen(served->answer));
  g_clear_pointer(&served->answer, g_free);
}

static const char *
host_ask(const struct postino_host *host, const char *prompt, int secret)
{
  struct served *served = served_of(host);
  forget_answer(served);
  if (!host->can_ask)
    return NULL;
  g_autoptr(frame_t) question = frame_new(FRAME_ASK, served->request);
  frame_add_text(question, FIELD_PROMPT, prompt);
  frame_add_number(question, FIELD_SECRET, secret != 0);
  send_or_end(question);
  g_autoptr(frame_t) reply = receive_or_end();
  if (frame_type(reply) != (FRAME_ASK | FRAME_REPLY))
    _exit(76);
  served->answer = frame_text(reply, FIELD_ANSWER);
  return served->answer;
}

static const char *
host_terminal(const struct postino_host *host)
{
  struct served *served = served_of(host);
  g_autoptr(frame_t) question = frame_new(FRAME_TERMINAL, served->request);
  send_or_end(question);
  g_autoptr(frame_t) reply = receive_or_end();
  if (frame_type(reply) != (FRAME_TERMINAL | FRAME_REPLY))
    _exit(76);
  g_free(served->terminal);
  served->terminal = frame_text(reply, FIELD_TERMINAL);
  if (served->terminal != NULL)
    (void)g_setenv("GPG_TTY", served->terminal, TRUE);
  return served->terminal;
}

static void
host_terminal_done(const struct postino_host *host)
{
  struct served *served = served_of(host);
  g_autoptr(frame_t) frame = frame_new(FRAME_TERMINAL_DONE, served->request);
  if (served->terminal != NULL)
    send_or_end(frame);
  g_clear_pointer(&served->terminal, g_free);
}

static void
host_working(const struct postino_host *host, const char *what, uint64_t done, uint64_t total)
{
  struct served *served = served_of(host);
  gint64 now = g_get_monotonic_time();
  if (now - served->told < PROGRESS_EVERY)
    return;
  served->told = now;
  g_autoptr(frame_t) frame = frame_new(FRAME_PROGRESS, served->request);
  frame_add_number(frame, FIELD_DONE, done);
  frame_add_number(frame, FIELD_TOTAL, total);
  frame_add_text(frame, FIELD_WHAT, what);
  send_or_end(frame);
}

static void
host_progress(const struct postino_host *host, uint64_t done, uint64_t total)
{
  host_working(host, NULL, done, total);
}

static int
host_output(const struct postino_host *host, const void *bytes, size_t length)
{
  struct served *served = served_of(host);
  if (served->output < 0)
    served->output = file_memfd_new(NULL);
  if (length > served->limit || served->output < 0 ||
      !file_write_all(served->output, bytes, length, NULL))
    return -1;
  served->limit -= length;
  return 0;
}

static void
host_recipient(const struct postino_host *host, const struct postino_recipient *r)
{
  struct frame *reply = served_of(host)->reply;
  frame_add_text(reply, FIELD_RECIPIENT, r->address);
  frame_add_number(reply, FIELD_CAN_SEAL, r->can_seal != 0);
  frame_add_number(reply, FIELD_CAN_SIGN, r->can_sign != 0);
  frame_add_number(reply, FIELD_UNTRUSTED, r->untrusted != 0);
  frame_add_text(reply, FIELD_KEY, r->key);
  frame_add_text(reply, FIELD_USER_ID, r->user_id);
  frame_add_text(reply, FIELD_WHY, r->why);
  frame_add_number(reply, FIELD_SINCE, (uint64_t)r->since);
  frame_add_number(reply, FIELD_EXPIRES, (uint64_t)r->expires);
}

static void
host_signature(const struct postino_host *host, const struct postino_signature *s)
{
  struct frame *reply = served_of(host)->reply;
  frame_add_number(reply, FIELD_SIGNATURE, (uint64_t)s->status);
  frame_add_text(reply, FIELD_KEY, s->key);
  frame_add_number(reply, FIELD_SIGNED_AT, (uint64_t)s->signed_at);
  for (size_t i = 0; i < s->n_user_ids; i++) {
    frame_add_text(reply, FIELD_USER_ID, s->user_ids[i].text);
    frame_add_number(reply, FIELD_VALIDITY, (uint64_t)s->user_ids[i].validity);
  }
  if (s->size >= offsetof(struct postino_signature, revocation_unknown) +
                     sizeof s->revocation_unknown)
    frame_add_number(reply, FIELD_REVOCATION_UNKNOWN, s->revocation_unknown != 0);
}

static void
host_key(const struct postino_host *host, const struct postino_key *k)
{
  struct frame *reply = served_of(host)->reply;
  frame_add_text(reply, FIELD_KEY, k->key);
  frame_add_text(reply, FIELD_USER_ID, k->user_id);
  frame_add_number(reply, FIELD_VALIDITY, (uint64_t)k->validity);
  frame_add_number(reply, FIELD_HAVE_SECRET, k->secret != 0);
  frame_add_number(reply, FIELD_SINCE, (uint64_t)k->since);
  frame_add_number(reply, FIELD_EXPIRES, (uint64_t)k->expires);
  if (k->size >= offsetof(struct postino_key, revoked) + sizeof k->revoked)
    frame_add_number(reply, FIELD_REVOKED, k->revoked != 0);
}

static void
host_opened(const struct postino_host *host, int encrypted, int integrity_proven)
{
  struct frame *reply = served_of(host)->reply;
  frame_add_number(reply, FIELD_ENCRYPTED, encrypted != 0);
  frame_add_number(reply, FIELD_INTEGRITY, integrity_proven != 0);
}

/* ---- requests ---- */

static struct postino_bytes
bytes_of(GBytes *bytes)
{
  struct postino_bytes span = {"", 0};
  if (bytes != NULL)
    span.data = g_bytes_get_data(bytes, &span.length);
  return span;
}

/* The texts of every `field`, and of `beside` the one that follows each, or
 * NULL; both end with NULL. */
static GPtrArray *
texts_of(const struct frame *frame, unsigned field, unsigned beside, GPtrArray *others)
{
  GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
  struct frame_cursor cursor = {frame, 0};
  struct frame_value value;
  while (frame_next(&cursor, &value))
    if (value.field == field) {
      g_ptr_array_add(texts, value_text(&value));
      g_ptr_array_add(others, NULL);
    } else if (value.field == beside && others->len > 0 &&
               others->pdata[others->len - 1] == NULL)
      others->pdata[others->len - 1] = value_text(&value);
  g_ptr_array_add(texts, NULL);
  g_ptr_array_add(others, NULL);
  return texts;
}

static int
ask_recipients(struct served *served, const struct frame *frame)
{
  g_autoptr(GPtrArray) confirmed = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) addresses = texts_of(frame, FIELD_RECIPIENT, FIELD_CONFIRMED, confirmed);
  return served->plugin->recipients(served->state, (const char *const *)addresses->pdata,
                                    (const char *const *)confirmed->pdata, addresses->len - 1);
}

static int
ask_seal(struct served *served, const struct frame *frame)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) recipients = texts_of(frame, FIELD_RECIPIENT, FIELD_KEY, keys);
  g_autofree char *from = frame_text(frame, FIELD_FROM);
  g_autoptr(GBytes) entity = frame_bulk(frame, 0, LARGEST_FILE, NULL);
  struct postino_seal seal = {POSTINO_PLUGIN_HEAD(seal),
                              .operations = (unsigned)frame_number(frame, FIELD_OPERATIONS, 0),
                              .from = from != NULL ? from : "",
                              .recipients = (const char *const *)recipients->pdata,
                              .keys = (const char *const *)keys->pdata,
                              .n_recipients = recipients->len - 1,
                              .entity = bytes_of(entity)};
  return served->plugin->seal(served->state, &seal);
}

static int
ask_open(struct served *served, const struct frame *frame)
{
  g_autofree char *format = frame_text(frame, FIELD_FORMAT);
  g_autofree char *from = frame_text(frame, FIELD_FROM);
  g_autoptr(GBytes) data = frame_bulk(frame, 0, LARGEST_FILE, NULL);
  g_autoptr(GBytes) signature = frame_bulk(frame, 1, LARGEST_FILE, NULL);
  struct postino_open open = {POSTINO_PLUGIN_HEAD(open),
                              .format = format != NULL ? format : "",
                              .data = bytes_of(data),
                              .signature = bytes_of(signature),
                              .from = from};
  return served->plugin->open(served->state, &open);
}

static int
ask_keys(struct served *served, const struct frame *frame)
{
  g_autofree char *action = frame_text(frame, FIELD_ACTION);
  g_autofree char *query = frame_text(frame, FIELD_QUERY);
  g_autoptr(GBytes) data = frame_bulk(frame, 0, LARGEST_FILE, NULL);
  struct postino_keys keys = {POSTINO_PLUGIN_HEAD(keys),
                              .action = action != NULL ? action : "",
                              .query = query != NULL ? query : "",
                              .data = bytes_of(data)};
  return served->plugin->keys(served->state, &keys);
}

static bool
has_operation(const struct postino_plugin *plugin, unsigned type)
{
  switch (type) {
  case FRAME_RECIPIENTS:
    return plugin->recipients != NULL;
  case FRAME_SEAL:
    return plugin->seal != NULL;
  case FRAME_OPEN:
    return plugin->open != NULL;
  case FRAME_KEYS:
    return plugin->keys != NULL;
  default:
    return false;
  }
}

static int
perform(struct served *served, const struct frame *frame)
{
  switch (frame_type(frame)) {
  case FRAME_RECIPIENTS:
    return ask_recipients(served, frame);
  case FRAME_SEAL:
    return ask_seal(served, frame);
  case FRAME_OPEN:
    return ask_open(served, frame);
  default:
    return ask_keys(served, frame);
  }
}

static void
reply_with_output(struct served *served)
{
  if (served->output >= 0) {
    if (!file_memfd_seal(served->output, NULL)) {
      send_error(served->request, POSTINO_INTERNAL, _("there is no memory left"));
      return;
    }
    frame_add_fd(served->reply, fd_steal(&served->output));
  }
  if (!frame_send(PROTOCOL_FD, served->reply, NULL))
    send_error(served->request, POSTINO_INTERNAL, _("the answer is too long"));
}

static void
serve(struct served *served, const struct frame *frame)
{
  served->request = frame_request(frame);
  if (!has_operation(served->plugin, frame_type(frame)) || !frame_is_understood(frame)) {
    send_error(served->request, POSTINO_UNSUPPORTED, _("the plugin cannot do that"));
    return;
  }
  served->answered = false;
  served->limit = (size_t)MIN(frame_number(frame, FIELD_LIMIT, LARGEST_FILE), LARGEST_FILE);
  served->output = -1;
  served->reply = frame_new(frame_type(frame) | FRAME_REPLY, served->request);
  int result = perform(served, frame);
  forget_answer(served);
  host_terminal_done(&served->host);
  if (result != 0 && !served->answered)
    send_error(served->request, POSTINO_INTERNAL, _("the plugin failed and did not say why"));
  else if (!served->answered)
    reply_with_output(served);
  g_clear_pointer(&served->reply, frame_free);
  fd_clear(&served->output);
}

/* ---- beginning ---- */

static const struct postino_plugin *
load(const char *path, char **why_out)
{
  void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (object == NULL) {
    *why_out = g_strdup_printf(_("it cannot be loaded: %s"), dlerror());
    return NULL;
  }
  const struct postino_plugin *(*entry)(uint32_t) =
      (const struct postino_plugin *(*)(uint32_t))dlsym(object, "postino_plugin_entry");
  const struct postino_plugin *plugin = entry != NULL ? entry(POSTINO_PLUGIN_ABI) : NULL;
  if (entry == NULL)
    *why_out = g_strdup(_("it is no plugin of postino: it exports no postino_plugin_entry"));
  else if (plugin == NULL || plugin->abi > POSTINO_PLUGIN_ABI || plugin->abi == 0 ||
           plugin->size < sizeof(struct postino_plugin))
    *why_out = g_strdup_printf(_("it was built for another version of postino (this one has %d)"),
                               POSTINO_PLUGIN_ABI);
  return *why_out == NULL ? plugin : NULL;
}

static void
take_options(struct served *served, const struct frame *hello)
{
  struct frame_cursor cursor = {hello, 0};
  struct frame_value value;
  while (frame_next(&cursor, &value) && served->n_options < G_N_ELEMENTS(served->options))
    if (value.field == FIELD_OPTION)
      served->options[served->n_options++] = value_text(&value);
}

static bool
greet(struct served *served, const char *path)
{
  g_autoptr(frame_t) hello = receive_or_end();
  g_autofree char *why = NULL;
  served->request = frame_request(hello);
  served->host.can_ask = frame_number(hello, FIELD_CAN_ASK, 0) != 0;
  take_options(served, hello);
  if (frame_type(hello) != FRAME_HELLO ||
      frame_number(hello, FIELD_VERSION_MIN, 0) > PROTOCOL_VERSION ||
      frame_number(hello, FIELD_VERSION_MAX, 0) < PROTOCOL_VERSION)
    why = g_strdup(_("postino-plugin-host is of another version than postino"));
  else
    served->plugin = load(path, &why);
  if (why != NULL) {
    send_error(served->request, POSTINO_UNSUPPORTED, why);
    return false;
  }
  const struct postino_plugin *plugin = served->plugin;
  int result = plugin->start == NULL ? 0
                                     : plugin->start(&served->host,
                                                     (const char *const *)served->options,
                                                     served->n_options, &served->state);
  if (result != 0 && !served->answered)
    send_error(served->request, POSTINO_INTERNAL, _("the plugin could not start"));
  if (result != 0 || served->answered)
    return false;
  g_autoptr(frame_t) reply = frame_new(FRAME_HELLO | FRAME_REPLY, served->request);
  frame_add_number(reply, FIELD_VERSION, PROTOCOL_VERSION);
  frame_add_text(reply, FIELD_NAME, plugin->name);
  frame_add_text(reply, FIELD_PLUGIN_VERSION, plugin->version);
  frame_add_number(reply, FIELD_CAPABILITIES, plugin->capabilities);
  send_or_end(reply);
  return true;
}

int
main(int argc, char **argv)
{
  if (argc < 3) {
    fputs("postino-plugin-host is started by postino\n", stderr);
    return 64;
  }
  const char *path = argv[2];
  rights_start_daemons(argv + 3, (size_t)(argc - 3));
  rights_give_up((int)strtol(argv[1], NULL, 10));
  if (!rights_limit(path, argv + 3, (size_t)(argc - 3))) {
    fprintf(stderr, "the kernel refuses to limit this process: %s\n", strerror(errno));
    return 69;
  }
  if (!g_str_has_suffix(path, ".so")) {
    char *const arguments[] = {(char *)path, NULL};
    rights_limit_memory();
    execv(path, arguments);
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 69;
  }
  setlocale(LC_ALL, "");
  bindtextdomain("postino", LOCALEDIR);
  bind_textdomain_codeset("postino", "UTF-8");
  textdomain("postino");
  fcntl(PROTOCOL_FD, F_SETFD, FD_CLOEXEC);
  struct served served = {.host = {POSTINO_PLUGIN_HEAD(served.host),
                                   .self = &served,
                                   .error = host_error,
                                   .ask = host_ask,
                                   .progress = host_progress,
                                   .output = host_output,
                                   .recipient = host_recipient,
                                   .signature = host_signature,
                                   .key = host_key,
                                   .opened = host_opened,
                                   .terminal = host_terminal,
                                   .terminal_done = host_terminal_done,
                                   .working = host_working}};
  if (!greet(&served, path))
    return 69;
  while (is_asked()) {
    g_autoptr(frame_t) frame = receive_or_end();
    serve(&served, frame);
  }
  return 0;
}
