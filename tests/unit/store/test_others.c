/* Other programs on the same Maildirs: their names, their links, their renaming. */
#include <poll.h>
#include <utime.h>

#include "store/drops.h"
#include "tests/unit/store/live.h"

static void
put_link(struct fixture *f, const char *target, const char *name)
{
  g_autofree char *path = live_path(f, name);
  assert_int_equal(symlink(target, path), 0);
}

static void
put_hard_link(struct fixture *f, const char *from, const char *to)
{
  g_autofree char *old = live_path(f, from), *fresh = live_path(f, to);
  assert_int_equal(link(old, fresh), 0);
}

/* ---- links ---- */

static void
hard_links_are_letters_of_their_own(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GError) error = NULL;
  live_put(f, "Inbox/cur/1.a:2,", "one", "boat");
  live_folder(f, "Work");
  put_hard_link(f, "Inbox/cur/1.a:2,", "Work/cur/1.a:2,");
  put_hard_link(f, "Inbox/cur/1.a:2,", "Inbox/cur/2.b:2,S");
  live_refresh(f);
  live_assert(f, NULL, "boat", "Inbox/1.a Inbox/2.b Work/1.a");
  const char *const inbox[] = {"Inbox/1.a", NULL}, *const work[] = {"Work/1.a", NULL};
  live_check(store_tag(f->store, inbox, "+todo", &error), error);
  live_check(store_flag(f->store, work, ROW_FLAGGED, 0, &error), error);
  live_assert(f, NULL, "is:flagged", "Work/1.a");
  /* The name is taken there: each of the two stays, with the tag. */
  g_auto(GStrv) moved = NULL;
  live_check(store_move(f->store, inbox, "Work", &moved, &error), error);
  assert_string_not_equal(moved[0], "Work/1.a");
  assert_int_equal(fixture_count(f, "Work/cur"), 2);
  live_check(store_rebuild(f->store, NULL, NULL, NULL, &error), error);
  g_autoptr(row_t) one = store_row(f->store, moved[0], NULL);
  g_autoptr(row_t) other = store_row(f->store, "Work/1.a", NULL);
  assert_string_equal(one->tags, "todo");
  assert_string_equal(other->tags, "todo");
  live_check(store_expunge(f->store, work, &error), error);
  fixture_assert_text(f, moved[0], "From: Tom <tom@harbour.example>\nSubject: one\n"
                                   "Date: 1 Jan 2026 00:00:00 +0000\nMessage-ID: <one@t>\n\nboat\n");
  live_check(store_undo(f->store, NULL, &error), error);
  assert_true(live_is(f, "Inbox/cur/1.a:2,"));
  live_check(store_rebuild(f->store, NULL, NULL, NULL, &error), error);
  live_assert(f, NULL, "tag:todo", "Inbox/1.a");
}

static void
links_are_followed_once(void **state)
{
  struct fixture *f = *state;
  live_put(f, "Inbox/cur/1.a:2,", "one", "boat");
  live_put(f, ".store/x/cur/2.b:2,", "two", "boat");
  live_put(f, "Parts/real/cur/3.c:2,", "three", "boat");
  g_autofree char *hidden = live_path(f, ".store/x"), *inbox = live_path(f, "Inbox");
  put_link(f, hidden, "Linked");
  put_link(f, inbox, "Again");
  put_link(f, "..", "Parts/up");
  put_link(f, "nowhere", "Dangling");
  live_folder(f, "Found");
  g_autofree char *target = live_path(f, "Inbox/cur/1.a:2,");
  put_link(f, target, "Found/cur/9.m:2,S");
  put_link(f, "gone", "Found/cur/8.n:2,S");
  put_link(f, hidden, "Found/cur/7.o:2,S");
  /* A Maildir whose parts lie elsewhere. */
  g_autofree char *cur = live_path(f, ".store/x/cur"), *made = live_path(f, "Made");
  g_autofree char *fresh = live_path(f, "Parts/real/new"), *tmp = live_path(f, "Parts/real/tmp");
  assert_int_equal(mkdir(made, 0700), 0);
  put_link(f, cur, "Made/cur");
  put_link(f, fresh, "Made/new");
  put_link(f, tmp, "Made/tmp");
  live_refresh(f);
  live_assert(f, NULL, "boat", "Found/9.m Inbox/1.a Linked/2.b Made/2.b Parts/real/3.c");
  const char *const linked[] = {"Found/9.m", NULL};
  g_autoptr(GError) error = NULL;
  live_check(store_flag(f->store, linked, ROW_FLAGGED, 0, &error), error);
  assert_true(live_is(f, "Found/cur/9.m:2,FS"));
  live_check(store_expunge(f->store, linked, &error), error);
  assert_true(live_is(f, "Inbox/cur/1.a:2,"));
}

/* ---- folders ---- */

static void
a_maildir_of_dots_and_nested_folders_are_read_alike(void **state)
{
  struct fixture *f = *state;
  live_put(f, "new/1.root", "root", "boat");
  live_put(f, ".Sent/cur/2.sent:2,S", "sent", "boat");
  live_put(f, ".Lists.debian.devel/cur/3.list:2,", "list", "boat");
  live_put(f, "Lists/debian/devel/cur/4.nest:2,", "nest", "boat");
  live_folder(f, "Lists/debian");
  fixture_write(f, ".Sent/maildirfolder", "", 0);
  live_refresh(f);
  live_assert(f, NULL, "boat",
              "./1.root .Lists.debian.devel/3.list .Sent/2.sent Lists/debian/devel/4.nest");
  live_assert(f, NULL, "in:.Lists.debian.devel", ".Lists.debian.devel/3.list");
  live_assert(f, NULL, "in:Lists/debian/devel", "Lists/debian/devel/4.nest");
  live_assert(f, NULL, "is:sent", ".Sent/2.sent");
  const char *const root[] = {"./1.root", NULL};
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) first = NULL, second = NULL;
  live_check(store_move(f->store, root, ".Lists.debian.devel", &first, &error), error);
  live_check(store_move(f->store, (const char *const *)first, ".", &second, &error), error);
  assert_string_equal(second[0], "./1.root");
  assert_true(live_is(f, "new/1.root"));
}

static void
files_of_other_programs_are_no_folders(void **state)
{
  struct fixture *f = *state;
  static const char *const dirs[] = {".notmuch/xapian", ".notmuch/hooks", "dovecot-attic/a", ".mu",
                                     ".isync", "dovecot.index", ".nnmaildir/num", "Inbox/dovecot-x"};
  static const char *const files[] = {
      ".mbsyncstate", "Inbox/.mbsyncstate", "Inbox/.mbsyncstate.lock", "Inbox/.uidvalidity",
      "Inbox/.isyncuidmap.db", "dovecot-uidlist", "Inbox/dovecot-uidlist", "Inbox/dovecot-keywords",
      "Inbox/dovecot.index.log", "Inbox/dovecot.index.cache", "subscriptions", "Inbox/maildirsize",
      "Inbox/cur/.nfs0001", "dovecot-uidvalidity.5f2"};
  for (int dots = 0; dots < 2; dots++) {
    live_put(f, "Inbox/cur/1.a:2,", "one", "boat");
    if (dots == 1)
      live_folder(f, ".");
    for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++) {
      g_autofree char *path = live_path(f, dirs[i]);
      assert_int_equal(g_mkdir_with_parents(path, 0700), 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
      fixture_write(f, files[i], "1\n", 2);
    live_refresh(f);
    g_auto(GStrv) names = maildir_folders(f->store, NULL, NULL);
    g_autofree char *joined = g_strjoinv(" ", names);
    assert_string_equal(joined, dots == 1 ? ". Inbox" : "Inbox");
    live_assert(f, NULL, NULL, "Inbox/1.a");
  }
}

/* ---- names ---- */

static void
foreign_fields_and_keywords_outlive_flags_and_moves(void **state)
{
  struct fixture *f = *state;
  static const struct { const char *name, *flagged, *moved, *plain; } cases[] = {
      {"1.M2P3.host,S=88,W=91:2,ac", "1.M2P3.host,S=88,W=91:2,FSac",
       "Archive/cur/1.M2P3.host,S=88,W=91:2,FSac", "1.M2P3.host,S=88,W=91:2,Fac"},
      {"2_0.11.host,U=12,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,",
       "2_0.11.host,U=12,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,FS",
       "Archive/cur/2_0.11.host,U=12,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,FS",
       "2_0.11.host,U=12,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,F"},
      {"3.R4.host,U=7:2,RSz", "3.R4.host,U=7:2,FRSz", "Archive/cur/3.R4.host,U=7:2,FRSz",
       "3.R4.host,U=7:2,FRz"},
      {"4.x.host,S=5:2,T", "4.x.host,S=5:2,FST", "Archive/cur/4.x.host,S=5:2,FST",
       "4.x.host,S=5:2,FT"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *base = maildir_base(cases[i].name, NULL);
    g_autofree char *key = key_join("Inbox", base), *away = key_join("Archive", base);
    g_autofree char *at = g_strconcat("Inbox/cur/", cases[i].name, NULL);
    g_autofree char *flagged = g_strconcat("Inbox/cur/", cases[i].flagged, NULL);
    g_autofree char *plain = g_strconcat("Inbox/cur/", cases[i].plain, NULL);
    const char *const here[] = {key, NULL}, *const there[] = {away, NULL};
    live_put(f, at, "x", "boat");
    live_refresh(f);
    live_check(store_flag(f->store, here, ROW_SEEN | ROW_FLAGGED, 0, &error), error);
    assert_true(live_is(f, flagged));
    live_check(store_move(f->store, here, "Archive", NULL, &error), error);
    assert_true(live_is(f, cases[i].moved));
    live_check(store_move(f->store, there, "Inbox", NULL, &error), error);
    live_check(store_flag(f->store, here, 0, ROW_SEEN, &error), error);
    assert_true(live_is(f, plain));
    live_refresh(f);
    g_autoptr(row_t) row = store_row(f->store, key, &error);
    assert_non_null(row);
    assert_true(g_str_has_suffix(row->path, plain));
    live_check(store_expunge(f->store, here, &error), error);
  }
}

static void
a_stem_is_what_stands_before_the_fields(void **state)
{
  static const struct { const char *base, *stem; } cases[] = {
      {"1.M2P3.host,S=88,W=91", "1.M2P3.host"}, {"1.a", "1.a"}, {"2_0.1.host,U=5,FMD5=ab", "2_0.1.host"},
      {",S=5", ",S=5"}, {"1.a,", "1.a"}, {"", ""},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *stem = maildir_stem(cases[i].base);
    assert_string_equal(stem, cases[i].stem);
  }
}

static void
a_new_number_of_mbsync_keeps_all(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GError) error = NULL;
  live_put(f, "Inbox/cur/1.R5.host:2,", "one", "boat");
  live_put(f, "Inbox/cur/2.R6.host,U=3:2,", "two", "boat");
  live_refresh(f);
  const char *const both[] = {"Inbox/1.R5.host", "Inbox/2.R6.host,U=3", NULL};
  live_check(store_flag(f->store, both, ROW_FLAGGED, 0, &error), error);
  live_check(store_tag(f->store, both, "+todo", &error), error);
  g_autoptr(row_t) before = store_row(f->store, "Inbox/2.R6.host,U=3", NULL);
  live_rename(f, "Inbox/cur/1.R5.host:2,F", "Inbox/cur/1.R5.host,U=9:2,F");
  live_rename(f, "Inbox/cur/2.R6.host,U=3:2,F", "Inbox/cur/2.R6.host,U=10:2,FS");
  /* Someone who does not know of it yet still finds the letter. */
  fixture_assert_text(f, "Inbox/2.R6.host,U=3",
                      "From: Tom <tom@harbour.example>\nSubject: two\n"
                      "Date: 1 Jan 2026 00:00:00 +0000\nMessage-ID: <two@t>\n\nboat\n");
  assert_true(live_refresh(f));
  live_assert(f, NULL, "tag:todo", "Inbox/1.R5.host,U=9 Inbox/2.R6.host,U=10");
  g_autoptr(row_t) after = store_row(f->store, "Inbox/2.R6.host,U=10", NULL);
  assert_int_equal(after->id, before->id);
  live_check(store_rebuild(f->store, NULL, NULL, NULL, &error), error);
  live_assert(f, NULL, "tag:todo", "Inbox/1.R5.host,U=9 Inbox/2.R6.host,U=10");
  /* Tags and flags are taken back under the new names. */
  live_check(store_undo(f->store, NULL, &error), error);
  live_assert(f, NULL, "tag:todo", "");
  live_check(store_undo(f->store, NULL, &error), error);
  assert_true(live_is(f, "Inbox/cur/1.R5.host,U=9:2,"));
  assert_true(live_is(f, "Inbox/cur/2.R6.host,U=10:2,S"));
  live_check(store_rebuild(f->store, NULL, NULL, NULL, &error), error);
  live_assert(f, NULL, "tag:todo", "");
}

/* Dovecot's way: a link of another name, then the old one goes; both are seen or not. */
static void
a_move_by_a_copy_of_another_name_keeps_tags(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GError) error = NULL;
  live_put(f, "Inbox/cur/1.a:2,S", "one", "boat");
  live_put(f, "Inbox/cur/2.b:2,S", "two", "boat");
  live_folder(f, "Archive");
  live_refresh(f);
  const char *const keys[] = {"Inbox/1.a", "Inbox/2.b", NULL};
  live_check(store_tag(f->store, keys, "+todo", &error), error);
  put_hard_link(f, "Inbox/cur/1.a:2,S", "Archive/cur/7.M8.host,S=1:2,S");
  put_hard_link(f, "Inbox/cur/2.b:2,S", "Archive/cur/8.M9.host,S=1:2,S");
  live_refresh(f);
  g_autofree char *one = live_path(f, "Inbox/cur/1.a:2,S"), *two = live_path(f, "Inbox/cur/2.b:2,S");
  assert_int_equal(unlink(one), 0);
  live_refresh(f);
  live_assert(f, NULL, "tag:todo", "Archive/7.M8.host,S=1 Inbox/2.b");
  put_hard_link(f, "Inbox/cur/2.b:2,S", "Archive/cur/9.M1.host,S=1:2,S");
  assert_int_equal(unlink(two), 0);
  g_autofree char *eight = live_path(f, "Archive/cur/8.M9.host,S=1:2,S");
  assert_int_equal(unlink(eight), 0);
  live_refresh(f);
  live_assert(f, NULL, "tag:todo", "Archive/7.M8.host,S=1 Archive/9.M1.host,S=1");
  live_check(store_rebuild(f->store, NULL, NULL, NULL, &error), error);
  live_assert(f, NULL, "tag:todo", "Archive/7.M8.host,S=1 Archive/9.M1.host,S=1");
}

static void
a_flag_set_under_an_old_name_is_seen_under_the_new_one(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GError) error = NULL;
  live_put(f, "Inbox/cur/1.R5.host,U=3:2,", "one", "boat");
  live_refresh(f);
  live_rename(f, "Inbox/cur/1.R5.host,U=3:2,", "Inbox/cur/1.R5.host,U=44:2,");
  const char *const old[] = {"Inbox/1.R5.host,U=3", NULL};
  live_check(store_flag(f->store, old, ROW_FLAGGED, 0, &error), error);
  assert_true(live_is(f, "Inbox/cur/1.R5.host,U=44:2,F"));
  live_assert(f, NULL, "is:flagged", "Inbox/1.R5.host,U=44");
  live_check(store_move(f->store, old, "Archive", NULL, &error), error);
  assert_true(live_is(f, "Archive/cur/1.R5.host,U=44:2,F"));
  live_refresh(f);
  live_assert(f, NULL, NULL, "Archive/1.R5.host,U=44");
}

static void
a_number_of_mbsync_stays_in_the_folder_that_it_counts(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GError) error = NULL;
  live_put(f, "Inbox/cur/1.R5.host,U=3,S=90:2,Sa", "one", "boat");
  live_put(f, "Archive/cur/9.R9.host,U=3:2,S", "nine", "boat");
  fixture_write(f, "Archive/.uidvalidity", "1700000000\n3\n", -1);
  live_refresh(f);
  const char *const keys[] = {"Inbox/1.R5.host,U=3,S=90", NULL};
  live_check(store_tag(f->store, keys, "+todo", &error), error);
  live_check(store_move(f->store, keys, "Archive", NULL, &error), error);
  assert_true(live_is(f, "Archive/cur/1.R5.host,S=90:2,Sa"));
  live_assert(f, NULL, "tag:todo", "Archive/1.R5.host,S=90");
  /* Back in its own folder it is what it was. */
  live_check(store_undo(f->store, NULL, &error), error);
  assert_true(live_is(f, "Inbox/cur/1.R5.host,U=3,S=90:2,Sa"));
  live_assert(f, NULL, "tag:todo", "Inbox/1.R5.host,U=3,S=90");
}

static void
what_was_retrieved_is_known_under_its_new_name(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GError) error = NULL;
  g_autofree char *id = NULL;
  live_put(f, "Inbox/cur/5.abc.postino:2,S", "five", "boat");
  live_check(store_drop(f->store, "home", "pop", "anna", &id, &error), error);
  struct drop_row row = {.uid = (char *)"u1", .size = 9, .base = (char *)"5.abc.postino"};
  g_autoptr(GPtrArray) rows = g_ptr_array_new();
  g_ptr_array_add(rows, &row);
  live_check(store_drop_record(f->store, id, rows, &error), error);
  live_rename(f, "Inbox/cur/5.abc.postino:2,S", "Inbox/cur/5.abc.postino,U=4:2,S");
  live_refresh(f);
  live_assert(f, NULL, "account:home", "Inbox/5.abc.postino,U=4");
  g_autofree char *key = store_find_base(f->store, "5.abc.postino");
  assert_string_equal(key, "Inbox/5.abc.postino,U=4");
  /* Not gone from here: "when-deleted" must not remove it there. */
  g_auto(GStrv) folders = NULL;
  g_autoptr(GHashTable) bases = store_bases(f->store, &folders, &error);
  assert_true(g_hash_table_contains(bases, store_base_key("5.abc.postino")));
  /* And met again, not doubled, when its row was lost. */
  g_autoptr(delivery_t) delivery = delivery_begin(f->store, "Inbox", &error);
  g_auto(GStrv) keys = NULL;
  live_check(delivery_open(delivery, &error) && delivery_write(delivery, "x", 1, &error) &&
                 delivery_close(delivery, "5.abc.postino", 0, &error) &&
                 delivery_commit(delivery, &keys, &error), error);
  assert_int_equal(fixture_count(f, "Inbox/cur") + fixture_count(f, "Inbox/new"), 1);
}

/* ---- when it came ---- */

/* A foreign name tells it; of our own names and of names without a time the file does. */
static void
letters_are_sorted_by_their_arrival(void **state)
{
  struct fixture *f = *state;
  static const struct { const char *name; time_t time; } letters[] = {
      {"Inbox/cur/1600000300.M1.host:2,S", 1500000000}, {"Inbox/cur/1700000000.aa.postino:2,S", 1600000100},
      {"Inbox/new/noname", 1600000200}, {"Inbox/cur/1600000050.M2.host,S=4:2,", 1650000000}};
  for (size_t i = 0; i < G_N_ELEMENTS(letters); i++) {
    live_put(f, letters[i].name, "x", "boat");
    g_autofree char *path = live_path(f, letters[i].name);
    struct utimbuf then = {letters[i].time, letters[i].time};
    assert_int_equal(utime(path, &then), 0);
  }
  live_refresh(f);
  struct rows_query asked = {.folder = "Inbox", .order = ROWS_ARRIVAL, .limit = 9};
  for (int turn = 0; turn < 2; turn++) {
    g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
    g_autofree char *bases = mirror_bases(rows);
    assert_string_equal(bases, "1600000300.M1.host noname 1700000000.aa.postino 1600000050.M2.host,S=4");
    /* Flags and moves do not make it come again. */
    const char *const keys[] = {"Inbox/1700000000.aa.postino", "Inbox/noname", NULL};
    g_autoptr(GError) error = NULL;
    live_check(store_flag(f->store, keys, ROW_FLAGGED, 0, &error), error);
    live_check(store_rebuild(f->store, NULL, NULL, NULL, &error), error);
  }
}

/* ---- at the same time ---- */

#define BUSY 700

struct busy {
  struct fixture *f;
  guint n;
  gint stop;
};

static char *
busy_name(const struct busy *busy, guint i, guint turn)
{
  static const char *const infos[] = {":2,", ":2,S", ":2,FS", ":2,Sab", ":2,RS"};
  return g_strdup_printf("%s/Inbox/cur/%u.x,S=9%s", busy->f->dir, 1700000000 + i,
                         infos[turn % G_N_ELEMENTS(infos)]);
}

/* Another program that never stops to rename all letters. */
static gpointer
keep_renaming(void *data)
{
  struct busy *busy = data;
  for (guint turn = 0; g_atomic_int_get(&busy->stop) == 0; turn++)
    for (guint i = 0; i < busy->n; i++) {
      g_autofree char *from = busy_name(busy, i, turn), *to = busy_name(busy, i, turn + 1);
      if (rename(from, to) != 0)
        return g_strdup("a letter was not where its renamer left it");
    }
  return NULL;
}

static void
fill_busy(struct busy *busy)
{
  live_folder(busy->f, "Inbox");
  for (guint i = 0; i < busy->n; i++) {
    g_autofree char *name = g_strdup_printf("Inbox/cur/%u.x,S=9:2,", 1700000000 + i);
    live_put(busy->f, name, "busy", "boat");
  }
}

static void
letters_that_are_renamed_all_the_time_are_found(void **state)
{
  struct fixture *f = *state;
  struct busy busy = {.f = f, .n = 3};
  fill_busy(&busy);
  live_refresh(f);
  GThread *thread = g_thread_new("renames", keep_renaming, &busy);
  for (guint i = 0; i < 300; i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *key = g_strdup_printf("Inbox/%u.x,S=9", 1700000000 + i % busy.n);
    const char *const keys[] = {key, NULL};
    g_autoptr(GBytes) bytes = store_read(f->store, key, &error);
    live_check(bytes != NULL, error);
    bool tagged = store_tag(f->store, keys, i % 2 ? "+todo" : "-todo +seen", &error);
    live_check(tagged, error);
    bool copied = i % 50 != 0 || store_copy(f->store, keys, "Copies", &error);
    live_check(copied, error);
  }
  g_atomic_int_set(&busy.stop, 1);
  g_autofree char *fault = g_thread_join(thread);
  assert_null(fault);
  assert_int_equal(fixture_count(f, "Copies/cur"), 6);
}

static void
no_letter_is_missed_while_all_are_renamed(void **state)
{
  struct fixture *f = *state;
  struct busy busy = {.f = f, .n = BUSY};
  fill_busy(&busy);
  live_refresh(f);
  GThread *thread = g_thread_new("renames", keep_renaming, &busy);
  for (guint i = 0; i < 15; i++) {
    struct rows_query asked = {.folder = "Inbox"};
    guint64 total = 0;
    live_refresh(f);
    assert_true(store_count(f->store, &asked, &total, NULL, NULL, NULL));
    assert_int_equal(total, BUSY);
  }
  g_atomic_int_set(&busy.stop, 1);
  g_autofree char *fault = g_thread_join(thread);
  assert_null(fault);
  live_refresh(f);
  live_refresh(f);
  struct rows_query asked = {.folder = "Inbox", .order = ROWS_OLDEST, .limit = BUSY};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(rows->len, BUSY);
  for (guint i = 0; i < rows->len; i++)
    assert_int_equal(access(((struct row *)rows->pdata[i])->path, F_OK), 0);
}

static void
what_is_no_letter_does_not_keep_a_folder_from_rest(void **state)
{
  struct fixture *f = *state;
  live_put(f, "Inbox/cur/1.a:2,", "one", "boat");
  put_link(f, "gone", "Inbox/cur/8.n:2,S");
  g_autofree char *fifo = live_path(f, "Inbox/cur/4.fifo:2,");
  assert_int_equal(mkfifo(fifo, 0600), 0);
  struct utimbuf past = {1600000000, 1600000000};
  g_autofree char *cur = live_path(f, "Inbox/cur"), *fresh = live_path(f, "Inbox/new");
  assert_int_equal(utime(cur, &past), 0);
  assert_int_equal(utime(fresh, &past), 0);
  live_refresh(f);
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  int64_t time;
  assert_true(conn_number(conn, &time, 0, NULL, "SELECT cur_time FROM folder", ""));
  assert_int_equal(time, (int64_t)1600000000 * 1000000000);
}

/* ---- seen at once ---- */

static bool
wakes(int fd)
{
  char buffer[4096];
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  bool woke = poll(&poll_fd, 1, 5000) == 1;
  while (read(fd, buffer, sizeof buffer) > 0)
    ;
  return woke;
}

static void
make(struct fixture *f, const char *name)
{
  g_autofree char *path = live_path(f, name);
  assert_int_equal(mkdir(path, 0700), 0);
}

/* Each step is told of, though nothing is a folder before the last. */
static void
a_folder_made_bit_by_bit_is_noticed(void **state)
{
  struct fixture *f = *state;
  static const char *const steps[] = {"Later", "Later/deep", "Later/deep/er", "Later/deep/er/cur",
                                      "Later/deep/er/new", "Later/deep/er/tmp"};
  live_put(f, "Inbox/cur/1.a:2,", "one", "boat");
  int fd = store_watch_fd(f->store, NULL);
  live_refresh(f);
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
    make(f, steps[i]);
    assert_true(wakes(fd));
    live_refresh(f);
  }
  live_put(f, "Later/deep/er/new/2.b", "two", "boat");
  assert_true(wakes(fd));
  live_refresh(f);
  live_assert(f, NULL, "boat", "Inbox/1.a Later/deep/er/2.b");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      live_test(hard_links_are_letters_of_their_own),
      live_test(links_are_followed_once),
      live_test(a_maildir_of_dots_and_nested_folders_are_read_alike),
      live_test(files_of_other_programs_are_no_folders),
      live_test(foreign_fields_and_keywords_outlive_flags_and_moves),
      cmocka_unit_test(a_stem_is_what_stands_before_the_fields),
      live_test(a_new_number_of_mbsync_keeps_all),
      live_test(a_move_by_a_copy_of_another_name_keeps_tags),
      live_test(a_flag_set_under_an_old_name_is_seen_under_the_new_one),
      live_test(a_number_of_mbsync_stays_in_the_folder_that_it_counts),
      live_test(what_was_retrieved_is_known_under_its_new_name),
      live_test(letters_are_sorted_by_their_arrival),
      live_test(letters_that_are_renamed_all_the_time_are_found),
      live_test(no_letter_is_missed_while_all_are_renamed),
      live_test(what_is_no_letter_does_not_keep_a_folder_from_rest),
      live_test(a_folder_made_bit_by_bit_is_noticed),
  };
  return cmocka_run_group_tests(tests, live_start, live_stop);
}
