/* Takes the place of save.c and load.c where cJSON is missing. */
#include "nn/safetensors.h"

static const char *const without_cjson = "safetensors: this library was built without cJSON, which it needs";

bool nn_save(const char *path, size_t count, const nn_named_layer *layers, const char *const *metadata) {
  return ag_fail(AG_ERROR_FILE, "%s", without_cjson);
}

bool nn_load(const char *path, size_t count, const nn_named_layer *layers) {
  return ag_fail(AG_ERROR_FILE, "%s", without_cjson);
}

bool nn_each_metadata(const char *path, nn_metadata_function *f, void *context) {
  return ag_fail(AG_ERROR_FILE, "%s", without_cjson);
}

char *nn_read_metadata(const char *path, const char *key) { return ag_fail(AG_ERROR_FILE, "%s", without_cjson); }
