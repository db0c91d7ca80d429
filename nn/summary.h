#pragma once

#include "nn/layer.h"

/* The table that Keras prints: layer, output shape, numbers. False and an error: not built, or the file cannot be
 * written. */
bool nn_summary(nn_layer *layer, FILE *file);
