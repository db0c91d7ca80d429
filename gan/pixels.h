/* Bytes of images as tensors. */
#pragma once

#include "autograd/autograd.h"
#include "gan/idx.h"

/* Images start, start + step, ..., [count, height, width, 1], in [0, 1]. NULL and an error for images that are not
 * there. */
ag_tensor *gan_pixels(const gan_images *images, size_t start, size_t step, size_t count);
/* As many images, or all where there are fewer, evenly spread: the halves of MNIST's test digits are by different
 * writers, the first the neater. */
ag_tensor *gan_pixels_spread(const gan_images *images, size_t count);
