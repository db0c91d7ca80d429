#include "nn/layers/common.h"

typedef struct {
  double rate;
} dropout;

static bool build(void *self, ag_shape input, ag_rng *rng) {
  double rate = ((dropout *)self)->rate;
  if (rate >= 0 && rate < 1) return true;
  return ag_fail(AG_ERROR_ARGUMENT, "rate is %g, expected at least 0 and less than 1", rate);
}

static ag_tensor *forward(void *self, ag_tensor *input, nn_mode mode) {
  double rate = ((dropout *)self)->rate;
  return mode.training && rate > 0 ? ag_dropout(input, rate, mode.rng) : input;
}

nn_layer *nn_dropout(double rate) {
  static const nn_layer_class class = {.name = "Dropout", .build = build, .forward = forward};
  return nn_layer_new(&class, &(dropout){rate}, sizeof(dropout));
}
