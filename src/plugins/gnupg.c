/* postino-gpgsm and postino-gpg: GnuPG's programs with what GPGME cannot tell them.
 * gpgsm asks nobody outside: a certificate names where its CRL, its OCSP and its issuer
 * lie, and who wrote the letter would learn when it is read.  gpg seals with a
 * passphrase as Autocrypt has it (level 1, 4), whatever gpg.conf says. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
  static char before[][24] = {PROGRAM};
  size_t n = sizeof before / sizeof *before, length = 0;
  char **words = calloc((size_t)argc + n, sizeof *words);
  if (words == NULL)
    return 71;
  while (length < n) {
    words[length] = before[length];
    length++;
  }
  for (int i = 1; i < argc; i++)
    words[length++] = argv[i];
  execvp(words[0], words);
  perror(words[0]);
  return 69;
}
