/* What a safetensors file holds of a model, in order: what saving and loading share. */
#pragma once

#include "nn/safetensors.h"

enum { NN_LENGTH_BYTES = 8, NN_VALUE_BYTES = 4 }; /* of the header's length, of a value */

/* A tensor of the model, or of another one in the same file (no variable), and where its values stand in the file. Or
 * a count of steps, which stands in the metadata and takes no place among the values. */
typedef struct {
  char *name;
  ag_tensor *variable;
  uint64_t *step, step_read; /* the latter while loading */
  uint64_t begin, end;       /* in bytes from the start of the data */
  bool not_negative;         /* its values must not be */
  bool found;                /* while loading */
} nn_entry;

typedef struct {
  const char *path;
  size_t layer_count;
  const nn_named_layer *layers;
  const nn_named_layer *layer; /* whose variables are being listed */
  size_t count, capacity;
  size_t model_count; /* the model's own come first */
  uint64_t size;      /* of their values, in bytes */
  nn_entry *entries;
} nn_catalogue;

/* Lists all weights and buffers, or what optimizers keep, in the order in which they are saved. Free it in any case,
 * also after false and an error. */
bool nn_catalogue_make(nn_catalogue *all, const char *path, size_t count, const nn_named_layer *layers);
void nn_catalogue_free(nn_catalogue *all);
/* One of the model's own; NULL without an error when there is none of that name. */
nn_entry *nn_catalogue_find(const nn_catalogue *all, const char *name);
/* A new entry named "prefix.name.kind"; prefix and kind may be NULL. NULL and an error without memory. */
nn_entry *nn_catalogue_append(nn_catalogue *all, const char *prefix, const char *name, const char *kind);
