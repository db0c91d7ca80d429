/* conv2d, its gradient with respect to the images (the transposed convolution) and that with respect to the kernel.
 * All are bilinear, and the vjps of each are the other two. All sizes are those of conv2d, whichever of the three ops
 * runs. */
#include "autograd/memory.h"
#include "autograd/ops/common.h"

/* The part of a conv2d that is wanted, of this shape, from the two that are the inputs of the node. */
static ag_tensor *convolve(const ag_node *node, const kernel_windows *w, kernel_conv_part wanted,
                           kernel_conv_part first, kernel_conv_part second, ag_shape shape) {
  ag_kernel_convolution c = {.windows = *w, .wanted = wanted, .arithmetic = ag_arithmetic(node->precision)};
  c.channels = (size_t)ag_shape_of(node->inputs[1]).sizes[3];
  ag_tensor *output = ag_make(shape, &c.result);
  if (!output || ag_size(output) == 0) return output; /* the other axes may be long */
  if (ag_size(node->inputs[0]) == 0 || ag_size(node->inputs[1]) == 0)
    return ag_kernels()->fill(ag_size(output), 0, c.result), output;
  c.values[first] = ag_data(node->inputs[0]), c.values[second] = ag_data(node->inputs[1]);
  size_t bytes = ag_kernels()->convolution_workspace(&c);
  void *workspace = ag_pool_take(bytes);
  if (!workspace) return NULL;
  ag_kernels()->convolution(&c, workspace);
  ag_pool_give(workspace, bytes);
  return output;
}

/* height and width: of the result of conv2d_transpose, or of the kernel whose gradient it is */
typedef struct {
  ag_window window;
  int64_t height, width;
} conv_attributes;

static bool in_range(int64_t size) { return size >= 0 && size <= INT32_MAX; }

/* Two inputs of rank 4, whose sizes at axis_a and axis_b are equal. */
static bool inputs_fit(const ag_node *node, int axis_a, int axis_b, const char *expected) {
  ag_shape a = ag_shape_of(node->inputs[0]), b = ag_shape_of(node->inputs[1]);
  bool fit = a.rank == 4 && b.rank == 4 && a.sizes[axis_a] == b.sizes[axis_b];
  for (int i = 0; fit && i < 4; i++) fit = in_range(a.sizes[i]) && in_range(b.sizes[i]);
  return fit || ag_fail_shapes(node->op->name, a, b, expected);
}

/* The windows of conv2d of these images with this kernel, and the shape of its output. */
static bool windows_of(const ag_node *node, ag_shape images, ag_shape kernel, kernel_windows *w, ag_shape *output) {
  ag_window window = ((const conv_attributes *)node->attributes)->window;
  if (!ag_windows_over(node->op->name, images, kernel.sizes[0], kernel.sizes[1], window, w)) return false;
  *output = (ag_shape){4, {images.sizes[0], (int64_t)w->oh, (int64_t)w->ow, kernel.sizes[3]}};
  bool countable = w->h * w->w <= UINT32_MAX && w->kh * w->kw <= UINT32_MAX &&
                   w->oh * w->ow * w->kh * w->kw <= (uint64_t)1 << 48;
  return countable || ag_fail_shapes(node->op->name, images, kernel, "fewer than 2^32 pixels are expected");
}

/* The same for an op that is handed the output. */
static bool windows_between(const ag_node *node, ag_shape images, ag_shape kernel, ag_shape output, kernel_windows *w) {
  ag_shape found;
  if (!windows_of(node, images, kernel, w, &found)) return false;
  if (ag_shape_equal(found, output)) return true;
  return ag_fail(AG_ERROR_SHAPE, "%s: a conv2d of %s with a kernel %s gives %s, not %s", node->op->name,
                 ag_shape_print(images).text, ag_shape_print(kernel).text, ag_shape_print(found).text,
                 ag_shape_print(output).text);
}

static ag_tensor *conv_apply(const ag_op *op, ag_tensor *a, ag_tensor *b, ag_window window, int64_t height,
                             int64_t width) {
  return ag_apply(op, AG_INPUTS(a, b), &(conv_attributes){window, height, width}, sizeof(conv_attributes));
}

static ag_tensor *conv2d_forward(ag_node *node) {
  if (!inputs_fit(node, 3, 2, "images [N, H, W, C] and a kernel [kh, kw, C, out] are expected")) return NULL;
  ag_shape images = ag_shape_of(node->inputs[0]), shape;
  kernel_windows w;
  if (!windows_of(node, images, ag_shape_of(node->inputs[1]), &w, &shape)) return NULL;
  return convolve(node, &w, KERNEL_OUTPUTS, KERNEL_INPUTS, KERNEL_TAPS, shape);
}

static ag_tensor *conv2d_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  ag_window window = ((const conv_attributes *)node->attributes)->window;
  ag_tensor *x = node->inputs[0], *kernel = node->inputs[1];
  ag_shape images = ag_shape_of(x), taps = ag_shape_of(kernel);
  return input == 0 ? ag_conv2d_transpose_to(cotangent, kernel, window, images.sizes[1], images.sizes[2])
                    : ag_conv2d_kernel_gradient(x, cotangent, window, taps.sizes[0], taps.sizes[1]);
}

static const ag_op conv2d_op = {
    .name = "conv2d", .forward = conv2d_forward, .vjp = conv2d_vjp, .drops = AG_DROP_OUTPUT};
ag_tensor *ag_conv2d(ag_tensor *x, ag_tensor *kernel, ag_window window) {
  return conv_apply(&conv2d_op, x, kernel, window, 0, 0);
}

enum { KERAS_SIZE = -1 }; /* height or width, where the caller gave none */

static int64_t transposed_size(int64_t given, int64_t size, int64_t taps, int stride, ag_padding padding) {
  if (given != KERAS_SIZE) return given;
  return padding == AG_SAME ? size * stride : (size - 1) * stride + (taps > stride ? taps : stride);
}

static ag_tensor *conv2d_transpose_forward(ag_node *node) {
  const conv_attributes *to = node->attributes;
  if (!inputs_fit(node, 3, 3, "images [N, H, W, C] and a kernel [kh, kw, out, C] are expected")) return NULL;
  ag_shape from = ag_shape_of(node->inputs[0]), taps = ag_shape_of(node->inputs[1]);
  int64_t height = transposed_size(to->height, from.sizes[1], taps.sizes[0], to->window.stride_h, to->window.padding);
  int64_t width = transposed_size(to->width, from.sizes[2], taps.sizes[1], to->window.stride_w, to->window.padding);
  if (!in_range(height) || !in_range(width))
    return ag_fail(AG_ERROR_SHAPE, "conv2d_transpose: %s cannot become %lld x %lld pixels", ag_shape_print(from).text,
                   (long long)height, (long long)width);
  ag_shape shape = {4, {from.sizes[0], height, width, taps.sizes[2]}};
  kernel_windows w;
  if (!windows_between(node, shape, taps, from, &w)) return NULL;
  return convolve(node, &w, KERNEL_INPUTS, KERNEL_OUTPUTS, KERNEL_TAPS, shape);
}

static ag_tensor *conv2d_transpose_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  ag_window window = ((const conv_attributes *)node->attributes)->window;
  ag_tensor *x = node->inputs[0], *kernel = node->inputs[1];
  ag_shape taps = ag_shape_of(kernel);
  return input == 0 ? ag_conv2d(cotangent, kernel, window)
                    : ag_conv2d_kernel_gradient(cotangent, x, window, taps.sizes[0], taps.sizes[1]);
}

static const ag_op conv2d_transpose_op = {
    .name = "conv2d_transpose", .forward = conv2d_transpose_forward, .vjp = conv2d_transpose_vjp,
    .drops = AG_DROP_OUTPUT};
ag_tensor *ag_conv2d_transpose(ag_tensor *x, ag_tensor *kernel, ag_window window) {
  return conv_apply(&conv2d_transpose_op, x, kernel, window, KERAS_SIZE, KERAS_SIZE);
}
ag_tensor *ag_conv2d_transpose_to(ag_tensor *x, ag_tensor *kernel, ag_window window, int64_t height, int64_t width) {
  if (height >= 0 && width >= 0) return conv_apply(&conv2d_transpose_op, x, kernel, window, height, width);
  return ag_fail(AG_ERROR_SHAPE, "conv2d_transpose: %lld x %lld pixels", (long long)height, (long long)width);
}

static ag_tensor *conv2d_kernel_gradient_forward(ag_node *node) {
  const conv_attributes *of = node->attributes;
  if (!inputs_fit(node, 0, 0, "images [N, H, W, C] and a cotangent [N, oh, ow, out] are expected")) return NULL;
  ag_shape images = ag_shape_of(node->inputs[0]), outputs = ag_shape_of(node->inputs[1]);
  ag_shape shape = {4, {of->height, of->width, images.sizes[3], outputs.sizes[3]}};
  if (!in_range(of->height) || !in_range(of->width))
    return ag_fail(AG_ERROR_SHAPE, "conv2d_kernel_gradient: a kernel %s", ag_shape_print(shape).text);
  kernel_windows w;
  if (!windows_between(node, images, shape, outputs, &w)) return NULL;
  return convolve(node, &w, KERNEL_TAPS, KERNEL_INPUTS, KERNEL_OUTPUTS, shape);
}

static ag_tensor *conv2d_kernel_gradient_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  ag_window window = ((const conv_attributes *)node->attributes)->window;
  ag_shape images = ag_shape_of(node->inputs[0]);
  return input == 0 ? ag_conv2d_transpose_to(node->inputs[1], cotangent, window, images.sizes[1], images.sizes[2])
                    : ag_conv2d(node->inputs[0], cotangent, window);
}

static const ag_op conv2d_kernel_gradient_op = {
    .name = "conv2d_kernel_gradient", .forward = conv2d_kernel_gradient_forward, .vjp = conv2d_kernel_gradient_vjp,
    .drops = AG_DROP_OUTPUT};
ag_tensor *ag_conv2d_kernel_gradient(ag_tensor *x, ag_tensor *cotangent, ag_window window, int64_t height,
                                     int64_t width) {
  return conv_apply(&conv2d_kernel_gradient_op, x, cotangent, window, height, width);
}
