#include "ui/compose/compose.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"

static void
take_sealing(struct view *view, struct event *event, void *data)
{
  struct compose_view *compose = (struct compose_view *)view;
  compose->asked = 0;
  if (compose->sealing != NULL)
    sealing_free(compose->sealing);
  compose->sealing = g_steal_pointer(&event->sealing);
  if (event->error == NULL)
    compose_sealing_known(compose);
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

static bool
set_from(struct compose_view *compose, const char *text, GError **error)
{
  g_autoptr(GPtrArray) read = address_parse_typed(text, error);
  if (read == NULL)
    return false;
  if (read->len != 1)
    return error_set(error, POSTINO_ERROR_INVALID, _("From takes exactly one address"));
  struct address *from = address_copy(g_ptr_array_index(read, 0));
  const struct conf_account *account =
      conf_account_of_address(compose->view.ui->conf, from->spec);
  address_free(compose->draft->from);
  compose->draft->from = from;
  if (account != NULL) {
    g_free(compose->draft->account);
    compose->draft->account = g_strdup(account->name);
  }
  return true;
}

bool
compose_set_field(struct compose_view *compose, enum compose_field field, const char *text,
                  GError **error)
{
  g_autofree char *clean = g_strstrip(sanitize_line(text, -1));
  /* What completion left behind. */
  size_t length = strlen(clean);
  while (field != FIELD_SUBJECT && length > 0 && strchr(" ,;", clean[length - 1]) != NULL)
    clean[--length] = '\0';
  bool good = true;
  if (field == FIELD_FROM) {
    good = set_from(compose, clean, error);
  } else if (field == FIELD_SUBJECT) {
    g_free(compose->draft->subject);
    compose->draft->subject = g_strdup(clean);
  } else {
    good = set_list(compose, field, clean, error);
  }
  if (good)
    compose_touch(compose);
  return good;
}

bool
compose_set_account(struct compose_view *compose, const char *name)
{
  const struct conf_account *account = conf_account(compose->view.ui->conf, name);
  return account != NULL && compose_set_field(compose, FIELD_FROM, account->from, NULL);
}

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

void
compose_close(struct view *view)
{
  struct compose_view *compose = (struct compose_view *)view;
  if (compose->sealing != NULL)
    sealing_free(compose->sealing);
  draft_free(compose->draft);
  g_free(compose);
}

struct view *
compose_view_new(struct ui *ui, struct draft *draft)
{
  struct compose_view *compose = g_new0(struct compose_view, 1);
  compose->view = (struct view){&compose_class, ui};
  compose->draft = draft;
  compose->cursor = FIELD_TO;
  if (draft->attachments == NULL)
    compose->draft->attachments = g_ptr_array_new();
  find_out(compose);
  return &compose->view;
}

void
compose_open_draft(struct view *view, struct event *event, void *data)
{
  if (event->error != NULL || event->draft == NULL)
    return;
  struct view *opened = compose_view_new(view->ui, g_steal_pointer(&event->draft));
  ui_push(view->ui, opened);
  compose_start((struct compose_view *)opened);
}
