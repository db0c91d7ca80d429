/* The folder of a training run: samples/epoch-0001.png ..., kept/epoch-0005.safetensors ..., training.gif, metrics.csv,
 * checkpoint.safetensors, report.html. */
#pragma once

#include "gan/checkpoint.h"
#include "gan/figures.h"
#include "gan/picture.h"

typedef struct {
  char *folder;
  FILE *metrics, *evaluation; /* the latter NULL before its first line */
  size_t count;               /* of frames: the pictures so far, for the film */
  gan_picture *frames;
} gan_run;

/* Whether the folder holds a run, even an unfinished one. */
bool gan_run_exists(const char *folder);
/* Makes the folder, and those it lies in, and starts metrics.csv; the files of an earlier run are removed. */
bool gan_run_start(gan_run *run, const char *folder);
void gan_run_close(gan_run *run);

/* A line of metrics.csv. */
bool gan_run_log(gan_run *run, const gan_position *at, const gan_figures *figures);
/* A line of evaluation.csv. */
bool gan_run_log_evaluation(gan_run *run, const gan_position *at, const gan_row *row);
/* The epoch's picture, which the run takes over, the film of all pictures, the checkpoint and the report: each whole or
 * as before. */
bool gan_run_save(gan_run *run, const gan_position *at, const gan_pair *pair, gan_picture picture);

/* The model that a run's checkpoint names, with the options it was trained with; its networks, built and loaded. False
 * and an error, as for a model that is not among gan_models (gan_pair_make and nn_load load one of your own); there is
 * nothing to free then. */
bool gan_run_load(const char *folder, gan_pair *pair, gan_model *model);
