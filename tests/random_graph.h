/* Random graphs of smooth ops whose values stay small: each value carries a bound, and one that may grow large goes
 * through tanh. The same case makes the same graph over floats and over doubles. */
#pragma once

#include <math.h>

#include "tests/random_cases.h"

enum { GRAPH_INPUTS = 3, GRAPH_OPS = 50, GRAPH_VALUES = GRAPH_INPUTS + GRAPH_OPS };
enum { GRAPH_CASES = 1000 }; /* the number of the property "float agrees with double" */
static const double graph_limit = 3;

/* A value [rows, columns]; no element exceeds the bound, nor does a sum of magnitudes within the op that made it. */
typedef struct {
  ag_tensor *tensor;
  double bound;
  double magnitude; /* of the largest number on the way to it, from the values that it was made of */
} graph_value;

typedef struct {
  size_t count;
  graph_value values[GRAPH_VALUES];
  ag_tensor *target; /* a scalar to which every value contributes */
} graph;

static inline void graph_inputs(cases *c, ag_tensor *inputs[GRAPH_INPUTS]) {
  for (int i = 0; i < GRAPH_INPUTS; i++) inputs[i] = draw_tensor(c, draw_shape(c, 2, 2, 1, 3), false);
}

static inline graph_value graph_pick(cases *c, const graph *g) {
  return g->values[draw_int(c, 0, (int64_t)g->count - 1)];
}

static inline ag_tensor *one_plus_square(ag_tensor *x) { return ag_add_scalar(ag_square(x), 1); }

static inline graph_value graph_of(ag_tensor *tensor, double bound) { return (graph_value){tensor, bound, bound}; }

static inline graph_value graph_unary(cases *c, graph_value x) {
  ag_tensor *t = x.tensor;
  const double b = x.bound;
  switch (draw_int(c, 0, 13)) {
    case 0: return graph_of(ag_tanh(t), 1);
    case 1: return graph_of(ag_sigmoid(t), 1);
    case 2: return graph_of(ag_softplus(t), b + 0.7);
    case 3: return graph_of(ag_exp(ag_tanh(t)), 2.8);
    case 4: return graph_of(ag_square(t), b * b);
    case 5: return graph_of(ag_sqrt(one_plus_square(t)), 1 + b);
    case 6: return graph_of(ag_log(one_plus_square(t)), b * b + 1);
    case 7: return graph_of(ag_reciprocal(one_plus_square(t)), 1);
    case 8: return graph_of(ag_neg(t), b);
    case 9: return graph_of(ag_scale(t, draw_value(c)), 2 * b);
    case 10: return graph_of(ag_add_scalar(t, draw_value(c)), b + 2);
    case 11: return graph_of(ag_pow_scalar(one_plus_square(t), 1.5), pow(1 + b * b, 1.5));
    case 12: return graph_of(ag_softmax(t, (int)draw_int(c, 0, 1)), 1);
    default: return graph_of(ag_log_softmax(t, (int)draw_int(c, 0, 1)), 2 * b + 1.1);
  }
}

static inline bool fits_elementwise(ag_shape a, ag_shape b) {
  for (int i = 0; i < 2; i++)
    if (a.sizes[i] != b.sizes[i] && a.sizes[i] != 1 && b.sizes[i] != 1) return false;
  return true;
}

static inline graph_value graph_binary(cases *c, graph_value x, graph_value y) {
  if (!fits_elementwise(ag_shape_of(x.tensor), ag_shape_of(y.tensor)))
    y.tensor = ag_mean_axes(y.tensor, AG_ALL_AXES, true);
  switch (draw_int(c, 0, 5)) {
    case 0: return graph_of(ag_add(x.tensor, y.tensor), x.bound + y.bound);
    case 1: return graph_of(ag_sub(x.tensor, y.tensor), x.bound + y.bound);
    case 2: return graph_of(ag_mul(x.tensor, y.tensor), x.bound * y.bound);
    case 3: return graph_of(ag_div(x.tensor, one_plus_square(y.tensor)), x.bound);
    case 4: return graph_of(ag_pow(one_plus_square(x.tensor), ag_tanh(y.tensor)), 1 + x.bound * x.bound);
    default: return graph_of(ag_sigmoid_cross_entropy(ag_sigmoid(x.tensor), ag_add(x.tensor, y.tensor)),
                              2 * (x.bound + y.bound) + 0.7);
  }
}

/* Products and windows: [r, c] times [r, c] transposed, or a small image under a small kernel. */
static inline graph_value graph_product(cases *c, graph_value x, graph_value y) {
  ag_shape a = ag_shape_of(x.tensor), b = ag_shape_of(y.tensor);
  const double terms = a.sizes[1] == b.sizes[1] ? (double)a.sizes[1] : 3;
  if (a.sizes[1] == b.sizes[1] && draw_bool(c))
    return graph_of(ag_matmul_transposed(x.tensor, false, y.tensor, true), terms * x.bound * y.bound);
  ag_tensor *image = ag_reshape(x.tensor, AG_SHAPE(1, a.sizes[0], a.sizes[1], 1));
  ag_tensor *kernel = ag_reshape(y.tensor, AG_SHAPE(b.sizes[0], b.sizes[1], 1, 1));
  double bound = x.bound * y.bound * (double)ag_size(y.tensor);
  switch (draw_int(c, 0, 2)) {
    case 0: image = ag_conv2d(image, kernel, AG_STRIDE(1, AG_SAME)); break;
    case 1: image = ag_conv2d_transpose(image, kernel, AG_STRIDE(1, AG_SAME)); break;
    default: image = ag_avg_pool(image, 2, 2, AG_STRIDE(1, AG_SAME)), bound = x.bound;
  }
  return graph_of(ag_reshape(image, a), bound);
}

static inline graph_value graph_move(cases *c, graph_value x) {
  ag_tensor *t = x.tensor;
  const ag_shape s = ag_shape_of(t);
  const int axis = (int)draw_int(c, 0, 1);
  switch (draw_int(c, 0, 6)) {
    case 0: return graph_of(ag_transpose(t, AG_ALL_AXES), x.bound);
    case 1: return graph_of(ag_reshape(t, AG_SHAPE(s.sizes[1], s.sizes[0])), x.bound);
    case 2: return graph_of(ag_slice(t, axis, 0, draw_int(c, 1, s.sizes[axis])), x.bound);
    case 3: return graph_of(ag_sum_axes(t, AG_AXES(axis), true), x.bound * (double)s.sizes[axis]);
    case 4: return graph_of(ag_mean_axes(t, AG_AXES(axis), true), x.bound);
    case 5: return graph_of(ag_gather(t, ag_zeros(AG_SHAPE(2)), axis), x.bound);
    default:
      if (s.sizes[axis] > 2) return graph_of(ag_identity(t), x.bound);
      return graph_of(ag_concat(AG_LIST(ag_slice(t, axis, 0, 1), t), axis), x.bound);
  }
}

static inline graph_value graph_op(cases *c, const graph *g) {
  graph_value x = graph_pick(c, g);
  switch (draw_int(c, 0, 3)) {
    case 0: return graph_binary(c, x, graph_pick(c, g));
    case 1: return graph_product(c, x, graph_pick(c, g));
    case 2: return graph_move(c, x);
    default: return graph_unary(c, x);
  }
}

/* 50 values, each by one op or the few that keep it smooth and small, and the target. */
static inline graph graph_make(cases c, ag_tensor *const inputs[GRAPH_INPUTS]) {
  graph g = {.target = ag_scalar(0)};
  for (int i = 0; i < GRAPH_INPUTS; i++) g.values[g.count++] = (graph_value){inputs[i], 2.1, 2.1};
  while (g.count < GRAPH_VALUES) {
    graph_value made = graph_op(&c, &g);
    if (made.bound > graph_limit) made = (graph_value){ag_tanh(made.tensor), 1, made.bound};
    g.values[g.count++] = made;
    g.target = ag_add(g.target, ag_scale(ag_mean(made.tensor), draw_value(&c)));
  }
  return g;
}
