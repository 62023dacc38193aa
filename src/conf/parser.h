/* The rc file's grammar, driven by the option rows. */
#pragma once

#include "conf/conf.h"

struct parser {
  struct conf *conf;
  GPtrArray *faults;        /* struct conf_fault */
  GPtrArray *open_files;    /* char *: being read, outermost first */
  GHashTable *titles;       /* "account home" -> line, for doubles */
};

/* Reads `path` into parser->conf; every fault is added.  False when the outermost
 * file could not be read (then `error` says why). */
bool parser_read(struct parser *parser, const char *path, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void parser_fault(struct parser *parser, const char *file, int line, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Memory of the parts, for conf_free(). */
struct conf_server *server_new(bool pop3);
void server_free(struct conf_server *server);
void account_free(struct conf_account *account);
void plugin_free(struct conf_plugin *plugin);
void folder_free(struct conf_folder *folder);
void rule_free(struct conf_rule *rule);
