/* Every public function of autograd/ and nn/ called wrongly: NULL for each pointer, sizes of zero, too large or beyond
 * 64 bits, wrong ranks, enums out of range, used and foreign tapes, no open scope. covers.sh sees that none is left
 * out.
 */
#include "tests/misuse.h"

#include <pthread.h>

#include "nn/file.h"
#include "nn/nn.h"

static ag_tensor *ones(void) { return ag_ones(AG_SHAPE(2, 3)); }
static ag_shape bad_rank(void) { return (ag_shape){.rank = 100}; }
static ag_list nothing(void) { return (ag_list){0, NULL}; }

/* autograd/error.h, memory.h */

static void errors(void **state) {
  (void)state;
  const char *no_format = NULL;
  REFUSED(ag_fail(AG_ERROR_SHAPE, no_format, 1), "");
  REFUSED(ag_fail(AG_OK, "no %s", "code"), "no code");
  REFUSED(ag_fail((ag_error_code)99, "code %d", 99), "code 99");
  REFUSED(ag_fail_null(NULL, NULL), "NULL");
  ACCEPTED(ag_error_prefix(no_format, 1));
  ag_fail(AG_ERROR_SHAPE, "cause");
  REFUSED_VOID(ag_error_prefix(no_format, 1), "cause");
  ag_fail(AG_ERROR_SHAPE, "first");
  assert_true(ag_failed());
  assert_int_equal(ag_error_kind(), AG_ERROR_SHAPE);
  REFUSED(ag_exp(NULL), "first"); /* the first one stays */
  assert_string_equal(ag_error_message(), "");
  ACCEPTED(ag_error_clear());
  check_nothing_wrong();
}

static void memory(void **state) {
  (void)state;
  TOO_LARGE(ag_allocate(SIZE_MAX, 2));
  TOO_LARGE(ag_allocate((size_t)1 << 62, 8));
  TOO_LARGE(ag_reallocate(NULL, SIZE_MAX, 2));
  TOO_LARGE(ag_reallocate(NULL, (size_t)1 << 62, 1));
  TOO_LARGE(ag_pool_take(SIZE_MAX));
  TOO_LARGE(ag_pool_take(((size_t)1 << 62) + 1));
  TOO_LARGE(ag_pool_take((size_t)1 << 60));
  ACCEPTED(ag_free(NULL));
  ACCEPTED(ag_free(ag_allocate(0, 0)));
  ACCEPTED(ag_pool_give(NULL, 0));
  ACCEPTED(ag_pool_give(ag_pool_take(0), 0));
  ACCEPTED(ag_pool_trim());
  ACCEPTED(ag_memory_in_use());
  ACCEPTED(ag_memory_peak());
  ACCEPTED(ag_memory_peak_reset());
  check_nothing_wrong();
}

/* autograd/tensor.h */

static void shapes(void **state) {
  (void)state;
  const int64_t square[] = {(int64_t)1 << 40, (int64_t)1 << 40}, negative[] = {2, -2}, hidden[] = {0, INT64_MAX, 2};
  REFUSED(ag_shape_make(1, NULL).rank >= 0, "shape: sizes is NULL");
  REFUSED(ag_shape_make(-1, square).rank >= 0, "shape: -1 axes");
  REFUSED(ag_shape_make(AG_MAX_RANK + 1, square).rank >= 0, "shape: 9 axes");
  REFUSED(ag_shape_make(INT_MAX, square).rank >= 0, "axes");
  REFUSED(ag_shape_make(2, negative).rank >= 0, "negative");
  TOO_LARGE(ag_shape_make(2, square).rank >= 0);
  TOO_LARGE(ag_shape_make(3, hidden).rank >= 0);
  ACCEPTED(ag_shape_equal(bad_rank(), bad_rank()));
  ACCEPTED(ag_shape_equal((ag_shape){.rank = -1}, ag_shape_make(0, NULL)));
  ACCEPTED(ag_shape_size(bad_rank()));
  ACCEPTED(ag_shape_size((ag_shape){.rank = INT_MIN}));
  assert_string_equal(ag_shape_print(bad_rank()).text, "[invalid]");
  assert_string_equal(ag_shape_print((ag_shape){.rank = -1}).text, "[invalid]");
  ag_shape longest = {.rank = AG_MAX_RANK};
  for (int i = 0; i < AG_MAX_RANK; i++) longest.sizes[i] = INT64_MIN;
  assert_int_equal(strlen(ag_shape_print(longest).text), 2 + AG_MAX_RANK * 20 + (AG_MAX_RANK - 1) * 2);
  check_nothing_wrong();
}

static void construction(void **state) {
  (void)state;
  const ag_shape wrong[] = {bad_rank(), {.rank = -1}, {1, {-1}}, {2, {3, INT64_MIN}}};
  const ag_shape large[] = {{2, {(int64_t)1 << 40, (int64_t)1 << 40}}, {1, {HUGE_SIZE}}, {1, {INT64_MAX}}};
  ag_real value = 1, *values;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    REFUSED(ag_full(wrong[i], 1), "shape");
    REFUSED(ag_zeros(wrong[i]), "shape");
    REFUSED(ag_ones(wrong[i]), "shape");
    REFUSED(ag_from(wrong[i], &value), "shape");
    REFUSED(ag_make(wrong[i], &values), "shape");
  }
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
    TOO_LARGE(ag_full(large[i], 1));
    TOO_LARGE(ag_zeros(large[i]));
    TOO_LARGE(ag_ones(large[i]));
    TOO_LARGE(ag_from(large[i], &value));
    TOO_LARGE(ag_make(large[i], &values));
  }
  REFUSED(ag_from(AG_SHAPE(1), NULL), "from: values is NULL");
  REFUSED(ag_arange(-1), "negative");
  REFUSED(ag_arange(INT64_MIN), "negative");
  REFUSED(ag_arange(INT64_MAX), "not exact");
  REFUSED(ag_arange((1 << 24) + 1), "not exact");
  ACCEPTED(ag_arange(1 << 24));
  REFUSED(ag_list_make(1, NULL).items, "list_make: items is NULL");
  TOO_LARGE(ag_list_make(SIZE_MAX, (ag_tensor *[]){NULL}).items);
  ACCEPTED(ag_list_make(0, NULL));
  REFUSED(ag_make(AG_SHAPE(2), NULL), "make: values is NULL");
  ACCEPTED(ag_arange(0));
  ACCEPTED(ag_scalar(NAN));
  check_nothing_wrong();
}

static void reading(void **state) {
  (void)state;
  REFUSED(ag_shape_of(NULL).rank >= 0, "shape_of: tensor is NULL");
  REFUSED(ag_size(NULL), "size: tensor is NULL");
  REFUSED(ag_data(NULL), "data: tensor is NULL");
  REFUSED(!isnan(ag_item(NULL)), "item: tensor is NULL");
  REFUSED(!isnan(ag_item(ones())), "item: a tensor of shape [2, 3]");
  REFUSED(!isnan(ag_item(ag_zeros(AG_SHAPE(0)))), "item");
  REFUSED_VOID(ag_print(NULL, stdout), "print: tensor is NULL");
  REFUSED_VOID(ag_print(ones(), NULL), "print: file is NULL");
  check_nothing_wrong();
}

static void variables(void **state) {
  (void)state;
  ag_tensor *variable = ag_variable(ones());
  REFUSED(ag_variable(NULL), "variable: tensor is NULL");
  REFUSED(ag_assign(NULL, ones()), "assign: variable is NULL");
  REFUSED(ag_assign(variable, NULL), "assign: tensor is NULL");
  REFUSED(ag_assign(ones(), ones()), "assign: the tensor is no variable");
  REFUSED(ag_assign(variable, ag_ones(AG_SHAPE(3, 2))), "assign: the variable has shape [2, 3]");
  REFUSED_VOID(ag_set_trainable(NULL, true), "set_trainable: variable is NULL");
  REFUSED_VOID(ag_set_trainable(ones(), true), "set_trainable: the tensor is no variable");
  REFUSED(ag_variable_data(NULL), "variable_data: variable is NULL");
  REFUSED(ag_variable_data(ones()), "variable_data: the tensor is no variable");
  REFUSED(ag_detach(NULL), "detach: tensor is NULL");
  ACCEPTED(ag_is_variable(NULL));
  ACCEPTED(ag_is_trainable(NULL));
  assert_false(ag_is_variable(NULL) || ag_is_trainable(NULL) || ag_is_trainable(ones()));
  check_nothing_wrong();
}

/* autograd/ops.h */

static const struct {
  ag_tensor *(*op)(ag_tensor *x);
  const char *name;
} unary_ops[] = {{ag_neg, "neg"},   {ag_square, "square"},         {ag_sqrt, "sqrt"}, {ag_exp, "exp"},
                 {ag_log, "log"},   {ag_reciprocal, "reciprocal"}, {ag_abs, "abs"},   {ag_sign, "sign"},
                 {ag_relu, "relu"}, {ag_sigmoid, "sigmoid"},       {ag_tanh, "tanh"}, {ag_softplus, "softplus"},
                 {ag_sum, "sum"},   {ag_identity, "identity"},     {ag_mean, "mean"}, {ag_max, "max"}};

static const struct {
  ag_tensor *(*op)(ag_tensor *a, ag_tensor *b);
  const char *name;
} binary_ops[] = {{ag_add, "add"},
                  {ag_sub, "sub"},
                  {ag_mul, "mul"},
                  {ag_div, "div"},
                  {ag_pow, "pow"},
                  {ag_maximum, "maximum"},
                  {ag_minimum, "minimum"},
                  {ag_equal, "equal"},
                  {ag_not_equal, "not_equal"},
                  {ag_less, "less"},
                  {ag_less_equal, "less_equal"},
                  {ag_greater, "greater"},
                  {ag_greater_equal, "greater_equal"},
                  {ag_matmul, "matmul"},
                  {ag_sigmoid_cross_entropy, "sigmoid_cross_entropy"},
                  {ag_softmax_cross_entropy, "softmax_cross_entropy"}};

enum { UNARY = sizeof unary_ops / sizeof *unary_ops, BINARY = sizeof binary_ops / sizeof *binary_ops };

/* A tensor of no elements whose sizes, broadcast with [2^32, 1], would be beyond 64 bits. */
static ag_tensor *long_and_empty(void) { return ag_zeros(AG_SHAPE(0, 1, (int64_t)1 << 40)); }

static void elementwise_ops(void **state) {
  (void)state;
  ag_tensor *x = ones(), *other = ag_ones(AG_SHAPE(2, 2)), *wide = ag_zeros(AG_SHAPE(0, (int64_t)1 << 40, 1));
  for (int i = 0; i < UNARY; i++) REFUSED(unary_ops[i].op(NULL), unary_ops[i].name);
  for (int i = 0; i < BINARY; i++) {
    REFUSED(binary_ops[i].op(NULL, x), binary_ops[i].name);
    REFUSED(binary_ops[i].op(x, NULL), binary_ops[i].name);
    REFUSED(binary_ops[i].op(x, other), binary_ops[i].name);
    TOO_LARGE(binary_ops[i].op(wide, long_and_empty()));
  }
  REFUSED(ag_scale(NULL, 1), "scale");
  REFUSED(ag_add_scalar(NULL, 1), "add_scalar");
  REFUSED(ag_pow_scalar(NULL, 2), "pow_scalar");
  REFUSED(ag_clip(NULL, 0, 1), "clip");
  REFUSED(ag_clip(x, 1, 0), "clip: low 1");
  REFUSED(ag_clip(x, NAN, 1), "clip: low");
  REFUSED(ag_leaky_relu(NULL, 0), "leaky_relu");
  REFUSED(ag_leaky_relu(x, -1), "leaky_relu: slope -1");
  REFUSED(ag_leaky_relu(x, NAN), "leaky_relu: slope");
  REFUSED(ag_add_leaky_relu(NULL, x, 0), "add_leaky_relu");
  REFUSED(ag_add_leaky_relu(x, NULL, 0), "add_leaky_relu");
  REFUSED(ag_add_leaky_relu(x, x, NAN), "add_leaky_relu: slope");
  REFUSED(ag_add_leaky_relu(x, other, 0), "add_leaky_relu: shapes");
  REFUSED(ag_where(NULL, x, x), "where: input 0");
  REFUSED(ag_where(x, NULL, x), "where: input 1");
  REFUSED(ag_where(x, x, NULL), "where: input 2");
  REFUSED(ag_where(x, x, other), "where: shapes");
  TOO_LARGE(ag_where(x, wide, long_and_empty()));
  check_nothing_wrong();
}

static void reductions(void **state) {
  (void)state;
  static const struct {
    ag_tensor *(*op)(ag_tensor *x, ag_axes axes, bool keepdims);
    const char *name;
  } ops[] = {{ag_sum_axes, "sum"}, {ag_mean_axes, "mean"}, {ag_max_axes, "max"}, {ag_norm, "norm"}};
  ag_tensor *x = ones();
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
    REFUSED(ops[i].op(NULL, AG_ALL_AXES, false), ops[i].name);
    REFUSED(ops[i].op(x, AG_AXES(2), false), "there is no axis 2");
    REFUSED(ops[i].op(x, AG_AXES(-3), false), "there is no axis -3");
    REFUSED(ops[i].op(x, AG_AXES(INT_MIN), false), "there is no axis");
    REFUSED(ops[i].op(x, AG_AXES(INT_MAX), false), "there is no axis");
    REFUSED(ops[i].op(x, AG_AXES(0, -2), false), "named twice");
    REFUSED(ops[i].op(x, (ag_axes){.count = 100}, false), "list of axes");
    REFUSED(ops[i].op(x, (ag_axes){.count = -1}, false), "list of axes");
    REFUSED(ops[i].op(ag_scalar(1), AG_AXES(0), false), "there is no axis 0");
  }
  REFUSED(ag_axes_make(1, NULL).count >= 0, "axes");
  REFUSED(ag_axes_make(0, &(int){0}).count >= 0, "axes: 0 of them");
  REFUSED(ag_axes_make(-1, &(int){0}).count >= 0, "axes: -1 of them");
  REFUSED(ag_axes_make(INT_MAX, &(int){0}).count >= 0, "axes");
  REFUSED(ag_max(ag_zeros(AG_SHAPE(0))), "max: shape [0]");
  REFUSED(ag_max_axes(ag_zeros(AG_SHAPE(2, 0)), AG_AXES(1), false), "max: shape [2, 0]");
  REFUSED(ag_argmax(NULL, 0), "argmax");
  REFUSED(ag_argmax(x, 2), "argmax: there is no axis 2");
  REFUSED(ag_argmax(ag_scalar(1), 0), "argmax");
  REFUSED(ag_argmax(ag_zeros(AG_SHAPE(0)), 0), "argmax: shape [0]");
  REFUSED(ag_argmax(ag_zeros(AG_SHAPE((1 << 24) + 1)), 0), "too many elements to choose from");
  REFUSED(ag_sum_to(NULL, AG_SHAPE(3)), "sum_to: input is NULL");
  REFUSED(ag_sum_to(x, AG_SHAPE(2)), "sum_to: shapes");
  REFUSED(ag_sum_to(x, AG_SHAPE(1, 2, 3)), "sum_to: shapes");
  REFUSED(ag_sum_to(x, bad_rank()), "shape");
  check_nothing_wrong();
}

static void shape_ops(void **state) {
  (void)state;
  ag_tensor *x = ones();
  REFUSED(ag_reshape(NULL, AG_SHAPE(6)), "reshape");
  REFUSED(ag_reshape(x, AG_SHAPE(5)), "reshape");
  REFUSED(ag_reshape(x, AG_SHAPE(-1, -1)), "reshape");
  REFUSED(ag_reshape(x, AG_SHAPE(-1, 0)), "reshape");
  REFUSED(ag_reshape(x, AG_SHAPE(-1, 4)), "reshape");
  REFUSED(ag_reshape(x, (ag_shape){1, {-2}}), "shape");
  REFUSED(ag_reshape(x, bad_rank()), "shape");
  TOO_LARGE(ag_reshape(x, (ag_shape){2, {(int64_t)1 << 40, (int64_t)1 << 40}}));
  REFUSED(ag_transpose(NULL, AG_ALL_AXES), "transpose");
  REFUSED(ag_transpose(x, AG_AXES(0)), "transpose: an order of 1 axes");
  REFUSED(ag_transpose(x, AG_AXES(0, 0)), "transpose: axis 0 is named twice");
  REFUSED(ag_transpose(x, AG_AXES(0, 2)), "transpose: there is no axis 2");
  REFUSED(ag_transpose(x, (ag_axes){.count = INT_MAX}), "transpose");
  REFUSED(ag_transpose(x, (ag_axes){.count = -1}), "transpose");
  REFUSED(ag_broadcast_to(NULL, AG_SHAPE(2)), "broadcast_to");
  REFUSED(ag_broadcast_to(x, AG_SHAPE(3)), "broadcast_to: shapes");
  REFUSED(ag_broadcast_to(x, (ag_shape){2, {-1, 3}}), "broadcast_to");
  REFUSED(ag_broadcast_to(x, bad_rank()), "shape");
  TOO_LARGE(ag_broadcast_to(ag_scalar(1), AG_SHAPE(HUGE_SIZE)));
  TOO_LARGE(ag_broadcast_to(ag_scalar(1), (ag_shape){2, {(int64_t)1 << 40, (int64_t)1 << 40}}));
  REFUSED(ag_gather(NULL, x, 0), "gather: input 0");
  REFUSED(ag_gather(x, NULL, 0), "gather: input 1");
  REFUSED(ag_gather(x, ag_scalar(0), 2), "gather: there is no axis 2");
  REFUSED(ag_gather(x, ag_scalar(2), 0), "gather: index 2");
  REFUSED(ag_gather(x, ag_scalar(-1), 0), "gather: index -1");
  REFUSED(ag_gather(x, ag_scalar(0.5), 0), "gather: index 0.5");
  REFUSED(ag_gather(x, ag_scalar(NAN), 0), "gather: index");
  REFUSED(ag_gather(x, ag_zeros((ag_shape){8, {1, 1, 1, 1, 1, 1, 1, 1}}), 0), "shape: 9 axes");
  REFUSED(ag_one_hot(NULL, 2), "one_hot");
  REFUSED(ag_one_hot(x, -1), "one_hot: depth -1");
  REFUSED(ag_one_hot(x, 0), "one_hot: index 1");
  REFUSED(ag_one_hot(ag_scalar(INFINITY), 2), "one_hot: index");
  TOO_LARGE(ag_one_hot(x, HUGE_SIZE));
  TOO_LARGE(ag_one_hot(x, INT64_MAX));
  check_nothing_wrong();
}

static void joining_and_cutting(void **state) {
  (void)state;
  ag_tensor *x = ones(), *empty = ag_zeros(AG_SHAPE(0, HUGE_SIZE)), *with_null[] = {x, NULL};
  REFUSED(ag_concat(nothing(), 0), "concat: a list of 0");
  REFUSED(ag_concat((ag_list){1, NULL}, 0), "concat: the list of inputs is NULL");
  REFUSED(ag_concat((ag_list){(size_t)INT_MAX + 1, &x}, 0), "concat: a list of");
  REFUSED(ag_concat((ag_list){2, with_null}, 0), "concat: input 1 is NULL");
  REFUSED(ag_concat(AG_LIST(x, ag_ones(AG_SHAPE(2, 2))), 0), "concat: shapes");
  REFUSED(ag_concat(AG_LIST(x, ag_ones(AG_SHAPE(2))), 0), "concat: shapes");
  REFUSED(ag_concat(AG_LIST(x, x), 2), "concat: there is no axis 2");
  REFUSED(ag_concat(AG_LIST(ag_scalar(1)), 0), "concat: there is no axis 0");
  TOO_LARGE(ag_concat(AG_LIST(empty, empty, empty, empty, empty, empty, empty, empty), 1));
  REFUSED(ag_stack(nothing(), 0), "");
  REFUSED(ag_stack((ag_list){1, NULL}, 0), "is NULL");
  REFUSED(ag_stack((ag_list){2, with_null}, 0), "stack: a tensor of the list is NULL");
  REFUSED(ag_stack(AG_LIST(x, ag_scalar(1)), 0), "stack: shapes");
  REFUSED(ag_stack(AG_LIST(x, x), 3), "stack: no place");
  REFUSED(ag_stack(AG_LIST(x, x), -4), "stack: no place");
  REFUSED(ag_stack(AG_LIST(x, x), INT_MIN), "stack: no place");
  REFUSED(ag_stack(AG_LIST(ag_zeros((ag_shape){8, {1, 1, 1, 1, 1, 1, 1, 1}})), 0), "shape: 9 axes");
  REFUSED(ag_slice(NULL, 0, 0, 1), "slice: input is NULL");
  REFUSED(ag_slice(x, 2, 0, 1), "slice: there is no axis 2");
  REFUSED(ag_slice(x, 0, 0, 3), "slice: 3 elements from 0");
  REFUSED(ag_slice(x, 0, -1, 1), "slice");
  REFUSED(ag_slice(x, 0, 0, -1), "slice");
  REFUSED(ag_slice(x, 0, 3, 0), "slice");
  REFUSED(ag_slice(x, 0, INT64_MAX, INT64_MAX), "slice");
  REFUSED(ag_slice(x, 0, INT64_MIN, INT64_MIN), "slice");
  REFUSED(ag_slice(x, 0, 1, INT64_MAX), "slice");
  REFUSED(ag_pad(NULL, 0, 0, 1), "pad: input is NULL");
  REFUSED(ag_pad(x, -3, 0, 1), "pad: there is no axis -3");
  REFUSED(ag_pad(x, 0, -1, 1), "pad: -1 zeros before");
  REFUSED(ag_pad(x, 0, 0, INT64_MIN), "pad");
  TOO_LARGE(ag_pad(x, 0, INT64_MAX, INT64_MAX));
  TOO_LARGE(ag_pad(x, 0, INT64_MAX - 2, 0));
  TOO_LARGE(ag_pad(x, 0, 0, HUGE_SIZE));
  check_nothing_wrong();
}

/* Products, windows, normalisation */

static void products(void **state) {
  (void)state;
  ag_tensor *x = ones(), *vector = ag_ones(AG_SHAPE(3)), *tall = ag_zeros(AG_SHAPE((int64_t)1 << 40, 0));
  REFUSED(ag_matmul(x, vector), "matmul: shapes");
  REFUSED(ag_matmul(ag_scalar(1), x), "matmul: shapes");
  REFUSED(ag_matmul(ag_ones(AG_SHAPE(2, 2, 3)), ag_ones(AG_SHAPE(3, 3, 2))), "matmul: shapes");
  REFUSED(ag_matmul_transposed(NULL, true, x, true), "matmul: input 0");
  REFUSED(ag_matmul_transposed(x, true, NULL, true), "matmul: input 1");
  REFUSED(ag_matmul_transposed(x, true, x, true), "matmul: shapes [2, 3] transposed");
  TOO_LARGE(ag_matmul_transposed(tall, false, tall, true));
  ACCEPTED(ag_matmul(ag_zeros(AG_SHAPE(2, 0)), ag_zeros(AG_SHAPE(0, 3))));
  check_nothing_wrong();
}

static void convolutions(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(2, 5, 5, 3)), *k = ag_ones(AG_SHAPE(3, 3, 3, 4)), *flat = ones();
  ag_tensor *y = ag_ones(AG_SHAPE(2, 5, 5, 4)), *long_images = ag_zeros(AG_SHAPE(0, (int64_t)1 << 40, 5, 3));
  const ag_window w = AG_STRIDE(1, AG_SAME), wrong[] = {{0, 1, AG_SAME}, {1, -1, AG_VALID}, {INT_MIN, 1, AG_SAME}};
  const ag_window no_padding = AG_STRIDE(1, (ag_padding)7), long_steps = AG_STRIDE(INT_MAX, AG_SAME);
  REFUSED(ag_conv2d(NULL, k, w), "conv2d: input 0");
  REFUSED(ag_conv2d(x, NULL, w), "conv2d: input 1");
  REFUSED(ag_conv2d(flat, k, w), "conv2d: shapes");
  REFUSED(ag_conv2d(x, flat, w), "conv2d: shapes");
  REFUSED(ag_conv2d(y, k, w), "conv2d: shapes");
  REFUSED(ag_conv2d(x, ag_ones(AG_SHAPE(6, 3, 3, 4)), AG_STRIDE(1, AG_VALID)), "conv2d: a window of 6");
  REFUSED(ag_conv2d(x, ag_ones(AG_SHAPE(0, 3, 3, 4)), w), "conv2d");
  TOO_LARGE(ag_conv2d(long_images, k, w));
  REFUSED(ag_conv2d_transpose(NULL, k, w), "conv2d_transpose: input 0");
  REFUSED(ag_conv2d_transpose(y, NULL, w), "conv2d_transpose: input 1");
  REFUSED(ag_conv2d_transpose(flat, k, w), "conv2d_transpose: shapes");
  REFUSED(ag_conv2d_transpose(x, k, w), "conv2d_transpose: shapes");
  TOO_LARGE(ag_conv2d_transpose(y, k, long_steps));
  TOO_LARGE(ag_conv2d_transpose(y, k, AG_STRIDE(INT_MAX, AG_VALID)));
  TOO_LARGE(ag_conv2d_transpose(y, k, AG_STRIDE(INT_MAX / 8, AG_SAME)));
  REFUSED(ag_conv2d_transpose_to(NULL, k, w, 5, 5), "conv2d_transpose: input 0");
  REFUSED(ag_conv2d_transpose_to(y, NULL, w, 5, 5), "conv2d_transpose: input 1");
  REFUSED(ag_conv2d_transpose_to(y, k, w, -1, 5), "conv2d_transpose: -1 x 5");
  REFUSED(ag_conv2d_transpose_to(y, k, w, 6, 5), "conv2d_transpose: a conv2d of");
  REFUSED(ag_conv2d_transpose_to(y, k, w, 0, 0), "conv2d_transpose: a conv2d of");
  TOO_LARGE(ag_conv2d_transpose_to(y, k, w, INT64_MAX, INT64_MAX));
  REFUSED(ag_conv2d_kernel_gradient(NULL, y, w, 3, 3), "conv2d_kernel_gradient: input 0");
  REFUSED(ag_conv2d_kernel_gradient(x, NULL, w, 3, 3), "conv2d_kernel_gradient: input 1");
  REFUSED(ag_conv2d_kernel_gradient(x, flat, w, 3, 3), "conv2d_kernel_gradient: shapes");
  REFUSED(ag_conv2d_kernel_gradient(x, y, w, -1, 3), "conv2d_kernel_gradient: a kernel");
  REFUSED(ag_conv2d_kernel_gradient(x, y, w, 0, 3), "conv2d_kernel_gradient");
  REFUSED(ag_conv2d_kernel_gradient(x, y, AG_STRIDE(2, AG_SAME), 3, 3), "conv2d_kernel_gradient: a conv2d of");
  TOO_LARGE(ag_conv2d_kernel_gradient(x, y, w, INT64_MAX, INT64_MAX));
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    REFUSED(ag_conv2d(x, k, wrong[i]), "conv2d: stride");
    REFUSED(ag_conv2d_transpose(y, k, wrong[i]), "conv2d_transpose");
    REFUSED(ag_conv2d_transpose_to(y, k, wrong[i], 5, 5), "conv2d_transpose: stride");
    REFUSED(ag_conv2d_kernel_gradient(x, y, wrong[i], 3, 3), "conv2d_kernel_gradient: stride");
  }
  REFUSED(ag_conv2d(x, k, no_padding), "conv2d: ");
  REFUSED(ag_conv2d_transpose(y, k, no_padding), "conv2d_transpose: ");
  REFUSED(ag_conv2d_transpose_to(y, k, no_padding, 5, 5), "conv2d_transpose: ");
  REFUSED(ag_conv2d_kernel_gradient(x, y, no_padding, 3, 3), "conv2d_kernel_gradient: ");
  ACCEPTED(ag_conv2d(x, k, long_steps));
  ACCEPTED(ag_conv2d(ag_zeros(AG_SHAPE(0, 5, 5, 3)), k, w));
  check_nothing_wrong();
}

static void pools(void **state) {
  (void)state;
  static const struct {
    ag_tensor *(*op)(ag_tensor *x, int64_t height, int64_t width, ag_window window);
    const char *name;
  } ops[] = {{ag_max_pool, "max_pool"}, {ag_avg_pool, "avg_pool"}};
  ag_tensor *x = ag_ones(AG_SHAPE(2, 5, 5, 3));
  const ag_window w = AG_STRIDE(1, AG_SAME);
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
    REFUSED(ops[i].op(NULL, 2, 2, w), ops[i].name);
    REFUSED(ops[i].op(ones(), 2, 2, w), ops[i].name);
    REFUSED(ops[i].op(x, 0, 2, w), ops[i].name);
    REFUSED(ops[i].op(x, 2, -2, w), ops[i].name);
    REFUSED(ops[i].op(x, INT64_MIN, INT64_MIN, w), ops[i].name);
    REFUSED(ops[i].op(x, 6, 2, AG_STRIDE(1, AG_VALID)), ops[i].name);
    REFUSED(ops[i].op(x, 2, 2, AG_STRIDE(0, AG_VALID)), ops[i].name);
    REFUSED(ops[i].op(x, 2, 2, AG_STRIDE(-1, AG_SAME)), ops[i].name);
    REFUSED(ops[i].op(x, 2, 2, AG_STRIDE(1, (ag_padding)-1)), ops[i].name);
    TOO_LARGE(ops[i].op(x, INT64_MAX, INT64_MAX, w));
    TOO_LARGE(ops[i].op(x, INT64_MAX, 1, AG_STRIDE(3, AG_SAME)));
    TOO_LARGE(ops[i].op(x, (int64_t)1 << 40, 1, AG_STRIDE(1, AG_VALID)));
  }
  REFUSED(ag_upsample_nearest(NULL, 2, 2), "upsample_nearest: input is NULL");
  REFUSED(ag_upsample_nearest(ones(), 2, 2), "upsample_nearest: shape [2, 3]");
  REFUSED(ag_upsample_nearest(x, 0, 2), "upsample_nearest");
  REFUSED(ag_upsample_nearest(x, 2, -2), "upsample_nearest");
  TOO_LARGE(ag_upsample_nearest(x, INT64_MAX, INT64_MAX));
  TOO_LARGE(ag_upsample_nearest(ag_zeros(AG_SHAPE(0, 5, 5, 3)), INT64_MAX, 1));
  TOO_LARGE(ag_upsample_nearest(x, (int64_t)1 << 50, 1));
  check_nothing_wrong();
}

static void normalisation_and_losses(void **state) {
  (void)state;
  ag_tensor *x = ones(), *c = ag_ones(AG_SHAPE(3)), *two = ag_ones(AG_SHAPE(2)), *mean, *variance;
  REFUSED(ag_batch_norm(NULL, c, c, 1e-3, &mean, &variance), "batch_norm: input is NULL");
  REFUSED(ag_batch_norm(x, NULL, c, 1e-3, &mean, &variance), "batch_norm: gamma is NULL");
  REFUSED(ag_batch_norm(x, c, NULL, 1e-3, &mean, &variance), "batch_norm: beta is NULL");
  REFUSED(ag_batch_norm(x, two, c, 1e-3, &mean, &variance), "batch_norm: x [2, 3], gamma [2]");
  REFUSED(ag_batch_norm(x, c, two, 1e-3, &mean, &variance), "batch_norm");
  REFUSED(ag_batch_norm(ag_scalar(1), c, c, 1e-3, NULL, NULL), "batch_norm");
  REFUSED(ag_batch_norm(ag_zeros(AG_SHAPE(0, 3)), c, c, 1e-3, NULL, NULL), "batch_norm");
  REFUSED(ag_batch_norm(x, c, c, -1, NULL, NULL), "batch_norm: epsilon -1");
  REFUSED(ag_batch_norm(x, c, c, NAN, NULL, NULL), "batch_norm: epsilon");
  REFUSED(ag_batch_norm_leaky_relu(NULL, c, c, 1e-3, 0, NULL, NULL), "batch_norm: input is NULL");
  REFUSED(ag_batch_norm_leaky_relu(x, c, c, 1e-3, -1, NULL, NULL), "slope -1");
  REFUSED(ag_batch_norm_leaky_relu(x, c, c, 1e-3, NAN, NULL, NULL), "slope");
  ACCEPTED(ag_batch_norm(x, c, c, 1e-3, NULL, NULL));
  REFUSED(ag_softmax(NULL, 0), "softmax: input is NULL");
  REFUSED(ag_softmax(x, 2), "softmax: there is no axis 2");
  REFUSED(ag_softmax(ag_scalar(1), -1), "softmax: there is no axis -1");
  REFUSED(ag_softmax(ag_zeros(AG_SHAPE(2, 0)), -1), "shape [2, 0]");
  REFUSED(ag_log_softmax(NULL, 0), "log_softmax: input is NULL");
  REFUSED(ag_log_softmax(x, INT_MIN), "log_softmax: there is no axis");
  REFUSED(ag_softmax_cross_entropy(ag_scalar(1), ag_scalar(1)), "softmax_cross_entropy: shapes");
  check_nothing_wrong();
}

static void randomness(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(UINT64_MAX), before = rng;
  REFUSED(ag_uniform(NULL, AG_SHAPE(2), 0, 1), "uniform: rng is NULL");
  REFUSED(ag_uniform(&rng, bad_rank(), 0, 1), "shape");
  TOO_LARGE(ag_uniform(&rng, AG_SHAPE(HUGE_SIZE), 0, 1));
  static const double bounds[][2] = {{1, 0}, {0, INFINITY}, {-INFINITY, 0}, {0, NAN}, {-1.7e308, 1.7e308}};
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
    REFUSED(ag_uniform(&rng, AG_SHAPE(2), bounds[i][0], bounds[i][1]), "expected finite bounds in order");
  static const double spreads[][2] = {{0, -1}, {0, INFINITY}, {NAN, 1}};
  for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++)
    REFUSED(ag_normal(&rng, AG_SHAPE(2), spreads[i][0], spreads[i][1]), "expected finite ones");
  REFUSED(ag_normal(NULL, AG_SHAPE(2), 0, 1), "normal: rng is NULL");
  REFUSED(ag_normal(&rng, bad_rank(), 0, 1), "shape");
  TOO_LARGE(ag_normal(&rng, AG_SHAPE(HUGE_SIZE), 0, 1));
  REFUSED(ag_random_below(NULL, 2), "random_below: rng is NULL");
  REFUSED(ag_dropout(NULL, 0.5, &rng), "dropout");
  REFUSED(ag_dropout(ones(), 0.5, NULL), "dropout: rng is NULL");
  REFUSED(ag_dropout(ones(), 1, &rng), "dropout: rate 1");
  REFUSED(ag_dropout(ones(), -0.1, &rng), "dropout: rate -0.1");
  REFUSED(ag_dropout(ones(), NAN, &rng), "dropout: rate");
  assert_memory_equal(&rng, &before, sizeof rng); /* what is refused draws nothing */
  ACCEPTED(ag_random_below(&rng, 0));
  check_nothing_wrong();
}

/* autograd/op.h */

static ag_tensor *no_forward(ag_node *node) {
  (void)node;
  return NULL;
}
static ag_tensor *copy_forward(ag_node *node) { return node->count ? ag_identity(node->inputs[0]) : ag_scalar(1); }
static const ag_op fails = {.name = "fails", .forward = no_forward};
static const ag_op no_vjp = {.name = "no_vjp", .forward = copy_forward};
static const ag_op nameless = {.forward = no_forward}, empty_op = {.name = "empty"};

static void ops_of_ones_own(void **state) {
  (void)state;
  ag_tensor *x = ones(), *variable = ag_variable(x);
  ag_node node = {.op = &no_vjp, .count = 1, .inputs = &x, .output = x};
  REFUSED(ag_apply(NULL, 0, NULL, NULL, 0), "apply: the op is NULL");
  REFUSED(ag_apply(&empty_op, 1, &x, NULL, 0), "forward is NULL");
  REFUSED(ag_apply(&nameless, 1, &x, NULL, 0), "");
  REFUSED(ag_apply(&no_vjp, -1, &x, NULL, 0), "no_vjp");
  REFUSED(ag_apply(&no_vjp, 1, NULL, NULL, 0), "no_vjp: the list of inputs is NULL");
  REFUSED(ag_apply(&no_vjp, 1, &(ag_tensor *){NULL}, NULL, 0), "no_vjp: input is NULL");
  REFUSED(ag_apply(&no_vjp, 1, &x, NULL, 8), "no_vjp: ");
  REFUSED(ag_apply(&fails, 1, &x, NULL, 0), "fails: forward returned NULL");
  ag_tape *tape = ag_tape_start();
  REFUSED(ag_apply(&no_vjp, 1, &variable, NULL, 0), "no_vjp: the op has no vjp");
  ag_tape_stop(tape);
  ACCEPTED(ag_apply(&no_vjp, 0, NULL, NULL, 0));
  REFUSED(ag_composite_vjp(NULL, &node, 0, x), "composite_vjp");
  REFUSED(ag_composite_vjp(copy_forward, NULL, 0, x), "composite_vjp");
  REFUSED(ag_composite_vjp(copy_forward, &node, 1, x), "composite_vjp");
  REFUSED(ag_composite_vjp(copy_forward, &node, -1, x), "composite_vjp");
  REFUSED(ag_composite_vjp(copy_forward, &node, 0, ag_scalar(1)), "seed has shape []");
  REFUSED(ag_composite_vjp(no_forward, &node, 0, x), "composite_vjp: f returned NULL");
  check_nothing_wrong();
}

static void settings(void **state) {
  (void)state;
  REFUSED_VOID(ag_set_precision((ag_precision)99), "set_precision: 99");
  REFUSED_VOID(ag_set_precision((ag_precision)-1), "set_precision");
  assert_int_equal(ag_get_precision(), AG_HIGHEST);
  assert_false(ag_precision_available((ag_precision)99));
  REFUSED_VOID(ag_set_threads(-1), "set_threads: -1");
  REFUSED_VOID(ag_set_threads(INT_MIN), "set_threads");
  REFUSED_VOID(ag_set_threads(INT_MAX), "set_threads: 2147483647");
  ACCEPTED(ag_observe(NULL, NULL));
  assert_non_null(ag_kernels_name());
  REFUSED_VOID(ag_find_nonfinite(NULL, &(ag_nonfinite){0}), "find_nonfinite");
  REFUSED_VOID(ag_find_nonfinite(&(ag_node){0}, NULL), "find_nonfinite");
  check_nothing_wrong();
}

/* autograd/scope.h */

static void scopes(void **state) {
  (void)state;
  ag_scope *left = ag_scope_enter(), *open = ag_scope_enter();
  ag_tensor *x = ones();
  REFUSED_VOID(ag_scope_leave(NULL), "scope_leave: scope is NULL");
  REFUSED_VOID(ag_scope_leave((ag_scope *)(void *)&x), "scope_leave: this scope is not open");
  REFUSED_VOID(ag_scope_leave_with(NULL, x), "scope_leave: scope is NULL");
  REFUSED_VOID(ag_scope_leave_with_list(NULL, AG_LIST(x)), "scope_leave: scope is NULL");
  REFUSED(ag_scope_leave_with_list(open, (ag_list){1, NULL}).items, "items is NULL");
  ACCEPTED(ag_scope_leave_with(left, NULL)); /* NULL is passed on */
  ag_scope *with_null = ag_scope_enter();
  ACCEPTED(ag_scope_leave_with_list(with_null, AG_LIST(NULL, ag_scalar(1))));
  ACCEPTED(ag_retain(NULL));
  ACCEPTED(ag_release(NULL));
  check_nothing_wrong();
}

/* autograd/tape.h, dot.h */

static void tapes_that_are_null(void **state) {
  (void)state;
  ag_tensor *x = ones();
  REFUSED_VOID(ag_tape_stop(NULL), "tape_stop: tape is NULL");
  REFUSED_VOID(ag_tape_resume(NULL), "tape_resume: tape is NULL");
  REFUSED_VOID(ag_tape_reset(NULL), "tape_reset: tape is NULL");
  REFUSED_VOID(ag_tape_watch(NULL, x), "tape_watch: tape is NULL");
  REFUSED(ag_tape_watched(NULL).items, "tape_watched: tape is NULL");
  REFUSED(ag_gradient(NULL, x, x), "gradient: tape is NULL");
  REFUSED(ag_gradients(NULL, x, AG_LIST(x)).items, "gradient: tape is NULL");
  REFUSED(ag_gradients_of(NULL, AG_LIST(x), AG_LIST(x), nothing(), AG_UNCONNECTED_NULL).items, "tape is NULL");
  REFUSED(ag_jacobian(NULL, x, x), "jacobian: tape is NULL");
  REFUSED(ag_batch_jacobian(NULL, x, x), "batch_jacobian: tape is NULL");
  REFUSED(ag_tape_write_dot(NULL, stdout), "tape_write_dot: tape is NULL");
  ACCEPTED(ag_tape_is_recording(NULL));
  ACCEPTED(ag_tape_length(NULL));
  assert_false(ag_tape_is_recording(NULL) || ag_tape_length(NULL));
  check_nothing_wrong();
}

static void arguments_of_tapes(void **state) {
  (void)state;
  ag_tensor *x = ones(), *with_null[] = {x, NULL};
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  REFUSED_VOID(ag_tape_watch(tape, NULL), "tape_watch: tensor is NULL");
  REFUSED_VOID(ag_tape_resume(tape), "tape_resume: the tape is recording");
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_square(x);
  ag_tape_stop(tape);
  REFUSED_VOID(ag_tape_stop(tape), "tape_stop: the tape is not recording");
  REFUSED(ag_gradient(tape, NULL, x), "the target is NULL");
  REFUSED(ag_gradient(tape, y, NULL), "the source is NULL");
  REFUSED(ag_gradients(tape, NULL, AG_LIST(x)).items, "the target is NULL");
  REFUSED(ag_gradients(tape, y, nothing()).items, "a source is NULL");
  REFUSED(ag_gradients(tape, y, (ag_list){2, with_null}).items, "a source is NULL");
  const ag_list xs = AG_LIST(x), ys = AG_LIST(y), none = nothing();
  REFUSED(ag_gradients_of(tape, none, xs, none, AG_UNCONNECTED_NULL).items, "a target is NULL");
  REFUSED(ag_gradients_of(tape, (ag_list){2, with_null}, xs, none, AG_UNCONNECTED_NULL).items, "a target is NULL");
  REFUSED(ag_gradients_of(tape, ys, none, none, AG_UNCONNECTED_NULL).items, "a source is NULL");
  REFUSED(ag_gradients_of(tape, ys, xs, (ag_list){1, NULL}, AG_UNCONNECTED_NULL).items, "list of seeds is NULL");
  REFUSED(ag_gradients_of(tape, ys, xs, AG_LIST(y, y), AG_UNCONNECTED_NULL).items, "2 seeds for 1 targets");
  REFUSED(ag_gradients_of(tape, ys, xs, AG_LIST(ag_scalar(1)), AG_UNCONNECTED_NULL).items, "seed has shape []");
  REFUSED(ag_gradients_of(tape, ys, xs, none, (ag_unconnected)7).items, "7 names no value");
  REFUSED(ag_jacobian(tape, NULL, x), "jacobian: the target is NULL");
  REFUSED(ag_jacobian(tape, y, NULL), "jacobian: the source is NULL");
  REFUSED(ag_batch_jacobian(tape, NULL, x), "batch_jacobian: the target is NULL");
  REFUSED(ag_batch_jacobian(tape, y, NULL), "batch_jacobian: the source is NULL");
  REFUSED(ag_batch_jacobian(tape, ag_scalar(1), x), "batch_jacobian: shapes");
  REFUSED(ag_batch_jacobian(tape, y, ag_ones(AG_SHAPE(3, 2))), "batch_jacobian: shapes");
  REFUSED(ag_tape_write_dot(tape, NULL), "tape_write_dot: file is NULL");
  ag_tensor *deep = ag_zeros((ag_shape){5, {1, 1, 1, 1, 1}});
  ag_tape_resume(tape);
  ag_tape_watch(tape, deep);
  ag_tensor *square = ag_square(deep);
  REFUSED(ag_jacobian(tape, square, deep), "shape: 10 axes");
  check_nothing_wrong();
}

/* A user's op that says it drops its input, and whose vjp gives just that back. */
static ag_tensor *copying_forward(ag_node *node) { return ag_detach(ag_add_scalar(node->inputs[0], 0)); }
static ag_tensor *dropped_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  (void)cotangent;
  return node->inputs[input];
}

static ag_tensor *reading_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_one_hot(node->inputs[input], 3));
}

static void a_vjp_that_reads_what_its_op_dropped(void **state) {
  (void)state;
  static const ag_op op = {.name = "copying", .forward = copying_forward, .vjp = reading_vjp, .drops = AG_DROP_INPUTS};
  ag_tensor *x = ag_variable(ag_zeros(AG_SHAPE(3)));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_apply(&op, AG_INPUTS(x), NULL, 0);
  ag_tape_stop(tape);
  REFUSED(ag_gradient(tape, y, x), "gradient of copying: one_hot: the op that was recorded drops this value");
  check_nothing_wrong();
}

static void a_vjp_that_gives_back_what_its_op_dropped(void **state) {
  (void)state;
  static const ag_op op = {.name = "copying", .forward = copying_forward, .vjp = dropped_vjp, .drops = AG_DROP_INPUTS};
  ag_tensor *x = ag_variable(ones());
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_add(ag_apply(&op, AG_INPUTS(x), NULL, 0), ag_exp(x));
  ag_tape_stop(tape);
  REFUSED(ag_gradient(tape, y, x), "gradient of copying: data: the op that was recorded drops this value");
  check_nothing_wrong();
}

static void used_tapes(void **state) {
  (void)state;
  ag_tensor *x = ones();
  REFUSED(ag_tape_start_with(64), "tape_start: flags 64");
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_square(x);
  REFUSED(ag_jacobian(tape, y, x), "jacobian: the tape must be persistent");
  REFUSED(ag_batch_jacobian(tape, y, x), "batch_jacobian: the tape must be persistent");
  assert_non_null(ag_gradient(tape, y, x));
  const char *used = "the tape has given its gradient";
  REFUSED(ag_gradient(tape, y, x), used);
  REFUSED(ag_gradients(tape, y, AG_LIST(x)).items, used);
  REFUSED(ag_gradients_of(tape, AG_LIST(y), AG_LIST(x), nothing(), AG_UNCONNECTED_ZEROS).items, used);
  REFUSED_VOID(ag_tape_resume(tape), used);
  REFUSED(ag_jacobian(tape, y, x), "persistent");
  ACCEPTED(ag_tape_stop(tape)); /* once, where its own gradient stopped it */
  REFUSED_VOID(ag_tape_stop(tape), "tape_stop: the tape is not recording");
  ACCEPTED(ag_tape_watched(tape));
  ACCEPTED(ag_tape_watch(tape, x));
  FILE *sink = tmpfile();
  ACCEPTED(ag_tape_write_dot(tape, sink));
  fclose(sink);
  ACCEPTED(ag_tape_reset(tape));
  ACCEPTED(ag_tape_resume(tape));
  check_nothing_wrong();
}

/* Every function that takes a tape, from a thread that the tape does not belong to. */
static void *use_foreign_tape(void *argument) {
  ag_tape *tape = argument;
  const char *foreign = "the tape belongs to another thread";
  ag_scope *scope = ag_scope_enter();
  ag_tensor *x = ones();
  REFUSED_VOID(ag_tape_stop(tape), foreign);
  REFUSED_VOID(ag_tape_resume(tape), foreign);
  REFUSED_VOID(ag_tape_reset(tape), foreign);
  REFUSED_VOID(ag_tape_watch(tape, x), foreign);
  REFUSED(ag_tape_watched(tape).items, foreign);
  REFUSED(ag_gradient(tape, x, x), foreign);
  REFUSED(ag_gradients(tape, x, AG_LIST(x)).items, foreign);
  REFUSED(ag_gradients_of(tape, AG_LIST(x), AG_LIST(x), nothing(), AG_UNCONNECTED_NULL).items, foreign);
  REFUSED(ag_jacobian(tape, x, x), foreign);
  REFUSED(ag_batch_jacobian(tape, x, x), foreign);
  REFUSED(ag_tape_write_dot(tape, stdout), foreign);
  ag_scope_leave(scope);
  return NULL;
}

static void tapes_of_other_threads(void **state) {
  (void)state;
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, use_foreign_tape, tape), 0);
  pthread_join(thread, NULL);
  assert_true(ag_tape_is_recording(tape));
  check_nothing_wrong();
}

/* autograd/gradcheck.h */

static ag_tensor *square_first(ag_list inputs, void *context) {
  (void)context;
  return ag_square(inputs.items[0]);
}

static ag_tensor *give_null(ag_list inputs, void *context) {
  (void)inputs, (void)context;
  return NULL;
}

static void gradient_checks(void **state) {
  (void)state;
  ag_tensor *with_null[] = {NULL};
  const ag_list x = AG_LIST(ones()), null_inside = {1, with_null};
  REFUSED(ag_gradcheck(NULL, NULL, x, NULL), "gradcheck: the function is NULL");
  REFUSED(ag_gradcheck(square_first, NULL, nothing(), NULL), "gradcheck: the list of inputs is NULL");
  REFUSED(ag_gradcheck(square_first, NULL, null_inside, NULL), "is NULL");
  REFUSED(ag_gradcheck(give_null, NULL, x, NULL), "gradcheck: the function returned NULL");
  REFUSED(ag_gradgradcheck(NULL, NULL, x, NULL), "gradgradcheck: the function is NULL");
  REFUSED(ag_gradgradcheck(square_first, NULL, nothing(), NULL), "gradgradcheck: the list of inputs is NULL");
  REFUSED(ag_gradgradcheck(square_first, NULL, null_inside, NULL), "is NULL");
  REFUSED(ag_gradgradcheck(give_null, NULL, x, NULL), "gradgradcheck: the function returned NULL");
  check_nothing_wrong();
}

/* No open scope: whatever makes a tensor, a list or a tape is refused. */

static void without_a_scope(void **state) {
  (void)state;
  const char *no_scope = "no scope is open";
  ag_error_clear();
  ag_scope *scope = ag_scope_enter();
  ag_tensor *x = ag_retain(ones()), *images = ag_retain(ag_ones(AG_SHAPE(1, 3, 3, 1)));
  ag_tensor *kernel = ag_retain(ag_ones(AG_SHAPE(1, 1, 1, 1))), *c = ag_retain(ag_ones(AG_SHAPE(3)));
  ag_tensor *items[] = {x};
  const ag_list list = {1, items};
  const ag_window w = AG_STRIDE(1, AG_SAME);
  ag_rng rng = ag_rng_seed(1);
  ag_real *values;
  ag_scope_leave(scope);
  for (int i = 0; i < UNARY; i++) REFUSED(unary_ops[i].op(x), no_scope);
  for (int i = 0; i < BINARY; i++)
    if (binary_ops[i].op != ag_matmul) REFUSED(binary_ops[i].op(x, x), no_scope);
  ag_tensor *made[] = {NULL, NULL};
  REFUSED(ag_matmul_transposed(x, true, x, false), no_scope);
  REFUSED(ag_scalar(1), no_scope);
  REFUSED(ag_full(AG_SHAPE(2), 1), no_scope);
  REFUSED(ag_zeros(AG_SHAPE(2)), no_scope);
  REFUSED(ag_ones(AG_SHAPE(2)), no_scope);
  REFUSED(ag_arange(2), no_scope);
  REFUSED(ag_from(AG_SHAPE(1), &(ag_real){1}), no_scope);
  REFUSED(ag_make(AG_SHAPE(2), &values), no_scope);
  REFUSED(ag_list_make(1, items).items, no_scope);
  REFUSED(ag_variable(x), no_scope);
  REFUSED(ag_detach(x), no_scope);
  REFUSED(ag_where(x, x, x), no_scope);
  REFUSED(ag_sum_axes(x, AG_AXES(0), true), no_scope);
  REFUSED(ag_norm(x, AG_ALL_AXES, true), no_scope);
  REFUSED(ag_argmax(x, 0), no_scope);
  REFUSED(ag_sum_to(x, AG_SHAPE(3)), no_scope);
  REFUSED(ag_reshape(x, AG_SHAPE(6)), no_scope);
  REFUSED(ag_transpose(x, AG_ALL_AXES), no_scope);
  REFUSED(ag_broadcast_to(x, AG_SHAPE(2, 2, 3)), no_scope);
  REFUSED(ag_concat(list, 0), no_scope);
  REFUSED(ag_stack(list, 0), no_scope);
  REFUSED(ag_slice(x, 0, 0, 1), no_scope);
  REFUSED(ag_pad(x, 0, 0, 1), no_scope);
  REFUSED(ag_gather(x, kernel, 0), no_scope);
  REFUSED(ag_one_hot(x, 2), no_scope);
  REFUSED(ag_conv2d(images, kernel, w), no_scope);
  REFUSED(ag_conv2d_transpose(images, kernel, w), no_scope);
  REFUSED(ag_conv2d_kernel_gradient(images, images, w, 1, 1), no_scope);
  REFUSED(ag_upsample_nearest(images, 2, 2), no_scope);
  REFUSED(ag_max_pool(images, 2, 2, w), no_scope);
  REFUSED(ag_avg_pool(images, 2, 2, w), no_scope);
  REFUSED(ag_batch_norm(x, c, c, 1e-3, &made[0], &made[1]), no_scope);
  REFUSED(ag_dropout(x, 0.5, &rng), no_scope);
  REFUSED(ag_softmax(x, -1), no_scope);
  REFUSED(ag_log_softmax(x, -1), no_scope);
  REFUSED(ag_uniform(&rng, AG_SHAPE(2), 0, 1), no_scope);
  REFUSED(ag_normal(&rng, AG_SHAPE(2), 0, 1), no_scope);
  REFUSED(ag_tape_start(), no_scope);
  REFUSED(ag_tape_start_with(AG_PERSISTENT), no_scope);
  REFUSED(ag_scope_leave_with(ag_scope_enter(), x), no_scope);
  REFUSED(ag_scope_leave_with_list(ag_scope_enter(), list).items, no_scope);
  REFUSED(nn_initial((nn_init){0}, AG_SHAPE(2), 1, 1, &rng), no_scope);
  REFUSED(nn_activate(x, NN_TANH), no_scope);
  REFUSED(nn_clip_by_global_norm(list, 1, NULL).items, no_scope);
  ag_tensor *held[] = {x, images, kernel, c};
  for (size_t i = 0; i < sizeof held / sizeof *held; i++) ag_release(held[i]);
  check_nothing_wrong();
}

/* nn/layer.h */

static ag_rng generator = {1, 0};

static ag_tensor *pass_on(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)mode;
  return input;
}
static ag_tensor *forward_to_null(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)input, (void)mode;
  return NULL;
}
static bool build_fails(void *self, ag_shape input, ag_rng *rng) {
  (void)self, (void)input, (void)rng;
  return false;
}

typedef struct {
  ag_tensor *variable;
} holder;
static bool build_holder(void *self, ag_shape input, ag_rng *rng) {
  (void)input, (void)rng;
  return (((holder *)self)->variable = ag_variable(ones())) != NULL;
}
static void name_nothing(void *self, nn_visitor *visitor) {
  nn_visit_weight(visitor, NULL, ((holder *)self)->variable);
}
static const nn_layer_class passes = {.name = "Passes", .forward = pass_on};
static const nn_layer_class no_names = {
    .name = "NoNames", .build = build_holder, .forward = pass_on, .variables = name_nothing};

static nn_layer *built(nn_layer *layer, ag_shape shape) {
  assert_true(nn_build(layer, shape, &generator));
  return layer;
}

static void count_one(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  (void)name, (void)variable, (void)is_buffer;
  ++*(int *)context;
}

static void layers_of_ones_own(void **state) {
  (void)state;
  const nn_layer_class nameless = {.forward = pass_on}, no_forward_class = {.name = "Nothing"};
  const nn_layer_class unbuilt = {.name = "Fails", .forward = pass_on, .build = build_fails};
  const nn_layer_class to_null = {.name = "ToNull", .forward = forward_to_null};
  REFUSED(nn_layer_new(NULL, NULL, 0), "layer_new: class_of_layer is NULL");
  REFUSED(nn_layer_new(&passes, NULL, 8), "layer_new: self is NULL");
  REFUSED(nn_layer_new(&nameless, NULL, 0), "layer_new: a class needs a name");
  REFUSED(nn_layer_new(&no_forward_class, NULL, 0), "layer_new: a class needs");
  TOO_LARGE(nn_layer_new(&passes, &(int){0}, SIZE_MAX));
  TOO_LARGE(nn_layer_new(&passes, &(int){0}, SIZE_MAX / 2));
  REFUSED(nn_layer_new(&no_names, &(holder){NULL}, sizeof(holder)), "visit_weight: name is NULL");
  REFUSED(nn_layer_self(NULL), "layer_self: layer is NULL");
  REFUSED(nn_layer_class_of(NULL), "layer_class_of: layer is NULL");
  ACCEPTED(nn_layer_free(NULL));
  const struct {
    const nn_layer_class *class_of_layer;
    const char *text;
  } failing[] = {{&unbuilt, "Fails: build failed"}, {&to_null, "ToNull: forward gave NULL"}};
  for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
    nn_layer *layer = nn_layer_new(failing[i].class_of_layer, &(holder){NULL}, sizeof(holder));
    REFUSED(nn_build(layer, AG_SHAPE(2), &generator), failing[i].text);
    assert_false(nn_is_built(layer));
    nn_layer_free(layer);
  }
  REFUSED_VOID(nn_visit_weight(NULL, "name", ones()), "visit_weight: visitor is NULL");
  REFUSED_VOID(nn_visit_buffer(NULL, "name", ones()), "visit_buffer: visitor is NULL");
  REFUSED_VOID(nn_visit_layer(NULL, "name", NULL), "visit_layer: visitor is NULL");
  ACCEPTED(nn_option(NAN, 1));
  check_nothing_wrong();
}

static void layers_in_use(void **state) {
  (void)state;
  nn_layer *layer = nn_dense_of((nn_dense_options){.units = 2});
  REFUSED(nn_build(NULL, AG_SHAPE(3), &generator), "build: layer is NULL");
  REFUSED(nn_build(layer, AG_SHAPE(3), NULL), "Dense: rng is NULL");
  REFUSED(nn_build(layer, bad_rank(), &generator), "Dense: input of rank 100");
  REFUSED(nn_build(layer, (ag_shape){8, {1, 1, 1, 1, 1, 1, 1, 1}}, &generator), "Dense: input of rank 8");
  REFUSED(nn_build(layer, (ag_shape){1, {-1}}, &generator), "Dense: input of rank 1");
  TOO_LARGE(nn_build(layer, (ag_shape){2, {(int64_t)1 << 40, (int64_t)1 << 40}}, &generator));
  TOO_LARGE(nn_build(layer, AG_SHAPE(HUGE_SIZE), &generator));
  REFUSED(nn_forward(layer, ones(), NN_EVAL), "forward: Dense is not built");
  REFUSED(nn_input_shape(layer).rank >= 0, "input_shape: Dense is not built");
  REFUSED(nn_output_shape(layer).rank >= 0, "output_shape: Dense is not built");
  REFUSED(nn_trainable_variables(layer).items, "trainable_variables: Dense is not built");
  REFUSED_VOID(nn_set_trainable(layer, false), "Dense is not built");
  REFUSED_VOID(nn_allow_any_size(layer), "allow_any_size: Dense is not built");
  REFUSED(nn_summary(layer, stdout), "Dense is not built");
  built(layer, AG_SHAPE(3));
  REFUSED(nn_build(layer, AG_SHAPE(3), &generator), "Dense: built before");
  REFUSED(nn_forward(NULL, ones(), NN_EVAL), "forward: layer is NULL");
  REFUSED(nn_forward(layer, NULL, NN_EVAL), "Dense: input is NULL");
  REFUSED(nn_forward(layer, ag_scalar(1), NN_EVAL), "Dense: input has shape []");
  REFUSED(nn_forward(layer, ag_ones(AG_SHAPE(2, 4)), NN_EVAL), "Dense: input has shape [2, 4]");
  REFUSED(nn_forward(layer, ag_ones(AG_SHAPE(3)), NN_EVAL), "Dense: input has shape [3]");
  ACCEPTED(nn_forward(layer, ag_zeros(AG_SHAPE(0, 3)), NN_EVAL));
  REFUSED(nn_input_shape(NULL).rank >= 0, "input_shape: layer is NULL");
  REFUSED(nn_output_shape(NULL).rank >= 0, "output_shape: layer is NULL");
  REFUSED(nn_trainable_variables(NULL).items, "trainable_variables: layer is NULL");
  REFUSED(nn_variables(NULL).items, "variables: layer is NULL");
  REFUSED_VOID(nn_set_trainable(NULL, true), "layer is NULL");
  REFUSED_VOID(nn_allow_any_size(NULL), "allow_any_size: layer is NULL");
  int count = 0;
  REFUSED_VOID(nn_each_variable(NULL, count_one, &count), "each_variable: layer is NULL");
  REFUSED_VOID(nn_each_variable(layer, NULL, NULL), "each_variable: the function is NULL");
  REFUSED_VOID(nn_each_layer(NULL, NULL, NULL), "each_layer: layer is NULL");
  REFUSED_VOID(nn_each_layer(layer, NULL, NULL), "each_layer: the function is NULL");
  REFUSED(nn_summary(NULL, stdout), "layer is NULL");
  REFUSED(nn_summary(layer, NULL), "summary: file is NULL");
  ACCEPTED(nn_is_built(NULL));
  nn_layer_free(layer);
  check_nothing_wrong();
}

/* nn/layers.h: a layer whose options are wrong fails when it is built. */

static void refuse_to_build(nn_layer *layer, ag_shape shape, const char *text, int line) {
  if (ag_failed()) misuse_complain("making a layer", line, "it failed before its build");
  check_refused(!nn_build(layer, shape, &generator), "nn_build", text, line);
  nn_layer_free(layer);
}
#define REFUSED_BUILD(layer, shape, text) refuse_to_build(layer, shape, text, __LINE__)

static void dense_layers(void **state) {
  (void)state;
  const ag_shape three = AG_SHAPE(3);
  const nn_init no_init = {.kind = (nn_init_kind)42}, endless = {NN_NORMAL, INFINITY}, minus = {NN_NORMAL, -1};
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 0}), three, "Dense: units is 0");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = INT_MIN}), three, "Dense: units is");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2}), AG_SCALAR_SHAPE, "Dense: input has shape []");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2, .activation = (nn_activation_kind)42}), three, "Dense: ");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2, .kernel_init = no_init}), three, "initial: 42");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2, .bias_init = endless}), three, "initial: scale");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2, .bias_init = minus}), three, "initial: scale");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = INT_MAX}), AG_SHAPE((int64_t)1 << 50), "Dense: ");
  REFUSED_BUILD(nn_maxout_of((nn_maxout_options){.units = 2}), three, "Maxout: units, pieces are 2, 0");
  REFUSED_BUILD(nn_maxout_of((nn_maxout_options){.units = -1, .pieces = 2}), three, "Maxout: units, pieces");
  REFUSED_BUILD(nn_maxout_of((nn_maxout_options){.units = 2, .pieces = 2}), AG_SCALAR_SHAPE, "Maxout: input");
  REFUSED_BUILD(nn_maxout_of((nn_maxout_options){.units = INT_MAX, .pieces = INT_MAX, .no_bias = true}), three,
                "Maxout: ");
  REFUSED(nn_initial(no_init, three, 1, 1, &generator), "initial: 42");
  REFUSED(nn_initial((nn_init){0}, three, 1, 1, NULL), "rng is NULL");
  REFUSED(nn_initial((nn_init){0}, bad_rank(), 1, 1, &generator), "shape");
  REFUSED(nn_initial((nn_init){NN_NORMAL, NAN}, three, 1, 1, &generator), "initial: scale");
  TOO_LARGE(nn_initial((nn_init){NN_ZEROS, 0}, AG_SHAPE(HUGE_SIZE), 1, 1, &generator));
  REFUSED(nn_activate(NULL, NN_LINEAR), "activate: input is NULL");
  REFUSED(nn_activate(NULL, NN_RELU), "is NULL");
  REFUSED(nn_activate(ones(), (nn_activation_kind)-1), "activate: -1");
  REFUSED(nn_activate(ag_scalar(1), NN_SOFTMAX), "softmax: there is no axis");
  REFUSED_BUILD(nn_activation((nn_activation_kind)99), three, "Activation: activate: 99");
  REFUSED_BUILD(nn_leaky_relu_of((nn_leaky_relu_options){.slope = -1}), three, "LeakyReLU: slope is -1");
  REFUSED_BUILD(nn_leaky_relu_of((nn_leaky_relu_options){.slope = INFINITY}), three, "LeakyReLU: slope is inf");
  REFUSED_BUILD(nn_dropout(1), three, "Dropout: rate is 1");
  REFUSED_BUILD(nn_dropout(-0.5), three, "Dropout: rate is -0.5");
  REFUSED_BUILD(nn_dropout(NAN), three, "Dropout: rate is");
  nn_layer *dropout = built(nn_dropout(0.5), three);
  REFUSED(nn_forward(dropout, ones(), (nn_mode){.training = true}), "Dropout: dropout: rng is NULL");
  nn_layer_free(dropout);
  check_nothing_wrong();
}

static void window_layers(void **state) {
  (void)state;
  const ag_shape image = AG_SHAPE(4, 4, 1), three = AG_SHAPE(3);
  nn_layer *(*const convolutions_of[])(nn_conv2d_options) = {nn_conv2d_of, nn_conv2d_transpose_of};
  for (int i = 0; i < 2; i++) {
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 0, .kernel_size = 3}), image,
                  "filters, kernel_size, stride are 0, 3, 1");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 0}), image,
                  "filters, kernel_size, stride");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 3, .stride = -2}), image,
                  "stride are 2, 3, -2");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 3}), three,
                  "input has shape [3]");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 3, .padding = (nn_padding)5}),
                  image, "padding");
    REFUSED_BUILD(
        convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 3, .activation = (nn_activation_kind)50}),
        image, "50");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = INT_MAX, .kernel_size = INT_MAX}), image,
                  "too large");
  }
  REFUSED_BUILD(nn_conv2d_of((nn_conv2d_options){.filters = 2, .kernel_size = 5}), image, "conv2d: a window of 5");
  REFUSED_BUILD(nn_conv2d_transpose_of((nn_conv2d_options){.filters = 2, .kernel_size = 3, .stride = INT_MAX}), image,
                "conv2d_transpose");
  nn_layer *(*const pools_of[])(nn_pool_options) = {nn_max_pool2d_of, nn_avg_pool2d_of};
  for (int i = 0; i < 2; i++) {
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 0}), image, "size and stride are 0 and 0");
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 2, .stride = -1}), image, "size and stride");
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 5}), image, "a window of 5");
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 2}), three, "input has shape [3]");
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 2, .padding = (nn_padding)5}), image, "padding");
  }
  REFUSED_BUILD(nn_upsampling2d(0), image, "UpSampling2D: factor is 0");
  REFUSED_BUILD(nn_upsampling2d(-1), image, "UpSampling2D: factor is -1");
  REFUSED_BUILD(nn_upsampling2d(2), three, "UpSampling2D: input has shape [3]");
  REFUSED_BUILD(nn_upsampling2d(INT_MAX), image, "UpSampling2D: ");
  check_nothing_wrong();
}

static void layers_of_layers(void **state) {
  (void)state;
  const ag_shape three = AG_SHAPE(3);
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){.momentum = 2}), three, "momentum is 2");
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){.momentum = NAN}), three, "momentum is");
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){.epsilon = -1}), three, "epsilon is -1");
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){.epsilon = INFINITY}), three, "epsilon is inf");
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){0}), AG_SCALAR_SHAPE, "input has shape []");
  nn_layer *norm = built(nn_batch_norm_of((nn_batch_norm_options){0}), three);
  REFUSED(nn_forward(norm, ag_zeros(AG_SHAPE(0, 3)), NN_TRAIN(&generator)), "batch_norm: x [0, 3]");
  nn_layer_free(norm);
  REFUSED_BUILD(nn_reshape_to(AG_SHAPE(2)), three, "Reshape: input of shape [3]");
  REFUSED_BUILD(nn_reshape_to(AG_SHAPE(-1, -1)), three, "Reshape: input of shape [3]");
  REFUSED_BUILD(nn_reshape_to((ag_shape){1, {-7}}), three, "Reshape: ");
  REFUSED_BUILD(nn_reshape_to(bad_rank()), three, "Reshape: shape: 100 axes");
  REFUSED_BUILD(nn_reshape_to((ag_shape){8, {1, 1, 1, 1, 1, 1, 1, 3}}), three, "Reshape: shape: 9 axes");
  REFUSED_BUILD(nn_flatten(), bad_rank(), "Flatten: input of rank 100");
  REFUSED(nn_spectral_norm(NULL), "SpectralNormalization: inner is NULL");
  REFUSED_BUILD(nn_spectral_norm(nn_flatten()), three, "Flatten has no kernel");
  nn_layer *part = nn_flatten();
  REFUSED(nn_sequential_of(0, &part), "Sequential: no layers");
  REFUSED(nn_sequential_of(2, NULL), "Sequential: no layers");
  REFUSED(nn_sequential_of(2, (nn_layer *[]){nn_flatten(), NULL}), "Sequential: layer 1 is NULL");
  REFUSED(nn_sequential_of(2, (nn_layer *[]){part, part}), "Sequential: layers 0 and 1 are the same");
  nn_layer *shared = nn_flatten(), *first = nn_sequential_of(1, &shared);
  REFUSED(nn_sequential_of(1, &shared), "part of two layers");
  nn_layer_free(first);
  check_nothing_wrong();
}

/* nn/optimizer.h */

static void refuse_optimizer(nn_optimizer *optimizer, const char *text, int line) {
  check_refused(!optimizer, "making an optimizer", text, line);
  nn_optimizer_free(optimizer);
}
#define REFUSED_OPTIMIZER(optimizer, text) refuse_optimizer(optimizer, text, __LINE__)

static void optimizer_options(void **state) {
  (void)state;
  const double wrong_rates[] = {-1, NAN, INFINITY}, wrong_shares[] = {-0.1, 1, 2, NAN};
  for (size_t i = 0; i < sizeof wrong_rates / sizeof *wrong_rates; i++) {
    const double rate = wrong_rates[i];
    REFUSED_OPTIMIZER(nn_sgd_of((nn_sgd_options){.learning_rate = rate}), "sgd: learning_rate");
    REFUSED_OPTIMIZER(nn_rmsprop_of((nn_rmsprop_options){.learning_rate = rate}), "rmsprop: learning_rate");
    REFUSED_OPTIMIZER(nn_rmsprop_of((nn_rmsprop_options){.epsilon = rate}), "rmsprop: epsilon");
    REFUSED_OPTIMIZER(nn_adam_of((nn_adam_options){.learning_rate = rate}), "adam: learning_rate");
    REFUSED_OPTIMIZER(nn_adam_of((nn_adam_options){.epsilon = rate}), "adam: epsilon");
    REFUSED_OPTIMIZER(nn_adamw_of((nn_adam_options){.weight_decay = rate}), "adamw: weight_decay");
  }
  for (size_t i = 0; i < sizeof wrong_shares / sizeof *wrong_shares; i++) {
    const double share = wrong_shares[i];
    REFUSED_OPTIMIZER(nn_sgd_of((nn_sgd_options){.momentum = share}), "momentum");
    REFUSED_OPTIMIZER(nn_rmsprop_of((nn_rmsprop_options){.rho = share}), "rho");
    REFUSED_OPTIMIZER(nn_adam_of((nn_adam_options){.beta1 = share}), "beta1");
    REFUSED_OPTIMIZER(nn_adamw_of((nn_adam_options){.beta2 = share}), "beta2");
  }
  REFUSED_OPTIMIZER(nn_adam_of((nn_adam_options){.weight_decay = 0.1}), "weight_decay is an option of adamw");
  check_nothing_wrong();
}

static void optimizer_steps(void **state) {
  (void)state;
  nn_optimizer *adam = nn_adam_of((nn_adam_options){0});
  ag_tensor *v = ag_variable(ones()), *g = ones(), *with_null[] = {NULL};
  const ag_list vs = AG_LIST(v), gs = AG_LIST(g), null_inside = {1, with_null};
  REFUSED(nn_apply_gradients(NULL, vs, gs), "apply_gradients: optimizer is NULL");
  REFUSED(nn_apply_gradients(adam, nothing(), nothing()), "adam");
  REFUSED(nn_apply_gradients(adam, nothing(), gs), "adam: 0 variables, but 1 gradients");
  REFUSED(nn_apply_gradients(adam, vs, nothing()), "adam: 1 variables, but 0 gradients");
  REFUSED(nn_apply_gradients(adam, (ag_list){1, NULL}, gs), "adam");
  REFUSED(nn_apply_gradients(adam, vs, (ag_list){1, NULL}), "adam");
  REFUSED(nn_apply_gradients(adam, null_inside, gs), "adam: variable 0 is NULL");
  REFUSED(nn_apply_gradients(adam, vs, null_inside), "adam: none of 1 variables has a gradient");
  REFUSED(nn_apply_gradients(adam, gs, gs), "no trainable variable");
  REFUSED(nn_apply_gradients(adam, vs, AG_LIST(ag_scalar(1))), "adam: variable 0 has shape [2, 3]");
  REFUSED(nn_apply_gradients(adam, AG_LIST(v, v), AG_LIST(g, g)), "adam: variables 0 and 1 are the same");
  for (size_t i = 0; i < ag_size(v); i++) assert_true(ag_data(v)[i] == 1); /* none of these took a step */
  REFUSED(nn_set_learning_rate(NULL, 1), "set_learning_rate: optimizer is NULL");
  REFUSED(nn_set_learning_rate(adam, -1), "adam: learning_rate is -1");
  REFUSED(nn_set_learning_rate(adam, NAN), "adam: learning_rate");
  REFUSED(!isnan(nn_learning_rate(NULL)), "learning_rate: optimizer is NULL");
  REFUSED(nn_clip_by_global_norm(nothing(), 1, NULL).items, "clip_by_global_norm: gradients is NULL");
  REFUSED(nn_clip_by_global_norm(gs, 0, NULL).items, "clip_by_global_norm: norm is 0");
  REFUSED(nn_clip_by_global_norm(gs, -1, NULL).items, "clip_by_global_norm: norm is -1");
  REFUSED(nn_clip_by_global_norm(gs, NAN, NULL).items, "clip_by_global_norm: norm");
  REFUSED(nn_clip_by_global_norm(gs, INFINITY, NULL).items, "clip_by_global_norm: norm is inf");
  REFUSED(nn_clip_by_global_norm(AG_LIST(ag_scalar(NAN)), 1, NULL).items, "the gradients' norm is");
  ACCEPTED(nn_clip_by_global_norm(null_inside, 1, NULL));
  ACCEPTED(nn_optimizer_free(NULL));
  nn_optimizer_free(adam);
  check_nothing_wrong();
}

/* nn/safetensors.h */

static void ignore_metadata(const char *key, const char *value, void *context) {
  (void)key, (void)value, (void)context;
}

static void saving_and_loading(void **state) {
  (void)state;
  nn_layer *layer = built(nn_dense_of((nn_dense_options){.units = 2}), AG_SHAPE(3)), *unbuilt = nn_flatten();
  const nn_named_layer good = {.name = "layer", .layer = layer}, no_name = {.layer = layer},
                       no_layer = {.name = "layer"};
  const nn_named_layer not_built = {.name = "layer", .layer = unbuilt}, twice[] = {good, good};
  const char *path = "/nonexistent/folder/file.safetensors";
  REFUSED(nn_save(NULL, 1, &good, NULL), "");
  REFUSED(nn_save(path, 1, NULL, NULL), "");
  REFUSED(nn_save(path, 1, &no_name, NULL), "");
  REFUSED(nn_save(path, 1, &no_layer, NULL), "");
  REFUSED(nn_save(path, 1, &not_built, NULL), "");
  REFUSED(nn_save(path, 2, twice, NULL), "");
  REFUSED(nn_save(path, 1, &good, (const char *[]){"key", NULL}), "");
  REFUSED(nn_save(path, 1, &good, NULL), "");
  REFUSED(nn_save("", 1, &good, NULL), "");
  REFUSED(nn_load(NULL, 1, &good), "");
  REFUSED(nn_load(path, 1, NULL), "");
  REFUSED(nn_load(path, 1, &no_name), "");
  REFUSED(nn_load(path, 1, &no_layer), "");
  REFUSED(nn_load(path, 1, &not_built), "");
  REFUSED(nn_load(path, 1, &good), "");
  REFUSED(nn_load("/", 1, &good), "");
  nn_file file = {0};
  REFUSED(nn_file_create(NULL, path), "nn_file_create");
  REFUSED(nn_file_create(&file, NULL), "nn_file_create");
  REFUSED(nn_file_create(&file, "/dev/null/nowhere"), "/dev/null/nowhere");
  REFUSED(nn_file_close(NULL, true), "nn_file_close");
  REFUSED(nn_file_close(&file, true), "nn_file_close");
  REFUSED(nn_file_rename(NULL, path), "nn_file_rename");
  REFUSED(nn_file_rename(path, NULL), "nn_file_rename");
  REFUSED(nn_file_rename("/dev/null/nowhere", path), "/dev/null/nowhere");
  REFUSED(nn_each_metadata(NULL, ignore_metadata, NULL), "");
  REFUSED(nn_each_metadata(path, NULL, NULL), "");
  REFUSED(nn_each_metadata(path, ignore_metadata, NULL), "");
  REFUSED(nn_read_metadata(NULL, "key"), "");
  REFUSED(nn_read_metadata(path, NULL), "");
  REFUSED(nn_read_metadata(path, "key"), "");
  nn_layer_free(unbuilt);
  nn_layer_free(layer);
  check_nothing_wrong();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(errors),
      TEST(memory),
      TEST(shapes),
      TEST(construction),
      TEST(reading),
      TEST(variables),
      TEST(elementwise_ops),
      TEST(reductions),
      TEST(shape_ops),
      TEST(joining_and_cutting),
      TEST(products),
      TEST(convolutions),
      TEST(pools),
      TEST(normalisation_and_losses),
      TEST(randomness),
      TEST(ops_of_ones_own),
      TEST(settings),
      TEST(scopes),
      TEST(tapes_that_are_null),
      TEST(arguments_of_tapes),
      TEST(used_tapes), TEST(a_vjp_that_reads_what_its_op_dropped),
      TEST(a_vjp_that_gives_back_what_its_op_dropped),
      TEST(tapes_of_other_threads),
      TEST(gradient_checks),
      cmocka_unit_test(without_a_scope),
      TEST(layers_of_ones_own),
      TEST(layers_in_use),
      TEST(dense_layers),
      TEST(window_layers),
      TEST(layers_of_layers),
      TEST(optimizer_options),
      TEST(optimizer_steps),
      TEST(saving_and_loading),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  printf("%d wrong calls of autograd and nn refused or passed over as documented\n", misuse.calls);
  return failed;
}
