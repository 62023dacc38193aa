#include "ui/term/keys.h"

#include <string.h>

static const struct { const char *name; term_key key; } named[] = {
    {"Up", TERM_KEY_UP},
    {"Down", TERM_KEY_DOWN},
    {"Left", TERM_KEY_LEFT},
    {"Right", TERM_KEY_RIGHT},
    {"Home", TERM_KEY_HOME},
    {"End", TERM_KEY_END},
    {"PageUp", TERM_KEY_PAGE_UP},
    {"PageDown", TERM_KEY_PAGE_DOWN},
    {"Insert", TERM_KEY_INSERT},
    {"Delete", TERM_KEY_DELETE},
    {"BackTab", TERM_KEY_BACK_TAB},
    {"Tab", TERM_KEY_TAB},
    {"Enter", TERM_KEY_ENTER},
    {"Esc", TERM_KEY_ESC},
    {"Space", ' '},
    {"Backspace", TERM_KEY_BACKSPACE},
    {"F1", TERM_KEY_F1},
    {"F2", TERM_KEY_F1 + 1},
    {"F3", TERM_KEY_F1 + 2},
    {"F4", TERM_KEY_F1 + 3},
    {"F5", TERM_KEY_F1 + 4},
    {"F6", TERM_KEY_F1 + 5},
    {"F7", TERM_KEY_F1 + 6},
    {"F8", TERM_KEY_F1 + 7},
    {"F9", TERM_KEY_F1 + 8},
    {"F10", TERM_KEY_F1 + 9},
    {"F11", TERM_KEY_F1 + 10},
    {"F12", TERM_KEY_F1 + 11},
};

static bool
add(struct key_sequence *keys, term_key key)
{
  if (keys->n >= TERM_KEYS_MAX)
    return false;
  keys->keys[keys->n++] = key;
  return true;
}

static bool
is_control_partner(char c)
{
  return g_ascii_isalpha(c) || strchr("@[\\]^_", c) != NULL;
}

/* One key by its name: "PageUp", "C-x", "M-x", or one character. */
static bool
add_named(struct key_sequence *keys, const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(named); i++)
    if (g_ascii_strcasecmp(named[i].name, name) == 0)
      return add(keys, named[i].key);
  if (g_str_has_prefix(name, "C-") && name[2] != '\0' && name[3] == '\0' &&
      is_control_partner(name[2]))
    return add(keys, TERM_CONTROL(g_ascii_toupper(name[2])));
  if (g_str_has_prefix(name, "M-") && name[2] != '\0')
    return add(keys, TERM_KEY_ESC) && add_named(keys, name + 2);
  if (*name != '\0' && *g_utf8_next_char(name) == '\0' && g_unichar_isgraph(g_utf8_get_char(name)))
    return add(keys, g_utf8_get_char(name));
  return false;
}

bool
key_parse(const char *word, struct key_sequence *keys_out)
{
  struct key_sequence keys = {.n = 0};
  if (!g_utf8_validate(word, -1, NULL) || *word == '\0')
    return false;
  if (add_named(&keys, word)) {
    *keys_out = keys;
    return true;
  }
  keys.n = 0;
  for (const char *at = word; *at != '\0';) {
    const char *close = *at == '<' ? strchr(at, '>') : NULL;
    const char *next = g_utf8_next_char(at);
    g_autofree char *name = close != NULL && close > at + 1
                                ? g_strndup(at + 1, (gsize)(close - at - 1))
                                : g_strndup(at, (gsize)(next - at));
    if (!add_named(&keys, name))
      return false;
    at = close != NULL && close > at + 1 ? close + 1 : next;
  }
  *keys_out = keys;
  return true;
}

static void
append_key(GString *out, term_key key, bool alone)
{
  const char *name = NULL;
  char control[] = "C-x";
  for (size_t i = 0; i < G_N_ELEMENTS(named) && name == NULL; i++)
    if (named[i].key == key)
      name = named[i].name;
  if (name == NULL && key < 32) {
    control[2] = (char)g_ascii_tolower((char)(key + 64));
    name = control;
  }
  if (name == NULL)
    g_string_append_unichar(out, key);
  else
    g_string_append_printf(out, alone ? "%s" : "<%s>", name);
}

char *
key_format(const struct key_sequence *keys)
{
  GString *out = g_string_new(NULL);
  int first = 0;
  if (keys->n == 2 && keys->keys[0] == TERM_KEY_ESC) {
    g_string_append(out, "M-");
    first = 1;
  }
  for (int i = first; i < keys->n; i++)
    append_key(out, keys->keys[i], keys->n - first == 1);
  return g_string_free(out, FALSE);
}

const char *const *
key_names(void)
{
  static const char *names[G_N_ELEMENTS(named) + 1];
  for (size_t i = 0; i < G_N_ELEMENTS(named); i++)
    names[i] = named[i].name;
  return names;
}
