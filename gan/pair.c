#include "gan/pair.h"

#include <float.h>
#include <math.h>
#include <string.h>

void gan_pair_free(gan_pair *pair) {
  if (!pair) return;
  nn_layer_free(pair->generator);
  nn_layer_free(pair->discriminator);
  nn_layer_free(pair->average);
  if (pair->discriminator_optimizer != pair->generator_optimizer) nn_optimizer_free(pair->discriminator_optimizer);
  nn_optimizer_free(pair->generator_optimizer);
  *pair = (gan_pair){0};
}

bool gan_pair_fits(const gan_pair *pair) {
  if (!pair) return ag_fail_null("gan_pair_fits", "pair");
  const struct {
    const char *name;
    double value, most;
  } numbers[] = {
      {"classes", (double)pair->classes, INT32_MAX},
      {"pack", (double)pair->pack, INT32_MAX},
      {"critic_steps", (double)pair->critic_steps, INT32_MAX},
      {"freeze_after", (double)pair->freeze_after, INFINITY},
      {"average_decay", pair->average_decay, 1},
      {"instance_noise", pair->instance_noise, DBL_MAX},
      {"wide_noise", pair->wide_noise, DBL_MAX},
      {"wide_share", pair->wide_share, 1},
      {"its loss's gradient_penalty", pair->loss ? pair->loss->gradient_penalty : 0, DBL_MAX},
      {"its loss's weight_clip", pair->loss ? pair->loss->weight_clip : 0, DBL_MAX},
  };
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (!(numbers[i].value >= 0 && numbers[i].value <= numbers[i].most))
      return ag_fail(AG_ERROR_ARGUMENT, "pair: %s is %g, expected 0 to %g", numbers[i].name, numbers[i].value,
                     numbers[i].most);
  return true;
}

int64_t gan_noise_size(const gan_pair *pair) {
  ag_shape input = nn_input_shape(pair ? pair->generator : NULL);
  return input.rank < 0 ? 0 : input.sizes[0] - pair->classes;
}

/* [n, 1, ...], one number for each sample. */
static ag_shape one_a_sample(ag_shape samples) {
  for (int i = 1; i < samples.rank; i++) samples.sizes[i] = 1;
  return samples;
}

/* The label as channels of ones and zeros beside the sample's own: [batch, ..., channels + classes]. */
static ag_tensor *with_label(const gan_pair *pair, ag_tensor *samples, ag_tensor *labels) {
  if (pair->classes == 0 || !samples) return samples;
  if (!labels) return ag_fail_null("pair with classes", "labels");
  ag_shape shape = ag_shape_of(samples);
  shape.sizes[shape.rank - 1] = pair->classes;
  ag_shape one = one_a_sample(shape);
  one.sizes[shape.rank - 1] = pair->classes;
  ag_tensor *channels = ag_broadcast_to(ag_reshape(ag_one_hot(labels, pair->classes), one), shape);
  return ag_concat(AG_LIST(samples, channels), -1);
}

/* [batch, ...], with room for one more axis. */
static bool is_batch(const char *who, const gan_pair *pair, ag_tensor *samples) {
  if (!pair || !samples) return ag_fail_null(who, pair ? "samples" : "pair");
  ag_shape shape = ag_shape_of(samples);
  return (shape.rank >= 2 && shape.rank < AG_MAX_RANK) ||
         ag_fail(AG_ERROR_SHAPE, "%s: a batch of shape %s, expected [batch, ...]", who, ag_shape_print(shape).text);
}

ag_tensor *gan_generator_input(const gan_pair *pair, ag_tensor *noise, ag_tensor *labels) {
  if (!is_batch("gan_generator_input", pair, noise)) return NULL;
  return with_label(pair, noise, labels);
}

ag_tensor *gan_forge(const gan_pair *pair, int64_t count, ag_tensor *labels, ag_rng *rng) {
  if (!pair) return ag_fail_null("gan_forge", "pair");
  ag_tensor *noise = ag_normal(rng, AG_SHAPE(count, gan_noise_size(pair)), 0, 1);
  bool frozen = pair->freeze_after > 0 && pair->generator_steps >= pair->freeze_after;
  return nn_forward(pair->generator, gan_generator_input(pair, noise, labels), frozen ? NN_EVAL : NN_TRAIN(rng));
}

/* Each `count` samples after another become one with their channels side by side. */
static ag_tensor *pack(ag_tensor *samples, int64_t count) {
  if (count <= 1 || !samples) return samples;
  ag_shape shape = ag_shape_of(samples);
  if (shape.sizes[0] % count != 0)
    return ag_fail(AG_ERROR_SHAPE, "pack: %lld samples are no multiple of %lld", (long long)shape.sizes[0],
                   (long long)count);
  ag_shape split = {.rank = shape.rank + 1, .sizes = {shape.sizes[0] / count, count}};
  memcpy(split.sizes + 2, shape.sizes + 1, (size_t)(shape.rank - 1) * sizeof *shape.sizes);
  ag_axes order = {.count = split.rank};
  for (int i = 1; i < split.rank - 2; i++) order.axis[i] = i + 1;
  order.axis[split.rank - 2] = 1;
  order.axis[split.rank - 1] = split.rank - 1;
  shape.sizes[0] /= count;
  shape.sizes[shape.rank - 1] *= count;
  return ag_reshape(ag_transpose(ag_reshape(samples, split), order), shape);
}

static ag_tensor *blur(const gan_pair *pair, ag_tensor *samples, ag_rng *rng) {
  double deviation = pair->instance_noise;
  if (deviation == 0) return samples;
  ag_tensor *noise = ag_normal(rng, ag_shape_of(samples), 0, deviation);
  if (pair->wide_share > 0 && pair->wide_noise > deviation) {
    ag_tensor *drawn = ag_uniform(rng, one_a_sample(ag_shape_of(samples)), 0, 1);
    ag_tensor *is_wide = ag_less(drawn, ag_scalar(pair->wide_share));
    noise = ag_mul(noise, ag_where(is_wide, ag_scalar(pair->wide_noise / deviation), ag_scalar(1)));
  }
  return ag_add(samples, noise);
}

ag_tensor *gan_discriminate(const gan_pair *pair, gan_batch batch, ag_rng *rng) {
  if (!is_batch("gan_discriminate", pair, batch.samples)) return NULL;
  ag_tensor *seen = blur(pair, batch.samples, rng);
  ag_tensor *input = pack(with_label(pair, seen, batch.labels), pair->pack);
  return nn_forward(pair->discriminator, input, NN_TRAIN(rng));
}

/* One number in [0, 1) for `together` samples after another, [samples, 1, ...]. */
static ag_tensor *draw_shares(ag_shape samples, int64_t together, ag_rng *rng) {
  ag_tensor *shares = ag_uniform(rng, AG_SHAPE(samples.sizes[0] / together, 1), 0, 1);
  return ag_reshape(ag_broadcast_to(shares, AG_SHAPE(samples.sizes[0] / together, together)), one_a_sample(samples));
}

static ag_tensor *mix(ag_tensor *real, ag_tensor *fake, int64_t together, ag_rng *rng) {
  ag_tensor *share = draw_shares(ag_shape_of(real), together, rng);
  return ag_add(ag_detach(fake), ag_mul(share, ag_detach(ag_sub(real, fake))));
}

ag_tensor *gan_gradient_penalty(const gan_pair *pair, gan_batch real, ag_tensor *fake, ag_rng *rng) {
  if (!pair || !real.samples || !fake) return ag_fail_null("gan_gradient_penalty", "pair, real or fake");
  ag_tensor *mixed = mix(real.samples, fake, pair->pack > 1 ? pair->pack : 1, rng);
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  ag_tape_watch(tape, mixed);
  ag_tensor *scores = gan_discriminate(pair, (gan_batch){mixed, real.labels}, rng);
  ag_tensor *slope = ag_gradient(tape, scores, mixed);
  int64_t judged = scores ? ag_shape_of(scores).sizes[0] : 0;
  ag_tensor *norm = ag_norm(ag_reshape(slope, AG_SHAPE(judged, -1)), AG_AXES(1), false);
  return ag_mean(ag_square(ag_add_scalar(norm, -1)));
}

bool gan_clip_weights(nn_layer *network, double limit) {
  ag_list weights = nn_trainable_variables(network);
  for (size_t i = 0; i < weights.count; i++)
    if (!ag_assign(weights.items[i], ag_clip(weights.items[i], -limit, limit))) return false;
  return !ag_failed();
}

static void follow(size_t count, ag_real share, const ag_real *leader, ag_real *restrict follower) {
  for (size_t i = 0; i < count; i++) follower[i] += share * (leader[i] - follower[i]);
}

bool gan_follow(nn_layer *average, nn_layer *trained, double decay) {
  if (!(decay >= 0 && decay <= 1)) return ag_fail(AG_ERROR_ARGUMENT, "follow: decay is %g, expected 0 to 1", decay);
  ag_list followers = nn_variables(average), leaders = nn_variables(trained);
  if (followers.count != leaders.count)
    return ag_fail(AG_ERROR_ARGUMENT, "follow: %zu variables and %zu, expected as many", followers.count,
                   leaders.count);
  for (size_t i = 0; i < leaders.count; i++) {
    ag_shape shape = ag_shape_of(leaders.items[i]), other = ag_shape_of(followers.items[i]);
    if (!ag_shape_equal(shape, other))
      return ag_fail(AG_ERROR_SHAPE, "follow: variable %zu has the shape %s, expected %s", i,
                     ag_shape_print(other).text, ag_shape_print(shape).text);
    ag_real *values = ag_variable_data(followers.items[i]);
    if (!values) return false;
    follow(ag_size(leaders.items[i]), (ag_real)(1 - decay), ag_data(leaders.items[i]), values);
  }
  return !ag_failed();
}
