#include "message/draft.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "message/draft-private.h"
#include "message/write.h"

static void
free_address(gpointer address)
{
  address_free(address);
}

GPtrArray *
draft_list_new(void)
{
  return g_ptr_array_new_with_free_func(free_address);
}

static void
free_attachment(gpointer data)
{
  struct draft_attachment *attachment = data;
  g_free(attachment->name);
  g_free(attachment->type);
  blob_unref(attachment->blob);
  g_free(attachment);
}

void
draft_attach(struct draft *draft, const char *name, const char *type, struct blob *blob)
{
  struct draft_attachment *attachment = g_new0(struct draft_attachment, 1);
  attachment->name = g_strdup(name);
  attachment->type = g_strdup(type);
  attachment->blob = blob_ref(blob);
  g_ptr_array_add(draft->attachments, attachment);
}

struct draft *
draft_new(void)
{
  struct draft *draft = g_new0(struct draft, 1);
  draft->to = draft_list_new();
  draft->cc = draft_list_new();
  draft->bcc = draft_list_new();
  draft->reply_to = draft_list_new();
  draft->attachments = g_ptr_array_new_with_free_func(free_attachment);
  return draft;
}

void
draft_list_add(GPtrArray *list, const GPtrArray *more)
{
  for (guint i = 0; more != NULL && i < more->len; i++)
    g_ptr_array_add(list, address_copy(g_ptr_array_index(more, i)));
}

struct draft *
draft_copy(const struct draft *draft)
{
  struct draft *copy = draft_new();
  copy->account = g_strdup(draft->account);
  copy->from = draft->from != NULL ? address_copy(draft->from) : NULL;
  draft_list_add(copy->to, draft->to);
  draft_list_add(copy->cc, draft->cc);
  draft_list_add(copy->bcc, draft->bcc);
  draft_list_add(copy->reply_to, draft->reply_to);
  copy->subject = g_strdup(draft->subject);
  copy->message_id = g_strdup(draft->message_id);
  copy->in_reply_to = g_strdup(draft->in_reply_to);
  copy->references = g_strdupv(draft->references);
  copy->body = g_strdup(draft->body);
  for (guint i = 0; draft->attachments != NULL && i < draft->attachments->len; i++) {
    const struct draft_attachment *from = g_ptr_array_index(draft->attachments, i);
    draft_attach(copy, from->name, from->type, from->blob);
  }
  copy->sign = draft->sign;
  copy->encrypt = draft->encrypt;
  copy->not_before = draft->not_before;
  copy->ask_receipt = draft->ask_receipt;
  copy->answers_sealed = draft->answers_sealed;
  copy->origin = g_strdup(draft->origin);
  copy->answers = g_strdup(draft->answers);
  copy->forwards = g_strdup(draft->forwards);
  return copy;
}

void
draft_free(struct draft *draft)
{
  if (draft == NULL)
    return;
  GPtrArray *lists[] = {draft->to, draft->cc, draft->bcc, draft->reply_to, draft->attachments};
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
    g_clear_pointer(&lists[i], g_ptr_array_unref);
  char *strings[] = {draft->account, draft->subject, draft->message_id, draft->in_reply_to,
                     draft->body,    draft->origin,  draft->answers,    draft->forwards};
  for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
    g_free(strings[i]);
  address_free(draft->from);
  g_strfreev(draft->references);
  g_free(draft);
}

char *
draft_signature(const struct draft_author *author)
{
  const char *text = author->signature;
  if (text != NULL && g_str_has_prefix(text, DRAFT_SEPARATOR))
    text += strlen(DRAFT_SEPARATOR);
  if (text == NULL || *text == '\0')
    return g_strdup("");
  return g_strdup_printf("\n" DRAFT_SEPARATOR "%s%s", text, g_str_has_suffix(text, "\n") ? "" : "\n");
}

struct draft *
draft_authored(const struct draft_author *author)
{
  struct draft *draft = draft_new();
  draft->account = g_strdup(author->account);
  draft->from = author->from != NULL ? address_copy(author->from) : NULL;
  return draft;
}

struct draft *
draft_blank(const struct draft_author *author)
{
  struct draft *draft = draft_authored(author);
  draft->subject = g_strdup("");
  draft->body = draft_signature(author);
  return draft;
}

bool
draft_is_own(const struct draft_author *author, const char *spec)
{
  if (author->from != NULL && address_same(author->from->spec, spec))
    return true;
  for (const char *const *own = author->own; own != NULL && *own != NULL; own++)
    if (address_same(*own, spec))
      return true;
  return false;
}

void
draft_random_hex(char *text, size_t bytes)
{
  guchar random[64];
  size_t have = 0;
  g_assert(bytes <= sizeof random);
  while (have < bytes) {
    ssize_t n = getrandom(random + have, bytes - have, 0);
    if (n > 0)
      have += (size_t)n;
    else if (errno != EINTR)
      g_error("no random numbers from the kernel");
  }
  for (size_t i = 0; i < bytes; i++)
    g_snprintf(text + 2 * i, 3, "%02x", random[i]);
}

char *
message_id_new(const char *domain)
{
  char random[2 * 16 + 1];
  draft_random_hex(random, 16);
  g_autofree char *ascii = domain != NULL && *domain != '\0' ? g_hostname_to_ascii(domain) : NULL;
  g_autofree char *id = g_strdup_printf("%s@%s", random, ascii != NULL ? ascii : "localhost");
  return write_is_id(id) ? g_steal_pointer(&id) : g_strdup_printf("%s@localhost", random);
}
