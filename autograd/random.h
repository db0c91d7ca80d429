/* Random tensors as a function of (seed, counter): Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", 2011). Each draw takes the next counter, so a copy of an ag_rng draws the same numbers again, and the bits
 * do not depend on the number of threads. */
#pragma once

#include "autograd/tensor.h"

typedef struct {
  uint64_t seed, counter;
} ag_rng;

ag_rng ag_rng_seed(uint64_t seed);
/* Uniform in [low, high). */
ag_tensor *ag_uniform(ag_rng *rng, ag_shape shape, double low, double high);
/* Normal, by the inverse distribution function (Wichura, AS 241). */
ag_tensor *ag_normal(ag_rng *rng, ag_shape shape, double mean, double deviation);
/* A whole number below bound (0 where bound is 0), each equally likely to within 2^-48. */
uint32_t ag_random_below(ag_rng *rng, uint32_t bound);
