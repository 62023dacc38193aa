#include "conf/options.h"

#include <stddef.h>
#include <string.h>

#include "base/i18n.h"

static const char *const tls_words[] = {"implicit", "starttls", "none", NULL};
static const char *const auth_words[] = {"auto",          "plain", "login", "cram-md5",
                                         "scram-sha-1",   "scram-sha-256", "apop", "user",
                                         "xoauth2",       "oauthbearer",   "external",
                                         NULL};
static const char *const when_words[] = {"never", "when-possible", "always", "ask", NULL};

static const char *const notify_words[] = {"nothing", "bell", "osc9", "osc777", NULL};
static const char *const autocrypt_words[] = {"no", "yes", "mutual", NULL};

static const char *const lookup_words[] = {"never", "ask", "always", NULL};

static const char *const dsn_words[] = {"default", "never", "failure", "always", NULL};

#define AUTH_SHOWN                                                                               \
  "auto|plain|login|cram-md5|scram-sha-1|scram-sha-256|apop|user|xoauth2|oauthbearer|"  \
  "external"
#define WHEN_SHOWN "never|when-possible|always|ask"

#define AT(type, member) offsetof(struct type, member)
#define ROW(block, name, shown, fallback, help, type, offset)                                    \
  {{block, name, shown, fallback, help}, type, offset, 0, 0, NULL}
#define NUMBER(block, name, fallback, help, offset, min, max)                                    \
  {{block, name, "number", fallback, help}, OPTION_INT, offset, min, max, NULL}
#define CHOICE(block, name, shown, fallback, help, offset, words)                                \
  {{block, name, shown, fallback, help}, OPTION_WORD, offset, 0, 0, words}

/* What pop3 and smtp have in common. */
#define SERVER_ROWS(block, tls_help, implicit_port)                                              \
  ROW(block, "server", "text", NULL, N_("host name of the server, or its address"), OPTION_TEXT, \
      AT(conf_server, server)),                                                                  \
      CHOICE(block, "tls", "implicit|starttls|none", "implicit", tls_help, AT(conf_server, tls), \
             tls_words),                                                                         \
      NUMBER(block, "port", implicit_port, N_("port; without it, that of the tls chosen"),       \
             AT(conf_server, port), 1, 65535),                                                   \
      CHOICE(block, "auth", AUTH_SHOWN, "auto",                                                  \
             N_("mechanism of the login; auto takes the strongest that both know"),              \
             AT(conf_server, auth), auth_words),                                                 \
      ROW(block, "allow-cleartext", "yes/no", "no",                                              \
          N_("with tls = none: let the password and the mail travel unprotected"), OPTION_BOOL,  \
          AT(conf_server, allow_cleartext)),                                                     \
      NUMBER(block, "timeout", "60", N_("seconds without a byte"), AT(conf_server, timeout), 1,  \
             3600),                                                                              \
      ROW(block, "ca-file", "path", NULL, N_("trust this CA file instead of the system's"),      \
          OPTION_PATH, AT(conf_server, ca_file)),                                                \
      ROW(block, "client-cert", "path", NULL,                                                    \
          N_("PEM file of the certificate that shows who you are; auth = external logs in by it"), \
          OPTION_PATH, AT(conf_server, client_cert)),                                            \
      ROW(block, "client-key", "path", NULL,                                                     \
          N_("PEM file of its key, without a passphrase; without it, that of client-cert"),      \
          OPTION_PATH, AT(conf_server, client_key)),                                             \
      ROW(block, "pin", "text", NULL, N_("trust exactly this key: sha256: and 64 hex digits"),   \
          OPTION_PIN, AT(conf_server, pin)),                                                     \
      ROW(block, "proxy", "text", NULL,                                                          \
          N_("reach it through this proxy, which also resolves its name: socks5://HOST:PORT"),   \
          OPTION_PROXY, AT(conf_server, proxy)),                                                 \
      ROW(block, "user", "text", NULL, N_("user name, where it is not the account's"),           \
          OPTION_TEXT, AT(conf_server, user)),                                                   \
      ROW(block, "password", "text", NULL, N_("password, where it is not the account's"),        \
          OPTION_SECRET, AT(conf_server, password)),                                             \
      ROW(block, "password-command", "text", NULL,                                               \
          N_("a command whose first line of output is the password"), OPTION_TEXT,               \
          AT(conf_server, password_command))

static const struct option_row rows[] = {
    ROW("", "mail-dir", "path", "~/Mail", N_("where the Maildirs are"), OPTION_PATH,
        AT(conf, mail_dir)),
    ROW("", "keymap", "text", "default", N_("default, mutt, pine, vi, emacs, or a file"),
        OPTION_TEXT, AT(conf, keymap)),
    ROW("", "theme", "text", "default", N_("colours"), OPTION_TEXT, AT(conf, theme)),
    ROW("", "editor", "text", NULL,
        N_("the editor; else $VISUAL, $EDITOR, the one chosen with select-editor, vim, editor, nano "
           "or vi"),
        OPTION_TEXT, AT(conf, editor)),
    NUMBER("", "send-delay", "10",
           N_("seconds in which sending can be undone in the interface"), AT(conf, send_delay), 0,
           86400),
    NUMBER("", "fetch-every", "5",
           N_("minutes between fetches while the interface runs; 0 = only on demand"),
           AT(conf, fetch_every), 0, 10080),
    ROW("", "index-sealed", "yes/no", "no",
        N_("make the text of sealed letters searchable: its words are kept as hashes only, with a "
           "key that is sealed to you (see postino index --sealed)"),
        OPTION_BOOL, AT(conf, index_sealed)),

    ROW("", "on-new-mail", "text", NULL,
        N_("a command (no shell) that runs when letters came; POSTINO_ACCOUNT and POSTINO_NEW tell "
           "whose and how many"),
        OPTION_TEXT, AT(conf, on_new_mail)),

    CHOICE("", "notify", "nothing|bell|osc9|osc777", "nothing",
           N_("what the interface does when letters came: the terminal's bell, or a message that "
              "the terminal shows on the desktop (OSC 9 or OSC 777, whichever it knows)"),
           AT(conf, notify), notify_words),

    ROW("account", "from", "text", NULL, N_("who writes: Name <address>"), OPTION_TEXT,
        AT(conf_account, from)),
    ROW("account", "also", "list", NULL, N_("further own addresses"), OPTION_LIST,
        AT(conf_account, also)),
    ROW("account", "user", "text", NULL, N_("user name at both servers"), OPTION_TEXT,
        AT(conf_account, user)),
    ROW("account", "password", "text", NULL, N_("password at both servers"), OPTION_SECRET,
        AT(conf_account, password)),
    ROW("account", "password-command", "text", NULL,
        N_("a command whose first line of output is the password"), OPTION_TEXT,
        AT(conf_account, password_command)),
    ROW("account", "keyring", "yes/no", "no", N_("the password is in the desktop's keyring"),
        OPTION_BOOL, AT(conf_account, keyring)),
    ROW("account", "default", "yes/no", "no", N_("writes where no other account is named"),
        OPTION_BOOL, AT(conf_account, is_default)),
    ROW("account", "inbox", "text", "Inbox", N_("folder for what comes"), OPTION_TEXT,
        AT(conf_account, inbox)),
    ROW("account", "sent", "text", "Sent", N_("folder for what was sent"), OPTION_TEXT,
        AT(conf_account, sent)),
    ROW("account", "drafts", "text", "Drafts", N_("folder for what is being written"), OPTION_TEXT,
        AT(conf_account, drafts)),
    ROW("account", "trash", "text", "Trash", N_("folder for what was deleted"), OPTION_TEXT,
        AT(conf_account, trash)),
    ROW("account", "signature", "path", NULL, N_("file with the text under every letter"),
        OPTION_PATH, AT(conf_account, signature)),

    CHOICE("account", "dsn", "default|never|failure|always", "default",
           N_("delivery reports: as the server does, none, of failures and delays, of everything"),
           AT(conf_account, dsn), dsn_words),

    SERVER_ROWS("pop3",
                N_("implicit (995), starttls (110), none (110: refused unless loopback or "
                   "allow-cleartext = yes)"),
                "995"),
    ROW("pop3", "leave-on-server", "yes|no|when-deleted|days", "yes",
        N_("what stays on the server after it was retrieved: all, nothing, what no folder here "
           "has lost, or for how many days"),
        OPTION_DAYS, AT(conf_server, leave_on_server)),
    NUMBER("pop3", "keep-newest", "0",
           N_("of what was retrieved only so many letters stay on the server, the newest; 0 = all"),
           AT(conf_server, keep_newest), 0, 1000000),
    ROW("pop3", "max-size", "number", "50M",
        N_("larger letters stay on the server and are fetched on demand"), OPTION_SIZE,
        AT(conf_server, max_size)),

    SERVER_ROWS("smtp",
                N_("implicit (465), starttls (587), none (587: refused unless loopback or "
                   "allow-cleartext = yes)"),
                "465"),
    ROW("smtp", "hold-at-server", "yes/no", "no",
        N_("a letter with an hour of its own is given to the server at once to be held there, where "
           "the server offers that (FUTURERELEASE); it cannot be taken back then"),
        OPTION_BOOL, AT(conf_server, hold_at_server)),
    ROW("smtp", "sendmail-command", "text", NULL,
        N_("in place of a server: a program (no shell) that takes sendmail's arguments and sends "
           "the letter on its standard input"),
        OPTION_TEXT, AT(conf_server, command)),

    ROW("crypto", "plugin", "text", "openpgp", N_("the plugin that seals and opens"), OPTION_TEXT,
        AT(conf_account, crypto_plugin)),
    CHOICE("crypto", "sign", WHEN_SHOWN, "when-possible", N_("when letters are signed"),
           AT(conf_account, sign), when_words),
    CHOICE("crypto", "encrypt", WHEN_SHOWN, "when-possible", N_("when letters are sealed"),
           AT(conf_account, encrypt), when_words),
    CHOICE("crypto", "autocrypt", "no|yes|mutual", "no",
           N_("whether letters carry your public key in their header (Autocrypt), and those that "
              "are sealed to several the keys of all whom they show, within the seal; mutual says, "
              "too, that you like to be sealed to"),
           AT(conf_account, autocrypt), autocrypt_words),
    CHOICE("crypto", "lookup", "never|ask|always", "ask",
           N_("whether a key that is missing is looked for at the provider of its address, which so "
              "comes to know that you write there"),
           AT(conf_account, lookup), lookup_words),

    ROW("plugin", "command", "path", NULL, N_("the plugin's program, or its shared object"),
        OPTION_PATH, AT(conf_plugin, command)),
    ROW("plugin", "option", "list", NULL, N_("what the plugin is told: name=value"), OPTION_LIST,
        AT(conf_plugin, options)),
    ROW("plugin", "rights", "list", NULL,
        N_("what it may do: network, gnupg, read:PATH, write:PATH, everything; see "
           "postino-plugin(7)"),
        OPTION_LIST, AT(conf_plugin, rights)),

    ROW("folder", "match", "text", NULL, N_("the search that this folder shows"), OPTION_TEXT,
        AT(conf_folder, match)),

    ROW("rule", "match", "text", NULL, N_("the letters that it is for"), OPTION_TEXT,
        AT(conf_rule, match)),
    ROW("rule", "filter", "text", NULL,
        N_("a command (no shell) that gets the letter on its standard input; the rule holds only "
           "where it exits with 0"),
        OPTION_TEXT, AT(conf_rule, filter)),
    ROW("rule", "action", "text", NULL, N_("move FOLDER, tag WORDS, flag, or read"), OPTION_ACTION,
        AT(conf_rule, action)),
};

static const struct option_block blocks[] = {
    {"account", true, ""},     {"plugin", true, ""},      {"folder", true, ""},
    {"rule", true, ""},        {"pop3", false, "account"}, {"smtp", false, "account"},
    {"crypto", false, "account"},
};

const struct option_block *
option_block(const char *name, const char *parent)
{
  for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++)
    if (strcmp(blocks[i].name, name) == 0 && strcmp(blocks[i].parent, parent) == 0)
      return &blocks[i];
  return NULL;
}

const struct option_row *
option_row(const char *block, const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    if (strcmp(rows[i].shown.block, block) == 0 && strcmp(rows[i].shown.name, name) == 0)
      return &rows[i];
  return NULL;
}

const struct option_row *
option_of_block(const char *block, size_t i)
{
  for (size_t row = 0; row < G_N_ELEMENTS(rows); row++)
    if (strcmp(rows[row].shown.block, block) == 0 && i-- == 0)
      return &rows[row];
  return NULL;
}

const char **
option_names(const char *block)
{
  GPtrArray *names = g_ptr_array_new();
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    if (strcmp(rows[i].shown.block, block) == 0)
      g_ptr_array_add(names, (char *)rows[i].shown.name);
  for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++)
    if (strcmp(blocks[i].parent, block) == 0)
      g_ptr_array_add(names, (char *)blocks[i].name);
  if (*block == '\0')
    g_ptr_array_add(names, (char *)"include");
  g_ptr_array_add(names, NULL);
  return (const char **)g_ptr_array_free(names, FALSE);
}

const struct conf_option *
conf_options(size_t *count_out)
{
  static struct conf_option shown[G_N_ELEMENTS(rows)];
  static gsize once;
  if (g_once_init_enter(&once)) {
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
      shown[i] = rows[i].shown;
    g_once_init_leave(&once, 1);
  }
  *count_out = G_N_ELEMENTS(rows);
  return shown;
}
