/* `postino send`: a whole letter from outside, as sendmail takes it. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "engine/out.h"
#include "message/headers.h"
#include "message/words.h"

struct submit {
  struct intake letter;
  int input;                /* where it comes from, when it is not here yet */
  char *account, *from, *full_name, *dsn;
  char **recipients;
  bool from_headers, queue_only;
  bool sender_from_header;
  int64_t not_before;
  int sign, encrypt;
};

static void
submit_free(void *data)
{
  struct submit *submit = data;
  intake_clear(&submit->letter);
  g_free(submit->account);
  g_free(submit->from);
  g_free(submit->full_name);
  g_free(submit->dsn);
  g_strfreev(submit->recipients);
  g_free(submit);
}

/* ---- whose letter it is ---- */

static struct headers *
headers_of(GBytes *message)
{
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  return headers_parse(bytes != NULL ? bytes : "", length);
}

static char *
first_spec(const struct headers *headers, const char *field)
{
  g_autoptr(GPtrArray) addresses = headers_addresses(headers, field);
  return addresses->len > 0 ? g_strdup(((struct address *)addresses->pdata[0])->spec) : NULL;
}

/* The account that is named, else the one that owns From, else the one that owns
 * the envelope sender, else the default. */
static const struct conf_account *
choose_account(struct engine *engine, const struct submit *submit, const char *author,
               GError **error)
{
  if (submit->account != NULL)
    return engine_account(engine, submit->account, error);
  const struct conf_account *account =
      author != NULL ? conf_account_of_address(engine->conf, author) : NULL;
  if (account == NULL && submit->from != NULL)
    account = conf_account_of_address(engine->conf, submit->from);
  return account != NULL ? account : engine_account(engine, NULL, error);
}

/* sendmail's "-f <>": what comes back goes to nobody (RFC 5321, 4.5.5). */
static bool
is_null_sender(const char *from)
{
  return from != NULL && (*from == '\0' || g_str_equal(from, "<>"));
}

static char *
own_spec(const struct conf_account *account)
{
  g_autoptr(GPtrArray) own = address_parse_header(account->from, -1);
  return g_strdup(own->len > 0 ? ((struct address *)own->pdata[0])->spec : "");
}

/* A letter without From, or with one of this machine alone, gets the account's, as
 * sendmail gives it: with -f's address and -F's name where they are given. */
static GBytes *
with_from(const struct submit *submit, const struct conf_account *account)
{
  g_autoptr(GBytes) message = message_without_from(submit->letter.message);
  g_autoptr(GPtrArray) own = address_parse_header(account->from, -1);
  const struct address *usual = own->len > 0 ? own->pdata[0] : NULL;
  bool given = submit->from != NULL && !is_null_sender(submit->from);
  const char *spec = given ? submit->from : usual != NULL ? usual->spec : "";
  const char *name = submit->full_name != NULL ? submit->full_name
                     : usual != NULL           ? usual->name
                                               : NULL;
  g_autoptr(GString) text = g_string_new("From: ");
  if (name != NULL && *name != '\0') {
    (void)words_encode(text, name, true, text->len);
    g_string_append_printf(text, " <%s>", spec);
  } else
    g_string_append(text, spec);
  g_string_append(text, "\r\n");
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  g_string_append_len(text, bytes != NULL ? bytes : "", (gssize)length);
  return g_bytes_new(text->str, text->len);
}

/* ---- for whom ---- */

static bool
add_arguments(char *const *arguments, GPtrArray *addresses, GError **error)
{
  for (; arguments != NULL && *arguments != NULL; arguments++) {
    if (is_local_name(*arguments)) {
      g_ptr_array_add(addresses, address_new(NULL, *arguments));
      continue;
    }
    g_autoptr(GPtrArray) typed = address_parse_typed(*arguments, error);
    if (typed == NULL)
      return false;
    for (guint i = 0; i < typed->len; i++)
      g_ptr_array_add(addresses, address_copy(typed->pdata[i]));
  }
  return true;
}

static void
address_free_any(void *address)
{
  address_free(address);
}

static bool
all_valid(const GPtrArray *addresses, GError **error)
{
  for (guint i = 0; i < addresses->len; i++) {
    const struct address *address = addresses->pdata[i];
    if (!address_is_valid_spec(address->spec))
      return error_set(error, POSTINO_ERROR_INVALID, _("\"%s\" is no address to send to"),
                       address->spec);
  }
  return true;
}

/* Recipients that To or Cc show see each other; the rest is hidden from everybody:
 * Bcc, and who was only named as an argument. */
static bool
sort_recipients(const struct submit *submit, const struct headers *headers,
                const GPtrArray *in_headers, struct outgoing *outgoing, GError **error)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(address_free_any);
  g_autoptr(GPtrArray) shown = g_ptr_array_new_with_free_func(g_free);
  bool given = submit->recipients != NULL && *submit->recipients != NULL;
  if (!add_arguments(submit->recipients, all, error))
    return false;
  for (guint i = 0; (submit->from_headers || !given) && i < in_headers->len; i++)
    g_ptr_array_add(all, address_copy(in_headers->pdata[i]));
  if (all->len == 0)
    return error_set(error, POSTINO_ERROR_INVALID, "%s",
                     _("the letter has no recipient; name them, or give -t and a To field"));
  if (!local_name_resolve(outgoing->account, all, error) || !all_valid(all, error))
    return false;
  g_autoptr(GPtrArray) to = headers_addresses(headers, "To");
  g_autoptr(GPtrArray) cc = headers_addresses(headers, "Cc");
  add_specs(shown, to, NULL);
  add_specs(shown, cc, NULL);
  outgoing->visible = g_ptr_array_new_with_free_func(g_free);
  outgoing->hidden = g_ptr_array_new_with_free_func(g_free);
  add_specs(outgoing->hidden, all, shown);
  add_specs(outgoing->visible, all, outgoing->hidden);
  return true;
}

/* ---- sealed or not ---- */

/* `when-possible` and `ask` are for letters written in the interface. */
static enum conf_when
only_always(enum conf_when when)
{
  return when == CONF_ALWAYS ? CONF_ALWAYS : CONF_NEVER;
}

static GPtrArray *
all_specs(const struct outgoing *outgoing)
{
  GPtrArray *specs = g_ptr_array_new();
  for (guint i = 0; i < outgoing->visible->len; i++)
    g_ptr_array_add(specs, outgoing->visible->pdata[i]);
  for (guint i = 0; i < outgoing->hidden->len; i++)
    g_ptr_array_add(specs, outgoing->hidden->pdata[i]);
  return specs;
}

/* Who cannot be sealed to, in one sentence. */
static bool
all_can_be_sealed_to(const GPtrArray *recipients, GError **error)
{
  for (guint i = 0; i < recipients->len; i++) {
    const struct seal_recipient *recipient = recipients->pdata[i];
    if (!recipient->can_seal)
      return error_set(error, POSTINO_ERROR_INVALID, _("cannot be sealed to %s: %s"),
                       recipient->spec,
                       recipient->why != NULL ? recipient->why : _("there is no key"));
  }
  return true;
}

static bool
decide(struct work *work, const struct submit *submit, struct outgoing *outgoing, GError **error)
{
  const struct conf_account *account = outgoing->account;
  g_autoptr(GPtrArray) specs = all_specs(outgoing), recipients = NULL;
  struct wishes wishes = {.account = account,
                          .author = outgoing->author,
                          .specs = specs,
                          .sign_when = only_always(account->sign),
                          .encrypt_when = only_always(account->encrypt),
                          .sign = submit->sign,
                          .encrypt = submit->encrypt};
  struct seal_plan plan = {0};
  g_autoptr(GError) why = NULL;
  if (!wishes_weigh(work, &wishes, &recipients, &plan, &why)) {
    bool sealing = submit->encrypt == 1 || (submit->encrypt == -1 && account->encrypt == CONF_ALWAYS);
    if (recipients == NULL || !sealing || all_can_be_sealed_to(recipients, error))
      g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  outgoing->sign = plan.sign;
  outgoing->encrypt = plan.encrypt;
  seal_plan_clear(&plan);
  return true;
}

/* Nothing of a letter that could not be sealed is kept (it would lie in the clear)
 * and nothing is tried again: for the caller the input is unusable as it stands. */
static bool
as_unusable(GError **error, GError *why)
{
  static const enum postino_error kept[] = {POSTINO_ERROR_LOCAL, POSTINO_ERROR_CREATE,
                                            POSTINO_ERROR_USAGE, POSTINO_ERROR_CANCELLED,
                                            POSTINO_ERROR_BUG};
  bool keeps_code = false;
  for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
    keeps_code = keeps_code || error_is(why, kept[i]);
  if (!keeps_code)
    why->code = POSTINO_ERROR_INVALID;
  if (error_is(why, POSTINO_ERROR_CANCELLED)) {
    g_free(why->message);
    why->message = g_strdup(_("cancelled; nothing of it is kept"));
  }
  g_propagate_prefixed_error(error, why, "%s", _("not sent: "));
  return false;
}

/* ---- the same letter again ---- */

static bool
is_unfinished(const struct ledger_letter *letter)
{
  return letter != NULL && letter->state != LETTER_DONE && letter->state != LETTER_ACCEPTED &&
         letter->state != LETTER_CANCELLED;
}

/* A letter without Date gets one; given again while it waits it must get the same
 * one, or its bytes would be others. */
static int64_t
date_of(struct engine *engine, const struct headers *given, const char *message_id)
{
  int64_t date = g_get_real_time() / G_USEC_PER_SEC;
  if (message_id == NULL || headers_get(given, "Date") != NULL)
    return date;
  g_autoptr(ledger_letter_t) letter = ledger_by_message_id(engine->store, message_id);
  g_autoptr(blob_t) copy =
      is_unfinished(letter) ? ledger_copy(engine->store, letter, 1, NULL) : NULL;
  g_autoptr(GBytes) head = copy != NULL ? blob_head(copy, LIMIT_HEADER, NULL) : NULL;
  if (head == NULL)
    return date;
  g_autoptr(headers_t) headers = headers_of(head);
  const char *value = headers_get(headers, "Date");
  if (value == NULL || !headers_parse_date(value, &date))
    date = g_get_real_time() / G_USEC_PER_SEC;
  return date;
}

/* ---- sending ---- */

/* Other letters that are due go over the same connection. */
static bool
send_now(struct work *work, const struct conf_account *account, const char *id, GError **error)
{
  struct flush_options options = {0};
  g_autoptr(GError) connection = NULL;
  bool done = flush_account(work, account, &options, NULL, &connection);
  return letter_fate(work->engine, id, done ? NULL : connection, error);
}

/* A held letter, to the server that may hold it; if not, it stays here. */
static bool
hand_over(struct work *work, const struct conf_account *account)
{
  struct flush_options options = {0};
  g_autoptr(GError) ignored = NULL;
  if (account->smtp->hold_at_server)
    (void)!flush_account(work, account, &options, NULL, &ignored);
  return true;
}

/* The id of the letter in the outbox, put there now unless it is there already.  What
 * is sealed again has other bytes: the ledger knows it by those that were given. */
static char *
keep(struct work *work, const struct submit *submit, struct outgoing *outgoing, const char *from,
     const char *because, GError **error)
{
  struct posting posting = {.from = from, .not_before = submit->not_before, .because = because,
                            .dsn = submit->dsn,
                            .given = outgoing->sign || outgoing->encrypt ? outgoing->message : NULL};
  char *id = posted_before(work->engine, outgoing, &posting);
  bool known = false;
  if (id != NULL)
    return id;
  g_auto(parcel_t) parcel = {0};
  g_autoptr(GError) why = NULL;
  if (!parcel_make(work, outgoing, &parcel, &why))
    (void)as_unusable(error, g_steal_pointer(&why));
  else if (post(work, outgoing, &parcel, &posting, &id, &known, error))
    return id;
  return NULL;
}

static bool
keep_and_send(struct work *work, const struct submit *submit, struct outgoing *outgoing,
              const char *from, GError **error)
{
  const struct conf_account *account = outgoing->account;
  g_autofree char *no_smtp =
      account->smtp != NULL
          ? NULL
          : g_strdup_printf(_("account \"%s\" has no smtp block; add one to the rc file"),
                            account->name);
  g_autoptr(GError) why = NULL;
  if (!decide(work, submit, outgoing, &why))
    return as_unusable(error, g_steal_pointer(&why));
  work->done->text = keep(work, submit, outgoing, from, no_smtp, error);
  if (work->done->text == NULL)
    return false;
  if (no_smtp != NULL)
    return error_set(error, POSTINO_ERROR_CONFIG, "%s; kept as %s; do not send it again", no_smtp,
                     work->done->text);
  if (submit->queue_only)
    return true;
  if (submit->not_before > 0)
    return hand_over(work, account);
  return send_now(work, account, work->done->text, error);
}

/* Who the envelope says it is from: what was given, else the author where that is
 * one of the account's addresses, else the account's. */
static char *
envelope_sender(struct engine *engine, const struct submit *submit,
                const struct conf_account *account, const char *author)
{
  if (is_null_sender(submit->from))
    return g_strdup("");
  if (submit->from != NULL)
    return g_strdup(submit->from);
  if (author != NULL && submit->sender_from_header)
    return g_strdup(author);
  if (author != NULL && conf_account_of_address(engine->conf, author) == account)
    return g_strdup(author);
  return own_spec(account);
}

/* What cannot be done block by block is done in memory. */
static GBytes *
whole_letter(GBytes *head, const struct intake *letter, GError **error)
{
  g_autoptr(GBytes) all = blob_bytes(letter->large, error);
  if (all == NULL)
    return NULL;
  size_t length, more;
  const char *start = g_bytes_get_data(head, &length), *rest = g_bytes_get_data(all, &more);
  GString *whole = g_string_sized_new(length + more);
  g_string_append_len(whole, start, (gssize)length);
  g_string_append_len(whole, rest + letter->body, (gssize)(more - letter->body));
  return g_string_free_to_bytes(whole);
}

/* The letter as it leaves: `message`, or block by block into `large`.  *header_out
 * begins with its header. */
static bool
prepare(struct work *work, const struct submit *submit, GBytes *message,
        const struct build_options *build, const char *domain, struct outgoing *outgoing,
        GBytes **header_out, GPtrArray **in_headers_out, GError **error)
{
  const struct intake *letter = &submit->letter;
  bool written = false;
  g_autoptr(blob_writer_t) writer = NULL;
  g_autoptr(GBytes) whole = g_bytes_ref(message);
  if (letter->large != NULL) {
    writer = ledger_spool(work->engine->store, error);
    if (writer == NULL || !letter_prepare_large(message, letter->large, letter->body, build, domain,
                                                writer, in_headers_out, &written, error))
      return false;
  }
  if (written) {
    outgoing->large = blob_writer_end(writer, error);
    *header_out = outgoing->large != NULL ? blob_head(outgoing->large, LIMIT_HEADER, error) : NULL;
    return *header_out != NULL;
  }
  if (letter->large != NULL) {
    g_bytes_unref(whole);
    whole = whole_letter(message, letter, error);
  }
  outgoing->message =
      whole != NULL ? letter_prepare(whole, build, domain, in_headers_out, error) : NULL;
  if (outgoing->message == NULL)
    return false;
  *header_out = g_bytes_ref(outgoing->message);
  return true;
}

static bool
submit_as(struct work *work, const struct submit *submit, const struct conf_account *account,
          const char *author, const char *from, GError **error)
{
  g_autoptr(GBytes) message =
      author != NULL ? g_bytes_ref(submit->letter.message) : with_from(submit, account);
  g_autofree char *own = own_spec(account);
  const char *who = author != NULL ? author : *from != '\0' ? from : own;
  const char *at = strrchr(who, '@');
  g_autoptr(headers_t) given = headers_of(submit->letter.message);
  g_autofree char *message_id = headers_message_id(given);
  struct build_options build = {.now = date_of(work->engine, given, message_id)};
  g_autoptr(GPtrArray) in_headers = NULL;
  g_autoptr(GBytes) header = NULL;
  g_auto(outgoing_t) outgoing = {.account = account, .author = who, .now = build.now};
  if (!prepare(work, submit, message, &build, at != NULL ? at + 1 : "localhost", &outgoing, &header,
               &in_headers, error))
    return false;
  g_autoptr(headers_t) headers = headers_of(header);
  g_autofree char *subject = headers_text(headers, "Subject");
  outgoing.subject = subject;
  return sort_recipients(submit, headers, in_headers, &outgoing, error) &&
         keep_and_send(work, submit, &outgoing, from, error);
}

/* Its From address; NULL when there is none, or one of this machine alone. */
static char *
author_of(GBytes *message)
{
  g_autoptr(headers_t) given = headers_of(message);
  char *author = first_spec(given, "From");
  if (author != NULL && strchr(author, '@') == NULL)
    g_clear_pointer(&author, g_free);
  return author;
}

struct question { struct engine *engine; const struct submit *submit; };

/* In doubt it will be. */
static bool
will_be_sealed(GBytes *header, void *context)
{
  const struct question *question = context;
  const struct submit *submit = question->submit;
  g_autofree char *author = author_of(header);
  const struct conf_account *account =
      choose_account(question->engine, submit, author, NULL);
  return account == NULL || submit->sign == 1 || submit->encrypt == 1 ||
         (submit->sign == -1 && account->sign == CONF_ALWAYS) ||
         (submit->encrypt == -1 && account->encrypt == CONF_ALWAYS);
}

static bool
take_in(struct work *work, struct submit *submit, GError **error)
{
  struct question question = {work->engine, submit};
  return submit->letter.message != NULL ||
         intake_read(work->engine->store, submit->input, will_be_sealed, &question,
                     &submit->letter, error);
}

static bool
run_submit(struct work *work, GError **error)
{
  struct submit *submit = (struct submit *)work->args;
  if (!take_in(work, submit, error))
    return false;
  g_autofree char *author = author_of(submit->letter.message);
  const struct conf_account *account = choose_account(work->engine, submit, author, error);
  if (account == NULL)
    return false;
  g_autofree char *from = envelope_sender(work->engine, submit, account, author);
  if (!is_null_sender(submit->from) && !address_is_valid_spec(from))
    return error_set(error, POSTINO_ERROR_INVALID, _("\"%s\" is no address to send from"), from);
  return submit_as(work, submit, account, author, from, error);
}

request_id
engine_submit(struct engine *engine, GBytes *message, const struct send_options *options)
{
  struct submit *submit = g_new0(struct submit, 1);
  if (message != NULL)
    submit->letter.message = g_bytes_ref(message);
  submit->input = options->input;
  submit->account = g_strdup(options->account);
  submit->from = g_strdup(options->from);
  submit->full_name = g_strdup(options->full_name);
  submit->dsn = g_strdup(options->dsn);
  submit->recipients = g_strdupv((char **)options->recipients);
  submit->from_headers = options->recipients_from_headers;
  submit->sender_from_header = options->sender_from_header;
  submit->queue_only = options->queue_only;
  submit->not_before = options->not_before;
  submit->sign = options->sign;
  submit->encrypt = options->encrypt;
  const struct conf_account *account = engine_account(engine, options->account, NULL);
  if (account != NULL && (options->sign == 1 || options->encrypt == 1))
    crypto_expect(engine->crypto, account->crypto_plugin);
  return engine_request(engine, NULL, run_submit, submit, submit_free);
}
