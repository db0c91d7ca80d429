/* What an optimizer keeps of one weight, for saving it. */
#pragma once

#include "nn/optimizer.h"

enum { NN_MAX_MOMENTS = 2 };

typedef struct {
  int count;
  ag_tensor *moments[NN_MAX_MOMENTS]; /* variables of the weight's shape, owned by the optimizer; as many as count */
  int first_of_squares;               /* the moments from here on are means of squares, never negative */
  uint64_t *step;                     /* how many steps the weight has made */
} nn_weight_state;

/* Zeros where the weight has made no step yet. False and an error without memory. */
bool nn_weight_state_of(nn_optimizer *optimizer, ag_tensor *weight, nn_weight_state *found);
