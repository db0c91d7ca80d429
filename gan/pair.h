/* A generator and a discriminator, and what passes between them. */
#pragma once

#include "gan/dataset.h"
#include "gan/losses.h"
#include "nn/nn.h"

/* Both networks are built. The generator takes [batch, noise + classes] and gives samples [batch, ...]. The
 * discriminator takes [batch / pack, ..., (channels + classes) * pack], where the last axis of a sample is its
 * channels. gan/model.h makes pairs of models; one of your own networks is filled in by hand. */
typedef struct {
  nn_layer *generator, *discriminator;
  nn_optimizer *generator_optimizer, *discriminator_optimizer; /* may be one and the same */
  const gan_loss *loss;
  nn_layer *average;     /* a generator whose variables follow the trained one's; NULL: none */
  double average_decay;  /* of the moving average, a step of the generator; of the first ones (1 + steps) / (10 + steps)
                            where that is less, as in TensorFlow, to be soon off the first values */
  int64_t classes;       /* both networks are told the sample's label, 0 .. classes - 1; 0: they are not */
  int64_t pack;          /* samples that the discriminator judges together (PacGAN, Lin et al. 2018); 0: one */
  int64_t critic_steps;  /* of gan_alternating_step: the discriminator's for each of the generator's; 0: one */
  double instance_noise; /* standard deviation of noise on every sample that the discriminator sees (Arjovsky and Bottou
                            2017, section 3); 0: none */
  double wide_noise, wide_share; /* where there is instance noise: such a share of the samples, drawn anew each time,
                                    gets this deviation if it is larger, for gradients from one mode to the next (after
                                    Wang et al. 2023, Diffusion-GAN) */
  int64_t freeze_after; /* steps of the generator after which it forges as in evaluation, its batch norms with their
                           moving averages, which stay as they are then; 0: never */
  int64_t generator_steps, discriminator_steps; /* so far */
} gan_pair;

/* Frees networks and optimizers. */
void gan_pair_free(gan_pair *pair);
/* Whether its numbers are within their ranges: none negative, shares and the decay at most 1. An error names the first
 * that is not. Every step asks. */
bool gan_pair_fits(const gan_pair *pair);

/* Size of the noise: what the generator takes beside the label. */
int64_t gan_noise_size(const gan_pair *pair);
/* The generator's input from noise [batch, noise] and, for a pair with classes, labels [batch]. */
ag_tensor *gan_generator_input(const gan_pair *pair, ag_tensor *noise, ag_tensor *labels);
/* Forgeries in training mode (until freeze_after), [count, ...], from noise N(0, 1). */
ag_tensor *gan_forge(const gan_pair *pair, int64_t count, ag_tensor *labels, ag_rng *rng);
/* The discriminator's outputs for a batch in training mode, [batch / pack, 1]; the batch is a multiple of pack. */
ag_tensor *gan_discriminate(const gan_pair *pair, gan_batch batch, ag_rng *rng);

/* The mean over (packed) samples of (|d D(x) / dx| - 1)^2 at one random mix of real and fake each (Gulrajani et al.
 * 2017, algorithm 1). The norm is over a whole sample. To be recorded by a tape that the caller runs: a tape of its own
 * takes the inner gradient. */
ag_tensor *gan_gradient_penalty(const gan_pair *pair, gan_batch real, ag_tensor *fake, ag_rng *rng);
/* Brings the trainable weights of a network into [-limit, limit]. False and an error without memory. */
bool gan_clip_weights(nn_layer *network, double limit);
/* average = decay * average + (1 - decay) * trained, for weights and buffers; decay is from 0 to 1. The networks are
 * alike. */
bool gan_follow(nn_layer *average, nn_layer *trained, double decay);
