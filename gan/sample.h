/* Images from a generator. */
#pragma once

#include "gan/model.h"

/* One image a row of noise [count, noise], from a generator in evaluation mode: [count, height, width, channels] in the
 * current scope. Pixels from [black, 1] are brought to [0, 1]. */
ag_tensor *gan_sample(nn_layer *generator, ag_tensor *noise, double black);
