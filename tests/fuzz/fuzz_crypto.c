/* What crypto/ reads from letters and plugins before anybody vouches for it:
 * armour, packets, CMS, age, multiparts, results, user ids, frames; and the fields
 * that are put into a seal. */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/age.h"
#include "crypto/check.h"
#include "crypto/cms.h"
#include "crypto/mime.h"
#include "crypto/packets.h"
#include "crypto/verdict.h"
#include "message/draft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_packets(const char *text, size_t length)
{
  struct packets packets;
  g_autoptr(GBytes) raw = g_bytes_new(text, length);
  g_autoptr(GBytes) decoded = armour_decode(text, length, "MESSAGE", NULL, NULL);
  (void)!packets_read(raw, &packets, NULL);
  if (decoded != NULL)
    (void)!packets_read(decoded, &packets, NULL);
}

static void
read_other_ciphers(const char *text, size_t length)
{
  struct cms cms;
  struct age age;
  g_autoptr(GBytes) raw = g_bytes_new(text, length);
  g_autoptr(GBytes) decoded = age_armour_decode(text, length, NULL);
  (void)!cms_read(raw, &cms, NULL);
  (void)!age_read(raw, &age, NULL);
  if (decoded != NULL)
    (void)!age_read(decoded, &age, NULL);
}

static void
protect_fields(const char *text, size_t length)
{
  g_autoptr(GBytes) raw = g_bytes_new(text, length);
  g_autoptr(GBytes) sealed = entity_protect(raw, raw, true);
  g_bytes_unref(entity_bare(sealed));
}

static void
read_parts(const char *text, size_t length)
{
  g_auto(entity_t) entity = {0};
  g_auto(multipart_t) multipart = {0};
  entity_init(&entity, text, length);
  g_bytes_unref(entity_decode(&entity));
  if (!multipart_split(&entity, &multipart))
    return;
  for (guint i = 0; i < multipart.parts->len; i++) {
    g_bytes_unref(canonical_lines(g_array_index(multipart.parts, struct span, i)));
  }
}

static void
read_result(const char *text, size_t length)
{
  static const char clear[] = "Content-Type: text/plain\r\n\r\nNobody but you may read this line.\r\n";
  g_autoptr(GBytes) entity = g_bytes_new_static(clear, sizeof clear - 1);
  g_autoptr(GBytes) result = g_bytes_new(text, length);
  struct check sealed = {.entity = entity, .encrypt = true, .keys = 1};
  struct check is_signed = {.entity = entity, .sign = true};
  (void)!check_result(&sealed, result, NULL);
  (void)!check_result(&is_signed, result, NULL);
}

static void
read_frame(const uint8_t *data, size_t size)
{
  int sockets[2];
  if (size > 60000 || size == 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) != 0)
    return;
  if (send(sockets[0], data, size, MSG_DONTWAIT) == (ssize_t)size) {
    g_autoptr(frame_t) frame = frame_receive(sockets[1], NULL);
    g_autoptr(found_t) found = frame != NULL ? found_from_frame(frame) : NULL;
    struct binding binding = {NULL, NULL, NULL};
    if (found != NULL)
      verdict_free(verdict_of(found, false, &binding));
  }
  close(sockets[0]);
  close(sockets[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  g_autofree char *terminated = g_strndup(text, size);
  g_autofree char *name = NULL;
  g_autofree char *address = NULL;
  (void)user_id_parse(terminated, &name, &address);
  read_packets(text, size);
  read_other_ciphers(text, size);
  protect_fields(text, size);
  read_parts(text, size);
  read_result(text, size);
  read_frame(data, size);
  return 0;
}
