/* The rules of dcgan-paper with a quarter of the channels or less, for those who want to see digits soon. The
 * discriminator needs all three of its convolutions: a unit of the second sees a third of the digit's width, and
 * strokes that are right each for itself pass for a digit. */
#include "gan/models/models.h"

static const nn_init normal = {.kind = NN_NORMAL, .scale = 0.02};

static nn_layer *up(int filters, nn_activation_kind activation) {
  return nn_conv2d_transpose(filters, 4, .stride = 2, .padding = NN_SAME, .kernel_init = normal,
                             .activation = activation);
}

static nn_layer *down(int filters) {
  return nn_conv2d(filters, 4, .stride = 2, .padding = NN_SAME, .kernel_init = normal);
}

nn_layer *gan_dcgan_small_generator(void) {
  return nn_sequential(
      nn_dense(7 * 7 * 48, .kernel_init = normal), nn_batch_norm(.momentum = 0.9), nn_activation(NN_RELU),

      nn_reshape(7, 7, 48), up(24, NN_LINEAR), nn_batch_norm(.momentum = 0.9), nn_activation(NN_RELU), /* 14 x 14 */

      up(1, NN_TANH)); /* 28 x 28 */
}

static nn_layer *make_discriminator(void) {
  return nn_sequential(down(16), nn_leaky_relu(.slope = 0.2),

                       down(32), nn_batch_norm(.momentum = 0.9), nn_leaky_relu(.slope = 0.2),

                       down(64), nn_batch_norm(.momentum = 0.9), nn_leaky_relu(.slope = 0.2),

                       nn_flatten(), nn_dense(1, .kernel_init = normal));
}

static nn_optimizer *make_optimizer(void) { return nn_adam(.learning_rate = 5e-4, .beta1 = 0.5); }

const gan_model gan_dcgan_small = {
    .name = "dcgan-small",
    .about = "dcgan-paper with few channels: clear digits in minutes",
    .make_generator = gan_dcgan_small_generator,
    .make_discriminator = make_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &gan_cross_entropy,
    .step = gan_alternating_step,
    .average = 0.999,
    .noise = 100,
    .batch = 64,
    .epochs = 10,
    .black = -1,
};
