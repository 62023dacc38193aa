/* Autocrypt level 1 (autocrypt.org): the keys that letters bring in their header are
 * remembered with who sent them, and one's own goes out the same way where the rc says
 * so.  What is remembered is taken into the key ring when the user wants it, and
 * confirms nothing. */
#include "engine/autocrypt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "message/headers.h"
#include "store/drops.h"

/* Where the header of a letter ends at the latest. */
#define HEADER_BYTES (256 * 1024)
/* The table is for what accounts remember; no account is called so. */
#define PEERS "\tautocrypt"

/* ---- a letter ---- */

/* Whose it is and what it brings; false when it is one that says nothing about its
 * sender (2.3): several senders, a report, no date. */
struct brought { char *from; int64_t at; bool has_field; struct autocrypt field; };

static void
brought_clear(struct brought *brought)
{
  g_clear_pointer(&brought->from, g_free);
  autocrypt_clear(&brought->field);
}
typedef struct brought brought_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(brought_t, brought_clear)

static bool
read_header(const struct headers *headers, struct brought *brought)
{
  const char *from = headers_get(headers, "From"), *date = headers_get(headers, "Date");
  const char *type = headers_get(headers, "Content-Type");
  const char *value = headers_get(headers, "Autocrypt");
  g_autoptr(GPtrArray) senders = address_parse_header(from != NULL ? from : "", -1);
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  if (senders->len != 1 || headers_repeats(headers, "From") != 1 || date == NULL ||
      !headers_parse_date(date, &brought->at) ||
      (type != NULL && g_ascii_strncasecmp(type, "multipart/report", 16) == 0))
    return false;
  brought->from = g_ascii_strdown(((struct address *)senders->pdata[0])->spec, -1);
  brought->at = MIN(brought->at, now);
  brought->has_field = value != NULL && headers_repeats(headers, "Autocrypt") == 1 &&
                       autocrypt_parse(value, brought->from, &brought->field);
  return true;
}

static bool
read_letter(GBytes *bytes, struct brought *brought)
{
  gsize length;
  const char *text = g_bytes_get_data(bytes, &length);
  g_autoptr(headers_t) headers = headers_parse(text != NULL ? text : "", length);
  return read_header(headers, brought);
}

GBytes *
autocrypt_of_letter(GBytes *bytes)
{
  g_auto(brought_t) brought = {0};
  return read_letter(bytes, &brought) && brought.has_field ? autocrypt_key(&brought.field) : NULL;
}

/* ---- what is remembered ---- */

/* "LAST-SEEN TIMESTAMP PREFERENCE KEYDATA" (level 1, 2.2); KEYDATA "-": none yet. */
struct peer { int64_t seen, at; bool mutual; char *keydata; };

static bool
read_peer(struct engine *engine, const char *spec, struct peer *peer)
{
  g_autofree char *value = store_memory_get(engine->store, PEERS, spec);
  g_auto(GStrv) words = g_strsplit(value != NULL ? value : "", " ", 4);
  if (g_strv_length(words) != 4)
    return false;
  peer->seen = g_ascii_strtoll(words[0], NULL, 10);
  peer->at = g_ascii_strtoll(words[1], NULL, 10);
  peer->mutual = strcmp(words[2], "mutual") == 0;
  peer->keydata = g_strdup(words[3]);
  return true;
}

/* 2.3: older than what is known changes nothing; a letter without the field only says
 * that it was seen. */
static bool
update(struct peer *peer, const struct brought *brought)
{
  if (brought->at <= peer->at && peer->at != 0)
    return false;
  if (!brought->has_field) {
    bool later = brought->at > peer->seen && peer->keydata != NULL;
    peer->seen = MAX(peer->seen, brought->at);
    return later;
  }
  peer->seen = MAX(peer->seen, brought->at);
  peer->at = brought->at;
  peer->mutual = brought->field.mutual;
  g_free(peer->keydata);
  peer->keydata = g_strdup(brought->field.keydata);
  return true;
}

/* What is remembered costs no letter when it cannot be kept. */
static void
write_peer(struct engine *engine, const char *spec, const struct peer *peer)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *value = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s %s",
                                           peer->seen, peer->at, peer->mutual ? "mutual" : "-",
                                           peer->keydata);
  if (!store_memory_set(engine->store, PEERS, spec, value, &error))
    log_dialogue("autocrypt", '*', error->message, -1);
}

static GBytes *
header_of(const char *path)
{
  auto_fd fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  g_autofree char *buffer = g_malloc(HEADER_BYTES);
  size_t length = 0;
  ssize_t got = 0;
  while (fd >= 0 && length < HEADER_BYTES &&
         ((got = read(fd, buffer + length, HEADER_BYTES - length)) > 0 ||
          (got < 0 && errno == EINTR)))
    if (got > 0) {
      length += (size_t)got;
      if (g_strstr_len(buffer, (gssize)length, "\n\n") != NULL ||
          g_strstr_len(buffer, (gssize)length, "\r\n\r\n") != NULL)
        break;
    }
  return g_bytes_new(buffer, length);
}

void
autocrypt_take(struct engine *engine, const char *path)
{
  g_autoptr(GBytes) header = header_of(path);
  g_auto(brought_t) brought = {0};
  struct peer peer = {0};
  if (!read_letter(header, &brought))
    return;
  (void)read_peer(engine, brought.from, &peer);
  if (update(&peer, &brought))
    write_peer(engine, brought.from, &peer);
  g_free(peer.keydata);
}

GBytes *
autocrypt_remembered(struct engine *engine, const char *spec)
{
  struct peer peer = {0};
  g_autofree char *lower = g_ascii_strdown(spec, -1);
  if (!read_peer(engine, lower, &peer))
    return NULL;
  struct autocrypt field = {.keydata = peer.keydata};
  GBytes *key = autocrypt_key(&field);
  autocrypt_clear(&field);
  return key;
}
