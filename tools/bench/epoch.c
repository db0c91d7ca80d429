/* An epoch of the DCGAN as a training run has it: images are shuffled and cut into batches on the way. */
#include "tools/bench/bench.h"

enum { IMAGES = 60000 };

/* The values do not matter, that they differ does. */
static bool make_images(gan_images *images) {
  size_t pixels = (size_t)IMAGES * GAN_IMAGE_SIZE * GAN_IMAGE_SIZE;
  *images = (gan_images){IMAGES, GAN_IMAGE_SIZE, GAN_IMAGE_SIZE, ag_allocate(pixels, 1), ag_allocate(IMAGES, 1)};
  if (!images->pixels || !images->labels) return false;
  for (size_t i = 0; i < pixels; i++) images->pixels[i] = (uint8_t)((uint32_t)i * 2654435761u >> 24);
  return true;
}

typedef struct {
  gan_images images;
  gan_dataset dataset;
  bench_training training;
  int64_t next; /* batch; -1 warms up on an epoch of its own */
} epoch;

static bool train(void *context) {
  epoch *e = context;
  bool warm_up = e->next < 0;
  e->training.real = gan_dataset_batch(&e->dataset, !warm_up, warm_up ? 0 : (size_t)e->next);
  e->next++;
  return e->training.real.samples && bench_training_step(&e->training);
}

static bool run(epoch *e, bench_options options) {
  double start = bench_now();
  bool loaded = options.data ? gan_images_load(&e->images, options.data, "train") : make_images(&e->images);
  double load_ms = bench_now() - start;
  if (!loaded || !gan_dataset_make(&e->dataset, &e->images, 0, options.batch, -1, 1) ||
      !bench_training_make(&e->training, "dcgan", options.batch))
    return false;
  int64_t batches = (int64_t)gan_dataset_batches(&e->dataset);
  if (options.steps == 0 || options.steps > batches) options.steps = batches;
  bench_times times;
  if (!bench_measure(&options, options.steps, true, train, e, &times)) return false;
  bench_summary(&options, &times, ", \"images\": %zu, \"load_ms\": %.1f, \"total_ms\": %.1f", e->images.count, load_ms,
                times.total_ms);
  return true;
}

bool bench_epoch(const bench_options *options) {
  epoch e = {.next = -1};
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  bool done = run(&e, *options);
  bench_training_free(&e.training);
  gan_dataset_free(&e.dataset);
  gan_images_free(&e.images);
  ag_scope_leave(scope);
  return done;
}
