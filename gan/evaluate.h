/* Figures that tell how near a set of digits comes to real ones. */
#pragma once

#include "gan/classifier.h"
#include "gan/frechet.h"

typedef struct {
  int64_t count;             /* of images judged */
  double frechet;            /* squared distance (gan/frechet.h) of their features to those of the reference */
  double shares[GAN_DIGITS]; /* of the images that the classifier takes for each digit */
  int covered;               /* digits with a share of 1% or more */
  double rarest;             /* the smallest share */
  double entropy;            /* of the shares, in nats: ln 10 = 2.303 where all are the same */
  double confidence;         /* mean over the images of the largest probability */
} gan_digit_figures;

enum { GAN_REFERENCE_DIGITS = 10000 };

typedef struct {
  gan_classifier classifier;
  double accuracy; /* of the classifier on the test digits */
  int64_t reference_count;
  gan_gaussian reference; /* features of the first reference_count training digits */
  char *not_saved;        /* why a newly trained classifier could not be kept, else NULL */
} gan_judge;

/* Trains the classifier on `train`, or takes FOLDER/classifier.safetensors, which it leaves there for the next time;
 * a file that is none of ours, or of other images, is replaced. folder may be NULL: nothing is kept then. False and an
 * error; there is nothing to free then. */
bool gan_judge_make(gan_judge *judge, const char *folder, const gan_images *train, const gan_images *test,
                    gan_classifier_progress *progress, void *context);
void gan_judge_free(gan_judge *judge);

/* Judges at least 2 images, [N, 28, 28, 1], [N, 28, 28] or [N, 784] with values in [0, 1]. */
bool gan_evaluate_digits(const gan_judge *judge, ag_tensor *images, gan_digit_figures *figures);
/* The figures that probabilities [N, 10] alone tell: all but the Frechet distance, which stays 0. */
bool gan_count_digits(const ag_tensor *probabilities, gan_digit_figures *figures);
