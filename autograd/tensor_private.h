/* The inside of a tensor, for autograd/ alone. */
#pragma once

#include <stdatomic.h>

#include "autograd/scope.h"
#include "autograd/tensor.h"

typedef struct ag_buffer ag_buffer;

struct ag_tensor {
  atomic_uint owners;
  bool is_variable, trainable;
  uint64_t id; /* what tapes know it by; a variable's snapshots carry the variable's */
  ag_shape shape;
  size_t size;
  ag_buffer *buffer;   /* NULL where a tape kept only the shape */
  ag_tensor *snapshot; /* of which variable this is the value at one time; retained; else NULL */
  uint64_t read_at;    /* when the snapshot was taken, on the clock of ag_tensor_clock */
};

/* Values, shared by a tensor, its aliases and snapshots. In front of them stands the tensor that they were made for, so
 * that both are one block; a tensor that may move on to other values (a variable) has a block of its own. */
struct ag_buffer {
  atomic_uint owners;
  ag_tensor first;
};
enum { AG_VALUES_AT = 128 };
_Static_assert(sizeof(ag_buffer) <= AG_VALUES_AT, "the values would overlap the head");
static inline ag_real *ag_values(ag_buffer *buffer) { return (ag_real *)((char *)buffer + AG_VALUES_AT); }

/* Whether two tensors have the same shape. */
static inline bool ag_same_shape(const ag_tensor *a, const ag_tensor *b) {
  bool same = a->shape.rank == b->shape.rank;
  for (int i = 0; same && i < a->shape.rank; i++) same = a->shape.sizes[i] == b->shape.sizes[i];
  return same;
}
/* Whether nobody else has the tensor or its values. */
static inline bool ag_is_sole(const ag_tensor *tensor) {
  return atomic_load_explicit(&tensor->owners, memory_order_acquire) == 1 && tensor->buffer &&
         atomic_load_explicit(&tensor->buffer->owners, memory_order_acquire) == 1;
}
/* Whole numbers up to this one are exact in a tensor. */
static const int64_t AG_LAST_WHOLE = (int64_t)1 << (sizeof(ag_real) == sizeof(float) ? 24 : 53);

/* ag_data, with an error that names the caller. */
const ag_real *ag_read(const ag_tensor *tensor, const char *who);
/* ag_make for the shape of another tensor. */
ag_tensor *ag_make_like(const ag_tensor *other, ag_real **values);
/* Adds term to the part of a sole sum that starts there on the axis and has term's shape, behind the back of tapes and
 * observers. Returns sum. In ops/elementwise.c. */
ag_tensor *ag_add_in_place(ag_tensor *sum, const ag_tensor *term, int axis, int64_t start);
/* `shape` with the axes first ... last - 1 replaced by the sizes of another. */
ag_shape ag_shape_replace(ag_shape shape, int first, int last, ag_shape by);
/* A new tensor, of its own identity, that shares the buffer under another shape of the same size. */
ag_tensor *ag_tensor_alias(const ag_tensor *tensor, ag_shape shape);
/* What a tape keeps of a value that it read, owned by the caller: the tensor itself, or a variable's value of now; or,
 * where only_shape, an empty shell of the same identity. NULL and an error without memory. */
ag_tensor *ag_tensor_keep(ag_tensor *tensor, bool only_shape);
/* Counts up on each thread: tells what came first. */
uint64_t ag_tensor_clock(void);
/* The variable behind a tensor that is one, or a snapshot of one; else NULL. */
ag_tensor *ag_tensor_variable(ag_tensor *tensor);

/* Puts an object into the current scope, to be released when that is left. On failure (no scope, no memory) it is
 * released at once, and NULL is returned. `who` is for the sentence. */
void *ag_scope_own(void *object, void (*release)(void *object), const char *who);
/* The same for a tensor: one more reference to it is handed over to the scope. NULL is passed over. */
ag_tensor *ag_scope_own_tensor(ag_tensor *tensor, const char *who);

/* A scope within one function: all that came into the current scope since the mark goes, but one tensor (may be NULL).
 */
size_t ag_scope_mark(void);
void ag_scope_release_to(size_t mark, ag_tensor *but);
