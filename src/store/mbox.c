#include "store/mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"

#define BUFFER LIMIT_KIB(64)
/* The longest "From " line that is looked at. */
#define SEPARATOR_MAX 1000

struct mbox {
  int fd;
  char *path;
  guint64 size, offset;       /* offset: of data[start] in the file */
  size_t start, end;
  bool eof, inside;           /* inside: the last piece did not end its line */
  char data[BUFFER];
};

struct mbox *
mbox_open(const char *path, GError **error)
{
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", path);
    return NULL;
  }
  if (!S_ISREG(st.st_mode)) {
    error_set(error, POSTINO_ERROR_INVALID, _("%s is neither an mbox file nor a Maildir"), path);
    return NULL;
  }
  struct mbox *mbox = g_new0(struct mbox, 1);
  mbox->path = g_strdup(path);
  mbox->size = (guint64)st.st_size;
  mbox->fd = fd_steal(&fd);
  return mbox;
}

void
mbox_close(struct mbox *mbox)
{
  if (mbox == NULL)
    return;
  fd_clear(&mbox->fd);
  g_free(mbox->path);
  g_free(mbox);
}

guint64
mbox_size(const struct mbox *mbox)
{
  return mbox->size;
}

static bool
refill(struct mbox *mbox, GError **error)
{
  size_t got;
  memmove(mbox->data, mbox->data + mbox->start, mbox->end - mbox->start);
  mbox->end -= mbox->start;
  mbox->start = 0;
  if (!file_read_all(mbox->fd, mbox->data + mbox->end, BUFFER - mbox->end, &got, error)) {
    g_prefix_error(error, "%s: ", mbox->path);
    return false;
  }
  mbox->eof = got < BUFFER - mbox->end;
  mbox->end += got;
  return true;
}

bool
mbox_next(struct mbox *mbox, struct mbox_piece *piece_out, GError **error)
{
  const char *lf = memchr(mbox->data + mbox->start, '\n', mbox->end - mbox->start);
  if (lf == NULL && !mbox->eof) {
    if (!refill(mbox, error))
      return false;
    lf = memchr(mbox->data, '\n', mbox->end);
  }
  if (mbox->start == mbox->end)
    return false;
  const char *at = mbox->data + mbox->start;
  piece_out->data = at;
  piece_out->length = lf != NULL ? (size_t)(lf - at) + 1 : mbox->end - mbox->start;
  piece_out->offset = mbox->offset;
  piece_out->first = !mbox->inside;
  piece_out->last = lf != NULL || mbox->eof;
  mbox->inside = !piece_out->last;
  mbox->start += piece_out->length;
  mbox->offset += piece_out->length;
  return true;
}

/* ---- "From " lines ---- */

static int
name_in(const char *word, const char *names)
{
  if (strlen(word) < 3)
    return -1;
  for (int i = 0; names[i * 3] != '\0'; i++)
    if (g_ascii_strncasecmp(word, names + i * 3, 3) == 0)
      return i;
  return -1;
}

static bool
number_in(const char *word, int low, int high, int *number_out)
{
  char *end;
  gint64 number = g_ascii_strtoll(word, &end, 10);
  if (end == word || (*end != '\0' && *end != ',') || number < low || number > high)
    return false;
  *number_out = (int)number;
  return true;
}

static bool
clock_in(const char *word, int *hour, int *minute, int *second)
{
  g_auto(GStrv) parts = g_strsplit(word, ":", 4);
  guint n = g_strv_length(parts);
  *second = 0;
  return (n == 2 || n == 3) && number_in(parts[0], 0, 23, hour) &&
         number_in(parts[1], 0, 59, minute) && (n == 2 || number_in(parts[2], 0, 60, second));
}

/* A date at words[i]: "Tue Jan  2 10:00:00 [zone] 2024" or "Tue, 2 Jan 2024 10:00:00". */
static bool
date_at(char *const *words, guint n, guint i, int64_t *date_out)
{
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  int month, day, year = 0, hour, minute, second;
  guint at = i + 3;
  if (i + 4 >= n || name_in(words[i], "MonTueWedThuFriSatSun") < 0)
    return false;
  if ((month = name_in(words[i + 1], months)) >= 0) {
    if (!number_in(words[i + 2], 1, 31, &day) ||
        !clock_in(words[at], &hour, &minute, &second))
      return false;
    for (at++; at < n && at < i + 7 && !number_in(words[at], 1900, 9999, &year); at++)
      ;
  } else if ((month = name_in(words[i + 2], months)) >= 0) {
    if (!number_in(words[i + 1], 1, 31, &day) || !number_in(words[at], 1900, 9999, &year) ||
        !clock_in(words[at + 1], &hour, &minute, &second))
      return false;
  }
  if (year == 0)
    return false;
  g_autoptr(GDateTime) date = g_date_time_new_utc(year, month + 1, day, hour, minute, MIN(second, 59));
  if (date != NULL && date_out != NULL)
    *date_out = g_date_time_to_unix(date);
  return date != NULL;
}

bool
mbox_is_separator(const char *line, size_t length, int64_t *date_out)
{
  if (length < 5 || length > SEPARATOR_MAX || memcmp(line, "From ", 5) != 0 ||
      memchr(line, '\0', length) != NULL)
    return false;
  g_autofree char *text = g_strndup(line + 5, length - 5);
  g_auto(GStrv) split = g_strsplit_set(g_strstrip(text), " \t", -1);
  g_autoptr(GPtrArray) words = g_ptr_array_new();
  for (char **word = split; *word != NULL; word++)
    if (**word != '\0')
      g_ptr_array_add(words, *word);
  for (guint i = 0; i < words->len; i++)
    if (date_at((char *const *)words->pdata, words->len, i, date_out))
      return true;
  return false;
}

bool
mbox_is_own(const char *line, size_t length)
{
  static const char start[] = "From " MBOX_SENDER " ";
  return length > sizeof start && memcmp(line, start, sizeof start - 1) == 0;
}

size_t
mbox_quotes(const char *line, size_t length)
{
  size_t marks = 0;
  while (marks < length && line[marks] == '>')
    marks++;
  return length - marks >= 5 && memcmp(line + marks, "From ", 5) == 0 ? marks : 0;
}

/* ---- Content-Length ---- */

static bool
ends_letter(struct mbox *mbox, guint64 end)
{
  char text[SEPARATOR_MAX + 8];
  ssize_t got = pread(mbox->fd, text, sizeof text, (off_t)end);
  if (got < 0)
    return false;
  const char *at = text, *stop = text + got;
  for (int blanks = 0; blanks < 2 && at < stop && (*at == '\n' || *at == '\r'); blanks++)
    at += *at == '\r' && at + 1 < stop && at[1] == '\n' ? 2 : 1;
  if (at == stop)
    return true;
  const char *lf = memchr(at, '\n', (size_t)(stop - at));
  return lf != NULL && mbox_is_separator(at, (size_t)(lf - at), NULL);
}

static bool
has_from_line(struct mbox *mbox, guint64 offset, guint64 length)
{
  g_autofree char *buffer = g_malloc(BUFFER);
  size_t kept = 1;
  buffer[0] = '\n';
  while (length > 0) {
    size_t wanted = MIN(length, BUFFER - kept);
    ssize_t got = pread(mbox->fd, buffer + kept, wanted, (off_t)offset);
    if (got <= 0)
      return false;
    size_t have = kept + (size_t)got;
    if (memmem(buffer, have, "\nFrom ", 6) != NULL)
      return true;
    kept = MIN(have, 5);
    memmove(buffer, buffer + have - kept, kept);
    offset += (guint64)got;
    length -= (guint64)got;
  }
  return false;
}

bool
mbox_length_fits(struct mbox *mbox, guint64 offset, guint64 length, bool *unquoted_out)
{
  char before = '\n';
  if (offset > mbox->size || length > mbox->size - offset)
    return false;
  /* A count that ends inside a line is none. */
  char after = '\n';
  if (length > 0 && pread(mbox->fd, &before, 1, (off_t)(offset + length - 1)) != 1)
    return false;
  if (offset + length < mbox->size && pread(mbox->fd, &after, 1, (off_t)(offset + length)) != 1)
    return false;
  if ((before != '\n' && after != '\n' && after != '\r') || !ends_letter(mbox, offset + length))
    return false;
  *unquoted_out = has_from_line(mbox, offset, length);
  return true;
}
