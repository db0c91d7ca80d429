#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "gan/command.h"

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

progress_display progress_start(void) { return (progress_display){.terminal = isatty(STDOUT_FILENO), .start = now()}; }

static void add(gan_figures *total, const gan_figures *figures) {
  total->g_loss += figures->g_loss;
  total->d_loss += figures->d_loss;
  total->d_real += figures->d_real;
  total->d_fake += figures->d_fake;
  total->accuracy += figures->accuracy;
}

/* Fits 80 columns, so that it can be drawn over again. */
static void print_bar(const gan_progress *progress) {
  enum { WIDTH = 10 };
  char bar[WIDTH + 1] = "";
  int64_t full = WIDTH * progress->step_of_epoch / progress->steps_an_epoch;
  for (int i = 0; i < WIDTH; i++) bar[i] = i < full ? '=' : i == full ? '>' : ' ';
  printf("\repoch %lld/%lld [%s] %lld/%lld", (long long)progress->epoch, (long long)progress->epochs, bar,
         (long long)progress->step_of_epoch, (long long)progress->steps_an_epoch);
}

static void print_evaluation(const gan_row *row) {
  printf("   ");
  for (size_t i = 0; i < row->count; i++) printf(" %s %.4g", row->names[i], row->values[i]);
  putchar('\n');
}

void progress_show(const gan_progress *progress, void *context) {
  progress_display *display = context;
  add(&display->total, &progress->figures);
  display->count++;
  display->steps_left = progress->steps - progress->step;
  if (progress->warning) printf("%s%s.\n", display->terminal ? "\r\033[K" : "", progress->warning);
  if (!progress->saved && !display->terminal) return;

  const gan_figures *total = &display->total;
  double n = (double)display->count; /* what is shown are the epoch's means */
  double seconds = now() - display->start, made = (double)(progress->step - progress->before);
  double rate = made * (double)progress->batch / seconds;
  long long left = (long long)fmin(seconds / made * (double)(progress->steps - progress->step) + 0.5, 1e15);
  if (display->terminal) print_bar(progress);
  else printf("epoch %lld/%lld", (long long)progress->epoch, (long long)progress->epochs);
  printf("  G %.3f  D %.3f", total->g_loss / n, total->d_loss / n);
  if (progress->saved)
    printf("  D(x) %.2f  D(G(z)) %.2f  accuracy %.0f%%", total->d_real / n, total->d_fake / n,
           100 * total->accuracy / n);
  printf("  %.0f images/s  %lld:%02lld left%s%s", rate, left / 60, left % 60, display->terminal ? "\033[K" : "",
         progress->saved ? "\n" : "");
  if (progress->evaluation) print_evaluation(progress->evaluation);
  fflush(stdout);
  display->unfinished = !progress->saved;
  if (!progress->saved) return;
  display->total = (gan_figures){0};
  display->count = 0;
}

void progress_note(const char *sentence, void *context) { printf("%s.\n", sentence); }
