#include <errno.h>
#include <png.h>
#include <string.h>

#include "gan/picture.h"
#include "nn/file.h"

bool gan_png_write(const char *path, const gan_picture *picture) {
  if (!path || !picture || !picture->pixels) return ag_fail_null("gan_png_write", "path or picture");
  enum { LARGEST = 1000000 /* libpng's own limit */ };
  if (picture->width > LARGEST || picture->height > LARGEST)
    return ag_fail(AG_ERROR_SHAPE, "%s: %zu x %zu pixels, expected at most %d a side", path, picture->width,
                   picture->height, LARGEST);
  nn_file file;
  if (!nn_file_create(&file, path)) return false;
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .format = PNG_FORMAT_GRAY,
                     .width = (png_uint_32)picture->width,
                     .height = (png_uint_32)picture->height};
  return nn_file_close(&file, png_image_write_to_stdio(&image, file.stream, 0, picture->pixels, 0, NULL));
}

static uint32_t read_word(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Whether all chunks lie within the file, and the last is the end mark: libpng takes memory for what a chunk claims to
 * hold, and sees only then whether it is there. */
static bool chunks_fit(FILE *file) {
  enum { SIGNATURE = 8, HEAD = 8, CHECKSUM = 4 };
  uint8_t head[HEAD] = {0};
  if (fseek(file, 0, SEEK_END) != 0) return false;
  long end = ftell(file), at = SIGNATURE;
  while (at < end && memcmp(head + 4, "IEND", 4) != 0) {
    if (fseek(file, at, SEEK_SET) != 0 || fread(head, 1, HEAD, file) != HEAD) return false;
    int64_t left = (int64_t)end - at - HEAD - CHECKSUM, length = read_word(head);
    if (length > left) return false;
    at += (long)(HEAD + length + CHECKSUM);
  }
  return memcmp(head + 4, "IEND", 4) == 0 && fseek(file, 0, SEEK_SET) == 0;
}

static bool read_picture(const char *path, FILE *file, gan_picture *picture) {
  enum { MOST_PIXELS = 1 << 26 };
  png_image image = {.version = PNG_IMAGE_VERSION};
  bool read = png_image_begin_read_from_stdio(&image, file);
  if (read && (uint64_t)image.width * image.height > MOST_PIXELS) {
    png_image_free(&image);
    return ag_fail(AG_ERROR_FILE, "%s: is %u x %u pixels, expected at most %d in all", path, image.width, image.height,
                   MOST_PIXELS);
  }
  image.format = PNG_FORMAT_GRAY;
  *picture = (gan_picture){.width = image.width, .height = image.height};
  if (read && !(picture->pixels = ag_allocate(image.width, image.height))) return png_image_free(&image), false;
  if (read && png_image_finish_read(&image, NULL, picture->pixels, 0, NULL)) return true;
  gan_picture_free(picture);
  return ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", path, image.message);
}

bool gan_png_read(const char *path, gan_picture *picture) {
  if (!path || !picture) return ag_fail_null("gan_png_read", "path or picture");
  FILE *file = fopen(path, "rb");
  if (!file) return ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  bool fits = chunks_fit(file);
  if (!fits) ag_fail(AG_ERROR_FILE, "%s: cannot be read: it is no PNG, or cut off", path);
  bool read = fits && read_picture(path, file, picture);
  fclose(file);
  return read;
}
