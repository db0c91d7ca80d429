/* Grey pictures in memory, and the files they go to. */
#pragma once

#include "autograd/autograd.h"

typedef struct {
  size_t width, height;
  uint8_t *pixels; /* row by row, 0 is black */
} gan_picture;

/* The images [N, H, W] or [N, H, W, 1] with values in [0, 1] (others are clipped) side by side on a grid as near to a
 * square as it gets, enlarged twice. Free it with gan_picture_free. */
bool gan_picture_grid(gan_picture *picture, const ag_tensor *images);
/* The same in rows of `columns` images (1 or more), each pixel enlarged to a square of `enlarge` (1 or more).
 * False and an error for more than 1,000,000 pixels a side, too. */
bool gan_picture_rows(gan_picture *picture, const ag_tensor *images, size_t columns, size_t enlarge);
void gan_picture_free(gan_picture *picture);

/* A PNG, in grey, of at most 2^26 pixels. Free the picture with gan_picture_free. False and an error. */
bool gan_png_read(const char *path, gan_picture *picture);

/* These write a file that is whole or not there; false and an error otherwise. */
bool gan_png_write(const char *path, const gan_picture *picture);
/* A film that loops, frames of one size, each for `seconds` (at most 163), the last for four times as long. */
bool gan_gif_write(const char *path, size_t count, const gan_picture *frames, double seconds);
