#include "gan/losses.h"

static ag_tensor *cross_entropy(double label, ag_tensor *logits) {
  return ag_mean(ag_sigmoid_cross_entropy(ag_scalar(label), logits));
}

static ag_tensor *generator_loss(ag_tensor *fake_output) { return cross_entropy(1, fake_output); }

static ag_tensor *discriminator_loss(ag_tensor *real_output, ag_tensor *fake_output) {
  return ag_add(cross_entropy(1, real_output), cross_entropy(0, fake_output));
}

const gan_loss gan_cross_entropy = {"cross-entropy", generator_loss, discriminator_loss};
