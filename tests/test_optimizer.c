/* Optimizers: steps against their formulas in double, all or nothing, clipping. */
#include "tests/check.h"

#include "nn/nn.h"

enum { SIZE = 5, STEPS = 7 };

/* Gradients that differ from place to place and step to step. */
static double slope(int step, int i) { return sin(2.3 * step + 0.9 * i) * (i + 1); }

static ag_tensor *slopes(int step) {
  ag_real values[SIZE];
  for (int i = 0; i < SIZE; i++) values[i] = (ag_real)slope(step, i);
  return ag_from(AG_SHAPE(SIZE), values);
}

static ag_tensor *variable_of(double value) { return ag_variable(ag_full(AG_SHAPE(SIZE), value)); }

static bool apply(nn_optimizer *optimizer, ag_tensor *variable, ag_tensor *gradient) {
  return nn_apply_gradients(optimizer, AG_LIST(variable), AG_LIST(gradient));
}

/* The weight after each step as the formula has it; m and v are the state. */
typedef double formula(int t, double g, double w, double *m, double *v);

static void check_steps(nn_optimizer *optimizer, formula *step, int line) {
  ag_tensor *variable = variable_of(1);
  double w[SIZE], m[SIZE] = {0}, v[SIZE] = {0};
  for (int i = 0; i < SIZE; i++) w[i] = 1;
  for (int t = 1; t <= STEPS; t++) {
    assert_true(apply(optimizer, variable, slopes(t)));
    for (int i = 0; i < SIZE; i++) w[i] = step(t, slope(t, i), w[i], &m[i], &v[i]);
    check_values(variable, AG_SHAPE(SIZE), w, SIZE, __FILE__, line);
  }
  nn_optimizer_free(optimizer);
}
#define assert_steps(optimizer, step) check_steps(optimizer, step, __LINE__)

static double plain(int t, double g, double w, double *m, double *v) {
  (void)t, (void)m, (void)v;
  return w - 0.01 * g;
}

static double heavy(int t, double g, double w, double *m, double *v) {
  (void)t, (void)v;
  *m = 0.9 * *m - 0.2 * g;
  return w + *m;
}

static double rms(int t, double g, double w, double *m, double *v) {
  (void)t, (void)m;
  *v = 0.9 * *v + 0.1 * g * g;
  return w - 1e-3 * g / (sqrt(*v) + 1e-7);
}

static double rms_given(int t, double g, double w, double *m, double *v) {
  (void)t, (void)m;
  *v = 0.99 * *v + 0.01 * g * g;
  return w - 0.1 * g / (sqrt(*v) + 0.5);
}

static double adaptive(int t, double g, double w, double *m, double *v, double rate, double b1, double b2,
                       double epsilon) {
  *m = b1 * *m + (1 - b1) * g;
  *v = b2 * *v + (1 - b2) * g * g;
  return w - rate * sqrt(1 - pow(b2, t)) / (1 - pow(b1, t)) * *m / (sqrt(*v) + epsilon);
}

static double adam(int t, double g, double w, double *m, double *v) {
  return adaptive(t, g, w, m, v, 1e-3, 0.9, 0.999, 1e-7);
}

static double adam_given(int t, double g, double w, double *m, double *v) {
  return adaptive(t, g, w, m, v, 0.1, 0, 0.9, 0.25);
}

static double adamw(int t, double g, double w, double *m, double *v) {
  return adaptive(t, g, w, m, v, 1e-3, 0.9, 0.999, 1e-7) - 1e-3 * 4e-3 * w;
}

static double adamw_given(int t, double g, double w, double *m, double *v) {
  return adaptive(t, g, w, m, v, 0.1, 0.5, 0.99, 1e-7) - 0.1 * 0.3 * w;
}

static void steps_are_their_formulas(void **state) {
  (void)state;
  assert_steps(nn_sgd(), plain);
  assert_steps(nn_sgd(.learning_rate = 0.2, .momentum = 0.9), heavy);
  assert_steps(nn_rmsprop(), rms);
  assert_steps(nn_rmsprop(.learning_rate = 0.1, .rho = 0.99, .epsilon = 0.5), rms_given);
  assert_steps(nn_adam(), adam);
  assert_steps(nn_adam(.learning_rate = 0.1, .beta1 = NN_ZERO, .beta2 = 0.9, .epsilon = 0.25), adam_given);
  assert_steps(nn_adamw(), adamw);
  assert_steps(nn_adamw(.learning_rate = 0.1, .beta1 = 0.5, .beta2 = 0.99, .weight_decay = 0.3), adamw_given);
}

/* Kingma and Ba: the first step has the size of the rate, whatever the gradient's. */
static void adams_first_step_is_as_long_as_the_rate(void **state) {
  (void)state;
  nn_optimizer *optimizer = nn_adam(.learning_rate = 0.5, .epsilon = NN_ZERO);
  ag_tensor *variable = ag_variable(ag_zeros(AG_SHAPE(3)));
  assert_true(apply(optimizer, variable, ag_from(AG_SHAPE(3), (ag_real[]){1000, -0.001, 2})));
  assert_values(variable, AG_SHAPE(3), -0.5, 0.5, -0.5);
  nn_optimizer_free(optimizer);
}

static void the_learning_rate_counts_from_the_next_step_on(void **state) {
  (void)state;
  nn_optimizer *optimizer = nn_sgd();
  assert_true(nn_learning_rate(optimizer) == 0.01);
  ag_tensor *variable = ag_variable(ag_scalar(1)), *one = ag_scalar(1);
  assert_true(nn_set_learning_rate(optimizer, 0.5) && apply(optimizer, variable, one));
  assert_value(variable, 0.5);
  assert_true(nn_set_learning_rate(optimizer, 0) && apply(optimizer, variable, one));
  assert_value(variable, 0.5);
  assert_false(nn_set_learning_rate(optimizer, -1));
  assert_error(AG_ERROR_ARGUMENT, "sgd: learning_rate is -1");
  assert_false(nn_set_learning_rate(optimizer, INFINITY));
  assert_error(AG_ERROR_ARGUMENT, "learning_rate");
  assert_false(nn_set_learning_rate(NULL, 1));
  assert_error(AG_ERROR_ARGUMENT, "optimizer");
  assert_true(isnan(nn_learning_rate(NULL)));
  assert_error(AG_ERROR_ARGUMENT, "optimizer");
  assert_true(nn_learning_rate(optimizer) == 0);
  nn_optimizer_free(optimizer);
  nn_optimizer_free(NULL);
}

static void wrong_options_make_no_optimizer(void **state) {
  (void)state;
  assert_null(nn_sgd(.learning_rate = -0.1));
  assert_error(AG_ERROR_ARGUMENT, "sgd: learning_rate is -0.1");
  assert_null(nn_sgd(.momentum = 1));
  assert_error(AG_ERROR_ARGUMENT, "sgd: momentum is 1");
  assert_null(nn_rmsprop(.rho = -1));
  assert_error(AG_ERROR_ARGUMENT, "rmsprop: rho");
  assert_null(nn_adam(.beta1 = 1));
  assert_error(AG_ERROR_ARGUMENT, "adam: beta1");
  assert_null(nn_adam(.beta2 = NAN));
  assert_error(AG_ERROR_ARGUMENT, "adam: beta2");
  assert_null(nn_adam(.epsilon = -1));
  assert_error(AG_ERROR_ARGUMENT, "adam: epsilon");
  assert_null(nn_adam(.weight_decay = 0.1));
  assert_error(AG_ERROR_ARGUMENT, "adamw");
  assert_null(nn_adamw(.weight_decay = -1));
  assert_error(AG_ERROR_ARGUMENT, "adamw: weight_decay");
}

/* All or nothing */

static void a_refused_step_changes_nothing(void **state) {
  (void)state;
  nn_optimizer *optimizer = nn_adam(.learning_rate = 0.1), *fresh = nn_adam(.learning_rate = 0.1);
  ag_tensor *a = variable_of(1), *b = variable_of(1), *twin = variable_of(1), *g = slopes(1);
  ag_tensor *frozen = variable_of(1);
  ag_set_trainable(frozen, false);
  assert_false(nn_apply_gradients(optimizer, AG_LIST(a, b), AG_LIST(g, ag_ones(AG_SHAPE(2)))));
  assert_true(strstr(ag_error_message(), "[5]") && strstr(ag_error_message(), "[2]"));
  assert_error(AG_ERROR_SHAPE, "adam: variable 1");
  assert_false(nn_apply_gradients(optimizer, AG_LIST(a, b), AG_LIST(g)));
  assert_error(AG_ERROR_ARGUMENT, "2 variables, but 1 gradients");
  assert_false(nn_apply_gradients(optimizer, AG_LIST(a, b), (ag_list){0, NULL}));
  assert_error(AG_ERROR_ARGUMENT, "2 variables, but 0 gradients");
  assert_false(nn_apply_gradients(optimizer, AG_LIST(a, ag_ones(AG_SHAPE(SIZE))), AG_LIST(g, g)));
  assert_error(AG_ERROR_ARGUMENT, "tensor 1");
  assert_false(nn_apply_gradients(optimizer, AG_LIST(a, frozen), AG_LIST(g, g)));
  assert_error(AG_ERROR_ARGUMENT, "tensor 1");
  assert_false(nn_apply_gradients(optimizer, AG_LIST(a, NULL), AG_LIST(g, g)));
  assert_error(AG_ERROR_ARGUMENT, "variable 1 is NULL");
  assert_false(nn_apply_gradients(optimizer, AG_LIST(a, b, a), AG_LIST(g, g, g)));
  assert_error(AG_ERROR_ARGUMENT, "variables 0 and 2 are the same");
  assert_false(nn_apply_gradients(optimizer, AG_LIST(a, b), AG_LIST(NULL, NULL)));
  assert_error(AG_ERROR_ARGUMENT, "none of 2 variables");
  assert_false(nn_apply_gradients(NULL, AG_LIST(a), AG_LIST(g)));
  assert_error(AG_ERROR_ARGUMENT, "optimizer");
  ag_list variables = AG_LIST(a), gradients = AG_LIST(g);
  ag_fail(AG_ERROR_TAPE, "earlier");
  assert_false(nn_apply_gradients(optimizer, variables, gradients));
  assert_error(AG_ERROR_TAPE, "earlier");
  assert_values(a, AG_SHAPE(SIZE), 1, 1, 1, 1, 1);
  /* Neither did the moments or the step count move: the next step is a first one. */
  assert_true(apply(optimizer, a, g) && apply(fresh, twin, g));
  assert_memory_equal(ag_data(a), ag_data(twin), SIZE * sizeof(ag_real));
  nn_optimizer_free(optimizer);
  nn_optimizer_free(fresh);
}

static void a_null_gradient_leaves_its_variable_and_moments_alone(void **state) {
  (void)state;
  nn_optimizer *both = nn_adam(.learning_rate = 0.1), *alone = nn_adam(.learning_rate = 0.1);
  ag_tensor *a = variable_of(1), *b = variable_of(1), *twin = variable_of(1);
  for (int t = 1; t <= 4; t++) {
    bool skipped = t == 2 || t == 3;
    ag_list gradients = AG_LIST(NULL, skipped ? NULL : slopes(t), slopes(t)); /* a stands twice, with one at most */
    assert_true(nn_apply_gradients(both, AG_LIST(a, a, b), gradients));
    if (!skipped) assert_true(apply(alone, twin, slopes(t)));
  }
  assert_memory_equal(ag_data(a), ag_data(twin), SIZE * sizeof(ag_real));
  assert_memory_not_equal(ag_data(b), ag_data(twin), SIZE * sizeof(ag_real));
  nn_optimizer_free(both);
  nn_optimizer_free(alone);
}

static void one_optimizer_serves_two_networks(void **state) {
  (void)state;
  nn_optimizer *shared = nn_adam(.learning_rate = 0.1);
  nn_optimizer *own[2] = {nn_adam(.learning_rate = 0.1), nn_adam(.learning_rate = 0.1)};
  ag_tensor *variables[2] = {variable_of(1), variable_of(2)}, *twins[2] = {variable_of(1), variable_of(2)};
  for (int t = 1; t <= 6; t++) {
    int k = t % 3 == 0; /* not in step, so that a common count would show */
    assert_true(apply(shared, variables[k], slopes(t)) && apply(own[k], twins[k], slopes(t)));
  }
  for (int k = 0; k < 2; k++) {
    assert_memory_equal(ag_data(variables[k]), ag_data(twins[k]), SIZE * sizeof(ag_real));
    nn_optimizer_free(own[k]);
  }
  nn_optimizer_free(shared);
}

static void what_was_recorded_keeps_its_value(void **state) {
  (void)state;
  nn_optimizer *optimizer = nn_sgd(.learning_rate = 1);
  ag_tensor *variable = ag_variable(ag_scalar(3)), *before = ag_detach(variable);
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_square(variable);
  assert_true(apply(optimizer, variable, ag_scalar(1)));
  assert_value(variable, 2);
  assert_value(before, 3);
  assert_value(ag_gradient(tape, y, variable), 6);
  nn_optimizer_free(optimizer);
}

static void a_gradient_that_is_a_variable_counts_as_it_was(void **state) {
  (void)state;
  nn_optimizer *optimizer = nn_sgd(.learning_rate = 1);
  ag_tensor *a = ag_variable(ag_scalar(10)), *b = ag_variable(ag_scalar(3)), *c = ag_variable(ag_scalar(4));
  assert_true(nn_apply_gradients(optimizer, AG_LIST(a, b, c), AG_LIST(b, a, c)));
  assert_value(a, 7);
  assert_value(b, -7);
  assert_value(c, 0);
  nn_optimizer_free(optimizer);
}

static void a_variable_may_go_before_its_optimizer(void **state) {
  (void)state;
  nn_optimizer *optimizer = nn_sgd(.momentum = 0.5);
  for (int i = 0; i < 3; i++) {
    ag_scope *scope = ag_scope_enter();
    ag_tensor *variable = ag_variable(ag_scalar(1));
    assert_true(apply(optimizer, variable, ag_scalar(1))); /* no momentum of the one before it */
    assert_value(variable, 0.99);
    ag_scope_leave(scope);
  }
  nn_optimizer_free(optimizer);
}

/* Clipping */

static void short_gradients_are_not_clipped(void **state) {
  (void)state;
  ag_tensor *a = ag_full(AG_SHAPE(4), 1), *b = ag_full(AG_SHAPE(5, 1), 1);
  double norm = 0;
  ag_list clipped = nn_clip_by_global_norm(AG_LIST(a, NULL, b), 3, &norm);
  assert_int_equal(clipped.count, 3);
  assert_true(clipped.items[0] == a && !clipped.items[1] && clipped.items[2] == b);
  assert_true(check_close(norm, 3));
}

static void long_gradients_are_scaled_to_the_norm_together(void **state) {
  (void)state;
  ag_tensor *a = ag_from(AG_SHAPE(2), (ag_real[]){3, -6}), *b = ag_from(AG_SHAPE(1, 1), (ag_real[]){2});
  double norm = 0;
  ag_list clipped = nn_clip_by_global_norm(AG_LIST(a, b, NULL), 3.5, &norm);
  assert_int_equal(clipped.count, 3);
  assert_values(clipped.items[0], AG_SHAPE(2), 1.5, -3);
  assert_values(clipped.items[1], AG_SHAPE(1, 1), 1);
  assert_null(clipped.items[2]);
  assert_true(check_close(norm, 7));
  assert_values(a, AG_SHAPE(2), 3, -6);
  assert_values(nn_clip_by_global_norm(AG_LIST(a), sqrt(5), NULL).items[0], AG_SHAPE(2), 1, -2);
}

static void clipping_is_differentiable(void **state) {
  (void)state;
  /* x / |x| * 2 at (3, 4): the slope of its first entry is 2 (16, -12) / 125. */
  ag_tensor *x = ag_from(AG_SHAPE(2), (ag_real[]){3, 4});
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  ag_list clipped = nn_clip_by_global_norm(AG_LIST(x), 2, NULL);
  ag_tensor *first = ag_slice(clipped.items[0], 0, 0, 1);
  assert_values(ag_gradient(tape, first, x), AG_SHAPE(2), 2 * 16 / 125.0, -2 * 12 / 125.0);
}

static void clipping_refuses_what_it_cannot_clip(void **state) {
  (void)state;
  double norm = 1;
  ag_list nulls = nn_clip_by_global_norm(AG_LIST(NULL, NULL), 1, &norm);
  assert_true(nulls.count == 2 && !nulls.items[0] && norm == 0);
  ag_tensor *zero = ag_zeros(AG_SHAPE(3));
  assert_values(nn_clip_by_global_norm(AG_LIST(zero), 1, &norm).items[0], AG_SHAPE(3), 0, 0, 0);
  assert_null(nn_clip_by_global_norm(AG_LIST(ag_scalar(INFINITY)), 1, NULL).items);
  assert_error(AG_ERROR_NONFINITE, "clip_by_global_norm: the gradients' norm is inf");
  assert_null(nn_clip_by_global_norm(AG_LIST(zero), 0, NULL).items);
  assert_error(AG_ERROR_ARGUMENT, "norm is 0");
  assert_null(nn_clip_by_global_norm((ag_list){0, NULL}, 1, NULL).items);
  assert_error(AG_ERROR_ARGUMENT, "gradients");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(steps_are_their_formulas),
      TEST(adams_first_step_is_as_long_as_the_rate),
      TEST(the_learning_rate_counts_from_the_next_step_on),
      TEST(wrong_options_make_no_optimizer),
      TEST(a_refused_step_changes_nothing),
      TEST(a_null_gradient_leaves_its_variable_and_moments_alone),
      TEST(one_optimizer_serves_two_networks),
      TEST(what_was_recorded_keeps_its_value),
      TEST(a_gradient_that_is_a_variable_counts_as_it_was),
      TEST(a_variable_may_go_before_its_optimizer),
      TEST(short_gradients_are_not_clipped),
      TEST(long_gradients_are_scaled_to_the_norm_together),
      TEST(clipping_is_differentiable),
      TEST(clipping_refuses_what_it_cannot_clip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
