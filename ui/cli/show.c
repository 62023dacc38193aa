#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "ui/cli/cli.h"

/* Lines longer than this are hard to read, however wide the terminal. */
#define WIDEST 100

/* What a reader wants to see; the letter's own claim to be sealed is shown as
 * what it is. */
static const char *const brief[] = {"From", "Sender", "Reply-To", "To", "Cc", "Bcc",
                                    "Date", "Subject", "Seal", NULL};

static bool
is_brief(const char *name)
{
  for (size_t i = 0; brief[i] != NULL; i++)
    if (text_ascii_equal(brief[i], name))
      return true;
  return false;
}

static void
print_headers(const struct rendered *rendered, bool all)
{
  for (guint i = 0; i < rendered->headers->len; i++) {
    const struct rendered_header *header = rendered->headers->pdata[i];
    if (!all && !is_brief(header->name))
      continue;
    bool own = text_ascii_equal(header->name, "Seal");
    printf("%s%s: %s\n", own ? "X-" : "", header->name, header->value);
  }
}

/* Columns to wrap to: a terminal's; 0 for a pipe, whose reader wraps itself. */
static int
columns(void)
{
  struct winsize size;
  if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
    return 0;
  return MIN(size.ws_col, WIDEST);
}

static void
print_line(const struct rendered_line *line, int width)
{
  g_autofree char *marks = g_strnfill((gsize)line->quote, '>');
  const char *space = line->quote > 0 ? " " : "";
  if (width == 0 || line->fixed) {
    printf("%s%s%s\n", marks, space, line->text);
    return;
  }
  g_auto(GStrv) wrapped = text_wrap(line->text, MAX(width - line->quote - 1, 20));
  for (char **row = wrapped; *row != NULL; row++)
    printf("%s%s%s\n", marks, space, *row);
}

static void
print_parts(const struct rendered *rendered)
{
  bool first = true;
  for (guint i = 0; i < rendered->parts->len; i++) {
    const struct rendered_part *part = rendered->parts->pdata[i];
    if (!part->attachment)
      continue;
    if (first)
      putchar('\n');
    first = false;
    g_autofree char *size = cli_size(part->size);
    printf(_("Attachment %d: %s (%s, %s)\n"), part->number,
           part->name != NULL ? part->name : _("without a name"), part->type, size);
  }
}

static void
print_letter(const struct letter *letter, bool all)
{
  const struct rendered *rendered = letter->rendered;
  int width = columns();
  g_autofree char *words = verdict_words(letter->verdict);
  printf("Seal: %s\n", words);
  print_headers(rendered, all);
  putchar('\n');
  for (guint i = 0; i < rendered->lines->len; i++)
    print_line(rendered->lines->pdata[i], width);
  print_parts(rendered);
  for (guint i = 0; i < rendered->notices->len; i++)
    printf("[%s]\n", (const char *)rendered->notices->pdata[i]);
}

static bool
print_part(struct cli *cli, const struct letter_ref *ref, int number, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, engine_part(cli->engine, ref, number), error);
  if (event == NULL)
    return false;
  gsize length;
  const void *bytes = g_bytes_get_data(event->part->bytes, &length);
  if (isatty(STDOUT_FILENO)) {
    g_autofree char *clean = sanitize_text(bytes != NULL ? bytes : "", (gssize)length);
    fputs(clean, stdout);
  } else
    fwrite(bytes, 1, length, stdout);
  return true;
}

bool
cli_show(struct cli *cli, int argc, char **argv, GError **error)
{
  g_autofree char *headers = NULL;
  gboolean raw = FALSE;
  int part = 0;
  const GOptionEntry entries[] = {
      {"headers", 0, 0, G_OPTION_ARG_STRING, &headers, N_("brief (the default) or all"), "WHICH"},
      {"part", 0, 0, G_OPTION_ARG_INT, &part, N_("The decoded bytes of part N"), "N"},
      {"raw", 0, 0, G_OPTION_ARG_NONE, &raw, N_("The bytes of the letter as they are"), NULL},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) || !cli_words(argc, argv, 1, 1, error))
    return false;
  bool all = headers != NULL && text_ascii_equal(headers, "all");
  if (headers != NULL && !all && !text_ascii_equal(headers, "brief"))
    return error_set(error, POSTINO_ERROR_USAGE, _("--headers takes brief or all, not '%s'"),
                     headers);
  if (part < 0)
    return error_set(error, POSTINO_ERROR_USAGE, _("parts are numbered from 1"));
  g_auto(cli_ref_t) ref = {0};
  struct engine_options ahead = {.shows = &ref.ref};
  if (!cli_ref(argv[1], &ref, error) || !cli_engine_for(cli, &ahead, error))
    return false;
  if (raw || part > 0)
    return print_part(cli, &ref.ref, part, error);
  struct render_options options = {0};
  g_autoptr(event_t) event = cli_wait(cli, engine_letter(cli->engine, &ref.ref, &options), error);
  if (event == NULL)
    return false;
  print_letter(event->letter, all);
  return true;
}
