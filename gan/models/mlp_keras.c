/* Dense layers, as Keras tutorials train them: the discriminator on half a batch of real images with smoothed labels,
 * then on half a batch of forgeries; the generator through a frozen discriminator. One Adam serves both. */
#include "gan/models/models.h"

static nn_layer *make_generator(void) {
  return nn_sequential(nn_dense(256), nn_leaky_relu(.slope = 0.2),

                       nn_dense(512), nn_leaky_relu(.slope = 0.2),

                       nn_dense(1024), nn_leaky_relu(.slope = 0.2),

                       nn_dense(784, .activation = NN_TANH));
}

static nn_layer *make_discriminator(void) {
  return nn_sequential(nn_dense(512), nn_leaky_relu(.slope = 0.2),

                       nn_dense(256), nn_leaky_relu(.slope = 0.2),

                       nn_dense(1));
}

static nn_optimizer *make_optimizer(void) { return nn_adam(.learning_rate = 2e-4, .beta1 = 0.5); }

/* One-sided label smoothing (Salimans et al. 2016, section 3.4). */
static ag_tensor *smoothed_real(ag_tensor *logits) { return ag_mean(ag_sigmoid_cross_entropy(ag_scalar(0.9), logits)); }
static ag_tensor *fake(ag_tensor *logits) { return gan_cross_entropy.fake(logits); }
static ag_tensor *generator(ag_tensor *logits) { return gan_cross_entropy.generator(logits); }
static const gan_loss smoothed_cross_entropy = {
    "smoothed-cross-entropy", GAN_LOGIT, smoothed_real, fake, generator, 0, 0};

const gan_model gan_mlp_keras = {
    .name = "mlp-keras",
    .about = "dense layers; half batches, smoothed labels, one optimizer for both networks",
    .make_generator = make_generator,
    .make_discriminator = make_discriminator,
    .make_optimizer = make_optimizer,
    .shared_optimizer = true,
    .loss = &smoothed_cross_entropy,
    .step = gan_half_batch_step,
    .noise = 100,
    .batch = 256,
    .epochs = 50,
    .shown = 100,
    .keep_every = 5,
    .black = -1,
};
