/* The provider's sample letters: what a search for them must find. */
#include "tests/unit/store/mirror.h"

static struct reader_pool *readers;

/* The seed's dates are written @DATE …@; here any will do. */
static char *
dated(const char *text, int number)
{
  g_autoptr(GRegex) date = g_regex_new("@DATE [^@\n]*@", 0, 0, NULL);
  g_autofree char *stamp = g_strdup_printf("Mon, 05 Jan 2026 10:%02d:00 +0000", number);
  return g_regex_replace_literal(date, text, -1, 0, stamp, G_REGEX_MATCH_BSR_ANYCRLF, NULL);
}

static void
deliver_samples(struct fixture *f)
{
  const char *top = g_getenv("abs_top_srcdir");
  g_autofree char *dir = g_build_filename(top != NULL ? top : ".", "tests/isp/mail", NULL);
  g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
  assert_non_null(open);
  for (const char *name; (name = g_dir_read_name(open)) != NULL;) {
    if (!g_str_has_suffix(name, ".anna.eml"))
      continue;
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *bytes = NULL;
    gsize length;
    assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    /* Raw 8-bit letters are no UTF-8: the dates are replaced in a clean copy of
     * their header, the body stays. */
    const char *body = strstr(bytes, "\n\n");
    g_autofree char *header = g_strndup(bytes, (gsize)(body - bytes));
    g_autofree char *fixed = g_utf8_validate(header, -1, NULL) ? dated(header, atoi(name))
                                                               : g_strdup(header);
    GString *letter = g_string_new(fixed);
    g_string_append_len(letter, body, (gssize)(length - (gsize)(body - bytes)));
    g_autofree char *key = fixture_deliver(f, "Inbox", letter->str, 0);
    assert_non_null(key);
    g_string_free(letter, TRUE);
  }
}

/* The provider seals and signs with keys that it makes; the shape is enough here. */
static void
deliver_shapes(struct fixture *f)
{
  g_autofree char *sealed = fixture_deliver(f, "Inbox",
      "From: a@x.example\nMessage-ID: <sealed@x.example>\nMIME-Version: 1.0\n"
      "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n"
      "--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n"
      "--b\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n\nxx\n"
      "-----END PGP MESSAGE-----\n--b--\n", 0);
  g_autofree char *signed_ = fixture_deliver(f, "Inbox",
      "From: a@x.example\nMessage-ID: <signed@x.example>\nMIME-Version: 1.0\n"
      "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256;"
      " boundary=b\n\n--b\nContent-Type: text/plain\n\nhello\n--b\n"
      "Content-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n\nxx\n"
      "-----END PGP SIGNATURE-----\n--b--\n", 0);
  assert_non_null(sealed);
  assert_non_null(signed_);
}

static int
open_samples(void **state)
{
  fixture_open(state);
  struct fixture *f = *state;
  readers = reader_pool_new(2);
  store_close(f->store);
  f->store = store_open(f->dir, readers, NULL);
  deliver_samples(f);
  deliver_shapes(f);
  g_autoptr(GError) error = NULL;
  if (!store_refresh(f->store, NULL, NULL, NULL, NULL, &error))
    fail_msg("%s", error->message);
  return 0;
}

static int
close_samples(void **state)
{
  fixture_close(state);
  reader_pool_free(readers);
  return 0;
}

static void
the_sample_letters_are_found(void **state)
{
  static const struct { const char *query; int count; const char *id; } samples[] = {
      {"boat", 1, "boat.1@harbour.example"},
      {"from:bruno", 6, NULL},
      {"tomatoes", -1, NULL},
      {"list:orto", 4, NULL},
      {"perche", 1, NULL},
      {"京都", 1, "hikkoshi.1@nihon.example"},
      {"subject:\"caffè si paga\"", 1, NULL},
      {"boat or kettle -tomatoes", 1, "boat.1@harbour.example"},
      {"id:boat.1@harbour.example", 1, "boat.1@harbour.example"},
      {"zzznothing", 0, NULL},
      {"is:encrypted", 1, "sealed@x.example"},
      {"is:signed", 1, "signed@x.example"},
      {"has:attachment from:bruno", -1, NULL},
      {"has:calendar", 1, NULL},
      {"is:unread", 22, NULL},
  };
  struct fixture *f = *state;
  for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
    struct rows_query asked = {.query = samples[i].query, .limit = 100};
    g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
    if (samples[i].count >= 0 ? (int)rows->len != samples[i].count : rows->len == 0)
      fail_msg("%s finds %u", samples[i].query, rows->len);
    if (samples[i].id != NULL)
      assert_string_equal(((struct row *)rows->pdata[0])->message_id, samples[i].id);
  }
}

static void
the_lists_letters_are_one_thread(void **state)
{
  struct fixture *f = *state;
  struct rows_query asked = {.query = "list:orto", .order = ROWS_THREAD, .limit = 100};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(rows->len, 4);
  for (guint i = 1; i < rows->len; i++)
    assert_int_equal(((struct row *)rows->pdata[i])->thread,
                     ((struct row *)rows->pdata[0])->thread);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_sample_letters_are_found),
      cmocka_unit_test(the_lists_letters_are_one_thread),
  };
  return cmocka_run_group_tests(tests, open_samples, close_samples);
}
