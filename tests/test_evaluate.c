/* What judges digits: the Frechet distance against closed forms and NumPy, the figures against counts by hand, the
 * reader of NumPy's files, the classifier and its file. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gan/gan.h"

static char folder[] = "/tmp/test_evaluate_XXXXXX";

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

/* The Frechet distance */

static double distance(size_t dimension, double *mean, double *covariance, double *other_mean,
                       double *other_covariance) {
  gan_gaussian one = {dimension, mean, covariance}, other = {dimension, other_mean, other_covariance};
  double forth = NAN, back = NAN;
  assert_true(gan_frechet_distance(&one, &other, &forth));
  assert_true(gan_frechet_distance(&other, &one, &back));
  assert_true(fabs(forth - back) < 1e-12);
  return forth;
}

/* |m1 - m2|^2 + sum (s1 - s2)^2 for standard deviations s. */
static void distance_of_diagonal_gaussians(void **state) {
  (void)state;
  double mean[] = {1, 0, -2}, covariance[] = {4, 0, 0, 0, 9, 0, 0, 0, 0};
  double other_mean[] = {1, 3, 0}, other_covariance[] = {1, 0, 0, 0, 25, 0, 0, 0, 2.25};
  double expected = 0 + 9 + 4 + 1 + 4 + 2.25;
  assert_true(fabs(distance(3, mean, covariance, other_mean, other_covariance) - expected) < 1e-12);
  assert_true(fabs(distance(3, mean, covariance, mean, covariance)) < 1e-12);
}

/* R diag(a, b) R^T for a rotation by an angle. */
static void rotated(double a, double b, double angle, double *covariance) {
  double c = cos(angle), s = sin(angle);
  covariance[0] = a * c * c + b * s * s;
  covariance[1] = covariance[2] = (a - b) * c * s;
  covariance[3] = a * s * s + b * c * c;
}

/* Two by two, Tr M^1/2 = sqrt(Tr M + 2 sqrt(det M)), here of M = A B, which do not commute. */
static void distance_of_rotated_gaussians(void **state) {
  (void)state;
  double mean[2] = {0}, a[4], b[4];
  rotated(4, 1, 0.3, a);
  rotated(9, 2, 1.1, b);
  double trace = a[0] * b[0] + a[1] * b[2] + a[2] * b[1] + a[3] * b[3];
  double expected = 5 + 11 - 2 * sqrt(trace + 2 * sqrt(4.0 * 1 * 9 * 2));
  assert_true(fabs(distance(2, mean, a, mean, b) - expected) < 1e-12);
  rotated(9, 1, 0.3, b); /* the same axes as a */
  assert_true(fabs(distance(2, mean, a, mean, b) - 1) < 1e-12);
}

static ag_tensor *made_up_samples(int count, int a, int b, int c, int modulus) {
  ag_real *values;
  ag_tensor *samples = ag_make(AG_SHAPE(count, 3), &values);
  for (int i = 0; i < count; i++)
    for (int j = 0; j < 3; j++) values[3 * i + j] = (ag_real)((i * a + j * b + i * j * c + i * i) % modulus) / 4 - 1;
  return samples;
}

/* numpy.mean, numpy.cov(rowvar=False) and sqrt(numpy.linalg.eigvals(C1 @ C2)) of the same samples. */
static void distance_and_fit_agree_with_numpy(void **state) {
  (void)state;
  gan_gaussian one, other;
  assert_true(gan_gaussian_fit(&one, made_up_samples(40, 3, 5, 7, 17)));
  assert_true(gan_gaussian_fit(&other, made_up_samples(30, 5, 2, 1, 11)));
  const double mean[] = {0.475, 1.53125, 0.99375};
  const double covariance[] = {1.4769230769230766,  0.04246794871794873, 0.39246794871794866,
                               0.04246794871794873, 1.4172676282051282,  0.22776442307692307,
                               0.39246794871794866, 0.22776442307692307, 1.1970753205128202};
  for (int i = 0; i < 3; i++) assert_true(fabs(one.mean[i] - mean[i]) < 1e-13);
  for (int i = 0; i < 9; i++) assert_true(fabs(one.covariance[i] - covariance[i]) < 1e-13);
  double squared;
  assert_true(gan_frechet_distance(&one, &other, &squared));
  assert_true(fabs(squared - 3.290109513829309) < 1e-12);
  gan_gaussian_free(&one);
  gan_gaussian_free(&other);
}

/* Three samples of 8 numbers, of rank 2: rounding leaves eigenvalues of 0 on either side of it. */
static void features_that_depend_on_each_other_have_a_distance(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(1);
  for (int i = 0; i < 20; i++) {
    gan_gaussian one, other;
    double itself = NAN, between = NAN;
    assert_true(gan_gaussian_fit(&one, ag_normal(&rng, AG_SHAPE(3, 8), 0, 1)));
    assert_true(gan_gaussian_fit(&other, ag_normal(&rng, AG_SHAPE(3, 8), 0, 1)));
    assert_true(gan_frechet_distance(&one, &one, &itself) && fabs(itself) < 1e-6);
    assert_true(gan_frechet_distance(&one, &other, &between) && between > 0);
    gan_gaussian_free(&one);
    gan_gaussian_free(&other);
  }
}

static void what_has_no_distance_is_an_error(void **state) {
  (void)state;
  gan_gaussian gaussian;
  assert_false(gan_gaussian_fit(&gaussian, ag_zeros(AG_SHAPE(1, 3))));
  assert_error(AG_ERROR_SHAPE, "[1, 3]");
  double mean[2] = {0}, covariance[4] = {1, 0, 0, NAN}, squared;
  gan_gaussian broken = {2, mean, covariance}, narrow = {1, mean, covariance};
  assert_false(gan_frechet_distance(&broken, &broken, &squared));
  assert_error(AG_ERROR_ARGUMENT, "finite");
  assert_false(gan_frechet_distance(&broken, &narrow, &squared));
  assert_error(AG_ERROR_SHAPE, "2 and 1");
  mean[1] = (double)INFINITY;
  covariance[3] = 1;
  assert_false(gan_frechet_distance(&broken, &(gan_gaussian){2, (double[]){0, 0}, covariance}, &squared));
  assert_error(AG_ERROR_ARGUMENT, "finite");
}

static void spread_images_come_from_the_whole_set(void **state) {
  (void)state;
  const gan_images images = {10, 1, 1, (uint8_t[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, NULL};
  assert_values(ag_scale(gan_pixels_spread(&images, 6), 255), AG_SHAPE(6, 1, 1, 1), 0, 1, 3, 5, 6, 8);
  assert_values(ag_scale(gan_pixels_spread(&images, 2), 255), AG_SHAPE(2, 1, 1, 1), 0, 5);
}

/* Figures from probabilities */

/* counts[d] rows whose largest probability, 0.7, is that of digit d. */
static ag_tensor *probabilities_of(const int counts[GAN_DIGITS]) {
  int64_t total = 0;
  for (int d = 0; d < GAN_DIGITS; d++) total += counts[d];
  ag_real *row;
  ag_tensor *probabilities = ag_make(AG_SHAPE(total, GAN_DIGITS), &row);
  for (int d = 0; d < GAN_DIGITS; d++)
    for (int n = 0; n < counts[d]; n++, row += GAN_DIGITS)
      for (int i = 0; i < GAN_DIGITS; i++) row[i] = (ag_real)(i == d ? 0.7 : 0.3 / 9);
  return probabilities;
}

static void even_digits_are_all_covered(void **state) {
  (void)state;
  gan_digit_figures figures;
  assert_true(gan_count_digits(probabilities_of((int[]){3, 3, 3, 3, 3, 3, 3, 3, 3, 3}), &figures));
  assert_int_equal(figures.count, 30);
  assert_int_equal(figures.covered, 10);
  assert_true(fabs(figures.rarest - 0.1) < 1e-12);
  assert_true(fabs(figures.entropy - log(10)) < 1e-12);
  assert_true(fabs(figures.confidence - 0.7) < 1e-6);
}

/* 200 images: 1% is 2 of them. */
static void a_digit_is_covered_from_one_percent_on(void **state) {
  (void)state;
  gan_digit_figures figures;
  assert_true(gan_count_digits(probabilities_of((int[]){100, 0, 1, 2, 97, 0, 0, 0, 0, 0}), &figures));
  assert_int_equal(figures.covered, 3);
  assert_true(figures.rarest == 0);
  assert_true(fabs(figures.shares[3] - 0.01) < 1e-12 && fabs(figures.shares[2] - 0.005) < 1e-12);
  double expected = -0.5 * log(0.5) - 0.005 * log(0.005) - 0.01 * log(0.01) - 0.485 * log(0.485);
  assert_true(fabs(figures.entropy - expected) < 1e-12);
  assert_false(gan_count_digits(ag_zeros(AG_SHAPE(5, 9)), &figures));
  assert_error(AG_ERROR_SHAPE, "[5, 9]");
}

static void of_two_likeliest_digits_the_first_counts(void **state) {
  (void)state;
  gan_digit_figures figures;
  assert_true(gan_count_digits(ag_full(AG_SHAPE(4, GAN_DIGITS), 0.1), &figures));
  assert_true(figures.shares[0] == 1);
}

static void rows_are_written_with_their_names(void **state) {
  (void)state;
  gan_digit_figures d = {.count = 1, .frechet = 2, .covered = 4, .rarest = 0.123456, .entropy = 6, .confidence = NAN};
  gan_mixture_figures m = {.modes = 2, .high_quality = 3, .reverse_kl = 4, .narrowest = 5, .widest = 6};
  const gan_row rows[] = {gan_digit_row(&d, 3), gan_mixture_row(&m, 1)};
  static const char *const expected[] = {
      "samples,frechet,frechet_real,digits,rarest,entropy,confidence: 1,2,3,4,0.123456,6,nan",
      "samples,modes,high_quality,reverse_kl,narrowest,widest: 1,2,3,4,5,6"};
  for (int i = 0; i < 2; i++) {
    char text[128];
    FILE *file = fmemopen(text, sizeof text, "w");
    assert_non_null(file);
    gan_row_write_names(file, &rows[i]);
    fputs(": ", file);
    gan_row_write(file, &rows[i]);
    fclose(file);
    assert_string_equal(text, expected[i]);
  }
}

/* NumPy's files */

/* A file of this version, header and data; the header is not padded, as a reader must not expect. */
static const char *write_npy(int version, const char *header, const void *data, size_t size) {
  unsigned char bytes[1024] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0};
  size_t length = strlen(header), start = version == 1 ? 10 : 12;
  bytes[8] = (unsigned char)length;
  memcpy(bytes + start, header, length);
  memcpy(bytes + start + length, data, size);
  return write_file("array.npy", bytes, start + length + size);
}

/* 0.5, -2, 3, 0.25 */
static const unsigned char floats[] = {0, 0, 0, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x3e};
static const unsigned char doubles[] = {0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 0, 0, 0, 0, 0, 0, 0x08, 0xc0}; /* 0.5, -3 */

static void npy_reads_every_format_and_type(void **state) {
  (void)state;
  static const char single[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
  for (int version = 1; version <= 3; version++)
    assert_values(gan_npy_read(write_npy(version, single, floats, 16)), AG_SHAPE(2, 2), 0.5, -2, 3, 0.25);
  static const char other_order[] = "{'shape':(4,),'fortran_order':False,'descr':'<f4'}";
  assert_values(gan_npy_read(write_npy(1, other_order, floats, 16)), AG_SHAPE(4), 0.5, -2, 3, 0.25);
  static const char wide[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 1, 1), }   \n";
  assert_values(gan_npy_read(write_npy(1, wide, doubles, 16)), AG_SHAPE(1, 2, 1, 1), 0.5, -3);
}

static void npy_reads_what_it_wrote(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(1);
  ag_tensor *images = ag_uniform(&rng, AG_SHAPE(3, 28, 28, 1), 0, 1);
  assert_true(gan_npy_write(path_of("array.npy"), images));
  ag_tensor *read = gan_npy_read(path_of("array.npy"));
  assert_non_null(read);
  assert_true(ag_shape_equal(ag_shape_of(read), AG_SHAPE(3, 28, 28)));
  assert_memory_equal(ag_data(read), ag_data(images), ag_size(images) * sizeof(ag_real));
}

static void assert_refused(const char *path, const char *text) {
  assert_null(gan_npy_read(path));
  assert_non_null(strstr(ag_error_message(), path));
  assert_error(AG_ERROR_FILE, text);
}

static void npy_refuses_headers_that_it_does_not_know(void **state) {
  (void)state;
  static const struct {
    const char *header, *sentence;
  } rows[] = {
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 2), }", "its type is not '<f4' or '<f8'"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", "its type is not '<f4' or '<f8'"},
      {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", "Fortran order"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "its header"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 2, 2), }", "its header"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -2), }", "its header"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 2), }", "its header"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "its header"},
      {"{'descr': '<f4', 'fortran_order': False, }", "its header"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'more': 1}", "its header"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", "its header"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), } x", "its header"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), ", "its header"},
      {"[1]", "its header"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_refused(write_npy(1, rows[i].header, floats, 16), rows[i].sentence);
}

static void npy_refuses_sizes_that_are_not_the_files(void **state) {
  (void)state;
  static const char right[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
  /* 2^60 elements, and products that wrap around to 0, -2, 0 and the right 4. */
  static const char *const wrong[] = {"(3,)",
                                      "(5,)",
                                      "(0, 2)",
                                      "(1152921504606846976,)",
                                      "(4294967296, 4294967296)",
                                      "(9223372036854775807, 2)",
                                      "(4611686018427387904, 2, 2)",
                                      "(4611686018427387905, 4)"};
  assert_refused(write_npy(1, right, floats, 15), "15 bytes follow the header");
  assert_refused(write_npy(1, right, floats, 12), "12 bytes follow the header");
  size_t before = ag_memory_peak();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char header[160];
    snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", wrong[i]);
    assert_refused(write_npy(1, header, floats, 16), i == 2 ? "axis 0 has size 0" : "16 bytes follow the header");
  }
  assert_int_equal(ag_memory_peak(), before);
}

static void npy_refuses_what_is_no_array_file(void **state) {
  (void)state;
  assert_refused(path_of("missing.npy"), "No such file");
  assert_refused(folder, "is no regular file");
  assert_refused(write_file("array.npy", "", 0), "does not start as a NumPy array file does");
  assert_refused(write_file("array.npy", "\x89PNG\r\n\x1a\n", 8), "does not start as a NumPy array file does");
  assert_refused(write_file("array.npy", "\x93NUMPY\1\0\x76", 9), "ends within its header");
  assert_refused(write_file("array.npy", "\x93NUMPY\1\0\x76\0{'descr'", 18), "ends within its header");
  assert_refused(write_file("array.npy", "\x93NUMPY\2\0\xff\xff\xff\xff", 12), "ends within its header");
  assert_refused(write_file("array.npy", "\x93NUMPY\1\0\0\0", 10), "its header is empty");
  assert_refused(write_npy(4, "{}", floats, 16), "format 4.0, expected 1.0, 2.0 or 3.0");
}

/* Neighbours */

static void neighbours_are_the_nearest_and_a_copy_is_at_0(void **state) {
  (void)state;
  uint8_t pixels[5 * 2] = {0, 0, 255, 255, 51, 0, 0, 255, 102, 0};
  gan_images images = {5, 1, 2, pixels, NULL};
  const ag_real queries[] = {(ag_real)(51 / 255.0), 0, 1, 1};
  gan_neighbours found[2];
  assert_true(gan_find_neighbours(&images, ag_from(AG_SHAPE(2, 1, 2, 1), queries), found));
  assert_int_equal(found[0].index[0], 2);
  assert_true(found[0].distance[0] == 0);
  assert_true(found[0].index[1] + found[0].index[2] == 4 && found[0].index[1] != found[0].index[2]); /* 0 and 4 */
  assert_true(fabs(found[0].distance[1] - 0.2) < 1e-6 && fabs(found[0].distance[2] - 0.2) < 1e-6);
  assert_int_equal(found[1].index[0], 1);
  assert_int_equal(found[1].index[1], 3);
  assert_true(fabs(found[1].distance[1] - 1) < 1e-6);
  assert_int_equal(found[1].index[2], 4);
  assert_true(fabs(found[1].distance[2] - sqrt(0.36 + 1)) < 1e-6);
  assert_false(gan_find_neighbours(&images, ag_zeros(AG_SHAPE(2, 3)), found));
  assert_error(AG_ERROR_SHAPE, "[2, 3]");
}

/* The search takes 1,000 images at a time. */
static void neighbours_are_found_anywhere_among_many(void **state) {
  (void)state;
  enum { COUNT = 2001 };
  static uint8_t pixels[COUNT][2];
  pixels[1][0] = 255, pixels[1500][0] = pixels[1500][1] = 255, pixels[2000][0] = 204, pixels[2000][1] = 255;
  gan_images images = {COUNT, 1, 2, &pixels[0][0], NULL};
  gan_neighbours found[2];
  assert_true(gan_find_neighbours(&images, ag_from(AG_SHAPE(2, 2), (ag_real[]){1, 0, 1, 1}), found));
  assert_int_equal(found[0].index[0], 1);
  assert_memory_equal(found[1].index, ((size_t[]){1500, 2000, 1}), sizeof found[1].index);
}

/* The judge */

static gan_images train, test;

/* The first so many, so that the suite is quick. */
static void use_digits(size_t train_count, size_t test_count) {
  train.count = train_count;
  test.count = test_count;
}

static void count_step(int64_t step, int64_t steps, void *context) {
  (void)steps;
  *(int *)context = (int)step;
}

static bool make_judge(gan_judge *judge, const char *where, int *steps) {
  *steps = 0;
  return gan_judge_make(judge, where, &train, &test, count_step, steps);
}

static void a_judge_tells_digits_from_noise(void **state) {
  (void)state;
  gan_judge judge;
  int steps;
  use_digits(1000, 500);
  assert_true(make_judge(&judge, NULL, &steps));
  assert_true(steps > 0);
  assert_true(judge.accuracy > 0.7); /* after 5 epochs of 1,000 digits */
  gan_digit_figures real, ones, noise;
  assert_true(gan_evaluate_digits(&judge, ag_reshape(gan_pixels(&test, 0, 1, 500), AG_SHAPE(500, 784)), &real));
  assert_int_equal(real.count, 500);
  assert_int_equal(real.covered, 10);
  ag_rng rng = ag_rng_seed(1);
  assert_true(gan_evaluate_digits(&judge, ag_uniform(&rng, AG_SHAPE(500, 28, 28), 0, 1), &noise));
  assert_true(noise.frechet > 5 * real.frechet);
  /* one digit, over and over */
  assert_true(gan_evaluate_digits(&judge, ag_broadcast_to(gan_pixels(&test, 2, 1, 1), AG_SHAPE(50, 28, 28, 1)), &ones));
  assert_int_equal(ones.covered, 1);
  assert_true(ones.entropy == 0 && ones.frechet > 5 * real.frechet);
  ag_tensor *bad = ag_concat(AG_LIST(ag_zeros(AG_SHAPE(1, 784)), ag_full(AG_SHAPE(1, 784), -1)), 0);
  assert_false(gan_evaluate_digits(&judge, bad, &noise));
  assert_error(AG_ERROR_ARGUMENT, "image 1 holds the value -1, expected pixels from 0 to 1");
  assert_false(gan_evaluate_digits(&judge, ag_full(AG_SHAPE(2, 784), NAN), &noise));
  assert_error(AG_ERROR_ARGUMENT, "expected pixels from 0 to 1");
  assert_false(gan_evaluate_digits(&judge, ag_zeros(AG_SHAPE(2, 28, 14)), &noise));
  assert_error(AG_ERROR_SHAPE, "[2, 28, 14]");
  gan_judge_free(&judge);
}

static void a_classifier_is_kept_and_a_stale_one_replaced(void **state) {
  (void)state;
  gan_judge judge, again;
  gan_digit_figures figures, figures_again;
  struct stat written, left;
  int steps;
  use_digits(100, 50);
  ag_tensor *digits = gan_pixels(&test, 0, 1, 50);
  assert_true(make_judge(&judge, folder, &steps));
  assert_null(judge.not_saved);
  assert_true(steps > 0);
  assert_int_equal(judge.reference_count, 100);
  assert_int_equal(stat(path_of("classifier.safetensors"), &written), 0);
  assert_true(make_judge(&again, folder, &steps));
  assert_int_equal(steps, 0);
  assert_int_equal(stat(path_of("classifier.safetensors"), &left), 0);
  assert_int_equal(left.st_ino, written.st_ino); /* and not written once more */
  assert_true(gan_evaluate_digits(&judge, digits, &figures) && gan_evaluate_digits(&again, digits, &figures_again));
  assert_memory_equal(&figures, &figures_again, sizeof figures);
  gan_judge_free(&again);
  use_digits(200, 50); /* the file is of other images */
  assert_true(make_judge(&again, folder, &steps));
  assert_true(steps > 0);
  gan_judge_free(&again);
  write_file("classifier.safetensors", "no classifier", 13);
  assert_true(make_judge(&again, folder, &steps));
  assert_true(steps > 0);
  gan_judge_free(&again);
  assert_true(make_judge(&again, folder, &steps));
  assert_int_equal(steps, 0);
  gan_judge_free(&again);
  gan_judge_free(&judge);
}

static void a_folder_that_cannot_be_written_does_not_stop_the_judge(void **state) {
  (void)state;
  gan_judge judge;
  int steps;
  use_digits(100, 50);
  assert_true(make_judge(&judge, "/proc", &steps));
  assert_non_null(judge.not_saved);
  assert_non_null(strstr(judge.not_saved, "/proc/classifier.safetensors"));
  gan_judge_free(&judge);
}

static void the_classifier_does_not_depend_on_threads_or_precision(void **state) {
  (void)state;
  use_digits(100, 50);
  gan_classifier one, two;
  assert_true(gan_classifier_train(&one, &train, NULL, NULL));
  ag_set_threads(2);
  ag_set_precision(AG_MEDIUM);
  assert_true(gan_classifier_train(&two, &train, NULL, NULL));
  assert_int_equal(ag_get_precision(), AG_MEDIUM);
  ag_set_precision(AG_HIGHEST);
  ag_set_threads(1);
  ag_list weights = nn_variables(one.network), others = nn_variables(two.network);
  assert_int_equal(weights.count, 8);
  for (size_t i = 0; i < weights.count; i++)
    assert_memory_equal(ag_data(weights.items[i]), ag_data(others.items[i]),
                        ag_size(weights.items[i]) * sizeof(ag_real));
  gan_classifier_free(&one);
  gan_classifier_free(&two);
}

static int set_up(void **state) {
  (void)state;
  ag_set_threads(1);
  return !mkdtemp(folder) || !gan_images_load(&train, TEST_DATA_DIR "/mnist", "train") ||
         !gan_images_load(&test, TEST_DATA_DIR "/mnist", "t10k");
}

static int tear_down(void **state) {
  (void)state;
  gan_images_free(&train);
  gan_images_free(&test);
  remove(path_of("array.npy"));
  remove(path_of("classifier.safetensors"));
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(distance_of_diagonal_gaussians),
      TEST(distance_of_rotated_gaussians),
      TEST(distance_and_fit_agree_with_numpy),
      TEST(features_that_depend_on_each_other_have_a_distance),
      TEST(what_has_no_distance_is_an_error),
      TEST(spread_images_come_from_the_whole_set),
      TEST(even_digits_are_all_covered),
      TEST(a_digit_is_covered_from_one_percent_on),
      TEST(of_two_likeliest_digits_the_first_counts),
      TEST(rows_are_written_with_their_names),
      TEST(npy_reads_every_format_and_type),
      TEST(npy_reads_what_it_wrote),
      TEST(npy_refuses_headers_that_it_does_not_know),
      TEST(npy_refuses_sizes_that_are_not_the_files),
      TEST(npy_refuses_what_is_no_array_file),
      TEST(neighbours_are_the_nearest_and_a_copy_is_at_0),
      TEST(neighbours_are_found_anywhere_among_many),
      TEST(a_judge_tells_digits_from_noise),
      TEST(a_classifier_is_kept_and_a_stale_one_replaced),
      TEST(a_folder_that_cannot_be_written_does_not_stop_the_judge),
      TEST(the_classifier_does_not_depend_on_threads_or_precision),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
