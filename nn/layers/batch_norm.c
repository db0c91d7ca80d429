#include <math.h>

#include "nn/layers/common.h"

typedef struct {
  double momentum, epsilon;
  ag_tensor *gamma, *beta, *moving_mean, *moving_variance;
} batch_norm;

static bool build(void *self, ag_shape input, ag_rng *rng) {
  batch_norm *layer = self;
  if (!(layer->momentum >= 0 && layer->momentum <= 1)) {
    return ag_fail(AG_ERROR_ARGUMENT, "momentum is %g, expected 0 to 1", layer->momentum);
  }
  if (!(layer->epsilon >= 0 && isfinite(layer->epsilon))) {
    return ag_fail(AG_ERROR_ARGUMENT, "epsilon is %g, expected a finite number, not negative", layer->epsilon);
  }
  if (input.rank < 1) return ag_fail(AG_ERROR_SHAPE, "input has shape [], expected [..., C]");
  ag_shape channels = AG_SHAPE(input.sizes[input.rank - 1]);
  layer->gamma = ag_variable(ag_ones(channels));
  layer->beta = ag_variable(ag_zeros(channels));
  layer->moving_mean = ag_variable(ag_zeros(channels));
  layer->moving_variance = ag_variable(ag_ones(channels));
  return !ag_failed();
}

/* Plain arithmetic, so that no tape records it. */
static bool move_averages(batch_norm *layer, const ag_tensor *mean, const ag_tensor *variance) {
  ag_real *moving_mean = ag_variable_data(layer->moving_mean);
  ag_real *moving_variance = ag_variable_data(layer->moving_variance);
  if (!mean || !variance || !moving_mean || !moving_variance) return false;
  const ag_real keep = (ag_real)layer->momentum, take = (ag_real)(1 - layer->momentum);
  for (size_t i = 0; i < ag_size(mean); i++) {
    moving_mean[i] = keep * moving_mean[i] + take * ag_data(mean)[i];
    moving_variance[i] = keep * moving_variance[i] + take * ag_data(variance)[i];
  }
  return true;
}

static ag_tensor *forward_leaky_relu(void *self, ag_tensor *input, nn_mode mode, double slope) {
  batch_norm *layer = self;
  if (mode.training) {
    ag_tensor *mean = NULL, *variance = NULL;
    ag_tensor *y = ag_batch_norm_leaky_relu(input, layer->gamma, layer->beta, layer->epsilon, slope, &mean, &variance);
    return y && move_averages(layer, mean, variance) ? y : NULL;
  }
  /* Folded into one scale and one shift a channel: two passes over the input in place of four. */
  ag_tensor *deviation = ag_sqrt(ag_add_scalar(layer->moving_variance, layer->epsilon));
  ag_tensor *scale = ag_div(layer->gamma, deviation);
  ag_tensor *shift = ag_sub(layer->beta, ag_mul(layer->moving_mean, scale));
  ag_tensor *scaled = ag_mul(input, scale);
  return slope == 1 ? ag_add(scaled, shift) : ag_add_leaky_relu(scaled, shift, slope);
}

static ag_tensor *forward(void *self, ag_tensor *input, nn_mode mode) {
  return forward_leaky_relu(self, input, mode, 1);
}

static void variables(void *self, nn_visitor *visitor) {
  batch_norm *layer = self;
  nn_visit_weight(visitor, "gamma", layer->gamma);
  nn_visit_weight(visitor, "beta", layer->beta);
  nn_visit_buffer(visitor, "moving_mean", layer->moving_mean);
  nn_visit_buffer(visitor, "moving_variance", layer->moving_variance);
}

nn_layer *nn_batch_norm_of(nn_batch_norm_options options) {
  static const nn_layer_class class = {.name = "BatchNormalization",
                                       .build = build,
                                       .forward = forward,
                                       .forward_leaky_relu = forward_leaky_relu,
                                       .variables = variables};
  batch_norm layer = {.momentum = nn_option(options.momentum, 0.99), .epsilon = nn_option(options.epsilon, 1e-3)};
  return nn_layer_new(&class, &layer, sizeof layer);
}
