/* The convolution kernel on random images, against its definition in double, on every kind of CPU that runs here.
 * Values are small whole numbers, so that sums are exact in any order, and all memory is guarded. DUALTAPE_SEED=N draws
 * other cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "tests/guarded.h"
#include "tests/random_numbers.h"

typedef struct {
  kernel_windows windows;
  size_t channels;
  double *values[KERNEL_PARTS]; /* each computed from the two others, here by definition */
  kernel_arithmetic arithmetic;
} convolution;

static size_t part_size(const convolution *c, int part) {
  const kernel_windows *w = &c->windows;
  if (part == KERNEL_INPUTS) return w->n * w->h * w->w * w->c;
  return part == KERNEL_TAPS ? w->kh * w->kw * w->c * c->channels : w->n * w->oh * w->ow * c->channels;
}

static size_t draw_size_t(cases *c, int64_t low, int64_t high) { return (size_t)draw_int(c, low, high); }

/* Along one axis: image, window, stride, zeros before, and as many windows as fit with some zeros behind. */
static void draw_axis(cases *c, size_t *size, size_t *taps, size_t *stride, size_t *pad, size_t *count) {
  *size = draw_size_t(c, 1, 9);
  *taps = draw_size_t(c, 1, 5);
  *stride = draw_size_t(c, 1, 3);
  *pad = draw_size_t(c, 0, (int64_t)*taps - 1);
  size_t with_zeros = *size + *pad + draw_size_t(c, 0, (int64_t)*taps - 1);
  *count = with_zeros < *taps ? 0 : (with_zeros - *taps) / *stride + 1;
}

static convolution draw_convolution(cases *c) {
  convolution drawn = {.channels = draw_size_t(c, 1, draw_bool(c) ? 4 : 70)};
  kernel_windows *w = &drawn.windows;
  draw_axis(c, &w->h, &w->kh, &w->stride_h, &w->pad_h, &w->oh);
  draw_axis(c, &w->w, &w->kw, &w->stride_w, &w->pad_w, &w->ow);
  w->n = draw_size_t(c, 0, draw_bool(c) ? 5 : 70);
  w->c = draw_size_t(c, 1, draw_bool(c) ? 4 : 40);
  for (int part = 0; part < KERNEL_PARTS; part++) {
    drawn.values[part] = calloc(part_size(&drawn, part) + 1, sizeof(double));
    assert_non_null(drawn.values[part]);
    for (size_t i = 0; i < part_size(&drawn, part); i++) drawn.values[part][i] = (double)draw_int(c, -4, 4);
  }
  return drawn;
}

/* What one tap of one output adds to `result`, the part that is wanted: products of the two others. */
static void add_meeting(const convolution *c, kernel_conv_part wanted, size_t input, size_t tap, size_t output,
                        double *result) {
  for (size_t in = 0; in < c->windows.c; in++)
    for (size_t out = 0; out < c->channels; out++) {
      const size_t at[KERNEL_PARTS] = {[KERNEL_INPUTS] = input * c->windows.c + in,
                                       [KERNEL_TAPS] = (tap * c->windows.c + in) * c->channels + out,
                                       [KERNEL_OUTPUTS] = output * c->channels + out};
      double product = 1;
      for (int part = 0; part < KERNEL_PARTS; part++)
        if (part != (int)wanted) product *= c->values[part][at[part]];
      result[at[wanted]] += product;
    }
}

static double *convolve_slowly(const convolution *c, kernel_conv_part wanted) {
  const kernel_windows *w = &c->windows;
  double *result = calloc(part_size(c, wanted) + 1, sizeof *result);
  assert_non_null(result);
  for (size_t output = 0; output < w->n * w->oh * w->ow; output++)
    for (size_t tap = 0; tap < w->kh * w->kw; tap++) {
      size_t row = output / w->ow % w->oh * w->stride_h + tap / w->kw;
      size_t column = output % w->ow * w->stride_w + tap % w->kw;
      if (row < w->pad_h || row - w->pad_h >= w->h || column < w->pad_w || column - w->pad_w >= w->w) continue;
      size_t input = (output / (w->oh * w->ow) * w->h + row - w->pad_h) * w->w + column - w->pad_w;
      add_meeting(c, wanted, input, tap, output, result);
    }
  return result;
}

/* Whether the kernel's result, which starts as NaN like its workspace, is the expected one. */
#define DEFINE_AGREES(name, real, type)                                                                    \
  static bool name(const convolution *c, kernel_conv_part wanted, const double *expected) {                \
    real *values[KERNEL_PARTS];                                                                            \
    for (int part = 0; part < KERNEL_PARTS; part++) {                                                      \
      values[part] = guarded_take(part_size(c, part) * sizeof(real), sizeof(real));                        \
      for (size_t i = 0; i < part_size(c, part); i++)                                                      \
        values[part][i] = part == (int)wanted ? (real)NAN : (real)c->values[part][i];                      \
    }                                                                                                      \
    real *result = values[wanted];                                                                         \
    kernel_convolution_##type of = {.windows = c->windows, .channels = c->channels, .wanted = wanted,      \
                                    .result = result, .arithmetic = c->arithmetic};                        \
    for (int part = 0; part < KERNEL_PARTS; part++) of.values[part] = values[part];                        \
    size_t needed = kernels_##type()->convolution_workspace(&of);                                          \
    void *workspace = guarded_take(needed, 64);                                                            \
    memset(workspace, 0xFF, needed);                                                                       \
    kernels_##type()->convolution(&of, workspace);                                                         \
    bool agrees = true;                                                                                    \
    for (size_t i = 0; i < part_size(c, wanted); i++) agrees = agrees && result[i] == (real)expected[i];   \
    for (int part = 0; part < KERNEL_PARTS; part++) guarded_free(values[part]);                            \
    guarded_free(workspace);                                                                               \
    return agrees;                                                                                         \
  }
DEFINE_AGREES(agrees_f32, float, f32)
DEFINE_AGREES(agrees_f64, double, f64)

static struct {
  bool unfinished;
  uint64_t number;
  convolution convolution;
} current;

/* The case at which the test ended, even where a guard ended it. */
static int print_unfinished_case(void **state) {
  (void)state;
  if (!current.unfinished) return 0;
  const convolution *c = &current.convolution;
  const kernel_windows *w = &c->windows;
  print_error("case %llu on %s, %d threads, arithmetic %d: %zu images of %zu x %zu x %zu, window %zu x %zu, stride %zu "
              "x %zu, %zu and %zu zeros before, to %zu x %zu x %zu\n",
              (unsigned long long)current.number, kernel_cpu_in_use(), kernel_get_threads(), (int)c->arithmetic, w->n,
              w->h, w->w, w->c, w->kh, w->kw, w->stride_h, w->stride_w, w->pad_h, w->pad_w, w->oh, w->ow, c->channels);
  return 0;
}

/* One of the ways in which this CPU can compute a convolution. */
static void draw_way(cases *c, convolution *of) {
  int64_t kinds = 0;
  while (kernel_cpu_name((size_t)kinds)) kinds++;
  assert_true(kernel_force_cpu(kernel_cpu_name(draw_size_t(c, 0, kinds - 1))));
  kernel_set_threads((int)draw_int(c, 1, 16));
  of->arithmetic = (kernel_arithmetic)draw_int(c, KERNEL_NATIVE, KERNEL_BF16);
  kernel_emulate_bf16(false); /* or there would be no unit to be found */
  kernel_emulate_bf16(draw_bool(c) || !kernel_amx());
}

static void every_pass_is_what_its_definition_says_within_its_memory(void **state) {
  (void)state;
  int threads_before = kernel_get_threads();
  for (uint64_t number = 0; number < 600; number++) {
    cases random = cases_of(cases_seed(), 0, number);
    convolution c = draw_convolution(&random);
    for (kernel_conv_part wanted = KERNEL_INPUTS; wanted < KERNEL_PARTS; wanted++) {
      double *expected = convolve_slowly(&c, wanted);
      draw_way(&random, &c);
      current.unfinished = true, current.number = number, current.convolution = c;
      assert_true(agrees_f32(&c, wanted, expected));
      assert_true(agrees_f64(&c, wanted, expected));
      current.unfinished = false;
      free(expected);
    }
    for (int part = 0; part < KERNEL_PARTS; part++) free(c.values[part]);
  }
  kernel_emulate_bf16(false);
  kernel_force_cpu(NULL);
  kernel_set_threads(threads_before);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(
      every_pass_is_what_its_definition_says_within_its_memory, print_unfinished_case)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
