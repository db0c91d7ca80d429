#include "gan/scatter.h"

#include <math.h>

enum { SIDE = 400 };

typedef struct {
  double radius; /* pixels */
  double grey;
} dot;

static const dot real_dot = {4, 100}, generated_dot = {1, 255};

/* A disc whose edge fades over one pixel. The brightest wins, so that the order of points does not matter. */
static void draw_dot(gan_picture *picture, double x, double y, dot look) {
  int reach = (int)ceil(look.radius) + 1, left = (int)floor(x), top = (int)floor(y);
  for (int row = top - reach; row <= top + reach; row++)
    for (int column = left - reach; column <= left + reach; column++) {
      if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) continue;
      double distance = hypot(column + 0.5 - x, row + 0.5 - y);
      uint8_t grey = (uint8_t)(look.grey * fmin(fmax(look.radius + 0.5 - distance, 0), 1) + 0.5);
      uint8_t *pixel = &picture->pixels[row * SIDE + column];
      if (grey > *pixel) *pixel = grey;
    }
}

static void draw_points(gan_picture *picture, const ag_tensor *points, double extent, dot look) {
  const ag_real *values = ag_data(points);
  for (int64_t i = 0; i < ag_shape_of(points).sizes[0]; i++) {
    double x = (double)values[2 * i], y = (double)values[2 * i + 1];
    if (fabs(x) <= extent && fabs(y) <= extent)
      draw_dot(picture, (x / extent + 1) / 2 * SIDE, (1 - y / extent) / 2 * SIDE, look);
  }
}

static bool are_points(const ag_tensor *points) {
  ag_shape shape = ag_shape_of(points);
  return (shape.rank == 2 && shape.sizes[1] == 2) ||
         ag_fail(AG_ERROR_SHAPE, "scatter: points are %s, expected [N, 2]", ag_shape_print(shape).text);
}

bool gan_picture_scatter(gan_picture *picture, const ag_tensor *real, const ag_tensor *generated, double extent) {
  if (!picture || !real || !generated) return ag_fail_null("gan_picture_scatter", "picture or points");
  *picture = (gan_picture){0};
  if (!are_points(real) || !are_points(generated)) return false;
  if (!(extent > 0) || isinf(extent))
    return ag_fail(AG_ERROR_ARGUMENT, "scatter: the extent is %g, expected a positive number", extent);
  *picture = (gan_picture){.width = SIDE, .height = SIDE, .pixels = ag_allocate(SIDE, SIDE)};
  if (!picture->pixels) return false;
  draw_points(picture, real, extent, real_dot);
  draw_points(picture, generated, extent, generated_dot);
  return true;
}
