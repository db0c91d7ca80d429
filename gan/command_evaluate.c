#include <stdio.h>
#include <string.h>

#include "gan/command.h"
#include "nn/file.h"

enum { PICTURED = 36 /* digits; with the nearest three of each they fill 12 x 12 places */, SEARCHED = 1000 };
enum { DIGITS = 10000, POINTS = 2500 /* as the papers draw */ };

typedef struct {
  const char *run, *samples, *data, *neighbours, *csv;
  int64_t count, threads;
  uint64_t seed;
  gan_pair pair; /* of the run */
  gan_model model;
  gan_images train, test;
  gan_judge judge;
} evaluation;

static void print_help(void) {
  puts(
      "usage: mnist-gan evaluate --run DIR | --samples FILE.npy [OPTIONS]\n\n"
      "Tells by figures how near generated digits come to real ones, beside the same figures of test digits. A\n"
      "classifier that judges them is trained the first time, in a minute or two, and kept beside the data. Of a\n"
      "run on points (ring, grid) it tells which modes they cover, and how well.\n\n"
      "  --run DIR            judges the generator of the run folder that mnist-gan train filled\n"
      "  --samples FILE.npy   judges images from anywhere: a NumPy array [N, 28, 28] or [N, 784] in [0, 1]\n"
      "  --data DIR           the folder with the IDX files, plain or gzipped (data/mnist)\n"
      "  --count N            how many images to draw, or to take from FILE at most (10000; points: 2500)\n"
      "  --seed S             of --run: the same seed draws the same images (1)\n"
      "  --neighbours FILE    a PNG picture of digits with the three nearest training images to the right of each\n"
      "  --csv FILE           the figures as a line of CSV, below a line of their names\n"
      "  --threads N          threads to compute with (as many as the CPU has)");
}

static ag_tensor *read_samples(const evaluation *options) {
  ag_tensor *images = gan_npy_read(options->samples);
  if (!images || ag_shape_of(images).sizes[0] <= options->count) return images;
  return ag_slice(images, 0, 0, options->count);
}

static void print_figures(const evaluation *options, const gan_digit_figures *generated,
                          const gan_digit_figures *real) {
  const gan_judge *judge = &options->judge;
  printf(
      "%lld generated digits beside %lld test digits, judged by a classifier that is right on %.2f%% of the latter\n\n",
      (long long)generated->count, (long long)real->count, 100 * judge->accuracy);
  puts("                   generated       test");
  printf("Frechet distance  %10.3f %10.3f  to %lld training digits, of %d features; 0 is best\n", generated->frechet,
         real->frechet, (long long)judge->reference_count, GAN_DIGIT_FEATURES);
  printf("digits covered    %10d %10d  of 10; each with at least 1%% of the images\n", generated->covered,
         real->covered);
  printf("rarest digit      %9.1f%% %9.1f%%  of the images; 10%% is even\n", 100 * generated->rarest,
         100 * real->rarest);
  printf("entropy of digits %10.3f %10.3f  nats; ln 10 = 2.303 is even\n", generated->entropy, real->entropy);
  printf("mean confidence   %9.1f%% %9.1f%%  the classifier's; low for what is no digit\n", 100 * generated->confidence,
         100 * real->confidence);
}

/* A digit and its nearest three: four places in a row. */
static bool draw_neighbours(const evaluation *options, ag_tensor *images, const gan_neighbours *neighbours,
                            size_t count) {
  enum { SIZE = GAN_IMAGE_SIZE * GAN_IMAGE_SIZE, GROUP = 1 + GAN_NEIGHBOURS };
  ag_real *values;
  ag_tensor *places = ag_make(AG_SHAPE(PICTURED * GROUP, GAN_IMAGE_SIZE, GAN_IMAGE_SIZE), &values);
  if (!places) return false;
  memset(values, 0, ag_size(places) * sizeof *values);
  for (size_t i = 0; i < count && i < PICTURED; i++) {
    ag_real *group = values + i * GROUP * SIZE;
    memcpy(group, ag_data(images) + i * SIZE, SIZE * sizeof *group);
    for (int n = 0; n < GAN_NEIGHBOURS; n++)
      for (int k = 0; k < SIZE; k++)
        group[(n + 1) * SIZE + k] = options->train.pixels[neighbours[i].index[n] * SIZE + k] / (ag_real)255;
  }
  gan_picture picture = {0};
  bool drawn = gan_picture_grid(&picture, places) && gan_png_write(options->neighbours, &picture);
  gan_picture_free(&picture);
  return drawn;
}

/* The mean distance of images to the nearest training digit of each. picture: whether they are drawn. */
static bool search(const evaluation *options, ag_tensor *images, bool picture, double *distance) {
  if (!images) return false;
  size_t count = (size_t)ag_shape_of(images).sizes[0];
  gan_neighbours *neighbours = ag_allocate(count, sizeof *neighbours);
  bool found = neighbours && gan_find_neighbours(&options->train, images, neighbours) &&
               (!picture || draw_neighbours(options, images, neighbours, count));
  *distance = 0;
  for (size_t i = 0; found && i < count; i++) *distance += neighbours[i].distance[0] / (double)count;
  ag_free(neighbours);
  return found;
}

static bool print_distances(const evaluation *options, ag_tensor *images) {
  bool picture = options->neighbours != NULL;
  int64_t count = ag_shape_of(images).sizes[0] < SEARCHED ? ag_shape_of(images).sizes[0] : SEARCHED;
  double distance, test_distance;
  if (!search(options, ag_slice(images, 0, 0, count), picture, &distance) ||
      !search(options, gan_pixels_spread(&options->test, (size_t)count), false, &test_distance))
    return false;
  printf("nearest neighbour %10.3f %10.3f  mean distance of %lld to the training digits; far lower: copies\n", distance,
         test_distance, (long long)count);
  if (picture) printf("\n%s: digits, the three nearest training digits right of each\n", options->neighbours);
  return true;
}

static bool write_csv(const char *path, const gan_row *row) {
  if (!path) return true;
  nn_file file;
  if (!nn_file_create(&file, path)) return false;
  gan_row_write_names(file.stream, row);
  fputc('\n', file.stream);
  gan_row_write(file.stream, row);
  fputc('\n', file.stream);
  return nn_file_close(&file, true);
}

static bool compare(const evaluation *options, ag_tensor *images) {
  ag_tensor *test = gan_pixels_spread(&options->test, (size_t)ag_shape_of(images).sizes[0]);
  gan_digit_figures generated, real;
  if (!gan_evaluate_digits(&options->judge, images, &generated) || !test ||
      !gan_evaluate_digits(&options->judge, test, &real))
    return false;
  print_figures(options, &generated, &real);
  gan_row row = gan_digit_row(&generated, real.frechet);
  return print_distances(options, images) && write_csv(options->csv, &row);
}

static bool evaluate_digits(evaluation *options) {
  if (!gan_images_load(&options->train, options->data, "train")) return false;
  ag_tensor *images = options->run ? gan_draw(&options->pair, &options->model, options->count, -1, options->seed)
                                   : read_samples(options);
  return images && open_judge(&options->judge, options->data, &options->train, &options->test) &&
         compare(options, images);
}

static bool evaluate_points(const evaluation *options) {
  const gan_mixture *mixture = options->model.mixture;
  gan_mixture_figures figures;
  if (options->neighbours)
    return ag_fail(AG_ERROR_ARGUMENT, "%s: is a run on points, which have no neighbours to draw", options->run);
  if (!gan_mixture_judge(mixture, gan_draw(&options->pair, &options->model, options->count, -1, options->seed),
                         &figures))
    return false;
  printf("%lld generated points against the %d Gaussians of %s\n\n", (long long)options->count, mixture->modes,
         mixture->name);
  printf("modes          %6d  of %d; each with a point within 3 deviations of its centre\n", figures.modes,
         mixture->modes);
  printf("high quality   %5.1f%%  of points, within 3 deviations of a centre; 98.9%% of the data's own\n",
         100 * figures.high_quality);
  printf("reverse KL     %6.3f  nats, of the points' modes to even shares; 0 is best\n", figures.reverse_kl);
  printf("spread         %.2f to %.2f  deviation within a mode, narrowest and widest; 1 is the data's\n",
         figures.narrowest, figures.widest);
  gan_row row = gan_mixture_row(&figures, options->count);
  return write_csv(options->csv, &row);
}

static bool evaluate(evaluation *options) {
  ag_scope *scope = ag_scope_enter();
  bool loaded =
      scope && (!options->run || gan_run_load(options->run, &options->pair, &options->model, progress_note, NULL));
  if (!options->count) options->count = options->model.mixture ? POINTS : DIGITS;
  bool done = loaded && (options->model.mixture ? evaluate_points(options) : evaluate_digits(options));
  gan_judge_free(&options->judge);
  gan_images_free(&options->test);
  gan_images_free(&options->train);
  gan_pair_free(&options->pair);
  ag_scope_leave(scope);
  return done;
}

static bool read_option(int letter, evaluation *options) {
  switch (letter) {
    case 'r': return options->run = optarg, true;
    case 'i': return options->samples = optarg, true;
    case 'd': return options->data = optarg, true;
    case 'n': return read_number("--count", optarg, 2, INT32_MAX, &options->count);
    case 's': return read_seed(optarg, &options->seed);
    case 'p': return options->neighbours = optarg, true;
    case 'c': return options->csv = optarg, true;
    case 't': return read_number("--threads", optarg, 1, 1024, &options->threads);
    default: return false;
  }
}

int command_evaluate(int argc, char **argv) {
  static const struct option table[] = {
      {"run", required_argument, NULL, 'r'},
      {"samples", required_argument, NULL, 'i'},
      {"data", required_argument, NULL, 'd'},
      {"count", required_argument, NULL, 'n'},
      {"seed", required_argument, NULL, 's'},
      {"neighbours", required_argument, NULL, 'p'},
      {"csv", required_argument, NULL, 'c'},
      {"threads", required_argument, NULL, 't'},
      HELP_OPTION,
  };
  evaluation options = {.data = "data/mnist", .seed = 1};
  for (int letter; (letter = next_option(argc, argv, table)) != OPTION_END;) {
    if (letter == OPTION_HELP) return print_help(), EXIT_DONE;
    if (!read_option(letter, &options)) return EXIT_USAGE;
  }
  if (!options.run == !options.samples) {
    fputs("mnist-gan evaluate: expected either --run, a run folder, or --samples, a NumPy file\n", stderr);
    return EXIT_USAGE;
  }
  ag_set_threads((int)options.threads);
  return evaluate(&options) ? EXIT_DONE : report_error();
}
