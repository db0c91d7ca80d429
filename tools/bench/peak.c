/* The CPU's peak: multiply-adds whose operands stay in registers, in enough independent chains to hide their latency.
 * The build compiles this file with -ffp-contract=fast, which makes one instruction of them where the CPU has it. */
#ifdef HAVE_AMX_KERNELS
#include <immintrin.h>
#endif
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"

/* CHAINS and the two factors fit into the 16 registers of the smaller CPUs. */
enum { CHAINS = 12, ROUNDS = 1 << 22, REPEATS = 5 };

/* sums = sums * a + b, ROUNDS times; a macro because a vector's type and the instructions are no values. The sums run
 * to b / (1 - a): neither to infinity nor to numbers so small that they are slow. */
#define PEAK_LOOP(name, bytes, instructions)                             \
  instructions static float name(const float *start) {                   \
    typedef float vector __attribute__((vector_size(bytes)));            \
    enum { LANES = (bytes) / sizeof(float) };                            \
    vector sums[CHAINS];                                                 \
    const vector a = (vector){0} + start[0], b = (vector){0} + start[1]; \
    for (int i = 0; i < CHAINS; i++) sums[i] = (vector){0} + start[i];   \
    for (int round = 0; round < ROUNDS; round++)                         \
      for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * a + b;        \
    for (int i = 1; i < CHAINS; i++) sums[0] += sums[i];                 \
    float total = 0;                                                     \
    for (int lane = 0; lane < LANES; lane++) total += sums[0][lane];     \
    return total;                                                        \
  }                                                                      \
  enum { name##_flops = 2 * CHAINS * (bytes) / sizeof(float) }

static bool has_any(void) { return true; }
PEAK_LOOP(portable_loop, 16, );
#if defined(__x86_64__)
static bool has_avx512(void) { return __builtin_cpu_supports("avx512f"); }
PEAK_LOOP(avx512_loop, 64, __attribute__((target("avx512f"))));
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
PEAK_LOOP(avx2_loop, 32, __attribute__((target("avx2,fma"))));
#endif

#ifdef HAVE_AMX_KERNELS
enum { AMX_ROUNDS = ROUNDS / 16, amx_loop_flops = 6 * 2 * 16 * 16 * 32 / 16 }; /* its rounds are longer, and fewer */

/* Registers 0 to 5 are sums of products of 6 and 7, which are zeros: [16, 16] += [16, 32] [32, 16] in bfloat16. */
__attribute__((target("amx-tile,amx-bf16"))) static float amx_loop(const float *start) {
  const struct {
    unsigned char palette, start_row, reserved[14];
    unsigned short row_bytes[16];
    unsigned char rows[16];
  } layout = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
  __asm__ volatile("" ::"m"(layout)); /* gcc 12 does not know that loadconfig reads all of it */
  _tile_loadconfig(&layout); /* which clears the registers */
  for (int round = 0; round < AMX_ROUNDS; round++) {
    _tile_dpbf16ps(0, 6, 7);
    _tile_dpbf16ps(1, 6, 7);
    _tile_dpbf16ps(2, 6, 7);
    _tile_dpbf16ps(3, 6, 7);
    _tile_dpbf16ps(4, 6, 7);
    _tile_dpbf16ps(5, 6, 7);
  }
  _tile_release();
  return start[0];
}
#endif

typedef struct {
  const char *name;
  bool (*runs_here)(void);
  float (*loop)(const float *start);
  int flops; /* a round */
} peak_kind;

/* Best first, with the names of the kernels' kinds. */
static const peak_kind kinds[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, avx512_loop, avx512_loop_flops},
    {"avx2", has_avx2, avx2_loop, avx2_loop_flops},
#endif
    {"portable", has_any, portable_loop, portable_loop_flops},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const peak_kind *find_kind(const char *name) {
  for (int i = 0; i < KINDS; i++)
    if ((!name || strcmp(name, kinds[i].name) == 0) && kinds[i].runs_here()) return &kinds[i];
  return NULL;
}

static const peak_kind *choose_kind(const char *precision) {
#ifdef HAVE_AMX_KERNELS
  static const peak_kind amx = {"amx", NULL, amx_loop, amx_loop_flops};
  if (strcmp(precision, "highest") != 0) return &amx;
#endif
  const peak_kind *kind = find_kind(getenv("DUALTAPE_CPU"));
  return kind ? kind : find_kind(NULL);
}

static void *run_loop(void *context) {
  const peak_kind *kind = context;
  float start[CHAINS] = {0.999f, 0.001f};
  for (int i = 2; i < CHAINS; i++) start[i] = (float)i / CHAINS;
  volatile float result = kind->loop(start); /* or compilers would leave the loop out */
  (void)result;
  return NULL;
}

/* Milliseconds that all threads together take for one loop each; negative when one cannot be started. */
static double run_threads(const peak_kind *kind, pthread_t *threads, int count) {
  double begin = bench_now();
  int started = 0;
  while (started < count - 1 && pthread_create(&threads[started], NULL, run_loop, (void *)kind) == 0) started++;
  run_loop((void *)kind);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  return started == count - 1 ? bench_now() - begin : -1;
}

double bench_peak_gflops(const bench_options *options, const char **kind_name) {
  const peak_kind *kind = choose_kind(options->precision);
  const int threads = options->threads;
  *kind_name = kind->name;
  pthread_t *others = ag_allocate((size_t)threads, sizeof *others);
  double best = 0, flops = (double)ROUNDS * kind->flops * threads;
  for (int i = 0; others && i < REPEATS; i++) {
    double ms = run_threads(kind, others, threads);
    if (ms < 0) ag_fail(AG_ERROR_MEMORY, "peak: %d threads could not be started", threads);
    else if (1e-6 * flops / ms > best) best = 1e-6 * flops / ms;
  }
  ag_free(others);
  return ag_failed() ? 0 : best;
}
