/* Ops that move values: other shapes, other orders, parts, rows by index. */
#include <limits.h>
#include <math.h>

#include "autograd/ops/common.h"
#include "autograd/tensor_private.h"

static ag_tensor *reshape_forward(ag_node *node) {
  ag_tensor *x = node->inputs[0];
  ag_shape given = *(const ag_shape *)node->attributes, shape = given;
  if (ag_shape_make(given.rank, given.sizes).rank < 0) return NULL;
  int unknown = -1;
  for (int i = 0; i < shape.rank; i++)
    if (shape.sizes[i] == -1) unknown = i;
  if (unknown >= 0) shape.sizes[unknown] = 1;
  size_t size = ag_size(x), known = ag_shape_size(shape);
  if (unknown >= 0) shape.sizes[unknown] = known > 0 ? (int64_t)(size / known) : -1;
  bool fits = ag_shape_size(shape) == size;
  for (int i = 0; i < shape.rank; i++) fits &= shape.sizes[i] >= 0;
  if (fits) return ag_tensor_alias(x, shape);
  return ag_fail(AG_ERROR_SHAPE, "reshape: shape %s cannot become %s: %zu elements do not fill it",
                 ag_shape_print(ag_shape_of(x)).text, ag_shape_print(given).text, size);
}
static ag_tensor *reshape_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_reshape(cotangent, ag_shape_of(node->inputs[input]));
}
static const ag_op reshape_op = {
    .name = "reshape", .forward = reshape_forward, .vjp = reshape_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_reshape(ag_tensor *x, ag_shape shape) {
  return ag_apply(&reshape_op, AG_INPUTS(x), &shape, sizeof shape);
}

/* The order as axes counted from the front; AG_ALL_AXES reverses them. */
static bool resolve_order(const ag_node *node, int order[AG_MAX_RANK]) {
  const ag_axes *axes = node->attributes;
  ag_shape shape = ag_shape_of(node->inputs[0]);
  if (axes->count != 0 && axes->count != shape.rank)
    return ag_fail(AG_ERROR_ARGUMENT, "transpose: an order of %d axes for shape %s", axes->count,
                   ag_shape_print(shape).text);
  bool named[AG_MAX_RANK] = {false};
  for (int i = 0; i < shape.rank; i++) {
    order[i] = axes->count == 0 ? shape.rank - 1 - i : ag_resolve_axis("transpose", shape, axes->axis[i]);
    if (order[i] < 0) return false;
    if (named[order[i]]) return ag_fail(AG_ERROR_ARGUMENT, "transpose: axis %d is named twice", axes->axis[i]);
    named[order[i]] = true;
  }
  return true;
}

static ag_tensor *transpose_forward(ag_node *node) {
  int order[AG_MAX_RANK];
  if (!resolve_order(node, order)) return NULL;
  ag_tensor *x = node->inputs[0];
  kernel_grid from = ag_grid(ag_shape_of(x));
  ag_grid_lay(&from, 0, ag_shape_of(x));
  ag_shape shape = ag_shape_of(x);
  for (int i = 0; i < shape.rank; i++) shape.sizes[i] = (int64_t)from.sizes[order[i]];
  kernel_grid grid = ag_grid(shape);
  for (int i = 0; i < shape.rank; i++) grid.strides[0][i] = from.strides[0][order[i]];
  ag_grid_lay(&grid, 1, shape);
  ag_real *y;
  ag_tensor *output = ag_make(shape, &y);
  if (output) ag_kernels()->copy(&grid, ag_data(x), y);
  return output;
}
static ag_tensor *transpose_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  int order[AG_MAX_RANK];
  if (!resolve_order(node, order)) return NULL;
  ag_axes inverse = *(const ag_axes *)node->attributes;
  for (int i = 0; i < inverse.count; i++) inverse.axis[order[i]] = i;
  return ag_transpose(cotangent, inverse);
}
static const ag_op transpose_op = {
    .name = "transpose", .forward = transpose_forward, .vjp = transpose_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_transpose(ag_tensor *x, ag_axes order) {
  return ag_apply(&transpose_op, AG_INPUTS(x), &order, sizeof order);
}

static ag_tensor *broadcast_to_forward(ag_node *node) {
  ag_tensor *x = node->inputs[0];
  ag_shape shape = *(const ag_shape *)node->attributes, from = ag_shape_of(x);
  if (!ag_broadcasts_to("broadcast_to", from, shape)) return NULL;
  if (ag_shape_equal(from, shape)) return x;
  kernel_grid grid = ag_grid(shape);
  ag_grid_lay(&grid, 0, from);
  ag_grid_lay(&grid, 1, shape);
  ag_real *y;
  ag_tensor *output = ag_make(shape, &y);
  if (output) ag_kernels()->copy(&grid, ag_data(x), y);
  return output;
}
static ag_tensor *broadcast_to_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_sum_to(cotangent, ag_shape_of(node->inputs[input]));
}
static const ag_op broadcast_to_op = {
    .name = "broadcast_to", .forward = broadcast_to_forward, .vjp = broadcast_to_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_broadcast_to(ag_tensor *x, ag_shape shape) {
  return ag_apply(&broadcast_to_op, AG_INPUTS(x), &shape, sizeof shape);
}

/* The axis that stands first in the attributes of the ops below. */
static int axis_of(const ag_node *node) {
  return ag_resolve_axis(node->op->name, ag_shape_of(node->inputs[0]), *(const int *)node->attributes);
}

/* Copies `rows` blocks of `block` elements, which lie from_step and to_step apart. */
static void copy_blocks(size_t rows, size_t block, const ag_real *from, size_t from_step, ag_real *to, size_t to_step) {
  ptrdiff_t from_stride = (ptrdiff_t)from_step, to_stride = (ptrdiff_t)to_step;
  kernel_grid grid = {.rank = 2, .sizes = {rows, block}, .strides = {{from_stride, 1}, {to_stride, 1}}};
  ag_kernels()->copy(&grid, from, to);
}

/* The shape that inputs have when they are joined along the axis. */
static bool joined_shape(const ag_node *node, int axis, ag_shape *joined) {
  ag_shape first = ag_shape_of(node->inputs[0]);
  *joined = first;
  for (int i = 1; i < node->count; i++) {
    ag_shape shape = ag_shape_of(node->inputs[i]), like_first = shape;
    like_first.sizes[axis] = first.sizes[axis];
    if (!ag_shape_equal(like_first, first))
      return ag_fail_shapes("concat", first, shape, "only the joined axis may differ");
    joined->sizes[axis] += shape.sizes[axis]; /* of two valid sizes: no overflow yet */
    if (ag_shape_make(joined->rank, joined->sizes).rank < 0) return false;
  }
  return true;
}

static ag_tensor *concat_forward(ag_node *node) {
  ag_shape shape = ag_shape_of(node->inputs[0]);
  int axis = axis_of(node);
  if (axis < 0 || !joined_shape(node, axis, &shape)) return NULL;
  ag_real *y;
  ag_tensor *output = ag_make(shape, &y);
  if (!output) return NULL;
  size_t outer = ag_sizes_product(shape, 0, axis), row = ag_sizes_product(shape, axis, shape.rank);
  for (int i = 0; i < node->count; i++) {
    size_t block = ag_sizes_product(ag_shape_of(node->inputs[i]), axis, shape.rank);
    copy_blocks(outer, block, ag_data(node->inputs[i]), block, y, row);
    y += block;
  }
  return output;
}
static ag_tensor *concat_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  int axis = axis_of(node);
  int64_t start = 0;
  for (int i = 0; i < input; i++) start += node->inputs[i]->shape.sizes[axis];
  return ag_slice(cotangent, axis, start, ag_shape_of(node->inputs[input]).sizes[axis]);
}
static const ag_op concat_op = {.name = "concat", .forward = concat_forward, .vjp = concat_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_concat(ag_list tensors, int axis) {
  if (tensors.count == 0 || tensors.count > INT_MAX)
    return ag_fail(AG_ERROR_ARGUMENT, "concat: a list of %zu tensors", tensors.count);
  return ag_apply(&concat_op, (int)tensors.count, tensors.items, &axis, sizeof axis);
}

ag_tensor *ag_stack(ag_list tensors, int axis) {
  ag_list rows = ag_list_make(tensors.count, tensors.items);
  for (size_t i = 0; i < rows.count; i++) {
    if (!rows.items[i]) return ag_fail_null("stack", "a tensor of the list");
    ag_shape first = ag_shape_of(tensors.items[0]), shape = ag_shape_of(rows.items[i]);
    if (!ag_shape_equal(shape, first)) return ag_fail_shapes("stack", first, shape, "equal ones are expected");
    int at = axis < 0 ? axis + shape.rank + 1 : axis;
    if (at < 0 || at > shape.rank)
      return ag_fail(AG_ERROR_SHAPE, "stack: no place for a new axis %d in %s", axis, ag_shape_print(shape).text);
    rows.items[i] = ag_reshape(rows.items[i], ag_shape_replace(shape, at, at, AG_SHAPE(1)));
  }
  return ag_concat(rows, axis);
}

/* What a pad adds to an axis; a slice is a pad of negative widths, and each is the other's vjp. */
typedef struct {
  int axis;
  int64_t before, after;
} pad_widths;

static ag_tensor *pad_forward(ag_node *node) {
  const pad_widths *widths = node->attributes;
  ag_tensor *x = node->inputs[0];
  ag_shape shape = ag_shape_of(x);
  int axis = widths->axis;
  size_t rows = ag_sizes_product(shape, 0, axis), row = ag_sizes_product(shape, axis, shape.rank);
  size_t inner = ag_sizes_product(shape, axis + 1, shape.rank);
  shape.sizes[axis] += widths->before + widths->after;
  ag_real *y;
  ag_tensor *output = ag_make(shape, &y);
  if (!output) return NULL;
  size_t output_row = ag_sizes_product(shape, axis, shape.rank);
  if (output_row > row) ag_kernels()->fill(ag_size(output), 0, y);
  const ag_real *from = ag_data(x);
  if (widths->before < 0) from += (size_t)-widths->before * inner;
  else y += (size_t)widths->before * inner;
  copy_blocks(rows, row < output_row ? row : output_row, from, row, y, output_row);
  return output;
}

static ag_tensor *pad_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  const pad_widths *widths = node->attributes;
  ag_shape shape = ag_shape_of(node->inputs[input]);
  return ag_slice(cotangent, widths->axis, widths->before, shape.sizes[widths->axis]);
}
static const ag_op pad_op = {.name = "pad", .forward = pad_forward, .vjp = pad_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_pad(ag_tensor *x, int axis, int64_t before, int64_t after) {
  if (!x) return ag_fail_null("pad", "input");
  ag_shape shape = ag_shape_of(x);
  pad_widths widths = {ag_resolve_axis("pad", shape, axis), before, after};
  if (widths.axis < 0) return NULL;
  int64_t room = INT64_MAX - shape.sizes[widths.axis];
  if (before < 0 || after < 0 || before > room || after > room - before)
    return ag_fail(AG_ERROR_SHAPE, "pad: %lld zeros before and %lld after axis %d of shape %s", (long long)before,
                   (long long)after, axis, ag_shape_print(shape).text);
  return ag_apply(&pad_op, AG_INPUTS(x), &widths, sizeof widths);
}

/* A walk along an axis, slice by slice, takes its length and not the square of it: gradients join in place. */
static ag_tensor *slice_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  const pad_widths *widths = node->attributes;
  if (node->total) return ag_add_in_place(node->total, cotangent, widths->axis, -widths->before);
  return ag_pad(cotangent, widths->axis, -widths->before, -widths->after);
}
static const ag_op slice_op = {.name = "slice", .forward = pad_forward, .vjp = slice_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_slice(ag_tensor *x, int axis, int64_t start, int64_t length) {
  if (!x) return ag_fail_null("slice", "input");
  ag_shape shape = ag_shape_of(x);
  int at = ag_resolve_axis("slice", shape, axis);
  if (at < 0) return NULL;
  if (start < 0 || length < 0 || start > shape.sizes[at] - length)
    return ag_fail(AG_ERROR_SHAPE, "slice: %lld elements from %lld on are not within axis %d of shape %s",
                   (long long)length, (long long)start, axis, ag_shape_print(shape).text);
  pad_widths widths = {at, -start, start + length - shape.sizes[at]};
  return ag_apply(&slice_op, AG_INPUTS(x), &widths, sizeof widths);
}

static bool indices_within(const char *op, const ag_tensor *indices, int64_t bound) {
  const ag_real *index = ag_read(indices, op);
  for (size_t i = 0; index && i < ag_size(indices); i++) {
    double value = (double)index[i];
    if (value >= 0 && value < (double)bound && value == floor(value)) continue;
    return ag_fail(AG_ERROR_ARGUMENT, "%s: index %g (number %zu) is no whole number from 0 to below %lld", op, value, i,
                   (long long)bound);
  }
  return index != NULL;
}

/* The rows lie along this axis; a scatter makes `size` of them. */
typedef struct {
  int axis;
  int64_t size;
} row_axis;

static ag_tensor *gather_forward(ag_node *node) {
  ag_tensor *x = node->inputs[0], *indices = node->inputs[1];
  ag_shape from = ag_shape_of(x);
  int axis = axis_of(node);
  if (axis < 0 || !indices_within("gather", indices, from.sizes[axis])) return NULL;
  ag_real *y;
  ag_tensor *output = ag_make(ag_shape_replace(from, axis, axis + 1, ag_shape_of(indices)), &y);
  if (!output) return NULL;
  ag_kernels()->gather(ag_sizes_product(from, 0, axis), (size_t)from.sizes[axis],
                       ag_sizes_product(from, axis + 1, from.rank), ag_size(indices), ag_data(indices), ag_data(x), y);
  return output;
}

static ag_tensor *add_rows(ag_tensor *sum, const ag_tensor *rows, const ag_tensor *indices, int axis) {
  ag_shape shape = ag_shape_of(sum);
  ag_kernels()->scatter(ag_sizes_product(shape, 0, axis), (size_t)shape.sizes[axis],
                        ag_sizes_product(shape, axis + 1, shape.rank), ag_size(indices), ag_data(indices),
                        ag_data(rows), ag_values(sum->buffer));
  return sum;
}

static ag_tensor *scatter_forward(ag_node *node) {
  ag_tensor *x = node->inputs[0], *indices = node->inputs[1];
  const row_axis *rows = node->attributes;
  ag_shape from = ag_shape_of(x);
  int end = rows->axis + ag_shape_of(indices).rank;
  ag_tensor *output = ag_zeros(ag_shape_replace(from, rows->axis, end, AG_SHAPE(rows->size)));
  return output ? add_rows(output, x, indices, rows->axis) : NULL;
}
static ag_tensor *scatter_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  if (input == 1) return NULL;
  return ag_gather(cotangent, node->inputs[1], ((const row_axis *)node->attributes)->axis);
}
static const ag_op scatter_op = {
    .name = "scatter", .forward = scatter_forward, .vjp = scatter_vjp, .drops = AG_DROP_OUTPUT};

static ag_tensor *gather_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  if (input == 1) return NULL;
  int axis = axis_of(node);
  if (node->total) return add_rows(node->total, cotangent, node->inputs[1], axis);
  row_axis rows = {axis, ag_shape_of(node->inputs[0]).sizes[axis]};
  return ag_apply(&scatter_op, AG_INPUTS(cotangent, node->inputs[1]), &rows, sizeof rows);
}
static const ag_op gather_op = {
    .name = "gather", .forward = gather_forward, .vjp = gather_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_gather(ag_tensor *x, ag_tensor *indices, int axis) {
  return ag_apply(&gather_op, AG_INPUTS(x, indices), &(row_axis){.axis = axis}, sizeof(row_axis));
}

ag_tensor *ag_one_hot(ag_tensor *indices, int64_t depth) {
  if (depth < 0) return ag_fail(AG_ERROR_ARGUMENT, "one_hot: depth %lld must not be negative", (long long)depth);
  if (!indices_within("one_hot", indices, depth)) return NULL;
  ag_shape shape = ag_shape_of(indices), column = ag_shape_replace(shape, shape.rank, shape.rank, AG_SHAPE(1));
  return ag_equal(ag_reshape(ag_detach(indices), column), ag_arange(depth));
}
