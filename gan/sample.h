/* Samples from a generator. */
#pragma once

#include "gan/model.h"

/* One sample a row of noise [count, noise], from the generator, or its moving average where there is one, in evaluation
 * mode: [count, ...] in the current scope. Pixels are brought to [0, 1], and 784 of them are [28, 28, 1]. labels
 * [count] for a pair with classes, else NULL. */
ag_tensor *gan_sample(const gan_pair *pair, const gan_model *model, ag_tensor *noise, ag_tensor *labels);
/* Labels [count]: 0, 1, ... classes - 1, 0, 1, ...; NULL without an error where classes is 0. */
ag_tensor *gan_labels_in_turn(int64_t count, int64_t classes);
