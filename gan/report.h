/* A run on one page. */
#pragma once

#include <stdbool.h>

/* Writes <folder>/report.html from a run's metrics.csv and checkpoint, and, where they are there, samples/epoch-*.png,
 * training.gif and evaluation.csv (shown as a table). The page holds its pictures, needs no script and refers to
 * nothing outside. False and an error that names the file: one that is missing, broken or cannot be written;
 * report.html is then as before. */
bool gan_report_write(const char *folder);
