/* The one door through which the library asks for memory. Thread-safe. */
#pragma once

#include <stddef.h>

/* count * size bytes of zeros; NULL and an error when there are none or the product overflows. ag_free(NULL) does
 * nothing. */
void *ag_allocate(size_t count, size_t size);
/* Grows or shrinks a block of ag_allocate; what is new is not set. On failure the old block stays. */
void *ag_reallocate(void *block, size_t count, size_t size);
void ag_free(void *block);

/* Buffers: 64-byte aligned, not set, taken from a pool and given back to it, with the bytes that were asked for. */
void *ag_pool_take(size_t bytes);
void ag_pool_give(void *buffer, size_t bytes);
/* Gives the pool's idle buffers back to the system, but for a few small ones that other threads keep at hand while they
 * have a scope open. Done by itself where the pool holds 16 MB more than twice ag_memory_peak. */
void ag_pool_trim(void);

/* Bytes of the pool's buffers in use (tensors and recorded calls), by all threads, and the most there ever were since
 * the last reset. What another thread keeps at hand counts as in use, and the most may leave out what this one did:
 * 147 KB a thread at most. */
size_t ag_memory_in_use(void);
size_t ag_memory_peak(void);
void ag_memory_peak_reset(void);
