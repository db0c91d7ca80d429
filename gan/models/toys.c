/* Gaussians on a ring and on a grid, by the published networks (Lin et al. 2018, appendix B): four hidden layers of 400
 * units against three of 200 maxout units. */
#include "gan/models/models.h"

static nn_layer *hidden(void) { return nn_sequential(nn_dense(400), nn_batch_norm(), nn_activation(NN_RELU)); }

static nn_layer *make_generator(nn_layer *last) { return nn_sequential(hidden(), hidden(), hidden(), hidden(), last); }

static nn_layer *make_discriminator(void) {
  return nn_sequential(nn_maxout(200, 5), nn_maxout(200, 5), nn_maxout(200, 5), nn_dense(1));
}

static nn_layer *make_ring_generator(void) { return make_generator(nn_dense(2)); }

/* The discriminator keeps up with how wide modes are; the generator's steps become small against a mode's width, or
 * their jitter would take its place. */
static nn_optimizer *make_ring_optimizer(void) { return nn_adam(.learning_rate = 4e-4, .beta1 = 0.5); }
static nn_optimizer *make_faster_ring_optimizer(void) { return nn_adam(.learning_rate = 1.2e-3, .beta1 = 0.5); }

const gan_model gan_ring_toy = {
    .name = "ring",
    .about = "8 Gaussians on a circle: does every mode appear?",
    .make_generator = make_ring_generator,
    .make_discriminator = make_discriminator,
    .make_optimizer = make_ring_optimizer,
    .make_discriminator_optimizer = make_faster_ring_optimizer,
    .loss = &gan_cross_entropy,
    .step = gan_alternating_step,
    .freeze_after = 1000,            /* until then, a batch's statistics shake a mode by more than its width */
    .instance_noise = {0.4, 0.0005}, /* from half the distance of two modes to a twentieth of a mode's deviation */
    .wide_noise = {0.3, 1.0 / 32},   /* modes that no noise joins any more would drift from their shares */
    .average = 0.999,
    .decay = 4, /* modes take on their width while noise and rates are small */
    .noise = 2,
    .batch = 256,
    .epochs = 40,
    .mixture = &gan_ring,
};

/* Over the whole grid from the start. */
static nn_layer *make_grid_generator(void) {
  return make_generator(nn_dense(2, .kernel_init = {.kind = NN_NORMAL, .scale = 0.2}));
}

/* Without momentum, which makes games swing (Gidel et al. 2019): modes would part with uneven shares, and be lost. */
static nn_optimizer *make_grid_optimizer(void) { return nn_adam(.learning_rate = 5e-4, .beta1 = NN_ZERO); }

const gan_model gan_grid_toy = {
    .name = "grid",
    .about = "25 Gaussians on a grid",
    .make_generator = make_grid_generator,
    .make_discriminator = make_discriminator,
    .make_optimizer = make_grid_optimizer,
    .loss = &gan_cross_entropy,
    .step = gan_alternating_step,
    .freeze_after = 1000,
    .instance_noise = {0.4, 0.003}, /* from a fifth of the distance of two modes, which wide noise joins */
    .wide_noise = {0.7, 1.0 / 2},
    .average = 0.999,
    .decay = 3,
    .noise = 2,
    .batch = 512, /* half of the samples tell little of a mode's width */
    .epochs = 30,
    .mixture = &gan_grid,
};
