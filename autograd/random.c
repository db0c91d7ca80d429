#include "autograd/random.h"

#include <math.h>

#include "autograd/typed.h"

ag_rng ag_rng_seed(uint64_t seed) { return (ag_rng){.seed = seed}; }

ag_tensor *ag_uniform(ag_rng *rng, ag_shape shape, double low, double high) {
  if (!rng) return ag_fail_null("uniform", "rng");
  if (!(low <= high && isfinite((ag_real)low) && isfinite((ag_real)high) && isfinite(high - low)))
    return ag_fail(AG_ERROR_ARGUMENT, "uniform: from %g to %g, expected finite bounds in order", low, high);
  ag_real *values;
  ag_tensor *tensor = ag_make(shape, &values);
  if (tensor) ag_kernels()->uniform(rng->seed, rng->counter++, ag_size(tensor), low, high, values);
  return tensor;
}

ag_tensor *ag_normal(ag_rng *rng, ag_shape shape, double mean, double deviation) {
  if (!rng) return ag_fail_null("normal", "rng");
  if (!(isfinite(mean) && isfinite(deviation) && deviation >= 0))
    return ag_fail(AG_ERROR_ARGUMENT, "normal: mean %g, deviation %g, expected finite ones, the latter not negative",
                   mean, deviation);
  ag_real *values;
  ag_tensor *tensor = ag_make(shape, &values);
  if (tensor) ag_kernels()->normal(rng->seed, rng->counter++, ag_size(tensor), mean, deviation, values);
  return tensor;
}

uint32_t ag_random_below(ag_rng *rng, uint32_t bound) {
  if (!rng) return (ag_fail_null("random_below", "rng"), 0);
  double words[2]; /* of 24 random bits each: together 48, so that large bounds are met evenly, too */
  kernels_f64()->uniform(rng->seed, rng->counter++, 2, 0, 1, words);
  return (uint32_t)((words[0] + words[1] / (1 << 24)) * bound);
}
