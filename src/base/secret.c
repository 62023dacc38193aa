#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct secret {
  gint refs;
  size_t length;
  size_t mapped;
  char text[];
};

struct secret *
secret_new(const char *data, size_t length)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t mapped = (sizeof(struct secret) + length + page) / page * page;
  struct secret *secret =
      mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (secret == MAP_FAILED)
    g_error("out of memory for a secret");
  /* Best effort: without the right to lock, the secret still works. */
  (void)mlock(secret, mapped);
  (void)madvise(secret, mapped, MADV_DONTDUMP);
  (void)madvise(secret, mapped, MADV_WIPEONFORK);
  secret->refs = 1;
  secret->length = length;
  secret->mapped = mapped;
  if (length > 0)
    memcpy(secret->text, data, length);
  return secret;
}

struct secret *
secret_ref(struct secret *secret)
{
  if (secret != NULL)
    g_atomic_int_inc(&secret->refs);
  return secret;
}

void
secret_unref(struct secret *secret)
{
  if (secret == NULL || !g_atomic_int_dec_and_test(&secret->refs))
    return;
  size_t mapped = secret->mapped;
  secret_wipe(secret, mapped);
  munmap(secret, mapped);
}

const char *
secret_text(const struct secret *secret)
{
  return secret->text;
}

size_t
secret_length(const struct secret *secret)
{
  return secret->length;
}

void
secret_wipe(void *data, size_t length)
{
  explicit_bzero(data, length);
}
