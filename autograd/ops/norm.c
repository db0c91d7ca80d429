/* Batch normalisation (Ioffe and Szegedy 2015), followed by leaky_relu; with slope 1 by nothing. The ops read x as
 * [rows, C]. The backward pass is two fused ops: one sums over the rows, one makes the gradient of x. `mean` and
 * `scale` (1 / sqrt(variance + epsilon)) are inputs that only save computing them again: no gradient goes through them,
 * for the vjps account for how they depend on x. */
#include "autograd/ops/common.h"

typedef struct {
  double epsilon, slope;
} batch_norm_attributes;

/* The inputs of all three ops begin alike. */
enum { X, GAMMA, BETA, MEAN, SCALE, COTANGENT, SUMS };

static size_t rows_of(const ag_tensor *x) { return (size_t)ag_shape_of(x).sizes[0]; }
static size_t channels_of(const ag_tensor *x) { return (size_t)ag_shape_of(x).sizes[1]; }

static ag_kernel_batch_norm kernel_of(const ag_node *node) {
  const batch_norm_attributes *a = node->attributes;
  ag_tensor **in = node->inputs;
  return (ag_kernel_batch_norm){rows_of(in[X]),      channels_of(in[X]), ag_data(in[X]),    ag_data(in[MEAN]),
                                ag_data(in[SCALE]), ag_data(in[GAMMA]), ag_data(in[BETA]), a->slope};
}

static ag_tensor *row_sum(ag_tensor *x) { return ag_sum_axes(x, AG_AXES(0), false); }
static ag_tensor *row_mean(ag_tensor *x) { return ag_mean_axes(x, AG_AXES(0), false); }

/* As ops of the inputs alone: (x - mean) * scale, the scale, and what leaky_relu leaves of the cotangent. */
typedef struct {
  ag_tensor *x, *scale, *cotangent;
} composite;

static composite composed(ag_node *node) {
  const batch_norm_attributes *a = node->attributes;
  ag_tensor **in = node->inputs, *centered = ag_sub(in[X], row_mean(in[X])), *g = in[COTANGENT];
  ag_tensor *scale = ag_reciprocal(ag_sqrt(ag_add_scalar(row_mean(ag_square(centered)), a->epsilon)));
  ag_tensor *x = ag_mul(centered, scale);
  ag_tensor *positive = ag_greater(ag_add(ag_mul(x, in[GAMMA]), in[BETA]), ag_scalar(0));
  return (composite){x, scale, ag_where(positive, g, a->slope == 0 ? ag_scalar(0) : ag_scale(g, a->slope))};
}

/* output [2, C]: the sums of g and of g * (x - mean) * scale, where g is what leaky_relu leaves of the cotangent */
static ag_tensor *batch_norm_sums_forward(ag_node *node) {
  size_t c = channels_of(node->inputs[X]);
  ag_kernel_batch_norm norm = kernel_of(node);
  ag_real *sums;
  ag_tensor *output = ag_make(AG_SHAPE(2, (int64_t)c), &sums);
  if (output) ag_kernels()->batch_sums(&norm, ag_data(node->inputs[COTANGENT]), sums, sums + c);
  return output;
}
static ag_tensor *batch_norm_sums_composite(ag_node *node) {
  composite c = composed(node);
  return ag_stack(AG_LIST(row_sum(c.cotangent), row_sum(ag_mul(c.cotangent, c.x))), 0);
}
static ag_tensor *batch_norm_sums_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  bool depends = input == X || input == COTANGENT;
  return depends ? ag_composite_vjp(batch_norm_sums_composite, node, input, cotangent) : NULL;
}
static const ag_op batch_norm_sums_op = {
    .name = "batch_norm_sums", .forward = batch_norm_sums_forward, .vjp = batch_norm_sums_vjp, .drops = AG_DROP_OUTPUT};

/* output: the gradient of x */
static ag_tensor *batch_norm_backward_forward(ag_node *node) {
  ag_tensor *x = node->inputs[X];
  const ag_real *sums = ag_data(node->inputs[SUMS]);
  ag_kernel_batch_norm norm = kernel_of(node);
  ag_real *dx;
  ag_tensor *output = ag_make(ag_shape_of(x), &dx);
  if (output)
    ag_kernels()->batch_norm_backward(&norm, ag_data(node->inputs[COTANGENT]), sums, sums + channels_of(x), dx);
  return output;
}
static ag_tensor *batch_norm_backward_composite(ag_node *node) {
  composite c = composed(node);
  ag_tensor *rest = ag_add(row_mean(c.cotangent), ag_mul(c.x, row_mean(ag_mul(c.cotangent, c.x))));
  return ag_mul(ag_mul(node->inputs[GAMMA], c.scale), ag_sub(c.cotangent, rest));
}
static ag_tensor *batch_norm_backward_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  bool depends = input == X || input == GAMMA || input == COTANGENT;
  return depends ? ag_composite_vjp(batch_norm_backward_composite, node, input, cotangent) : NULL;
}
static const ag_op batch_norm_backward_op = {
    .name = "batch_norm_backward", .forward = batch_norm_backward_forward, .vjp = batch_norm_backward_vjp,
    .drops = AG_DROP_OUTPUT};

static ag_tensor *batch_norm_forward(ag_node *node) {
  ag_kernel_batch_norm norm = kernel_of(node);
  ag_real *y;
  ag_tensor *output = ag_make(ag_shape_of(node->inputs[X]), &y);
  if (output) ag_kernels()->batch_normalize(&norm, y);
  return output;
}
static ag_tensor *batch_norm_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  if (input > BETA) return NULL;
  const size_t bytes = sizeof(batch_norm_attributes);
  ag_tensor *in[] = {node->inputs[X],    node->inputs[GAMMA], node->inputs[BETA], node->inputs[MEAN],
                     node->inputs[SCALE], cotangent,          NULL};
  if (!node->memo) node->memo = ag_apply(&batch_norm_sums_op, COTANGENT + 1, in, node->attributes, bytes);
  in[SUMS] = node->memo;
  if (input == X) return ag_apply(&batch_norm_backward_op, SUMS + 1, in, node->attributes, bytes);
  /* the first row of the sums is the gradient of beta, the second that of gamma */
  return ag_reshape(ag_slice(node->memo, 0, input == GAMMA, 1), ag_shape_of(node->inputs[GAMMA]));
}
static const ag_op batch_norm_op = {
    .name = "batch_norm", .forward = batch_norm_forward, .vjp = batch_norm_vjp, .drops = AG_DROP_OUTPUT};

static bool inputs_fit(const ag_tensor *x, const ag_tensor *gamma, const ag_tensor *beta, double epsilon,
                       double slope) {
  if (!x || !gamma || !beta) return ag_fail_null("batch_norm", !x ? "input" : !gamma ? "gamma" : "beta");
  ag_shape shape = ag_shape_of(x), g = ag_shape_of(gamma), b = ag_shape_of(beta);
  bool fit = shape.rank > 0 && g.rank == 1 && g.sizes[0] == shape.sizes[shape.rank - 1] && ag_shape_equal(b, g);
  if (!fit || ag_sizes_product(shape, 0, shape.rank - 1) == 0)
    return ag_fail(AG_ERROR_SHAPE, "batch_norm: x %s, gamma %s, beta %s, not [rows ..., C] with rows > 0, [C], [C]",
                   ag_shape_print(shape).text, ag_shape_print(g).text, ag_shape_print(b).text);
  if (epsilon >= 0 && slope >= 0) return true;
  return ag_fail(AG_ERROR_ARGUMENT, "batch_norm: epsilon %g and slope %g must not be negative", epsilon, slope);
}

ag_tensor *ag_batch_norm_leaky_relu(ag_tensor *x, ag_tensor *gamma, ag_tensor *beta, double epsilon, double slope,
                                    ag_tensor **mean, ag_tensor **variance) {
  if (!inputs_fit(x, gamma, beta, epsilon, slope)) return NULL;
  ag_shape shape = ag_shape_of(x), channels = ag_shape_of(gamma);
  ag_tensor *rows = ag_reshape(x, AG_SHAPE((int64_t)ag_sizes_product(shape, 0, shape.rank - 1), channels.sizes[0]));
  ag_real *mean_values, *variance_values;
  ag_tensor *m = ag_make(channels, &mean_values), *v = ag_make(channels, &variance_values);
  if (!rows || !m || !v) return NULL;
  ag_kernels()->batch_moments(rows_of(rows), channels_of(rows), ag_data(rows), mean_values, variance_values);
  if (mean) *mean = m;
  if (variance) *variance = v;
  ag_tensor *scale = ag_reciprocal(ag_sqrt(ag_add_scalar(v, epsilon)));
  ag_tensor *y = ag_apply(&batch_norm_op, AG_INPUTS(rows, gamma, beta, m, scale),
                          &(batch_norm_attributes){epsilon, slope}, sizeof(batch_norm_attributes));
  return ag_reshape(y, shape);
}

ag_tensor *ag_batch_norm(ag_tensor *x, ag_tensor *gamma, ag_tensor *beta, double epsilon, ag_tensor **mean,
                         ag_tensor **variance) {
  return ag_batch_norm_leaky_relu(x, gamma, beta, epsilon, 1, mean, variance);
}
