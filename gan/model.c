#include "gan/model.h"

#include <math.h>

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
  if (!nn_build(pair->average, nn_input_shape(pair->generator), &rng)) return false;
  ag_list copies = nn_variables(pair->average), originals = nn_variables(pair->generator);
  if (ag_failed()) return false;
  for (size_t i = 0; i < copies.count; i++)
    if (!ag_assign(copies.items[i], originals.items[i])) return false;
  return !ag_failed();
}

static nn_optimizer *discriminator_optimizer(const gan_pair *pair, const gan_model *model) {
  if (model->shared_optimizer) return pair->generator_optimizer;
  return model->make_discriminator_optimizer ? model->make_discriminator_optimizer() : model->make_optimizer();
}

bool gan_pair_make(gan_pair *pair, const gan_model *model, ag_rng *rng) {
  if (!pair || !model || !rng) return ag_fail_null("gan_pair_make", "pair, model or rng");
  if (!model->make_generator || !model->make_discriminator || !model->make_optimizer || !model->loss)
    return ag_fail_null("gan_pair_make", "the model's make_generator, make_discriminator, make_optimizer or loss");
  if (model->noise < 1 || model->noise > INT32_MAX)
    return ag_fail(AG_ERROR_ARGUMENT, "pair: noise of size %lld, expected 1 to 2^31 - 1", (long long)model->noise);
  double first = model->instance_noise.first, last = model->instance_noise.last;
  if (!(isfinite(first) && isfinite(last) && first >= 0 && last >= 0 && (first > 0) == (last > 0)))
    return ag_fail(AG_ERROR_ARGUMENT, "pair: instance noise from %g to %g, expected two positive numbers or two zeros",
                   first, last);
  *pair = (gan_pair){
      .loss = model->loss,
      .average_decay = model->average,
      .classes = model->classes,
      .pack = model->pack,
      .critic_steps = model->critic_steps,
      .instance_noise = first,
      .wide_noise = model->wide_noise.deviation,
      .wide_share = model->wide_noise.share,
      .freeze_after = model->freeze_after,
  };
  if (!gan_pair_fits(pair)) return gan_pair_free(pair), false;
  pair->generator = model->make_generator();
  pair->discriminator = model->make_discriminator();
  pair->generator_optimizer = model->make_optimizer();
  pair->discriminator_optimizer = discriminator_optimizer(pair, model);
  if (!pair->generator || !pair->discriminator || !pair->generator_optimizer || !pair->discriminator_optimizer)
    ag_fail(AG_ERROR_ARGUMENT, "pair: a function of the model's gave NULL instead of a layer or an optimizer");
  ag_scope *scope = ag_scope_enter();
  bool made = scope && nn_build(pair->generator, AG_SHAPE(model->noise + model->classes), rng) &&
              nn_build(pair->discriminator, judged_shape(pair), rng) &&
              (model->average == 0 || make_average(pair, model)) && !ag_failed();
  ag_scope_leave(scope);
  if (!made) gan_pair_free(pair);
  return made;
}
