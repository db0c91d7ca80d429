/* Files in place of MNIST's, plain and gzipped. */
#include <string.h>

#include "gan/idx.h"
#include "tests/fuzz/fuzz.h"

static size_t count_of(const gan_idx *idx) {
  size_t count = 1;
  for (int i = 0; i < idx->rank; i++) count *= idx->sizes[i];
  return count;
}

/* Whether all bytes stand in the file, behind the magic number and the sizes. */
static bool is_plain_copy(const gan_idx *idx, const uint8_t *bytes, size_t size) {
  size_t header = 4 + 4 * (size_t)idx->rank, count = count_of(idx);
  return size == header + count && memcmp(idx->bytes, bytes + header, count) == 0;
}

void fuzz_one(const uint8_t *bytes, size_t size) {
  const char *path = fuzz_file(bytes, size);
  bool gzipped = size > 1 && bytes[0] == 0x1f && bytes[1] == 0x8b;
  int fits = 0;
  for (int rank = 1; rank <= 3; rank++) {
    gan_idx idx;
    bool read = fuzz_outcome(gan_idx_read(&idx, path, rank), path);
    fuzz_require(read == (idx.bytes != NULL), "bytes without success or success without bytes");
    if (!read) continue;
    fits++;
    fuzz_touch(idx.bytes, count_of(&idx));
    fuzz_require(gzipped || is_plain_copy(&idx, bytes, size), "a plain file was read as something else");
    gan_idx_free(&idx);
  }
  fuzz_require(fits <= 1, "one file has two ranks");
}
