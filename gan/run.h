/* The folder of a training run: samples/epoch-0001.png ..., kept/epoch-0005.safetensors ..., training.gif, metrics.csv,
 * evaluation.csv where each epoch is judged, checkpoint.safetensors and the one before it, report.html. */
#pragma once

#include <dirent.h>

#include "gan/checkpoint.h"
#include "gan/figures.h"
#include "gan/picture.h"

typedef struct {
  char *folder;
  DIR *lock;                  /* the folder, held against other runs */
  FILE *metrics, *evaluation; /* the latter NULL before its first line */
  size_t count;               /* of frames: a picture an epoch, for the film */
  gan_picture *frames;
  int64_t shown; /* the epoch of the last frame */
  bool broken;   /* the checkpoint that lies there */
} gan_run;

/* Is told what a user should know, a sentence at a time. */
typedef void gan_note_function(const char *sentence, void *context);

/* Whether the folder holds a run, even an unfinished one. */
bool gan_run_exists(const char *folder);
/* Makes the folder, and those it lies in, and starts metrics.csv; the files of an earlier run are removed. False and an
 * error, as where another run, of any process, is open there; this one is open until gan_run_close or its process's
 * end. */
bool gan_run_start(gan_run *run, const char *folder);
/* What the folder's run goes on with: its model, with the options it was trained with, where it stands, and the
 * precision it was trained at. */
bool gan_run_read(const char *folder, gan_model *model, gan_position *at, ag_precision *precision);
/* Goes on with the folder's run: *at says of what settings it must be, and then where it stands; the pair, made of
 * at->model, is brought there, tables are cut back to there, later pictures and kept checkpoints removed. Of a
 * checkpoint that is broken the one before is taken, and it lies aside as checkpoint.broken.safetensors. `note` (may be
 * NULL) is told that, and what may make bits differ. False and an error, the run closed, as where another is open
 * there; other settings change nothing. */
bool gan_run_resume(gan_run *run, const char *folder, gan_position *at, gan_pair *pair, gan_note_function *note,
                    void *context);
void gan_run_close(gan_run *run);

/* A line of metrics.csv. */
bool gan_run_log(gan_run *run, const gan_position *at, const gan_figures *figures);
/* A line of evaluation.csv. */
bool gan_run_log_evaluation(gan_run *run, const gan_position *at, const gan_row *row);
/* All that training goes on from: whole or as before. The last one is kept as checkpoint.previous.safetensors. */
bool gan_run_checkpoint(gan_run *run, const gan_position *at, const gan_pair *pair);
/* What is made of a position, after its checkpoint: the epoch's picture, which the run takes over, the film of all
 * epochs, the copy of the checkpoint that is kept, and the report; each whole or as before. */
bool gan_run_show(gan_run *run, const gan_position *at, const gan_pair *pair, gan_picture picture);

/* The model that a run's checkpoint names, with the options it was trained with; its networks, built and loaded; of the
 * checkpoint before, which `note` (may be NULL) is told, where the last one is broken. False and an error, as for a
 * model that is not among gan_models (gan_pair_make and nn_load load one of your own); then nothing is to be freed. */
bool gan_run_load(const char *folder, gan_pair *pair, gan_model *model, gan_note_function *note, void *context);
