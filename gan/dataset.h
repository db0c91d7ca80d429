/* Batches of images: shuffled anew each epoch, the last, smaller batch dropped. */
#pragma once

#include "autograd/autograd.h"
#include "gan/idx.h"

#define GAN_IMAGE_SIZE 28

/* Samples [batch, ...] and their labels [batch], NULL where nobody asks for them. */
typedef struct {
  ag_tensor *samples, *labels;
} gan_batch;

typedef struct {
  const gan_images *images; /* borrowed */
  size_t count;             /* of images in use: the first ones */
  size_t batch;
  double black; /* pixels become [black, 1] */
  uint64_t seed;
  uint64_t epoch; /* that `order` is for */
  uint32_t *order;
} gan_dataset;

/* limit: how many images to use, 0 for all. False and an error: images that are not 28 x 28, a batch that is not 1
 * to the number of images. Free it with gan_dataset_free. */
bool gan_dataset_make(gan_dataset *dataset, const gan_images *images, int64_t limit, int64_t batch, double black,
                      uint64_t seed);
void gan_dataset_free(gan_dataset *dataset);
/* Batches an epoch. */
size_t gan_dataset_batches(const gan_dataset *dataset);
/* Batch `index` of an epoch, [batch, 28, 28, 1] and its labels: which images it holds depends on (seed, epoch, index)
 * alone. Without samples after an error. */
gan_batch gan_dataset_batch(gan_dataset *dataset, uint64_t epoch, size_t index);
