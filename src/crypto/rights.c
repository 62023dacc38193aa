#include "crypto/rights.h"

#include <linux/landlock.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"

/* A manifest is a few lines. */
#define LARGEST_MANIFEST LIMIT_KIB(16)

static const char *
path_of(const char *right)
{
  if (g_str_has_prefix(right, "read:"))
    return right + strlen("read:");
  return g_str_has_prefix(right, "write:") ? right + strlen("write:") : NULL;
}

/* With the home in place of ~/; NULL when it is no right. */
static char *
right_read(const char *text)
{
  static const char *const words[] = {"network", "gnupg", "everything", NULL};
  const char *path = path_of(text);
  if (path == NULL)
    return g_strv_contains(words, text) ? g_strdup(text) : NULL;
  g_autofree char *kind = g_strndup(text, (gsize)(path - text));
  g_autofree char *whole = strcmp(path, "~") == 0 || g_str_has_prefix(path, "~/")
                               ? g_build_filename(g_get_home_dir(), path + 1, NULL)
                               : g_strdup(path);
  if (!g_path_is_absolute(whole))
    return NULL;
  g_autofree char *canonical = g_canonicalize_filename(whole, NULL);
  return g_strconcat(kind, canonical, NULL);
}

static char **
rights_read(const char *name, char *const *texts, GError **error)
{
  g_autoptr(GPtrArray) rights = g_ptr_array_new_with_free_func(g_free);
  for (; *texts != NULL; texts++) {
    char *right = right_read(*texts);
    if (right == NULL) {
      g_autofree char *clean = sanitize_line(*texts, -1);
      error_set(error, POSTINO_ERROR_CONFIG,
                _("plugin %s: \"%s\" is no right; there are network, gnupg, read:/PATH, write:/PATH "
                  "and everything"),
                name, clean);
      return NULL;
    }
    g_ptr_array_add(rights, right);
  }
  g_ptr_array_add(rights, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&rights), FALSE);
}

char **
rights_parse(const char *name, const char *text, size_t length, GError **error)
{
  if (length > LARGEST_MANIFEST || strlen(text) != length) {
    error_set(error, POSTINO_ERROR_CONFIG, _("plugin %s: its manifest is no text"), name);
    return NULL;
  }
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autoptr(GPtrArray) texts = g_ptr_array_new();
  for (char **line = lines; *line != NULL; line++)
    if (*g_strstrip(*line) != '\0' && **line != '#')
      g_ptr_array_add(texts, *line);
  g_ptr_array_add(texts, NULL);
  return rights_read(name, (char *const *)texts->pdata, error);
}

char **
rights_asked(const char *name, const char *path, GError **error)
{
  g_autofree char *manifest = g_strconcat(path, ".rights", NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  return g_file_get_contents(manifest, &text, &length, NULL)
             ? rights_parse(name, text, length, error) : NULL;
}

/* Is `path` this one, or below it? */
static bool
is_below(const char *path, const char *top)
{
  size_t length = strlen(top);
  while (length > 0 && top[length - 1] == '/')
    length--;
  return strncmp(path, top, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool
is_granted(const char *right, char *const *granted)
{
  const char *wanted = path_of(right);
  for (; granted != NULL && *granted != NULL; granted++) {
    const char *path = path_of(*granted);
    if (strcmp(*granted, "everything") == 0 || strcmp(*granted, right) == 0)
      return true;
    if (wanted != NULL && path != NULL && is_below(wanted, path) &&
        (*right == 'r' || **granted == 'w'))
      return true;
  }
  return false;
}

/* Nobody knows what it needs: it may read and use GnuPG, and neither connect nor write
 * anywhere else. */
static char **
rights_of_unknown(void)
{
  return g_strsplit("read:/ gnupg", " ", -1);
}

static bool
kernel_limits_files(void)
{
  return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

/* What the user counts on must hold. */
static char **
enforceable(const char *name, char **rights, GError **error)
{
  if (kernel_limits_files() || g_strv_contains((const char *const *)rights, "everything"))
    return rights;
  g_strfreev(rights);
  error_set(error, POSTINO_ERROR_TRUST,
            _("this kernel cannot keep plugin %s from files (it has no landlock); to use it here "
              "say rights = {\"everything\"} in its block, and nothing in its manifest but that"),
            name);
  return NULL;
}

char *
rights_digest(const char *path, char *const *asked)
{
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_checksum_update(sum, (const guchar *)path, (gssize)strlen(path) + 1);
  for (; *asked != NULL; asked++)
    g_checksum_update(sum, (const guchar *)*asked, (gssize)strlen(*asked) + 1);
  return g_strdup(g_checksum_get_string(sum));
}

static bool
may_have(const char *name, const char *path, char **asked, const struct crypto_grants *may)
{
  g_autofree char *digest = rights_digest(path, asked);
  g_autofree char *words = rights_words(asked);
  return may != NULL && may->may != NULL && may->may(name, words, digest, !may->silent, may->data);
}

/* What the rc file does not mention a person decides. */
static char **
rights_by_word(const char *name, const char *path, char **asked, const struct crypto_grants *may,
               GError **error)
{
  if (*asked == NULL || may_have(name, path, asked, may))
    return enforceable(name, asked, error);
  g_autofree char *words = rights_words(asked);
  g_strfreev(asked);
  error_set(error, POSTINO_ERROR_TRUST,
            _("plugin %s asks for the rights \"%s\", which nobody has granted; if it may have them, "
              "say postino plugin grant %s"),
            name, words, name);
  return NULL;
}

char **
rights_of_bundled(const char *name, const char *path, GError **error)
{
  g_autoptr(GError) why = NULL;
  char **asked = rights_asked(name, path, &why);
  if (asked == NULL && why == NULL)
    error_set(error, POSTINO_ERROR_CONFIG, _("plugin %s lacks its manifest; install postino again"),
              name);
  else if (why != NULL)
    g_propagate_error(error, g_steal_pointer(&why));
  return asked;
}

char **
rights_of(const char *name, const char *path, char *const *granted,
          const struct crypto_grants *may, GError **error)
{
  g_autoptr(GError) why = NULL;
  g_auto(GStrv) given = granted != NULL ? rights_read(name, granted, error) : NULL;
  if (granted != NULL && given == NULL)
    return NULL;
  g_auto(GStrv) asked = rights_asked(name, path, &why);
  if (why != NULL) {
    g_propagate_error(error, g_steal_pointer(&why));
    return NULL;
  }
  if (asked == NULL)
    return given != NULL ? enforceable(name, g_steal_pointer(&given), error) : rights_of_unknown();
  if (given == NULL)
    return rights_by_word(name, path, g_steal_pointer(&asked), may, error);
  for (char **right = asked; *right != NULL; right++)
    if (!is_granted(*right, given)) {
      g_autofree char *clean = sanitize_line(*right, -1);
      error_set(error, POSTINO_ERROR_TRUST,
                _("plugin %s asks for the right %s, which the rc file does not grant; if it may "
                  "have it, add it to rights in its block"),
                name, clean);
      return NULL;
    }
  return enforceable(name, g_steal_pointer(&asked), error);
}

char *
rights_words(char *const *rights)
{
  g_autofree char *joined = g_strjoinv(" ", (char **)rights);
  if (g_strv_contains((const char *const *)rights, "everything") || kernel_limits_files())
    return sanitize_line(*joined != '\0' ? joined : "-", -1);
  g_autofree char *text =
      g_strdup_printf(_("%s (this kernel has no landlock: files are not limited)"), joined);
  return sanitize_line(text, -1);
}
