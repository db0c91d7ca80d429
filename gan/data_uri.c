#include "gan/data_uri.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "autograd/autograd.h"

/* 1 to 3 bytes as 4 letters. */
static void put_letters(FILE *stream, const unsigned char *bytes, size_t count) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t bits = (uint32_t)bytes[0] << 16;
  if (count > 1) bits |= (uint32_t)bytes[1] << 8;
  if (count > 2) bits |= bytes[2];
  for (size_t i = 0; i < 4; i++) fputc(i <= count ? alphabet[bits >> (18 - 6 * i) & 63] : '=', stream);
}

static void put_base64(FILE *stream, FILE *file) {
  unsigned char bytes[3];
  for (size_t count; (count = fread(bytes, 1, sizeof bytes, file)) > 0;) put_letters(stream, bytes, count);
}

static bool put_picture(FILE *stream, FILE *file, const char *path) {
  unsigned char start[8] = {0};
  size_t count = fread(start, 1, sizeof start, file);
  bool png = count == sizeof start && memcmp(start, "\x89PNG\r\n\x1a\n", sizeof start) == 0;
  bool gif = memcmp(start, "GIF8", 4) == 0;
  if (!png && !gif && !ferror(file)) return ag_fail(AG_ERROR_FILE, "%s: is no picture, expected a PNG or a GIF", path);
  rewind(file);
  fprintf(stream, "data:image/%s;base64,", png ? "png" : "gif");
  put_base64(stream, file);
  return !ferror(file) || ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", path, strerror(errno));
}

bool gan_data_uri_write(FILE *stream, const char *path) {
  if (!stream || !path) return ag_fail_null("gan_data_uri_write", "stream or path");
  FILE *file = fopen(path, "rb");
  if (!file) return ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  bool put = put_picture(stream, file, path);
  fclose(file);
  return put;
}
