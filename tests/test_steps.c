/* Schedules of training steps, each against a formula on networks of a few weights: whose turn it is, what a step is
 * given, and that no step takes what is not finite. */
#include "tests/linear_pair.h"

static gan_step *const schedules[] = {gan_dual_tape_step, gan_alternating_step, gan_threshold_step,
                                      gan_half_batch_step};
enum { SCHEDULES = sizeof schedules / sizeof *schedules };

/* By hand: D steps on the forgeries of w, then G through the D that has stepped, on fresh noise. */
static void alternating_trains_the_discriminator_first_and_the_generator_on_fresh_noise(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_cross_entropy);
  ag_rng rng = ag_rng_seed(3);
  const ag_real *z1 = peek_noise(rng, 0, N), *z2 = peek_noise(rng, 1, N);
  double da = 0, db = 0, dw = 0, d_loss = 0, g_loss = 0;
  for (int i = 0; i < N; i++) {
    double x = (double)reals[i], r = a * x + b, f = a * w * (double)z1[i] + b;
    d_loss += (minus_log(r) + minus_log_rest(f)) / N;
    da += (sigmoid(f) * w * (double)z1[i] - sigmoid(-r) * x) / N;
    db += (sigmoid(f) - sigmoid(-r)) / N;
  }
  double a2 = a - 0.25 * da, b2 = b - 0.25 * db;
  for (int i = 0; i < N; i++) {
    double f = a2 * w * (double)z2[i] + b2;
    g_loss += minus_log(f) / N;
    dw -= sigmoid(-f) * a2 * (double)z2[i] / N;
  }
  gan_figures figures;
  assert_true(gan_alternating_step(&pair, real_batch(), &rng, &figures));
  assert_true(check_close(figures.d_loss, d_loss) && check_close(figures.g_loss, g_loss));
  assert_true(check_close(get(pair.discriminator, 0), a2) && check_close(get(pair.discriminator, 1), b2));
  assert_true(check_close(get(pair.generator, 0), w - 0.5 * dw) && check_close(figures.g_gradient, fabs(dw)));
  gan_pair_free(&pair);
}

static void the_generator_learns_at_each_kth_step(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_cross_entropy);
  pair.critic_steps = 3;
  ag_rng rng = ag_rng_seed(3);
  for (int step = 1; step <= 7; step++) {
    double before = get(pair.generator, 0), discriminator = get(pair.discriminator, 0);
    gan_figures figures;
    assert_true(gan_alternating_step(&pair, real_batch(), &rng, &figures));
    assert_true(isfinite(figures.g_loss));
    assert_true((get(pair.generator, 0) != before) == (step % 3 == 0));
    assert_true(isnan(figures.g_gradient) == (step % 3 != 0));
    assert_true(get(pair.discriminator, 0) != discriminator);
  }
  gan_pair_free(&pair);
}

static void the_discriminator_rests_while_it_recognises_the_forgeries(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_cross_entropy);
  ag_rng rng = ag_rng_seed(3);
  gan_figures figures;
  set(pair.discriminator, 0, 0.01);
  set(pair.discriminator, 1, -3); /* D(G(z)) is about 0.05: all recognised */
  double before = get(pair.generator, 0);
  assert_true(gan_threshold_step(&pair, real_batch(), &rng, &figures));
  assert_true(get(pair.discriminator, 1) == -3 && get(pair.generator, 0) != before);
  set(pair.discriminator, 1, -0.1); /* about 0.48: none is */
  before = get(pair.generator, 0);
  assert_true(gan_threshold_step(&pair, real_batch(), &rng, &figures));
  assert_true(get(pair.discriminator, 1) != (double)(ag_real)-0.1 && get(pair.generator, 0) != before);
  assert_true(ag_is_trainable(nn_variables(pair.discriminator).items[0]));
  gan_pair_free(&pair);
}

/* Of 10 forgeries it recognises 7, which are fewer than 80%, 8 or 9. */
static void the_discriminator_learns_where_it_recognises_fewer_than_four_fifths(void **state) {
  (void)state;
  enum { COUNT = 10 };
  for (int recognised = 7; recognised <= 9; recognised++) {
    gan_pair pair = linear_pair(&gan_cross_entropy);
    ag_rng rng = ag_rng_seed(3);
    gan_figures figures;
    const ag_real *z = peek_noise(rng, 0, COUNT);
    double sorted[COUNT];
    for (int i = 0; i < COUNT; i++) { /* by insertion */
      int place = i;
      for (; place > 0 && sorted[place - 1] > w * (double)z[i]; place--) sorted[place] = sorted[place - 1];
      sorted[place] = w * (double)z[i];
    }
    double bias = log(0.4 / 0.6) - 0.5 * (sorted[recognised - 1] + sorted[recognised]);
    set(pair.discriminator, 0, 1);
    set(pair.discriminator, 1, bias);
    assert_true(gan_threshold_step(&pair, (gan_batch){.samples = ag_ones(AG_SHAPE(COUNT, 1))}, &rng, &figures));
    assert_true((get(pair.discriminator, 1) == (double)(ag_real)bias) == (recognised >= 8));
    gan_pair_free(&pair);
  }
}

/* By hand: D on the first half of the real batch, then D as it is now on half a batch of forgeries. */
static void half_batches_train_the_discriminator_twice(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_cross_entropy);
  ag_rng rng = ag_rng_seed(3);
  const ag_real *z = peek_noise(rng, 0, N / 2);
  double da = 0, db = 0, real_loss = 0, fake_loss = 0;
  for (int i = 0; i < N / 2; i++) {
    double x = (double)reals[i], r = a * x + b;
    real_loss += minus_log(r) / (N / 2);
    da -= sigmoid(-r) * x / (N / 2);
    db -= sigmoid(-r) / (N / 2);
  }
  double a2 = a - 0.25 * da, b2 = b - 0.25 * db;
  da = db = 0;
  for (int i = 0; i < N / 2; i++) {
    double x = w * (double)z[i], f = a2 * x + b2;
    fake_loss += minus_log_rest(f) / (N / 2);
    da += sigmoid(f) * x / (N / 2);
    db += sigmoid(f) / (N / 2);
  }
  gan_figures figures;
  assert_true(gan_half_batch_step(&pair, real_batch(), &rng, &figures));
  assert_true(check_close(figures.d_loss, (real_loss + fake_loss) / 2));
  assert_true(check_close(get(pair.discriminator, 0), a2 - 0.25 * da));
  assert_true(check_close(get(pair.discriminator, 1), b2 - 0.25 * db));
  assert_true(get(pair.generator, 0) != (double)(ag_real)w);
  pair.loss = &gan_wasserstein_gp;
  assert_false(gan_half_batch_step(&pair, real_batch(), &rng, &figures));
  assert_error(AG_ERROR_ARGUMENT, "gradient penalty");
  assert_false(gan_step_fits(gan_half_batch_step, &gan_hinge, 5, 2)); /* half a batch is one pack, a whole is not two */
  assert_error(AG_ERROR_ARGUMENT, "expected a positive multiple of 4");
  gan_pair_free(&pair);
}

/* The ring, with networks small enough to learn it in a moment. */
static gan_pair small_ring_pair(void) {
  ag_rng rng = ag_rng_seed(7);
  gan_pair pair = {
      .generator = nn_sequential(nn_dense(32, .activation = NN_TANH), nn_dense(32, .activation = NN_TANH), nn_dense(2)),
      .discriminator = nn_sequential(nn_dense(32, .activation = NN_LEAKY_RELU),
                                     nn_dense(32, .activation = NN_LEAKY_RELU), nn_dense(1)),
      .generator_optimizer = nn_adam(.learning_rate = 2e-3, .beta1 = 0.5),
      .discriminator_optimizer = nn_adam(.learning_rate = 2e-3, .beta1 = 0.5),
      .loss = &gan_cross_entropy,
  };
  assert_true(nn_build(pair.generator, AG_SHAPE(2), &rng) && nn_build(pair.discriminator, AG_SHAPE(2), &rng));
  return pair;
}

/* "If the discriminator is able to recognise the forged images, the weights of the discriminator are updated. However,
 * if [it] is unable to [...], the weights of the generator are updated", as a tutorial words it. */
static bool literal_step(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  ag_tensor *output = gan_discriminate(pair, (gan_batch){.samples = gan_forge(pair, 64, NULL, rng)}, rng);
  bool recognised = ag_item(ag_mean(ag_sigmoid(output))) < 0.4;
  return recognised ? gan_discriminator_turn(pair, real, rng, figures) : gan_generator_turn(pair, real, rng, figures);
}

/* How often a network learned in the second half of some steps on the ring. */
typedef struct {
  int generator, discriminator;
  double distance; /* of forgeries from the circle at the end, on average */
} turns;

static bool learned(nn_layer *network, ag_tensor *before) {
  return memcmp(ag_data(nn_variables(network).items[0]), ag_data(before), ag_size(before) * sizeof(ag_real)) != 0;
}

static turns train_on_ring(gan_step *step) {
  enum { STEPS = 400, SAMPLES = 500 };
  gan_pair pair = small_ring_pair();
  ag_rng rng = ag_rng_seed(1);
  gan_figures figures = {0};
  turns count = {0};
  for (int i = 0; i < STEPS; i++) {
    ag_scope *scope = ag_scope_enter();
    ag_tensor *g = ag_detach(nn_variables(pair.generator).items[0]),
              *d = ag_detach(nn_variables(pair.discriminator).items[0]);
    assert_true(step(&pair, (gan_batch){.samples = gan_mixture_draw(&gan_ring, 64, &rng)}, &rng, &figures));
    count.generator += i >= STEPS / 2 && learned(pair.generator, g);
    count.discriminator += i >= STEPS / 2 && learned(pair.discriminator, d);
    ag_scope_leave(scope);
  }
  const ag_real *points = ag_data(gan_forge(&pair, SAMPLES, NULL, &rng));
  for (const ag_real *p = points; p < points + 2 * SAMPLES; p += 2)
    count.distance += fabs(hypot((double)p[0], (double)p[1]) - 1) / SAMPLES;
  gan_pair_free(&pair);
  return count;
}

/* A network that learns because it succeeds succeeds the more: the other's turn never comes again. Here it is the
 * discriminator that no longer learns, and the generator runs off to where nothing holds it. */
static void the_rule_that_trains_the_winner_gets_stuck_and_the_threshold_does_not(void **state) {
  (void)state;
  turns literal = train_on_ring(literal_step), threshold = train_on_ring(gan_threshold_step);
  assert_int_equal(literal.discriminator, 0);
  assert_int_equal(literal.generator, 200);
  assert_true(literal.distance > 2);
  assert_int_equal(threshold.generator, 200);
  assert_true(threshold.discriminator > 20);
  assert_true(threshold.distance < 0.3);
}

static ag_tensor *endless(ag_tensor *outputs) { return ag_add_scalar(ag_mean(outputs), (double)INFINITY); }

/* The generator's loss alone, or, as a weight of the discriminator is NaN, every one. */
static void no_schedule_takes_a_loss_that_is_not_finite(void **state) {
  (void)state;
  gan_loss of_generator = gan_cross_entropy;
  of_generator.generator = endless;
  for (size_t i = 0; i < SCHEDULES; i++) {
    for (int g = 0; g < 2; g++) {
      gan_pair pair = linear_pair(g ? &of_generator : &gan_cross_entropy);
      ag_rng rng = ag_rng_seed(3);
      gan_figures figures;
      if (!g) set(pair.discriminator, 0, NAN);
      double before = get(pair.generator, 0);
      assert_false(schedules[i](&pair, real_batch(), &rng, &figures));
      assert_error(AG_ERROR_NONFINITE, g ? "the generator's loss is inf, expected" : "expected a finite number");
      assert_true(get(pair.generator, 0) == before);
      if (g && schedules[i] != gan_half_batch_step) assert_true(get(pair.discriminator, 0) == (double)(ag_real)a);
      gan_pair_free(&pair);
    }
  }
}

/* The square root of 0 is finite, its slope is not: 0.5 / 0. Every forgery is given 0. */
static ag_tensor *root(ag_tensor *outputs) { return ag_mean(ag_sqrt(ag_scale(outputs, 0))); }

static void no_schedule_takes_a_gradient_that_is_not_finite_and_each_names_its_op(void **state) {
  (void)state;
  gan_loss of_generator = gan_cross_entropy, of_discriminator = gan_cross_entropy;
  of_generator.generator = of_discriminator.fake = root;
  for (size_t i = 0; i < SCHEDULES; i++) {
    for (int g = 0; g < 2; g++) {
      gan_pair pair = linear_pair(g ? &of_generator : &of_discriminator);
      ag_rng rng = ag_rng_seed(3);
      gan_figures figures;
      set(pair.discriminator, 1, 3); /* takes forgeries for real, so that it learns under a threshold, too */
      assert_false(schedules[i](&pair, real_batch(), &rng, &figures));
      assert_non_null(strstr(ag_error_message(), "is not finite"));
      assert_error(AG_ERROR_NONFINITE, "div was the first op to give inf, in element 0 of shape [");
      assert_true(get(pair.generator, 0) == (double)(ag_real)w);
      if (!g && schedules[i] != gan_half_batch_step) assert_true(get(pair.discriminator, 1) == 3);
      gan_pair_free(&pair);
    }
  }
}

/* NaN where a forgery is negative, as the next draw after it is not. */
static ag_tensor *plain_root(ag_tensor *outputs) { return ag_mean(ag_sqrt(outputs)); }

static void the_op_is_found_with_the_noise_of_the_step(void **state) {
  (void)state;
  gan_loss loss = gan_wasserstein;
  loss.generator = plain_root;
  gan_pair pair = linear_pair(&loss);
  set(pair.discriminator, 0, 1);
  set(pair.discriminator, 1, 0);
  ag_rng rng = ag_rng_seed(1);
  while (*peek_noise(rng, 0, 1) >= 0 || *peek_noise(rng, 1, 1) < 0) rng.seed++;
  gan_figures figures;
  assert_false(gan_dual_tape_step(&pair, (gan_batch){.samples = ag_ones(AG_SHAPE(1, 1))}, &rng, &figures));
  assert_error(AG_ERROR_NONFINITE, "sqrt was the first op to give");
  gan_pair_free(&pair);
}

static void a_threshold_needs_logits(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_hinge);
  ag_rng rng = ag_rng_seed(3);
  gan_figures figures;
  assert_false(gan_threshold_step(&pair, real_batch(), &rng, &figures));
  assert_error(AG_ERROR_ARGUMENT, "hinge, expected one on logits");
  gan_pair_free(&pair);
}

/* The generator's gradient is finite, its square is not. */
static ag_tensor *steep(ag_tensor *outputs) { return ag_scale(ag_mean(outputs), 1e25); }

static void each_schedule_counts_its_steps_clips_the_critic_and_takes_a_steep_gradient(void **state) {
  (void)state;
  gan_loss loss = gan_wasserstein;
  loss.generator = steep;
  for (size_t i = 0; i < SCHEDULES; i++) {
    if (schedules[i] == gan_threshold_step) continue; /* takes no critic */
    gan_pair pair = linear_pair(&loss);
    ag_rng rng = ag_rng_seed(3);
    gan_figures figures;
    assert_true(schedules[i](&pair, real_batch(), &rng, &figures));
    assert_true(pair.discriminator_steps == 1 && pair.generator_steps == 1);
    assert_true(fabs(get(pair.discriminator, 0)) == (double)(ag_real)0.01);
    assert_true(isfinite(get(pair.generator, 0)) && fabs(get(pair.generator, 0)) > 1e20);
    assert_true(isfinite(figures.g_gradient));
    gan_pair_free(&pair);
  }
}

/* A label's weight moves in a network that was shown it: label 0 never is, half batches show D the first half's. */
static void both_networks_are_shown_the_labels_of_the_batch(void **state) {
  (void)state;
  for (size_t i = 0; i < SCHEDULES; i++) {
    gan_pair pair = linear_pair(&gan_cross_entropy);
    nn_layer_free(pair.generator);
    nn_layer_free(pair.discriminator);
    ag_rng rng = ag_rng_seed(3);
    pair.classes = 3;
    pair.generator = nn_dense(1, .no_bias = true);
    pair.discriminator = nn_dense(1);
    assert_true(nn_build(pair.generator, AG_SHAPE(4), &rng) && nn_build(pair.discriminator, AG_SHAPE(4), &rng));
    set(pair.generator, 0, 0.5);
    set(pair.discriminator, 0, 0.5);
    gan_batch real = real_batch();
    real.labels = ag_from(AG_SHAPE(N), (ag_real[]){1, 1, 1, 1, 2, 2, 2, 2});
    gan_figures figures;
    assert_true(schedules[i](&pair, real, &rng, &figures));
    const ag_real *g = ag_data(nn_variables(pair.generator).items[0]),
                  *d = ag_data(nn_variables(pair.discriminator).items[0]);
    assert_true(g[1] == 0.5 && g[2] != 0.5 && g[3] != 0.5);
    assert_true(d[1] == 0.5 && d[2] != 0.5 && (d[3] != 0.5) == (schedules[i] != gan_half_batch_step));
    gan_pair_free(&pair);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(alternating_trains_the_discriminator_first_and_the_generator_on_fresh_noise),
      TEST(the_generator_learns_at_each_kth_step),
      TEST(the_discriminator_rests_while_it_recognises_the_forgeries),
      TEST(the_discriminator_learns_where_it_recognises_fewer_than_four_fifths),
      TEST(half_batches_train_the_discriminator_twice),
      TEST(the_rule_that_trains_the_winner_gets_stuck_and_the_threshold_does_not),
      TEST(no_schedule_takes_a_loss_that_is_not_finite),
      TEST(no_schedule_takes_a_gradient_that_is_not_finite_and_each_names_its_op),
      TEST(the_op_is_found_with_the_noise_of_the_step),
      TEST(a_threshold_needs_logits),
      TEST(each_schedule_counts_its_steps_clips_the_critic_and_takes_a_steep_gradient),
      TEST(both_networks_are_shown_the_labels_of_the_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
