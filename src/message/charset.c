#include "message/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

/* The name without case and punctuation, what iconv calls it, and the kept
 * descriptor's slot (rows of one iconv name share it by name).  Supersets stand
 * in for what senders really mean.  ISO-2022-CN-EXT, ISO-2022-JP-3 and IBM's
 * multi-byte pages are left out for the history of their converters (CVE-2016-10228,
 * CVE-2021-3326, CVE-2024-2961). */
struct row { const char *key, *name; };
static const struct row rows[] = {
    {"iso88591", "WINDOWS-1252"},   {"latin1", "WINDOWS-1252"},     {"l1", "WINDOWS-1252"},
    {"windows1252", "WINDOWS-1252"}, {"cp1252", "WINDOWS-1252"},    {"ansi", "WINDOWS-1252"},
    {"iso88592", "ISO-8859-2"},     {"latin2", "ISO-8859-2"},       {"iso88593", "ISO-8859-3"},
    {"iso88594", "ISO-8859-4"},     {"iso88595", "ISO-8859-5"},     {"iso88596", "ISO-8859-6"},
    {"iso88597", "ISO-8859-7"},     {"iso88598", "ISO-8859-8"},     {"iso88598i", "ISO-8859-8"},
    {"iso88598e", "ISO-8859-8"},    {"iso88599", "WINDOWS-1254"},   {"latin5", "WINDOWS-1254"},
    {"iso885910", "ISO-8859-10"},   {"iso885911", "CP874"},         {"tis620", "CP874"},
    {"windows874", "CP874"},        {"iso885913", "ISO-8859-13"},   {"iso885914", "ISO-8859-14"},
    {"iso885915", "ISO-8859-15"},   {"latin9", "ISO-8859-15"},      {"iso885916", "ISO-8859-16"},
    {"windows1250", "WINDOWS-1250"}, {"cp1250", "WINDOWS-1250"},    {"windows1251", "WINDOWS-1251"},
    {"cp1251", "WINDOWS-1251"},     {"windows1253", "WINDOWS-1253"}, {"windows1254", "WINDOWS-1254"},
    {"windows1255", "WINDOWS-1255"}, {"windows1256", "WINDOWS-1256"},
    {"windows1257", "WINDOWS-1257"}, {"windows1258", "WINDOWS-1258"},
    {"koi8r", "KOI8-R"},            {"koi8u", "KOI8-U"},            {"macintosh", "MACINTOSH"},
    {"xmacroman", "MACINTOSH"},     {"ibm437", "IBM437"},           {"cp437", "IBM437"},
    {"ibm850", "IBM850"},           {"cp850", "IBM850"},            {"ibm852", "IBM852"},
    {"cp852", "IBM852"},            {"ibm855", "IBM855"},           {"ibm866", "IBM866"},
    {"cp866", "IBM866"},            {"ibm858", "CP858"},            {"viscii", "VISCII"},
    {"armscii8", "ARMSCII-8"},      {"georgianps", "GEORGIAN-PS"},
    {"gb2312", "GB18030"},          {"gbk", "GB18030"},             {"xgbk", "GB18030"},
    {"gb18030", "GB18030"},         {"euccn", "GB18030"},           {"cp936", "GB18030"},
    {"gb231280", "GB18030"},        {"csgb2312", "GB18030"},        {"big5", "BIG5-HKSCS"},
    {"big5hkscs", "BIG5-HKSCS"},    {"cnbig5", "BIG5-HKSCS"},       {"euctw", "EUC-TW"},
    {"ksc56011987", "CP949"},       {"ksc5601", "CP949"},           {"euckr", "CP949"},
    {"cp949", "CP949"},             {"uhc", "CP949"},               {"windows949", "CP949"},
    {"iso2022kr", "ISO-2022-KR"},   {"iso2022jp", "ISO-2022-JP-2"}, {"iso2022jp1", "ISO-2022-JP-2"},
    {"iso2022jp2", "ISO-2022-JP-2"}, {"csiso2022jp", "ISO-2022-JP-2"}, {"shiftjis", "CP932"},
    {"sjis", "CP932"},              {"xsjis", "CP932"},             {"windows31j", "CP932"},
    {"cp932", "CP932"},             {"mskanji", "CP932"},           {"eucjp", "EUC-JP"},
    {"xeucjp", "EUC-JP"},           {"cp50220", "ISO-2022-JP-2"},   {"johab", "JOHAB"},
    {"utf7", "UTF-7"},              {"unicode11utf7", "UTF-7"},     {"utf16le", "UTF-16LE"},
    {"utf16be", "UTF-16BE"},        {"utf16", "UTF-16BE"},          {"unicode", "UTF-16BE"},
    {"ucs2", "UTF-16BE"},           {"utf32", "UTF-32BE"},          {"utf32be", "UTF-32BE"},
    {"utf32le", "UTF-32LE"},        {"hz", "HZ"},                   {"hzgb2312", "HZ"},
};

/* What stands for "nothing in particular": the text itself decides. */
static const char *const guessed[] = {"",        "usascii", "ascii",  "unknown8bit", "xunknown",
                                      "unknown", "8bit",    "binary", "default",     NULL};

G_LOCK_DEFINE_STATIC(opened);
static GHashTable *opened; /* iconv name → iconv_t */

/* Longest charset name that is looked at. */
#define NAME_LENGTH 40

static void
make_key(const char *charset, char key[NAME_LENGTH])
{
  size_t n = 0;
  for (; charset != NULL && *charset != '\0' && n + 1 < NAME_LENGTH; charset++)
    if (g_ascii_isalnum(*charset))
      key[n++] = g_ascii_tolower(*charset);
  key[n] = '\0';
}

static const char *
find_name(const char *key)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    if (strcmp(rows[i].key, key) == 0)
      return rows[i].name;
  return NULL;
}

/* The kept descriptor of `name`, opened when first used.  With the lock held. */
static iconv_t
descriptor(const char *name)
{
  gpointer kept;
  if (opened == NULL)
    opened = g_hash_table_new(g_str_hash, g_str_equal);
  if (g_hash_table_lookup_extended(opened, name, NULL, &kept))
    return (iconv_t)kept;
  iconv_t cd = iconv_open("UTF-8", name);
  g_hash_table_insert(opened, (gpointer)name, (gpointer)cd);
  return cd;
}

void
charset_open_all(void)
{
  G_LOCK(opened);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    iconv_t cd = descriptor(rows[i].name);
    char byte = 'a', result[8], *in = &byte, *out = result;
    size_t left = 1, room = sizeof result;
    if (cd != (iconv_t)-1)
      (void)iconv(cd, &in, &left, &out, &room);
  }
  G_UNLOCK(opened);
}

static void
append_replacement(GString *out)
{
  g_string_append(out, "\xef\xbf\xbd");
}

static void
append_utf8(GString *out, const char *bytes, size_t length)
{
  const char *end = bytes + length, *good;
  while (bytes < end) {
    g_utf8_validate_len(bytes, (gsize)(end - bytes), &good);
    g_string_append_len(out, bytes, good - bytes);
    if (good < end && *good == '\0')
      g_string_append_c(out, '\0');
    else if (good < end)
      append_replacement(out);
    bytes = good < end ? good + 1 : end;
  }
}

/* One descriptor serves all threads in turn; its shift state is reset before
 * and flushed after. */
static void
append_converted(GString *out, iconv_t cd, const char *bytes, size_t length)
{
  char buffer[4096], *in = (char *)bytes;
  size_t left = length;
  (void)iconv(cd, NULL, NULL, NULL, NULL);
  for (;;) {
    char *to = buffer;
    size_t room = sizeof buffer;
    size_t result = iconv(cd, left > 0 ? &in : NULL, left > 0 ? &left : NULL, &to, &room);
    int errnum = errno;
    g_string_append_len(out, buffer, to - buffer);
    if (result != (size_t)-1) {
      if (left == 0)
        return;
      continue;
    }
    if (errnum == E2BIG && to > buffer)
      continue;
    append_replacement(out);
    if (errnum == EINVAL || left == 0)
      return;
    in++;
    left--;
  }
}

static bool
has_jis_escape(const char *bytes, size_t length)
{
  const char *end = bytes + length;
  for (const char *at = bytes; at + 2 < end && (at = memchr(at, 0x1b, (size_t)(end - at))) != NULL;
       at++)
    if (at + 2 < end && at[1] == '$' && (at[2] == 'B' || at[2] == '@'))
      return true;
  return false;
}

static bool
is_utf8(const char *bytes, size_t length)
{
  const char *good;
  while (!g_utf8_validate_len(bytes, length, &good)) {
    if (*good != '\0')
      return false;
    length -= (size_t)(good + 1 - bytes);
    bytes = good + 1;
  }
  return true;
}

static const char *
guess(const char *bytes, size_t length)
{
  if (has_jis_escape(bytes, length))
    return "ISO-2022-JP-2";
  return is_utf8(bytes, length) ? NULL : "WINDOWS-1252";
}

/* RFC 2781, 4.3: without a mark it is big-endian. */
static const char *
by_mark(const char *name, const char **bytes, size_t *length)
{
  if (strcmp(name, "UTF-16BE") == 0 && *length >= 2 && memcmp(*bytes, "\xff\xfe", 2) == 0) {
    *bytes += 2;
    *length -= 2;
    return "UTF-16LE";
  }
  return name;
}

bool
charset_append(GString *out, const char *charset, const char *bytes, size_t length)
{
  char key[NAME_LENGTH];
  make_key(charset, key);
  if (strcmp(key, "utf8") == 0) {
    append_utf8(out, bytes, length);
    return true;
  }
  bool known = true;
  const char *name = NULL;
  if (!g_strv_contains(guessed, key)) {
    name = find_name(key);
    known = name != NULL;
  }
  name = name != NULL ? by_mark(name, &bytes, &length) : guess(bytes, length);
  if (name == NULL) {
    append_utf8(out, bytes, length);
    return known;
  }
  G_LOCK(opened);
  iconv_t cd = descriptor(name);
  if (cd != (iconv_t)-1)
    append_converted(out, cd, bytes, length);
  G_UNLOCK(opened);
  if (cd == (iconv_t)-1)
    append_utf8(out, bytes, length);
  return known && cd != (iconv_t)-1;
}
