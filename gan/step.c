#include "gan/step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Both networks' outputs of one pass, and what they lose. */
typedef struct {
  gan_batch real, fake;
  ag_tensor *real_output, *fake_output, *d_loss, *g_loss;
} pass;

static double share_above(ag_tensor *outputs, double cut) {
  return ag_item(ag_mean(ag_greater(outputs, ag_scalar(cut))));
}

static double mean_output(gan_output kind, ag_tensor *outputs) {
  return ag_item(ag_mean(kind == GAN_LOGIT ? ag_sigmoid(outputs) : outputs));
}

static double mean_deviation(ag_tensor *samples) {
  ag_tensor *centred = ag_sub(samples, ag_mean_axes(samples, AG_AXES(0), true));
  return ag_item(ag_mean(ag_sqrt(ag_mean_axes(ag_square(centred), AG_AXES(0), false))));
}

static double cut_of(gan_output kind, double d_real, double d_fake) {
  if (kind == GAN_LOGIT) return 0;
  return kind == GAN_VALUE ? 0.5 : 0.5 * (d_real + d_fake);
}

static bool is_finite(const char *network, double loss) {
  if (ag_failed()) return false;
  if (isfinite(loss)) return true;
  return ag_fail(AG_ERROR_NONFINITE,
                 "training step: the %s's loss is %g, expected a finite number; its weights were left as before",
                 network, loss);
}

/* Its sum, or that of its squares, which is added to *squares, tells quickly; where that is not finite the floats may
 * have overflowed. */
static bool all_finite(ag_tensor *gradient, double *squares) {
  double sum = ag_item(ag_sum(squares ? ag_square(gradient) : gradient));
  const ag_real *values = isfinite(sum) ? NULL : ag_data(gradient);
  if (values) sum = 0;
  for (size_t i = 0; values && i < ag_size(gradient); i++) {
    if (!isfinite(values[i])) return false;
    sum += (double)values[i] * (double)values[i];
  }
  if (squares) *squares += sum;
  return true;
}

/* *norm becomes that of all of them together, unless norm is NULL. */
static bool are_finite(ag_list gradients, double *norm) {
  ag_scope *scope = ag_scope_enter();
  bool finite = scope != NULL;
  double total = 0;
  for (size_t i = 0; finite && i < gradients.count; i++) {
    ag_tensor *gradient = gradients.items[i];
    if (!gradient) continue;
    if (all_finite(gradient, norm ? &total : NULL)) continue;
    finite = ag_fail(AG_ERROR_NONFINITE,
                     "training step: the gradient of weight %zu, of shape %s, is not finite; weights were left as "
                     "before",
                     i, ag_shape_print(ag_shape_of(gradient)).text);
  }
  ag_scope_leave(scope);
  if (norm) *norm = sqrt(total);
  return finite;
}

static bool tell(gan_figures *figures, gan_output kind, const pass *p) {
  double d_real = mean_output(kind, p->real_output), d_fake = mean_output(kind, p->fake_output);
  double cut = cut_of(kind, d_real, d_fake);
  *figures = (gan_figures){
      .g_loss = ag_item(p->g_loss),
      .d_loss = ag_item(p->d_loss),
      .d_real = d_real,
      .d_fake = d_fake,
      .accuracy = 0.5 * (share_above(p->real_output, cut) + 1 - share_above(p->fake_output, cut)),
      .spread = mean_deviation(p->fake.samples) / mean_deviation(p->real.samples),
      .g_gradient = NAN,
  };
  return is_finite("generator", figures->g_loss) && is_finite("discriminator", figures->d_loss);
}

/* What a function of the pair's loss, which may be the user's own, makes of the outputs. */
static ag_tensor *lose(ag_tensor *(*loss)(ag_tensor *), ag_tensor *outputs) {
  ag_tensor *value = loss(outputs);
  if (value && ag_size(value) == 1) return value;
  if (!value) return ag_fail(AG_ERROR_ARGUMENT, "training step: a function of the loss gave NULL without an error");
  return ag_fail(AG_ERROR_SHAPE, "training step: a function of the loss gave %s, expected one number",
                 ag_shape_print(ag_shape_of(value)).text);
}

/* The discriminator's loss, its gradient penalty included. */
static ag_tensor *discriminator_loss(gan_pair *pair, const pass *p, ag_rng *rng) {
  ag_tensor *loss = ag_add(lose(pair->loss->real, p->real_output), lose(pair->loss->fake, p->fake_output));
  double weight = pair->loss->gradient_penalty;
  return weight > 0 ? ag_add(loss, ag_scale(gan_gradient_penalty(pair, p->real, p->fake.samples, rng), weight)) : loss;
}

/* Both batches under the tapes that run. */
static void discriminate(gan_pair *pair, pass *p, ag_rng *rng) {
  p->real_output = gan_discriminate(pair, p->real, rng);
  p->fake_output = gan_discriminate(pair, p->fake, rng);
  p->g_loss = lose(pair->loss->generator, p->fake_output);
  p->d_loss = discriminator_loss(pair, p, rng);
}

static bool update(ag_tape *tape, ag_tensor *loss, nn_layer *network, nn_optimizer *optimizer, double *norm) {
  ag_list variables = nn_trainable_variables(network), gradients = ag_gradients(tape, loss, variables);
  return are_finite(gradients, norm) && nn_apply_gradients(optimizer, variables, gradients);
}

bool gan_update(ag_tape *tape, ag_tensor *loss, nn_layer *network, nn_optimizer *optimizer) {
  return update(tape, loss, network, optimizer, NULL);
}

/* What follows the update of each network. */
static bool after_discriminator(gan_pair *pair) {
  pair->discriminator_steps++;
  return pair->loss->weight_clip == 0 || gan_clip_weights(pair->discriminator, pair->loss->weight_clip);
}

static bool after_generator(gan_pair *pair) {
  double steps = (double)pair->generator_steps++;
  if (!pair->average) return true;
  return gan_follow(pair->average, pair->generator, fmin(pair->average_decay, (1 + steps) / (10 + steps)));
}

static int64_t count_of(gan_batch batch) { return ag_shape_of(batch.samples).sizes[0]; }

static bool check(const char *name, const gan_pair *pair, gan_batch real, const ag_rng *rng,
                  const gan_figures *figures) {
  const gan_loss *loss = pair ? pair->loss : NULL;
  bool whole = loss && loss->real && loss->fake && loss->generator;
  if (whole && real.samples && ag_shape_of(real.samples).rank > 0 && rng && figures) return gan_pair_fits(pair);
  return ag_fail_null(name, "an argument, or the pair's loss or one of its functions");
}

/* A part of a step with one update, or with both from one pass. */
typedef bool turn_function(gan_pair *pair, ag_rng *rng, void *context);

/* Does once more, but for the updates, what gave a value that is not finite, and adds to the pending error which op
 * was the first. */
static void explain(turn_function *turn, const gan_pair *pair, ag_rng rng, void *context) {
  char sentence[256];
  snprintf(sentence, sizeof sentence, "%s", ag_error_message());
  ag_error_clear();
  gan_pair idle = *pair;
  idle.generator_optimizer = idle.discriminator_optimizer = NULL; /* an error where it would update */
  ag_nonfinite found = {0};
  ag_observe(ag_find_nonfinite, &found);
  turn(&idle, &rng, context);
  ag_observe(NULL, NULL);
  ag_error_clear();
  if (!found.op) ag_fail(AG_ERROR_NONFINITE, "%s", sentence);
  else
    ag_fail(AG_ERROR_NONFINITE, "%s; %s was the first op to give %g, in element %zu of shape %s%s", sentence, found.op,
            found.value, found.index, ag_shape_print(found.shape).text,
            found.from_input ? ", from an input that was not finite" : "");
}

static bool attempt(turn_function *turn, gan_pair *pair, ag_rng *rng, void *context) {
  ag_rng before = *rng;
  bool done = turn(pair, rng, context);
  if (!done && ag_error_kind() == AG_ERROR_NONFINITE) explain(turn, pair, before, context);
  return done;
}

/* What a turn is made with. */
typedef struct {
  gan_batch real;
  gan_figures *figures;
  bool (*wanted)(ag_tensor *fake_output); /* the discriminator learns where it says so of its outputs; NULL: always */
} turn_context;

/* Runs a step in a scope of its own. */
static bool run(gan_step *step, const char *name, gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  if (!check(name, pair, real, rng, figures)) return false;
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  bool done = step(pair, real, rng, figures);
  ag_scope_leave(scope);
  return done;
}

static bool both_turns(gan_pair *pair, ag_rng *rng, void *context) {
  const turn_context *turn = context;
  gan_batch real = turn->real;
  ag_tape *gen_tape = ag_tape_start();
  ag_tape *disc_tape = ag_tape_start();
  pass p = {.real = real, .fake = {gan_forge(pair, count_of(real), real.labels, rng), real.labels}};
  discriminate(pair, &p, rng);
  ag_tape_stop(disc_tape);
  ag_tape_stop(gen_tape);
  if (!tell(turn->figures, pair->loss->output, &p)) return false;

  ag_list gen_variables = nn_trainable_variables(pair->generator);
  ag_list disc_variables = nn_trainable_variables(pair->discriminator);
  ag_list gen_gradients = ag_gradients(gen_tape, p.g_loss, gen_variables);
  ag_list disc_gradients = ag_gradients(disc_tape, p.d_loss, disc_variables);
  if (ag_failed() || !are_finite(gen_gradients, &turn->figures->g_gradient) || !are_finite(disc_gradients, NULL))
    return false;
  return nn_apply_gradients(pair->generator_optimizer, gen_variables, gen_gradients) &&
         nn_apply_gradients(pair->discriminator_optimizer, disc_variables, disc_gradients) &&
         after_discriminator(pair) && after_generator(pair);
}

static bool dual_tape(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  return attempt(both_turns, pair, rng, &(turn_context){.real = real, .figures = figures});
}

bool gan_dual_tape_step(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  return run(dual_tape, "gan_dual_tape_step", pair, real, rng, figures);
}

static bool discriminator_turn(gan_pair *pair, ag_rng *rng, void *context) {
  const turn_context *turn = context;
  gan_batch real = turn->real;
  pass p = {.real = real, .fake = {ag_detach(gan_forge(pair, count_of(real), real.labels, rng)), real.labels}};
  ag_tape *tape = ag_tape_start();
  discriminate(pair, &p, rng);
  ag_tape_stop(tape);
  if (!tell(turn->figures, pair->loss->output, &p)) return false;
  if (turn->wanted && !turn->wanted(p.fake_output)) return !ag_failed();
  return gan_update(tape, p.d_loss, pair->discriminator, pair->discriminator_optimizer) && after_discriminator(pair);
}

bool gan_discriminator_turn(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  return check("gan_discriminator_turn", pair, real, rng, figures) &&
         attempt(discriminator_turn, pair, rng, &(turn_context){.real = real, .figures = figures});
}

static bool generator_turn(gan_pair *pair, ag_rng *rng, void *context) {
  const turn_context *turn = context;
  gan_batch real = turn->real;
  ag_tape *tape = ag_tape_start();
  gan_batch fake = {gan_forge(pair, count_of(real), real.labels, rng), real.labels};
  ag_tensor *loss = lose(pair->loss->generator, gan_discriminate(pair, fake, rng));
  ag_tape_stop(tape);
  turn->figures->g_loss = ag_item(loss);
  return is_finite("generator", turn->figures->g_loss) &&
         update(tape, loss, pair->generator, pair->generator_optimizer, &turn->figures->g_gradient) &&
         after_generator(pair);
}

bool gan_generator_turn(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  return check("gan_generator_turn", pair, real, rng, figures) &&
         attempt(generator_turn, pair, rng, &(turn_context){.real = real, .figures = figures});
}

bool gan_frozen_generator_turn(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  if (!check("gan_frozen_generator_turn", pair, real, rng, figures)) return false;
  nn_set_trainable(pair->discriminator, false);
  bool done = gan_generator_turn(pair, real, rng, figures);
  nn_set_trainable(pair->discriminator, true);
  return done;
}

static bool alternating(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  if (!gan_discriminator_turn(pair, real, rng, figures)) return false;
  bool rests = pair->critic_steps > 1 && pair->discriminator_steps % pair->critic_steps != 0;
  return rests || gan_generator_turn(pair, real, rng, figures);
}

bool gan_alternating_step(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  return run(alternating, "gan_alternating_step", pair, real, rng, figures);
}

/* Less than 80%: counted, for shares are rounded. */
static bool recognises_too_few(ag_tensor *fake_output) {
  double taken_for_real = ag_item(ag_sum(ag_greater(ag_sigmoid(fake_output), ag_scalar(0.4))));
  return 5 * taken_for_real > (double)ag_size(fake_output);
}

static bool threshold(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  if (!gan_step_fits(gan_threshold_step, pair->loss, count_of(real), pair->pack)) return false;
  turn_context turn = {.real = real, .figures = figures, .wanted = recognises_too_few};
  return attempt(discriminator_turn, pair, rng, &turn) && gan_frozen_generator_turn(pair, real, rng, figures);
}

bool gan_threshold_step(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  return run(threshold, "gan_threshold_step", pair, real, rng, figures);
}

/* Samples of one kind, and what becomes of them. */
typedef struct {
  gan_batch batch;
  ag_tensor *(*loss_of)(ag_tensor *output);
  ag_tensor *output, *loss;
} half;

/* One update of the discriminator on samples of one kind. */
static bool learn(gan_pair *pair, ag_rng *rng, void *context) {
  half *h = context;
  ag_tape *tape = ag_tape_start();
  h->output = gan_discriminate(pair, h->batch, rng);
  h->loss = lose(h->loss_of, h->output);
  ag_tape_stop(tape);
  return is_finite("discriminator", ag_item(h->loss)) &&
         gan_update(tape, h->loss, pair->discriminator, pair->discriminator_optimizer);
}

static gan_batch first_half(gan_batch batch) {
  int64_t count = count_of(batch) / 2;
  return (gan_batch){ag_slice(batch.samples, 0, 0, count), batch.labels ? ag_slice(batch.labels, 0, 0, count) : NULL};
}

static bool half_batch(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  if (!gan_step_fits(gan_half_batch_step, pair->loss, count_of(real), pair->pack)) return false;
  half truth = {.batch = first_half(real), .loss_of = pair->loss->real}, forgery = {.loss_of = pair->loss->fake};
  ag_tensor *labels = truth.batch.labels;
  forgery.batch = (gan_batch){ag_detach(gan_forge(pair, count_of(real) / 2, labels, rng)), labels};
  if (!attempt(learn, pair, rng, &truth) || !attempt(learn, pair, rng, &forgery)) return false;
  pass p = {.real = truth.batch,
            .fake = forgery.batch,
            .real_output = truth.output,
            .fake_output = forgery.output,
            .d_loss = ag_scale(ag_add(truth.loss, forgery.loss), 0.5),
            .g_loss = lose(pair->loss->generator, forgery.output)};
  return tell(figures, pair->loss->output, &p) && after_discriminator(pair) &&
         gan_frozen_generator_turn(pair, real, rng, figures);
}

bool gan_half_batch_step(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  return run(half_batch, "gan_half_batch_step", pair, real, rng, figures);
}

static const struct {
  const char *name;
  gan_step *step;
} steps[] = {
    {"dual-tape", gan_dual_tape_step},
    {"alternating", gan_alternating_step},
    {"threshold", gan_threshold_step},
    {"half-batch", gan_half_batch_step},
};
enum { STEPS = sizeof steps / sizeof *steps };

/* In packs, and a half-batch step's halves, too. */
static bool can_be_packed(gan_step *step, int64_t batch, int64_t pack) {
  int64_t half = step == gan_half_batch_step ? batch / 2 : batch, together = pack > 1 ? pack : 1;
  return (half > 0 && batch % together == 0 && half % together == 0) ||
         ag_fail(AG_ERROR_ARGUMENT, "training step: batches of %lld samples%s, expected a positive multiple of %lld",
                 (long long)batch, half < batch ? ", of which the discriminator takes halves" : "",
                 (long long)(half < batch ? 2 * together : together));
}

bool gan_step_fits(gan_step *step, const gan_loss *loss, int64_t batch, int64_t pack) {
  if (!step || !loss) return ag_fail_null("gan_step_fits", "step or loss");
  if (step == gan_threshold_step && loss->output != GAN_LOGIT)
    return ag_fail(AG_ERROR_ARGUMENT,
                   "threshold step: D(G(z)) < 0.4 means nothing for the loss %s, expected one on logits", loss->name);
  if (step == gan_half_batch_step && loss->gradient_penalty > 0)
    return ag_fail(AG_ERROR_ARGUMENT, "half-batch step: the loss %s has a gradient penalty, which needs both halves",
                   loss->name);
  return can_be_packed(step, batch, pack);
}

const char *gan_step_name(gan_step *step) {
  for (int i = 0; i < STEPS; i++)
    if (steps[i].step == step) return steps[i].name;
  return NULL;
}

gan_step *gan_step_find(const char *name) {
  for (int i = 0; i < STEPS; i++)
    if (name && strcmp(steps[i].name, name) == 0) return steps[i].step;
  return NULL;
}
