#include "gan/watch.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

/* The first steps are wild in every healthy run, and are not looked at. Averages forget within about as many steps, and
 * are judged once they hold twice as many: what passes by in an epoch's half is no failure. */
enum { WARM_UP = 100, MEMORY = 100, JUDGED_FROM = WARM_UP + 200 };

/* The first images of a healthy DCGAN on MNIST are one grey blur for some 300 steps: their spread falls to 0.01 before
 * it rises. */
enum { SLOW_START = 2000 };

/* A failure begins beyond one bound and is over within the other, so that a figure that wavers about it is told once.
 * Cross-entropy and least squares of a healthy run stay under 10: at 50 the logits are so large that float's sigmoid is
 * exactly 0 or 1. Critics begin at tens to hundreds, and shrink. Label smoothing holds D(x) at 0.9, so 0.85 is near 1
 * there; a generator whose samples pass for real once in a hundred times has lost. */
static const double HUGE_LOSS = 50, SANE_LOSS = 20, HUGE_SCORE = 1e4, SANE_SCORE = 1e3;
static const double SURE_REAL = 0.85, SURE_FAKE = 0.01, SURE_RIGHT = 0.995;
static const double UNSURE_FAKE = 0.03, UNSURE_RIGHT = 0.98;
static const double COLLAPSED = 0.1, SPREAD_OUT = 0.2;

typedef enum { DIVERGED, WON, COLLAPSE, FAILURES } failure;

static void take(gan_watch_average *average, double value) {
  if (!isfinite(value)) return;
  average->sum += (value - average->sum) / MEMORY;
  average->weight += (1 - average->weight) / MEMORY;
}

/* NaN before the first value: every comparison with it is false. */
static double of(const gan_watch_average *average) { return average->sum / average->weight; }

static bool begins(const gan_watch *watch, failure what, gan_output output) {
  double loss = fmax(of(&watch->g_loss), of(&watch->d_loss));
  switch (what) {
    case DIVERGED: return loss > (output != GAN_SCORE ? HUGE_LOSS : HUGE_SCORE);
    case WON:
      return output != GAN_SCORE && of(&watch->d_real) > SURE_REAL && of(&watch->d_fake) < SURE_FAKE &&
             of(&watch->accuracy) > SURE_RIGHT;
    default: return of(&watch->spreads) < COLLAPSED && (watch->spread_out || watch->steps >= SLOW_START);
  }
}

static bool is_over(const gan_watch *watch, failure what, gan_output output) {
  double loss = fmax(of(&watch->g_loss), of(&watch->d_loss));
  switch (what) {
    case DIVERGED: return loss < (output != GAN_SCORE ? SANE_LOSS : SANE_SCORE);
    case WON: return of(&watch->d_fake) > UNSURE_FAKE || of(&watch->accuracy) < UNSURE_RIGHT;
    default: return of(&watch->spreads) > SPREAD_OUT;
  }
}

static const char *tell(gan_watch *watch, failure what) {
  char *text = watch->sentence;
  size_t size = sizeof watch->sentence;
  if (what == DIVERGED)
    snprintf(text, size,
             "step %lld: training diverges: the losses are about %.3g (generator) and %.3g (discriminator) in size; "
             "try a lower learning rate, or a gradient penalty (wasserstein-gp)",
             watch->steps, of(&watch->g_loss), of(&watch->d_loss));
  else if (what == WON)
    snprintf(text, size,
             "step %lld: the discriminator has won: D(x) is %.2f, D(G(z)) %.4f, its accuracy %.1f%%, and the generator "
             "learns next to nothing; try a lower learning rate, a smaller discriminator, or the loss wasserstein-gp",
             watch->steps, of(&watch->d_real), of(&watch->d_fake), 100 * of(&watch->accuracy));
  else
    snprintf(text, size,
             "step %lld: modes collapse: samples differ from each other only %.1f%% as much as real ones do; try "
             "packing, a lower learning rate, or the loss wasserstein-gp",
             watch->steps, 100 * of(&watch->spreads));
  return text;
}

static void take_all(gan_watch *watch, const gan_figures *figures) {
  take(&watch->g_loss, fabs(figures->g_loss));
  take(&watch->d_loss, fabs(figures->d_loss));
  take(&watch->d_real, figures->d_real);
  take(&watch->d_fake, figures->d_fake);
  take(&watch->accuracy, figures->accuracy);
  take(&watch->spreads, figures->spread);
}

const char *gan_watch_step(gan_watch *watch, const gan_figures *figures, gan_output output) {
  if (!watch || !figures) return ag_fail_null("gan_watch_step", "watch or figures");
  if (++watch->steps <= WARM_UP) return NULL;
  take_all(watch, figures);
  if (watch->steps < JUDGED_FROM) return NULL;
  watch->spread_out = watch->spread_out || of(&watch->spreads) > SPREAD_OUT;
  for (failure what = 0; what < FAILURES; what++) {
    if (watch->told[what]) {
      watch->told[what] = !is_over(watch, what, output);
    } else if (begins(watch, what, output)) {
      watch->told[what] = true;
      return tell(watch, what);
    }
  }
  return NULL;
}
