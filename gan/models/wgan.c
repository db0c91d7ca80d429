/* The networks of dcgan-paper as generator and critic: the critic's score takes the place of a logit, its clipped
 * weights keep it Lipschitz (Arjovsky et al. 2017, algorithm 1). */
#include "gan/models/models.h"

static nn_optimizer *make_optimizer(void) { return nn_rmsprop(.learning_rate = 5e-5, .rho = 0.99, .epsilon = 1e-8); }

const gan_model gan_wgan = {
    .name = "wgan",
    .about = "a critic with clipped weights, five steps for each of the generator's",
    .make_generator = gan_dcgan_paper_generator,
    .make_discriminator = gan_dcgan_paper_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &gan_wasserstein,
    .step = gan_alternating_step,
    .critic_steps = 5,
    .noise = 100,
    .batch = 64,
    .epochs = 50,
    .black = -1,
};
