/* Every op against finite differences, to first and to second order, in double. A row of the table names the ops that
 * it exercises, those that only gradients use included; an op of autograd/ops/ without a row fails the suite.
 *
 * test_gradcheck NAME runs only the rows that name this op. */
#include "tests/check.h"

#include "op_names.h"

/* Kinks are kept at a distance of at least 0.02, ten times what the differences move an input. */
typedef enum {
  NONE,     /* ends the list of inputs */
  ANY,      /* in [-2, 2) */
  POSITIVE, /* in [0.3, 2) */
  UNIT,     /* in [0.1, 0.9) */
  AWAY,     /* from 0: in +-[0.2, 2) */
  DISTINCT, /* no two alike, within an input and between inputs */
} values;

typedef struct {
  values kind;
  int sizes[5]; /* 0 ends the shape */
} input_values;

enum { INPUTS = 4, PARAMETERS = 8 };

typedef ag_tensor *function_of_row(ag_tensor **in, const double *p);

typedef struct {
  const char *ops; /* separated by spaces */
  /* one of these; with_scalar takes p[0] */
  ag_tensor *(*unary)(ag_tensor *x);
  ag_tensor *(*with_scalar)(ag_tensor *x, double p);
  ag_tensor *(*binary)(ag_tensor *a, ag_tensor *b);
  function_of_row *function;
  input_values inputs[INPUTS + 1];
  double p[PARAMETERS];
} row;

/* Axes and shapes within p: how many, then which. */
static ag_axes axes_of(const double *p) {
  int axes[AG_MAX_RANK] = {0};
  for (int i = 0; i < (int)p[0]; i++) axes[i] = (int)p[1 + i];
  return p[0] > 0 ? ag_axes_make((int)p[0], axes) : AG_ALL_AXES;
}

static ag_shape shape_of(const double *p) {
  int64_t sizes[AG_MAX_RANK] = {0};
  for (int i = 0; i < (int)p[0]; i++) sizes[i] = (int64_t)p[1 + i];
  return ag_shape_make((int)p[0], sizes);
}

/* p: stride_h, stride_w, padding */
static ag_window window_of(const double *p) { return (ag_window){(int)p[0], (int)p[1], (ag_padding)(int)p[2]}; }

static ag_tensor *clip(ag_tensor **in, const double *p) { return ag_clip(in[0], p[0], p[1]); }

static ag_tensor *where(ag_tensor **in, const double *p) { /* p: the condition's shape */
  ag_tensor *condition = ag_zeros(shape_of(p));
  for (int i = 0; i < (int)ag_size(condition); i += 2) {
    condition = ag_add(condition, ag_reshape(ag_one_hot(ag_scalar(i), (int64_t)ag_size(condition)), shape_of(p)));
  }
  return ag_where(condition, in[0], in[1]);
}

static ag_tensor *sum_axes(ag_tensor **in, const double *p) { return ag_sum_axes(in[0], axes_of(p + 1), p[0] != 0); }
static ag_tensor *mean_axes(ag_tensor **in, const double *p) { return ag_mean_axes(in[0], axes_of(p + 1), p[0] != 0); }
static ag_tensor *max_axes(ag_tensor **in, const double *p) { return ag_max_axes(in[0], axes_of(p + 1), p[0] != 0); }
static ag_tensor *norm(ag_tensor **in, const double *p) { return ag_norm(in[0], axes_of(p + 1), p[0] != 0); }
static ag_tensor *argmax(ag_tensor **in, const double *p) { return ag_argmax(in[0], (int)p[0]); }
static ag_tensor *sum_to(ag_tensor **in, const double *p) { return ag_sum_to(in[0], shape_of(p)); }

static ag_tensor *reshape(ag_tensor **in, const double *p) { return ag_reshape(in[0], shape_of(p)); }
static ag_tensor *transpose(ag_tensor **in, const double *p) { return ag_transpose(in[0], axes_of(p)); }
static ag_tensor *broadcast_to(ag_tensor **in, const double *p) { return ag_broadcast_to(in[0], shape_of(p)); }
/* p: how many, axis */
static ag_tensor *concat(ag_tensor **in, const double *p) { return ag_concat((ag_list){(size_t)p[0], in}, (int)p[1]); }
static ag_tensor *stack(ag_tensor **in, const double *p) { return ag_stack((ag_list){(size_t)p[0], in}, (int)p[1]); }
static ag_tensor *slice(ag_tensor **in, const double *p) {
  return ag_slice(in[0], (int)p[0], (int64_t)p[1], (int64_t)p[2]);
}
static ag_tensor *pad(ag_tensor **in, const double *p) {
  return ag_pad(in[0], (int)p[0], (int64_t)p[1], (int64_t)p[2]);
}

static ag_tensor *gather(ag_tensor **in, const double *p) { /* p: axis, shape of the indices 2 1 0 2 1 0 ... */
  ag_real *index;
  ag_tensor *indices = ag_make(shape_of(p + 1), &index);
  for (size_t i = 0; indices && i < ag_size(indices); i++) index[i] = (ag_real)(2 - i % 3);
  return ag_gather(in[0], indices, (int)p[0]);
}
static ag_tensor *one_hot(ag_tensor **in, const double *p) {
  return ag_one_hot(ag_clip(ag_sign(in[0]), 0, 1), (int64_t)p[0]);
}

static ag_tensor *matmul_transposed(ag_tensor **in, const double *p) {
  return ag_matmul_transposed(in[0], p[0] != 0, in[1], p[1] != 0);
}

static ag_tensor *conv2d(ag_tensor **in, const double *p) { return ag_conv2d(in[0], in[1], window_of(p)); }
static ag_tensor *conv2d_transpose(ag_tensor **in, const double *p) {
  return ag_conv2d_transpose(in[0], in[1], window_of(p));
}
static ag_tensor *conv2d_transpose_to(ag_tensor **in, const double *p) { /* p: window, height, width */
  return ag_conv2d_transpose_to(in[0], in[1], window_of(p), (int64_t)p[3], (int64_t)p[4]);
}
static ag_tensor *conv2d_kernel_gradient(ag_tensor **in, const double *p) { /* p: window, height, width */
  return ag_conv2d_kernel_gradient(in[0], in[1], window_of(p), (int64_t)p[3], (int64_t)p[4]);
}

static ag_tensor *upsample(ag_tensor **in, const double *p) {
  return ag_upsample_nearest(in[0], (int64_t)p[0], (int64_t)p[1]);
}
/* p: window, height, width */
static ag_tensor *max_pool(ag_tensor **in, const double *p) {
  return ag_max_pool(in[0], (int64_t)p[3], (int64_t)p[4], window_of(p));
}
static ag_tensor *avg_pool(ag_tensor **in, const double *p) {
  return ag_avg_pool(in[0], (int64_t)p[3], (int64_t)p[4], window_of(p));
}

static ag_tensor *batch_norm(ag_tensor **in, const double *p) {
  return ag_batch_norm(in[0], in[1], in[2], p[0], NULL, NULL);
}
static ag_tensor *batch_statistics(ag_tensor **in, const double *p) {
  ag_tensor *mean = NULL, *variance = NULL;
  ag_batch_norm(in[0], in[1], in[2], p[0], &mean, &variance);
  return ag_add(mean, variance);
}
static ag_tensor *dropout(ag_tensor **in, const double *p) {
  ag_rng rng = ag_rng_seed(11);
  return ag_dropout(in[0], p[0], &rng);
}
static ag_tensor *softmax(ag_tensor **in, const double *p) { return ag_softmax(in[0], (int)p[0]); }
static ag_tensor *log_softmax(ag_tensor **in, const double *p) { return ag_log_softmax(in[0], (int)p[0]); }

/* The gradient with respect to in[0], where in[count] is the cotangent: its row checks derivatives up to the third. */
static ag_tensor *slope(function_of_row *f, size_t count, ag_tensor **in, const double *p) {
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  ag_tape_watch(tape, in[0]);
  ag_list targets = AG_LIST(f(in, p)), seeds = AG_LIST(in[count]);
  ag_list gradients = ag_gradients_of(tape, targets, AG_LIST(in[0]), seeds, AG_UNCONNECTED_NULL);
  return gradients.items ? gradients.items[0] : NULL;
}
static ag_tensor *max_pool_slope(ag_tensor **in, const double *p) { return slope(max_pool, 1, in, p); }
static ag_tensor *batch_norm_leaky_relu(ag_tensor **in, const double *p) { /* p: epsilon, slope */
  return ag_batch_norm_leaky_relu(in[0], in[1], in[2], p[0], p[1], NULL, NULL);
}
static ag_tensor *batch_norm_leaky_relu_slope(ag_tensor **in, const double *p) {
  return slope(batch_norm_leaky_relu, 3, in, p);
}
static ag_tensor *add_leaky_relu(ag_tensor **in, const double *p) { return ag_add_leaky_relu(in[0], in[1], p[0]); }
static ag_tensor *batch_norm_slope(ag_tensor **in, const double *p) { return slope(batch_norm, 3, in, p); }

/* The mean over samples of (norm of the score's gradient - 1)^2, by its own tape: what WGAN-GP adds to its loss. */
static ag_tensor *gradient_penalty(ag_tensor **in, const double *p) {
  (void)p;
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  ag_tape_watch(tape, in[0]);
  ag_tensor *score = ag_matmul(ag_tanh(ag_matmul(in[0], in[1])), in[2]);
  ag_tensor *slope = ag_gradient(tape, score, in[0]);
  return ag_mean(ag_square(ag_add_scalar(ag_norm(slope, AG_AXES(1), false), -1)));
}

static row rows[] = {
    /* one input */
    {"neg", .unary = ag_neg, .inputs = {{ANY, {2, 3}}}},
    {"scale", .with_scalar = ag_scale, .inputs = {{ANY, {2, 3}}}, .p = {-2.5}},
    {"scale", .with_scalar = ag_scale, .inputs = {{ANY, {0}}}, .p = {3}},
    {"add_scalar", .with_scalar = ag_add_scalar, .inputs = {{ANY, {4}}}, .p = {1.5}},
    {"identity", .unary = ag_identity, .inputs = {{ANY, {2, 2}}}},
    {"square", .unary = ag_square, .inputs = {{ANY, {2, 3}}}},
    {"sqrt", .unary = ag_sqrt, .inputs = {{POSITIVE, {5}}}},
    {"exp", .unary = ag_exp, .inputs = {{ANY, {2, 3}}}},
    {"log", .unary = ag_log, .inputs = {{POSITIVE, {5}}}},
    {"reciprocal", .unary = ag_reciprocal, .inputs = {{AWAY, {5}}}},
    {"abs", .unary = ag_abs, .inputs = {{AWAY, {7}}}},
    {"pow_scalar", .with_scalar = ag_pow_scalar, .inputs = {{POSITIVE, {5}}}, .p = {2.5}},
    {"pow_scalar", .with_scalar = ag_pow_scalar, .inputs = {{AWAY, {5}}}, .p = {3}},
    {"pow_scalar", .with_scalar = ag_pow_scalar, .inputs = {{AWAY, {5}}}, .p = {-2}},
    {"pow_scalar", .with_scalar = ag_pow_scalar, .inputs = {{AWAY, {5}}}, .p = {1}},
    {"clip clip_gate", .function = clip, .inputs = {{DISTINCT, {5, 4}}}, .p = {-0.45, 0.55}},
    {"relu leaky_gate", .unary = ag_relu, .inputs = {{AWAY, {7}}}},
    {"leaky_relu leaky_gate", .with_scalar = ag_leaky_relu, .inputs = {{AWAY, {7}}}, .p = {0.3}},
    {"leaky_relu leaky_gate", .with_scalar = ag_leaky_relu, .inputs = {{AWAY, {7}}}, .p = {0}},
    {"add_leaky_relu leaky_gate", .function = add_leaky_relu, .inputs = {{AWAY, {2, 3}}, {AWAY, {3}}}, .p = {0.3}},
    {"add_leaky_relu leaky_gate", .function = add_leaky_relu, .inputs = {{AWAY, {5}}, {AWAY, {5}}}, .p = {0}},
    {"sigmoid", .unary = ag_sigmoid, .inputs = {{ANY, {7}}}},
    {"tanh", .unary = ag_tanh, .inputs = {{ANY, {7}}}},
    {"softplus", .unary = ag_softplus, .inputs = {{ANY, {7}}}},

    /* two inputs */
    {"add", .binary = ag_add, .inputs = {{ANY, {2, 3}}, {ANY, {2, 3}}}},
    {"add", .binary = ag_add, .inputs = {{ANY, {2, 3}}, {ANY, {3}}}},
    {"add", .binary = ag_add, .inputs = {{ANY, {2, 1, 3}}, {ANY, {4, 1}}}},
    {"sub", .binary = ag_sub, .inputs = {{ANY, {2, 3}}, {ANY, {2, 3}}}},
    {"sub", .binary = ag_sub, .inputs = {{ANY, {3}}, {ANY, {2, 1}}}},
    {"mul", .binary = ag_mul, .inputs = {{ANY, {2, 3}}, {ANY, {2, 3}}}},
    {"mul", .binary = ag_mul, .inputs = {{ANY, {0}}, {ANY, {2, 3}}}},
    {"mul", .binary = ag_mul, .inputs = {{ANY, {2, 1, 3}}, {ANY, {4, 1}}}},
    {"div", .binary = ag_div, .inputs = {{ANY, {2, 3}}, {AWAY, {2, 3}}}},
    {"div", .binary = ag_div, .inputs = {{ANY, {2, 1}}, {AWAY, {3}}}},
    {"pow", .binary = ag_pow, .inputs = {{POSITIVE, {2, 3}}, {ANY, {2, 3}}}},
    {"pow", .binary = ag_pow, .inputs = {{POSITIVE, {3, 1}}, {ANY, {2}}}},
    {"maximum", .binary = ag_maximum, .inputs = {{DISTINCT, {2, 3}}, {DISTINCT, {2, 3}}}},
    {"maximum", .binary = ag_maximum, .inputs = {{DISTINCT, {2, 1}}, {DISTINCT, {3}}}},
    {"minimum", .binary = ag_minimum, .inputs = {{DISTINCT, {2, 3}}, {DISTINCT, {2, 3}}}},
    {"minimum", .binary = ag_minimum, .inputs = {{DISTINCT, {3}}, {DISTINCT, {2, 1}}}},
    {"where", .function = where, .inputs = {{ANY, {2, 3}}, {ANY, {2, 3}}}, .p = {2, 2, 3}},
    {"where", .function = where, .inputs = {{ANY, {3}}, {ANY, {2, 1}}}, .p = {1, 3}},
    {"where", .function = where, .inputs = {{ANY, {0}}, {ANY, {3}}}, .p = {2, 2, 1}},

    /* reductions; p: keepdims, how many axes, which */
    {"sum", .unary = ag_sum, .inputs = {{ANY, {2, 3}}}},
    {"sum", .unary = ag_sum, .inputs = {{ANY, {0}}}},
    {"sum", .function = sum_axes, .inputs = {{ANY, {2, 3, 4}}}, .p = {0, 1, 1}},
    {"sum", .function = sum_axes, .inputs = {{ANY, {2, 3, 4}}}, .p = {1, 2, 0, -1}},
    {"sum", .function = sum_axes, .inputs = {{ANY, {2, 3, 4}}}, .p = {0, 2, 2, 0}},
    {"mean", .unary = ag_mean, .inputs = {{ANY, {2, 3}}}},
    {"mean", .function = mean_axes, .inputs = {{ANY, {2, 3, 4}}}, .p = {1, 1, -2}},
    {"mean", .function = mean_axes, .inputs = {{ANY, {2, 3, 4}}}, .p = {0, 2, 0, 2}},
    {"max", .unary = ag_max, .inputs = {{DISTINCT, {2, 3}}}},
    {"max", .function = max_axes, .inputs = {{DISTINCT, {2, 3, 4}}}, .p = {0, 1, 1}},
    {"max", .function = max_axes, .inputs = {{DISTINCT, {2, 3, 4}}}, .p = {1, 2, 0, 2}},
    {"norm", .function = norm, .inputs = {{AWAY, {2, 3}}}, .p = {0, 0}},
    {"norm", .function = norm, .inputs = {{AWAY, {2, 3, 4}}}, .p = {0, 1, 1}},
    {"norm", .function = norm, .inputs = {{AWAY, {2, 3, 4}}}, .p = {1, 2, 0, -1}},
    {"sum_to", .function = sum_to, .inputs = {{ANY, {2, 3, 4}}}, .p = {2, 3, 1}},
    {"sum_to", .function = sum_to, .inputs = {{ANY, {2, 3}}}, .p = {0}},

    /* shapes */
    {"reshape", .function = reshape, .inputs = {{ANY, {2, 6}}}, .p = {3, 3, -1, 2}},
    {"transpose", .function = transpose, .inputs = {{ANY, {2, 3}}}, .p = {0}},
    {"transpose", .function = transpose, .inputs = {{ANY, {2, 3, 4}}}, .p = {3, 2, 0, 1}},
    {"transpose", .function = transpose, .inputs = {{ANY, {2, 3, 1, 4}}}, .p = {4, 0, -1, 1, 2}},
    {"broadcast_to", .function = broadcast_to, .inputs = {{ANY, {2, 1}}}, .p = {3, 4, 2, 3}},
    {"broadcast_to", .function = broadcast_to, .inputs = {{ANY, {0}}}, .p = {2, 2, 3}},
    {"concat", .function = concat, .inputs = {{ANY, {2, 3}}, {ANY, {1, 3}}, {ANY, {2, 3}}}, .p = {3, 0}},
    {"concat", .function = concat, .inputs = {{ANY, {2, 1, 2}}, {ANY, {2, 3, 2}}}, .p = {2, -2}},
    {"concat", .function = stack, .inputs = {{ANY, {2, 3}}, {ANY, {2, 3}}}, .p = {2, -1}},
    {"concat", .function = stack, .inputs = {{ANY, {0}}, {ANY, {0}}, {ANY, {0}}}, .p = {3, 0}},
    {"slice pad", .function = slice, .inputs = {{ANY, {5, 2}}}, .p = {0, 1, 3}},
    {"slice pad", .function = slice, .inputs = {{ANY, {2, 5, 3}}}, .p = {-2, 2, 2}},
    {"pad slice", .function = pad, .inputs = {{ANY, {3, 2}}}, .p = {0, 2, 1}},
    {"pad slice", .function = pad, .inputs = {{ANY, {2, 3}}}, .p = {-1, 0, 2}},
    {"gather scatter", .function = gather, .inputs = {{ANY, {4, 2}}}, .p = {0, 1, 5}},
    {"gather scatter", .function = gather, .inputs = {{ANY, {2, 3, 2}}}, .p = {1, 2, 2, 2}},
    {"gather scatter", .function = gather, .inputs = {{ANY, {2, 3}}}, .p = {-1, 0}},

    /* products */
    {"matmul", .binary = ag_matmul, .inputs = {{ANY, {2, 3}}, {ANY, {3, 4}}}},
    {"matmul", .binary = ag_matmul, .inputs = {{ANY, {2, 2, 3}}, {ANY, {3, 2}}}},
    {"matmul", .binary = ag_matmul, .inputs = {{ANY, {2, 3}}, {ANY, {2, 3, 2}}}},
    {"matmul", .binary = ag_matmul, .inputs = {{ANY, {3, 1, 2, 2}}, {ANY, {2, 2, 3}}}},
    {"matmul", .function = matmul_transposed, .inputs = {{ANY, {3, 2}}, {ANY, {3, 4}}}, .p = {1, 0}},
    {"matmul", .function = matmul_transposed, .inputs = {{ANY, {2, 3}}, {ANY, {4, 3}}}, .p = {0, 1}},
    {"matmul", .function = matmul_transposed, .inputs = {{ANY, {3, 2}}, {ANY, {4, 3}}}, .p = {1, 1}},
    {"matmul", .function = matmul_transposed, .inputs = {{ANY, {2, 3, 2}}, {ANY, {2, 3}}}, .p = {1, 1}},

    /* convolutions; p: stride_h, stride_w, padding */
    {"conv2d", .function = conv2d, .inputs = {{ANY, {1, 4, 4, 2}}, {ANY, {3, 3, 2, 2}}}, .p = {1, 1, AG_SAME}},
    {"conv2d", .function = conv2d, .inputs = {{ANY, {2, 4, 5, 1}}, {ANY, {2, 3, 1, 2}}}, .p = {1, 1, AG_VALID}},
    {"conv2d", .function = conv2d, .inputs = {{ANY, {1, 5, 4, 2}}, {ANY, {3, 3, 2, 1}}}, .p = {2, 2, AG_SAME}},
    {"conv2d", .function = conv2d, .inputs = {{ANY, {1, 6, 6, 1}}, {ANY, {5, 5, 1, 1}}}, .p = {2, 2, AG_SAME}},
    {"conv2d", .function = conv2d, .inputs = {{ANY, {2, 6, 5, 1}}, {ANY, {3, 2, 1, 2}}}, .p = {2, 1, AG_VALID}},
    {"conv2d", .function = conv2d, .inputs = {{ANY, {1, 5, 7, 1}}, {ANY, {2, 2, 1, 2}}}, .p = {3, 2, AG_SAME}},
    {"conv2d", .function = conv2d, .inputs = {{ANY, {1, 6, 6, 1}}, {ANY, {2, 2, 1, 1}}}, .p = {3, 3, AG_VALID}},
    {"conv2d", .function = conv2d, .inputs = {{ANY, {1, 3, 3, 2}}, {ANY, {1, 1, 2, 3}}}, .p = {2, 2, AG_SAME}},
    {"conv2d", .function = conv2d, .inputs = {{ANY, {1, 3, 4, 4}}, {ANY, {2, 3, 4, 1}}}, .p = {2, 1, AG_SAME}},
    {"conv2d_transpose", .function = conv2d_transpose, .inputs = {{ANY, {1, 2, 2, 1}}, {ANY, {3, 2, 4, 1}}},
     .p = {2, 1, AG_SAME}},
    {"conv2d_kernel_gradient", .function = conv2d_kernel_gradient, .inputs = {{ANY, {2, 3, 2, 4}}, {ANY, {2, 2, 2, 1}}},
     .p = {2, 1, AG_SAME, 2, 2}},
    {"conv2d_transpose", .function = conv2d_transpose, .inputs = {{ANY, {1, 3, 3, 2}}, {ANY, {3, 3, 2, 2}}},
     .p = {1, 1, AG_SAME}},
    {"conv2d_transpose", .function = conv2d_transpose, .inputs = {{ANY, {2, 2, 3, 1}}, {ANY, {3, 3, 2, 1}}},
     .p = {2, 2, AG_SAME}},
    {"conv2d_transpose", .function = conv2d_transpose, .inputs = {{ANY, {1, 2, 2, 2}}, {ANY, {5, 5, 1, 2}}},
     .p = {2, 2, AG_SAME}},
    {"conv2d_transpose", .function = conv2d_transpose, .inputs = {{ANY, {1, 2, 3, 2}}, {ANY, {3, 2, 1, 2}}},
     .p = {2, 1, AG_VALID}},
    {"conv2d_transpose", .function = conv2d_transpose, .inputs = {{ANY, {1, 2, 2, 1}}, {ANY, {2, 2, 2, 1}}},
     .p = {3, 3, AG_VALID}},
    {"conv2d_transpose", .function = conv2d_transpose_to, .inputs = {{ANY, {1, 3, 2, 2}}, {ANY, {3, 3, 1, 2}}},
     .p = {2, 2, AG_SAME, 5, 4}},
    {"conv2d_transpose", .function = conv2d_transpose_to, .inputs = {{ANY, {1, 2, 2, 1}}, {ANY, {3, 3, 2, 1}}},
     .p = {2, 2, AG_VALID, 6, 5}},
    {"conv2d_kernel_gradient", .function = conv2d_kernel_gradient, .inputs = {{ANY, {2, 4, 4, 1}}, {ANY, {2, 4, 4, 2}}},
     .p = {1, 1, AG_SAME, 3, 3}},
    {"conv2d_kernel_gradient", .function = conv2d_kernel_gradient, .inputs = {{ANY, {1, 5, 4, 2}}, {ANY, {1, 3, 2, 1}}},
     .p = {2, 2, AG_SAME, 3, 3}},
    {"conv2d_kernel_gradient", .function = conv2d_kernel_gradient, .inputs = {{ANY, {1, 6, 5, 1}}, {ANY, {1, 2, 4, 2}}},
     .p = {2, 1, AG_VALID, 3, 2}},

    /* pooling; p: stride_h, stride_w, padding, height, width */
    {"upsample_nearest", .function = upsample, .inputs = {{ANY, {2, 2, 3, 2}}}, .p = {2, 2}},
    {"upsample_nearest", .function = upsample, .inputs = {{ANY, {1, 3, 2, 1}}}, .p = {1, 3}},
    {"max_pool pool_scatter", .function = max_pool, .inputs = {{DISTINCT, {1, 4, 4, 2}}}, .p = {2, 2, AG_VALID, 2, 2}},
    {"max_pool pool_scatter", .function = max_pool, .inputs = {{DISTINCT, {2, 5, 4, 1}}}, .p = {2, 2, AG_SAME, 3, 3}},
    {"max_pool pool_scatter", .function = max_pool, .inputs = {{DISTINCT, {1, 4, 5, 1}}}, .p = {1, 2, AG_VALID, 3, 2}},
    {"pool_scatter pool_gather", .function = max_pool_slope, .inputs = {{DISTINCT, {1, 5, 4, 1}}, {ANY, {1, 3, 2, 1}}},
     .p = {2, 2, AG_SAME, 3, 3}},
    {"avg_pool avg_pool_transpose", .function = avg_pool, .inputs = {{ANY, {1, 4, 4, 2}}}, .p = {2, 2, AG_VALID, 2, 2}},
    {"avg_pool avg_pool_transpose", .function = avg_pool, .inputs = {{ANY, {2, 5, 4, 1}}}, .p = {2, 2, AG_SAME, 3, 3}},
    {"avg_pool avg_pool_transpose", .function = avg_pool, .inputs = {{ANY, {1, 4, 5, 1}}}, .p = {1, 2, AG_VALID, 3, 2}},

    /* normalisation, dropout, losses */
    {"batch_norm batch_norm_sums batch_norm_backward", .function = batch_norm,
     .inputs = {{ANY, {6, 2}}, {ANY, {2}}, {ANY, {2}}}, .p = {1e-3}},
    {"batch_norm batch_norm_sums batch_norm_backward", .function = batch_norm,
     .inputs = {{ANY, {2, 2, 3, 2}}, {ANY, {2}}, {ANY, {2}}}, .p = {0.1}},
    {"batch_norm batch_norm_sums batch_norm_backward", .function = batch_norm_leaky_relu,
     .inputs = {{ANY, {6, 2}}, {ANY, {2}}, {ANY, {2}}}, .p = {1e-3, 0.3}},
    {"batch_norm_sums batch_norm_backward", .function = batch_norm_leaky_relu_slope,
     .inputs = {{ANY, {4, 2}}, {ANY, {2}}, {ANY, {2}}, {ANY, {4, 2}}}, .p = {0.1, 0.3}},
    {"batch_norm_sums batch_norm_backward", .function = batch_norm_slope,
     .inputs = {{ANY, {4, 2}}, {ANY, {2}}, {ANY, {2}}, {ANY, {4, 2}}}, .p = {0.1}},
    {"dropout", .function = dropout, .inputs = {{ANY, {4, 5}}}, .p = {0.3}},
    {"dropout", .function = dropout, .inputs = {{ANY, {5}}}, .p = {0}},
    {"softmax", .function = softmax, .inputs = {{ANY, {2, 3}}}, .p = {-1}},
    {"softmax", .function = softmax, .inputs = {{ANY, {3, 2, 2}}}, .p = {0}},
    {"log_softmax", .function = log_softmax, .inputs = {{ANY, {2, 3}}}, .p = {1}},
    {"log_softmax", .function = log_softmax, .inputs = {{ANY, {2, 3, 2}}}, .p = {-2}},
    {"sigmoid_cross_entropy", .binary = ag_sigmoid_cross_entropy, .inputs = {{UNIT, {2, 3}}, {AWAY, {2, 3}}}},
    {"sigmoid_cross_entropy", .binary = ag_sigmoid_cross_entropy, .inputs = {{UNIT, {0}}, {AWAY, {2, 3}}}},
    {"softmax_cross_entropy", .binary = ag_softmax_cross_entropy, .inputs = {{UNIT, {2, 3}}, {ANY, {2, 3}}}},
    {"softmax_cross_entropy", .binary = ag_softmax_cross_entropy, .inputs = {{UNIT, {2, 2, 3}}, {ANY, {2, 2, 3}}}},
    {"norm matmul", .function = gradient_penalty, .inputs = {{ANY, {3, 2}}, {ANY, {2, 4}}, {ANY, {4, 1}}}},
};

/* Ops and results that are constants to every tape. */
static row constants[] = {
    {"sign", .unary = ag_sign, .inputs = {{AWAY, {3}}}},
    {"equal", .binary = ag_equal, .inputs = {{ANY, {3}}, {ANY, {3}}}},
    {"not_equal", .binary = ag_not_equal, .inputs = {{ANY, {3}}, {ANY, {3}}}},
    {"less", .binary = ag_less, .inputs = {{ANY, {3}}, {ANY, {3}}}},
    {"less_equal", .binary = ag_less_equal, .inputs = {{ANY, {3}}, {ANY, {3}}}},
    {"greater", .binary = ag_greater, .inputs = {{ANY, {3}}, {ANY, {3}}}},
    {"greater_equal", .binary = ag_greater_equal, .inputs = {{ANY, {3}}, {ANY, {3}}}},
    {"argmax", .function = argmax, .inputs = {{DISTINCT, {2, 3}}}, .p = {1}},
    {"one_hot", .function = one_hot, .inputs = {{AWAY, {3}}}, .p = {2}},
    {"batch_norm", .function = batch_statistics, .inputs = {{ANY, {4, 2}}, {ANY, {2}}, {ANY, {2}}}, .p = {1e-3}},
};

enum { ROWS = sizeof rows / sizeof *rows, CONSTANTS = sizeof constants / sizeof *constants };

static ag_tensor *distinct(ag_shape shape, size_t number, ag_rng *rng) {
  ag_real *value;
  ag_tensor *tensor = ag_make(shape, &value);
  size_t size = ag_size(tensor);
  for (size_t i = 0; i < size; i++) {
    size_t j = ag_random_below(rng, (uint32_t)i + 1);
    value[i] = value[j];
    value[j] = (ag_real)(0.1 * ((double)i - (double)(size / 2)) + 0.03 * (double)number);
  }
  return tensor;
}

static ag_tensor *make_input(const input_values *input, size_t number, ag_rng *rng) {
  int64_t sizes[5];
  int rank = 0;
  while (rank < 5 && input->sizes[rank]) sizes[rank] = input->sizes[rank], rank++;
  ag_shape shape = ag_shape_make(rank, sizes);
  switch (input->kind) {
    case POSITIVE: return ag_uniform(rng, shape, 0.3, 2);
    case UNIT: return ag_uniform(rng, shape, 0.1, 0.9);
    case DISTINCT: return distinct(shape, number, rng);
    case AWAY: return ag_mul(ag_uniform(rng, shape, 0.2, 2), ag_sign(ag_uniform(rng, shape, -1, 1)));
    default: return ag_uniform(rng, shape, -2, 2);
  }
}

static ag_list make_inputs(const row *r) {
  ag_tensor *inputs[INPUTS];
  ag_rng rng = ag_rng_seed(1);
  size_t count = 0;
  while (r->inputs[count].kind != NONE) inputs[count] = make_input(&r->inputs[count], count, &rng), count++;
  return ag_list_make(count, inputs);
}

static ag_tensor *call(ag_list in, void *context) {
  const row *r = context;
  if (r->unary) return r->unary(in.items[0]);
  if (r->with_scalar) return r->with_scalar(in.items[0], r->p[0]);
  if (r->binary) return r->binary(in.items[0], in.items[1]);
  return r->function(in.items, r->p);
}

/* Whether a name stands in a list of names separated by spaces. */
static bool names(const char *list, const char *name) {
  size_t length = strlen(name);
  for (const char *at = list; (at = strstr(at, name)); at += length) {
    if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) return true;
  }
  return false;
}

typedef struct {
  const char *names[64];
  int count;
} ops_run;

static void note(const ag_node *node, void *context) {
  ops_run *run = context;
  for (int i = 0; i < run->count; i++) {
    if (strcmp(run->names[i], node->op->name) == 0) return;
  }
  assert_true(run->count < 64);
  run->names[run->count++] = node->op->name;
}

/* A row exercises what it claims to. */
static void expect_run(const row *r, const ops_run *run) {
  for (size_t i = 0; i < sizeof listed_ops / sizeof *listed_ops; i++) {
    if (!names(r->ops, listed_ops[i].name)) continue;
    bool found = false;
    for (int j = 0; j < run->count; j++) found |= strcmp(run->names[j], listed_ops[i].name) == 0;
    if (!found) fail_msg("row %d (%s) never runs %s", (int)(r - rows), r->ops, listed_ops[i].name);
  }
}

static void agrees_with_differences(void **state) {
  row *r = *state;
  ag_list inputs = make_inputs(r);
  ops_run run = {.count = 0};
  ag_observe(note, &run);
  bool first = ag_gradcheck(call, r, inputs, NULL);
  bool second = first && ag_gradgradcheck(call, r, inputs, NULL);
  ag_observe(NULL, NULL);
  if (!second) {
    fail_msg("row %d (%s), order %d: %s", (int)(r - rows), r->ops, first ? 2 : 1, ag_error_message());
  }
  expect_run(r, &run);
}

static void is_a_constant(void **state) {
  row *r = *state;
  ag_list inputs = make_inputs(r);
  ag_tape *tape = ag_tape_start();
  for (size_t i = 0; i < inputs.count; i++) ag_tape_watch(tape, inputs.items[i]);
  ag_tensor *y = call(inputs, r);
  assert_non_null(y);
  ag_list gradients = ag_gradients(tape, y, inputs);
  assert_non_null(gradients.items);
  for (size_t i = 0; i < inputs.count; i++) assert_unconnected(gradients.items[i]);
}

static bool has_row(const char *name, const row *table, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (names(table[i].ops, name)) return true;
  }
  return false;
}

static void every_op_has_a_row(void **state) {
  (void)state;
  int missing = 0;
  for (size_t i = 0; i < sizeof listed_ops / sizeof *listed_ops; i++) {
    const char *name = listed_ops[i].name;
    if (listed_ops[i].has_vjp ? has_row(name, rows, ROWS) : has_row(name, constants, CONSTANTS)) continue;
    print_error("%s has no row among %s\n", name, listed_ops[i].has_vjp ? "those that are checked" : "the constants");
    missing++;
  }
  assert_int_equal(missing, 0);
}

/* The tests of the rows that name this op, or of all where it is NULL. */
static size_t add_tests(struct CMUnitTest *tests, CMUnitTestFunction test, row *table, size_t count, const char *op) {
  size_t added = 0;
  for (size_t i = 0; i < count; i++) {
    if (op && !names(table[i].ops, op)) continue;
    tests[added++] = (struct CMUnitTest){table[i].ops, test, check_enter, check_leave, &table[i]};
  }
  return added;
}

int main(int argc, char **argv) {
  static struct CMUnitTest tests[ROWS + CONSTANTS + 1];
  const char *op = argc > 1 ? argv[1] : NULL;
  size_t count = add_tests(tests, agrees_with_differences, rows, ROWS, op);
  count += add_tests(tests + count, is_a_constant, constants, CONSTANTS, op);
  if (!op) tests[count++] = (struct CMUnitTest)TEST(every_op_has_a_row);
  return _cmocka_run_group_tests("gradcheck", tests, count, NULL, NULL);
}
