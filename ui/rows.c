/* Prints the rows of which the manual pages are made: commands, options, keys. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "conf/conf.h"
#include "ui/cli/cli.h"

/* mdoc text: a backslash and a leading dot or quote mean something to troff. */
static void
put(const char *text)
{
  if (*text == '.' || *text == '\'')
    fputs("\\&", stdout);
  for (; *text != '\0'; text++)
    if (*text == '\\')
      fputs("\\e", stdout);
    else if (*text == '-')
      fputs("\\-", stdout);
    else
      putchar(*text);
}

static void
put_sentence(const char *help)
{
  g_autofree char *sentence = g_strdup(help);
  *sentence = g_ascii_toupper(*sentence);
  put(sentence);
  puts(".");
}

static void
print_commands(void)
{
  size_t count;
  const struct cli_command *commands = cli_commands(&count);
  for (size_t i = 0; i < count; i++) {
    printf(".It Cm %s ", commands[i].name);
    put(commands[i].synopsis);
    putchar('\n');
    put_sentence(commands[i].help);
  }
}

static void
print_options(void)
{
  size_t count;
  const char *block = NULL;
  const struct conf_option *options = conf_options(&count);
  for (size_t i = 0; i < count; i++) {
    if (block == NULL || strcmp(block, options[i].block) != 0) {
      if (block != NULL)
        puts(".El");
      block = options[i].block;
      if (*block == '\0')
        puts(".Ss In the file itself");
      else
        printf(".Ss In a block %s { }\n", block);
      puts(".Bl -tag -width Ds");
    }
    printf(".It Ic %s No = ", options[i].name);
    put(options[i].type);
    putchar('\n');
    put_sentence(options[i].help);
    if (options[i].fallback != NULL && *options[i].fallback != '\0') {
      fputs("Default: ", stdout);
      put(options[i].fallback);
      puts(".");
    }
  }
  puts(".El");
}

/* Words of a synopsis that can be completed: options and subcommands. */
static void
print_completion(void)
{
  size_t count;
  const struct cli_command *commands = cli_commands(&count);
  puts("# bash completion of postino, made from its rows\n"
       "_postino()\n{\n"
       "  local current=${COMP_WORDS[COMP_CWORD]} command='' words='' i\n"
       "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
       "    case ${COMP_WORDS[i]} in -c|--config) i=$((i + 1)) ;; -*) ;; *) command=${COMP_WORDS[i]}; break ;; esac\n"
       "  done\n"
       "  case $command in");
  fputs("    '') words='--config --verbose --quiet --help --version", stdout);
  for (size_t i = 0; i < count; i++)
    printf(" %s", commands[i].name);
  puts("' ;;");
  for (size_t i = 0; i < count; i++) {
    printf("    %s) words='--help", commands[i].name);
    g_auto(GStrv) words = g_strsplit_set(commands[i].synopsis, " []|", -1);
    for (char **word = words; *word != NULL; word++)
      if (g_str_has_prefix(*word, "--") ? (*word)[2] != '\0' : g_ascii_islower(**word))
        printf(" %s", *word);
    puts("' ;;");
  }
  puts("  esac\n"
       "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
       "  [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
       "}\n"
       "complete -o filenames -F _postino postino");
}

int
main(int argc, char **argv)
{
  if (argc == 2 && text_ascii_equal(argv[1], "commands"))
    print_commands();
  else if (argc == 2 && text_ascii_equal(argv[1], "options"))
    print_options();
  else if (argc == 2 && text_ascii_equal(argv[1], "completion"))
    print_completion();
  else {
    fputs("usage: postino-rows commands|options|completion\n", stderr);
    return 64;
  }
  return 0;
}
