#include <string.h>

#include "nn/layers/common.h"

typedef struct {
  nn_maxout_options options;
  ag_tensor *kernel, *bias;
} maxout;

/* Each piece is a Dense layer of `units`, and has its fans. */
static bool build(void *self, ag_shape input, ag_rng *rng) {
  maxout *layer = self;
  const nn_maxout_options *options = &layer->options;
  if (options->units < 1 || options->pieces < 1)
    return ag_fail(AG_ERROR_ARGUMENT, "units, pieces are %d, %d, expected at least 1", options->units, options->pieces);
  if (input.rank < 1) return ag_fail(AG_ERROR_SHAPE, "input has shape [], expected [..., in]");
  int64_t in = input.sizes[input.rank - 1], columns = (int64_t)options->units * options->pieces;
  double fan_in = (double)in, fan_out = (double)options->units;
  layer->kernel = ag_variable(nn_initial(options->kernel_init, AG_SHAPE(in, columns), fan_in, fan_out, rng));
  if (!layer->kernel) return false;
  layer->bias = options->no_bias ? NULL : nn_bias(options->bias_init, columns, fan_in, fan_out, rng);
  return !ag_failed();
}

static ag_tensor *forward(void *self, ag_tensor *input, nn_mode mode) {
  maxout *layer = self;
  ag_shape shape = ag_shape_of(input);
  int64_t sizes[AG_MAX_RANK + 1];
  memcpy(sizes, shape.sizes, sizeof shape.sizes);
  sizes[shape.rank - 1] = layer->options.pieces; /* outside the units: their largest is taken many at a time */
  sizes[shape.rank] = layer->options.units;
  ag_tensor *columns = nn_bias_activate(ag_matmul(input, layer->kernel), layer->bias, NN_LINEAR);
  return ag_max_axes(ag_reshape(columns, ag_shape_make(shape.rank + 1, sizes)), AG_AXES(-2), false);
}

static void variables(void *self, nn_visitor *visitor) {
  maxout *layer = self;
  nn_visit_weight(visitor, "kernel", layer->kernel);
  nn_visit_weight(visitor, "bias", layer->bias);
}

nn_layer *nn_maxout_of(nn_maxout_options options) {
  static const nn_layer_class class = {.name = "Maxout", .build = build, .forward = forward, .variables = variables};
  return nn_layer_new(&class, &(maxout){.options = options}, sizeof(maxout));
}
