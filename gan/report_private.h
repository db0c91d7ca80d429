/* What a report tells: read by report.c, written as a page by report_page.c. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "gan/metrics.h"

typedef struct {
  const char *folder;
  char *checkpoint;
  char *model;
  gan_csv metrics;    /* one row or more */
  gan_csv evaluation; /* path is NULL when there is none */
  size_t picture_count;
  int64_t *pictures; /* epochs that have one, in order */
} gan_report;

bool gan_report_page(FILE *stream, const gan_report *report);
