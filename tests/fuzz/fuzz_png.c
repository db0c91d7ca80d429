/* Pictures for a film, as they are and with every checksum put right, so that mutations reach what lies behind those.
 * What was read, written and read again is the same. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "gan/picture.h"
#include "tests/fuzz/fuzz.h"

enum { MOST_PIXELS = 1 << 26 };

static void check_round_trip(const gan_picture *picture) {
  static const char path[] = "written.png";
  gan_picture again;
  fuzz_require(gan_png_write(path, picture), "what was read cannot be written");
  fuzz_require(gan_png_read(path, &again), "what was written cannot be read");
  bool same = again.width == picture->width && again.height == picture->height &&
              memcmp(again.pixels, picture->pixels, again.width * again.height) == 0;
  fuzz_require(same, "the pictures differ");
  gan_picture_free(&again);
}

static void check_read(const uint8_t *bytes, size_t size) {
  const char *path = fuzz_file(bytes, size);
  gan_picture picture;
  if (!fuzz_outcome(gan_png_read(path, &picture), path)) return;
  fuzz_require(picture.width > 0 && picture.height > 0, "the picture is empty");
  fuzz_require(picture.width <= MOST_PIXELS / picture.height, "the picture has too many pixels");
  fuzz_touch(picture.pixels, picture.width * picture.height);
  check_round_trip(&picture);
  gan_picture_free(&picture);
}

static uint32_t read_word(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A chunk is its length, 4 letters, as many bytes as the length says and the checksum of all but the length. */
static void right_checksums(uint8_t *bytes, size_t size) {
  enum { SIGNATURE = 8, WORD = 4, AROUND = 3 * WORD };
  for (size_t at = SIGNATURE, length; at + AROUND <= size; at += AROUND + length) {
    length = read_word(bytes + at);
    if (length > size - at - AROUND) return;
    uint8_t *checksum = bytes + at + 2 * WORD + length;
    uint32_t right = (uint32_t)crc32(0, bytes + at + WORD, (uInt)(WORD + length));
    for (int i = 0; i < WORD; i++) checksum[i] = (uint8_t)(right >> (24 - 8 * i));
  }
}

void fuzz_one(const uint8_t *bytes, size_t size) {
  check_read(bytes, size);
  uint8_t *righted = malloc(size + 1);
  fuzz_require(righted, "there is no memory for the file");
  if (size > 0) memcpy(righted, bytes, size);
  right_checksums(righted, size);
  check_read(righted, size);
  free(righted);
}
