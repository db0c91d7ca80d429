/* Sentences about failing runs: silence while all is well, one sentence a failure, and again after a recovery. */
#include "check.h"

#include "gan/mixture.h"
#include "gan/watch.h"

static const gan_figures healthy = {
    .d_real = 0.65, .d_fake = 0.35, .accuracy = 0.75, .g_loss = 1.2, .d_loss = 1, .spread = 0.9};
static const gan_figures won = {
    .d_real = 0.999, .d_fake = 0.001, .accuracy = 1, .g_loss = 8, .d_loss = 0.01, .spread = 0.9};
static const gan_figures diverged = {
    .d_real = 0.5, .d_fake = 0.5, .accuracy = 0.5, .g_loss = 400, .d_loss = 3e3, .spread = 0.9};
static const gan_figures collapsed = {
    .d_real = 0.6, .d_fake = 0.4, .accuracy = 0.7, .g_loss = 1.2, .d_loss = 1, .spread = 0.02};

/* Steps of the same figures. Returns how many sentences there were; each holds `text`. */
static int tell_as(gan_output output, gan_watch *watch, gan_figures figures, int steps, const char *text) {
  int told = 0;
  for (int i = 0; i < steps; i++) {
    const char *sentence = gan_watch_step(watch, &figures, output);
    if (!sentence) continue;
    told++;
    if (!text || !strstr(sentence, text)) print_error("said: %s\n", sentence);
    assert_true(text && strstr(sentence, text));
    assert_null(strchr(sentence, '\n'));
    assert_null(strstr(sentence, "nan"));
  }
  return told;
}

static int tell(gan_watch *watch, gan_figures figures, int steps, const char *text) {
  return tell_as(GAN_LOGIT, watch, figures, steps, text);
}

static double noise(ag_rng *rng) { return ag_random_below(rng, 2001) / 1000.0 - 1; } /* in [-1, 1] */

static void a_healthy_run_is_silent(void **state) {
  (void)state;
  gan_watch watch = {0};
  ag_rng rng = ag_rng_seed(1);
  for (int step = 1; step <= 5000; step++) {
    gan_figures figures = healthy;
    figures.accuracy += 0.2 * noise(&rng);
    figures.d_fake += 0.2 * noise(&rng);
    figures.d_real += 0.3 * noise(&rng);
    figures.g_loss += noise(&rng);
    figures.spread = 0.7 + 0.2 * noise(&rng);
    if (step <= 100) figures = step % 2 ? won : diverged; /* the first steps are wild */
    if (step <= 100) figures.spread = 0.01;
    if (step == 100) figures.g_loss = 1e9; /* the last of them: 200 steps later its average would still be huge */
    assert_null(gan_watch_step(&watch, &figures, GAN_LOGIT));
  }
}

/* d_real, d_fake, accuracy, g_loss, d_loss: means over 25 steps each of metrics.csv after
 * `mnist-gan train --batch 32 --steps 400` on 2,000 digits; the spread of the next epoch's 16 samples. */
static void the_start_of_a_dcgan_is_silent(void **state) {
  (void)state;
  static const double trace[][6] = {
      {0.747, 0.571, 0.505, 0.561, 1.154, 0.088}, {0.809, 0.619, 0.500, 0.481, 1.184, 0.088},
      {0.666, 0.575, 0.515, 0.556, 1.269, 0.104}, {0.757, 0.415, 0.967, 0.886, 0.822, 0.104},
      {0.762, 0.420, 0.887, 0.888, 0.835, 0.104}, {0.757, 0.350, 0.969, 1.081, 0.730, 0.047},
      {0.745, 0.402, 0.952, 0.923, 0.829, 0.047}, {0.685, 0.423, 0.836, 0.885, 0.969, 0.026},
      {0.557, 0.446, 0.724, 0.821, 1.240, 0.026}, {0.550, 0.452, 0.703, 0.810, 1.250, 0.026},
      {0.497, 0.575, 0.314, 0.566, 1.637, 0.010}, {0.621, 0.456, 0.748, 0.802, 1.123, 0.010},
      {0.576, 0.477, 0.634, 0.763, 1.285, 0.048}, {0.486, 0.492, 0.532, 0.722, 1.467, 0.048},
      {0.631, 0.377, 0.889, 0.985, 0.968, 0.048}, {0.631, 0.393, 0.762, 0.984, 1.048, 0.215}};
  gan_watch watch = {0};
  for (size_t i = 0; i < sizeof trace / sizeof *trace; i++) {
    gan_figures figures = {.d_real = trace[i][0],
                           .d_fake = trace[i][1],
                           .accuracy = trace[i][2],
                           .g_loss = trace[i][3],
                           .d_loss = trace[i][4],
                           .spread = trace[i][5]};
    assert_int_equal(tell(&watch, figures, 25, NULL), 0);
  }
  assert_int_equal(tell(&watch, healthy, 1000, NULL), 0);
}

/* Scores of any size, losses that start at hundreds and shrink. */
static void a_healthy_critic_is_silent(void **state) {
  (void)state;
  gan_watch watch = {0};
  for (int step = 1; step <= 3000; step++) {
    gan_figures figures = {.d_real = 0.99 + 300.0 / step,
                           .d_fake = -200 - 1e-2 * step,
                           .accuracy = 1,
                           .g_loss = 200 + 1e-2 * step,
                           .d_loss = -3 + 900 * exp(-step / 50.0),
                           .spread = 0.8};
    assert_null(gan_watch_step(&watch, &figures, GAN_SCORE));
  }
}

static void each_failure_is_said_once_whether_of_logits_or_values(void **state) {
  (void)state;
  static const struct {
    const gan_figures *figures;
    const char *text;
  } failures[] = {
      {&diverged, "step 300: training diverges: the losses are about 400 (generator) and 3e+03 (discriminator)"},
      {&won, "step 300: the discriminator has won: D(x) is 1.00, D(G(z)) 0.0010, its accuracy 100.0%"},
      {&collapsed, "step 300: modes collapse: samples differ from each other only 2.0% as much"}};
  for (int i = 0; i < 6; i++) {
    gan_watch watch = {.spread_out = true};
    gan_output output = i % 2 ? GAN_VALUE : GAN_LOGIT;
    assert_int_equal(tell_as(output, &watch, *failures[i / 2].figures, 299, NULL), 0);
    assert_int_equal(tell_as(output, &watch, *failures[i / 2].figures, 5000, failures[i / 2].text), 1);
  }
}

static void a_failure_is_said_again_after_a_recovery(void **state) {
  (void)state;
  gan_figures found_out = won, erring = won; /* a winner is none where it takes forgeries for real, or errs */
  found_out.d_fake = 0.1;
  erring.accuracy = 0.9;
  const gan_figures far = {.g_loss = 5e4, .d_loss = 5e4, .spread = 0.9}; /* scores of hundreds are well */
  const gan_figures near = {.g_loss = 300, .d_loss = 300, .spread = 0.9};
  const struct {
    gan_output output;
    const gan_figures *failed, *recovered;
    const char *text;
  } rows[] = {{GAN_LOGIT, &diverged, &healthy, "diverges"},  {GAN_LOGIT, &won, &healthy, "has won"},
              {GAN_LOGIT, &won, &found_out, "has won"},      {GAN_LOGIT, &won, &erring, "has won"},
              {GAN_LOGIT, &collapsed, &healthy, "collapse"}, {GAN_SCORE, &far, &near, "diverges"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gan_watch watch = {0};
    for (int again = 0; again < 2; again++) {
      assert_int_equal(tell_as(rows[i].output, &watch, *rows[i].recovered, 1000, NULL), 0);
      assert_int_equal(tell_as(rows[i].output, &watch, *rows[i].failed, 1000, rows[i].text), 1);
    }
  }
}

/* Accuracy swings about the bound by less than the way to recovery. */
static void a_figure_that_wavers_about_the_bound_is_said_once(void **state) {
  (void)state;
  gan_watch watch = {0};
  int told = 0;
  for (int i = 0; i < 20; i++) {
    gan_figures figures = won;
    figures.d_fake = i % 2 ? 0.02 : 0.001;
    figures.accuracy = i % 2 ? 0.985 : 1;
    told += tell(&watch, figures, 500, "has won");
  }
  assert_int_equal(told, 1);
}

static void what_passes_by_is_not_said(void **state) {
  (void)state;
  gan_watch watch = {0};
  assert_int_equal(tell(&watch, healthy, 1000, NULL), 0);
  assert_int_equal(tell(&watch, won, 200, NULL), 0);
  assert_int_equal(tell(&watch, healthy, 1000, NULL), 0);
  assert_int_equal(tell(&watch, won, 400, "has won"), 1); /* and that a few hundred steps are enough */
}

static void smoothed_labels_do_not_hide_a_winner(void **state) {
  (void)state;
  gan_watch watch = {0};
  gan_figures figures = won;
  figures.d_real = 0.9;
  assert_int_equal(tell(&watch, figures, 400, "has won"), 1);
}

static void a_winner_is_sure_of_real_and_forged_and_right(void **state) {
  (void)state;
  gan_figures unsure[] = {won, won, won};
  unsure[0].d_real = 0.7;
  unsure[1].d_fake = 0.02;
  unsure[2].accuracy = 0.99;
  for (int i = 0; i < 3; i++) assert_int_equal(tell(&(gan_watch){0}, unsure[i], 1000, NULL), 0);
}

static void what_is_not_finite_is_passed_over(void **state) {
  (void)state;
  static const gan_figures odd[] = {{NAN, NAN, NAN, NAN, NAN, NAN, NAN},
                                    {INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY}};
  for (int i = 0; i < 2; i++) {
    gan_watch watch = {0};
    assert_int_equal(tell(&watch, healthy, 500, NULL), 0);
    assert_int_equal(tell(&watch, odd[i], 1, NULL), 0);
    assert_int_equal(tell(&watch, healthy, 500, NULL), 0);
    assert_int_equal(tell(&watch, won, 1000, "has won"), 1);
  }
}

static void a_generator_that_has_yet_to_begin_is_not_collapsed(void **state) {
  (void)state;
  gan_watch watch = {0};
  assert_int_equal(tell(&watch, collapsed, 1999, NULL), 0);
  assert_int_equal(tell(&watch, collapsed, 1000, "step 2000: modes collapse"), 1);
  gan_watch late = {0};
  assert_int_equal(tell(&late, collapsed, 1000, NULL), 0);
  assert_int_equal(tell(&late, healthy, 300, NULL), 0);
  assert_int_equal(tell(&late, collapsed, 500, "collapse"), 1);
}

/* A critic's losses run off below zero, too. */
static void one_network_that_diverges_is_enough(void **state) {
  (void)state;
  static const struct {
    gan_output output;
    double g_loss, d_loss;
    const char *text;
  } rows[] = {{GAN_LOGIT, 400, 1, "about 400 (generator) and 1 (disc"},
              {GAN_LOGIT, 1, 400, "about 1 (generator) and 400 (disc"},
              {GAN_SCORE, -5e4, 1, "about 5e+04 (generator) and 1 (disc"},
              {GAN_SCORE, 1, -5e4, "about 1 (generator) and 5e+04 (disc"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gan_figures figures = {.g_loss = rows[i].g_loss, .d_loss = rows[i].d_loss, .spread = NAN};
    assert_int_equal(tell_as(rows[i].output, &(gan_watch){0}, figures, 1000, rows[i].text), 1);
  }
}

/* Failures in earnest: what the watch says of two small networks on the ring, each trained to fail in one way. */

typedef struct {
  double generator_rate, discriminator_rate;
  double start; /* where both numbers that the generator gives begin, about */
  const gan_loss *loss;
} recipe;

/* Every sentence of 2,100 steps holds the text; how many there were. */
static int train(recipe r, const char *text) {
  ag_rng rng = ag_rng_seed(2);
  gan_pair pair = {
      .generator = nn_sequential(nn_dense(16, .activation = NN_TANH), nn_dense(2)),
      .discriminator = nn_sequential(nn_dense(32, .activation = NN_LEAKY_RELU),
                                     nn_dense(32, .activation = NN_LEAKY_RELU), nn_dense(1)),
      .generator_optimizer = nn_adam(.learning_rate = r.generator_rate, .beta1 = 0.5),
      .discriminator_optimizer = nn_adam(.learning_rate = r.discriminator_rate, .beta1 = 0.5),
      .loss = r.loss,
  };
  assert_true(nn_build(pair.generator, AG_SHAPE(2), &rng) && nn_build(pair.discriminator, AG_SHAPE(2), &rng));
  assert_true(ag_assign(nn_variables(pair.generator).items[3], ag_full(AG_SHAPE(2), r.start)));
  gan_watch watch = {0};
  gan_figures figures;
  int told = 0;
  for (int i = 0; i < 2100; i++) {
    ag_scope *scope = ag_scope_enter();
    assert_true(
        gan_alternating_step(&pair, (gan_batch){.samples = gan_mixture_draw(&gan_ring, 32, &rng)}, &rng, &figures));
    const char *sentence = gan_watch_step(&watch, &figures, r.loss->output);
    if (sentence) told++;
    if (sentence && !(text && strstr(sentence, text))) fail_msg("said: %s", sentence);
    ag_scope_leave(scope);
  }
  gan_pair_free(&pair);
  return told;
}

static void runs_prepared_to_fail_are_told_apart(void **state) {
  (void)state;
  /* A critic that nothing holds runs off; a generator at rest, far from the ring, is found out; all noise runs to the
   * spot where a discriminator at rest likes it best. */
  gan_loss unbound = gan_wasserstein;
  unbound.weight_clip = 0;
  assert_int_equal(train((recipe){1e-4, 0.2, 0, &unbound}, "training diverges"), 1);
  assert_int_equal(train((recipe){NN_ZERO, 5e-3, 4, &gan_cross_entropy}, "the discriminator has won"), 1);
  assert_int_equal(train((recipe){2e-3, NN_ZERO, 0, &gan_cross_entropy}, "modes collapse"), 1);
}

static void a_run_that_learns_is_silent(void **state) {
  (void)state;
  assert_int_equal(train((recipe){1e-3, 1e-3, 0, &gan_cross_entropy}, NULL), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_healthy_run_is_silent),
      TEST(the_start_of_a_dcgan_is_silent),
      TEST(a_healthy_critic_is_silent),
      TEST(each_failure_is_said_once_whether_of_logits_or_values),
      TEST(a_failure_is_said_again_after_a_recovery),
      TEST(a_figure_that_wavers_about_the_bound_is_said_once),
      TEST(what_passes_by_is_not_said),
      TEST(smoothed_labels_do_not_hide_a_winner),
      TEST(a_winner_is_sure_of_real_and_forged_and_right),
      TEST(what_is_not_finite_is_passed_over),
      TEST(a_generator_that_has_yet_to_begin_is_not_collapsed),
      TEST(one_network_that_diverges_is_enough),
      TEST(runs_prepared_to_fail_are_told_apart),
      TEST(a_run_that_learns_is_silent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
