/* What the benchmarks share. Each measures one thing and prints JSON, an object a line, the summary last. */
#pragma once

#include "gan/gan.h"

typedef struct {
  const char *name;
  int64_t batch, steps; /* 0: all steps of an epoch */
  int threads;
  const char *precision; /* that products are computed at */
  const char *data;      /* the folder with MNIST; NULL: made-up images */
} bench_options;

/* False and an error when it failed. */
typedef bool bench(const bench_options *options);
bench bench_conv, bench_dcgan_step, bench_epoch, bench_mlp_step, bench_op_overhead, bench_ops, bench_profile,
    bench_sample;

/* What is measured. It runs in a scope of its own. False and an error when it failed. */
typedef bool bench_work(void *context);

typedef struct {
  double median_ms, min_ms, total_ms;
} bench_times;

/* Milliseconds of a clock that only goes forward. */
double bench_now(void);
/* Runs the work once to warm up, as step 0, and then `steps` times. Each step prints a line where told. */
bool bench_measure(const bench_options *options, int64_t steps, bool tell, bench_work *work, void *context,
                   bench_times *times);

/* The last line: the options, the times, and what else the benchmark has to tell, which starts with a comma. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void bench_summary(const bench_options *options, const bench_times *times, const char *more, ...);
/* The summary of steps that work through a batch of images each. */
void bench_images_summary(const bench_options *options, const bench_times *times);

/* The most GFLOP/s that the threads reach with nothing but multiply-adds in registers; about 50 ms. `kind` tells the
 * instructions: those of the CPU's best kernels of floats, or of the kind that DUALTAPE_CPU names; for products in
 * bfloat16 those of AMX, of which `high` can use a third, for it takes three products for one. 0 and an error when a
 * thread cannot be started. */
double bench_peak_gflops(const bench_options *options, const char **kind);

/* A model with a batch of noise as images. */
typedef struct {
  const gan_model *model;
  gan_pair pair;
  ag_rng rng;
  gan_batch real;
} bench_training;
/* In the current scope. False and an error; free it with bench_training_free in any case. */
bool bench_training_make(bench_training *training, const char *model, int64_t batch);
void bench_training_free(bench_training *training);
/* One training step; context: the bench_training. */
bench_work bench_training_step;
