#include <string.h>

#include "base/i18n.h"
#include "store/trust.h"
#include "submit/command.h"
#include "submit/outbox.h"
#include "submit/smtp.h"

bool
submit_test(const struct conf_account *account, struct keyring *keyring, struct store *store,
            char **found_out, GCancellable *cancel, GError **error)
{
  if (!outbox_check_account(account, error))
    return false;
  if (account->smtp->command != NULL)
    return (*found_out = command_program(account->smtp->command, error)) != NULL;
  if (!trust_check(store, account, account->smtp, "smtp", error))
    return false;
  g_autofree char *known_key = trust_known_key(store, account, account->smtp, "smtp");
  g_autoptr(smtp_t) smtp = smtp_open(account, keyring, known_key, cancel, error);
  if (smtp == NULL)
    return false;
  const char *cipher = connection_cipher(smtp->connection);
  g_autofree char *version = cipher != NULL ? g_strndup(cipher, strcspn(cipher, ","))
                                            : g_strdup(_("no TLS"));
  g_autofree char *size = smtp->size_limit > 0 ? g_format_size(smtp->size_limit) : NULL;
  const char *method = smtp->method != NULL ? smtp->method : _("no login");
  g_autofree char *trust = trust_words(store, account, account->smtp, "smtp",
                                       connection_peer_pin(smtp->connection));
  *found_out = size != NULL
                   ? g_strdup_printf(_("%s, %s, letters of up to %s%s"), version, method, size, trust)
                   : g_strdup_printf("%s, %s%s", version, method, trust);
  smtp_quit(smtp);
  return true;
}
