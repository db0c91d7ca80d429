#include <string.h>

#include "gan/file.h"
#include "gan/picture.h"

/* numpy.org/doc/stable/reference/generated/numpy.lib.format.html: magic, version 1.0, the length of the header as two
 * bytes, the header padded so that the data starts at a multiple of 64. */
static bool put_header(FILE *stream, ag_shape shape) {
  enum { START = 10, ROOM = 192 - START };
  char header[ROOM + 1];
  int length =
      snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld, %lld), }",
               (long long)shape.sizes[0], (long long)shape.sizes[1], (long long)shape.sizes[2]);
  int padded = (START + length + 1 + 63) / 64 * 64 - START;
  memset(header + length, ' ', (size_t)(padded - length));
  header[padded - 1] = '\n';
  const unsigned char start[START] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)padded, 0};
  return fwrite(start, 1, START, stream) == START && fwrite(header, 1, (size_t)padded, stream) == (size_t)padded;
}

static bool put_floats(FILE *stream, const ag_real *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float value = (float)values[i];
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const unsigned char little_endian[4] = {(unsigned char)bits, (unsigned char)(bits >> 8),
                                            (unsigned char)(bits >> 16), (unsigned char)(bits >> 24)};
    if (fwrite(little_endian, 1, 4, stream) != 4) return false;
  }
  return true;
}

bool gan_npy_write(const char *path, const ag_tensor *images) {
  if (!path || !images) return ag_fail_null("gan_npy_write", "path or images");
  ag_shape shape = ag_shape_of(images);
  if (shape.rank != 3 && !(shape.rank == 4 && shape.sizes[3] == 1))
    return ag_fail(AG_ERROR_SHAPE, "%s: images are %s, expected [N, H, W] or [N, H, W, 1]", path,
                   ag_shape_print(shape).text);
  gan_file file;
  if (!gan_file_create(&file, path)) return false;
  bool put = put_header(file.stream, shape) && put_floats(file.stream, ag_data(images), ag_size(images));
  return gan_file_close(&file, put);
}
