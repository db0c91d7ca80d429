/* What the suites steps, losses and pair share: a pair of three weights, whose figures follow by hand. */
#pragma once

#include "tests/check.h"

#include "gan/gan.h"

enum { N = 8 };

static inline double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static inline double minus_log(double x) { return log1p(exp(-x)); }
static inline double minus_log_rest(double x) { return log1p(exp(x)); }

static inline void set(nn_layer *layer, size_t index, double value) {
  ag_tensor *variable = nn_variables(layer).items[index];
  assert_true(ag_assign(variable, ag_full(ag_shape_of(variable), value)));
}

static inline double get(nn_layer *layer, size_t index) { return ag_item(nn_variables(layer).items[index]); }

/* G(z) = w z and D's output a x + b; plain gradient descent of rate 0.5 and 0.25. */
static const double w = 0.7, a = -1.3, b = 0.4;
static inline gan_pair linear_pair(const gan_loss *loss) {
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
static inline gan_batch real_batch(void) { return (gan_batch){.samples = ag_from(AG_SHAPE(N, 1), reals)}; }

/* The noise that a step draws next. */
static inline const ag_real *peek_noise(ag_rng rng, int draws_before, int64_t count) {
  rng.counter += (uint64_t)draws_before;
  return ag_data(ag_normal(&rng, AG_SHAPE(count, 1), 0, 1));
}
