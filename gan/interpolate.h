/* Walks in the space of noise. */
#pragma once

#include "autograd/autograd.h"

/* From row a to row b, both [noise], in `steps` even steps, ends included: [steps, noise]. Spherical interpolation
 * (Shoemake 1985, slerp): the direction is sin((1 - t) w) / sin(w) a/|a| + sin(t w) / sin(w) b/|b|, w the angle between
 * a and b; the length goes evenly from |a| to |b|. Unlike a straight line it keeps to the lengths that N(0, I) draws,
 * which are all the generator knows (White 2016, "Sampling generative networks"). Where no arc is shortest (equal or
 * opposite directions, a zero) it is the straight line. A constant: nothing is recorded.
 * NULL and an error: shapes other than one [noise], fewer than 2 steps. */
ag_tensor *gan_interpolate(ag_tensor *a, ag_tensor *b, int64_t steps);
