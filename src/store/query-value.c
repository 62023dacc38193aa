#include "store/query-value.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

/* The first and last dates that an id can hold. */
#define DATE_FIRST 0
#define DATE_LAST ((int64_t)1 << 42)

static void
set_sql(struct query *query, const char *sql, const char *types)
{
  query->kind = QUERY_SQL;
  query->sql = sql;
  query->types = types;
}

/* ---- names ---- */

static char *
read_id(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  (void)field, (void)now;
  size_t length = strlen(value);
  bool angled = length > 2 && value[0] == '<' && value[length - 1] == '>';
  query->text = angled ? g_strndup(value + 1, length - 2) : g_strdup(value);
  query->from = hash_of(query->text);
  set_sql(query, "(l.message_hash = ? AND l.message_id = ?)", "is");
  query->narrow = true;
  return NULL;
}

/* What begins so: the value without its star, NULL when it has none. */
static char *
start_of(const char *value)
{
  size_t length = strlen(value);
  return length > 0 && value[length - 1] == '*' ? g_strndup(value, length - 1) : NULL;
}

/* "Lists/" followed by a star is all that lies below Lists. */
static char *
read_folder(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  (void)field, (void)now;
  query->text = start_of(value);
  if (query->text != NULL) {
    set_sql(query,
            "l.folder IN (SELECT id FROM folder WHERE instr(lower(name), lower(?)) = 1)", "s");
    return NULL;
  }
  /* One folder, so that its letters are a walk of its own index; IS, for a folder
   * that is not there is no NULL to a “not”. */
  query->text = g_strdup(value);
  set_sql(query,
          "l.folder IS (SELECT id FROM folder WHERE name = ? COLLATE NOCASE"
          " ORDER BY name = ? DESC LIMIT 1)",
          "ss");
  query->narrow = true;
  return NULL;
}

static char *
read_tag(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  (void)field, (void)now;
  query->text = start_of(value);
  if (query->text != NULL) {
    set_sql(query, "l.id IN (SELECT id FROM tag WHERE word >= ? AND word < ? || char(1114111))",
            "ss");
  } else {
    query->text = g_strdup(value);
    set_sql(query, "l.id IN (SELECT id FROM tag WHERE word = ?)", "s");
  }
  query->narrow = true;
  return NULL;
}

/* A row's base name without the fields of other programs (maildir_stem()). */
#define STEM \
  "CASE WHEN instr(l.base, ',') > 1 THEN substr(l.base, 1, instr(l.base, ',') - 1) ELSE l.base END"

/* Which account brought or sent a letter is known by state.db alone: by the base
 * name of its file.  Asked letter by letter, so that the newest come at once. */
static char *
read_account(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  (void)field, (void)now;
  query->text = g_strdup(value);
  set_sql(query,
          "(EXISTS (SELECT 1 FROM state.drop_letters d JOIN state.drops a ON a.id = d.drop_id"
          " WHERE d.base = " STEM " AND a.account = ? COLLATE NOCASE)"
          " OR EXISTS (SELECT 1 FROM state.letters s WHERE s.base = " STEM
          " AND s.account = ? COLLATE NOCASE))",
          "ss");
  return NULL;
}

/* ---- what a letter is and has ---- */

static char *
read_property(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  (void)now;
  GString *known = g_string_new(NULL);
  for (const struct query_property *property = field->properties; property->name != NULL;
       property++) {
    if (text_ascii_equal(property->name, value)) {
      set_sql(query, property->sql, "");
      query->narrow = property->narrow;
      g_string_free(known, TRUE);
      return NULL;
    }
    g_string_append_printf(known, "%s%s", known->len > 0 ? ", " : "", property->name);
  }
  g_autofree char *names = g_string_free(known, FALSE);
  return g_strdup_printf(_("%s: knows %s"), field->name, names);
}

#define FLAG(n) "(l.flags & " n ") <> 0"
#define THREAD(n) "l.thread IN (SELECT thread FROM thread_mark WHERE mark = " n ")"
#define MARK(n) "(l.marks & " n ") <> 0"

static const struct query_property is_properties[] = {
    {"unread", "(l.flags & 1) = 0", true}, {"flagged", FLAG("4"), true},
    {"muted", THREAD("1"), true},          {"watched", THREAD("2"), true},
    {"read", FLAG("1"), false},            {"replied", FLAG("2"), false},
    {"draft", FLAG("8"), false},           {"signed", MARK("8"), false},
    {"encrypted", MARK("16"), false},      {"sealed", MARK("16"), false},
    {"sent", "(l.folder IN (SELECT id FROM folder WHERE sent = 1)"
             " OR EXISTS (SELECT 1 FROM state.letters s WHERE s.base = " STEM "))", false},
    {NULL, NULL, false},
};
static const struct query_property has_properties[] = {
    {"attachment", MARK("1"), false}, {"calendar", MARK("2"), false}, {"key", MARK("4"), false},
    {NULL, NULL, false},
};
G_STATIC_ASSERT(THREAD_MUTED == 1 && THREAD_WATCHED == 2);
G_STATIC_ASSERT(ROW_SEEN == 1 && ROW_REPLIED == 2 && ROW_FLAGGED == 4 && ROW_DRAFT == 8);
G_STATIC_ASSERT(INDEX_ATTACHMENT == 1 && INDEX_CALENDAR == 2 && INDEX_KEY == 4 &&
                INDEX_SIGNED == 8 && INDEX_SEALED == 16);

/* ---- dates ---- */

static bool
read_number(const char **at, int digits, int *out)
{
  int number = 0;
  for (int i = 0; i < digits; i++) {
    if (!g_ascii_isdigit((*at)[i]))
      return false;
    number = number * 10 + ((*at)[i] - '0');
  }
  *at += digits;
  *out = number;
  return true;
}

static bool
local_time(int year, int month, int day, int64_t *out)
{
  g_autoptr(GDateTime) time = g_date_time_new_local(year, month, day, 0, 0, 0);
  if (time == NULL)
    return false;
  *out = g_date_time_to_unix(time);
  return true;
}

static bool
day_of(int64_t time, int64_t *from_out, int64_t *to_out)
{
  g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(time);
  if (now == NULL)
    return false;
  g_autoptr(GDateTime) from = g_date_time_new_local(g_date_time_get_year(now),
                                                    g_date_time_get_month(now),
                                                    g_date_time_get_day_of_month(now), 0, 0, 0);
  g_autoptr(GDateTime) to = g_date_time_add_days(from, 1);
  *from_out = g_date_time_to_unix(from);
  *to_out = g_date_time_to_unix(to);
  return true;
}

/* A year, a month or a day in the local zone: [from, to). */
static bool
read_period(const char *text, int64_t now, int64_t *from_out, int64_t *to_out)
{
  if (text_ascii_equal(text, "today"))
    return day_of(now, from_out, to_out);
  if (text_ascii_equal(text, "yesterday"))
    return day_of(now, to_out, from_out) && day_of(*to_out - 43200, from_out, to_out);
  int year, month = 1, day = 1, parts = 1;
  if (!read_number(&text, 4, &year) || year < 1)
    return false;
  if (*text == '-') {
    parts++, text++;
    if (!read_number(&text, 2, &month))
      return false;
  }
  if (parts == 2 && *text == '-') {
    parts++, text++;
    if (!read_number(&text, 2, &day))
      return false;
  }
  if (*text != '\0' || !local_time(year, month, day, from_out))
    return false;
  g_autoptr(GDateTime) start = g_date_time_new_local(year, month, day, 0, 0, 0);
  g_autoptr(GDateTime) end = parts == 1   ? g_date_time_add_years(start, 1)
                             : parts == 2 ? g_date_time_add_months(start, 1)
                                          : g_date_time_add_days(start, 1);
  if (end == NULL)
    return false;
  *to_out = g_date_time_to_unix(end);
  return true;
}

static char *
date_fault(const char *text)
{
  return g_strdup_printf(_("“%s” is no date; write 2026, 2026-03, 2026-03-31, today or yesterday"),
                         text);
}

static void
set_dates(struct query *query, int64_t from, int64_t to)
{
  query->kind = QUERY_DATE;
  query->from = CLAMP(from, DATE_FIRST, DATE_LAST);
  query->to = CLAMP(to, DATE_FIRST, DATE_LAST);
}

/* The whole of both ends belongs to a range; either may be left open. */
static char *
read_date(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  (void)field;
  int64_t from = DATE_FIRST, to = DATE_LAST, unused;
  const char *dots = strstr(value, "..");
  if (dots == NULL) {
    if (!read_period(value, now, &from, &to))
      return date_fault(value);
    set_dates(query, from, to);
    return NULL;
  }
  g_autofree char *first = g_strndup(value, (gsize)(dots - value));
  const char *last = dots + 2;
  if (*first == '\0' && *last == '\0')
    return date_fault(value);
  if (*first != '\0' && !read_period(first, now, &from, &unused))
    return date_fault(first);
  if (*last != '\0' && !read_period(last, now, &unused, &to))
    return date_fault(last);
  if (from >= to)
    return g_strdup_printf(_("the range “%s” ends before it begins"), value);
  set_dates(query, from, to);
  return NULL;
}

static char *
read_after(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  (void)field;
  int64_t from, to;
  if (!read_period(value, now, &from, &to))
    return date_fault(value);
  set_dates(query, from, DATE_LAST);
  return NULL;
}

static char *
read_before(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  (void)field;
  int64_t from, to;
  if (!read_period(value, now, &from, &to))
    return date_fault(value);
  set_dates(query, DATE_FIRST, from);
  return NULL;
}

/* ---- amounts ---- */

enum compare { LESS, AT_MOST, MORE, AT_LEAST, NO_COMPARE };

static enum compare
read_compare(const char **at)
{
  char c = **at;
  if (c != '<' && c != '>')
    return NO_COMPARE;
  (*at)++;
  bool equal = **at == '=';
  *at += equal;
  return c == '<' ? (equal ? AT_MOST : LESS) : (equal ? AT_LEAST : MORE);
}

/* Digits and one unit letter out of `units` ("" may be among them as NUL). */
static bool
read_amount(const char *text, const char *units, const int64_t *factors, int64_t *out)
{
  guint64 number;
  char *end = NULL;
  if (!g_ascii_isdigit(*text))
    return false;
  number = g_ascii_strtoull(text, &end, 10);
  if (number > G_MAXINT64 >> 32)
    return false;
  size_t n = strlen(units);
  for (size_t i = 0; i < n; i++)
    if (g_ascii_tolower(*end) == units[i] && end[1] == '\0') {
      *out = (int64_t)number * factors[i];
      return true;
    }
  if (*end != '\0' || factors[n] == 0)
    return false;
  *out = (int64_t)number * factors[n];
  return true;
}

static char *
read_age(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  static const int64_t factors[] = {3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400, 0};
  const char *at = value;
  enum compare compare = read_compare(&at);
  int64_t age;
  if (!read_amount(at, "hdwmy", factors, &age))
    return g_strdup_printf(_("“%s” is no age; write %s (h, d, w, m, y: hours to years)"), value,
                           field->example);
  if (compare == MORE || compare == AT_LEAST)
    set_dates(query, DATE_FIRST, now - age + (compare == AT_LEAST));
  else
    set_dates(query, now - age + (compare == LESS), DATE_LAST);
  return NULL;
}

static char *
read_size(const struct query_field *field, const char *value, int64_t now, struct query *query)
{
  (void)now;
  static const int64_t factors[] = {1 << 10, 1 << 20, 1 << 30, 1};
  static const char *const conditions[] = {
      [LESS] = "l.size < ?", [AT_MOST] = "l.size <= ?",
      [MORE] = "l.size > ?", [AT_LEAST] = "l.size >= ?",
  };
  const char *at = value;
  enum compare compare = read_compare(&at);
  if (compare == NO_COMPARE || !read_amount(at, "kmg", factors, &query->from))
    return g_strdup_printf(_("“%s” is no size; write %s or size:<20K"), value, field->example);
  set_sql(query, conditions[compare], "i");
  return NULL;
}

/* ---- the table ---- */

static const struct query_field fields[] = {
    {"from", "sender", "from:anna", NULL, OFFERS_ADDRESSES, NULL},
    {"to", "recipients", "to:anna", NULL, OFFERS_ADDRESSES, NULL},
    {"cc", "copies", "cc:anna", NULL, OFFERS_ADDRESSES, NULL},
    {"subject", "subject", "subject:boat", NULL, OFFERS_NOTHING, NULL},
    {"body", "body", "body:boat", NULL, OFFERS_NOTHING, NULL},
    {"list", "list", "list:debian", NULL, OFFERS_NOTHING, NULL},
    {"filename", "filename", "filename:pdf", NULL, OFFERS_NOTHING, NULL},
    {"id", NULL, "id:1@example.org", read_id, OFFERS_NOTHING, NULL},
    {"in", NULL, "in:Inbox", read_folder, OFFERS_FOLDERS, NULL},
    {"tag", NULL, "tag:todo", read_tag, OFFERS_TAGS, NULL},
    {"account", NULL, "account:home", read_account, OFFERS_NOTHING, NULL},
    {"is", NULL, "is:unread", read_property, OFFERS_NOTHING, is_properties},
    {"has", NULL, "has:attachment", read_property, OFFERS_NOTHING, has_properties},
    {"date", NULL, "date:2026-01..2026-03", read_date, OFFERS_NOTHING, NULL},
    {"after", NULL, "after:2026-01", read_after, OFFERS_NOTHING, NULL},
    {"before", NULL, "before:2026-03-15", read_before, OFFERS_NOTHING, NULL},
    {"age", NULL, "age:<2w", read_age, OFFERS_NOTHING, NULL},
    {"size", NULL, "size:>1M", read_size, OFFERS_NOTHING, NULL},
};

const struct query_field *
query_field(const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
    if (strcmp(fields[i].name, name) == 0)
      return &fields[i];
  return NULL;
}

const struct query_field *
query_fields(size_t *n_out)
{
  *n_out = G_N_ELEMENTS(fields);
  return fields;
}

const char *
query_field_nearest(const char *name)
{
  const char *names[G_N_ELEMENTS(fields) + 1] = {NULL};
  for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
    names[i] = fields[i].name;
  return text_nearest(name, names);
}
