/* Losses, schedules, labels, packing, penalty and averages: each against a formula on networks of a few weights. */
#include "check.h"

#include "gan/gan.h"

enum { N = 8 };

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void set(nn_layer *layer, size_t index, double value) {
  ag_tensor *variable = nn_variables(layer).items[index];
  assert_true(ag_assign(variable, ag_full(ag_shape_of(variable), value)));
}

static double get(nn_layer *layer, size_t index) { return ag_item(nn_variables(layer).items[index]); }

/* G(z) = w z and D's output a x + b; plain gradient descent of rate 0.5 and 0.25. */
static const double w = 0.7, a = -1.3, b = 0.4;
static gan_pair linear_pair(const gan_loss *loss) {
  ag_rng rng = ag_rng_seed(3);
  gan_pair pair = {
      .generator = nn_dense(1, .no_bias = true),
      .discriminator = nn_dense(1),
      .generator_optimizer = nn_sgd(.learning_rate = 0.5),
      .discriminator_optimizer = nn_sgd(.learning_rate = 0.25),
      .loss = loss,
  };
  assert_true(nn_build(pair.generator, AG_SHAPE(1), &rng) && nn_build(pair.discriminator, AG_SHAPE(1), &rng));
  set(pair.generator, 0, w);
  set(pair.discriminator, 0, a);
  set(pair.discriminator, 1, b);
  return pair;
}

static const ag_real reals[N] = {0.5, -1, 2, 1.5, -0.25, 0.75, 3, -2};
static gan_batch real_batch(void) { return (gan_batch){.samples = ag_from(AG_SHAPE(N, 1), reals)}; }

/* The noise that a step draws next. */
static const ag_real *peek_noise(ag_rng rng, int draws_before, int64_t count) {
  rng.counter += (uint64_t)draws_before;
  return ag_data(ag_normal(&rng, AG_SHAPE(count, 1), 0, 1));
}

/* Losses */

typedef struct {
  const gan_loss *loss;
  double (*real)(double), (*fake)(double), (*generator)(double);
} formula;

static double minus_log(double x) { return log1p(exp(-x)); }
static double minus_log_rest(double x) { return log1p(exp(x)); }
static double log_rest(double x) { return -log1p(exp(x)); }
static double to_one(double x) { return (x - 1) * (x - 1) / 2; }
static double to_zero(double x) { return x * x / 2; }
static double smoothed_log(double x) { return 0.9 * minus_log(x) + 0.1 * minus_log_rest(x); }
static double half_log(double x) { return 0.5 * minus_log(x); }
static double half_log_rest(double x) { return 0.5 * minus_log_rest(x); }
static double hinge_real(double x) { return fmax(0, 1 - x); }
static double hinge_fake(double x) { return fmax(0, 1 + x); }
static double plus(double x) { return x; }
static double minus(double x) { return -x; }

static void check_formula(const formula *f) {
  const ag_real outputs[] = {-3, -0.5, 0, 0.25, 4};
  ag_tensor *x = ag_from(AG_SHAPE(5, 1), outputs);
  double real = 0, fake = 0, generator = 0;
  for (int i = 0; i < 5; i++) {
    real += f->real((double)outputs[i]) / 5;
    fake += f->fake((double)outputs[i]) / 5;
    generator += f->generator((double)outputs[i]) / 5;
  }
  assert_true(check_close(ag_item(f->loss->real(x)), real));
  assert_true(check_close(ag_item(f->loss->fake(x)), fake));
  assert_true(check_close(ag_item(f->loss->generator(x)), generator));
}

static void losses_follow_their_formulas(void **state) {
  (void)state;
  const formula formulas[] = {
      {&gan_cross_entropy, minus_log, minus_log_rest, minus_log},
      {&gan_minimax, minus_log, minus_log_rest, log_rest},
      {&gan_least_squares, to_one, to_zero, to_one},
      {&gan_hinge, hinge_real, hinge_fake, minus},
      {&gan_wasserstein, minus, plus, minus},
      {&gan_wasserstein_gp, minus, plus, minus},
  };
  for (size_t f = 0; f < sizeof formulas / sizeof *formulas; f++) {
    check_formula(&formulas[f]);
    assert_ptr_equal(gan_loss_find(formulas[f].loss->name), formulas[f].loss);
    assert_ptr_equal(gan_losses[f], formulas[f].loss);
  }
  assert_null(gan_loss_find("vae"));
  /* The tutorials' own: labels of 0.9, and the mean of both halves. */
  check_formula(&(formula){gan_model_find("mlp-keras")->loss, smoothed_log, minus_log_rest, minus_log});
  check_formula(&(formula){gan_model_find("mlp-torch")->loss, half_log, half_log_rest, minus_log});
}

static void no_loss_overflows_where_the_discriminator_is_sure(void **state) {
  (void)state;
  ag_tensor *sure = ag_from(AG_SHAPE(2, 1), (ag_real[]){-500, 500});
  for (const gan_loss *const *loss = gan_losses; *loss; loss++)
    assert_true(isfinite(ag_item((*loss)->real(sure))) && isfinite(ag_item((*loss)->fake(sure))) &&
                isfinite(ag_item((*loss)->generator(sure))));
}

/* Schedules */

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

/* Critics */

static void a_critics_figures_are_its_scores_and_its_weights_are_clipped(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_wasserstein);
  ag_rng rng = ag_rng_seed(3);
  double d_real = 0;
  for (int i = 0; i < N; i++) d_real += (a * (double)reals[i] + b) / N;
  gan_figures figures;
  assert_true(gan_alternating_step(&pair, real_batch(), &rng, &figures));
  assert_true(check_close(figures.d_real, d_real) && check_close(figures.d_loss, figures.d_fake - d_real));
  assert_true(fabs(get(pair.discriminator, 0)) == (double)(ag_real)0.01);
  gan_pair_free(&pair);
}

/* From one pass: the gradient of -(a (w z + c) + b) is by the critic from before, which is clipped then. */
static void two_tapes_clip_a_critic_and_tell_the_generators_gradient(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_wasserstein);
  ag_rng rng = ag_rng_seed(3);
  nn_layer_free(pair.generator);
  pair.generator = nn_dense(1);
  assert_true(nn_build(pair.generator, AG_SHAPE(1), &rng));
  const ag_real *z = peek_noise(rng, 0, N);
  double dw = 0;
  for (int i = 0; i < N; i++) dw -= a * (double)z[i] / N;
  gan_figures figures;
  assert_true(gan_dual_tape_step(&pair, real_batch(), &rng, &figures));
  assert_true(check_close(figures.g_gradient, hypot(dw, a))); /* over the kernel and the bias */
  assert_true(fabs(get(pair.discriminator, 0)) == (double)(ag_real)0.01);
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

static double deviation(const double *x) {
  double mean = 0, square = 0;
  for (int i = 0; i < N; i++) mean += x[i] / N;
  for (int i = 0; i < N; i++) square += (x[i] - mean) * (x[i] - mean) / N;
  return sqrt(square);
}

/* By hand: D(x) and D(G(z)) as the loss has them, right above D = 0.5 or halfway between the means, and the spreads. */
static void figures_of_a_step_are_those_of_its_loss(void **state) {
  (void)state;
  const gan_loss *const losses[] = {&gan_cross_entropy, &gan_least_squares, &gan_wasserstein};
  for (size_t l = 0; l < sizeof losses / sizeof *losses; l++) {
    gan_output kind = losses[l]->output;
    gan_pair pair = linear_pair(losses[l]);
    const double bias = kind == GAN_SCORE ? 5 : b; /* a critic's zero means nothing */
    set(pair.discriminator, 1, bias);
    ag_rng rng = ag_rng_seed(5);
    const ag_real *z = peek_noise(rng, 0, N);
    double real[N], fake[N], x[N], forged[N], d_real = 0, d_fake = 0, right = 0;
    for (int i = 0; i < N; i++) {
      x[i] = (double)reals[i], forged[i] = w * (double)z[i];
      real[i] = a * x[i] + bias, fake[i] = a * forged[i] + bias;
      if (kind == GAN_LOGIT) real[i] = sigmoid(real[i]), fake[i] = sigmoid(fake[i]);
      d_real += real[i] / N, d_fake += fake[i] / N;
    }
    double cut = kind == GAN_SCORE ? (d_real + d_fake) / 2 : 0.5;
    for (int i = 0; i < N; i++) right += (real[i] > cut) + (fake[i] <= cut);
    gan_figures figures;
    assert_true(gan_discriminator_turn(&pair, real_batch(), &rng, &figures));
    assert_true(check_close(figures.d_real, d_real) && check_close(figures.d_fake, d_fake));
    assert_true(check_close(figures.accuracy, right / (2 * N)));
    assert_true(check_close(figures.spread, deviation(forged) / deviation(x)));
    gan_pair_free(&pair);
  }
}

/* The critic a x + b has the slope a everywhere: 10 (|a| - 1)^2 more loss, 20 (|a| - 1) sign(a) more gradient. */
static void the_gradient_penalty_of_a_line_is_that_of_its_slope(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_wasserstein_gp);
  ag_rng rng = ag_rng_seed(3);
  const ag_real *z = peek_noise(rng, 0, N);
  double gap = 0; /* mean of fake less mean of real */
  for (int i = 0; i < N; i++) gap += (w * (double)z[i] - (double)reals[i]) / N;
  gan_figures figures;
  assert_true(gan_alternating_step(&pair, real_batch(), &rng, &figures));
  assert_true(check_close(figures.d_loss, a * gap + 10 * 0.3 * 0.3));
  assert_true(check_close(get(pair.discriminator, 0), a - 0.25 * (gap - 20 * 0.3)));
  gan_pair_free(&pair);
}

/* x -> x^2 of one number, or the sum over several: the slope is 2 x. */
static ag_tensor *square_forward(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)mode;
  return ag_sum_axes(ag_square(input), AG_AXES(1), true);
}

static void the_penalty_is_at_one_mix_a_sample(void **state) {
  (void)state;
  static const nn_layer_class square = {.name = "Square", .forward = square_forward};
  gan_pair pair = {.discriminator = nn_layer_new(&square, NULL, 0)};
  ag_rng rng = ag_rng_seed(4), copy = rng;
  assert_true(nn_build(pair.discriminator, AG_SHAPE(2), &rng));
  ag_tensor *real = ag_normal(&rng, AG_SHAPE(N, 2), 1, 1), *fake = ag_normal(&rng, AG_SHAPE(N, 2), -1, 2);
  copy = rng;
  const ag_real *share = ag_data(ag_uniform(&copy, AG_SHAPE(N, 1), 0, 1)), *r = ag_data(real), *f = ag_data(fake);
  double expected = 0;
  for (int i = 0; i < N; i++) {
    double x = (double)(f[2 * i] + share[i] * (r[2 * i] - f[2 * i]));
    double y = (double)(f[2 * i + 1] + share[i] * (r[2 * i + 1] - f[2 * i + 1]));
    expected += pow(2 * hypot(x, y) - 1, 2) / N;
  }
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, fake);
  ag_tensor *penalty = gan_gradient_penalty(&pair, (gan_batch){.samples = real}, fake, &rng);
  assert_true(check_close(ag_item(penalty), expected));
  assert_unconnected(ag_gradient(tape, penalty, fake)); /* to the generator the mix is a constant */
  gan_pair_free(&pair);
}

/* 5 (x - y)^2 of packed numbers x and y: without a slope where they are the same. */
static ag_tensor *difference_forward(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)mode;
  return ag_scale(ag_square(ag_sub(ag_slice(input, 1, 0, 1), ag_slice(input, 1, 1, 1))), 5);
}

/* Between two ones and two zeros lie pairs of the same number. */
static void samples_that_are_judged_together_are_mixed_in_one_share(void **state) {
  (void)state;
  static const nn_layer_class difference = {.name = "Difference", .forward = difference_forward};
  gan_pair pair = {.discriminator = nn_layer_new(&difference, NULL, 0), .pack = 2};
  ag_rng rng = ag_rng_seed(4);
  assert_true(nn_build(pair.discriminator, AG_SHAPE(2), &rng));
  gan_batch real = {.samples = ag_ones(AG_SHAPE(8, 1))};
  assert_true(ag_item(gan_gradient_penalty(&pair, real, ag_zeros(AG_SHAPE(8, 1)), &rng)) == 1);
  gan_pair_free(&pair);
}

/* D = 3 x + 4 y for samples x and y, and labels count, too, but are no way to move along: (|(3, 4)| - 1)^2 = 16. */
static void the_penalty_is_by_the_norm_over_the_samples_of_a_pack_without_their_labels(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(4);
  gan_pair pair = {.discriminator = nn_dense(1, .no_bias = true), .classes = 2, .pack = 2};
  assert_true(nn_build(pair.discriminator, AG_SHAPE(6), &rng));
  const ag_real weights[] = {3, 5, 6, 4, 7, 8};
  assert_true(ag_assign(nn_variables(pair.discriminator).items[0], ag_from(AG_SHAPE(6, 1), weights)));
  gan_batch real = {ag_ones(AG_SHAPE(4, 1)), ag_zeros(AG_SHAPE(4))};
  assert_value(gan_gradient_penalty(&pair, real, ag_zeros(AG_SHAPE(4, 1)), &rng), 16);
  gan_pair_free(&pair);
}

static void the_penalty_at_a_norm_of_zero_is_no_nan(void **state) {
  (void)state;
  gan_pair pair = linear_pair(&gan_wasserstein_gp);
  set(pair.discriminator, 0, 0);
  ag_rng rng = ag_rng_seed(3);
  ag_tape *tape = ag_tape_start();
  ag_tensor *penalty = gan_gradient_penalty(&pair, real_batch(), ag_zeros(AG_SHAPE(N, 1)), &rng);
  ag_tensor *slope = ag_gradient(tape, penalty, nn_variables(pair.discriminator).items[0]);
  assert_true(ag_item(penalty) == 1 && ag_item(slope) == 0);
  gan_pair_free(&pair);
}

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
      TEST(losses_follow_their_formulas),
      TEST(no_loss_overflows_where_the_discriminator_is_sure),
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
      TEST(a_critics_figures_are_its_scores_and_its_weights_are_clipped),
      TEST(two_tapes_clip_a_critic_and_tell_the_generators_gradient),
      TEST(each_schedule_counts_its_steps_clips_the_critic_and_takes_a_steep_gradient),
      TEST(figures_of_a_step_are_those_of_its_loss),
      TEST(the_gradient_penalty_of_a_line_is_that_of_its_slope),
      TEST(the_penalty_is_at_one_mix_a_sample),
      TEST(samples_that_are_judged_together_are_mixed_in_one_share),
      TEST(the_penalty_is_by_the_norm_over_the_samples_of_a_pack_without_their_labels),
      TEST(the_penalty_at_a_norm_of_zero_is_no_nan),
      TEST(labels_become_channels_beside_the_samples),
      TEST(both_networks_are_shown_the_labels_of_the_batch),
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
