/* Every public function of gan/ called wrongly, as misuse, misuse_ops and misuse_nn do with autograd and nn. */
#include "tests/misuse.h"

#include "gan/gan.h"

static const char *const nowhere = "/dev/null/nowhere"; /* where nothing can be, nor be made */
static ag_rng generator = {1, 0};

static uint8_t some_pixels[3 * 28 * 28], some_labels[3];
static const gan_images images = {3, 28, 28, some_pixels, some_labels};
static const gan_images no_pixels = {3, 28, 28, NULL, some_labels}, no_labels = {3, 28, 28, some_pixels, NULL};

/* Networks of a few weights: noise [2] to points [2], points [2] to one number. */
static nn_layer *small_generator(void) { return nn_dense(2); }
static nn_layer *small_discriminator(void) { return nn_dense(1); }
static nn_optimizer *small_optimizer(void) { return nn_sgd(.learning_rate = 0.1); }
static nn_layer *no_layer(void) { return NULL; }
static nn_optimizer *no_optimizer(void) { return NULL; }
static ag_tensor *no_loss(ag_tensor *outputs) { return (void)outputs, NULL; }

static gan_model small_model(void) {
  return (gan_model){.name = "small",
                     .make_generator = small_generator,
                     .make_discriminator = small_discriminator,
                     .make_optimizer = small_optimizer,
                     .loss = &gan_cross_entropy,
                     .step = gan_alternating_step,
                     .noise = 2,
                     .batch = 4,
                     .epochs = 1,
                     .mixture = &gan_ring};
}

static gan_pair small_pair(void) {
  gan_model model = small_model();
  gan_pair pair;
  assert_true(gan_pair_make(&pair, &model, &generator));
  return pair;
}

static gan_batch points(void) { return (gan_batch){ag_ones(AG_SHAPE(4, 2)), NULL}; }

/* gan/idx.h, dataset.h, pixels.h, neighbours.h */

static void files_of_images(void **state) {
  (void)state;
  gan_idx idx;
  gan_images loaded;
  REFUSED(gan_idx_read(NULL, nowhere, 1), "gan_idx_read");
  REFUSED(gan_idx_read(&idx, NULL, 1), "gan_idx_read");
  REFUSED(gan_idx_read(&idx, nowhere, 0), "rank is 0");
  REFUSED(gan_idx_read(&idx, nowhere, 4), "rank is 4");
  REFUSED(gan_idx_read(&idx, nowhere, INT_MIN), "rank is");
  REFUSED(gan_idx_read(&idx, nowhere, 1), nowhere);
  REFUSED(gan_idx_read(&idx, "/", 1), "no regular file");
  ACCEPTED(gan_idx_free(NULL));
  REFUSED(gan_images_crc32(NULL, 0), "the CRC-32 of 0");
  REFUSED(gan_images_crc32(&(gan_images){0}, 1), "the CRC-32 of 1");
  REFUSED(gan_images_load(NULL, nowhere, "train"), "gan_images_load");
  REFUSED(gan_images_load(&loaded, NULL, "train"), "gan_images_load");
  REFUSED(gan_images_load(&loaded, nowhere, NULL), "gan_images_load");
  REFUSED(gan_images_load(&loaded, nowhere, "train"), nowhere);
  ACCEPTED(gan_images_free(NULL));
  REFUSED(gan_npy_read(NULL), "gan_npy_read");
  REFUSED(gan_npy_read(nowhere), nowhere);
  REFUSED(gan_npy_read("/"), "no regular file");
  REFUSED(gan_npy_write(NULL, ones()), "gan_npy_write");
  REFUSED(gan_npy_write(nowhere, NULL), "gan_npy_write");
  REFUSED(gan_npy_write(nowhere, ag_scalar(1)), "the array is []");
  REFUSED(gan_npy_write(nowhere, ag_zeros((ag_shape){5, {1, 1, 1, 1, 1}})), "the array is");
  REFUSED(gan_npy_write(nowhere, ones()), nowhere);
  check_nothing_wrong();
}

static void batches_of_images(void **state) {
  (void)state;
  gan_dataset dataset;
  const gan_images none = {0, 28, 28, some_pixels, some_labels}, wide = {3, 28, 29, some_pixels, some_labels};
  REFUSED(gan_dataset_make(NULL, &images, 0, 1, 0, 1), "gan_dataset_make");
  REFUSED(gan_dataset_make(&dataset, NULL, 0, 1, 0, 1), "gan_dataset_make");
  REFUSED(gan_dataset_make(&dataset, &no_pixels, 0, 1, 0, 1), "gan_dataset_make");
  REFUSED(gan_dataset_make(&dataset, &none, 0, 1, 0, 1), "a batch of 1");
  REFUSED(gan_dataset_make(&dataset, &wide, 0, 1, 0, 1), "28 x 29");
  REFUSED(gan_dataset_make(&dataset, &images, -1, 1, 0, 1), "limit is -1");
  REFUSED(gan_dataset_make(&dataset, &images, 0, 0, 0, 1), "a batch of 0");
  REFUSED(gan_dataset_make(&dataset, &images, 0, 4, 0, 1), "a batch of 4");
  REFUSED(gan_dataset_make(&dataset, &images, 0, INT64_MIN, 0, 1), "a batch of");
  REFUSED(gan_dataset_make(&dataset, &images, 0, 1, NAN, 1), "black");
  REFUSED(gan_dataset_make(&dataset, &images, 0, 1, 1, 1), "black is 1, expected a number below 1");
  assert_true(gan_dataset_make(&dataset, &images, 0, 2, 0, 1));
  REFUSED(gan_dataset_batch(NULL, 0, 0).samples, "gan_dataset_batch");
  REFUSED(gan_dataset_batch(&(gan_dataset){0}, 0, 0).samples, "gan_dataset_batch");
  REFUSED(gan_dataset_batch(&dataset, 0, 1).samples, "batch 1 of an epoch of 1");
  REFUSED(gan_dataset_batch(&dataset, UINT64_MAX, SIZE_MAX).samples, "batch");
  REFUSED(gan_dataset_batches(NULL), "gan_dataset_batches");
  REFUSED(gan_dataset_batches(&(gan_dataset){0}), "gan_dataset_batches");
  gan_dataset_free(&dataset);
  ACCEPTED(gan_dataset_free(NULL));
  check_nothing_wrong();
}

static void pixels_and_neighbours(void **state) {
  (void)state;
  gan_neighbours found[2];
  const gan_images two = {2, 28, 28, some_pixels, some_labels};
  ag_tensor *queries = ag_ones(AG_SHAPE(2, 784));
  REFUSED(gan_pixels(NULL, 0, 1, 1), "gan_pixels");
  REFUSED(gan_pixels(&no_pixels, 0, 1, 1), "gan_pixels");
  REFUSED(gan_pixels(&images, 3, 1, 1), "more than there are");
  REFUSED(gan_pixels(&images, 0, 1, 4), "more than there are");
  REFUSED(gan_pixels(&images, 0, 2, 3), "more than there are");
  REFUSED(gan_pixels(&images, 0, (size_t)1 << 63, 3), "more than there are");
  REFUSED(gan_pixels(&images, SIZE_MAX, SIZE_MAX, SIZE_MAX), "more than there are");
  REFUSED(gan_pixels(&images, 0, 0, SIZE_MAX), "");
  REFUSED(gan_pixels_spread(NULL, 1), "gan_pixels_spread");
  REFUSED(gan_pixels_spread(&no_pixels, 1), "gan_pixels_spread");
  ACCEPTED(gan_pixels_spread(&images, SIZE_MAX));
  ACCEPTED(gan_pixels_spread(&images, 0));
  REFUSED(gan_find_neighbours(NULL, queries, found), "gan_find_neighbours");
  REFUSED(gan_find_neighbours(&no_pixels, queries, found), "gan_find_neighbours");
  REFUSED(gan_find_neighbours(&images, NULL, found), "gan_find_neighbours");
  REFUSED(gan_find_neighbours(&images, queries, NULL), "gan_find_neighbours");
  REFUSED(gan_find_neighbours(&images, ones(), found), "neighbours: queries [2, 3]");
  REFUSED(gan_find_neighbours(&images, ag_scalar(1), found), "neighbours: queries []");
  REFUSED(gan_find_neighbours(&two, queries, found), "among 2 images");
  check_nothing_wrong();
}

/* gan/classifier.h, evaluate.h, figures.h, frechet.h */

static void judging_digits(void **state) {
  (void)state;
  gan_classifier classifier;
  const gan_classifier none = {0};
  gan_judge judge;
  gan_digit_figures figures;
  ag_tensor *digits = ag_zeros(AG_SHAPE(2, 28, 28, 1)), *features, *shares;
  REFUSED(gan_classifier_train(NULL, &images, NULL, NULL), "gan_classifier_train");
  REFUSED(gan_classifier_train(&classifier, NULL, NULL, NULL), "gan_classifier_train");
  REFUSED(gan_classifier_train(&classifier, &no_labels, NULL, NULL), "gan_classifier_train");
  REFUSED(gan_classifier_train(&classifier, &no_pixels, NULL, NULL), "gan_dataset_make");
  REFUSED(gan_classifier_train(&classifier, &images, NULL, NULL), "a batch of 100");
  REFUSED(gan_classifier_load(NULL, nowhere, &images), "gan_classifier_load");
  REFUSED(gan_classifier_load(&classifier, NULL, &images), "gan_classifier_load");
  REFUSED(gan_classifier_load(&classifier, nowhere, NULL), "gan_classifier_load");
  REFUSED(gan_classifier_load(&classifier, nowhere, &images), nowhere);
  REFUSED(gan_classifier_save(NULL, nowhere, &images, 1), "gan_classifier_save");
  REFUSED(gan_classifier_save(&none, NULL, &images, 1), "gan_classifier_save");
  REFUSED(gan_classifier_save(&none, nowhere, NULL, 1), "gan_classifier_save");
  REFUSED(gan_classifier_save(&none, nowhere, &images, 1), "");
  ACCEPTED(gan_classifier_free(NULL));
  REFUSED(gan_classify(NULL, digits, &features, &shares), "gan_classify");
  REFUSED(gan_classify(&none, NULL, &features, &shares), "gan_classify");
  REFUSED(gan_classify(&none, digits, NULL, &shares), "gan_classify");
  REFUSED(gan_classify(&none, digits, &features, NULL), "gan_classify");
  REFUSED(gan_classify(&none, digits, &features, &shares), "NULL");
  REFUSED(gan_judge_make(NULL, NULL, &images, &images, NULL, NULL), "gan_judge_make");
  REFUSED(gan_judge_make(&judge, NULL, NULL, &images, NULL, NULL), "gan_judge_make");
  REFUSED(gan_judge_make(&judge, NULL, &images, NULL, NULL, NULL), "gan_judge_make");
  REFUSED(gan_judge_make(&judge, NULL, &images, &no_labels, NULL, NULL), "gan_judge_make");
  REFUSED(gan_judge_make(&judge, NULL, &no_labels, &images, NULL, NULL), "gan_judge_make");
  ACCEPTED(gan_judge_free(NULL));
  judge = (gan_judge){0};
  REFUSED(gan_evaluate_digits(NULL, digits, &figures), "gan_evaluate_digits");
  REFUSED(gan_evaluate_digits(&judge, NULL, &figures), "gan_evaluate_digits");
  REFUSED(gan_evaluate_digits(&judge, digits, NULL), "gan_evaluate_digits");
  REFUSED(gan_evaluate_digits(&judge, digits, &figures), "NULL");
  REFUSED(gan_evaluate_digits(&judge, ones(), &figures), "images are [2, 3]");
  REFUSED(gan_evaluate_digits(&judge, ag_full(AG_SHAPE(2, 784), 2), &figures), "holds the value 2");
  REFUSED(gan_evaluate_digits(&judge, ag_full(AG_SHAPE(2, 784), NAN), &figures), "holds the value");
  REFUSED(gan_count_digits(NULL, &figures), "gan_count_digits");
  REFUSED(gan_count_digits(ones(), NULL), "gan_count_digits");
  REFUSED(gan_count_digits(ones(), &figures), "probabilities are [2, 3]");
  REFUSED(gan_count_digits(ag_zeros(AG_SHAPE(0, 10)), &figures), "probabilities are [0, 10]");
  check_nothing_wrong();
}

static void rows_and_gaussians(void **state) {
  (void)state;
  gan_gaussian one, other;
  double distance, number = 1;
  const gan_row row = {0};
  REFUSED(gan_digit_row(NULL, 0).count, "gan_digit_row");
  REFUSED(gan_mixture_row(NULL, 0).count, "gan_mixture_row");
  REFUSED_VOID(gan_row_write(NULL, &row), "gan_row_write");
  REFUSED_VOID(gan_row_write(stdout, NULL), "gan_row_write");
  REFUSED_VOID(gan_row_write_names(NULL, &row), "gan_row_write_names");
  REFUSED_VOID(gan_row_write_names(stdout, NULL), "gan_row_write_names");
  REFUSED(gan_gaussian_fit(NULL, ones()), "gan_gaussian_fit");
  REFUSED(gan_gaussian_fit(&one, NULL), "gan_gaussian_fit");
  REFUSED(gan_gaussian_fit(&one, ag_scalar(1)), "samples are []");
  REFUSED(gan_gaussian_fit(&one, ag_ones(AG_SHAPE(1, 3))), "samples are [1, 3]");
  REFUSED(gan_gaussian_fit(&one, ag_ones(AG_SHAPE(3, 0))), "samples are [3, 0]");
  assert_true(gan_gaussian_fit(&one, ones()) && gan_gaussian_fit(&other, ag_ones(AG_SHAPE(2, 2))));
  REFUSED(gan_frechet_distance(NULL, &one, &distance), "gan_frechet_distance");
  REFUSED(gan_frechet_distance(&one, NULL, &distance), "gan_frechet_distance");
  REFUSED(gan_frechet_distance(&one, &one, NULL), "gan_frechet_distance");
  REFUSED(gan_frechet_distance(&one, &other, &distance), "dimensions are 3 and 2");
  REFUSED(gan_frechet_distance(&one, &(gan_gaussian){.dimension = 3}, &distance), "gan_frechet_distance");
  const gan_gaussian huge = {(size_t)1 << 40, &number, &number};
  TOO_LARGE(gan_frechet_distance(&huge, &huge, &distance));
  gan_gaussian_free(&one);
  gan_gaussian_free(&other);
  ACCEPTED(gan_gaussian_free(NULL));
  check_nothing_wrong();
}

/* gan/interpolate.h, losses.h, mixture.h, watch.h */

static void walks_mixtures_and_watches(void **state) {
  (void)state;
  ag_tensor *a = ag_ones(AG_SHAPE(3)), *dots = ag_ones(AG_SHAPE(4, 2));
  gan_mixture_figures figures;
  gan_mixture many = gan_ring, none = gan_ring;
  many.modes = GAN_MAX_MODES + 1;
  none.modes = 0;
  REFUSED(gan_interpolate(NULL, a, 3), "gan_interpolate");
  REFUSED(gan_interpolate(a, NULL, 3), "gan_interpolate");
  REFUSED(gan_interpolate(a, ag_ones(AG_SHAPE(2)), 3), "the ends are [3] and [2]");
  REFUSED(gan_interpolate(ones(), ones(), 3), "the ends are [2, 3]");
  REFUSED(gan_interpolate(a, a, 1), "1 steps");
  REFUSED(gan_interpolate(a, a, INT64_MIN), "steps");
  TOO_LARGE(gan_interpolate(a, a, INT64_MAX));
  TOO_LARGE(gan_interpolate(a, a, HUGE_SIZE));
  ACCEPTED(gan_loss_find(NULL));
  ACCEPTED(gan_model_find(NULL));
  assert_true(!gan_loss_find(NULL) && !gan_loss_find("") && !gan_model_find(NULL) && !gan_model_find(""));
  for (const gan_loss *const *loss = gan_losses; *loss; loss++) {
    REFUSED((*loss)->real(NULL), "NULL");
    REFUSED((*loss)->fake(NULL), "NULL");
    REFUSED((*loss)->generator(NULL), "NULL");
  }
  REFUSED(gan_mixture_draw(NULL, 4, &generator), "gan_mixture_draw");
  REFUSED(gan_mixture_draw(&gan_ring, 4, NULL), "gan_mixture_draw");
  REFUSED(gan_mixture_draw(&gan_ring, -1, &generator), "negative");
  REFUSED(gan_mixture_draw(&many, 4, &generator), "26 modes");
  REFUSED(gan_mixture_draw(&none, 4, &generator), "0 modes");
  TOO_LARGE(gan_mixture_draw(&gan_ring, HUGE_SIZE, &generator));
  REFUSED(gan_mixture_judge(NULL, dots, &figures), "gan_mixture_judge");
  REFUSED(gan_mixture_judge(&gan_ring, NULL, &figures), "gan_mixture_judge");
  REFUSED(gan_mixture_judge(&gan_ring, dots, NULL), "gan_mixture_judge");
  REFUSED(gan_mixture_judge(&gan_ring, ones(), &figures), "points are [2, 3]");
  REFUSED(gan_mixture_judge(&gan_ring, ag_zeros(AG_SHAPE(0, 2)), &figures), "points are [0, 2]");
  REFUSED(gan_mixture_judge(&many, dots, &figures), "26 modes");
  REFUSED(gan_mixture_judge(&none, dots, &figures), "0 modes");
  REFUSED(gan_watch_step(NULL, &(gan_figures){0}, GAN_LOGIT), "gan_watch_step");
  REFUSED(gan_watch_step(&(gan_watch){0}, NULL, GAN_LOGIT), "gan_watch_step");
  check_nothing_wrong();
}

/* gan/picture.h, scatter.h */

static void pictures(void **state) {
  (void)state;
  gan_picture picture = {0}, small = {1, 1, some_pixels};
  const gan_picture frames[] = {{2, 2, some_pixels}, {2, 3, some_pixels}}, wide = {(size_t)1 << 40, 1, some_pixels};
  ag_tensor *cells = ag_ones(AG_SHAPE(2, 4, 4)), *dots = ag_ones(AG_SHAPE(4, 2));
  REFUSED(gan_picture_grid(NULL, cells), "gan_picture_rows");
  REFUSED(gan_picture_grid(&picture, NULL), "gan_picture_rows");
  REFUSED(gan_picture_grid(&picture, ones()), "images are [2, 3]");
  REFUSED(gan_picture_grid(&picture, ag_scalar(1)), "images are []");
  REFUSED(gan_picture_grid(&picture, ag_zeros(AG_SHAPE(0, 4, 4))), "images are [0, 4, 4]");
  REFUSED(gan_picture_rows(NULL, cells, 1, 1), "gan_picture_rows");
  REFUSED(gan_picture_rows(&picture, NULL, 1, 1), "gan_picture_rows");
  REFUSED(gan_picture_rows(&picture, cells, 0, 1), "gan_picture_rows");
  REFUSED(gan_picture_rows(&picture, cells, 1, 0), "gan_picture_rows");
  TOO_LARGE(gan_picture_rows(&picture, cells, SIZE_MAX, 1));
  TOO_LARGE(gan_picture_rows(&picture, ag_zeros(AG_SHAPE(1, 1, 999993)), 1, 1)); /* with a gap of 4 on either side */
  TOO_LARGE(gan_picture_rows(&picture, cells, 1, SIZE_MAX));
  TOO_LARGE(gan_picture_rows(&picture, cells, (size_t)1 << 61, 2));
  TOO_LARGE(gan_picture_rows(&picture, cells, (size_t)1 << 31, (size_t)1 << 31));
  gan_picture unread;
  REFUSED(gan_png_read(NULL, &unread), "gan_png_read");
  REFUSED(gan_png_read(nowhere, NULL), "gan_png_read");
  REFUSED(gan_png_read(nowhere, &unread), nowhere);
  REFUSED(gan_png_write(NULL, &small), "gan_png_write");
  REFUSED(gan_png_write(nowhere, NULL), "gan_png_write");
  REFUSED(gan_png_write(nowhere, &picture), "gan_png_write");
  REFUSED(gan_png_write(nowhere, &wide), "pixels");
  REFUSED(gan_png_write(nowhere, &small), nowhere);
  REFUSED(gan_gif_write(NULL, 1, frames, 1), "gan_gif_write");
  REFUSED(gan_gif_write(nowhere, 1, NULL, 1), "gan_gif_write");
  REFUSED(gan_gif_write(nowhere, 0, frames, 1), "gan_gif_write");
  REFUSED(gan_gif_write(nowhere, 2, frames, 1), "frame 1");
  REFUSED(gan_gif_write(nowhere, 1, &wide, 1), "frame 0");
  REFUSED(gan_gif_write(nowhere, 1, frames, NAN), "seconds");
  REFUSED(gan_gif_write(nowhere, 1, frames, -1), "seconds");
  REFUSED(gan_gif_write(nowhere, 1, frames, 1e9), "seconds");
  REFUSED(gan_gif_write(nowhere, 1, frames, 1), nowhere);
  REFUSED(gan_picture_scatter(NULL, dots, dots, 1), "gan_picture_scatter");
  REFUSED(gan_picture_scatter(&picture, NULL, dots, 1), "gan_picture_scatter");
  REFUSED(gan_picture_scatter(&picture, dots, NULL, 1), "gan_picture_scatter");
  REFUSED(gan_picture_scatter(&picture, ones(), dots, 1), "points are [2, 3]");
  REFUSED(gan_picture_scatter(&picture, dots, ag_scalar(1), 1), "points are []");
  REFUSED(gan_picture_scatter(&picture, dots, dots, 0), "the extent is 0");
  REFUSED(gan_picture_scatter(&picture, dots, dots, NAN), "the extent is");
  REFUSED(gan_picture_scatter(&picture, dots, dots, INFINITY), "the extent is inf");
  ACCEPTED(gan_picture_free(NULL));
  check_nothing_wrong();
}

/* gan/model.h, pair.h, sample.h */

static void making_pairs(void **state) {
  (void)state;
  gan_pair pair;
  gan_model model = small_model();
  REFUSED(gan_pair_make(NULL, &model, &generator), "gan_pair_make");
  REFUSED(gan_pair_make(&pair, NULL, &generator), "gan_pair_make");
  REFUSED(gan_pair_make(&pair, &model, NULL), "gan_pair_make");
  REFUSED(gan_pair_make(&pair, &(gan_model){.name = "empty"}, &generator), "gan_pair_make");
  const struct {
    int64_t noise, classes, pack;
  } sizes[] = {{0, 0, 0},  {-1, 0, 0},        {INT64_MAX, INT64_MAX, 0}, {HUGE_SIZE, 0, 0},
               {2, -1, 0}, {2, 0, INT64_MAX}, {2, 0, -1}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    model = small_model();
    model.noise = sizes[i].noise;
    model.classes = sizes[i].classes;
    model.pack = sizes[i].pack;
    REFUSED(gan_pair_make(&pair, &model, &generator), "");
  }
  static const double noises[][2] = {{0.5, 0}, {0, 0.5}, {-1, -1}, {INFINITY, 1}, {1, NAN}};
  for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
    model = small_model();
    model.instance_noise.first = noises[i][0];
    model.instance_noise.last = noises[i][1];
    REFUSED(gan_pair_make(&pair, &model, &generator), "expected two positive numbers or two zeros");
  }
  static const double wide[][2] = {{-1, 0.5}, {NAN, 0.5}, {INFINITY, 0.5}, {1, -0.5}, {1, 2}, {1, NAN}};
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
    model = small_model();
    model.wide_noise.deviation = wide[i][0];
    model.wide_noise.share = wide[i][1];
    REFUSED(gan_pair_make(&pair, &model, &generator), "pair: wide_");
  }
  gan_model odd[] = {small_model(), small_model(), small_model(), small_model()};
  static const char *const named[] = {"critic_steps is -5", "freeze_after is -1", "average_decay is 7",
                                     "average_decay is"};
  odd[0].critic_steps = -5;
  odd[1].freeze_after = -1;
  odd[2].average = 7;
  odd[3].average = NAN;
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) REFUSED(gan_pair_make(&pair, &odd[i], &generator), named[i]);
  model = small_model();
  model.make_generator = no_layer;
  REFUSED(gan_pair_make(&pair, &model, &generator), "gave NULL instead of a layer");
  model = small_model();
  model.make_discriminator = no_layer;
  REFUSED(gan_pair_make(&pair, &model, &generator), "gave NULL instead of a layer");
  model = small_model();
  model.make_optimizer = no_optimizer;
  REFUSED(gan_pair_make(&pair, &model, &generator), "gave NULL instead of a layer or an optimizer");
  ACCEPTED(gan_pair_free(NULL));
  ACCEPTED(gan_pair_free(&(gan_pair){0}));
  check_nothing_wrong();
}

static void using_pairs(void **state) {
  (void)state;
  gan_pair pair = small_pair(), labelled = pair, packed = pair, empty = {0};
  const gan_batch real = points(), nothing = {NULL, NULL}, scalar = {ag_scalar(1), NULL};
  const gan_batch deep = {ag_ones((ag_shape){8, {4, 1, 1, 1, 1, 1, 1, 1}}), ag_zeros(AG_SHAPE(4))};
  labelled.classes = 3;
  packed.pack = 3;
  REFUSED(gan_pair_fits(NULL), "gan_pair_fits");
  REFUSED(gan_pair_fits(&(gan_pair){.instance_noise = -1}), "pair: instance_noise is -1, expected 0 to");
  const gan_loss attracted = {.gradient_penalty = -10}, unclipped = {.weight_clip = NAN};
  REFUSED(gan_pair_fits(&(gan_pair){.loss = &attracted}), "pair: its loss's gradient_penalty is -10");
  REFUSED(gan_pair_fits(&(gan_pair){.loss = &unclipped}), "pair: its loss's weight_clip is nan");
  ACCEPTED(gan_pair_fits(&pair));
  REFUSED(gan_noise_size(NULL), "NULL");
  REFUSED(gan_noise_size(&empty), "layer is NULL");
  REFUSED(gan_generator_input(NULL, real.samples, NULL), "gan_generator_input");
  REFUSED(gan_generator_input(&pair, NULL, NULL), "gan_generator_input");
  REFUSED(gan_generator_input(&labelled, real.samples, NULL), "labels is NULL");
  REFUSED(gan_generator_input(&labelled, scalar.samples, ag_zeros(AG_SHAPE(4))), "");
  REFUSED(gan_generator_input(&labelled, real.samples, ag_full(AG_SHAPE(4), 3)), "one_hot: index 3");
  REFUSED(gan_forge(NULL, 4, NULL, &generator), "NULL");
  REFUSED(gan_forge(&empty, 4, NULL, &generator), "NULL");
  REFUSED(gan_forge(&pair, -4, NULL, &generator), "negative");
  REFUSED(gan_forge(&pair, 4, NULL, NULL), "rng is NULL");
  TOO_LARGE(gan_forge(&pair, HUGE_SIZE, NULL, &generator));
  REFUSED(gan_discriminate(NULL, real, &generator), "gan_discriminate");
  REFUSED(gan_discriminate(&empty, real, &generator), "layer is NULL");
  REFUSED(gan_discriminate(&pair, nothing, &generator), "");
  REFUSED(gan_discriminate(&packed, real, &generator), "4 samples are no multiple of 3");
  REFUSED(gan_discriminate(&packed, scalar, &generator), "");
  REFUSED(gan_discriminate(&labelled, scalar, &generator), "");
  packed.pack = 2;
  REFUSED(gan_discriminate(&packed, deep, &generator), "");
  REFUSED(gan_gradient_penalty(NULL, real, real.samples, &generator), "NULL");
  REFUSED(gan_gradient_penalty(&pair, nothing, real.samples, &generator), "gan_gradient_penalty");
  REFUSED(gan_gradient_penalty(&pair, real, NULL, &generator), "gan_gradient_penalty");
  REFUSED(gan_gradient_penalty(&pair, real, ones(), &generator), "");
  REFUSED(gan_gradient_penalty(&pair, real, real.samples, NULL), "rng is NULL");
  REFUSED(gan_clip_weights(NULL, 1), "layer is NULL");
  REFUSED(gan_clip_weights(pair.generator, -1), "clip: low 1");
  REFUSED(gan_clip_weights(pair.generator, NAN), "clip: low");
  REFUSED(gan_follow(NULL, pair.generator, 0.5), "NULL");
  REFUSED(gan_follow(pair.generator, NULL, 0.5), "NULL");
  REFUSED(gan_follow(pair.generator, pair.discriminator, 0.5), "follow: variable 0");
  REFUSED(gan_follow(pair.generator, pair.generator, NAN), "follow: ");
  REFUSED(gan_follow(pair.generator, pair.generator, 2), "follow: ");
  gan_pair_free(&pair);
  check_nothing_wrong();
}

static void sampling(void **state) {
  (void)state;
  gan_pair pair = small_pair(), empty = {0};
  gan_model model = small_model();
  gan_picture picture;
  REFUSED(gan_sample(NULL, &model, points().samples, NULL), "gan_sample");
  REFUSED(gan_sample(&pair, NULL, points().samples, NULL), "gan_sample");
  REFUSED(gan_sample(&pair, &model, NULL, NULL), "gan_sample");
  REFUSED(gan_sample(&pair, &model, ones(), NULL), "Dense: input has shape");
  REFUSED(gan_sample(&pair, &model, ag_scalar(1), NULL), "");
  REFUSED(gan_sample(&empty, &model, points().samples, NULL), "NULL");
  REFUSED(gan_draw(NULL, &model, 4, -1, 1), "gan_draw");
  REFUSED(gan_draw(&pair, NULL, 4, -1, 1), "gan_draw");
  REFUSED(gan_draw(&pair, &model, -4, -1, 1), "negative");
  REFUSED(gan_draw(&pair, &model, 4, 0, 1), "was not trained to draw a 0");
  REFUSED(gan_draw(&empty, &model, 4, -1, 1), "NULL");
  TOO_LARGE(gan_draw(&pair, &model, HUGE_SIZE, -1, 1));
  REFUSED(gan_picture_samples(NULL, &model, points().samples), "gan_picture_samples");
  REFUSED(gan_picture_samples(&picture, NULL, points().samples), "gan_picture_samples");
  REFUSED(gan_picture_samples(&picture, &model, NULL), "gan_picture_samples");
  REFUSED(gan_picture_samples(&picture, &model, ag_scalar(1)), "");
  REFUSED(gan_labels_in_turn(-1, 3), "negative");
  TOO_LARGE(gan_labels_in_turn(HUGE_SIZE, 3));
  ACCEPTED(gan_labels_in_turn(3, 0));
  gan_pair_free(&pair);
  check_nothing_wrong();
}

/* gan/step.h */

static void training_steps(void **state) {
  (void)state;
  static const struct {
    gan_step *step;
    const char *name;
  } steps[] = {{gan_dual_tape_step, "gan_dual_tape_step"},     {gan_alternating_step, "gan_alternating_step"},
               {gan_threshold_step, "gan_threshold_step"},     {gan_half_batch_step, "gan_half_batch_step"},
               {gan_discriminator_turn, "discriminator_turn"}, {gan_generator_turn, "generator_turn"},
               {gan_frozen_generator_turn, "generator_turn"}};
  gan_loss lacking[] = {gan_cross_entropy, gan_cross_entropy, gan_cross_entropy};
  lacking[0].real = lacking[1].fake = lacking[2].generator = NULL;
  gan_loss silent = {.real = no_loss, .fake = no_loss, .generator = no_loss};
  gan_loss each = {.real = ag_square, .fake = ag_square, .generator = ag_square};
  gan_pair pair = small_pair(), lossless = pair, no_networks = {.loss = &gan_cross_entropy}, no_optimizers = pair;
  gan_pair no_terms = pair, backwards = pair;
  backwards.pack = -1;
  lossless.loss = NULL;
  no_optimizers.generator_optimizer = no_optimizers.discriminator_optimizer = NULL;
  gan_figures figures;
  const gan_batch real = points(), none = {NULL, NULL}, scalar = {ag_scalar(1), NULL};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    REFUSED(steps[i].step(NULL, real, &generator, &figures), steps[i].name);
    REFUSED(steps[i].step(&lossless, real, &generator, &figures), steps[i].name);
    REFUSED(steps[i].step(&backwards, real, &generator, &figures), "pair: pack is -1, expected 0 to");
    for (int k = 0; k < 3; k++) {
      no_terms.loss = &lacking[k];
      REFUSED(steps[i].step(&no_terms, real, &generator, &figures), steps[i].name);
    }
    no_terms.loss = &each;
    REFUSED(steps[i].step(&no_terms, real, &generator, &figures), "a function of the loss gave [");
    no_terms.loss = &silent;
    REFUSED(steps[i].step(&no_terms, real, &generator, &figures), "a function of the loss gave NULL without an error");
    REFUSED(steps[i].step(&pair, none, &generator, &figures), steps[i].name);
    REFUSED(steps[i].step(&pair, scalar, &generator, &figures), steps[i].name);
    REFUSED(steps[i].step(&pair, real, NULL, &figures), steps[i].name);
    REFUSED(steps[i].step(&pair, real, &generator, NULL), steps[i].name);
    REFUSED(steps[i].step(&no_networks, real, &generator, &figures), "NULL");
    REFUSED(steps[i].step(&no_optimizers, real, &generator, &figures), "apply_gradients: optimizer is NULL");
  }
  ag_tape *tape = ag_tape_start();
  REFUSED(gan_update(NULL, ag_scalar(1), pair.generator, pair.generator_optimizer), "NULL");
  REFUSED(gan_update(tape, NULL, pair.generator, pair.generator_optimizer), "NULL");
  REFUSED(gan_update(tape, ag_scalar(1), NULL, pair.generator_optimizer), "NULL");
  REFUSED(gan_update(tape, ag_scalar(1), pair.generator, NULL), "NULL");
  gan_pair_free(&pair);
  check_nothing_wrong();
}

/* A schedule has a name only if it is the library's. */
static void schedules_by_name(void **state) {
  (void)state;
  assert_null(gan_step_name(NULL));
  assert_null(gan_step_name(gan_generator_turn));
  assert_null(gan_step_find(NULL));
  assert_null(gan_step_find("own"));
  assert_ptr_equal(gan_step_find(gan_step_name(gan_half_batch_step)), gan_half_batch_step);
  REFUSED(gan_step_fits(NULL, &gan_hinge, 4, 1), "gan_step_fits");
  REFUSED(gan_step_fits(gan_dual_tape_step, NULL, 4, 1), "gan_step_fits");
  REFUSED(gan_step_fits(gan_dual_tape_step, &gan_hinge, 5, 2), "batches of 5 samples, expected a positive multiple");
  REFUSED(gan_step_fits(gan_dual_tape_step, &gan_hinge, INT64_MIN, 1), "expected a positive multiple of 1");
  REFUSED(gan_step_fits(gan_half_batch_step, &gan_hinge, 1, 0), "halves, expected a positive multiple of 2");
  REFUSED(gan_step_fits(gan_half_batch_step, &gan_hinge, 9, 3), "expected a positive multiple of 6");
  REFUSED(gan_step_fits(gan_half_batch_step, &gan_wasserstein_gp, 4, 1), "gradient penalty");
  REFUSED(gan_step_fits(gan_threshold_step, &gan_hinge, 4, 1), "logits");
  assert_true(gan_step_fits(gan_half_batch_step, &gan_hinge, 12, 3));
  assert_true(gan_step_fits(gan_dual_tape_step, &gan_hinge, 6, 3));
  assert_false(ag_failed());
}

/* gan/checkpoint.h, run.h, report.h, train.h */

static void runs(void **state) {
  (void)state;
  gan_pair pair = small_pair(), loaded;
  gan_model model = small_model(), found;
  gan_position at = {.model = &model, .epoch = 1, .step = 1}, no_model = {.epoch = 1, .step = 1};
  gan_run run, none = {0};
  REFUSED(gan_checkpoint_save(NULL, &at, &pair), "gan_checkpoint_save");
  REFUSED(gan_checkpoint_save(nowhere, NULL, &pair), "gan_checkpoint_save");
  REFUSED(gan_checkpoint_save(nowhere, &at, NULL), "gan_checkpoint_save");
  REFUSED(gan_checkpoint_save(nowhere, &no_model, &pair), "gan_checkpoint_save");
  REFUSED(gan_checkpoint_save(nowhere, &(gan_position){.model = &(gan_model){0}}, &pair), "gan_checkpoint_save");
  REFUSED(gan_checkpoint_save(nowhere, &at, &(gan_pair){0}), "NULL");
  REFUSED(gan_checkpoint_save(nowhere, &at, &pair), nowhere);
  REFUSED(gan_checkpoint_load(NULL, &loaded, &found), "gan_checkpoint_load");
  REFUSED(gan_checkpoint_load(nowhere, NULL, &found), "gan_checkpoint_load");
  REFUSED(gan_checkpoint_load(nowhere, &loaded, NULL), "gan_checkpoint_load");
  REFUSED(gan_checkpoint_load(nowhere, &loaded, &found), nowhere);
  ag_precision precision;
  REFUSED(gan_checkpoint_read(NULL, &found, &at, &precision), "gan_checkpoint_read");
  REFUSED(gan_checkpoint_read(nowhere, NULL, &at, &precision), "gan_checkpoint_read");
  REFUSED(gan_checkpoint_read(nowhere, &found, NULL, &precision), "gan_checkpoint_read");
  REFUSED(gan_checkpoint_read(nowhere, &found, &at, NULL), "gan_checkpoint_read");
  gan_position position;
  REFUSED(gan_checkpoint_read(nowhere, &found, &position, &precision), nowhere);
  REFUSED(gan_checkpoint_resume(NULL, &at, &pair), "gan_checkpoint_resume");
  REFUSED(gan_checkpoint_resume(nowhere, NULL, &pair), "gan_checkpoint_resume");
  REFUSED(gan_checkpoint_resume(nowhere, &at, NULL), "gan_checkpoint_resume");
  REFUSED(gan_checkpoint_resume(nowhere, &no_model, &pair), "gan_checkpoint_resume");
  REFUSED(gan_checkpoint_resume(nowhere, &at, &pair), nowhere);
  REFUSED(gan_checkpoint_differs(NULL, &at), "gan_checkpoint_differs");
  REFUSED(gan_checkpoint_differs(nowhere, NULL), "gan_checkpoint_differs");
  REFUSED(gan_checkpoint_differs(nowhere, &(gan_position){0}), "gan_checkpoint_differs");
  REFUSED(gan_checkpoint_differs(nowhere, &at), nowhere);
  ACCEPTED(gan_precision_find(NULL, &precision));
  REFUSED(gan_precision_find("high", NULL), "gan_precision_find");
  REFUSED(gan_precision_name((ag_precision)3), "gan_precision_name");
  REFUSED(gan_run_read(NULL, &found, &at, &precision), "gan_run_read");
  REFUSED(gan_run_read(nowhere, NULL, &at, &precision), "gan_run_read");
  REFUSED(gan_run_read(nowhere, &found, NULL, &precision), "gan_run_read");
  REFUSED(gan_run_read(nowhere, &found, &at, NULL), "gan_run_read");
  REFUSED(gan_run_read(nowhere, &found, &position, &precision), nowhere);
  REFUSED(gan_run_resume(NULL, nowhere, &at, &pair, NULL, NULL), "gan_run_resume");
  REFUSED(gan_run_resume(&run, NULL, &at, &pair, NULL, NULL), "gan_run_resume");
  REFUSED(gan_run_resume(&run, nowhere, NULL, &pair, NULL, NULL), "gan_run_resume");
  REFUSED(gan_run_resume(&run, nowhere, &at, NULL, NULL, NULL), "gan_run_resume");
  REFUSED(gan_run_resume(&run, nowhere, &at, &pair, NULL, NULL), nowhere);
  REFUSED(gan_run_exists(NULL), "gan_run_exists");
  assert_false(gan_run_exists(nowhere));
  REFUSED(gan_run_start(NULL, nowhere), "gan_run_start");
  REFUSED(gan_run_start(&run, NULL), "gan_run_start");
  REFUSED(gan_run_start(&run, ""), "empty name");
  REFUSED(gan_run_start(&run, nowhere), "/dev/null");
  ACCEPTED(gan_run_close(NULL));
  const gan_figures figures = {0};
  const gan_row row = {0};
  REFUSED(gan_run_log(NULL, &at, &figures), "gan_run_log");
  REFUSED(gan_run_log(&none, &at, &figures), "gan_run_log");
  REFUSED(gan_run_log_evaluation(NULL, &at, &row), "gan_run_log_evaluation");
  REFUSED(gan_run_log_evaluation(&none, &at, &row), "gan_run_log_evaluation");
  REFUSED(gan_run_show(NULL, &at, &pair, (gan_picture){0}), "gan_run_show");
  REFUSED(gan_run_show(&none, &at, &pair, (gan_picture){0}), "gan_run_show");
  REFUSED(gan_run_checkpoint(NULL, &at, &pair), "gan_run_checkpoint");
  REFUSED(gan_run_checkpoint(&none, &at, &pair), "gan_run_checkpoint");
  REFUSED(gan_run_load(NULL, &loaded, &found, NULL, NULL), "gan_run_load");
  REFUSED(gan_run_load(nowhere, NULL, &found, NULL, NULL), "gan_run_load");
  REFUSED(gan_run_load(nowhere, &loaded, NULL, NULL, NULL), "gan_run_load");
  REFUSED(gan_run_load(nowhere, &loaded, &found, NULL, NULL), nowhere);
  REFUSED(gan_report_write(NULL), "gan_report_write");
  REFUSED(gan_report_write(nowhere), nowhere);
  gan_pair_free(&pair);
  check_nothing_wrong();
}

static void training(void **state) {
  (void)state;
  gan_model model = small_model(), of_images = model, without_step = model, without_loss = model, nameless = model;
  gan_model uphill = model, rising = model, rateless = model;
  uphill.learning_rate = -1;
  rising.decay = -1;
  rateless.learning_rate = NAN;
  of_images.mixture = NULL;
  without_step.step = NULL;
  without_loss.loss = NULL;
  nameless.name = NULL;
  REFUSED(gan_train(NULL), "gan_train");
  REFUSED(gan_train(&(gan_training){.folder = nowhere}), "gan_train");
  REFUSED(gan_train(&(gan_training){.model = &nameless, .folder = nowhere}), "gan_train");
  REFUSED(gan_train(&(gan_training){.model = &without_step, .folder = nowhere}), "gan_train");
  REFUSED(gan_train(&(gan_training){.model = &without_loss, .folder = nowhere}), "gan_pair_make");
  REFUSED(gan_train(&(gan_training){.model = &of_images, .folder = nowhere}), "gan_train: images is NULL");
  REFUSED(gan_train(&(gan_training){.model = &of_images, .images = &images, .folder = nowhere}), "a batch of 4");
  REFUSED(gan_train(&(gan_training){.model = &uphill, .folder = nowhere}), "train: learning rate -1");
  REFUSED(gan_train(&(gan_training){.model = &rateless, .folder = nowhere}), "train: learning rate");
  REFUSED(gan_train(&(gan_training){.model = &rising, .folder = nowhere}), "decay -1");
  REFUSED(gan_train(&(gan_training){.model = &model}), "folder");
  REFUSED(gan_train(&(gan_training){.model = &model, .folder = nowhere, .epochs = -1}), "-1 epochs");
  REFUSED(gan_train(&(gan_training){.model = &model, .folder = nowhere, .epochs = INT64_MAX}), "epochs");
  REFUSED(gan_train(&(gan_training){.model = &model, .folder = nowhere, .steps = -1}), "-1 steps");
  REFUSED(gan_train(&(gan_training){.model = &model, .folder = nowhere}), "/dev/null");
  check_nothing_wrong();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(files_of_images), TEST(batches_of_images),  TEST(pixels_and_neighbours),
      TEST(judging_digits),  TEST(rows_and_gaussians), TEST(walks_mixtures_and_watches),
      TEST(pictures),        TEST(making_pairs),       TEST(using_pairs),
      TEST(sampling),        TEST(training_steps),
      TEST(schedules_by_name),     TEST(runs),
      TEST(training),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  printf("%d wrong calls of gan refused or passed over as documented\n", misuse.calls);
  return failed;
}
