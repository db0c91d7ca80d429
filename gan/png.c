#include <png.h>

#include "gan/file.h"
#include "gan/picture.h"

bool gan_png_write(const char *path, const gan_picture *picture) {
  if (!path || !picture || !picture->pixels) return ag_fail_null("gan_png_write", "path or picture");
  enum { LARGEST = 1000000 /* libpng's own limit */ };
  if (picture->width > LARGEST || picture->height > LARGEST)
    return ag_fail(AG_ERROR_SHAPE, "%s: %zu x %zu pixels, expected at most %d a side", path, picture->width,
                   picture->height, LARGEST);
  gan_file file;
  if (!gan_file_create(&file, path)) return false;
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .format = PNG_FORMAT_GRAY,
                     .width = (png_uint_32)picture->width,
                     .height = (png_uint_32)picture->height};
  return gan_file_close(&file, png_image_write_to_stdio(&image, file.stream, 0, picture->pixels, 0, NULL));
}

bool gan_png_read(const char *path, gan_picture *picture) {
  enum { MOST_PIXELS = 1 << 26 };
  if (!path || !picture) return ag_fail_null("gan_png_read", "path or picture");
  png_image image = {.version = PNG_IMAGE_VERSION};
  bool read = png_image_begin_read_from_file(&image, path);
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
