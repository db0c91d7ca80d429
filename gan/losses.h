/* What generator and discriminator minimise, from the discriminator's outputs. */
#pragma once

#include "autograd/autograd.h"

/* Both take outputs of any one shape (logits, [batch, 1]) and return a scalar. */
typedef struct {
  const char *name;
  ag_tensor *(*generator)(ag_tensor *fake_output);
  ag_tensor *(*discriminator)(ag_tensor *real_output, ag_tensor *fake_output);
} gan_loss;

/* Cross-entropy on logits, the generator's non-saturating (Goodfellow et al. 2014, section 3): it maximises
 * log D(G(z)); the discriminator maximises log D(x) + log(1 - D(G(z))). Both are means over the batch. */
extern const gan_loss gan_cross_entropy;
