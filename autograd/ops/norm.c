/* Batch normalisation (Ioffe and Szegedy 2015). The ops read x as [rows, C]. The backward pass is two fused ops: one
 * sums over the rows, one makes the gradient of x. `mean` and `scale` (1 / sqrt(variance + epsilon)) are inputs that
 * only save computing them again: no gradient goes through them, for the vjps account for how they depend on x. */
#include "autograd/ops/common.h"

static size_t rows_of(const ag_tensor *x) { return (size_t)ag_shape_of(x).sizes[0]; }
static size_t channels_of(const ag_tensor *x) { return (size_t)ag_shape_of(x).sizes[1]; }

static ag_tensor *row_sum(ag_tensor *x) { return ag_sum_axes(x, AG_AXES(0), false); }
static ag_tensor *row_mean(ag_tensor *x) { return ag_mean_axes(x, AG_AXES(0), false); }

/* (x - mean) * scale as ops of x alone, and the scale. */
static ag_tensor *normalized(ag_tensor *x, double epsilon, ag_tensor **scale) {
  ag_tensor *centered = ag_sub(x, row_mean(x));
  *scale = ag_reciprocal(ag_sqrt(ag_add_scalar(row_mean(ag_square(centered)), epsilon)));
  return ag_mul(centered, *scale);
}

static double epsilon_of(const ag_node *node) { return *(const double *)node->attributes; }

/* inputs: cotangent g, x, mean, scale; output [2, C]: the sums of g and of g * (x - mean) * scale */
static ag_tensor *batch_norm_sums_forward(ag_node *node) {
  ag_tensor *g = node->inputs[0], *x = node->inputs[1];
  size_t c = channels_of(x);
  ag_real *sums;
  ag_tensor *output = ag_make(AG_SHAPE(2, (int64_t)c), &sums);
  if (!output) return NULL;
  ag_kernels()->batch_sums(rows_of(x), c, ag_data(g), ag_data(x), ag_data(node->inputs[2]), ag_data(node->inputs[3]),
                           sums, sums + c);
  return output;
}
static ag_tensor *batch_norm_sums_composite(ag_node *node) {
  ag_tensor *g = node->inputs[0], *scale;
  ag_tensor *x = normalized(node->inputs[1], epsilon_of(node), &scale);
  return ag_stack(AG_LIST(row_sum(g), row_sum(ag_mul(g, x))), 0);
}
static ag_tensor *batch_norm_sums_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return input < 2 ? ag_composite_vjp(batch_norm_sums_composite, node, input, cotangent) : NULL;
}
static const ag_op batch_norm_sums_op = {
    .name = "batch_norm_sums", .forward = batch_norm_sums_forward, .vjp = batch_norm_sums_vjp, .drops = AG_DROP_OUTPUT};

/* inputs: g, x, gamma, the sums, mean, scale; output: the gradient of x */
static ag_tensor *batch_norm_backward_forward(ag_node *node) {
  ag_tensor *g = node->inputs[0], *x = node->inputs[1];
  size_t c = channels_of(x);
  const ag_real *gamma = ag_data(node->inputs[2]), *sums = ag_data(node->inputs[3]);
  ag_real *dx;
  ag_tensor *output = ag_make(ag_shape_of(x), &dx);
  if (!output) return NULL;
  ag_kernels()->batch_norm_backward(rows_of(x), c, ag_data(g), ag_data(x), ag_data(node->inputs[4]),
                                    ag_data(node->inputs[5]), gamma, sums, sums + c, dx);
  return output;
}
static ag_tensor *batch_norm_backward_composite(ag_node *node) {
  ag_tensor *g = node->inputs[0], *scale;
  ag_tensor *x = normalized(node->inputs[1], epsilon_of(node), &scale);
  ag_tensor *rest = ag_add(row_mean(g), ag_mul(x, row_mean(ag_mul(g, x))));
  return ag_mul(ag_mul(node->inputs[2], scale), ag_sub(g, rest));
}
static ag_tensor *batch_norm_backward_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return input < 3 ? ag_composite_vjp(batch_norm_backward_composite, node, input, cotangent) : NULL;
}
static const ag_op batch_norm_backward_op = {
    .name = "batch_norm_backward", .forward = batch_norm_backward_forward, .vjp = batch_norm_backward_vjp,
    .drops = AG_DROP_OUTPUT};

/* inputs: x, gamma, beta, mean, scale */
static ag_tensor *batch_norm_forward(ag_node *node) {
  ag_tensor **in = node->inputs;
  ag_real *y;
  ag_tensor *output = ag_make(ag_shape_of(in[0]), &y);
  if (!output) return NULL;
  ag_kernels()->batch_normalize(rows_of(in[0]), channels_of(in[0]), ag_data(in[0]), ag_data(in[3]), ag_data(in[4]),
                                ag_data(in[1]), ag_data(in[2]), y);
  return output;
}
static ag_tensor *batch_norm_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  if (input > 2) return NULL;
  ag_tensor *x = node->inputs[0], *gamma = node->inputs[1], *mean = node->inputs[3], *scale = node->inputs[4];
  if (!node->memo) {
    node->memo = ag_apply(&batch_norm_sums_op, AG_INPUTS(cotangent, x, mean, scale), node->attributes, sizeof(double));
  }
  if (input == 0) {
    return ag_apply(&batch_norm_backward_op, AG_INPUTS(cotangent, x, gamma, node->memo, mean, scale), node->attributes,
                    sizeof(double));
  }
  bool is_gamma = input == 1; /* the second row of the sums; the first is the gradient of beta */
  return ag_reshape(ag_slice(node->memo, 0, is_gamma, 1), ag_shape_of(gamma));
}
static const ag_op batch_norm_op = {
    .name = "batch_norm", .forward = batch_norm_forward, .vjp = batch_norm_vjp, .drops = AG_DROP_OUTPUT};

static bool inputs_fit(const ag_tensor *x, const ag_tensor *gamma, const ag_tensor *beta, double epsilon) {
  if (!x || !gamma || !beta) return ag_fail_null("batch_norm", !x ? "input" : !gamma ? "gamma" : "beta") != NULL;
  ag_shape shape = ag_shape_of(x), g = ag_shape_of(gamma), b = ag_shape_of(beta);
  bool fit = shape.rank > 0 && g.rank == 1 && g.sizes[0] == shape.sizes[shape.rank - 1] && ag_shape_equal(b, g);
  if (!fit || ag_sizes_product(shape, 0, shape.rank - 1) == 0) {
    return ag_fail(AG_ERROR_SHAPE, "batch_norm: x %s, gamma %s, beta %s, but [rows ..., C], [C], [C] are expected",
                   ag_shape_print(shape).text, ag_shape_print(g).text, ag_shape_print(b).text) != NULL;
  }
  if (epsilon >= 0) return true;
  return ag_fail(AG_ERROR_ARGUMENT, "batch_norm: epsilon %g must not be negative", epsilon) != NULL;
}

ag_tensor *ag_batch_norm(ag_tensor *x, ag_tensor *gamma, ag_tensor *beta, double epsilon, ag_tensor **mean,
                         ag_tensor **variance) {
  if (!inputs_fit(x, gamma, beta, epsilon)) return NULL;
  ag_shape shape = ag_shape_of(x), channels = ag_shape_of(gamma);
  ag_tensor *rows = ag_reshape(x, AG_SHAPE((int64_t)ag_sizes_product(shape, 0, shape.rank - 1), channels.sizes[0]));
  ag_real *mean_values, *variance_values;
  ag_tensor *m = ag_make(channels, &mean_values), *v = ag_make(channels, &variance_values);
  if (!rows || !m || !v) return NULL;
  ag_kernels()->batch_moments(rows_of(rows), channels_of(rows), ag_data(rows), mean_values, variance_values);
  if (mean) *mean = m;
  if (variance) *variance = v;
  ag_tensor *scale = ag_reciprocal(ag_sqrt(ag_add_scalar(v, epsilon)));
  ag_tensor *y = ag_apply(&batch_norm_op, AG_INPUTS(rows, gamma, beta, m, scale), &epsilon, sizeof epsilon);
  return ag_reshape(y, shape);
}
