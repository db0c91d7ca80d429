#include "gan/pixels.h"

/* `count` images of the `span` from image `start` on, as evenly as it goes. */
static ag_tensor *spread(const gan_images *images, size_t start, size_t span, size_t count) {
  ag_real *values;
  ag_tensor *pixels = ag_make(AG_SHAPE((int64_t)count, (int64_t)images->height, (int64_t)images->width, 1), &values);
  if (!pixels) return NULL;
  const size_t size = images->height * images->width;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *bytes = images->pixels + (start + i * span / count) * size;
    for (size_t k = 0; k < size; k++) values[i * size + k] = (ag_real)(bytes[k] / 255.0);
  }
  return pixels;
}

ag_tensor *gan_pixels(const gan_images *images, size_t start, size_t step, size_t count) {
  if (!images || !images->pixels) return ag_fail_null("gan_pixels", "images");
  if (count && (start >= images->count || (step && count - 1 > (images->count - 1 - start) / step)))
    return ag_fail(AG_ERROR_ARGUMENT, "pixels: %zu images from image %zu on, each %zu-th, are more than there are, %zu",
                   count, start, step, images->count);
  return spread(images, start, step * count, count);
}

ag_tensor *gan_pixels_spread(const gan_images *images, size_t count) {
  if (!images || !images->pixels) return ag_fail_null("gan_pixels_spread", "images");
  return spread(images, 0, images->count, count < images->count ? count : images->count);
}
