/* One training step of two networks against each other, and the figures that tell how it went. */
#pragma once

#include "gan/losses.h"
#include "nn/nn.h"

/* What a step trains. Both networks are built. */
typedef struct {
  nn_layer *generator, *discriminator;
  nn_optimizer *generator_optimizer, *discriminator_optimizer;
  const gan_loss *loss;
} gan_pair;

/* All from the step's own outputs, before the update. */
typedef struct {
  double g_loss, d_loss;
  double d_real, d_fake; /* D(x) and D(G(z)): mean sigmoid of the logits */
  double accuracy;       /* of D over real and fake together, at D = 0.5 */
} gan_figures;

/* Trains the pair on real samples [batch, ...] and as many forgeries. All randomness comes from rng. False and an error
 * when it failed; a loss that is not finite is such an error, and the weights are then as before, but not batch norm's
 * moving averages. */
typedef bool gan_step(gan_pair *pair, ag_tensor *real, ag_rng *rng, gan_figures *figures);

/* As the TensorFlow tutorial has it: one forward pass under two tapes, each network's gradient from its own tape, then
 * both updates. */
gan_step gan_dual_tape_step;
