#include "autograd/memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "autograd/error.h"

static void *fail_memory(size_t count, size_t size) {
  return ag_fail(AG_ERROR_MEMORY, "out of memory: %zu x %zu bytes", count, size);
}

void *ag_allocate(size_t count, size_t size) {
  void *block = calloc(count ? count : 1, size ? size : 1); /* calloc refuses a product that overflows */
  return block ? block : fail_memory(count, size);
}

void *ag_reallocate(void *block, size_t count, size_t size) {
  if (size && count > SIZE_MAX / size) return fail_memory(count, size);
  size_t bytes = count * size;
  void *grown = realloc(block, bytes ? bytes : 1);
  return grown ? grown : fail_memory(count, size);
}

void ag_free(void *block) { free(block); }

/* The pool: idle buffers in lists by size class. Classes grow by an eighth of a power of two, so that little is wasted
 * and the buffers of one training step fit those of the next. */
enum { ALIGNMENT = 64, STEPS = 8, CLASSES = 64 * STEPS };

typedef struct idle {
  struct idle *next;
} idle;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static idle *pool[CLASSES];
static size_t in_use, peak;

/* Address sanitizers see a buffer used after its release only when it is really freed. */
#if defined(__SANITIZE_ADDRESS__)
static const bool pooling = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
static const bool pooling = false;
#else
static const bool pooling = true;
#endif
#else
static const bool pooling = true;
#endif

/* The size class that holds `bytes` (at most 2^62), and its size, a multiple of ALIGNMENT. */
static size_t class_of(size_t bytes, size_t *class_bytes) {
  size_t units = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT : 1;
  int shift = 0; /* units is rounded up to STEPS + step, shifted: 4 significant bits */
  while ((units - 1) >> shift >= 2 * STEPS) shift++;
  size_t rounded = ((units - 1) >> shift) + 1;
  *class_bytes = (rounded << shift) * ALIGNMENT;
  return (size_t)shift * STEPS + rounded;
}

static void count_taken(size_t bytes) {
  in_use += bytes;
  if (in_use > peak) peak = in_use;
}

void *ag_pool_take(size_t bytes) {
  if (bytes > (size_t)1 << 62) return fail_memory(1, bytes);
  size_t class_bytes, class = class_of(bytes, &class_bytes);
  pthread_mutex_lock(&lock);
  idle *buffer = pool[class];
  if (buffer) pool[class] = buffer->next;
  count_taken(class_bytes);
  pthread_mutex_unlock(&lock);
  if (!buffer) buffer = aligned_alloc(ALIGNMENT, class_bytes);
  if (!buffer) { /* idle buffers of other sizes may stand in the way */
    ag_pool_trim();
    buffer = aligned_alloc(ALIGNMENT, class_bytes);
  }
  if (buffer) return buffer;
  pthread_mutex_lock(&lock);
  in_use -= class_bytes;
  pthread_mutex_unlock(&lock);
  return fail_memory(1, bytes);
}

void ag_pool_give(void *buffer, size_t bytes) {
  if (!buffer) return;
  size_t class_bytes, class = class_of(bytes, &class_bytes);
  pthread_mutex_lock(&lock);
  in_use -= class_bytes;
  if (pooling) {
    idle *given = buffer;
    given->next = pool[class];
    pool[class] = given;
  }
  pthread_mutex_unlock(&lock);
  if (!pooling) free(buffer);
}

void ag_pool_trim(void) {
  pthread_mutex_lock(&lock);
  for (size_t class = 0; class < CLASSES; class ++) {
    while (pool[class]) {
      idle *next = pool[class]->next;
      free(pool[class]);
      pool[class] = next;
    }
  }
  pthread_mutex_unlock(&lock);
}

static size_t read_locked(const size_t *number) {
  pthread_mutex_lock(&lock);
  size_t value = *number;
  pthread_mutex_unlock(&lock);
  return value;
}

size_t ag_memory_in_use(void) { return read_locked(&in_use); }

size_t ag_memory_peak(void) { return read_locked(&peak); }

void ag_memory_peak_reset(void) {
  pthread_mutex_lock(&lock);
  peak = in_use;
  pthread_mutex_unlock(&lock);
}
