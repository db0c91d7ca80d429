#include "gan/sample.h"

#include <math.h>

enum { CHUNK = 64 /* so that the networks' memory does not grow with the number of images */ };

static bool sample_chunk(nn_layer *generator, ag_tensor *noise, int64_t start, int64_t length, double black,
                         ag_real *values) {
  ag_scope *scope = ag_scope_enter();
  ag_tensor *images = nn_forward(generator, ag_slice(noise, 0, start, length), NN_EVAL);
  if (images) {
    const ag_real *generated = ag_data(images);
    size_t image_size = ag_size(images) / (size_t)length;
    for (size_t i = 0; i < ag_size(images); i++)
      values[(size_t)start * image_size + i] = (ag_real)fmin(fmax((generated[i] - black) / (1 - black), 0), 1);
  }
  ag_scope_leave(scope);
  return images != NULL;
}

ag_tensor *gan_sample(nn_layer *generator, ag_tensor *noise, double black) {
  if (!generator || !noise) return ag_fail_null("gan_sample", "generator or noise");
  int64_t count = ag_shape_of(noise).sizes[0];
  ag_shape image = nn_output_shape(generator);
  int64_t sizes[AG_MAX_RANK + 1] = {count};
  for (int i = 0; i < image.rank; i++) sizes[i + 1] = image.sizes[i];
  ag_real *values;
  ag_tensor *images = ag_make(ag_shape_make(image.rank + 1, sizes), &values);
  if (!images) return NULL;
  for (int64_t start = 0; start < count; start += CHUNK) {
    int64_t length = count - start < CHUNK ? count - start : CHUNK;
    if (!sample_chunk(generator, noise, start, length, black, values)) return NULL;
  }
  return images;
}
