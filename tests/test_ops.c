/* The values that ops compute, against closed forms and slow loops in double, and the sentences of their errors. */
#include "check.h"

#include <float.h>
#include <stdlib.h>

#define assert_matches(tensor, shape, expected) \
  check_values(tensor, shape, expected, ag_shape_size(shape), __FILE__, __LINE__)
#define assert_fails(call, code, text) \
  do {                                 \
    assert_null(call);                 \
    assert_error(code, text);          \
  } while (0)

/* Values in [-1, 1] without a pattern, none twice; another seed gives others. */
static ag_tensor *waves(ag_shape shape, int seed) {
  ag_real *values;
  ag_tensor *tensor = ag_make(shape, &values);
  for (size_t i = 0; tensor && i < ag_size(tensor); i++) values[i] = (ag_real)sin(1.7 * (double)i + 0.6 * seed + 0.3);
  return tensor;
}

static double *numbers(size_t count) {
  double *values = calloc(count ? count : 1, sizeof *values);
  assert_non_null(values);
  return values;
}

static double at4(const ag_tensor *tensor, int64_t i, int64_t j, int64_t k, int64_t l) {
  ag_shape shape = ag_shape_of(tensor);
  return (double)ag_data(tensor)[((i * shape.sizes[1] + j) * shape.sizes[2] + k) * shape.sizes[3] + l];
}

/* Elementwise */

static double relu(double x) { return x > 0 ? x : 0; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return log1p(exp(x)); }
static double square(double x) { return x * x; }
static double reciprocal(double x) { return 1 / x; }
static double negative(double x) { return -x; }
static double sign(double x) { return (x > 0) - (x < 0); }

static void maps_agree_with_the_c_library(void **state) {
  (void)state;
  const struct {
    ag_tensor *(*op)(ag_tensor *x);
    double (*f)(double x);
    bool positive;
  } maps[] = {{ag_neg, negative, false},    {ag_square, square, false}, {ag_sqrt, sqrt, true},
              {ag_exp, exp, false},         {ag_log, log, true},        {ag_reciprocal, reciprocal, true},
              {ag_abs, fabs, false},        {ag_sign, sign, false},     {ag_relu, relu, false},
              {ag_sigmoid, sigmoid, false}, {ag_tanh, tanh, false},     {ag_softplus, softplus, false}};
  ag_tensor *any = ag_scale(waves(AG_SHAPE(7, 9), 0), 4), *positive = ag_add_scalar(ag_abs(any), 0.1);
  double expected[63];
  for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
    ag_tensor *x = maps[i].positive ? positive : any;
    for (size_t j = 0; j < 63; j++) expected[j] = maps[i].f((double)ag_data(x)[j]);
    assert_matches(maps[i].op(x), AG_SHAPE(7, 9), expected);
  }
}

static void maps_take_their_parameters(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(5), (ag_real[]){-2, -0.5, 0, 0.5, 2});
  assert_values(ag_scale(x, 3), AG_SHAPE(5), -6, -1.5, 0, 1.5, 6);
  assert_values(ag_add_scalar(x, 1), AG_SHAPE(5), -1, 0.5, 1, 1.5, 3);
  assert_values(ag_clip(x, -1, 0.5), AG_SHAPE(5), -1, -0.5, 0, 0.5, 0.5);
  assert_values(ag_leaky_relu(x, 0.25), AG_SHAPE(5), -0.5, -0.125, 0, 0.5, 2);
  assert_values(ag_pow_scalar(x, 3), AG_SHAPE(5), -8, -0.125, 0, 0.125, 8);
  assert_values(ag_pow_scalar(x, 0), AG_SHAPE(5), 1, 1, 1, 1, 1);
  assert_values(ag_identity(x), AG_SHAPE(5), -2, -0.5, 0, 0.5, 2);
  assert_ptr_equal(ag_data(ag_identity(x)), ag_data(x));
  assert_ptr_not_equal(ag_identity(x), x);
  assert_fails(ag_clip(x, 1, 0), AG_ERROR_ARGUMENT, "clip: low 1 must not be above high 0");
  assert_fails(ag_leaky_relu(x, -1), AG_ERROR_ARGUMENT, "leaky_relu: slope -1");
}

static void maps_stay_finite_at_large_values(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(2), (ag_real[]){-1000, 1000});
  assert_values(ag_sigmoid(x), AG_SHAPE(2), 0, 1);
  assert_values(ag_tanh(x), AG_SHAPE(2), -1, 1);
  assert_values(ag_softplus(x), AG_SHAPE(2), 0, 1000);
  assert_values(ag_sigmoid_cross_entropy(ag_from(AG_SHAPE(2), (ag_real[]){0, 1}), x), AG_SHAPE(2), 0, 0);
}

static double add(double a, double b) { return a + b; }
static double sub(double a, double b) { return a - b; }
static double mul(double a, double b) { return a * b; }
static double divide(double a, double b) { return a / b; }
static double maximum(double a, double b) { return a > b ? a : b; }
static double minimum(double a, double b) { return a < b ? a : b; }

static void two_inputs_broadcast_as_in_numpy(void **state) {
  (void)state;
  const struct {
    ag_tensor *(*op)(ag_tensor *a, ag_tensor *b);
    double (*f)(double a, double b);
  } zips[] = {{ag_add, add},         {ag_sub, sub},         {ag_mul, mul}, {ag_div, divide},
              {ag_maximum, maximum}, {ag_minimum, minimum}, {ag_pow, pow}};
  /* a [2, 1, 4] and b [3, 1] make [2, 3, 4]: the sizes as strides, 0 where one is repeated */
  ag_tensor *a = ag_add_scalar(waves(AG_SHAPE(2, 1, 4), 1), 2), *b = ag_add_scalar(waves(AG_SHAPE(3, 1), 2), 1.5);
  double expected[24];
  for (size_t i = 0; i < sizeof zips / sizeof *zips; i++) {
    for (size_t j = 0; j < 24; j++) {
      expected[j] = zips[i].f((double)ag_data(a)[j / 12 * 4 + j % 4], (double)ag_data(b)[j / 4 % 3]);
    }
    assert_matches(zips[i].op(a, b), AG_SHAPE(2, 3, 4), expected);
  }
  assert_matches(ag_add(ag_zeros(AG_SHAPE(0, 3)), ag_ones(AG_SHAPE(1))), AG_SHAPE(0, 3), expected);
  assert_fails(ag_add(ag_zeros(AG_SHAPE(0)), ag_ones(AG_SHAPE(2))), AG_ERROR_SHAPE, "add: shapes [0] and [2]");
  assert_fails(ag_mul(ag_zeros(AG_SHAPE(2, 3)), ag_zeros(AG_SHAPE(2))), AG_ERROR_SHAPE, "mul: shapes [2, 3] and [2]");
}

static void labels_of_sigmoid_cross_entropy_broadcast_to_the_logits_alone(void **state) {
  (void)state;
  ag_tensor *labels = ag_from(AG_SHAPE(3), (ag_real[]){0, 0.25, 1}), *logits = waves(AG_SHAPE(2, 3), 1);
  double losses[6];
  for (size_t i = 0; i < 6; i++) {
    double p = sigmoid((double)ag_data(logits)[i]), z = (double)ag_data(labels)[i % 3];
    losses[i] = -z * log(p) - (1 - z) * log(1 - p);
  }
  assert_matches(ag_sigmoid_cross_entropy(labels, logits), AG_SHAPE(2, 3), losses);
  assert_fails(ag_sigmoid_cross_entropy(ag_ones(AG_SHAPE(4)), ag_ones(AG_SHAPE(4, 1))), AG_ERROR_SHAPE,
               "sigmoid_cross_entropy: shapes [4] and [4, 1], but the first must broadcast to the second");
  assert_fails(ag_sigmoid_cross_entropy(ag_ones(AG_SHAPE(3)), ag_scalar(0)), AG_ERROR_SHAPE, "shapes [3] and []");
}

static void comparisons_give_one_or_zero(void **state) {
  (void)state;
  ag_tensor *a = ag_from(AG_SHAPE(3), (ag_real[]){1, 2, 3}), *b = ag_scalar(2);
  assert_values(ag_equal(a, b), AG_SHAPE(3), 0, 1, 0);
  assert_values(ag_not_equal(a, b), AG_SHAPE(3), 1, 0, 1);
  assert_values(ag_less(a, b), AG_SHAPE(3), 1, 0, 0);
  assert_values(ag_less_equal(a, b), AG_SHAPE(3), 1, 1, 0);
  assert_values(ag_greater(a, b), AG_SHAPE(3), 0, 0, 1);
  assert_values(ag_greater_equal(a, b), AG_SHAPE(3), 0, 1, 1);
}

static void where_picks_and_broadcasts_all_three(void **state) {
  (void)state;
  ag_tensor *condition = ag_from(AG_SHAPE(2, 1), (ag_real[]){1, 0});
  ag_tensor *a = ag_from(AG_SHAPE(3), (ag_real[]){1, 2, 3});
  assert_values(ag_where(condition, a, ag_scalar(-1)), AG_SHAPE(2, 3), 1, 2, 3, -1, -1, -1);
  assert_fails(ag_where(condition, a, ag_zeros(AG_SHAPE(4))), AG_ERROR_SHAPE, "where: shapes [2, 3] and [4]");
}

/* The slope of f at each element of x. */
static ag_tensor *slopes(ag_tensor *(*f)(ag_tensor *x), ag_tensor *x) {
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  return ag_gradient(tape, f(x), x);
}
static ag_tensor *to_the_zero(ag_tensor *x) { return ag_pow(x, ag_scalar(0)); }
static ag_tensor *zero_to_the(ag_tensor *x) { return ag_pow(ag_scalar(0), x); }
static ag_tensor *safe_root(ag_tensor *x) { return ag_where(x, ag_sqrt(ag_where(x, x, ag_scalar(1))), ag_scalar(0)); }
static void powers_and_branches_have_finite_slopes_at_zero(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(3), (ag_real[]){0, 1, 4});
  assert_values(slopes(to_the_zero, x), AG_SHAPE(3), 0, 0, 0);
  assert_values(slopes(zero_to_the, x), AG_SHAPE(3), 0, 0, 0);
  assert_values(slopes(safe_root, x), AG_SHAPE(3), 0, 0.5, 0.25);
}

static ag_tensor *slope_of_square(ag_tensor *x) {
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  return ag_gradient(tape, ag_pow_scalar(x, 2), x);
}

static void the_second_slope_of_a_square_at_zero_is_two(void **state) {
  (void)state;
  assert_values(slopes(slope_of_square, ag_zeros(AG_SHAPE(2))), AG_SHAPE(2), 2, 2);
}

/* Reductions of [2, 3, 4, 5] over the axes of a mask, by a loop over all elements. */

static ag_shape without_axes(ag_shape shape, unsigned mask, bool keepdims) {
  ag_shape result = {.rank = 0};
  for (int i = 0; i < shape.rank; i++) {
    bool reduced = mask >> i & 1;
    if (!reduced || keepdims) result.sizes[result.rank++] = reduced ? 1 : shape.sizes[i];
  }
  return result;
}

static size_t reduced_index(ag_shape shape, unsigned mask, size_t index) {
  size_t result = 0, stride = 1;
  for (int i = shape.rank - 1; i >= 0; i--) {
    size_t size = (size_t)shape.sizes[i];
    if (!(mask >> i & 1)) result += index % size * stride, stride *= size;
    index /= size;
  }
  return result;
}

static void reductions_agree_with_a_loop_over_any_axes(void **state) {
  (void)state;
  ag_tensor *x = waves(AG_SHAPE(2, 3, 4, 5), 3);
  ag_shape shape = ag_shape_of(x);
  for (unsigned mask = 1; mask < 16; mask++) {
    int axis[4], count = 0;
    for (int i = 0; i < 4; i++) {
      if (mask >> i & 1) axis[count++] = i % 2 ? i - 4 : i;
    }
    ag_shape kept = without_axes(shape, mask, true), dropped = without_axes(shape, mask, false);
    size_t size = ag_shape_size(kept), share = 120 / size;
    double *sum = numbers(size), *mean = numbers(size), *norm = numbers(size), *max = numbers(size);
    for (size_t i = 0; i < size; i++) max[i] = -INFINITY;
    for (size_t i = 0; i < 120; i++) {
      double value = (double)ag_data(x)[i];
      size_t to = reduced_index(shape, mask, i);
      sum[to] += value, mean[to] += value / (double)share, norm[to] += value * value;
      max[to] = maximum(max[to], value);
    }
    for (size_t i = 0; i < size; i++) norm[i] = sqrt(norm[i]);
    ag_axes axes = ag_axes_make(count, axis);
    assert_matches(ag_sum_axes(x, axes, true), kept, sum);
    assert_matches(ag_sum_axes(x, axes, false), dropped, sum);
    assert_matches(ag_mean_axes(x, axes, true), kept, mean);
    assert_matches(ag_max_axes(x, axes, false), dropped, max);
    assert_matches(ag_norm(x, axes, true), kept, norm);
    assert_matches(ag_sum_to(x, kept), kept, sum);
    if (mask == 1 || mask == 3 || mask == 7 || mask == 15) assert_matches(ag_sum_to(x, dropped), dropped, sum);
    free(sum), free(mean), free(norm), free(max);
  }
}

/* Exactly: neither is 1 / 41 rounded before it is multiplied, nor a sum of many before it is whole. */
static void the_mean_of_what_is_all_the_same_is_just_that(void **state) {
  (void)state;
  assert_true(ag_item(ag_mean(ag_ones(AG_SHAPE(41)))) == 1);
  ag_tensor *image = ag_scale(ag_ones(AG_SHAPE(1, 300, 300, 1)), 0.1);
  ag_tensor *pooled = ag_avg_pool(image, 300, 300, AG_STRIDE(1, AG_VALID));
  assert_true(ag_item(ag_reshape(pooled, AG_SHAPE(1))) == (double)ag_data(image)[0]);
}

static void reductions_of_scalars_and_of_nothing(void **state) {
  (void)state;
  assert_value(ag_sum(ag_scalar(3)), 3);
  assert_value(ag_max(ag_scalar(3)), 3);
  assert_values(ag_sum_axes(ag_zeros(AG_SHAPE(0, 2)), AG_AXES(0), false), AG_SHAPE(2), 0, 0);
  assert_true(isnan(ag_item(ag_mean(ag_zeros(AG_SHAPE(0))))));
  assert_int_equal(ag_size(ag_mean_axes(ag_zeros(AG_SHAPE(0, 2)), AG_AXES(1), false)), 0);
  assert_int_equal(ag_size(ag_max_axes(ag_zeros(AG_SHAPE(0, 2)), AG_AXES(1), false)), 0);
  assert_fails(ag_max_axes(ag_zeros(AG_SHAPE(0, 2)), AG_AXES(0), false), AG_ERROR_SHAPE, "max: shape [0, 2]");
  assert_fails(ag_argmax(ag_zeros(AG_SHAPE(0, 2)), 0), AG_ERROR_SHAPE, "argmax: shape [0, 2]");
  ag_tensor *x = ag_ones(AG_SHAPE(2, 3));
  ag_tensor *same = ag_sum_to(x, AG_SHAPE(2, 3));
  assert_ptr_not_equal(same, x);
  assert_values(same, AG_SHAPE(2, 3), 1, 1, 1, 1, 1, 1);
  assert_fails(ag_sum_to(x, (ag_shape){.rank = AG_MAX_RANK + 1}), AG_ERROR_SHAPE, "9 axes");
}

static void argmax_takes_the_first_largest(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(2, 3), (ag_real[]){1, 5, 5, 7, 0, 7});
  assert_values(ag_argmax(x, -1), AG_SHAPE(2), 1, 0);
  assert_values(ag_argmax(x, 0), AG_SHAPE(3), 1, 0, 1);
}

static void wrong_axes_are_refused(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(2, 3));
  assert_fails(ag_sum_axes(x, AG_AXES(2), false), AG_ERROR_SHAPE, "sum: there is no axis 2 in shape [2, 3]");
  assert_fails(ag_mean_axes(x, AG_AXES(-3), false), AG_ERROR_SHAPE, "mean: there is no axis -3");
  assert_fails(ag_max_axes(x, AG_AXES(0, -2), false), AG_ERROR_ARGUMENT, "max: axis -2 is named twice");
  assert_fails(ag_argmax(x, 5), AG_ERROR_SHAPE, "argmax: there is no axis 5");
  assert_fails(ag_sum_axes(x, ag_axes_make(9, (int[9]){0}), false), AG_ERROR_ARGUMENT, "axes: 9 of them");
  assert_fails(ag_sum_axes(x, (ag_axes){.count = -1}, false), AG_ERROR_ARGUMENT, "sum: the list of axes is invalid");
  assert_fails(ag_sum_to(x, AG_SHAPE(3, 3)), AG_ERROR_SHAPE, "sum_to: shapes [3, 3] and [2, 3]");
  assert_fails(ag_sum_to(x, AG_SHAPE(4, 2, 3)), AG_ERROR_SHAPE, "sum_to: shapes [4, 2, 3] and [2, 3]");
}

/* Shapes */

static void reshape_fills_in_what_is_left(void **state) {
  (void)state;
  ag_tensor *x = ag_arange(6);
  assert_values(ag_reshape(x, AG_SHAPE(2, -1)), AG_SHAPE(2, 3), 0, 1, 2, 3, 4, 5);
  assert_ptr_equal(ag_data(ag_reshape(x, AG_SHAPE(3, 2))), ag_data(x));
  assert_value(ag_reshape(ag_ones(AG_SHAPE(1, 1)), AG_SCALAR_SHAPE), 1);
  assert_true(ag_shape_equal(ag_shape_of(ag_reshape(ag_zeros(AG_SHAPE(0, 3)), AG_SHAPE(-1, 3))), AG_SHAPE(0, 3)));
  assert_fails(ag_reshape(x, AG_SHAPE(4, -1)), AG_ERROR_SHAPE, "reshape: shape [6] cannot become [4, -1]");
  assert_fails(ag_reshape(x, AG_SHAPE(2, 2)), AG_ERROR_SHAPE, "reshape: shape [6] cannot become [2, 2]");
  assert_fails(ag_reshape(x, AG_SHAPE(-1, -1)), AG_ERROR_SHAPE, "reshape: shape [6] cannot become [-1, -1]");
  assert_fails(ag_reshape(ag_zeros(AG_SHAPE(0)), AG_SHAPE(0, -1)), AG_ERROR_SHAPE, "reshape: shape [0]");
  assert_fails(ag_reshape(x, (ag_shape){.rank = -1}), AG_ERROR_SHAPE, "shape");
}

static void transpose_agrees_with_a_loop(void **state) {
  (void)state;
  ag_tensor *x = waves(AG_SHAPE(2, 3, 4, 5), 4);
  double expected[120];
  for (int i = 0; i < 120; i++) { /* result [4, 2, 5, 3] */
    int a = i / 30, b = i / 15 % 2, c = i / 3 % 5, d = i % 3;
    expected[i] = at4(x, b, d, a, c);
  }
  assert_matches(ag_transpose(x, AG_AXES(2, 0, -1, 1)), AG_SHAPE(4, 2, 5, 3), expected);
  assert_values(ag_transpose(ag_reshape(ag_arange(6), AG_SHAPE(2, 3)), AG_ALL_AXES), AG_SHAPE(3, 2), 0, 3, 1, 4, 2, 5);
  assert_value(ag_transpose(ag_scalar(2), AG_ALL_AXES), 2);
  assert_fails(ag_transpose(x, AG_AXES(0, 1)), AG_ERROR_ARGUMENT,
               "transpose: an order of 2 axes for shape [2, 3, 4, 5]");
  assert_fails(ag_transpose(x, AG_AXES(0, 1, 1, 2)), AG_ERROR_ARGUMENT, "transpose: axis 1 is named twice");
}

static void broadcast_to_repeats(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(2, 1), (ag_real[]){1, 2});
  assert_values(ag_broadcast_to(x, AG_SHAPE(2, 2, 3)), AG_SHAPE(2, 2, 3), 1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2);
  assert_fails(ag_broadcast_to(x, AG_SHAPE(3, 3)), AG_ERROR_SHAPE, "broadcast_to: shapes [2, 1] and [3, 3]");
  assert_fails(ag_broadcast_to(ag_ones(AG_SHAPE(3)), AG_SHAPE(1)), AG_ERROR_SHAPE, "broadcast_to: shapes [3] and [1]");
}

static void concat_and_stack_join(void **state) {
  (void)state;
  ag_tensor *a = ag_reshape(ag_arange(4), AG_SHAPE(2, 2)), *b = ag_from(AG_SHAPE(2, 1), (ag_real[]){8, 9});
  assert_values(ag_concat(AG_LIST(a, b, a), -1), AG_SHAPE(2, 5), 0, 1, 8, 0, 1, 2, 3, 9, 2, 3);
  assert_values(ag_concat(AG_LIST(a, a), 0), AG_SHAPE(4, 2), 0, 1, 2, 3, 0, 1, 2, 3);
  ag_tensor *row = ag_arange(2);
  assert_values(ag_stack(AG_LIST(row, row, row), 0), AG_SHAPE(3, 2), 0, 1, 0, 1, 0, 1);
  assert_values(ag_stack(AG_LIST(row, row, row), -1), AG_SHAPE(2, 3), 0, 0, 0, 1, 1, 1);
  assert_fails(ag_concat(AG_LIST(a, b), 0), AG_ERROR_SHAPE, "concat: shapes [2, 2] and [2, 1]");
  assert_fails(ag_concat(AG_LIST(a, row), 0), AG_ERROR_SHAPE, "concat: shapes [2, 2] and [2]");
  assert_fails(ag_concat((ag_list){0}, 0), AG_ERROR_ARGUMENT, "concat: a list of 0 tensors");
  assert_fails(ag_stack((ag_list){0}, 0), AG_ERROR_ARGUMENT, "concat: a list of 0 tensors");
  assert_fails(ag_stack(AG_LIST(a, b), 0), AG_ERROR_SHAPE, "stack: shapes [2, 2] and [2, 1]");
  assert_fails(ag_stack(AG_LIST(a, a), 4), AG_ERROR_SHAPE, "stack: no place for a new axis 4 in [2, 2]");
}

static void slice_and_pad_cut_and_add(void **state) {
  (void)state;
  ag_tensor *x = ag_reshape(ag_arange(12), AG_SHAPE(2, 3, 2));
  assert_values(ag_slice(x, 1, 1, 2), AG_SHAPE(2, 2, 2), 2, 3, 4, 5, 8, 9, 10, 11);
  assert_values(ag_slice(x, -1, 1, 1), AG_SHAPE(2, 3, 1), 1, 3, 5, 7, 9, 11);
  assert_int_equal(ag_size(ag_slice(x, 0, 2, 0)), 0);
  assert_values(ag_pad(ag_slice(x, 1, 0, 1), 1, 1, 0), AG_SHAPE(2, 2, 2), 0, 0, 0, 1, 0, 0, 6, 7);
  assert_values(ag_pad(ag_ones(AG_SHAPE(1)), 0, 1, 2), AG_SHAPE(4), 0, 1, 0, 0);
  assert_fails(ag_slice(x, 1, 2, 2), AG_ERROR_SHAPE,
               "slice: 2 elements from 2 on are not within axis 1 of shape [2, 3, 2]");
  assert_fails(ag_slice(x, 1, -1, 1), AG_ERROR_SHAPE, "slice: 1 elements from -1");
  assert_fails(ag_slice(x, 1, INT64_MAX, 2), AG_ERROR_SHAPE, "slice");
  assert_fails(ag_pad(x, 0, -1, 0), AG_ERROR_SHAPE, "pad: -1 zeros before");
  assert_fails(ag_pad(x, 0, INT64_MAX, INT64_MAX), AG_ERROR_SHAPE, "pad");
}

static void expect_empty(const ag_tensor *tensor, ag_shape shape) {
  assert_non_null(tensor);
  assert_true(ag_shape_equal(ag_shape_of(tensor), shape));
}

/* They have no elements; to walk along such an axis would take hours. */
static void empty_tensors_may_have_long_axes(void **state) {
  (void)state;
  const int64_t axis = (int64_t)1 << 40, images = INT32_MAX;
  ag_tensor *tall = ag_zeros(AG_SHAPE(axis, 0)), *wide = ag_zeros(AG_SHAPE(0, axis)), *none = ag_zeros(AG_SHAPE(0));
  ag_tensor *indices = ag_zeros(AG_SHAPE(5)), *pixels = ag_zeros(AG_SHAPE(images, 4, 4, 0));
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  ag_tape_watch(tape, tall), ag_tape_watch(tape, wide);
  ag_tensor *loss = ag_add(ag_sum(ag_gather(tall, none, 1)), ag_sum(ag_gather(wide, none, 0)));
  ag_list gradients = ag_gradients(tape, loss, AG_LIST(tall, wide));
  expect_empty(gradients.items[0], AG_SHAPE(axis, 0));
  expect_empty(gradients.items[1], AG_SHAPE(0, axis));
  expect_empty(ag_gather(tall, indices, 0), AG_SHAPE(5, 0));
  expect_empty(ag_gather(wide, indices, 1), AG_SHAPE(0, 5));
  expect_empty(ag_softmax(wide, 1), AG_SHAPE(0, axis));
  expect_empty(ag_matmul(wide, tall), AG_SHAPE(0, 0));
  expect_empty(ag_matmul(ag_zeros(AG_SHAPE(images, 2, 0)), ag_zeros(AG_SHAPE(0, 0))), AG_SHAPE(images, 2, 0));
  expect_empty(ag_conv2d(pixels, ag_zeros(AG_SHAPE(3, 3, 0, 0)), AG_STRIDE(1, AG_VALID)), AG_SHAPE(images, 2, 2, 0));
  ag_tensor *channels = ag_zeros(AG_SHAPE(0)), *flat = ag_zeros(AG_SHAPE(images, 2, 0, 3));
  expect_empty(ag_batch_norm(tall, channels, channels, 1e-3, NULL, NULL), AG_SHAPE(axis, 0));
  ag_tensor *none_wide = ag_zeros(AG_SHAPE(images, 2, 0, 1));
  assert_values(ag_conv2d_kernel_gradient(flat, none_wide, AG_STRIDE(1, AG_SAME), 1, 1), AG_SHAPE(1, 1, 3, 1), 0, 0, 0);
  expect_empty(ag_max_pool(pixels, 2, 2, AG_STRIDE(2, AG_VALID)), AG_SHAPE(images, 2, 2, 0));
  expect_empty(ag_avg_pool(pixels, 2, 2, AG_STRIDE(2, AG_VALID)), AG_SHAPE(images, 2, 2, 0));
}

static void gather_and_one_hot_follow_indices(void **state) {
  (void)state;
  ag_tensor *x = ag_reshape(ag_arange(12), AG_SHAPE(2, 3, 2));
  ag_tensor *indices = ag_from(AG_SHAPE(2, 1), (ag_real[]){2, 0});
  assert_values(ag_gather(x, indices, 1), AG_SHAPE(2, 2, 1, 2), 4, 5, 0, 1, 10, 11, 6, 7);
  assert_values(ag_gather(ag_arange(3), ag_scalar(1), 0), AG_SCALAR_SHAPE, 1);
  assert_values(ag_one_hot(indices, 3), AG_SHAPE(2, 1, 3), 0, 0, 1, 1, 0, 0);
  assert_fails(ag_gather(x, indices, 0), AG_ERROR_ARGUMENT,
               "gather: index 2 (number 0) is no whole number from 0 to below 2");
  assert_fails(ag_gather(x, ag_scalar(0.5), 1), AG_ERROR_ARGUMENT, "gather: index 0.5");
  assert_fails(ag_gather(x, ag_scalar(NAN), 1), AG_ERROR_ARGUMENT, "gather: index");
  assert_fails(ag_one_hot(ag_scalar(-1), 3), AG_ERROR_ARGUMENT, "one_hot: index -1 (number 0)");
  assert_fails(ag_one_hot(indices, -1), AG_ERROR_ARGUMENT, "one_hot: depth -1");
  assert_fails(ag_gather(x, ag_zeros(AG_SHAPE(1, 1, 1, 1, 1, 1, 1)), 0), AG_ERROR_SHAPE, "9 axes");
}

/* Products */

static void matmul_agrees_with_a_loop_however_transposed(void **state) {
  (void)state;
  enum { M = 5, K = 7, N = 3 };
  for (int transposed = 0; transposed < 4; transposed++) {
    bool ta = transposed & 1, tb = transposed & 2;
    ag_tensor *a = waves(ta ? AG_SHAPE(2, 1, K, M) : AG_SHAPE(2, 1, M, K), 5);
    ag_tensor *b = waves(tb ? AG_SHAPE(4, N, K) : AG_SHAPE(4, K, N), 6);
    double expected[2 * 4 * M * N] = {0};
    for (int o = 0; o < 8; o++) {
      const ag_real *p = ag_data(a) + o / 4 * M * K, *q = ag_data(b) + o % 4 * K * N;
      for (int i = 0; i < M * N * K; i++) {
        int m = i / (N * K), n = i / K % N, k = i % K;
        double left = (double)p[ta ? k * M + m : m * K + k], right = (double)q[tb ? n * K + k : k * N + n];
        expected[(o * M + m) * N + n] += left * right;
      }
    }
    assert_matches(ag_matmul_transposed(a, ta, b, tb), AG_SHAPE(2, 4, M, N), expected);
  }
}

static void matmul_of_empty_matrices_is_zero_or_empty(void **state) {
  (void)state;
  assert_values(ag_matmul(ag_ones(AG_SHAPE(2, 0)), ag_ones(AG_SHAPE(0, 2))), AG_SHAPE(2, 2), 0, 0, 0, 0);
  assert_int_equal(ag_size(ag_matmul(ag_ones(AG_SHAPE(0, 2)), ag_ones(AG_SHAPE(2, 3)))), 0);
  assert_int_equal(ag_size(ag_matmul(ag_ones(AG_SHAPE(0, 2, 2)), ag_ones(AG_SHAPE(2, 3)))), 0);
}

static void matmul_names_both_shapes(void **state) {
  (void)state;
  ag_tensor *a = ag_ones(AG_SHAPE(2, 3)), *b = ag_ones(AG_SHAPE(4, 5));
  assert_fails(ag_matmul(a, b), AG_ERROR_SHAPE, "matmul: shapes [2, 3] and [4, 5]");
  assert_fails(ag_matmul_transposed(a, true, b, false), AG_ERROR_SHAPE, "matmul: shapes [2, 3] transposed and [4, 5]");
  assert_fails(ag_matmul(a, ag_ones(AG_SHAPE(3))), AG_ERROR_SHAPE, "matmul: shapes [2, 3] and [3]");
  assert_fails(ag_matmul(ag_ones(AG_SHAPE(2, 2, 3)), ag_ones(AG_SHAPE(3, 3, 1))), AG_ERROR_SHAPE,
               "matmul: shapes [2, 2, 3] and [3, 3, 1]");
}

/* Convolutions: all (output, tap) by loops in double, from the definition of each op. */

typedef struct {
  int64_t size, taps, stride, outputs, pad;
} line;

static line line_of(int64_t size, int64_t taps, int64_t stride, ag_padding padding) {
  line l = {.size = size, .taps = taps, .stride = stride};
  l.outputs = padding == AG_SAME ? (size + stride - 1) / stride : (size - taps) / stride + 1;
  int64_t missing = (l.outputs - 1) * stride + taps - size;
  l.pad = padding == AG_SAME && missing > 0 ? missing / 2 : 0;
  return l;
}

/* Calls f for each output pixel and tap whose input lies in the image. */
typedef void visitor(void *context, int64_t y, int64_t x, int64_t oy, int64_t ox, int64_t ty, int64_t tx);
static void visit(line h, line w, visitor *f, void *context) {
  for (int64_t oy = 0; oy < h.outputs; oy++)
    for (int64_t ox = 0; ox < w.outputs; ox++)
      for (int64_t ty = 0; ty < h.taps; ty++)
        for (int64_t tx = 0; tx < w.taps; tx++) {
          int64_t y = oy * h.stride + ty - h.pad, x = ox * w.stride + tx - w.pad;
          if (y >= 0 && y < h.size && x >= 0 && x < w.size) f(context, y, x, oy, ox, ty, tx);
        }
}

typedef struct {
  const ag_tensor *images, *kernel, *outputs;
  ag_shape image_shape, kernel_shape, output_shape;
  double *to_images, *to_kernel, *to_outputs;
} convolution;

static double *place4(double *values, ag_shape shape, int64_t i, int64_t j, int64_t k, int64_t l) {
  return &values[((i * shape.sizes[1] + j) * shape.sizes[2] + k) * shape.sizes[3] + l];
}

static void convolve_one(void *context, int64_t y, int64_t x, int64_t oy, int64_t ox, int64_t ty, int64_t tx) {
  convolution *c = context;
  for (int64_t n = 0; n < c->image_shape.sizes[0]; n++)
    for (int64_t i = 0; i < c->kernel_shape.sizes[2]; i++)
      for (int64_t o = 0; o < c->kernel_shape.sizes[3]; o++) {
        double image = at4(c->images, n, y, x, i), weight = at4(c->kernel, ty, tx, i, o);
        double out = at4(c->outputs, n, oy, ox, o);
        *place4(c->to_outputs, c->output_shape, n, oy, ox, o) += image * weight;
        *place4(c->to_images, c->image_shape, n, y, x, i) += out * weight;
        *place4(c->to_kernel, c->kernel_shape, ty, tx, i, o) += image * out;
      }
}

static void check_channels(int64_t in, int64_t batch, int64_t height, int64_t width, int64_t kh, int64_t kw,
                           int stride_h, int stride_w, ag_padding padding) {
  enum { OUT = 2 };
  ag_window window = {stride_h, stride_w, padding};
  line h = line_of(height, kh, stride_h, padding), w = line_of(width, kw, stride_w, padding);
  convolution c = {.image_shape = AG_SHAPE(batch, height, width, in),
                   .kernel_shape = AG_SHAPE(kh, kw, in, OUT),
                   .output_shape = AG_SHAPE(batch, h.outputs, w.outputs, OUT)};
  ag_tensor *images = waves(c.image_shape, 7), *kernel = waves(c.kernel_shape, 8), *outputs = waves(c.output_shape, 9);
  c.images = images, c.kernel = kernel, c.outputs = outputs;
  c.to_images = numbers(ag_size(images)), c.to_kernel = numbers(ag_size(kernel));
  c.to_outputs = numbers(ag_size(outputs));
  visit(h, w, convolve_one, &c);
  assert_matches(ag_conv2d(images, kernel, window), c.output_shape, c.to_outputs);
  assert_matches(ag_conv2d_transpose_to(outputs, kernel, window, height, width), c.image_shape, c.to_images);
  assert_matches(ag_conv2d_kernel_gradient(images, outputs, window, kh, kw), c.kernel_shape, c.to_kernel);
  free(c.to_images), free(c.to_kernel), free(c.to_outputs);
}

/* Few channels go another way than many. */
static void check_convolution(int64_t batch, int64_t height, int64_t width, int64_t kh, int64_t kw, int stride_h,
                              int stride_w, ag_padding padding) {
  for (int64_t in = 1; in <= 5; in += 2) check_channels(in, batch, height, width, kh, kw, stride_h, stride_w, padding);
}

static void convolutions_agree_with_loops(void **state) {
  (void)state;
  check_convolution(2, 7, 7, 5, 5, 1, 1, AG_SAME);
  check_convolution(2, 8, 6, 5, 5, 2, 2, AG_SAME);
  check_convolution(2, 7, 5, 5, 3, 2, 3, AG_SAME);
  check_convolution(1, 9, 8, 4, 2, 3, 1, AG_SAME);
  check_convolution(2, 7, 6, 3, 2, 1, 2, AG_VALID);
  check_convolution(3, 9, 9, 2, 2, 3, 4, AG_VALID); /* stride above the window: pixels that nothing reads */
  check_convolution(2, 5, 4, 5, 4, 1, 1, AG_VALID);
  check_convolution(1, 3, 3, 1, 1, 2, 2, AG_SAME);
  check_convolution(1, 2, 2, 5, 5, 1, 1, AG_SAME); /* a window larger than the image */
  check_convolution(0, 4, 4, 3, 3, 2, 2, AG_SAME);
}

static void conv2d_transpose_has_the_size_that_keras_gives(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(2, 7, 4, 3)), *kernel = ag_ones(AG_SHAPE(5, 3, 2, 3));
  ag_window same = AG_STRIDE(2, AG_SAME), valid = AG_STRIDE(2, AG_VALID);
  assert_true(ag_shape_equal(ag_shape_of(ag_conv2d_transpose(x, kernel, same)), AG_SHAPE(2, 14, 8, 2)));
  assert_true(ag_shape_equal(ag_shape_of(ag_conv2d_transpose(x, kernel, valid)), AG_SHAPE(2, 17, 9, 2)));
  assert_fails(ag_conv2d_transpose_to(x, kernel, same, 15, 8), AG_ERROR_SHAPE,
               "a conv2d of [2, 15, 8, 2] with a kernel [5, 3, 2, 3] gives [2, 8, 4, 3], not [2, 7, 4, 3]");
  assert_fails(ag_conv2d_transpose_to(x, kernel, same, -1, 8), AG_ERROR_SHAPE, "conv2d_transpose: -1 x 8");
}

static void convolutions_name_both_shapes(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(1, 4, 4, 3)), *kernel = ag_ones(AG_SHAPE(5, 5, 2, 3));
  ag_window same = AG_STRIDE(1, AG_SAME);
  assert_fails(ag_conv2d(x, kernel, same), AG_ERROR_SHAPE, "conv2d: shapes [1, 4, 4, 3] and [5, 5, 2, 3]");
  assert_fails(ag_conv2d(x, ag_ones(AG_SHAPE(3)), same), AG_ERROR_SHAPE, "conv2d: shapes [1, 4, 4, 3] and [3]");
  assert_fails(ag_conv2d(x, ag_ones(AG_SHAPE(5, 5, 3, 1)), AG_STRIDE(1, AG_VALID)), AG_ERROR_SHAPE,
               "conv2d: a window of 5 does not fit into 4");
  assert_fails(ag_conv2d(x, ag_ones(AG_SHAPE(5, 5, 3, 1)), AG_STRIDE(0, AG_SAME)), AG_ERROR_ARGUMENT,
               "conv2d: stride 0");
  assert_fails(ag_conv2d_transpose(x, ag_ones(AG_SHAPE(3, 3, 3, 1)), same), AG_ERROR_SHAPE,
               "conv2d_transpose: shapes [1, 4, 4, 3] and [3, 3, 3, 1]");
  assert_fails(ag_conv2d_kernel_gradient(x, ag_ones(AG_SHAPE(2, 4, 4, 3)), same, 3, 3), AG_ERROR_SHAPE,
               "conv2d_kernel_gradient: shapes [1, 4, 4, 3] and [2, 4, 4, 3]");
  assert_fails(ag_conv2d_kernel_gradient(x, ag_ones(AG_SHAPE(1, 3, 4, 3)), same, 3, 3), AG_ERROR_SHAPE,
               "conv2d_kernel_gradient: a conv2d of");
}

/* Pooling */

typedef struct {
  const ag_tensor *images;
  ag_shape shape;
  double *max, *sum, *count;
} pooled;

static void pool_one(void *context, int64_t y, int64_t x, int64_t oy, int64_t ox, int64_t ty, int64_t tx) {
  (void)ty, (void)tx;
  pooled *p = context;
  for (int64_t n = 0; n < p->shape.sizes[0]; n++)
    for (int64_t c = 0; c < p->shape.sizes[3]; c++) {
      double value = at4(p->images, n, y, x, c), *max = place4(p->max, p->shape, n, oy, ox, c);
      double *count = place4(p->count, p->shape, n, oy, ox, c);
      *max = *count > 0 ? maximum(*max, value) : value;
      *place4(p->sum, p->shape, n, oy, ox, c) += value;
      ++*count;
    }
}

static void pooling_agrees_with_loops_and_ignores_padding(void **state) {
  (void)state;
  const struct {
    int64_t height, width;
    ag_window window;
  } cases[] = {{2, 2, {2, 2, AG_VALID}}, {3, 2, {2, 1, AG_SAME}}, {3, 3, {1, 2, AG_SAME}}, {2, 3, {3, 2, AG_VALID}}};
  /* negative, so that a zero of padding would win */
  ag_tensor *images = ag_add_scalar(waves(AG_SHAPE(2, 7, 6, 3), 10), -2);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ag_window window = cases[i].window;
    line h = line_of(7, cases[i].height, window.stride_h, window.padding);
    line w = line_of(6, cases[i].width, window.stride_w, window.padding);
    pooled p = {.images = images, .shape = AG_SHAPE(2, h.outputs, w.outputs, 3)};
    size_t size = ag_shape_size(p.shape);
    p.max = numbers(size), p.sum = numbers(size), p.count = numbers(size);
    visit(h, w, pool_one, &p);
    for (size_t j = 0; j < size; j++) p.sum[j] /= p.count[j];
    assert_matches(ag_max_pool(images, cases[i].height, cases[i].width, window), p.shape, p.max);
    assert_matches(ag_avg_pool(images, cases[i].height, cases[i].width, window), p.shape, p.sum);
    free(p.max), free(p.sum), free(p.count);
  }
  assert_int_equal(ag_size(ag_max_pool(ag_ones(AG_SHAPE(0, 4, 4, 1)), 2, 2, AG_STRIDE(2, AG_VALID))), 0);
}

static void upsampling_repeats_pixels(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(1, 1, 2, 2), (ag_real[]){1, 2, 3, 4});
  assert_values(ag_upsample_nearest(x, 1, 3), AG_SHAPE(1, 1, 6, 2), 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4);
  assert_values(ag_upsample_nearest(x, 2, 1), AG_SHAPE(1, 2, 2, 2), 1, 2, 3, 4, 1, 2, 3, 4);
  assert_values(ag_upsample_nearest(x, 1, 1), AG_SHAPE(1, 1, 2, 2), 1, 2, 3, 4);
}

static void pooling_names_what_is_wrong(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(1, 4, 4, 1)), *matrix = ag_ones(AG_SHAPE(4, 4));
  assert_fails(ag_max_pool(matrix, 2, 2, AG_STRIDE(2, AG_SAME)), AG_ERROR_SHAPE,
               "max_pool: shape [4, 4], but images [N, H, W, C]");
  assert_fails(ag_avg_pool(x, 5, 2, AG_STRIDE(2, AG_VALID)), AG_ERROR_SHAPE,
               "avg_pool: a window of 5 does not fit into 4");
  assert_fails(ag_avg_pool(x, 0, 2, AG_STRIDE(2, AG_VALID)), AG_ERROR_ARGUMENT, "avg_pool: stride 2 and window size 0");
  assert_fails(ag_upsample_nearest(matrix, 2, 2), AG_ERROR_SHAPE, "upsample_nearest: shape");
  assert_fails(ag_upsample_nearest(x, 2, 0), AG_ERROR_SHAPE, "upsample_nearest: shape");
  assert_fails(ag_upsample_nearest(x, INT64_MAX / 2, INT64_MAX / 2), AG_ERROR_SHAPE, "too large");
}

/* Batch norm, dropout, losses */

static void batch_norm_normalizes_over_all_but_the_last_axis(void **state) {
  (void)state;
  enum { ROWS = 12, C = 3 };
  ag_tensor *x = ag_add_scalar(waves(AG_SHAPE(2, 3, 2, C), 11), 5);
  ag_tensor *gamma = waves(AG_SHAPE(C), 12), *beta = waves(AG_SHAPE(C), 13);
  double expected[ROWS * C], means[C], variances[C];
  for (int c = 0; c < C; c++) {
    double sum = 0, squares = 0;
    for (int i = 0; i < ROWS; i++) sum += (double)ag_data(x)[i * C + c];
    means[c] = sum / ROWS;
    for (int i = 0; i < ROWS; i++) squares += square((double)ag_data(x)[i * C + c] - means[c]);
    variances[c] = squares / ROWS;
    for (int i = 0; i < ROWS; i++) {
      double normalized = ((double)ag_data(x)[i * C + c] - means[c]) / sqrt(variances[c] + 1e-3);
      expected[i * C + c] = normalized * (double)ag_data(gamma)[c] + (double)ag_data(beta)[c];
    }
  }
  ag_tensor *mean, *variance;
  assert_matches(ag_batch_norm(x, gamma, beta, 1e-3, &mean, &variance), AG_SHAPE(2, 3, 2, C), expected);
  assert_matches(mean, AG_SHAPE(C), means);
  assert_matches(variance, AG_SHAPE(C), variances);
}

static void batch_norm_statistics_are_constants(void **state) {
  (void)state;
  ag_tensor *x = waves(AG_SHAPE(4, 2), 14), *ones = ag_ones(AG_SHAPE(2)), *mean, *variance;
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_batch_norm(x, ones, ones, 1e-3, &mean, &variance);
  assert_non_null(y);
  assert_unconnected(ag_gradient(tape, ag_add(mean, variance), x));
}

static void batch_norm_names_what_is_wrong(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(4, 2)), *two = ag_ones(AG_SHAPE(2)), *three = ag_ones(AG_SHAPE(3));
  assert_fails(ag_batch_norm(x, two, three, 0, NULL, NULL), AG_ERROR_SHAPE,
               "batch_norm: x [4, 2], gamma [2], beta [3]");
  assert_fails(ag_batch_norm(x, three, two, 0, NULL, NULL), AG_ERROR_SHAPE,
               "batch_norm: x [4, 2], gamma [3], beta [2]");
  assert_fails(ag_batch_norm(ag_ones(AG_SHAPE(0, 2)), two, two, 0, NULL, NULL), AG_ERROR_SHAPE, "batch_norm: x [0, 2]");
  assert_fails(ag_batch_norm(ag_scalar(1), two, two, 0, NULL, NULL), AG_ERROR_SHAPE, "batch_norm: x []");
  assert_fails(ag_batch_norm(x, two, two, -1, NULL, NULL), AG_ERROR_ARGUMENT, "batch_norm: epsilon -1");
}

static void dropout_keeps_or_scales(void **state) {
  (void)state;
  enum { SIZE = 10000 };
  ag_rng rng = ag_rng_seed(3), copy = rng;
  ag_tensor *x = ag_ones(AG_SHAPE(SIZE)), *y = ag_dropout(x, 0.25, &rng), *again = ag_dropout(x, 0.25, &copy);
  ag_tensor *other = ag_dropout(x, 0.25, &rng);
  int zeros = 0, differ = 0;
  for (int i = 0; i < SIZE; i++) {
    double value = (double)ag_data(y)[i];
    assert_true(value == 0 || check_close(value, 1 / 0.75));
    zeros += value == 0;
    differ += ag_data(y)[i] != ag_data(other)[i];
  }
  assert_true(abs(zeros - SIZE / 4) < 5 * 44); /* five standard deviations */
  assert_true(differ > SIZE / 4);
  assert_memory_equal(ag_data(y), ag_data(again), SIZE * sizeof(ag_real));
  assert_int_equal(rng.counter, 2);
  assert_values(ag_dropout(ag_arange(3), 0, &rng), AG_SHAPE(3), 0, 1, 2);
  assert_fails(ag_dropout(x, 1, &rng), AG_ERROR_ARGUMENT, "dropout: rate 1 is not in [0, 1)");
  assert_fails(ag_dropout(x, NAN, &rng), AG_ERROR_ARGUMENT, "dropout: rate");
  assert_fails(ag_dropout(x, 0.5, NULL), AG_ERROR_ARGUMENT, "dropout: rng is NULL");
}

static void a_dropout_that_fails_takes_no_draw(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(1);
  assert_fails(ag_dropout(NULL, 0.5, &rng), AG_ERROR_ARGUMENT, "dropout");
  assert_true(rng.counter == 0);
}

/* The numbers of the taps are kept in floats. */
static void max_pool_refuses_windows_that_it_cannot_number(void **state) {
  (void)state;
  ag_tensor *image = ag_ones(AG_SHAPE(1, 2, 2, 1));
  assert_fails(ag_max_pool(image, 4097, 4096, AG_STRIDE(1, AG_SAME)), AG_ERROR_SHAPE, "4097 x 4096");
  assert_fails(ag_max_pool(image, INT64_MAX, INT64_MAX, AG_STRIDE(1, AG_SAME)), AG_ERROR_SHAPE,
               "at most 16777216 elements");
}

static void dropout_gradient_passes_where_the_value_did(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(4);
  ag_tensor *x = ag_ones(AG_SHAPE(100));
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_dropout(x, 0.5, &rng), *gradient = ag_gradient(tape, y, x);
  assert_memory_equal(ag_data(gradient), ag_data(y), 100 * sizeof(ag_real));
}

static void softmax_agrees_with_its_definition(void **state) {
  (void)state;
  ag_tensor *x = waves(AG_SHAPE(2, 3, 4), 15), *labels = waves(AG_SHAPE(2, 3, 4), 16);
  double softmax[24], logs[24], losses[6] = {0};
  for (int axis = 0; axis < 3; axis++) {
    const int sizes[] = {2, 3, 4}, strides[] = {12, 4, 1};
    for (int i = 0; i < 24; i++) {
      int first = i - i / strides[axis] % sizes[axis] * strides[axis];
      double sum = 0;
      for (int j = 0; j < sizes[axis]; j++) sum += exp((double)ag_data(x)[first + j * strides[axis]]);
      softmax[i] = exp((double)ag_data(x)[i]) / sum;
      logs[i] = log(softmax[i]);
    }
    assert_matches(ag_softmax(x, axis), AG_SHAPE(2, 3, 4), softmax);
    assert_matches(ag_log_softmax(x, axis - 3), AG_SHAPE(2, 3, 4), logs);
  }
  for (int i = 0; i < 24; i++) losses[i / 4] -= (double)ag_data(labels)[i] * logs[i];
  assert_matches(ag_softmax_cross_entropy(labels, x), AG_SHAPE(2, 3), losses);
}

static void softmax_is_stable_and_names_what_is_wrong(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(3), (ag_real[]){1000, -1000, 1000});
  ag_tensor *labels = ag_from(AG_SHAPE(3), (ag_real[]){0, 1, 0});
  assert_values(ag_softmax(x, 0), AG_SHAPE(3), 0.5, 0, 0.5);
  ag_tensor *rows = ag_from(AG_SHAPE(2, 2), (ag_real[]){1000, 1000, -1000, -1000});
  assert_values(ag_softmax(rows, 1), AG_SHAPE(2, 2), 0.5, 0.5, 0.5, 0.5);
  assert_values(ag_log_softmax(x, 0), AG_SHAPE(3), -log(2), -2000 - log(2), -log(2));
  assert_value(ag_softmax_cross_entropy(labels, x), 2000 + log(2));
  assert_fails(ag_softmax(x, 1), AG_ERROR_SHAPE, "softmax: there is no axis 1 in shape [3]");
  assert_fails(ag_log_softmax(x, 1), AG_ERROR_SHAPE, "log_softmax: there is no axis 1");
  assert_fails(ag_softmax_cross_entropy(ag_ones(AG_SHAPE(2)), x), AG_ERROR_SHAPE,
               "softmax_cross_entropy: shapes [2] and [3]");
}

/* Errors that all ops share */

static void null_is_an_error_that_names_the_op(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(1, 2, 2, 1));
  ag_window window = AG_STRIDE(1, AG_SAME);
  ag_rng rng = ag_rng_seed(1);
#define NAMES(call, op) assert_fails(call, AG_ERROR_ARGUMENT, op ": ")
  NAMES(ag_neg(NULL), "neg");
  NAMES(ag_scale(NULL, 1), "scale");
  NAMES(ag_square(NULL), "square");
  NAMES(ag_relu(NULL), "relu");
  NAMES(ag_leaky_relu(NULL, 0.3), "leaky_relu");
  NAMES(ag_clip(NULL, 0, 1), "clip");
  NAMES(ag_identity(NULL), "identity");
  NAMES(ag_add(x, NULL), "add");
  NAMES(ag_mul(NULL, x), "mul");
  NAMES(ag_where(x, x, NULL), "where");
  NAMES(ag_sum(NULL), "sum");
  NAMES(ag_mean(NULL), "mean");
  NAMES(ag_max(NULL), "max");
  NAMES(ag_argmax(NULL, 0), "argmax");
  NAMES(ag_norm(NULL, AG_ALL_AXES, false), "norm");
  NAMES(ag_sum_to(NULL, AG_SHAPE(1)), "sum_to");
  NAMES(ag_reshape(NULL, AG_SHAPE(1)), "reshape");
  NAMES(ag_transpose(NULL, AG_ALL_AXES), "transpose");
  NAMES(ag_broadcast_to(NULL, AG_SHAPE(1)), "broadcast_to");
  NAMES(ag_concat(AG_LIST(x, NULL), 0), "concat");
  NAMES(ag_stack(AG_LIST(x, NULL), 0), "stack");
  NAMES(ag_slice(NULL, 0, 0, 1), "slice");
  NAMES(ag_pad(NULL, 0, 0, 1), "pad");
  NAMES(ag_gather(x, NULL, 0), "gather");
  NAMES(ag_one_hot(NULL, 2), "one_hot");
  NAMES(ag_matmul(NULL, x), "matmul");
  NAMES(ag_conv2d(x, NULL, window), "conv2d");
  NAMES(ag_conv2d_transpose(NULL, x, window), "conv2d_transpose");
  NAMES(ag_conv2d_kernel_gradient(x, NULL, window, 1, 1), "conv2d_kernel_gradient");
  NAMES(ag_upsample_nearest(NULL, 2, 2), "upsample_nearest");
  NAMES(ag_max_pool(NULL, 2, 2, window), "max_pool");
  NAMES(ag_avg_pool(NULL, 2, 2, window), "avg_pool");
  NAMES(ag_batch_norm(x, NULL, x, 0, NULL, NULL), "batch_norm");
  NAMES(ag_dropout(NULL, 0.5, &rng), "dropout");
  NAMES(ag_softmax(NULL, 0), "softmax");
  NAMES(ag_log_softmax(NULL, 0), "log_softmax");
  NAMES(ag_sigmoid_cross_entropy(NULL, x), "sigmoid_cross_entropy");
  NAMES(ag_softmax_cross_entropy(x, NULL), "softmax_cross_entropy");
#undef NAMES
}

static void the_first_error_of_a_chain_stays(void **state) {
  (void)state;
  ag_tensor *y = ag_add(ag_ones(AG_SHAPE(2)), ag_ones(AG_SHAPE(3)));
  y = ag_softmax(ag_norm(ag_concat(AG_LIST(y, y), 0), AG_ALL_AXES, true), 0);
  y = ag_conv2d(ag_batch_norm(y, y, y, 0, NULL, NULL), y, AG_STRIDE(1, AG_SAME));
  assert_fails(y, AG_ERROR_SHAPE, "add: shapes [2] and [3]");
}

static void without_a_scope_an_op_is_an_error(void **state) {
  (void)state;
  ag_scope *scope = ag_scope_enter();
  ag_tensor *x = ag_retain(ag_ones(AG_SHAPE(2)));
  ag_scope_leave(scope);
  assert_fails(ag_add(x, x), AG_ERROR_ARGUMENT, "scope");
  ag_release(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(maps_agree_with_the_c_library),
      TEST(maps_take_their_parameters),
      TEST(maps_stay_finite_at_large_values),
      TEST(two_inputs_broadcast_as_in_numpy),
      TEST(labels_of_sigmoid_cross_entropy_broadcast_to_the_logits_alone),
      TEST(comparisons_give_one_or_zero),
      TEST(where_picks_and_broadcasts_all_three),
      TEST(powers_and_branches_have_finite_slopes_at_zero),
      TEST(the_second_slope_of_a_square_at_zero_is_two),
      TEST(reductions_agree_with_a_loop_over_any_axes),
      TEST(the_mean_of_what_is_all_the_same_is_just_that),
      TEST(reductions_of_scalars_and_of_nothing),
      TEST(argmax_takes_the_first_largest),
      TEST(wrong_axes_are_refused),
      TEST(reshape_fills_in_what_is_left),
      TEST(transpose_agrees_with_a_loop),
      TEST(broadcast_to_repeats),
      TEST(concat_and_stack_join),
      TEST(slice_and_pad_cut_and_add),
      TEST(empty_tensors_may_have_long_axes),
      TEST(gather_and_one_hot_follow_indices),
      TEST(matmul_agrees_with_a_loop_however_transposed),
      TEST(matmul_of_empty_matrices_is_zero_or_empty),
      TEST(matmul_names_both_shapes),
      TEST(convolutions_agree_with_loops),
      TEST(conv2d_transpose_has_the_size_that_keras_gives),
      TEST(convolutions_name_both_shapes),
      TEST(pooling_agrees_with_loops_and_ignores_padding),
      TEST(upsampling_repeats_pixels),
      TEST(pooling_names_what_is_wrong),
      TEST(batch_norm_normalizes_over_all_but_the_last_axis),
      TEST(batch_norm_statistics_are_constants),
      TEST(batch_norm_names_what_is_wrong),
      TEST(dropout_keeps_or_scales),
      TEST(a_dropout_that_fails_takes_no_draw),
      TEST(max_pool_refuses_windows_that_it_cannot_number),
      TEST(dropout_gradient_passes_where_the_value_did),
      TEST(softmax_agrees_with_its_definition),
      TEST(softmax_is_stable_and_names_what_is_wrong),
      TEST(null_is_an_error_that_names_the_op),
      TEST(the_first_error_of_a_chain_stays),
      cmocka_unit_test(without_a_scope_an_op_is_an_error),
  };
  return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
}
