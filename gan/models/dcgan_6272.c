/* A dense layer of 6272 = 7 x 7 x 128 features, enlarged twice to 28 x 28. The discriminator learns only while it does
 * not recognise the forgeries anyway. */
#include "gan/models/models.h"

static nn_layer *enlarge(int filters) {
  return nn_sequential(nn_upsampling2d(2), nn_conv2d(filters, 5, .padding = NN_SAME), nn_batch_norm(), nn_leaky_relu());
}

static nn_layer *make_generator(void) {
  return nn_sequential(nn_dense(7 * 7 * 128), nn_reshape(7, 7, 128),

                       enlarge(64), /* 14 x 14 */
                       enlarge(32), /* 28 x 28 */

                       nn_conv2d(1, 5, .padding = NN_SAME, .activation = NN_TANH));
}

static nn_optimizer *make_optimizer(void) { return nn_adam(.learning_rate = 2e-4, .beta1 = 0.5); }

const gan_model gan_dcgan_6272 = {
    .name = "dcgan-6272",
    .about = "upsampling and convolutions; the discriminator rests while it is ahead",
    .make_generator = make_generator,
    .make_discriminator = gan_dcgan_discriminator,
    .make_optimizer = make_optimizer,
    .loss = &gan_cross_entropy,
    .step = gan_threshold_step,
    .noise = 100,
    .batch = 256,
    .epochs = 50,
    .black = -1,
};
