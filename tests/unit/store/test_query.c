#include "store/query.h"

#include "tests/unit/store/mirror.h"

#define LETTER(from, to, date, id, subject, more, body) \
  "From: " from "\nTo: " to "\nDate: " date "\nMessage-ID: <" id ">\nSubject: " subject "\n" more \
  "\n" body "\n"

/* Letters a to h, oldest first. */
static int
open_filled(void **state)
{
  fixture_open(state);
  struct fixture *f = *state;
  mirror_add(f, "Inbox", "a", 0, NULL,
             LETTER("Tom Harper <tom@harbour.example>", "anna@tuoisp.example",
                    "Mon, 05 Jan 2026 10:00:00 +0000", "boat.1@harbour.example",
                    "The boat, and a question", "", "the boat is painted, the kettle is on"));
  mirror_add(f, "Inbox", "b", ROW_SEEN, "todo Work", 
             LETTER("Bruno Verdi <bruno@tuoisp.example>", "anna@tuoisp.example",
                    "Tue, 10 Feb 2026 10:00:00 +0000", "b@tuoisp.example",
                    "=?iso-8859-1?Q?caff=E8_si_paga?=", "", "kettle and tomatoes, perché no"));
  mirror_add(f, "Inbox", "c", ROW_SEEN | ROW_FLAGGED, NULL,
             LETTER("Orto <orto@lists.orto.example>", "orto@lists.orto.example",
                    "Sun, 15 Mar 2026 10:00:00 +0000", "swap.3@garden.example", "tomatoes",
                    "List-Id: Orto <orto.lists.orto.example>\n", "tomatoes for all"));
  mirror_add(f, "Inbox", "d", 0, NULL,
             LETTER("=?utf-8?B?5bGx55Sw?= <yamada@nihon.example>", "anna@tuoisp.example",
                    "Wed, 01 Apr 2026 10:00:00 +0000", "hikkoshi.1@nihon.example", "move",
                    "Content-Type: text/plain; charset=utf-8\n", "東京から京都へ引っ越します"));
  mirror_add(f, "Sent", "e", ROW_SEEN, NULL,
             LETTER("Anna Rossi <anna@tuoisp.example>",
                    "Bruno Verdi <bruno@tuoisp.example>, Tom <tom@harbour.example>",
                    "Thu, 02 Apr 2026 10:00:00 +0000", "e@tuoisp.example", "answer",
                    "Cc: Giulia <giulia@altrove.example>\n", "so be it"));
  mirror_add(f, "Lists/debian", "f", ROW_SEEN | ROW_REPLIED, NULL,
             LETTER("x@y.example", "z@y.example", "Fri, 03 Apr 2026 10:00:00 +0000",
                    "f@y.example", "paper",
                    "MIME-Version: 1.0\nContent-Type: application/pdf; name=\"offer.pdf\"\n"
                    "Content-Disposition: attachment; filename=\"offer.pdf\"\n"
                    "Content-Transfer-Encoding: base64\n", "JVBERg=="));
  return 0;
}

/* The oldest first, by the full-text table, and the newest first, where lists of words are
 * asked: they are the same. */
static char *
find(struct fixture *f, const char *query)
{
  struct rows_query oldest = {.query = query, .order = ROWS_OLDEST, .limit = 5000};
  struct rows_query newest = {.query = query, .limit = 5000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &oldest);
  g_autoptr(GPtrArray) other = mirror_rows(f, &newest);
  g_autoptr(GPtrArray) turned = g_ptr_array_new();
  for (guint i = other->len; i-- > 0;)
    g_ptr_array_add(turned, other->pdata[i]);
  g_autofree char *bases = mirror_bases(rows), *others = mirror_bases(turned);
  if (strcmp(bases, others) != 0)
    fail_msg("%s: %s, but newest first %s", query, bases, others);
  return g_steal_pointer(&bases);
}

static void
queries_find_their_letters(void **state)
{
  static const struct { const char *query, *bases; } samples[] = {
      {"boat", "a"},
      {"BOAT painted", "a"},
      {"zzznothing", ""},
      {"\001boat", "a"},
      {"\002boat kettle*", "a"},
      {"kettle", "a b"},
      {"tomatoes", "b c"},
      {"boat or kettle -tomatoes", "a"},
      {"boat or tomatoes", "a b c"},
      {"kettle -tomatoes", "a"},
      {"kettle not tomatoes", "a"},
      {"-kettle in:Inbox", "c d"},
      {"not (kettle or tomatoes) in:inbox", "d"},
      {"(boat or paper) -is:unread", "f"},
      {"boat or is:flagged", "a c"},
      {"kettle and tomatoes", "b"},
      {"tomatoes and all", ""},
      {"京都へ", "d"},
      {"\"京都\"", "d"},
      {"PERCHÉ", "b"},
      {"caffe\u0300", "b"},
      {"\"boat is\"", "a"},
      {"\"is boat\"", ""},
      {"perche", "b"},
      {"subject:\"caffè si paga\"", "b"},
      {"subject:caffe", "b"},
      {"tomat*", "b c"},
      {"\"boat is pain\"*", "a"},
      {"tomat", ""},
      {"京都", "d"},
      {"都京", ""},
      {"京", "d"},
      {"from:山田", "d"},
      {"from:bruno", "b"},
      {"from:bruno@tuoisp.example", "b"},
      {"from:tuoisp", "b e"},
      {"from:@tuoisp.example", "b e"},
      {"from:uno@tuoisp.example", ""},
      {"from:(bruno or tom)", "a b"},
      {"-from:(bruno or tom) in:Inbox", "c d"},
      {"to:tom", "e"},
      {"cc:giulia", "e"},
      {"body:so", "e"},
      {"body:answer", ""},
      {"list:orto", "c"},
      {"filename:offer", "f"},
      {"filename:pdf has:attachment", "f"},
      {"has:calendar", ""},
      {"id:boat.1@harbour.example", "a"},
      {"id:<boat.1@harbour.example>", "a"},
      {"in:lists/debian", "f"},
      {"in:Lists/*", "f"},
      {"in:LISTS/deb*", "f"},
      {"in:s*", "e"},
      {"-in:i*", "e f"},
      {"in:Nowhere", ""},
      {"-in:Nowhere", "a b c d e f"},
      {"-in:Nowhere boat", "a"},
      {"tag:todo", "b"},
      {"tag:work", "b"},
      {"tag:wor", ""},
      {"tag:WOR*", "b"},
      {"tag:*", "b"},
      {"tag:x*", ""},
      {"-tag:t* in:inb*", "a c d"},
      {"is:unread", "a d"},
      {"is:read in:Inbox", "b c"},
      {"is:flagged", "c"},
      {"is:replied", "f"},
      {"is:sent", "e"},
      {"is:signed or is:encrypted or is:draft", ""},
      {"account:home", ""},
      {"date:2026-02..2026-03", "b c"},
      {"date:2026-01", "a"},
      {"date:2026", "a b c d e f"},
      {"date:2026-04-02", "e"},
      {"date:..2026-01", "a"},
      {"date:2026-04..", "d e f"},
      {"after:2026-04-02", "e f"},
      {"before:2026-02", "a"},
      {"tomatoes after:2026-03", "c"},
      {"size:<1M in:Inbox", "a b c d"},
      {"size:>1M", ""},
      {"age:>1w boat", "a"},
      {"or12 or boat", "a"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_autofree char *bases = find(*state, samples[i].query);
    if (strcmp(bases, samples[i].bases) != 0)
      fail_msg("%s finds %s, not %s", samples[i].query, bases, samples[i].bases);
  }
}

static void
counts_agree_with_rows(void **state)
{
  struct fixture *f = *state;
  struct rows_query asked = {.query = "boat or is:flagged"};
  guint64 total, unread;
  g_autoptr(GError) error = NULL;
  assert_true(store_count(f->store, &asked, &total, &unread, NULL, &error));
  assert_int_equal(total, 2);
  assert_int_equal(unread, 1);
  asked.folder = "Sent";
  assert_true(store_count(f->store, &asked, &total, &unread, NULL, &error));
  assert_int_equal(total, 0);
}

static void
faults_are_marked_where_they_are(void **state)
{
  static const struct { const char *query, *mark; } samples[] = {
      {"", ">>"},
      {"   ", ">>"},
      {"(boat", ">>(boat"},
      {"boat)", "boat>>)"},
      {"boat ()", "boat (>>)"},
      {"\"boat", ">>\"boat"},
      {"boat or", "boat or>>"},
      {"or boat", ">>or boat"},
      {"boat or or kettle", "boat or >>or kettle"},
      {"not", "not>>"},
      {"boat -", "boat ->>"},
      {"fron:anna", ">>fron:anna"},
      {"wibble:anna", ">>wibble:anna"},
      {"from:", "from:>>"},
      {"from: anna", "from:>> anna"},
      {"*", ">>*"},
      {"a*b", "a>>*b"},
      {"from:*", "from:>>*"},
      {"...", ">>..."},
      {"is:purple", "is:>>purple"},
      {"has:wings", "has:>>wings"},
      {"date:2026-13", "date:>>2026-13"},
      {"date:yes", "date:>>yes"},
      {"date:2026-03..2026-01", "date:>>2026-03..2026-01"},
      {"date:..", "date:>>.."},
      {"date:2026-02-30", "date:>>2026-02-30"},
      {"after:2026-1", "after:>>2026-1"},
      {"age:2x", "age:>>2x"},
      {"age:<99999999999999999999y", "age:>><999"},
      {"size:1M", "size:>>1M"},
      {"size:>M", "size:>>>M"},
      {"boat \xff", "boat >>"},
      {"in:\"\"", "in:>>\"\""},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_autoptr(GError) error = NULL;
    if (store_query_check(samples[i].query, &error))
      fail_msg("%s is taken", samples[i].query);
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
    if (strstr(error->message, samples[i].mark) == NULL)
      fail_msg("%s: %s", samples[i].query, error->message);
    assert_null(strchr(error->message, '\n'));
  }
}

static void
a_query_that_cannot_be_read_finds_an_error(void **state)
{
  struct fixture *f = *state;
  struct rows_query asked = {.query = "(boat", .limit = 10};
  g_autoptr(GError) error = NULL;
  assert_null(store_rows(f->store, &asked, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_INVALID));
}

/* What was typed, and how it may go on. */
static void
terms_are_completed(void **state)
{
  static const struct { enum store_completion what; const char *start, *wanted; } samples[] = {
      {STORE_TERMS, "f", "from: filename: "},
      {STORE_TERMS, "SUB", "subject: "},
      {STORE_TERMS, "xyz", ""},
      {STORE_TERMS, "is:un", "is:unread "},
      {STORE_TERMS, "IS:S", "is:signed is:sealed is:sent "},
      {STORE_TERMS, "has:", "has:attachment has:calendar has:key "},
      {STORE_TERMS, "in:l", "in:Lists/Boats "},
      {STORE_TERMS, "in:\"o", "in:\"Old mail\" "},
      {STORE_TERMS, "tag:w", "tag:waits tag:Work "},
      {STORE_TERMS, "tag:", "tag:a-1 tag:waits tag:Work "},
      {STORE_TERMS, "from:ann", "from:anna@x.example "},
      {STORE_TERMS, "from:", ""},
      {STORE_TERMS, "subject:b", ""},
      {STORE_TERMS, "none:b", ""},
      {STORE_TAGS, "wo", "Work "},
      {STORE_TAGS, "", "a-1 waits Work "},
      {STORE_TAGS, "z", ""},
  };
  struct fixture *f = *state;
  mirror_add(f, "Old mail", "t1", 0, "Work a-1", "From: Anna <anna@x.example>\n\nx\n");
  mirror_add(f, "Old mail", "t2", 0, "waits Work", "From: bo@x.example\n\nx\n");
  mirror_add(f, "Lists/Boats", "t3", 0, "Work", "From: bo@x.example\n\nx\n");
  mirror_add(f, "a \"b", "t4", 0, NULL, "From: bo@x.example\n\nx\n");
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_auto(GStrv) found = store_complete(f->store, samples[i].what, samples[i].start, 50);
    g_autoptr(GString) all = g_string_new(NULL);
    for (char **one = found; *one != NULL; one++)
      g_string_append_printf(all, "%s ", *one);
    if (strcmp(all->str, samples[i].wanted) != 0)
      fail_msg("%s may be %s, not %s", samples[i].start, all->str, samples[i].wanted);
    /* What is offered can be read. */
    for (char **one = found; samples[i].what == STORE_TERMS && *one != NULL; one++) {
      g_autoptr(query_t) query = g_str_has_suffix(*one, ":") ? NULL : query_parse(*one, 0, NULL);
      assert_true(g_str_has_suffix(*one, ":") || query != NULL);
    }
  }
  g_auto(GStrv) two = store_complete(f->store, STORE_TAGS, "", 2);
  assert_int_equal(g_strv_length(two), 2);
}

static void
a_near_field_is_named(void **state)
{
  g_autoptr(GError) error = NULL;
  assert_false(store_query_check("sbject:x", &error));
  assert_non_null(strstr(error->message, "subject:"));
}

static void
words_of_the_web_and_the_clock_are_words(void **state)
{
  static const char *const fine[] = {"http://example.org/x", "12:30", "a'b", "x(y)", "-\"a b\"",
                                     "\"or\"", "c++", "foo/bar", "not not boat"};
  for (size_t i = 0; i < G_N_ELEMENTS(fine); i++) {
    g_autoptr(GError) error = NULL;
    if (!store_query_check(fine[i], &error))
      fail_msg("%s: %s", fine[i], error->message);
    g_autofree char *bases = find(*state, fine[i]);
    assert_non_null(bases);
  }
}

static void
hostile_queries_end(void **state)
{
  g_autoptr(GString) deep = g_string_new(NULL);
  for (int i = 0; i < 5000; i++)
    g_string_append(deep, "(-");
  g_autoptr(GString) wide = g_string_new("x");
  for (int i = 0; i < 5000; i++)
    g_string_append(wide, " or is:read x");
  g_autoptr(GString) nots = g_string_new(NULL);
  for (int i = 0; i < 5000; i++)
    g_string_append(nots, "not ");
  assert_false(store_query_check(deep->str, NULL));
  assert_false(store_query_check(wide->str, NULL));
  assert_false(store_query_check(nots->str, NULL));
  g_string_truncate(wide, 1 + 13 * 90);
  g_autofree char *bases = find(*state, wide->str);
  assert_string_equal(bases, "f");
  g_autofree char *quoted = find(*state, "\"boat AND \"painted\" NEAR(\"");
  assert_string_equal(quoted, "");
}

/* What is nested is found as far as it can be read, and refused beyond that. */
static void
nested_queries_are_found_or_refused(void **state)
{
  static const char *const levels[][2] = {
      {"the (", "of or ("},       {"the or (", "boat or ("},    {"the (", "boat ("},
      {"the -(", "boat -("},      {"-the -(", "-boat -("},      {"-the or -(", "-of or -("},
      {"is:unread or -(", "-is:read -("}, {"-date:2012 -(", "the or ("}, {"\"of the\" -(", "tra* or ("},
  };
  struct fixture *f = *state;
  for (gsize i = 0; i < G_N_ELEMENTS(levels); i++) {
    g_autoptr(GString) open = g_string_new(NULL), close = g_string_new(NULL);
    guint depth = 0;
    for (bool readable = true; readable; depth++) {
      g_autofree char *query = g_strconcat(open->str, "boat", close->str, NULL);
      readable = store_query_check(query, NULL);
      for (int order = ROWS_NEWEST; readable && order <= ROWS_OLDEST; order++) {
        struct rows_query asked = {.query = query, .order = (enum rows_order)order, .limit = 9};
        g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
      }
      g_string_append(open, levels[i][depth % 2]);
      g_string_append_c(close, ')');
    }
    assert_in_range(depth, 8, 30);
  }
  g_autoptr(GString) dates = g_string_new("the");
  for (int i = 0; i < 50; i++)
    g_string_append(dates, " before:2030");
  g_autofree char *bases = find(f, dates->str), *plain = find(f, "the");
  assert_string_equal(bases, plain);
  g_autofree char *twice = find(f, "--the"), *thrice = find(f, "---the"), *once = find(f, "-the");
  assert_string_equal(twice, plain);
  assert_string_equal(thrice, once);
}

static void
a_stopped_search_says_so(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_cancellable_cancel(cancel);
  for (int i = 0; i < 300; i++) {
    g_autofree char *base = g_strdup_printf("n%d", i);
    mirror_add(f, "Many", base, 0, NULL, "Subject: boat\n\nboat\n");
  }
  struct rows_query asked = {.query = "-is:read or -nothing", .limit = 100000};
  g_autoptr(GError) error = NULL;
  assert_null(store_rows(f->store, &asked, cancel, &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
}

/* Pages of three, joined. */
static char *
find_by_pages(struct fixture *f, const char *query)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  struct rows_query asked = {.query = query, .limit = 3};
  for (guint got = 3; got == 3;) {
    g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
    got = rows->len;
    g_ptr_array_extend_and_steal(all, g_steal_pointer(&rows));
    asked.after = all->len > 0 ? all->pdata[all->len - 1] : NULL;
  }
  return mirror_bases(all);
}

/* What the full-text table merges before it gives the first row is given up at once. */
static void
merging_the_starts_of_words_is_stopped(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  for (int i = 0; i < 20; i++) {
    g_autoptr(GString) text = g_string_new("Subject: many\n\n");
    for (int word = 0; word < 1500; word++)
      g_string_append_printf(text, "word%dofletter%d\n", word, i);
    g_autofree char *base = g_strdup_printf("n%d", i);
    mirror_add(f, "Many", base, 0, NULL, text->str);
  }
  struct rows_query asked = {.query = "w*", .order = ROWS_OLDEST, .limit = 1};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(rows->len, 1);
  g_cancellable_cancel(cancel);
  g_autoptr(GError) error = NULL;
  assert_null(store_rows(f->store, &asked, cancel, &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
}

static void
keep_lists_from(struct fixture *f, int64_t first)
{
  g_autoptr(conn_t) conn = conn_write(f->store, NULL, NULL);
  assert_true(conn_run(conn, NULL, "DELETE FROM letter_words WHERE id < ?", "i", first));
  assert_true(conn_run(conn, NULL, "UPDATE listed SET first = ?", "i", first));
  assert_true(conn_commit(conn, NULL));
}

/* By as many letters as have a list of words, a page at a time and all at once, whatever
 * part of the letters that is. */
static void
lists_and_the_table_find_the_same(void **state)
{
  struct fixture *f = *state;
  static const char *const queries[] = {
      "co*", "od*", "w1*", "w10*", "od* w1*", "subject:co*", "body:co*", "body:s* -od*",
      "co* -w2*", "-od*", "-odd", "-common", "is:read or od*", "zz*", "\"odd common\"*",
      "od* or subject:s3*", "-(od* or w1*)", "common -od*", "from:an*",
  };
  for (int i = 0; i < 700; i++) {
    g_autofree char *base = g_strdup_printf("n%d", i);
    g_autofree char *text = g_strdup_printf(
        "From: Anna <a%d@tuoisp.example>\nDate: 1 Jan 2024 %02d:%02d:00 +0000\nSubject: s%d\n\n"
        "w%d %s%s\n", i % 7, i / 60, i % 60, i, i, i % 20 == 0 ? "" : "common ",
        i % 3 == 0 ? "odd common" : "");
    mirror_add(f, "Many", base, i % 2 != 0 ? ROW_SEEN : 0, NULL, text);
  }
  struct rows_query all = {.limit = 1000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &all);
  static const guint kept[] = {700, 550, 120, 0};
  for (gsize part = 0; part < G_N_ELEMENTS(kept); part++) {
    const struct row *row = rows->pdata[MIN(kept[part], rows->len - 1)];
    keep_lists_from(f, kept[part] == 0 ? row->id + ((int64_t)1 << 50) : row->id);
    for (gsize i = 0; i < G_N_ELEMENTS(queries); i++) {
      g_autofree char *found = find(f, queries[i]), *paged = find_by_pages(f, queries[i]);
      g_auto(GStrv) forwards = g_strsplit(found, " ", -1), backwards = g_strsplit(paged, " ", -1);
      guint n = g_strv_length(forwards);
      assert_int_equal(n, g_strv_length(backwards));
      for (guint at = 0; at < n; at++)
        assert_string_equal(forwards[at], backwards[n - 1 - at]);
    }
  }
}

static int64_t
number(struct fixture *f, const char *sql)
{
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  auto_own *stmt = NULL;
  assert_int_equal(sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  return sqlite3_column_int64(stmt, 0);
}

static void
only_the_newest_letters_keep_a_list(void **state)
{
  struct fixture *f = *state;
  for (int i = 0; i < 30; i++) {
    g_autofree char *base = g_strdup_printf("n%d", i);
    g_autofree char *text = g_strdup_printf("Date: 2 Jan 2024 10:%02d:00 +0000\n\nboat\n", i);
    mirror_add(f, "Many", base, 0, NULL, text);
  }
  assert_int_equal(number(f, "SELECT count(*) FROM letter_words"), 30);
  lists_trim(f->store, 30, 10);
  assert_int_equal(number(f, "SELECT count(*) FROM letter_words"), 30);
  lists_trim(f->store, 29, 10);
  assert_int_equal(number(f, "SELECT count(*) FROM letter_words"), 10);
  mirror_add(f, "Many", "old", 0, NULL, "Date: 1 Jan 2024 10:00:00 +0000\n\nboat\n");
  mirror_add(f, "Many", "new", 0, NULL, "Date: 3 Jan 2024 10:00:00 +0000\n\nboat\n");
  assert_int_equal(number(f, "SELECT count(*) FROM letter_words"), 11);
  assert_int_equal(number(f, "SELECT lists FROM listed"), 11);
  assert_int_equal(number(f, "SELECT count(*) FROM letter, listed WHERE id >= first"), 11);
  struct rows_query asked = {.query = "bo*", .limit = 100};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(rows->len, 32);
}

/* Among more letters than a page is first looked for in. */
static void
a_word_that_others_lack_is_found_far_back(void **state)
{
  struct fixture *f = *state;
  static const struct { const char *query, *bases; } samples[] = {
      {"-common", "n900 n600 n300 n0"},
      {"is:unread -common", "n900 n600 n300 n0"},
      {"-common in:Many -w600", "n900 n300 n0"},
      {"w1 or is:flagged", "n1"},
      {"(-common or is:flagged) -w0", "n900 n600 n300"},
      {"-common -is:unread", ""},
  };
  for (int i = 0; i < 1100; i++) {
    g_autofree char *base = g_strdup_printf("n%d", i);
    g_autofree char *text = g_strdup_printf("Date: 1 Jan 2024 %02d:%02d:00 +0000\n\nw%d %s\n", i / 60,
                                            i % 60, i, i % 300 == 0 ? "" : "common");
    mirror_add(f, "Many", base, 0, NULL, text);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_autofree char *bases = find_by_pages(f, samples[i].query);
    assert_string_equal(bases, samples[i].bases);
  }
}

#define filled_test(function) cmocka_unit_test_setup_teardown(function, open_filled, fixture_close)

int
main(void)
{
  g_setenv("TZ", "UTC", TRUE);
  const struct CMUnitTest tests[] = {
      filled_test(queries_find_their_letters),
      filled_test(counts_agree_with_rows),
      cmocka_unit_test(faults_are_marked_where_they_are),
      filled_test(a_query_that_cannot_be_read_finds_an_error),
      cmocka_unit_test(a_near_field_is_named),
      fixture_test(terms_are_completed),
      filled_test(words_of_the_web_and_the_clock_are_words),
      filled_test(hostile_queries_end),
      filled_test(nested_queries_are_found_or_refused),
      filled_test(a_stopped_search_says_so),
      fixture_test(merging_the_starts_of_words_is_stopped),
      fixture_test(lists_and_the_table_find_the_same),
      fixture_test(only_the_newest_letters_keep_a_list),
      fixture_test(a_word_that_others_lack_is_found_far_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
