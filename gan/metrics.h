/* metrics.csv, the figures of a run step by step. */
#pragma once

#include <stdio.h>

#include "gan/csv.h"
#include "gan/step.h"

/* Its columns in their order. Every run has the first ones, up to METRIC_ACCURACY; more may follow. */
enum {
  METRIC_STEP,
  METRIC_EPOCH,
  METRIC_G_LOSS,
  METRIC_D_LOSS,
  METRIC_D_REAL,
  METRIC_D_FAKE,
  METRIC_ACCURACY,
  METRIC_SPREAD,
  METRIC_G_GRADIENT
};
/* Their names: the file's first line. */
extern const char gan_metrics_header[];

/* The line of a step; whether it reaches the file is the stream's to say. */
void gan_metrics_write(FILE *stream, int64_t step, int64_t epoch, const gan_figures *figures);

/* The table of a run's folder: its first columns are those that every run has, steps increase. False and an error that
 * names the line; there is nothing to free then. */
bool gan_metrics_read(gan_csv *metrics, const char *folder);
/* A row's figures; NaN where the table has no such column. */
gan_figures gan_metrics_figures(const gan_csv *metrics, size_t row);
