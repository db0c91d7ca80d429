#include <stdio.h>

#include "gan/command.h"

typedef struct {
  const char *run, *out;
  int64_t count;
  uint64_t seed;
} sample_options;

static void print_help(void) {
  puts(
      "usage: mnist-gan sample --run DIR [OPTIONS]\n\n"
      "Draws new images with the generator of a run's checkpoint.\n\n"
      "  --run DIR      the run folder that mnist-gan train filled\n"
      "  --count N      how many images (16)\n"
      "  --seed S       the same seed draws the same images (1)\n"
      "  --out FILE     .png: one picture of all; .npy: a NumPy array [N, 28, 28], float32 in [0, 1] (samples.png)");
}

static bool write_images(const char *path, const ag_tensor *images) {
  if (ends_with(path, ".npy")) return gan_npy_write(path, images);
  gan_picture picture;
  bool written = gan_picture_grid(&picture, images) && gan_png_write(path, &picture);
  gan_picture_free(&picture);
  return written;
}

static bool sample(const sample_options *options) {
  gan_pair pair;
  const gan_model *model;
  if (!gan_run_load(options->run, &pair, &model)) return false;
  ag_scope *scope = ag_scope_enter();
  ag_rng rng = ag_rng_seed(options->seed);
  ag_tensor *noise = ag_normal(&rng, AG_SHAPE(options->count, model->noise), 0, 1);
  ag_tensor *images = gan_sample(pair.generator, noise, model->black);
  bool written = images && write_images(options->out, images);
  ag_scope_leave(scope);
  gan_pair_free(&pair);
  return written;
}

int command_sample(int argc, char **argv) {
  static const struct option table[] = {
      {"run", required_argument, NULL, 'r'},
      {"count", required_argument, NULL, 'n'},
      {"seed", required_argument, NULL, 's'},
      {"out", required_argument, NULL, 'o'},
      HELP_OPTION,
  };
  sample_options options = {.out = "samples.png", .count = 16, .seed = 1};
  for (int letter; (letter = next_option(argc, argv, table)) != OPTION_END;) {
    bool right = letter != OPTION_WRONG;
    if (letter == OPTION_HELP) return print_help(), EXIT_DONE;
    if (letter == 'r') options.run = optarg;
    if (letter == 'n') right = read_number("--count", optarg, 1, INT32_MAX, &options.count);
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
  printf("%s: %lld images\n", options.out, (long long)options.count);
  return EXIT_DONE;
}
