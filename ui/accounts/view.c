/* How an account is added, for whoever has none. */
#include "base/i18n.h"
#include "ui/ui-private.h"

static void
add_accounts(GPtrArray *lines, const struct conf *conf)
{
  text_add(lines, STYLE_LABEL, "%s", _("Accounts"));
  for (guint i = 0; i < conf->accounts->len; i++) {
    const struct conf_account *account = g_ptr_array_index(conf->accounts, i);
    text_add(lines, STYLE_NORMAL, "  %s  %s", account->name, account->from);
    if (account->pop3 != NULL)
      text_add(lines, STYLE_DIM, _("    mail comes from %s:%d"), account->pop3->server,
               account->pop3->port);
    if (account->smtp != NULL && account->smtp->command != NULL)
      text_add(lines, STYLE_DIM, _("    mail goes by %s"), account->smtp->command);
    else if (account->smtp != NULL)
      text_add(lines, STYLE_DIM, _("    mail goes by %s:%d"), account->smtp->server,
               account->smtp->port);
  }
  if (conf->accounts->len == 0)
    text_add(lines, STYLE_NORMAL, "  %s", _("There is none yet: postino shows the mail that lies "
                                           "on this machine."));
  text_add(lines, STYLE_NORMAL, "%s", "");
}

static const char *const example[] = {
    "account \"home\" {",
    "  from = \"Anna Rossi <anna@isp.example>\"",
    "  user = \"anna\"",
    "  password-command = \"pass show mail/isp\"",
    "  pop3 { server = \"pop3.isp.example\" }",
    "  smtp { server = \"smtp.isp.example\" }",
    "}",
};

void
accounts_open(struct ui *ui)
{
  bool named;
  g_autofree char *path = conf_default_path(&named);
  GPtrArray *lines = text_lines_new();
  add_accounts(lines, ui->conf);
  text_add(lines, STYLE_LABEL, "%s", _("How an account is added"));
  text_add(lines, STYLE_NORMAL, "  %s",
           _("Leave postino and run: postino account add YOU@YOUR.PROVIDER"));
  text_add(lines, STYLE_NORMAL, _("  or write this into %s and start postino again:"),
           ui->conf->path != NULL ? ui->conf->path : path);
  text_add(lines, STYLE_NORMAL, "%s", "");
  for (size_t i = 0; i < G_N_ELEMENTS(example); i++)
    text_add(lines, STYLE_QUOTE1, "    %s", example[i]);
  text_add(lines, STYLE_NORMAL, "%s", "");
  text_add(lines, STYLE_NORMAL, "  %s",
           _("Without password-command postino asks for the password. postinorc(5) has it all."));
  ui_push(ui, text_view_new(ui, _("Accounts"), lines));
}
