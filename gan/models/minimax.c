/* Algorithm 1 of Goodfellow et al. 2014, word for word: k = 1 step of the discriminator, then the generator descends
 * log(1 - D(G(z))), which gives it little to go by while it is bad. */
#include "gan/models/models.h"

static nn_optimizer *make_optimizer(void) { return nn_sgd(.learning_rate = 0.1, .momentum = 0.5); }

const gan_model gan_minimax_mlp = {
    .name = "minimax",
    .about = "the first GAN's algorithm: plain gradients of one value for both networks",
    .make_generator = gan_mlp_torch_generator,
    .make_discriminator = gan_mlp_torch_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &gan_minimax,
    .step = gan_alternating_step,
    .critic_steps = 1,
    .noise = 64,
    .batch = 256,
    .epochs = 50,
    .black = 0,
};
