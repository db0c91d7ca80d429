/* What a layer is: four functions over a struct of one's own. The built-in layers and a user's go through the same
 * door. */
#pragma once

#include "autograd/autograd.h"

/* An option left out (0) has its default; NN_ZERO says zero where zero itself is wanted (Adam's beta1). It is -0.0. */
#define NN_ZERO (-0.0)
double nn_option(double value, double otherwise);

/* Training or not. In training the mode carries the generator that all randomness of the run comes from. */
typedef struct {
  bool training;
  ag_rng *rng;
} nn_mode;
#define NN_TRAIN(generator) ((nn_mode){.training = true, .rng = (generator)})
#define NN_EVAL ((nn_mode){.training = false})

typedef struct nn_layer nn_layer;
typedef struct nn_visitor nn_visitor;

/* A kind of layer. `self` is the user's struct, copied by nn_layer_new. Any function but forward may be left out;
 * `variables` only where build makes no tensor, for what it does not name is freed when nn_build returns (a constant
 * table is a buffer). */
typedef struct {
  const char *name; /* "Dense", as the summary prints it */
  /* Makes the variables for an input of this shape, without the batch axis, and builds inner layers. False after an
   * error. */
  bool (*build)(void *self, ag_shape input, ag_rng *rng);
  /* [batch, ...input] -> [batch, ...output]. What it makes beside the result is released when it returns. */
  ag_tensor *(*forward)(void *self, ag_tensor *input, nn_mode mode);
  /* Names what the layer keeps, in a fixed order, through nn_visit_...; NULLs are passed over, and so are tensors
   * before the build. nn_build retains the tensors and nn_layer_free releases them, and frees the inner layers, built
   * or not. */
  void (*variables)(void *self, nn_visitor *visitor);
  /* Frees what else the struct holds. */
  void (*free)(void *self);
  /* forward followed by leaky_relu of this slope, where one pass over memory does both; a Sequential then uses it. */
  ag_tensor *(*forward_leaky_relu)(void *self, ag_tensor *input, nn_mode mode, double slope);
  /* Both, where the layer computes with one kernel and can take another in its place (nn_spectral_norm): its kernel
   * variable, and in *outputs the axis of that which counts outputs; and forward with a kernel of the same shape. */
  ag_tensor *(*kernel)(void *self, int *outputs);
  ag_tensor *(*forward_with_kernel)(void *self, ag_tensor *input, ag_tensor *kernel);
} nn_layer_class;

/* Weights are trained; buffers (moving averages) are saved but not trained. Names hold no '.', and a layer has each
 * once, for its tensors are saved under them. */
void nn_visit_weight(nn_visitor *visitor, const char *name, ag_tensor *variable);
void nn_visit_buffer(nn_visitor *visitor, const char *name, ag_tensor *variable);
void nn_visit_layer(nn_visitor *visitor, const char *name, nn_layer *layer);

/* A layer with a copy of *self (size bytes, suitably aligned). Free it with nn_layer_free. NULL without memory: the
 * layers that *self points to are then still the caller's. */
nn_layer *nn_layer_new(const nn_layer_class *class_of_layer, const void *self, size_t size);
/* The layer's own struct: the copy. */
void *nn_layer_self(nn_layer *layer);
const nn_layer_class *nn_layer_class_of(const nn_layer *layer);
/* Frees the layer, its inner layers and their variables. NULL is passed over, and so is an inner layer: it belongs to
 * its outer one, of which it has only one. */
void nn_layer_free(nn_layer *layer);

/* Fixes shapes and initial values for inputs of this shape, without the batch axis, and runs the layer once on two
 * samples of zeros, so that a mistake shows here. False and an error: a wrong shape, or built before; the layer, its
 * inner layers and rng are then as before the call. Build before tapes start: one that runs records the try. */
bool nn_build(nn_layer *layer, ag_shape input, ag_rng *rng);
bool nn_is_built(const nn_layer *layer); /* of NULL: false */
/* Without the batch axis; of a built layer. */
ag_shape nn_input_shape(const nn_layer *layer);
ag_shape nn_output_shape(const nn_layer *layer);

/* [batch, ...input] -> [batch, ...output]. An input of another shape is an error that names the layer and both shapes.
 */
ag_tensor *nn_forward(nn_layer *layer, ag_tensor *input, nn_mode mode);
/* From now on inputs of a built layer and of its inner layers may have other sizes than those it was built for, but for
 * the last axis: longer sequences, larger images. What needs the sizes of the build (Dense behind Flatten) refuses. */
void nn_allow_any_size(nn_layer *layer);

/* The weights, inner layers' included, in the order of visiting, in the current scope. Trainable: those not frozen. */
ag_list nn_trainable_variables(nn_layer *layer);
/* All weights and buffers, each once. */
ag_list nn_variables(nn_layer *layer);
/* Freezes or unfreezes all weights (not buffers): no tape watches a frozen weight by itself. Unlike in Keras a frozen
 * BatchNorm still follows nn_mode: NN_EVAL holds its averages. */
void nn_set_trainable(nn_layer *layer, bool trainable);

/* Calls f for each weight and buffer of a built layer and its inner layers. name is a path, "0.kernel",
 * and valid within the call alone. */
typedef void nn_variable_function(const char *name, ag_tensor *variable, bool is_buffer, void *context);
void nn_each_variable(nn_layer *layer, nn_variable_function *f, void *context);
/* Calls f for each inner layer, not theirs. name is valid within the call alone. */
typedef void nn_layer_function(const char *name, nn_layer *layer, void *context);
void nn_each_layer(nn_layer *layer, nn_layer_function *f, void *context);
