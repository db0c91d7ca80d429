#include <string.h>

#include "nn/layers/common.h"

typedef struct {
  size_t count;
  nn_layer **layers;
} sequential;

/* A layer that was built before keeps its weights, so that a trained one may be built upon. */
static bool build(void *self, ag_shape input, ag_rng *rng) {
  const sequential *all = self;
  ag_shape shape = input;
  for (size_t i = 0; i < all->count; i++) {
    nn_layer *layer = all->layers[i];
    if (!nn_is_built(layer) && !nn_build(layer, shape, rng)) {
      ag_error_prefix("layer %zu, ", i);
      return false;
    }
    shape = nn_output_shape(layer);
  }
  return true;
}

static ag_tensor *forward(void *self, ag_tensor *input, nn_mode mode) {
  const sequential *all = self;
  ag_tensor *x = input;
  for (size_t i = 0; i < all->count; i++) {
    nn_layer *layer = all->layers[i];
    double slope;
    bool joined = nn_layer_class_of(layer)->forward_leaky_relu && i + 1 < all->count &&
                  nn_is_leaky_relu(all->layers[i + 1], &slope) &&
                  ag_shape_equal(nn_output_shape(layer), nn_input_shape(all->layers[i + 1]));
    x = joined ? nn_forward_leaky_relu(layer, x, mode, slope) : nn_forward(layer, x, mode);
    if (!x) {
      ag_error_prefix("layer %zu, ", i);
      return NULL;
    }
    if (joined) i++;
  }
  return x;
}

static void variables(void *self, nn_visitor *visitor) {
  const sequential *all = self;
  for (size_t i = 0; i < all->count; i++) {
    char name[24];
    snprintf(name, sizeof name, "%zu", i);
    nn_visit_layer(visitor, name, all->layers[i]);
  }
}

static void free_list(void *self) { ag_free(((sequential *)self)->layers); }

static bool check(size_t count, nn_layer *const *layers) {
  if (count == 0) return ag_fail(AG_ERROR_ARGUMENT, "Sequential: no layers");
  for (size_t i = 0; i < count; i++) {
    if (!layers[i]) return ag_fail(AG_ERROR_ARGUMENT, "Sequential: layer %zu is NULL", i);
    for (size_t j = 0; j < i; j++)
      if (layers[i] == layers[j])
        return ag_fail(AG_ERROR_ARGUMENT, "Sequential: layers %zu and %zu are the same", j, i);
  }
  return true;
}

nn_layer *nn_sequential_of(size_t count, nn_layer *const *layers) {
  static const nn_layer_class class = {
      .name = "Sequential", .build = build, .forward = forward, .variables = variables, .free = free_list};
  if (!layers) count = 0;
  sequential all = {.count = count, .layers = check(count, layers) ? ag_allocate(count, sizeof *layers) : NULL};
  if (all.layers) memcpy(all.layers, layers, count * sizeof *layers);
  nn_layer *layer = all.layers ? nn_layer_new(&class, &all, sizeof all) : NULL;
  if (!layer) {
    ag_free(all.layers);
    nn_layers_free(count, layers);
  }
  return layer;
}
