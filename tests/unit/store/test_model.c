/* Random changes by us and by others against a model that is too simple to be
 * wrong: after each look the index, its threads and its counts agree with it.
 * POSTINO_MODEL_SEED and POSTINO_MODEL_STEPS walk other ways, POSTINO_MODEL_KILLS kills
 * more often. */
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/store/mirror.h"

#define STEPS 110
#define CONVERSATIONS 8

static const char *const folders[] = {"Inbox", "Archive", "Lists/boats"};

struct letter {
  guint folder;
  char *base;
  unsigned flags;
  bool fresh;               /* lies in new/ */
  char *keywords;           /* dovecot's letters behind the flags */
  guint conversation, number;
  bool tagged;
};

/* A change that can be taken back. */
struct done {
  char kind;                /* f flags, m moved, t tagged, x removed for good */
  char *base;
  guint from, to;
  unsigned was, now;
};

struct model {
  struct fixture *f;
  struct store *other;      /* another postino on the same mail; each does some of the work */
  GRand *rand;
  GPtrArray *letters, *done;
  guint number;
};

static struct reader_pool *readers;

static int
start_readers(void **state)
{
  readers = reader_pool_new(2);
  return 0;
}

static int
stop_readers(void **state)
{
  reader_pool_free(readers);
  return 0;
}

static void
letter_free_(void *data)
{
  struct letter *letter = data;
  g_free(letter->base);
  g_free(letter->keywords);
  g_free(letter);
}

static void
done_free(void *data)
{
  struct done *done = data;
  g_free(done->base);
  g_free(done);
}

static void
reopen(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  store_close(f->store);
  f->store = store_open(f->dir, readers, &error);
  if (f->store == NULL)
    fail_msg("%s", error->message);
}

static void
check(bool ok, GError *error)
{
  if (!ok)
    fail_msg("%s", error->message);
}

static guint
below(struct model *m, guint n)
{
  return (guint)g_rand_int_range(m->rand, 0, (gint32)n);
}

static char *
key_of(const struct letter *letter)
{
  return key_join(folders[letter->folder], letter->base);
}

static char *
path_of(struct model *m, const struct letter *letter)
{
  g_autofree char *plain = maildir_name(letter->base, letter->flags);
  bool bare = letter->fresh && letter->flags == 0 && *letter->keywords == '\0';
  return g_strdup_printf("%s/%s/%s/%s%s", m->f->dir, folders[letter->folder],
                         letter->fresh ? "new" : "cur", bare ? letter->base : plain,
                         bare ? "" : letter->keywords);
}

/* ---- what comes ---- */

static char *
text_of(struct model *m, struct letter *letter)
{
  letter->number = ++m->number;
  letter->conversation = below(m, CONVERSATIONS);
  return g_strdup_printf("From: Tom <tom@harbour.example>\nSubject: s%u\n"
                         "Date: Mon, 1 Jan 2024 %02u:%02u:%02u +0000\nMessage-ID: <n%u@m.example>\n"
                         "References: <root%u@m.example>\n\nboat w%u\n",
                         letter->number, below(m, 24), below(m, 60), below(m, 60), letter->number,
                         letter->conversation, letter->number);
}

static struct letter *
add_letter(struct model *m)
{
  struct letter *letter = g_new0(struct letter, 1);
  letter->folder = below(m, G_N_ELEMENTS(folders));
  letter->keywords = g_strdup("");
  g_ptr_array_add(m->letters, letter);
  return letter;
}

static void
we_deliver(struct model *m)
{
  struct letter *letter = add_letter(m);
  g_autofree char *text = text_of(m, letter);
  letter->flags = below(m, 2) ? ROW_SEEN : 0;
  letter->fresh = letter->flags == 0;
  g_autofree char *key = fixture_deliver(m->f, folders[letter->folder], text, letter->flags);
  letter->base = g_strdup(strrchr(key, '/') + 1);
}

static void
others_deliver(struct model *m)
{
  struct letter *letter = add_letter(m);
  g_autofree char *text = text_of(m, letter);
  letter->base = g_strdup_printf("%u.M%uP1.host,S=%zu,W=%zu", 1704000000 + letter->number,
                                 letter->number, strlen(text), strlen(text) + 9);
  letter->fresh = below(m, 2) != 0;
  if (!letter->fresh) {
    letter->flags = below(m, 2) ? ROW_SEEN | ROW_REPLIED : 0;
    g_free(letter->keywords);
    letter->keywords = g_strdup(below(m, 2) ? "ab" : "");
  }
  g_autofree char *path = path_of(m, letter);
  fixture_write(m->f, path + strlen(m->f->dir) + 1, text, -1);
}

/* ---- what changes ---- */

static struct letter *
any_letter(struct model *m)
{
  return m->letters->len > 0 ? g_ptr_array_index(m->letters, below(m, m->letters->len)) : NULL;
}

static struct done *
remember(struct model *m, char kind, const struct letter *letter)
{
  struct done *done = g_new0(struct done, 1);
  done->kind = kind;
  done->base = g_strdup(letter->base);
  g_ptr_array_add(m->done, done);
  return done;
}

static void
set_flags(struct letter *letter, unsigned flags)
{
  if (flags != letter->flags)
    letter->fresh = false;
  letter->flags = flags;
}

static void
we_flag(struct model *m, struct letter *letter)
{
  static const unsigned some[] = {ROW_SEEN, ROW_FLAGGED, ROW_REPLIED, ROW_SEEN | ROW_DRAFT};
  unsigned set = some[below(m, 4)], clear = below(m, 2) ? 0 : ROW_SEEN & ~set;
  g_autofree char *key = key_of(letter);
  const char *keys[] = {key, NULL};
  unsigned now = (letter->flags | set) & ~clear;
  g_autoptr(GError) error = NULL;
  check(store_flag(m->f->store, keys, set, clear, &error), error);
  if (now != letter->flags) {
    struct done *done = remember(m, 'f', letter);
    done->was = letter->flags;
    done->now = now;
  }
  set_flags(letter, now);
}

static void
we_move(struct model *m, struct letter *letter)
{
  guint to = below(m, G_N_ELEMENTS(folders));
  g_autofree char *key = key_of(letter);
  const char *keys[] = {key, NULL};
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) moved = NULL;
  check(store_move(m->f->store, keys, folders[to], &moved, &error), error);
  if (to == letter->folder)
    return;
  struct done *done = remember(m, 'm', letter);
  done->from = letter->folder;
  done->to = letter->folder = to;
  g_autofree char *wanted = key_of(letter);
  assert_string_equal(moved[0], wanted);
}

static void
we_tag(struct model *m, struct letter *letter)
{
  g_autofree char *key = key_of(letter);
  const char *keys[] = {key, NULL};
  g_autoptr(GError) error = NULL;
  check(store_tag(m->f->store, keys, letter->tagged ? "-dry" : "+dry", &error), error);
  remember(m, 't', letter)->was = letter->tagged;
  letter->tagged = !letter->tagged;
}

static void
we_expunge(struct model *m, struct letter *letter)
{
  g_autofree char *key = key_of(letter);
  const char *keys[] = {key, NULL};
  struct store_bulk bulk = {0};
  g_autoptr(GError) error = NULL;
  check(store_expunge_bulk(m->f->store, keys, &bulk, &error), error);
  const struct done *last = m->done->len > 0 ? m->done->pdata[m->done->len - 1] : NULL;
  if (last == NULL || last->kind != 'x')
    remember(m, 'x', letter);
  g_ptr_array_remove(m->letters, letter);
}

static void
others_rename(struct model *m, struct letter *letter)
{
  g_autofree char *from = path_of(m, letter);
  if (below(m, 2) != 0)
    letter->folder = below(m, G_N_ELEMENTS(folders));
  else
    letter->flags ^= ROW_SEEN;
  letter->fresh = false;
  g_autofree char *to = path_of(m, letter);
  assert_int_equal(rename(from, to), 0);
}

/* mbsync gives it another number. */
static void
others_renumber(struct model *m, struct letter *letter)
{
  g_autofree char *from = path_of(m, letter), *stem = maildir_stem(letter->base);
  g_free(letter->base);
  letter->base = g_strdup_printf("%s,U=%u", stem, ++m->number);
  g_autofree char *to = path_of(m, letter);
  assert_int_equal(rename(from, to), 0);
}

static void check_all(struct model *m);

/* Dovecot's way to move: a link of another name, then the old one goes.  Its tags are
 * followed if the index knew it. */
static void
others_relink(struct model *m, struct letter *letter)
{
  check_all(m);
  g_autofree char *from = path_of(m, letter);
  letter->folder = below(m, G_N_ELEMENTS(folders));
  letter->fresh = false;
  g_free(letter->base);
  letter->base = g_strdup_printf("%u.M%uP2.dove,S=9", 1705000000 + m->number, m->number + 1);
  m->number++;
  g_autofree char *to = path_of(m, letter);
  assert_int_equal(link(from, to), 0);
  if (below(m, 2) == 0) {
    g_autoptr(GError) error = NULL;
    check(store_refresh(m->f->store, NULL, NULL, NULL, NULL, &error), error);
  }
  assert_int_equal(unlink(from), 0);
}

static void
others_remove(struct model *m, struct letter *letter)
{
  g_autofree char *path = path_of(m, letter);
  assert_int_equal(unlink(path), 0);
  g_ptr_array_remove(m->letters, letter);
}

/* ---- taking back ---- */

static struct letter *
by_base(struct model *m, const char *base)
{
  for (guint i = 0; i < m->letters->len; i++) {
    struct letter *letter = m->letters->pdata[i];
    if (strcmp(letter->base, base) == 0)
      return letter;
  }
  return NULL;
}

/* As undo finds a letter: whatever fields its name got since. */
static struct letter *
by_stem(struct model *m, const char *base)
{
  g_autofree char *wanted = maildir_stem(base);
  for (guint i = 0; i < m->letters->len; i++) {
    struct letter *letter = m->letters->pdata[i];
    g_autofree char *stem = maildir_stem(letter->base);
    if (strcmp(stem, wanted) == 0)
      return letter;
  }
  return NULL;
}

/* False: nothing of it is left to be taken back. */
static bool
take_back(struct model *m, const struct done *done)
{
  struct letter *letter = by_stem(m, done->base);
  if (letter == NULL)
    return false;
  if (done->kind == 'm') {
    if (letter->folder != done->to)
      return false;
    letter->folder = done->from;
    g_free(letter->base);
    letter->base = g_strdup(done->base);
    return true;
  }
  if (done->kind == 't') {
    bool changes = letter->tagged != (done->was != 0);
    letter->tagged = done->was != 0;
    return changes;
  }
  unsigned mask = done->was ^ done->now, flags = (letter->flags & ~mask) | (done->was & mask);
  bool changes = flags != letter->flags;
  set_flags(letter, flags);
  return changes;
}

static void
we_undo(struct model *m)
{
  bool undone = false, refused = false;
  while (!undone && !refused && m->done->len > 0) {
    const struct done *last = m->done->pdata[m->done->len - 1];
    refused = last->kind == 'x';
    undone = !refused && take_back(m, last);
    g_ptr_array_set_size(m->done, (gint)m->done->len - 1);
  }
  g_autoptr(GError) error = NULL;
  if (undone)
    check(store_undo(m->f->store, NULL, &error), error);
  else {
    assert_false(store_undo(m->f->store, NULL, &error));
    assert_true(error_is(error, refused ? POSTINO_ERROR_INVALID : POSTINO_ERROR_NOTFOUND));
  }
}

/* ---- do they agree? ---- */

static void
check_row(struct model *m, const struct row *row, GHashTable *threads)
{
  struct letter *letter = by_base(m, strrchr(row->key, '/') + 1);
  assert_non_null(letter);
  g_autofree char *key = key_of(letter), *path = path_of(m, letter);
  g_autofree char *subject = g_strdup_printf("s%u", letter->number);
  assert_string_equal(row->key, key);
  assert_string_equal(row->path, path);
  assert_int_equal(access(path, F_OK), 0);
  assert_string_equal(row->subject, subject);
  assert_int_equal(row->flags, letter->flags);
  assert_string_equal(row->tags != NULL ? row->tags : "", letter->tagged ? "dry" : "");
  /* One conversation is one thread. */
  gpointer conversation = GUINT_TO_POINTER(letter->conversation + 1), other;
  if (g_hash_table_lookup_extended(threads, &row->thread, NULL, &other))
    assert_ptr_equal(other, conversation);
  else
    g_hash_table_insert(threads, g_memdup2(&row->thread, sizeof row->thread), conversation);
}

static guint
check_rows(struct model *m, const char *folder, enum rows_order order, GHashTable *threads)
{
  struct rows_query asked = {.folder = folder, .order = order, .limit = 10000};
  g_autoptr(GPtrArray) rows = mirror_rows(m->f, &asked);
  g_autoptr(GHashTable) ended = g_hash_table_new(g_int64_hash, g_int64_equal);
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i], *before = i > 0 ? rows->pdata[i - 1] : NULL;
    check_row(m, row, threads);
    if (before == NULL)
      continue;
    if (order == ROWS_NEWEST)
      assert_true(before->id > row->id && before->date >= row->date);
    else if (before->thread != row->thread) {
      g_hash_table_add(ended, (gpointer)&before->thread);
      assert_false(g_hash_table_contains(ended, &row->thread));
    }
  }
  return rows->len;
}

static void
check_counts(struct model *m)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = store_folders(m->f->store, NULL, &error);
  guint total[G_N_ELEMENTS(folders)] = {0}, unread[G_N_ELEMENTS(folders)] = {0}, tagged = 0;
  for (guint i = 0; i < m->letters->len; i++) {
    const struct letter *letter = m->letters->pdata[i];
    total[letter->folder]++;
    unread[letter->folder] += (letter->flags & ROW_SEEN) == 0;
    tagged += letter->tagged;
  }
  for (guint i = 0; i < rows->len; i++) {
    const struct folder_row *row = rows->pdata[i];
    for (guint j = 0; j < G_N_ELEMENTS(folders); j++)
      if (strcmp(row->name, folders[j]) == 0) {
        assert_int_equal(row->total, total[j]);
        assert_int_equal(row->unread, unread[j]);
      }
  }
  struct { const char *query; guint count; } counted[] = {
      {"boat", m->letters->len}, {"is:unread", unread[0] + unread[1] + unread[2]},
      {"tag:dry", tagged}, {"in:Archive", total[1]}};
  for (gsize i = 0; i < G_N_ELEMENTS(counted); i++) {
    struct rows_query asked = {.query = counted[i].query};
    guint64 count;
    check(store_count(m->f->store, &asked, &count, NULL, NULL, &error), error);
    assert_int_equal(count, counted[i].count);
  }
}

static void
check_search(struct model *m)
{
  struct letter *letter = any_letter(m);
  if (letter == NULL)
    return;
  g_autofree char *word = g_strdup_printf("w%u", letter->number);
  struct rows_query asked = {.query = word, .limit = 10};
  g_autoptr(GPtrArray) rows = mirror_rows(m->f, &asked);
  g_autofree char *bases = mirror_bases(rows);
  assert_string_equal(bases, letter->base);
}

static void
check_all(struct model *m)
{
  g_autoptr(GError) error = NULL;
  check(store_refresh(m->f->store, NULL, NULL, NULL, NULL, &error), error);
  g_autoptr(GHashTable) threads = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  guint rows = 0;
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
    rows += check_rows(m, folders[i], ROWS_NEWEST, threads);
    check_rows(m, folders[i], ROWS_THREAD, threads);
  }
  assert_int_equal(rows, m->letters->len);
  assert_int_equal(check_rows(m, NULL, ROWS_THREAD, threads), m->letters->len);
  check_counts(m);
  check_search(m);
}

/* ---- the walk ---- */

static void
step(struct model *m)
{
  struct letter *letter = any_letter(m);
  guint what = letter != NULL ? below(m, 17) : below(m, 3);
  if (below(m, 3) == 0) {
    struct store *other = m->other;
    m->other = m->f->store;
    m->f->store = other;
  }
  switch (what) {
  case 0: case 1: we_deliver(m); break;
  case 2: case 3: others_deliver(m); break;
  case 4: case 5: we_flag(m, letter); break;
  case 6: case 7: we_move(m, letter); break;
  case 8: we_tag(m, letter); break;
  case 9: we_expunge(m, letter); break;
  case 10: case 11: others_rename(m, letter); break;
  case 12: others_remove(m, letter); break;
  case 13: others_renumber(m, letter); break;
  case 14: others_relink(m, letter); break;
  default: we_undo(m);
  }
}

static guint
number_of(const char *name, guint otherwise)
{
  const char *value = g_getenv(name);
  return value != NULL ? (guint)g_ascii_strtoull(value, NULL, 10) : otherwise;
}

static void
make_folders(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
    check(store_make_folder(f->store, folders[i], &error), error);
}

static void
walk(struct fixture *f, guint seed, guint steps)
{
  struct model m = {.f = f,
                    .other = store_open(f->dir, readers, NULL),
                    .rand = g_rand_new_with_seed(seed),
                    .letters = g_ptr_array_new_with_free_func(letter_free_),
                    .done = g_ptr_array_new_with_free_func(done_free)};
  reopen(m.f);
  make_folders(m.f);
  assert_non_null(m.other);
  for (guint i = 0; i < steps; i++) {
    step(&m);
    /* Sometimes several changes meet an index that knows none of them. */
    if (below(&m, 3) != 0)
      check_all(&m);
    if (below(&m, 40) == 0)
      reopen(m.f);
  }
  check_all(&m);
  g_autoptr(GError) error = NULL;
  check(store_rebuild(m.f->store, NULL, NULL, NULL, &error), error);
  check_all(&m);
  while (m.done->len > 0) {
    we_undo(&m);
    check_all(&m);
  }
  store_close(m.other);
  g_ptr_array_unref(m.letters);
  g_ptr_array_unref(m.done);
  g_rand_free(m.rand);
}

static void
whatever_happens_the_index_agrees_with_the_files(void **state)
{
  guint seed = number_of("POSTINO_MODEL_SEED", 7), steps = number_of("POSTINO_MODEL_STEPS", STEPS);
  for (guint i = 0; i < 2; i++) {
    void *own = NULL;
    fixture_open(&own);
    walk(own, seed + i, steps);
    fixture_close(&own);
  }
}

/* ---- death in the midst of many moves ---- */

#define MANY 120
#define KILLS 24

/* A process that changes all letters, and is killed at some instant. */
static void
die_while_changing(struct fixture *f, char **keys, guint kind, guint after_us)
{
  store_close(f->store);
  f->store = NULL;
  pid_t child = fork();
  if (child == 0) {
    g_autoptr(GError) error = NULL;
    struct store *store = store_open(f->dir, NULL, &error);
    const char *const *all = (const char *const *)keys;
    if (store != NULL && kind == 0)
      (void)!store_flag(store, all, ROW_FLAGGED, ROW_SEEN, &error);
    else if (store != NULL && kind == 1)
      (void)!store_flag(store, all, ROW_SEEN, ROW_FLAGGED, &error);
    else if (store != NULL)
      (void)!store_move(store, all, kind == 2 ? "Archive" : "Inbox", NULL, &error);
    _exit(0);
  }
  g_usleep(after_us);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  reopen(f);
}

static guint
rows_of(struct fixture *f, const char *folder, GHashTable *ids)
{
  struct rows_query asked = {.folder = folder, .limit = 10000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    assert_int_equal(access(row->path, F_OK), 0);
    assert_true(g_hash_table_add(ids, g_strdup(row->message_id)));
  }
  return rows->len;
}

/* The index agrees with the files: every letter once, its flags, the counts. */
static void
check_many(struct fixture *f, guint many)
{
  g_autoptr(GError) error = NULL;
  check(store_refresh(f->store, NULL, NULL, NULL, NULL, &error), error);
  g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  assert_int_equal(rows_of(f, "Inbox", ids) + rows_of(f, "Archive", ids), many);
  assert_int_equal(fixture_count(f, "Inbox/cur") + fixture_count(f, "Archive/cur") +
                       fixture_count(f, "Inbox/new") + fixture_count(f, "Archive/new"), many);
  struct rows_query asked = {.query = "boat", .limit = 10000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  guint64 unread = 0, counted;
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    unsigned flags;
    g_free(maildir_base(row->path, &flags));
    assert_int_equal(row->flags, flags);
    unread += (flags & ROW_SEEN) == 0;
  }
  assert_int_equal(rows->len, many);
  asked = (struct rows_query){0};
  check(store_count(f->store, &asked, NULL, &counted, NULL, &error), error);
  assert_int_equal(counted, unread);
}

/* The keys as they are now. */
static GPtrArray *
keys_of(struct fixture *f)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func(g_free);
  struct rows_query asked = {.limit = 10000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  for (guint i = 0; i < rows->len; i++)
    g_ptr_array_add(keys, g_strdup(((struct row *)rows->pdata[i])->key));
  g_ptr_array_add(keys, NULL);
  return keys;
}

static void
death_among_many_changes_loses_and_doubles_nothing(void **state)
{
  struct fixture *f = *state;
  reopen(f);
  make_folders(f);
  for (guint i = 0; i < MANY; i++) {
    g_autofree char *text = g_strdup_printf("Message-ID: <%u@many>\nSubject: x\n\nboat\n", i);
    g_autofree char *name = g_strdup_printf("Inbox/cur/%u.x:2,S", 1700000000 + i);
    fixture_write(f, name, text, -1);
  }
  check_many(f, MANY);
  g_autoptr(GRand) rand = g_rand_new_with_seed(number_of("POSTINO_MODEL_SEED", 7));
  guint kills = number_of("POSTINO_MODEL_KILLS", KILLS);
  for (guint i = 0; i < kills; i++) {
    g_autoptr(GPtrArray) keys = keys_of(f);
    die_while_changing(f, (char **)keys->pdata, (i / 2 + (i & 1) * 2) % 4,
                       (guint)g_rand_int_range(rand, 1000, 200000));
    check_many(f, MANY);
  }
  g_autoptr(GError) error = NULL;
  check(store_rebuild(f->store, NULL, NULL, NULL, &error), error);
  check_many(f, MANY);
}

/* ---- several at once ---- */

#define AT_ONCE 3
#define TURNS 30

/* One postino of several: what it does may fail because another moved the letter. */
static int
work_beside_others(const char *dir, guint number)
{
  struct reader_pool *own = reader_pool_new(1);
  struct store *store = store_open(dir, own, NULL);
  g_autoptr(GRand) rand = g_rand_new_with_seed(number);
  bool ok = store != NULL;
  for (guint i = 0; ok && i < TURNS; i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("Message-ID: <%u.%u@many>\nSubject: x\n\nboat\n", number, i);
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
    ok = store_deliver(store, "Inbox", bytes, 0, NULL, &error) &&
         store_refresh(store, NULL, NULL, NULL, NULL, &error);
    struct rows_query asked = {.folder = i % 2 ? "Inbox" : "Archive", .limit = 200};
    g_autoptr(GPtrArray) rows = ok ? store_rows(store, &asked, NULL, &error) : NULL;
    if (rows == NULL) {
      ok = false;
      g_printerr("%s\n", error->message);
    } else if (rows->len > 0) {
      const struct row *row = rows->pdata[g_rand_int_range(rand, 0, (gint32)rows->len)];
      const char *keys[] = {row->key, NULL};
      if (i % 3 == 0)
        (void)!store_flag(store, keys, ROW_FLAGGED, ROW_SEEN, NULL);
      else if (i % 3 == 1)
        (void)!store_flag(store, keys, ROW_SEEN, 0, NULL);
      else
        (void)!store_move(store, keys, i % 2 ? "Archive" : "Inbox", NULL, NULL);
    }
  }
  store_close(store);
  reader_pool_free(own);
  return ok ? 0 : 1;
}

/* This program once more, from its start: a fork alone has no thread that starts readers. */
static pid_t
start_beside(const char *dir, guint number)
{
  g_autofree char *text = g_strdup_printf("%u", number);
  pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "test_model", dir, text, (char *)NULL);
    _exit(127);
  }
  return child;
}

static void
several_at_once_agree(void **state)
{
  struct fixture *f = *state;
  reopen(f);
  make_folders(f);
  store_close(g_steal_pointer(&f->store));
  pid_t children[AT_ONCE];
  for (guint i = 0; i < AT_ONCE; i++)
    children[i] = start_beside(f->dir, i);
  for (guint i = 0; i < AT_ONCE; i++) {
    int status;
    waitpid(children[i], &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  reopen(f);
  check_many(f, AT_ONCE * TURNS);
  g_autoptr(GError) error = NULL;
  check(store_rebuild(f->store, NULL, NULL, NULL, &error), error);
  check_many(f, AT_ONCE * TURNS);
}

int
main(int argc, char **argv)
{
  if (argc == 3)
    return work_beside_others(argv[1], (guint)g_ascii_strtoull(argv[2], NULL, 10));
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whatever_happens_the_index_agrees_with_the_files),
      fixture_test(death_among_many_changes_loses_and_doubles_nothing),
      fixture_test(several_at_once_agree),
  };
  return cmocka_run_group_tests(tests, start_readers, stop_readers);
}
