/* Memory that ends where a page ends, in front of one that nobody may touch: a read or a write behind it is a SIGSEGV,
 * in assembly and without a sanitizer, too. */
#pragma once

#include <stddef.h>

/* Zeros. Where `bytes` are no multiple of the alignment, a write right behind them fails in guarded_free, which is to
 * free them. */
void *guarded_take(size_t bytes, size_t alignment);
void guarded_free(void *block);
