/* Ops on each element of one tensor, or of two or three that broadcast as in NumPy. */
#include "autograd/ops/common.h"
#include "autograd/tensor_private.h"

/* The attributes of an op that is one kernel: which (a kernel_map or kernel_zip), and its parameters. */
typedef struct {
  int kernel;
  double p, q;
} elementwise;

/* One input */

static ag_tensor *map_forward(ag_node *node) {
  const elementwise *e = node->attributes;
  ag_tensor *x = node->inputs[0];
  ag_real *y;
  ag_tensor *output = ag_make_like(x, &y);
  if (output) ag_kernels()->map((kernel_map)e->kernel, x->size, ag_values(x->buffer), e->p, e->q, y);
  return output;
}

static ag_tensor *map_apply(const ag_op *op, kernel_map f, ag_tensor *x, double p, double q) {
  return ag_apply(op, AG_INPUTS(x), &(elementwise){(int)f, p, q}, sizeof(elementwise));
}

static ag_tensor *scale_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_scale(cotangent, ((const elementwise *)node->attributes)->p);
}
static const ag_op scale_op = {.name = "scale", .forward = map_forward, .vjp = scale_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_scale(ag_tensor *x, double factor) { return map_apply(&scale_op, KERNEL_SCALE, x, factor, 0); }

static const ag_op neg_op = {.name = "neg", .forward = map_forward, .vjp = scale_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_neg(ag_tensor *x) { return map_apply(&neg_op, KERNEL_SCALE, x, -1, 0); }

/* The vjp of an op that adds constants or changes nothing. */
static ag_tensor *unchanged_vjp(ag_node *node, int input, ag_tensor *cotangent) { return cotangent; }

static const ag_op add_scalar_op = {
    .name = "add_scalar", .forward = map_forward, .vjp = unchanged_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_add_scalar(ag_tensor *x, double term) { return map_apply(&add_scalar_op, KERNEL_ADD_SCALAR, x, term, 0); }

static ag_tensor *identity_forward(ag_node *node) { return node->inputs[0]; }
static const ag_op identity_op = {
    .name = "identity", .forward = identity_forward, .vjp = unchanged_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_identity(ag_tensor *x) { return ag_apply(&identity_op, AG_INPUTS(x), NULL, 0); }

static ag_tensor *square_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_scale(node->inputs[input], 2));
}
static const ag_op square_op = {.name = "square", .forward = map_forward, .vjp = square_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_square(ag_tensor *x) { return map_apply(&square_op, KERNEL_SQUARE, x, 0, 0); }

static ag_tensor *sqrt_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_div(ag_scale(cotangent, 0.5), node->output);
}
static const ag_op sqrt_op = {.name = "sqrt", .forward = map_forward, .vjp = sqrt_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_sqrt(ag_tensor *x) { return map_apply(&sqrt_op, KERNEL_SQRT, x, 0, 0); }

static ag_tensor *exp_vjp(ag_node *node, int input, ag_tensor *cotangent) { return ag_mul(cotangent, node->output); }
static const ag_op exp_op = {.name = "exp", .forward = map_forward, .vjp = exp_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_exp(ag_tensor *x) { return map_apply(&exp_op, KERNEL_EXP, x, 0, 0); }

static ag_tensor *log_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_div(cotangent, node->inputs[input]);
}
static const ag_op log_op = {.name = "log", .forward = map_forward, .vjp = log_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_log(ag_tensor *x) { return map_apply(&log_op, KERNEL_LOG, x, 0, 0); }

static ag_tensor *reciprocal_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_neg(ag_mul(cotangent, ag_square(node->output)));
}
static const ag_op reciprocal_op = {
    .name = "reciprocal", .forward = map_forward, .vjp = reciprocal_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_reciprocal(ag_tensor *x) { return map_apply(&reciprocal_op, KERNEL_RECIPROCAL, x, 0, 0); }

static const ag_op sign_op = {.name = "sign", .forward = map_forward, .not_differentiable = true};
ag_tensor *ag_sign(ag_tensor *x) { return map_apply(&sign_op, KERNEL_SIGN, x, 0, 0); }

static ag_tensor *abs_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_sign(node->inputs[input]));
}
static const ag_op abs_op = {.name = "abs", .forward = map_forward, .vjp = abs_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_abs(ag_tensor *x) { return map_apply(&abs_op, KERNEL_ABS, x, 0, 0); }

static ag_tensor *pow_scalar_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  double exponent = ((const elementwise *)node->attributes)->p;
  if (exponent == 0) return ag_zeros(ag_shape_of(cotangent)); /* 0 * x^-1 would be NaN at 0 */
  return ag_mul(cotangent, ag_scale(ag_pow_scalar(node->inputs[input], exponent - 1), exponent));
}
static const ag_op pow_scalar_op = {
    .name = "pow_scalar", .forward = map_forward, .vjp = pow_scalar_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_pow_scalar(ag_tensor *x, double exponent) {
  return map_apply(&pow_scalar_op, KERNEL_POW_SCALAR, x, exponent, 0);
}

static ag_tensor *sigmoid_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_sub(node->output, ag_square(node->output)));
}
static const ag_op sigmoid_op = {
    .name = "sigmoid", .forward = map_forward, .vjp = sigmoid_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_sigmoid(ag_tensor *x) { return map_apply(&sigmoid_op, KERNEL_SIGMOID, x, 0, 0); }

static ag_tensor *tanh_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_sub(ag_scalar(1), ag_square(node->output)));
}
static const ag_op tanh_op = {.name = "tanh", .forward = map_forward, .vjp = tanh_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_tanh(ag_tensor *x) { return map_apply(&tanh_op, KERNEL_TANH, x, 0, 0); }

static ag_tensor *softplus_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_sigmoid(node->inputs[input]));
}
static const ag_op softplus_op = {
    .name = "softplus", .forward = map_forward, .vjp = softplus_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_softplus(ag_tensor *x) { return map_apply(&softplus_op, KERNEL_SOFTPLUS, x, 0, 0); }

/* Two inputs */

/* Tensors of one shape lie densely, as if they had a single axis. */
static void lay_row(kernel_grid *grid, size_t size) {
  grid->rank = 1;
  grid->sizes[0] = size;
  for (int operand = 0; operand < 3; operand++) grid->strides[operand][0] = 1;
}

/* Makes the output of two inputs, and lays the grid of all three. */
static ag_tensor *zip_output(const ag_node *node, kernel_grid *grid, ag_real **y) {
  const ag_tensor *a = node->inputs[0], *b = node->inputs[1];
  if (ag_same_shape(a, b)) return lay_row(grid, a->size), ag_make_like(a, y);
  ag_shape shape;
  if (!ag_broadcast_shapes(a->shape, b->shape, &shape))
    return ag_fail_shapes(node->op->name, a->shape, b->shape, "from the end, sizes must be equal or 1");
  *grid = ag_grid(shape);
  ag_grid_lay(grid, 0, a->shape);
  ag_grid_lay(grid, 1, b->shape);
  ag_grid_lay(grid, 2, shape);
  return ag_make(shape, y);
}

ag_tensor *ag_zip_forward(ag_node *node) {
  const elementwise *e = node->attributes;
  const ag_real *a = ag_values(node->inputs[0]->buffer), *b = ag_values(node->inputs[1]->buffer);
  kernel_grid grid;
  ag_real *y;
  ag_tensor *output = zip_output(node, &grid, &y);
  if (output) ag_kernels()->zip((kernel_zip)e->kernel, &grid, a, b, e->p, e->q, y);
  return output;
}

ag_tensor *ag_add_in_place(ag_tensor *sum, const ag_tensor *term, int axis, int64_t start) {
  int rank = sum->shape.rank;
  ag_real *y = ag_values(sum->buffer);
  if (start > 0) y += (size_t)start * ag_sizes_product(sum->shape, axis + 1, rank);
  kernel_grid grid;
  lay_row(&grid, term->size);
  if (axis > 0) {
    size_t rows = ag_sizes_product(term->shape, 0, axis), block = ag_sizes_product(term->shape, axis, rank);
    ptrdiff_t row = (ptrdiff_t)ag_sizes_product(sum->shape, axis, rank);
    grid = (kernel_grid){.rank = 2, .sizes = {rows, block}, .strides = {{row, 1}, {(ptrdiff_t)block, 1}, {row, 1}}};
  }
  ag_kernels()->zip(KERNEL_ADD, &grid, y, ag_values(term->buffer), 0, 0, y);
  return sum;
}

ag_tensor *ag_zip_apply(const ag_op *op, kernel_zip f, ag_tensor *a, ag_tensor *b, double p, double q) {
  return ag_apply(op, AG_INPUTS(a, b), &(elementwise){(int)f, p, q}, sizeof(elementwise));
}

/* A gate passes or scales its first input by where the second lies: the vjp of a piecewise linear function. It is
 * linear in the first input and locally constant in the second. */
static ag_tensor *gate_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  if (input == 1) return NULL;
  return ag_apply(node->op, AG_INPUTS(cotangent, node->inputs[1]), node->attributes, sizeof(elementwise));
}

static const ag_op leaky_gate_op = {
    .name = "leaky_gate", .forward = ag_zip_forward, .vjp = gate_vjp, .drops = AG_DROP_OUTPUT};

/* The output is above 0 exactly where the input is, and the next layer mostly keeps it anyway. */
static ag_tensor *leaky_relu_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  double slope = ((const elementwise *)node->attributes)->p;
  if (!node->memo) node->memo = ag_zip_apply(&leaky_gate_op, KERNEL_LEAKY_GATE, cotangent, node->output, slope, 0);
  return node->memo;
}
static const ag_op leaky_relu_op = {
    .name = "leaky_relu", .forward = map_forward, .vjp = leaky_relu_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_leaky_relu(ag_tensor *x, double slope) {
  if (!(slope >= 0)) return ag_fail(AG_ERROR_ARGUMENT, "leaky_relu: slope %g must be at least 0", slope);
  return map_apply(&leaky_relu_op, KERNEL_LEAKY_RELU, x, slope, 0);
}

static const ag_op add_leaky_relu_op = {
    .name = "add_leaky_relu", .forward = ag_zip_forward, .vjp = leaky_relu_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_add_leaky_relu(ag_tensor *a, ag_tensor *b, double slope) {
  if (!(slope >= 0)) return ag_fail(AG_ERROR_ARGUMENT, "add_leaky_relu: slope %g must be at least 0", slope);
  return ag_zip_apply(&add_leaky_relu_op, KERNEL_ADD_LEAKY_RELU, a, b, slope, 0);
}

static const ag_op relu_op = {.name = "relu", .forward = map_forward, .vjp = leaky_relu_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_relu(ag_tensor *x) { return map_apply(&relu_op, KERNEL_LEAKY_RELU, x, 0, 0); }

static const ag_op clip_gate_op = {
    .name = "clip_gate", .forward = ag_zip_forward, .vjp = gate_vjp, .drops = AG_DROP_OUTPUT};
static ag_tensor *clip_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  const elementwise *e = node->attributes;
  return ag_zip_apply(&clip_gate_op, KERNEL_CLIP_GATE, cotangent, node->inputs[input], e->p, e->q);
}
static const ag_op clip_op = {.name = "clip", .forward = map_forward, .vjp = clip_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_clip(ag_tensor *x, double low, double high) {
  if (!(low <= high)) return ag_fail(AG_ERROR_ARGUMENT, "clip: low %g must not be above high %g", low, high);
  return map_apply(&clip_op, KERNEL_CLIP, x, low, high);
}

static const ag_op add_op = {.name = "add", .forward = ag_zip_forward, .vjp = unchanged_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_add(ag_tensor *a, ag_tensor *b) { return ag_zip_apply(&add_op, KERNEL_ADD, a, b, 0, 0); }

static ag_tensor *sub_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return input == 0 ? cotangent : ag_neg(cotangent);
}
static const ag_op sub_op = {.name = "sub", .forward = ag_zip_forward, .vjp = sub_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_sub(ag_tensor *a, ag_tensor *b) { return ag_zip_apply(&sub_op, KERNEL_SUB, a, b, 0, 0); }

static ag_tensor *mul_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, node->inputs[1 - input]);
}
static const ag_op mul_op = {.name = "mul", .forward = ag_zip_forward, .vjp = mul_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_mul(ag_tensor *a, ag_tensor *b) { return ag_zip_apply(&mul_op, KERNEL_MUL, a, b, 0, 0); }

static ag_tensor *div_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  ag_tensor *a = node->inputs[0], *b = node->inputs[1];
  ag_tensor *share = ag_div(cotangent, b);
  return input == 0 ? share : ag_neg(ag_mul(share, ag_div(a, b)));
}
static const ag_op div_op = {.name = "div", .forward = ag_zip_forward, .vjp = div_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_div(ag_tensor *a, ag_tensor *b) { return ag_zip_apply(&div_op, KERNEL_DIV, a, b, 0, 0); }

/* b a^(b-1), where 0 * 0^-1 counts as 0; and a^b log(a), where 0^b log(0) does. */
static ag_tensor *pow_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  ag_tensor *a = node->inputs[0], *b = node->inputs[1], *zero = ag_scalar(0);
  if (input == 1) {
    ag_tensor *safe = ag_where(a, a, ag_scalar(1));
    return ag_mul(cotangent, ag_where(a, ag_mul(ag_pow(safe, b), ag_log(safe)), zero));
  }
  ag_tensor *both_zero = ag_mul(ag_equal(a, zero), ag_equal(b, zero));
  return ag_mul(cotangent, ag_mul(b, ag_pow(a, ag_where(both_zero, zero, ag_add_scalar(b, -1)))));
}
static const ag_op pow_op = {.name = "pow", .forward = ag_zip_forward, .vjp = pow_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_pow(ag_tensor *a, ag_tensor *b) { return ag_zip_apply(&pow_op, KERNEL_POW, a, b, 0, 0); }

static ag_tensor *maximum_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  int above = ((const elementwise *)node->attributes)->kernel == KERNEL_MAXIMUM ? input : 1 - input;
  ag_tensor *a = node->inputs[above], *b = node->inputs[1 - above];
  ag_tensor *at_tie = ag_where(ag_equal(a, b), ag_scale(cotangent, 0.5), ag_scalar(0));
  return ag_where(ag_greater(a, b), cotangent, at_tie);
}
static const ag_op maximum_op = {
    .name = "maximum", .forward = ag_zip_forward, .vjp = maximum_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_maximum(ag_tensor *a, ag_tensor *b) { return ag_zip_apply(&maximum_op, KERNEL_MAXIMUM, a, b, 0, 0); }

static const ag_op minimum_op = {
    .name = "minimum", .forward = ag_zip_forward, .vjp = maximum_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_minimum(ag_tensor *a, ag_tensor *b) { return ag_zip_apply(&minimum_op, KERNEL_MINIMUM, a, b, 0, 0); }

/* Comparisons */

static ag_tensor *compare(const ag_op *op, kernel_zip f, ag_tensor *a, ag_tensor *b) {
  return ag_zip_apply(op, f, a, b, 0, 0);
}

static const ag_op equal_op = {.name = "equal", .forward = ag_zip_forward, .not_differentiable = true};
ag_tensor *ag_equal(ag_tensor *a, ag_tensor *b) { return compare(&equal_op, KERNEL_EQUAL, a, b); }

static const ag_op not_equal_op = {.name = "not_equal", .forward = ag_zip_forward, .not_differentiable = true};
ag_tensor *ag_not_equal(ag_tensor *a, ag_tensor *b) { return compare(&not_equal_op, KERNEL_NOT_EQUAL, a, b); }

static const ag_op less_op = {.name = "less", .forward = ag_zip_forward, .not_differentiable = true};
ag_tensor *ag_less(ag_tensor *a, ag_tensor *b) { return compare(&less_op, KERNEL_LESS, a, b); }

static const ag_op less_equal_op = {.name = "less_equal", .forward = ag_zip_forward, .not_differentiable = true};
ag_tensor *ag_less_equal(ag_tensor *a, ag_tensor *b) { return compare(&less_equal_op, KERNEL_LESS_EQUAL, a, b); }

static const ag_op greater_op = {.name = "greater", .forward = ag_zip_forward, .not_differentiable = true};
ag_tensor *ag_greater(ag_tensor *a, ag_tensor *b) { return compare(&greater_op, KERNEL_GREATER, a, b); }

static const ag_op greater_equal_op = {.name = "greater_equal", .forward = ag_zip_forward, .not_differentiable = true};
ag_tensor *ag_greater_equal(ag_tensor *a, ag_tensor *b) {
  return compare(&greater_equal_op, KERNEL_GREATER_EQUAL, a, b);
}

static ag_tensor *where_forward(ag_node *node) {
  ag_shape shape = ag_shape_of(node->inputs[0]);
  for (int i = 1; i < 3; i++) {
    ag_shape before = shape, next = ag_shape_of(node->inputs[i]);
    if (ag_broadcast_shapes(before, next, &shape)) continue;
    return ag_fail_shapes("where", before, next, "from the end, sizes must be equal or 1");
  }
  kernel_grid grid = ag_grid(shape);
  const ag_real *values[3];
  for (int i = 0; i < 3; i++) {
    ag_grid_lay(&grid, i, ag_shape_of(node->inputs[i]));
    values[i] = ag_data(node->inputs[i]);
  }
  ag_real *y;
  ag_tensor *output = ag_make(shape, &y);
  if (output) ag_kernels()->where(&grid, values[0], values[1], values[2], y);
  return output;
}
static ag_tensor *where_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  if (input == 0) return NULL;
  ag_tensor *zero = ag_scalar(0);
  return input == 1 ? ag_where(node->inputs[0], cotangent, zero) : ag_where(node->inputs[0], zero, cotangent);
}
static const ag_op where_op = {.name = "where", .forward = where_forward, .vjp = where_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_where(ag_tensor *condition, ag_tensor *a, ag_tensor *b) {
  return ag_apply(&where_op, AG_INPUTS(condition, a, b), NULL, 0);
}
