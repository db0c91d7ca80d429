#include "nn/layers/common.h"

static bool check_images(ag_shape input) {
  if (input.rank == 3) return true;
  return ag_fail(AG_ERROR_SHAPE, "input has shape %s, expected [H, W, C]", ag_shape_print(input).text);
}

typedef struct {
  int factor;
} upsampling;

static bool upsampling_build(void *self, ag_shape input, ag_rng *rng) {
  int factor = ((upsampling *)self)->factor;
  if (factor < 1) return ag_fail(AG_ERROR_ARGUMENT, "factor is %d, expected at least 1", factor);
  return check_images(input);
}

static ag_tensor *upsampling_forward(void *self, ag_tensor *input, nn_mode mode) {
  int factor = ((upsampling *)self)->factor;
  return ag_upsample_nearest(input, factor, factor);
}

nn_layer *nn_upsampling2d(int factor) {
  static const nn_layer_class class = {
      .name = "UpSampling2D", .build = upsampling_build, .forward = upsampling_forward};
  return nn_layer_new(&class, &(upsampling){factor}, sizeof(upsampling));
}

typedef struct {
  nn_pool_options options;
  ag_tensor *(*pool)(ag_tensor *x, int64_t height, int64_t width, ag_window window);
} pool;

static bool pool_build(void *self, ag_shape input, ag_rng *rng) {
  const nn_pool_options *options = &((pool *)self)->options;
  if (options->size >= 1 && options->stride >= 1) return check_images(input);
  return ag_fail(AG_ERROR_ARGUMENT, "size and stride are %d and %d, expected at least 1", options->size,
                 options->stride);
}

static ag_tensor *pool_forward(void *self, ag_tensor *input, nn_mode mode) {
  const pool *layer = self;
  ag_window window = nn_window(layer->options.stride, layer->options.padding);
  return layer->pool(input, layer->options.size, layer->options.size, window);
}

nn_layer *nn_max_pool2d_of(nn_pool_options options) {
  static const nn_layer_class class = {.name = "MaxPooling2D", .build = pool_build, .forward = pool_forward};
  if (options.stride == 0) options.stride = options.size;
  return nn_layer_new(&class, &(pool){options, ag_max_pool}, sizeof(pool));
}

nn_layer *nn_avg_pool2d_of(nn_pool_options options) {
  static const nn_layer_class class = {.name = "AveragePooling2D", .build = pool_build, .forward = pool_forward};
  if (options.stride == 0) options.stride = options.size;
  return nn_layer_new(&class, &(pool){options, ag_avg_pool}, sizeof(pool));
}
