/* Weights for a small layer, alone and with what its optimizer keeps of them. A file that is refused changes nothing;
 * what was loaded, saved and loaded again is the same, bit for bit. */
#include <math.h>
#include <string.h>

#include "nn/nn.h"
#include "nn/optimizer_private.h"
#include "tests/fuzz/fuzz.h"

enum { UNITS = 1, INPUTS = 2, VARIABLES = 2 /* kernel, bias */, VALUES = INPUTS * UNITS + UNITS };
enum { LAYER = 1, LAYER_AND_STATE = 2 }; /* how many of named[] */

typedef struct {
  nn_layer *layer;
  nn_optimizer *optimizer;
  nn_named_layer named[LAYER_AND_STATE];
} training;

typedef struct {
  ag_real reals[VALUES * (1 + NN_MAX_MOMENTS)];
  uint64_t steps[VARIABLES];
} values;

/* One step was made, so that no state of the optimizer is that of a fresh one. */
static training make_training(void) {
  ag_rng rng = ag_rng_seed(1);
  nn_layer *layer = nn_dense(UNITS);
  nn_optimizer *optimizer = nn_adam();
  fuzz_require(nn_build(layer, AG_SHAPE(INPUTS), &rng), "the layer cannot be built");
  ag_list gradients = AG_LIST(ag_ones(AG_SHAPE(INPUTS, UNITS)), ag_ones(AG_SHAPE(UNITS)));
  fuzz_require(nn_apply_gradients(optimizer, nn_variables(layer), gradients), "no step is made");
  return (training){layer, optimizer, {{.name = "d", .layer = layer}, {"o", layer, optimizer}}};
}

static void free_training(training *t) {
  nn_optimizer_free(t->optimizer);
  nn_layer_free(t->layer);
}

static ag_real *copy_values(ag_real *to, const ag_tensor *tensor) {
  memcpy(to, ag_data(tensor), ag_size(tensor) * sizeof *to);
  return to + ag_size(tensor);
}

static values values_of(const training *t) {
  ag_list variables = nn_variables(t->layer);
  values all;
  ag_real *to = all.reals;
  for (int i = 0; i < VARIABLES; i++) {
    nn_weight_state state;
    fuzz_require(nn_weight_state_of(t->optimizer, variables.items[i], &state), "the optimizer's state is lost");
    to = copy_values(to, variables.items[i]);
    for (int k = 0; k < state.count; k++) to = copy_values(to, state.moments[k]);
    all.steps[i] = *state.step;
  }
  return all;
}

static bool same_bits(const values *a, const values *b) {
  return memcmp(a->reals, b->reals, sizeof a->reals) == 0 && memcmp(a->steps, b->steps, sizeof a->steps) == 0;
}

static bool all_finite(const values *all) {
  for (size_t i = 0; i < sizeof all->reals / sizeof *all->reals; i++)
    if (!isfinite(all->reals[i])) return false;
  return true;
}

/* All is saved, whatever was loaded. */
static void check_round_trip(const training *t, const values *loaded) {
  static const char path[] = "saved.safetensors";
  training other = make_training();
  fuzz_require(nn_save(path, LAYER_AND_STATE, t->named, NULL), "what was loaded cannot be saved");
  fuzz_require(nn_load(path, LAYER_AND_STATE, other.named), "what was saved cannot be loaded");
  values again = values_of(&other);
  fuzz_require(same_bits(loaded, &again), "the values differ");
  free_training(&other);
}

static bool check_load(const char *path, size_t count) {
  training t = make_training();
  values before = values_of(&t);
  bool loaded = fuzz_outcome(nn_load(path, count, t.named), path);
  values after = values_of(&t);
  if (loaded) {
    fuzz_require(all_finite(&after), "a value that is not finite was loaded");
    check_round_trip(&t, &after);
  } else {
    fuzz_require(same_bits(&before, &after), "a file that was refused changed a value");
  }
  free_training(&t);
  return loaded;
}

/* NULL without an error where there is none. */
static bool check_metadata(const char *path) {
  char *text = nn_read_metadata(path, "model");
  bool read = fuzz_outcome(text || !ag_failed(), path);
  if (text) fuzz_touch(text, strlen(text));
  ag_free(text);
  return read;
}

void fuzz_one(const uint8_t *bytes, size_t size) {
  const char *path = fuzz_file(bytes, size);
  bool loaded = check_load(path, LAYER), state_loaded = check_load(path, LAYER_AND_STATE);
  fuzz_require(loaded || !state_loaded, "the layer can be loaded with its optimizer's state, and alone it cannot");
  fuzz_require(check_metadata(path) || !loaded, "the values can be read, the metadata cannot");
}
