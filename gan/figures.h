/* Figures of samples as a row of a table, the same for digits and for points. */
#pragma once

#include "gan/evaluate.h"
#include "gan/mixture.h"

enum { GAN_MAX_FIGURES = 7 };

typedef struct {
  size_t count;
  const char *names[GAN_MAX_FIGURES]; /* as the header of a CSV file has them */
  double values[GAN_MAX_FIGURES];
} gan_row;

/* samples, frechet, frechet_real, digits, rarest, entropy, confidence; frechet_real is that of as many test digits. */
gan_row gan_digit_row(const gan_digit_figures *figures, double frechet_real);
/* samples, modes, high_quality, reverse_kl, narrowest, widest */
gan_row gan_mixture_row(const gan_mixture_figures *figures, int64_t samples);

/* A line of CSV, without its end. */
void gan_row_write(FILE *stream, const gan_row *row);
void gan_row_write_names(FILE *stream, const gan_row *row);
