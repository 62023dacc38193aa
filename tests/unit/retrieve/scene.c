#include "tests/unit/retrieve/scene.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

void
scene_open_store(struct scene *s)
{
  s->store = store_open(s->dir, NULL, &s->error);
  if (s->store == NULL)
    fail_msg("%s", s->error->message);
  store_sweep(s->store, NULL);
}

static secret_t *
give_password(const char *prompt, void *data)
{
  ((struct scene *)data)->asked++;
  return secret_new("geheim", 6);
}

struct scene *
scene_new(int leave)
{
  struct scene *s = g_new0(struct scene, 1);
  s->dir = g_dir_make_tmp("postino-retrieve-XXXXXX", NULL);
  s->fake = fake_new();
  s->peer = peer_new(fake_serve, s->fake);
  s->server = (struct conf_server){.server = (char *)"127.0.0.1", .port = peer_port(s->peer),
                                   .tls = CONF_TLS_NONE, .timeout = 1, .user = (char *)"anna",
                                   .leave_on_server = leave, .max_size = 50 << 20};
  s->account = (struct conf_account){.name = (char *)"home", .inbox = (char *)"Inbox",
                                     .pop3 = &s->server};
  s->keyring = keyring_new(give_password, s);
  scene_open_store(s);
  return s;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  return remove(path);
}

void
scene_remove_tree(const char *dir)
{
  nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

char *
scene_end(struct scene *s)
{
  char *heard = peer_end(s->peer);
  store_close(s->store);
  keyring_free(s->keyring);
  fake_free(s->fake);
  retrieve_result_clear(&s->result);
  g_clear_error(&s->error);
  scene_remove_tree(s->dir);
  g_free(s->dir);
  g_free(s);
  return heard;
}

int
scene_fetch(struct scene *s)
{
  retrieve_result_clear(&s->result);
  g_clear_error(&s->error);
  bool ok = retrieve_run(&s->account, s->keyring, s->store, NULL, &s->result, NULL, &s->error);
  assert_int_equal(ok, s->error == NULL);
  return error_exit_status(s->error);
}

guint
scene_files(struct scene *s, const char *sub)
{
  g_autofree char *path = g_build_filename(s->dir, "Inbox", sub, NULL);
  GDir *dir = g_dir_open(path, 0, NULL);
  guint count = 0;
  while (dir != NULL && g_dir_read_name(dir) != NULL)
    count++;
  if (dir != NULL)
    g_dir_close(dir);
  return count;
}

guint
scene_letters(struct scene *s)
{
  return scene_files(s, "new") + scene_files(s, "cur");
}

void
scene_expect(struct scene *s, int status, guint fetched, guint known)
{
  int got = scene_fetch(s);
  if (got != status || s->result.fetched != fetched || s->result.known != known)
    fail_msg("%d, %u new, %u known (%s), not %d, %u, %u", got, s->result.fetched, s->result.known,
             s->error != NULL ? s->error->message : "no error", status, fetched, known);
}

void
scene_lose_rows(struct scene *s)
{
  g_autofree char *id = NULL;
  g_autoptr(GPtrArray) uids = g_ptr_array_new();
  assert_true(store_drop(s->store, "home", "127.0.0.1", "anna", &id, NULL));
  GPtrArray *rows = store_drop_rows(s->store, id, DROP_NAMES, NULL);
  for (guint i = 0; i < rows->len; i++)
    g_ptr_array_add(uids, (char *)(uintptr_t)((struct drop_row *)rows->pdata[i])->uid);
  g_ptr_array_add(uids, NULL);
  assert_true(store_drop_prune(s->store, id, (const char *const *)uids->pdata, 0, NULL));
  g_ptr_array_unref(rows);
}

void
scene_five(struct scene *s)
{
  fake_add(s->fake, "u1", "uno", "ciao\n");
  fake_add(s->fake, "u2", "due", ".\n..due\n.tre\nFrom qui\n");
  fake_add(s->fake, "u3", "tre", "");
  fake_add(s->fake, "u4", "quattro", "senza fine");
  fake_add(s->fake, "u5", "cinque", "\n\n.\n");
}

bool
scene_holds(struct scene *s, const char *subject, const char *body)
{
  g_autofree char *wanted = g_strdup_printf("Subject: %s\n", subject);
  g_autofree char *end = g_strdup_printf("\n\n%s", body);
  g_autofree char *path = g_build_filename(s->dir, "Inbox", "new", NULL);
  guint found = 0;
  GDir *dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *file = g_build_filename(path, name, NULL);
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(file, &text, NULL, NULL));
    found += strstr(text, wanted) != NULL && g_str_has_suffix(text, end);
  }
  if (dir != NULL)
    g_dir_close(dir);
  return found == 1;
}

void
scene_assert_five(struct scene *s)
{
  assert_int_equal(scene_letters(s), 5);
  assert_int_equal(scene_files(s, "tmp"), 0);
  assert_true(scene_holds(s, "uno", "ciao\n"));
  assert_true(scene_holds(s, "due", ".\n..due\n.tre\nFrom qui\n"));
  assert_true(scene_holds(s, "tre", ""));
  assert_true(scene_holds(s, "quattro", "senza fine\n"));
  assert_true(scene_holds(s, "cinque", "\n\n.\n"));
}

int
scene_clean_up(void **state)
{
  identity_clean_up();
  return 0;
}

/* Every letter is synced; here nothing survives the test anyway. */
void
scene_prepare(void)
{
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", FALSE);
}
