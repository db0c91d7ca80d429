#include "gan/picture.h"

#include <math.h>
#include <string.h>

enum { ENLARGE = 2, GAP = 4 };

static void draw(gan_picture *picture, size_t left, size_t top, const ag_real *image, size_t height, size_t width) {
  for (size_t y = 0; y < height * ENLARGE; y++)
    for (size_t x = 0; x < width * ENLARGE; x++) {
      double value = (double)image[y / ENLARGE * width + x / ENLARGE];
      picture->pixels[(top + y) * picture->width + left + x] = (uint8_t)(fmin(fmax(value, 0), 1) * 255 + 0.5);
    }
}

bool gan_picture_grid(gan_picture *picture, const ag_tensor *images) {
  if (!picture || !images) return ag_fail_null("gan_picture_grid", "picture or images");
  *picture = (gan_picture){0};
  ag_shape shape = ag_shape_of(images);
  if ((shape.rank != 3 && !(shape.rank == 4 && shape.sizes[3] == 1)) || !ag_size(images))
    return ag_fail(AG_ERROR_SHAPE, "picture: images are %s, expected [N, H, W] or [N, H, W, 1]",
                   ag_shape_print(shape).text);
  size_t count = (size_t)shape.sizes[0], height = (size_t)shape.sizes[1], width = (size_t)shape.sizes[2];
  size_t columns = (size_t)ceil(sqrt((double)count)), rows = (count + columns - 1) / columns;
  size_t step_x = width * ENLARGE + GAP, step_y = height * ENLARGE + GAP;
  picture->width = columns * step_x + GAP;
  picture->height = rows * step_y + GAP;
  picture->pixels = ag_allocate(picture->height, picture->width);
  if (!picture->pixels) return false;
  memset(picture->pixels, 64, picture->height * picture->width); /* grey, so that the gaps show between black images */
  for (size_t i = 0; i < count; i++) {
    const ag_real *image = ag_data(images) + i * height * width;
    draw(picture, GAP + i % columns * step_x, GAP + i / columns * step_y, image, height, width);
  }
  return true;
}

void gan_picture_free(gan_picture *picture) {
  if (!picture) return;
  ag_free(picture->pixels);
  *picture = (gan_picture){0};
}
