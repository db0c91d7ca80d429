/* Watches a training run's own figures and says in a sentence what goes wrong and what to try. */
#pragma once

#include "gan/step.h"

/* An exponential moving average without the bias of its start (Kingma and Ba 2015, section 3). */
typedef struct {
  double sum, weight;
} gan_watch_average;

/* Zeros to begin with; one a run. */
typedef struct {
  long long steps;
  gan_watch_average g_loss, d_loss, d_real, d_fake, accuracy, spreads;
  bool spread_out; /* samples were not nearly identical, once */
  bool told[3];    /* what was said and has not recovered */
  char sentence[320];
} gan_watch;

/* Takes the next step's figures; what is NaN of them is passed over. A sentence, valid until the next call, when
 * training diverges (losses of a size no sane run has), the discriminator has won (it is sure and right of nearly
 * everything, so the generator's loss is as bad as it gets, whatever its form; a critic's scores never tell) or modes
 * collapse (samples are nearly identical); NULL otherwise. Each is said once, and once more only after it recovered and
 * came again. Judges averages over some 100 steps, from step 300 on; samples that have been nearly identical from the
 * start, as a generator's are before it begins, from step 2,000 on. */
const char *gan_watch_step(gan_watch *watch, const gan_figures *figures, gan_output output);
