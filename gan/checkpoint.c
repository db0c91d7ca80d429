#include "gan/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The average of a generator is filed beside the networks. */
static size_t list_networks(const gan_pair *pair, nn_named_layer *layers) {
  layers[0] = (nn_named_layer){.name = "generator", .layer = pair->generator};
  layers[1] = (nn_named_layer){.name = "discriminator", .layer = pair->discriminator};
  layers[2] = (nn_named_layer){.name = "average", .layer = pair->average};
  return pair->average ? 3 : 2;
}

typedef struct {
  char text[24];
} number;

static number print(int64_t value) {
  number n;
  snprintf(n.text, sizeof n.text, "%" PRId64, value);
  return n;
}

static int64_t at_least_one(int64_t count) { return count > 1 ? count : 1; } /* 0 stands for one in a model */

static const char *precision_name(void) {
  ag_precision precision = ag_get_precision();
  if (!ag_precision_available(precision)) precision = AG_HIGHEST; /* what products then are computed at */
  return precision == AG_HIGHEST ? "highest" : precision == AG_HIGH ? "high" : "medium";
}

bool gan_checkpoint_save(const char *path, const gan_position *at, const gan_pair *pair) {
  if (!path || !at || !pair) return ag_fail_null("gan_checkpoint_save", "path, position or pair");
  const gan_model *model = at->model;
  if (!model || !model->name || !model->loss) return ag_fail_null("gan_checkpoint_save", "the model, its name or loss");
  number seed, average, epoch = print(at->epoch), step = print(at->step), batch = print(model->batch),
                        critic_steps = print(at_least_one(model->critic_steps)),
                        pack = print(at_least_one(model->pack)), classes = print(model->classes);
  snprintf(seed.text, sizeof seed.text, "%" PRIu64, at->seed);
  snprintf(average.text, sizeof average.text, "%.12g", model->average);
  const char *metadata[] = {
      "model", model->name, "loss",    model->loss->name, "batch",   batch.text,   "critic_steps", critic_steps.text,
      "pack",  pack.text,   "classes", classes.text,      "average", average.text, "precision",    precision_name(),
      "seed",  seed.text,   "epoch",   epoch.text,        "step",    step.text,    NULL,
  };
  nn_named_layer layers[3];
  return nn_save(path, list_networks(pair, layers), layers, metadata);
}

/* A number of the metadata; left as it is where the file has none. */
static bool read_number(const char *path, const char *key, double highest, double *value) {
  char *text = nn_read_metadata(path, key);
  if (!text) return !ag_failed();
  char *end;
  *value = strtod(text, &end);
  bool right = end != text && !*end && *value >= 0 && *value <= highest;
  if (!right)
    ag_fail(AG_ERROR_FILE, "%s: its metadata says that %s is '%s', expected a number from 0 to %g", path, key, text,
            highest);
  ag_free(text);
  return right;
}

static bool read_count(const char *path, const char *key, int64_t *value) {
  double number = (double)*value;
  bool read = read_number(path, key, 1000, &number);
  *value = (int64_t)number;
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

static bool read_model(const char *path, gan_model *model) {
  char *name = nn_read_metadata(path, "model");
  const gan_model *found = gan_model_find(name);
  if (found) *model = *found;
  else
    ag_fail(AG_ERROR_FILE, "%s: its metadata names %s%s, expected a model of this program", path,
            name ? "the model " : "no model", name ? name : "");
  ag_free(name);
  return found && read_loss(path, model) && read_count(path, "critic_steps", &model->critic_steps) &&
         read_count(path, "pack", &model->pack) && read_count(path, "classes", &model->classes) &&
         read_number(path, "average", 1, &model->average);
}

bool gan_checkpoint_load(const char *path, gan_pair *pair, gan_model *model) {
  if (!path || !pair || !model) return ag_fail_null("gan_checkpoint_load", "path, pair or model");
  ag_rng rng = ag_rng_seed(0);
  nn_named_layer layers[3];
  if (!read_model(path, model) || !gan_pair_make(pair, model, &rng)) return false;
  bool loaded = nn_load(path, list_networks(pair, layers), layers);
  if (!loaded) gan_pair_free(pair);
  return loaded;
}
