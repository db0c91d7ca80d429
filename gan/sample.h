/* Samples from a generator. */
#pragma once

#include "gan/model.h"
#include "gan/picture.h"

/* One sample a row of noise [count, noise], from the generator, or its moving average where there is one, in evaluation
 * mode: [count, ...] in the current scope. Pixels are brought to [0, 1], and 784 of them are [28, 28, 1]. labels
 * [count] for a pair with classes, else NULL. A constant: for a gradient to the noise, use nn_forward and NN_EVAL. */
ag_tensor *gan_sample(const gan_pair *pair, const gan_model *model, ag_tensor *noise, ag_tensor *labels);
/* Samples of noise that this seed draws, from counters that training does not use. digit: what is asked of a pair with
 * classes, or -1 for one label after the other. NULL and an error for a digit that it does not know. */
ag_tensor *gan_draw(const gan_pair *pair, const gan_model *model, int64_t count, int64_t digit, uint64_t seed);
/* Their picture: images on a grid, points above as many of the data's own. Free it with gan_picture_free. */
bool gan_picture_samples(gan_picture *picture, const gan_model *model, const ag_tensor *samples);
/* Labels [count]: 0, 1, ... classes - 1, 0, 1, ...; NULL without an error where classes is 0. */
ag_tensor *gan_labels_in_turn(int64_t count, int64_t classes);
