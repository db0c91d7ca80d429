/* wgan with a gradient penalty in place of clipping; its critic has no batch norm, for the penalty is on each sample's
 * own gradient (Gulrajani et al. 2017, section 4). */
#include "gan/models/models.h"

static const nn_init normal = {.kind = NN_NORMAL, .scale = 0.02};

static nn_layer *down(int filters) {
  return nn_sequential(nn_conv2d(filters, 5, .stride = 2, .padding = NN_SAME, .kernel_init = normal),
                       nn_leaky_relu(.slope = 0.2));
}

static nn_layer *make_critic(void) {
  return nn_sequential(down(64), down(128), down(256), nn_flatten(), nn_dense(1, .kernel_init = normal));
}

static nn_optimizer *make_optimizer(void) { return nn_adam(.learning_rate = 1e-4, .beta1 = 0.5, .beta2 = 0.9); }

const gan_model gan_wgan_gp = {
    .name = "wgan-gp",
    .about = "a critic with a gradient penalty, five steps for each of the generator's",
    .make_generator = gan_dcgan_paper_generator,
    .make_discriminator = make_critic,
    .make_optimizer = make_optimizer,
    .loss = &gan_wasserstein_gp,
    .step = gan_alternating_step,
    .critic_steps = 5,
    .noise = 100,
    .batch = 64,
    .epochs = 50,
    .black = -1,
};
