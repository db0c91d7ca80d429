/* Every op called wrongly: NULL for each input, sizes of zero, too large or beyond 64 bits, wrong ranks, and random
 * numbers of impossible bounds; then all that makes a tensor, a list or a tape, called without an open scope. */
#include "tests/misuse.h"

#include "nn/nn.h"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(elementwise_ops),
      TEST(reductions),
      TEST(shape_ops),
      TEST(joining_and_cutting),
      TEST(products),
      TEST(convolutions),
      TEST(pools),
      TEST(normalisation_and_losses),
      TEST(randomness),
      cmocka_unit_test(without_a_scope),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  printf("%d wrong calls of autograd's ops refused or passed over as documented\n", misuse.calls);
  return failed;
}
