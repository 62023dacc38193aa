/* A store, an account and a server that misbehaves: what the tests of submit/ play
 * in. */
#pragma once

#include "submit/submit.h"
#include "tests/unit/submit/fake.h"

struct scene {
  char *dir;
  struct fake *fake;
  struct peer *peer;
  struct conf_server server;
  struct conf_account account;
  struct store *store;
  struct keyring *keyring;
  GError *error;
  guint settled;
};

#define LETTER                                                                          \
  "From: anna@tuoisp.example\r\nTo: bruno@tuoisp.example\r\nMessage-ID: <m1@x>\r\n\r\n" \
  "ciao\r\n.\r\n..due\r\n"

struct scene *scene_new(void);
void scene_open_store(struct scene *s);
/* What the peer heard.  Free it. */
char *scene_end(struct scene *s);
/* Puts a letter to these (parted by blanks) into the outbox; "2:spec" gets copy 2. */
char *scene_add(struct scene *s, const char *recipients, const char *letter, int64_t not_before);
/* One flush; its exit status. */
int scene_flush(struct scene *s);
guint scene_files(struct scene *s, const char *folder);
struct ledger_letter *scene_letter(struct scene *s, const char *id);
void scene_assert_state(struct scene *s, const char *id, const char *state,
                        const char *recipients);
void remove_tree(const char *dir);
