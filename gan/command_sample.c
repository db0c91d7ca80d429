#include <stdio.h>

#include "gan/command.h"

typedef struct {
  const char *run, *out;
  int64_t count, digit; /* digit -1: any */
  uint64_t seed;
} sample_options;

static void print_help(void) {
  puts(
      "usage: mnist-gan sample --run DIR [OPTIONS]\n\n"
      "Draws new images with the generator of a run's checkpoint.\n\n"
      "  --run DIR      the run folder that mnist-gan train filled\n"
      "  --count N      how many images (16)\n"
      "  --digit D      only this digit, of a run that was trained with --conditional\n"
      "  --seed S       the same seed draws the same images (1)\n"
      "  --out FILE     .png: one picture of all; .npy: a NumPy array [N, 28, 28], float32 in [0, 1], of points [N, "
      "2]\n"
      "                 (samples.png)");
}

static bool write_samples(const sample_options *options, const gan_model *model, const ag_tensor *samples) {
  if (ends_with(options->out, ".npy")) return gan_npy_write(options->out, samples);
  gan_picture picture = {0};
  bool written = gan_picture_samples(&picture, model, samples) && gan_png_write(options->out, &picture);
  gan_picture_free(&picture);
  return written;
}

static bool sample(const sample_options *options) {
  gan_pair pair;
  gan_model model;
  if (!gan_run_load(options->run, &pair, &model, progress_note, NULL)) return false;
  ag_scope *scope = ag_scope_enter();
  ag_tensor *samples = gan_draw(&pair, &model, options->count, options->digit, options->seed);
  bool written = samples && write_samples(options, &model, samples);
  ag_scope_leave(scope);
  gan_pair_free(&pair);
  return written;
}

int command_sample(int argc, char **argv) {
  static const struct option table[] = {
      {"run", required_argument, NULL, 'r'},   {"count", required_argument, NULL, 'n'},
      {"digit", required_argument, NULL, 'd'}, {"seed", required_argument, NULL, 's'},
      {"out", required_argument, NULL, 'o'},   HELP_OPTION,
  };
  sample_options options = {.out = "samples.png", .count = 16, .digit = -1, .seed = 1};
  for (int letter; (letter = next_option(argc, argv, table)) != OPTION_END;) {
    bool right = letter != OPTION_WRONG;
    if (letter == OPTION_HELP) return print_help(), EXIT_DONE;
    if (letter == 'r') options.run = optarg;
    if (letter == 'n') right = read_number("--count", optarg, 1, INT32_MAX, &options.count);
    if (letter == 'd') right = read_number("--digit", optarg, 0, 9, &options.digit);
    if (letter == 's') right = read_seed(optarg, &options.seed);
    if (letter == 'o') options.out = optarg;
    if (!right) return EXIT_USAGE;
  }
  if (!options.run) {
    fputs("mnist-gan sample: --run is missing, expected the folder that mnist-gan train filled\n", stderr);
    return EXIT_USAGE;
  }
  if (!ends_with(options.out, ".png") && !ends_with(options.out, ".npy")) {
    fprintf(stderr, "mnist-gan: --out is '%s', expected a name that ends in .png or .npy\n", options.out);
    return EXIT_USAGE;
  }
  if (!sample(&options)) return report_error();
  printf("%s: %lld samples\n", options.out, (long long)options.count);
  return EXIT_DONE;
}
