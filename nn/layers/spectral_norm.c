#include "nn/layers/common.h"

typedef struct {
  nn_layer *inner;
  ag_tensor *u; /* [1, outputs], of length 1 */
} spectral_norm;

/* x / |x|; zeros stay zeros. */
static ag_tensor *unit(ag_tensor *x) {
  ag_tensor *length = ag_norm(x, AG_ALL_AXES, false);
  if (!length) return NULL;
  return ag_item(length) > 0 ? ag_div(x, length) : x;
}

static ag_tensor *kernel_of(nn_layer *inner, int *outputs) {
  return nn_layer_class_of(inner)->kernel(nn_layer_self(inner), outputs);
}

static bool build(void *self, ag_shape input, ag_rng *rng) {
  spectral_norm *layer = self;
  const nn_layer_class *class = nn_layer_class_of(layer->inner);
  if (!class->kernel || !class->forward_with_kernel)
    return ag_fail(AG_ERROR_ARGUMENT, "%s has no kernel to normalise", class->name);
  if (!nn_is_built(layer->inner) && !nn_build(layer->inner, input, rng)) return false;
  ag_shape expected = nn_input_shape(layer->inner);
  if (!ag_shape_equal(expected, input))
    return ag_fail(AG_ERROR_SHAPE, "%s was built for inputs of shape %s, not %s", class->name,
                   ag_shape_print(expected).text, ag_shape_print(input).text);
  int outputs;
  ag_shape kernel = ag_shape_of(kernel_of(layer->inner, &outputs));
  if (outputs < 0 || outputs >= kernel.rank || kernel.sizes[outputs] < 1)
    return ag_fail(AG_ERROR_SHAPE, "%s: a kernel of shape %s has no outputs along axis %d", class->name,
                   ag_shape_print(kernel).text, outputs);
  layer->u = ag_variable(unit(ag_normal(rng, AG_SHAPE(1, kernel.sizes[outputs]), 0, 1)));
  return !ag_failed();
}

/* [everything else, outputs] */
static ag_tensor *matrix_of(ag_tensor *kernel, int outputs) {
  ag_shape shape = ag_shape_of(kernel);
  int order[AG_MAX_RANK];
  for (int i = 0; i < shape.rank - 1; i++) order[i] = i < outputs ? i : i + 1;
  order[shape.rank - 1] = outputs;
  int64_t columns = shape.sizes[outputs], rows = (int64_t)ag_size(kernel) / columns;
  return ag_reshape(ag_transpose(kernel, ag_axes_make(shape.rank, order)), AG_SHAPE(rows, columns));
}

static ag_tensor *forward(void *self, ag_tensor *input, nn_mode mode) {
  spectral_norm *layer = self;
  int outputs;
  ag_tensor *kernel = kernel_of(layer->inner, &outputs);
  ag_tensor *matrix = matrix_of(kernel, outputs), *constant = ag_detach(matrix);
  ag_tensor *v = unit(ag_matmul_transposed(ag_detach(layer->u), false, constant, true));
  ag_tensor *u = unit(ag_matmul(v, constant));
  ag_tensor *sigma = ag_sum(ag_mul(ag_matmul(v, matrix), u));
  if (!sigma) return NULL;
  /* Neither zeros nor NaN may enter u: it would never leave them. */
  bool found = ag_item(sigma) > 0;
  if (found && mode.training && !ag_assign(layer->u, u)) return NULL;
  return nn_layer_class_of(layer->inner)
      ->forward_with_kernel(nn_layer_self(layer->inner), input, found ? ag_div(kernel, sigma) : kernel);
}

static void variables(void *self, nn_visitor *visitor) {
  spectral_norm *layer = self;
  nn_visit_layer(visitor, "inner", layer->inner);
  nn_visit_buffer(visitor, "u", layer->u);
}

nn_layer *nn_spectral_norm(nn_layer *inner) {
  static const nn_layer_class class = {
      .name = "SpectralNormalization", .build = build, .forward = forward, .variables = variables};
  if (!inner) return ag_fail_null(class.name, "inner");
  nn_layer *layer = nn_layer_new(&class, &(spectral_norm){.inner = inner}, sizeof(spectral_norm));
  if (!layer) nn_layer_free(inner);
  return layer;
}
