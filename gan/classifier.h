/* A small convolutional classifier of digits, with which generated ones are judged. Everything here computes at
 * precision AG_HIGHEST, so that the yardstick is always one. */
#pragma once

#include "gan/idx.h"
#include "nn/nn.h"

enum { GAN_DIGITS = 10, GAN_DIGIT_FEATURES = 64 };

typedef struct {
  nn_layer *network;         /* both of the following, in sequence; owns them */
  nn_layer *features, *head; /* [28, 28, 1] -> [64], after their ReLU -> [10], logits */
} gan_classifier;

/* Called after each step of training, from 1. */
typedef void gan_classifier_progress(int64_t step, int64_t steps, void *context);

/* Makes a classifier and trains it on images of 28 x 28; the same images give the same bits. progress may be NULL.
 * False and an error; there is nothing to free then. */
bool gan_classifier_train(gan_classifier *classifier, const gan_images *images, gan_classifier_progress *progress,
                          void *context);
/* Makes a classifier with weights that gan_classifier_save wrote. False and an error for another file, and for weights
 * that were not trained on these images; there is nothing to free then. */
bool gan_classifier_load(gan_classifier *classifier, const char *path, const gan_images *images);
/* The metadata tells what the file is, which images the classifier learned, and its accuracy on test digits. */
bool gan_classifier_save(const gan_classifier *classifier, const char *path, const gan_images *images, double accuracy);
void gan_classifier_free(gan_classifier *classifier);

/* Of images [N, 28, 28, 1] in [0, 1]: features [N, 64] and probabilities [N, 10] in the current scope. */
bool gan_classify(const gan_classifier *classifier, ag_tensor *images, ag_tensor **features, ag_tensor **probabilities);
