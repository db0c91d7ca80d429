/* The dual-tape step: against formulas on a pair of two and one weights, and its promises on small networks. */
#include "check.h"

#include "autograd/kernels/kernels.h"
#include "gan/gan.h"

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void set(nn_layer *layer, size_t index, double value) {
  ag_tensor *variable = nn_variables(layer).items[index];
  assert_true(ag_assign(variable, ag_full(ag_shape_of(variable), value)));
}

static double get(nn_layer *layer, size_t index) { return ag_item(nn_variables(layer).items[index]); }

static void build(gan_pair *pair, ag_shape noise, ag_shape sample, ag_rng *rng) {
  assert_true(nn_build(pair->generator, noise, rng));
  assert_true(nn_build(pair->discriminator, sample, rng));
}

/* G(z) = w z and the logit of D(x) = a x + b. */
static gan_pair linear_pair(double w, double a, double b, ag_rng *rng) {
  gan_pair pair = {
      .generator = nn_dense(1, .no_bias = true),
      .discriminator = nn_dense(1),
      .generator_optimizer = nn_sgd(.learning_rate = 0.5),
      .discriminator_optimizer = nn_sgd(.learning_rate = 0.25),
      .loss = &gan_cross_entropy,
  };
  build(&pair, AG_SHAPE(1), AG_SHAPE(1), rng);
  set(pair.generator, 0, w);
  set(pair.discriminator, 0, a);
  set(pair.discriminator, 1, b);
  return pair;
}

/* The derivatives by hand: with f = a w z + b and r = a x + b, g_loss = mean log(1 + exp(-f)) and
 * d_loss = mean log(1 + exp(-r)) + mean log(1 + exp(f)). Both updates start from the same weights. */
static void figures_and_updates_follow_the_formulas(void **state) {
  (void)state;
  enum { N = 8 };
  const double w = 0.7, a = -1.3, b = 0.4;
  const ag_real x[N] = {0.5, -1, 2, 1.5, -0.25, 0.75, 3, -2};
  ag_rng rng = ag_rng_seed(3);
  gan_pair pair = linear_pair(w, a, b, &rng);
  ag_rng copy = rng;
  const ag_real *z = ag_data(ag_normal(&copy, AG_SHAPE(N, 1), 0, 1));
  double dw = 0, da = 0, db = 0;
  gan_figures expected = {0}, figures;
  for (int i = 0; i < N; i++) {
    double f = a * w * (double)z[i] + b, r = a * (double)x[i] + b;
    expected.g_loss += log1p(exp(-f)) / N;
    expected.d_loss += (log1p(exp(-r)) + log1p(exp(f))) / N;
    expected.d_real += sigmoid(r) / N;
    expected.d_fake += sigmoid(f) / N;
    expected.accuracy += ((r > 0) + (f <= 0)) / (2.0 * N);
    dw -= sigmoid(-f) * a * (double)z[i] / N;
    da += (sigmoid(f) * w * (double)z[i] - sigmoid(-r) * (double)x[i]) / N;
    db += (sigmoid(f) - sigmoid(-r)) / N;
  }
  assert_true(gan_dual_tape_step(&pair, (gan_batch){.samples = ag_from(AG_SHAPE(N, 1), x)}, &rng, &figures));
  assert_true(check_close(figures.g_loss, expected.g_loss));
  assert_true(check_close(figures.d_loss, expected.d_loss));
  assert_true(check_close(figures.d_real, expected.d_real));
  assert_true(check_close(figures.d_fake, expected.d_fake));
  assert_true(check_close(figures.accuracy, expected.accuracy));
  assert_true(check_close(get(pair.generator, 0), w - 0.5 * dw));
  assert_true(check_close(get(pair.discriminator, 0), a - 0.25 * da));
  assert_true(check_close(get(pair.discriminator, 1), b - 0.25 * db));
  gan_pair_free(&pair);
}

static void a_loss_that_is_not_finite_leaves_the_weights(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(3);
  gan_pair pair = linear_pair(0.7, -1.3, 0.4, &rng);
  gan_figures figures;
  const ag_real bad[] = {(ag_real)NAN, (ag_real)INFINITY}; /* with a < 0 the loss of real infinity is infinite */
  for (int i = 0; i < 2; i++) {
    assert_false(
        gan_dual_tape_step(&pair, (gan_batch){.samples = ag_full(AG_SHAPE(4, 1), (double)bad[i])}, &rng, &figures));
    assert_error(AG_ERROR_NONFINITE, "expected a finite number");
    assert_true(get(pair.generator, 0) == (double)(ag_real)0.7);
    assert_true(get(pair.discriminator, 0) == (double)(ag_real)-1.3);
    assert_true(get(pair.discriminator, 1) == (double)(ag_real)0.4);
  }
  gan_pair_free(&pair);
}

static void wrong_arguments_are_errors(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(3);
  gan_pair pair = linear_pair(1, 1, 0, &rng);
  gan_figures figures;
  assert_false(gan_dual_tape_step(&pair, (gan_batch){.samples = NULL}, &rng, &figures));
  assert_error(AG_ERROR_ARGUMENT, "NULL");
  assert_false(gan_dual_tape_step(&pair, (gan_batch){.samples = ag_zeros(AG_SHAPE(4, 2))}, &rng, &figures));
  assert_error(AG_ERROR_SHAPE, "[4, 2]");
  gan_pair_free(&pair);
}

static nn_layer *small_generator(void) {
  return nn_sequential(nn_dense(3 * 3 * 4, .no_bias = true), nn_batch_norm(), nn_leaky_relu(), nn_reshape(3, 3, 4),
                       nn_conv2d_transpose(1, 3, .stride = 2, .padding = NN_SAME, .activation = NN_TANH));
}

static nn_layer *small_discriminator(void) {
  return nn_sequential(nn_conv2d(8, 3, .stride = 2, .padding = NN_SAME), nn_leaky_relu(), nn_dropout(0.3), nn_flatten(),
                       nn_dense(1));
}

static gan_pair small_pair(nn_optimizer *generator_optimizer, nn_optimizer *discriminator_optimizer, ag_rng *rng) {
  gan_pair pair = {
      .generator = small_generator(),
      .discriminator = small_discriminator(),
      .generator_optimizer = generator_optimizer,
      .discriminator_optimizer = discriminator_optimizer,
      .loss = &gan_cross_entropy,
  };
  build(&pair, AG_SHAPE(5), AG_SHAPE(6, 6, 1), rng);
  return pair;
}

/* The figures of the last of some steps; real samples are bright on their left half. */
static gan_figures train(gan_pair *pair, int steps, ag_rng *rng) {
  ag_real values[32][6][6] = {0};
  for (int i = 0; i < 32 * 36; i++) values[i / 36][i / 6 % 6][i % 6] = (ag_real)(i % 6 < 3 ? 1 : -1);
  gan_figures figures;
  for (int i = 0; i < steps; i++) {
    ag_scope *scope = ag_scope_enter();
    assert_true(gan_dual_tape_step(pair, (gan_batch){.samples = ag_from(AG_SHAPE(32, 6, 6, 1), &values[0][0][0])}, rng,
                                   &figures));
    ag_scope_leave(scope);
  }
  return figures;
}

static void each_loss_falls_while_the_other_network_rests(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(11);
  gan_pair pair = small_pair(nn_sgd(.learning_rate = NN_ZERO), nn_adam(.learning_rate = 0.01), &rng);
  double first = train(&pair, 1, &rng).d_loss;
  gan_figures last = train(&pair, 60, &rng);
  assert_true(last.d_loss < 0.5 * first);
  assert_true(last.d_real > 0.7 && last.d_fake < 0.3 && last.accuracy > 0.9);
  gan_pair_free(&pair);
  pair = small_pair(nn_adam(.learning_rate = 0.01), nn_sgd(.learning_rate = NN_ZERO), &rng);
  first = train(&pair, 1, &rng).g_loss;
  assert_true(train(&pair, 60, &rng).g_loss < first - 0.1);
  gan_pair_free(&pair);
}

/* All weights and buffers of both networks, in a row. */
static size_t read_weights(gan_pair *pair, ag_real *values, size_t room) {
  size_t count = 0;
  nn_layer *layers[] = {pair->generator, pair->discriminator};
  for (int l = 0; l < 2; l++) {
    ag_list variables = nn_variables(layers[l]);
    for (size_t i = 0; i < variables.count; i++) {
      size_t size = ag_size(variables.items[i]);
      assert_true(count + size <= room);
      memcpy(values + count, ag_data(variables.items[i]), size * sizeof *values);
      count += size;
    }
  }
  return count;
}

enum { ROOM = 4096 };

static size_t weights_of_run(uint64_t seed, int threads, ag_real *values, gan_figures *figures) {
  ag_set_threads(threads);
  ag_rng rng = ag_rng_seed(seed);
  gan_pair pair = small_pair(nn_adam(.learning_rate = 1e-3), nn_adam(.learning_rate = 1e-3), &rng);
  *figures = train(&pair, 5, &rng);
  size_t count = read_weights(&pair, values, ROOM);
  gan_pair_free(&pair);
  ag_set_threads(0);
  return count;
}

static void the_seed_decides_every_bit_whatever_the_threads(void **state) {
  (void)state;
  static ag_real one[ROOM], other[ROOM];
  gan_figures figures, other_figures;
  size_t count = weights_of_run(1, 1, one, &figures);
  const int threads[] = {1, 2, 4};
  for (int i = 0; i < 3; i++) {
    assert_int_equal(weights_of_run(1, threads[i], other, &other_figures), count);
    assert_memory_equal(one, other, count * sizeof *one);
    assert_memory_equal(&figures, &other_figures, sizeof figures);
  }
  weights_of_run(2, 1, other, &other_figures);
  assert_memory_not_equal(one, other, count * sizeof *one);
}

/* The DCGAN with a few channels, but large enough for threads to share its work and for bfloat16 to pay. */
static gan_pair narrow_dcgan(ag_rng *rng) {
  gan_pair pair = {
      .generator =
          nn_sequential(nn_dense(7 * 7 * 32, .no_bias = true), nn_batch_norm(), nn_leaky_relu(), nn_reshape(7, 7, 32),
                        nn_conv2d_transpose(32, 5, .padding = NN_SAME), nn_batch_norm(), nn_leaky_relu(),
                        nn_conv2d_transpose(32, 5, .stride = 2, .padding = NN_SAME), nn_leaky_relu(),
                        nn_conv2d_transpose(1, 5, .stride = 2, .padding = NN_SAME, .activation = NN_TANH)),
      .discriminator = nn_sequential(nn_conv2d(32, 5, .stride = 2, .padding = NN_SAME), nn_leaky_relu(),
                                     nn_dropout(0.3), nn_conv2d(32, 5, .stride = 2, .padding = NN_SAME),
                                     nn_leaky_relu(), nn_dropout(0.3), nn_flatten(), nn_dense(1)),
      .generator_optimizer = nn_adam(),
      .discriminator_optimizer = nn_adam(),
      .loss = &gan_cross_entropy,
  };
  build(&pair, AG_SHAPE(64), AG_SHAPE(28, 28, 1), rng);
  return pair;
}

enum { MORE_ROOM = 300000 };

static size_t weights_of_dcgan_steps(int threads, ag_real *values, gan_figures *figures) {
  ag_set_threads(threads);
  ag_rng rng = ag_rng_seed(5);
  gan_pair pair = narrow_dcgan(&rng);
  for (int step = 0; step < 2; step++) {
    ag_scope *scope = ag_scope_enter();
    assert_true(gan_dual_tape_step(&pair, (gan_batch){.samples = ag_uniform(&rng, AG_SHAPE(40, 28, 28, 1), -1, 1)},
                                   &rng, figures));
    ag_scope_leave(scope);
  }
  size_t count = read_weights(&pair, values, MORE_ROOM);
  gan_pair_free(&pair);
  ag_set_threads(0);
  return count;
}

static void dcgan_steps_have_the_same_bits_for_any_number_of_threads_at_each_precision(void **state) {
  (void)state;
  static ag_real one[MORE_ROOM], other[MORE_ROOM];
  kernel_emulate_bf16(!kernel_bf16_is_fast());
  gan_figures figures[3];
  for (ag_precision precision = AG_HIGHEST; precision <= AG_MEDIUM; precision++) {
    assert_true(ag_precision_available(precision));
    ag_set_precision(precision);
    size_t count = weights_of_dcgan_steps(1, one, &figures[precision]);
    for (int threads = 2; threads <= 4; threads += 2) {
      assert_int_equal(weights_of_dcgan_steps(threads, other, &(gan_figures){0}), count);
      assert_memory_equal(one, other, count * sizeof *one);
    }
  }
  ag_set_precision(AG_HIGHEST);
  kernel_emulate_bf16(false);
  double highest = figures[AG_HIGHEST].g_loss, high = figures[AG_HIGH].g_loss, medium = figures[AG_MEDIUM].g_loss;
  assert_true(high != highest && fabs(high - highest) < 1e-4); /* three precisions, not one by three names */
  assert_true(fabs(medium - highest) > 4 * fabs(high - highest) && fabs(medium - highest) < 0.1);
}

/* The numbers that Keras's summary prints for the tutorial's networks: trainable ones. */
static void dcgan_is_the_tutorials_size(void **state) {
  (void)state;
  const gan_model *model = gan_model_find("dcgan");
  assert_ptr_equal(model, gan_models[0]);
  assert_null(gan_model_find("no such model"));
  gan_pair pair;
  ag_rng rng = ag_rng_seed(1);
  assert_true(gan_pair_make(&pair, model, &rng));
  nn_layer *layers[] = {pair.generator, pair.discriminator};
  const size_t expected[] = {2305472, 212865};
  for (int l = 0; l < 2; l++) {
    ag_list variables = nn_trainable_variables(layers[l]);
    size_t count = 0;
    for (size_t i = 0; i < variables.count; i++) count += ag_size(variables.items[i]);
    assert_int_equal(count, expected[l]);
  }
  gan_pair_free(&pair);
}

static void samples_are_what_the_generator_draws_brought_to_zero_to_one(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(4);
  gan_pair pair = small_pair(nn_sgd(), nn_sgd(), &rng);
  ag_tensor *noise = ag_normal(&rng, AG_SHAPE(130, 5), 0, 1); /* more than one chunk */
  ag_tensor *samples = gan_sample(&pair, &(gan_model){.black = -1}, noise, NULL);
  ag_tensor *generated = nn_forward(pair.generator, noise, NN_EVAL);
  assert_true(ag_shape_equal(ag_shape_of(samples), AG_SHAPE(130, 6, 6, 1)));
  for (size_t i = 0; i < ag_size(samples); i++)
    assert_true(check_close((double)ag_data(samples)[i], ((double)ag_data(generated)[i] + 1) / 2));
  gan_pair_free(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(figures_and_updates_follow_the_formulas),
      TEST(a_loss_that_is_not_finite_leaves_the_weights),
      TEST(wrong_arguments_are_errors),
      TEST(each_loss_falls_while_the_other_network_rests),
      TEST(the_seed_decides_every_bit_whatever_the_threads),
      TEST(dcgan_steps_have_the_same_bits_for_any_number_of_threads_at_each_precision),
      TEST(dcgan_is_the_tutorials_size),
      TEST(samples_are_what_the_generator_draws_brought_to_zero_to_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
