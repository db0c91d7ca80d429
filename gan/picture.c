#include "gan/picture.h"

#include <math.h>
#include <string.h>

enum { GAP = 4, LARGEST = 1000000 /* a side: libpng takes no more */ };

typedef struct {
  size_t height, width, enlarge;
} cell;

static void draw(gan_picture *picture, size_t left, size_t top, const ag_real *image, cell size) {
  for (size_t y = 0; y < size.height * size.enlarge; y++)
    for (size_t x = 0; x < size.width * size.enlarge; x++) {
      double value = (double)image[y / size.enlarge * size.width + x / size.enlarge];
      picture->pixels[(top + y) * picture->width + left + x] = (uint8_t)(fmin(fmax(value, 0), 1) * 255 + 0.5);
    }
}

bool gan_picture_rows(gan_picture *picture, const ag_tensor *images, size_t columns, size_t enlarge) {
  if (!picture || !images || !columns || !enlarge) return ag_fail_null("gan_picture_rows", "picture, images or a size");
  *picture = (gan_picture){0};
  ag_shape shape = ag_shape_of(images);
  if ((shape.rank != 3 && !(shape.rank == 4 && shape.sizes[3] == 1)) || !ag_size(images))
    return ag_fail(AG_ERROR_SHAPE, "picture: images are %s, expected [N, H, W] or [N, H, W, 1]",
                   ag_shape_print(shape).text);
  size_t count = (size_t)shape.sizes[0], rows = count / columns + (count % columns != 0);
  cell size = {(size_t)shape.sizes[1], (size_t)shape.sizes[2], enlarge};
  if (size.width > LARGEST / enlarge || size.height > LARGEST / enlarge ||
      columns > (LARGEST - GAP) / (size.width * enlarge + GAP) ||
      rows > (LARGEST - GAP) / (size.height * enlarge + GAP))
    return ag_fail(AG_ERROR_SHAPE, "picture: %zu columns of %s, enlarged %zu times, are over %d pixels a side", columns,
                   ag_shape_print(shape).text, enlarge, LARGEST);
  size_t step_x = size.width * enlarge + GAP, step_y = size.height * enlarge + GAP;
  picture->width = columns * step_x + GAP;
  picture->height = rows * step_y + GAP;
  picture->pixels = ag_allocate(picture->height, picture->width);
  if (!picture->pixels) return false;
  memset(picture->pixels, 64, picture->height * picture->width); /* grey, so that the gaps show between black images */
  for (size_t i = 0; i < count; i++) {
    const ag_real *image = ag_data(images) + i * size.height * size.width;
    draw(picture, GAP + i % columns * step_x, GAP + i / columns * step_y, image, size);
  }
  return true;
}

bool gan_picture_grid(gan_picture *picture, const ag_tensor *images) {
  double count = images && ag_shape_of(images).rank > 0 ? (double)ag_shape_of(images).sizes[0] : 0;
  return gan_picture_rows(picture, images, (size_t)fmax(ceil(sqrt(count)), 1), 2);
}

void gan_picture_free(gan_picture *picture) {
  if (!picture) return;
  ag_free(picture->pixels);
  *picture = (gan_picture){0};
}
