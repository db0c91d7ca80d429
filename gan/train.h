/* A training run from first step to last. */
#pragma once

#include <signal.h>

#include "gan/figures.h"
#include "gan/run.h"

/* How far training is, after each step. */
typedef struct {
  int64_t step, steps;   /* of the run; from 1 */
  int64_t before;        /* steps that were made before the run was resumed */
  int64_t epoch, epochs; /* from 1 */
  int64_t step_of_epoch, steps_an_epoch;
  int64_t batch;
  bool saved;          /* the epoch (or run) has ended and its picture, checkpoint and report are written */
  const char *warning; /* what gan_watch_step says of this step; NULL: nothing */
  gan_figures figures;
  const gan_row *evaluation; /* of the epoch that has ended; NULL where nobody judges */
} gan_progress;
typedef void gan_progress_function(const gan_progress *progress, void *context);

enum { GAN_JUDGED_DIGITS = 2000 };

typedef struct {
  const gan_model *model;
  const gan_images *images;  /* NULL for a model of points */
  const char *folder;        /* an earlier run in it is replaced after the first step, unless it is resumed */
  bool resume;               /* goes on with the folder's run: its model and seed, as many images */
  uint64_t seed;             /* all randomness of the run comes from it */
  int64_t limit;             /* images to use; 0: all */
  int64_t epochs;            /* 0: the model's own */
  int64_t steps;             /* ends after so many, whatever the epochs; 0: epochs count */
  bool evaluate;             /* each epoch's samples are judged, into evaluation.csv; the run is the same */
  const gan_judge *judge;    /* who judges digits; NULL for points, or where nobody does */
  double frechet_real;       /* what it says of GAN_JUDGED_DIGITS test digits; told beside the samples' own */
  double checkpoint_minutes; /* a checkpoint every so many, within epochs, too; 0: none for the time */
  /* Once it is not 0, training ends after the step that runs, with a checkpoint; may be NULL. */
  const volatile sig_atomic_t *stop;
  gan_progress_function *progress; /* may be NULL */
  gan_note_function *note;         /* of an earlier run in the folder; may be NULL */
  void *context;                   /* of both */
} gan_training;

/* Trains, and fills the run folder. False and an error, the folder then holds what was complete; a loss or a gradient
 * that is not finite is one, and the last checkpoint then is from before. */
bool gan_train(const gan_training *training);
