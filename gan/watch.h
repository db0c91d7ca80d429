/* Watches a training run's own figures and says in a sentence what goes wrong and what to try. */
#pragma once

#include <stdbool.h>

/* Of one step; NaN where unknown. */
typedef struct {
  double d_real, d_fake, accuracy, g_loss, d_loss;
  double spread;      /* of generated samples over that of real ones: the mean over elements of their standard deviation
                         over a batch; between two that are known the last one holds */
  bool probabilities; /* d_real and d_fake are; false for a Wasserstein critic, whose scores have any size */
} gan_watch_figures;

/* An exponential moving average without the bias of its start (Kingma and Ba 2015, section 3). */
typedef struct {
  double sum, weight;
} gan_watch_average;

/* Zeros to begin with; one a run. */
typedef struct {
  long long steps;
  double spread; /* the last known */
  gan_watch_average g_loss, d_loss, d_real, d_fake, accuracy, spreads;
  bool spread_out; /* samples were not nearly identical, once */
  bool told[3];    /* what was said and has not recovered */
  char sentence[320];
} gan_watch;

/* Takes the next step's figures. A sentence, valid until the next call, when training diverges (losses of a size no
 * sane run has), the discriminator has won (it is sure and right of nearly everything, so the generator's loss is as
 * bad as it gets, whatever its form) or modes collapse (samples are nearly identical); NULL otherwise. Each is said
 * once, and once more only after it recovered and came again. Judges averages over some 100 steps, from step 300 on;
 * samples that have been nearly identical from the start, as a generator's are before it begins, from step 2,000 on. */
const char *gan_watch_step(gan_watch *watch, const gan_watch_figures *figures);
