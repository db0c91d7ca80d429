#include "gan/losses.h"

#include <string.h>

static ag_tensor *cross_entropy_to(double label, ag_tensor *logits) {
  return ag_mean(ag_sigmoid_cross_entropy(ag_scalar(label), logits));
}
static ag_tensor *cross_entropy_of_real(ag_tensor *logits) { return cross_entropy_to(1, logits); }
static ag_tensor *cross_entropy_of_fake(ag_tensor *logits) { return cross_entropy_to(0, logits); }
/* log(1 - sigmoid(x)) = -softplus(x), which stays finite where 1 - sigmoid(x) rounds to 0. */
static ag_tensor *saturating(ag_tensor *logits) { return ag_neg(ag_mean(ag_softplus(logits))); }

static ag_tensor *half_square_to_one(ag_tensor *values) {
  return ag_scale(ag_mean(ag_square(ag_add_scalar(values, -1))), 0.5);
}
static ag_tensor *half_square(ag_tensor *values) { return ag_scale(ag_mean(ag_square(values)), 0.5); }

static ag_tensor *hinge_of_real(ag_tensor *scores) { return ag_mean(ag_relu(ag_add_scalar(ag_neg(scores), 1))); }
static ag_tensor *hinge_of_fake(ag_tensor *scores) { return ag_mean(ag_relu(ag_add_scalar(scores, 1))); }

static ag_tensor *mean(ag_tensor *scores) { return ag_mean(scores); }
static ag_tensor *minus_mean(ag_tensor *scores) { return ag_neg(ag_mean(scores)); }

const gan_loss gan_cross_entropy = {
    "cross-entropy", GAN_LOGIT, cross_entropy_of_real, cross_entropy_of_fake, cross_entropy_of_real, 0, 0};
const gan_loss gan_minimax = {"minimax", GAN_LOGIT, cross_entropy_of_real, cross_entropy_of_fake, saturating, 0, 0};
const gan_loss gan_least_squares = {
    "least-squares", GAN_VALUE, half_square_to_one, half_square, half_square_to_one, 0, 0};
const gan_loss gan_hinge = {"hinge", GAN_SCORE, hinge_of_real, hinge_of_fake, minus_mean, 0, 0};
const gan_loss gan_wasserstein = {"wasserstein", GAN_SCORE, minus_mean, mean, minus_mean, 0, 0.01};
const gan_loss gan_wasserstein_gp = {"wasserstein-gp", GAN_SCORE, minus_mean, mean, minus_mean, 10, 0};

const gan_loss *const gan_losses[] = {
    &gan_cross_entropy, &gan_minimax, &gan_least_squares, &gan_hinge, &gan_wasserstein, &gan_wasserstein_gp, NULL};

const gan_loss *gan_loss_find(const char *name) {
  for (const gan_loss *const *loss = gan_losses; *loss; loss++)
    if (name && strcmp((*loss)->name, name) == 0) return *loss;
  return NULL;
}
