#include "gan/classifier.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gan/c_locale.h"
#include "gan/dataset.h"

enum { EPOCHS = 5, BATCH = 100, SEED = 1, CHUNK = 250 /* so that memory does not grow with the number of images */ };
static const double LEARNING_RATE = 2e-3; /* falls to 0 in a straight line */

static bool make(gan_classifier *classifier, ag_rng *rng) {
  nn_layer *features =
      nn_sequential(nn_conv2d(16, 5, .padding = NN_SAME, .activation = NN_RELU), nn_max_pool2d(2), /* 14 x 14 */
                    nn_conv2d(32, 5, .stride = 2, .padding = NN_SAME, .activation = NN_RELU),      /* 7 x 7 */
                    nn_flatten(), nn_dropout(0.3), nn_dense(GAN_DIGIT_FEATURES, .activation = NN_RELU));
  nn_layer *head = nn_dense(GAN_DIGITS);
  *classifier = (gan_classifier){nn_sequential(features, head), features, head};
  bool made = nn_build(classifier->network, AG_SHAPE(GAN_IMAGE_SIZE, GAN_IMAGE_SIZE, 1), rng);
  if (!made) gan_classifier_free(classifier);
  return made;
}

void gan_classifier_free(gan_classifier *classifier) {
  if (!classifier) return;
  nn_layer_free(classifier->network);
  *classifier = (gan_classifier){0};
}

static bool train_step(nn_layer *network, nn_optimizer *optimizer, gan_dataset *dataset, int64_t step, ag_rng *rng) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  size_t batches = gan_dataset_batches(dataset);
  gan_batch batch = gan_dataset_batch(dataset, (uint64_t)step / batches, (size_t)step % batches);
  ag_tensor *labels = ag_one_hot(batch.labels, GAN_DIGITS);
  ag_tape *tape = ag_tape_start();
  ag_tensor *loss = ag_mean(ag_softmax_cross_entropy(labels, nn_forward(network, batch.samples, NN_TRAIN(rng))));
  ag_tape_stop(tape);
  ag_list variables = nn_trainable_variables(network);
  bool done = loss && nn_apply_gradients(optimizer, variables, ag_gradients(tape, loss, variables));
  ag_scope_leave(scope);
  return done;
}

static bool train(nn_layer *network, gan_dataset *dataset, ag_rng *rng, gan_classifier_progress *progress,
                  void *context) {
  nn_optimizer *adam = nn_adam(.learning_rate = LEARNING_RATE);
  int64_t steps = EPOCHS * (int64_t)gan_dataset_batches(dataset);
  bool done = adam != NULL;
  for (int64_t step = 0; done && step < steps; step++) {
    done = nn_set_learning_rate(adam, LEARNING_RATE * (1 - (double)step / (double)steps)) &&
           train_step(network, adam, dataset, step, rng);
    if (done && progress) progress(step + 1, steps, context);
  }
  nn_optimizer_free(adam);
  return done;
}

bool gan_classifier_train(gan_classifier *classifier, const gan_images *images, gan_classifier_progress *progress,
                          void *context) {
  if (!classifier || !images || !images->labels) return ag_fail_null("gan_classifier_train", "classifier or images");
  ag_rng rng = ag_rng_seed(SEED);
  ag_precision precision = ag_get_precision();
  gan_dataset dataset;
  if (!gan_dataset_make(&dataset, images, 0, BATCH, 0, SEED)) {
    ag_error_prefix("training the classifier: ");
    return false;
  }
  ag_set_precision(AG_HIGHEST);
  bool trained = make(classifier, &rng);
  if (trained && !train(classifier->network, &dataset, &rng, progress, context)) {
    gan_classifier_free(classifier);
    trained = false;
  }
  ag_set_precision(precision);
  gan_dataset_free(&dataset);
  return trained;
}

/* What a file of weights for these images says of itself. Another way of training takes another number. */
typedef struct {
  char text[96];
} description;
static description describe(const gan_images *images) {
  description about;
  snprintf(about.text, sizeof about.text, "digit classifier 1, trained on %zu images with the CRC-32 %08" PRIx32,
           images->count, gan_images_crc32(images, images->count));
  return about;
}

bool gan_classifier_save(const gan_classifier *classifier, const char *path, const gan_images *images,
                         double accuracy) {
  if (!classifier || !path || !images) return ag_fail_null("gan_classifier_save", "classifier, path or images");
  char test_accuracy[32];
  locale_t before = gan_c_locale_enter();
  snprintf(test_accuracy, sizeof test_accuracy, "%.4f", accuracy);
  gan_c_locale_leave(before);
  const description about = describe(images);
  const char *metadata[] = {"about", about.text, "test_accuracy", test_accuracy, NULL};
  return nn_save(path, 1, &(nn_named_layer){.name = "classifier", .layer = classifier->network}, metadata);
}

bool gan_classifier_load(gan_classifier *classifier, const char *path, const gan_images *images) {
  if (!classifier || !path || !images) return ag_fail_null("gan_classifier_load", "classifier, path or images");
  *classifier = (gan_classifier){0};
  char *about = nn_read_metadata(path, "about");
  if (!about && ag_failed()) return false;
  description expected = describe(images);
  bool fits = about && strcmp(about, expected.text) == 0;
  if (!fits) ag_fail(AG_ERROR_FILE, "%s: is '%s', expected '%s'", path, about ? about : "", expected.text);
  ag_free(about);
  ag_rng rng = ag_rng_seed(SEED);
  if (!fits || !make(classifier, &rng)) return false;
  bool loaded = nn_load(path, 1, &(nn_named_layer){.name = "classifier", .layer = classifier->network});
  if (!loaded) gan_classifier_free(classifier);
  return loaded;
}

/* Images `start` to `start + length`. */
static bool classify_chunk(const gan_classifier *classifier, ag_tensor *images, int64_t start, int64_t length,
                           ag_real *features, ag_real *probabilities) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  ag_tensor *hidden = nn_forward(classifier->features, ag_slice(images, 0, start, length), NN_EVAL);
  ag_tensor *shares = ag_softmax(nn_forward(classifier->head, hidden, NN_EVAL), -1);
  if (shares) {
    memcpy(features, ag_data(hidden), ag_size(hidden) * sizeof *features);
    memcpy(probabilities, ag_data(shares), ag_size(shares) * sizeof *probabilities);
  }
  ag_scope_leave(scope);
  return shares != NULL;
}

bool gan_classify(const gan_classifier *classifier, ag_tensor *images, ag_tensor **features,
                  ag_tensor **probabilities) {
  if (!classifier || !images || !features || !probabilities) return ag_fail_null("gan_classify", "an argument");
  int64_t count = ag_shape_of(images).rank ? ag_shape_of(images).sizes[0] : 0;
  ag_real *feature_values, *probability_values;
  *features = ag_make(AG_SHAPE(count, GAN_DIGIT_FEATURES), &feature_values);
  *probabilities = ag_make(AG_SHAPE(count, GAN_DIGITS), &probability_values);
  bool done = *features && *probabilities;
  ag_precision precision = ag_get_precision();
  ag_set_precision(AG_HIGHEST);
  for (int64_t start = 0; done && start < count; start += CHUNK) {
    int64_t length = count - start < CHUNK ? count - start : CHUNK;
    done = classify_chunk(classifier, images, start, length, feature_values + start * GAN_DIGIT_FEATURES,
                          probability_values + start * GAN_DIGITS);
  }
  ag_set_precision(precision);
  return done;
}
