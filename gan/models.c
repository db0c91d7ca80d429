#include <string.h>

#include "gan/dataset.h"
#include "gan/model.h"

extern const gan_model gan_dcgan;

const gan_model *const gan_models[] = {&gan_dcgan, NULL};

const gan_model *gan_model_find(const char *name) {
  for (const gan_model *const *model = gan_models; *model; model++)
    if (name && strcmp((*model)->name, name) == 0) return *model;
  return NULL;
}

bool gan_pair_make(gan_pair *pair, const gan_model *model, ag_rng *rng) {
  if (!pair || !model || !rng) return ag_fail_null("gan_pair_make", "pair, model or rng");
  *pair = (gan_pair){
      .generator = model->make_generator(),
      .discriminator = model->make_discriminator(),
      .generator_optimizer = model->make_optimizer(),
      .discriminator_optimizer = model->make_optimizer(),
      .loss = model->loss,
  };
  bool made = nn_build(pair->generator, AG_SHAPE(model->noise), rng) &&
              nn_build(pair->discriminator, AG_SHAPE(GAN_IMAGE_SIZE, GAN_IMAGE_SIZE, 1), rng) && !ag_failed();
  if (!made) gan_pair_free(pair);
  return made;
}

void gan_pair_free(gan_pair *pair) {
  if (!pair) return;
  nn_layer_free(pair->generator);
  nn_layer_free(pair->discriminator);
  nn_optimizer_free(pair->generator_optimizer);
  nn_optimizer_free(pair->discriminator_optimizer);
  *pair = (gan_pair){0};
}
