/* The IDX reader: what it reads, and that it refuses everything else with a sentence. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "gan/idx.h"

static char folder[] = "/tmp/test_idx_XXXXXX";

static const char *path_of(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static const char *write_file(const char *name, const void *bytes, size_t count) {
  const char *path = path_of(name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, count, file), count);
  assert_int_equal(fclose(file), 0);
  return path;
}

static const char *write_gzip(const char *name, const void *bytes, size_t count) {
  const char *path = path_of(name);
  gzFile file = gzopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(gzwrite(file, bytes, (unsigned)count), count);
  assert_int_equal(gzclose(file), Z_OK);
  return path;
}

/* Two images of 2 x 3. */
static const uint8_t images[] = {0, 0, 8,  3,  0,  0,  0,  2,  0,  0,  0,  2,  0,  0,
                                 0, 3, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 255};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
enum { HEADER = 16 };

static void assert_refused(const char *path, int rank, const char *text) {
  gan_idx idx;
  assert_false(gan_idx_read(&idx, path, rank));
  assert_null(idx.bytes);
  assert_non_null(strstr(ag_error_message(), path));
  assert_error(AG_ERROR_FILE, text);
}

static void assert_two_images(const char *path) {
  gan_idx idx;
  assert_true(gan_idx_read(&idx, path, 3));
  assert_int_equal(idx.sizes[0], 2);
  assert_int_equal(idx.sizes[1], 2);
  assert_int_equal(idx.sizes[2], 3);
  assert_memory_equal(idx.bytes, images + HEADER, sizeof images - HEADER);
  gan_idx_free(&idx);
}

static void reads_plain_and_gzipped_files(void **state) {
  (void)state;
  assert_two_images(write_file("plain", images, sizeof images));
  assert_two_images(write_gzip("gzipped", images, sizeof images));
}

static void refuses_what_is_no_file(void **state) {
  (void)state;
  assert_refused(path_of("missing"), 3, "No such file");
  assert_refused(folder, 3, "no regular file");
  assert_refused(write_file("empty", "", 0), 3, "is empty");
  assert_refused(write_file("text", "not an IDX file", 15), 3, "magic number 00000803");
}

static void refuses_another_rank_or_type(void **state) {
  (void)state;
  assert_refused(write_file("images", images, sizeof images), 1, "magic number 00000801");
  assert_refused(write_file("labels", labels, sizeof labels), 3, "magic number 00000803");
  uint8_t floats[sizeof images];
  memcpy(floats, images, sizeof images);
  floats[2] = 0x0d;
  assert_refused(write_file("floats", floats, sizeof floats), 3, "00000d03");
}

static void refuses_every_truncated_length(void **state) {
  (void)state;
  for (size_t length = 1; length < sizeof images; length++) {
    gan_idx idx;
    assert_false(gan_idx_read(&idx, write_file("short", images, length), 3));
    assert_int_equal(ag_error_kind(), AG_ERROR_FILE);
    ag_error_clear();
  }
}

static void refuses_every_truncated_length_of_a_gzip(void **state) {
  (void)state;
  uint8_t bytes[256];
  FILE *file = fopen(write_gzip("whole.gz", images, sizeof images), "rb");
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  for (size_t length = 1; length < size; length++) {
    gan_idx idx;
    assert_false(gan_idx_read(&idx, write_file("short.gz", bytes, length), 3));
    assert_int_equal(ag_error_kind(), AG_ERROR_FILE);
    ag_error_clear();
  }
  bytes[size - 5] ^= 1; /* in the checksum */
  assert_refused(write_file("damaged.gz", bytes, size), 3, "damaged");
}

static size_t append_gzip(uint8_t *to, const void *bytes, size_t count) {
  FILE *file = fopen(write_gzip("part.gz", bytes, count), "rb");
  size_t size = fread(to, 1, 256, file);
  fclose(file);
  return size;
}

static void reads_a_gzip_in_several_parts_and_ignores_what_follows(void **state) {
  (void)state;
  uint8_t bytes[600];
  size_t size = append_gzip(bytes, images, HEADER);
  size += append_gzip(bytes + size, images + HEADER, sizeof images - HEADER);
  assert_two_images(write_file("parts.gz", bytes, size));
  memcpy(bytes + size, "garbage", 7);
  assert_two_images(write_file("parts.gz", bytes, size + 7));
}

static void refuses_bytes_left_over(void **state) {
  (void)state;
  uint8_t longer[sizeof images + 1] = {0};
  memcpy(longer, images, sizeof images);
  assert_refused(write_file("longer", longer, sizeof longer), 3, "goes on after the 12 bytes");
  assert_refused(write_gzip("longer.gz", longer, sizeof longer), 3, "goes on after the 12 bytes");
}

static void refuses_a_header_that_promises_too_much_before_taking_memory(void **state) {
  (void)state;
  uint8_t huge[sizeof images];
  memcpy(huge, images, sizeof images);
  memset(huge + 4, 0xff, 12); /* almost 2^96 elements */
  assert_refused(write_file("huge", huge, sizeof huge), 3, "promises more elements");
  assert_refused(write_gzip("huge.gz", huge, sizeof huge), 3, "promises more elements");
  memset(huge + 4, 0, 12);
  huge[4] = huge[8] = huge[12] = 0x10; /* 2^84, whose product wraps around to 0 */
  assert_refused(write_file("wraps", huge, sizeof huge), 3, "promises more elements");
  static const uint8_t wraps_to_12[] = {0x00, 0x0b, 0xbe, 0x0a, 0x00, 0x16, 0xa6, 0x16, 0x02, 0xe3, 0x44, 0x95};
  memcpy(huge + 4, wraps_to_12, 12); /* 769546 x 1484310 x 48448661 = 3 * 2^64 + 12 */
  assert_refused(write_file("wraps", huge, sizeof huge), 3, "promises more elements");
  memset(huge + 4, 0, 12);
  huge[8] = huge[12] = 0x10;
  assert_refused(write_file("zero", huge, sizeof huge), 3, "size 0");
}

/* Images of the names that folders hold. */
static void write_folder(const char *images_name, const char *labels_name, const uint8_t *label_bytes, size_t count) {
  write_gzip(images_name, images, sizeof images);
  write_gzip(labels_name, label_bytes, count);
}

static void clear_folder(const char *images_name, const char *labels_name) {
  remove(path_of(images_name));
  remove(path_of(labels_name));
}

static void finds_each_spelling_of_the_names(void **state) {
  (void)state;
  static const char *const names[][2] = {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
                                         {"train-images.idx3-ubyte", "train-labels.idx1-ubyte"},
                                         {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"},
                                         {"train-images.idx3-ubyte.gz", "train-labels.idx1-ubyte.gz"}};
  for (size_t i = 0; i < 4; i++) {
    write_folder(names[i][0], names[i][1], labels, sizeof labels);
    gan_images loaded;
    assert_true(gan_images_load(&loaded, folder, "train"));
    assert_int_equal(loaded.count, 2);
    assert_int_equal(loaded.labels[1], 9);
    gan_images_free(&loaded);
    clear_folder(names[i][0], names[i][1]);
  }
}

static void refuses_a_folder_that_does_not_fit_together(void **state) {
  (void)state;
  gan_images loaded;
  assert_false(gan_images_load(&loaded, folder, "t10k"));
  assert_error(AG_ERROR_FILE, "holds no t10k-images-idx3-ubyte");
  const uint8_t three[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 9, 1}, ten[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 10};
  write_folder("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", three, sizeof three);
  assert_false(gan_images_load(&loaded, folder, "t10k"));
  assert_error(AG_ERROR_FILE, "3 t10k labels, expected one for each of the 2 images");
  write_folder("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", ten, sizeof ten);
  assert_false(gan_images_load(&loaded, folder, "t10k"));
  assert_error(AG_ERROR_FILE, "label 1 is 10");
  clear_folder("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
}

static void reads_the_digits_of_the_repository(void **state) {
  (void)state;
  gan_images train, test;
  assert_true(gan_images_load(&train, TEST_DATA_DIR "/mnist", "train"));
  assert_true(gan_images_load(&test, TEST_DATA_DIR "/mnist", "t10k"));
  assert_int_equal(train.count, 2000);
  assert_int_equal(test.count, 500);
  assert_int_equal(train.height * train.width, 28 * 28);
  gan_images_free(&train);
  gan_images_free(&test);
}

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
  (void)state;
  static const char *const left[] = {"plain",   "gzipped",  "empty",    "text",       "images",  "labels",    "floats",
                                     "short",   "whole.gz", "short.gz", "damaged.gz", "longer",  "longer.gz", "huge",
                                     "huge.gz", "wraps",    "zero",     "part.gz",    "parts.gz"};
  for (size_t i = 0; i < sizeof left / sizeof *left; i++) remove(path_of(left[i]));
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(reads_plain_and_gzipped_files),
      TEST(refuses_what_is_no_file),
      TEST(refuses_another_rank_or_type),
      TEST(refuses_every_truncated_length),
      TEST(refuses_every_truncated_length_of_a_gzip),
      TEST(reads_a_gzip_in_several_parts_and_ignores_what_follows),
      TEST(refuses_bytes_left_over),
      TEST(refuses_a_header_that_promises_too_much_before_taking_memory),
      TEST(finds_each_spelling_of_the_names),
      TEST(refuses_a_folder_that_does_not_fit_together),
      TEST(reads_the_digits_of_the_repository),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
