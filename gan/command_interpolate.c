#include <stdio.h>

#include "gan/command.h"

enum { FILM_ENLARGES = 8 };
static const double SECONDS_A_FRAME = 0.06;

typedef struct {
  const char *run, *out;
  int64_t rows, steps;
  uint64_t seed;
  bool film;
} walk_options;

static void print_help(void) {
  puts(
      "usage: mnist-gan interpolate --run DIR [OPTIONS]\n\n"
      "Walks through random points of a generator's noise and back to the first, on arcs (slerp). A run that was\n"
      "trained with --conditional draws one digit a row.\n\n"
      "  --run DIR      the run folder that mnist-gan train filled\n"
      "  --rows N       how many points (6)\n"
      "  --steps N      how many images from one point to the next, both included (10; a film: 16)\n"
      "  --seed S       the same seed walks the same way (1)\n"
      "  --out FILE     .png: a row from each point to the next; .gif: a film (walk.png)");
}

/* The noise of the whole walk: [rows * steps, noise]. A row ends where the next begins; a film leaves those ends out:
 * [rows * (steps - 1), noise]. */
static ag_tensor *walk_noise(const walk_options *options, int64_t size) {
  ag_rng rng = ag_rng_seed(options->seed);
  ag_tensor *points = ag_normal(&rng, AG_SHAPE(options->rows, size), 0, 1), *noise = NULL;
  for (int64_t row = 0; row < options->rows; row++) {
    ag_tensor *from = ag_reshape(ag_slice(points, 0, row, 1), AG_SHAPE(size));
    ag_tensor *to = ag_reshape(ag_slice(points, 0, (row + 1) % options->rows, 1), AG_SHAPE(size));
    ag_tensor *arc = gan_interpolate(from, to, options->steps);
    if (options->film) arc = ag_slice(arc, 0, 0, options->steps - 1);
    noise = row ? ag_concat(AG_LIST(noise, arc), 0) : arc;
  }
  return noise;
}

static bool write_film(const char *path, ag_tensor *images) {
  size_t count = (size_t)ag_shape_of(images).sizes[0], drawn = 0;
  gan_picture *frames = ag_allocate(count, sizeof *frames);
  if (!frames) return false;
  bool written = true;
  for (; written && drawn < count; drawn++)
    written = gan_picture_rows(&frames[drawn], ag_slice(images, 0, (int64_t)drawn, 1), 1, FILM_ENLARGES);
  written = written && gan_gif_write(path, count, frames, SECONDS_A_FRAME);
  for (size_t i = 0; i < drawn; i++) gan_picture_free(&frames[i]);
  ag_free(frames);
  return written;
}

static bool write_rows(const char *path, ag_tensor *images, int64_t columns) {
  gan_picture picture;
  bool written = gan_picture_rows(&picture, images, (size_t)columns, 2) && gan_png_write(path, &picture);
  gan_picture_free(&picture);
  return written;
}

/* The digit of each row's first point: 0, 1, ... NULL without an error for a pair without classes. */
static ag_tensor *walk_labels(const walk_options *options, int64_t count, int64_t classes) {
  ag_tensor *rows = gan_labels_in_turn(options->rows, classes);
  if (!rows) return NULL;
  ag_tensor *column = ag_reshape(rows, AG_SHAPE(options->rows, 1));
  return ag_reshape(ag_broadcast_to(column, AG_SHAPE(options->rows, count / options->rows)), AG_SHAPE(count));
}

static bool walk(const walk_options *options) {
  gan_pair pair;
  gan_model model;
  if (!gan_run_load(options->run, &pair, &model, progress_note, NULL)) return false;
  if (model.mixture) {
    gan_pair_free(&pair);
    return ag_fail(AG_ERROR_ARGUMENT, "%s: is a run on points, a walk needs images", options->run);
  }
  ag_scope *scope = ag_scope_enter();
  ag_tensor *noise = walk_noise(options, model.noise);
  ag_tensor *labels = noise ? walk_labels(options, ag_shape_of(noise).sizes[0], model.classes) : NULL;
  ag_tensor *images = ag_failed() ? NULL : gan_sample(&pair, &model, noise, labels);
  bool written =
      images && (options->film ? write_film(options->out, images) : write_rows(options->out, images, options->steps));
  ag_scope_leave(scope);
  gan_pair_free(&pair);
  return written;
}

static bool read_walk(int letter, walk_options *options) {
  switch (letter) {
    case 'r': return options->run = optarg, true;
    case 'p': return read_number("--rows", optarg, 2, 50, &options->rows);
    case 'n': return read_number("--steps", optarg, 2, 100, &options->steps);
    case 's': return read_seed(optarg, &options->seed);
    case 'o': return options->out = optarg, true;
    default: return false;
  }
}

/* Tells what is missing or wrong together. */
static bool complete(walk_options *options) {
  if (!options->run) {
    fputs("mnist-gan interpolate: --run is missing, expected the folder that mnist-gan train filled\n", stderr);
    return false;
  }
  options->film = ends_with(options->out, ".gif");
  if (!options->film && !ends_with(options->out, ".png")) {
    fprintf(stderr, "mnist-gan: --out is '%s', expected a name that ends in .png or .gif\n", options->out);
    return false;
  }
  if (!options->steps) options->steps = options->film ? 16 : 10;
  return true;
}

int command_interpolate(int argc, char **argv) {
  static const struct option table[] = {
      {"run", required_argument, NULL, 'r'},   {"rows", required_argument, NULL, 'p'},
      {"steps", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
      {"out", required_argument, NULL, 'o'},   HELP_OPTION,
  };
  walk_options options = {.out = "walk.png", .rows = 6, .seed = 1};
  for (int letter; (letter = next_option(argc, argv, table)) != OPTION_END;) {
    if (letter == OPTION_HELP) return print_help(), EXIT_DONE;
    if (!read_walk(letter, &options)) return EXIT_USAGE;
  }
  if (!complete(&options)) return EXIT_USAGE;
  if (!walk(&options)) return report_error();
  printf("%s: a walk through %lld points\n", options.out, (long long)options.rows);
  return EXIT_DONE;
}
