/* The nearest real images, which show whether a generator copies. */
#pragma once

#include "autograd/autograd.h"
#include "gan/idx.h"

enum { GAN_NEIGHBOURS = 3 };

/* Nearest first; Euclidean distances between pixels in [0, 1]. */
typedef struct {
  size_t index[GAN_NEIGHBOURS];
  double distance[GAN_NEIGHBOURS];
} gan_neighbours;

/* The nearest of at least 3 images to each of queries [N, ...] of as many pixels as an image, in [0, 1]; fills N
 * elements of neighbours. */
bool gan_find_neighbours(const gan_images *images, ag_tensor *queries, gan_neighbours *neighbours);
