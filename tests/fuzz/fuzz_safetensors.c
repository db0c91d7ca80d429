/* Weights for a small layer. A file that is refused changes nothing; what was loaded, saved and loaded again is the
 * same, bit for bit. */
#include <math.h>
#include <string.h>

#include "nn/nn.h"
#include "tests/fuzz/fuzz.h"

enum { UNITS = 1, INPUTS = 2 };

typedef struct {
  ag_real kernel[INPUTS * UNITS], bias[UNITS];
} values;

static nn_layer *make_layer(void) {
  ag_rng rng = ag_rng_seed(1);
  nn_layer *layer = nn_dense(UNITS);
  fuzz_require(nn_build(layer, AG_SHAPE(INPUTS), &rng), "the layer cannot be built");
  return layer;
}

static values values_of(nn_layer *layer) {
  ag_list variables = nn_variables(layer);
  values all;
  memcpy(all.kernel, ag_data(variables.items[0]), sizeof all.kernel);
  memcpy(all.bias, ag_data(variables.items[1]), sizeof all.bias);
  return all;
}

static bool same_bits(values a, values b) { return memcmp(&a, &b, sizeof a) == 0; }

static void check_round_trip(nn_layer *layer) {
  static const char path[] = "saved.safetensors";
  nn_layer *other = make_layer();
  fuzz_require(nn_save(path, 1, &(nn_named_layer){"d", layer}, NULL), "what was loaded cannot be saved");
  fuzz_require(nn_load(path, 1, &(nn_named_layer){"d", other}), "what was saved cannot be loaded");
  fuzz_require(same_bits(values_of(layer), values_of(other)), "the values differ");
  nn_layer_free(other);
}

static bool check_load(const char *path) {
  nn_layer *layer = make_layer();
  values before = values_of(layer);
  bool loaded = fuzz_outcome(nn_load(path, 1, &(nn_named_layer){"d", layer}), path);
  values after = values_of(layer);
  if (loaded) {
    fuzz_require(isfinite(after.kernel[0]) && isfinite(after.kernel[1]) && isfinite(after.bias[0]),
                 "a value that is not finite was loaded");
    check_round_trip(layer);
  } else {
    fuzz_require(same_bits(before, after), "a file that was refused changed a value");
  }
  nn_layer_free(layer);
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
  bool loaded = check_load(path), metadata_read = check_metadata(path);
  fuzz_require(metadata_read || !loaded, "the values can be read, the metadata cannot");
}
