/* What a report tells: read by report.c, written as a page by report_page.c. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "gan/csv.h"

/* The columns of metrics.csv that every run has, in their order. */
enum {
  COLUMN_STEP,
  COLUMN_EPOCH,
  COLUMN_G_LOSS,
  COLUMN_D_LOSS,
  COLUMN_D_REAL,
  COLUMN_D_FAKE,
  COLUMN_ACCURACY,
  COLUMNS
};

typedef struct {
  const char *folder;
  char *checkpoint;
  char *model;
  gan_csv metrics;    /* starts with the COLUMNS; one row or more; steps increase */
  gan_csv evaluation; /* path is NULL when there is none */
  size_t picture_count;
  int64_t *pictures; /* epochs that have one, in order */
} gan_report;

bool gan_report_page(FILE *stream, const gan_report *report);
