/* What generator and discriminator minimise, from the discriminator's outputs. */
#pragma once

#include "autograd/autograd.h"

/* What the discriminator's outputs are, and so what D(x) means: the sigmoid of a logit, the output itself where it is
 * driven to 1 and 0, or a critic's score of any size. */
typedef enum { GAN_LOGIT, GAN_VALUE, GAN_SCORE } gan_output;

/* The functions take outputs of any one shape, [batch, 1], and return a scalar. The discriminator minimises
 * real(D(x)) + fake(D(G(z))). */
typedef struct {
  const char *name;
  gan_output output;
  ag_tensor *(*real)(ag_tensor *real_output);
  ag_tensor *(*fake)(ag_tensor *fake_output);
  ag_tensor *(*generator)(ag_tensor *fake_output);
  double gradient_penalty; /* weight of gan_gradient_penalty in the discriminator's loss; 0: none */
  double weight_clip;      /* the discriminator's weights are kept in [-c, c]; 0: they are free */
} gan_loss;

/* Cross-entropy on logits, the generator's non-saturating: -log D(x) - log(1 - D(G(z))), and -log D(G(z)) (Goodfellow
 * et al. 2014, section 3). */
extern const gan_loss gan_cross_entropy;
/* The same game for the discriminator; the generator descends log(1 - D(G(z))), which saturates (the same, eq. 1). */
extern const gan_loss gan_minimax;
/* ((D(x) - 1)^2 + D(G(z))^2) / 2, and (D(G(z)) - 1)^2 / 2 (Mao et al. 2017, eq. 9). */
extern const gan_loss gan_least_squares;
/* max(0, 1 - D(x)) + max(0, 1 + D(G(z))), and -D(G(z)) (Miyato et al. 2018, eq. 16 and 17). */
extern const gan_loss gan_hinge;
/* D(G(z)) - D(x), and -D(G(z)), with weights clipped to 0.01 (Arjovsky et al. 2017, algorithm 1). */
extern const gan_loss gan_wasserstein;
/* The same without clipping, with a gradient penalty of 10 (Gulrajani et al. 2017, eq. 3). */
extern const gan_loss gan_wasserstein_gp;

/* All of these, ended by NULL. */
extern const gan_loss *const gan_losses[];
/* NULL without an error when there is none of that name. */
const gan_loss *gan_loss_find(const char *name);
