/* Layers: values against closed forms and slow loops, building, naming, freezing, a user's own layer, the summary. */
#include "tests/check.h"

#include "nn/nn.h"

/* Helpers */

typedef struct {
  const char *wanted;
  ag_tensor *found;
} search;

static void match_name(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  (void)is_buffer;
  search *s = context;
  if (strcmp(name, s->wanted) == 0) s->found = variable;
}

static ag_tensor *named(nn_layer *layer, const char *name) {
  search s = {name, NULL};
  nn_each_variable(layer, match_name, &s);
  assert_non_null(s.found);
  return s.found;
}

/* Values in [-1, 1] that differ from place to place. */
static double wave(size_t i, double phase) { return sin(1.7 * (double)i + phase); }

static ag_tensor *waves(ag_shape shape, double phase) {
  ag_real *values;
  ag_tensor *tensor = ag_make(shape, &values);
  assert_non_null(tensor);
  for (size_t i = 0; i < ag_size(tensor); i++) values[i] = (ag_real)wave(i, phase);
  return tensor;
}

static void set(nn_layer *layer, const char *name, const ag_tensor *value) {
  assert_true(ag_assign(named(layer, name), value));
}

#define NUMBERS(shape, ...) ag_from(shape, (ag_real[]){__VA_ARGS__})

static void build(nn_layer *layer, ag_shape input) {
  ag_rng rng = ag_rng_seed(1);
  if (!nn_build(layer, input, &rng)) print_error("%s\n", ag_error_message());
  assert_true(nn_is_built(layer));
}

static void assert_shape(ag_shape actual, ag_shape expected) {
  assert_string_equal(ag_shape_print(actual).text, ag_shape_print(expected).text);
}

/* Builds, expects the sentence to hold the text, and frees. */
static void assert_refused(nn_layer *layer, ag_shape input, ag_error_code code, const char *text) {
  ag_rng rng = ag_rng_seed(1);
  assert_non_null(layer);
  assert_false(nn_build(layer, input, &rng));
  assert_error(code, text);
  assert_false(nn_is_built(layer));
  nn_layer_free(layer);
}

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

/* Sequential, names, lists */

static nn_layer *small_network(void) {
  return nn_sequential(nn_dense(4, .no_bias = true), nn_batch_norm(), nn_sequential(nn_leaky_relu(), nn_dense(2)));
}

typedef struct {
  char text[200];
} listing;

static void list_name(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  listing *all = context;
  assert_true(ag_is_variable(variable) && ag_is_trainable(variable) == !is_buffer);
  strcat(all->text, is_buffer ? " !" : " ");
  strcat(all->text, name);
}

static void variables_are_named_by_their_path(void **state) {
  (void)state;
  nn_layer *layer = small_network();
  build(layer, AG_SHAPE(3));
  listing all = {""};
  nn_each_variable(layer, list_name, &all);
  assert_string_equal(all.text, " 0.kernel 1.gamma 1.beta !1.moving_mean !1.moving_variance 2.1.kernel 2.1.bias");
  ag_list weights = nn_trainable_variables(layer);
  assert_int_equal(weights.count, 5);
  assert_true(weights.items[0] == named(layer, "0.kernel") && weights.items[4] == named(layer, "2.1.bias"));
  assert_int_equal(nn_variables(layer).count, 7);
  nn_layer_free(layer);
}

static void sequential_runs_its_layers_in_turn(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_dense(2), nn_leaky_relu(), nn_dense(1));
  build(layer, AG_SHAPE(1));
  assert_shape(nn_input_shape(layer), AG_SHAPE(1));
  assert_shape(nn_output_shape(layer), AG_SHAPE(1));
  set(layer, "0.kernel", NUMBERS(AG_SHAPE(1, 2), 1, -1));
  set(layer, "2.kernel", NUMBERS(AG_SHAPE(2, 1), 1, 10));
  set(layer, "2.bias", NUMBERS(AG_SHAPE(1), 7));
  assert_values(nn_forward(layer, NUMBERS(AG_SHAPE(1, 1), 2), NN_EVAL), AG_SHAPE(1, 1), 2 - 6 + 7);
  nn_layer_free(layer);
}

static void only_the_result_of_forward_stays(void **state) {
  (void)state;
  nn_layer *layer = small_network();
  build(layer, AG_SHAPE(3));
  ag_tensor *x = ag_ones(AG_SHAPE(100, 3));
  size_t before = ag_memory_in_use();
  ag_zeros(AG_SHAPE(100, 2));
  size_t of_the_result = ag_memory_in_use() - before;
  before = ag_memory_in_use();
  nn_forward(layer, x, NN_EVAL);
  assert_int_equal(ag_memory_in_use() - before, of_the_result);
  nn_layer_free(layer);
}

static void a_null_among_the_layers_is_named_by_its_place(void **state) {
  (void)state;
  assert_null(nn_sequential(nn_dense(1), nn_flatten(), NULL, nn_dense(2)));
  assert_error(AG_ERROR_ARGUMENT, "layer 2 is NULL");
  assert_null(nn_sequential_of(0, NULL));
  assert_error(AG_ERROR_ARGUMENT, "Sequential");
  nn_layer *twice = nn_dense(1);
  assert_null(nn_sequential(nn_flatten(), twice, twice));
  assert_error(AG_ERROR_ARGUMENT, "layers 1 and 2 are the same");
}

static void a_network_never_built_is_freed(void **state) {
  (void)state;
  nn_layer *layer = small_network();
  assert_false(nn_is_built(layer));
  nn_layer_free(layer);
  nn_layer_free(NULL);
}

static void a_frozen_network_is_neither_listed_nor_watched(void **state) {
  (void)state;
  nn_layer *layer = small_network();
  build(layer, AG_SHAPE(3));
  nn_set_trainable(layer, false);
  assert_int_equal(nn_trainable_variables(layer).count, 0);
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = nn_forward(layer, ag_ones(AG_SHAPE(1, 3)), NN_EVAL);
  assert_int_equal(ag_tape_length(tape), 0);
  assert_unconnected(ag_gradient(tape, y, named(layer, "0.kernel")));
  nn_set_trainable(layer, true);
  assert_int_equal(nn_trainable_variables(layer).count, 5);
  assert_false(ag_is_trainable(named(layer, "1.moving_mean")));
  nn_layer_free(layer);
}

/* What a network makes of a part of images [2, H, W, 3], it makes of the whole there. */
static void inputs_of_any_size_fit_where_they_are_allowed(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_conv2d(4, 3), nn_leaky_relu(), nn_conv2d(2, 3, .stride = 2));
  build(layer, AG_SHAPE(9, 9, 3));
  ag_tensor *images = waves(AG_SHAPE(2, 13, 21, 3), 1), *part = ag_slice(ag_slice(images, 1, 2, 9), 2, 4, 9);
  assert_null(nn_forward(layer, images, NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "Sequential: input has shape [2, 13, 21, 3], expected a batch of [9, 9, 3]");
  nn_allow_any_size(layer);
  ag_tensor *of_part = nn_forward(layer, part, NN_EVAL), *of_all = nn_forward(layer, images, NN_EVAL);
  assert_shape(ag_shape_of(of_all), AG_SHAPE(2, 5, 9, 2));
  ag_tensor *there = ag_slice(ag_slice(of_all, 1, 1, 3), 2, 2, 3);
  for (size_t i = 0; i < ag_size(of_part); i++)
    assert_true(check_close((double)ag_data(there)[i], (double)ag_data(of_part)[i]));
  assert_null(nn_forward(layer, ag_ones(AG_SHAPE(2, 13, 21, 4)), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "expected a batch of [9, 9, 3] or of other sizes before the last");
  assert_null(nn_forward(layer, ag_ones(AG_SHAPE(13, 21, 3)), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "input has shape [13, 21, 3]");
  nn_layer_free(layer);
}

static void what_needs_the_sizes_of_the_build_refuses_others(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_flatten(), nn_dense(1));
  build(layer, AG_SHAPE(2, 3));
  nn_allow_any_size(layer);
  assert_null(nn_forward(layer, ag_ones(AG_SHAPE(1, 4, 3)), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "Dense: input has shape [1, 12]");
  nn_layer_free(layer);
}

/* Building and its mistakes */

static void wrong_options_fail_when_the_layer_is_built(void **state) {
  (void)state;
  assert_refused(nn_dense(0), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dense: units is 0");
  assert_refused(nn_dense(-2), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dense: units is -2");
  assert_refused(nn_dense(2, .activation = (nn_activation_kind)50), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dense: ");
  assert_refused(nn_maxout(2), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Maxout: units, pieces are 2, 0");
  assert_refused(nn_maxout(-1, .pieces = 2), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Maxout: units, pieces are -1, 2");
  assert_refused(nn_conv2d(0, 3), AG_SHAPE(8, 8, 1), AG_ERROR_ARGUMENT, "Conv2D: filters");
  assert_refused(nn_conv2d(3, 0), AG_SHAPE(8, 8, 1), AG_ERROR_ARGUMENT, "Conv2D: filters, kernel_size");
  assert_refused(nn_conv2d_transpose(3, 3, .stride = -1), AG_SHAPE(8, 8, 1), AG_ERROR_ARGUMENT, "Conv2DTranspose: ");
  assert_refused(nn_dropout(1), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dropout: rate is 1");
  assert_refused(nn_dropout(-0.5), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dropout: rate is -0.5");
  assert_refused(nn_dropout(NAN), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dropout: rate");
  assert_refused(nn_leaky_relu(.slope = -1), AG_SHAPE(3), AG_ERROR_ARGUMENT, "LeakyReLU: slope");
  assert_refused(nn_batch_norm(.momentum = 1.5), AG_SHAPE(3), AG_ERROR_ARGUMENT, "BatchNormalization: momentum");
  assert_refused(nn_batch_norm(.epsilon = -1), AG_SHAPE(3), AG_ERROR_ARGUMENT, "BatchNormalization: epsilon");
  assert_refused(nn_upsampling2d(0), AG_SHAPE(2, 2, 1), AG_ERROR_ARGUMENT, "UpSampling2D: factor");
  assert_refused(nn_max_pool2d(0), AG_SHAPE(2, 2, 1), AG_ERROR_ARGUMENT, "MaxPooling2D: size");
  assert_refused(nn_avg_pool2d(2, .stride = -1), AG_SHAPE(2, 2, 1), AG_ERROR_ARGUMENT, "AveragePooling2D: ");
}

static void wrong_inputs_fail_when_the_layer_is_built(void **state) {
  (void)state;
  assert_refused(nn_dense(2), AG_SCALAR_SHAPE, AG_ERROR_SHAPE, "Dense: ");
  assert_refused(nn_dense(2), AG_SHAPE(-1), AG_ERROR_SHAPE, "Dense: ");
  assert_refused(nn_dense(2), AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 2), AG_ERROR_SHAPE, "Dense: ");
  assert_refused(nn_dense(1 << 30), AG_SHAPE((int64_t)1 << 40), AG_ERROR_SHAPE, "Dense: ");
  assert_refused(nn_maxout(2, .pieces = 2), AG_SCALAR_SHAPE, AG_ERROR_SHAPE, "Maxout: ");
  assert_refused(nn_maxout(2, .pieces = 2), AG_SHAPE(1, 1, 1, 1, 1, 1, 2), AG_ERROR_SHAPE, "Maxout: ");
  assert_refused(nn_conv2d(2, 3), AG_SHAPE(8, 8), AG_ERROR_SHAPE, "Conv2D: input has shape [8, 8]");
  assert_refused(nn_conv2d(2, 9), AG_SHAPE(8, 8, 1), AG_ERROR_SHAPE, "Conv2D: ");
  assert_refused(nn_batch_norm(), AG_SCALAR_SHAPE, AG_ERROR_SHAPE, "BatchNormalization: ");
  assert_refused(nn_upsampling2d(2), AG_SHAPE(8), AG_ERROR_SHAPE, "UpSampling2D: ");
  assert_refused(nn_max_pool2d(3), AG_SHAPE(2, 2, 1), AG_ERROR_SHAPE, "MaxPooling2D: ");
  assert_refused(nn_reshape(4, 4), AG_SHAPE(15), AG_ERROR_SHAPE, "Reshape: input of shape [15] does not fit");
  assert_refused(nn_reshape(2, -1), AG_SHAPE(3), AG_ERROR_SHAPE, "Reshape: input of shape [3] does not fit");
  assert_refused(nn_reshape(-1, -1), AG_SHAPE(4), AG_ERROR_SHAPE, "Reshape: ");
  assert_refused(nn_reshape(-1, 0), AG_SHAPE(0), AG_ERROR_SHAPE, "Reshape: ");
  assert_refused(nn_reshape(1, 1, 1, 1, 1, 1, 1, 4), AG_SHAPE(4), AG_ERROR_SHAPE, "Reshape: ");
  nn_layer *layer = nn_dense(2);
  assert_false(nn_build(layer, AG_SHAPE(2), NULL));
  assert_error(AG_ERROR_ARGUMENT, "Dense: rng");
  assert_false(nn_build(NULL, AG_SHAPE(2), NULL));
  assert_error(AG_ERROR_ARGUMENT, "layer");
  nn_layer_free(layer);
}

/* Or each of them would free it. */
static void a_layer_in_two_places_is_refused(void **state) {
  (void)state;
  nn_layer *shared = nn_dense(1);
  assert_null(nn_sequential(shared, nn_sequential(shared)));
  assert_error(AG_ERROR_ARGUMENT, "part of two layers");
  shared = nn_dense(1);
  nn_layer *outer = nn_sequential(shared); /* is freed first, and the shared one with it */
  assert_null(nn_sequential(outer, shared));
  assert_error(AG_ERROR_ARGUMENT, "part of two layers");
}

typedef struct {
  nn_layer *made;
} twin;

static bool build_twin(void *self, ag_shape input, ag_rng *rng) {
  twin *layer = self;
  if (!layer->made) layer->made = nn_dense(1);
  return nn_build(layer->made, input, rng);
}

static ag_tensor *forward_twin(void *self, ag_tensor *input, nn_mode mode) {
  return nn_forward(((twin *)self)->made, input, mode);
}

static void variables_of_twin(void *self, nn_visitor *visitor) {
  nn_visit_layer(visitor, "left", ((twin *)self)->made);
  nn_visit_layer(visitor, "right", ((twin *)self)->made);
}

/* Its inner layer is made by build, so only then can it be found out. */
static void a_layer_named_twice_is_refused_and_freed_once(void **state) {
  (void)state;
  static const nn_layer_class class = {
      .name = "Twin", .build = build_twin, .forward = forward_twin, .variables = variables_of_twin};
  ag_rng rng = ag_rng_seed(1);
  nn_layer *layer = nn_layer_new(&class, &(twin){NULL}, sizeof(twin));
  assert_false(nn_build(layer, AG_SHAPE(2), &rng));
  assert_error(AG_ERROR_ARGUMENT, "twice of one");
  nn_layer_free(layer);
}

static void an_inner_layer_is_freed_with_its_outer_one_alone(void **state) {
  (void)state;
  nn_layer *inner = nn_dense(1), *outer = nn_sequential(inner);
  nn_layer_free(inner);
  assert_string_equal(nn_layer_class_of(inner)->name, "Dense");
  nn_layer_free(outer);
}

static void a_mistake_deep_inside_is_named_by_its_place(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_flatten(), nn_sequential(nn_leaky_relu(), nn_dense(0)));
  assert_refused(layer, AG_SHAPE(3), AG_ERROR_ARGUMENT, "Sequential: layer 1, Sequential: layer 1, Dense: units is 0");
}

static void a_failed_build_may_be_tried_again(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_dense(4), nn_reshape(2, 2), nn_conv2d(1, 1));
  ag_rng rng = ag_rng_seed(2);
  assert_false(nn_build(layer, AG_SHAPE(3), &rng)); /* [2, 2] is no image */
  assert_error(AG_ERROR_SHAPE, "Sequential: layer 2, Conv2D: ");
  assert_true(rng.counter == 0);
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(1, 3)), NN_EVAL));
  assert_error(AG_ERROR_ARGUMENT, "not built");
  nn_layer_free(layer);

  layer = nn_sequential(nn_dense(4), nn_conv2d(1, 1));
  assert_false(nn_build(layer, AG_SHAPE(3), &rng)); /* the Dense layer had been built by then */
  assert_error(AG_ERROR_SHAPE, "Sequential: layer 1, Conv2D: ");
  assert_true(nn_build(layer, AG_SHAPE(2, 2, 5), &rng));
  assert_shape(ag_shape_of(named(layer, "0.kernel")), AG_SHAPE(5, 4));
  nn_layer_free(layer);

  layer = nn_sequential(nn_flatten(), nn_dense(2), nn_reshape(2, 1));
  assert_false(nn_build(layer, AG_SHAPE(-1), &rng));
  assert_error(AG_ERROR_SHAPE, "Sequential");
  assert_true(nn_build(layer, AG_SHAPE(3, 5), &rng));
  assert_shape(ag_shape_of(named(layer, "1.kernel")), AG_SHAPE(15, 2));
  assert_false(nn_build(layer, AG_SHAPE(3, 5), &rng));
  assert_error(AG_ERROR_ARGUMENT, "Sequential: built before");
  assert_true(nn_is_built(layer));
  nn_layer_free(layer);
}

static void a_layer_built_before_keeps_its_weights_in_a_network(void **state) {
  (void)state;
  nn_layer *trained = nn_dense(2), *last = nn_conv2d(1, 1);
  build(trained, AG_SHAPE(3));
  ag_tensor *kernel = named(trained, "kernel");
  nn_layer *network = nn_sequential(trained, nn_dense(1), last);
  ag_rng rng = ag_rng_seed(2);
  assert_false(nn_build(network, AG_SHAPE(3), &rng));
  assert_error(AG_ERROR_SHAPE, "layer 2, Conv2D");
  assert_true(nn_is_built(trained) && named(trained, "kernel") == kernel);
  assert_false(nn_build(network, AG_SHAPE(4), &rng));
  assert_error(AG_ERROR_SHAPE, "Sequential: ");
  nn_layer_free(network);

  trained = nn_dense(2);
  build(trained, AG_SHAPE(3));
  kernel = named(trained, "kernel");
  network = nn_sequential(trained, nn_dense(1));
  build(network, AG_SHAPE(3));
  assert_true(named(network, "0.kernel") == kernel);
  nn_layer_free(network);
}

static void building_needs_no_scope(void **state) {
  (void)state;
  ag_scope_leave(check_scope);
  nn_layer *layer = small_network();
  build(layer, AG_SHAPE(3));
  check_scope = ag_scope_enter();
  assert_non_null(nn_forward(layer, ag_ones(AG_SHAPE(2, 3)), NN_EVAL));
  nn_layer_free(layer);
}

static void forward_refuses_what_it_was_not_built_for(void **state) {
  (void)state;
  nn_layer *layer = nn_dense(2);
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(1, 3)), NN_EVAL));
  assert_error(AG_ERROR_ARGUMENT, "Dense is not built");
  build(layer, AG_SHAPE(3));
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(5, 4)), NN_EVAL));
  assert_true(strstr(ag_error_message(), "[5, 4]") && strstr(ag_error_message(), "[3]"));
  assert_error(AG_ERROR_SHAPE, "Dense: ");
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(3)), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "Dense: ");
  assert_null(nn_forward(layer, ag_scalar(3), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "Dense: ");
  assert_null(nn_forward(layer, NULL, NN_EVAL));
  assert_error(AG_ERROR_ARGUMENT, "Dense: input is NULL");
  assert_null(nn_forward(NULL, ag_scalar(3), NN_EVAL));
  assert_error(AG_ERROR_ARGUMENT, "layer");
  ag_fail(AG_ERROR_FILE, "earlier");
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(1, 3)), NN_EVAL));
  assert_null(nn_trainable_variables(layer).items);
  assert_error(AG_ERROR_FILE, "earlier");
  nn_layer_free(layer);
}

static void a_layer_not_built_has_no_shapes_and_no_variables(void **state) {
  (void)state;
  nn_layer *layer = nn_dense(2);
  assert_true(nn_output_shape(layer).rank < 0);
  assert_error(AG_ERROR_ARGUMENT, "not built");
  assert_int_equal(nn_variables(layer).count, 0);
  assert_error(AG_ERROR_ARGUMENT, "not built");
  nn_layer_free(layer);
}

/* A user's own layers */

/* y = scale * inner(x) + x: a weight of its own and a layer inside. */
typedef struct {
  nn_layer *inner;
  ag_tensor *scale;
  int *freed;
} residual;

static bool residual_build(void *self, ag_shape input, ag_rng *rng) {
  residual *layer = self;
  layer->scale = ag_variable(ag_full(AG_SHAPE(1), 2));
  return nn_build(layer->inner, input, rng);
}

static ag_tensor *residual_forward(void *self, ag_tensor *input, nn_mode mode) {
  residual *layer = self;
  return ag_add(ag_mul(layer->scale, nn_forward(layer->inner, input, mode)), input);
}

static void residual_variables(void *self, nn_visitor *visitor) {
  residual *layer = self;
  nn_visit_weight(visitor, "scale", layer->scale);
  nn_visit_layer(visitor, "inner", layer->inner);
}

static void residual_free(void *self) { ++*((residual *)self)->freed; }

static const nn_layer_class residual_class = {.name = "Residual",
                                              .build = residual_build,
                                              .forward = residual_forward,
                                              .variables = residual_variables,
                                              .free = residual_free};

static nn_layer *make_residual(nn_layer *inner, int *freed) {
  return nn_layer_new(&residual_class, &(residual){.inner = inner, .freed = freed}, sizeof(residual));
}

static void a_users_layer_needs_no_ownership_calls(void **state) {
  (void)state;
  int freed = 0;
  nn_layer *layer = nn_sequential(nn_flatten(), make_residual(nn_dense(2), &freed));
  build(layer, AG_SHAPE(2));
  set(layer, "1.inner.kernel", NUMBERS(AG_SHAPE(2, 2), 1, 0, 0, 10));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = nn_forward(layer, NUMBERS(AG_SHAPE(1, 2), 3, 4), NN_EVAL);
  assert_values(y, AG_SHAPE(1, 2), 2 * 3 + 3, 2 * 40 + 4);
  ag_list weights = nn_trainable_variables(layer);
  assert_int_equal(weights.count, 3);
  ag_list gradients = ag_gradients(tape, y, weights);
  assert_values(gradients.items[0], AG_SHAPE(1), 43);
  assert_values(gradients.items[1], AG_SHAPE(2, 2), 6, 6, 8, 8);
  nn_layer_free(layer);
  assert_int_equal(freed, 1);
}

static void name_scale_again(void *self, nn_visitor *visitor) {
  residual_variables(self, visitor);
  nn_visit_weight(visitor, "again", ((residual *)self)->scale);
}

static void a_weight_of_two_names_is_listed_once(void **state) {
  (void)state;
  nn_layer_class class = residual_class;
  class.variables = name_scale_again;
  int freed = 0;
  nn_layer *layer = nn_layer_new(&class, &(residual){.inner = nn_dense(2), .freed = &freed}, sizeof(residual));
  build(layer, AG_SHAPE(2));
  assert_int_equal(nn_trainable_variables(layer).count, 3);
  nn_layer_free(layer);
}

static void a_users_layer_that_fails_is_named(void **state) {
  (void)state;
  int freed = 0;
  assert_refused(make_residual(nn_dense(0), &freed), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Residual: Dense: units");
  assert_refused(make_residual(nn_dense(3), &freed), AG_SHAPE(2), AG_ERROR_SHAPE, "Residual: add: ");
  assert_int_equal(freed, 2);
}

static bool build_inner_and_fail(void *self, ag_shape input, ag_rng *rng) {
  residual *layer = self;
  layer->inner = make_residual(nn_dense(0), layer->freed);
  return nn_build(layer->inner, input, rng);
}

static void what_a_build_that_fails_has_made_is_freed(void **state) {
  (void)state;
  nn_layer_class class = residual_class;
  class.build = build_inner_and_fail;
  int freed = 0;
  nn_layer *layer = nn_layer_new(&class, &(residual){.freed = &freed}, sizeof(residual));
  assert_refused(layer, AG_SHAPE(2), AG_ERROR_ARGUMENT, "Residual: Residual: Dense: units");
  assert_int_equal(freed, 2);
}

static ag_tensor *forward_null(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)input, (void)mode;
  return NULL;
}

static ag_tensor *forward_sum(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)mode;
  return ag_sum(input);
}

static ag_tensor *forward_one_sample(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)mode;
  return ag_reshape(input, AG_SHAPE(1, -1));
}

static void name_twice(void *self, nn_visitor *visitor) {
  nn_visit_weight(visitor, "gain", ((ag_tensor **)self)[0]);
  nn_visit_buffer(visitor, "gain", ((ag_tensor **)self)[1]);
}

static void name_with_dot(void *self, nn_visitor *visitor) {
  nn_visit_weight(visitor, "0.gain", ((ag_tensor **)self)[0]);
}

static bool build_two(void *self, ag_shape input, ag_rng *rng) {
  (void)input, (void)rng;
  for (int i = 0; i < 2; i++) ((ag_tensor **)self)[i] = ag_variable(ag_scalar(1));
  return true;
}

static bool build_false(void *self, ag_shape input, ag_rng *rng) {
  (void)self, (void)input, (void)rng;
  return false;
}

static bool build_constant(void *self, ag_shape input, ag_rng *rng) {
  (void)input, (void)rng;
  ((residual *)self)->scale = ag_scalar(1);
  return true;
}

static void a_class_that_breaks_the_rules_is_told_so(void **state) {
  (void)state;
  static const nn_layer_class null = {.name = "Null", .forward = forward_null};
  static const nn_layer_class sum = {.name = "Sum", .forward = forward_sum};
  static const nn_layer_class silent = {.name = "Silent", .build = build_false, .forward = forward_sum};
  static const nn_layer_class constant = {
      .name = "Constant", .build = build_constant, .forward = forward_sum, .variables = residual_variables};
  static const nn_layer_class nothing = {.name = "Nothing"};
  assert_refused(nn_layer_new(&null, NULL, 0), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Null: forward");
  assert_refused(nn_layer_new(&sum, NULL, 0), AG_SHAPE(2), AG_ERROR_SHAPE, "Sum: forward made [] of [2, 2]");
  static const nn_layer_class one = {.name = "One", .forward = forward_one_sample};
  static const nn_layer_class twice = {
      .name = "Twice", .build = build_two, .forward = forward_sum, .variables = name_twice};
  static const nn_layer_class dotted = {
      .name = "Dotted", .build = build_two, .forward = forward_sum, .variables = name_with_dot};
  ag_tensor *pair[2] = {NULL, NULL};
  assert_refused(nn_layer_new(&one, NULL, 0), AG_SHAPE(3), AG_ERROR_SHAPE,
                 "One: forward made [1, 6] of [2, 3], expected [2, ...]");
  assert_refused(nn_layer_new(&twice, pair, sizeof pair), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Twice: gain: the names");
  assert_refused(nn_layer_new(&dotted, pair, sizeof pair), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Dotted: 0.gain: the names");
  assert_refused(nn_layer_new(&silent, NULL, 0), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Silent: build");
  residual self = {.inner = NULL};
  assert_refused(nn_layer_new(&constant, &self, sizeof self), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Constant: scale");
  assert_null(nn_layer_new(&nothing, NULL, 0));
  assert_error(AG_ERROR_ARGUMENT, "forward");
  assert_null(nn_layer_new(NULL, NULL, 0));
  assert_error(AG_ERROR_ARGUMENT, "class");
  assert_null(nn_layer_new(&sum, NULL, 8));
  assert_error(AG_ERROR_ARGUMENT, "self");
  assert_null(nn_layer_new(&sum, &self, SIZE_MAX));
  assert_error(AG_ERROR_MEMORY, "layer_new");
}

/* The summary */

static void assert_summary(nn_layer *layer, const char *expected) {
  char text[4096] = "";
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_true(nn_summary(layer, file));
  rewind(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  assert_string_equal(text, expected);
}

static void the_summary_is_a_table(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(
      nn_dense(7 * 7 * 256, .no_bias = true), nn_batch_norm(), nn_leaky_relu(), nn_reshape(7, 7, 256),
      nn_conv2d_transpose(128, 5, .padding = NN_SAME, .no_bias = true), nn_batch_norm(), nn_leaky_relu(),
      nn_conv2d_transpose(64, 5, .stride = 2, .padding = NN_SAME, .no_bias = true), nn_batch_norm(), nn_leaky_relu(),
      nn_conv2d_transpose(1, 5, .stride = 2, .padding = NN_SAME, .no_bias = true, .activation = NN_TANH));
  build(layer, AG_SHAPE(100));
  /* The numbers are those that Keras prints for this network. */
  assert_summary(layer,
                 "_______________________________________________________\n"
                 " Layer (type)            Output Shape        Param #\n"
                 "=======================================================\n"
                 " 0 (Dense)               (None, 12544)       1,254,400\n"
                 " 1 (BatchNormalization)  (None, 12544)       50,176\n"
                 " 2 (LeakyReLU)           (None, 12544)       0\n"
                 " 3 (Reshape)             (None, 7, 7, 256)   0\n"
                 " 4 (Conv2DTranspose)     (None, 7, 7, 128)   819,200\n"
                 " 5 (BatchNormalization)  (None, 7, 7, 128)   512\n"
                 " 6 (LeakyReLU)           (None, 7, 7, 128)   0\n"
                 " 7 (Conv2DTranspose)     (None, 14, 14, 64)  204,800\n"
                 " 8 (BatchNormalization)  (None, 14, 14, 64)  256\n"
                 " 9 (LeakyReLU)           (None, 14, 14, 64)  0\n"
                 " 10 (Conv2DTranspose)    (None, 28, 28, 1)   1,600\n"
                 "=======================================================\n"
                 "Total params: 2,330,944\n"
                 "Trainable params: 2,305,472\n"
                 "Non-trainable params: 25,472\n"
                 "_______________________________________________________\n");
  nn_layer_free(layer);
}

static void the_summary_counts_frozen_weights_and_own_weights(void **state) {
  (void)state;
  int freed = 0;
  nn_layer *layer = make_residual(nn_dense(2), &freed);
  build(layer, AG_SHAPE(2));
  nn_set_trainable(layer, false);
  assert_summary(layer,
                 "______________________________________\n"
                 " Layer (type)   Output Shape  Param #\n"
                 "======================================\n"
                 " inner (Dense)  (None, 2)     6\n"
                 " (own weights)                1\n"
                 "======================================\n"
                 "Total params: 7\n"
                 "Trainable params: 0\n"
                 "Non-trainable params: 7\n"
                 "______________________________________\n");
  nn_layer_free(layer);
  layer = nn_dense(3);
  build(layer, AG_SHAPE(2));
  assert_summary(layer,
                 "_____________________________________\n"
                 " Layer (type)  Output Shape  Param #\n"
                 "=====================================\n"
                 " Dense         (None, 3)     9\n"
                 "=====================================\n"
                 "Total params: 9\n"
                 "Trainable params: 9\n"
                 "Non-trainable params: 0\n"
                 "_____________________________________\n");
  nn_layer_free(layer);
}

static void the_summary_tells_what_is_wrong(void **state) {
  (void)state;
  nn_layer *layer = nn_dense(2);
  assert_false(nn_summary(layer, stderr));
  assert_error(AG_ERROR_ARGUMENT, "not built");
  build(layer, AG_SHAPE(2));
  assert_false(nn_summary(layer, NULL));
  assert_error(AG_ERROR_ARGUMENT, "file");
  FILE *full = fopen("/dev/full", "w");
  if (full) {
    assert_false(nn_summary(layer, full));
    assert_error(AG_ERROR_FILE, "summary: ");
    fclose(full);
  }
  nn_layer_free(layer);
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
      TEST(variables_are_named_by_their_path),
      TEST(sequential_runs_its_layers_in_turn),
      TEST(only_the_result_of_forward_stays),
      TEST(a_null_among_the_layers_is_named_by_its_place),
      TEST(a_network_never_built_is_freed),
      TEST(a_frozen_network_is_neither_listed_nor_watched),
      TEST(inputs_of_any_size_fit_where_they_are_allowed),
      TEST(what_needs_the_sizes_of_the_build_refuses_others),
      TEST(wrong_options_fail_when_the_layer_is_built),
      TEST(wrong_inputs_fail_when_the_layer_is_built),
      TEST(a_mistake_deep_inside_is_named_by_its_place),
      TEST(a_layer_in_two_places_is_refused),
      TEST(a_layer_named_twice_is_refused_and_freed_once),
      TEST(an_inner_layer_is_freed_with_its_outer_one_alone),
      TEST(a_failed_build_may_be_tried_again),
      TEST(a_layer_built_before_keeps_its_weights_in_a_network),
      TEST(building_needs_no_scope),
      TEST(forward_refuses_what_it_was_not_built_for),
      TEST(a_layer_not_built_has_no_shapes_and_no_variables),
      TEST(a_users_layer_needs_no_ownership_calls),
      TEST(a_weight_of_two_names_is_listed_once),
      TEST(a_users_layer_that_fails_is_named),
      TEST(what_a_build_that_fails_has_made_is_freed),
      TEST(a_class_that_breaks_the_rules_is_told_so),
      TEST(the_summary_is_a_table),
      TEST(the_summary_counts_frozen_weights_and_own_weights),
      TEST(the_summary_tells_what_is_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
