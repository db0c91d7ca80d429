/* Clouds of points in the plane, for the toys. */
#pragma once

#include "gan/picture.h"

/* Points [N, 2] of the square [-extent, extent]^2, x to the right and y up, as a picture of 400 x 400: real ones wide
 * and dim, generated ones small and bright upon them. Points outside, or not finite, are not seen. The same points give
 * the same picture in any order. Free it with gan_picture_free. */
bool gan_picture_scatter(gan_picture *picture, const ag_tensor *real, const ag_tensor *generated, double extent);
