#include <math.h>

#include "nn/layers/common.h"

static ag_tensor *uniform_within(double limit, ag_shape shape, ag_rng *rng) {
  return ag_uniform(rng, shape, -limit, limit);
}

ag_tensor *nn_initial(nn_init init, ag_shape shape, double fan_in, double fan_out, ag_rng *rng) {
  double scale = nn_option(init.scale, 0.05);
  fan_in = fmax(fan_in, 1);
  switch (init.kind) {
    case NN_GLOROT_UNIFORM: return uniform_within(sqrt(6 / (fan_in + fmax(fan_out, 1))), shape, rng);
    case NN_HE_NORMAL: return ag_normal(rng, shape, 0, sqrt(2 / fan_in));
    case NN_NORMAL:
      if (!(scale >= 0 && isfinite(scale))) {
        return ag_fail(AG_ERROR_ARGUMENT, "initial: scale is %g, expected a finite number, not negative", scale);
      }
      return ag_normal(rng, shape, 0, scale);
    case NN_TORCH_UNIFORM: return uniform_within(1 / sqrt(fan_in), shape, rng);
    case NN_ZEROS: return ag_zeros(shape);
    case NN_ONES: return ag_ones(shape);
  }
  return ag_fail(AG_ERROR_ARGUMENT, "initial: %d is no kind of nn_init", (int)init.kind);
}

ag_tensor *nn_bias(nn_init init, int64_t count, double fan_in, double fan_out, ag_rng *rng) {
  if (init.kind == NN_GLOROT_UNIFORM) init.kind = NN_ZEROS;
  return ag_variable(nn_initial(init, AG_SHAPE(count), fan_in, fan_out, rng));
}
