/* Initial values. Fans are those of Keras: for [..., in, out] kernels the product of the leading sizes times in or out.
 */
#pragma once

#include "autograd/autograd.h"

typedef enum {
  NN_GLOROT_UNIFORM = 0, /* U(-l, l), l = sqrt(6 / (fan_in + fan_out)): Glorot and Bengio 2010 */
  NN_HE_NORMAL,          /* N(0, 2 / fan_in), He et al. 2015, not truncated */
  NN_NORMAL,             /* N(0, scale^2), scale 0.05 unless given */
  NN_TORCH_UNIFORM, /* U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default; biases too, with their layer's fan_in */
  NN_ZEROS,
  NN_ONES,
} nn_init_kind;
typedef struct {
  nn_init_kind kind;
  double scale;
} nn_init;

/* A tensor of that shape; fan_in and fan_out as its layer counts them. */
ag_tensor *nn_initial(nn_init init, ag_shape shape, double fan_in, double fan_out, ag_rng *rng);
