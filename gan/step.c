#include "gan/step.h"

#include <math.h>

/* N(0, 1), one row a sample. */
static ag_tensor *draw_noise(nn_layer *generator, int64_t batch, ag_rng *rng) {
  ag_shape shape = nn_input_shape(generator);
  int64_t sizes[AG_MAX_RANK + 1] = {batch};
  for (int i = 0; i < shape.rank; i++) sizes[i + 1] = shape.sizes[i];
  return ag_normal(rng, ag_shape_make(shape.rank + 1, sizes), 0, 1);
}

static double share_above_zero(ag_tensor *logits) { return ag_item(ag_mean(ag_greater(logits, ag_scalar(0)))); }

static bool tell(gan_figures *figures, ag_tensor *g_loss, ag_tensor *d_loss, ag_tensor *real_output,
                 ag_tensor *fake_output) {
  *figures = (gan_figures){
      .g_loss = ag_item(g_loss),
      .d_loss = ag_item(d_loss),
      .d_real = ag_item(ag_mean(ag_sigmoid(real_output))),
      .d_fake = ag_item(ag_mean(ag_sigmoid(fake_output))),
      .accuracy = 0.5 * (share_above_zero(real_output) + 1 - share_above_zero(fake_output)),
  };
  if (ag_failed()) return false;
  if (isfinite(figures->g_loss) && isfinite(figures->d_loss)) return true;
  ag_fail(AG_ERROR_ARGUMENT,
          "training step: the losses are %g (generator) and %g (discriminator), expected finite "
          "numbers; the weights were left as before",
          figures->g_loss, figures->d_loss);
  return false;
}

static bool step_in_scope(gan_pair *pair, ag_tensor *real, ag_rng *rng, gan_figures *figures) {
  ag_tensor *noise = draw_noise(pair->generator, ag_shape_of(real).sizes[0], rng);

  ag_tape *gen_tape = ag_tape_start();
  ag_tape *disc_tape = ag_tape_start();
  ag_tensor *generated = nn_forward(pair->generator, noise, NN_TRAIN(rng));
  ag_tensor *real_output = nn_forward(pair->discriminator, real, NN_TRAIN(rng));
  ag_tensor *fake_output = nn_forward(pair->discriminator, generated, NN_TRAIN(rng));
  ag_tensor *gen_loss = pair->loss->generator(fake_output);
  ag_tensor *disc_loss = pair->loss->discriminator(real_output, fake_output);
  ag_tape_stop(disc_tape);
  ag_tape_stop(gen_tape);
  if (!tell(figures, gen_loss, disc_loss, real_output, fake_output)) return false;

  ag_list gen_variables = nn_trainable_variables(pair->generator);
  ag_list disc_variables = nn_trainable_variables(pair->discriminator);
  ag_list gen_gradients = ag_gradients(gen_tape, gen_loss, gen_variables);
  ag_list disc_gradients = ag_gradients(disc_tape, disc_loss, disc_variables);
  if (ag_failed()) return false;
  return nn_apply_gradients(pair->generator_optimizer, gen_variables, gen_gradients) &&
         nn_apply_gradients(pair->discriminator_optimizer, disc_variables, disc_gradients);
}

bool gan_dual_tape_step(gan_pair *pair, ag_tensor *real, ag_rng *rng, gan_figures *figures) {
  if (!pair || !real || !rng || !figures) return ag_fail_null("gan_dual_tape_step", "an argument");
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  bool done = step_in_scope(pair, real, rng, figures);
  ag_scope_leave(scope);
  return done;
}
