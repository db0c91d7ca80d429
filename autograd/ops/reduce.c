/* Sums and maxima over axes. */
#include "autograd/ops/common.h"
#include "autograd/tensor_private.h"

ag_axes ag_axes_make(int count, const int *axis) {
  ag_axes axes = {.count = -1};
  if (count < 1 || count > AG_MAX_RANK || !axis)
    return ag_fail(AG_ERROR_ARGUMENT, "axes: %d of them, but 1 to %d are expected", count, AG_MAX_RANK), axes;
  axes.count = count;
  for (int i = 0; i < count; i++) axes.axis[i] = axis[i];
  return axes;
}

typedef struct {
  ag_axes axes;
  bool keepdims;
} reduction;

static ag_tensor *reduce_apply(const ag_op *op, ag_tensor *x, ag_axes axes, bool keepdims) {
  return ag_apply(op, AG_INPUTS(x), &(reduction){axes, keepdims}, sizeof(reduction));
}

/* Marks the axes that the call reduces. */
static bool find_reduced(const ag_node *node, bool reduced[AG_MAX_RANK]) {
  const ag_axes *axes = &((const reduction *)node->attributes)->axes;
  const char *name = node->op->name;
  ag_shape shape = ag_shape_of(node->inputs[0]);
  if (axes->count < 0 || axes->count > AG_MAX_RANK)
    return ag_fail(AG_ERROR_ARGUMENT, "%s: the list of axes is invalid", name);
  for (int i = 0; i < AG_MAX_RANK; i++) reduced[i] = axes->count == 0;
  for (int i = 0; i < axes->count; i++) {
    int axis = ag_resolve_axis(name, shape, axes->axis[i]);
    if (axis < 0) return false;
    if (reduced[axis]) return ag_fail(AG_ERROR_ARGUMENT, "%s: axis %d is named twice", name, axes->axis[i]);
    reduced[axis] = true;
  }
  return true;
}

static ag_shape reduced_shape(ag_shape shape, const bool reduced[AG_MAX_RANK], bool keepdims) {
  ag_shape result = {.rank = 0};
  for (int i = 0; i < shape.rank; i++)
    if (!reduced[i] || keepdims) result.sizes[result.rank++] = reduced[i] ? 1 : shape.sizes[i];
  return result;
}

/* Reduces axes begin ... end - 1, which stay as 1. */
static ag_tensor *reduce_run(const char *name, kernel_reduction f, ag_tensor *x, int begin, int end) {
  ag_shape shape = ag_shape_of(x);
  size_t outer = ag_sizes_product(shape, 0, begin), inner = ag_sizes_product(shape, end, shape.rank);
  size_t count = ag_sizes_product(shape, begin, end);
  if (count == 0 && f == KERNEL_MAX)
    return ag_fail(AG_ERROR_SHAPE, "%s: shape %s has no elements to choose from", name, ag_shape_print(shape).text);
  for (int i = begin; i < end; i++) shape.sizes[i] = 1;
  ag_real *y;
  ag_tensor *output = ag_make(shape, &y);
  if (output) ag_kernels()->reduce(f, outer, count, inner, ag_data(x), y);
  return output;
}

/* Runs of neighbouring axes are reduced at once, the last run first: it reads memory in order while there is most. */
static ag_tensor *reduce_forward(ag_node *node, kernel_reduction f) {
  bool reduced[AG_MAX_RANK];
  if (!find_reduced(node, reduced)) return NULL;
  ag_tensor *y = node->inputs[0];
  ag_shape shape = ag_shape_of(y);
  for (int end = shape.rank; y && end > 0;) {
    int begin = end;
    while (begin > 0 && reduced[begin - 1]) begin--;
    if (begin < end) y = reduce_run(node->op->name, f, y, begin, end);
    end = begin < end ? begin : end - 1;
  }
  bool keepdims = ((const reduction *)node->attributes)->keepdims;
  return y ? ag_tensor_alias(y, reduced_shape(shape, reduced, keepdims)) : NULL;
}

/* An output or its cotangent, with the reduced axes as 1, so that it broadcasts to the input. */
static ag_tensor *with_kept_axes(const ag_node *node, ag_tensor *y) {
  bool reduced[AG_MAX_RANK];
  if (!find_reduced(node, reduced)) return NULL;
  return ag_reshape(y, reduced_shape(ag_shape_of(node->inputs[0]), reduced, true));
}

static ag_tensor *sum_forward(ag_node *node) { return reduce_forward(node, KERNEL_SUM); }
static ag_tensor *sum_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_broadcast_to(with_kept_axes(node, cotangent), ag_shape_of(node->inputs[input]));
}
static const ag_op sum_op = {.name = "sum", .forward = sum_forward, .vjp = sum_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_sum_axes(ag_tensor *x, ag_axes axes, bool keepdims) { return reduce_apply(&sum_op, x, axes, keepdims); }
ag_tensor *ag_sum(ag_tensor *x) { return ag_sum_axes(x, AG_ALL_AXES, false); }

/* The mean of no elements is NaN, as in NumPy: 0 over 0. */
static ag_tensor *mean_forward(ag_node *node) {
  ag_tensor *sum = sum_forward(node);
  return sum ? ag_div(sum, ag_scalar((double)ag_size(node->inputs[0]) / (double)ag_size(sum))) : NULL;
}
static ag_tensor *mean_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  size_t size = ag_size(node->inputs[input]);
  return sum_vjp(node, input, ag_scale(cotangent, size ? (double)ag_size(cotangent) / (double)size : 0));
}
static const ag_op mean_op = {.name = "mean", .forward = mean_forward, .vjp = mean_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_mean_axes(ag_tensor *x, ag_axes axes, bool keepdims) { return reduce_apply(&mean_op, x, axes, keepdims); }
ag_tensor *ag_mean(ag_tensor *x) { return ag_mean_axes(x, AG_ALL_AXES, false); }

static ag_tensor *max_forward(ag_node *node) { return reduce_forward(node, KERNEL_MAX); }
static ag_tensor *max_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  ag_tensor *is_max = ag_equal(node->inputs[input], with_kept_axes(node, node->output));
  ag_tensor *ties = ag_sum_axes(is_max, ((const reduction *)node->attributes)->axes, true);
  return ag_mul(is_max, ag_div(with_kept_axes(node, cotangent), ties));
}
static const ag_op max_op = {.name = "max", .forward = max_forward, .vjp = max_vjp};
ag_tensor *ag_max_axes(ag_tensor *x, ag_axes axes, bool keepdims) { return reduce_apply(&max_op, x, axes, keepdims); }
ag_tensor *ag_max(ag_tensor *x) { return ag_max_axes(x, AG_ALL_AXES, false); }

static ag_tensor *argmax_forward(ag_node *node) {
  ag_tensor *x = node->inputs[0];
  ag_shape shape = ag_shape_of(x);
  int axis = ag_resolve_axis(node->op->name, shape, *(const int *)node->attributes);
  if (axis < 0) return NULL;
  if (shape.sizes[axis] == 0 || shape.sizes[axis] > AG_LAST_WHOLE)
    return ag_fail(AG_ERROR_SHAPE, "argmax: shape %s has %s elements to choose from", ag_shape_print(shape).text,
                   shape.sizes[axis] == 0 ? "no" : "too many");
  ag_real *y;
  ag_tensor *output = ag_make(ag_shape_replace(shape, axis, axis + 1, AG_SCALAR_SHAPE), &y);
  if (!output) return NULL;
  ag_kernels()->argmax(ag_sizes_product(shape, 0, axis), (size_t)shape.sizes[axis],
                       ag_sizes_product(shape, axis + 1, shape.rank), ag_data(x), y);
  return output;
}
static const ag_op argmax_op = {.name = "argmax", .forward = argmax_forward, .not_differentiable = true};
ag_tensor *ag_argmax(ag_tensor *x, int axis) { return ag_apply(&argmax_op, AG_INPUTS(x), &axis, sizeof axis); }

/* Where the sum is 0, the root is taken of 1 and thrown away, so that no derivative of it is infinite. */
ag_tensor *ag_norm(ag_tensor *x, ag_axes axes, bool keepdims) {
  if (!x) return ag_fail_null("norm", "input");
  ag_tensor *sum = ag_sum_axes(ag_square(x), axes, keepdims);
  return ag_where(sum, ag_sqrt(ag_where(sum, sum, ag_scalar(1))), ag_scalar(0));
}

ag_tensor *ag_sum_to(ag_tensor *x, ag_shape shape) {
  if (!x) return ag_fail_null("sum_to", "input");
  ag_shape from = ag_shape_of(x);
  if (ag_shape_make(shape.rank, shape.sizes).rank < 0 || !ag_broadcasts_to("sum_to", shape, from)) return NULL;
  ag_axes axes = {.count = 0};
  int missing = from.rank - shape.rank;
  for (int i = 0; i < from.rank; i++) {
    if (from.sizes[i] != 1 && (i < missing || shape.sizes[i - missing] == 1)) axes.axis[axes.count++] = i;
  }
  /* a new tensor even where nothing is summed */
  return ag_reshape(axes.count > 0 ? ag_sum_axes(x, axes, true) : x, shape);
}
