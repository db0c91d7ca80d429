/* The checker of gradients itself: it finds what is wrong and tells where. A user's own op; slopes at kinks, where
 * differences say nothing. In double. */
#include "tests/check.h"

/* A user's own op, forward over raw values, as the README shows it: x^3. */
static ag_tensor *cube_forward(ag_node *node) {
  ag_tensor *x = node->inputs[0];
  ag_real *y;
  ag_tensor *output = ag_make(ag_shape_of(x), &y);
  for (size_t i = 0; output && i < ag_size(x); i++) y[i] = ag_data(x)[i] * ag_data(x)[i] * ag_data(x)[i];
  return output;
}

static ag_tensor *cube_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_scale(ag_square(node->inputs[input]), 3));
}

static ag_tensor *cube(ag_list in, void *context) {
  (void)context;
  static const ag_op op = {.name = "cube", .forward = cube_forward, .vjp = cube_vjp};
  return ag_apply(&op, AG_INPUTS(in.items[0]), NULL, 0);
}

static void an_op_of_ones_own_is_right_to_second_order(void **state) {
  (void)state;
  ag_list inputs = AG_LIST(ag_from(AG_SHAPE(2, 2), (ag_real[]){-1.5, 0, 0.5, 2}));
  assert_true(ag_gradcheck(cube, NULL, inputs, NULL));
  assert_true(ag_gradgradcheck(cube, NULL, inputs, NULL));
}

/* An op of two inputs with attributes and a saved value: exp(-(a - b)^2 / width). */
static ag_tensor *bell_forward(ag_node *node) {
  double width = *(const double *)node->attributes;
  node->saved = ag_sub(node->inputs[0], node->inputs[1]);
  return ag_exp(ag_scale(ag_square(node->saved), -1 / width));
}

static ag_tensor *bell_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  double width = *(const double *)node->attributes;
  ag_tensor *difference = ag_sub(node->inputs[0], node->inputs[1]); /* not the saved one: that is a constant */
  ag_tensor *slope = ag_mul(ag_scale(difference, -2 / width), node->output);
  return ag_mul(cotangent, input == 0 ? slope : ag_neg(slope));
}

static ag_tensor *bell(ag_list in, void *context) {
  static const ag_op op = {.name = "bell", .forward = bell_forward, .vjp = bell_vjp};
  return ag_apply(&op, AG_INPUTS(in.items[0], in.items[1]), context, sizeof(double));
}

static void an_own_op_with_attributes_broadcasts_and_is_right_to_second_order(void **state) {
  (void)state;
  double width = 1.7;
  ag_tensor *column = ag_from(AG_SHAPE(3, 1), (ag_real[]){-0.5, 0.2, 1});
  ag_tensor *row = ag_from(AG_SHAPE(2), (ag_real[]){0.1, 0.7});
  ag_list inputs = AG_LIST(column, row);
  assert_true(ag_gradcheck(bell, &width, inputs, NULL));
  assert_true(ag_gradgradcheck(bell, &width, inputs, NULL));
}

/* a + b, but one element of b's gradient is off by a thousandth. */
static ag_tensor *add_forward(ag_node *node) { return ag_add(node->inputs[0], node->inputs[1]); }

static ag_tensor *wrong_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  (void)node;
  return input == 0 ? cotangent : ag_mul(cotangent, ag_from(AG_SHAPE(4), (ag_real[]){1, 1, 1.001, 1}));
}

static ag_tensor *wrong(ag_list in, void *context) {
  (void)context;
  static const ag_op op = {.name = "wrong", .forward = add_forward, .vjp = wrong_vjp};
  return ag_apply(&op, AG_INPUTS(in.items[0], in.items[1]), NULL, 0);
}

static void a_wrong_vjp_is_found_and_its_worst_element_told(void **state) {
  (void)state;
  ag_list inputs = AG_LIST(ag_ones(AG_SHAPE(4)), ag_ones(AG_SHAPE(4)));
  ag_check check = {0};
  assert_false(ag_gradcheck(wrong, NULL, inputs, &check));
  assert_int_equal(check.input, 1);
  assert_int_equal(check.index, 2);
  assert_true(check.numeric != 0);
  assert_true(fabs(check.analytic / check.numeric - 1.001) < 1e-6);
  assert_true(strstr(ag_error_message(), "input 1") && strstr(ag_error_message(), "element 2"));
  assert_error(AG_ERROR_ARGUMENT, "analytic");
  assert_false(ag_gradcheck(wrong, NULL, inputs, NULL));
  ag_error_clear();
}

static ag_tensor *root(ag_list in, void *context) {
  (void)context;
  return ag_sqrt(in.items[0]);
}

/* Below 0 a root is NaN, and so is the difference there. */
static void a_slope_that_is_nan_is_found_beside_one_that_is_right(void **state) {
  (void)state;
  assert_false(ag_gradcheck(root, NULL, AG_LIST(ag_from(AG_SHAPE(2), (ag_real[]){0, 4})), NULL));
  assert_error(AG_ERROR_ARGUMENT, "input 0, element 0");
}

static void tolerances_and_steps_are_those_that_are_given(void **state) {
  (void)state;
  ag_list inputs = AG_LIST(ag_ones(AG_SHAPE(4)), ag_ones(AG_SHAPE(4)));
  assert_true(ag_gradcheck(wrong, NULL, inputs, &(ag_check){.rtol = 1e-2}));
  assert_true(ag_gradcheck(wrong, NULL, inputs, &(ag_check){.atol = 1}));
  assert_false(ag_gradcheck(wrong, NULL, inputs, &(ag_check){.rtol = 1e-4}));
  ag_error_clear();
  ag_list apart = AG_LIST(ag_scalar(0), ag_scalar(1));
  assert_false(ag_gradcheck(bell, &(double){1}, apart, &(ag_check){.step = 1})); /* as wide as the bell itself */
  assert_error(AG_ERROR_ARGUMENT, "the numeric");
}

/* Right to first order, but the slope pretends to be a constant. */
static ag_tensor *square_forward(ag_node *node) { return ag_square(node->inputs[0]); }

static ag_tensor *first_order_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_detach(ag_scale(node->inputs[input], 2)));
}

static ag_tensor *first_order_only(ag_list in, void *context) {
  (void)context;
  static const ag_op op = {.name = "first_order", .forward = square_forward, .vjp = first_order_vjp};
  return ag_apply(&op, AG_INPUTS(in.items[0]), NULL, 0);
}

static void a_slope_that_is_wrongly_a_constant_is_found_at_second_order(void **state) {
  (void)state;
  ag_list inputs = AG_LIST(ag_from(AG_SHAPE(2), (ag_real[]){1, 2}));
  assert_true(ag_gradcheck(first_order_only, NULL, inputs, NULL));
  assert_false(ag_gradgradcheck(first_order_only, NULL, inputs, NULL));
  assert_error(AG_ERROR_ARGUMENT, "gradcheck");
}

static void one_struct_serves_both_orders_with_the_defaults_of_each(void **state) {
  (void)state;
  ag_check check = {0};
  assert_true(ag_gradcheck(cube, NULL, AG_LIST(ag_from(AG_SHAPE(2), (ag_real[]){1, 2})), &check));
  assert_true(check.rtol == 0 && check.atol == 0 && check.step == 0);
  assert_true(check.analytic != 0 && check.numeric != 0);
}

/* As many elements as its input has values above 1. */
static ag_tensor *of_a_shape_that_depends(ag_list in, void *context) {
  (void)context;
  int64_t count = ag_item(ag_sum(ag_greater(in.items[0], ag_scalar(1)))) > 0 ? 1 : 3;
  return ag_broadcast_to(ag_sum(in.items[0]), AG_SHAPE(count));
}

static void a_function_whose_shape_depends_on_values_is_refused(void **state) {
  (void)state;
  assert_false(ag_gradcheck(of_a_shape_that_depends, NULL, AG_LIST(ag_ones(AG_SHAPE(2))), NULL));
  assert_error(AG_ERROR_SHAPE, "[3], then [1]");
}

static ag_tensor *drifting(ag_list in, void *context) { return ag_scale(in.items[0], 1 + 1e-9 * ++*(int *)context); }

static void a_function_that_changes_its_mind_is_refused(void **state) {
  (void)state;
  int calls = 0;
  assert_false(ag_gradcheck(drifting, &calls, AG_LIST(ag_ones(AG_SHAPE(2))), NULL));
  assert_error(AG_ERROR_ARGUMENT, "different");
  assert_false(ag_gradgradcheck(drifting, &calls, AG_LIST(ag_ones(AG_SHAPE(2))), NULL));
  assert_error(AG_ERROR_ARGUMENT, "different");
}

static ag_tensor *failing(ag_list in, void *context) {
  (void)context;
  return ag_add(in.items[0], ag_ones(AG_SHAPE(7)));
}

static ag_tensor *silent(ag_list in, void *context) {
  (void)in, (void)context;
  return NULL;
}

static void a_function_that_fails_is_an_error(void **state) {
  (void)state;
  ag_list inputs = AG_LIST(ag_ones(AG_SHAPE(2)));
  bool (*const checks[])(ag_function *, void *, ag_list, ag_check *) = {ag_gradcheck, ag_gradgradcheck};
  for (int i = 0; i < 2; i++) {
    assert_false(checks[i](failing, NULL, inputs, NULL));
    assert_error(AG_ERROR_SHAPE, "[7]");
    assert_false(checks[i](silent, NULL, inputs, NULL));
    assert_true(ag_failed());
    ag_error_clear();
    assert_false(checks[i](NULL, NULL, inputs, NULL));
    assert_error(AG_ERROR_ARGUMENT, "");
    assert_false(checks[i](cube, NULL, (ag_list){0, NULL}, NULL));
    assert_error(AG_ERROR_ARGUMENT, "");
    assert_false(checks[i](cube, NULL, AG_LIST(NULL), NULL));
    assert_error(AG_ERROR_ARGUMENT, "");
  }
}

static ag_tensor *product(ag_list in, void *context) {
  (void)context;
  return ag_mul(in.items[0], in.items[1]);
}

static void one_tensor_given_twice_is_two_arguments(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(2), (ag_real[]){2, 3});
  assert_true(ag_gradcheck(product, NULL, AG_LIST(x, x), NULL));
  assert_true(ag_gradgradcheck(product, NULL, AG_LIST(x, x), NULL));
}

static void variables_may_be_inputs_and_are_not_changed(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_from(AG_SHAPE(2), (ag_real[]){2, 3}));
  assert_true(ag_gradgradcheck(cube, NULL, AG_LIST(x), NULL));
  assert_values(x, AG_SHAPE(2), 2, 3);
}

static ag_tensor *constant(ag_list in, void *context) {
  (void)context;
  return ag_sign(in.items[0]);
}

static void a_constant_has_gradient_zero(void **state) {
  (void)state;
  assert_true(ag_gradcheck(constant, NULL, AG_LIST(ag_full(AG_SHAPE(2), 3)), NULL));
  assert_true(ag_gradgradcheck(constant, NULL, AG_LIST(ag_full(AG_SHAPE(2), 3)), NULL));
}

/* Slopes at kinks, as the headers say. */

static ag_tensor *leaky_relu(ag_tensor *x) { return ag_leaky_relu(x, 0.3); }
static ag_tensor *clip(ag_tensor *x) { return ag_clip(x, -2, 0); }
static ag_tensor *norm(ag_tensor *x) { return ag_norm(x, AG_ALL_AXES, false); }
static ag_tensor *power_0(ag_tensor *x) { return ag_pow_scalar(x, 0); }
static ag_tensor *power_1(ag_tensor *x) { return ag_pow_scalar(x, 1); }
static ag_tensor *power_2(ag_tensor *x) { return ag_pow_scalar(x, 2); }
static ag_tensor *maximum(ag_tensor *x) { return ag_maximum(x, ag_scalar(0)); }
static ag_tensor *minimum(ag_tensor *x) { return ag_minimum(x, ag_scalar(0)); }
static ag_tensor *sqrt_of_tanh(ag_tensor *x) { return ag_sqrt(ag_tanh(x)); }
static ag_tensor *loss(ag_tensor *x) { return ag_sigmoid_cross_entropy(ag_scalar(0.25), x); }

static void slopes_at_zero_are_those_of_the_headers(void **state) {
  (void)state;
  const struct {
    ag_tensor *(*f)(ag_tensor *x);
    double slope;
  } cases[] = {
      {ag_relu, 0}, {leaky_relu, 0.3}, {ag_abs, 0},  {clip, 1},      {norm, 0},      {ag_sqrt, (double)INFINITY},
      {power_0, 0}, {power_1, 1},      {power_2, 0}, {maximum, 0.5}, {minimum, 0.5}, {loss, 0.25},
      {sqrt_of_tanh, (double)INFINITY}};
  ag_tensor *x = ag_scalar(0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
    ag_tape_watch(tape, x);
    ag_tensor *y = cases[i].f(x);
    ag_tensor *slope = ag_gradient(tape, y, x);
    assert_non_null(slope);
    assert_value(slope, cases[i].slope);
  }
}

static ag_tensor *clip_below(ag_tensor *x) { return ag_clip(x, 0, 9); }
static ag_tensor *minus_minimum(ag_tensor *x) { return ag_neg(ag_minimum(ag_neg(x), ag_scalar(0))); }

/* At -1 each is 0, where a root has an infinite slope. */
static void where_a_slope_is_zero_an_infinite_cotangent_counts_for_nothing(void **state) {
  (void)state;
  ag_tensor *(*const functions[])(ag_tensor *x) = {ag_relu, clip_below, maximum, minus_minimum};
  ag_tensor *x = ag_scalar(-1);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    ag_tape *tape = ag_tape_start();
    ag_tape_watch(tape, x);
    assert_value(ag_gradient(tape, ag_sqrt(functions[i](x)), x), 0);
  }
}

static void a_relu_fused_with_batch_norm_drops_an_infinite_cotangent_as_one_of_its_own(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(4, 1), (ag_real[]){-1, 2, 3, -4}), *gamma = ag_ones(AG_SHAPE(1));
  ag_tensor *beta = ag_zeros(AG_SHAPE(1)), *gradients[2];
  for (int fused = 0; fused < 2; fused++) {
    ag_tape *tape = ag_tape_start(), *outer = ag_tape_start();
    ag_tape_watch(tape, x);
    ag_tape_watch(outer, x);
    ag_tensor *y = fused ? ag_batch_norm_leaky_relu(x, gamma, beta, 1e-3, 0, NULL, NULL)
                         : ag_relu(ag_batch_norm(x, gamma, beta, 1e-3, NULL, NULL));
    gradients[fused] = ag_gradient(tape, ag_sqrt(y), x);
    assert_true(isfinite(ag_item(ag_sum(ag_gradient(outer, ag_square(gradients[fused]), x)))));
  }
  for (size_t i = 0; i < 4; i++) assert_true(fabs(ag_data(gradients[0])[i] - ag_data(gradients[1])[i]) < 1e-12);
}

static void both_bounds_of_a_clip_belong_to_it(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(4), (ag_real[]){-2.5, -2, 0, 0.5});
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  assert_values(ag_gradient(tape, clip(x), x), AG_SHAPE(4), 0, 1, 1, 0);
}

static void ties_of_a_maximum_share_evenly(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(2, 3), (ag_real[]){1, 5, 5, 7, 7, 7});
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *rows = ag_max_axes(x, AG_AXES(1), false), *all = ag_max(x), *both = ag_maximum(x, x);
  ag_tape_stop(tape);
  double third = 1.0 / 3;
  assert_values(ag_gradient(tape, rows, x), AG_SHAPE(2, 3), 0, 0.5, 0.5, third, third, third);
  assert_values(ag_gradient(tape, all, x), AG_SHAPE(2, 3), 0, 0, 0, third, third, third);
  assert_values(ag_gradient(tape, both, x), AG_SHAPE(2, 3), 1, 1, 1, 1, 1, 1);
}

static void a_pool_gives_the_first_of_equals_all(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(1, 2, 2, 1));
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_max_pool(x, 2, 2, AG_STRIDE(2, AG_VALID));
  assert_values(ag_gradient(tape, y, x), AG_SHAPE(1, 2, 2, 1), 1, 0, 0, 0);
}

static void a_norm_of_zero_has_a_second_derivative_of_zero(void **state) {
  (void)state;
  ag_tensor *x = ag_zeros(AG_SHAPE(3));
  ag_tape *outer = ag_tape_start(), *inner = ag_tape_start();
  ag_tape_watch(outer, x);
  ag_tape_watch(inner, x);
  ag_tensor *slope = ag_gradient(inner, norm(x), x);
  assert_values(slope, AG_SHAPE(3), 0, 0, 0);
  assert_values(ag_gradient(outer, slope, x), AG_SHAPE(3), 0, 0, 0);
}

static void losses_of_large_logits_are_finite_and_so_are_their_slopes(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(2), (ag_real[]){-1000, 1000}), *labels = ag_from(AG_SHAPE(2), (ag_real[]){1, 0});
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *sigmoid = ag_sigmoid_cross_entropy(labels, x), *softmax = ag_softmax_cross_entropy(labels, x);
  ag_tensor *plus = ag_softplus(x);
  ag_tape_stop(tape);
  assert_values(sigmoid, AG_SHAPE(2), 1000, 1000);
  assert_values(ag_gradient(tape, sigmoid, x), AG_SHAPE(2), -1, 1);
  assert_value(softmax, 2000);
  assert_values(ag_gradient(tape, softmax, x), AG_SHAPE(2), -1, 1);
  assert_values(ag_gradient(tape, plus, x), AG_SHAPE(2), 0, 1);
}

/* Of no checker, but of doubles: two floats are never that far apart. */
static void a_range_wider_than_numbers_reach_is_refused(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(1);
  assert_null(ag_uniform(&rng, AG_SHAPE(2), -1.7e308, 1.7e308));
  assert_error(AG_ERROR_ARGUMENT, "expected finite bounds");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_op_of_ones_own_is_right_to_second_order),
      TEST(an_own_op_with_attributes_broadcasts_and_is_right_to_second_order),
      TEST(a_wrong_vjp_is_found_and_its_worst_element_told),
      TEST(a_slope_that_is_nan_is_found_beside_one_that_is_right),
      TEST(tolerances_and_steps_are_those_that_are_given),
      TEST(a_slope_that_is_wrongly_a_constant_is_found_at_second_order),
      TEST(a_function_that_changes_its_mind_is_refused),
      TEST(a_function_whose_shape_depends_on_values_is_refused),
      TEST(one_struct_serves_both_orders_with_the_defaults_of_each),
      TEST(a_function_that_fails_is_an_error),
      TEST(one_tensor_given_twice_is_two_arguments),
      TEST(variables_may_be_inputs_and_are_not_changed),
      TEST(a_constant_has_gradient_zero),
      TEST(slopes_at_zero_are_those_of_the_headers),
      TEST(where_a_slope_is_zero_an_infinite_cotangent_counts_for_nothing),
      TEST(a_relu_fused_with_batch_norm_drops_an_infinite_cotangent_as_one_of_its_own),
      TEST(both_bounds_of_a_clip_belong_to_it),
      TEST(ties_of_a_maximum_share_evenly),
      TEST(a_pool_gives_the_first_of_equals_all),
      TEST(a_norm_of_zero_has_a_second_derivative_of_zero),
      TEST(losses_of_large_logits_are_finite_and_so_are_their_slopes),
      TEST(a_range_wider_than_numbers_reach_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
