/* The Frechet distance between two sets of samples, each taken as a Gaussian. */
#pragma once

#include "autograd/autograd.h"

/* In double. Free it with gan_gaussian_free. */
typedef struct {
  size_t dimension;
  double *mean;       /* [dimension] */
  double *covariance; /* [dimension, dimension], symmetric */
} gan_gaussian;

/* Mean and covariance (divided by N - 1, as NumPy's cov) of the rows of samples [N, dimension], N >= 2. */
bool gan_gaussian_fit(gan_gaussian *gaussian, const ag_tensor *samples);
void gan_gaussian_free(gan_gaussian *gaussian);

/* d^2 = |m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^1/2): Heusel et al. 2017, "GANs trained by a two time-scale update rule",
 * equation 6; the square, as the field reports it. False and an error where the dimensions
 * differ, or for values that are not finite. */
bool gan_frechet_distance(const gan_gaussian *one, const gan_gaussian *other, double *distance);
