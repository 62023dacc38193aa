/* The one file that knows curses. */
#define _XOPEN_SOURCE_EXTENDED 1
#include "ui/term/term-private.h"

#include <curses.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/sanitize.h"

#define ESCAPE_MS 25
#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
enum { CODE_PASTE_BEGIN = KEY_MAX + 1, CODE_PASTE_END };

struct look { short front, back; attr_t plain, coloured; };
/* Without colour a style shows by `plain`. */
static const struct look looks[STYLE_COUNT] = {
    [STYLE_NORMAL] = {-1, -1, A_NORMAL, A_NORMAL},
    [STYLE_DIM] = {-1, -1, A_DIM, A_DIM},
    [STYLE_STRONG] = {-1, -1, A_BOLD, A_BOLD},
    [STYLE_BAR] = {COLOR_WHITE, COLOR_BLUE, A_REVERSE, A_NORMAL},
    [STYLE_KEY] = {COLOR_CYAN, -1, A_BOLD, A_BOLD},
    [STYLE_UNREAD] = {-1, -1, A_BOLD, A_BOLD},
    [STYLE_FLAGGED] = {COLOR_YELLOW, -1, A_BOLD, A_NORMAL},
    [STYLE_CHOSEN] = {COLOR_MAGENTA, -1, A_UNDERLINE, A_NORMAL},
    [STYLE_QUOTE1] = {COLOR_GREEN, -1, A_DIM, A_NORMAL},
    [STYLE_QUOTE2] = {COLOR_CYAN, -1, A_DIM, A_NORMAL},
    [STYLE_QUOTE3] = {COLOR_MAGENTA, -1, A_DIM, A_NORMAL},
    [STYLE_LABEL] = {COLOR_CYAN, -1, A_BOLD, A_NORMAL},
    [STYLE_LINK] = {COLOR_BLUE, -1, A_UNDERLINE, A_UNDERLINE},
    [STYLE_NOTICE] = {COLOR_YELLOW, -1, A_NORMAL, A_NORMAL},
    [STYLE_BAD] = {COLOR_RED, -1, A_BOLD, A_BOLD},
    [STYLE_GOOD] = {COLOR_GREEN, -1, A_BOLD, A_NORMAL},
    [STYLE_MATCH] = {COLOR_BLACK, COLOR_YELLOW, A_REVERSE, A_NORMAL},
    [STYLE_SEALED] = {COLOR_BLACK, COLOR_GREEN, A_REVERSE, A_NORMAL},
    [STYLE_SIGNED] = {COLOR_BLACK, COLOR_CYAN, A_REVERSE, A_NORMAL},
    [STYLE_POSTCARD] = {COLOR_BLACK, COLOR_YELLOW, A_REVERSE, A_NORMAL},
    [STYLE_BROKEN] = {COLOR_WHITE, COLOR_RED, A_REVERSE | A_BOLD, A_BOLD},
};

static const struct { int code; term_key key; } codes[] = {
    {KEY_UP, TERM_KEY_UP},         {KEY_DOWN, TERM_KEY_DOWN},
    {KEY_LEFT, TERM_KEY_LEFT},     {KEY_RIGHT, TERM_KEY_RIGHT},
    {KEY_HOME, TERM_KEY_HOME},     {KEY_END, TERM_KEY_END},
    {KEY_PPAGE, TERM_KEY_PAGE_UP}, {KEY_NPAGE, TERM_KEY_PAGE_DOWN},
    {KEY_IC, TERM_KEY_INSERT},     {KEY_DC, TERM_KEY_DELETE},
    {KEY_BTAB, TERM_KEY_BACK_TAB}, {KEY_BACKSPACE, TERM_KEY_BACKSPACE},
    {KEY_ENTER, TERM_KEY_ENTER},   {KEY_RESIZE, TERM_KEY_RESIZE},
};

static bool coloured;

static void
write_device(const char *text)
{
  ssize_t ignored = write(STDOUT_FILENO, text, strlen(text));
  (void)ignored;
}

static void
set_up_colours(void)
{
  const char *no_color = g_getenv("NO_COLOR");
  if ((no_color != NULL && *no_color != '\0') || !has_colors() || start_color() == ERR)
    return;
  bool transparent = use_default_colors() == OK;
  for (int i = 0; i < STYLE_COUNT; i++) {
    short front = looks[i].front, back = looks[i].back;
    if (!transparent && front < 0)
      front = COLOR_WHITE;
    if (!transparent && back < 0)
      back = COLOR_BLACK;
    init_pair((short)(i + 1), front, back);
  }
  coloured = true;
}

/* `text` with terminfo's padding ($<5>) taken out. */
static void
append_capability(GString *out, const char *name)
{
  const char *text = tigetstr(name);
  if (text == NULL || text == (const char *)-1)
    return;
  while (*text != '\0') {
    const char *end = g_str_has_prefix(text, "$<") ? strchr(text, '>') : NULL;
    if (end != NULL)
      text = end + 1;
    else
      g_string_append_c(out, *text++);
  }
}

static void
arm_crash(void)
{
  g_autoptr(GString) restore = g_string_new(PASTE_OFF);
  append_capability(restore, "sgr0");
  append_capability(restore, "cnorm");
  append_capability(restore, "rmkx");
  append_capability(restore, "rmcup");
  g_string_append(restore, "\r\n");
  crash_arm(restore->str);
}

static void
set_up_modes(void)
{
  raw();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  meta(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  leaveok(stdscr, FALSE);
  define_key("\033[200~", CODE_PASTE_BEGIN);
  define_key("\033[201~", CODE_PASTE_END);
}

/* ---- writing in one piece ---- */

/* curses writes at every move of its cursor, some sixty times for a screen, and each
 * write wakes the terminal.  What it writes while it paints is gathered in a file
 * without a name, and the terminal gets it at once, whole. */
static FILE *
own_output(void)
{
  auto_fd fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (out != NULL)
    fd_steal(&fd);
  return out;
}

static bool
gather(struct term *term)
{
  if (term->out == NULL)
    return false;
  if (term->gathered < 0)
    term->gathered = memfd_create("screen", MFD_CLOEXEC);
  return term->gathered >= 0 && dup3(term->gathered, fileno(term->out), O_CLOEXEC) >= 0;
}

static void
let_go(struct term *term)
{
  dup3(STDOUT_FILENO, fileno(term->out), O_CLOEXEC);
  off_t length = lseek(term->gathered, 0, SEEK_CUR);
  g_autofree char *bytes = g_malloc(length > 0 ? (size_t)length : 1);
  size_t got = 0;
  /* A terminal that went away is noticed by who reads it. */
  if (length > 0 && lseek(term->gathered, 0, SEEK_SET) == 0 &&
      file_read_all(term->gathered, bytes, (size_t)length, &got, NULL) &&
      !file_write_all(STDOUT_FILENO, bytes, got, NULL))
    g_debug("the terminal takes nothing");
  if (ftruncate(term->gathered, 0) != 0 || lseek(term->gathered, 0, SEEK_SET) != 0)
    fd_clear(&term->gathered);
}

struct term *
term_open(GError **error)
{
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
    error_set(error, POSTINO_ERROR_USAGE,
              _("the interface needs a terminal on its input and output; without one, use a "
                "command (postino --help lists them)"));
    return NULL;
  }
  crash_remember_modes();
  g_setenv("ESCDELAY", G_STRINGIFY(ESCAPE_MS), FALSE);
  FILE *out = own_output();
  SCREEN *screen = newterm(NULL, out != NULL ? out : stdout, stdin);
  if (screen == NULL) {
    if (out != NULL)
      fclose(out);
    const char *name = g_getenv("TERM");
    error_set(error, POSTINO_ERROR_CONFIG,
              _("the terminal type '%s' is unknown here; set TERM to what the terminal is, for "
                "example xterm-256color or vt100"),
              name != NULL ? name : "");
    return NULL;
  }
  set_term(screen);
  set_escdelay(ESCAPE_MS);
  set_up_modes();
  set_up_colours();
  arm_crash();
  write_device(PASTE_ON);
  struct term *term = term_fake(LINES, COLS);
  term->device = true;
  term->screen = screen;
  term->out = out;
  return term;
}

void
term_close(struct term *term)
{
  if (term == NULL)
    return;
  if (term->device) {
    write_device(PASTE_OFF);
    if (!term->suspended)
      endwin();
    delscreen(term->screen);
    if (term->out != NULL)
      fclose(term->out);
    fd_clear(&term->gathered);
    crash_disarm();
  }
  canvas_free(term->canvas);
  canvas_free(term->shown);
  g_queue_free(term->fed);
  g_queue_free_full(term->fed_pastes, g_free);
  g_free(term->pasted);
  if (term->paste != NULL)
    g_string_free(term->paste, TRUE);
  g_free(term);
}

static attr_t
attributes_of(const struct cell *cell)
{
  unsigned style = cell->style & ~STYLE_CURSOR;
  const struct look *look = &looks[style < STYLE_COUNT ? style : STYLE_NORMAL];
  attr_t attributes = coloured ? look->coloured : look->plain;
  return cell->style & STYLE_CURSOR ? attributes | A_REVERSE : attributes;
}

static void
paint_cell(int row, int column, const struct cell *cell)
{
  wchar_t text[CELL_BYTES];
  cchar_t character;
  short pair = coloured ? (short)((cell->style & ~STYLE_CURSOR) + 1) : 0;
  locale_cell(cell, text, CCHARW_MAX + 1);
  attr_t attributes = attributes_of(cell);
  /* In a charset without the character, one cell may have become two letters. */
  if (cell->columns == 2 && text[1] != L'\0' && text[0] < 0x80) {
    wchar_t one[2] = {text[0], L'\0'};
    setcchar(&character, one, attributes, pair, NULL);
    mvadd_wch(row, column, &character);
    one[0] = text[1];
    setcchar(&character, one, attributes, pair, NULL);
    mvadd_wch(row, column + 1, &character);
    return;
  }
  if (setcchar(&character, text, attributes, pair, NULL) == ERR)
    setcchar(&character, L"?", attributes, pair, NULL);
  mvadd_wch(row, column, &character);
}

static void
paint_row(const struct canvas *canvas, int row)
{
  move(row, 0);
  clrtoeol();
  for (int column = 0; column < canvas->columns; column++) {
    const struct cell *cell = &canvas->cells[row * canvas->columns + column];
    if (cell->columns > 0)
      paint_cell(row, column, cell);
  }
}

static bool
same_row(const struct canvas *a, const struct canvas *b, int row)
{
  size_t size = sizeof(struct cell) * (size_t)a->columns;
  return memcmp(&a->cells[row * a->columns], &b->cells[row * b->columns], size) == 0;
}

static void
remember_shown(struct term *term)
{
  struct canvas *canvas = term->canvas;
  if (term->shown == NULL)
    term->shown = canvas_new(canvas->rows, canvas->columns);
  memcpy(term->shown->cells, canvas->cells,
         sizeof(struct cell) * (size_t)canvas->rows * (size_t)canvas->columns);
}

void
device_paint(struct term *term)
{
  struct canvas *canvas = term->canvas;
  bool all = term->shown == NULL || term->shown->rows != canvas->rows ||
             term->shown->columns != canvas->columns;
  if (all) {
    g_clear_pointer(&term->shown, canvas_free);
    clearok(stdscr, TRUE);
  }
  for (int row = 0; row < canvas->rows; row++)
    if (all || !same_row(canvas, term->shown, row))
      paint_row(canvas, row);
  remember_shown(term);
  bool gathering = gather(term);
  curs_set(canvas->cursor_row >= 0);
  if (canvas->cursor_row >= 0)
    move(canvas->cursor_row, canvas->cursor_column);
  else
    move(canvas->rows - 1, 0);
  refresh();
  if (gathering)
    let_go(term);
}

static bool
key_of_code(wint_t code, term_key *key_out)
{
  for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
    if ((wint_t)codes[i].code == code) {
      *key_out = codes[i].key;
      return true;
    }
  if (code >= (wint_t)KEY_F(1) && code <= (wint_t)KEY_F(12)) {
    *key_out = TERM_KEY_F1 + (code - (wint_t)KEY_F(1));
    return true;
  }
  return false;
}

/* A character typed, in the locale's charset, as its code point. */
static term_key
key_of_character(wint_t c)
{
  return c == 8 || c == 127 ? TERM_KEY_BACKSPACE : (term_key)c;
}

/* Collects what is pasted; true when the paste is whole. */
static bool
collect_paste(struct term *term, int kind, wint_t c)
{
  if (kind == KEY_CODE_YES && c == CODE_PASTE_END) {
    term_feed_paste(term, term->paste->str);
    g_string_free(g_steal_pointer(&term->paste), TRUE);
    return true;
  }
  if (kind == OK && term->paste->len < PASTE_LIMIT)
    g_string_append_unichar(term->paste, c == '\r' ? '\n' : c);
  return false;
}

bool
device_read(struct term *term, term_key *key_out)
{
  wint_t c;
  for (int kind; (kind = get_wch(&c)) != ERR;) {
    if (term->paste != NULL) {
      if (collect_paste(term, kind, c))
        return term_read(term, key_out);
      continue;
    }
    if (kind == KEY_CODE_YES && c == CODE_PASTE_BEGIN) {
      term->paste = g_string_new(NULL);
      continue;
    }
    if (kind == KEY_CODE_YES) {
      if (!key_of_code(c, key_out))
        continue;
      if (*key_out == TERM_KEY_RESIZE)
        canvas_resize(term->canvas, LINES, COLS);
      return true;
    }
    *key_out = key_of_character(c);
    return true;
  }
  return false;
}

void
term_bell(struct term *term)
{
  if (term->device && !term->suspended)
    beep();
}

#define NOTIFY_LIMIT 200 /* characters */

static char *
plain_text(const char *text)
{
  g_autofree char *line = sanitize_line(text, -1);
  g_autofree char *some = g_utf8_substring(line, 0, MIN(g_utf8_strlen(line, -1), NOTIFY_LIMIT));
  return locale_is_utf8() ? g_steal_pointer(&some) : g_str_to_ascii(some, "C");
}

/* Within tmux its own terminal is meant, which it is told to pass it on to. */
static char *
wrapped(const char *message)
{
  if (g_getenv("TMUX") == NULL)
    return g_strdup(message);
  g_auto(GStrv) parts = g_strsplit(message, "\033", -1);
  g_autofree char *doubled = g_strjoinv("\033\033", parts);
  return g_strdup_printf("\033Ptmux;%s\033\\", doubled);
}

void
term_notify(struct term *term, const char *title, const char *text)
{
  if (!term->device || term->suspended)
    return;
  g_autofree char *clean = plain_text(text);
  g_autofree char *message = title != NULL
                                 ? g_strdup_printf("\033]777;notify;%s;%s\033\\", title, clean)
                                 : g_strdup_printf("\033]9;%s\033\\", clean);
  g_autofree char *bytes = wrapped(message);
  write_device(bytes);
}

void
term_check_size(struct term *term)
{
  struct winsize size;
  if (!term->device || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 ||
      size.ws_col == 0)
    return;
  if (size.ws_row == term->canvas->rows && size.ws_col == term->canvas->columns)
    return;
  if (!term->suspended)
    resizeterm(size.ws_row, size.ws_col);
  canvas_resize(term->canvas, size.ws_row, size.ws_col);
  term_feed(term, TERM_KEY_RESIZE);
}

void
term_suspend(struct term *term)
{
  if (!term->device || term->suspended)
    return;
  write_device(PASTE_OFF);
  curs_set(1);
  def_prog_mode();
  endwin();
  term->suspended = true;
}

void
term_resume(struct term *term)
{
  if (!term->device || !term->suspended)
    return;
  term->suspended = false;
  reset_prog_mode();
  refresh();
  write_device(PASTE_ON);
  term_repaint(term);
  term_check_size(term);
}
