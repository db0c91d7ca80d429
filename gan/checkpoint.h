/* A training run in a safetensors file: networks and optimizers, and as metadata its settings and where it stands. */
#pragma once

#include "gan/model.h"

/* A run and where it stands. */
typedef struct {
  const gan_model *model;
  uint64_t seed;
  int64_t images; /* that it is trained on; 0: points */
  uint32_t crc32; /* of these images */
  int64_t steps_an_epoch;
  int64_t steps;       /* that it is to have */
  bool evaluate;       /* whether each epoch is judged */
  int64_t epoch, step; /* from 1 */
  uint64_t counter;    /* of the run's random generator */
} gan_position;

/* "highest", "high" or "medium", and back; false without an error for any other name. */
const char *gan_precision_name(ag_precision precision);
bool gan_precision_find(const char *name, ag_precision *precision);

/* The file is whole or as before. False and an error when it cannot be written. */
bool gan_checkpoint_save(const char *path, const gan_position *at, const gan_pair *pair);
/* The model that the file names, with the options it was trained with; its networks, built and loaded. False and an
 * error; there is nothing to free then. */
bool gan_checkpoint_load(const char *path, gan_pair *pair, gan_model *model);

/* What the file tells of its run, in *model the model that it names, with the options it was trained with, and the
 * precision that it was trained at. */
bool gan_checkpoint_read(const char *path, gan_model *model, gan_position *at, ag_precision *precision);
/* Brings the pair, made of at->model, to where the file stands, and *at, which holds the settings, too. Settings that
 * are not the file's are an error, as is a file further than at->steps; everything is as before then. Settings are the
 * seed, images, evaluate and steps_an_epoch, and of the model its name, loss, schedule, batch, critic_steps, pack,
 * classes, average, learning_rate and decay; its noises, freeze_after and optimizers are the caller's to keep. */
bool gan_checkpoint_resume(const char *path, gan_position *at, gan_pair *pair);
/* A sentence, to be freed with ag_free, where what follows may differ from a run never stopped: the file was written at
 * another precision, on another kind of CPU, by another program than this one or for other images, or its run, whose
 * rates or noise fall to its end, was to have another number of steps than at->steps. NULL otherwise,
 * and NULL and an error where the file cannot be read. */
char *gan_checkpoint_differs(const char *path, const gan_position *at);
