/* Arrays to be judged. What was read, written and read again is the same. */
#include <string.h>

#include "gan/npy.h"
#include "tests/fuzz/fuzz.h"

static void check_round_trip(const ag_tensor *array) {
  static const char path[] = "written.npy";
  fuzz_require(gan_npy_write(path, array), "what was read cannot be written");
  ag_tensor *again = gan_npy_read(path);
  fuzz_require(again && ag_size(again) == ag_size(array), "what was written cannot be read");
  fuzz_require(memcmp(ag_data(again), ag_data(array), ag_size(array) * sizeof(ag_real)) == 0, "the values differ");
}

void fuzz_one(const uint8_t *bytes, size_t size) {
  const char *path = fuzz_file(bytes, size);
  ag_tensor *array = gan_npy_read(path);
  if (!fuzz_outcome(array != NULL, path)) return;
  int rank = ag_shape_of(array).rank;
  fuzz_require(rank >= 1 && rank <= 4, "the rank is not from 1 to 4");
  fuzz_require(ag_size(array) > 0 && ag_size(array) * 4 < size, "more values than the file has bytes for");
  check_round_trip(array);
}
