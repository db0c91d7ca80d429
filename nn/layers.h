/* The built-in layers. Options left out have Keras's defaults: nn_conv2d(64, 5, .stride = 2, .padding = NN_SAME). A
 * layer whose options are wrong fails when it is built, with a sentence. */
#pragma once

#include "nn/init.h"
#include "nn/layer.h"

typedef enum { NN_VALID = 0, NN_SAME } nn_padding;
typedef enum { NN_LINEAR = 0, NN_RELU, NN_LEAKY_RELU, NN_SIGMOID, NN_TANH, NN_SOFTPLUS, NN_SOFTMAX } nn_activation_kind;

/* layers/dense.c: [..., in] -> [..., units]; kernel [in, units], bias [units]. */
typedef struct {
  int units;
  bool no_bias;
  nn_activation_kind activation;
  nn_init kernel_init, bias_init; /* Glorot uniform, zeros: what a bias takes NN_GLOROT_UNIFORM for, too */
} nn_dense_options;
#define nn_dense(...) nn_dense_of((nn_dense_options){.units = __VA_ARGS__})
nn_layer *nn_dense_of(nn_dense_options options);

/* layers/maxout.c: [..., in] -> [..., units], each the largest of `pieces` linear functions of the input (Goodfellow et
 * al. 2013, "Maxout Networks"); ties share the gradient evenly. kernel [in, pieces * units], bias [pieces * units]: the
 * first `units` columns are the first piece, and so on; each piece is initialised as a Dense layer of `units`. */
typedef struct {
  int units, pieces;
  bool no_bias;
  nn_init kernel_init, bias_init; /* Glorot uniform, zeros */
} nn_maxout_options;
#define nn_maxout(...) nn_maxout_of((nn_maxout_options){.units = __VA_ARGS__})
nn_layer *nn_maxout_of(nn_maxout_options options);

/* layers/conv.c: [H, W, C] -> [oh, ow, filters]; kernel [k, k, in, filters], transposed [k, k, filters, in]. */
typedef struct {
  int filters, kernel_size;
  int stride; /* 1 */
  nn_padding padding;
  bool no_bias;
  nn_activation_kind activation;
  nn_init kernel_init, bias_init; /* Glorot uniform, zeros */
} nn_conv2d_options;
#define nn_conv2d(...) nn_conv2d_of((nn_conv2d_options){.filters = __VA_ARGS__})
#define nn_conv2d_transpose(...) nn_conv2d_transpose_of((nn_conv2d_options){.filters = __VA_ARGS__})
nn_layer *nn_conv2d_of(nn_conv2d_options options);
nn_layer *nn_conv2d_transpose_of(nn_conv2d_options options);

/* layers/spectral_norm.c: a Dense, Conv2D or Conv2DTranspose layer (any whose class can take another kernel) that
 * computes with kernel / sigma, sigma being the largest singular value of the kernel as a matrix [everything else,
 * outputs]. By power iteration (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks",
 * algorithm 1): v = unit(W u), u' = unit(W^T v), sigma = v^T W u'; the gradient flows through W alone. Each pass in
 * training keeps u' in the buffer u [1, outputs]; in evaluation u stays. A kernel of zeros is taken as it is. Takes
 * over the inner layer, named "inner", and frees it, also after an error. Built before, it keeps its weights. */
nn_layer *nn_spectral_norm(nn_layer *inner);

/* layers/batch_norm.c: over all axes but the last; gamma, beta, moving_mean, moving_variance [C]. In training the
 * batch's own statistics (biased variance), and moving = momentum * moving + (1 - momentum) * batch; in evaluation the
 * moving ones. The moving variance takes the biased batch variance, as Keras does for Dense inputs (PyTorch takes the
 * unbiased one). */
typedef struct {
  int none_;       /* lets a call give no option at all */
  double momentum; /* 0.99 */
  double epsilon;  /* 1e-3 */
} nn_batch_norm_options;
#define nn_batch_norm(...) nn_batch_norm_of((nn_batch_norm_options){.none_ = 0, __VA_ARGS__})
nn_layer *nn_batch_norm_of(nn_batch_norm_options options);

/* layers/dropout.c: in training each element is 0 with probability rate, else x / (1 - rate). */
nn_layer *nn_dropout(double rate);

/* layers/activation.c */
typedef struct {
  int none_;
  double slope; /* 0.3 */
} nn_leaky_relu_options;
#define nn_leaky_relu(...) nn_leaky_relu_of((nn_leaky_relu_options){.none_ = 0, __VA_ARGS__})
nn_layer *nn_leaky_relu_of(nn_leaky_relu_options options);
nn_layer *nn_activation(nn_activation_kind kind);
/* relu, leaky_relu (slope 0.3), ...; NN_LINEAR gives x itself, softmax is over the last axis */
ag_tensor *nn_activate(ag_tensor *x, nn_activation_kind kind);

/* layers/shape.c: sizes without the batch axis; one may be -1. */
#define nn_reshape(...) nn_reshape_to(AG_SHAPE(__VA_ARGS__))
nn_layer *nn_reshape_to(ag_shape shape);
nn_layer *nn_flatten(void);

/* layers/pool.c */
nn_layer *nn_upsampling2d(int factor);
typedef struct {
  int size;
  int stride; /* the size */
  nn_padding padding;
} nn_pool_options;
#define nn_max_pool2d(...) nn_max_pool2d_of((nn_pool_options){.size = __VA_ARGS__})
#define nn_avg_pool2d(...) nn_avg_pool2d_of((nn_pool_options){.size = __VA_ARGS__})
nn_layer *nn_max_pool2d_of(nn_pool_options options);
nn_layer *nn_avg_pool2d_of(nn_pool_options options);

/* layers/sequential.c: takes over its layers and frees them with itself, also after an error, but for those that belong
 * to another layer. A NULL among them is an error that names its place. A layer built before keeps its weights. */
#define nn_sequential(...) \
  nn_sequential_of(sizeof((nn_layer *[]){__VA_ARGS__}) / sizeof(nn_layer *), (nn_layer *[]){__VA_ARGS__})
nn_layer *nn_sequential_of(size_t count, nn_layer *const *layers);
