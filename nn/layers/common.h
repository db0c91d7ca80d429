/* What the built-in layers share; not installed. */
#pragma once

#include "nn/layers.h"

/* Puts where it happened in front of the pending error's sentence; later calls go further to the front. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void nn_error_prefix(const char *format, ...);

/* A bias variable [count]. An init left out means zeros here, and PyTorch's takes the fan_in of the kernel. */
ag_tensor *nn_bias(nn_init init, int64_t count, double fan_in, double fan_out, ag_rng *rng);
