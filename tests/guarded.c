#include "tests/guarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What lies in front of a block. */
typedef struct {
  char *base, *end; /* of what may be touched */
  size_t page, slack; /* slack: bytes that rounding added at the end */
} guarded_pages;

enum { SLACK = 0xA5 }; /* what they hold */

void *guarded_take(size_t bytes, size_t alignment) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), rounded = (bytes + alignment - 1) / alignment * alignment;
  size_t length = (sizeof(guarded_pages) + rounded + page - 1) / page * page;
  guarded_pages pages = {.base = aligned_alloc(page, length + page), .page = page, .slack = rounded - bytes};
  assert_non_null(pages.base);
  pages.end = pages.base + length;
  assert_int_equal(mprotect(pages.end, page, PROT_NONE), 0);
  char *block = memset(pages.end - rounded, 0, rounded);
  memset(block + bytes, SLACK, pages.slack);
  memcpy(block - sizeof pages, &pages, sizeof pages);
  return block;
}

void guarded_free(void *block) {
  guarded_pages pages;
  memcpy(&pages, (char *)block - sizeof pages, sizeof pages);
  for (size_t i = 1; i <= pages.slack; i++) assert_int_equal((unsigned char)pages.end[-(ptrdiff_t)i], SLACK);
  assert_int_equal(mprotect(pages.end, pages.page, PROT_READ | PROT_WRITE), 0);
  free(pages.base);
}
