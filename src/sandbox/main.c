/* postino-reader: one reader child.  Descriptor 0 is the socket to the pool. */
#include <errno.h>
#include <glib.h>
#include <libintl.h>
#include <libxml/parser.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "message/charset.h"
#include "message/rendered.h"
#include "message/report.h"
#include "sandbox/frame.h"
#include "sandbox/retire.h"
#include "sandbox/rights.h"

#define SOCKET 0

static bool
send_all(const void *data, size_t length)
{
  for (const char *at = data; length > 0;) {
    ssize_t n = send(SOCKET, at, length, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += n;
    length -= (size_t)n;
  }
  return true;
}

static bool
is_spent(void)
{
  struct timespec used;
  return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0 &&
         used.tv_sec >= RETIRE_CPU_SECONDS;
}

/* Sends `content` (a floating variant, or NULL for "there is none") and `bytes`.
 * True when the child is to go on. */
static bool
answer(GVariant *content, GBytes *bytes)
{
  bool spent = is_spent();
  struct frame_answer head = {.status = content != NULL ? FRAME_DONE : FRAME_NONE,
                              .leaving = spent,
                              .bytes = bytes != NULL ? g_bytes_get_size(bytes) : 0};
  if (content == NULL)
    return send_all(&head, sizeof head) && !spent;
  g_autoptr(GVariant) whole = g_variant_ref_sink(g_variant_new_variant(content));
  head.variant = g_variant_get_size(whole);
  return send_all(&head, sizeof head) &&
         send_all(g_variant_get_data(whole), (size_t)head.variant) &&
         (bytes == NULL || send_all(g_bytes_get_data(bytes, NULL), (size_t)head.bytes)) && !spent;
}

static bool
serve_render(const struct frame_request *request, const char *letter)
{
  struct render_options options = {.html = request->html != 0, .raw = request->raw != 0};
  g_autoptr(rendered_t) rendered = render_message(letter, request->length, &options);
  return answer(rendered_to_variant(rendered), NULL);
}

static bool
serve_index(const struct frame_request *request, const char *letter)
{
  g_autoptr(index_doc_t) doc = index_message(letter, request->length, request->arrival);
  return answer(index_doc_to_variant(doc), NULL);
}

static bool
serve_part(const struct frame_request *request, const char *letter)
{
  g_autofree char *name = NULL, *type = NULL;
  g_autoptr(GBytes) bytes = render_part(letter, request->length, (int)request->number,
                                        request->as_text != 0, &name, &type);
  return answer(bytes != NULL ? g_variant_new("(msms)", name, type) : NULL, bytes);
}

static bool
serve_report(const struct frame_request *request, const char *letter)
{
  g_autoptr(report_t) report = report_parse(letter, request->length);
  return answer(report != NULL ? report_to_variant(report) : NULL, NULL);
}

static bool
serve(const struct frame_request *request, const char *letter)
{
  switch ((enum frame_ask)request->ask) {
  case FRAME_RENDER:
    return serve_render(request, letter);
  case FRAME_INDEX:
    return serve_index(request, letter);
  case FRAME_PART:
    return serve_part(request, letter);
  case FRAME_REPORT:
    return serve_report(request, letter);
  default:
    return false;
  }
}

static bool
serve_one(void)
{
  struct frame_request request;
  int fd;
  if (!frame_receive_request(SOCKET, &request, &fd))
    return false;
  void *mapping = NULL;
  if (request.length > 0)
    mapping = mmap(NULL, request.length, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (mapping == MAP_FAILED)
    return false;
  bool goes_on = serve(&request, mapping != NULL ? mapping : "");
  if (mapping != NULL)
    munmap(mapping, request.length);
  return goes_on;
}

/* All that needs files is fetched while files can be had: charsets, the
 * translations, the time zone. */
static void
prepare(void)
{
  setlocale(LC_ALL, "");
  bindtextdomain("postino", LOCALEDIR);
  bind_textdomain_codeset("postino", "UTF-8");
  textdomain("postino");
  (void)gettext("cancelled");
  tzset();
  xmlInitParser();
  charset_open_all();
}

int
main(int argc, char **argv)
{
  guint64 parent;
  if (argc != 2 || !g_ascii_string_to_unsigned(argv[1], 10, 1, G_MAXINT, &parent, NULL) ||
      !rights_die_with((int)parent))
    _exit(FRAME_EXIT_RIGHTS);
  prepare();
  if (!rights_drop())
    _exit(FRAME_EXIT_RIGHTS);
  while (serve_one())
    continue;
  /* No exit handlers: a sanitizer's look for leaks needs rights of its own. */
  _exit(EXIT_SUCCESS);
}
