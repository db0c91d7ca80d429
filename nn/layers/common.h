/* What the built-in layers share; not installed. */
#pragma once

#include "nn/layers.h"

_Static_assert((int)NN_VALID == AG_VALID && (int)NN_SAME == AG_SAME, "a padding is handed on as it is");
/* The window of a layer's options. The op refuses a padding that is none. */
static inline ag_window nn_window(int stride, nn_padding padding) { return AG_STRIDE(stride, (ag_padding)padding); }

/* The activation of x + bias; bias may be NULL. */
ag_tensor *nn_bias_activate(ag_tensor *x, ag_tensor *bias, nn_activation_kind kind);
/* nn_forward of a layer whose class has forward_leaky_relu, with that. */
ag_tensor *nn_forward_leaky_relu(nn_layer *layer, ag_tensor *input, nn_mode mode, double slope);
/* Whether an activation is leaky_relu, or relu, which is leaky_relu of slope 0; its slope. */
bool nn_leaky_slope(nn_activation_kind kind, double *slope);
/* The same of a layer that is nothing but an activation. */
bool nn_is_leaky_relu(nn_layer *layer, double *slope);

/* A bias variable [count]. An init left out means zeros here, and PyTorch's takes the fan_in of the kernel. */
ag_tensor *nn_bias(nn_init init, int64_t count, double fan_in, double fan_out, ag_rng *rng);
/* nn_layer_free of each, once; those that belong to another layer, even to one of these, are left to it. */
void nn_layers_free(size_t count, nn_layer *const *layers);
