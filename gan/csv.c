#include "gan/csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "gan/c_locale.h"
#include "gan/text.h"

enum { MOST_COLUMNS = 100 };
static const size_t LARGEST = (size_t)1 << 30; /* bytes: some thirteen million steps */

static char *read_stream(FILE *stream, const char *path) {
  size_t size = 0, room = 1 << 16;
  char *text = ag_allocate(room, 1);
  while (text) {
    size += fread(text + size, 1, room - 1 - size, stream);
    if (size < room - 1) break;
    char *more = room < LARGEST ? ag_reallocate(text, room *= 2, 1) : ag_fail(AG_ERROR_FILE, "%s: is too large", path);
    if (!more) ag_free(text);
    text = more;
  }
  if (!text) return NULL;
  text[size] = '\0';
  if (ferror(stream)) ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  else if (strlen(text) != size) ag_fail(AG_ERROR_FILE, "%s: holds a NUL byte, expected text", path);
  else if (size && text[size - 1] != '\n') ag_fail(AG_ERROR_FILE, "%s: its last line has no newline: cut off?", path);
  else return text;
  ag_free(text);
  return NULL;
}

static char *read_text(const char *path) {
  FILE *stream = fopen(path, "rb");
  if (!stream) return ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  char *text = read_stream(stream, path);
  fclose(stream);
  return text;
}

/* Cuts the first line into names. Returns the text after it. */
static char *read_names(gan_csv *csv) {
  char *at = csv->text;
  for (size_t i = 0; i < csv->columns; i++) {
    size_t length = strcspn(at, ",\n");
    csv->names[i] = at;
    at[length] = '\0';
    at += length + 1;
    for (size_t j = 0; j <= i; j++)
      if (!length || (j < i && strcmp(csv->names[j], csv->names[i]) == 0))
        return ag_fail(AG_ERROR_FILE, "%s: line 1: name %zu is '%s', expected one that is not empty nor there before",
                       csv->path, i + 1, csv->names[i]);
  }
  return at;
}

/* One number from [at, end). An empty field is a missing one. */
static bool read_field(const gan_csv *csv, size_t row, size_t column, const char *at, const char *end) {
  double *value = &csv->values[row * csv->columns + column];
  *value = NAN;
  if (at == end) return true;
  char *after = NULL;
  bool starts = strchr("+-.0123456789ni", *at) != NULL; /* strtod itself would skip white space, newlines too */
  double number = starts ? strtod(at, &after) : 0;
  if (after != end)
    return ag_fail(AG_ERROR_FILE, "%s: line %zu: %s is '%.*s', expected a number", csv->path, row + 2,
                   csv->names[column], (int)(end - at < 40 ? end - at : 40), at);
  if (isfinite(number)) *value = number;
  return true;
}

static bool read_row(const gan_csv *csv, size_t row, const char **at) {
  for (size_t column = 0; column < csv->columns; column++) {
    const char *end = *at + strcspn(*at, ",\n");
    if ((*end == '\n') != (column + 1 == csv->columns))
      return ag_fail(AG_ERROR_FILE, "%s: line %zu: expected %zu fields, %s", csv->path, row + 2, csv->columns,
                     *end == '\n' ? "it has fewer" : "it has more");
    if (!read_field(csv, row, column, *at, end)) return false;
    *at = end + 1;
  }
  return true;
}

static bool read_table(gan_csv *csv) {
  for (const char *at = csv->text; *at; at++) csv->rows += *at == '\n';
  if (!csv->rows) return ag_fail(AG_ERROR_FILE, "%s: is empty, expected a line of names", csv->path);
  csv->columns = 1;
  for (const char *at = csv->text; *at != '\n'; at++) csv->columns += *at == ',';
  if (csv->columns > MOST_COLUMNS)
    return ag_fail(AG_ERROR_FILE, "%s: line 1: %zu columns, expected at most %d", csv->path, csv->columns,
                   MOST_COLUMNS);
  csv->rows--; /* the names */
  csv->names = ag_allocate(csv->columns, sizeof *csv->names);
  if (!csv->names) return false;
  const char *at = read_names(csv);
  if (!at) return false;
  /* A right row has a byte a field or more: there is room up to the first that is wrong, however many lines. */
  size_t fit = strlen(at) / csv->columns;
  csv->values = ag_allocate(((csv->rows < fit ? csv->rows : fit) + 1) * csv->columns, sizeof *csv->values);
  for (size_t row = 0; csv->values && row < csv->rows; row++)
    if (!read_row(csv, row, &at)) return false;
  return csv->values != NULL;
}

bool gan_csv_read(gan_csv *csv, const char *path) {
  if (!csv || !path) return ag_fail_null("gan_csv_read", "csv or path");
  *csv = (gan_csv){.path = gan_text("%s", path)};
  csv->text = csv->path ? read_text(path) : NULL;
  locale_t before = gan_c_locale_enter();
  bool read = csv->text && read_table(csv);
  gan_c_locale_leave(before);
  if (!read) gan_csv_free(csv);
  return read;
}

void gan_csv_free(gan_csv *csv) {
  if (!csv) return;
  ag_free(csv->path);
  ag_free(csv->text);
  ag_free(csv->names);
  ag_free(csv->values);
  *csv = (gan_csv){0};
}

double gan_csv_value(const gan_csv *csv, size_t row, size_t column) { return csv->values[row * csv->columns + column]; }
