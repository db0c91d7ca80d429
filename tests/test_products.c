/* The products engine against slow loops in double, on every kind of CPU that runs here, and the choice among them.
 * Values are small whole numbers, so that float and double sums are exact in any order and must be equal. */
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
#include <sys/wait.h>
#include <unistd.h>

#include "autograd/kernels/kernels.h"
#include "tests/guarded.h"
#include "tests/random_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const double untouched = -12345.5; /* what the output holds before */

/* How an operand lies in memory, outermost first. */
typedef enum { SLOT_DEPTH_INDEX, SLOT_INDEX_DEPTH, INDEX_SLOT_DEPTH, DEPTH_SLOT_INDEX, INDEX_DEPTH_SLOT, ORDERS } order;

typedef struct {
  double *values;
  size_t slots, count;
  ptrdiff_t slot_stride, index_stride, depth_stride;
} side;

typedef struct {
  kernel_pairs pairs;
  side a, b;
  size_t rows, columns, depth;
  kernel_arithmetic arithmetic;
} problem;

static cases numbers = {1};
static uint32_t random_below(uint32_t n) { return (uint32_t)draw_int(&numbers, 0, (int64_t)n - 1); }

static void *take(size_t count, size_t size) {
  void *block = calloc(count + 1, size);
  assert_non_null(block);
  return block;
}

static double *random_values(size_t count) {
  double *values = take(count, sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = (double)random_below(9) - 4;
  return values;
}

static side make_side(size_t slots, size_t indices, size_t depth, order how) {
  ptrdiff_t s = (ptrdiff_t)slots, i = (ptrdiff_t)indices, k = (ptrdiff_t)depth;
  side made = {.slots = slots, .count = slots * indices * depth};
  switch (how) {
    case SLOT_DEPTH_INDEX: made.slot_stride = k * i, made.depth_stride = i, made.index_stride = 1; break;
    case SLOT_INDEX_DEPTH: made.slot_stride = i * k, made.index_stride = k, made.depth_stride = 1; break;
    case INDEX_SLOT_DEPTH: made.index_stride = s * k, made.slot_stride = k, made.depth_stride = 1; break;
    case DEPTH_SLOT_INDEX: made.depth_stride = s * i, made.slot_stride = i, made.index_stride = 1; break;
    default: made.index_stride = k * s, made.depth_stride = s, made.slot_stride = 1; break;
  }
  made.values = random_values(made.count);
  return made;
}

/* `each` random pairs a slot; none for every third slot */
static kernel_pairs random_pairs(size_t slots, size_t each, size_t a_slots, size_t b_slots) {
  size_t *start = take(slots + 1, sizeof *start);
  kernel_pair *pair = take(slots * each, sizeof *pair);
  for (size_t o = 0; o < slots; o++) {
    start[o + 1] = start[o] + (o % 3 == 2 ? 0 : each);
    for (size_t p = start[o]; p < start[o + 1]; p++)
      pair[p] = (kernel_pair){random_below((uint32_t)a_slots), random_below((uint32_t)b_slots)};
  }
  return (kernel_pairs){slots, start, pair};
}

static problem make_problem(size_t slots, size_t each, size_t rows, size_t columns, size_t depth, order a, order b) {
  size_t a_slots = slots + 1, b_slots = slots / 2 + 1;
  return (problem){random_pairs(slots, each, a_slots, b_slots),
                   make_side(a_slots, rows, depth, a),
                   make_side(b_slots, columns, depth, b),
                   rows,
                   columns,
                   depth,
                   KERNEL_NATIVE};
}

static void free_problem(problem *p) {
  free(p->a.values);
  free(p->b.values);
  free((void *)p->pairs.start);
  free((void *)p->pairs.pair);
}

/* Outputs have room between rows and between slots, where nothing may be written. */
static size_t row_stride(const problem *p) { return p->columns + 3; }
static size_t slot_stride(const problem *p) { return p->rows * row_stride(p) + 5; }
static size_t out_count(const problem *p) { return p->pairs.slots * slot_stride(p); }

/* The engine's answer of one type, as doubles, from guarded memory; the workspace begins as NaN. */
#define DEFINE_SOLVE(name, real, type)                                                                        \
  static double *name(const problem *p) {                                                                     \
    real *a_values = guarded_take(p->a.count * sizeof(real), sizeof(real));                                   \
    real *b_values = guarded_take(p->b.count * sizeof(real), sizeof(real));                                   \
    real *out = guarded_take(out_count(p) * sizeof(real), sizeof(real));                                      \
    for (size_t i = 0; i < p->a.count; i++) a_values[i] = (real)p->a.values[i];                               \
    for (size_t i = 0; i < p->b.count; i++) b_values[i] = (real)p->b.values[i];                               \
    for (size_t i = 0; i < out_count(p); i++) out[i] = (real)untouched;                                       \
    kernel_operand_##type a = {a_values, p->a.slots, p->a.slot_stride, p->a.index_stride, p->a.depth_stride}; \
    kernel_operand_##type b = {b_values, p->b.slots, p->b.slot_stride, p->b.index_stride, p->b.depth_stride}; \
    kernel_product_##type product = {p->arithmetic,  p->pairs,     a, b, p->rows, p->columns, p->depth, out,  \
                                     slot_stride(p), row_stride(p)};                                          \
    size_t needed = kernels_##type()->products_workspace(&product);                                           \
    void *workspace = guarded_take(needed, 64);                                                               \
    memset(workspace, 0xFF, needed);                                                                          \
    kernels_##type()->products(&product, workspace);                                                          \
    double *result = take(out_count(p), sizeof *result);                                                      \
    for (size_t i = 0; i < out_count(p); i++) result[i] = out[i];                                             \
    guarded_free(a_values), guarded_free(b_values), guarded_free(workspace), guarded_free(out);               \
    return result;                                                                                            \
  }
DEFINE_SOLVE(solve_f32, float, f32)
DEFINE_SOLVE(solve_f64, double, f64)

static double *solve_slowly(const problem *p) {
  double *out = take(out_count(p), sizeof *out);
  for (size_t i = 0; i < out_count(p); i++) out[i] = untouched;
  for (size_t o = 0; o < p->pairs.slots; o++)
    for (size_t i = 0; i < p->rows; i++)
      for (size_t j = 0; j < p->columns; j++) {
        double sum = 0;
        for (size_t n = p->pairs.start[o]; n < p->pairs.start[o + 1]; n++) {
          const double *a = p->a.values + p->pairs.pair[n].a * p->a.slot_stride + (ptrdiff_t)i * p->a.index_stride;
          const double *b = p->b.values + p->pairs.pair[n].b * p->b.slot_stride + (ptrdiff_t)j * p->b.index_stride;
          for (size_t k = 0; k < p->depth; k++, a += p->a.depth_stride, b += p->b.depth_stride) sum += *a * *b;
        }
        out[o * slot_stride(p) + i * row_stride(p) + j] = sum;
      }
  return out;
}

static void assert_same(const problem *p, const double *got, const double *expected, const char *who) {
  for (size_t i = 0; i < out_count(p); i++)
    if (got[i] != expected[i])
      fail_msg("%s, %s: slots %zu, rows %zu, columns %zu, depth %zu: element %zu is %g, not %g", kernels_f32()->cpu,
               who, p->pairs.slots, p->rows, p->columns, p->depth, i, got[i], expected[i]);
}

/* The next way in which this CPU can compute a product, from way 0 on; false past the last. */
static bool next_way(size_t *way, problem *p) {
  for (;; ++*way) {
    const char *cpu = kernel_cpu_name(*way / 6);
    bool emulated = *way / 3 % 2 == 0;
    p->arithmetic = *way % 3 == 0 ? KERNEL_NATIVE : *way % 3 == 1 ? KERNEL_BF16X3 : KERNEL_BF16;
    if (!cpu) return kernel_emulate_bf16(false), false;
    assert_true(kernel_force_cpu(cpu));
    kernel_emulate_bf16(emulated);
    if (emulated || (p->arithmetic != KERNEL_NATIVE && kernel_amx())) return ++*way, true;
  }
}

static void check_against(const problem *given, const double *expected) {
  problem p = *given;
  for (size_t way = 0; next_way(&way, &p);) {
    double *f32 = solve_f32(&p), *f64 = solve_f64(&p);
    assert_same(&p, f32, expected, "float");
    assert_same(&p, f64, expected, "double");
    free(f32), free(f64);
  }
}

static void check(problem p) {
  double *expected = solve_slowly(&p);
  check_against(&p, expected);
  free(expected);
  free_problem(&p);
}

static void all_sizes_of_rows_columns_and_depth(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 5, 13, 17, 33, 64, 100};
  size_t n = 0;
  for (size_t i = 0; i < COUNT(sizes); i++)
    for (size_t j = 0; j < COUNT(sizes); j++)
      for (size_t k = 0; k < COUNT(sizes); k++, n++)
        check(make_problem(1 + n % 2, 1, sizes[i], sizes[j], sizes[k], n % ORDERS, n / ORDERS % ORDERS));
}

static void operands_lie_in_any_order(void **state) {
  (void)state;
  static const size_t sizes[][3] = {{20, 35, 18}, {1, 70, 9}, {70, 1, 9}, {3, 3, 1}};
  for (size_t s = 0; s < COUNT(sizes); s++)
    for (order a = 0; a < ORDERS; a++)
      for (order b = 0; b < ORDERS; b++) check(make_problem(4, 3, sizes[s][0], sizes[s][1], sizes[s][2], a, b));
}

static void long_depths_and_many_slots_are_cut_into_blocks(void **state) {
  (void)state;
  check(make_problem(1, 1, 7, 19, 1300, SLOT_INDEX_DEPTH, SLOT_DEPTH_INDEX));
  check(make_problem(2, 2, 1, 70, 1025, SLOT_DEPTH_INDEX, SLOT_INDEX_DEPTH));
  check(make_problem(2, 2, 70, 1, 1025, SLOT_DEPTH_INDEX, SLOT_INDEX_DEPTH));
  check(make_problem(300, 4, 14, 33, 67, INDEX_SLOT_DEPTH, SLOT_DEPTH_INDEX));
}

/* Which threads pack on their own, where there are many panels for each of them. */
static void the_larger_operand_may_be_rows_or_columns_on_any_number_of_threads(void **state) {
  (void)state;
  for (int threads = 1; threads <= 3; threads++) {
    kernel_set_threads(threads);
    check(make_problem(2, 2, 700, 20, 90, INDEX_SLOT_DEPTH, SLOT_DEPTH_INDEX));
    check(make_problem(2, 2, 700, 20, 90, SLOT_DEPTH_INDEX, SLOT_INDEX_DEPTH));
    check(make_problem(2, 2, 9, 1700, 80, INDEX_SLOT_DEPTH, SLOT_DEPTH_INDEX));
    check(make_problem(2, 2, 9, 1700, 80, SLOT_DEPTH_INDEX, SLOT_INDEX_DEPTH));
    check(make_problem(1, 1, 330, 5, 3100, SLOT_INDEX_DEPTH, SLOT_DEPTH_INDEX));
  }
  kernel_set_threads(0);
}

/* Every output slot with no pairs, or of depth 0, is zeros; with no rows or columns there is nothing to write. */
static void empty_sums_are_zero_and_empty_results_are_left_alone(void **state) {
  (void)state;
  check(make_problem(5, 0, 9, 20, 6, SLOT_DEPTH_INDEX, SLOT_DEPTH_INDEX));
  check(make_problem(3, 2, 9, 20, 0, SLOT_DEPTH_INDEX, SLOT_INDEX_DEPTH));
  check(make_problem(3, 2, 0, 20, 6, SLOT_DEPTH_INDEX, SLOT_INDEX_DEPTH));
  check(make_problem(3, 2, 9, 0, 6, SLOT_DEPTH_INDEX, SLOT_INDEX_DEPTH));
  check(make_problem(0, 2, 9, 20, 6, SLOT_DEPTH_INDEX, SLOT_INDEX_DEPTH));
}

/* DUALTAPE_SEED=N draws other ones. */
static void random_products_stay_within_their_memory(void **state) {
  (void)state;
  for (uint64_t number = 0; number < 100; number++) {
    cases c = cases_of(cases_seed(), 0, number);
    size_t sizes[5];
    for (int i = 0; i < 5; i++) sizes[i] = (size_t)draw_int(&c, i < 2, i < 2 ? 5 : draw_bool(&c) ? 20 : 150);
    kernel_set_threads((int)draw_int(&c, 1, 8));
    order a = (order)draw_int(&c, 0, ORDERS - 1), b = (order)draw_int(&c, 0, ORDERS - 1);
    check(make_problem(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], a, b));
  }
  kernel_set_threads(0);
}

static void make_fractions(side *s) {
  for (size_t i = 0; i < s->count; i++) s->values[i] = (double)(float)((random_below(20001) - 10000.0) / 7777);
}

static void any_number_of_threads_gives_the_same_bits(void **state) {
  (void)state;
  static const size_t sizes[][3] = {{100, 70, 600}, {1, 200, 700}, {300, 1, 700}};
  int threads_before = kernel_get_threads();
  for (size_t s = 0; s < COUNT(sizes); s++) {
    problem p = make_problem(12, 5, sizes[s][0], sizes[s][1], sizes[s][2], INDEX_SLOT_DEPTH, SLOT_DEPTH_INDEX);
    make_fractions(&p.a), make_fractions(&p.b);
    for (size_t way = 0; next_way(&way, &p);) {
      kernel_set_threads(1);
      double *f32 = solve_f32(&p), *f64 = solve_f64(&p);
      for (int threads = 2; threads <= 4; threads += 2) {
        kernel_set_threads(threads);
        double *again = solve_f32(&p);
        assert_same(&p, again, f32, "float");
        free(again), again = solve_f64(&p);
        assert_same(&p, again, f64, "double");
        free(again);
      }
      free(f32), free(f64);
    }
    free_problem(&p);
  }
  kernel_set_threads(threads_before);
}

/* 600 terms of at most 1.7 each: the errors do not all fall to one side, so one rounding of their sum bounds them. */
static void float_is_close_to_double(void **state) {
  (void)state;
  for (size_t c = 0; kernel_cpu_name(c); c++) {
    assert_true(kernel_force_cpu(kernel_cpu_name(c)));
    problem p = make_problem(4, 3, 30, 50, 200, INDEX_SLOT_DEPTH, SLOT_DEPTH_INDEX);
    make_fractions(&p.a), make_fractions(&p.b);
    double *f32 = solve_f32(&p), *f64 = solve_f64(&p), *slow = solve_slowly(&p);
    for (size_t i = 0; i < out_count(&p); i++) {
      assert_true(fabs(f64[i] - slow[i]) < DBL_EPSILON * 600 * 1.7);
      assert_true(fabs(f32[i] - slow[i]) < FLT_EPSILON * 600 * 1.7);
    }
    free(f32), free(f64), free(slow), free_problem(&p);
  }
}

/* Each rounding to bfloat16 errs by at most 2^-9 of a number, to two of them by 2^-17; a product has two factors. */
static void bfloat16_errs_as_its_roundings_do(void **state) {
  (void)state;
  problem p = make_problem(4, 3, 40, 50, 100, SLOT_INDEX_DEPTH, SLOT_INDEX_DEPTH);
  make_fractions(&p.a), make_fractions(&p.b);
  double *slow = solve_slowly(&p);
  for (size_t way = 0; next_way(&way, &p);) {
    if (p.arithmetic == KERNEL_NATIVE) continue;
    double *got = solve_f32(&p), worst = 0;
    for (size_t i = 0; i < out_count(&p); i++) worst = fmax(worst, fabs(got[i] - slow[i]));
    /* 300 products of at most 1.7, whose errors do not all fall to one side */
    double one = p.arithmetic == KERNEL_BF16 ? 2 * 0x1p-9 : 2 * 0x1p-17;
    assert_true(worst < 300 * 1.7 * one / 4);
    assert_true(worst > one / 4); /* or it was not bfloat16 */
    free(got);
  }
  free(slow), free_problem(&p);
}

/* One product of 32 x 32 x 32 equal terms, at this arithmetic. */
static double product_of(kernel_arithmetic arithmetic, double a, double b) {
  problem p = make_problem(1, 1, 32, 32, 32, SLOT_INDEX_DEPTH, SLOT_INDEX_DEPTH);
  p.arithmetic = arithmetic;
  for (size_t i = 0; i < p.a.count; i++) p.a.values[i] = a;
  for (size_t i = 0; i < p.b.count; i++) p.b.values[i] = b;
  double *got = solve_f32(&p), first = got[0] / 32;
  free(got), free_problem(&p);
  return first;
}

static void bfloat16_at_the_ends_of_its_range(void **state) {
  (void)state;
  problem p = {.rows = 0};
  for (size_t way = 0; next_way(&way, &p);) {
    kernel_arithmetic how = p.arithmetic;
    if (how == KERNEL_NATIVE) continue;
    assert_true(isnan(product_of(how, NAN, 1)));
    assert_false(isfinite(product_of(how, INFINITY, 1)));
    assert_false(isfinite(product_of(how, 1, -INFINITY)));
    if (how == KERNEL_BF16X3) assert_true(isnan(product_of(how, INFINITY, 1.0 / 3)));
    assert_false(isfinite(product_of(how, FLT_MAX, 1))); /* it rounds up to infinity */
    assert_true(product_of(how, 3e38, 1) > 2.9e38);
    /* the low half of a number below 2^-109 may be lost, and a number below 2^-126 as a whole */
    assert_true(fabs(product_of(how, 1.2345e-36, 1) / 1.2345e-36 - 1) < 0x1p-8);
    assert_true(fabs(product_of(how, 1e-40, 1)) <= 1.1e-40);
  }
}

/* Which table a fresh process takes with DUALTAPE_CPU so set: the index of kernel_cpu_name. */
static int chosen_under(const char *environment) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    setenv("DUALTAPE_CPU", environment, 1);
    int chosen = 0;
    while (strcmp(kernel_cpu_name((size_t)chosen), kernels_f32()->cpu) != 0) chosen++;
    _exit(chosen);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static void the_environment_names_the_cpu_at_first_use(void **state) {
  (void)state;
  for (size_t c = 0; kernel_cpu_name(c); c++) assert_int_equal(chosen_under(kernel_cpu_name(c)), c);
  assert_int_equal(chosen_under("no such cpu"), 0);
}

static void a_cpu_can_be_forced_by_name(void **state) {
  (void)state;
  size_t count = 0;
  for (; kernel_cpu_name(count); count++) {
    assert_true(kernel_force_cpu(kernel_cpu_name(count)));
    assert_string_equal(kernels_f32()->cpu, kernel_cpu_name(count));
    assert_string_equal(kernels_f64()->cpu, kernel_cpu_name(count));
  }
  assert_true(count > 0);
  assert_string_equal(kernel_cpu_name(count - 1), "portable");
  assert_null(kernel_cpu_name(count + 1));
  assert_false(kernel_force_cpu("no such cpu"));
  assert_string_equal(kernels_f32()->cpu, "portable");
  assert_true(kernel_force_cpu(NULL));
  assert_string_equal(kernels_f32()->cpu, kernel_cpu_name(0));
}

static void threads_are_set_for_the_calling_thread(void **state) {
  (void)state;
  kernel_set_threads(0);
  int all = kernel_get_threads();
  assert_true(all >= 1);
  kernel_set_threads(3);
  assert_true(kernel_get_threads() == 3 || kernel_get_threads() == 1); /* 1: built without threads */
  kernel_set_threads(0);
  assert_int_equal(kernel_get_threads(), all);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_environment_names_the_cpu_at_first_use), /* first: it needs a process that has not chosen */
      cmocka_unit_test(a_cpu_can_be_forced_by_name),
      cmocka_unit_test(threads_are_set_for_the_calling_thread),
      cmocka_unit_test(all_sizes_of_rows_columns_and_depth),
      cmocka_unit_test(operands_lie_in_any_order),
      cmocka_unit_test(long_depths_and_many_slots_are_cut_into_blocks),
      cmocka_unit_test(the_larger_operand_may_be_rows_or_columns_on_any_number_of_threads),
      cmocka_unit_test(empty_sums_are_zero_and_empty_results_are_left_alone),
      cmocka_unit_test(random_products_stay_within_their_memory),
      cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
      cmocka_unit_test(float_is_close_to_double),
      cmocka_unit_test(bfloat16_errs_as_its_roundings_do),
      cmocka_unit_test(bfloat16_at_the_ends_of_its_range),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
