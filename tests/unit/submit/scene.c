#include "tests/unit/submit/scene.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

void
scene_open_store(struct scene *s)
{
  s->store = store_open(s->dir, NULL, &s->error);
  if (s->store == NULL)
    fail_msg("%s", s->error->message);
}

struct scene *
scene_new(void)
{
  struct scene *s = g_new0(struct scene, 1);
  s->dir = g_dir_make_tmp("postino-submit-XXXXXX", NULL);
  s->fake = fake_new();
  s->peer = peer_new(fake_serve, s->fake);
  s->server = (struct conf_server){.server = (char *)"127.0.0.1", .port = peer_port(s->peer),
                                   .tls = CONF_TLS_NONE, .timeout = 1, .user = (char *)"anna",
                                   .password = secret_new("geheim", 6)};
  s->account = (struct conf_account){.name = (char *)"home", .sent = (char *)"Sent",
                                     .smtp = &s->server};
  s->keyring = keyring_new(NULL, NULL);
  scene_open_store(s);
  return s;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  return remove(path);
}

void
remove_tree(const char *dir)
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
  secret_unref(s->server.password);
  g_clear_error(&s->error);
  remove_tree(s->dir);
  g_free(s->dir);
  g_free(s);
  return heard;
}

char *
scene_add(struct scene *s, const char *recipients, const char *letter, int64_t not_before)
{
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
  g_auto(GStrv) words = g_strsplit(recipients, " ", -1);
  guint copies = 1;
  for (char **word = words; *word != NULL && **word != '\0'; word++) {
    struct ledger_recipient *recipient = g_new0(struct ledger_recipient, 1);
    bool second = g_str_has_prefix(*word, "2:");
    recipient->spec = *word + (second ? 2 : 0);
    recipient->copy = second ? 2 : 1;
    copies = MAX(copies, recipient->copy);
    g_ptr_array_add(list, recipient);
  }
  g_autoptr(GBytes) bytes = g_bytes_new(letter, strlen(letter));
  g_autoptr(blob_t) blob = blob_new(bytes);
  struct blob *both[] = {blob, blob};
  struct submission submission = {.account = &s->account,
                                  .from = "anna@tuoisp.example",
                                  .readable = blob,
                                  .copies = both,
                                  .n_copies = copies,
                                  .recipients = list,
                                  .not_before = not_before};
  char *id = NULL;
  bool known;
  g_clear_error(&s->error);
  return outbox_add(s->store, &submission, &id, &known, &s->error) ? id : NULL;
}

static void
count_settled(const struct ledger_letter *letter, void *data)
{
  ((struct scene *)data)->settled++;
}

int
scene_flush(struct scene *s)
{
  struct submit_options options = {.settled = count_settled, .data = s, .due_now = true};
  g_clear_error(&s->error);
  bool ok = outbox_flush(s->store, &s->account, s->keyring, &options, NULL, &s->error);
  assert_int_equal(ok, s->error == NULL);
  return error_exit_status(s->error);
}

guint
scene_files(struct scene *s, const char *folder)
{
  guint count = 0;
  static const char *const subs[] = {"new", "cur"};
  for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *path = g_build_filename(s->dir, folder, subs[i], NULL);
    GDir *dir = g_dir_open(path, 0, NULL);
    while (dir != NULL && g_dir_read_name(dir) != NULL)
      count++;
    if (dir != NULL)
      g_dir_close(dir);
  }
  return count;
}

struct ledger_letter *
scene_letter(struct scene *s, const char *id)
{
  struct ledger_letter *letter = ledger_get(s->store, id, &s->error);
  if (letter == NULL)
    fail_msg("%s", s->error->message);
  return letter;
}

void
scene_assert_state(struct scene *s, const char *id, const char *state, const char *recipients)
{
  g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
  g_autoptr(GString) words = g_string_new(NULL);
  for (guint i = 0; i < letter->recipients->len; i++) {
    const struct ledger_recipient *recipient = g_ptr_array_index(letter->recipients, i);
    g_string_append_printf(words, "%s%s", i > 0 ? " " : "",
                           recipient_state_word(recipient->state));
  }
  if (!g_str_equal(letter_state_word(letter->state), state) ||
      !g_str_equal(words->str, recipients))
    fail_msg("%s (%s; %s), not %s (%s)", letter_state_word(letter->state), words->str,
             letter->reason != NULL ? letter->reason : "no reason", state, recipients);
  if (letter->reason != NULL)
    assert_null(strpbrk(letter->reason, "\r\n\033\a"));
}
