#include "gan/neighbours.h"

#include <math.h>

#include "gan/pixels.h"

enum { CHUNK = 1000 /* images whose products with all queries are in memory at a time */ };

static void insert(gan_neighbours *neighbours, size_t index, double score) {
  if (!(score < neighbours->distance[GAN_NEIGHBOURS - 1])) return;
  int place = GAN_NEIGHBOURS - 1;
  for (; place > 0 && score < neighbours->distance[place - 1]; place--) {
    neighbours->index[place] = neighbours->index[place - 1];
    neighbours->distance[place] = neighbours->distance[place - 1];
  }
  neighbours->index[place] = index;
  neighbours->distance[place] = score;
}

/* |x - q|^2 = |x|^2 - 2 x q + |q|^2, and the last does not change the order. */
static bool search_chunk(const gan_images *images, size_t start, size_t length, ag_tensor *queries,
                         gan_neighbours *neighbours) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  int64_t size = (int64_t)(images->height * images->width);
  ag_tensor *pixels = ag_reshape(gan_pixels(images, start, 1, length), AG_SHAPE((int64_t)length, size));
  ag_tensor *norms = ag_sum_axes(ag_square(pixels), AG_AXES(-1), false);
  ag_tensor *scores = ag_sub(norms, ag_scale(ag_matmul_transposed(queries, false, pixels, true), 2));
  for (size_t q = 0; scores && q < (size_t)ag_shape_of(queries).sizes[0]; q++)
    for (size_t i = 0; i < length; i++) insert(&neighbours[q], start + i, (double)ag_data(scores)[q * length + i]);
  ag_scope_leave(scope);
  return scores != NULL;
}

/* The scores served to order; this is exact, 0 for a copy. */
static double distance(const uint8_t *image, const ag_real *query, size_t size) {
  double sum = 0;
  for (size_t k = 0; k < size; k++) {
    double apart = (double)query[k] - (double)(ag_real)(image[k] / 255.0);
    sum += apart * apart;
  }
  return sqrt(sum);
}

static bool search(const gan_images *images, ag_tensor *queries, gan_neighbours *neighbours) {
  size_t count = (size_t)ag_shape_of(queries).sizes[0], size = images->height * images->width;
  for (size_t q = 0; q < count; q++) neighbours[q] = (gan_neighbours){.distance = {INFINITY, INFINITY, INFINITY}};
  for (size_t start = 0; start < images->count; start += CHUNK) {
    size_t left = images->count - start;
    if (!search_chunk(images, start, left < CHUNK ? left : CHUNK, queries, neighbours)) return false;
  }
  for (size_t q = 0; q < count; q++)
    for (int i = 0; i < GAN_NEIGHBOURS; i++)
      neighbours[q].distance[i] =
          distance(images->pixels + neighbours[q].index[i] * size, ag_data(queries) + q * size, size);
  return true;
}

bool gan_find_neighbours(const gan_images *images, ag_tensor *queries, gan_neighbours *neighbours) {
  if (!images || !images->pixels || !queries || !neighbours) return ag_fail_null("gan_find_neighbours", "an argument");
  ag_shape shape = ag_shape_of(queries);
  size_t size = images->height * images->width;
  if (images->count < GAN_NEIGHBOURS || shape.rank < 2 || ag_size(queries) != (size_t)shape.sizes[0] * size)
    return ag_fail(AG_ERROR_SHAPE, "neighbours: queries %s among %zu images of %zu x %zu", ag_shape_print(shape).text,
                   images->count, images->height, images->width);
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  queries = ag_reshape(queries, AG_SHAPE(shape.sizes[0], (int64_t)size));
  bool found = queries && search(images, queries, neighbours);
  ag_scope_leave(scope);
  return found;
}
