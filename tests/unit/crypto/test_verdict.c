/* What may be said of a letter, and what happens to one: the pure rules. */
#include "base/error.h"
#include "crypto/crypto.h"
#include "crypto/postino-plugin.h"
#include "crypto/verdict.h"
#include "tests/unit/test.h"

/* ---- verdicts ---- */

#define KEY "0123456789ABCDEF0123456789ABCDEF01234567"

struct verdict_row {
  bool sealed;
  int signatures, status;
  const char *user_id;
  int validity;
  const char *from[3];
  const char *wanted;
};

static const struct verdict_row verdicts[] = {
    {false, 1, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"}, "signed by Anna Rossi <anna@tuoisp.example>"},
    {false, 1, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_MARGINAL,
     {"Anna@TuoISP.example"}, "signed by Anna Rossi <Anna@TuoISP.example>"},
    {true, 1, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_ULTIMATE,
     {"anna@tuoisp.example"}, "sealed, signed by Anna Rossi <anna@tuoisp.example>"},
    {false, 1, POSTINO_SIGNATURE_GOOD, "anna@tuoisp.example", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"}, "signed by anna@tuoisp.example <anna@tuoisp.example>"},
    {false, 1, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_UNKNOWN,
     {"anna@tuoisp.example"}, "signature not verified: key " KEY " not confirmed for anna@tuoisp.example"},
    {true, 1, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_NEVER,
     {"anna@tuoisp.example"},
     "sealed, signature not verified: key " KEY " not confirmed for anna@tuoisp.example"},
    {false, 1, POSTINO_SIGNATURE_GOOD, "Eva <eva@evil.example>", POSTINO_VALIDITY_ULTIMATE,
     {"anna@tuoisp.example"}, "signature not verified: key " KEY " not confirmed for anna@tuoisp.example"},
    /* a user id that two readers read in two ways */
    {false, 1, POSTINO_SIGNATURE_GOOD, "<anna@tuoisp.example> Eva <eva@evil.example>",
     POSTINO_VALIDITY_FULL, {"anna@tuoisp.example"},
     "signature not verified: key " KEY " not confirmed for anna@tuoisp.example"},
    {false, 1, POSTINO_SIGNATURE_GOOD, "anna@tuoisp.example <eva@evil.example>", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"}, "signature not verified: key " KEY " not confirmed for anna@tuoisp.example"},
    /* a name that is another's address */
    {false, 1, POSTINO_SIGNATURE_GOOD, "anna@tuoisp.example <eva@evil.example>", POSTINO_VALIDITY_FULL,
     {"eva@evil.example"}, "signed by eva@evil.example <eva@evil.example>"},
    {false, 1, POSTINO_SIGNATURE_GOOD, "anna@tuoisp.example\n<eva@evil.example", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"}, "signature not verified: key " KEY " not confirmed for anna@tuoisp.example"},
    {false, 1, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example", "eva@evil.example"},
     "signature not verified: the letter names more than one sender"},
    {false, 1, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_FULL, {NULL},
     "signature not verified: the letter names no sender"},
    {false, 2, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"},
     "signature not verified: it carries 2 signatures, where one is expected"},
    {true, 2, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"},
     "sealed, signature not verified: it carries 2 signatures, where one is expected"},
    {false, 0, 0, NULL, 0, {"anna@tuoisp.example"},
     "signature not verified: there is no signature in it"},
    {true, 0, 0, NULL, 0, {"anna@tuoisp.example"}, "sealed"},
    {false, 1, POSTINO_SIGNATURE_BAD, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"},
     "signature not verified: the text is not what was signed; it was changed on its way"},
    {false, 1, POSTINO_SIGNATURE_NO_KEY, NULL, 0, {"anna@tuoisp.example"},
     "signature not verified: the signer's key " KEY " is not in your key ring"},
    {false, 1, POSTINO_SIGNATURE_KEY_REVOKED, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"}, "signature not verified: the signer's key " KEY " was revoked"},
    {true, 1, POSTINO_SIGNATURE_KEY_EXPIRED, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"}, "sealed, signature not verified: the signer's key " KEY " has expired"},
    {false, 1, 77, "Anna Rossi <anna@tuoisp.example>", POSTINO_VALIDITY_FULL, {"anna@tuoisp.example"},
     "signature not verified: the signature could not be checked (key " KEY ")"},
    {false, 1, POSTINO_SIGNATURE_GOOD, "An\033[31mna <anna@tuoisp.example>", POSTINO_VALIDITY_FULL,
     {"anna@tuoisp.example"}, "signed by An\357\277\275[31mna <anna@tuoisp.example>"},
};

static GPtrArray *
senders(const char *const *specs)
{
  GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)address_free);
  for (; *specs != NULL; specs++)
    g_ptr_array_add(list, address_new(NULL, *specs));
  return list;
}

static char *
judged(const struct verdict_row *row, crypto_confirmed confirmed)
{
  g_autoptr(frame_t) frame = frame_new(FRAME_OPEN | FRAME_REPLY, 1);
  for (int i = 0; i < row->signatures; i++) {
    frame_add_number(frame, FIELD_SIGNATURE, (uint64_t)row->status);
    frame_add_text(frame, FIELD_KEY, KEY);
    frame_add_text(frame, FIELD_USER_ID, row->user_id);
    frame_add_number(frame, FIELD_VALIDITY, (uint64_t)row->validity);
  }
  g_autoptr(found_t) found = found_from_frame(frame);
  g_autoptr(GPtrArray) from = senders(row->from);
  struct binding binding = {from, confirmed, NULL};
  g_autoptr(verdict_t) verdict = verdict_of(found, row->sealed, &binding);
  return verdict_words(verdict);
}

static void
verdicts_are_those_of_the_contract(void **state)
{
  for (gsize i = 0; i < G_N_ELEMENTS(verdicts); i++) {
    g_autofree char *words = judged(&verdicts[i], NULL);
    assert_string_equal(words, verdicts[i].wanted);
  }
}

static bool
confirm_key(const char *address, const char *fingerprint, void *data)
{
  return strcmp(address, "anna@tuoisp.example") == 0 && strcmp(fingerprint, KEY) == 0;
}

static void
confirmed_fingerprint_counts_for_its_address_alone(void **state)
{
  struct verdict_row row = {false, 1, POSTINO_SIGNATURE_GOOD, "Anna Rossi <anna@tuoisp.example>",
                            POSTINO_VALIDITY_UNKNOWN, {"anna@tuoisp.example"}, NULL};
  g_autofree char *hers = judged(&row, confirm_key);
  assert_string_equal(hers, "signed by Anna Rossi <anna@tuoisp.example>");
  row.from[0] = "bruno@tuoisp.example";
  g_autofree char *another = judged(&row, confirm_key);
  assert_true(g_str_has_prefix(another, "signature not verified: "));
}

/* ---- policy ---- */

struct policy_row {
  enum conf_when sign, encrypt;
  int wish_sign, wish_encrypt;
  bool answers_sealed, can_sign, can_seal;
  /* wanted */
  bool error, signs, seals, asks;
};

#define WP CONF_WHEN_POSSIBLE
static const struct policy_row policies[] = {
    {CONF_NEVER, CONF_NEVER, -1, -1, false, true, true, false, false, false, false},
    {WP, WP, -1, -1, false, true, true, false, true, true, false},
    {WP, WP, -1, -1, false, true, false, false, true, false, false},
    {WP, WP, -1, -1, false, false, true, false, false, false, false},
    {CONF_ALWAYS, WP, -1, -1, false, false, true, true, false, false, false},
    {WP, CONF_ALWAYS, -1, -1, false, true, true, false, true, true, false},
    {WP, CONF_ALWAYS, -1, -1, false, true, false, true, false, false, false},
    {CONF_ASK, WP, -1, -1, false, true, true, false, true, true, true},
    {WP, CONF_ASK, -1, -1, false, true, true, false, true, true, true},
    {WP, CONF_ASK, -1, -1, false, true, false, false, true, false, true},
    /* wishes */
    {CONF_NEVER, CONF_NEVER, 1, 1, false, true, true, false, true, true, false},
    {CONF_NEVER, CONF_NEVER, -1, 1, false, true, false, true, false, false, false},
    {CONF_NEVER, CONF_NEVER, 1, -1, false, false, false, true, false, false, false},
    {CONF_ALWAYS, CONF_ALWAYS, 0, 0, false, true, true, false, false, false, false},
    {CONF_ASK, CONF_ASK, 1, 1, false, true, true, false, true, true, false},
    /* answers to sealed letters */
    {CONF_NEVER, CONF_NEVER, -1, -1, true, true, true, false, false, true, false},
    {CONF_NEVER, CONF_NEVER, -1, -1, true, true, false, false, false, false, true},
    {WP, WP, -1, -1, true, true, false, false, true, false, true},
    {WP, WP, -1, 0, true, true, true, false, true, false, true},
};

static GPtrArray *
people(bool can_seal)
{
  GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)seal_recipient_free);
  for (int i = 0; i < 2; i++) {
    struct seal_recipient *recipient = g_new0(struct seal_recipient, 1);
    recipient->spec = g_strdup(i == 0 ? "anna@tuoisp.example" : "bruno@tuoisp.example");
    recipient->can_seal = can_seal || i == 0;
    g_ptr_array_add(list, recipient);
  }
  return list;
}

static void
policy_decides_as_the_rc_says(void **state)
{
  for (gsize i = 0; i < G_N_ELEMENTS(policies); i++) {
    const struct policy_row *row = &policies[i];
    g_autoptr(GPtrArray) list = people(row->can_seal);
    g_autoptr(GError) error = NULL;
    struct seal_plan plan = {0};
    bool made = seal_plan_make(row->sign, row->encrypt, row->wish_sign, row->wish_encrypt,
                               row->answers_sealed, row->can_sign, list, &plan, &error);
    if (made == row->error || plan.sign != row->signs || plan.encrypt != row->seals ||
        plan.needs_answer != row->asks)
      fail_msg("row %zu: made %d sign %d encrypt %d ask %d", i, made, plan.sign, plan.encrypt,
               plan.needs_answer);
    assert_true(made || error_is(error, POSTINO_ERROR_TRUST));
    seal_plan_clear(&plan);
  }
}

static void
who_cannot_be_sealed_to_is_named(void **state)
{
  g_autoptr(GPtrArray) list = people(false);
  g_autoptr(GError) error = NULL;
  struct seal_plan plan = {0};
  assert_true(seal_plan_make(WP, WP, -1, -1, false, true, list, &plan, NULL));
  assert_non_null(strstr(plan.why_not, "bruno@tuoisp.example"));
  seal_plan_clear(&plan);
  assert_false(seal_plan_make(WP, CONF_ALWAYS, -1, -1, false, true, list, &plan, &error));
  assert_non_null(strstr(error->message, "bruno@tuoisp.example"));
}

static void
nobody_yet_is_no_fault(void **state)
{
  g_autoptr(GPtrArray) list = g_ptr_array_new();
  struct seal_plan plan = {0};
  assert_true(seal_plan_make(WP, WP, -1, -1, false, true, list, &plan, NULL));
  assert_false(plan.encrypt);
  assert_null(plan.why_not);
  assert_true(seal_plan_make(WP, CONF_ALWAYS, -1, -1, false, true, list, &plan, NULL));
  assert_true(plan.encrypt);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(verdicts_are_those_of_the_contract),
      cmocka_unit_test(confirmed_fingerprint_counts_for_its_address_alone),
      cmocka_unit_test(policy_decides_as_the_rc_says),
      cmocka_unit_test(who_cannot_be_sealed_to_is_named),
      cmocka_unit_test(nobody_yet_is_no_fault),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
