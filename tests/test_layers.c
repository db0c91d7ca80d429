/* What each kind of layer computes, against closed forms and slow loops: outputs, gradients, moving averages, initial
 * values. */
#include "tests/layers.h"

/* Options */

static void an_option_left_out_has_its_default_and_nn_zero_is_zero(void **state) {
  (void)state;
  assert_true(nn_option(0, 0.9) == 0.9);
  assert_true(nn_option(0.5, 0.9) == 0.5);
  assert_true(nn_option(NN_ZERO, 0.9) == 0 && !signbit(nn_option(NN_ZERO, 0.9)));
}

/* Dense */

static void dense_is_a_product_and_a_bias_over_the_last_axis(void **state) {
  (void)state;
  nn_layer *layer = nn_dense(2, .activation = NN_RELU);
  build(layer, AG_SHAPE(3));
  set(layer, "kernel", NUMBERS(AG_SHAPE(3, 2), 1, 2, 3, 4, 5, 6));
  set(layer, "bias", NUMBERS(AG_SHAPE(2), 10, -30));
  ag_tensor *x = NUMBERS(AG_SHAPE(2, 3), 1, 1, 1, 1, 2, 3);
  assert_values(nn_forward(layer, x, NN_EVAL), AG_SHAPE(2, 2), 19, 0, 32, 0);
  nn_layer_free(layer);

  layer = nn_dense(1, .no_bias = true);
  build(layer, AG_SHAPE(2, 2));
  assert_shape(nn_output_shape(layer), AG_SHAPE(2, 1));
  set(layer, "kernel", NUMBERS(AG_SHAPE(2, 1), 1, 10));
  x = NUMBERS(AG_SHAPE(1, 2, 2), 1, 2, 3, 4);
  assert_values(nn_forward(layer, x, NN_EVAL), AG_SHAPE(1, 2, 1), 21, 43);
  nn_layer_free(layer);
}

/* Maxout */

static void maxout_is_the_largest_of_its_pieces(void **state) {
  (void)state;
  nn_layer *layer = nn_maxout(2, .pieces = 3);
  build(layer, AG_SHAPE(4, 1));
  assert_shape(nn_output_shape(layer), AG_SHAPE(4, 2));
  /* |x| and max(0, x - 1, 2 x - 3) */
  set(layer, "kernel", NUMBERS(AG_SHAPE(1, 6), 1, 0, -1, 1, 0, 2));
  set(layer, "bias", NUMBERS(AG_SHAPE(6), 0, 0, 0, -1, -9, -3));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = nn_forward(layer, NUMBERS(AG_SHAPE(1, 4, 1), -2, 0.5, 1.5, 4), NN_EVAL);
  assert_values(y, AG_SHAPE(1, 4, 2), 2, 0, 0.5, 0, 1.5, 0.5, 4, 5);
  /* Only the largest piece learns: x where it is, else 0. */
  assert_values(ag_gradient(tape, y, named(layer, "kernel")), AG_SHAPE(1, 6), 6, -1.5, -2, 1.5, 0, 4);
  nn_layer_free(layer);

  layer = nn_maxout(1, .pieces = 2, .no_bias = true);
  build(layer, AG_SHAPE(1));
  assert_int_equal(nn_variables(layer).count, 1);
  assert_int_equal(ag_size(nn_forward(layer, ag_zeros(AG_SHAPE(0, 1)), NN_EVAL)), 0);
  nn_layer_free(layer);
}

/* Convolutions against the definition, in double. */

typedef struct {
  int64_t n, h, w, in, out, k, stride, oh, ow, pad_h, pad_w;
} conv_case;

static int64_t output_size(int64_t size, int64_t k, int64_t stride, nn_padding padding) {
  return padding == NN_SAME ? (size + stride - 1) / stride : (size - k) / stride + 1;
}

static int64_t zeros_before(int64_t size, int64_t k, int64_t stride, int64_t output, nn_padding padding) {
  int64_t all = padding == NN_SAME ? (output - 1) * stride + k - size : 0;
  return all > 0 ? all / 2 : 0;
}

/* y[n, oy, ox, o] = bias[o] + sum over taps and channels of x at oy * stride + tap - pad. */
static double conv_at(const conv_case *c, const ag_real *x, const ag_real *kernel, int64_t n, int64_t oy, int64_t ox,
                      int64_t o) {
  double sum = 0;
  for (int64_t a = 0; a < c->k; a++) {
    for (int64_t b = 0; b < c->k; b++) {
      int64_t y = oy * c->stride + a - c->pad_h, z = ox * c->stride + b - c->pad_w;
      if (y < 0 || y >= c->h || z < 0 || z >= c->w) continue;
      for (int64_t i = 0; i < c->in; i++) {
        sum += (double)x[((n * c->h + y) * c->w + z) * c->in + i] * kernel[((a * c->k + b) * c->in + i) * c->out + o];
      }
    }
  }
  return sum;
}

static void check_conv(int64_t h, int64_t w, int64_t k, int64_t stride, nn_padding padding) {
  conv_case c = {.n = 2, .h = h, .w = w, .in = 2, .out = 3, .k = k, .stride = stride};
  c.oh = output_size(h, k, stride, padding), c.ow = output_size(w, k, stride, padding);
  c.pad_h = zeros_before(h, k, stride, c.oh, padding), c.pad_w = zeros_before(w, k, stride, c.ow, padding);
  nn_layer *layer = nn_conv2d(3, (int)k, .stride = (int)stride, .padding = padding);
  build(layer, AG_SHAPE(h, w, 2));
  assert_shape(nn_output_shape(layer), AG_SHAPE(c.oh, c.ow, 3));
  ag_tensor *x = waves(AG_SHAPE(2, h, w, 2), 0.3), *kernel = waves(AG_SHAPE(k, k, 2, 3), 0.8);
  set(layer, "kernel", kernel);
  set(layer, "bias", NUMBERS(AG_SHAPE(3), 1, 2, 3));
  const ag_real *y = ag_data(nn_forward(layer, x, NN_EVAL));
  assert_non_null(y);
  for (int64_t at = 0; at < 2 * c.oh * c.ow * 3; at++) {
    int64_t o = at % 3, ox = at / 3 % c.ow, oy = at / 3 / c.ow % c.oh, n = at / 3 / c.ow / c.oh;
    assert_true(check_close(y[at], (double)(o + 1) + conv_at(&c, ag_data(x), ag_data(kernel), n, oy, ox, o)));
  }
  nn_layer_free(layer);
}

static void conv2d_is_its_definition(void **state) {
  (void)state;
  check_conv(5, 4, 3, 1, NN_SAME);
  check_conv(6, 5, 3, 2, NN_SAME);
  check_conv(7, 8, 5, 2, NN_VALID);
  check_conv(4, 4, 2, 3, NN_SAME);
  check_conv(3, 3, 3, 1, NN_VALID);
}

/* The transpose scatters: y[oy, ox, o] += x[iy, ix, i] * kernel[a, b, o, i] where oy = iy * stride + a - pad. */
static void check_conv_transpose(int64_t h, int64_t w, int64_t k, int64_t stride, nn_padding padding) {
  enum { IN = 2, OUT = 3 };
  int64_t oh = padding == NN_SAME ? h * stride : (h - 1) * stride + k;
  int64_t ow = padding == NN_SAME ? w * stride : (w - 1) * stride + k;
  int64_t pad = padding == NN_SAME && k > stride ? (k - stride) / 2 : 0;
  nn_layer *layer = nn_conv2d_transpose(OUT, (int)k, .stride = (int)stride, .padding = padding, .no_bias = true);
  build(layer, AG_SHAPE(h, w, IN));
  assert_shape(nn_output_shape(layer), AG_SHAPE(oh, ow, OUT));
  ag_tensor *x = waves(AG_SHAPE(1, h, w, IN), 0.1), *kernel = waves(AG_SHAPE(k, k, OUT, IN), 0.5);
  set(layer, "kernel", kernel);
  double expected[2000] = {0};
  assert_true(oh * ow * OUT <= 2000);
  for (int64_t at = 0; at < h * w * k * k * OUT * IN; at++) {
    int64_t i = at % IN, o = at / IN % OUT, b = at / IN / OUT % k, a = at / IN / OUT / k % k;
    int64_t ix = at / IN / OUT / k / k % w, iy = at / IN / OUT / k / k / w;
    int64_t oy = iy * stride + a - pad, ox = ix * stride + b - pad;
    if (oy < 0 || oy >= oh || ox < 0 || ox >= ow) continue;
    expected[(oy * ow + ox) * OUT + o] +=
        (double)ag_data(x)[(iy * w + ix) * IN + i] * ag_data(kernel)[((a * k + b) * OUT + o) * IN + i];
  }
  ag_tensor *y = nn_forward(layer, x, NN_EVAL);
  check_values(y, AG_SHAPE(1, oh, ow, OUT), expected, (size_t)(oh * ow * OUT), __FILE__, __LINE__);
  nn_layer_free(layer);
}

static void conv2d_transpose_is_its_definition(void **state) {
  (void)state;
  check_conv_transpose(3, 4, 5, 2, NN_SAME);
  check_conv_transpose(3, 3, 5, 1, NN_SAME);
  check_conv_transpose(2, 3, 3, 2, NN_VALID);
  check_conv_transpose(2, 2, 2, 3, NN_SAME);
}

/* Batch norm */

static void batch_norm_takes_the_batch_in_training_and_moves_its_averages(void **state) {
  (void)state;
  nn_layer *layer = nn_batch_norm(.momentum = 0.75, .epsilon = 0.5);
  build(layer, AG_SHAPE(2));
  set(layer, "gamma", NUMBERS(AG_SHAPE(2), 1, 2));
  set(layer, "beta", NUMBERS(AG_SHAPE(2), 0, 5));
  ag_tensor *x = NUMBERS(AG_SHAPE(4, 2), 1, 10, 3, 10, 1, 14, 3, 14); /* means 2 and 12, variances 1 and 4 */
  double a = 1 / sqrt(1.5), b = 4 / sqrt(4.5);
  ag_rng rng = ag_rng_seed(1);
  ag_tensor *y = nn_forward(layer, x, NN_TRAIN(&rng));
  assert_values(y, AG_SHAPE(4, 2), -a, 5 - b, a, 5 - b, -a, 5 + b, a, 5 + b);
  assert_values(named(layer, "moving_mean"), AG_SHAPE(2), 0.5, 3);
  assert_values(named(layer, "moving_variance"), AG_SHAPE(2), 1, 1.75);
  nn_forward(layer, x, NN_TRAIN(&rng)); /* a second pass in the same step counts, as in Keras */
  assert_values(named(layer, "moving_mean"), AG_SHAPE(2), 0.875, 5.25);
  assert_values(named(layer, "moving_variance"), AG_SHAPE(2), 1, 2.3125);
  nn_layer_free(layer);
}

static void batch_norm_takes_its_averages_in_evaluation_and_leaves_them(void **state) {
  (void)state;
  nn_layer *layer = nn_batch_norm(.epsilon = 1);
  build(layer, AG_SHAPE(1, 2));
  set(layer, "gamma", NUMBERS(AG_SHAPE(2), 2, 3));
  set(layer, "beta", NUMBERS(AG_SHAPE(2), 1, -1));
  set(layer, "moving_mean", NUMBERS(AG_SHAPE(2), 5, 7));
  set(layer, "moving_variance", NUMBERS(AG_SHAPE(2), 3, 8));
  ag_tensor *x = NUMBERS(AG_SHAPE(2, 1, 2), 5, 7, 7, 10);
  assert_values(nn_forward(layer, x, NN_EVAL), AG_SHAPE(2, 1, 2), 1, -1, 3, 2);
  assert_values(named(layer, "moving_mean"), AG_SHAPE(2), 5, 7);
  nn_layer_free(layer);
}

static void batch_norm_defaults_are_those_of_keras(void **state) {
  (void)state;
  nn_layer *layer = nn_batch_norm();
  build(layer, AG_SHAPE(1));
  ag_rng rng = ag_rng_seed(1);
  double scale = 1 / sqrt(4 + 1e-3);
  ag_tensor *x = NUMBERS(AG_SHAPE(2, 1), 1, 5);
  assert_values(nn_forward(layer, x, NN_TRAIN(&rng)), AG_SHAPE(2, 1), -2 * scale, 2 * scale);
  assert_values(named(layer, "moving_mean"), AG_SHAPE(1), 0.03);
  assert_values(named(layer, "moving_variance"), AG_SHAPE(1), 0.99 + 0.04);
  nn_layer_free(layer);
}

static void a_momentum_of_one_keeps_the_averages(void **state) {
  (void)state;
  nn_layer *layer = nn_batch_norm(.momentum = 1);
  build(layer, AG_SHAPE(1));
  ag_rng rng = ag_rng_seed(1);
  assert_non_null(nn_forward(layer, NUMBERS(AG_SHAPE(2, 1), 3, 5), NN_TRAIN(&rng)));
  assert_values(named(layer, "moving_mean"), AG_SHAPE(1), 0);
  nn_layer_free(layer);
}

static void moving_averages_are_buffers_that_no_tape_watches(void **state) {
  (void)state;
  nn_layer *layer = nn_batch_norm();
  build(layer, AG_SHAPE(2));
  assert_int_equal(nn_trainable_variables(layer).count, 2);
  assert_int_equal(nn_variables(layer).count, 4);
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_rng rng = ag_rng_seed(1);
  ag_tensor *trained = nn_forward(layer, waves(AG_SHAPE(3, 2), 0), NN_TRAIN(&rng));
  ag_tensor *evaluated = nn_forward(layer, waves(AG_SHAPE(3, 2), 0), NN_EVAL);
  ag_tape_stop(tape);
  assert_unconnected(ag_gradient(tape, trained, named(layer, "moving_mean")));
  assert_unconnected(ag_gradient(tape, evaluated, named(layer, "moving_variance")));
  assert_values(ag_gradient(tape, evaluated, named(layer, "beta")), AG_SHAPE(2), 3, 3);
  ag_set_trainable(named(layer, "moving_mean"), true); /* makes no weight of it */
  assert_int_equal(nn_trainable_variables(layer).count, 2);
  nn_layer_free(layer);
}

/* Dropout, activations, shapes, pools */

static void dropout_drops_in_training_alone(void **state) {
  (void)state;
  nn_layer *layer = nn_dropout(0.25);
  build(layer, AG_SHAPE(1000));
  ag_tensor *x = ag_ones(AG_SHAPE(4, 1000));
  assert_true(nn_forward(layer, x, NN_EVAL) == x);
  ag_rng rng = ag_rng_seed(3), again = rng;
  const ag_real *y = ag_data(nn_forward(layer, x, NN_TRAIN(&rng)));
  const ag_real *same = ag_data(nn_forward(layer, x, NN_TRAIN(&again)));
  int dropped = 0;
  for (int i = 0; i < 4000; i++) {
    assert_true(y[i] == 0 || check_close(y[i], 1 / 0.75));
    assert_true(y[i] == same[i]);
    dropped += y[i] == 0;
  }
  assert_in_range(dropped, 1000 - 140, 1000 + 140); /* five deviations */
  assert_true(rng.counter == 1);
  assert_null(nn_forward(layer, x, NN_TRAIN(NULL)));
  assert_error(AG_ERROR_ARGUMENT, "Dropout");
  nn_layer_free(layer);
}

static void activations_are_their_formulas(void **state) {
  (void)state;
  ag_tensor *x = NUMBERS(AG_SHAPE(1, 2), -2, 1);
  const double e = exp(1), sum = exp(-2) + e;
  assert_values(nn_activate(x, NN_LINEAR), AG_SHAPE(1, 2), -2, 1);
  assert_values(nn_activate(x, NN_RELU), AG_SHAPE(1, 2), 0, 1);
  assert_values(nn_activate(x, NN_LEAKY_RELU), AG_SHAPE(1, 2), -0.6, 1);
  assert_values(nn_activate(x, NN_SIGMOID), AG_SHAPE(1, 2), 1 / (1 + exp(2)), 1 / (1 + 1 / e));
  assert_values(nn_activate(x, NN_TANH), AG_SHAPE(1, 2), tanh(-2), tanh(1));
  assert_values(nn_activate(x, NN_SOFTPLUS), AG_SHAPE(1, 2), log(1 + exp(-2)), log(1 + e));
  assert_values(nn_activate(x, NN_SOFTMAX), AG_SHAPE(1, 2), exp(-2) / sum, e / sum);
  assert_null(nn_activate(x, (nn_activation_kind)99));
  assert_error(AG_ERROR_ARGUMENT, "99");
  assert_null(nn_activate(NULL, NN_LINEAR));
  assert_error(AG_ERROR_ARGUMENT, "activate");
}

static void check_layer(nn_layer *layer, ag_tensor *x, ag_shape shape, const double *expected, size_t count, int line) {
  ag_shape input = ag_shape_of(x);
  build(layer, ag_shape_make(input.rank - 1, input.sizes + 1));
  check_values(nn_forward(layer, x, NN_EVAL), shape, expected, count, __FILE__, line);
  nn_layer_free(layer);
}
#define assert_layer(layer, x, shape, ...) \
  check_layer(layer, x, shape, (double[]){__VA_ARGS__}, sizeof((double[]){__VA_ARGS__}) / sizeof(double), __LINE__)

static void count_leaky_relus(const ag_node *node, void *count) {
  if (strcmp(node->op->name, "leaky_relu") == 0) ++*(int *)count;
}

/* A layer and the leaky_relu after it, in one Sequential and one after the other: values, and the sums of gradients. */
static void check_joined(nn_layer *first, nn_layer *second, ag_shape input, bool training) {
  ag_rng rng = ag_rng_seed(2);
  nn_layer *both = nn_sequential(first, second);
  assert_true(nn_build(both, input, &rng));
  ag_shape batch = {input.rank + 1, {6}};
  for (int i = 0; i < input.rank; i++) batch.sizes[i + 1] = input.sizes[i];
  ag_tensor *x = ag_normal(&rng, batch, 0, 1), *y[2], *g[2];
  nn_mode mode = training ? NN_TRAIN(&rng) : NN_EVAL;
  int separate = 0;
  for (int i = 0; i < 2; i++) {
    if (i == 0) ag_observe(count_leaky_relus, &separate);
    ag_tape *tape = ag_tape_start();
    ag_tape_watch(tape, x);
    y[i] = i == 0 ? nn_forward(both, x, mode) : nn_forward(second, nn_forward(first, x, mode), mode);
    g[i] = ag_gradient(tape, ag_sum(ag_square(y[i])), x);
    ag_observe(NULL, NULL);
  }
  assert_int_equal(separate, 0);
  assert_true(y[0] && y[1] && g[0] && g[1]);
  for (size_t k = 0; k < ag_size(y[0]); k++) assert_true(check_close(ag_data(y[0])[k], ag_data(y[1])[k]));
  for (size_t k = 0; k < ag_size(x); k++) assert_true(check_close(ag_data(g[0])[k], ag_data(g[1])[k]));
  nn_layer_free(both);
}

static void a_sequential_joins_a_layer_with_the_leaky_relu_after_it(void **state) {
  (void)state;
  for (int training = 0; training < 2; training++) {
    check_joined(nn_dense(5), nn_leaky_relu(), AG_SHAPE(4), training);
    check_joined(nn_batch_norm(), nn_leaky_relu(.slope = 0.2), AG_SHAPE(3, 3, 2), training);
    check_joined(nn_batch_norm(), nn_activation(NN_RELU), AG_SHAPE(4), training);
    check_joined(nn_conv2d(3, 3), nn_leaky_relu(), AG_SHAPE(5, 5, 2), training);
    check_joined(nn_conv2d_transpose(2, 3, .stride = 2), nn_activation(NN_LEAKY_RELU), AG_SHAPE(2, 2, 1), training);
  }
  ag_rng rng = ag_rng_seed(2); /* without a bias, or with an activation of its own, there is nothing to join */
  nn_layer *layer = nn_sequential(nn_dense(5, .activation = NN_TANH), nn_leaky_relu(), nn_dense(2, .no_bias = true),
                                  nn_leaky_relu(), nn_conv2d(2, 3, .activation = NN_TANH), nn_leaky_relu());
  assert_true(nn_build(layer, AG_SHAPE(3, 3, 1), &rng));
  int separate = 0;
  ag_observe(count_leaky_relus, &separate);
  assert_non_null(nn_forward(layer, ag_ones(AG_SHAPE(1, 3, 3, 1)), NN_EVAL));
  ag_observe(NULL, NULL);
  assert_int_equal(separate, 3);
  nn_layer_free(layer);
}

/* A leaky_relu that was built for another shape is refused as any other layer is, joined or not. */
static void what_is_joined_has_the_shape_it_was_built_for(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(2);
  nn_layer *leaky = nn_leaky_relu();
  assert_true(nn_build(leaky, AG_SHAPE(3), &rng));
  nn_layer *layer = nn_sequential(nn_dense(5), leaky);
  if (nn_build(layer, AG_SHAPE(2), &rng)) assert_null(nn_forward(layer, ag_ones(AG_SHAPE(1, 2)), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "layer 1");
  nn_layer_free(layer);
}

static void layers_without_weights_are_their_ops(void **state) {
  (void)state;
  ag_tensor *x = NUMBERS(AG_SHAPE(1, 4), -1, 2, -3, 4);
  assert_layer(nn_leaky_relu(), x, AG_SHAPE(1, 4), -0.3, 2, -0.9, 4);
  assert_layer(nn_leaky_relu(.slope = 0.5), x, AG_SHAPE(1, 4), -0.5, 2, -1.5, 4);
  assert_layer(nn_leaky_relu(.slope = NN_ZERO), x, AG_SHAPE(1, 4), 0, 2, 0, 4);
  assert_layer(nn_activation(NN_RELU), x, AG_SHAPE(1, 4), 0, 2, 0, 4);
  assert_layer(nn_reshape(2, 2), x, AG_SHAPE(1, 2, 2), -1, 2, -3, 4);
  assert_layer(nn_reshape(2, -1, 1), x, AG_SHAPE(1, 2, 2, 1), -1, 2, -3, 4);
  ag_tensor *image = NUMBERS(AG_SHAPE(1, 2, 2, 1), -1, 2, -3, 4);
  assert_layer(nn_flatten(), image, AG_SHAPE(1, 4), -1, 2, -3, 4);
  assert_layer(nn_max_pool2d(2), image, AG_SHAPE(1, 1, 1, 1), 4);
  assert_layer(nn_avg_pool2d(2), image, AG_SHAPE(1, 1, 1, 1), 0.5);
  assert_layer(nn_max_pool2d(2, .stride = 1, .padding = NN_SAME), image, AG_SHAPE(1, 2, 2, 1), 4, 4, 4, 4);
  assert_layer(nn_avg_pool2d(2, .stride = 1, .padding = NN_SAME), image, AG_SHAPE(1, 2, 2, 1), 0.5, 3, 0.5, 4);
  assert_layer(nn_upsampling2d(2), image, AG_SHAPE(1, 4, 4, 1), -1, -1, 2, 2, -1, -1, 2, 2, -3, -3, 4, 4, -3, -3, 4, 4);
}

static void an_empty_batch_keeps_its_shape(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_reshape(2, -1), nn_flatten());
  build(layer, AG_SHAPE(6));
  ag_tensor *y = nn_forward(layer, ag_zeros(AG_SHAPE(0, 6)), NN_EVAL);
  assert_non_null(y);
  assert_shape(ag_shape_of(y), AG_SHAPE(0, 6));
  nn_layer_free(layer);
}

/* Initial values */

static void assert_moments(ag_tensor *x, double mean, double variance, double limit) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < ag_size(x); i++) {
    double value = ag_data(x)[i];
    assert_true(fabs(value) <= limit);
    sum += value;
    squares += (value - mean) * (value - mean);
  }
  double n = (double)ag_size(x);
  assert_true(fabs(sum / n - mean) < 5 * sqrt(variance / n) + 1e-9);
  assert_true(fabs(squares / n - variance) < 0.05 * variance + 1e-9);
}

static void initial_values_have_their_distributions(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(5);
  ag_shape shape = AG_SHAPE(100, 200);
  double glorot = sqrt(6.0 / 300), torch = 1 / sqrt(100.0);
  assert_moments(nn_initial((nn_init){0}, shape, 100, 200, &rng), 0, glorot * glorot / 3, glorot);
  assert_moments(nn_initial((nn_init){.kind = NN_TORCH_UNIFORM}, shape, 100, 200, &rng), 0, torch * torch / 3, torch);
  assert_moments(nn_initial((nn_init){.kind = NN_HE_NORMAL}, shape, 100, 200, &rng), 0, 2.0 / 100, INFINITY);
  assert_moments(nn_initial((nn_init){.kind = NN_NORMAL}, shape, 100, 200, &rng), 0, 0.05 * 0.05, INFINITY);
  assert_moments(nn_initial((nn_init){NN_NORMAL, 0.02}, shape, 100, 200, &rng), 0, 0.02 * 0.02, INFINITY);
  assert_moments(nn_initial((nn_init){.kind = NN_ZEROS}, shape, 100, 200, &rng), 0, 0, 0);
  assert_moments(nn_initial((nn_init){.kind = NN_ONES}, shape, 100, 200, &rng), 1, 0, 1);
  assert_true(rng.counter == 5);
  assert_null(nn_initial((nn_init){NN_NORMAL, -1}, shape, 1, 1, &rng));
  assert_error(AG_ERROR_ARGUMENT, "scale is -1");
  assert_null(nn_initial((nn_init){.kind = (nn_init_kind)77}, shape, 1, 1, &rng));
  assert_error(AG_ERROR_ARGUMENT, "77");
}

static double largest(const ag_tensor *x) {
  double most = 0;
  for (size_t i = 0; i < ag_size(x); i++) most = fmax(most, fabs((double)ag_data(x)[i]));
  return most;
}

static void assert_near_limit(const ag_tensor *x, double limit) {
  assert_true(largest(x) <= limit && largest(x) > 0.9 * limit);
}

static void layers_count_fans_as_keras_and_pytorch_do(void **state) {
  (void)state;
  nn_layer *layer;
  for (int transposed = 0; transposed < 2; transposed++) {
    layer = transposed ? nn_conv2d_transpose(40, 3) : nn_conv2d(40, 3);
    build(layer, AG_SHAPE(5, 5, 10));
    assert_near_limit(named(layer, "kernel"), sqrt(6.0 / (9 * 10 + 9 * 40)));
    assert_moments(named(layer, "bias"), 0, 0, 0);
    nn_layer_free(layer);
  }
  nn_init torch = {.kind = NN_TORCH_UNIFORM};
  layer = nn_conv2d_transpose(40, 3, .kernel_init = torch, .bias_init = torch);
  build(layer, AG_SHAPE(5, 5, 10));
  assert_near_limit(named(layer, "kernel"), 1 / sqrt(9.0 * 40)); /* [3, 3, 40, 10]: in is the third */
  assert_near_limit(named(layer, "bias"), 1 / sqrt(9.0 * 40));
  nn_layer_free(layer);
  for (int inputs = 0; inputs <= 4; inputs += 4) { /* none counts as one */
    layer = nn_dense(500, .kernel_init = torch, .bias_init = torch);
    build(layer, AG_SHAPE(inputs));
    assert_near_limit(named(layer, "bias"), inputs ? 0.5 : 1);
    nn_layer_free(layer);
  }
  layer = nn_maxout(40, .pieces = 5);
  build(layer, AG_SHAPE(10));
  assert_near_limit(named(layer, "kernel"), sqrt(6.0 / (10 + 40)));
  nn_layer_free(layer);
}

static void one_seed_gives_one_model(void **state) {
  (void)state;
  nn_layer *a = nn_dense(5), *b = nn_dense(5);
  build(a, AG_SHAPE(7));
  build(b, AG_SHAPE(7));
  assert_memory_equal(ag_data(named(a, "kernel")), ag_data(named(b, "kernel")), 35 * sizeof(ag_real));
  nn_layer_free(a);
  nn_layer_free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_option_left_out_has_its_default_and_nn_zero_is_zero),
      TEST(dense_is_a_product_and_a_bias_over_the_last_axis),
      TEST(maxout_is_the_largest_of_its_pieces),
      TEST(conv2d_is_its_definition),
      TEST(conv2d_transpose_is_its_definition),
      TEST(batch_norm_takes_the_batch_in_training_and_moves_its_averages),
      TEST(batch_norm_takes_its_averages_in_evaluation_and_leaves_them),
      TEST(batch_norm_defaults_are_those_of_keras),
      TEST(a_momentum_of_one_keeps_the_averages),
      TEST(moving_averages_are_buffers_that_no_tape_watches),
      TEST(dropout_drops_in_training_alone),
      TEST(activations_are_their_formulas),
      TEST(what_is_joined_has_the_shape_it_was_built_for),
      TEST(layers_without_weights_are_their_ops),
      TEST(a_sequential_joins_a_layer_with_the_leaky_relu_after_it),
      TEST(an_empty_batch_keeps_its_shape),
      TEST(initial_values_have_their_distributions),
      TEST(layers_count_fans_as_keras_and_pytorch_do),
      TEST(one_seed_gives_one_model),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
