#include <stdio.h>
#include <unistd.h>

#include "gan/command.h"

/* A sentence, and on a terminal how far it is. */
static void show_progress(int64_t step, int64_t steps, void *context) {
  if (step == 1) puts("Training the classifier of digits; this is needed once.");
  if (isatty(STDOUT_FILENO)) printf("\r%3lld%%%s", (long long)(100 * step / steps), step == steps ? "\r\033[K" : "");
  fflush(stdout);
}

bool open_judge(gan_judge *judge, const char *data, const gan_images *train, gan_images *test) {
  if (!gan_images_load(test, data, "t10k") || !gan_judge_make(judge, data, train, test, show_progress, NULL))
    return false;
  if (judge->not_saved)
    fprintf(stderr, "mnist-gan: the classifier is not kept for the next time: %s\n", judge->not_saved);
  return true;
}
