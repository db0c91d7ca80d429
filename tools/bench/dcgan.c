#include "tools/bench/bench.h"

bool bench_dcgan_make(bench_dcgan *dcgan, int64_t batch) {
  const gan_model *model = gan_model_find("dcgan");
  *dcgan = (bench_dcgan){.model = model, .rng = ag_rng_seed(1)};
  dcgan->images = ag_uniform(&dcgan->rng, AG_SHAPE(batch, GAN_IMAGE_SIZE, GAN_IMAGE_SIZE, 1), model->black, 1);
  return dcgan->images && gan_pair_make(&dcgan->pair, model, &dcgan->rng);
}

void bench_dcgan_free(bench_dcgan *dcgan) { gan_pair_free(&dcgan->pair); }

bool bench_dcgan_train(void *context) {
  bench_dcgan *dcgan = context;
  gan_figures figures;
  return dcgan->model->step(&dcgan->pair, dcgan->images, &dcgan->rng, &figures);
}

/* Draws as many images as a batch has. */
static bool sample(void *context) {
  bench_dcgan *dcgan = context;
  ag_tensor *noise = ag_normal(&dcgan->rng, AG_SHAPE(ag_shape_of(dcgan->images).sizes[0], dcgan->model->noise), 0, 1);
  return gan_sample(dcgan->pair.generator, noise, dcgan->model->black) != NULL;
}

static bool measure(const bench_options *options, bench_work *work) {
  bench_dcgan dcgan;
  bench_times times;
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  bool done =
      bench_dcgan_make(&dcgan, options->batch) && bench_measure(options, options->steps, true, work, &dcgan, &times);
  if (done) bench_images_summary(options, &times);
  bench_dcgan_free(&dcgan);
  ag_scope_leave(scope);
  return done;
}

bool bench_dcgan_step(const bench_options *options) { return measure(options, bench_dcgan_train); }
bool bench_sample(const bench_options *options) { return measure(options, sample); }
