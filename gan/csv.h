/* Tables of numbers in CSV files: a line of column names, then lines of as many numbers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  char *path, *text; /* text: the file, its names ended by '\0' */
  size_t columns, rows;
  const char **names; /* [columns] */
  double *values;     /* [rows, columns]; NaN where a field is empty or not finite */
} gan_csv;

/* Strict: an empty or repeated name, another number of fields, a field that is no number, a last line without its
 * newline are errors that name the file and the line. Free it with gan_csv_free. */
bool gan_csv_read(gan_csv *csv, const char *path);
void gan_csv_free(gan_csv *csv);

double gan_csv_value(const gan_csv *csv, size_t row, size_t column);
