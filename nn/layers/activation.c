#include <math.h>

#include "nn/layers/common.h"

static const double keras_slope = 0.3;

bool nn_leaky_slope(nn_activation_kind kind, double *slope) {
  *slope = kind == NN_RELU ? 0 : keras_slope;
  return kind == NN_RELU || kind == NN_LEAKY_RELU;
}

ag_tensor *nn_activate(ag_tensor *x, nn_activation_kind kind) {
  switch (kind) {
    case NN_LINEAR: return x ? x : ag_fail_null("activate", "input");
    case NN_RELU: return ag_relu(x);
    case NN_LEAKY_RELU: return ag_leaky_relu(x, keras_slope);
    case NN_SIGMOID: return ag_sigmoid(x);
    case NN_TANH: return ag_tanh(x);
    case NN_SOFTPLUS: return ag_softplus(x);
    case NN_SOFTMAX: return ag_softmax(x, -1);
  }
  return ag_fail(AG_ERROR_ARGUMENT, "activate: %d is no kind of activation", (int)kind);
}

ag_tensor *nn_bias_activate(ag_tensor *x, ag_tensor *bias, nn_activation_kind kind) {
  double slope;
  if (bias && nn_leaky_slope(kind, &slope)) return ag_add_leaky_relu(x, bias, slope);
  return nn_activate(bias ? ag_add(x, bias) : x, kind);
}

typedef struct {
  nn_activation_kind kind;
} activation;

static ag_tensor *activation_forward(void *self, ag_tensor *input, nn_mode mode) {
  return nn_activate(input, ((activation *)self)->kind);
}

static const nn_layer_class activation_class = {.name = "Activation", .forward = activation_forward};
nn_layer *nn_activation(nn_activation_kind kind) {
  return nn_layer_new(&activation_class, &(activation){kind}, sizeof(activation));
}

typedef struct {
  double slope;
} leaky_relu;

static bool leaky_relu_build(void *self, ag_shape input, ag_rng *rng) {
  double slope = ((leaky_relu *)self)->slope;
  if (slope >= 0 && isfinite(slope)) return true;
  return ag_fail(AG_ERROR_ARGUMENT, "slope is %g, expected a finite number, not negative", slope);
}

static ag_tensor *leaky_relu_forward(void *self, ag_tensor *input, nn_mode mode) {
  return ag_leaky_relu(input, ((leaky_relu *)self)->slope);
}

static const nn_layer_class leaky_relu_class = {
    .name = "LeakyReLU", .build = leaky_relu_build, .forward = leaky_relu_forward};
nn_layer *nn_leaky_relu_of(nn_leaky_relu_options options) {
  return nn_layer_new(&leaky_relu_class, &(leaky_relu){nn_option(options.slope, keras_slope)}, sizeof(leaky_relu));
}

bool nn_is_leaky_relu(nn_layer *layer, double *slope) {
  const nn_layer_class *class = nn_layer_class_of(layer);
  if (class == &leaky_relu_class) return *slope = ((leaky_relu *)nn_layer_self(layer))->slope, true;
  if (class != &activation_class) return false;
  return nn_leaky_slope(((activation *)nn_layer_self(layer))->kind, slope);
}
