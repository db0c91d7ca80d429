/* Losses, the figures of a step, clipped weights and the gradient penalty, each against a formula. */
#include "tests/linear_pair.h"

typedef struct {
  const gan_loss *loss;
  double (*real)(double), (*fake)(double), (*generator)(double);
} formula;

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

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(losses_follow_their_formulas),
      TEST(no_loss_overflows_where_the_discriminator_is_sure),
      TEST(a_critics_figures_are_its_scores_and_its_weights_are_clipped),
      TEST(two_tapes_clip_a_critic_and_tell_the_generators_gradient),
      TEST(figures_of_a_step_are_those_of_its_loss),
      TEST(the_gradient_penalty_of_a_line_is_that_of_its_slope),
      TEST(the_penalty_is_at_one_mix_a_sample),
      TEST(samples_that_are_judged_together_are_mixed_in_one_share),
      TEST(the_penalty_is_by_the_norm_over_the_samples_of_a_pack_without_their_labels),
      TEST(the_penalty_at_a_norm_of_zero_is_no_nan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
