/* Gaussians on a ring and on a grid, by the published networks (Lin et al. 2018, appendix B): four hidden layers of 400
 * units against three of 200 maxout units. */
#include "gan/models/models.h"

static nn_layer *hidden(void) { return nn_sequential(nn_dense(400), nn_batch_norm(), nn_activation(NN_RELU)); }

static nn_layer *make_generator(void) { return nn_sequential(hidden(), hidden(), hidden(), hidden(), nn_dense(2)); }

static nn_layer *make_discriminator(void) {
  return nn_sequential(nn_maxout(200, 5), nn_maxout(200, 5), nn_maxout(200, 5), nn_dense(1));
}

static nn_optimizer *make_optimizer(void) { return nn_adam(.learning_rate = 2e-4, .beta1 = 0.8); }

const gan_model gan_ring_toy = {
    .name = "ring",
    .about = "8 Gaussians on a circle: does every mode appear?",
    .make_generator = make_generator,
    .make_discriminator = make_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &gan_cross_entropy,
    .step = gan_alternating_step,
    .freeze_after = 2000, /* until then, a batch's statistics shake a mode by more than its width */
    .pack = 2,
    .average = 0.999,
    .decay = true,
    .noise = 2,
    .batch = 100,
    .epochs = 40,
    .mixture = &gan_ring,
};

const gan_model gan_grid_toy = {
    .name = "grid",
    .about = "25 Gaussians on a grid",
    .make_generator = make_generator,
    .make_discriminator = make_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &gan_cross_entropy,
    .step = gan_alternating_step,
    .freeze_after = 2000, /* until then, a batch's statistics shake a mode by more than its width */
    .pack = 2,
    .average = 0.999,
    .decay = true,
    .noise = 2,
    .batch = 100,
    .epochs = 40,
    .mixture = &gan_grid,
};
