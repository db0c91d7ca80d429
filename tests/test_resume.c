/* Training that is stopped and resumed: the bytes of a run never stopped. */
#include "tests/check.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gan/gan.h"

/* Two folders, removed at the end: of a run in one go, and of one that is stopped. */
static char folder[64], whole[128], parts[128];

static int enter_folder(void **state) {
  strcpy(folder, "/tmp/dualtape-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(whole, sizeof whole, "%s/whole", folder);
  snprintf(parts, sizeof parts, "%s/parts", folder);
  return check_enter(state);
}

static int leave_folder(void **state) {
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", folder);
  return check_leave(state) || system(command) != 0;
}

#define FOLDER_TEST(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

enum { IMAGES = 10 };
static uint8_t pixels[IMAGES * 28 * 28], labels[IMAGES];
static gan_images images = {IMAGES, 28, 28, pixels, labels};

static char notes[1024];
static void note(const char *sentence, void *context) {
  (void)context;
  snprintf(notes + strlen(notes), sizeof notes - strlen(notes), "%s\n", sentence);
}

static gan_training training_of(const gan_model *model, const char *path, int64_t steps) {
  notes[0] = '\0';
  return (gan_training){.model = model, .images = &images, .folder = path, .seed = 7, .steps = steps, .note = note};
}

static void train(gan_training training) {
  bool trained = gan_train(&training);
  if (!trained) print_error("%s: %s\n", training.model->name, ag_error_message());
  assert_true(trained);
}

static const volatile sig_atomic_t now = 1;

static void train_one_step(gan_training training) {
  training.stop = &now;
  train(training);
}

static char *bytes_of(const char *path, const char *name, size_t *size) {
  char full[256];
  snprintf(full, sizeof full, "%s/%s", path, name);
  FILE *file = fopen(full, "rb");
  if (!file) fail_msg("%s is missing", full);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

static void assert_same_file(const char *name) {
  size_t size, other_size;
  char *bytes = bytes_of(whole, name, &size), *other = bytes_of(parts, name, &other_size);
  assert_int_equal(size, other_size);
  if (memcmp(bytes, other, size) != 0) fail_msg("%s differs", name);
  free(bytes);
  free(other);
}

static void assert_same_run(int epochs) {
  static const char *const names[] = {"checkpoint.safetensors", "metrics.csv", "training.gif", "report.html"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert_same_file(names[i]);
  for (int epoch = 1; epoch <= epochs; epoch++) {
    char name[64];
    snprintf(name, sizeof name, "samples/epoch-%04d.png", epoch);
    assert_same_file(name);
  }
}

static bool is_there(const char *name) {
  char full[256];
  snprintf(full, sizeof full, "%s/%s", parts, name);
  return access(full, F_OK) == 0;
}

static void rename_part(const char *from, const char *to) {
  char a[256], b[256];
  snprintf(a, sizeof a, "%s/%s", parts, from);
  snprintf(b, sizeof b, "%s/%s", parts, to);
  assert_int_equal(rename(a, b), 0);
}

static void write_metrics(const char *mode, const char *lines) {
  char full[256];
  snprintf(full, sizeof full, "%s/metrics.csv", parts);
  FILE *metrics = fopen(full, mode);
  assert_non_null(metrics);
  assert_true(fputs(lines, metrics) >= 0);
  assert_int_equal(fclose(metrics), 0);
}

static void cut(const char *name, long by) {
  char full[256];
  struct stat status;
  snprintf(full, sizeof full, "%s/%s", parts, name);
  assert_int_equal(stat(full, &status), 0);
  assert_int_equal(truncate(full, status.st_size - by), 0);
}

static void draw_images(void) {
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * i % 251);
  for (int i = 0; i < IMAGES; i++) labels[i] = (uint8_t)i;
}

/* A small model of digits: 2 batches of 4 an epoch. */
static gan_model small_model(void) {
  gan_model model = *gan_model_find("mlp-keras");
  model.batch = 4;
  model.classes = 10;
  model.average = 0.9;
  return model;
}

static void every_model_goes_on_as_if_never_stopped_on_any_number_of_threads(void **state) {
  (void)state;
  for (const gan_model *const *known = gan_models; *known; known++) {
    gan_model model = **known;
    model.batch = 4;
    model.shown = 4;
    ag_set_threads(1);
    train(training_of(&model, whole, 2));
    ag_set_threads(2);
    train_one_step(training_of(&model, parts, 2));
    gan_training rest = training_of(&model, parts, 2);
    rest.resume = true;
    ag_set_threads(4);
    train(rest);
    assert_same_run(1);
    ag_set_threads(0);
  }
}

static void a_run_of_many_epochs_may_stop_after_every_step(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, whole, 7));
  gan_training part = training_of(&model, parts, 7);
  for (int step = 1; step <= 7; step++) {
    train_one_step(part);
    part.resume = true;
  }
  assert_same_run(4);
  train(part); /* nothing is left to do */
  assert_same_run(4);
}

static void a_finished_run_can_be_made_longer(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, whole, 7));
  train(training_of(&model, parts, 3));
  gan_training longer = training_of(&model, parts, 7);
  longer.resume = true;
  train(longer);
  assert_same_run(4);
}

/* The system's, or made by its own tool. */
static bool set_locale_with_a_decimal_comma(void) {
  if (setlocale(LC_ALL, "de_DE.UTF-8")) return true;
  char command[256];
  snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null", folder);
  return system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_ALL, "de_DE.UTF-8");
}

static void a_run_in_a_locale_with_a_decimal_comma_is_the_same(void **state) {
  (void)state;
  gan_model model = small_model();
  model.learning_rate = 0.125;
  train(training_of(&model, whole, 7));
  if (!set_locale_with_a_decimal_comma()) skip();
  gan_training part = training_of(&model, parts, 7);
  train_one_step(part);
  part.resume = true;
  train(part);
  setlocale(LC_ALL, "C");
  assert_same_run(4);
}

static void a_run_until_it_is_stopped_can_be_resumed(void **state) {
  (void)state;
  gan_model model = small_model();
  gan_training endless = training_of(&model, parts, INT64_MAX);
  train_one_step(endless);
  endless.resume = true;
  train_one_step(endless);
  assert_non_null(strstr(notes, "going on after step 1 of 9223372036854775807"));
}

static void a_broken_checkpoint_gives_way_to_the_one_before(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, whole, 7));
  train(training_of(&model, parts, 6));
  cut("checkpoint.safetensors", 1);
  gan_training rest = training_of(&model, parts, 7);
  rest.resume = true;
  train(rest);
  assert_non_null(strstr(notes, "checkpoint.safetensors: "));
  assert_non_null(strstr(notes, "the one before"));
  assert_same_run(4);
}

static void a_broken_checkpoint_gives_way_to_the_one_before_where_samples_are_drawn(void **state) {
  (void)state;
  train(training_of(gan_model_find("ring"), parts, 2));
  gan_training rest = training_of(gan_model_find("ring"), parts, 3);
  rest.resume = true;
  train(rest);
  notes[0] = '\0';
  for (int broken = 0; broken < 2; broken++) {
    if (broken) cut("checkpoint.safetensors", 1);
    gan_pair pair;
    gan_model model;
    assert_true(gan_run_load(parts, &pair, &model, note, NULL));
    assert_true(!strstr(notes, "checkpoint.previous.safetensors, the one before") == !broken);
    gan_pair_free(&pair);
  }
}

static void a_wish_that_is_refused_leaves_even_a_broken_checkpoint(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, parts, 6));
  cut("checkpoint.safetensors", 1);
  gan_training shorter = training_of(&model, parts, 3);
  shorter.resume = true;
  assert_false(gan_train(&shorter));
  assert_error(AG_ERROR_ARGUMENT, "stands at step 6 already, expected at most the 3");
  assert_true(is_there("checkpoint.safetensors") && is_there("checkpoint.previous.safetensors"));
  assert_true(is_there("samples/epoch-0003.png"));
}

static void figures_in_other_columns_are_refused_before_anything_is_removed(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, parts, 6));
  rename_part("samples/epoch-0003.png", "samples/epoch-0004.png");
  write_metrics("w", "step,epoch,g_loss,d_loss,d_real,d_fake,accuracy,spread\n1,1,0.7,0.7,0.5,0.5,0.5,1\n");
  gan_training rest = training_of(&model, parts, 7);
  rest.resume = true;
  assert_false(gan_train(&rest));
  assert_error(AG_ERROR_FILE, "accuracy,spread,g_gradient; another version began this run");
  assert_true(is_there("samples/epoch-0004.png"));
}

static void a_picture_of_no_epoch_is_passed_over(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, parts, 4));
  rename_part("samples/epoch-0001.png", "samples/epoch-0000.png");
  gan_training rest = training_of(&model, parts, 6);
  rest.resume = true;
  train(rest);
}

/* As from another program. */
static void a_picture_of_another_size_begins_the_film_anew(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, parts, 4));
  char path[256];
  snprintf(path, sizeof path, "%s/samples/epoch-0001.png", parts);
  assert_true(gan_png_write(path, &(gan_picture){2, 2, (uint8_t[4]){0}}));
  gan_training rest = training_of(&model, parts, 6);
  rest.resume = true;
  train(rest);
}

static void what_a_file_claims_of_its_place_is_checked(void **state) {
  (void)state;
  static const struct {
    const char *key, *value, *reason;
  } claims[] = {{"epoch", "9", "epoch is '9', expected a whole number from 2 to 2"},
                {"step", "9", "step is '9', expected a whole number from 1 to 3"},
                {"step", "x", "step is 'x'"},
                {"steps", "0", "steps is '0'"},
                {"counter", "-", "counter is '-"}};
  gan_model model = small_model(), recorded;
  train(training_of(&model, parts, 3));
  for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
    char command[512];
    snprintf(command, sizeof command,
             "LC_ALL=C sed 's/\"%s\":\"[^\"]/\"%s\":\"%s/' %s/checkpoint.safetensors >%s/claim.safetensors",
             claims[i].key, claims[i].key, claims[i].value, parts, parts);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "%s/claim.safetensors", parts);
    gan_position at;
    ag_precision precision;
    assert_false(gan_checkpoint_read(command, &recorded, &at, &precision));
    assert_error(AG_ERROR_FILE, claims[i].reason);
  }
}

static void assert_not_read(const char *path, const char *reason) {
  gan_model model;
  gan_position at;
  ag_precision precision;
  assert_false(gan_checkpoint_read(path, &model, &at, &precision));
  assert_error(AG_ERROR_FILE, reason);
}

static void what_a_file_says_twice_or_at_too_great_a_length_is_refused(void **state) {
  (void)state;
  char path[256], command[512], seed[200] = {0};
  snprintf(path, sizeof path, "%s/claim.safetensors", folder);
  const nn_named_layer none = {0};
  const char *twice[] = {"model", "ring", "counter", "1", "program", "2", NULL}; /* once counter, of as many letters */
  assert_true(nn_save(path, 0, &none, twice));
  snprintf(command, sizeof command, "LC_ALL=C sed -i s/program/counter/ %s", path);
  assert_int_equal(system(command), 0);
  assert_not_read(path, "says counter twice");
  memset(seed, '0', sizeof seed - 1);
  assert_true(nn_save(path, 0, &none, (const char *[]){"model", "ring", "seed", seed, NULL}));
  assert_not_read(path, "says too much of seed");
}

/* As when it is killed between the two renames. */
static void a_missing_checkpoint_gives_way_to_the_one_before(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, whole, 7));
  train(training_of(&model, parts, 4));
  rename_part("checkpoint.safetensors", "checkpoint.coming.safetensors");
  gan_training rest = training_of(&model, parts, 7);
  rest.resume = true;
  train(rest);
  assert_non_null(strstr(notes, "the one before"));
  assert_same_run(4);
}

/* As when it is killed after the checkpoint and before what is made of it, or within a line. */
static void what_was_not_written_any_more_is_made_up_for(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, whole, 6));
  train(training_of(&model, parts, 6));
  rename_part("samples/epoch-0003.png", "lost");
  rename_part("report.html", "samples/epoch-0009.png");
  write_metrics("a", "7,4,0.7,0.7,0.5,0.5,0.5,1,1\n8,4,0.");
  gan_training rest = training_of(&model, parts, 6);
  rest.resume = true;
  train(rest);
  assert_same_run(3);
  assert_false(is_there("samples/epoch-0009.png"));
}

static void checkpoints_are_written_within_an_epoch_and_the_last_two_stay(void **state) {
  (void)state;
  gan_model model = small_model();
  model.decay = 1;
  gan_training often = training_of(&model, parts, 3);
  often.checkpoint_minutes = 1e-9;
  train(often);
  gan_position at = {.model = &model};
  gan_model recorded;
  ag_precision precision;
  char path[256];
  snprintf(path, sizeof path, "%s/checkpoint.previous.safetensors", parts);
  assert_true(gan_checkpoint_read(path, &recorded, &at, &precision));
  assert_int_equal(at.step, 2);
  assert_true(gan_run_read(parts, &recorded, &at, &precision));
  assert_int_equal(at.step, 3);
  assert_int_equal(at.epoch, 2);
  assert_int_equal(at.steps, 3);
  assert_int_equal(at.seed, 7);
  assert_int_equal(at.images, IMAGES);
  assert_int_equal(recorded.batch, 4);
  assert_int_equal(recorded.classes, 10);
  assert_true(recorded.average == 0.9);
  assert_int_equal(recorded.decay, 1);
  assert_ptr_equal(recorded.step, model.step);
}

static void other_settings_are_refused_and_nothing_is_changed(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, whole, 3));
  train(training_of(&model, parts, 3));
  gan_training rest = training_of(&model, parts, 3);
  rest.resume = true;
  gan_training wrong = rest;
  wrong.seed = 8;
  assert_false(gan_train(&wrong));
  assert_error(AG_ERROR_ARGUMENT, "its run has seed 7, expected 8");
  wrong = rest;
  wrong.limit = 9;
  assert_false(gan_train(&wrong));
  assert_error(AG_ERROR_ARGUMENT, "its run has images 10, expected 9");
  wrong = rest;
  wrong.steps = 2;
  assert_false(gan_train(&wrong));
  assert_error(AG_ERROR_ARGUMENT, "stands at step 3 already, expected at most the 2");
  gan_model other = model;
  other.learning_rate = 0.125;
  wrong = rest;
  wrong.model = &other;
  assert_false(gan_train(&wrong));
  assert_error(AG_ERROR_ARGUMENT, "its run has learning_rate own, expected 0.125");
  other = model;
  other.decay = 1;
  assert_false(gan_train(&wrong));
  assert_error(AG_ERROR_ARGUMENT, "its run has decay 0, expected 1");
  wrong = rest;
  wrong.folder = folder;
  assert_false(gan_train(&wrong));
  assert_error(AG_ERROR_FILE, "cannot read");
  assert_same_run(2);
}

static double learning_rates[4], noises[4], wide_shares[4];
static bool keep_rates(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  static int step;
  learning_rates[step] = nn_learning_rate(pair->generator_optimizer);
  wide_shares[step] = pair->wide_share;
  noises[step++] = pair->instance_noise;
  return gan_alternating_step(pair, real, rng, figures);
}

static nn_optimizer *make_sgd(void) { return nn_sgd(.learning_rate = 0.5); }

static void rates_and_noise_fall_where_the_model_says_so_and_go_on_falling_when_resumed(void **state) {
  (void)state;
  gan_model model = small_model();
  model.make_optimizer = make_sgd;
  model.step = keep_rates;
  model.decay = 2;
  model.instance_noise.first = 0.25;
  model.instance_noise.last = 0.0625;
  model.wide_noise.share = 0.5;
  gan_training training = training_of(&model, parts, 4);
  train_one_step(training);
  training.resume = true;
  train(training);
  for (int step = 0; step < 4; step++) {
    double left = (1 - 0.25 * step) * (1 - 0.25 * step);
    assert_true(learning_rates[step] == 0.5 * left);
    assert_true(fabs(noises[step] - 0.25 * pow(0.25, 0.25 * step)) < 1e-15);
    assert_true(wide_shares[step] == 0.5 * left);
  }
}

static void another_length_is_told_where_rates_or_noise_fall_to_the_end(void **state) {
  (void)state;
  for (int falling = 0; falling < 3; falling++) {
    gan_model model = small_model();
    model.decay = falling == 1;
    model.instance_noise.first = model.instance_noise.last = falling == 2;
    train(training_of(&model, parts, 2));
    gan_training longer = training_of(&model, parts, 4);
    longer.resume = true;
    train(longer);
    assert_true(!strstr(notes, "of a run of 2 steps, now of 4") == !falling);
  }
}

static void a_folder_that_another_training_writes_to_is_left_alone(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, whole, 3));
  train(training_of(&model, parts, 3));
  gan_training begun = training_of(&model, parts, 3), rest = begun;
  rest.resume = true;
  DIR *other = opendir(parts);
  assert_int_equal(flock(dirfd(other), LOCK_EX), 0);
  assert_false(gan_train(&begun));
  assert_error(AG_ERROR_FILE, "another training is writing there");
  assert_string_equal(notes, "");
  assert_false(gan_train(&rest));
  assert_error(AG_ERROR_FILE, "another training is writing there");
  assert_same_run(2);
  closedir(other);
  train(rest);
}

static bool fail_silently(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  return (void)pair, (void)real, (void)rng, (void)figures, false;
}

static void a_step_of_the_users_own_that_fails_without_an_error_is_named(void **state) {
  (void)state;
  gan_model model = small_model();
  model.step = fail_silently;
  gan_training training = training_of(&model, parts, 2);
  assert_false(gan_train(&training));
  assert_error(AG_ERROR_ARGUMENT, "the model's step failed without an error");
}

static int steps_left;
static ag_tensor *soon_infinite(ag_tensor *logits) {
  ag_tensor *loss = gan_cross_entropy.generator(logits);
  return steps_left-- > 0 ? loss : ag_div(loss, ag_scalar(0));
}

static void a_value_that_is_not_finite_stops_training_and_the_checkpoint_from_before_stays(void **state) {
  (void)state;
  gan_loss loss = gan_cross_entropy;
  loss.generator = soon_infinite;
  gan_model model = small_model();
  model.loss = &loss;
  model.step = gan_dual_tape_step;
  gan_training training = training_of(&model, parts, 9);
  steps_left = 4; /* two epochs of two steps */
  assert_false(gan_train(&training));
  assert_error(AG_ERROR_NONFINITE, "step 5: training step: the generator's loss is inf, expected a finite number");
  gan_position at;
  gan_model recorded;
  ag_precision precision;
  assert_true(gan_run_read(parts, &recorded, &at, &precision));
  assert_int_equal(at.step, 4);
  training.resume = true;
  steps_left = 9;
  train(training);
}

static void another_precision_cpu_or_program_is_told(void **state) {
  (void)state;
  static const char *const keys[] = {"precision", "kernels", "program"};
  gan_model model = small_model();
  for (int i = 0; i < 3; i++) {
    char command[512], expected[64];
    train(training_of(&model, parts, 1));
    snprintf(command, sizeof command, "LC_ALL=C sed -i 's/\"%s\":\"./\"%s\":\"x/' %s/checkpoint.safetensors", keys[i],
             keys[i], parts);
    assert_int_equal(system(command), 0);
    gan_training rest = training_of(&model, parts, 2);
    rest.resume = true;
    train(rest);
    snprintf(expected, sizeof expected, "was written with %s x", keys[i]);
    assert_non_null(strstr(notes, expected));
    assert_non_null(strstr(notes, "bits may differ"));
  }
}

static void other_images_are_told(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, parts, 1));
  gan_training rest = training_of(&model, parts, 2);
  rest.resume = true;
  pixels[0] ^= 1;
  train(rest);
  pixels[0] ^= 1;
  assert_non_null(strstr(notes, "was written with images_crc32 "));
}

/* Figures of a discriminator that has won, whatever the networks. */
static bool lose(gan_pair *pair, gan_batch real, ag_rng *rng, gan_figures *figures) {
  (void)pair, (void)real, (void)rng;
  *figures = (gan_figures){.g_loss = 8, .d_real = 0.999, .d_fake = 0.001, .accuracy = 1, .spread = 0.9};
  return true;
}

static int64_t warned_at;
static int warnings;
static void count_warnings(const gan_progress *progress, void *context) {
  (void)context;
  if (!progress->warning) return;
  warnings++;
  warned_at = progress->step;
  assert_non_null(strstr(progress->warning, "step 300: the discriminator has won"));
}

static void a_failure_is_said_once_and_by_its_step_even_if_the_run_is_stopped(void **state) {
  (void)state;
  static const int64_t stops[] = {200, 350};
  gan_model model = *gan_model_find("ring"); /* of long epochs */
  model.step = lose;
  for (int i = 0; i < 2; i++) {
    warnings = 0;
    gan_training training = training_of(&model, parts, stops[i]);
    training.progress = count_warnings;
    train(training);
    training.resume = true;
    training.steps = 700;
    train(training);
    assert_int_equal(warnings, 1);
    assert_int_equal(warned_at, 300);
  }
}

static void what_does_not_fit_together_leaves_the_run_that_a_folder_holds(void **state) {
  (void)state;
  gan_model model = small_model();
  train(training_of(&model, parts, 4));
  model.loss = &gan_wasserstein_gp;
  model.step = gan_half_batch_step;
  gan_training another = training_of(&model, parts, 4);
  assert_false(gan_train(&another));
  assert_error(AG_ERROR_ARGUMENT, "half-batch step: the loss wasserstein-gp has a gradient penalty");
  model = small_model();
  model.step = fail_silently; /* as any first step that goes wrong */
  assert_false(gan_train(&another));
  assert_error(AG_ERROR_ARGUMENT, "the model's step failed");
  assert_true(is_there("checkpoint.safetensors") && is_there("training.gif") && is_there("samples/epoch-0001.png"));
  assert_string_equal(notes, "");
}

int main(void) {
  draw_images();
  const struct CMUnitTest tests[] = {
      FOLDER_TEST(every_model_goes_on_as_if_never_stopped_on_any_number_of_threads),
      FOLDER_TEST(a_run_of_many_epochs_may_stop_after_every_step),
      FOLDER_TEST(a_finished_run_can_be_made_longer),
      FOLDER_TEST(a_run_in_a_locale_with_a_decimal_comma_is_the_same),
      FOLDER_TEST(a_run_until_it_is_stopped_can_be_resumed),
      FOLDER_TEST(a_broken_checkpoint_gives_way_to_the_one_before),
      FOLDER_TEST(a_broken_checkpoint_gives_way_to_the_one_before_where_samples_are_drawn),
      FOLDER_TEST(a_wish_that_is_refused_leaves_even_a_broken_checkpoint),
      FOLDER_TEST(figures_in_other_columns_are_refused_before_anything_is_removed),
      FOLDER_TEST(a_picture_of_no_epoch_is_passed_over),
      FOLDER_TEST(a_picture_of_another_size_begins_the_film_anew),
      FOLDER_TEST(what_a_file_claims_of_its_place_is_checked),
      FOLDER_TEST(what_a_file_says_twice_or_at_too_great_a_length_is_refused),
      FOLDER_TEST(a_missing_checkpoint_gives_way_to_the_one_before),
      FOLDER_TEST(what_was_not_written_any_more_is_made_up_for),
      FOLDER_TEST(checkpoints_are_written_within_an_epoch_and_the_last_two_stay),
      FOLDER_TEST(other_settings_are_refused_and_nothing_is_changed),
      FOLDER_TEST(rates_and_noise_fall_where_the_model_says_so_and_go_on_falling_when_resumed),
      FOLDER_TEST(another_length_is_told_where_rates_or_noise_fall_to_the_end),
      FOLDER_TEST(a_folder_that_another_training_writes_to_is_left_alone),
      FOLDER_TEST(a_step_of_the_users_own_that_fails_without_an_error_is_named),
      FOLDER_TEST(a_value_that_is_not_finite_stops_training_and_the_checkpoint_from_before_stays),
      FOLDER_TEST(another_precision_cpu_or_program_is_told),
      FOLDER_TEST(other_images_are_told),
      FOLDER_TEST(a_failure_is_said_once_and_by_its_step_even_if_the_run_is_stopped),
      FOLDER_TEST(what_does_not_fit_together_leaves_the_run_that_a_folder_holds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
