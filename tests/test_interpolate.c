/* Arcs between two points, against angles that are known. */
#include "check.h"

#include "gan/interpolate.h"

static double length_of(const ag_real *values, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += (double)values[i] * (double)values[i];
  return sqrt(sum);
}

static void ends_are_exact(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(5);
  ag_tensor *a = ag_normal(&rng, AG_SHAPE(100), 0, 1), *b = ag_normal(&rng, AG_SHAPE(100), 0, 1);
  ag_tensor *walk = gan_interpolate(a, b, 7);
  assert_true(ag_shape_equal(ag_shape_of(walk), AG_SHAPE(7, 100)));
  assert_memory_equal(ag_data(walk), ag_data(a), 100 * sizeof(ag_real));
  assert_memory_equal(ag_data(walk) + 600, ag_data(b), 100 * sizeof(ag_real));
}

/* From (1, 0) to (cos 2, sin 2) the points are (cos 2t, sin 2t): equal angles, on the circle. */
static void unit_vectors_stay_on_the_sphere_at_even_angles(void **state) {
  (void)state;
  ag_tensor *a = ag_from(AG_SHAPE(2), (const ag_real[]){1, 0});
  ag_tensor *b = ag_from(AG_SHAPE(2), (const ag_real[]){(ag_real)cos(2), (ag_real)sin(2)});
  assert_values(gan_interpolate(a, b, 5), AG_SHAPE(5, 2), 1, 0, cos(0.5), sin(0.5), cos(1), sin(1), cos(1.5), sin(1.5),
                cos(2), sin(2));
}

/* Half way from 3 e1 to 5 e2 lies 4 along their bisector. */
static void lengths_change_evenly(void **state) {
  (void)state;
  ag_tensor *a = ag_from(AG_SHAPE(3), (const ag_real[]){3, 0, 0});
  ag_tensor *b = ag_from(AG_SHAPE(3), (const ag_real[]){0, 5, 0});
  assert_values(gan_interpolate(a, b, 3), AG_SHAPE(3, 3), 3, 0, 0, sqrt(8), sqrt(8), 0, 0, 5, 0);
}

static void nearly_equal_and_nearly_opposite_ends_keep_their_length(void **state) {
  (void)state;
  for (int i = 0; i < 24; i++) {
    double w = pow(10, -i / 2.0 - 0.25), angles[] = {w, acos(-1) - w};
    for (int j = 0; j < 2; j++) {
      ag_real from[] = {1, 0}, to[] = {(ag_real)cos(angles[j]), (ag_real)sin(angles[j])};
      ag_tensor *walk = gan_interpolate(ag_from(AG_SHAPE(2), from), ag_from(AG_SHAPE(2), to), 4);
      bool straight = w < 1e-6;
      for (int step = 0; step < 4; step++) {
        double expected = straight && j == 1 ? fabs(1 - 2 * step / 3.0) : 1;
        assert_true(fabs(length_of(ag_data(walk) + 2 * step, 2) - expected) < 1e-5);
      }
    }
  }
}

static void equal_opposite_and_zero_ends_are_joined_straight(void **state) {
  (void)state;
  ag_tensor *a = ag_from(AG_SHAPE(2), (const ag_real[]){2, -1}), *zero = ag_zeros(AG_SHAPE(2));
  ag_tensor *opposite = ag_from(AG_SHAPE(2), (const ag_real[]){-2, 1});
  assert_values(gan_interpolate(a, a, 3), AG_SHAPE(3, 2), 2, -1, 2, -1, 2, -1);
  assert_values(gan_interpolate(a, opposite, 3), AG_SHAPE(3, 2), 2, -1, 0, 0, -2, 1);
  assert_values(gan_interpolate(zero, a, 3), AG_SHAPE(3, 2), 0, 0, 1, -0.5, 2, -1);
  assert_values(gan_interpolate(zero, zero, 2), AG_SHAPE(2, 2), 0, 0, 0, 0);
}

static void wrong_ends_are_errors(void **state) {
  (void)state;
  ag_tensor *a = ag_zeros(AG_SHAPE(2)), *row = ag_zeros(AG_SHAPE(1, 2));
  assert_null(gan_interpolate(a, ag_zeros(AG_SHAPE(3)), 4));
  assert_error(AG_ERROR_SHAPE, "[2] and [3], expected one shape [noise]");
  assert_null(gan_interpolate(row, row, 4));
  assert_error(AG_ERROR_SHAPE, "[1, 2] and [1, 2]");
  assert_null(gan_interpolate(a, a, 1));
  assert_error(AG_ERROR_ARGUMENT, "1 steps, expected at least 2");
  assert_null(gan_interpolate(a, NULL, 4));
  assert_error(AG_ERROR_ARGUMENT, "NULL");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(ends_are_exact),
      TEST(unit_vectors_stay_on_the_sphere_at_even_angles),
      TEST(lengths_change_evenly),
      TEST(nearly_equal_and_nearly_opposite_ends_keep_their_length),
      TEST(equal_opposite_and_zero_ends_are_joined_straight),
      TEST(wrong_ends_are_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
