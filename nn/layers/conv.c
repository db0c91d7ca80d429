#include "nn/layers/common.h"

typedef struct {
  nn_conv2d_options options;
  bool transposed;
  ag_tensor *kernel, *bias;
} conv;

static bool check(const nn_conv2d_options *options, ag_shape input) {
  if (options->filters < 1 || options->kernel_size < 1 || options->stride < 1)
    return ag_fail(AG_ERROR_ARGUMENT, "filters, kernel_size, stride are %d, %d, %d, expected at least 1",
                   options->filters, options->kernel_size, options->stride);
  return input.rank == 3 ||
         ag_fail(AG_ERROR_SHAPE, "input has shape %s, expected [H, W, C]", ag_shape_print(input).text);
}

/* Fans are counted from the kernel's shape as it lies: the transposed layer's swap, as in Keras and PyTorch. */
static bool build(void *self, ag_shape input, ag_rng *rng) {
  conv *layer = self;
  const nn_conv2d_options *options = &layer->options;
  if (!check(options, input)) return false;
  int64_t size = options->kernel_size, filters = options->filters, channels = input.sizes[2];
  int64_t in = layer->transposed ? filters : channels, out = layer->transposed ? channels : filters;
  double field = (double)size * (double)size, fan_in = field * (double)in, fan_out = field * (double)out;
  ag_shape shape = AG_SHAPE(size, size, in, out);
  layer->kernel = ag_variable(nn_initial(options->kernel_init, shape, fan_in, fan_out, rng));
  if (!layer->kernel) return false;
  layer->bias = options->no_bias ? NULL : nn_bias(options->bias_init, filters, fan_in, fan_out, rng);
  return !ag_failed();
}

static ag_tensor *convolve(conv *layer, ag_tensor *input, ag_tensor *kernel) {
  ag_window window = nn_window(layer->options.stride, layer->options.padding);
  return layer->transposed ? ag_conv2d_transpose(input, kernel, window) : ag_conv2d(input, kernel, window);
}

static ag_tensor *kernel_of(void *self, int *outputs) {
  conv *layer = self;
  *outputs = layer->transposed ? 2 : 3;
  return layer->kernel;
}

static ag_tensor *forward_with_kernel(void *self, ag_tensor *input, ag_tensor *kernel) {
  conv *layer = self;
  return nn_bias_activate(convolve(layer, input, kernel), layer->bias, layer->options.activation);
}

static ag_tensor *forward(void *self, ag_tensor *input, nn_mode mode) {
  return forward_with_kernel(self, input, ((conv *)self)->kernel);
}

static ag_tensor *forward_leaky_relu(void *self, ag_tensor *input, nn_mode mode, double slope) {
  conv *layer = self;
  if (layer->bias && layer->options.activation == NN_LINEAR)
    return ag_add_leaky_relu(convolve(layer, input, layer->kernel), layer->bias, slope);
  return ag_leaky_relu(forward(self, input, mode), slope);
}

static void variables(void *self, nn_visitor *visitor) {
  conv *layer = self;
  nn_visit_weight(visitor, "kernel", layer->kernel);
  nn_visit_weight(visitor, "bias", layer->bias);
}

static nn_layer *make(const nn_layer_class *class, nn_conv2d_options options, bool transposed) {
  if (options.stride == 0) options.stride = 1;
  return nn_layer_new(class, &(conv){.options = options, .transposed = transposed}, sizeof(conv));
}

nn_layer *nn_conv2d_of(nn_conv2d_options options) {
  static const nn_layer_class class = {.name = "Conv2D",
                                       .build = build,
                                       .forward = forward,
                                       .forward_leaky_relu = forward_leaky_relu,
                                       .kernel = kernel_of,
                                       .forward_with_kernel = forward_with_kernel,
                                       .variables = variables};
  return make(&class, options, false);
}

nn_layer *nn_conv2d_transpose_of(nn_conv2d_options options) {
  static const nn_layer_class class = {.name = "Conv2DTranspose",
                                       .build = build,
                                       .forward = forward,
                                       .forward_leaky_relu = forward_leaky_relu,
                                       .kernel = kernel_of,
                                       .forward_with_kernel = forward_with_kernel,
                                       .variables = variables};
  return make(&class, options, true);
}
