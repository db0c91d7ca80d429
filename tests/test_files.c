/* Pictures, films and arrays, read back by libpng and giflib, or byte by byte as their format says. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gif_lib.h>
#include <png.h>
#include <zlib.h>

#include "gan/npy.h"
#include "gan/picture.h"
#include "gan/scatter.h"
#include "nn/file.h"

static char folder[] = "/tmp/test_files_XXXXXX";

static const char *path_of(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void assert_absent(const char *name) { assert_int_not_equal(access(path_of(name), F_OK), 0); }

/* 5 x 3 pixels, all different. */
static gan_picture small_picture(uint8_t *pixels, uint8_t first) {
  for (int i = 0; i < 15; i++) pixels[i] = (uint8_t)(first + 16 * i);
  return (gan_picture){.width = 5, .height = 3, .pixels = pixels};
}

static void grid_places_and_enlarges_images(void **state) {
  (void)state;
  enum { GAP = 4, STEP = 2 * 2 + GAP };
  ag_real values[5 * 4]; /* 5 images of 2 x 2; the first reaches out of [0, 1] */
  for (int i = 0; i < 20; i++) values[i] = (ag_real)0.2 * (ag_real)(i / 4);
  values[0] = -1;
  values[3] = 7;
  gan_picture picture;
  assert_true(gan_picture_grid(&picture, ag_from(AG_SHAPE(5, 2, 2, 1), values)));
  assert_int_equal(picture.width, GAP + 3 * STEP); /* 3 columns, 2 rows */
  assert_int_equal(picture.height, GAP + 2 * STEP);
  const uint8_t *first = picture.pixels + GAP * picture.width + GAP;
  assert_int_equal(first[0], 0);
  assert_int_equal(first[1], 0);
  assert_int_equal(first[3 * picture.width + 3], 255);
  const uint8_t *fifth = picture.pixels + (GAP + STEP) * picture.width + GAP + STEP;
  assert_int_equal(fifth[0], 204);
  assert_int_equal(fifth[3 * picture.width + 3], 204);
  gan_picture_free(&picture);
  assert_false(gan_picture_grid(&picture, ag_zeros(AG_SHAPE(5, 2, 2, 3))));
  assert_error(AG_ERROR_SHAPE, "[5, 2, 2, 3]");
}

static void rows_are_as_long_and_pixels_as_large_as_asked(void **state) {
  (void)state;
  enum { GAP = 4, STEP = 3 + GAP };
  const ag_real values[] = {0.2, 0.4, 0.6, 0.8, 1};
  ag_tensor *images = ag_from(AG_SHAPE(5, 1, 1), values);
  gan_picture picture;
  assert_true(gan_picture_rows(&picture, images, 2, 3));
  assert_true(picture.width == GAP + 2 * STEP && picture.height == GAP + 3 * STEP);
  for (size_t i = 0; i < 5; i++) {
    const uint8_t *first = picture.pixels + (GAP + i / 2 * STEP) * picture.width + GAP + i % 2 * STEP;
    assert_true(first[0] == 51 * (i + 1) && first[2 * picture.width + 2] == 51 * (i + 1));
    assert_int_equal(first[3], 64); /* the gap */
  }
  gan_picture_free(&picture);
  assert_false(gan_picture_rows(&picture, images, 0, 3));
  assert_error(AG_ERROR_ARGUMENT, "a size");
}

static uint8_t pixel_at(const gan_picture *picture, int x, int y) { return picture->pixels[y * 400 + x]; }

/* [-2, 2]^2 in 400 pixels: a unit is 100, (0, 0) the corner of four pixels, (0.005, -0.005) the middle of one. */
static void scatter_puts_points_where_they_are(void **state) {
  (void)state;
  const ag_real real[] = {-1, 1, 0, 0};
  const ag_real generated[] = {0.005, -0.005, 1.005, -1.505, (ag_real)NAN, 0, 3, 0, 0, -INFINITY};
  gan_picture picture;
  assert_true(gan_picture_scatter(&picture, ag_from(AG_SHAPE(2, 2), real), ag_from(AG_SHAPE(5, 2), generated), 2));
  assert_true(picture.width == 400 && picture.height == 400);
  uint8_t dim = pixel_at(&picture, 100, 100);
  assert_true(dim > 60 && dim < 130);                  /* real, to the left and up */
  assert_int_equal(pixel_at(&picture, 300, 350), 255); /* generated, to the right and down */
  assert_int_equal(pixel_at(&picture, 200, 200), 255); /* generated upon real */
  assert_int_equal(pixel_at(&picture, 202, 200), dim); /* with the real one around it */
  size_t lit = 0;
  for (int y = 0; y < 400; y++)
    for (int x = 0; x < 400; x++) lit += pixel_at(&picture, x, y) > 0;
  assert_in_range(lit, 2 * 50 + 3, 2 * 64 + 9); /* and nothing else: discs of radius 4 to 4.5, one of 1 to 1.5 */
  gan_picture_free(&picture);
}

static void scatter_does_not_depend_on_the_order_of_points(void **state) {
  (void)state;
  enum { COUNT = 2500 };
  ag_rng rng = ag_rng_seed(3);
  ag_tensor *real = ag_normal(&rng, AG_SHAPE(COUNT, 2), 0, 1), *generated = ag_normal(&rng, AG_SHAPE(COUNT, 2), 0, 1);
  ag_real *backwards;
  ag_tensor *reversed = ag_make(AG_SHAPE(COUNT, 2), &backwards);
  for (int i = 0; i < COUNT; i++)
    memcpy(&backwards[2 * i], &ag_data(generated)[2 * (COUNT - 1 - i)], 2 * sizeof(ag_real));
  gan_picture one, other;
  assert_true(gan_picture_scatter(&one, real, generated, 4) && gan_picture_scatter(&other, real, reversed, 4));
  assert_memory_equal(one.pixels, other.pixels, 400 * 400);
  gan_picture_free(&one);
  gan_picture_free(&other);
}

static void scatter_refuses_what_are_no_points(void **state) {
  (void)state;
  ag_tensor *points = ag_zeros(AG_SHAPE(4, 2));
  gan_picture picture;
  assert_false(gan_picture_scatter(&picture, points, ag_zeros(AG_SHAPE(4, 3)), 1));
  assert_error(AG_ERROR_SHAPE, "[4, 3], expected [N, 2]");
  for (int i = 0; i < 3; i++) {
    assert_false(gan_picture_scatter(&picture, points, points, (double[]){0, NAN, INFINITY}[i]));
    assert_error(AG_ERROR_ARGUMENT, "expected a positive number");
  }
}

/* A grey picture of 5 x 3 pixels whose first chunk behind the header claims a byte more than the file has. */
static void png_that_claims_more_than_the_file_is_refused(void **state) {
  (void)state;
  enum { HEADER = 33, CHECKSUM = 4 };
  uint8_t pixels[15], bytes[512];
  gan_picture picture = small_picture(pixels, 3), read;
  assert_true(gan_png_write(path_of("whole.png"), &picture));
  assert_true(gan_png_read(path_of("whole.png"), &read));
  assert_memory_equal(read.pixels, pixels, sizeof pixels);
  gan_picture_free(&read);
  FILE *file = fopen(path_of("whole.png"), "rb");
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  assert_int_equal(truncate(path_of("whole.png"), (off_t)size - 12), 0); /* the end mark */
  assert_false(gan_png_read(path_of("whole.png"), &read));
  assert_error(AG_ERROR_FILE, "no PNG, or cut off");
  size_t claimed = size - HEADER - 8 - CHECKSUM + 1;
  memcpy(bytes + HEADER, (uint8_t[]){0, 0, (uint8_t)(claimed >> 8), (uint8_t)claimed}, 4);
  memcpy(bytes + HEADER + 4, "zTXt", 4);
  file = fopen(path_of("claims.png"), "wb");
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
  assert_false(gan_png_read(path_of("claims.png"), &read));
  assert_error(AG_ERROR_FILE, "no PNG, or cut off");
  assert_int_equal(truncate(path_of("claims.png"), HEADER + 8), 0); /* the head of a chunk, and nothing behind it */
  assert_false(gan_png_read(path_of("claims.png"), &read));
  assert_error(AG_ERROR_FILE, "no PNG, or cut off");
  remove(path_of("whole.png"));
  remove(path_of("claims.png"));
}

static void png_of_too_many_pixels_is_refused(void **state) {
  (void)state;
  enum { HEADER = 33, CHUNK = 12, WIDTH = 16, CHECKSUM = 29 };
  uint8_t pixels[15], header[HEADER];
  gan_picture picture = small_picture(pixels, 3), read;
  assert_true(gan_png_write(path_of("a.png"), &picture));
  FILE *file = fopen(path_of("a.png"), "rb+");
  assert_true(file && fread(header, 1, HEADER, file) == HEADER);
  memcpy(header + WIDTH, (uint8_t[]){0, 0, 9000 >> 8, 9000 & 255, 0, 0, 9000 >> 8, 9000 & 255}, 8);
  uint32_t checksum = (uint32_t)crc32(0, header + CHUNK, CHECKSUM - CHUNK);
  for (int i = 0; i < 4; i++) header[CHECKSUM + i] = (uint8_t)(checksum >> (24 - 8 * i));
  assert_int_equal(fseek(file, 0, SEEK_SET), 0);
  assert_int_equal(fwrite(header, 1, HEADER, file), HEADER);
  fclose(file);
  int before = dup(0);
  close(before);
  assert_false(gan_png_read(path_of("a.png"), &read));
  assert_error(AG_ERROR_FILE, "is 9000 x 9000 pixels, expected at most 67108864 in all");
  int after = dup(0);
  close(after);
  assert_int_equal(after, before); /* the file was closed */
}

static void png_reads_back(void **state) {
  (void)state;
  uint8_t pixels[15], read[15];
  gan_picture picture = small_picture(pixels, 3);
  assert_true(gan_png_write(path_of("a.png"), &picture));
  png_image image = {.version = PNG_IMAGE_VERSION};
  assert_true(png_image_begin_read_from_file(&image, path_of("a.png")));
  assert_int_equal(image.width, 5);
  assert_int_equal(image.height, 3);
  assert_int_equal(image.format, PNG_FORMAT_GRAY);
  assert_true(png_image_finish_read(&image, NULL, read, 0, NULL));
  assert_memory_equal(read, pixels, sizeof pixels);
  assert_absent("a.png.part");
}

static void assert_frame(const SavedImage *frame, const uint8_t *pixels) {
  assert_int_equal(frame->ImageDesc.Width, 5);
  assert_int_equal(frame->ImageDesc.Height, 3);
  assert_memory_equal(frame->RasterBits, pixels, 15);
}

static void gif_reads_back(void **state) {
  (void)state;
  uint8_t pixels[2][15];
  gan_picture frames[] = {small_picture(pixels[0], 3), small_picture(pixels[1], 5)};
  assert_true(gan_gif_write(path_of("a.gif"), 2, frames, 0.5));
  GifFileType *gif = DGifOpenFileName(path_of("a.gif"), NULL);
  assert_non_null(gif);
  assert_int_equal(DGifSlurp(gif), GIF_OK);
  assert_int_equal(gif->ImageCount, 2);
  assert_frame(&gif->SavedImages[0], pixels[0]);
  assert_frame(&gif->SavedImages[1], pixels[1]);
  for (int i = 0; i < 256; i++) {
    GifColorType color = gif->SColorMap->Colors[i];
    assert_true(color.Red == i && color.Green == i && color.Blue == i);
  }
  GraphicsControlBlock control;
  assert_int_equal(DGifSavedExtensionToGCB(gif, 0, &control), GIF_OK);
  assert_int_equal(control.DelayTime, 50);
  assert_int_equal(DGifSavedExtensionToGCB(gif, 1, &control), GIF_OK); /* the last stays four times as long */
  assert_int_equal(control.DelayTime, 200);
  const SavedImage *first = &gif->SavedImages[0]; /* what stands before the first frame: the loop, without an end */
  assert_int_equal(first->ExtensionBlocks[0].Function, APPLICATION_EXT_FUNC_CODE);
  assert_memory_equal(first->ExtensionBlocks[0].Bytes, "NETSCAPE2.0", 11);
  assert_memory_equal(first->ExtensionBlocks[1].Bytes, "\1\0\0", 3);
  DGifCloseFile(gif, NULL);
}

static void gif_refuses_frames_of_two_sizes_and_those_that_stay_too_long(void **state) {
  (void)state;
  uint8_t pixels[2][15];
  gan_picture frames[] = {small_picture(pixels[0], 3), small_picture(pixels[1], 5)};
  frames[1].height = 2;
  assert_false(gan_gif_write(path_of("b.gif"), 2, frames, 0.5));
  assert_error(AG_ERROR_SHAPE, "frame 1 is 5 x 2 pixels, expected 5 x 3");
  frames[1] = (gan_picture){.width = 4, .height = 3, .pixels = pixels[1]};
  assert_false(gan_gif_write(path_of("b.gif"), 2, frames, 0.5));
  assert_error(AG_ERROR_SHAPE, "frame 1 is 4 x 3 pixels, expected 5 x 3");
  assert_false(gan_gif_write(path_of("b.gif"), 1, frames, 164)); /* four times as long is over 16 bits */
  assert_error(AG_ERROR_ARGUMENT, "frames of 164 seconds, expected 0 to 163");
  assert_absent("b.gif");
}

static void npy_is_numpys_format(void **state) {
  (void)state;
  const ag_real values[] = {0, 1, 0.5, 0.25, -2, 3};
  assert_true(gan_npy_write(path_of("a.npy"), ag_from(AG_SHAPE(1, 2, 3, 1), values)));
  unsigned char bytes[256];
  FILE *file = fopen(path_of("a.npy"), "rb");
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  assert_int_equal(size, 128 + 6 * 4);
  assert_memory_equal(bytes, "\x93NUMPY\1\0\x76\0", 10); /* 10 + 0x76 = 128 */
  static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }";
  assert_memory_equal(bytes + 10, header, sizeof header - 1);
  for (size_t i = 10 + sizeof header - 1; i < 127; i++) assert_int_equal(bytes[i], ' ');
  assert_int_equal(bytes[127], '\n');
  /* 0, 1, 0.5, 0.25, -2, 3 in IEEE 754, the low byte first */
  static const unsigned char floats[] = {0, 0, 0,    0,    0, 0, 0x80, 0x3f, 0, 0, 0,    0x3f,
                                         0, 0, 0x80, 0x3e, 0, 0, 0,    0xc0, 0, 0, 0x40, 0x40};
  assert_memory_equal(bytes + 128, floats, sizeof floats);
}

static bool write_png(const char *path) {
  uint8_t pixels[15];
  gan_picture picture = small_picture(pixels, 0);
  return gan_png_write(path, &picture);
}

static bool write_gif(const char *path) {
  uint8_t pixels[15];
  gan_picture picture = small_picture(pixels, 0);
  return gan_gif_write(path, 1, &picture, 0.5);
}

static bool write_npy(const char *path) { return gan_npy_write(path, ag_zeros(AG_SHAPE(20, 28, 28))); }

static void a_full_disk_and_a_missing_folder_are_errors(void **state) {
  (void)state;
  bool (*const writers[])(const char *path) = {write_png, write_gif, write_npy};
  for (size_t i = 0; i < 3; i++) {
    assert_false(writers[i]("/dev/full"));
    assert_error(AG_ERROR_FILE, "/dev/full: cannot be written: No space left on device");
    assert_false(writers[i](path_of("missing/picture")));
    assert_error(AG_ERROR_FILE, "missing/picture: cannot be written: No such file or directory");
  }
}

static void a_write_that_failed_unseen_is_told_in_the_end(void **state) {
  (void)state;
  nn_file file;
  assert_true(nn_file_create(&file, "/dev/full"));
  setvbuf(file.stream, NULL, _IONBF, 0); /* so that nothing is left to fail when the file is closed */
  assert_int_equal(fputc('x', file.stream), EOF);
  assert_false(nn_file_close(&file, true));
  assert_error(AG_ERROR_FILE, "/dev/full: cannot be written: No space left on device");
}

static void a_failed_write_leaves_the_old_file(void **state) {
  (void)state;
  assert_true(write_png(path_of("kept.png")));
  struct stat before, after;
  assert_int_equal(stat(path_of("kept.png"), &before), 0);
  assert_int_equal(symlink("/dev/full", path_of("kept.png.part")), 0); /* the temporary file meets a full disk */
  assert_false(write_png(path_of("kept.png")));
  assert_error(AG_ERROR_FILE, "No space left on device");
  assert_int_equal(stat(path_of("kept.png"), &after), 0);
  assert_int_equal(before.st_ino, after.st_ino);
  assert_int_equal(before.st_size, after.st_size);
  assert_absent("kept.png.part");
}

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
  (void)state;
  static const char *const left[] = {"a.png", "a.gif", "a.npy", "kept.png"};
  for (size_t i = 0; i < sizeof left / sizeof *left; i++) remove(path_of(left[i]));
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(grid_places_and_enlarges_images),
      TEST(rows_are_as_long_and_pixels_as_large_as_asked),
      TEST(scatter_puts_points_where_they_are),
      TEST(scatter_does_not_depend_on_the_order_of_points),
      TEST(scatter_refuses_what_are_no_points),
      TEST(png_reads_back),
      TEST(png_that_claims_more_than_the_file_is_refused),
      TEST(png_of_too_many_pixels_is_refused),
      TEST(gif_reads_back),
      TEST(gif_refuses_frames_of_two_sizes_and_those_that_stay_too_long),
      TEST(npy_is_numpys_format),
      TEST(a_full_disk_and_a_missing_folder_are_errors),
      TEST(a_write_that_failed_unseen_is_told_in_the_end),
      TEST(a_failed_write_leaves_the_old_file),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
