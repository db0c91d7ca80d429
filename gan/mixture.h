/* Mixtures of Gaussians in the plane: data whose modes are known, for what images cannot show. */
#pragma once

#include "autograd/autograd.h"

enum { GAN_MAX_MODES = 25 };

/* Equally likely round Gaussians, 1 to GAN_MAX_MODES of them. */
typedef struct {
  const char *name;
  int modes;
  double deviation;
  double extent; /* what is worth seeing lies in [-extent, extent]^2 */
  double centres[GAN_MAX_MODES][2];
} gan_mixture;

/* Lin et al. 2018 (PacGAN), section 4.1: 8 modes of deviation 0.01 on the unit circle; 25 of deviation 0.05 on
 * {-4, -2, 0, 2, 4}^2. */
extern const gan_mixture gan_ring, gan_grid;

/* Points [count, 2]. */
ag_tensor *gan_mixture_draw(const gan_mixture *mixture, int64_t count, ag_rng *rng);

/* How points follow the mixture, by the protocol of the same paper. */
typedef struct {
  int modes;                /* with at least one point of high quality: within 3 deviations of a centre */
  double high_quality;      /* share of points; of the mixture itself 1 - exp(-9/2) = 98.9% */
  double reverse_kl;        /* KL(points by nearest mode || uniform), nats */
  double narrowest, widest; /* deviation of the points of high quality about their mode's mean, as a share of that of
                               the mixture's own such points; over the covered modes, NaN where there are none */
} gan_mixture_figures;

/* Points [count, 2]. False and an error for another shape. */
bool gan_mixture_judge(const gan_mixture *mixture, const ag_tensor *points, gan_mixture_figures *figures);
