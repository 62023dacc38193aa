/* Whether gpg-agent would ask for a passphrase: then a pinentry draws on the person's
 * terminal, which postino's screen must leave first. */
#include <string.h>

#include "plugins/common.h"
#include "plugins/smime.h"

/* "KEYINFO GRIP TYPE SERIAL IDSTR CACHED PROTECTION …" of the agent's help. */
static gpgme_error_t
take_keyinfo(void *data, const char *status, const char *arguments)
{
  bool *locked = data;
  g_auto(GStrv) words = g_strsplit(arguments, " ", 8);
  if (strcmp(status, "KEYINFO") == 0 && g_strv_length(words) >= 6)
    *locked = *locked || (strcmp(words[5], "P") == 0 && strcmp(words[4], "1") != 0);
  return 0;
}

static gpgme_ctx_t
reach_agent(const char *home)
{
  gpgme_ctx_t agent = NULL;
  g_autofree char *own = home != NULL ? g_build_filename(home, "S.gpg-agent", NULL) : NULL;
  if (gpgme_new(&agent) != 0)
    return NULL;
  if (gpgme_set_protocol(agent, GPGME_PROTOCOL_ASSUAN) == 0 &&
      gpgme_ctx_set_engine_info(agent, GPGME_PROTOCOL_ASSUAN,
                                own != NULL ? own : gpgme_get_dirinfo("agent-socket"), NULL) == 0)
    return agent;
  gpgme_release(agent);
  return NULL;
}

/* An agent that is not there keeps nothing unlocked. */
static bool
is_locked(gpgme_ctx_t agent, gpgme_key_t key)
{
  bool locked = false;
  gpgme_error_t result = 0;
  const char *grip = key->subkeys != NULL ? key->subkeys->keygrip : NULL;
  if (grip == NULL)
    return false;
  g_autofree char *command = g_strdup_printf("KEYINFO %s", grip);
  if (agent == NULL || gpgme_op_assuan_transact_ext(agent, command, NULL, NULL, NULL, NULL,
                                                    take_keyinfo, &locked, &result) != 0)
    return true;
  return locked;
}

static bool
any_is_locked(struct smime *smime, gpgme_key_t key)
{
  gpgme_ctx_t agent = reach_agent(smime->home);
  bool locked = key != NULL && is_locked(agent, key);
  gpgme_key_t own;
  if (key == NULL && gpgme_op_keylist_start(smime->ctx, NULL, 1) == 0) {
    while (gpgme_op_keylist_next(smime->ctx, &own) == 0) {
      locked = locked || is_locked(agent, own);
      gpgme_key_unref(own);
    }
    gpgme_op_keylist_end(smime->ctx);
  }
  gpgme_release(agent);
  return locked;
}

void
smime_prepare_pinentry(struct smime *smime, gpgme_key_t key)
{
  smime->at_terminal =
      any_is_locked(smime, key) && smime->host->terminal(smime->host) != NULL;
}

void
smime_end_pinentry(struct smime *smime)
{
  if (smime->at_terminal)
    smime->host->terminal_done(smime->host);
  smime->at_terminal = false;
}
