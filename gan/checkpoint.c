#include "gan/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fingerprint.h"
#include "gan/c_locale.h"
#include "gan/text.h"

/* The average of a generator is filed beside the networks. */
static size_t list_networks(const gan_pair *pair, nn_named_layer *layers) {
  layers[0] = (nn_named_layer){.name = "generator", .layer = pair->generator};
  layers[1] = (nn_named_layer){.name = "discriminator", .layer = pair->discriminator};
  layers[2] = (nn_named_layer){.name = "average", .layer = pair->average};
  return pair->average ? 3 : 2;
}

enum { MOST_LAYERS = 5 };

static size_t list_all(const gan_pair *pair, nn_named_layer layers[MOST_LAYERS]) {
  size_t count = list_networks(pair, layers);
  layers[count++] = (nn_named_layer){"generator_optimizer", pair->generator, pair->generator_optimizer};
  layers[count++] = (nn_named_layer){"discriminator_optimizer", pair->discriminator, pair->discriminator_optimizer};
  return count;
}

/* ---- The metadata ---- */

enum {
  MODEL, /* settings, which a run is bound to */
  LOSS,
  SCHEDULE,
  BATCH,
  CRITIC_STEPS,
  PACK,
  CLASSES,
  AVERAGE,
  LEARNING_RATE,
  DECAY,
  SEED,
  IMAGES,
  STEPS_AN_EPOCH,
  EPOCH, /* where it stands */
  STEP,
  STEPS,
  EVALUATE,
  COUNTER,
  GENERATOR_STEPS,
  DISCRIMINATOR_STEPS,
  PRECISION, /* what its last bits hang on */
  KERNELS,
  PROGRAM,
  IMAGES_CRC32,
  KEYS
};

static const char *const keys[KEYS] = {
    [MODEL] = "model",
    [LOSS] = "loss",
    [SCHEDULE] = "schedule",
    [BATCH] = "batch",
    [CRITIC_STEPS] = "critic_steps",
    [PACK] = "pack",
    [CLASSES] = "classes",
    [AVERAGE] = "average",
    [LEARNING_RATE] = "learning_rate",
    [DECAY] = "decay",
    [SEED] = "seed",
    [IMAGES] = "images",
    [STEPS_AN_EPOCH] = "steps_an_epoch",
    [EPOCH] = "epoch",
    [STEP] = "step",
    [STEPS] = "steps",
    [EVALUATE] = "evaluate",
    [COUNTER] = "counter",
    [GENERATOR_STEPS] = "generator_steps",
    [DISCRIMINATOR_STEPS] = "discriminator_steps",
    [PRECISION] = "precision",
    [KERNELS] = "kernels",
    [PROGRAM] = "program",
    [IMAGES_CRC32] = "images_crc32",
};

/* What each key says; "": nothing. */
typedef struct {
  const char *path; /* of the file it was read from */
  char text[KEYS][120];
} words;

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static void
put(words *all, int key, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(all->text[key], sizeof all->text[key], format, arguments);
  va_end(arguments);
}

static void put_count(words *all, int key, int64_t value) { put(all, key, "%" PRId64, value); }

/* In as few digits as give the very number again. */
static void put_real(words *all, int key, double value) {
  locale_t before = gan_c_locale_enter();
  for (int digits = 6; digits <= 17; digits++) {
    put(all, key, "%.*g", digits, value);
    if (strtod(all->text[key], NULL) == value) break;
  }
  gan_c_locale_leave(before);
}

static int64_t at_least_one(int64_t count) { return count > 1 ? count : 1; } /* 0 stands for one in a model */

static void put_settings(words *all, const gan_position *at) {
  const gan_model *model = at->model;
  const char *schedule = gan_step_name(model->step);
  put(all, MODEL, "%s", model->name);
  put(all, LOSS, "%s", model->loss->name);
  put(all, SCHEDULE, "%s", schedule ? schedule : "own");
  put_count(all, BATCH, model->batch);
  put_count(all, CRITIC_STEPS, at_least_one(model->critic_steps));
  put_count(all, PACK, at_least_one(model->pack));
  put_count(all, CLASSES, model->classes);
  put_real(all, AVERAGE, model->average);
  if (model->learning_rate > 0) put_real(all, LEARNING_RATE, model->learning_rate);
  else put(all, LEARNING_RATE, "own");
  put_count(all, DECAY, model->decay);
  put(all, SEED, "%" PRIu64, at->seed);
  put_count(all, IMAGES, at->images);
  put_count(all, STEPS_AN_EPOCH, at->steps_an_epoch);
}

static void put_position(words *all, const gan_position *at, const gan_pair *pair) {
  put_count(all, EPOCH, at->epoch);
  put_count(all, STEP, at->step);
  put_count(all, STEPS, at->steps);
  put_count(all, EVALUATE, at->evaluate);
  put(all, COUNTER, "%" PRIu64, at->counter);
  put_count(all, GENERATOR_STEPS, pair->generator_steps);
  put_count(all, DISCRIMINATOR_STEPS, pair->discriminator_steps);
}

static const char *const precisions[] = {[AG_HIGHEST] = "highest", [AG_HIGH] = "high", [AG_MEDIUM] = "medium"};

const char *gan_precision_name(ag_precision precision) {
  if (precision >= AG_HIGHEST && precision <= AG_MEDIUM) return precisions[precision];
  return ag_fail(AG_ERROR_ARGUMENT, "gan_precision_name: %d is none", (int)precision);
}

bool gan_precision_find(const char *name, ag_precision *precision) {
  if (!precision) return ag_fail_null("gan_precision_find", "precision");
  for (int i = AG_HIGHEST; name && i <= AG_MEDIUM; i++)
    if (strcmp(name, precisions[i]) == 0) return *precision = (ag_precision)i, true;
  return false;
}

static void put_circumstances(words *all, const gan_position *at) {
  ag_precision asked = ag_get_precision();
  put(all, PRECISION, "%s", precisions[ag_precision_available(asked) ? asked : AG_HIGHEST]);
  put(all, KERNELS, "%s", ag_kernels_name());
  put(all, PROGRAM, "%s", GAN_FINGERPRINT);
  put(all, IMAGES_CRC32, "%08" PRIx32, at->crc32);
}

static bool names_model(const gan_model *model) { return model && model->name && model->loss && model->loss->name; }

bool gan_checkpoint_save(const char *path, const gan_position *at, const gan_pair *pair) {
  if (!path || !at || !pair) return ag_fail_null("gan_checkpoint_save", "path, position or pair");
  if (!names_model(at->model)) return ag_fail_null("gan_checkpoint_save", "the model, its name or loss");
  words all = {0};
  put_settings(&all, at);
  put_position(&all, at, pair);
  put_circumstances(&all, at);
  const char *metadata[2 * KEYS + 1] = {NULL};
  for (int key = 0; key < KEYS; key++) {
    metadata[2 * key] = keys[key];
    metadata[2 * key + 1] = all.text[key];
  }
  nn_named_layer layers[MOST_LAYERS];
  return nn_save(path, list_all(pair, layers), layers, metadata);
}

/* ---- Reading ---- */

static void keep_word(const char *key, const char *value, void *context) {
  words *all = context;
  for (int i = 0; i < KEYS; i++) {
    if (strcmp(key, keys[i]) != 0) continue;
    if (all->text[i][0]) ag_fail(AG_ERROR_FILE, "%s: its metadata says %s twice", all->path, key);
    if (strlen(value) >= sizeof all->text[i])
      ag_fail(AG_ERROR_FILE, "%s: its metadata says too much of %s", all->path, key);
    put(all, i, "%s", value);
  }
}

static bool read_words(const char *path, words *all) {
  *all = (words){.path = path};
  return nn_each_metadata(path, keep_word, all) && !ag_failed();
}

static bool refuse(const words *all, int key, const char *expected) {
  return ag_fail(AG_ERROR_FILE, "%s: its metadata says that %s is '%s', expected %s", all->path, keys[key],
                 all->text[key], expected);
}

static bool read_whole(const words *all, int key, uint64_t lowest, uint64_t highest, uint64_t *value) {
  const char *text = all->text[key];
  char *end, expected[80];
  errno = 0;
  *value = strtoull(text, &end, 10);
  if (text[0] >= '0' && text[0] <= '9' && !*end && !errno && *value >= lowest && *value <= highest) return true;
  snprintf(expected, sizeof expected, "a whole number from %" PRIu64 " to %" PRIu64, lowest, highest);
  return refuse(all, key, expected);
}

static bool read_count(const words *all, int key, int64_t lowest, int64_t highest, int64_t *value) {
  uint64_t whole;
  if (!read_whole(all, key, (uint64_t)lowest, (uint64_t)highest, &whole)) return false;
  *value = (int64_t)whole;
  return true;
}

/* An option of the model: as the model has it where the file does not tell. */
static bool read_option(const words *all, int key, int64_t lowest, int64_t highest, int64_t *value) {
  return !all->text[key][0] || read_count(all, key, lowest, highest, value);
}

static bool read_real_option(const words *all, int key, double *value) {
  const char *text = all->text[key];
  if (!text[0]) return true;
  char *end;
  bool own = key == LEARNING_RATE && strcmp(text, "own") == 0;
  locale_t before = gan_c_locale_enter();
  *value = own ? 0 : strtod(text, &end);
  gan_c_locale_leave(before);
  return own || (end != text && !*end && *value >= 0 && *value <= 1) || refuse(all, key, "a number from 0 to 1");
}

static bool read_loss(const words *all, gan_model *model) {
  const char *name = all->text[LOSS];
  if (!name[0] || strcmp(name, model->loss->name) == 0) return true;
  model->loss = gan_loss_find(name);
  return model->loss || refuse(all, LOSS, "a loss of this program");
}

static bool read_schedule(const words *all, gan_model *model) {
  const char *name = all->text[SCHEDULE];
  if (name[0]) model->step = gan_step_find(name);
  return model->step || refuse(all, SCHEDULE, "a schedule of this program");
}

static bool read_model(const words *all, gan_model *model) {
  enum { MOST_CRITIC_STEPS = 1000, MOST_PACKED = 64, MOST_CLASSES = 10, MOST_DECAY = 100 };
  const char *name = all->text[MODEL];
  const gan_model *found = gan_model_find(name);
  if (!found)
    return ag_fail(AG_ERROR_FILE, "%s: its metadata names %s%s, expected a model of this program; nn_load takes any",
                   all->path, name[0] ? "the model " : "no model", name);
  *model = *found;
  return read_loss(all, model) && read_schedule(all, model) && read_option(all, BATCH, 1, INT32_MAX, &model->batch) &&
         read_option(all, CRITIC_STEPS, 0, MOST_CRITIC_STEPS, &model->critic_steps) &&
         read_option(all, PACK, 0, MOST_PACKED, &model->pack) &&
         read_option(all, CLASSES, 0, MOST_CLASSES, &model->classes) &&
         read_real_option(all, AVERAGE, &model->average) &&
         read_real_option(all, LEARNING_RATE, &model->learning_rate) &&
         read_option(all, DECAY, 0, MOST_DECAY, &model->decay);
}

bool gan_checkpoint_load(const char *path, gan_pair *pair, gan_model *model) {
  if (!path || !pair || !model) return ag_fail_null("gan_checkpoint_load", "path, pair or model");
  ag_rng rng = ag_rng_seed(0);
  nn_named_layer layers[MOST_LAYERS];
  words all;
  if (!read_words(path, &all) || !read_model(&all, model) || !gan_pair_make(pair, model, &rng)) return false;
  bool loaded = nn_load(path, list_networks(pair, layers), layers);
  if (!loaded) gan_pair_free(pair);
  return loaded;
}

static const int64_t most_steps = INT64_MAX / 2; /* so that there is room to count on */

/* Where the file stands: each number within those that it follows from. */
static bool read_position(const words *all, gan_position *at) {
  int64_t evaluate;
  bool read = read_whole(all, SEED, 0, UINT64_MAX, &at->seed) && read_count(all, IMAGES, 0, INT32_MAX, &at->images) &&
              read_count(all, STEPS_AN_EPOCH, 1, most_steps, &at->steps_an_epoch) &&
              read_count(all, STEPS, 1, INT64_MAX, &at->steps) && read_count(all, STEP, 1, at->steps, &at->step) &&
              read_count(all, EVALUATE, 0, 1, &evaluate) && read_whole(all, COUNTER, 0, UINT64_MAX, &at->counter);
  if (!read) return false;
  at->evaluate = evaluate;
  int64_t epoch = (at->step - 1) / at->steps_an_epoch + 1;
  return read_count(all, EPOCH, epoch, epoch, &at->epoch);
}

bool gan_checkpoint_read(const char *path, gan_model *model, gan_position *at, ag_precision *precision) {
  if (!path || !model || !at || !precision)
    return ag_fail_null("gan_checkpoint_read", "path, model, position or precision");
  words all;
  *at = (gan_position){.model = model};
  return read_words(path, &all) && read_model(&all, model) && read_position(&all, at) &&
         (gan_precision_find(all.text[PRECISION], precision) || refuse(&all, PRECISION, "highest, high or medium"));
}

static bool check_settings(const words *all, const gan_position *at) {
  words expected = {0};
  put_settings(&expected, at);
  for (int key = 0; key < EPOCH; key++)
    if (strcmp(all->text[key], expected.text[key]) != 0)
      return ag_fail(AG_ERROR_ARGUMENT, "%s: its run has %s %s, expected %s", all->path, keys[key],
                     all->text[key][0] ? all->text[key] : "unknown", expected.text[key]);
  return true;
}

bool gan_checkpoint_resume(const char *path, gan_position *at, gan_pair *pair) {
  if (!path || !at || !pair) return ag_fail_null("gan_checkpoint_resume", "path, position or pair");
  if (!names_model(at->model)) return ag_fail_null("gan_checkpoint_resume", "the model, its name or loss");
  words all;
  gan_position found;
  int64_t generator_steps, discriminator_steps;
  nn_named_layer layers[MOST_LAYERS];
  if (!read_words(path, &all) || !check_settings(&all, at) || !read_position(&all, &found) ||
      !read_count(&all, GENERATOR_STEPS, 0, most_steps, &generator_steps) ||
      !read_count(&all, DISCRIMINATOR_STEPS, 0, most_steps, &discriminator_steps))
    return false;
  if (found.step > at->steps)
    return ag_fail(AG_ERROR_ARGUMENT,
                   "%s: its run stands at step %" PRId64 " already, expected at most the %" PRId64
                   " that are asked for",
                   path, found.step, at->steps);
  if (!nn_load(path, list_all(pair, layers), layers)) return false;
  pair->generator_steps = generator_steps;
  pair->discriminator_steps = discriminator_steps;
  at->epoch = found.epoch;
  at->step = found.step;
  at->counter = found.counter;
  return true;
}

char *gan_checkpoint_differs(const char *path, const gan_position *at) {
  if (!path || !at || !at->model) return ag_fail_null("gan_checkpoint_differs", "path, position or its model");
  words all, here = {0};
  put_circumstances(&here, at);
  put_count(&here, STEPS, at->steps);
  if (!read_words(path, &all)) return NULL;
  if ((at->model->decay || at->model->instance_noise.first > 0) && strcmp(all.text[STEPS], here.text[STEPS]) != 0)
    return gan_text(
        "%s is of a run of %s steps, now of %s: its rates or noise, which fall to the end, are others than "
        "those of a run never stopped",
        path, all.text[STEPS], here.text[STEPS]);
  for (int key = PRECISION; key < KEYS; key++)
    if (strcmp(all.text[key], here.text[key]) != 0)
      return gan_text("%s was written with %s %s, and this is %s: bits may differ from those of a run never stopped",
                      path, keys[key], all.text[key][0] ? all.text[key] : "unknown", here.text[key]);
  return NULL;
}
