#include "gan/dataset.h"

#include <math.h>

#define NO_EPOCH UINT64_MAX

bool gan_dataset_make(gan_dataset *dataset, const gan_images *images, int64_t limit, int64_t batch, double black,
                      uint64_t seed) {
  if (!dataset || !images || !images->pixels) return ag_fail_null("gan_dataset_make", "dataset or images");
  *dataset = (gan_dataset){0};
  size_t count = limit > 0 && (uint64_t)limit < images->count ? (size_t)limit : images->count;
  if (images->height != GAN_IMAGE_SIZE || images->width != GAN_IMAGE_SIZE)
    return ag_fail(AG_ERROR_SHAPE, "dataset: images are %zu x %zu, expected %d x %d", images->height, images->width,
                   GAN_IMAGE_SIZE, GAN_IMAGE_SIZE);
  if (limit < 0) return ag_fail(AG_ERROR_ARGUMENT, "dataset: limit is %lld, expected 0 or more", (long long)limit);
  if (batch < 1 || (uint64_t)batch > count || count > UINT32_MAX)
    return ag_fail(AG_ERROR_ARGUMENT, "dataset: a batch of %lld, expected 1 to %zu, the number of images",
                   (long long)batch, count);
  if (!(isfinite(black) && black < 1))
    return ag_fail(AG_ERROR_ARGUMENT, "dataset: black is %g, expected a number below 1, which is white", black);
  uint32_t *order = ag_allocate(count, sizeof *order);
  if (!order) return false;
  *dataset = (gan_dataset){images, count, (size_t)batch, black, seed, NO_EPOCH, order};
  return true;
}

void gan_dataset_free(gan_dataset *dataset) {
  if (!dataset) return;
  ag_free(dataset->order);
  *dataset = (gan_dataset){0};
}

size_t gan_dataset_batches(const gan_dataset *dataset) {
  if (dataset && dataset->batch) return dataset->count / dataset->batch;
  return ag_fail_null("gan_dataset_batches", "dataset"), (size_t)0;
}

/* Fisher and Yates. Each epoch draws from counters of its own, far from those that the run itself draws from. */
static void shuffle(gan_dataset *dataset, uint64_t epoch) {
  ag_rng rng = {.seed = dataset->seed, .counter = (uint64_t)1 << 63 | epoch << 32};
  uint32_t *order = dataset->order;
  for (uint32_t i = 0; i < dataset->count; i++) order[i] = i;
  for (uint32_t i = (uint32_t)dataset->count - 1; i > 0; i--) {
    uint32_t j = ag_random_below(&rng, i + 1);
    uint32_t moved = order[i];
    order[i] = order[j];
    order[j] = moved;
  }
  dataset->epoch = epoch;
}

gan_batch gan_dataset_batch(gan_dataset *dataset, uint64_t epoch, size_t index) {
  gan_batch batch = {NULL, NULL};
  if (!dataset || !dataset->order) return ag_fail_null("gan_dataset_batch", "dataset"), batch;
  if (index >= gan_dataset_batches(dataset)) {
    ag_fail(AG_ERROR_ARGUMENT, "dataset: batch %zu of an epoch of %zu", index, gan_dataset_batches(dataset));
    return batch;
  }
  if (dataset->epoch != epoch) shuffle(dataset, epoch);
  const uint8_t *bytes = dataset->images->labels;
  ag_real *values, *labels = NULL;
  ag_tensor *samples = ag_make(AG_SHAPE((int64_t)dataset->batch, GAN_IMAGE_SIZE, GAN_IMAGE_SIZE, 1), &values);
  if (bytes) batch.labels = ag_make(AG_SHAPE((int64_t)dataset->batch), &labels);
  if (!samples || (bytes && !batch.labels)) return batch;
  const size_t size = GAN_IMAGE_SIZE * GAN_IMAGE_SIZE;
  for (size_t i = 0; i < dataset->batch; i++) {
    size_t image = dataset->order[index * dataset->batch + i];
    const uint8_t *pixels = dataset->images->pixels + image * size;
    for (size_t k = 0; k < size; k++)
      values[i * size + k] = (ag_real)(dataset->black + (1 - dataset->black) * pixels[k] / 255.0);
    if (bytes) labels[i] = bytes[image];
  }
  batch.samples = samples;
  return batch;
}
