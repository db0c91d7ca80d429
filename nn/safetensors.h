/* Save (save.c) and load (load.c) in the safetensors format (github.com/huggingface/safetensors), which Python's
 * package reads and writes: 8 bytes of header length, a JSON header, raw little-endian values. Values are F32, in the
 * double library too. */
#pragma once

#include "nn/layer.h"
#include "nn/optimizer.h"

/* A layer and the name its variables are filed under: "generator" gives "generator.0.kernel". Where an optimizer stands
 * here, what it keeps of the layer's weights is filed in place of them: "adam" gives "adam.0.kernel.moment1" and, a
 * whole number in the metadata, "adam.0.kernel.step". No name is another's beginning up to a '.' ("gen", "gen.ema"), or
 * the one network would find the other's tensors among its own. */
typedef struct {
  const char *name;
  nn_layer *layer;
  nn_optimizer *optimizer;
} nn_named_layer;

/* Writes all weights and buffers to a temporary file beside `path`, then renames it. metadata: pairs of key and value,
 * ended by NULL; may be NULL. Names and metadata are UTF-8. False and an error when it cannot be written; nothing
 * half-written stays under `path`. */
bool nn_save(const char *path, size_t count, const nn_named_layer *layers, const char *const *metadata);
/* Reads all weights and buffers of built layers. A missing, extra or unfit tensor, or one with a value that is not
 * finite (nn_save writes those as they are), is an error that names it, and nothing is changed then. What is filed
 * under other names, as another network of the same file, is passed over. */
bool nn_load(const char *path, size_t count, const nn_named_layer *layers);
/* Calls f for each key and value of the metadata, which are valid within the call alone. False and an error where the
 * file cannot be read. */
typedef void nn_metadata_function(const char *key, const char *value, void *context);
bool nn_each_metadata(const char *path, nn_metadata_function *f, void *context);
/* The metadata value of a key, to be freed with ag_free; NULL without an error where there is none. */
char *nn_read_metadata(const char *path, const char *key);
