/* A pair of networks from one step to the next, against formulas: labels, packing, noise, averages, samples; every
 * model and the mixtures that models learn. */
#include "tests/linear_pair.h"

/* Labels and packing */

static nn_layer *identity(void) { return nn_reshape(-1); }

static void labels_become_channels_beside_the_samples(void **state) {
  (void)state;
  gan_pair pair = {.classes = 3};
  ag_tensor *noise = ag_from(AG_SHAPE(2, 2), (ag_real[]){0.5, 1.5, 2.5, 3.5});
  ag_tensor *labels = ag_from(AG_SHAPE(2), (ag_real[]){2, 0});
  const ag_real expected[] = {0.5, 1.5, 0, 0, 1, 2.5, 3.5, 1, 0, 0};
  ag_tensor *input = gan_generator_input(&pair, noise, labels);
  assert_true(ag_shape_equal(ag_shape_of(input), AG_SHAPE(2, 5)));
  assert_memory_equal(ag_data(input), expected, sizeof expected);
  assert_null(gan_generator_input(&pair, noise, ag_full(AG_SHAPE(2), 3)));
  assert_error(AG_ERROR_ARGUMENT, "3");
}

static void packed_samples_lie_channel_by_channel(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(1);
  gan_pair pair = {.discriminator = identity(), .pack = 2};
  assert_true(nn_build(pair.discriminator, AG_SHAPE(1, 2, 4), &rng));
  ag_tensor *images = ag_reshape(ag_arange(16), AG_SHAPE(4, 1, 2, 2)); /* pixels 01 23, 45 67, ... */
  ag_tensor *judged = gan_discriminate(&pair, (gan_batch){.samples = images}, &rng);
  assert_values(judged, AG_SHAPE(2, 8), 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
  assert_null(gan_discriminate(&pair, (gan_batch){.samples = ag_zeros(AG_SHAPE(3, 1, 2, 1))}, &rng));
  assert_error(AG_ERROR_SHAPE, "no multiple of 2");
  gan_pair_free(&pair);
}

static void numbers_of_a_pair_reach_up_to_their_bounds(void **state) {
  (void)state;
  assert_true(gan_pair_fits(&(gan_pair){.average_decay = 1, .wide_share = 1}));
}

static void the_discriminator_judges_in_training(void **state) {
  (void)state;
  enum { SIZE = 100 };
  ag_rng rng = ag_rng_seed(1);
  gan_pair pair = {.discriminator = nn_dropout(0.5)};
  assert_true(nn_build(pair.discriminator, AG_SHAPE(SIZE), &rng));
  const ag_real *kept = ag_data(gan_discriminate(&pair, (gan_batch){.samples = ag_ones(AG_SHAPE(1, SIZE))}, &rng));
  int dropped = 0;
  for (int i = 0; i < SIZE; i++) dropped += kept[i] == 0;
  assert_in_range(dropped, 25, 75);
  gan_pair_free(&pair);
}

/* The average */

static void the_average_follows_the_generator(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_cross_entropy), other = linear_pair(&gan_cross_entropy);
  set(other.generator, 0, 2);
  assert_true(gan_follow(pair.generator, other.generator, 0.75));
  assert_true(check_close(get(pair.generator, 0), 0.75 * w + 0.25 * 2));
  assert_false(gan_follow(pair.generator, pair.discriminator, 0.5));
  assert_error(AG_ERROR_ARGUMENT, "1 variables and 2");
  nn_layer *wide = nn_dense(2, .no_bias = true);
  ag_rng rng = ag_rng_seed(1);
  assert_true(nn_build(wide, AG_SHAPE(1), &rng));
  assert_false(gan_follow(pair.generator, wide, 0.5));
  assert_error(AG_ERROR_SHAPE, "[1, 1], expected [1, 2]");
  nn_layer_free(wide);
  gan_pair_free(&other);
  gan_pair_free(&pair);
}

static void the_average_follows_buffers_too(void **state) {
  (void)state;
  enum { WEIGHTS_AND_BUFFERS = 4 }; /* of batch norm */
  nn_layer *average = nn_batch_norm(), *trained = nn_batch_norm();
  ag_rng rng = ag_rng_seed(1);
  assert_true(nn_build(average, AG_SHAPE(1), &rng) && nn_build(trained, AG_SHAPE(1), &rng));
  for (size_t i = 0; i < WEIGHTS_AND_BUFFERS; i++) set(average, i, 1), set(trained, i, 3);
  assert_true(gan_follow(average, trained, 0.75));
  for (size_t i = 0; i < WEIGHTS_AND_BUFFERS; i++) assert_true(check_close(get(average, i), 1.5));
  nn_layer_free(average);
  nn_layer_free(trained);
}

static void the_average_of_a_new_pair_is_its_generator(void **state) {
  (void)state;
  gan_pair pair;
  ag_rng rng = ag_rng_seed(1);
  assert_true(gan_pair_make(&pair, gan_model_find("ring"), &rng));
  ag_list averages = nn_variables(pair.average), variables = nn_variables(pair.generator);
  assert_int_equal(averages.count, variables.count);
  for (size_t i = 0; i < variables.count; i++)
    assert_memory_equal(ag_data(averages.items[i]), ag_data(variables.items[i]),
                        ag_size(variables.items[i]) * sizeof(ag_real));
  gan_pair_free(&pair);
}

/* After the n-th step of the generator (from 0) the decay is the smaller of (1 + n) / (10 + n) and the pair's own. */
static void each_step_of_the_generator_moves_the_average(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_cross_entropy), other = linear_pair(&gan_cross_entropy);
  pair.average = other.generator;
  other.generator = NULL;
  pair.average_decay = 0.15;
  ag_rng rng = ag_rng_seed(3);
  double average = w;
  for (int n = 0; n < 3; n++) {
    gan_figures figures;
    assert_true((n == 1 ? gan_dual_tape_step : gan_alternating_step)(&pair, real_batch(), &rng, &figures));
    double decay = fmin(0.15, (1.0 + n) / (10.0 + n));
    average = decay * average + (1 - decay) * get(pair.generator, 0);
    assert_true(check_close(get(pair.average, 0), average));
  }
  gan_pair_free(&other);
  gan_pair_free(&pair);
}

static void samples_come_from_the_average_where_there_is_one(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_cross_entropy), other = linear_pair(&gan_cross_entropy);
  set(other.generator, 0, 2);
  pair.average = other.generator;
  other.generator = NULL;
  ag_tensor *samples = gan_sample(&pair, &(gan_model){.mixture = &gan_ring}, ag_ones(AG_SHAPE(1, 1)), NULL);
  assert_true(ag_item(samples) == 2);
  gan_pair_free(&other);
  gan_pair_free(&pair);
}

/* 784 numbers from -392 to 391; black is -1 and white 1. */
static void many_numbers_are_an_image_and_brought_to_black_and_white(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(7);
  gan_pair pair = {.generator = identity()};
  assert_true(nn_build(pair.generator, AG_SHAPE(784), &rng));
  ag_tensor *noise = ag_reshape(ag_add_scalar(ag_arange(784), -392), AG_SHAPE(1, 784));
  ag_tensor *image = gan_sample(&pair, &(gan_model){.black = -1}, noise, NULL);
  assert_true(ag_shape_equal(ag_shape_of(image), AG_SHAPE(1, 28, 28, 1)));
  assert_true(ag_data(image)[0] == 0 && ag_data(image)[392] == 0.5 && ag_data(image)[783] == 1);
  gan_pair_free(&pair);
}

/* Not as training from the same seed does. */
static void samples_are_drawn_from_counters_of_their_own_and_by_the_digit(void **state) {
  (void)state;
  enum { COUNT = 5 };
  ag_rng rng = ag_rng_seed(7);
  gan_pair pair = {.generator = identity(), .classes = 3};
  gan_model model = {.name = "identity", .noise = 1, .classes = 3, .mixture = &gan_ring};
  assert_true(nn_build(pair.generator, AG_SHAPE(4), &rng));
  ag_tensor *drawn = gan_draw(&pair, &model, COUNT, -1, 7), *twos = gan_draw(&pair, &model, 2, 2, 7);
  const ag_real *of_training = peek_noise(ag_rng_seed(7), 0, COUNT);
  for (int i = 0; i < COUNT; i++) assert_true(ag_data(drawn)[4 * i] != of_training[i]);
  assert_values(ag_slice(drawn, 1, 1, 3), AG_SHAPE(COUNT, 3), 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0);
  assert_values(ag_slice(twos, 1, 1, 3), AG_SHAPE(2, 3), 0, 0, 1, 0, 0, 1);
  assert_null(gan_draw(&pair, &model, 2, 3, 7));
  assert_error(AG_ERROR_ARGUMENT, "was not trained to draw a 3");
  gan_pair_free(&pair);
}

/* Batch norm as the whole generator: in training it would shift and scale the noise, which the averages do not. */
static void a_generator_that_is_frozen_forges_as_in_evaluation_and_keeps_its_averages(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_cross_entropy);
  nn_layer_free(pair.generator);
  pair.generator = nn_batch_norm();
  pair.freeze_after = 2;
  ag_rng rng = ag_rng_seed(3);
  assert_true(nn_build(pair.generator, AG_SHAPE(1), &rng));
  enum { GAMMA = 0, MOVING_MEAN = 2 };
  double mean = 0, gamma = 1;
  for (int n = 0; n < 4; n++) {
    gan_figures figures;
    assert_true((n % 2 ? gan_dual_tape_step : gan_alternating_step)(&pair, real_batch(), &rng, &figures));
    assert_int_equal(get(pair.generator, MOVING_MEAN) == mean, n >= 2);
    assert_true(get(pair.generator, GAMMA) != gamma); /* it learns all the same */
    mean = get(pair.generator, MOVING_MEAN);
    gamma = get(pair.generator, GAMMA);
  }
  ag_rng same = rng;
  ag_tensor *forged = gan_forge(&pair, N, NULL, &rng), *noise = ag_normal(&same, AG_SHAPE(N, 1), 0, 1);
  ag_tensor *evaluated = nn_forward(pair.generator, noise, NN_EVAL);
  assert_memory_equal(ag_data(forged), ag_data(evaluated), N * sizeof(ag_real));
  gan_pair_free(&pair);
}

static void instance_noise_lies_on_all_that_the_discriminator_sees(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_cross_entropy);
  pair.instance_noise = 0.25;
  ag_rng rng = ag_rng_seed(3);
  const ag_real *noise = peek_noise(rng, 0, N);
  const ag_real *logits = ag_data(gan_discriminate(&pair, real_batch(), &rng));
  for (int i = 0; i < N; i++) assert_true(check_close(logits[i], a * (reals[i] + 0.25 * noise[i]) + b));
  gan_pair_free(&pair);
}

static void instance_noise_spares_the_labels(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(1);
  gan_pair pair = {.discriminator = identity(), .classes = 2, .instance_noise = 0.5};
  assert_true(nn_build(pair.discriminator, AG_SHAPE(3), &rng));
  ag_tensor *seen = gan_discriminate(&pair, (gan_batch){ag_ones(AG_SHAPE(2, 1)), ag_arange(2)}, &rng);
  assert_true(ag_data(seen)[0] != 1 && ag_data(seen)[3] != 1);
  assert_values(ag_slice(seen, 1, 1, 2), AG_SHAPE(2, 2), 1, 0, 0, 1);
  gan_pair_free(&pair);
}

/* All numbers of a sample are of that share, or none is. */
static void a_share_of_the_samples_has_noise_of_its_own_where_that_is_wider(void **state) {
  (void)state;
  enum { SIZE = 3 };
  static const double widths[] = {2, 0.125};
  for (int k = 0; k < 2; k++) {
    gan_pair pair = {.discriminator = identity(), .instance_noise = 0.25, .wide_noise = widths[k], .wide_share = 0.5};
    ag_rng rng = ag_rng_seed(3), later = rng;
    assert_true(nn_build(pair.discriminator, AG_SHAPE(SIZE), &rng));
    later.counter++;
    const ag_real *noise = peek_noise(rng, 0, N * SIZE), *drawn = ag_data(ag_uniform(&later, AG_SHAPE(N, 1), 0, 1));
    const ag_real *seen = ag_data(gan_discriminate(&pair, (gan_batch){.samples = ag_zeros(AG_SHAPE(N, SIZE))}, &rng));
    int wide = 0;
    for (int i = 0; i < N * SIZE; i++) {
      bool is_wide = k == 0 && drawn[i / SIZE] < (ag_real)0.5;
      wide += is_wide;
      assert_true(check_close(seen[i], (is_wide ? 2 : 0.25) * noise[i]));
    }
    assert_true(k == 1 || (wide > 0 && wide < N * SIZE));
    gan_pair_free(&pair);
  }
}

static nn_optimizer *make_fast(void) { return nn_sgd(.learning_rate = 0.5); }
static nn_optimizer *make_slow(void) { return nn_sgd(.learning_rate = 0.125); }

static void each_network_may_have_an_optimizer_of_its_own(void **state) {
  (void)state;
  gan_model model = *gan_model_find("mlp-torch");
  model.make_optimizer = make_fast;
  model.make_discriminator_optimizer = make_slow;
  ag_rng rng = ag_rng_seed(3);
  gan_pair pair;
  assert_true(gan_pair_make(&pair, &model, &rng));
  assert_true(nn_learning_rate(pair.generator_optimizer) == 0.5);
  assert_true(nn_learning_rate(pair.discriminator_optimizer) == 0.125);
  gan_pair_free(&pair);
}

/* Every model: the networks fit each other, one step of its schedule moves both, and a user's options fit it, too. */
static gan_batch batch_for(const gan_pair *pair, const gan_model *model, ag_rng *rng) {
  if (model->mixture) return (gan_batch){.samples = gan_mixture_draw(model->mixture, 6, rng)};
  ag_shape shape = nn_output_shape(pair->generator);
  ag_tensor *pixels = ag_uniform(rng, AG_SHAPE(6, 28, 28, 1), model->black, 1);
  return (gan_batch){shape.rank == 1 ? ag_reshape(pixels, AG_SHAPE(6, -1)) : pixels, ag_arange(6)};
}

static void check_model(const gan_model *model) {
  ag_scope *scope = ag_scope_enter();
  ag_rng rng = ag_rng_seed(1);
  gan_pair pair;
  gan_figures figures;
  assert_true(gan_pair_make(&pair, model, &rng));
  ag_tensor *g = nn_trainable_variables(pair.generator).items[0], *before = ag_detach(g);
  ag_tensor *d = nn_trainable_variables(pair.discriminator).items[0], *d_before = ag_detach(d);
  for (int64_t i = 0; i < (model->critic_steps > 1 ? model->critic_steps : 1); i++)
    assert_true(model->step(&pair, batch_for(&pair, model, &rng), &rng, &figures));
  assert_true(isfinite(figures.g_loss) && isfinite(figures.d_loss) && isfinite(figures.spread));
  assert_memory_not_equal(ag_data(g), ag_data(before), ag_size(g) * sizeof(ag_real));
  assert_memory_not_equal(ag_data(d), ag_data(d_before), ag_size(d) * sizeof(ag_real));
  gan_pair_free(&pair);
  ag_scope_leave(scope);
}

static void every_model_takes_a_step(void **state) {
  (void)state;
  for (const gan_model *const *model = gan_models; *model; model++) check_model(*model);
}

static void every_loss_fits_the_ring_and_labels_and_packs_fit_digits(void **state) {
  (void)state;
  for (const gan_loss *const *loss = gan_losses; *loss; loss++) {
    gan_model ring = *gan_model_find("ring");
    ring.loss = *loss;
    ring.pack = 2;
    check_model(&ring);
  }
  const char *networks[] = {"mlp-torch", "dcgan"};
  for (int i = 0; i < 2; i++) {
    gan_model model = *gan_model_find(networks[i]);
    model.classes = 10;
    model.pack = 3;
    model.average = 0.9;
    check_model(&model);
  }
}

/* Mixtures */

static void points_of_a_mixture_have_its_own_figures(void **state) {
  (void)state;
  const gan_mixture *mixtures[] = {&gan_ring, &gan_grid};
  for (int i = 0; i < 2; i++) {
    ag_rng rng = ag_rng_seed(5);
    gan_mixture_figures figures;
    assert_true(gan_mixture_judge(mixtures[i], gan_mixture_draw(mixtures[i], 100000, &rng), &figures));
    assert_int_equal(figures.modes, mixtures[i]->modes);
    assert_true(fabs(figures.high_quality - (1 - exp(-4.5))) < 0.002 && figures.reverse_kl < 0.001);
    assert_true(figures.narrowest > 0.96 && figures.widest < 1.04);
  }
}

static void figures_of_a_few_points_follow_from_counting(void **state) {
  (void)state;
  const ag_real points[] = {1, 0, (ag_real)1.02, 0, (ag_real)1.5, 0,
                            0, 1}; /* two near (1, 0), one far, one on (0, 1) */
  gan_mixture_figures figures;
  assert_true(gan_mixture_judge(&gan_ring, ag_from(AG_SHAPE(4, 2), points), &figures));
  assert_int_equal(figures.modes, 2);
  assert_true(figures.high_quality == 0.75);
  assert_true(check_close(figures.reverse_kl, 0.75 * log(0.75 * 8) + 0.25 * log(0.25 * 8)));
  assert_true(figures.narrowest == 0); /* one point has no width */
  /* Two that are 0.02 apart lie 0.01 from their mean, along one axis of two. */
  double own = 0.01 * sqrt(1 - 4.5 * exp(-4.5) / (1 - exp(-4.5)));
  assert_true(fabs(figures.widest - 0.01 / sqrt(2) / own) < 1e-4);
  assert_false(gan_mixture_judge(&gan_ring, ag_zeros(AG_SHAPE(4, 3)), &figures));
  assert_error(AG_ERROR_SHAPE, "[4, 3]");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(labels_become_channels_beside_the_samples),
      TEST(packed_samples_lie_channel_by_channel),
      TEST(numbers_of_a_pair_reach_up_to_their_bounds),
      TEST(the_discriminator_judges_in_training),
      TEST(the_average_follows_the_generator),
      TEST(the_average_follows_buffers_too),
      TEST(the_average_of_a_new_pair_is_its_generator),
      TEST(each_step_of_the_generator_moves_the_average),
      TEST(samples_come_from_the_average_where_there_is_one),
      TEST(many_numbers_are_an_image_and_brought_to_black_and_white),
      TEST(samples_are_drawn_from_counters_of_their_own_and_by_the_digit),
      TEST(a_generator_that_is_frozen_forges_as_in_evaluation_and_keeps_its_averages),
      TEST(each_network_may_have_an_optimizer_of_its_own),
      TEST(instance_noise_lies_on_all_that_the_discriminator_sees),
      TEST(instance_noise_spares_the_labels),
      TEST(a_share_of_the_samples_has_noise_of_its_own_where_that_is_wider),
      TEST(every_model_takes_a_step),
      TEST(every_loss_fits_the_ring_and_labels_and_packs_fit_digits),
      TEST(points_of_a_mixture_have_its_own_figures),
      TEST(figures_of_a_few_points_follow_from_counting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
