#include "retrieve/list.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"

/* Lines that make no sense before the server is given up: a few come from broken
 * servers, a flood from hostile ones. */
#define ODD_MAX 1000

struct listing *
listing_new(void)
{
  struct listing *listing = g_new0(struct listing, 1);
  listing->letters = g_array_new(FALSE, FALSE, sizeof(struct plan_letter));
  listing->strings = g_string_chunk_new(8192);
  return listing;
}

void
listing_free(struct listing *listing)
{
  if (listing == NULL)
    return;
  g_array_unref(listing->letters);
  g_clear_pointer(&listing->rows, g_ptr_array_unref);
  g_string_chunk_free(listing->strings);
  g_free(listing);
}

static bool
is_odd(struct listing *listing)
{
  return ++listing->odd <= ODD_MAX;
}

/* A decimal number at *at that ends at a blank or the line's end. */
static bool
take_number(const char **at, guint64 max, guint64 *value_out)
{
  const char *from = *at;
  guint64 value = 0;
  for (; g_ascii_isdigit(**at); (*at)++) {
    guint digit = (guint)(**at - '0');
    if (value > (max - digit) / 10)
      return false;
    value = value * 10 + digit;
  }
  if (*at == from || (**at != '\0' && **at != ' ' && **at != '\t'))
    return false;
  while (**at == ' ' || **at == '\t')
    (*at)++;
  *value_out = value;
  return true;
}

static bool
take_index(const char **at, guint *number_out)
{
  guint64 number;
  if (!take_number(at, LIMIT_DROP_LETTERS, &number) || number == 0)
    return false;
  *number_out = (guint)number;
  return true;
}

/* A petabyte is no letter; below it sums of sizes cannot overflow. */
#define SIZE_MAX_LISTED ((guint64)1 << 50)

bool
listing_take_size(struct listing *listing, const char *line)
{
  struct plan_letter letter = {0};
  if (!take_index(&line, &letter.number) || !take_number(&line, SIZE_MAX_LISTED, &letter.size))
    return is_odd(listing);
  if (listing->letters->len >= LIMIT_DROP_LETTERS)
    return false;
  g_array_append_val(listing->letters, letter);
  return true;
}

static int
compare_numbers(const void *a, const void *b)
{
  guint first = ((const struct plan_letter *)a)->number;
  guint second = ((const struct plan_letter *)b)->number;
  return first < second ? -1 : first > second;
}

static struct plan_letter *
letter_at(const struct listing *listing, guint i)
{
  return &g_array_index(listing->letters, struct plan_letter, i);
}

void
listing_sort(struct listing *listing)
{
  bool sorted = true;
  for (guint i = 1; i < listing->letters->len && sorted; i++)
    sorted = letter_at(listing, i - 1)->number < letter_at(listing, i)->number;
  if (sorted)
    return;
  g_array_sort(listing->letters, compare_numbers);
  guint kept = 0;
  for (guint i = 0; i < listing->letters->len; i++) {
    if (kept > 0 && letter_at(listing, kept - 1)->number == letter_at(listing, i)->number)
      listing->odd++;
    else
      *letter_at(listing, kept++) = *letter_at(listing, i);
  }
  g_array_set_size(listing->letters, kept);
}

char *
listing_clean_uid(const char *uid)
{
  size_t length = strlen(uid);
  while (length > 0 && (uid[length - 1] == ' ' || uid[length - 1] == '\t'))
    length--;
  bool clean = length <= LIMIT_UID;
  for (size_t i = 0; i < length; i++)
    clean &= uid[i] > 0x20 && uid[i] < 0x7f;
  if (length == 0)
    return NULL;
  /* "~" begins the names that are made here. */
  if (clean && *uid != '~')
    return g_strndup(uid, length);
  g_autofree char *digest =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)uid, length);
  return g_strconcat("~~", digest, NULL);
}

static struct plan_letter *
find_letter(const struct listing *listing, guint number)
{
  /* Without gaps the letter stands at its number. */
  if (number <= listing->letters->len && letter_at(listing, number - 1)->number == number)
    return letter_at(listing, number - 1);
  struct plan_letter wanted = {.number = number};
  guint at;
  return g_array_binary_search(listing->letters, &wanted, compare_numbers, &at)
             ? letter_at(listing, at)
             : NULL;
}

/* The text of a row's own UID.  A list mostly rises as the rows do. */
static const char *
uid_of_row(struct listing *listing, const char *uid)
{
  guint from = listing->row, to = listing->rows != NULL ? listing->rows->len : 0;
  if (from >= to || strcmp(((struct drop_row *)listing->rows->pdata[from])->uid, uid) > 0)
    from = 0;
  for (guint at = from; from < to; at = from + (to - from) / 2) {
    const struct drop_row *row = listing->rows->pdata[at];
    int order = strcmp(row->uid, uid);
    if (order == 0) {
      listing->row = at + 1;
      return row->uid;
    }
    if (order < 0)
      from = at + 1;
    else
      to = at;
  }
  return NULL;
}

bool
listing_take_uid(struct listing *listing, const char *line)
{
  guint number;
  if (!take_index(&line, &number))
    return is_odd(listing);
  struct plan_letter *letter = find_letter(listing, number);
  if (letter == NULL || letter->uid != NULL)
    return is_odd(listing);
  g_autofree char *uid = listing_clean_uid(line);
  if (uid == NULL)
    return is_odd(listing);
  letter->uid = uid_of_row(listing, uid);
  if (letter->uid == NULL)
    letter->uid = g_string_chunk_insert(listing->strings, uid);
  return true;
}

static bool
read_lines(struct pop3 *pop3, struct listing *listing,
           bool (*take)(struct listing *listing, const char *line), GError **error)
{
  for (bool end = false;;) {
    const char *line = pop3_next(pop3, &end, error);
    if (line == NULL)
      return end;
    if (!take(listing, line))
      return pop3_broken(pop3, _("the server's list of letters makes no sense or does not end"),
                         error);
  }
}

static bool
read_sizes(struct pop3 *pop3, struct listing *listing, GError **error)
{
  if (pop3_answer(pop3, POSTINO_ERROR_RETRY, error) != POP3_YES ||
      !read_lines(pop3, listing, listing_take_size, error))
    return false;
  listing_sort(listing);
  return true;
}

static bool
read_uids(struct pop3 *pop3, struct listing *listing, GError **error)
{
  g_autoptr(GError) refused = NULL;
  switch (pop3_answer(pop3, POSTINO_ERROR_REFUSED, &refused)) {
  case POP3_DEAD:
    g_propagate_error(error, g_steal_pointer(&refused));
    return false;
  case POP3_NO:
    return true;
  default:
    listing->uids = true;
    return read_lines(pop3, listing, listing_take_uid, error);
  }
}

/* A server that says before the login that it pipelines is believed after it:
 * three answers for one round trip, or for that of the login. */
static bool
ask_at_once(struct pop3 *pop3, struct listing *listing, GError **error)
{
  return (pop3->listed ||
          (pop3_send(pop3, error, "CAPA") && pop3_send(pop3, error, "LIST") &&
           pop3_send(pop3, error, "UIDL") && connection_flush(pop3->connection, error))) &&
         pop3_read_capabilities(pop3, error) && read_sizes(pop3, listing, error) &&
         read_uids(pop3, listing, error);
}

static bool
ask_in_turn(struct pop3 *pop3, struct listing *listing, GError **error)
{
  return pop3_send(pop3, error, "CAPA") && connection_flush(pop3->connection, error) &&
         pop3_read_capabilities(pop3, error) && pop3_send(pop3, error, "LIST") &&
         connection_flush(pop3->connection, error) && read_sizes(pop3, listing, error) &&
         (listing->letters->len == 0 ||
          (pop3_send(pop3, error, "UIDL") && connection_flush(pop3->connection, error) &&
           read_uids(pop3, listing, error)));
}

struct listing *
listing_read(struct pop3 *pop3, GPtrArray *rows, GError **error)
{
  g_autoptr(listing_t) listing = listing_new();
  listing->rows = g_ptr_array_ref(rows);
  bool read = pop3_pipelines(pop3) ? ask_at_once(pop3, listing, error)
                                   : ask_in_turn(pop3, listing, error);
  return read ? g_steal_pointer(&listing) : NULL;
}
