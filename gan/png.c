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
