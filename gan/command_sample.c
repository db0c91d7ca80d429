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

/* NULL without an error for a pair without classes. */
static ag_tensor *choose_labels(const sample_options *options, const gan_model *model) {
  if (options->digit < 0) return gan_labels_in_turn(options->count, model->classes);
  if (options->digit < model->classes) return ag_full(AG_SHAPE(options->count), (double)options->digit);
  return ag_fail(AG_ERROR_ARGUMENT, "%s: its generator takes no digit; train it with --conditional", options->run);
}

static bool write_points(const sample_options *options, const gan_mixture *mixture, const ag_tensor *points) {
  ag_rng rng = ag_rng_seed(options->seed);
  gan_picture picture;
  bool written =
      gan_picture_scatter(&picture, gan_mixture_draw(mixture, options->count, &rng), points, mixture->extent) &&
      gan_png_write(options->out, &picture);
  gan_picture_free(&picture);
  return written;
}

static bool write_samples(const sample_options *options, const gan_model *model, const ag_tensor *samples) {
  if (ends_with(options->out, ".npy")) return gan_npy_write(options->out, samples);
  if (model->mixture) return write_points(options, model->mixture, samples);
  gan_picture picture;
  bool written = gan_picture_grid(&picture, samples) && gan_png_write(options->out, &picture);
  gan_picture_free(&picture);
  return written;
}

static bool sample(const sample_options *options) {
  gan_pair pair;
  gan_model model;
  if (!gan_run_load(options->run, &pair, &model)) return false;
  ag_scope *scope = ag_scope_enter();
  ag_rng rng = ag_rng_seed(options->seed);
  ag_tensor *noise = ag_normal(&rng, AG_SHAPE(options->count, model.noise), 0, 1);
  ag_tensor *labels = choose_labels(options, &model);
  ag_tensor *samples = ag_failed() ? NULL : gan_sample(&pair, &model, noise, labels);
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
