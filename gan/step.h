/* One training step of two networks against each other, and the figures that tell how it went. */
#pragma once

#include "gan/pair.h"

/* All from the step's own outputs, before the update. */
typedef struct {
  double g_loss, d_loss;
  double d_real, d_fake; /* D(x) and D(G(z)): means of sigmoid(logit), value or score, as the loss has it */
  double accuracy;   /* of D over real and fake together, at D = 0.5; of a critic, halfway between d_real and d_fake */
  double spread;     /* deviation of a forged element over the batch, as a share of a real one's; means */
  double g_gradient; /* norm of the generator's gradient, over all its weights; NaN where it rests */
} gan_figures;

/* Trains the pair on real samples and as many forgeries. All randomness comes from rng. False and an error when it
 * failed. A loss or a gradient that is not finite is such an error, of the kind AG_ERROR_NONFINITE, which names the
 * first op that gave such a value; the weights of its network are then as before that update, but not its buffers
 * (batch norm's moving averages). The search for the op ends an observer of yours (ag_observe). Where memory runs out,
 * each update of a network is made whole or not at all, and the pair can go on. Where the generator rests in this step,
 * its loss is that of the discriminator's forgeries. */
typedef bool gan_step(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures);

/* Whether a step of gan's own can be made of batches of so many samples, `pack` of them judged together. False and an
 * error: a loss that the step has no use for, samples that cannot be packed. A step of yours takes any loss. */
bool gan_step_fits(gan_step *step, const gan_loss *loss, int64_t batch, int64_t pack);

/* As the TensorFlow tutorial has it: one forward pass under two tapes, each network's gradient from its own tape, then
 * both updates. */
gan_step gan_dual_tape_step;
/* The discriminator on detached forgeries, then, each critic_steps-th time, the generator on fresh ones (Goodfellow et
 * al. 2014, algorithm 1). */
gan_step gan_alternating_step;
/* The generator at every step, through a discriminator whose weights are marked as not trainable; the discriminator
 * only while it recognises less than 80% of the forgeries (D(G(z)) < 0.4). For losses on logits. Afterwards all weights
 * of the discriminator are trainable, those frozen before, too. */
gan_step gan_threshold_step;

/* The discriminator on half of the real batch, then on as many forgeries, an update each; the loss told is the mean of
 * both. Then the generator on a whole batch, through a discriminator that is not trainable. For losses without a
 * gradient penalty. Afterwards all weights of the discriminator are trainable. */
gan_step gan_half_batch_step;

/* "dual-tape", "alternating", "threshold" or "half-batch", and back; NULL without an error for any other. */
const char *gan_step_name(gan_step *step);
gan_step *gan_step_find(const char *name);

/* The turns that steps are made of, for schedules of your own. They run in the current scope; the figures of a
 * discriminator's turn are whole, a generator's turn tells its loss. */
gan_step gan_discriminator_turn, gan_generator_turn;
/* The generator's turn while no weight of the discriminator is trainable; all are afterwards. */
gan_step gan_frozen_generator_turn;
/* The network's update from a tape's gradient of its loss, unless that is not finite. */
bool gan_update(ag_tape *tape, ag_tensor *loss, nn_layer *network, nn_optimizer *optimizer);
