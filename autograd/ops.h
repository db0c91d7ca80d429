/* Every op that users call. Each returns a new tensor in the current scope, or NULL after an error. Elementwise ops
 * broadcast as NumPy does. Every op is differentiable to any order unless its line says that it is a constant. Labels
 * and indices are tensors of whole numbers, exact to 2^24 in float. Negative axes count from the end. */
#pragma once

#include "autograd/random.h"
#include "autograd/tensor.h"

/* ops/elementwise.c: one input */
ag_tensor *ag_neg(ag_tensor *x);
ag_tensor *ag_scale(ag_tensor *x, double factor);
ag_tensor *ag_add_scalar(ag_tensor *x, double term);
ag_tensor *ag_square(ag_tensor *x);
ag_tensor *ag_sqrt(ag_tensor *x); /* slope infinite at 0 */
ag_tensor *ag_exp(ag_tensor *x);
ag_tensor *ag_log(ag_tensor *x);
ag_tensor *ag_reciprocal(ag_tensor *x);
ag_tensor *ag_abs(ag_tensor *x);                           /* slope 0 at 0 */
ag_tensor *ag_sign(ag_tensor *x);                          /* a constant */
ag_tensor *ag_pow_scalar(ag_tensor *x, double exponent);   /* exponent 0 has slope 0 everywhere */
ag_tensor *ag_clip(ag_tensor *x, double low, double high); /* slope 1 within and at the bounds, 0 outside */
ag_tensor *ag_relu(ag_tensor *x);                          /* slope 0 at 0, and where x is NaN */
ag_tensor *ag_leaky_relu(ag_tensor *x, double slope);      /* x > 0 ? x : slope * x, slope >= 0 */
ag_tensor *ag_sigmoid(ag_tensor *x);
ag_tensor *ag_tanh(ag_tensor *x);
ag_tensor *ag_softplus(ag_tensor *x); /* log(1 + exp(x)), without overflow */
/* The same value, another tensor: watching both keeps their gradients apart. Shares the buffer. */
ag_tensor *ag_identity(ag_tensor *x);

/* ops/elementwise.c: two inputs, broadcast */
ag_tensor *ag_add(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_add_leaky_relu(ag_tensor *a, ag_tensor *b, double slope); /* leaky_relu(a + b) in one pass */
ag_tensor *ag_sub(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_mul(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_div(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_pow(ag_tensor *a, ag_tensor *b);     /* a >= 0 where b's gradient is wanted; that is 0 at a = 0 */
ag_tensor *ag_maximum(ag_tensor *a, ag_tensor *b); /* at ties each gets half the gradient, at NaN none */
ag_tensor *ag_minimum(ag_tensor *a, ag_tensor *b);
/* Comparisons: 1 or 0, constants. */
ag_tensor *ag_equal(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_not_equal(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_less(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_less_equal(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_greater(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_greater_equal(ag_tensor *a, ag_tensor *b);
/* condition != 0 ? a : b, all three broadcast. The branch not taken gets a gradient of 0, which an infinite slope of
 * its inputs still makes NaN; the condition gets none. */
ag_tensor *ag_where(ag_tensor *condition, ag_tensor *a, ag_tensor *b);

/* ops/reduce.c. AG_AXES(0, -1) names axes; AG_ALL_AXES is all of them. keepdims leaves reduced axes as 1. Of
 * no elements the sum is 0, the mean NaN, and the largest (ag_max, ag_argmax, softmax) an error. */
typedef struct {
  int count; /* 0: all axes; negative: a list that could not be made, refused */
  int axis[AG_MAX_RANK];
} ag_axes;
ag_axes ag_axes_make(int count, const int *axis);
#define AG_AXES(...) ag_axes_make((int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (int[]){__VA_ARGS__})
#define AG_ALL_AXES ((ag_axes){.count = 0})
ag_tensor *ag_sum(ag_tensor *x);
ag_tensor *ag_mean(ag_tensor *x);
ag_tensor *ag_max(ag_tensor *x); /* ties share the gradient evenly */
ag_tensor *ag_sum_axes(ag_tensor *x, ag_axes axes, bool keepdims);
ag_tensor *ag_mean_axes(ag_tensor *x, ag_axes axes, bool keepdims);
ag_tensor *ag_max_axes(ag_tensor *x, ag_axes axes, bool keepdims);
/* The index of the (first) largest value along one axis, which is dropped. A constant. */
ag_tensor *ag_argmax(ag_tensor *x, int axis);
/* sqrt(sum(x^2)) over the axes; slope 0 where the norm is 0. The squares are numbers of the type: infinite, as floats,
 * of what is beyond 1.8e19, and 0 below 2.6e-23. */
ag_tensor *ag_norm(ag_tensor *x, ag_axes axes, bool keepdims);
/* Sums a broadcast tensor back to `shape`: the transpose of ag_broadcast_to. */
ag_tensor *ag_sum_to(ag_tensor *x, ag_shape shape);

/* ops/shape.c */
ag_tensor *ag_reshape(ag_tensor *x, ag_shape shape); /* one size may be -1: what is left */
/* Axis i of the result is axis order[i] of x; AG_ALL_AXES reverses all. */
ag_tensor *ag_transpose(ag_tensor *x, ag_axes order);
ag_tensor *ag_broadcast_to(ag_tensor *x, ag_shape shape);
ag_tensor *ag_concat(ag_list tensors, int axis);
ag_tensor *ag_stack(ag_list tensors, int axis);
/* x[start : start + length] along one axis. */
ag_tensor *ag_slice(ag_tensor *x, int axis, int64_t start, int64_t length);
/* Zeros before and after along one axis: the transpose of ag_slice. */
ag_tensor *ag_pad(ag_tensor *x, int axis, int64_t before, int64_t after);
/* Rows of x along an axis, at the whole numbers of indices (any shape): [..., indices shape, ...]. An index out of
 * range is an error. */
ag_tensor *ag_gather(ag_tensor *x, ag_tensor *indices, int axis);
/* [shape of indices, depth] with 1 at the index, else 0; a constant. An index out of range is an error. */
ag_tensor *ag_one_hot(ag_tensor *indices, int64_t depth);

/* ops/matmul.c. a [..., m, k] times b [..., k, n]; leading axes broadcast. transpose_a: a is [..., k, m];
 * transpose_b: b is [..., n, k]. */
ag_tensor *ag_matmul(ag_tensor *a, ag_tensor *b);
ag_tensor *ag_matmul_transposed(ag_tensor *a, bool transpose_a, ag_tensor *b, bool transpose_b);

/* ops/conv.c. Images [N, H, W, C], kernels [kh, kw, in, out]. AG_SAME pads as Keras and TensorFlow do: output =
 * ceil(input / stride), the odd zero at the end. AG_VALID pads nothing. */
typedef enum { AG_VALID = 0, AG_SAME } ag_padding;
typedef struct {
  int stride_h, stride_w; /* at least 1 */
  ag_padding padding;
} ag_window;
#define AG_STRIDE(stride, padding) ((ag_window){(stride), (stride), (padding)})
ag_tensor *ag_conv2d(ag_tensor *x, ag_tensor *kernel, ag_window window);
/* Keras's Conv2DTranspose: the gradient of conv2d with respect to its input. kernel [kh, kw, out, in]; the output is
 * input * stride for AG_SAME, (input - 1) * stride + max(k, stride) for AG_VALID. */
ag_tensor *ag_conv2d_transpose(ag_tensor *x, ag_tensor *kernel, ag_window window);
/* The same with the output's height and width given, as the gradient of a strided conv2d needs them. */
ag_tensor *ag_conv2d_transpose_to(ag_tensor *x, ag_tensor *kernel, ag_window window, int64_t height, int64_t width);
/* The gradient of conv2d(x, kernel) with respect to a kernel of height x width: [height, width, in, out], from x and
 * the cotangent of the output. */
ag_tensor *ag_conv2d_kernel_gradient(ag_tensor *x, ag_tensor *cotangent, ag_window window, int64_t height,
                                     int64_t width);

/* ops/pool.c */
ag_tensor *ag_upsample_nearest(ag_tensor *x, int64_t factor_h, int64_t factor_w);
/* Windows of height x width. Padding never wins a max (the first largest gets the gradient) and does not count in an
 * average. */
ag_tensor *ag_max_pool(ag_tensor *x, int64_t height, int64_t width, ag_window window);
ag_tensor *ag_avg_pool(ag_tensor *x, int64_t height, int64_t width, ag_window window);

/* ops/norm.c. y = (x - mean) / sqrt(variance + epsilon) * gamma + beta over all axes but the last (Ioffe and Szegedy
 * 2015), with the batch's own mean and biased variance, which are returned as constants where the pointers are not
 * NULL. gamma and beta are [C]. */
ag_tensor *ag_batch_norm(ag_tensor *x, ag_tensor *gamma, ag_tensor *beta, double epsilon, ag_tensor **mean,
                         ag_tensor **variance);
/* leaky_relu of that with this slope, in the same passes over memory. */
ag_tensor *ag_batch_norm_leaky_relu(ag_tensor *x, ag_tensor *gamma, ag_tensor *beta, double epsilon, double slope,
                                    ag_tensor **mean, ag_tensor **variance);

/* ops/dropout.c. Each element is 0 with probability rate, else x / (1 - rate); 0 <= rate < 1. Takes one draw of rng. */
ag_tensor *ag_dropout(ag_tensor *x, double rate, ag_rng *rng);

/* ops/loss.c. All stable for large logits; one loss an element or a row, to be averaged by the caller. */
ag_tensor *ag_softmax(ag_tensor *logits, int axis);
ag_tensor *ag_log_softmax(ag_tensor *logits, int axis);
/* max(x, 0) - x z + log(1 + exp(-|x|)) for labels z in [0, 1] and logits x. Labels broadcast to the shape of the
 * logits, not the reverse: labels [N] with logits [N, 1] would make N^2 losses, and are an error. */
ag_tensor *ag_sigmoid_cross_entropy(ag_tensor *labels, ag_tensor *logits);
/* -sum(labels * log_softmax(logits)) over the last axis. labels: probabilities of the shape of logits. */
ag_tensor *ag_softmax_cross_entropy(ag_tensor *labels, ag_tensor *logits);
