/* The field Autocrypt (level 1, 2.1) as others write it, and as it goes out; key gossip. */
#include "engine/autocrypt.h"
#include "store/drops.h"
#include "tests/unit/engine/house.h"

#define KEY "bXkga2V5"

static void
field_is_taken_only_where_it_is_its_sender_s(void **state)
{
  static const struct {
    const char *value;
    bool good, mutual;
  } rows[] = {
      {"addr=anna@x.example; keydata=" KEY, true, false},
      {"addr=Anna@X.example; prefer-encrypt=mutual; keydata=" KEY, true, true},
      {" addr = anna@x.example ;prefer-encrypt=mutual;_future=1;keydata=\r\n bXkg\r\n a2V5", true, true},
      {"addr=anna@x.example; prefer-encrypt=nopreference; keydata=" KEY, true, false},
      {"addr=bruno@x.example; keydata=" KEY, false, false},
      {"keydata=" KEY, false, false},
      {"keydata=" KEY "; addr=anna@x.example", false, false},
      {"addr=anna@x.example", false, false},
      {"addr=anna@x.example; keydata=", false, false},
      {"addr=anna@x.example; keydata=" KEY "; keydata=" KEY, false, false},
      {"addr=anna@x.example; critical=1; keydata=" KEY, false, false},
      {"addr=anna@x.example; address=1; keydata=" KEY, false, false},
      {"", false, false},
      {";;;=;", false, false},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *value = exact_copy(rows[i].value, strlen(rows[i].value));
    g_autofree char *text = g_strndup(value, strlen(rows[i].value));
    struct autocrypt field = {0};
    if (autocrypt_parse(text, "anna@x.example", &field) != rows[i].good)
      fail_msg("%s", rows[i].value);
    if (!rows[i].good)
      continue;
    assert_int_equal(field.mutual, rows[i].mutual);
    assert_string_equal(field.keydata, KEY);
    autocrypt_clear(&field);
  }
}

static void
field_that_is_too_large_is_passed_over(void **state)
{
  struct autocrypt field = {0};
  g_autoptr(GString) value = g_string_new("addr=anna@x.example; keydata=");
  for (int i = 0; i < 4000; i++)
    g_string_append(value, "bXkg");
  assert_false(autocrypt_parse(value->str, "anna@x.example", &field));
}

static GBytes *
key_in(const char *letter)
{
  g_autoptr(GBytes) bytes = g_bytes_new(letter, strlen(letter));
  return autocrypt_of_letter(bytes);
}

static void
letter_without_one_sender_or_one_field_brings_nothing(void **state)
{
#define DATE "Date: Thu, 26 Nov 2026 10:00:00 +0000\r\n"
#define FIELD "Autocrypt: addr=anna@x.example; keydata=" KEY "\r\n"
  g_autoptr(GBytes) good = key_in("From: Anna <anna@x.example>\r\n" DATE FIELD "\r\nx\r\n");
  assert_non_null(good);
  assert_memory_equal(g_bytes_get_data(good, NULL), "my key", 6);
  assert_null(key_in("From: anna@x.example, bruno@x.example\r\n" DATE FIELD "\r\nx\r\n"));
  assert_null(key_in("From: anna@x.example\r\n" DATE FIELD FIELD "\r\nx\r\n"));
  assert_null(key_in("From: bruno@x.example\r\n" DATE FIELD "\r\nx\r\n"));
  assert_null(key_in("From: anna@x.example\r\n" FIELD "\r\nx\r\n"));
  assert_null(key_in("From: anna@x.example\r\nContent-Type: multipart/report\r\n" DATE FIELD "\r\n"));
}

static void
field_goes_out_folded_and_is_read_again(void **state)
{
  static const char armour[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\nbXkg\na2V5\n=abcd\n"
                               "-----END PGP PUBLIC KEY BLOCK-----\n";
  g_autoptr(GBytes) bytes = g_bytes_new_static(armour, strlen(armour));
  g_autofree char *field = autocrypt_field("Autocrypt", "anna@x.example", bytes, true);
  assert_string_equal(field, "Autocrypt: addr=anna@x.example; prefer-encrypt=mutual; keydata=\r\n " KEY
                             "\r\n");
  g_autofree char *letter = g_strconcat("From: anna@x.example\r\n" DATE, field, "\r\nx\r\n", NULL);
  g_autoptr(GBytes) key = key_in(letter);
  assert_non_null(key);
}

/* ---- gossip ---- */

#define GOSSIP(addr) "Autocrypt-Gossip: addr=" addr "; keydata=" KEY "\r\n"
#define TEXT "Content-Type: text/plain\r\n\r\nCiao.\r\n"

/* A letter from mallory to anna (whose program this is) and to bruno and carla. */
struct scene {
  const char *inner;        /* what came out of the seal */
  const char *from, *to, *cc, *reply_to;
  enum envelope_kind envelope;
  bool unsealed;
  int64_t date;
};

static struct opened *
letter_of(const struct scene *scene)
{
  struct opened *opened = g_new0(struct opened, 1);
  struct rendered *rendered = opened->rendered = rendered_new();
  GPtrArray **fields[] = {&rendered->from, &rendered->to, &rendered->cc, &rendered->reply_to};
  const char *values[] = {scene->from != NULL ? scene->from : "Mallory <mallory@x.example>",
                          scene->to != NULL ? scene->to : "anna@x.example, Bruno <bruno@x.example>",
                          scene->cc != NULL ? scene->cc : "carla@x.example", scene->reply_to};
  for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
    g_clear_pointer(fields[i], g_ptr_array_unref);
    *fields[i] = address_parse_header(values[i] != NULL ? values[i] : "", -1);
  }
  rendered->envelope = scene->envelope != 0 ? scene->envelope : ENVELOPE_PGP_SEALED;
  rendered->date = scene->date != 0 ? scene->date : 1700000000;
  g_autofree char *exact = exact_copy(scene->inner, strlen(scene->inner));
  opened->shown = g_bytes_new(exact, strlen(scene->inner));
  opened->source = g_bytes_ref(opened->shown);
  opened->sealed = !scene->unsealed;
  return opened;
}

static void
read_letter_of(struct house *house, const struct scene *scene)
{
  g_autoptr(opened_t) opened = letter_of(scene);
  gossip_take(house->engine, opened);
}

static bool
is_heard(struct house *house, const char *spec)
{
  g_autofree char *sender = NULL;
  g_autoptr(GBytes) key = gossip_remembered(house->engine, spec, &sender);
  return key != NULL;
}

static void
open_anna(struct house *house)
{
  house_open(house, "account \"a\" { from = \"Anna <anna@x.example>\" user = \"anna\" "
                    "also = {\"a@x.example\"} smtp { server = \"localhost\" } }", NULL);
}

static void
gossip_is_taken_of_those_alone_whom_a_sealed_letter_goes_to(void **state)
{
  static const struct {
    const char *what, *whom;
    struct scene scene;
    bool taken;
  } rows[] = {
      {"To", "bruno@x.example", {GOSSIP("bruno@x.example") TEXT}, true},
      {"Cc", "carla@x.example", {GOSSIP("Carla@X.example") TEXT}, true},
      {"Reply-To", "lista@x.example", {GOSSIP("lista@x.example") TEXT, .reply_to = "lista@x.example"}, true},
      {"fields of both", "bruno@x.example",
       {"To: anna@x.example, bruno@x.example\r\n" GOSSIP("bruno@x.example") TEXT}, true},
      {"a stranger", "dora@x.example", {GOSSIP("dora@x.example") TEXT}, false},
      {"outside alone, where within stand others", "bruno@x.example",
       {"To: anna@x.example, dora@x.example\r\n" GOSSIP("bruno@x.example") TEXT}, false},
      {"within alone", "dora@x.example",
       {"To: anna@x.example, dora@x.example\r\n" GOSSIP("dora@x.example") TEXT}, false},
      {"the sender himself", "mallory@x.example",
       {GOSSIP("mallory@x.example") TEXT, .cc = "mallory@x.example"}, false},
      {"one's own address", "anna@x.example", {GOSSIP("anna@x.example") TEXT}, false},
      {"another of one's own", "a@x.example", {GOSSIP("a@x.example") TEXT, .cc = "a@x.example"}, false},
      {"a letter of one's own", "bruno@x.example",
       {GOSSIP("bruno@x.example") TEXT, .from = "anna@x.example"}, false},
      {"an unsealed letter", "bruno@x.example", {GOSSIP("bruno@x.example") TEXT, .unsealed = true}, false},
      {"a signed one", "bruno@x.example",
       {GOSSIP("bruno@x.example") TEXT, .envelope = ENVELOPE_PGP_SIGNED}, false},
      {"S/MIME", "bruno@x.example",
       {GOSSIP("bruno@x.example") TEXT, .envelope = ENVELOPE_SMIME_SEALED}, false},
      {"two senders", "bruno@x.example",
       {GOSSIP("bruno@x.example") TEXT, .from = "mallory@x.example, dora@x.example"}, false},
      {"two keys for one", "bruno@x.example",
       {GOSSIP("bruno@x.example") "Autocrypt-Gossip: addr=Bruno@x.example; keydata=b3RoZXI=\r\n" TEXT}, false},
      {"a part of the letter", "bruno@x.example",
       {"Content-Type: message/rfc822\r\n\r\n" GOSSIP("bruno@x.example") TEXT}, false},
      {"no address", "bruno@x.example", {"Autocrypt-Gossip: keydata=" KEY "\r\n" TEXT}, false},
      {"no key", "bruno@x.example", {"Autocrypt-Gossip: addr=bruno@x.example\r\n" TEXT}, false},
      {"what must be understood", "bruno@x.example",
       {"Autocrypt-Gossip: addr=bruno@x.example; critical=1; keydata=" KEY "\r\n" TEXT}, false},
      {"a preference", "bruno@x.example",
       {"Autocrypt-Gossip: addr=bruno@x.example; prefer-encrypt=mutual; keydata=" KEY "\r\n" TEXT}, true},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct house house;
    open_anna(&house);
    read_letter_of(&house, &rows[i].scene);
    if (is_heard(&house, rows[i].whom) != rows[i].taken)
      fail_msg("%s", rows[i].what);
    assert_null(autocrypt_remembered(house.engine, rows[i].whom));
    house_close(&house);
  }
}

static char *
heard_from(struct house *house, const char *spec)
{
  char *sender = NULL;
  g_autoptr(GBytes) key = gossip_remembered(house->engine, spec, &sender);
  return sender;
}

/* By the letters' dates; one that is to come is of now. */
static void
newer_gossip_takes_the_place_of_older(void **state)
{
  struct house house;
  open_anna(&house);
  struct scene first = {GOSSIP("bruno@x.example") TEXT, .from = "carla@x.example", .date = 1600000000};
  struct scene older = {GOSSIP("bruno@x.example") TEXT, .from = "dora@x.example", .date = 1500000000};
  struct scene future = {GOSSIP("bruno@x.example") TEXT, .date = G_MAXINT64};
  read_letter_of(&house, &first);
  read_letter_of(&house, &older);
  g_autofree char *sender = heard_from(&house, "BRUNO@x.example");
  assert_string_equal(sender, "carla@x.example");
  read_letter_of(&house, &future);
  g_autofree char *last = heard_from(&house, "bruno@x.example");
  assert_string_equal(last, "mallory@x.example");
  g_autofree char *stored = store_memory_get(house.engine->store, "\tautocrypt gossip", "bruno@x.example");
  assert_true(g_ascii_strtoll(stored, NULL, 10) <= g_get_real_time() / G_USEC_PER_SEC);
  house_close(&house);
}

/* What somebody sent himself stays what it is. */
static void
gossip_never_replaces_a_direct_key(void **state)
{
  struct house house;
  open_anna(&house);
  g_autofree char *path = house_deliver(
      &house, "Inbox", "1", "From: bruno@x.example\r\nDate: Thu, 26 Nov 2020 10:00:00 +0000\r\n"
      "Autocrypt: addr=bruno@x.example; keydata=aGlzIG93bg==\r\n\r\nx\r\n");
  autocrypt_take(house.engine, path);
  struct scene scene = {GOSSIP("bruno@x.example") TEXT};
  read_letter_of(&house, &scene);
  g_autoptr(GBytes) key = autocrypt_remembered(house.engine, "bruno@x.example");
  assert_non_null(key);
  assert_memory_equal(g_bytes_get_data(key, NULL), "his own", 7);
  house_close(&house);
}

static void
gossip_of_a_letter_has_an_end(void **state)
{
  struct house house;
  open_anna(&house);
  g_autoptr(GString) inner = g_string_new(NULL);
  g_autoptr(GString) to = g_string_new(NULL);
  for (int i = 0; i < 5000; i++) {
    g_string_append_printf(inner, "Autocrypt-Gossip: addr=n%d@x.example; keydata=" KEY "\r\n", i);
    g_string_append_printf(to, "%sn%d@x.example", i > 0 ? ", " : "", i);
  }
  g_string_append(inner, TEXT);
  struct scene scene = {inner->str, .to = to->str};
  read_letter_of(&house, &scene);
  assert_true(is_heard(&house, "n0@x.example") && is_heard(&house, "n29@x.example"));
  assert_false(is_heard(&house, "n30@x.example"));
  g_autoptr(GString) large = g_string_new("Autocrypt-Gossip: addr=bruno@x.example; keydata=");
  for (int i = 0; i < 4000; i++)
    g_string_append(large, "bXkg");
  g_string_append(large, "\r\n" TEXT);
  struct scene too_large = {large->str};
  read_letter_of(&house, &too_large);
  assert_false(is_heard(&house, "bruno@x.example"));
  house_close(&house);
}

/* The appendix of the specification has two such fields before a text. */
static void
gossip_is_read_as_the_specification_writes_it(void **state)
{
  static const char inner[] = "Autocrypt-Gossip: addr=bob@autocrypt.example; keydata=\n bXkg\n a2V5\n"
                              "Autocrypt-Gossip: addr=carol@autocrypt.example; keydata=\n bXkg\n a2V5\n"
                              "Content-Type: text/plain\n\nHi Bob and Carol,\n";
  g_autoptr(headers_t) headers = headers_parse(inner, strlen(inner));
  g_autoptr(GPtrArray) list = gossip_parse(headers);
  assert_int_equal(list->len, 2);
  const struct autocrypt *second = list->pdata[1];
  assert_string_equal(second->addr, "carol@autocrypt.example");
  assert_string_equal(second->keydata, KEY);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(field_is_taken_only_where_it_is_its_sender_s),
      cmocka_unit_test(field_that_is_too_large_is_passed_over),
      cmocka_unit_test(letter_without_one_sender_or_one_field_brings_nothing),
      cmocka_unit_test(field_goes_out_folded_and_is_read_again),
      cmocka_unit_test(gossip_is_taken_of_those_alone_whom_a_sealed_letter_goes_to),
      cmocka_unit_test(newer_gossip_takes_the_place_of_older),
      cmocka_unit_test(gossip_never_replaces_a_direct_key),
      cmocka_unit_test(gossip_of_a_letter_has_an_end),
      cmocka_unit_test(gossip_is_read_as_the_specification_writes_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
