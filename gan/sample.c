#include "gan/sample.h"

#include <math.h>
#include <string.h>

#include "gan/scatter.h"

enum { CHUNK = 64 /* so that the networks' memory does not grow with the number of samples */ };

/* From [black, 1] to [0, 1]; a few pixels go beyond by rounding. */
static void whiten(ag_real *pixels, size_t count, double black) {
  for (size_t i = 0; i < count; i++) pixels[i] = (ag_real)fmin(fmax((pixels[i] - black) / (1 - black), 0), 1);
}

/* Rows `start` to `start + length` of the input become as many samples of `size` numbers. */
static bool sample_chunk(nn_layer *generator, ag_tensor *input, int64_t start, int64_t length, size_t size,
                         ag_real *values) {
  ag_scope *scope = ag_scope_enter();
  ag_tensor *samples = nn_forward(generator, ag_slice(input, 0, start, length), NN_EVAL);
  bool fits = samples && ag_size(samples) == (size_t)length * size;
  if (fits) memcpy(values + (size_t)start * size, ag_data(samples), ag_size(samples) * sizeof *values);
  else if (samples)
    ag_fail(AG_ERROR_SHAPE, "sample: the generator gives %s for %lld samples of %zu numbers",
            ag_shape_print(ag_shape_of(samples)).text, (long long)length, size);
  ag_scope_leave(scope);
  return fits;
}

/* What the generator gives; 784 numbers are an image. */
static ag_shape shape_of_samples(nn_layer *generator, int64_t count) {
  ag_shape shape = nn_output_shape(generator);
  if (shape.rank == 1 && shape.sizes[0] == GAN_IMAGE_SIZE * GAN_IMAGE_SIZE)
    return AG_SHAPE(count, GAN_IMAGE_SIZE, GAN_IMAGE_SIZE, 1);
  memmove(shape.sizes + 1, shape.sizes, (AG_MAX_RANK - 1) * sizeof *shape.sizes);
  shape.sizes[0] = count;
  return ag_shape_make(shape.rank + 1, shape.sizes);
}

ag_tensor *gan_sample(const gan_pair *pair, const gan_model *model, ag_tensor *noise, ag_tensor *labels) {
  if (!pair || !model || !noise) return ag_fail_null("gan_sample", "pair, model or noise");
  if (ag_shape_of(noise).rank != 2)
    return ag_fail(AG_ERROR_SHAPE, "sample: the noise is %s, expected [count, noise]",
                   ag_shape_print(ag_shape_of(noise)).text);
  nn_layer *generator = pair->average ? pair->average : pair->generator;
  ag_tensor *input = gan_generator_input(pair, noise, labels);
  int64_t count = ag_shape_of(noise).sizes[0];
  ag_real *values;
  ag_tensor *samples = input ? ag_make(shape_of_samples(generator, count), &values) : NULL;
  if (!samples) return NULL;
  size_t size = ag_shape_size(nn_output_shape(generator));
  for (int64_t start = 0; start < count; start += CHUNK) {
    int64_t length = count - start < CHUNK ? count - start : CHUNK;
    if (!sample_chunk(generator, input, start, length, size, values)) return NULL;
  }
  if (!model->mixture) whiten(values, ag_size(samples), model->black);
  return samples;
}

ag_tensor *gan_labels_in_turn(int64_t count, int64_t classes) {
  if (classes == 0) return NULL;
  ag_real *labels;
  ag_tensor *tensor = ag_make(AG_SHAPE(count), &labels);
  for (int64_t i = 0; tensor && i < count; i++) labels[i] = (ag_real)(i % classes);
  return tensor;
}

ag_tensor *gan_draw(const gan_pair *pair, const gan_model *model, int64_t count, int64_t digit, uint64_t seed) {
  if (!pair || !model) return ag_fail_null("gan_draw", "pair or model");
  if (digit >= 0 && digit >= model->classes)
    return ag_fail(AG_ERROR_ARGUMENT, "draw: %s was not trained to draw a %lld when asked to",
                   model->name, (long long)digit);
  ag_rng rng = {.seed = seed, .counter = (uint64_t)1 << 61};
  ag_tensor *noise = ag_normal(&rng, AG_SHAPE(count, model->noise), 0, 1);
  ag_tensor *labels = digit < 0 ? gan_labels_in_turn(count, model->classes) : ag_full(AG_SHAPE(count), (double)digit);
  return ag_failed() ? NULL : gan_sample(pair, model, noise, labels);
}

bool gan_picture_samples(gan_picture *picture, const gan_model *model, const ag_tensor *samples) {
  if (!picture || !model || !samples) return ag_fail_null("gan_picture_samples", "an argument");
  if (!model->mixture) return gan_picture_grid(picture, samples);
  ag_rng rng = ag_rng_seed(0);
  ag_tensor *real = gan_mixture_draw(model->mixture, ag_shape_of(samples).sizes[0], &rng);
  return gan_picture_scatter(picture, real, samples, model->mixture->extent);
}
