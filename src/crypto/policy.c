#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "crypto/crypto.h"

/* Whom it cannot be sealed to, and why; NULL when all can. */
static char *
obstacles(const GPtrArray *recipients, bool can_sign)
{
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < recipients->len; i++) {
    const struct seal_recipient *recipient = recipients->pdata[i];
    if (recipient->can_seal)
      continue;
    if (text->len > 0)
      g_string_append(text, "; ");
    if (recipient->why != NULL)
      g_string_append(text, recipient->why);
    else
      g_string_append_printf(text, _("there is no key of %s"), recipient->spec);
  }
  if (text->len == 0 && !can_sign)
    g_string_append(text, _("you have no key of your own for this address"));
  if (text->len == 0) {
    g_string_free(text, TRUE);
    return NULL;
  }
  g_autofree char *raw = g_string_free(text, FALSE);
  return sanitize_line(raw, -1);
}

static bool
plan_signature(enum conf_when when, int wish, bool can_sign, struct seal_plan *plan, GError **error)
{
  bool must = wish == 1 || (wish < 0 && when == CONF_ALWAYS);
  if (must && !can_sign)
    return error_set(error, POSTINO_ERROR_TRUST, "%s",
                     _("this letter was to be signed, and you have no key of your own for this "
                       "address; make one (gpg --quick-generate-key ADDRESS), or do not sign"));
  plan->sign = must || (wish < 0 && when != CONF_NEVER && can_sign);
  plan->needs_answer = plan->needs_answer || (wish < 0 && when == CONF_ASK);
  return true;
}

/* An answer to a sealed letter is sealed, or the user says that it shall not be. */
static bool
plan_sealing(enum conf_when when, int wish, bool answers_sealed, char *why_not, bool anyone,
             struct seal_plan *plan, GError **error)
{
  bool must = wish == 1 || (wish < 0 && when == CONF_ALWAYS);
  bool can = why_not == NULL && (anyone || must);
  if (must && !can)
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("this letter was to be sealed, and cannot be: %s; or send it as a postcard"),
                     why_not);
  plan->encrypt = must || (wish < 0 && can && (when != CONF_NEVER || answers_sealed));
  plan->needs_answer = plan->needs_answer || (wish < 0 && when == CONF_ASK) ||
                       (answers_sealed && !plan->encrypt && anyone);
  if (!plan->encrypt && wish < 0 && when != CONF_NEVER)
    plan->why_not = g_strdup(why_not);
  return true;
}

bool
seal_plan_make(enum conf_when sign, enum conf_when encrypt, int wish_sign, int wish_encrypt,
               bool answers_sealed, bool can_sign, const GPtrArray *recipients,
               struct seal_plan *plan_out, GError **error)
{
  struct seal_plan plan = {.lacks_own = !can_sign};
  g_autofree char *why_not = obstacles(recipients, can_sign);
  if (!plan_signature(sign, wish_sign, can_sign, &plan, error) ||
      !plan_sealing(encrypt, wish_encrypt, answers_sealed, why_not, recipients->len > 0, &plan,
                    error)) {
    seal_plan_clear(&plan);
    return false;
  }
  *plan_out = plan;
  return true;
}

void
seal_plan_clear(struct seal_plan *plan)
{
  g_clear_pointer(&plan->why_not, g_free);
}

void
seal_recipient_free(struct seal_recipient *recipient)
{
  if (recipient == NULL)
    return;
  g_free(recipient->spec);
  g_free(recipient->key);
  g_free(recipient->user_id);
  g_free(recipient->why);
  g_free(recipient);
}
