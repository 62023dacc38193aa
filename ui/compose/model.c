#include "ui/compose/compose.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"

/* ---- who can be sealed to ---- */

/* Each missing key once, where the rc allows to ask for it without a word. */
static void
look_for_keys(struct compose_view *compose)
{
  const struct conf_account *account = compose_account(compose);
  const GPtrArray *all = compose->sealing != NULL ? compose->sealing->recipients : NULL;
  if (account == NULL || account->lookup != CONF_LOOKUP_ALWAYS ||
      account->encrypt == CONF_NEVER || all == NULL)
    return;
  if (compose->looked_for == NULL)
    compose->looked_for = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < all->len; i++) {
    const struct seal_recipient *recipient = g_ptr_array_index(all, i);
    if (!recipient->can_seal && recipient->key == NULL &&
        g_hash_table_add(compose->looked_for, g_strdup(recipient->spec)))
      compose_look_for_key(compose, recipient->spec, true);
  }
}

static void
take_sealing(struct view *view, struct event *event, void *data)
{
  struct compose_view *compose = (struct compose_view *)view;
  compose->asked = 0;
  if (compose->sealing != NULL)
    sealing_free(compose->sealing);
  compose->sealing = g_steal_pointer(&event->sealing);
  if (event->error != NULL)
    compose->send_when_known = false;
  else {
    compose_sealing_known(compose);
    look_for_keys(compose);
  }
}

static void
find_out(struct compose_view *compose)
{
  struct ui *ui = compose->view.ui;
  ui_forget(ui, compose->asked);
  if (compose->sealing != NULL)
    sealing_free(g_steal_pointer(&compose->sealing));
  compose->asked = engine_sealing(ui->engine, compose->draft);
  ui_await(ui, compose->asked, &compose->view, take_sealing, NULL, NULL);
}

void
compose_touch(struct compose_view *compose)
{
  compose->changed = true;
  find_out(compose);
}

void
compose_ask_again(struct ui *ui)
{
  for (guint i = 0; i < ui->views->len; i++) {
    struct view *view = g_ptr_array_index(ui->views, i);
    struct compose_view *compose = (struct compose_view *)view;
    if (view->kind == &compose_class && !compose->busy)
      find_out(compose);
  }
}

const struct conf_account *
compose_account(const struct compose_view *compose)
{
  const char *name = compose->draft->account;
  return name != NULL ? conf_account(compose->view.ui->conf, name) : NULL;
}

static bool
is_demanded(enum draft_wish wish, enum conf_when when)
{
  return wish == DRAFT_YES || (wish == DRAFT_BY_POLICY && when == CONF_ALWAYS);
}

bool
compose_is_to_be_sealed(const struct compose_view *compose)
{
  const struct conf_account *account = compose_account(compose);
  if (compose->sealing != NULL && compose->sealing->error == NULL)
    return compose->sealing->plan.encrypt;
  return is_demanded(compose->draft->encrypt, account != NULL ? account->encrypt : CONF_NEVER);
}

bool
compose_is_to_be_signed(const struct compose_view *compose)
{
  const struct conf_account *account = compose_account(compose);
  if (compose->sealing != NULL && compose->sealing->error == NULL)
    return compose->sealing->plan.sign;
  return is_demanded(compose->draft->sign, account != NULL ? account->sign : CONF_NEVER);
}

const struct seal_recipient *
compose_recipient(const struct compose_view *compose, const char *spec)
{
  const GPtrArray *all = compose->sealing != NULL ? compose->sealing->recipients : NULL;
  for (guint i = 0; all != NULL && i < all->len; i++) {
    const struct seal_recipient *recipient = g_ptr_array_index(all, i);
    if (address_same(recipient->spec, spec))
      return recipient;
  }
  return NULL;
}

/* ---- fields ---- */

const char *
compose_label(enum compose_field field)
{
  static const char *const labels[FIELD_COUNT] = {N_("From"), N_("To"), N_("Cc"), N_("Bcc"),
                                                  N_("Subject")};
  return _(labels[field]);
}

static GPtrArray **
list_of(const struct compose_view *compose, enum compose_field field)
{
  switch (field) {
  case FIELD_TO: return &compose->draft->to;
  case FIELD_CC: return &compose->draft->cc;
  case FIELD_BCC: return &compose->draft->bcc;
  default: return NULL;
  }
}

GPtrArray *
compose_addresses(const struct compose_view *compose, enum compose_field field)
{
  GPtrArray **list = list_of(compose, field);
  return list != NULL ? *list : NULL;
}

bool
compose_has_recipient(const struct draft *draft)
{
  const GPtrArray *lists[] = {draft->to, draft->cc, draft->bcc};
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
    if (lists[i] != NULL && lists[i]->len > 0)
      return true;
  return false;
}

char *
compose_field_text(const struct compose_view *compose, enum compose_field field)
{
  const GPtrArray *list = compose_addresses(compose, field);
  if (field == FIELD_FROM)
    return compose->draft->from != NULL ? address_format(compose->draft->from) : g_strdup("");
  if (field == FIELD_SUBJECT)
    return g_strdup(compose->draft->subject != NULL ? compose->draft->subject : "");
  return list != NULL && list->len > 0 ? address_format_list(list) : g_strdup("");
}

static bool
set_list(struct compose_view *compose, enum compose_field field, const char *text, GError **error)
{
  GPtrArray **list = list_of(compose, field);
  GPtrArray *read = *text != '\0' ? address_parse_typed(text, error)
                                  : g_ptr_array_new_with_free_func((GDestroyNotify)address_free);
  if (read == NULL)
    return false;
  if (*list != NULL)
    g_ptr_array_unref(*list);
  *list = read;
  return true;
}

/* ---- another sender, another signature ---- */

static void
change_signature(struct view *view, struct event *event, void *old)
{
  struct compose_view *compose = (struct compose_view *)view;
  if (event->error != NULL || event->draft == NULL || compose->draft->body == NULL ||
      strcmp(old, event->draft->body) == 0)
    return;
  g_autofree char *body =
      compose_replace_signature(compose->draft->body, old, event->draft->body);
  if (body == NULL) {
    ui_say(view->ui, _("The signature was changed by hand and stays as it is."));
    return;
  }
  compose_put_body(compose, g_steal_pointer(&body));
}

static void
ask_new_signature(struct view *view, struct event *event, void *data)
{
  struct compose_view *compose = (struct compose_view *)view;
  if (event->error != NULL || event->draft == NULL)
    return;
  ui_await(view->ui, engine_compose(view->ui->engine, compose->draft->account, NULL), view,
           change_signature, g_strdup(event->draft->body), g_free);
}

static void
set_account(struct compose_view *compose, const struct conf_account *account)
{
  struct ui *ui = compose->view.ui;
  g_autofree char *before = g_steal_pointer(&compose->draft->account);
  compose->draft->account = g_strdup(account->name);
  if (g_strcmp0(before, account->name) != 0)
    ui_await(ui, engine_compose(ui->engine, before, NULL), &compose->view, ask_new_signature,
             NULL, NULL);
}

/* An own address that was typed without a name gets the one that the rc gives it. */
static struct address *
sender_of(const struct conf_account *account, const struct address *typed)
{
  if (typed->name == NULL && account != NULL && account->from != NULL) {
    g_autoptr(GPtrArray) own = address_parse_header(account->from, -1);
    const struct address *first = own->len > 0 ? g_ptr_array_index(own, 0) : NULL;
    if (first != NULL && first->name != NULL)
      return address_new(first->name, typed->spec);
  }
  return address_copy(typed);
}

static bool
set_from(struct compose_view *compose, const char *text, GError **error)
{
  struct ui *ui = compose->view.ui;
  g_autoptr(GPtrArray) read = address_parse_typed(text, error);
  if (read == NULL)
    return false;
  if (read->len != 1)
    return error_set(error, POSTINO_ERROR_INVALID, _("From takes exactly one address"));
  const struct address *typed = g_ptr_array_index(read, 0);
  const struct conf_account *account = conf_account_of_address(ui->conf, typed->spec);
  struct address *from = sender_of(account, typed);
  address_free(compose->draft->from);
  compose->draft->from = from;
  if (account != NULL)
    set_account(compose, account);
  else
    ui_complain(ui, _("%s is no address of yours in the rc file; account %s sends it, if its "
                      "server allows."),
                from->spec, compose->draft->account != NULL ? compose->draft->account : "");
  return true;
}

static void
set_subject(struct compose_view *compose, const char *text)
{
  g_free(compose->draft->subject);
  compose->draft->subject = g_strdup(text);
  compose->agreed &= ~(unsigned)AGREED_NO_SUBJECT;
  compose->changed = true;
}

bool
compose_set_field(struct compose_view *compose, enum compose_field field, const char *text,
                  GError **error)
{
  g_autofree char *clean = g_strstrip(sanitize_line(text, -1));
  if (field == FIELD_SUBJECT) {
    if (g_strcmp0(compose->draft->subject, clean) != 0)
      set_subject(compose, clean);
    return true;
  }
  /* What completion left behind. */
  for (size_t length = strlen(clean); length > 0 && strchr(" ,;", clean[length - 1]) != NULL;)
    clean[--length] = '\0';
  g_autofree char *present = compose_field_text(compose, field);
  if (strcmp(present, clean) == 0)
    return true;
  if (!(field == FIELD_FROM ? set_from(compose, clean, error)
                            : set_list(compose, field, clean, error)))
    return false;
  compose_touch(compose);
  return true;
}

bool
compose_set_account(struct compose_view *compose, const char *name)
{
  const struct conf_account *account = conf_account(compose->view.ui->conf, name);
  return account != NULL && account->from != NULL &&
         compose_set_field(compose, FIELD_FROM, account->from, NULL);
}

void
compose_put_body(struct compose_view *compose, char *text)
{
  g_free(compose->draft->body);
  compose->draft->body = text;
  g_clear_pointer(&compose->lines, g_ptr_array_unref);
}

void
compose_set_body(struct compose_view *compose, char *text)
{
  g_free(compose->other_text);
  compose->other_text = g_steal_pointer(&compose->draft->body);
  compose_put_body(compose, text);
  compose->top = 0;
  compose->changed = true;
  compose->agreed &= ~(unsigned)AGREED_NO_ATTACHMENT;
}

/* ---- moving ---- */

void
compose_move(struct compose_view *compose, int by)
{
  int last = FIELD_COUNT + (int)compose->draft->attachments->len - 1;
  compose->cursor = CLAMP(compose->cursor + by, 0, last);
}

int
compose_attachment(const struct compose_view *compose)
{
  return compose->cursor >= FIELD_COUNT ? compose->cursor - FIELD_COUNT : -1;
}

/* ---- beginning and end ---- */

const struct seal_recipient *
compose_keyless(const struct compose_view *compose)
{
  const struct sealing *sealing = compose->sealing;
  for (guint i = 0; sealing != NULL && sealing->recipients != NULL && i < sealing->recipients->len;
       i++) {
    const struct seal_recipient *recipient = g_ptr_array_index(sealing->recipients, i);
    if (!recipient->can_seal)
      return recipient;
  }
  return NULL;
}

void
compose_close(struct view *view)
{
  struct compose_view *compose = (struct compose_view *)view;
  if (compose->sealing != NULL)
    sealing_free(compose->sealing);
  draft_free(compose->draft);
  g_free(compose->other_text);
  g_clear_pointer(&compose->lines, g_ptr_array_unref);
  g_clear_pointer(&compose->looked_for, g_hash_table_unref);
  g_free(compose);
}

struct view *
compose_view_new(struct ui *ui, struct draft *draft)
{
  struct compose_view *compose = g_new0(struct compose_view, 1);
  compose->view = (struct view){&compose_class, ui};
  compose->draft = draft;
  compose->cursor = FIELD_TO;
  find_out(compose);
  return &compose->view;
}

/* One draft is in one pair of hands. */
static struct view *
writing_already(struct ui *ui, const struct draft *draft)
{
  for (guint i = 0; draft->origin != NULL && i < ui->views->len; i++) {
    struct view *view = g_ptr_array_index(ui->views, i);
    if (view->kind == &compose_class &&
        g_strcmp0(((struct compose_view *)view)->draft->origin, draft->origin) == 0)
      return view;
  }
  return NULL;
}

void
compose_open_draft(struct view *view, struct event *event, void *data)
{
  if (event->error != NULL || event->draft == NULL)
    return;
  struct view *opened = writing_already(view->ui, event->draft);
  if (opened != NULL) {
    ui_push(view->ui, opened);
    ui_say(view->ui, _("You are writing this letter already."));
    return;
  }
  opened = compose_view_new(view->ui, g_steal_pointer(&event->draft));
  ui_push(view->ui, opened);
  compose_start((struct compose_view *)opened);
}
