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

/* Level 1, 2.1: larger fields are ignored. */
#define LARGEST_FIELD (10 * 1024)
#define MOST_ATTRIBUTES 20
/* Where the header of a letter ends at the latest. */
#define HEADER_BYTES (256 * 1024)
/* The table is for what accounts remember; no account is called so. */
#define PEERS "\tautocrypt"

/* ---- the field ---- */

void
autocrypt_clear(struct autocrypt *field)
{
  g_clear_pointer(&field->keydata, g_free);
}

/* The attribute's value; NULL when it is another one. */
static char *
value_of(const char *attribute, const char *name)
{
  size_t length = strlen(name);
  const char *at = attribute + strspn(attribute, " \t\r\n");
  if (strncmp(at, name, length) != 0)
    return NULL;
  at += length + strspn(at + length, " \t\r\n");
  return *at == '=' ? g_strstrip(g_strdup(at + 1)) : NULL;
}

/* An attribute that is not known may be passed over only when its name begins with an
 * underscore. */
static bool
may_be_ignored(const char *attribute)
{
  const char *at = attribute + strspn(attribute, " \t\r\n");
  return *at == '_' || *at == '\0';
}

static char *
without_blanks(const char *text)
{
  GString *out = g_string_new(NULL);
  for (; *text != '\0'; text++)
    if (!g_ascii_isspace(*text))
      g_string_append_c(out, *text);
  return g_string_free(out, FALSE);
}

static bool
take_attribute(const char *attribute, const char *from, struct autocrypt *field, bool *addressed)
{
  g_autofree char *addr = value_of(attribute, "addr");
  g_autofree char *prefer = value_of(attribute, "prefer-encrypt");
  g_autofree char *keydata = value_of(attribute, "keydata");
  if (addr != NULL) {
    *addressed = address_same(addr, from);
    return *addressed;
  }
  if (prefer != NULL) {
    field->mutual = strcmp(prefer, "mutual") == 0;
    return true;
  }
  if (keydata == NULL)
    return may_be_ignored(attribute);
  bool first = field->keydata == NULL;
  autocrypt_clear(field);
  field->keydata = without_blanks(keydata);
  return first;
}

bool
autocrypt_parse(const char *value, const char *from, struct autocrypt *field_out)
{
  struct autocrypt field = {0};
  bool good = strlen(value) <= LARGEST_FIELD, addressed = false;
  g_auto(GStrv) attributes = g_strsplit(good ? value : "", ";", MOST_ATTRIBUTES);
  for (char **attribute = attributes; good && *attribute != NULL; attribute++)
    /* keydata is the last one. */
    good = field.keydata == NULL && take_attribute(*attribute, from, &field, &addressed);
  gsize length = 0;
  if (good && field.keydata != NULL)
    g_free(g_base64_decode(field.keydata, &length));
  if (!good || !addressed || length == 0) {
    autocrypt_clear(&field);
    return false;
  }
  *field_out = field;
  return true;
}

GBytes *
autocrypt_key(const struct autocrypt *field)
{
  gsize length;
  guchar *bytes = g_base64_decode(field->keydata, &length);
  return g_bytes_new_take(bytes, length);
}

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

/* ---- going out ---- */

/* The base64 of an armoured block, without its checksum. */
static char *
base64_of_armour(GBytes *armour)
{
  gsize length;
  const char *text = g_bytes_get_data(armour, &length);
  g_autofree char *copy = g_strndup(text, length);
  g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
  GString *out = g_string_new(NULL);
  bool inside = false;
  for (char **line = lines; *line != NULL; line++) {
    g_strstrip(*line);
    if (g_str_has_prefix(*line, "-----END") || (inside && **line == '='))
      break;
    if (inside)
      g_string_append(out, *line);
    inside = inside || **line == '\0';
  }
  return g_string_free(out, FALSE);
}

char *
autocrypt_field(const char *spec, GBytes *armour, bool mutual)
{
  g_autofree char *base64 = base64_of_armour(armour);
  size_t length = strlen(base64);
  if (length == 0 || length > LARGEST_FIELD - 500)
    return NULL;
  GString *out = g_string_new(NULL);
  g_string_printf(out, "Autocrypt: addr=%s;%s keydata=", spec,
                  mutual ? " prefer-encrypt=mutual;" : "");
  for (size_t i = 0; i < length; i += 76)
    g_string_append_printf(out, "\r\n %.76s", base64 + i);
  g_string_append(out, "\r\n");
  return g_string_free(out, FALSE);
}
