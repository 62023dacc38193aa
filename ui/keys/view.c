#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "ui/keys/keys.h"

#define STATE_COLUMNS 12
#define UNTIL_COLUMNS 10
#define DIGITS 16
#define DETAIL_ROWS 6

static const struct command_group *const groups[] = {&keys_group, &any_group, NULL};

static int64_t
now(void)
{
  return g_get_real_time() / G_USEC_PER_SEC;
}

static const char *
standing_words(enum key_standing standing)
{
  switch (standing) {
  case KEY_STANDS_OWN: return _("your own");
  case KEY_STANDS_CONFIRMED: return _("confirmed");
  case KEY_STANDS_KNOWN: return _("known");
  case KEY_STANDS_DOUBTED: return _("unconfirmed");
  case KEY_STANDS_CHANGED: return _("changed");
  case KEY_STANDS_EXPIRED: return _("expired");
  case KEY_STANDS_REVOKED: break;
  }
  return _("revoked");
}

static unsigned
standing_style(enum key_standing standing)
{
  if (standing >= KEY_STANDS_CHANGED)
    return STYLE_BAD;
  return standing == KEY_STANDS_DOUBTED ? STYLE_NOTICE : STYLE_GOOD;
}

static void
draw_key(const struct area *area, int row, const struct key_info *key, bool cursor)
{
  unsigned style = cursor ? STYLE_CURSOR : 0;
  enum key_standing standing = key_standing(key, now());
  size_t length = strlen(key->fingerprint);
  const char *digits = key->fingerprint + (length > DIGITS ? length - DIGITS : 0);
  int owner = MAX(area->columns - STATE_COLUMNS - UNTIL_COLUMNS - DIGITS - 5, 8), at = 1;
  g_autofree char *until = key->expires != 0 ? key_day(key->expires) : g_strdup(_("no end"));
  area_fill(area, row, STYLE_NORMAL | style, "");
  area_field(area, row, at, STATE_COLUMNS, standing_style(standing) | style,
             standing_words(standing));
  at += STATE_COLUMNS + 1;
  area_field(area, row, at, owner, STYLE_NORMAL | style, key_owner(key));
  at += owner + 1;
  area_field(area, row, at, UNTIL_COLUMNS, STYLE_NORMAL | style, until);
  at += UNTIL_COLUMNS + 1;
  area_field(area, row, at, -1, STYLE_DIM | style, digits);
}

/* ---- the key under the cursor ---- */

static char *
advice_on(const struct keys_view *keys, const struct key_info *key)
{
  const struct keymap *keymap = keys->view.ui->keymap;
  g_autofree char *confirm = keymap_key_word(keymap, groups, "confirm");
  g_autofree char *renew = keymap_key_word(keymap, groups, "renew");
  g_autofree char *file = keymap_key_word(keymap, groups, "export");
  g_autofree char *copy = keymap_key_word(keymap, groups, "backup");
  switch (key_standing(key, now())) {
  case KEY_STANDS_OWN:
    return g_strdup_printf(_("%s writes its public half into a file, for others; %s writes a copy of "
                             "the pair for a safe place; %s makes it last for two more years."),
                           file, copy, renew);
  case KEY_STANDS_CONFIRMED: return g_strdup(_("You said that this is its owner's key."));
  case KEY_STANDS_KNOWN: return g_strdup(_("The key ring takes it for its owner's."));
  case KEY_STANDS_DOUBTED:
    return g_strdup_printf(_("Nothing is sealed to it until you compare the fingerprint with its "
                             "owner, not by mail, and say so by %s."),
                           confirm);
  case KEY_STANDS_CHANGED:
    return g_strdup_printf(_("Its owner was sealed to by another key until now. Nothing is sealed "
                             "to this one until you compare the fingerprint with its owner, not by "
                             "mail, and say so by %s."),
                           confirm);
  case KEY_STANDS_EXPIRED:
    return key->secret ? g_strdup_printf(_("%s renews it for two years."), renew)
                       : g_strdup(_("Ask its owner for the renewed key and import it."));
  case KEY_STANDS_REVOKED: break;
  }
  return g_strdup(_("Its owner withdrew it: nothing is sealed to it any more."));
}

static int
draw_detail(const struct keys_view *keys, const struct area *area)
{
  const struct key_info *key = keys_row(keys, keys->list.cursor);
  if (key == NULL || area->rows < 2 * DETAIL_ROWS)
    return 0;
  g_autofree char *fingerprint = key_grouped(key->fingerprint);
  g_autofree char *made = key_day(key->since);
  g_autofree char *known = key->known != 0 ? key_day(key->known) : NULL;
  g_autofree char *advice = advice_on(keys, key);
  g_autofree char *dates =
      known != NULL ? g_strdup_printf(_("Made %s, known here since %s. %s"), made, known, advice)
                    : g_strdup_printf(_("Made %s. %s"), made, advice);
  g_auto(GStrv) lines = text_wrap(dates, MAX(area->columns - 2, 8));
  int n = MIN((int)g_strv_length(lines), DETAIL_ROWS - 2), top = area->rows - n - 2;
  struct area rule = area_part(area, top, 0, 1, -1);
  area_fill(&rule, 0, STYLE_DIM, "─");
  area_field(area, top + 1, 1, -1, STYLE_STRONG, fingerprint);
  for (int i = 0; i < n; i++)
    area_field(area, top + 2 + i, 1, -1, STYLE_NOTICE, lines[i]);
  return n + 2;
}

static void
draw_nothing(const struct keys_view *keys, const struct area *area)
{
  g_autofree char *make = keymap_key_word(keys->view.ui->keymap, groups, "make");
  g_autofree char *file = keymap_key_word(keys->view.ui->keymap, groups, "import");
  g_autofree char *text = g_strdup_printf(
      _("There is none. %s makes a pair of your own, %s takes keys from a file."), make, file);
  area_field(area, 0, 1, -1, STYLE_DIM, keys->rows == NULL ? _("reading…") : text);
}

static void
draw(struct view *view, const struct area *whole, bool focused)
{
  struct keys_view *keys = (struct keys_view *)view;
  struct area list = area_part(whole, 0, 0, whole->rows - draw_detail(keys, whole), -1);
  list_show(&keys->list, list.rows);
  for (int row = 0; row < list.rows; row++) {
    const struct key_info *key = keys_row(keys, keys->list.top + row);
    if (key != NULL)
      draw_key(&list, row, key, keys->list.top + row == keys->list.cursor);
  }
  if (keys->rows == NULL || keys->rows->len == 0)
    draw_nothing(keys, &list);
}

static char *
heading(struct view *view)
{
  const struct keys_view *keys = (const struct keys_view *)view;
  guint n = keys->rows != NULL ? keys->rows->len : 0;
  g_autofree char *query = sanitize_line(keys->query, -1);
  g_autofree char *count =
      n < LIMIT_KEYS ? g_strdup_printf(ngettext("%u key", "%u keys", n), n)
                     : g_strdup_printf(_("the first %u; :keys WORD shows those with a word"), n);
  return *query != '\0' ? g_strdup_printf(_("Keys of %s: %s"), query, count)
                        : g_strdup_printf(_("Keys: %s"), count);
}

static void
close_view(struct view *view)
{
  struct keys_view *keys = (struct keys_view *)view;
  g_clear_pointer(&keys->rows, g_ptr_array_unref);
  g_free(keys->query);
  g_free(keys);
}

const struct view_class keys_class = {
    .name = "keys",
    .groups = groups,
    .draw = draw,
    .heading = heading,
    .free = close_view,
};

struct view *
keys_view_new(struct ui *ui, const char *query)
{
  struct keys_view *keys = g_new0(struct keys_view, 1);
  keys->view = (struct view){&keys_class, ui};
  keys->query = g_strdup(query != NULL ? query : "");
  keys_load(keys);
  return &keys->view;
}
