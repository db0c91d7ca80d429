/* What the theory of adversarial networks says, shown on problems small enough for a closed form. In double.
 *
 * The value of the game is V(D, G) = E log D(x) + E log(1 - D(G(z))) (Goodfellow et al. 2014, "Generative Adversarial
 * Nets", equation 1); D = sigmoid(logit). */
#include "tests/check.h"

#include "gan/pair.h"

static const double pi = 3.14159265358979323846;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static ag_tensor *discriminator_loss(ag_tensor *real_output, ag_tensor *fake_output) {
  return ag_add(gan_cross_entropy.real(real_output), gan_cross_entropy.fake(fake_output));
}

/* ---- The best discriminator for a fixed generator: p_data / (p_data + p_g) (same paper, proposition 1) ---- */

/* A mixture of two normal densities, each drawn half of the time. */
typedef struct {
  double mean[2], deviation[2];
} density;

static double density_at(const density *p, double x) {
  double sum = 0;
  for (int k = 0; k < 2; k++) {
    double z = (x - p->mean[k]) / p->deviation[k];
    sum += 0.5 * exp(-0.5 * z * z) / (p->deviation[k] * sqrt(2 * pi));
  }
  return sum;
}

static ag_tensor *draw(const density *p, int64_t count, ag_rng *rng) {
  ag_tensor *first = ag_normal(rng, AG_SHAPE(count / 2, 1), p->mean[0], p->deviation[0]);
  ag_tensor *second = ag_normal(rng, AG_SHAPE(count - count / 2, 1), p->mean[1], p->deviation[1]);
  return ag_concat(AG_LIST(first, second), 0);
}

static const density data = {{-1.5, 1}, {0.5, 0.7}};
static const density generated = {{0.5, 0.5}, {1.2, 1.2}}; /* of G(z) = 0.5 + 1.2 z, z from N(0, 1) */

/* A small network trained by Adam, the rate falling to nothing, on fresh samples of both. */
static nn_layer *trained_discriminator(const density *real, const density *fake, ag_rng *rng) {
  enum { STEPS = 800, BATCH = 256 };
  nn_layer *layer =
      nn_sequential(nn_dense(16, .activation = NN_TANH), nn_dense(16, .activation = NN_TANH), nn_dense(1));
  nn_optimizer *adam = nn_adam();
  assert_true(nn_build(layer, AG_SHAPE(1), rng));
  for (int i = 0; i < STEPS; i++) {
    ag_scope *scope = ag_scope_enter();
    nn_set_learning_rate(adam, 0.02 * (1 - (double)i / STEPS));
    ag_tape *tape = ag_tape_start();
    ag_tensor *real_output = nn_forward(layer, draw(real, BATCH, rng), NN_TRAIN(rng));
    ag_tensor *loss = discriminator_loss(real_output, nn_forward(layer, draw(fake, BATCH, rng), NN_TRAIN(rng)));
    ag_list weights = nn_trainable_variables(layer);
    assert_true(nn_apply_gradients(adam, weights, ag_gradients(tape, loss, weights)));
    ag_scope_leave(scope);
  }
  nn_optimizer_free(adam);
  return layer;
}

/* A grid of [-5, 5]. */
enum { GRID = 201 };
static const double grid_step = 10.0 / (GRID - 1);
static double grid_at(int i) { return -5 + grid_step * i; }

static ag_tensor *grid_points(void) {
  return ag_add_scalar(ag_scale(ag_reshape(ag_arange(GRID), AG_SHAPE(GRID, 1)), grid_step), -5);
}

/* The mean of |D - p_data / (p_data + p_g)| over the grid, where the two give data enough to learn from. */
static double mean_difference(nn_layer *discriminator, const density *real, const density *fake) {
  const ag_real *learned = ag_data(ag_sigmoid(nn_forward(discriminator, grid_points(), NN_EVAL)));
  double sum = 0;
  int count = 0;
  for (int i = 0; i < GRID; i++) {
    double p = density_at(real, grid_at(i)), q = density_at(fake, grid_at(i));
    if (p + q < 0.05) continue;
    sum += fabs((double)learned[i] - p / (p + q));
    count++;
  }
  return sum / count;
}

/* E[-log D(x)] + E[-log(1 - D(G(z)))] over the densities themselves, not samples. */
static double expected_loss(nn_layer *discriminator, const density *real, const density *fake) {
  const ag_real *logits = ag_data(nn_forward(discriminator, grid_points(), NN_EVAL));
  double sum = 0;
  for (int i = 0; i < GRID; i++) {
    double logit = (double)logits[i], x = grid_at(i);
    sum += density_at(real, x) * log1p(exp(-logit)) + density_at(fake, x) * log1p(exp(logit));
  }
  return sum * grid_step;
}

/* The Jensen-Shannon divergence, in nats. */
static double divergence(const density *real, const density *fake) {
  double sum = 0;
  for (int i = 0; i < GRID; i++) {
    double p = density_at(real, grid_at(i)), q = density_at(fake, grid_at(i));
    sum += 0.5 * p * log(2 * p / (p + q)) + 0.5 * q * log(2 * q / (p + q));
  }
  return sum * grid_step;
}

/* And its loss is then 2 ln 2 - 2 JSD(p_data, p_g) (same paper, equations 5 and 6). */
static void the_best_discriminator_is_the_share_of_the_data(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(1);
  nn_layer *discriminator = trained_discriminator(&data, &generated, &rng);
  double lowest = 2 * log(2) - 2 * divergence(&data, &generated);
  double difference = mean_difference(discriminator, &data, &generated);
  double above = expected_loss(discriminator, &data, &generated) - lowest;
  assert_true(difference < 0.02);
  assert_true(above > 0 && above < 0.01);
  nn_layer_free(discriminator);
}

/* ---- Equilibrium: p_g = p_data, D = 1/2 everywhere, V = -log 4 (same paper, theorem 1) ---- */

static double accuracy(ag_tensor *real_output, ag_tensor *fake_output) {
  double real = ag_item(ag_mean(ag_greater(real_output, ag_scalar(0))));
  double fake = ag_item(ag_mean(ag_greater(fake_output, ag_scalar(0))));
  return 0.5 * (real + 1 - fake);
}

static void at_equilibrium_the_losses_are_2_ln_2_and_ln_2_and_half_is_recognised(void **state) {
  (void)state;
  enum { N = 20000 };
  ag_tensor *zero = ag_zeros(AG_SHAPE(4, 1));
  assert_value(discriminator_loss(zero, zero), 2 * log(2));
  assert_value(gan_cross_entropy.generator(zero), log(2));
  assert_true(accuracy(zero, zero) == 0.5);

  /* A discriminator that had every chance to learn comes there by itself. */
  ag_rng rng = ag_rng_seed(2);
  nn_layer *discriminator = trained_discriminator(&data, &data, &rng);
  assert_true(mean_difference(discriminator, &data, &data) < 0.01);
  ag_tensor *real_output = nn_forward(discriminator, draw(&data, N, &rng), NN_EVAL);
  ag_tensor *fake_output = nn_forward(discriminator, draw(&data, N, &rng), NN_EVAL);
  assert_true(fabs(ag_item(discriminator_loss(real_output, fake_output)) - 2 * log(2)) < 0.002);
  assert_true(fabs(ag_item(gan_cross_entropy.generator(fake_output)) - log(2)) < 0.005);
  assert_true(fabs(accuracy(real_output, fake_output) - 0.5) < 0.02);
  nn_layer_free(discriminator);
}

/* ---- Nash: f1 = x y and f2 = -x y, the example of Salimans et al. 2016 ("Improved Techniques for Training GANs",
 * section 3). A simultaneous step of rate eta is (x, y) -> (x - eta y, y + eta x): a turn by atan(eta) and a stretch by
 * sqrt(1 + eta^2), so that it leaves the equilibrium (0, 0) ---- */

static void simultaneous_steps_on_xy_leave_the_equilibrium_by_a_known_factor(void **state) {
  (void)state;
  const double eta = 0.1;
  ag_tensor *x = ag_variable(ag_scalar(0.6)), *y = ag_variable(ag_scalar(-0.8));
  nn_optimizer *sgd = nn_sgd(.learning_rate = eta);
  double distance = hypot(ag_item(x), ag_item(y)), angle = atan2(ag_item(y), ag_item(x));
  for (int i = 0; i < 200; i++) {
    ag_tape *tape1 = ag_tape_start(), *tape2 = ag_tape_start();
    ag_tensor *product = ag_mul(x, y), *f1 = product, *f2 = ag_neg(product);
    ag_list gradients = AG_LIST(ag_gradient(tape1, f1, x), ag_gradient(tape2, f2, y));
    assert_true(nn_apply_gradients(sgd, AG_LIST(x, y), gradients));
    double next = hypot(ag_item(x), ag_item(y)), turned = atan2(ag_item(y), ag_item(x)) - angle;
    assert_true(fabs(next / distance - sqrt(1 + eta * eta)) <= 1e-12);
    assert_true(fabs(remainder(turned - atan(eta), 2 * pi)) <= 1e-12);
    distance = next;
    angle += turned;
  }
  assert_true(distance > 2.7); /* sqrt(1.01)^200 */
  nn_optimizer_free(sgd);
}

/* ---- Vanishing gradient. With D = sigmoid(x): d/dx log(1 - D) = -D and d/dx (-log D) = -(1 - D); their ratio is
 * D / (1 - D) = exp(x), next to nothing where D is sure of a forgery (Goodfellow et al. 2014, section 3; Goodfellow
 * 2016, "NIPS 2016 Tutorial", section 3.2.3) ---- */

static void the_saturating_loss_gives_a_gradient_smaller_by_the_odds(void **state) {
  (void)state;
  enum { N = 121 };
  ag_tensor *logits = ag_add_scalar(ag_scale(ag_arange(N), 0.5), -30);
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, logits);
  ag_tensor *saturating = ag_neg(ag_softplus(logits)); /* log(1 - D) = -log(1 + exp(x)) */
  ag_tensor *not_saturating = ag_softplus(ag_neg(logits));
  ag_tensor *as_used = ag_sigmoid_cross_entropy(ag_scalar(1), logits);
  ag_tape_stop(tape);
  const ag_real *a = ag_data(ag_gradient(tape, saturating, logits));
  const ag_real *b = ag_data(ag_gradient(tape, not_saturating, logits));
  const ag_real *c = ag_data(ag_gradient(tape, as_used, logits));
  for (int i = 0; i < N; i++) {
    double x = -30 + 0.5 * i;
    assert_true(fabs((double)a[i] / (double)b[i] / exp(x) - 1) < 1e-12);
    assert_true(check_close((double)a[i], -sigmoid(x)));
    assert_true(check_close((double)c[i], (double)b[i]));
  }
  assert_true(fabs((double)a[0]) < 1e-13 && fabs((double)c[0]) > 0.999999);
}

/* ---- Gradient penalty: E (|d critic / d x| - 1)^2, the norm over a whole sample (Gulrajani et al. 2017, "Improved
 * Training of Wasserstein GANs", equation 3) ---- */

/* Every mix of samples with themselves is they. */
static ag_tensor *gradient_penalty(nn_layer *critic, ag_tensor *samples) {
  ag_rng rng = ag_rng_seed(1);
  return gan_gradient_penalty(&(gan_pair){.discriminator = critic}, (gan_batch){.samples = samples}, samples, &rng);
}

/* The penalty's gradients with respect to the weights, zeros where it does not depend on one (the last bias). */
static ag_list penalty_gradients(nn_layer *critic, ag_tensor *samples, ag_list weights) {
  ag_tape *tape = ag_tape_start();
  ag_tensor *penalty = gradient_penalty(critic, samples);
  ag_tape_stop(tape);
  return ag_gradients_of(tape, AG_LIST(penalty), weights, (ag_list){0}, AG_UNCONNECTED_ZEROS);
}

/* The five-point formula (Abramowitz and Stegun, 25.3.6) for one number of one weight. */
static double numeric_slope(nn_layer *critic, ag_tensor *samples, ag_tensor *weight, size_t index) {
  static const double offset[4] = {-2, -1, 1, 2}, factor[4] = {1. / 12, -8. / 12, 8. / 12, -1. / 12}, step = 1e-4;
  const ag_real middle = ag_data(weight)[index];
  double slope = 0;
  for (int k = 0; k < 4; k++) {
    ag_variable_data(weight)[index] = middle + (ag_real)(offset[k] * step);
    slope += factor[k] / step * ag_item(gradient_penalty(critic, samples));
  }
  ag_variable_data(weight)[index] = middle;
  return slope;
}

/* Frees the critic. */
static void check_penalty(nn_layer *critic, ag_shape sample, ag_shape batch) {
  ag_rng rng = ag_rng_seed(3);
  assert_true(nn_build(critic, sample, &rng));
  ag_tensor *samples = ag_normal(&rng, batch, 0, 1);
  ag_list weights = nn_trainable_variables(critic), gradients = penalty_gradients(critic, samples, weights);
  assert_int_equal(gradients.count, weights.count);
  double largest = 0;
  for (size_t k = 0; k < weights.count; k++) {
    for (size_t i = 0; i < ag_size(weights.items[k]); i++) {
      double analytic = (double)ag_data(gradients.items[k])[i];
      double numeric = numeric_slope(critic, samples, weights.items[k], i);
      assert_true(fabs(analytic - numeric) <= 1e-8 + 1e-6 * fabs(numeric));
      largest = fmax(largest, fabs(analytic));
    }
  }
  assert_true(largest > 0.01);
  nn_layer_free(critic);
}

static void the_gradient_of_a_gradient_penalty_agrees_with_differences(void **state) {
  (void)state;
  check_penalty(
      nn_sequential(nn_dense(6, .activation = NN_TANH), nn_dense(5), nn_leaky_relu(.slope = 0.2), nn_dense(1)),
      AG_SHAPE(3), AG_SHAPE(4, 3));
  check_penalty(nn_sequential(nn_conv2d(3, 3, .stride = 2, .padding = NN_SAME), nn_leaky_relu(.slope = 0.2),
                              nn_conv2d(2, 2, .activation = NN_TANH), nn_flatten(), nn_dense(1)),
                AG_SHAPE(5, 6, 2), AG_SHAPE(3, 5, 6, 2));
}

/* critic = w . x has the penalty (|w| - 1)^2, whatever the samples, and its gradient 2 (|w| - 1) w / |w|; the norm's
 * slope at 0 counts as 0. */
static void the_penalty_of_a_linear_critic_is_its_formula_also_without_slope(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(4);
  nn_layer *critic = nn_sequential(nn_flatten(), nn_dense(1));
  assert_true(nn_build(critic, AG_SHAPE(2, 2, 1), &rng));
  ag_tensor *samples = ag_normal(&rng, AG_SHAPE(3, 2, 2, 1), 0, 1);
  ag_list weights = nn_trainable_variables(critic);
  ag_tensor *kernel = weights.items[0];
  assert_true(ag_assign(kernel, ag_from(AG_SHAPE(4, 1), (ag_real[]){1, -2, 2, -4}))); /* of length 5 */
  assert_value(gradient_penalty(critic, samples), 16);
  ag_list gradients = penalty_gradients(critic, samples, weights);
  assert_values(gradients.items[0], AG_SHAPE(4, 1), 8. / 5, -16. / 5, 16. / 5, -32. / 5);
  assert_true(ag_assign(kernel, ag_zeros(AG_SHAPE(4, 1))));
  assert_value(gradient_penalty(critic, samples), 1);
  assert_values(penalty_gradients(critic, samples, weights).items[0], AG_SHAPE(4, 1), 0, 0, 0, 0);
  nn_layer_free(critic);
}

static void a_critic_of_zeros_has_a_finite_penalty_gradient(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(5);
  nn_init zeros = {.kind = NN_ZEROS};
  nn_layer *critic = nn_sequential(nn_conv2d(2, 3, .kernel_init = zeros), nn_leaky_relu(), nn_flatten(),
                                   nn_dense(1, .kernel_init = zeros));
  assert_true(nn_build(critic, AG_SHAPE(4, 4, 1), &rng));
  ag_tensor *samples = ag_normal(&rng, AG_SHAPE(2, 4, 4, 1), 0, 1);
  ag_list weights = nn_trainable_variables(critic), gradients = penalty_gradients(critic, samples, weights);
  assert_value(gradient_penalty(critic, samples), 1);
  assert_int_equal(gradients.count, 4);
  for (size_t k = 0; k < gradients.count; k++) {
    for (size_t i = 0; i < ag_size(gradients.items[k]); i++) assert_true(ag_data(gradients.items[k])[i] == 0);
  }
  nn_layer_free(critic);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_best_discriminator_is_the_share_of_the_data),
      TEST(at_equilibrium_the_losses_are_2_ln_2_and_ln_2_and_half_is_recognised),
      TEST(simultaneous_steps_on_xy_leave_the_equilibrium_by_a_known_factor),
      TEST(the_saturating_loss_gives_a_gradient_smaller_by_the_odds),
      TEST(the_gradient_of_a_gradient_penalty_agrees_with_differences),
      TEST(the_penalty_of_a_linear_critic_is_its_formula_also_without_slope),
      TEST(a_critic_of_zeros_has_a_finite_penalty_gradient),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
