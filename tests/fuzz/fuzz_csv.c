/* Tables of a run's folder, as `mnist-gan report` reads them. */
#include <math.h>
#include <string.h>

#include "gan/csv.h"
#include "tests/fuzz/fuzz.h"

static void check_names(const gan_csv *csv) {
  for (size_t i = 0; i < csv->columns; i++) {
    fuzz_require(csv->names[i][0], "a name is empty");
    for (size_t j = 0; j < i; j++) fuzz_require(strcmp(csv->names[i], csv->names[j]) != 0, "two names are the same");
  }
}

void fuzz_one(const uint8_t *bytes, size_t size) {
  const char *path = fuzz_file(bytes, size);
  gan_csv csv;
  if (!fuzz_outcome(gan_csv_read(&csv, path), path)) return;
  fuzz_require(csv.columns > 0 && csv.rows * csv.columns <= size, "more fields than the file has bytes for");
  check_names(&csv);
  for (size_t row = 0; row < csv.rows; row++)
    for (size_t column = 0; column < csv.columns; column++)
      fuzz_require(!isinf(gan_csv_value(&csv, row, column)), "a value is infinite");
  gan_csv_free(&csv);
}
