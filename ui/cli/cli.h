/* The commands without a screen: each is one row of a table and one file.  They
 * talk to the engine as the interface does, wait for it, and print what
 * INTERFACE.md promises. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "conf/conf.h"
#include "engine/engine.h"

struct cli {
  struct conf *conf;        /* what holds without an rc file when that has faults */
  GPtrArray *rc_faults;     /* struct conf_fault; NULL when it was not read */
  GError *rc_error;         /* why the rc file cannot be used; NULL: it can */
  struct engine *engine;    /* opened by cli_engine() */
  bool quiet;
  bool json;                /* --format json */
  int status;               /* of a command that went on after a failure */
  int signals;              /* signalfd of SIGINT, SIGTERM, SIGHUP */
};

struct cli_command {
  const char *name;
  const char *synopsis;     /* what follows the name, as the manual shows it */
  const char *help;         /* N_() */
  bool (*run)(struct cli *cli, int argc, char **argv, GError **error);
  bool faulty_rc;           /* runs although the rc file has faults */
};

/* All rows, by name; NULL-terminated names for completion and the manual. */
const struct cli_command *cli_commands(size_t *count_out);
const struct cli_command *cli_command(const char *name);

/* Parses the options of a command (entries end with {0}) and takes them out of
 * argv; argv[0] is the command.  USAGE. */
bool cli_options(struct cli *cli, const GOptionEntry *entries, int *argc, char ***argv,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Between `least` and `most` (-1: any number) words must be left.  USAGE. */
bool cli_words(int argc, char **argv, int least, int most, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Opens the engine; every command that looks at mail begins with it. */
bool cli_engine(struct cli *cli, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, told what is known of what will be asked. */
bool cli_engine_for(struct cli *cli, const struct engine_options *options, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Waits until `request` is done, showing progress on a terminal, asking on
 * /dev/tty what must be asked, and cancelling it on ^C.  The DONE event, without
 * error; NULL with `error`. */
struct event *cli_wait(struct cli *cli, request_id request, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The same with each NOTICE given to `notice` in place of stderr. */
struct event *cli_wait_notices(struct cli *cli, request_id request,
                               void (*notice)(const struct event *event, void *data), void *data,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Waits some seconds; true when a signal says that it is time to go. */
bool cli_pause(struct cli *cli, int seconds);

/* A letter as it is named on the command line: FILE, id:MESSAGE-ID or - . */
typedef struct cli_ref cli_ref_t;
struct cli_ref {
  struct letter_ref ref;
  char *text;
  GBytes *bytes;
};
bool cli_ref(const char *word, struct cli_ref *ref_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void cli_ref_clear(struct cli_ref *ref);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(cli_ref_t, cli_ref_clear)

/* All of stdin, at most LIMIT_MESSAGE. */
GBytes *cli_stdin(GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* An absolute path for what was typed.  Free it. */
char *cli_path(const char *word);

/* Prints an array and takes it. */
void cli_json(json_t *array);
/* A string, or JSON's null. */
json_t *cli_json_text(const char *text);
/* RFC 3339 in local time with its zone; NULL for 0.  Free it. */
char *cli_date(int64_t seconds);
/* "12 KB" for people.  Free it. */
char *cli_size(guint64 bytes);

bool cli_fetch(struct cli *cli, int argc, char **argv, GError **error);
bool cli_send(struct cli *cli, int argc, char **argv, GError **error);
/* SMTP on standard input and output (-bs); letters go by these options.  How many were
 * kept is in *letters_out. */
bool cli_session(struct cli *cli, const struct send_options *options, guint *letters_out);
bool cli_sendmail(struct cli *cli, int argc, char **argv, GError **error);
bool cli_queue(struct cli *cli, int argc, char **argv, GError **error);
bool cli_search(struct cli *cli, int argc, char **argv, GError **error);
bool cli_show(struct cli *cli, int argc, char **argv, GError **error);
bool cli_reply(struct cli *cli, int argc, char **argv, GError **error);
bool cli_forward(struct cli *cli, int argc, char **argv, GError **error);
bool cli_save(struct cli *cli, int argc, char **argv, GError **error);
bool cli_server(struct cli *cli, int argc, char **argv, GError **error);
bool cli_folders(struct cli *cli, int argc, char **argv, GError **error);
bool cli_index(struct cli *cli, int argc, char **argv, GError **error);
bool cli_import(struct cli *cli, int argc, char **argv, GError **error);
bool cli_export(struct cli *cli, int argc, char **argv, GError **error);
bool cli_account(struct cli *cli, int argc, char **argv, GError **error);
bool cli_plugin(struct cli *cli, int argc, char **argv, GError **error);
bool cli_check(struct cli *cli, int argc, char **argv, GError **error);
bool cli_doctor(struct cli *cli, int argc, char **argv, GError **error);
