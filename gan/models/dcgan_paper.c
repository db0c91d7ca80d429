/* The rules of Radford et al. 2015 at 28 x 28: strides in place of pooling, batch norm in both networks, no hidden
 * dense layer, ReLU against LeakyReLU, weights from N(0, 0.02). */
#include "gan/models/models.h"

static const nn_init normal = {.kind = NN_NORMAL, .scale = 0.02};

static nn_layer *up(int filters, nn_activation_kind activation) {
  return nn_conv2d_transpose(filters, 5, .stride = 2, .padding = NN_SAME, .kernel_init = normal,
                             .activation = activation);
}

static nn_layer *down(int filters) {
  return nn_conv2d(filters, 5, .stride = 2, .padding = NN_SAME, .kernel_init = normal);
}

nn_layer *gan_dcgan_paper_generator(void) {
  return nn_sequential(nn_dense(7 * 7 * 256, .kernel_init = normal), nn_batch_norm(), nn_activation(NN_RELU),

                       nn_reshape(7, 7, 256), up(128, NN_LINEAR), nn_batch_norm(), nn_activation(NN_RELU), /* 14 x 14 */

                       up(1, NN_TANH)); /* 28 x 28 */
}

nn_layer *gan_dcgan_paper_discriminator(void) {
  return nn_sequential(down(64), nn_leaky_relu(.slope = 0.2),

                       down(128), nn_batch_norm(), nn_leaky_relu(.slope = 0.2),

                       down(256), nn_batch_norm(), nn_leaky_relu(.slope = 0.2),

                       nn_flatten(), nn_dense(1, .kernel_init = normal));
}

static nn_optimizer *make_optimizer(void) { return nn_adam(.learning_rate = 2e-4, .beta1 = 0.5); }

const gan_model gan_dcgan_paper = {
    .name = "dcgan-paper",
    .about = "the paper's rules: strided convolutions, batch norm in both networks",
    .make_generator = gan_dcgan_paper_generator,
    .make_discriminator = gan_dcgan_paper_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &gan_cross_entropy,
    .step = gan_alternating_step,
    .noise = 100,
    .batch = 128,
    .epochs = 50,
    .black = -1,
};
