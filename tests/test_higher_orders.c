/* Derivatives of higher orders, with the numbers of tests/tapes.h: by nested tapes or a persistent one, of ops of one's
 * own, and what is a constant to an outer tape. */
#include "tests/tapes.h"

/* 28 */
static void a_running_persistent_tape_records_its_own_gradient(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_square(x);
  size_t before = ag_tape_length(tape);
  ag_tensor *slope = ag_gradient(tape, y, x);
  assert_true(ag_tape_is_recording(tape));
  assert_true(ag_tape_length(tape) > before);
  ag_tape_stop(tape);
  before = ag_tape_length(tape);
  assert_value(ag_gradient(tape, slope, x), 2);
  assert_int_equal(ag_tape_length(tape), before);
}

/* 29 */
static void one_persistent_tape_gives_derivatives_of_every_order(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *y = cube(x);
  const double expected[] = {27, 18, 6};
  for (int order = 0; order < 3; order++) {
    y = ag_gradient(tape, y, x);
    assert_value(y, expected[order]);
  }
}

/* 30 */
static void nested_tapes_give_the_second_derivative(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(3));
  ag_tape *outer = ag_tape_start();
  ag_tape *inner = ag_tape_start();
  ag_tensor *y = cube(x);
  ag_tensor *slope = ag_gradient(inner, y, x);
  assert_value(slope, 27);
  assert_value(ag_gradient(outer, slope, x), 18);
}

/* 31 */
static void a_gradient_taken_after_the_outer_tape_stopped_is_a_constant_to_it(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(3));
  ag_tape *outer = ag_tape_start();
  ag_tape *inner = ag_tape_start();
  ag_tensor *y = cube(x);
  ag_tape_stop(inner);
  ag_tape_stop(outer);
  ag_tensor *slope = ag_gradient(inner, y, x);
  assert_value(slope, 27);
  assert_unconnected(ag_gradient(outer, slope, x));
}

/* 31: the sweep reads recorded values, not the variable; a part of the second derivative would be worse than none */
static void a_forward_pass_before_the_outer_tape_started_is_a_constant_to_it(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(3));
  ag_tape *inner = ag_tape_start_with(AG_PERSISTENT);
  ag_tensor *y = cube(v);
  ag_tape_stop(inner);
  ag_tape *outer = ag_tape_start();
  ag_tensor *slope = ag_gradient(inner, y, v);
  assert_value(slope, 27);
  assert_unconnected(ag_gradient(outer, slope, v));
}

/* 32 */
static void an_inner_gradient_may_feed_the_outer_computation(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *outer = start_watching(x);
  ag_tensor *y = ag_mul(x, x);
  ag_tape *inner = start_watching(y);
  ag_tensor *slope = ag_gradient(inner, ag_scale(y, 2), y);
  assert_value(slope, 2);
  assert_value(ag_gradient(outer, ag_add(y, slope), x), 6);
}

static ag_tensor *forward_minus_1_1(ag_node *node) { return ag_scale(node->inputs[0], -1.1); }

static ag_tensor *vjp_minus_2_1(ag_node *node, int input, ag_tensor *cotangent) {
  (void)node, (void)input;
  return ag_scale(cotangent, -2.1);
}

static ag_tensor *vjp_with_its_own(ag_node *node, int input, ag_tensor *cotangent) {
  (void)input;
  static const ag_op slope = {.name = "slope", .forward = forward_minus_1_1, .vjp = vjp_minus_2_1};
  return ag_mul(cotangent, ag_apply(&slope, AG_INPUTS(node->inputs[0]), NULL, 0));
}

/* 41 */
static void an_own_gradient_may_have_an_own_gradient(void **state) {
  (void)state;
  static const ag_op op = {.name = "twice_own", .forward = forward_square, .vjp = vjp_with_its_own};
  ag_tensor *x = ag_scalar(1);
  ag_tape *outer = start_watching(x);
  ag_tape *inner = start_watching(x);
  ag_tensor *y = ag_apply(&op, AG_INPUTS(x), NULL, 0);
  ag_tensor *slope = ag_gradient(inner, y, x);
  assert_value(slope, -1.1);
  assert_value(ag_gradient(outer, slope, x), -2.1);
}

static ag_tensor *vjp_plus_input(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_add(node->inputs[input], cotangent);
}

/* 31: also where an op keeps no more than the shape of a value that was read before */
static void a_value_read_before_the_outer_tape_started_is_a_constant_to_it(void **state) {
  (void)state;
  static const ag_op op = {.name = "plus_input", .forward = forward_square, .vjp = vjp_plus_input};
  ag_tensor *v = ag_variable(ag_scalar(3)), *seed = ag_scalar(5);
  ag_tape *inner = ag_tape_start();
  ag_tensor *y = ag_apply(&op, AG_INPUTS(v), NULL, 0);
  ag_tape_stop(inner);
  ag_tape *outer = start_watching(v);
  ag_tape_watch(outer, seed);
  ag_list slopes = ag_gradients_of(inner, AG_LIST(y), AG_LIST(v), AG_LIST(seed), AG_UNCONNECTED_NULL);
  ag_list second = ag_gradients(outer, slopes.items[0], AG_LIST(v, seed));
  assert_unconnected(second.items[0]);
  assert_value(second.items[1], 1);
}

/* The gradient is empty for any seed, so that it does not change with it. */
static void the_gradient_of_a_mean_of_nothing_has_a_gradient_of_zero(void **state) {
  (void)state;
  ag_tensor *x = ag_zeros(AG_SHAPE(2, 0)), *seed = ag_ones(AG_SHAPE(2));
  ag_tape *outer = start_watching(seed), *inner = start_watching(x);
  ag_tensor *mean = ag_mean_axes(x, AG_AXES(1), false);
  ag_tape_stop(inner);
  ag_list slope = ag_gradients_of(inner, AG_LIST(mean), AG_LIST(x), AG_LIST(seed), AG_UNCONNECTED_NULL);
  assert_values(ag_gradient(outer, ag_sum(slope.items[0]), seed), AG_SHAPE(2), 0, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_running_persistent_tape_records_its_own_gradient),
      TEST(one_persistent_tape_gives_derivatives_of_every_order),
      TEST(nested_tapes_give_the_second_derivative),
      TEST(a_gradient_taken_after_the_outer_tape_stopped_is_a_constant_to_it),
      TEST(a_forward_pass_before_the_outer_tape_started_is_a_constant_to_it),
      TEST(an_inner_gradient_may_feed_the_outer_computation),
      TEST(an_own_gradient_may_have_an_own_gradient),
      TEST(a_value_read_before_the_outer_tape_started_is_a_constant_to_it),
      TEST(the_gradient_of_a_mean_of_nothing_has_a_gradient_of_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
