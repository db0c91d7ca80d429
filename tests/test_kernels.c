/* Every kernel but the products engine, for every kind of CPU at hand, in float and in double: against closed forms and
 * slow loops in (long) double. The tests proper are in test_kernels_typed.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "tests/guarded.h"

static uint64_t number_state;

/* Whole multiples of 2^-20 in [-2, 2): the same in float and in double. */
static double next_number(void) {
  number_state = number_state * 6364136223846793005u + 1442695040888963407u;
  return (double)(int64_t)(number_state >> 42) * 0x1p-20 - 2;
}

static void check_near(double actual, double expected, double tolerance, const char *what, size_t index) {
  if (isnan(expected) ? isnan(actual)
                      : actual == expected || fabs(actual - expected) <= tolerance * (1 + fabs(expected)))
    return;
  fail_msg("%s: element %zu is %.17g, expected %.17g", what, index, actual, expected);
}

/* Philox 4x32-10 as the paper has it, one block after the other. */
static void reference_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c[4], k0 = key[0], k1 = key[1];
  memcpy(c, counter, sizeof c);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = UINT64_C(0xD2511F53) * c[0], p1 = UINT64_C(0xCD9E8D57) * c[2];
    uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k0, (uint32_t)p1, (uint32_t)(p0 >> 32) ^ c[3] ^ k1, (uint32_t)p0};
    memcpy(c, next, sizeof c);
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
  memcpy(out, c, sizeof c);
}

static uint32_t reference_word(uint64_t seed, uint64_t draw, size_t element) {
  uint64_t block = element / 4;
  uint32_t out[4], key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  reference_philox((uint32_t[]){(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)draw, (uint32_t)(draw >> 32)}, key,
                   out);
  return out[element % 4];
}

static void the_reference_philox_gives_the_published_vectors(void **state) {
  (void)state;
  static const uint32_t vectors[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
       0x24126ea1}};
  for (int i = 0; i < 3; i++) {
    uint32_t out[4];
    reference_philox(vectors[i], vectors[i] + 4, out);
    assert_memory_equal(out, vectors[i] + 6, sizeof out);
  }
}

/* A grid of the sizes, with nothing said about strides yet. */
static size_t grid_elements(const kernel_grid *grid) {
  size_t n = 1;
  for (int i = 0; i < grid->rank; i++) n *= grid->sizes[i];
  return n;
}

/* The offset of dense element `index` in an operand. */
static ptrdiff_t grid_offset(const kernel_grid *grid, int operand, size_t index) {
  ptrdiff_t offset = 0;
  for (int i = grid->rank - 1; i >= 0; index /= grid->sizes[i], i--)
    offset += (ptrdiff_t)(index % grid->sizes[i]) * grid->strides[operand][i];
  return offset;
}

/* An operand that fills its memory, or all of it but for gaps: elements lie `apart`, row by row. */
static kernel_grid laid(kernel_grid grid, int operand, ptrdiff_t apart) {
  for (int i = grid.rank - 1; i >= 0; apart *= (ptrdiff_t)grid.sizes[i], i--) grid.strides[operand][i] = apart;
  return grid;
}

/* Broadcasts, transpositions, single elements, none at all, and sizes that fill several blocks and all threads. */
static const kernel_grid grids[] = {
    {.rank = 0},
    {.rank = 1, .sizes = {7}, .strides = {{1}, {1}, {1}}},
    {.rank = 1, .sizes = {0}, .strides = {{1}, {1}, {1}}},
    {.rank = 1, .sizes = {50001}, .strides = {{1}, {1}, {1}}},
    {.rank = 1, .sizes = {101}, .strides = {{1}, {0}, {2}}},
    {.rank = 1, .sizes = {101}, .strides = {{0}, {1}, {0}}},
    {.rank = 2, .sizes = {1001, 67}, .strides = {{67, 1}, {0, 1}, {1, 0}}},
    {.rank = 2, .sizes = {67, 1001}, .strides = {{1, 67}, {1001, 1}, {1, 67}}},
    {.rank = 2, .sizes = {9, 101}, .strides = {{101, 1}, {1, 0}, {101, 1}}},
    {.rank = 2, .sizes = {5, 3}, .strides = {{0, 1}, {1, 0}, {0, 0}}},
    {.rank = 3, .sizes = {2, 300, 100}, .strides = {{1, 200, 2}, {100, 200, 1}, {0, 100, 1}}},
    {.rank = 3, .sizes = {3, 0, 2}, .strides = {{2, 2, 1}, {2, 2, 1}, {2, 2, 1}}},
    {.rank = 4, .sizes = {2, 3, 4, 5}, .strides = {{60, 20, 5, 1}, {0, 5, 0, 1}, {0, 0, 0, 0}}},
    {.rank = 4, .sizes = {9, 11, 13, 17}, .strides = {{1, 9, 99, 1287}, {0, 17, 0, 1}, {2431, 221, 17, 1}}},
    {.rank = 5, .sizes = {3, 1, 40, 1, 31}, .strides = {{1240, 7, 31, 5, 1}, {31, 0, 0, 0, 1}, {0, 0, 31, 0, 1}}},
    {.rank = 8,
     .sizes = {2, 3, 2, 3, 2, 3, 2, 3},
     .strides = {{648, 216, 108, 36, 18, 6, 3, 1}, {1, 2, 6, 12, 36, 72, 216, 432}, {0, 1, 0, 3, 0, 9, 0, 27}}},
};
enum { GRIDS = sizeof grids / sizeof *grids, GRID_ELEMENTS = 100000 };

static const kernel_windows windows[] = {
    {.n = 2, .h = 5, .w = 7, .c = 3, .oh = 3, .ow = 4, .kh = 2, .kw = 2, .stride_h = 2, .stride_w = 2},
    {.n = 1, .h = 4, .w = 4, .c = 1, .oh = 4, .ow = 4, .kh = 3, .kw = 3, .stride_h = 1, .stride_w = 1, .pad_h = 1,
     .pad_w = 1},
    {.n = 3, .h = 6, .w = 5, .c = 70, .oh = 3, .ow = 2, .kh = 3, .kw = 4, .stride_h = 2, .stride_w = 3, .pad_h = 1,
     .pad_w = 1},
    {.n = 9, .h = 14, .w = 14, .c = 33, .oh = 7, .ow = 7, .kh = 2, .kw = 2, .stride_h = 2, .stride_w = 2},
};
enum { WINDOWS = sizeof windows / sizeof *windows };

typedef struct {
  size_t outer, count, inner;
} reduce_shape;
static const reduce_shape reduce_shapes[] = {{1, 1, 1},    {1, 0, 1},     {3, 0, 2},     {1, 63, 1},    {1, 129, 1},
                                             {5, 10, 1},   {700, 65, 1}, {300, 31, 1},  {5000, 7, 1},  {3, 32, 1},
                                             {130, 33, 1},  {1, 70001, 1}, {2, 40000, 1}, {1, 1000, 64},
                                             {1, 999, 67}, {3, 2000, 10}, {4, 31, 130},  {2, 3, 20000}, {0, 4, 5},
                                             {1, 300, 257}};
enum { REDUCE_SHAPES = sizeof reduce_shapes / sizeof *reduce_shapes };

#define REAL float
#define TYPED(name) name##_f32
#define DIGITS FLT_MANT_DIG
#define EXPONENT_MIN FLT_MIN_EXP
#define EXP_RANGE 87.0
#include "test_kernels_typed.h"
#undef REAL
#undef TYPED
#undef DIGITS
#undef EXPONENT_MIN
#undef EXP_RANGE
#define REAL double
#define TYPED(name) name##_f64
#define DIGITS DBL_MANT_DIG
#define EXPONENT_MIN DBL_MIN_EXP
#define EXP_RANGE 708.0
#include "test_kernels_typed.h"

static void an_unknown_cpu_is_refused(void **state) {
  (void)state;
  assert_false(kernel_force_cpu("abacus"));
}

#define BOTH(test) cmocka_unit_test(test##_f32), cmocka_unit_test(test##_f64)

int main(void) {
  const struct CMUnitTest tests[] = {
      BOTH(elementary_functions_are_accurate),
      BOTH(elementary_functions_keep_their_limits),
      BOTH(map_follows_the_formulas),
      BOTH(powers_are_those_of_c),
      BOTH(zip_follows_the_formulas),
      BOTH(maximum_and_minimum_pass_nan_on),
      BOTH(zip_walks_any_grid),
      BOTH(where_walks_any_grid),
      BOTH(copy_walks_any_grid),
      BOTH(fill_reaches_all_elements),
      BOTH(reduce_equals_a_slow_loop),
      BOTH(max_and_argmax_take_nan_for_the_largest),
      BOTH(long_sums_stay_accurate),
      BOTH(gather_and_scatter_are_transposes),
      BOTH(max_pool_takes_the_first_largest_inside),
      BOTH(avg_pool_counts_what_is_inside),
      BOTH(batch_moments_stay_accurate),
      BOTH(batch_norm_equals_a_slow_loop),
      BOTH(random_numbers_are_those_of_the_words),
      BOTH(fewer_random_numbers_are_the_first_of_more),
      BOTH(uniform_stays_below_its_end),
      BOTH(dropout_keeps_by_the_words),
      BOTH(optimizers_follow_the_formulas),
      BOTH(threads_do_not_change_a_bit),
  };
  const struct CMUnitTest once[] = {
      cmocka_unit_test(the_reference_philox_gives_the_published_vectors),
      cmocka_unit_test(an_unknown_cpu_is_refused),
  };
  int failed = cmocka_run_group_tests_name("once", once, NULL, NULL);
  for (size_t i = 0; kernel_cpu_name(i); i++) {
    if (!kernel_force_cpu(kernel_cpu_name(i))) return 1;
    failed += cmocka_run_group_tests_name(kernel_cpu_name(i), tests, NULL, NULL);
  }
  return failed;
}
