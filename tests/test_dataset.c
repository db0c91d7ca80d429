/* Batches: every image once an epoch, in an order that (seed, epoch) alone decide. */
#include "check.h"

#include "gan/dataset.h"

enum { COUNT = 10, PIXELS = 28 * 28 };

/* Image i is all i * 20, but for its last pixel, 255, and its label is i. */
static gan_images images_of(uint8_t *pixels, uint8_t *labels) {
  for (int i = 0; i < COUNT; i++) {
    memset(pixels + i * PIXELS, i * 20, PIXELS);
    pixels[i * PIXELS + PIXELS - 1] = 255;
    labels[i] = (uint8_t)i;
  }
  return (gan_images){COUNT, 28, 28, pixels, labels};
}

static uint8_t pixels[COUNT * PIXELS], labels[COUNT];

static gan_dataset dataset_of(const gan_images *images, int64_t limit, int64_t batch, uint64_t seed) {
  gan_dataset dataset;
  assert_true(gan_dataset_make(&dataset, images, limit, batch, -1, seed));
  return dataset;
}

/* Which images an epoch holds, in order, each with its label; how many. */
static size_t read_epoch(gan_dataset *dataset, uint64_t epoch, int *which) {
  size_t count = 0;
  for (size_t b = 0; b < gan_dataset_batches(dataset); b++) {
    gan_batch batch = gan_dataset_batch(dataset, epoch, b);
    assert_true(batch.samples && batch.labels);
    for (size_t i = 0; i < dataset->batch; i++, count++) {
      which[count] = (int)lround(((double)ag_data(batch.samples)[i * PIXELS] + 1) / 2 * 255 / 20);
      assert_true(ag_data(batch.labels)[i] == (ag_real)which[count]);
    }
  }
  return count;
}

static void bytes_become_pixels_between_black_and_one(void **state) {
  (void)state;
  gan_images images = images_of(pixels, labels);
  gan_dataset dataset = dataset_of(&images, 1, 1, 0);
  ag_tensor *batch = gan_dataset_batch(&dataset, 0, 0).samples;
  assert_true(ag_shape_equal(ag_shape_of(batch), AG_SHAPE(1, 28, 28, 1)));
  assert_true(ag_data(batch)[0] == -1 && ag_data(batch)[PIXELS - 1] == 1);
  gan_dataset_free(&dataset);
  assert_true(gan_dataset_make(&dataset, &images, 2, 2, 0, 0));
  batch = gan_dataset_batch(&dataset, 0, 0).samples;
  double sum = (double)ag_data(batch)[0] + (double)ag_data(batch)[PIXELS];
  assert_true(check_close(sum, 20.0 / 255) && ag_data(batch)[PIXELS - 1] == 1);
  gan_dataset_free(&dataset);
}

static void an_epoch_holds_each_image_once_and_drops_the_rest(void **state) {
  (void)state;
  gan_images images = images_of(pixels, labels);
  gan_dataset dataset = dataset_of(&images, 0, 3, 1);
  for (uint64_t epoch = 0; epoch < 20; epoch++) {
    int which[COUNT], seen[COUNT] = {0};
    assert_int_equal(read_epoch(&dataset, epoch, which), 9);
    for (int i = 0; i < 9; i++) seen[which[i]]++;
    for (int i = 0; i < COUNT; i++) assert_true(seen[i] <= 1);
  }
  gan_dataset_free(&dataset);
}

static void the_order_depends_on_seed_and_epoch_alone(void **state) {
  (void)state;
  gan_images images = images_of(pixels, labels);
  gan_dataset one = dataset_of(&images, 0, 2, 1), again = dataset_of(&images, 0, 5, 1);
  gan_dataset other = dataset_of(&images, 0, 2, 2);
  int first[COUNT], second[COUNT], which[COUNT];
  read_epoch(&one, 1, first);
  read_epoch(&one, 2, second);
  assert_memory_not_equal(first, second, sizeof first);
  read_epoch(&again, 2, which); /* another batch size, epochs asked for in another order */
  assert_memory_equal(which, second, sizeof which);
  read_epoch(&again, 1, which);
  assert_memory_equal(which, first, sizeof which);
  read_epoch(&other, 1, which);
  assert_memory_not_equal(which, first, sizeof which);
  gan_dataset_free(&one);
  gan_dataset_free(&again);
  gan_dataset_free(&other);
}

/* Fisher and Yates by the numbers that a run from the same seed draws first give another order. */
static void an_order_draws_from_no_counter_of_the_run(void **state) {
  (void)state;
  gan_images images = images_of(pixels, labels);
  gan_dataset dataset = dataset_of(&images, 0, COUNT, 1);
  int which[COUNT], of_run[COUNT];
  read_epoch(&dataset, 0, which);
  ag_rng rng = ag_rng_seed(1);
  for (int i = 0; i < COUNT; i++) of_run[i] = i;
  for (int i = COUNT - 1; i > 0; i--) {
    int j = (int)ag_random_below(&rng, (uint32_t)i + 1), moved = of_run[i];
    of_run[i] = of_run[j], of_run[j] = moved;
  }
  assert_memory_not_equal(which, of_run, sizeof which);
  gan_dataset_free(&dataset);
}

/* 1,000 shuffles of 10: each image stands first 100 times, give or take 5 standard deviations (sqrt(90) each). */
static void every_order_is_equally_likely(void **state) {
  (void)state;
  gan_images images = images_of(pixels, labels);
  gan_dataset dataset = dataset_of(&images, 0, COUNT, 5);
  int first[COUNT] = {0}, last[COUNT] = {0};
  for (uint64_t epoch = 0; epoch < 1000; epoch++) {
    ag_scope *scope = ag_scope_enter();
    int which[COUNT];
    read_epoch(&dataset, epoch, which);
    first[which[0]]++;
    last[which[COUNT - 1]]++;
    ag_scope_leave(scope);
  }
  for (int i = 0; i < COUNT; i++) {
    assert_in_range(first[i], 53, 147);
    assert_in_range(last[i], 53, 147);
  }
  gan_dataset_free(&dataset);
}

static void wrong_sizes_are_errors(void **state) {
  (void)state;
  gan_images images = images_of(pixels, labels);
  gan_dataset dataset;
  assert_false(gan_dataset_make(&dataset, &images, 0, COUNT + 1, -1, 0));
  assert_error(AG_ERROR_ARGUMENT, "a batch of 11, expected 1 to 10");
  assert_false(gan_dataset_make(&dataset, &images, 3, 4, -1, 0));
  assert_error(AG_ERROR_ARGUMENT, "a batch of 4, expected 1 to 3");
  assert_false(gan_dataset_make(&dataset, &images, 0, 0, -1, 0));
  assert_error(AG_ERROR_ARGUMENT, "a batch of 0");
  images.width = 14;
  assert_false(gan_dataset_make(&dataset, &images, 0, 2, -1, 0));
  assert_error(AG_ERROR_SHAPE, "28 x 14, expected 28 x 28");
  images.width = 28;
  dataset = dataset_of(&images, 0, 3, 0);
  assert_null(gan_dataset_batch(&dataset, 0, 3).samples);
  assert_error(AG_ERROR_ARGUMENT, "batch 3 of an epoch of 3");
  gan_dataset_free(&dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(bytes_become_pixels_between_black_and_one),
      TEST(an_epoch_holds_each_image_once_and_drops_the_rest),
      TEST(the_order_depends_on_seed_and_epoch_alone),
      TEST(an_order_draws_from_no_counter_of_the_run),
      TEST(every_order_is_equally_likely),
      TEST(wrong_sizes_are_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
