/* Threads that train at once, each a model of its own: the bits of training one after the other, and errors that stay
 * with the thread that made them. Meant to run under ThreadSanitizer, too. */
#include <pthread.h>

#include "tests/check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gan/gan.h"

/* Networks whose passes are large enough for kernels to share out among their threads. */

static nn_layer *image_generator(void) {
  return nn_sequential(nn_dense(7 * 7 * 16), nn_batch_norm(), nn_activation(NN_RELU), nn_reshape(7, 7, 16),
                       nn_conv2d_transpose(1, 5, .stride = 2, .padding = NN_SAME, .activation = NN_TANH));
}

static nn_layer *image_discriminator(void) {
  return nn_sequential(nn_conv2d(16, 5, .stride = 2, .padding = NN_SAME), nn_leaky_relu(), nn_dropout(0.3),
                       nn_max_pool2d(2), nn_flatten(), nn_dense(1));
}

static nn_layer *point_generator(void) {
  return nn_sequential(nn_dense(128, .activation = NN_RELU), nn_batch_norm(), nn_dense(2));
}

static nn_layer *point_discriminator(void) { return nn_sequential(nn_maxout(64, 5), nn_dense(1)); }

static nn_optimizer *adam(void) { return nn_adam(.learning_rate = 1e-3, .beta1 = 0.5); }

static const gan_model images = {
    .name = "images",
    .make_generator = image_generator,
    .make_discriminator = image_discriminator,
    .make_optimizer = adam,
    .loss = &gan_cross_entropy,
    .step = gan_dual_tape_step,
    .average = 0.9,
    .noise = 16,
    .batch = 64,
};

static const gan_model points = {
    .name = "points",
    .make_generator = point_generator,
    .make_discriminator = point_discriminator,
    .make_optimizer = adam,
    .loss = &gan_wasserstein_gp,
    .step = gan_alternating_step,
    .pack = 2,
    .noise = 8,
    .batch = 256,
    .mixture = &gan_ring,
};

/* A training in one thread. */
typedef struct {
  const gan_model *model;
  const char *checkpoint; /* NULL: none is saved and loaded on the way */
  int kernel_threads;
  pthread_barrier_t *start;
  ag_real *weights; /* of the trained pair, to be freed; NULL: it failed, as `error` says */
  size_t count;
  char error[512];
} training;

static bool train_step(const gan_model *model, gan_pair *pair, ag_rng *rng) {
  ag_scope *scope = ag_scope_enter();
  gan_figures figures;
  ag_tensor *real = model->mixture ? gan_mixture_draw(model->mixture, model->batch, rng)
                                   : ag_uniform(rng, AG_SHAPE(model->batch, 14, 14, 1), -1, 1);
  bool trained = model->step(pair, (gan_batch){.samples = real}, rng, &figures);
  ag_scope_leave(scope);
  return trained;
}

/* Another pair goes on from the file in this one's place. */
static bool go_on_from_file(const training *run, gan_pair *pair, ag_rng *rng) {
  gan_position at = {
      .model = run->model, .steps_an_epoch = 1, .steps = 1, .epoch = 1, .step = 1, .counter = rng->counter};
  bool saved = gan_checkpoint_save(run->checkpoint, &at, pair);
  ag_rng other = ag_rng_seed(99);
  gan_pair_free(pair);
  return saved && gan_pair_make(pair, run->model, &other) && gan_checkpoint_resume(run->checkpoint, &at, pair);
}

static void keep_weights(training *run, const gan_pair *pair) {
  const ag_list lists[] = {nn_variables(pair->generator), nn_variables(pair->discriminator)};
  for (int i = 0; i < 2; i++) {
    for (size_t j = 0; j < lists[i].count; j++) {
      size_t size = ag_size(lists[i].items[j]);
      run->weights = realloc(run->weights, (run->count + size) * sizeof(ag_real));
      memcpy(run->weights + run->count, ag_data(lists[i].items[j]), size * sizeof(ag_real));
      run->count += size;
    }
  }
}

static void *train(void *context) {
  enum { STEPS = 8 };
  training *run = context;
  ag_set_threads(run->kernel_threads);
  ag_scope *scope = ag_scope_enter();
  ag_rng rng = ag_rng_seed(5);
  gan_pair pair = {0};
  if (run->start) pthread_barrier_wait(run->start);
  bool trained = gan_pair_make(&pair, run->model, &rng);
  for (int step = 0; trained && step < STEPS; step++) {
    if (step == STEPS / 2 && run->checkpoint) trained = go_on_from_file(run, &pair, &rng);
    trained = trained && train_step(run->model, &pair, &rng);
  }
  if (trained) keep_weights(run, &pair);
  snprintf(run->error, sizeof run->error, "%s", ag_error_message());
  gan_pair_free(&pair);
  ag_scope_leave(scope);
  return NULL;
}

/* A thread that makes mistakes until it is told to stop. */
typedef struct {
  pthread_barrier_t *start;
  atomic_bool stop;
  int mistakes, right_errors;
} blunderer;

static void *blunder(void *context) {
  blunderer *run = context;
  ag_scope *scope = ag_scope_enter();
  ag_tensor *a = ag_ones(AG_SHAPE(2, 3)), *b = ag_ones(AG_SHAPE(4, 5));
  pthread_barrier_wait(run->start);
  do {
    run->mistakes++;
    bool refused = !ag_matmul(a, b);
    run->right_errors +=
        refused && ag_error_kind() == AG_ERROR_SHAPE && strstr(ag_error_message(), "[2, 3] and [4, 5]");
    ag_error_clear();
  } while (!atomic_load(&run->stop));
  ag_scope_leave(scope);
  return NULL;
}

enum { RUNS = 2 };

static void start(pthread_t *thread, void *(*function)(void *), void *context) {
  assert_int_equal(pthread_create(thread, NULL, function, context), 0);
}

static void train_one_after_the_other(training *runs) {
  for (int i = 0; i < RUNS; i++) {
    pthread_t thread;
    start(&thread, train, &runs[i]);
    pthread_join(thread, NULL);
    if (!runs[i].weights) fail_msg("%s: %s", runs[i].model->name, runs[i].error);
  }
}

static void train_at_once(training *runs) {
  pthread_barrier_t barrier;
  pthread_t threads[RUNS], wrong;
  blunderer mistaken = {.start = &barrier};
  assert_int_equal(pthread_barrier_init(&barrier, NULL, RUNS + 1), 0);
  start(&wrong, blunder, &mistaken);
  for (int i = 0; i < RUNS; i++) {
    runs[i].start = &barrier;
    start(&threads[i], train, &runs[i]);
  }
  for (int i = 0; i < RUNS; i++) pthread_join(threads[i], NULL);
  atomic_store(&mistaken.stop, true);
  pthread_join(wrong, NULL);
  pthread_barrier_destroy(&barrier);
  assert_int_equal(mistaken.right_errors, mistaken.mistakes);
  for (int i = 0; i < RUNS; i++) assert_string_equal(runs[i].error, "");
}

static void check_at_once(int kernel_threads) {
  char path[] = "/tmp/dualtape-threads-XXXXXX";
  int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  training alone[RUNS] = {{.model = &images, .kernel_threads = 1}, {.model = &points, .kernel_threads = 1}};
  training at_once[RUNS] = {{.model = &images, .kernel_threads = kernel_threads, .checkpoint = path},
                            {.model = &points, .kernel_threads = kernel_threads}};
  train_one_after_the_other(alone);
  train_at_once(at_once);
  for (int i = 0; i < RUNS; i++) {
    assert_int_equal(at_once[i].count, alone[i].count);
    assert_memory_equal(at_once[i].weights, alone[i].weights, alone[i].count * sizeof(ag_real));
    free(at_once[i].weights);
    free(alone[i].weights);
  }
  unlink(path);
}

static void two_models_trained_at_once_have_the_bits_of_one_after_the_other(void **state) {
  (void)state;
  check_at_once(1);
}

static void so_they_have_where_each_uses_two_threads(void **state) {
  (void)state;
  check_at_once(2);
}

/* A network that nobody trains, and what one of its users makes of it. */
typedef struct {
  nn_layer *network;
  double loss, slope;
} user;

static bool use_once(user *run, ag_tensor *noise) {
  ag_scope *scope = ag_scope_enter();
  ag_tape *tape = ag_tape_start();
  ag_tensor *loss = ag_mean(ag_square(nn_forward(run->network, noise, NN_EVAL)));
  ag_tape_stop(tape);
  ag_list gradients = ag_gradients(tape, loss, nn_trainable_variables(run->network));
  run->loss = ag_item(loss);
  run->slope = gradients.items ? ag_item(ag_sum(gradients.items[0])) : NAN;
  ag_scope_leave(scope);
  return !ag_failed();
}

static void *use(void *context) {
  enum { PASSES = 10 };
  user *run = context;
  ag_scope *scope = ag_scope_enter();
  ag_rng rng = ag_rng_seed(3);
  ag_tensor *noise = ag_normal(&rng, AG_SHAPE(16, 16), 0, 1);
  for (int pass = 0; pass < PASSES && use_once(run, noise); pass++) continue;
  ag_scope_leave(scope);
  return NULL;
}

static void threads_share_a_network_that_nobody_trains(void **state) {
  (void)state;
  enum { USERS = 3 };
  ag_rng rng = ag_rng_seed(2);
  nn_layer *network = image_generator();
  assert_true(nn_build(network, AG_SHAPE(16), &rng));
  pthread_t threads[USERS];
  user alone = {.network = network}, users[USERS];
  use(&alone);
  for (int i = 0; i < USERS; i++) users[i] = (user){.network = network}, start(&threads[i], use, &users[i]);
  for (int i = 0; i < USERS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < USERS; i++) assert_true(users[i].loss == alone.loss && users[i].slope == alone.slope);
  assert_true(alone.loss > 0 && isfinite(alone.slope) && !ag_failed());
  nn_layer_free(network);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(two_models_trained_at_once_have_the_bits_of_one_after_the_other),
      TEST(so_they_have_where_each_uses_two_threads),
      TEST(threads_share_a_network_that_nobody_trains),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
