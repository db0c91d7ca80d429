#include "gan/mixture.h"

#include <math.h>

#define R 0.70710678118654752 /* sqrt(1/2) */
const gan_mixture gan_ring = {
    "ring", 8, 0.01, 1.5, {{1, 0}, {R, R}, {0, 1}, {-R, R}, {-1, 0}, {-R, -R}, {0, -1}, {R, -R}}};

#define ROW(y) \
  {-4, y}, {-2, y}, {0, y}, {2, y}, { 4, y }
const gan_mixture gan_grid = {"grid", 25, 0.05, 5, {ROW(-4), ROW(-2), ROW(0), ROW(2), ROW(4)}};

static bool has_modes(const gan_mixture *mixture) {
  return (mixture->modes >= 1 && mixture->modes <= GAN_MAX_MODES) ||
         ag_fail(AG_ERROR_ARGUMENT, "mixture: %d modes, expected 1 to %d", mixture->modes, GAN_MAX_MODES);
}

ag_tensor *gan_mixture_draw(const gan_mixture *mixture, int64_t count, ag_rng *rng) {
  if (!mixture || !rng) return ag_fail_null("gan_mixture_draw", "mixture or rng");
  if (!has_modes(mixture)) return NULL;
  ag_real *centres;
  ag_tensor *centre = ag_make(AG_SHAPE(count, 2), &centres);
  if (!centre) return NULL;
  for (int64_t i = 0; i < count; i++) {
    const double *drawn = mixture->centres[ag_random_below(rng, (uint32_t)mixture->modes)];
    for (int k = 0; k < 2; k++) centres[2 * i + k] = (ag_real)drawn[k];
  }
  return ag_add(centre, ag_normal(rng, AG_SHAPE(count, 2), 0, mixture->deviation));
}

/* The points of one mode. */
typedef struct {
  size_t nearest, near; /* points that have this mode as their nearest, and those of high quality */
  double sum[2], squares;
} mode;

static int nearest_mode(const gan_mixture *mixture, double x, double y, double *distance) {
  int nearest = 0;
  *distance = INFINITY;
  for (int i = 0; i < mixture->modes; i++) {
    double d = hypot(x - mixture->centres[i][0], y - mixture->centres[i][1]);
    if (d < *distance) {
      *distance = d;
      nearest = i;
    }
  }
  return nearest;
}

/* Relative to the centre, so that nothing is lost in the difference of large squares. */
static void count_points(const gan_mixture *mixture, const ag_tensor *points, mode *modes) {
  const ag_real *p = ag_data(points);
  for (size_t i = 0; i < ag_size(points) / 2; i++, p += 2) {
    double distance;
    int nearest = nearest_mode(mixture, (double)p[0], (double)p[1], &distance);
    mode *m = &modes[nearest];
    m->nearest++;
    if (!(distance <= 3 * mixture->deviation)) continue;
    m->near++;
    for (int k = 0; k < 2; k++) {
      double offset = (double)p[k] - mixture->centres[nearest][k];
      m->sum[k] += offset;
      m->squares += offset * offset;
    }
  }
}

/* The deviation of an axis about the points' own mean. */
static double deviation_of(const mode *m) {
  double n = (double)m->near;
  return sqrt(fmax(m->squares / n - (m->sum[0] * m->sum[0] + m->sum[1] * m->sum[1]) / (n * n), 0) / 2);
}

bool gan_mixture_judge(const gan_mixture *mixture, const ag_tensor *points, gan_mixture_figures *figures) {
  if (!mixture || !points || !figures) return ag_fail_null("gan_mixture_judge", "mixture, points or figures");
  if (!has_modes(mixture)) return false;
  ag_shape shape = ag_shape_of(points);
  if (shape.rank != 2 || shape.sizes[1] != 2 || shape.sizes[0] < 1)
    return ag_fail(AG_ERROR_SHAPE, "mixture: points are %s, expected [N, 2]", ag_shape_print(shape).text);
  mode modes[GAN_MAX_MODES] = {0};
  count_points(mixture, points, modes);
  /* Of a Gaussian within r deviations, an axis has the variance 1 - (r^2 / 2) exp(-r^2 / 2) / (1 - exp(-r^2 / 2)). */
  const double outside = exp(-4.5), own = mixture->deviation * sqrt(1 - 4.5 * outside / (1 - outside));
  *figures = (gan_mixture_figures){.narrowest = NAN, .widest = NAN}; /* fmin and fmax pass over NaN */
  for (int i = 0; i < mixture->modes; i++) {
    double share = (double)modes[i].nearest / (double)shape.sizes[0];
    if (share > 0) figures->reverse_kl += share * log(share * mixture->modes);
    if (modes[i].near == 0) continue;
    double width = deviation_of(&modes[i]) / own;
    figures->modes++;
    figures->high_quality += (double)modes[i].near / (double)shape.sizes[0];
    figures->narrowest = fmin(figures->narrowest, width);
    figures->widest = fmax(figures->widest, width);
  }
  return true;
}
