#include "gan/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gan/file.h"
#include "fingerprint.h"

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

/* ---- What is told in words ---- */

/* Those that the run is bound to come first, then where it stands, then what its last bits hang on. */
enum { SETTINGS = 11, POSITIONS = 7, CIRCUMSTANCES = 3, WORDS = SETTINGS + POSITIONS + CIRCUMSTANCES };

typedef struct {
  size_t count;
  struct {
    const char *key;
    char value[120];
  } items[WORDS];
} words;

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static void
put(words *all, const char *key, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  all->items[all->count].key = key;
  vsnprintf(all->items[all->count++].value, sizeof all->items->value, format, arguments);
  va_end(arguments);
}

/* In as few digits as give the very number again. */
static void put_real(words *all, const char *key, double value) {
  char text[32];
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  put(all, key, "%s", text);
}

static void put_count(words *all, const char *key, int64_t value) { put(all, key, "%" PRId64, value); }

static int64_t at_least_one(int64_t count) { return count > 1 ? count : 1; } /* 0 stands for one in a model */

static void put_settings(words *all, const gan_position *at) {
  const gan_model *model = at->model;
  const char *schedule = gan_step_name(model->step);
  put(all, "model", "%s", model->name);
  put(all, "loss", "%s", model->loss->name);
  put(all, "schedule", "%s", schedule ? schedule : "own");
  put_count(all, "batch", model->batch);
  put_count(all, "critic_steps", at_least_one(model->critic_steps));
  put_count(all, "pack", at_least_one(model->pack));
  put_count(all, "classes", model->classes);
  put_real(all, "average", model->average);
  if (model->learning_rate > 0) put_real(all, "learning_rate", model->learning_rate);
  else put(all, "learning_rate", "own");
  put(all, "seed", "%" PRIu64, at->seed);
  put_count(all, "images", at->images);
}

static void put_position(words *all, const gan_position *at, const gan_pair *pair) {
  put_count(all, "epoch", at->epoch);
  put_count(all, "step", at->step);
  put_count(all, "steps", at->steps);
  put_count(all, "evaluate", at->evaluate);
  put(all, "counter", "%" PRIu64, at->counter);
  put_count(all, "generator_steps", pair->generator_steps);
  put_count(all, "discriminator_steps", pair->discriminator_steps);
}

static const char *const precisions[] = {[AG_HIGHEST] = "highest", [AG_HIGH] = "high", [AG_MEDIUM] = "medium"};

const char *gan_precision_name(ag_precision precision) {
  if (precision >= AG_HIGHEST && precision <= AG_MEDIUM) return precisions[precision];
  return ag_fail(AG_ERROR_ARGUMENT, "gan_precision_name: %d is none", (int)precision);
}

bool gan_precision_find(const char *name, ag_precision *precision) {
  for (int i = AG_HIGHEST; name && i <= AG_MEDIUM; i++)
    if (strcmp(name, precisions[i]) == 0) return *precision = (ag_precision)i, true;
  return false;
}

static void put_circumstances(words *all) {
  ag_precision asked = ag_get_precision();
  put(all, "precision", "%s", precisions[ag_precision_available(asked) ? asked : AG_HIGHEST]);
  put(all, "kernels", "%s", ag_kernels_name());
  put(all, "program", "%s", GAN_FINGERPRINT);
}

static bool names_model(const gan_model *model) { return model && model->name && model->loss && model->loss->name; }

bool gan_checkpoint_save(const char *path, const gan_position *at, const gan_pair *pair) {
  if (!path || !at || !pair) return ag_fail_null("gan_checkpoint_save", "path, position or pair");
  if (!names_model(at->model)) return ag_fail_null("gan_checkpoint_save", "the model, its name or loss");
  words all = {0};
  put_settings(&all, at);
  put_position(&all, at, pair);
  put_circumstances(&all);
  const char *metadata[2 * WORDS + 1] = {NULL};
  for (size_t i = 0; i < all.count; i++) {
    metadata[2 * i] = all.items[i].key;
    metadata[2 * i + 1] = all.items[i].value;
  }
  nn_named_layer layers[MOST_LAYERS];
  return nn_save(path, list_all(pair, layers), layers, metadata);
}

/* ---- Reading ---- */

static bool refuse(const char *path, const char *key, const char *text, const char *expected) {
  return ag_fail(AG_ERROR_FILE, "%s: its metadata says that %s is '%s', expected %s", path, key, text, expected);
}

/* A number of the metadata; left as it is where the file has none. */
static bool read_real(const char *path, const char *key, double highest, double *value) {
  char *text = nn_read_metadata(path, key);
  if (!text) return !ag_failed();
  char *end, expected[64];
  *value = strcmp(text, "own") == 0 ? 0 : strtod(text, &end);
  bool right = strcmp(text, "own") == 0 || (end != text && !*end && *value >= 0 && *value <= highest);
  snprintf(expected, sizeof expected, "a number from 0 to %g", highest);
  if (!right) refuse(path, key, text, expected);
  ag_free(text);
  return right;
}

static bool read_whole(const char *path, const char *key, uint64_t highest, uint64_t *value) {
  char *text = nn_read_metadata(path, key);
  if (!text) return !ag_failed();
  char *end, expected[64];
  errno = 0;
  *value = strtoull(text, &end, 10);
  bool right = text[0] >= '0' && text[0] <= '9' && !*end && !errno && *value <= highest;
  snprintf(expected, sizeof expected, "a whole number from 0 to %" PRIu64, highest);
  if (!right) refuse(path, key, text, expected);
  ag_free(text);
  return right;
}

static bool read_count(const char *path, const char *key, uint64_t highest, int64_t *value) {
  uint64_t whole = (uint64_t)*value;
  bool read = read_whole(path, key, highest, &whole);
  *value = (int64_t)whole;
  return read;
}

static bool read_loss(const char *path, gan_model *model) {
  char *name = nn_read_metadata(path, "loss");
  if (!name) return !ag_failed();
  if (strcmp(name, model->loss->name) != 0) model->loss = gan_loss_find(name);
  if (!model->loss)
    ag_fail(AG_ERROR_FILE, "%s: its metadata names the loss %s, expected one of this program", path, name);
  ag_free(name);
  return model->loss != NULL;
}

static bool read_schedule(const char *path, gan_model *model) {
  char *name = nn_read_metadata(path, "schedule");
  if (!name) return !ag_failed();
  model->step = gan_step_find(name);
  if (!model->step)
    ag_fail(AG_ERROR_FILE, "%s: its metadata names the schedule %s, expected one of this program", path, name);
  ag_free(name);
  return model->step != NULL;
}

static bool read_model(const char *path, gan_model *model) {
  enum { MOST = 1000 };
  char *name = nn_read_metadata(path, "model");
  const gan_model *found = gan_model_find(name);
  if (found) *model = *found;
  else
    ag_fail(AG_ERROR_FILE, "%s: its metadata names %s%s, expected a model of this program", path,
            name ? "the model " : "no model", name ? name : "");
  ag_free(name);
  return found && read_loss(path, model) && read_schedule(path, model) &&
         read_count(path, "batch", INT32_MAX, &model->batch) &&
         read_count(path, "critic_steps", MOST, &model->critic_steps) &&
         read_count(path, "pack", MOST, &model->pack) && read_count(path, "classes", MOST, &model->classes) &&
         read_real(path, "average", 1, &model->average) && read_real(path, "learning_rate", 1, &model->learning_rate);
}

bool gan_checkpoint_load(const char *path, gan_pair *pair, gan_model *model) {
  if (!path || !pair || !model) return ag_fail_null("gan_checkpoint_load", "path, pair or model");
  ag_rng rng = ag_rng_seed(0);
  nn_named_layer layers[MOST_LAYERS];
  if (!read_model(path, model) || !gan_pair_make(pair, model, &rng)) return false;
  bool loaded = nn_load(path, list_networks(pair, layers), layers);
  if (!loaded) gan_pair_free(pair);
  return loaded;
}

/* Where the file stands. A file without these cannot be gone on from. */
static bool read_position(const char *path, gan_position *at) {
  gan_position found = *at;
  int64_t evaluate = 0;
  found.epoch = found.step = found.steps = 0;
  bool read = read_whole(path, "seed", UINT64_MAX, &found.seed) && read_count(path, "images", UINT32_MAX, &found.images) &&
              read_count(path, "epoch", INT64_MAX, &found.epoch) && read_count(path, "step", INT64_MAX, &found.step) &&
              read_count(path, "steps", INT64_MAX, &found.steps) && read_count(path, "evaluate", 1, &evaluate) &&
              read_whole(path, "counter", UINT64_MAX, &found.counter);
  if (!read) return false;
  if (found.epoch < 1 || found.step < 1 || found.steps < 1)
    return ag_fail(AG_ERROR_FILE, "%s: its metadata does not tell where training stands", path);
  found.evaluate = evaluate;
  *at = found;
  return true;
}

static bool read_precision(const char *path, ag_precision *precision) {
  char *name = nn_read_metadata(path, "precision");
  bool read = gan_precision_find(name, precision);
  if (name && !read) refuse(path, "precision", name, "highest, high or medium");
  ag_free(name);
  return !ag_failed();
}

bool gan_checkpoint_read(const char *path, gan_model *model, gan_position *at, ag_precision *precision) {
  if (!path || !model || !at || !precision)
    return ag_fail_null("gan_checkpoint_read", "path, model, position or precision");
  *at = (gan_position){.model = model};
  return read_model(path, model) && read_position(path, at) && read_precision(path, precision);
}

/* Whether the file says the same; if not, the number of the first that it says otherwise, and in *other what it says
 * there, to be freed; NULL: nothing. False after an error, too. */
static bool same_words(const char *path, const words *all, size_t *differing, char **other) {
  for (*differing = 0, *other = NULL; *differing < all->count; ++*differing) {
    *other = nn_read_metadata(path, all->items[*differing].key);
    if (!*other || strcmp(*other, all->items[*differing].value) != 0) return false;
    ag_free(*other);
  }
  return true;
}

static bool check_settings(const char *path, const gan_position *at) {
  words all = {0};
  size_t i;
  char *other;
  put_settings(&all, at);
  if (same_words(path, &all, &i, &other)) return true;
  ag_fail(AG_ERROR_ARGUMENT, "%s: its run has %s %s, expected %s", path, all.items[i].key, other ? other : "unknown",
          all.items[i].value);
  ag_free(other);
  return false;
}

bool gan_checkpoint_resume(const char *path, gan_position *at, gan_pair *pair) {
  if (!path || !at || !pair) return ag_fail_null("gan_checkpoint_resume", "path, position or pair");
  if (!names_model(at->model)) return ag_fail_null("gan_checkpoint_resume", "the model, its name or loss");
  gan_position found = *at;
  int64_t generator_steps = 0, discriminator_steps = 0;
  nn_named_layer layers[MOST_LAYERS];
  if (!check_settings(path, at) || !read_position(path, &found) ||
      !read_count(path, "generator_steps", INT64_MAX, &generator_steps) ||
      !read_count(path, "discriminator_steps", INT64_MAX, &discriminator_steps) ||
      !nn_load(path, list_all(pair, layers), layers))
    return false;
  pair->generator_steps = generator_steps;
  pair->discriminator_steps = discriminator_steps;
  at->epoch = found.epoch;
  at->step = found.step;
  at->counter = found.counter;
  return true;
}

char *gan_checkpoint_differs(const char *path) {
  if (!path) return ag_fail_null("gan_checkpoint_differs", "path");
  words all = {0};
  size_t i;
  char *other;
  put_circumstances(&all);
  if (same_words(path, &all, &i, &other) || ag_failed()) return NULL;
  char *sentence = gan_text("%s was written with %s %s, and this is %s: bits may differ from those of a run never stopped",
                            path, all.items[i].key, other ? other : "unknown", all.items[i].value);
  ag_free(other);
  return sentence;
}
