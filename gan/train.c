#include "gan/train.h"

#include "gan/sample.h"

enum { FIXED_NOISES = 16 };

typedef struct {
  const gan_training *training;
  gan_dataset dataset;
  gan_pair pair;
  gan_run run;
  ag_rng rng;
  ag_tensor *fixed_noise;
} training_state;

static bool train_step(training_state *state, gan_progress *progress) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  ag_tensor *real = gan_dataset_batch(&state->dataset, (uint64_t)progress->epoch, (size_t)progress->step_of_epoch - 1);
  bool done = real && state->training->model->step(&state->pair, real, &state->rng, &progress->figures);
  ag_scope_leave(scope);
  return done;
}

static bool save(training_state *state, const gan_position *at) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  ag_tensor *samples = gan_sample(state->pair.generator, state->fixed_noise, state->training->model->black);
  bool saved = gan_run_save(&state->run, at, &state->pair, samples);
  ag_scope_leave(scope);
  return saved;
}

static bool train_steps(training_state *state, gan_progress progress) {
  const gan_training *training = state->training;
  for (progress.step = 1; progress.step <= progress.steps; progress.step++) {
    progress.epoch = (progress.step - 1) / progress.steps_an_epoch + 1;
    progress.step_of_epoch = (progress.step - 1) % progress.steps_an_epoch + 1;
    gan_position at = {training->model, training->seed, progress.epoch, progress.step};
    if (!train_step(state, &progress) || !gan_run_log(&state->run, &at, &progress.figures)) return false;
    progress.saved = progress.step_of_epoch == progress.steps_an_epoch || progress.step == progress.steps;
    if (progress.saved && !save(state, &at)) return false;
    if (training->progress) training->progress(&progress, training->context);
  }
  return true;
}

/* The lengths of the run, in steps and epochs. */
static bool plan(const gan_training *training, const gan_dataset *dataset, gan_progress *progress) {
  int64_t epochs = training->epochs ? training->epochs : training->model->epochs;
  int64_t steps_an_epoch = (int64_t)gan_dataset_batches(dataset);
  if (epochs < 1 || epochs > INT64_MAX / steps_an_epoch || training->steps < 0)
    return ag_fail(AG_ERROR_ARGUMENT, "train: %lld epochs and %lld steps, expected positive numbers, not too large",
                   (long long)epochs, (long long)training->steps);
  int64_t steps = training->steps ? training->steps : epochs * steps_an_epoch;
  *progress = (gan_progress){.steps = steps,
                             .epochs = (steps - 1) / steps_an_epoch + 1,
                             .steps_an_epoch = steps_an_epoch,
                             .batch = (int64_t)dataset->batch};
  return true;
}

static bool train_in_scope(training_state *state) {
  const gan_training *training = state->training;
  const gan_model *model = training->model;
  gan_progress progress;
  state->rng = ag_rng_seed(training->seed);
  int64_t batch = training->batch ? training->batch : model->batch;
  if (!gan_dataset_make(&state->dataset, training->images, training->limit, batch, model->black, training->seed) ||
      !plan(training, &state->dataset, &progress) || !gan_pair_make(&state->pair, model, &state->rng))
    return false;
  state->fixed_noise = ag_normal(&state->rng, AG_SHAPE(FIXED_NOISES, model->noise), 0, 1);
  return state->fixed_noise && gan_run_start(&state->run, training->folder) && train_steps(state, progress);
}

bool gan_train(const gan_training *training) {
  if (!training || !training->model || !training->images)
    return ag_fail_null("gan_train", "training, its model or its images");
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
