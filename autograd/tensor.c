#include "autograd/tensor.h"

#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/tensor_private.h"
#include "autograd/typed.h"

const char AG_REAL_LINK_CHECK = 1;

ag_shape ag_shape_make(int rank, const int64_t *sizes) {
  ag_shape shape = {.rank = -1};
  if (rank < 0 || rank > AG_MAX_RANK) {
    ag_fail(AG_ERROR_SHAPE, "shape: %d axes, but at least 0 and at most %d are allowed", rank, AG_MAX_RANK);
    return shape;
  }
  if (rank && !sizes) return ag_fail_null("shape", "sizes"), shape;
  /* So that the bytes of doubles fit a signed 64-bit number whatever the order of the sizes, zeros count as ones. */
  int64_t room = INT64_MAX / 16;
  for (int i = 0; i < rank; i++) {
    room /= sizes[i] > 0 ? sizes[i] : 1;
    if (sizes[i] < -1 || room == 0) {
      ag_fail(AG_ERROR_SHAPE, "shape: size %lld of axis %d is %s", (long long)sizes[i], i,
              room == 0 ? "too large" : "negative");
      return shape;
    }
    shape.sizes[i] = sizes[i];
  }
  shape.rank = rank;
  return shape;
}

bool ag_shape_equal(ag_shape a, ag_shape b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; i++) {
    if (a.sizes[i] != b.sizes[i]) return false;
  }
  return true;
}

size_t ag_shape_size(ag_shape shape) {
  size_t size = 1;
  for (int i = 0; i < shape.rank; i++) size *= (size_t)shape.sizes[i];
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

static ag_real *values_of(ag_buffer *buffer) { return (ag_real *)((char *)buffer + AG_BUFFER_HEADER); }

static ag_buffer *buffer_make(size_t size) {
  size_t bytes = AG_BUFFER_HEADER + size * sizeof(ag_real);
  ag_buffer *buffer = ag_pool_take(bytes);
  if (!buffer) return NULL;
  buffer->bytes = bytes;
  atomic_init(&buffer->owners, 1);
  return buffer;
}

static ag_buffer *buffer_retain(ag_buffer *buffer) {
  atomic_fetch_add_explicit(&buffer->owners, 1, memory_order_relaxed);
  return buffer;
}

static void buffer_release(ag_buffer *buffer) {
  if (buffer && atomic_fetch_sub_explicit(&buffer->owners, 1, memory_order_acq_rel) == 1) {
    ag_pool_give(buffer, buffer->bytes);
  }
}

/* A tensor over a buffer, which it takes over; not yet in any scope. */
static ag_tensor *tensor_new(ag_shape shape, uint64_t id, ag_buffer *buffer) {
  ag_tensor *tensor = ag_allocate(1, sizeof *tensor);
  if (!tensor) {
    buffer_release(buffer);
    return NULL;
  }
  atomic_init(&tensor->owners, 1);
  tensor->id = id;
  tensor->shape = shape;
  tensor->size = ag_shape_size(shape);
  tensor->buffer = buffer;
  return tensor;
}

ag_tensor *ag_retain(ag_tensor *tensor) {
  if (tensor) atomic_fetch_add_explicit(&tensor->owners, 1, memory_order_relaxed);
  return tensor;
}

void ag_release(ag_tensor *tensor) {
  if (!tensor || atomic_fetch_sub_explicit(&tensor->owners, 1, memory_order_acq_rel) != 1) return;
  buffer_release(tensor->buffer);
  ag_release(tensor->snapshot); /* a variable, which is no snapshot itself: one step deep */
  ag_free(tensor);
}

static ag_tensor *owned(ag_tensor *tensor) { return ag_scope_own_tensor(tensor, "making a tensor"); }

ag_tensor *ag_make(ag_shape shape, ag_real **values) {
  if (shape.rank < 0 || shape.rank > AG_MAX_RANK) return ag_fail(AG_ERROR_SHAPE, "tensor: the shape is invalid");
  for (int i = 0; i < shape.rank; i++) {
    if (shape.sizes[i] < 0) {
      return ag_fail(AG_ERROR_SHAPE, "tensor: shape %s has a negative size", ag_shape_print(shape).text);
    }
  }
  /* Again, for a shape need not come from ag_shape_make. */
  if (ag_shape_make(shape.rank, shape.sizes).rank < 0) return NULL;
  ag_buffer *buffer = buffer_make(ag_shape_size(shape));
  ag_tensor *tensor = buffer ? owned(tensor_new(shape, ag_tensor_clock(), buffer)) : NULL;
  if (tensor && values) *values = values_of(tensor->buffer);
  return tensor;
}

ag_tensor *ag_tensor_alias(const ag_tensor *tensor, ag_shape shape) {
  if (!ag_data(tensor)) return NULL;
  return owned(tensor_new(shape, ag_tensor_clock(), buffer_retain(tensor->buffer)));
}

ag_tensor *ag_tensor_keep(ag_tensor *tensor, bool only_shape) {
  if (!only_shape && !tensor->is_variable) return ag_retain(tensor);
  ag_tensor *kept = tensor_new(tensor->shape, tensor->id, only_shape ? NULL : buffer_retain(tensor->buffer));
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

const ag_real *ag_data(const ag_tensor *tensor) {
  if (!tensor) return ag_fail_null("data", "tensor");
  if (!tensor->buffer)
    return ag_fail(AG_ERROR_TAPE, "data: the op that was recorded drops this value, but its vjp reads it");
  return values_of(tensor->buffer);
}

double ag_item(const ag_tensor *tensor) {
  const ag_real *values = ag_data(tensor);
  if (values && tensor->size == 1) return (double)values[0];
  if (values) {
    ag_fail(AG_ERROR_SHAPE, "item: a tensor of shape %s has %zu elements, not one", ag_shape_print(tensor->shape).text,
            tensor->size);
  }
  return NAN;
}

ag_tensor *ag_variable(const ag_tensor *initial) {
  const ag_real *values = ag_data(initial);
  ag_tensor *variable = values ? ag_from(initial->shape, values) : NULL;
  if (variable) variable->is_variable = variable->trainable = true;
  return variable;
}

bool ag_is_variable(const ag_tensor *tensor) { return tensor && tensor->is_variable; }

bool ag_is_trainable(const ag_tensor *variable) { return variable && variable->trainable; }

/* Whether it is a variable; `who` names the caller in the sentence. */
static bool expect_variable(const ag_tensor *variable, const char *who) {
  if (!variable) ag_fail_null(who, "variable");
  else if (!variable->is_variable) ag_fail(AG_ERROR_ARGUMENT, "%s: the tensor is no variable", who);
  return ag_is_variable(variable);
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
  const ag_real *values = ag_data(value);
  if (!values) return false;
  if (!ag_shape_equal(variable->shape, value->shape)) {
    ag_fail(AG_ERROR_SHAPE, "assign: the variable has shape %s, the value %s", ag_shape_print(variable->shape).text,
            ag_shape_print(value->shape).text);
    return false;
  }
  ag_buffer *before;
  if (!own_buffer(variable, &before)) return false;
  /* the value may be the variable itself */
  memmove(values_of(variable->buffer), values, variable->size * sizeof *values);
  buffer_release(before);
  return true;
}

ag_real *ag_variable_data(ag_tensor *variable) {
  ag_buffer *before;
  if (!expect_variable(variable, "variable_data") || !own_buffer(variable, &before)) return NULL;
  if (before) memcpy(values_of(variable->buffer), values_of(before), variable->size * sizeof(ag_real));
  buffer_release(before);
  return values_of(variable->buffer);
}

ag_tensor *ag_detach(const ag_tensor *tensor) {
  return tensor ? ag_tensor_alias(tensor, tensor->shape) : ag_fail_null("detach", "tensor");
}
