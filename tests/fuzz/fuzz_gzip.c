/* The input, gzipped, must read just as the input itself. So mutations reach what lies behind gzip's checksum. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "gan/idx.h"
#include "tests/fuzz/fuzz.h"

enum { RANK = 3 };

/* A whole gzip stream, to be freed; its size through `size`. */
static uint8_t *compress_all(const uint8_t *bytes, size_t *size) {
  enum { LARGEST_WINDOW = 15, GZIP = 16, MEMORY = 8 };
  z_stream stream = {0};
  bool started =
      deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, LARGEST_WINDOW + GZIP, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK;
  size_t room = deflateBound(&stream, (uLong)*size);
  uint8_t *compressed = malloc(room);
  fuzz_require(started && compressed, "zlib does not start");
  stream.next_in = (uint8_t *)bytes;
  stream.avail_in = (uInt)*size;
  stream.next_out = compressed;
  stream.avail_out = (uInt)room;
  fuzz_require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib does not compress");
  *size = stream.total_out;
  deflateEnd(&stream);
  return compressed;
}

static bool read_images(gan_idx *idx, const uint8_t *bytes, size_t size) {
  const char *path = fuzz_file(bytes, size);
  return fuzz_outcome(gan_idx_read(idx, path, RANK), path);
}

void fuzz_one(const uint8_t *bytes, size_t size) {
  if (size > 1 && bytes[0] == 0x1f && bytes[1] == 0x8b) return; /* gzipped twice is not the same as once */
  gan_idx plain, unpacked;
  bool plain_read = read_images(&plain, bytes, size);
  uint8_t *compressed = compress_all(bytes, &size);
  bool unpacked_read = read_images(&unpacked, compressed, size);
  free(compressed);
  fuzz_require(plain_read == unpacked_read, "either the plain or the gzipped file was refused");
  if (plain_read) {
    size_t count = plain.sizes[0] * plain.sizes[1] * plain.sizes[2];
    fuzz_require(memcmp(plain.sizes, unpacked.sizes, sizeof plain.sizes) == 0, "the sizes differ");
    fuzz_require(memcmp(plain.bytes, unpacked.bytes, count) == 0, "the bytes differ");
  }
  gan_idx_free(&plain);
  gan_idx_free(&unpacked);
}
