#include "gan/interpolate.h"

#include <math.h>

static double norm(const ag_real *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)values[i] * (double)values[i];
  return sqrt(sum);
}

/* 2 atan2(|u - v|, |u + v|) of the directions u and v, good at every angle, where acos loses half its digits near 0 and
 * pi (Kahan 2006, "How futile are mindless assessments of roundoff", mangled angles). 0 where one is zero. */
static double angle(const ag_real *a, const ag_real *b, size_t count, double norm_a, double norm_b) {
  double apart = 0, together = 0;
  if (norm_a == 0 || norm_b == 0) return 0;
  for (size_t i = 0; i < count; i++) {
    double u = (double)a[i] / norm_a, v = (double)b[i] / norm_b;
    apart += (u - v) * (u - v);
    together += (u + v) * (u + v);
  }
  return 2 * atan2(sqrt(apart), sqrt(together));
}

ag_tensor *gan_interpolate(ag_tensor *a, ag_tensor *b, int64_t steps) {
  if (!a || !b) return ag_fail_null("gan_interpolate", "an end");
  ag_shape shape = ag_shape_of(a);
  if (shape.rank != 1 || !ag_shape_equal(shape, ag_shape_of(b)))
    return ag_fail(AG_ERROR_SHAPE, "interpolate: the ends are %s and %s, expected one shape [noise]",
                   ag_shape_print(shape).text, ag_shape_print(ag_shape_of(b)).text);
  if (steps < 2) return ag_fail(AG_ERROR_ARGUMENT, "interpolate: %lld steps, expected at least 2", (long long)steps);
  ag_real *values;
  ag_tensor *walk = ag_make(AG_SHAPE(steps, shape.sizes[0]), &values);
  if (!walk) return NULL;
  const ag_real *from = ag_data(a), *to = ag_data(b);
  size_t size = ag_size(a);
  double norm_from = norm(from, size), norm_to = norm(to, size), w = angle(from, to, size, norm_from, norm_to);
  bool straight = sin(w) < 1e-6; /* within the values' own rounding */
  for (int64_t step = 0; step < steps; step++) {
    double t = (double)step / (double)(steps - 1);
    double from_weight = 1 - t, to_weight = t, length = (1 - t) * norm_from + t * norm_to;
    if (!straight) {
      from_weight = sin((1 - t) * w) / sin(w) * (length / norm_from);
      to_weight = sin(t * w) / sin(w) * (length / norm_to);
    }
    for (size_t i = 0; i < size; i++)
      values[(size_t)step * size + i] = (ag_real)(from_weight * (double)from[i] + to_weight * (double)to[i]);
  }
  return walk;
}
