#include "ui/prompt.h"

#include <string.h>

#include "base/i18n.h"
#include "base/secret.h"
#include "base/text.h"

#define CANDIDATES_SHOWN 10

struct candidate *
candidate_new(const char *text, const char *help)
{
  struct candidate *candidate = g_new0(struct candidate, 1);
  candidate->text = g_strdup(text);
  candidate->help = g_strdup(help);
  return candidate;
}

void
candidate_free(struct candidate *candidate)
{
  g_free(candidate->text);
  g_free(candidate->help);
  g_free(candidate);
}

struct prompt *
prompt_new(const struct prompt_options *options, GPtrArray *history)
{
  struct prompt *prompt = g_new0(struct prompt, 1);
  prompt->label = g_strdup(options->label);
  /* A secret's buffer is never moved by growing, so that no copy stays behind. */
  prompt->text = options->secret ? g_string_sized_new(1024) : g_string_new(options->text);
  prompt->cursor = prompt->text->len;
  prompt->complete = options->complete;
  prompt->secret = options->secret;
  prompt->yes_no = options->yes_no;
  prompt->live = options->live;
  prompt->choices = g_strdup(options->choices);
  prompt->hint = g_strdup(options->hint);
  prompt->history =
      options->secret || options->yes_no || options->choices != NULL ? NULL : history;
  prompt->history_at = prompt->history != NULL ? prompt->history->len : 0;
  prompt->chosen = -1;
  return prompt;
}

void
prompt_free(struct prompt *prompt)
{
  if (prompt == NULL)
    return;
  secret_wipe(prompt->text->str, prompt->text->allocated_len);
  g_string_free(prompt->text, TRUE);
  if (prompt->candidates != NULL)
    g_ptr_array_free(prompt->candidates, TRUE);
  g_free(prompt->typed);
  g_free(prompt->label);
  g_free(prompt->choices);
  g_free(prompt->hint);
  g_free(prompt);
}

/* ---- editing ---- */

static size_t
cluster_before(const struct prompt *prompt)
{
  size_t at = 0, last = 0;
  int columns;
  while (at < prompt->cursor) {
    last = at;
    at += text_cluster(prompt->text->str + at, prompt->cursor - at, &columns);
  }
  return last;
}

static size_t
cluster_behind(const struct prompt *prompt)
{
  int columns;
  return prompt->cursor + text_cluster(prompt->text->str + prompt->cursor,
                                       prompt->text->len - prompt->cursor, &columns);
}

static void
forget_candidates(struct prompt *prompt)
{
  g_clear_pointer(&prompt->candidates, g_ptr_array_unref);
  prompt->chosen = -1;
}

static void
erase(struct prompt *prompt, size_t from, size_t to)
{
  if (to <= from)
    return;
  g_string_erase(prompt->text, (gssize)from, (gssize)(to - from));
  prompt->cursor = from;
  forget_candidates(prompt);
}

static void
insert(struct prompt *prompt, const char *text, size_t length)
{
  if (prompt->secret && prompt->text->len + length >= prompt->text->allocated_len)
    return;
  g_string_insert_len(prompt->text, (gssize)prompt->cursor, text, (gssize)length);
  prompt->cursor += length;
  forget_candidates(prompt);
}

static size_t
word_before(const struct prompt *prompt)
{
  size_t at = prompt->cursor;
  while (at > 0 && prompt->text->str[at - 1] == ' ')
    at--;
  while (at > 0 && prompt->text->str[at - 1] != ' ')
    at--;
  return at;
}

static void
set_text(struct prompt *prompt, const char *text)
{
  g_string_assign(prompt->text, text);
  prompt->cursor = prompt->text->len;
  forget_candidates(prompt);
}

static void
recall(struct prompt *prompt, int by)
{
  if (prompt->history == NULL)
    return;
  gint64 to = (gint64)prompt->history_at + by;
  if (to < 0 || to > (gint64)prompt->history->len)
    return;
  if (prompt->history_at == prompt->history->len) {
    g_free(prompt->typed);
    prompt->typed = g_strdup(prompt->text->str);
  }
  prompt->history_at = (guint)to;
  set_text(prompt, prompt->history_at == prompt->history->len
                       ? prompt->typed
                       : g_ptr_array_index(prompt->history, prompt->history_at));
}

/* ---- candidates ---- */

static void
take_candidate(struct prompt *prompt, int index)
{
  const struct candidate *candidate = g_ptr_array_index(prompt->candidates, index);
  g_string_erase(prompt->text, (gssize)prompt->replace_from,
                 (gssize)(prompt->cursor - prompt->replace_from));
  g_string_insert(prompt->text, (gssize)prompt->replace_from, candidate->text);
  prompt->cursor = prompt->replace_from + strlen(candidate->text);
  prompt->chosen = index;
}

static void
choose(struct prompt *prompt, int by)
{
  int n = (int)prompt->candidates->len;
  int next = prompt->chosen < 0 ? (by > 0 ? 0 : n - 1) : (prompt->chosen + by + n) % n;
  take_candidate(prompt, next);
}

static size_t
common_length(const GPtrArray *candidates)
{
  const char *first = ((const struct candidate *)g_ptr_array_index(candidates, 0))->text;
  size_t common = strlen(first);
  for (guint i = 1; i < candidates->len; i++) {
    const char *text = ((const struct candidate *)g_ptr_array_index(candidates, i))->text;
    size_t same = 0;
    while (same < common && text[same] == first[same])
      same++;
    common = same;
  }
  while (common > 0 && ((guchar)first[common] & 0xc0) == 0x80)
    common--;
  return common;
}

static void
fill_in_common(struct prompt *prompt)
{
  const struct candidate *first = g_ptr_array_index(prompt->candidates, 0);
  size_t common = common_length(prompt->candidates);
  size_t typed = prompt->cursor - prompt->replace_from;
  if (common < typed || strncasecmp(first->text, prompt->text->str + prompt->replace_from, typed) != 0)
    return;
  g_string_erase(prompt->text, (gssize)prompt->replace_from, (gssize)typed);
  g_string_insert_len(prompt->text, (gssize)prompt->replace_from, first->text, (gssize)common);
  prompt->cursor = prompt->replace_from + common;
}

void
prompt_offer(struct prompt *prompt, GPtrArray *candidates, size_t replace_from, bool by_tab)
{
  forget_candidates(prompt);
  if (candidates->len == 0 || replace_from > prompt->cursor) {
    g_ptr_array_free(candidates, TRUE);
    return;
  }
  prompt->candidates = candidates;
  prompt->replace_from = replace_from;
  if (!by_tab)
    return;
  if (candidates->len == 1) {
    take_candidate(prompt, 0);
    forget_candidates(prompt);
  } else {
    fill_in_common(prompt);
  }
}

static enum prompt_result
tab(struct prompt *prompt, int by)
{
  if (prompt->complete == COMPLETE_NOTHING)
    return PROMPT_MORE;
  if (prompt->candidates == NULL || (prompt->live && prompt->chosen < 0 && by > 0 &&
                                     prompt->candidates->len == 1))
    return PROMPT_COMPLETE;
  choose(prompt, by);
  return PROMPT_MORE;
}

/* ---- keys ---- */

static enum prompt_result
answer_yes_no(struct prompt *prompt, term_key key)
{
  gunichar yes = g_utf8_get_char(_("y"));
  if (key == TERM_KEY_RESIZE)
    return PROMPT_MORE;
  return g_unichar_tolower(key) == yes || key == 'y' || key == 'Y' ? PROMPT_DONE
                                                                    : PROMPT_CANCELLED;
}

static enum prompt_result
answer_choice(struct prompt *prompt, term_key key)
{
  char letter[2] = {key < 128 ? (char)g_ascii_tolower((int)key) : '\0', '\0'};
  if (key == TERM_KEY_RESIZE)
    return PROMPT_MORE;
  if (*letter == '\0' || strchr(prompt->choices, *letter) == NULL)
    return PROMPT_CANCELLED;
  g_string_assign(prompt->text, letter);
  return PROMPT_DONE;
}

static void
vertical(struct prompt *prompt, int by)
{
  if (prompt->candidates != NULL)
    choose(prompt, by);
  else
    recall(prompt, by);
}

static void
edit(struct prompt *prompt, term_key key)
{
  size_t length = prompt->text->len;
  switch (key) {
  case TERM_KEY_LEFT: case TERM_CONTROL('B'): prompt->cursor = cluster_before(prompt); break;
  case TERM_KEY_RIGHT: case TERM_CONTROL('F'): prompt->cursor = cluster_behind(prompt); break;
  case TERM_KEY_HOME: case TERM_CONTROL('A'): prompt->cursor = 0; break;
  case TERM_KEY_END: case TERM_CONTROL('E'): prompt->cursor = length; break;
  case TERM_KEY_BACKSPACE: erase(prompt, cluster_before(prompt), prompt->cursor); break;
  case TERM_KEY_DELETE: case TERM_CONTROL('D'): erase(prompt, prompt->cursor, cluster_behind(prompt)); break;
  case TERM_CONTROL('U'): erase(prompt, 0, prompt->cursor); break;
  case TERM_CONTROL('K'): erase(prompt, prompt->cursor, length); break;
  case TERM_CONTROL('W'): erase(prompt, word_before(prompt), prompt->cursor); break;
  case TERM_KEY_UP: case TERM_CONTROL('P'): vertical(prompt, -1); break;
  case TERM_KEY_DOWN: case TERM_CONTROL('N'): vertical(prompt, 1); break;
  default:
    if (key < TERM_KEY_UP && g_unichar_isprint(key)) {
      char text[8];
      insert(prompt, text, (size_t)g_unichar_to_utf8(key, text));
    }
  }
}

/* In a live prompt Enter takes the first candidate, unless what was typed is one. */
static void
take_first(struct prompt *prompt)
{
  if (!prompt->live || prompt->candidates == NULL || prompt->chosen >= 0 ||
      prompt->replace_from > 0)
    return;
  for (guint i = 0; i < prompt->candidates->len; i++) {
    const struct candidate *candidate = g_ptr_array_index(prompt->candidates, i);
    if (strcmp(candidate->text, prompt->text->str) == 0)
      return;
  }
  take_candidate(prompt, 0);
}

enum prompt_result
prompt_key(struct prompt *prompt, term_key key)
{
  if (prompt->yes_no)
    return answer_yes_no(prompt, key);
  if (prompt->choices != NULL)
    return answer_choice(prompt, key);
  if (key == TERM_KEY_ENTER || key == '\n')
    take_first(prompt);
  switch (key) {
  case TERM_KEY_ENTER: case '\n': return PROMPT_DONE;
  case TERM_KEY_ESC: case TERM_CONTROL('G'): case TERM_CONTROL('C'): return PROMPT_CANCELLED;
  case TERM_KEY_TAB: return tab(prompt, 1);
  case TERM_KEY_BACK_TAB: return tab(prompt, -1);
  default: edit(prompt, key); return PROMPT_MORE;
  }
}

void
prompt_paste(struct prompt *prompt, const char *text)
{
  if (prompt->yes_no || prompt->choices != NULL)
    return;
  g_autofree char *line = g_strdup(text);
  g_strdelimit(line, "\n\t", ' ');
  g_strchomp(line);
  insert(prompt, line, strlen(line));
  secret_wipe(line, strlen(line));
}

/* ---- drawing ---- */

static void
draw_candidates(const struct prompt *prompt, const struct area *area)
{
  int n = (int)prompt->candidates->len;
  int shown = MIN(MIN(n, CANDIDATES_SHOWN), area->rows - 1);
  int first = CLAMP(prompt->chosen - shown + 1, 0, MAX(n - shown, 0));
  int widest = 0;
  for (int i = 0; i < n; i++) {
    const struct candidate *candidate = g_ptr_array_index(prompt->candidates, i);
    widest = MAX(widest, text_width(candidate->text, -1));
  }
  widest = MIN(widest, area->columns / 2);
  for (int i = 0; i < shown; i++) {
    const struct candidate *candidate = g_ptr_array_index(prompt->candidates, first + i);
    unsigned cursor = first + i == prompt->chosen ? STYLE_CURSOR : 0;
    int row = area->rows - 1 - shown + i;
    area_fill(area, row, STYLE_NORMAL | cursor, "");
    area_field(area, row, 1, candidate->help != NULL ? widest : area->columns - 1,
               STYLE_KEY | cursor, candidate->text);
    if (candidate->help != NULL)
      area_field(area, row, widest + 3, area->columns - widest - 3, STYLE_NORMAL | cursor,
                 candidate->help);
  }
}

/* The text before the cursor scrolls out to the left when the line is full. */
static void
draw_text(const struct prompt *prompt, const struct area *line, int column)
{
  int room = MAX(line->columns - column - 1, 1);
  const char *from = prompt->text->str, *cursor = from + prompt->cursor;
  int columns;
  while (from < cursor && text_width(from, cursor - from) > room)
    from += text_cluster(from, (size_t)(cursor - from), &columns);
  area_text(line, 0, column, STYLE_NORMAL, from);
  area_cursor(line, 0, column + text_width(from, cursor - from));
}

static char **
question_lines(const struct prompt *prompt, int columns)
{
  return text_wrap(prompt->label, MAX(columns - 2, 8));
}

int
prompt_rows(const struct prompt *prompt, int columns)
{
  if (!prompt->yes_no && prompt->choices == NULL)
    return 1;
  g_auto(GStrv) lines = question_lines(prompt, columns);
  return (int)g_strv_length(lines);
}

static void
draw_question(const struct prompt *prompt, const struct area *area)
{
  g_auto(GStrv) lines = question_lines(prompt, area->columns);
  int n = (int)g_strv_length(lines), column = 0;
  for (int i = 0; i < n; i++) {
    struct area line = area_part(area, area->rows - n + i, 0, 1, -1);
    area_fill(&line, 0, STYLE_NORMAL, "");
    column = area_text(&line, 0, 0, STYLE_STRONG, lines[i]);
  }
  area_cursor(area, area->rows - 1, column + 1);
}

void
prompt_draw(const struct prompt *prompt, const struct area *area)
{
  if (prompt->yes_no || prompt->choices != NULL) {
    draw_question(prompt, area);
    return;
  }
  struct area line = area_part(area, area->rows - 1, 0, 1, -1);
  if (prompt->candidates != NULL)
    draw_candidates(prompt, area);
  area_fill(&line, 0, STYLE_NORMAL, "");
  g_autofree char *label = text_fit(prompt->label, MAX(line.columns - 12, line.columns / 2));
  int column = area_text(&line, 0, 0, STYLE_STRONG, label) + 1;
  if (prompt->secret)
    area_cursor(&line, 0, column);
  else
    draw_text(prompt, &line, column);
}
