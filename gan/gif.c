#include <gif_lib.h>
#include <math.h>

#include "gan/picture.h"
#include "nn/file.h"

enum { GREYS = 256, GREY_BITS = 8, LAST_FRAME_LASTS = 4 /* times as long */ };
enum { LONGEST = UINT16_MAX / 100 / LAST_FRAME_LASTS }; /* seconds: 16 bits count hundredths */

static int write_bytes(GifFileType *gif, const GifByteType *bytes, int count) {
  return (int)fwrite(bytes, 1, (size_t)count, (FILE *)gif->UserData);
}

/* Size, palette, and the extension by which browsers loop for ever. */
static bool put_start(GifFileType *gif, const gan_picture *frame) {
  GifColorType colors[GREYS];
  for (int i = 0; i < GREYS; i++) colors[i] = (GifColorType){(GifByteType)i, (GifByteType)i, (GifByteType)i};
  ColorMapObject *palette = GifMakeMapObject(GREYS, colors);
  if (!palette) return false;
  EGifSetGifVersion(gif, true);
  bool put = EGifPutScreenDesc(gif, (int)frame->width, (int)frame->height, GREY_BITS, 0, palette) &&
             EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) && EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") &&
             EGifPutExtensionBlock(gif, 3, "\1\0\0") && EGifPutExtensionTrailer(gif);
  GifFreeMapObject(palette);
  return put;
}

static bool put_frame(GifFileType *gif, const gan_picture *frame, double seconds) {
  GraphicsControlBlock control = {.DelayTime = (int)lround(seconds * 100), .TransparentColor = NO_TRANSPARENT_COLOR};
  GifByteType bytes[4];
  size_t length = EGifGCBToExtension(&control, bytes);
  if (!EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, (int)length, bytes) ||
      !EGifPutImageDesc(gif, 0, 0, (int)frame->width, (int)frame->height, false, NULL))
    return false;
  for (size_t y = 0; y < frame->height; y++)
    if (!EGifPutLine(gif, frame->pixels + y * frame->width, (int)frame->width)) return false;
  return true;
}

static bool put_film(FILE *stream, size_t count, const gan_picture *frames, double seconds) {
  GifFileType *gif = EGifOpen(stream, write_bytes, NULL);
  if (!gif) return false;
  bool put = put_start(gif, frames);
  for (size_t i = 0; put && i < count; i++)
    put = put_frame(gif, &frames[i], i + 1 < count ? seconds : LAST_FRAME_LASTS * seconds);
  return EGifCloseFile(gif, NULL) && put;
}

bool gan_gif_write(const char *path, size_t count, const gan_picture *frames, double seconds) {
  if (!path || !frames || !count) return ag_fail_null("gan_gif_write", "path or frames");
  if (!(seconds >= 0 && seconds <= LONGEST))
    return ag_fail(AG_ERROR_ARGUMENT, "%s: frames of %g seconds, expected 0 to %d", path, seconds, LONGEST);
  for (size_t i = 0; i < count; i++)
    if (!frames[i].pixels || frames[i].width != frames->width || frames[i].height != frames->height ||
        frames->width > UINT16_MAX || frames->height > UINT16_MAX)
      return ag_fail(AG_ERROR_SHAPE,
                     "%s: frame %zu is %zu x %zu pixels, expected %zu x %zu as the first, at most %d a "
                     "side",
                     path, i, frames[i].width, frames[i].height, frames->width, frames->height, UINT16_MAX);
  nn_file file;
  return nn_file_create(&file, path) && nn_file_close(&file, put_film(file.stream, count, frames, seconds));
}
