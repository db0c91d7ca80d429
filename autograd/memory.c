#include "autograd/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/error.h"
#include "autograd/memory_private.h"

/* The one request to the system: `block` (which stays on failure) grown, or a fresh one where there is an alignment. */
static void *request(void *block, size_t alignment, size_t count, size_t size) {
  bool fits = !size || count <= SIZE_MAX / size;
  size_t bytes = count && size ? count * size : 1;
  for (int attempt = 0; fits && attempt < 2; attempt++) {
    void *given = alignment ? aligned_alloc(alignment, bytes) : realloc(block, bytes);
    if (given) return given;
    ag_pool_trim(); /* idle buffers may stand in the way */
  }
  return ag_fail(AG_ERROR_MEMORY, "out of memory: %zu x %zu bytes", count, size);
}

void *ag_allocate(size_t count, size_t size) {
  void *block = request(NULL, 0, count, size);
  return block ? memset(block, 0, count * size) : NULL;
}

void *ag_reallocate(void *block, size_t count, size_t size) { return request(block, 0, count, size); }

void ag_free(void *block) { free(block); }

/* The pool: idle buffers in lists by size class. Classes grow by an eighth of a power of two, so that little is wasted
 * and the buffers of one training step fit those of the next. */
enum { ALIGNMENT = 64, STEPS = 8, CLASSES = 64 * STEPS };

typedef struct idle {
  struct idle *next;
} idle;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static idle *pool[CLASSES];
static atomic_size_t out, peak, held; /* bytes; out of the lists; held: out or idle */

/* A thread with an open scope has shelves of its own, one for each of the smallest classes, which need no lock and are
 * not counted: what lies there is out, too. They are filled and emptied by halves. */
enum { SHELVES = 8, SHELF = 64 };
typedef struct {
  idle *first;
  size_t count;
} shelf;
static _Thread_local struct {
  size_t open; /* how many: all or none */
  shelf shelves[SHELVES];
} own;

/* Address sanitizers see a buffer used after its release only when it is really freed. */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
static const bool pooling = false;
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

static shelf *shelf_of(size_t class) { return class <= own.open ? &own.shelves[class - 1] : NULL; }

static void push(idle **list, idle *buffer) {
  buffer->next = *list;
  *list = buffer;
}

static idle *pop(idle **list) {
  idle *first = *list;
  if (first) *list = first->next, __builtin_prefetch(first->next); /* it will soon be wanted */
  return first;
}

size_t ag_memory_in_use(void) {
  size_t idle_bytes = 0;
  for (size_t class = 1; class <= SHELVES; class ++) idle_bytes += own.shelves[class - 1].count * class * ALIGNMENT;
  return out - idle_bytes;
}

/* This moment counts, too: who calls it notes it. */
size_t ag_memory_peak(void) {
  size_t now = ag_memory_in_use(), most = peak;
  while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) continue;
  return peak;
}

void ag_memory_peak_reset(void) { peak = ag_memory_in_use(); }

/* This and give_to_pool are not inlined, so that the usual way needs no registers saved. */
__attribute__((noinline)) static void *take_from_pool(size_t class, size_t class_bytes) {
  shelf *s = shelf_of(class);
  size_t moved = 0;
  pthread_mutex_lock(&lock);
  void *buffer = pop(&pool[class]);
  for (; s && pool[class] && s->count < SHELF / 2; s->count++, moved++) push(&s->first, pop(&pool[class]));
  pthread_mutex_unlock(&lock);
  if (!buffer) {
    if (held > 2 * ag_memory_peak() + (1 << 24)) ag_pool_trim(); /* idle buffers would pile up where sizes vary */
    buffer = request(NULL, ALIGNMENT, 1, class_bytes);
    if (buffer) held += class_bytes;
  }
  out += (moved + (buffer != NULL)) * class_bytes;
  ag_memory_peak();
  return buffer;
}

void *ag_pool_take(size_t bytes) {
  if (bytes > (size_t)1 << 62) return ag_fail(AG_ERROR_MEMORY, "out of memory: %zu bytes", bytes);
  size_t class_bytes, class = class_of(bytes, &class_bytes);
  shelf *s = shelf_of(class);
  if (!s || !s->first) return take_from_pool(class, class_bytes);
  s->count--;
  return pop(&s->first);
}

/* Under the lock. */
static void clear_shelf(size_t class, size_t down_to) {
  shelf *s = &own.shelves[class - 1];
  size_t before = s->count;
  for (; s->count > down_to; s->count--) push(&pool[class], pop(&s->first));
  out -= (before - s->count) * class * ALIGNMENT;
}

__attribute__((noinline)) static void give_to_pool(idle *given, size_t class, size_t class_bytes) {
  out -= class_bytes;
  if (!pooling) {
    free(given);
    return;
  }
  pthread_mutex_lock(&lock);
  push(&pool[class], given);
  if (shelf_of(class)) clear_shelf(class, SHELF / 2);
  pthread_mutex_unlock(&lock);
}

void ag_pool_give(void *buffer, size_t bytes) {
  if (!buffer) return;
  size_t class_bytes, class = class_of(bytes, &class_bytes);
  shelf *s = shelf_of(class);
  if (!s || s->count == SHELF) give_to_pool(buffer, class, class_bytes);
  else s->count++, push(&s->first, buffer);
}

void ag_pool_shelves(bool open) {
  own.open = open && pooling ? SHELVES : 0;
  if (open) return;
  pthread_mutex_lock(&lock);
  for (size_t class = 1; class <= SHELVES; class ++) clear_shelf(class, 0);
  pthread_mutex_unlock(&lock);
}

void ag_pool_trim(void) {
  size_t open = own.open;
  ag_pool_shelves(false);
  own.open = open;
  pthread_mutex_lock(&lock);
  for (size_t class = 0; class < CLASSES; class ++) {
    while (pool[class]) free(pop(&pool[class]));
  }
  held = (size_t)out;
  pthread_mutex_unlock(&lock);
}
