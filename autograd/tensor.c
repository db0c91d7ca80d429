#include "autograd/tensor.h"

#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/tensor_private.h"
#include "autograd/typed.h"

const char AG_REAL_LINK_CHECK = 1;

/* Whether the sizes are at least `least` and the bytes of doubles fit a signed 64-bit number; an error when not. */
static bool sizes_fit(int rank, const int64_t *sizes, int64_t least) {
  if (rank < 0 || rank > AG_MAX_RANK)
    return ag_fail(AG_ERROR_SHAPE, "shape: %d axes, but at least 0 and at most %d are allowed", rank, AG_MAX_RANK);
  int64_t room = INT64_MAX / 16; /* whatever the order of the sizes: zeros count as ones */
  for (int i = 0; i < rank; i++) {
    room /= sizes[i] > 0 ? sizes[i] : 1;
    if (sizes[i] >= least && room > 0) continue;
    return ag_fail(AG_ERROR_SHAPE, "shape: size %lld of axis %d is %s", (long long)sizes[i], i,
                   room == 0 ? "too large" : "negative");
  }
  return true;
}

ag_shape ag_shape_make(int rank, const int64_t *sizes) {
  ag_shape shape = {.rank = -1};
  if (rank > 0 && !sizes) return ag_fail_null("shape", "sizes"), shape;
  if (!sizes_fit(rank, sizes, -1)) return shape;
  for (int i = 0; i < rank; i++) shape.sizes[i] = sizes[i];
  shape.rank = rank;
  return shape;
}

bool ag_shape_equal(ag_shape a, ag_shape b) {
  if (a.rank != b.rank || a.rank > AG_MAX_RANK) return false;
  for (int i = 0; i < a.rank; i++)
    if (a.sizes[i] != b.sizes[i]) return false;
  return true;
}

ag_shape ag_shape_replace(ag_shape shape, int first, int last, ag_shape by) {
  int64_t sizes[2 * AG_MAX_RANK];
  int rank = 0;
  for (int i = 0; i < first; i++) sizes[rank++] = shape.sizes[i];
  for (int i = 0; i < by.rank; i++) sizes[rank++] = by.sizes[i];
  for (int i = last; i < shape.rank; i++) sizes[rank++] = shape.sizes[i];
  return ag_shape_make(rank, sizes);
}

_Static_assert(sizeof(size_t) >= sizeof(int64_t), "a checked shape's size fits a size_t");
size_t ag_shape_size(ag_shape shape) {
  size_t size = 1;
  for (int i = 0; i < shape.rank && i < AG_MAX_RANK; i++) size *= (size_t)shape.sizes[i];
  return size;
}

ag_shape_text ag_shape_print(ag_shape shape) {
  ag_shape_text out;
  bool valid = shape.rank >= 0 && shape.rank <= AG_MAX_RANK;
  int at = snprintf(out.text, sizeof out.text, valid ? "[" : "[invalid");
  for (int i = 0; valid && i < shape.rank; i++) {
    at += snprintf(out.text + at, sizeof out.text - (size_t)at, i ? ", %lld" : "%lld", (long long)shape.sizes[i]);
  }
  snprintf(out.text + at, sizeof out.text - (size_t)at, "]");
  return out;
}

/* Also the source of identities: handed to threads in blocks, so that making a tensor touches no shared counter. */
uint64_t ag_tensor_clock(void) {
  enum { BLOCK = 1 << 16 };
  static atomic_uint_fast64_t blocks = 1;
  static _Thread_local uint64_t next, end;
  if (next == end) {
    next = atomic_fetch_add_explicit(&blocks, 1, memory_order_relaxed) * BLOCK;
    end = next + BLOCK;
  }
  return next++;
}

static size_t buffer_bytes(size_t size) { return AG_VALUES_AT + size * sizeof(ag_real); }

static ag_buffer *buffer_make(size_t size) {
  ag_buffer *buffer = ag_pool_take(buffer_bytes(size));
  if (buffer) atomic_init(&buffer->owners, 1);
  return buffer;
}

static ag_buffer *buffer_retain(ag_buffer *buffer) {
  atomic_fetch_add_explicit(&buffer->owners, 1, memory_order_relaxed);
  return buffer;
}

/* Whether the owner that goes is the last. Where it is the only one there is nobody to count against. */
static bool last_goes(atomic_uint *owners) {
  return atomic_load_explicit(owners, memory_order_acquire) == 1 ||
         atomic_fetch_sub_explicit(owners, 1, memory_order_acq_rel) == 1;
}

static void buffer_release(ag_buffer *buffer, size_t size) {
  if (buffer && last_goes(&buffer->owners)) ag_pool_give(buffer, buffer_bytes(size));
}

/* A new tensor over a buffer, which it takes over. */
static void fill_in(ag_tensor *tensor, const ag_shape *shape, size_t size, uint64_t id, ag_buffer *buffer) {
  atomic_init(&tensor->owners, 1);
  tensor->is_variable = tensor->trainable = false;
  tensor->id = id;
  tensor->shape = *shape;
  tensor->size = size;
  tensor->buffer = buffer;
  tensor->snapshot = NULL;
  tensor->read_at = 0;
}

/* One in a block of its own, not yet in any scope. */
static ag_tensor *tensor_new(const ag_shape *shape, size_t size, uint64_t id, ag_buffer *buffer) {
  ag_tensor *tensor = ag_pool_take(sizeof *tensor);
  if (tensor) fill_in(tensor, shape, size, id, buffer);
  else buffer_release(buffer, size);
  return tensor;
}

ag_tensor *ag_retain(ag_tensor *tensor) {
  if (tensor) atomic_fetch_add_explicit(&tensor->owners, 1, memory_order_relaxed);
  return tensor;
}

void ag_release(ag_tensor *tensor) {
  if (!tensor || !last_goes(&tensor->owners)) return;
  ag_buffer *buffer = tensor->buffer;
  size_t size = tensor->size;
  if (!buffer || tensor != &buffer->first) {
    ag_release(tensor->snapshot); /* a variable, which is no snapshot itself: one step deep */
    ag_pool_give(tensor, sizeof *tensor);
  }
  buffer_release(buffer, size);
}

static ag_tensor *owned(ag_tensor *tensor) { return ag_scope_own_tensor(tensor, "making a tensor"); }

/* Of a valid shape. */
static ag_tensor *make(const ag_shape *shape, size_t size, ag_real **values) {
  ag_buffer *buffer = buffer_make(size);
  if (!buffer) return NULL;
  *values = ag_values(buffer);
  fill_in(&buffer->first, shape, size, ag_tensor_clock(), buffer);
  return owned(&buffer->first);
}

ag_tensor *ag_make_like(const ag_tensor *other, ag_real **values) { return make(&other->shape, other->size, values); }

ag_tensor *ag_make(ag_shape shape, ag_real **values) {
  if (!values) return ag_fail_null("make", "values");
  /* checked again, for a shape need not come from ag_shape_make */
  return sizes_fit(shape.rank, shape.sizes, 0) ? make(&shape, ag_shape_size(shape), values) : NULL;
}

ag_tensor *ag_tensor_alias(const ag_tensor *tensor, ag_shape shape) {
  if (!ag_data(tensor)) return NULL;
  return owned(tensor_new(&shape, tensor->size, ag_tensor_clock(), buffer_retain(tensor->buffer)));
}

ag_tensor *ag_tensor_keep(ag_tensor *tensor, bool only_shape) {
  if (!only_shape && !tensor->is_variable) return ag_retain(tensor);
  ag_buffer *buffer = only_shape ? NULL : buffer_retain(tensor->buffer);
  ag_tensor *kept = tensor_new(&tensor->shape, tensor->size, tensor->id, buffer);
  if (!kept) return NULL;
  kept->snapshot = ag_retain(ag_tensor_variable(tensor));
  kept->read_at = tensor->is_variable ? ag_tensor_clock() : tensor->read_at;
  return kept;
}

ag_tensor *ag_tensor_variable(ag_tensor *tensor) { return tensor->is_variable ? tensor : tensor->snapshot; }

ag_list ag_list_make(size_t count, ag_tensor *const *items) {
  if (count && !items) return ag_fail_null("list_make", "items"), (ag_list){0};
  ag_tensor **copy = ag_allocate(count, sizeof *copy);
  if (!copy) return (ag_list){0};
  for (size_t i = 0; i < count; i++) copy[i] = items[i];
  copy = ag_scope_own(copy, ag_free, "making a list");
  return copy ? (ag_list){count, copy} : (ag_list){0};
}

ag_tensor *ag_full(ag_shape shape, double value) {
  ag_real *values;
  ag_tensor *tensor = ag_make(shape, &values);
  if (tensor) ag_kernels()->fill(tensor->size, value, values);
  return tensor;
}

ag_tensor *ag_scalar(double value) { return ag_full(AG_SCALAR_SHAPE, value); }
ag_tensor *ag_zeros(ag_shape shape) { return ag_full(shape, 0); }
ag_tensor *ag_ones(ag_shape shape) { return ag_full(shape, 1); }

ag_tensor *ag_arange(int64_t count) {
  if (count > AG_LAST_WHOLE)
    return ag_fail(AG_ERROR_SHAPE, "arange: %lld numbers, of which the last are not exact here", (long long)count);
  ag_real *values;
  ag_tensor *tensor = ag_make(AG_SHAPE(count), &values);
  for (size_t i = 0; tensor && i < tensor->size; i++) values[i] = (ag_real)i;
  return tensor;
}

ag_tensor *ag_from(ag_shape shape, const ag_real *source) {
  if (!source) return ag_fail_null("from", "values");
  ag_real *values;
  ag_tensor *tensor = ag_make(shape, &values);
  if (tensor) memcpy(values, source, tensor->size * sizeof *values);
  return tensor;
}

ag_shape ag_shape_of(const ag_tensor *tensor) {
  if (tensor) return tensor->shape;
  ag_fail_null("shape_of", "tensor");
  return (ag_shape){.rank = -1};
}

size_t ag_size(const ag_tensor *tensor) {
  if (!tensor) ag_fail_null("size", "tensor");
  return tensor ? tensor->size : 0;
}

const ag_real *ag_read(const ag_tensor *tensor, const char *who) {
  if (!tensor) return ag_fail_null(who, "tensor");
  if (!tensor->buffer)
    return ag_fail(AG_ERROR_TAPE, "%s: the op that was recorded drops this value, but its vjp reads it", who);
  return ag_values(tensor->buffer);
}
const ag_real *ag_data(const ag_tensor *tensor) { return ag_read(tensor, "data"); }

double ag_item(const ag_tensor *tensor) {
  const ag_real *values = ag_read(tensor, "item");
  if (values && tensor->size == 1) return (double)values[0];
  if (values)
    ag_fail(AG_ERROR_SHAPE, "item: a tensor of shape %s has %zu elements, not one", ag_shape_print(tensor->shape).text,
            tensor->size);
  return NAN;
}

ag_tensor *ag_variable(const ag_tensor *initial) {
  const ag_real *values = ag_read(initial, "variable");
  ag_buffer *buffer = values ? buffer_make(initial->size) : NULL;
  if (!buffer) return NULL;
  memcpy(ag_values(buffer), values, initial->size * sizeof *values);
  ag_tensor *variable = owned(tensor_new(&initial->shape, initial->size, ag_tensor_clock(), buffer));
  if (variable) variable->is_variable = variable->trainable = true;
  return variable;
}

bool ag_is_variable(const ag_tensor *tensor) { return tensor && tensor->is_variable; }

bool ag_is_trainable(const ag_tensor *variable) { return variable && variable->trainable; }

/* Whether it is a variable; `who` names the caller in the sentence. */
static bool expect_variable(const ag_tensor *variable, const char *who) {
  if (!variable) return ag_fail_null(who, "variable");
  return variable->is_variable || ag_fail(AG_ERROR_ARGUMENT, "%s: the tensor is no variable", who);
}

void ag_set_trainable(ag_tensor *variable, bool trainable) {
  if (expect_variable(variable, "set_trainable")) variable->trainable = trainable;
}

/* Gives the variable a buffer that nobody else holds; its values are not set where that is a fresh one. */
static bool own_buffer(ag_tensor *variable, ag_buffer **before) {
  *before = NULL;
  if (atomic_load_explicit(&variable->buffer->owners, memory_order_acquire) == 1) return true;
  ag_buffer *fresh = buffer_make(variable->size);
  if (!fresh) return false;
  *before = variable->buffer;
  variable->buffer = fresh;
  return true;
}

bool ag_assign(ag_tensor *variable, const ag_tensor *value) {
  if (!expect_variable(variable, "assign")) return false;
  const ag_real *values = ag_read(value, "assign");
  if (!values) return false;
  if (!ag_shape_equal(variable->shape, value->shape))
    return ag_fail(AG_ERROR_SHAPE, "assign: the variable has shape %s, the value %s",
                   ag_shape_print(variable->shape).text, ag_shape_print(value->shape).text);
  ag_buffer *before;
  if (!own_buffer(variable, &before)) return false;
  /* the value may be the variable itself */
  memmove(ag_values(variable->buffer), values, variable->size * sizeof *values);
  buffer_release(before, variable->size);
  return true;
}

ag_real *ag_variable_data(ag_tensor *variable) {
  ag_buffer *before;
  if (!expect_variable(variable, "variable_data") || !own_buffer(variable, &before)) return NULL;
  if (before) memcpy(ag_values(variable->buffer), ag_values(before), variable->size * sizeof(ag_real));
  buffer_release(before, variable->size);
  return ag_values(variable->buffer);
}

ag_tensor *ag_detach(const ag_tensor *tensor) {
  return tensor ? ag_tensor_alias(tensor, tensor->shape) : ag_fail_null("detach", "tensor");
}
