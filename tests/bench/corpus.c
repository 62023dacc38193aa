/* Letters as people have them: corpus DIR LETTERS [FIRST].  A Maildir with threads, lists, many
 * charsets, HTML beside text, attachments; sizes log-normal with a median of 2 KB; words by
 * Zipf's law.  The same numbers give the same bytes.  FIRST goes on where a corpus ended. */
#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORDS 60000
#define PEOPLE 3000
#define BEGAN 1300000000
#define SPAN 400              /* seconds between two letters */
#define MEDIAN 2000.0
#define LONGEST 120000
#define OPEN_THREADS 64       /* that may be answered */

struct thread { guint last, root; char *subject; };

static GRand *die;
static struct thread threads[OPEN_THREADS];

static double
chance(void)
{
  return g_rand_double(die);
}

static guint
pick(guint n)
{
  return (guint)g_rand_int_range(die, 0, (gint32)n);
}

static double
normal(void)
{
  return sqrt(-2 * log(1 - chance())) * cos(2 * G_PI * chance());
}

/* ---- words ---- */

static const char *const common[] = {
    "the", "and", "to", "of", "a", "in", "is", "that", "for", "it", "on", "with", "as", "this",
    "be", "was", "are", "not", "have", "you",
};

static const char *const accented[] = {"perch\303\251", "citt\303\240", "M\303\274ller",
                                       "caf\303\251", "ma\303\261ana", "\303\274ber"};

/* A word of the vocabulary is always the same word. */
static void
add_word(GString *text, guint number)
{
  static const char *const syllables[] = {"ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po",
                                          "ru", "sa", "te", "vi", "zo", "tra", "ste", "pli", "con"};
  guint64 state = number * G_GUINT64_CONSTANT(2654435761) + 12345;
  for (guint left = 2 + number % 3; left > 0; left--) {
    g_string_append(text, syllables[state % G_N_ELEMENTS(syllables)]);
    state = state / G_N_ELEMENTS(syllables) + number;
  }
}

static void
add_any_word(GString *text)
{
  double u = chance();
  if (u < .3)
    g_string_append(text, common[(guint)(G_N_ELEMENTS(common) * chance() * chance())]);
  else if (u < .32)
    g_string_append(text, accented[pick(G_N_ELEMENTS(accented))]);
  else
    add_word(text, (guint)(pow(WORDS, chance()) - 1));
}

static char *
make_text(size_t bytes, const char *line_end)
{
  GString *text = g_string_new(NULL);
  for (guint i = 1; text->len < bytes; i++) {
    add_any_word(text);
    g_string_append(text, i % 11 == 0 ? line_end : " ");
  }
  if (chance() < .0005)
    g_string_append(text, "zibibbo ");
  g_string_append(text, line_end);
  return g_string_free(text, FALSE);
}

static char *
make_subject(void)
{
  GString *text = g_string_new(NULL);
  for (guint words = 2 + pick(6); words > 0; words--) {
    add_any_word(text);
    if (words > 1)
      g_string_append_c(text, ' ');
  }
  return g_string_free(text, FALSE);
}

/* ---- encodings ---- */

static void
add_base64(GString *mail, const char *bytes, size_t length)
{
  g_autofree char *coded = g_base64_encode((const guchar *)bytes, length);
  for (size_t at = 0, all = strlen(coded); at < all; at += 76)
    g_string_append_printf(mail, "%.76s\n", coded + at);
}

static void
add_quoted(GString *mail, const char *bytes, size_t length)
{
  size_t column = 0;
  for (size_t i = 0; i < length; i++) {
    guchar c = (guchar)bytes[i];
    if (c == '\n') {
      g_string_append_c(mail, '\n');
      column = 0;
      continue;
    }
    if (column > 72) {
      g_string_append(mail, "=\n");
      column = 0;
    }
    gsize before = mail->len;
    if (c >= 127 || c == '=')
      g_string_append_printf(mail, "=%02X", c);
    else
      g_string_append_c(mail, (char)c);
    column += mail->len - before;
  }
}

static void
add_header_text(GString *mail, const char *text)
{
  if (g_str_is_ascii(text)) {
    g_string_append(mail, text);
    return;
  }
  g_autofree char *coded = g_base64_encode((const guchar *)text, strlen(text));
  g_string_append_printf(mail, "=?utf-8?b?%s?=", coded);
}

/* ---- parts ---- */

static void
add_text_part(GString *mail, const char *type, const char *text)
{
  static const struct { const char *charset; char code; double until; } kinds[] = {
      {"us-ascii", 0, .25}, {"utf-8", '8', .60}, {"iso-8859-1", 'q', .75}, {"utf-8", 'q', .85},
      {"utf-8", 'b', .95}, {"windows-1252", 'q', .98}, {"utf-16", 'b', 1},
  };
  double u = chance();
  guint i = 0;
  while (u >= kinds[i].until && i + 1 < G_N_ELEMENTS(kinds))
    i++;
  gsize length;
  g_autofree char *bytes = g_convert_with_fallback(text, -1, kinds[i].charset, "utf-8", "?", NULL,
                                                   &length, NULL);
  if (bytes == NULL)
    exit(1);
  const char *code = kinds[i].code == 'q'   ? "quoted-printable"
                     : kinds[i].code == 'b' ? "base64"
                     : kinds[i].code == '8' ? "8bit"
                                            : "7bit";
  g_string_append_printf(mail, "Content-Type: %s; charset=%s\nContent-Transfer-Encoding: %s\n\n",
                         type, kinds[i].charset, code);
  if (kinds[i].code == 'q')
    add_quoted(mail, bytes, length);
  else if (kinds[i].code == 'b')
    add_base64(mail, bytes, length);
  else
    g_string_append_len(mail, bytes, (gssize)length);
}

static void
add_html_part(GString *mail, const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autofree char *joined = g_strjoinv("</p>\n<p style=\"margin:0\">", lines);
  g_autofree char *html = g_strdup_printf("<html><head><style>p { color: #333 }</style></head>"
                                          "<body><p>%s</p></body></html>\n", joined);
  add_text_part(mail, "text/html", html);
}

static void
add_attachment(GString *mail, guint number)
{
  gsize length = (gsize)CLAMP(exp(9.5 + normal()), 500, LONGEST);
  g_autofree char *bytes = g_malloc(length);
  for (gsize i = 0; i < length; i++)
    bytes[i] = (char)g_rand_int(die);
  g_string_append_printf(mail, "Content-Type: application/pdf; name=\"paper-%u.pdf\"\n"
                               "Content-Disposition: attachment; filename=\"paper-%u.pdf\"\n"
                               "Content-Transfer-Encoding: base64\n\n", number, number);
  add_base64(mail, bytes, length);
}

static void
add_body(GString *mail, guint number)
{
  g_autofree char *text = make_text((size_t)CLAMP(MEDIAN * exp(normal()), 40, LONGEST), "\n");
  double u = chance();
  if (u < .7) {
    add_text_part(mail, "text/plain", text);
  } else if (u < .76) {
    g_string_append_printf(mail, "Content-Type: multipart/mixed; boundary=\"b%u\"\n\n--b%u\n",
                           number, number);
    add_text_part(mail, "text/plain", text);
    g_string_append_printf(mail, "\n--b%u\n", number);
    add_attachment(mail, number);
    g_string_append_printf(mail, "\n--b%u--\n", number);
  } else if (u < .8) {
    add_html_part(mail, text);
  } else {
    g_string_append_printf(mail, "Content-Type: multipart/alternative; boundary=\"b%u\"\n\n--b%u\n",
                           number, number);
    add_text_part(mail, "text/plain", text);
    g_string_append_printf(mail, "\n--b%u\n", number);
    add_html_part(mail, text);
    g_string_append_printf(mail, "\n--b%u--\n", number);
  }
}

/* ---- letters ---- */

static void
add_person(GString *mail, const char *field)
{
  guint person = (guint)(pow(PEOPLE, chance()) - 1);
  g_autoptr(GString) name = g_string_new(NULL);
  add_word(name, person * 7 + 11);
  g_string_append_c(name, ' ');
  add_word(name, person % 200 * 31 + 5);
  if (person % 9 == 0)
    g_string_append(name, "\303\251");
  g_string_append_printf(mail, "%s: ", field);
  add_header_text(mail, name->str);
  g_string_append_printf(mail, " <p%u@d%u.example>\n", person, person % 97);
}

static void
add_trace(GString *mail, guint number, const char *date)
{
  g_string_append_printf(mail, "Return-Path: <bounce-%u@d%u.example>\n", number, number % 97);
  for (guint hop = 0; hop < 2; hop++)
    g_string_append_printf(mail, "Received: from mx%u.d%u.example (mx%u.d%u.example [192.0.2.%u])\n"
                                 "\tby mail.here.example with ESMTPS id %08X\n"
                                 "\tfor <anna@here.example>; %s\n", hop, number % 97, hop,
                           number % 97, number % 250, number * 2 + hop, date);
}

/* Half of the letters answer one of the last threads; the last letter is known by its
 * subject. */
static void
add_thread(GString *mail, guint number, bool first, bool last)
{
  if (last) {
    g_string_append(mail, "Subject: zenith\n");
    return;
  }
  struct thread *thread = &threads[pick(OPEN_THREADS)];
  bool reply = !first && thread->subject != NULL && chance() < .55;
  if (reply) {
    g_string_append_printf(mail, "In-Reply-To: <%u.bench@d.example>\nReferences: ", thread->last);
    if (thread->root != thread->last)
      g_string_append_printf(mail, "<%u.bench@d.example>\n ", thread->root);
    g_string_append_printf(mail, "<%u.bench@d.example>\nSubject: Re: ", thread->last);
  } else {
    g_free(thread->subject);
    thread->subject = make_subject();
    thread->root = number;
    g_string_append(mail, "Subject: ");
  }
  add_header_text(mail, thread->subject);
  g_string_append_c(mail, '\n');
  thread->last = number;
}

static GString *
make_letter(guint number, guint first, guint n)
{
  GString *mail = g_string_new(NULL);
  gint64 at = BEGAN + (gint64)number * SPAN;
  bool last = number == first + n - 1;
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(last ? at : at - pick(600));
  g_autofree char *date = g_date_time_format(time, "%a, %d %b %Y %H:%M:%S +0000");
  add_trace(mail, number, date);
  add_person(mail, "From");
  if (chance() < .5)
    g_string_append_printf(mail, "To: list%u@lists.example\nList-Id: <list%u.lists.example>\n",
                           number % 23, number % 23);
  else
    g_string_append(mail, "To: Anna Rossi <anna@here.example>\n");
  if (chance() < .2)
    add_person(mail, "Cc");
  g_string_append_printf(mail, "Date: %s\nMessage-ID: <%u.bench@d.example>\nMIME-Version: 1.0\n"
                               "X-Mailer: bench 1.0\n", date, number);
  add_thread(mail, number, number == first, last);
  add_body(mail, number);
  return mail;
}

static void
write_letter(const char *dir, guint number, const GString *mail)
{
  const char *sub = number % 50 == 0 ? "new" : "cur";
  const char *info = number % 50 == 0 ? "" : number % 10 == 0 ? ":2," : number % 17 == 0 ? ":2,RS" : ":2,S";
  g_autofree char *path = g_strdup_printf("%s/%s/%u.M%uP1.bench,S=%zu%s", dir, sub,
                                          BEGAN + number * SPAN, number, (size_t)mail->len, info);
  FILE *file = fopen(path, "w");
  if (file == NULL || fwrite(mail->str, 1, mail->len, file) != mail->len || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
}

int
main(int argc, char **argv)
{
  if (argc < 3) {
    fputs("corpus DIR LETTERS [FIRST]\n", stderr);
    return 64;
  }
  guint n = (guint)strtoul(argv[2], NULL, 10), first = argc > 3 ? (guint)strtoul(argv[3], NULL, 10) : 0;
  static const char *const subs[] = {"cur", "new", "tmp"};
  for (gsize i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *sub = g_build_filename(argv[1], subs[i], NULL);
    g_mkdir_with_parents(sub, 0700);
  }
  die = g_rand_new_with_seed(first + 1);
  for (guint i = first; i < first + n; i++) {
    GString *mail = make_letter(i, first, n);
    write_letter(argv[1], i, mail);
    g_string_free(mail, TRUE);
  }
  for (guint i = 0; i < OPEN_THREADS; i++)
    g_free(threads[i].subject);
  g_rand_free(die);
  return 0;
}
