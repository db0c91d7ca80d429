#include "nn/layers/common.h"

typedef struct {
  nn_dense_options options;
  ag_tensor *kernel, *bias;
} dense;

static bool build(void *self, ag_shape input, ag_rng *rng) {
  dense *layer = self;
  int64_t units = layer->options.units;
  if (units < 1) return ag_fail(AG_ERROR_ARGUMENT, "units is %d, expected at least 1", layer->options.units);
  if (input.rank < 1) return ag_fail(AG_ERROR_SHAPE, "input has shape [], expected [..., in]");
  int64_t in = input.sizes[input.rank - 1];
  double fan_in = (double)in, fan_out = (double)units;
  layer->kernel = ag_variable(nn_initial(layer->options.kernel_init, AG_SHAPE(in, units), fan_in, fan_out, rng));
  if (!layer->kernel) return false; /* before a bias as absurd as the kernel takes memory */
  layer->bias = layer->options.no_bias ? NULL : nn_bias(layer->options.bias_init, units, fan_in, fan_out, rng);
  return !ag_failed();
}

static ag_tensor *kernel_of(void *self, int *outputs) {
  *outputs = 1;
  return ((dense *)self)->kernel;
}

static ag_tensor *forward_with_kernel(void *self, ag_tensor *input, ag_tensor *kernel) {
  dense *layer = self;
  return nn_bias_activate(ag_matmul(input, kernel), layer->bias, layer->options.activation);
}

static ag_tensor *forward(void *self, ag_tensor *input, nn_mode mode) {
  return forward_with_kernel(self, input, ((dense *)self)->kernel);
}

static ag_tensor *forward_leaky_relu(void *self, ag_tensor *input, nn_mode mode, double slope) {
  dense *layer = self;
  if (layer->bias && layer->options.activation == NN_LINEAR)
    return ag_add_leaky_relu(ag_matmul(input, layer->kernel), layer->bias, slope);
  return ag_leaky_relu(forward(self, input, mode), slope);
}

static void variables(void *self, nn_visitor *visitor) {
  dense *layer = self;
  nn_visit_weight(visitor, "kernel", layer->kernel);
  nn_visit_weight(visitor, "bias", layer->bias);
}

nn_layer *nn_dense_of(nn_dense_options options) {
  static const nn_layer_class class = {.name = "Dense",
                                       .build = build,
                                       .forward = forward,
                                       .forward_leaky_relu = forward_leaky_relu,
                                       .kernel = kernel_of,
                                       .forward_with_kernel = forward_with_kernel,
                                       .variables = variables};
  return nn_layer_new(&class, &(dense){.options = options}, sizeof(dense));
}
