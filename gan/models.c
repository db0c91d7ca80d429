#include <string.h>

#include "gan/model.h"
#include "gan/models/models.h"

const gan_model *const gan_models[] = {&gan_dcgan,
                                       &gan_dcgan_6272,
                                       &gan_mlp_keras,
                                       &gan_mlp_torch,
                                       &gan_minimax_mlp,
                                       &gan_dcgan_paper,
                                       &gan_dcgan_small,
                                       &gan_wgan,
                                       &gan_wgan_gp,
                                       &gan_sngan,
                                       &gan_ring_toy,
                                       &gan_grid_toy,
                                       NULL};

const gan_model *gan_model_find(const char *name) {
  for (const gan_model *const *model = gan_models; *model; model++)
    if (name && strcmp((*model)->name, name) == 0) return *model;
  return NULL;
}

/* What the discriminator is to judge: samples with their label and packed, as gan_discriminate hands them over. */
static ag_shape judged_shape(const gan_pair *pair) {
  ag_shape shape = nn_output_shape(pair->generator);
  if (shape.rank > 0)
    shape.sizes[shape.rank - 1] = (shape.sizes[shape.rank - 1] + pair->classes) * (pair->pack > 1 ? pair->pack : 1);
  return shape;
}

/* A copy of the generator's first values, to follow it from there. */
static bool make_average(gan_pair *pair, const gan_model *model) {
  ag_rng rng = ag_rng_seed(0);
  pair->average = model->make_generator();
  return nn_build(pair->average, nn_input_shape(pair->generator), &rng) &&
         gan_follow(pair->average, pair->generator, 0);
}

bool gan_pair_make(gan_pair *pair, const gan_model *model, ag_rng *rng) {
  if (!pair || !model || !rng) return ag_fail_null("gan_pair_make", "pair, model or rng");
  *pair = (gan_pair){
      .generator = model->make_generator(),
      .discriminator = model->make_discriminator(),
      .generator_optimizer = model->make_optimizer(),
      .loss = model->loss,
      .average_decay = model->average,
      .classes = model->classes,
      .pack = model->pack,
      .critic_steps = model->critic_steps,
      .frozen_after = model->frozen_after,
  };
  pair->discriminator_optimizer = model->shared_optimizer ? pair->generator_optimizer : model->make_optimizer();
  ag_scope *scope = ag_scope_enter();
  bool made = scope && nn_build(pair->generator, AG_SHAPE(model->noise + model->classes), rng) &&
              nn_build(pair->discriminator, judged_shape(pair), rng) &&
              (model->average == 0 || make_average(pair, model)) && !ag_failed();
  ag_scope_leave(scope);
  if (!made) gan_pair_free(pair);
  return made;
}
