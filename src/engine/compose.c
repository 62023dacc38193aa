/* Drafts: new ones, answers, letters passed on, and those taken up again. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "engine/out.h"

#define LIMIT_SIGNATURE LIMIT_KIB(64)

/* ---- who writes ---- */

struct author {
  struct draft_author draft;
  GPtrArray *from;          /* struct address: one */
  char **own;
  char *signature;
};

static void
author_clear(struct author *author)
{
  g_clear_pointer(&author->from, g_ptr_array_unref);
  g_strfreev(author->own);
  g_free(author->signature);
}
typedef struct author author_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(author_t, author_clear)

/* A signature that cannot be read is said and costs no letter. */
static char *
read_signature(struct work *work, const struct conf_account *account)
{
  g_autoptr(GError) error = NULL;
  if (account->signature == NULL)
    return NULL;
  g_autoptr(GBytes) bytes = file_read(account->signature, LIMIT_SIGNATURE, &error);
  if (bytes == NULL) {
    g_autofree char *text = g_strdup_printf(_("no signature: %s"), error->message);
    work_notice(work, true, text);
    return NULL;
  }
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  return sanitize_text(data != NULL ? data : "", (gssize)length);
}

static bool
author_init(struct work *work, const struct conf_account *account, struct author *author,
            GError **error)
{
  author->from = address_parse_header(account->from != NULL ? account->from : "", -1);
  if (author->from->len == 0)
    return error_set(error, POSTINO_ERROR_CONFIG, _("account \"%s\" has no from address; set it"),
                     account->name);
  author->own = account_addresses(account);
  author->signature = read_signature(work, account);
  author->draft = (struct draft_author){.account = account->name,
                                        .from = author->from->pdata[0],
                                        .own = (const char *const *)author->own,
                                        .signature = author->signature};
  return true;
}

/* ---- new ---- */

struct compose {
  char *account, *mailto;
};

static void
compose_free(void *data)
{
  struct compose *compose = data;
  g_free(compose->account);
  g_free(compose->mailto);
  g_free(compose);
}

static bool
run_compose(struct work *work, GError **error)
{
  const struct compose *compose = work->args;
  g_auto(author_t) author = {0};
  const struct conf_account *account = engine_account(work->engine, compose->account, error);
  if (account == NULL || !author_init(work, account, &author, error))
    return false;
  work->done->draft = compose->mailto != NULL ? draft_mailto(compose->mailto, &author.draft, error)
                                              : draft_blank(&author.draft);
  return work->done->draft != NULL;
}

request_id
engine_compose(struct engine *engine, const char *account, const char *mailto)
{
  struct compose *compose = g_new0(struct compose, 1);
  compose->account = g_strdup(account);
  compose->mailto = g_strdup(mailto);
  return engine_request(engine, NULL, run_compose, compose, compose_free);
}

/* ---- answers ---- */

static const struct conf_account *
account_addressed(const struct conf *conf, const GPtrArray *addresses)
{
  for (guint i = 0; addresses != NULL && i < addresses->len; i++) {
    const struct address *address = addresses->pdata[i];
    const struct conf_account *account = conf_account_of_address(conf, address->spec);
    if (account != NULL)
      return account;
  }
  return NULL;
}

/* One answers as whom the letter was for; else as whose folder it lies in. */
static const struct conf_account *
account_of_letter(struct engine *engine, const struct opened *opened, GError **error)
{
  const struct rendered *rendered = opened->rendered;
  const GPtrArray *fields[] = {rendered->to, rendered->cc, rendered->bcc, rendered->from};
  for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
    const struct conf_account *account = account_addressed(engine->conf, fields[i]);
    if (account != NULL)
      return account;
  }
  g_autofree char *folder = opened->key != NULL ? folder_of_key(opened->key) : NULL;
  const struct conf_account *account = account_of_folder(engine, folder);
  return account != NULL ? account : engine_account(engine, NULL, error);
}

struct answer {
  struct ref *ref;
  enum draft_reply how;
};

static void
answer_free(void *data)
{
  struct answer *answer = data;
  ref_free(answer->ref);
  g_free(answer);
}

static struct answer *
answer_new(const struct letter_ref *ref, enum draft_reply how)
{
  struct answer *answer = g_new0(struct answer, 1);
  answer->ref = ref_copy(ref);
  answer->how = how;
  return answer;
}

static bool
run_reply(struct work *work, GError **error)
{
  const struct answer *answer = work->args;
  g_auto(author_t) author = {0};
  g_autoptr(opened_t) opened = open_letter(work, answer->ref, NULL, error);
  const struct conf_account *account =
      opened != NULL ? account_of_letter(work->engine, opened, error) : NULL;
  if (account == NULL || !author_init(work, account, &author, error))
    return false;
  struct draft *draft = draft_reply(opened->rendered, answer->how, &author.draft);
  draft->answers = g_steal_pointer(&opened->key);
  draft->answers_sealed = opened->sealed;
  work->done->draft = draft;
  return true;
}

request_id
engine_reply(struct engine *engine, const struct letter_ref *ref, enum draft_reply how)
{
  return engine_request(engine, NULL, run_reply, answer_new(ref, how), answer_free);
}

static bool
has_attachments(const struct rendered *rendered)
{
  for (guint i = 0; i < rendered->parts->len; i++)
    if (((struct rendered_part *)rendered->parts->pdata[i])->attachment)
      return true;
  return false;
}

/* What was sealed goes on part by part, since nobody else could read the letter
 * itself. */
static bool
attach_parts(struct work *work, const struct opened *opened, struct draft *draft, GError **error)
{
  const GPtrArray *parts = opened->rendered->parts;
  for (guint i = 0; i < parts->len; i++) {
    const struct rendered_part *part = parts->pdata[i];
    char *name = NULL, *type = NULL;
    if (!part->attachment)
      continue;
    GBytes *bytes = reader_part(work->engine->readers, opened->shown, part->number, false, &name,
                                &type, work->cancel, error);
    if (bytes == NULL)
      return false;
    struct draft_attachment *attachment = g_new0(struct draft_attachment, 1);
    *attachment = (struct draft_attachment){.name = name, .type = type, .blob = blob_new(bytes)};
    g_ptr_array_add(draft->attachments, attachment);
    g_bytes_unref(bytes);
  }
  return true;
}

static bool
run_forward(struct work *work, GError **error)
{
  const struct answer *answer = work->args;
  g_auto(author_t) author = {0};
  g_autoptr(opened_t) opened = open_letter(work, answer->ref, NULL, error);
  const struct conf_account *account =
      opened != NULL ? account_of_letter(work->engine, opened, error) : NULL;
  if (account == NULL || !author_init(work, account, &author, error))
    return false;
  bool whole = !opened->sealed && has_attachments(opened->rendered);
  g_autoptr(draft_t) draft =
      draft_forward(opened->rendered, whole ? opened->source : NULL, &author.draft);
  if (opened->sealed && !attach_parts(work, opened, draft, error))
    return false;
  draft->forwards = g_steal_pointer(&opened->key);
  draft->answers_sealed = opened->sealed;
  work->done->draft = g_steal_pointer(&draft);
  return true;
}

request_id
engine_forward(struct engine *engine, const struct letter_ref *ref)
{
  return engine_request(engine, NULL, run_forward, answer_new(ref, DRAFT_REPLY), answer_free);
}

/* ---- taken up again ---- */

/* A letter that waits in the outbox is taken out of it first, into Drafts; its key
 * there. */
static char *
take_back(struct work *work, const char *key, GError **error)
{
  struct engine *engine = work->engine;
  g_autofree char *id = outbox_id_of(engine, key);
  if (id == NULL)
    return g_strdup(key);
  const char *drafts = engine_drafts(engine);
  if (!outbox_cancel(engine->store, id, drafts, error))
    return NULL;
  engine_changed(engine);
  g_autofree char *base = base_of_key(key);
  return g_strconcat(drafts, "/", base, NULL);
}

static struct draft *
draft_of(struct work *work, const struct opened *opened, GError **error)
{
  const struct conf_account *account = account_addressed(work->engine->conf, opened->rendered->from);
  if (account == NULL)
    account = account_of_letter(work->engine, opened, error);
  if (account == NULL)
    return NULL;
  /* What is shown of a signed or sealed letter is the text within. */
  g_autoptr(GBytes) within = entity_bare(opened->shown);
  g_autoptr(GBytes) clear =
      opened->shown != opened->source
          ? letter_with_entity(opened->source, within, opened->rendered->subject)
          : g_bytes_ref(opened->source);
  gsize length;
  const char *bytes = g_bytes_get_data(clear, &length);
  return draft_from_message(bytes != NULL ? bytes : "", length, account->name, error);
}

static bool
lies_in_drafts(struct engine *engine, const char *key)
{
  g_autofree char *folder = folder_of_key(key);
  bool found = g_strcmp0(folder, engine_drafts(engine)) == 0;
  for (guint i = 0; i < engine->conf->accounts->len && !found; i++) {
    const struct conf_account *account = engine->conf->accounts->pdata[i];
    found = g_strcmp0(folder, account->drafts) == 0;
  }
  return found;
}

/* A draft that lay sealed must leave sealed, unless its writer says otherwise.  Any other
 * letter stays where it is when the new one leaves. */
static bool
run_resume(struct work *work, GError **error)
{
  g_autofree char *key = take_back(work, work->args, error);
  if (key == NULL)
    return false;
  struct ref ref = {.key = key};
  g_autoptr(opened_t) opened = open_letter(work, &ref, NULL, error);
  if (opened == NULL)
    return false;
  if (opened->shown == NULL)
    return error_set(error, POSTINO_ERROR_INVALID, _("this draft cannot be opened: %s"),
                     opened->verdict->why != NULL ? opened->verdict->why : _("it is broken"));
  struct draft *draft = draft_of(work, opened, error);
  if (draft == NULL)
    return false;
  if (opened->sealed)
    draft->encrypt = DRAFT_YES;
  g_clear_pointer(&draft->origin, g_free);
  address_to_the_rest(work, draft);
  if (lies_in_drafts(work->engine, key))
    draft->origin = g_steal_pointer(&key);
  else
    g_clear_pointer(&draft->message_id, g_free);
  work->done->draft = draft;
  return true;
}

request_id
engine_resume(struct engine *engine, const char *key)
{
  return engine_request(engine, GROUP_CHANGE, run_resume, g_strdup(key), g_free);
}

/* ---- kept for later ---- */

static void
draft_free_any(void *draft)
{
  draft_free(draft);
}

/* What will be sealed when it is sent lies sealed until then; if that cannot be
 * done the draft is not written, and its writer still has it. */
static struct blob *
letter_to_keep(struct work *work, const struct conf_account *account, const struct draft *draft,
              GError **error)
{
  struct seal_plan plan = {0};
  g_autoptr(GError) why = NULL;
  g_autoptr(GPtrArray) recipients = NULL;
  bool wanted = draft_wants_seal(account, draft);
  if (!wanted && draft_weigh(work, draft, &recipients, &plan, &why)) {
    wanted = plan.encrypt;
    seal_plan_clear(&plan);
  }
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  if (wanted)
    return seal_to_oneself(work, account, draft, now, error);
  struct build_options build = {.now = now, .keep_bcc = true};
  g_autoptr(blob_writer_t) writer = draft_room(work, draft, false, error);
  return writer != NULL && draft_write(draft, &build, writer, error)
             ? blob_writer_end(writer, error)
             : NULL;
}

static bool
write_block(const char *data, size_t length, void *context, GError **error)
{
  return delivery_write(context, data, length, error);
}

static bool
deliver(struct store *store, const char *folder, const struct blob *letter, char **key_out,
        GError **error)
{
  g_autoptr(delivery_t) delivery = delivery_begin(store, folder, error);
  g_auto(GStrv) keys = NULL;
  if (delivery == NULL || !delivery_open(delivery, error) ||
      !blob_each(letter, 0, write_block, delivery, error) ||
      !delivery_close(delivery, NULL, ROW_DRAFT | ROW_SEEN, error) ||
      !delivery_commit(delivery, &keys, error))
    return false;
  *key_out = g_strdup(keys[0]);
  return true;
}

static bool
run_postpone(struct work *work, GError **error)
{
  const struct draft *draft = work->args;
  struct engine *engine = work->engine;
  const struct conf_account *account = engine_account(engine, draft->account, error);
  if (account == NULL)
    return false;
  if (draft->from == NULL)
    return error_set(error, POSTINO_ERROR_INVALID, "%s", _("the letter has no From address"));
  g_autoptr(blob_t) letter = letter_to_keep(work, account, draft, error);
  if (letter == NULL ||
      !deliver(engine->store, account->drafts, letter, &work->done->text, error))
    return false;
  if (draft->origin != NULL)
    drop_origin(work, draft->origin);
  refresh_beside(engine);
  engine_changed(engine);
  return true;
}

request_id
engine_postpone(struct engine *engine, const struct draft *draft)
{
  return engine_request(engine, GROUP_CHANGE, run_postpone, draft_copy(draft), draft_free_any);
}

static bool
run_sealing(struct work *work, GError **error)
{
  const struct draft *draft = work->args;
  const struct conf_account *account = engine_account(work->engine, draft->account, error);
  if (account == NULL)
    return false;
  struct sealing *sealing = work->done->sealing = g_new0(struct sealing, 1);
  sealing->plugin = g_strdup(account->crypto_plugin);
  if (!draft_weigh(work, draft, &sealing->recipients, &sealing->plan, &sealing->error) &&
      sealing->recipients == NULL)
    sealing->recipients = g_ptr_array_new();
  return true;
}

request_id
engine_sealing(struct engine *engine, const struct draft *draft)
{
  return engine_request(engine, NULL, run_sealing, draft_copy(draft), draft_free_any);
}
