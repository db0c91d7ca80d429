#include "gan/train.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

#include "gan/metrics.h"
#include "gan/sample.h"
#include "gan/text.h"
#include "gan/watch.h"

enum { SHOWN_IMAGES = 16, SHOWN_POINTS = 2500, STEPS_AN_EPOCH_OF_POINTS = 1000 };
/* In steps: who waits for a first epoch sees something sooner. The epoch's own picture replaces it. */
enum { FIRST_PICTURE = 100 };

typedef struct {
  const gan_training *training;
  gan_dataset dataset;
  gan_pair pair;
  gan_run run;
  gan_watch watch;
  gan_row evaluation;
  ag_rng rng;
  double generator_rate, discriminator_rate; /* the first learning rates */
  double saved_at;                           /* when the last checkpoint was written; in minutes */
  ag_tensor *fixed_noise, *fixed_labels;     /* of the samples that are shown */
} training_state;

/* Points are drawn from counters of their own for each step, far from those that the run itself draws from. */
static ag_tensor *draw_points(const training_state *state, int64_t step) {
  ag_rng rng = {.seed = state->training->seed, .counter = (uint64_t)1 << 63 | (uint64_t)step << 32};
  return gan_mixture_draw(state->training->model->mixture, state->training->model->batch, &rng);
}

/* Images in the shape that the generator gives, [batch, 784] or [batch, 28, 28, 1]. */
static gan_batch next_batch(training_state *state, const gan_progress *progress) {
  const gan_model *model = state->training->model;
  if (model->mixture) return (gan_batch){draw_points(state, progress->step), NULL};
  gan_batch batch = gan_dataset_batch(&state->dataset, (uint64_t)progress->epoch, (size_t)progress->step_of_epoch - 1);
  if (nn_output_shape(state->pair.generator).rank == 1 && batch.samples)
    batch.samples = ag_reshape(batch.samples, AG_SHAPE(state->training->model->batch, -1));
  return batch;
}

static bool train_step(training_state *state, gan_progress *progress) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  gan_batch real = next_batch(state, progress);
  bool done = real.samples && state->training->model->step(&state->pair, real, &state->rng, &progress->figures);
  ag_scope_leave(scope);
  if (!done && ag_error_kind() == AG_ERROR_NONFINITE) ag_error_prefix("step %" PRId64 ": ", progress->step);
  return done || ag_fail(AG_ERROR_ARGUMENT, "train: the model's step failed without an error");
}

/* The same noise each epoch. */
static bool judge(training_state *state, gan_row *row) {
  const gan_training *training = state->training;
  const gan_model *model = training->model;
  int64_t count = model->mixture ? SHOWN_POINTS : GAN_JUDGED_DIGITS;
  ag_tensor *samples = gan_draw(&state->pair, model, count, -1, training->seed);
  gan_mixture_figures of_points;
  gan_digit_figures of_digits;
  if (model->mixture) {
    if (!gan_mixture_judge(model->mixture, samples, &of_points)) return false;
    *row = gan_mixture_row(&of_points, count);
    return true;
  }
  if (!gan_evaluate_digits(training->judge, samples, &of_digits)) return false;
  *row = gan_digit_row(&of_digits, training->frechet_real);
  return true;
}

/* What is made of an epoch's end, after its checkpoint. */
static bool show(training_state *state, const gan_position *at, gan_progress *progress) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  gan_picture picture = {0};
  ag_tensor *samples = gan_sample(&state->pair, state->training->model, state->fixed_noise, state->fixed_labels);
  bool shown = samples && gan_picture_samples(&picture, state->training->model, samples);
  if (shown && progress->saved && at->evaluate) {
    shown = judge(state, &state->evaluation) && gan_run_log_evaluation(&state->run, at, &state->evaluation);
    progress->evaluation = &state->evaluation;
  }
  if (shown) shown = gan_run_show(&state->run, at, &state->pair, picture);
  else gan_picture_free(&picture);
  ag_scope_leave(scope);
  return shown;
}

/* What changes over the run, where the model says so: the learning rates fall, and the noise, and how much is wide. */
static bool set_rates(training_state *state, const gan_progress *progress) {
  const gan_model *model = state->training->model;
  double done = (double)(progress->step - 1) / (double)progress->steps, left = 1;
  for (int64_t i = 0; i < model->decay; i++) left *= 1 - done;
  double first = model->instance_noise.first, last = model->instance_noise.last;
  state->pair.instance_noise = first > 0 ? first * pow(last / first, done) : first;
  state->pair.wide_share = left * model->wide_noise.share;
  return nn_set_learning_rate(state->pair.generator_optimizer, left * state->generator_rate) &&
         nn_set_learning_rate(state->pair.discriminator_optimizer, left * state->discriminator_rate);
}

static void locate(gan_progress *progress, int64_t step) {
  progress->step = step;
  progress->epoch = (step - 1) / progress->steps_an_epoch + 1;
  progress->step_of_epoch = (step - 1) % progress->steps_an_epoch + 1;
  progress->saved = progress->step_of_epoch == progress->steps_an_epoch || step == progress->steps;
  progress->evaluation = NULL;
}

static double minutes(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return ((double)time.tv_sec + 1e-9 * (double)time.tv_nsec) / 60;
}

/* The step's checkpoint and what is made of it, where it is time for them. */
static bool save(training_state *state, gan_position *at, gan_progress *progress, bool stop) {
  const gan_training *training = state->training;
  bool showing = progress->saved || progress->step == FIRST_PICTURE;
  bool due = training->checkpoint_minutes > 0 && minutes() - state->saved_at >= training->checkpoint_minutes;
  if (!showing && !due && !stop) return true;
  at->counter = state->rng.counter;
  state->saved_at = minutes();
  return gan_run_checkpoint(&state->run, at, &state->pair) && (!showing || show(state, at, progress));
}

/* Frees the sentence. False without one. */
static bool tell(const gan_training *training, char *sentence) {
  if (sentence && training->note) training->note(sentence, training->context);
  bool given = sentence != NULL;
  ag_free(sentence);
  return given;
}

static bool begin_anew(training_state *state) {
  const gan_training *training = state->training;
  bool replaces = gan_run_exists(training->folder);
  return gan_run_start(&state->run, training->folder) &&
         (!replaces || tell(training, gan_text("%s: replacing the run that it held", training->folder)));
}

/* A new run takes the place of the folder's earlier one once its first step has shown that there is nothing wrong. */
static bool log_step(training_state *state, const gan_position *at, const gan_figures *figures) {
  return (at->step > 1 || begin_anew(state)) && gan_run_log(&state->run, at, figures);
}

static bool train_steps(training_state *state, gan_position *at, gan_progress *progress) {
  const gan_training *training = state->training;
  for (bool stop = false; progress->step < progress->steps && !stop;) {
    locate(progress, progress->step + 1);
    at->epoch = progress->epoch;
    at->step = progress->step;
    if (!set_rates(state, progress) || !train_step(state, progress) || !log_step(state, at, &progress->figures))
      return false;
    progress->warning = gan_watch_step(&state->watch, &progress->figures, training->model->loss->output);
    stop = training->stop && *training->stop;
    if (!save(state, at, progress, stop)) return false;
    if (training->progress) training->progress(progress, training->context);
  }
  return true;
}

/* The lengths of the run, in steps and epochs. */
static bool plan(const training_state *state, gan_progress *progress) {
  const gan_training *training = state->training;
  int64_t epochs = training->epochs ? training->epochs : training->model->epochs;
  int64_t steps_an_epoch =
      training->model->mixture ? STEPS_AN_EPOCH_OF_POINTS : (int64_t)gan_dataset_batches(&state->dataset);
  bool sane = training->steps ? training->steps > 0 : epochs > 0 && epochs <= INT64_MAX / steps_an_epoch;
  if (!sane)
    return ag_fail(AG_ERROR_ARGUMENT, "train: %lld epochs and %lld steps, expected positive numbers, not too large",
                   (long long)epochs, (long long)training->steps);
  int64_t steps = training->steps ? training->steps : epochs * steps_an_epoch;
  *progress = (gan_progress){.steps = steps,
                             .epochs = (steps - 1) / steps_an_epoch + 1,
                             .steps_an_epoch = steps_an_epoch,
                             .batch = training->model->batch};
  return true;
}

static bool open_dataset(training_state *state) {
  const gan_training *training = state->training;
  if (training->model->mixture) return true;
  if (!training->images) return ag_fail_null("gan_train", "images");
  return gan_dataset_make(&state->dataset, training->images, training->limit, training->model->batch,
                          training->model->black, training->seed);
}

/* The same for every epoch; the labels are 0, 1, ... over and over. */
static bool draw_fixed_noise(training_state *state) {
  const gan_model *model = state->training->model;
  int64_t images = model->shown ? model->shown : model->classes ? model->classes * model->classes : SHOWN_IMAGES;
  int64_t count = model->mixture ? SHOWN_POINTS : images;
  state->fixed_noise = ag_normal(&state->rng, AG_SHAPE(count, model->noise), 0, 1);
  state->fixed_labels = gan_labels_in_turn(count, model->classes);
  return !ag_failed();
}

/* The steps before are no news to the watch: what it told of them it does not tell again. */
static bool recall(training_state *state) {
  gan_csv metrics;
  if (!gan_metrics_read(&metrics, state->training->folder)) return false;
  for (size_t row = 0; row < metrics.rows; row++) {
    gan_figures figures = gan_metrics_figures(&metrics, row);
    gan_watch_step(&state->watch, &figures, state->training->model->loss->output);
  }
  gan_csv_free(&metrics);
  return true;
}

/* To where the folder's run stopped. */
static bool go_on(training_state *state, gan_position *at, gan_progress *progress) {
  const gan_training *training = state->training;
  if (!gan_run_resume(&state->run, training->folder, at, &state->pair, training->note, training->context)) return false;
  state->rng.counter = at->counter;
  progress->before = at->step;
  locate(progress, at->step);
  char *sentence = gan_text("%s: going on after step %" PRId64 " of %" PRId64, training->folder, at->step, at->steps);
  return tell(training, sentence) && recall(state) &&
         (!progress->saved || show(state, at, progress)); /* it may have been killed before */
}

static bool train_in_scope(training_state *state) {
  const gan_training *training = state->training;
  const gan_model *model = training->model;
  gan_progress progress;
  state->rng = ag_rng_seed(training->seed);
  if (!open_dataset(state) || !plan(state, &progress) || !gan_pair_make(&state->pair, model, &state->rng) ||
      !gan_step_fits(model->step, model->loss, model->batch, model->pack))
    return false;
  double rate = model->learning_rate;
  if (!(rate >= 0) || model->decay < 0)
    return ag_fail(AG_ERROR_ARGUMENT, "train: learning rate %g and decay %lld, expected none negative", rate,
                   (long long)model->decay);
  state->generator_rate = rate > 0 ? rate : nn_learning_rate(state->pair.generator_optimizer);
  state->discriminator_rate = rate > 0 ? rate : nn_learning_rate(state->pair.discriminator_optimizer);
  gan_position at = {.model = model,
                     .seed = training->seed,
                     .images = (int64_t)state->dataset.count,
                     .crc32 = model->mixture ? 0 : gan_images_crc32(training->images, state->dataset.count),
                     .steps_an_epoch = progress.steps_an_epoch,
                     .steps = progress.steps,
                     .evaluate = training->evaluate};
  state->saved_at = minutes();
  return draw_fixed_noise(state) && (!training->resume || go_on(state, &at, &progress)) &&
         train_steps(state, &at, &progress);
}

bool gan_train(const gan_training *training) {
  if (!training || !training->folder || !training->model || !training->model->name || !training->model->step)
    return ag_fail_null("gan_train", "training, its folder or model, or the model's name or step");
  if (training->evaluate && !training->model->mixture && !training->judge) return ag_fail_null("gan_train", "judge");
  training_state state = {.training = training};
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  bool trained = train_in_scope(&state);
  ag_scope_leave(scope);
  gan_run_close(&state.run);
  gan_pair_free(&state.pair);
  gan_dataset_free(&state.dataset);
  return trained;
}
