/* Linear layers, as PyTorch tutorials have them, with PyTorch's defaults: the discriminator on detached forgeries, then
 * the generator on fresh ones. */
#include "gan/models/models.h"

static const nn_init torch = {.kind = NN_TORCH_UNIFORM};

static nn_layer *linear(int units) { return nn_dense(units, .kernel_init = torch, .bias_init = torch); }

static nn_layer *generator_block(int units) {
  return nn_sequential(linear(units), nn_batch_norm(.momentum = 0.9, .epsilon = 1e-5), nn_activation(NN_RELU));
}

static nn_layer *discriminator_block(int units) { return nn_sequential(linear(units), nn_leaky_relu(.slope = 0.2)); }

nn_layer *gan_mlp_torch_generator(void) {
  return nn_sequential(generator_block(128), generator_block(256), generator_block(512), generator_block(1024),
                       linear(784), nn_activation(NN_SIGMOID));
}

nn_layer *gan_mlp_torch_discriminator(void) {
  return nn_sequential(discriminator_block(512), discriminator_block(256), discriminator_block(128), linear(1));
}

static nn_optimizer *make_optimizer(void) { return nn_adam(.learning_rate = 1e-4, .epsilon = 1e-8); }

/* The tutorial takes the mean of both halves. */
static ag_tensor *half_real(ag_tensor *logits) { return ag_scale(gan_cross_entropy.real(logits), 0.5); }
static ag_tensor *half_fake(ag_tensor *logits) { return ag_scale(gan_cross_entropy.fake(logits), 0.5); }
static ag_tensor *generator(ag_tensor *logits) { return gan_cross_entropy.generator(logits); }
static const gan_loss mean_cross_entropy = {"mean-cross-entropy", GAN_LOGIT, half_real, half_fake, generator, 0, 0};

const gan_model gan_mlp_torch = {
    .name = "mlp-torch",
    .about = "linear layers with batch norm; the discriminator on detached forgeries first",
    .make_generator = gan_mlp_torch_generator,
    .make_discriminator = gan_mlp_torch_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &mean_cross_entropy,
    .step = gan_alternating_step,
    .noise = 64,
    .batch = 256,
    .epochs = 50,
    .black = 0,
};
