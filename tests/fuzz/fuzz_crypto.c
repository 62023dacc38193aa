/* What crypto/ reads from letters and plugins before anybody vouches for it:
 * armour, packets, CMS, age, multiparts, results, user ids, frames, progress, manifests;
 * the fields that are put into a seal, and the keys of others that are found there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/age.h"
#include "crypto/check.h"
#include "crypto/cms.h"
#include "crypto/leak.h"
#include "crypto/mime.h"
#include "crypto/packets.h"
#include "crypto/progress.h"
#include "crypto/rights.h"
#include "crypto/verdict.h"
#include "message/autocrypt.h"
#include "message/draft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_packets(const char *text, size_t length)
{
  struct packets packets;
  g_autoptr(GBytes) raw = g_bytes_new(text, length);
  g_autoptr(GBytes) decoded = armour_decode(text, length, &(struct armour){.label = "MESSAGE"}, NULL);
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

/* A letter and what a plugin made of it. */
static void
search_half(const char *text, size_t length)
{
  size_t half = length / 2;
  g_autoptr(GString) letter = g_string_new("Content-Type: text/plain\r\n\r\n");
  g_string_append_len(letter, text, (gssize)half);
  g_autoptr(GBytes) entity = g_bytes_new(letter->str, letter->len);
  g_autoptr(needles_t) needles = needles_new(entity, NULL);
  (void)!needles_found(needles, text + half, length - half, true);
}

/* What is told is text for one line of a terminal, and a part of a whole. */
static void
told(const char *plugin, const char *what, uint64_t done, uint64_t total, void *data)
{
  if (!g_utf8_validate(what, -1, NULL) || g_utf8_strlen(what, -1) > 80 ||
      (total > 0 && done > total))
    abort();
  for (const char *c = what; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f)
      abort();
}

static void
read_progress(const struct frame *frame)
{
  struct progress progress = {"fuzzed", told, NULL, .began = 1};
  (void)progress_take(&progress, frame);
}

static void
read_gossip(const char *text, size_t length)
{
  g_autoptr(headers_t) headers = headers_parse(text, length);
  g_autoptr(GPtrArray) list = gossip_parse(headers);
  if (list->len > GOSSIP_MOST)
    abort();
  for (guint i = 0; i < list->len; i++) {
    const struct autocrypt *field = list->pdata[i];
    g_autoptr(GBytes) key = autocrypt_key(field);
    if (g_bytes_get_size(key) == 0 || strpbrk(field->addr, " \t\r\n") != NULL)
      abort();
  }
}

static void
read_manifest(const char *text, size_t length)
{
  g_auto(GStrv) rights = rights_parse("fuzzed", text, length, NULL);
  g_autofree char *words = rights != NULL ? rights_words(rights) : NULL;
  for (char **right = rights; right != NULL && *right != NULL; right++)
    if (strchr(*right, '\n') != NULL || g_str_has_prefix(*right, "read:~"))
      abort();
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
    if (frame != NULL)
      read_progress(frame);
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
  search_half(text, size);
  read_gossip(text, size);
  read_manifest(terminated, size);
  return 0;
}
