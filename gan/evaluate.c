#include "gan/evaluate.h"

#include <math.h>

#include "gan/dataset.h"
#include "gan/pixels.h"
#include "gan/text.h"

static int most_likely(const ag_real *probabilities) {
  int best = 0;
  for (int digit = 1; digit < GAN_DIGITS; digit++)
    if (probabilities[digit] > probabilities[best]) best = digit;
  return best;
}

bool gan_count_digits(const ag_tensor *probabilities, gan_digit_figures *figures) {
  if (!probabilities || !figures) return ag_fail_null("gan_count_digits", "probabilities or figures");
  ag_shape shape = ag_shape_of(probabilities);
  if (shape.rank != 2 || shape.sizes[0] < 1 || shape.sizes[1] != GAN_DIGITS)
    return ag_fail(AG_ERROR_SHAPE, "count digits: probabilities are %s, expected [N, %d]", ag_shape_print(shape).text,
                   GAN_DIGITS);
  int64_t counts[GAN_DIGITS] = {0};
  *figures = (gan_digit_figures){.count = shape.sizes[0], .rarest = 1};
  for (int64_t i = 0; i < figures->count; i++) {
    const ag_real *row = ag_data(probabilities) + i * GAN_DIGITS;
    int digit = most_likely(row);
    counts[digit]++;
    figures->confidence += (double)row[digit] / (double)figures->count;
  }
  for (int digit = 0; digit < GAN_DIGITS; digit++) {
    double share = figures->shares[digit] = (double)counts[digit] / (double)figures->count;
    figures->covered += share >= 0.01;
    figures->rarest = fmin(figures->rarest, share);
    if (share > 0) figures->entropy -= share * log(share);
  }
  return true;
}

/* The images as the classifier takes them. */
static ag_tensor *check_images(ag_tensor *images) {
  const int64_t size = GAN_IMAGE_SIZE * GAN_IMAGE_SIZE;
  ag_shape shape = ag_shape_of(images);
  if (shape.rank < 2 || shape.sizes[0] < 2 || ag_size(images) != (size_t)shape.sizes[0] * size)
    return ag_fail(AG_ERROR_SHAPE, "evaluate: images are %s, expected [N, 28, 28, 1], [N, 28, 28] or [N, 784], N >= 2",
                   ag_shape_print(shape).text);
  for (size_t i = 0; i < ag_size(images); i++) {
    double value = (double)ag_data(images)[i];
    if (!(value >= 0 && value <= 1))
      return ag_fail(AG_ERROR_ARGUMENT, "evaluate: image %zu holds the value %g, expected pixels from 0 to 1",
                     i / (size_t)size, value);
  }
  return ag_reshape(images, AG_SHAPE(shape.sizes[0], GAN_IMAGE_SIZE, GAN_IMAGE_SIZE, 1));
}

bool gan_evaluate_digits(const gan_judge *judge, ag_tensor *images, gan_digit_figures *figures) {
  if (!judge || !images || !figures) return ag_fail_null("gan_evaluate_digits", "judge, images or figures");
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  gan_gaussian generated = {0};
  ag_tensor *features, *probabilities;
  images = check_images(images);
  bool done = images && gan_classify(&judge->classifier, images, &features, &probabilities) &&
              gan_count_digits(probabilities, figures) && gan_gaussian_fit(&generated, features) &&
              gan_frechet_distance(&generated, &judge->reference, &figures->frechet);
  gan_gaussian_free(&generated);
  ag_scope_leave(scope);
  return done;
}

static bool measure_accuracy(gan_judge *judge, const gan_images *test) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  ag_tensor *features, *probabilities, *pixels = gan_pixels(test, 0, 1, test->count);
  bool done = pixels && gan_classify(&judge->classifier, pixels, &features, &probabilities);
  size_t right = 0;
  for (size_t i = 0; done && i < test->count; i++)
    right += most_likely(ag_data(probabilities) + i * GAN_DIGITS) == test->labels[i];
  judge->accuracy = (double)right / (double)test->count;
  ag_scope_leave(scope);
  return done;
}

static bool fit_reference(gan_judge *judge, const gan_images *train) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  size_t count = train->count < GAN_REFERENCE_DIGITS ? train->count : GAN_REFERENCE_DIGITS;
  judge->reference_count = (int64_t)count;
  ag_tensor *features, *probabilities, *pixels = gan_pixels(train, 0, 1, count);
  bool done = pixels && gan_classify(&judge->classifier, pixels, &features, &probabilities) &&
              gan_gaussian_fit(&judge->reference, features);
  ag_scope_leave(scope);
  return done;
}

/* Keeps a new classifier, or the reason why it could not be kept. False without memory. */
static bool save(gan_judge *judge, const char *path, const gan_images *train) {
  if (gan_classifier_save(&judge->classifier, path, train, judge->accuracy)) return true;
  judge->not_saved = gan_text("%s", ag_error_message());
  bool told = judge->not_saved && ag_error_kind() == AG_ERROR_FILE;
  if (told) ag_error_clear();
  return told;
}

static bool make(gan_judge *judge, const char *path, const gan_images *train, const gan_images *test,
                 gan_classifier_progress *progress, void *context) {
  bool loaded = path && gan_classifier_load(&judge->classifier, path, train);
  if (!loaded && ag_error_kind() == AG_ERROR_FILE) ag_error_clear(); /* no file yet, or not one of ours */
  if (ag_failed()) return false;
  return (loaded || gan_classifier_train(&judge->classifier, train, progress, context)) &&
         measure_accuracy(judge, test) && fit_reference(judge, train) && (loaded || !path || save(judge, path, train));
}

bool gan_judge_make(gan_judge *judge, const char *folder, const gan_images *train, const gan_images *test,
                    gan_classifier_progress *progress, void *context) {
  if (!judge || !train || !train->labels || !test || !test->labels)
    return ag_fail_null("gan_judge_make", "judge, images or their labels");
  *judge = (gan_judge){0};
  char *path = folder ? gan_text("%s/classifier.safetensors", folder) : NULL;
  bool made = (path || !folder) && make(judge, path, train, test, progress, context);
  ag_free(path);
  if (!made) gan_judge_free(judge);
  return made;
}

void gan_judge_free(gan_judge *judge) {
  if (!judge) return;
  gan_classifier_free(&judge->classifier);
  gan_gaussian_free(&judge->reference);
  ag_free(judge->not_saved);
  *judge = (gan_judge){0};
}
