/* The convolutions of the DCGAN one by one: forward, the gradient of the images, the gradient of the kernel. A
 * transposed convolution is that from the small images to the large ones, so each layer is the same three ops. */
#include "tools/bench/bench.h"

enum { TAPS = 5, PASSES = 3 };

/* Sizes are those of conv2d: large images [n, size, size, in], small ones [n, size / stride, size / stride, out]. */
typedef struct {
  const char *name;
  bool transposed;
  int64_t size, in, out;
  int stride;
} layer;

static const layer layers[] = {
    {"conv2d_transpose 256->128 stride 1", true, 7, 128, 256, 1},
    {"conv2d_transpose 128->64 stride 2", true, 14, 64, 128, 2},
    {"conv2d_transpose 64->1 stride 2", true, 28, 1, 64, 2},
    {"conv2d 1->64 stride 2", false, 28, 1, 64, 2},
    {"conv2d 64->128 stride 2", false, 14, 64, 128, 2},
};
enum { LAYERS = sizeof layers / sizeof *layers };

typedef struct {
  ag_tensor *large, *small, *kernel;
  ag_window window;
} convolution;

static bool to_small(void *context) {
  const convolution *c = context;
  return ag_conv2d(c->large, c->kernel, c->window);
}
static bool to_large(void *context) {
  const convolution *c = context;
  return ag_conv2d_transpose(c->small, c->kernel, c->window);
}
static bool to_kernel(void *context) {
  const convolution *c = context;
  return ag_conv2d_kernel_gradient(c->large, c->small, c->window, TAPS, TAPS);
}

static convolution make(const layer *l, int64_t batch) {
  ag_rng rng = ag_rng_seed(1);
  int64_t size = l->size / l->stride;
  return (convolution){
      .large = ag_normal(&rng, AG_SHAPE(batch, l->size, l->size, l->in), 0, 1),
      .small = ag_normal(&rng, AG_SHAPE(batch, size, size, l->out), 0, 1),
      .kernel = ag_normal(&rng, AG_SHAPE(TAPS, TAPS, l->in, l->out), 0, 1),
      .window = AG_STRIDE(l->stride, AG_SAME),
  };
}

/* Of any pass, nominal: multiplications by padding count, though nobody does them. */
static double gflop(const layer *l, int64_t batch) {
  double pixels = (double)batch * (double)(l->size / l->stride) * (double)(l->size / l->stride);
  return 2e-9 * pixels * TAPS * TAPS * (double)l->in * (double)l->out;
}

/* What the passes add up to; of the big layers, which have more than one channel on either side, what was done and what
 * the peak would have done in the same time. */
typedef struct {
  bench_times times;
  double gflop, peak_gflop;
  const char *peak_kind;
} sums;

static bool run_layer(const bench_options *options, const layer *l, sums *sum) {
  const struct {
    const char *name;
    bench_work *work;
  } passes[PASSES] = {{"forward", l->transposed ? to_large : to_small},
                      {"images gradient", l->transposed ? to_small : to_large},
                      {"kernel gradient", to_kernel}};
  convolution c = make(l, options->batch);
  double work = gflop(l, options->batch);
  for (int i = 0; i < PASSES; i++) {
    double peak = bench_peak_gflops(options, &sum->peak_kind);
    bench_times times;
    if (peak == 0 || !bench_measure(options, options->steps, false, passes[i].work, &c, &times)) return false;
    double speed = 1e3 * work / times.median_ms;
    printf("{\"name\": \"conv\", \"layer\": \"%s\", \"pass\": \"%s\", \"median_ms\": %.4f, \"min_ms\": %.4f, ", l->name,
           passes[i].name, times.median_ms, times.min_ms);
    printf("\"gflop\": %.4f, \"gflops\": %.2f, \"peak_gflops\": %.1f, \"share\": %.3f}\n", work, speed, peak,
           speed / peak);
    fflush(stdout);
    sum->times.median_ms += times.median_ms;
    sum->times.min_ms += times.min_ms;
    if (l->in > 1) sum->gflop += work, sum->peak_gflop += 1e-3 * peak * times.median_ms;
  }
  return true;
}

bool bench_conv(const bench_options *options) {
  sums sum = {0};
  for (int i = 0; i < LAYERS; i++) {
    ag_scope *scope = ag_scope_enter();
    if (!scope) return false;
    bool done = run_layer(options, &layers[i], &sum);
    ag_scope_leave(scope);
    if (!done) return false;
  }
  bench_summary(options, &sum.times, ", \"big_share\": %.3f, \"peak_kind\": \"%s\"", sum.gflop / sum.peak_gflop,
                sum.peak_kind);
  return true;
}
