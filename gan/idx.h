/* IDX files, as MNIST comes in them (yann.lecun.com/exdb/mnist), plain or gzipped. Bytes stay bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  int rank;
  size_t sizes[3];
  uint8_t *bytes;
} gan_idx;

/* Reads unsigned bytes of this rank (1 to 3). Strict: another magic number, a truncated file or one with bytes left
 * over is an error, as is a header that promises more than the file can hold. What follows a gzip stream is ignored, as
 * gunzip does. Free it with gan_idx_free. */
bool gan_idx_read(gan_idx *idx, const char *path, int rank);
void gan_idx_free(gan_idx *idx);

/* Images and their labels, 0 to 9. */
typedef struct {
  size_t count, height, width;
  uint8_t *pixels; /* [count, height, width] */
  uint8_t *labels; /* [count] */
} gan_images;

/* Reads <part>-images-idx3-ubyte and <part>-labels-idx1-ubyte from a folder; part is "train" or "t10k". Also found as
 * .idx3-ubyte, and with .gz. Free it with gan_images_free. */
bool gan_images_load(gan_images *images, const char *folder, const char *part);
void gan_images_free(gan_images *images);
/* The CRC-32 of the labels, then the pixels, of the first `count` images, to know them by. 0 and an error where there
 * are fewer. */
uint32_t gan_images_crc32(const gan_images *images, size_t count);
