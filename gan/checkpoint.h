/* A pair in a safetensors file, with the options that its model was trained with. */
#pragma once

#include "gan/model.h"

/* Where training stands. */
typedef struct {
  const gan_model *model;
  uint64_t seed;
  int64_t epoch, step; /* from 1 */
} gan_position;

/* The file is whole or as before. False and an error when it cannot be written. */
bool gan_checkpoint_save(const char *path, const gan_position *at, const gan_pair *pair);
/* The model that the file names, with the options it was trained with; its networks, built and loaded. False and an
 * error; there is nothing to free then. */
bool gan_checkpoint_load(const char *path, gan_pair *pair, gan_model *model);
