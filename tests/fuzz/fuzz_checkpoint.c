/* What a checkpoint tells of its run. The input is the JSON header, before which its right length is put, for
 * fuzz_safetensors.c has the files whose length is wrong; the networks' values are its business, too. */
#include <stdlib.h>
#include <string.h>

#include "gan/checkpoint.h"
#include "tests/fuzz/fuzz.h"

static const char *file_with_header(const uint8_t *header, size_t size) {
  enum { LENGTH_BYTES = 8 };
  uint8_t *bytes = malloc(LENGTH_BYTES + size);
  fuzz_require(bytes, "there is no memory for the file");
  for (int i = 0; i < LENGTH_BYTES; i++) bytes[i] = (uint8_t)((uint64_t)size >> 8 * i);
  if (size > 0) memcpy(bytes + LENGTH_BYTES, header, size);
  const char *path = fuzz_file(bytes, LENGTH_BYTES + size);
  free(bytes);
  return path;
}

static bool within(double lowest, double value, double highest) { return value >= lowest && value <= highest; }

static void check_model(const gan_model *model) {
  const gan_model *known = gan_model_find(model->name);
  fuzz_require(known && model->make_generator == known->make_generator, "the model is none of the program's");
  fuzz_require(model->loss && gan_step_name(model->step), "the model has no loss or schedule");
  fuzz_require(within(1, (double)model->batch, INT32_MAX), "the batch is out of range");
  fuzz_require(within(0, (double)model->critic_steps, 1000), "critic_steps is out of range");
  fuzz_require(within(0, (double)model->pack, 64), "pack is out of range");
  fuzz_require(within(0, (double)model->classes, 10), "classes is out of range");
  fuzz_require(within(0, model->average, 1), "average is out of range");
  fuzz_require(within(0, model->learning_rate, 1), "learning_rate is out of range");
}

static void check_position(const gan_position *at) {
  fuzz_require(within(0, (double)at->images, INT32_MAX), "images is out of range");
  fuzz_require(at->epoch >= 1 && at->epoch <= at->step && at->step <= at->steps, "the run cannot stand there");
}

/* What a reader of the metadata alone finds there. */
static void check_seed(const char *path, uint64_t seed) {
  char *text = nn_read_metadata(path, "seed");
  fuzz_require(text && (!text[0] || strtoull(text, NULL, 10) == seed), "the seed is not what the file says");
  ag_free(text);
}

static bool same_position(const gan_position *a, const gan_position *b) {
  return a->epoch == b->epoch && a->step == b->step && a->counter == b->counter;
}

static nn_layer *make_network(void) {
  ag_rng rng = ag_rng_seed(1);
  nn_layer *network = nn_flatten();
  fuzz_require(nn_build(network, AG_SHAPE(1), &rng), "the network cannot be built");
  return network;
}

/* Networks without a weight, for which the header is the whole file. Settings that are not written as the program
 * writes them ("01") are wrong settings. */
static void check_resume(const char *path, const gan_position *found) {
  gan_pair pair = {.generator = make_network(), .discriminator = make_network(), .generator_steps = -1};
  pair.generator_optimizer = pair.discriminator_optimizer = nn_adam();
  gan_position before = *found;
  before.epoch = before.step = before.counter = 0;
  gan_position at = before;
  if (gan_checkpoint_resume(path, &at, &pair)) {
    fuzz_require(!ag_failed() && same_position(&at, found), "the run goes on at another place than the file says");
    fuzz_require(pair.generator_steps >= 0 && pair.discriminator_steps >= 0, "the networks have made no such steps");
  } else {
    bool told = ag_error_kind() == AG_ERROR_FILE || ag_error_kind() == AG_ERROR_ARGUMENT;
    bool named = strncmp(ag_error_message(), path, strlen(path)) == 0;
    fuzz_require(told && named, "the run does not go on, and the error is none of the file or its settings");
    fuzz_require(same_position(&at, &before) && pair.generator_steps == -1, "a file that was refused changed the run");
    ag_error_clear();
  }
  gan_pair_free(&pair);
}

static void check_read(const char *path) {
  gan_model model;
  gan_position at;
  ag_precision precision;
  if (!fuzz_outcome(gan_checkpoint_read(path, &model, &at, &precision), path)) return;
  fuzz_require(at.model == &model, "the position is not the model's");
  fuzz_require(precision >= AG_HIGHEST && precision <= AG_MEDIUM, "there is no such precision");
  check_model(&model);
  check_position(&at);
  check_seed(path, at.seed);
  check_resume(path, &at);
}

/* NULL without an error where nothing differs. */
static void check_differs(const char *path) {
  char *sentence = gan_checkpoint_differs(path, &(gan_position){.model = gan_models[0], .steps = 1});
  if (fuzz_outcome(sentence || !ag_failed(), path) && sentence) fuzz_touch(sentence, strlen(sentence) + 1);
  ag_free(sentence);
}

void fuzz_one(const uint8_t *bytes, size_t size) {
  const char *path = file_with_header(bytes, size);
  check_read(path);
  check_differs(path);
}
