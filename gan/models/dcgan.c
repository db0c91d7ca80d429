/* The DCGAN of TensorFlow's tutorial: noise becomes 7x7 patches that transposed convolutions draw out to 28x28; a
 * convolutional classifier tells real from fake. Both networks learn from one forward pass. */
#include "gan/models/models.h"

static nn_layer *make_generator(void) {
  return nn_sequential(
      nn_dense(7 * 7 * 256, .no_bias = true), nn_batch_norm(), nn_leaky_relu(),

      nn_reshape(7, 7, 256), nn_conv2d_transpose(128, 5, .stride = 1, .padding = NN_SAME, .no_bias = true),
      nn_batch_norm(), nn_leaky_relu(),

      nn_conv2d_transpose(64, 5, .stride = 2, .padding = NN_SAME, .no_bias = true), /* 14 x 14 */
      nn_batch_norm(), nn_leaky_relu(),

      nn_conv2d_transpose(1, 5, .stride = 2, .padding = NN_SAME, .no_bias = true, .activation = NN_TANH)); /* 28 x 28 */
}

nn_layer *gan_dcgan_discriminator(void) {
  return nn_sequential(nn_conv2d(64, 5, .stride = 2, .padding = NN_SAME), nn_leaky_relu(), nn_dropout(0.3),

                       nn_conv2d(128, 5, .stride = 2, .padding = NN_SAME), nn_leaky_relu(), nn_dropout(0.3),

                       nn_flatten(), nn_dense(1)); /* a logit: the loss applies the sigmoid */
}

static nn_optimizer *make_optimizer(void) { return nn_adam(.learning_rate = 1e-4); }

const gan_model gan_dcgan = {
    .name = "dcgan",
    .about = "transposed convolutions against convolutions, two tapes over one forward pass",
    .make_generator = make_generator,
    .make_discriminator = gan_dcgan_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &gan_cross_entropy,
    .step = gan_dual_tape_step,
    .noise = 100,
    .batch = 256,
    .epochs = 50,
    .black = -1,
};
