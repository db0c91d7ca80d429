#include <string.h>

#include "nn/layers/common.h"

typedef struct {
  ag_shape asked;  /* one size may be -1 */
  ag_shape target; /* set by build */
} reshape;

/* A size of -1 becomes what is left of `size` numbers. False where the shape cannot hold just as many. */
static bool resolve(ag_shape *shape, int64_t size) {
  int64_t known = 1;
  int open = -1;
  for (int i = 0; i < shape->rank; i++) {
    if (shape->sizes[i] >= 0) known *= shape->sizes[i];
    else if (open < 0) open = i;
    else return false;
  }
  if (open < 0) return known == size;
  if (known == 0 || size % known != 0) return false;
  shape->sizes[open] = size / known;
  return true;
}

/* Settles what -1 stands for from one sample, so that it does not depend on the batch, which may be empty. */
static bool reshape_build(void *self, ag_shape input, ag_rng *rng) {
  reshape *layer = self;
  layer->target = ag_shape_make(layer->asked.rank, layer->asked.sizes);
  if (layer->target.rank < 0) return false;
  return resolve(&layer->target, (int64_t)ag_shape_size(input)) ||
         ag_fail(AG_ERROR_SHAPE, "input of shape %s does not fit into %s", ag_shape_print(input).text,
                 ag_shape_print(layer->asked).text);
}

static ag_tensor *reshape_forward(void *self, ag_tensor *input, nn_mode mode) {
  const reshape *layer = self;
  int64_t sizes[AG_MAX_RANK + 1] = {ag_shape_of(input).sizes[0]};
  memcpy(sizes + 1, layer->target.sizes, (size_t)layer->target.rank * sizeof *sizes);
  return ag_reshape(input, ag_shape_make(layer->target.rank + 1, sizes));
}

nn_layer *nn_reshape_to(ag_shape shape) {
  static const nn_layer_class class = {.name = "Reshape", .build = reshape_build, .forward = reshape_forward};
  return nn_layer_new(&class, &(reshape){.asked = shape}, sizeof(reshape));
}

static ag_tensor *flatten_forward(void *self, ag_tensor *input, nn_mode mode) {
  ag_shape shape = ag_shape_of(input);
  int64_t size = 1; /* of one sample, also where the batch is empty */
  for (int i = 1; i < shape.rank; i++) size *= shape.sizes[i];
  return ag_reshape(input, AG_SHAPE(shape.sizes[0], size));
}

nn_layer *nn_flatten(void) {
  static const nn_layer_class class = {.name = "Flatten", .forward = flatten_forward};
  return nn_layer_new(&class, NULL, 0);
}
