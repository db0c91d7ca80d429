/* The generator of dcgan-small against a discriminator that spectral normalisation keeps 1-Lipschitz in place of batch
 * norm, under the hinge loss (Miyato et al. 2018, section 4.1). */
#include "gan/models/models.h"

static const nn_init normal = {.kind = NN_NORMAL, .scale = 0.02};

static nn_layer *down(int filters) {
  nn_layer *conv = nn_conv2d(filters, 4, .stride = 2, .padding = NN_SAME, .kernel_init = normal);
  return nn_sequential(nn_spectral_norm(conv), nn_leaky_relu(.slope = 0.1));
}

static nn_layer *make_discriminator(void) {
  return nn_sequential(down(32), down(64), down(128), nn_flatten(),
                       nn_spectral_norm(nn_dense(1, .kernel_init = normal)));
}

static nn_optimizer *make_optimizer(void) { return nn_adam(.learning_rate = 5e-4, .beta1 = 0.5); }

const gan_model gan_sngan = {
    .name = "sngan",
    .about = "spectral normalisation and the hinge loss",
    .make_generator = gan_dcgan_small_generator,
    .make_discriminator = make_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &gan_hinge,
    .step = gan_alternating_step,
    .average = 0.999,
    .noise = 100,
    .batch = 64,
    .epochs = 10,
    .black = -1,
};
