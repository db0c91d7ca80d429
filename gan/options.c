#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gan/command.h"

int next_option(int argc, char **argv, const struct option *options) {
  opterr = 0; /* the sentences are ours */
  int at = optind;
  int letter = getopt_long(argc, argv, "+:h", options, NULL);
  if (letter == ':') {
    fprintf(stderr, "mnist-gan %s: %s needs a value; see mnist-gan %s --help\n", argv[0], argv[at], argv[0]);
    return OPTION_WRONG;
  }
  if (letter == OPTION_WRONG || (letter == OPTION_END && optind < argc)) {
    fprintf(stderr, "mnist-gan %s: '%s' is none of its options, or short for several; see mnist-gan %s --help\n",
            argv[0], argv[letter == OPTION_END ? optind : at], argv[0]);
    return OPTION_WRONG;
  }
  return letter;
}

bool read_number(const char *option, const char *text, int64_t lowest, int64_t highest, int64_t *value) {
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  *value = number;
  if (end != text && !*end && !errno && number >= lowest && number <= highest) return true;
  fprintf(stderr, "mnist-gan: %s is '%s', expected a whole number from %" PRId64 " to %" PRId64 "\n", option, text,
          lowest, highest);
  return false;
}

bool read_share(const char *option, const char *text, double *value) {
  char *end;
  *value = strtod(text, &end);
  if (end != text && !*end && *value > 0 && *value < 1) return true;
  fprintf(stderr, "mnist-gan: %s is '%s', expected a number between 0 and 1\n", option, text);
  return false;
}

bool read_seed(const char *text, uint64_t *seed) {
  char *end;
  errno = 0;
  *seed = strtoull(text, &end, 10);
  if (text[0] >= '0' && text[0] <= '9' && !*end && !errno) return true;
  fprintf(stderr, "mnist-gan: --seed is '%s', expected a whole number from 0 to %" PRIu64 "\n", text, UINT64_MAX);
  return false;
}

bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), end_length = strlen(end);
  return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

const gan_model *read_model(const char *text) {
  const gan_model *model = gan_model_find(text);
  if (model) return model;
  fprintf(stderr, "mnist-gan: --model is '%s', expected one of:", text);
  for (const gan_model *const *known = gan_models; *known; known++) fprintf(stderr, " %s", (*known)->name);
  fputc('\n', stderr);
  return NULL;
}

const gan_loss *read_loss(const char *text) {
  const gan_loss *loss = gan_loss_find(text);
  if (loss) return loss;
  fprintf(stderr, "mnist-gan: --loss is '%s', expected one of:", text);
  for (const gan_loss *const *known = gan_losses; *known; known++) fprintf(stderr, " %s", (*known)->name);
  fputc('\n', stderr);
  return NULL;
}

int report_error(void) {
  fprintf(stderr, "mnist-gan: %s\n", ag_failed() ? ag_error_message() : "failed for an unknown reason");
  ag_error_clear();
  return EXIT_FAILED;
}
