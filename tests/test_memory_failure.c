/* Every request for memory fails once: each operation runs over and over, its first, second, ... request failing, until
 * it gets through. A failure is an error with a sentence, leaks nothing, leaves what it should as it was, and the same
 * objects work again. */
#include "check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failing.h"
#include "gan/gan.h"
#include "gan/npy.h"

/* What is tried. set_up and check may ask for memory as they like; only run is made to fail. */
typedef struct {
  void (*set_up)(void);
  bool (*run)(void);
  void (*check)(bool failed); /* that all is as it should be after run, and works again */
  void (*tear_down)(void);
} operation;

/* A test that failed must not fail the next. */
static int begin(void **state) {
  (void)state;
  failing_disarm();
  ag_error_clear();
  return 0;
}

static void expect_sentence(size_t n) {
  bool right = ag_error_kind() == AG_ERROR_MEMORY || ag_error_kind() == AG_ERROR_FILE;
  if (!right || !strchr(ag_error_message(), ' '))
    fail_msg("request %zu: error %d \"%s\"", n, ag_error_kind(), ag_error_message());
  ag_error_clear();
}

/* One run whose n-th request fails. False where it has no n-th. */
static bool try(const operation *o, size_t n, bool warm, failing_mode mode) {
  o->set_up();
  if (!warm) ag_pool_trim();
  failing_arm(n, mode);
  bool done = o->run(), reached = failing_disarm(), failed = reached && mode != FAILING_AT_FIRST;
  if (done == failed) fail_msg("request %zu: run gave %d, error \"%s\"", n, done, ag_error_message());
  if (failed) expect_sentence(n);
  assert_false(ag_failed());
  o->check(failed);
  assert_false(ag_failed());
  o->tear_down();
  return reached;
}

static void sweep(const operation *o, bool warm, failing_mode mode) {
  ag_pool_trim();
  size_t in_use = ag_memory_in_use(), live = failing_live();
  bool more = true;
  for (size_t n = 1; more; n++) {
    more = try(o, n, warm, mode);
    if (ag_memory_in_use() != in_use) fail_msg("request %zu: %zu bytes in use", n, ag_memory_in_use() - in_use);
    if (warm && more) continue;
    ag_pool_trim();
    if (failing_live() != live) fail_msg("request %zu: %zu left behind", n, failing_live() - live);
  }
}

/* Under an address sanitizer there is no pool, so that each tensor is a request: the sweeps are longer, and fewer do.
 */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { POOLS = 1, MODES = 1 };
#else
enum { POOLS = 2 /* cold, warm */, MODES = 3 };
#endif

static void sweep_all(const operation *o) {
  for (int warm = 0; warm < POOLS; warm++)
    for (int mode = FAILING_ONCE; mode < MODES; mode++) sweep(o, warm, (failing_mode)mode);
}

static void nothing(void) {}

/* Networks as small as can be, of every kind of layer. */

static nn_layer *images_from_noise(void) {
  return nn_sequential(nn_dense(8, .no_bias = true), nn_reshape(2, 2, 2), nn_batch_norm(), nn_leaky_relu(),
                       nn_conv2d_transpose(2, 3, .stride = 2, .padding = NN_SAME, .no_bias = true), nn_batch_norm(),
                       nn_conv2d(1, 3, .padding = NN_SAME, .activation = NN_TANH));
}

static nn_layer *enlarged_from_noise(void) {
  return nn_sequential(nn_dense(8), nn_reshape(2, 2, 2), nn_upsampling2d(2), nn_conv2d(1, 2, .padding = NN_SAME));
}

static nn_layer *judge_of_images(void) {
  return nn_sequential(nn_conv2d(2, 3, .stride = 2, .padding = NN_SAME), nn_leaky_relu(), nn_dropout(0.25),
                       nn_flatten(), nn_dense(1, .no_bias = true));
}

static nn_layer *normalised_judge(void) {
  return nn_sequential(nn_spectral_norm(nn_conv2d(2, 2)), nn_activation(NN_SOFTPLUS), nn_avg_pool2d(2), nn_flatten(),
                       nn_spectral_norm(nn_dense(1, .no_bias = true)));
}

static nn_layer *points_from_noise(void) {
  return nn_sequential(nn_sequential(nn_dense(4, .no_bias = true), nn_batch_norm(), nn_leaky_relu()), nn_dense(2));
}

static nn_layer *judge_of_points(void) { return nn_sequential(nn_maxout(3, 2), nn_dense(1)); }

static nn_layer *pooling_judge(void) {
  return nn_sequential(nn_conv2d(2, 2), nn_max_pool2d(2, .stride = 1), nn_flatten(), nn_dense(1));
}

static nn_optimizer *adam(void) { return nn_adam(); }
static nn_optimizer *rmsprop(void) { return nn_rmsprop(); }
static nn_optimizer *momentum(void) { return nn_sgd(.momentum = 0.9); }

static const gan_model dual_tape = {.make_generator = images_from_noise,
                                    .make_discriminator = judge_of_images,
                                    .make_optimizer = adam,
                                    .loss = &gan_cross_entropy,
                                    .step = gan_dual_tape_step,
                                    .classes = 2,
                                    .average = 0.9,
                                    .noise = 3};
static const gan_model penalty = {.make_generator = images_from_noise,
                                  .make_discriminator = judge_of_images,
                                  .make_optimizer = adam,
                                  .loss = &gan_wasserstein_gp,
                                  .step = gan_alternating_step,
                                  .noise = 2};
static const gan_model spectral = {.make_generator = enlarged_from_noise,
                                   .make_discriminator = normalised_judge,
                                   .make_optimizer = momentum,
                                   .loss = &gan_hinge,
                                   .step = gan_alternating_step,
                                   .noise = 2};
static const gan_model clipped = {.make_generator = enlarged_from_noise,
                                  .make_discriminator = judge_of_images,
                                  .make_optimizer = rmsprop,
                                  .loss = &gan_wasserstein,
                                  .step = gan_dual_tape_step,
                                  .average = 0.9,
                                  .noise = 2};
static const gan_model points = {.name = "points of a test",
                                 .make_generator = points_from_noise,
                                 .make_discriminator = judge_of_points,
                                 .make_optimizer = momentum,
                                 .loss = &gan_cross_entropy,
                                 .step = gan_threshold_step,
                                 .pack = 2,
                                 .average = 0.9,
                                 .noise = 2,
                                 .batch = 4,
                                 .mixture = &gan_ring,
                                 .keep_every = 1};
static const gan_model half_batch = {.make_generator = enlarged_from_noise,
                                     .make_discriminator = pooling_judge,
                                     .make_optimizer = adam,
                                     .shared_optimizer = true,
                                     .loss = &gan_least_squares,
                                     .step = gan_half_batch_step,
                                     .noise = 2};

/* Checkpoints name a model of the program; here it is one of these. */
const gan_model *__wrap_gan_model_find(const char *name);
const gan_model *__wrap_gan_model_find(const char *name) {
  return name && strcmp(name, points.name) == 0 ? &points : NULL;
}

/* All values of a pair. */
enum { GENERATOR, DISCRIMINATOR, AVERAGE, NETWORKS, MOST_TENSORS = 64, MOST_VALUES = 1024 };
typedef struct {
  size_t tensors, size;
  struct {
    ag_tensor *variable;
    size_t at;
    int network;
    bool is_buffer;
  } tensor[MOST_TENSORS];
  ag_real values[MOST_VALUES];
  int network;
} snapshot;

static void add(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  (void)name;
  snapshot *s = context;
  assert_true(s->tensors < MOST_TENSORS && s->size + ag_size(variable) <= MOST_VALUES);
  s->tensor[s->tensors].variable = variable;
  s->tensor[s->tensors].at = s->size;
  s->tensor[s->tensors].network = s->network;
  s->tensor[s->tensors++].is_buffer = is_buffer;
  memcpy(s->values + s->size, ag_data(variable), ag_size(variable) * sizeof(ag_real));
  s->size += ag_size(variable);
}

static void take(snapshot *s, const gan_pair *pair) {
  *s = (snapshot){0};
  nn_layer *const networks[NETWORKS] = {pair->generator, pair->discriminator, pair->average};
  for (s->network = 0; s->network < NETWORKS; s->network++)
    if (networks[s->network]) nn_each_variable(networks[s->network], add, s);
}

static bool same(const snapshot *a, const snapshot *b) {
  return a->size == b->size && memcmp(a->values, b->values, a->size * sizeof(ag_real)) == 0;
}

static void put_back(const snapshot *s) {
  for (size_t i = 0; i < s->tensors; i++) {
    ag_tensor *variable = s->tensor[i].variable;
    memcpy(ag_variable_data(variable), s->values + s->tensor[i].at, ag_size(variable) * sizeof(ag_real));
  }
}

/* The weights of a network that differ in *a and *b, and how many there are. */
static size_t changed(const snapshot *a, const snapshot *b, int network, size_t *all) {
  size_t count = *all = 0;
  for (size_t i = 0; i < a->tensors; i++) {
    if (a->tensor[i].network != network || a->tensor[i].is_buffer) continue;
    ++*all;
    size_t at = a->tensor[i].at;
    count += memcmp(a->values + at, b->values + at, ag_size(a->tensor[i].variable) * sizeof(ag_real)) != 0;
  }
  return count;
}

/* Making a pair. */

static const gan_model *model;
static gan_pair pair;
static snapshot fresh, now;

static bool make_pair(void) {
  ag_rng rng = ag_rng_seed(5);
  return gan_pair_make(&pair, model, &rng);
}

static void free_pair(void) { gan_pair_free(&pair); }

static void check_made(bool failed) {
  if (failed) {
    assert_null(pair.generator);
    assert_true(make_pair());
  }
  take(&now, &pair);
  assert_true(same(&now, &fresh));
}

static const operation making = {nothing, make_pair, check_made, free_pair};

static void a_pair_is_made_or_there_is_none(void **state) {
  (void)state;
  const gan_model *const models[] = {&dual_tape, &spectral, &points, &half_batch};
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    model = models[i];
    assert_true(make_pair());
    take(&fresh, &pair);
    free_pair();
    sweep_all(&making);
  }
}

/* Building a layer by itself. */

static nn_layer *layer;
static ag_rng layer_rng;

static void make_layer(void) {
  layer_rng = ag_rng_seed(5);
  layer = nn_sequential(images_from_noise(), normalised_judge());
  assert_non_null(layer);
}

static bool build(void) { return nn_build(layer, AG_SHAPE(3), &layer_rng); }

static void check_built(bool failed) {
  if (failed) {
    assert_false(nn_is_built(layer));
    assert_int_equal(layer_rng.counter, ag_rng_seed(5).counter);
    assert_true(build());
  }
  take(&now, &(gan_pair){.generator = layer});
  assert_true(same(&now, &fresh));
}

static void free_layer(void) { nn_layer_free(layer); }

static const operation building = {make_layer, build, check_built, free_layer};

static void a_layer_is_built_or_as_before(void **state) {
  (void)state;
  make_layer();
  assert_true(build());
  take(&fresh, &(gan_pair){.generator = layer});
  free_layer();
  sweep_all(&building);
}

/* A training step. */

static gan_batch real;
static ag_rng step_rng, rng_before;
static snapshot before, after[2]; /* a step that nothing disturbed, and the next */
static size_t steps_before, undone, halfway;

static void make_batch(void) {
  ag_scope *scope = ag_scope_enter();
  ag_rng rng = ag_rng_seed(7);
  ag_shape shape = model->mixture || model->pack ? AG_SHAPE(4, 2) : AG_SHAPE(2, 4, 4, 1);
  real.samples = ag_retain(ag_uniform(&rng, shape, -1, 1));
  real.labels = model->classes ? ag_retain(ag_arange(2)) : NULL;
  ag_scope_leave(scope);
}

static bool step(void) {
  gan_figures figures;
  return model->step(&pair, real, &step_rng, &figures);
}

/* A pair that has made some steps. */
static void set_up_step(void) {
  assert_true(make_pair());
  make_batch();
  step_rng = ag_rng_seed(9);
  for (size_t i = 0; i < steps_before; i++) assert_true(step());
  take(&before, &pair);
  rng_before = step_rng;
}

static void tear_down_step(void) {
  free_pair();
  ag_release(real.samples);
  ag_release(real.labels);
}

static void check_trainable(nn_layer *network, size_t weights) {
  ag_scope *scope = ag_scope_enter();
  assert_int_equal(nn_trainable_variables(network).count, weights);
  ag_scope_leave(scope);
}

static void check_one_more(const snapshot *expected) {
  assert_true(step());
  take(&now, &pair);
  if (expected) assert_true(same(&now, expected));
}

static void check_step(bool failed) {
  take(&now, &pair);
  if (!failed) {
    assert_true(same(&now, &after[0]));
    check_one_more(&after[1]);
    return;
  }
  size_t weights[2], moved[2];
  for (int i = GENERATOR; i <= DISCRIMINATOR; i++) {
    moved[i] = changed(&before, &now, i, &weights[i]);
    if (moved[i] != 0 && moved[i] != weights[i]) fail_msg("%zu of %zu weights moved", moved[i], weights[i]);
  }
  check_trainable(pair.generator, weights[GENERATOR]);
  check_trainable(pair.discriminator, weights[DISCRIMINATOR]);
  if (moved[GENERATOR] || moved[DISCRIMINATOR]) {
    halfway++;
    check_one_more(NULL);
    check_one_more(NULL);
    return;
  }
  undone++;
  put_back(&before); /* moving averages and the like, which a pass in training moves at once */
  step_rng = rng_before;
  check_one_more(&after[0]);
  check_one_more(&after[1]);
}

static const operation stepping = {set_up_step, step, check_step, tear_down_step};

static void learn_what_steps_give(void) {
  set_up_step();
  for (int i = 0; i < 2; i++) {
    assert_true(step());
    take(&after[i], &pair);
  }
  for (int i = GENERATOR; i <= DISCRIMINATOR; i++) {
    size_t weights, moved = changed(&before, &after[0], i, &weights);
    if (moved != weights) fail_msg("a step moves %zu of %zu weights of network %d", moved, weights, i);
  }
  tear_down_step();
}

/* The first step of a pair makes the optimizers' moments; a later one finds them. */
static void sweep_steps(const gan_model *of) {
  model = of;
  for (steps_before = 0; steps_before < POOLS; steps_before++) {
    learn_what_steps_give();
    for (int mode = FAILING_ONCE; mode < MODES; mode++) sweep(&stepping, steps_before > 0, (failing_mode)mode);
  }
}

static void a_dual_tape_step_is_as_if_never_begun(void **state) {
  (void)state;
  sweep_steps(&dual_tape);
  assert_true(undone > 2 * halfway); /* halfway: after an update, which no later failure takes back */
}

static void a_clipped_dual_tape_step_updates_networks_whole(void **state) {
  (void)state;
  sweep_steps(&clipped);
}

static void a_step_with_a_gradient_penalty_updates_networks_whole(void **state) {
  (void)state;
  sweep_steps(&penalty);
}

static void a_step_with_spectral_norm_updates_networks_whole(void **state) {
  (void)state;
  sweep_steps(&spectral);
}

static void a_threshold_step_updates_networks_whole(void **state) {
  (void)state;
  sweep_steps(&points);
}

static void a_half_batch_step_updates_networks_whole(void **state) {
  (void)state;
  sweep_steps(&half_batch);
}

/* Files. */

static char folder[] = "/tmp/test_memory_failure_XXXXXX";

static const char *path_of(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

typedef struct {
  size_t size;
  char bytes[1 << 16];
} content;

/* Of a file that is there. */
static void slurp(const char *name, content *c) {
  FILE *file = fopen(path_of(name), "rb");
  assert_non_null(file);
  c->size = fread(c->bytes, 1, sizeof c->bytes, file);
  assert_true(c->size > 0 && c->size < sizeof c->bytes);
  fclose(file);
}

static void expect_content(const char *name, const content *expected) {
  static content found;
  slurp(name, &found);
  assert_int_equal(found.size, expected->size);
  assert_memory_equal(found.bytes, expected->bytes, expected->size);
}

/* Nothing half-written is left in the folder. */
static void expect_no_parts(const char *name) {
  DIR *files = opendir(path_of(name));
  assert_non_null(files);
  for (struct dirent *entry; (entry = readdir(files));)
    if (strstr(entry->d_name, ".part")) fail_msg("%s was left behind", entry->d_name);
  closedir(files);
}

#define CHECKPOINT "checkpoint.safetensors"
#define CLASSIFIER "classifier.safetensors"
static content old_file, new_file;

static bool save(void) {
  return gan_checkpoint_save(path_of(CHECKPOINT), &(gan_position){.model = model, .epoch = 1, .step = 1}, &pair);
}

static void set_up_save(void) {
  assert_true(make_pair());
  FILE *file = fopen(path_of(CHECKPOINT), "wb");
  assert_true(file && fputs("old", file) >= 0 && fclose(file) == 0);
}

static void check_saved(bool failed) {
  expect_no_parts("");
  if (failed) {
    expect_content(CHECKPOINT, &old_file);
    assert_true(save());
  }
  expect_content(CHECKPOINT, &new_file);
}

static const operation saving = {set_up_save, save, check_saved, free_pair};

static void a_checkpoint_is_saved_or_the_old_one_stays(void **state) {
  (void)state;
  model = &points;
  set_up_save();
  slurp(CHECKPOINT, &old_file);
  assert_true(save());
  slurp(CHECKPOINT, &new_file);
  free_pair();
  sweep_all(&saving);
}

static bool load_pair(void) {
  gan_model found;
  return gan_checkpoint_load(path_of(CHECKPOINT), &pair, &found);
}

static void check_loaded(bool failed) {
  if (failed) {
    assert_null(pair.generator);
    assert_true(load_pair());
  }
  take(&now, &pair);
  assert_true(same(&now, &fresh));
}

static const operation loading_pair = {nothing, load_pair, check_loaded, free_pair};

static void a_checkpoint_is_loaded_or_there_is_no_pair(void **state) {
  (void)state;
  model = &points;
  assert_true(make_pair() && save());
  take(&fresh, &pair);
  free_pair();
  sweep_all(&loading_pair);
}

/* Into networks that are there, of other values. */
static nn_layer *loaded;
static ag_tensor *held; /* the values from before, as a tape holds them: loading takes memory for the new ones */

static void set_up_load(void) {
  ag_rng rng = ag_rng_seed(6);
  loaded = judge_of_images();
  assert_true(nn_build(loaded, AG_SHAPE(4, 4, 1), &rng));
  take(&before, &(gan_pair){.generator = loaded});
  ag_scope *scope = ag_scope_enter();
  held = ag_retain(ag_detach(nn_variables(loaded).items[0]));
  ag_scope_leave(scope);
}

static bool load(void) {
  return nn_load(path_of("judge.safetensors"), 1, &(nn_named_layer){.name = "judge", .layer = loaded});
}

static void check_load(bool failed) {
  take(&now, &(gan_pair){.generator = loaded});
  if (failed) {
    assert_true(same(&now, &before));
    assert_true(load());
    take(&now, &(gan_pair){.generator = loaded});
  }
  assert_true(same(&now, &fresh));
}

static void free_loaded(void) {
  ag_release(held);
  nn_layer_free(loaded);
}

static const operation loading = {set_up_load, load, check_load, free_loaded};

static void weights_are_loaded_or_stay(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(5);
  nn_layer *saved = judge_of_images();
  assert_true(nn_build(saved, AG_SHAPE(4, 4, 1), &rng));
  assert_true(nn_save(path_of("judge.safetensors"), 1, &(nn_named_layer){.name = "judge", .layer = saved}, NULL));
  take(&fresh, &(gan_pair){.generator = saved});
  nn_layer_free(saved);
  sweep_all(&loading);
}

/* The folder of a run: pictures, film, tables, checkpoint, report. */

static const char *const run_files[] = {"run/metrics.csv",
                                        "run/checkpoint.safetensors",
                                        "run/training.gif",
                                        "run/samples/epoch-0001.png",
                                        "run/kept/epoch-0001.safetensors",
                                        "run/report.html"};
static const char *const run_folders[] = {"run/samples", "run/kept", "run"};
enum { RUN_FILES = sizeof run_files / sizeof *run_files, RUN_FOLDERS = sizeof run_folders / sizeof *run_folders };
static content run_content[RUN_FILES];

static bool record_run(void) {
  const gan_position at = {.model = model, .steps_an_epoch = 1, .epoch = 1, .step = 1};
  gan_picture picture = {0};
  gan_run run;
  ag_scope *scope = ag_scope_enter();
  if (!scope || !gan_run_start(&run, path_of("run"))) return scope && (ag_scope_leave(scope), false);
  bool done = gan_run_log(&run, &at, &(gan_figures){.g_loss = 1}) && gan_run_checkpoint(&run, &at, &pair) &&
              gan_picture_rows(&picture, ag_ones(AG_SHAPE(1, 2, 2)), 1, 1) && gan_run_show(&run, &at, &pair, picture);
  gan_run_close(&run);
  ag_scope_leave(scope);
  return done;
}

static void check_run(bool failed) {
  if (failed) assert_true(record_run());
  for (int i = 0; i < RUN_FILES; i++) expect_content(run_files[i], &run_content[i]);
  for (int i = 0; i < RUN_FOLDERS; i++) expect_no_parts(run_folders[i]);
}

static void set_up_run(void) { assert_true(make_pair()); }

static const operation recording_a_run = {set_up_run, record_run, check_run, free_pair};

static void a_run_is_recorded_or_can_be_anew(void **state) {
  (void)state;
  model = &points;
  assert_true(make_pair() && record_run());
  free_pair();
  for (int i = 0; i < RUN_FILES; i++) slurp(run_files[i], &run_content[i]);
  sweep(&recording_a_run, false, FAILING_ONCE);
}

/* A whole training run. */

static bool train(void) {
  return gan_train(&(gan_training){.model = model, .folder = path_of("run"), .seed = 1, .steps = 1});
}

static void check_trained(bool failed) {
  if (!failed) expect_content("run/checkpoint.safetensors", &run_content[0]);
  for (int i = 0; i < RUN_FOLDERS; i++) expect_no_parts(run_folders[i]);
}

static const operation training = {nothing, train, check_trained, nothing};

static void a_training_run_fails_and_succeeds_again(void **state) {
  (void)state;
  if (POOLS == 1) skip(); /* a minute there; its parts are tried one by one */
  model = &points;
  assert_true(train());
  slurp("run/checkpoint.safetensors", &run_content[0]);
  sweep(&training, true, FAILING_ONCE);
}

/* One that is resumed: where that fails it can be tried again. */

static void set_up_resume(void) { assert_true(make_pair()); }

static bool resume(void) {
  gan_run run;
  gan_position at = {.model = model, .seed = 1, .steps_an_epoch = 1000, .steps = 2};
  bool resumed = gan_run_resume(&run, path_of("run"), &at, &pair, NULL, NULL);
  if (resumed) gan_run_close(&run);
  return resumed && at.step == 1;
}

static void check_resumed(bool failed) {
  if (failed) assert_true(resume());
  take(&now, &pair);
  assert_true(same(&now, &fresh));
}

static const operation resuming = {set_up_resume, resume, check_resumed, free_pair};

static void a_run_is_resumed_or_can_be_later(void **state) {
  (void)state;
  model = &points;
  assert_true(train() && make_pair() && resume());
  take(&fresh, &pair);
  free_pair();
  sweep_all(&resuming);
}

/* What gives a number: again, and the same one. */

static bool (*compute)(void);
static double result, expected;

static void check_computed(bool failed) {
  if (failed) assert_true(compute());
  assert_true(result == expected);
}

static void sweep_computation(bool (*f)(void)) {
  compute = f;
  if (!f()) fail_msg("%s", ag_error_message());
  expected = result;
  sweep_all(&(operation){nothing, f, check_computed, nothing});
}

/* Runs f in a scope; NULL must mean an error, and an error NULL. */
static bool in_scope(ag_tensor *(*f)(void)) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  ag_tensor *value = f();
  assert_true((value == NULL) == ag_failed());
  if (value) result = ag_item(ag_sum(value));
  ag_scope_leave(scope);
  return !ag_failed();
}

static ag_tensor *sequence(ag_shape shape) { return ag_reshape(ag_arange((int64_t)ag_shape_size(shape)), shape); }

/* Ops that no network above uses, one after the other, under a tape that must meet every variable. */
static ag_tensor *chain(void) {
  ag_tape *tape = ag_tape_start();
  ag_tensor *x = ag_variable(ag_add_scalar(sequence(AG_SHAPE(2, 3)), 1)), *w = ag_variable(ag_ones(AG_SHAPE(3)));
  ag_tensor *y = ag_div(ag_pow(x, w), ag_add_scalar(ag_max_axes(x, AG_AXES(1), true), 1));
  y = ag_where(ag_greater(y, ag_scalar(0.5)), ag_minimum(y, w), ag_maximum(x, w));
  y = ag_concat(AG_LIST(y, ag_pad(ag_slice(y, 1, 0, 2), 1, 1, 0)), 0);
  y = ag_stack(AG_LIST(y, ag_gather(y, sequence(AG_SHAPE(4)), 0)), 2);
  y = ag_mul(ag_clip(y, 0, 5), ag_broadcast_to(ag_log(w), AG_SHAPE(1, 3)) ? ag_scalar(2) : NULL);
  ag_tensor *gradient = ag_gradient(tape, ag_norm(nn_activate(y, NN_SOFTMAX), AG_ALL_AXES, false), x);
  return ag_failed() ? NULL : gradient;
}

static bool differentiate_chain(void) { return in_scope(chain); }

/* A failed op returns NULL, also where it is the tape that had no memory. */
static ag_tensor *one_op(void) {
  ag_tensor *x = ag_variable(ag_scalar(3));
  ag_tape_start();
  return x && !ag_failed() ? ag_square(x) : NULL;
}

static bool record_one_op(void) { return in_scope(one_op); }

/* A tape that had no memory for a call records it the next time, and lists each variable once. */
enum { VARIABLES = 40 };
static ag_scope *open_scope;
static ag_tape *open_tape;
static ag_list variables, gradients;

static void open_a_tape(void) {
  ag_tensor *items[VARIABLES];
  open_scope = ag_scope_enter();
  for (int i = 0; i < VARIABLES; i++) items[i] = ag_variable(ag_scalar(i));
  variables = ag_list_make(VARIABLES, items);
  open_tape = ag_tape_start_with(AG_PERSISTENT);
}

static bool record_and_differentiate(void) {
  ag_tensor *sum = ag_scalar(0);
  for (int i = 0; i < VARIABLES; i++) sum = ag_add(sum, ag_square(variables.items[i]));
  gradients = ag_gradients(open_tape, sum, variables);
  return gradients.items != NULL;
}

static void check_tape(bool failed) {
  if (failed) assert_true(record_and_differentiate());
  assert_int_equal(ag_tape_watched(open_tape).count, VARIABLES);
  for (int i = 0; i < VARIABLES; i++) assert_true(ag_item(gradients.items[i]) == 2 * i);
}

static void close_the_tape(void) { ag_scope_leave(open_scope); }

static const operation recording = {open_a_tape, record_and_differentiate, check_tape, close_the_tape};

static ag_tensor *jacobians(void) {
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tensor *x = ag_variable(sequence(AG_SHAPE(2, 2)));
  ag_tensor *y = ag_square(ag_tanh(x));
  ag_tape_stop(tape);
  ag_tensor *whole = ag_jacobian(tape, y, x), *by_sample = ag_batch_jacobian(tape, y, x);
  return ag_add(ag_sum(whole), ag_sum(by_sample));
}

static bool compute_jacobians(void) { return in_scope(jacobians); }

static ag_tensor *clip_gradients(void) {
  ag_tape *tape = ag_tape_start();
  ag_tensor *x = ag_variable(ag_scalar(3)), *y = ag_variable(ag_scalar(4));
  ag_tensor *z = ag_mul(x, y);
  ag_list watched = ag_tape_watched(tape);
  ag_list clipped = nn_clip_by_global_norm(ag_gradients(tape, z, watched), 1, NULL);
  return clipped.count ? ag_stack(clipped, 0) : NULL;
}

static bool compute_clipped(void) { return in_scope(clip_gradients); }

static ag_tensor *product(ag_list inputs, void *context) {
  (void)context;
  return ag_mul(inputs.items[0], ag_matmul(inputs.items[0], inputs.items[1]));
}

static bool check_gradients(void) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  ag_check wide = {.rtol = 1, .atol = 1}; /* floats */
  ag_list inputs = AG_LIST(ag_ones(AG_SHAPE(1, 2)), ag_ones(AG_SHAPE(2, 1)));
  bool fine = ag_gradcheck(product, NULL, inputs, &wide) && ag_gradgradcheck(product, NULL, inputs, &wide);
  result = fine ? wide.analytic : NAN;
  ag_scope_leave(scope);
  return fine;
}

static FILE *device; /* opened before, since it is not what is tried */

static bool write_graph_and_summary(void) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  ag_tape *tape = ag_tape_start();
  ag_tensor *x = ag_variable(ag_scalar(2));
  bool fine = ag_mul(ag_exp(x), x) && ag_tape_write_dot(tape, device) && nn_summary(pair.generator, device);
  ag_print(x, device);
  ag_scope_leave(scope);
  return fine;
}

static ag_tensor *digits(void) {
  gan_images images;
  gan_dataset dataset;
  ag_tensor *sum = NULL;
  if (!gan_images_load(&images, TEST_DATA_DIR "/mnist", "t10k")) return NULL;
  if (gan_dataset_make(&dataset, &images, 4, 2, 0, 1)) {
    gan_batch batch = gan_dataset_batch(&dataset, 0, 1);
    sum = ag_add(ag_sum(batch.samples), ag_sum(batch.labels));
    gan_dataset_free(&dataset);
  }
  gan_images_free(&images);
  return sum;
}

static bool read_digits(void) { return in_scope(digits); }

static ag_tensor *array(void) {
  bool written = gan_npy_write(path_of("array.npy"), ag_arange(5));
  return written ? gan_npy_read(path_of("array.npy")) : NULL;
}

static bool write_and_read_array(void) { return in_scope(array); }

/* Figures of digits: by a judge that is there, of a classifier that is read, and neighbours. */

static gan_images test_digits;
static gan_judge judge;

static ag_tensor *figures_of_digits(void) {
  gan_classifier read;
  gan_digit_figures figures;
  gan_neighbours found[2];
  ag_tensor *features, *probabilities, *pixels = gan_pixels(&test_digits, 0, 1, 2);
  if (!pixels || !gan_classifier_load(&read, path_of(CLASSIFIER), &test_digits)) return NULL;
  bool judged = gan_classify(&read, pixels, &features, &probabilities) &&
                gan_evaluate_digits(&judge, pixels, &figures) && gan_find_neighbours(&test_digits, pixels, found);
  gan_classifier_free(&read);
  return judged ? ag_scalar(figures.frechet + figures.entropy + found[1].distance[0]) : NULL;
}

static bool judge_digits(void) { return in_scope(figures_of_digits); }

static bool make_judge(void) {
  gan_judge made;
  bool done = gan_judge_make(&made, NULL, &test_digits, &test_digits, NULL, NULL);
  if (done) gan_judge_free(&made);
  return done;
}

static void check_made_judge(bool failed) { assert_true(!failed || make_judge()); }

static void digits_are_judged_or_it_is_an_error(void **state) {
  (void)state;
  assert_true(gan_images_load(&test_digits, TEST_DATA_DIR "/mnist", "t10k"));
  test_digits.count = 100; /* a batch of the classifier's */
  assert_true(gan_judge_make(&judge, folder, &test_digits, &test_digits, NULL, NULL));
  sweep_computation(judge_digits);
  if (POOLS > 1) sweep(&(operation){nothing, make_judge, check_made_judge, nothing}, true, FAILING_ONCE);
  gan_judge_free(&judge);
  gan_images_free(&test_digits);
}

static void tapes_and_their_gradients_fail_and_work_again(void **state) {
  (void)state;
  sweep_computation(record_one_op);
  sweep_computation(differentiate_chain);
  sweep_computation(compute_jacobians);
  sweep_computation(compute_clipped);
  sweep_computation(check_gradients);
  sweep_all(&recording);
}

static void graphs_and_summaries_fail_and_work_again(void **state) {
  (void)state;
  model = &points;
  assert_true(make_pair());
  device = fopen("/dev/null", "w");
  result = 0;
  sweep_computation(write_graph_and_summary);
  fclose(device);
  free_pair();
}

static void data_is_read_or_not_there(void **state) {
  (void)state;
  sweep_computation(read_digits);
  sweep_computation(write_and_read_array);
}

static int make_folder(void **state) {
  (void)state;
  ag_set_threads(1); /* the counts are of this thread */
  return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
  (void)state;
  static const char *const others[] = {CHECKPOINT, CLASSIFIER, "judge.safetensors", "array.npy",
                                       "run/checkpoint.previous.safetensors", "run/checkpoint.coming.safetensors"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) remove(path_of(others[i]));
  for (int i = 0; i < RUN_FILES; i++) remove(path_of(run_files[i]));
  for (int i = 0; i < RUN_FOLDERS; i++) remove(path_of(run_folders[i]));
  return rmdir(folder);
}

/* Not of requests that fail, but of how many are kept: sizes that vary from step to step leave no idle buffer each. */
static void idle_buffers_of_many_sizes_do_not_pile_up(void **state) {
  (void)state;
  ag_pool_trim();
  ag_memory_peak_reset();
  const size_t before = failing_live(), largest = (size_t)64 << 20, step = largest / 16;
  for (size_t bytes = largest; bytes > largest / 2; bytes -= step) {
    ag_pool_give(ag_pool_take(bytes), bytes);
    assert_true(failing_live() - before <= 4); /* of 8 */
  }
  ag_pool_trim();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_pair_is_made_or_there_is_none, begin),
      cmocka_unit_test_setup(a_layer_is_built_or_as_before, begin),
      cmocka_unit_test_setup(a_dual_tape_step_is_as_if_never_begun, begin),
      cmocka_unit_test_setup(a_clipped_dual_tape_step_updates_networks_whole, begin),
      cmocka_unit_test_setup(a_step_with_a_gradient_penalty_updates_networks_whole, begin),
      cmocka_unit_test_setup(a_step_with_spectral_norm_updates_networks_whole, begin),
      cmocka_unit_test_setup(a_threshold_step_updates_networks_whole, begin),
      cmocka_unit_test_setup(a_half_batch_step_updates_networks_whole, begin),
      cmocka_unit_test_setup(a_checkpoint_is_saved_or_the_old_one_stays, begin),
      cmocka_unit_test_setup(a_checkpoint_is_loaded_or_there_is_no_pair, begin),
      cmocka_unit_test_setup(weights_are_loaded_or_stay, begin),
      cmocka_unit_test_setup(a_run_is_recorded_or_can_be_anew, begin),
      cmocka_unit_test_setup(a_training_run_fails_and_succeeds_again, begin),
      cmocka_unit_test_setup(a_run_is_resumed_or_can_be_later, begin),
      cmocka_unit_test_setup(digits_are_judged_or_it_is_an_error, begin),
      cmocka_unit_test_setup(tapes_and_their_gradients_fail_and_work_again, begin),
      cmocka_unit_test_setup(graphs_and_summaries_fail_and_work_again, begin),
      cmocka_unit_test_setup(data_is_read_or_not_there, begin),
      cmocka_unit_test_setup(idle_buffers_of_many_sizes_do_not_pile_up, begin),
  };
  int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
  failing_print_counts();
  return failed;
}
