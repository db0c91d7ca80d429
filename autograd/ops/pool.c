/* Pooling over windows of images [N, H, W, C], and its reverse. */
#include "autograd/ops/common.h"
#include "autograd/tensor_private.h"

/* Upsampling repeats each pixel: a broadcast between two reshapes. */
ag_tensor *ag_upsample_nearest(ag_tensor *x, int64_t factor_h, int64_t factor_w) {
  if (!x) return ag_fail_null("upsample_nearest", "input");
  ag_shape shape = ag_shape_of(x);
  if (shape.rank != 4 || factor_h < 1 || factor_w < 1)
    return ag_fail(AG_ERROR_SHAPE, "upsample_nearest: shape %s by %lld x %lld, but [N, H, W, C] by 1 or more is needed",
                   ag_shape_print(shape).text, (long long)factor_h, (long long)factor_w);
  int64_t n = shape.sizes[0], h = shape.sizes[1], w = shape.sizes[2], c = shape.sizes[3];
  ag_shape repeated = AG_SHAPE(n, h, factor_h, w, factor_w, c);
  if (repeated.rank < 0) return NULL;
  ag_tensor *pixels = ag_reshape(x, AG_SHAPE(n, h, 1, w, 1, c));
  return ag_reshape(ag_broadcast_to(pixels, repeated), AG_SHAPE(n, h * factor_h, w * factor_w, c));
}

typedef struct {
  int64_t height, width;
  ag_window window;
  ag_shape images; /* of the ops that lead back to images; of the others a scalar's */
} pooling;

static bool leads_back(const ag_node *node) { return ((const pooling *)node->attributes)->images.rank > 0; }

/* The call's windows, and a tensor of what they pool or, where it leads back, of the images. */
static ag_tensor *pool_make(const ag_node *node, kernel_windows *w, ag_real **values) {
  const pooling *p = node->attributes;
  bool back = leads_back(node);
  ag_shape images = back ? p->images : ag_shape_of(node->inputs[0]);
  if (!ag_windows_over(node->op->name, images, p->height, p->width, p->window, w)) return NULL;
  ag_shape pooled = {4, {images.sizes[0], (int64_t)w->oh, (int64_t)w->ow, images.sizes[3]}};
  return ag_make(back ? images : pooled, values);
}

static ag_tensor *pool_apply(const ag_op *op, int count, ag_tensor *const *inputs, const ag_node *like,
                             ag_shape images) {
  pooling attributes = *(const pooling *)like->attributes;
  attributes.images = images;
  return ag_apply(op, count, inputs, &attributes, sizeof attributes);
}

/* Moves what is at the chosen taps, `which`, a constant: from windows to images, and back. */

static const ag_op pool_gather_op;

static ag_tensor *choose(ag_node *node) {
  kernel_windows windows;
  ag_real *values;
  ag_tensor *output = pool_make(node, &windows, &values);
  const ag_real *from = ag_data(node->inputs[0]), *which = ag_data(node->inputs[1]);
  if (output && ag_size(output) > 0)
    (leads_back(node) ? ag_kernels()->pool_scatter : ag_kernels()->pool_gather)(&windows, from, which, values);
  return output;
}

static ag_tensor *pool_scatter_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  if (input == 1) return NULL;
  return pool_apply(&pool_gather_op, AG_INPUTS(cotangent, node->inputs[1]), node, AG_SCALAR_SHAPE);
}
static const ag_op pool_scatter_op = {
    .name = "pool_scatter", .forward = choose, .vjp = pool_scatter_vjp, .drops = AG_DROP_OUTPUT};

static ag_tensor *pool_gather_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  if (input == 1) return NULL;
  return pool_apply(&pool_scatter_op, AG_INPUTS(cotangent, node->inputs[1]), node, ag_shape_of(node->inputs[0]));
}
static const ag_op pool_gather_op = {
    .name = "pool_gather", .forward = choose, .vjp = pool_gather_vjp, .drops = AG_DROP_OUTPUT};

static ag_tensor *max_pool_forward(ag_node *node) {
  const pooling *p = node->attributes;
  if (p->height > 0 && p->width > AG_LAST_WHOLE / p->height) /* the tensor `which` numbers them */
    return ag_fail(AG_ERROR_SHAPE, "max_pool: a window of %lld x %lld, but at most %lld elements are expected",
                   (long long)p->height, (long long)p->width, (long long)AG_LAST_WHOLE);
  kernel_windows windows;
  ag_real *values, *which;
  ag_tensor *output = pool_make(node, &windows, &values);
  if (!output) return NULL;
  node->saved = ag_make(ag_shape_of(output), &which);
  if (!node->saved) return NULL;
  if (ag_size(output) > 0) ag_kernels()->max_pool(&windows, ag_data(node->inputs[0]), values, which);
  return output;
}
static ag_tensor *max_pool_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return pool_apply(&pool_scatter_op, AG_INPUTS(cotangent, node->saved), node, ag_shape_of(node->inputs[input]));
}
static const ag_op max_pool_op = {
    .name = "max_pool", .forward = max_pool_forward, .vjp = max_pool_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_max_pool(ag_tensor *x, int64_t height, int64_t width, ag_window window) {
  return ag_apply(&max_pool_op, AG_INPUTS(x), &(pooling){height, width, window, {0}}, sizeof(pooling));
}

static ag_tensor *average(ag_node *node) {
  kernel_windows windows;
  ag_real *values;
  ag_tensor *output = pool_make(node, &windows, &values);
  if (output && ag_size(output) > 0)
    (leads_back(node) ? ag_kernels()->avg_pool_transpose : ag_kernels()->avg_pool)(&windows, ag_data(node->inputs[0]),
                                                                                   values);
  return output;
}

static ag_tensor *avg_pool_transpose_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  const pooling *p = node->attributes;
  return ag_avg_pool(cotangent, p->height, p->width, p->window);
}
static const ag_op avg_pool_transpose_op = {
    .name = "avg_pool_transpose", .forward = average, .vjp = avg_pool_transpose_vjp,
    .drops = AG_DROP_ALL};

static ag_tensor *avg_pool_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return pool_apply(&avg_pool_transpose_op, AG_INPUTS(cotangent), node, ag_shape_of(node->inputs[input]));
}
static const ag_op avg_pool_op = {
    .name = "avg_pool", .forward = average, .vjp = avg_pool_vjp, .drops = AG_DROP_ALL};
ag_tensor *ag_avg_pool(ag_tensor *x, int64_t height, int64_t width, ag_window window) {
  return ag_apply(&avg_pool_op, AG_INPUTS(x), &(pooling){height, width, window, {0}}, sizeof(pooling));
}
