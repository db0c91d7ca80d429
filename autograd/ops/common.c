#include "autograd/ops/common.h"

void *ag_fail_shapes(const char *op, ag_shape a, ag_shape b, const char *expected) {
  return ag_fail(AG_ERROR_SHAPE, "%s: shapes %s and %s, but %s", op, ag_shape_print(a).text, ag_shape_print(b).text,
                 expected);
}

int ag_resolve_axis(const char *op, ag_shape shape, int axis) {
  int resolved = axis < 0 ? axis + shape.rank : axis;
  if (resolved >= 0 && resolved < shape.rank) return resolved;
  ag_fail(AG_ERROR_SHAPE, "%s: there is no axis %d in shape %s", op, axis, ag_shape_print(shape).text);
  return -1;
}

size_t ag_sizes_product(ag_shape shape, int first, int last) {
  size_t product = 1;
  for (int i = first; i < last; i++) product *= (size_t)shape.sizes[i];
  return product;
}

/* The size of the axis that is `place` from the end; axes in front of the first count as 1. */
static int64_t size_from_end(ag_shape shape, int place) {
  return place <= shape.rank ? shape.sizes[shape.rank - place] : 1;
}

bool ag_broadcast_shapes(ag_shape a, ag_shape b, ag_shape *result) {
  int rank = a.rank > b.rank ? a.rank : b.rank;
  int64_t sizes[AG_MAX_RANK];
  for (int i = 1; i <= rank; i++) {
    int64_t m = size_from_end(a, i), n = size_from_end(b, i);
    if (m != n && m != 1 && n != 1) return false;
    sizes[rank - i] = m == 1 ? n : m;
  }
  *result = ag_shape_make(rank, sizes);
  return result->rank >= 0;
}

bool ag_broadcasts_to(const char *op, ag_shape from, ag_shape to) {
  ag_shape common;
  if (ag_shape_make(to.rank, to.sizes).rank < 0) return false;
  bool fits = ag_broadcast_shapes(from, to, &common) && ag_shape_equal(common, to);
  return fits || ag_fail_shapes(op, from, to, "the first must broadcast to the second");
}

kernel_grid ag_grid(ag_shape shape) {
  kernel_grid grid = {.rank = shape.rank};
  for (int i = 0; i < shape.rank; i++) grid.sizes[i] = (size_t)shape.sizes[i];
  return grid;
}

void ag_grid_lay(kernel_grid *grid, int operand, ag_shape shape) {
  ptrdiff_t stride = 1;
  for (int i = 1; i <= grid->rank; i++) {
    int64_t size = size_from_end(shape, i);
    grid->strides[operand][grid->rank - i] = size == 1 ? 0 : stride;
    stride *= (ptrdiff_t)size;
  }
}

/* Windows of `taps` along an axis of `size`: how many, and how many zeros go before. */
static bool windows_along(const char *op, int64_t size, int64_t taps, int stride, ag_padding padding, size_t *count,
                          size_t *pad) {
  if (stride < 1 || taps < 1 || taps > INT32_MAX || (padding != AG_VALID && padding != AG_SAME))
    return ag_fail(taps > INT32_MAX ? AG_ERROR_SHAPE : AG_ERROR_ARGUMENT,
                   "%s: stride %d and window size %lld must be at least 1 and below 2^31, padding %d must be 0 or 1",
                   op, stride, (long long)taps, (int)padding);
  if (padding == AG_VALID && size < taps)
    return ag_fail(AG_ERROR_SHAPE, "%s: a window of %lld does not fit into %lld without padding", op, (long long)taps,
                   (long long)size);
  int64_t windows = padding == AG_VALID ? (size - taps) / stride + 1 : size / stride + (size % stride != 0);
  int64_t missing = padding == AG_VALID ? 0 : (windows - 1) * stride - size + taps;
  *count = (size_t)windows;
  *pad = missing > 0 ? (size_t)missing / 2 : 0;
  return true;
}

bool ag_windows_over(const char *op, ag_shape images, int64_t height, int64_t width, ag_window window,
                     kernel_windows *windows) {
  if (images.rank != 4)
    return ag_fail(AG_ERROR_SHAPE, "%s: shape %s, but images [N, H, W, C] are expected", op,
                   ag_shape_print(images).text);
  const int64_t *size = images.sizes;
  *windows = (kernel_windows){.n = (size_t)size[0], .h = (size_t)size[1], .w = (size_t)size[2], .c = (size_t)size[3],
                              .kh = (size_t)height, .kw = (size_t)width,
                              .stride_h = (size_t)window.stride_h, .stride_w = (size_t)window.stride_w};
  return windows_along(op, size[1], height, window.stride_h, window.padding, &windows->oh, &windows->pad_h) &&
         windows_along(op, size[2], width, window.stride_w, window.padding, &windows->ow, &windows->pad_w);
}

kernel_arithmetic ag_arithmetic(ag_precision precision) {
  if (!ag_precision_available(precision)) return KERNEL_NATIVE;
  return precision == AG_HIGH ? KERNEL_BF16X3 : precision == AG_MEDIUM ? KERNEL_BF16 : KERNEL_NATIVE;
}
