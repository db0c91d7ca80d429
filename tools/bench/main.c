/* bench: how fast the library is, and where the time goes. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/bench.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const struct {
  const char *name, *about;
  int64_t batch, steps;
  bench *run;
} benches[] = {
    {"dcgan-step", "one training step of the DCGAN on 28 x 28 images", 256, 10, bench_dcgan_step},
    {"mlp-step", "one training step of two multilayer perceptrons, discriminator first", 256, 50, bench_mlp_step},
    {"op-overhead", "recording and differentiating an op of --batch elements", 4, 200, bench_op_overhead},
    {"ops", "ops beside the products on [--batch, 1000], each, and its gradient", 2048, 20, bench_ops},
    {"conv", "each convolution of the DCGAN and its gradients, against the CPU's peak", 256, 10, bench_conv},
    {"epoch", "one epoch of the DCGAN with its data pipeline, or its first --steps", 256, 0, bench_epoch},
    {"sample", "drawing a batch of images from the generator of the DCGAN", 16, 50, bench_sample},
    {"profile", "where the time of a DCGAN step goes, op by op", 256, 5, bench_profile},
};
enum { BENCHES = sizeof benches / sizeof *benches };

static void print_help(void) {
  puts("usage: bench NAME [--batch N] [--precision P] [--threads N] [--steps N] [--data DIR]\n");
  for (int i = 0; i < BENCHES; i++) printf("  %-12s %s\n", benches[i].name, benches[i].about);
  puts(
      "\nPrints one JSON object a line, the summary last. A step that is not measured comes first, to warm up.\n\n"
      "  --batch N      images a step (256; sample: 16); op-overhead: elements of the tensors (4); ops: rows (2048)\n"
      "  --precision P  of products: highest (float), high (near float), medium (bfloat16) (highest)\n"
      "  --threads N    threads to compute with (as many as the CPU has)\n"
      "  --steps N      how many steps are measured\n"
      "  --data DIR     epoch: the folder with MNIST; without it, 60000 made-up images\n");
}

static bool read_number(const char *option, const char *text, int64_t highest, int64_t *value) {
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  *value = number;
  if (end != text && !*end && !errno && number >= 1 && number <= highest) return true;
  fprintf(stderr, "bench: %s is '%s', expected a whole number from 1 to %" PRId64 "\n", option, text, highest);
  return false;
}

static bool read_precision(const char *text, ag_precision *precision) {
  if (gan_precision_find(text, precision)) return true;
  fprintf(stderr, "bench: --precision is '%s', expected highest, high or medium\n", text);
  return false;
}

static bool read_option(int letter, bench_options *options, int64_t *threads, ag_precision *precision) {
  switch (letter) {
    case 'b': return read_number("--batch", optarg, INT32_MAX, &options->batch);
    case 's': return read_number("--steps", optarg, 1000000, &options->steps);
    case 't': return read_number("--threads", optarg, 1024, threads);
    case 'p': return read_precision(optarg, precision);
    case 'd': return options->data = optarg, true;
    default: return false;
  }
}

/* The options after the name, argv[0]. False once the mistake is told on stderr. */
static bool read_options(int argc, char **argv, bench_options *options, int64_t *threads, ag_precision *precision) {
  static const struct option table[] = {
      {"batch", required_argument, NULL, 'b'},   {"precision", required_argument, NULL, 'p'},
      {"threads", required_argument, NULL, 't'}, {"steps", required_argument, NULL, 's'},
      {"data", required_argument, NULL, 'd'},    {NULL, 0, NULL, 0},
  };
  opterr = 0; /* the sentences are ours */
  for (;;) {
    int at = optind, letter = getopt_long(argc, argv, "+:", table, NULL);
    if (letter == -1 && optind == argc) break;
    if (letter == ':') return fprintf(stderr, "bench: %s needs a value; see bench --help\n", argv[at]), false;
    if (letter == -1 || letter == '?')
      return fprintf(stderr, "bench: '%s' is none of its options; see bench --help\n", argv[at]), false;
    if (!read_option(letter, options, threads, precision)) return false;
  }
  if (!options->data || strcmp(argv[0], "epoch") == 0) return true;
  return fprintf(stderr, "bench: --data is an option of epoch, not of %s\n", argv[0]), false;
}

/* Makes the settings of this thread, and puts down what it computes with. */
static void set_up(bench_options *options, int64_t threads, ag_precision precision) {
  options->threads = (int)(threads ? threads : sysconf(_SC_NPROCESSORS_ONLN));
  ag_set_threads(options->threads);
  ag_set_precision(precision);
  options->precision = gan_precision_name(ag_precision_available(precision) ? precision : AG_HIGHEST);
  if (ag_precision_available(precision)) return;
  fprintf(stderr, "bench: precision %s is not available here; products are computed at precision highest\n",
          gan_precision_name(precision));
}

static int run(int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return print_help(), EXIT_DONE;
  for (int i = 0; argc > 1 && i < BENCHES; i++) {
    if (strcmp(argv[1], benches[i].name) != 0) continue;
    bench_options options = {.name = benches[i].name, .batch = benches[i].batch, .steps = benches[i].steps};
    int64_t threads = 0;
    ag_precision precision = AG_HIGHEST;
    if (!read_options(argc - 1, argv + 1, &options, &threads, &precision)) return EXIT_USAGE;
    set_up(&options, threads, precision);
    if (benches[i].run(&options)) return EXIT_DONE;
    fprintf(stderr, "bench: %s\n", ag_failed() ? ag_error_message() : "failed for an unknown reason");
    return EXIT_FAILED;
  }
  fprintf(stderr, "bench: '%s' is no benchmark, expected", argc > 1 ? argv[1] : "");
  for (int i = 0; i < BENCHES; i++) fprintf(stderr, "%s %s", i ? "," : "", benches[i].name);
  fputs("; see bench --help\n", stderr);
  return EXIT_USAGE;
}

int main(int argc, char **argv) {
  int status = run(argc, argv);
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  fprintf(stderr, "bench: standard output cannot be written: %s\n", strerror(errno));
  return status ? status : EXIT_FAILED;
}
