/* A drop that a fake server keeps, an account for it and a store: what a test of
 * retrieval needs. */
#pragma once

#include "retrieve/retrieve.h"
#include "store/drops.h"
#include "tests/unit/retrieve/fake.h"

struct scene {
  char *dir;
  struct fake *fake;
  struct peer *peer;
  struct conf_server server;
  struct conf_account account;
  struct store *store;
  struct keyring *keyring;
  struct retrieve_result result;
  GError *error;
  int asked;
};

/* With this leave-on-server. */
struct scene *scene_new(int leave);
/* What the peer heard.  Free it. */
char *scene_end(struct scene *s);
void scene_open_store(struct scene *s);
void scene_remove_tree(const char *dir);
/* For main(): its group teardown, and what stands before the tests. */
int scene_clean_up(void **state);
void scene_prepare(void);

/* One fetch; its exit status. */
int scene_fetch(struct scene *s);
void scene_expect(struct scene *s, int status, guint fetched, guint known);
void scene_five(struct scene *s);
/* Forgets all rows of the drop, as when state.db was lost. */
void scene_lose_rows(struct scene *s);
void scene_assert_five(struct scene *s);
/* Of the inbox: files in a directory, and letters. */
guint scene_files(struct scene *s, const char *sub);
guint scene_letters(struct scene *s);
/* Is there exactly one file whose text ends so? */
bool scene_holds(struct scene *s, const char *subject, const char *body);
