/* Memory that ends where a page ends, in front of one that nobody may touch: a read or a write behind it is a SIGSEGV,
 * in assembly and without a sanitizer, too. */
#pragma once

#include <stddef.h>

/* Zeros; `bytes` are rounded up to a multiple of the alignment. Free them with guarded_free. */
void *guarded_take(size_t bytes, size_t alignment);
void guarded_free(void *block);
