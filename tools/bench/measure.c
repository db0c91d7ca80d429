#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "tools/bench/bench.h"

double bench_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static struct rusage usage(void) {
  struct rusage now;
  getrusage(RUSAGE_SELF, &now);
  return now;
}

static bool run_in_scope(bench_work *work, void *context) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  bool done = work(context);
  ag_scope_leave(scope);
  return done && !ag_failed();
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static bench_times summed_up(double *ms, size_t count) {
  bench_times times = {0};
  for (size_t i = 0; i < count; i++) times.total_ms += ms[i];
  qsort(ms, count, sizeof *ms, compare);
  times.min_ms = ms[0];
  times.median_ms = (ms[(count - 1) / 2] + ms[count / 2]) / 2;
  return times;
}

bool bench_measure(const bench_options *options, int64_t steps, bool tell, bench_work *work, void *context,
                   bench_times *times) {
  double *ms = ag_allocate((size_t)steps, sizeof *ms);
  bool done = ms != NULL;
  for (int64_t step = 0; done && step <= steps; step++) {
    long faults = usage().ru_minflt;
    double start = bench_now();
    done = run_in_scope(work, context);
    double taken = bench_now() - start;
    faults = usage().ru_minflt - faults;
    if (step > 0) ms[step - 1] = taken;
    if (!done || !tell) continue;
    printf("{\"name\": \"%s\", \"step\": %lld, \"ms\": %.4f, \"page_faults\": %ld}\n", options->name, (long long)step,
           taken, faults);
    fflush(stdout);
  }
  if (done) *times = summed_up(ms, (size_t)steps);
  ag_free(ms);
  return done;
}

void bench_summary(const bench_options *options, const bench_times *times, const char *more, ...) {
  printf("{\"name\": \"%s\", \"precision\": \"%s\", \"threads\": %d, \"batch\": %lld, \"steps\": %lld, ", options->name,
         options->precision, options->threads, (long long)options->batch, (long long)options->steps);
  printf("\"median_ms\": %.4f, \"min_ms\": %.4f", times->median_ms, times->min_ms);
  va_list arguments;
  va_start(arguments, more);
  vprintf(more, arguments);
  va_end(arguments);
  puts("}");
}

void bench_images_summary(const bench_options *options, const bench_times *times) {
  bench_summary(options, times, ", \"images_per_s\": %.1f, \"peak_memory_mb\": %.1f",
                1e3 * (double)options->batch / times->median_ms, (double)usage().ru_maxrss * 1024 / 1e6);
}
