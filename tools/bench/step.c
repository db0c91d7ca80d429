/* Training steps of the models, and sampling. */
#include "tools/bench/bench.h"

bool bench_training_make(bench_training *training, const char *name, int64_t batch) {
  const gan_model *model = gan_model_find(name);
  *training = (bench_training){.model = model, .rng = ag_rng_seed(1)};
  if (!gan_pair_make(&training->pair, model, &training->rng)) return false;
  ag_shape shape = nn_output_shape(training->pair.generator);
  ag_tensor *pixels = ag_uniform(&training->rng, AG_SHAPE(batch, GAN_IMAGE_SIZE, GAN_IMAGE_SIZE, 1), model->black, 1);
  training->real.samples = shape.rank == 1 ? ag_reshape(pixels, AG_SHAPE(batch, -1)) : pixels;
  return training->real.samples != NULL;
}

void bench_training_free(bench_training *training) { gan_pair_free(&training->pair); }

bool bench_training_step(void *context) {
  bench_training *t = context;
  gan_figures figures;
  return t->model->step(&t->pair, t->real, &t->rng, &figures);
}

/* Draws as many images as a batch has. */
static bool sample(void *context) {
  bench_training *t = context;
  int64_t count = ag_shape_of(t->real.samples).sizes[0];
  return gan_sample(&t->pair, t->model, ag_normal(&t->rng, AG_SHAPE(count, t->model->noise), 0, 1), NULL) != NULL;
}

static bool measure(const bench_options *options, const char *model, bench_work *work) {
  bench_training training;
  bench_times times;
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  bool done = bench_training_make(&training, model, options->batch) &&
              bench_measure(options, options->steps, true, work, &training, &times);
  if (done) bench_images_summary(options, &times);
  bench_training_free(&training);
  ag_scope_leave(scope);
  return done;
}

bool bench_dcgan_step(const bench_options *options) { return measure(options, "dcgan", bench_training_step); }
bool bench_mlp_step(const bench_options *options) { return measure(options, "mlp-torch", bench_training_step); }
bool bench_sample(const bench_options *options) { return measure(options, "dcgan", sample); }
