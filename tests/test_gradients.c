/* Gradients and Jacobians, with the numbers of tests/tapes.h: what counts as a source and as a target, seeds, sources
 * that are not connected, what cuts a path. */
#include "tests/tapes.h"

static ag_list gradients_of_both(ag_tape *tape, ag_tensor *a, ag_tensor *b, ag_tensor *source) {
  return ag_gradients_of(tape, AG_LIST(a, b), AG_LIST(source), no_seeds, AG_UNCONNECTED_NULL);
}

/* 3: a part of the derivative, by way of the ops that were recorded for another's sake, would be wrong without a sign
 */
static void a_source_that_was_not_watched_is_unconnected(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(2)), *frozen = ag_variable(ag_scalar(3)), *constant = ag_scalar(5);
  ag_set_trainable(frozen, false);
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tensor *y = ag_mul(ag_mul(v, frozen), ag_mul(ag_square(frozen), constant));
  ag_tape_stop(tape);
  assert_value(ag_gradient(tape, y, v), 3 * 9 * 5);
  assert_unconnected(ag_gradient(tape, y, frozen));
  assert_unconnected(ag_gradient(tape, y, constant));
}

/* A failed op in the list of seeds is NULL, which would stand for ones. */
static void a_seed_that_failed_gives_no_gradient(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(2);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x);
  ag_list seeds = AG_LIST(ag_add(ag_ones(AG_SHAPE(2)), ag_ones(AG_SHAPE(3))));
  assert_int_equal(ag_gradients_of(tape, AG_LIST(y), AG_LIST(x), seeds, AG_UNCONNECTED_NULL).count, 0);
  assert_error(AG_ERROR_SHAPE, "add");
  assert_int_equal(ag_gradients_of(tape, AG_LIST(y), AG_LIST(x), (ag_list){1, NULL}, AG_UNCONNECTED_NULL).count, 0);
  assert_error(AG_ERROR_ARGUMENT, "seeds is NULL");
}

/* 8 */
static void a_gradient_has_the_shape_of_its_source(void **state) {
  (void)state;
  ag_tensor *bias = ag_variable(ag_ones(AG_SHAPE(3))), *scalar = ag_variable(ag_scalar(2));
  ag_tensor *column = ag_variable(ag_ones(AG_SHAPE(2, 1)));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_mul(ag_add(ag_zeros(AG_SHAPE(2, 3)), bias), ag_mul(column, scalar));
  ag_tape_stop(tape);
  ag_list gradients = ag_gradients(tape, y, AG_LIST(bias, scalar, column));
  assert_values(gradients.items[0], AG_SHAPE(3), 4, 4, 4);
  assert_value(gradients.items[1], 6);
  assert_values(gradients.items[2], AG_SHAPE(2, 1), 6, 6);
}

/* 9 */
static void a_source_given_twice_gets_its_whole_gradient_twice(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x);
  ag_list gradients = ag_gradients(tape, y, AG_LIST(x, x));
  assert_value(gradients.items[0], 6);
  assert_value(gradients.items[1], 6);
}

/* 10 */
static void gradients_come_in_the_order_of_the_sources(void **state) {
  (void)state;
  ag_tensor *a = ag_variable(ag_scalar(2)), *b = ag_variable(ag_scalar(3)), *unread = ag_variable(ag_scalar(4));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_mul(a, b);
  ag_list gradients = ag_gradients(tape, y, AG_LIST(b, unread, a));
  assert_int_equal(gradients.count, 3);
  assert_value(gradients.items[0], 2);
  assert_unconnected(gradients.items[1]);
  assert_value(gradients.items[2], 3);
}

/* 11 */
static void intermediate_results_are_sources_too(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x);
  ag_tensor *z = ag_square(y);
  ag_list gradients = ag_gradients(tape, z, AG_LIST(y, x));
  assert_value(gradients.items[0], 18);
  assert_value(gradients.items[1], 108);
}

/* 12 */
static void gradients_of_several_targets_are_summed(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(2);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x), *z = cube(x);
  assert_value(gradients_of_both(tape, y, z, x).items[0], 4 + 12);
}

/* 13 */
static void a_target_of_many_elements_counts_as_its_sum(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(2), (ag_real[]){1, 2});
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_mul(x, ag_from(AG_SHAPE(3, 1), (ag_real[]){1, 10, 100}));
  assert_values(ag_gradient(tape, y, x), AG_SHAPE(2), 111, 111);
}

/* 14 */
static void a_target_that_is_the_source_adds_ones(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(2);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_mul(x, x);
  assert_value(gradients_of_both(tape, x, y, x).items[0], 5);
}

/* 15 */
static void the_gradient_of_a_tensor_by_itself_is_ones(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x);
  ag_tape_stop(tape);
  assert_non_null(y);
  assert_value(ag_gradient(tape, x, x), 1);
  tape = start_watching(x);
  assert_value(gradients_of_both(tape, x, x, x).items[0], 2);
}

/* 16 */
static void a_tape_that_recorded_nothing_still_knows_the_gradient_by_itself(void **state) {
  (void)state;
  ag_tensor *x = ag_full(AG_SHAPE(2, 2), 7);
  ag_tape *tape = start_watching(x);
  ag_tape_stop(tape);
  assert_values(ag_gradient(tape, x, x), AG_SHAPE(2, 2), 1, 1, 1, 1);
}

/* 17 */
static void identity_makes_another_source_of_the_same_value(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tensor *copies[] = {ag_identity(x), ag_add_scalar(x, 0), ag_scale(x, 1), ag_detach(x)};
  for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
    ag_tape *tape = start_watching(x);
    ag_tape_watch(tape, copies[i]);
    ag_tensor *y = ag_mul(x, ag_square(copies[i]));
    ag_list gradients = ag_gradients(tape, y, AG_LIST(x, copies[i]));
    assert_value(gradients.items[0], 9);
    assert_value(gradients.items[1], 18);
  }
}

/* 18 */
static void equal_constants_are_separate_sources(void **state) {
  (void)state;
  ag_tensor *a = ag_scalar(2), *b = ag_scalar(2);
  ag_tape *tape = start_watching(a);
  ag_tape_watch(tape, b);
  ag_tensor *y = ag_mul(ag_square(a), b);
  ag_list gradients = ag_gradients(tape, y, AG_LIST(a, b));
  assert_value(gradients.items[0], 8);
  assert_value(gradients.items[1], 4);
}

/* 20 */
static void an_unconnected_source_has_no_gradient_and_that_is_no_error(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(2), *other = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tape_watch(tape, other);
  ag_tensor *y = ag_square(x);
  assert_unconnected(ag_gradient(tape, y, other));
  assert_null(ag_square(NULL));
  assert_error(AG_ERROR_ARGUMENT, "square");
}

/* 21 */
static void an_unconnected_source_has_zeros_where_they_are_asked_for(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(2), *unread = ag_ones(AG_SHAPE(2, 2)), *cut = ag_ones(AG_SHAPE(2));
  ag_tape *tape = start_watching(x);
  ag_tape_watch(tape, unread);
  ag_tape_watch(tape, cut);
  ag_tensor *y = ag_mul(x, ag_detach(ag_square(cut)));
  ag_list gradients = ag_gradients_of(tape, AG_LIST(y), AG_LIST(x, unread, cut), no_seeds, AG_UNCONNECTED_ZEROS);
  assert_value(gradients.items[0], 2);
  assert_values(gradients.items[1], AG_SHAPE(2, 2), 0, 0, 0, 0);
  assert_values(gradients.items[2], AG_SHAPE(2), 0, 0);
}

/* 22 */
static void an_unknown_way_with_unconnected_sources_is_refused(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(2);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x);
  ag_list gradients = ag_gradients_of(tape, AG_LIST(y), AG_LIST(x), no_seeds, (ag_unconnected)7);
  assert_int_equal(gradients.count, 0);
  assert_error(AG_ERROR_ARGUMENT, "unconnected");
}

/* 23 */
static void a_source_behind_whole_numbers_is_unconnected_and_the_others_are_not(void **state) {
  (void)state;
  ag_tensor *scores = ag_from(AG_SHAPE(3), (ag_real[]){1, 5, 2}), *x = ag_scalar(4);
  ag_tape *tape = start_watching(scores);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_mul(x, ag_argmax(scores, 0));
  ag_list gradients = ag_gradients(tape, y, AG_LIST(scores, x));
  assert_unconnected(gradients.items[0]);
  assert_value(gradients.items[1], 1);
}

/* 24 */
static void seeds_weigh_the_targets(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3), *y = ag_scalar(2);
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_list targets = AG_LIST(ag_mul(x, y), x);
  ag_tape_stop(tape);
  ag_list seeds = AG_LIST(ag_scalar(1), ag_scalar(2));
  assert_value(ag_gradients_of(tape, targets, AG_LIST(x), seeds, AG_UNCONNECTED_NULL).items[0], 4);
  seeds = AG_LIST(ag_scalar(5), NULL);
  assert_value(ag_gradients_of(tape, targets, AG_LIST(x), seeds, AG_UNCONNECTED_NULL).items[0], 11);
}

/* 24 */
static void seeds_of_another_shape_or_number_are_refused(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(2));
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_list targets = AG_LIST(ag_square(x), x);
  ag_tape_stop(tape);
  ag_list seeds = AG_LIST(ag_ones(AG_SHAPE(3)), NULL);
  assert_int_equal(ag_gradients_of(tape, targets, AG_LIST(x), seeds, AG_UNCONNECTED_NULL).count, 0);
  assert_error(AG_ERROR_SHAPE, "[3]");
  seeds = AG_LIST(ag_ones(AG_SHAPE(2)));
  assert_int_equal(ag_gradients_of(tape, targets, AG_LIST(x), seeds, AG_UNCONNECTED_NULL).count, 0);
  assert_true(ag_failed());
  ag_error_clear();
}

/* 24, 44 */
static void a_gradient_that_is_its_seed_does_not_change_with_a_variable(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3), *seed = ag_variable(ag_scalar(5));
  ag_tape *tape = start_watching(x);
  ag_list gradients = ag_gradients_of(tape, AG_LIST(x), AG_LIST(x), AG_LIST(seed), AG_UNCONNECTED_NULL);
  ag_assign(seed, ag_scalar(7));
  assert_value(gradients.items[0], 5);
}

/* 39 */
static void detach_cuts_one_path_only(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_mul(x, ag_detach(ag_square(x)));
  assert_value(ag_gradient(tape, y, x), 9);
}

/* 43 */
static void an_op_that_is_not_differentiable_is_a_constant(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_sign(x);
  assert_unconnected(ag_gradient(tape, y, x));
}

/* 44 */
static void an_assigned_value_has_no_past(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(3)), *v = ag_variable(ag_scalar(0));
  ag_tape *tape = ag_tape_start();
  ag_assign(v, ag_square(x));
  ag_tensor *y = ag_scale(v, 2);
  ag_list gradients = ag_gradients(tape, y, AG_LIST(x, v));
  assert_value(y, 18);
  assert_unconnected(gradients.items[0]);
  assert_value(gradients.items[1], 2);
}

/* 45 */
static void only_the_branch_taken_is_connected(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3), *other = ag_scalar(5);
  ag_tape *tape = start_watching(x);
  ag_tape_watch(tape, other);
  ag_tensor *y = ag_item(ag_greater(other, x)) != 0 ? ag_square(x) : cube(other);
  ag_list gradients = ag_gradients(tape, y, AG_LIST(x, other));
  assert_value(gradients.items[0], 6);
  assert_unconnected(gradients.items[1]);
}

/* 46 */
static void where_passes_gradients_only_to_what_it_selects(void **state) {
  (void)state;
  ag_tensor *condition = ag_from(AG_SHAPE(2), (ag_real[]){1, 0});
  ag_tensor *a = ag_from(AG_SHAPE(2), (ag_real[]){2, 0}), *b = ag_from(AG_SHAPE(2), (ag_real[]){3, 4});
  ag_tape *tape = start_watching(condition);
  ag_tape_watch(tape, a);
  ag_tape_watch(tape, b);
  ag_tensor *y = ag_where(condition, ag_square(a), ag_square(b));
  ag_list gradients = ag_gradients(tape, y, AG_LIST(condition, a, b));
  assert_unconnected(gradients.items[0]);
  assert_values(gradients.items[1], AG_SHAPE(2), 4, 0);
  assert_values(gradients.items[2], AG_SHAPE(2), 0, 8);
}

/* 47 */
static void a_jacobian_has_the_shape_of_target_and_source(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(3), (ag_real[]){1, 2, 3});
  ag_tensor *w = ag_from(AG_SHAPE(2, 3), (ag_real[]){1, 2, 3, 4, 5, 6});
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_mul(w, ag_square(x)), *sum = ag_sum(y);
  ag_tape_stop(tape);
  assert_values(ag_jacobian(tape, y, x), AG_SHAPE(2, 3, 3), 2, 0, 0, 0, 8, 0, 0, 0, 18, 8, 0, 0, 0, 20, 0, 0, 0, 36);
  assert_values(ag_jacobian(tape, sum, x), AG_SHAPE(3), 10, 28, 54);
}

/* 47 */
static void a_scalar_has_a_jacobian_by_a_source_of_any_rank(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 2));
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_sum(ag_square(x));
  ag_tape_stop(tape);
  assert_values(ag_jacobian(tape, y, x), AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 2), 2, 2);
}

static void a_jacobian_of_a_tape_that_is_not_persistent_is_an_error(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(2));
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x);
  ag_tape_stop(tape);
  assert_null(ag_jacobian(tape, y, x));
  assert_error(AG_ERROR_TAPE, "persistent");
  assert_null(ag_batch_jacobian(tape, y, x));
  assert_error(AG_ERROR_TAPE, "persistent");
}

/* 47 */
static void the_jacobian_by_an_unconnected_source_is_null(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(2)), *other = ag_ones(AG_SHAPE(2));
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_square(x);
  ag_tape_stop(tape);
  assert_unconnected(ag_jacobian(tape, y, other));
}

/* 48 */
static void a_batch_jacobian_has_one_jacobian_a_sample(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(2, 2), (ag_real[]){1, 2, 3, 4});
  ag_tensor *w = ag_from(AG_SHAPE(2, 3), (ag_real[]){1, 2, 3, 4, 5, 6});
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_matmul(ag_square(x), w);
  ag_tape_stop(tape);
  /* [n, j, i] is 2 x[n, i] w[i, j] */
  assert_values(ag_batch_jacobian(tape, y, x), AG_SHAPE(2, 3, 2), 2, 16, 4, 20, 6, 24, 6, 32, 12, 40, 18, 48);
}

/* 48 */
static void a_batch_jacobian_of_no_elements_is_empty(void **state) {
  (void)state;
  ag_tensor *x = ag_zeros(AG_SHAPE(1, 0));
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_square(x);
  ag_tape_stop(tape);
  ag_tensor *jacobian = ag_batch_jacobian(tape, y, x);
  assert_non_null(jacobian);
  assert_true(ag_shape_equal(ag_shape_of(jacobian), AG_SHAPE(1, 0, 0)));
}

/* 48 */
static void a_batch_jacobian_without_a_common_batch_is_refused(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(2, 3));
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *other_batch = ag_transpose(x, AG_ALL_AXES), *scalar = ag_sum(x);
  ag_tape_stop(tape);
  assert_null(ag_batch_jacobian(tape, other_batch, x));
  assert_error(AG_ERROR_SHAPE, "[3, 2]");
  assert_null(ag_batch_jacobian(tape, scalar, x));
  assert_error(AG_ERROR_SHAPE, "[2, 3]");
}

/* 49 */
static void the_gradients_of_rows_and_of_the_whole_add_up(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(3, 1), (ag_real[]){1, 2, 3});
  ag_tape *tape = start_watching(x);
  ag_tensor *rows = ag_gather(x, ag_from(AG_SHAPE(3), (ag_real[]){2, 0, 2}), 0);
  ag_tensor *y = ag_add(ag_sum(rows), ag_sum(ag_square(x)));
  assert_values(ag_gradient(tape, y, x), AG_SHAPE(3, 1), 3, 4, 8);
}

/* beyond the list, as PyTorch has it */
static void a_gradient_that_is_not_a_number_goes_on(void **state) {
  (void)state;
  ag_tensor *x = ag_from(AG_SHAPE(2), (ag_real[]){-1, 1});
  ag_tape *tape = start_watching(x);
  ag_list targets = AG_LIST(ag_tanh(ag_mul(x, x)));
  ag_list seeds = AG_LIST(ag_full(AG_SHAPE(2), (double)NAN));
  ag_list gradients = ag_gradients_of(tape, targets, AG_LIST(x), seeds, AG_UNCONNECTED_NULL);
  assert_non_null(gradients.items);
  for (int i = 0; i < 2; i++) assert_true(isnan((double)ag_data(gradients.items[0])[i]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_source_that_was_not_watched_is_unconnected),
      TEST(a_seed_that_failed_gives_no_gradient),
      TEST(a_gradient_has_the_shape_of_its_source),
      TEST(a_source_given_twice_gets_its_whole_gradient_twice),
      TEST(gradients_come_in_the_order_of_the_sources),
      TEST(intermediate_results_are_sources_too),
      TEST(gradients_of_several_targets_are_summed),
      TEST(a_target_of_many_elements_counts_as_its_sum),
      TEST(a_target_that_is_the_source_adds_ones),
      TEST(the_gradient_of_a_tensor_by_itself_is_ones),
      TEST(a_tape_that_recorded_nothing_still_knows_the_gradient_by_itself),
      TEST(identity_makes_another_source_of_the_same_value),
      TEST(equal_constants_are_separate_sources),
      TEST(an_unconnected_source_has_no_gradient_and_that_is_no_error),
      TEST(an_unconnected_source_has_zeros_where_they_are_asked_for),
      TEST(an_unknown_way_with_unconnected_sources_is_refused),
      TEST(a_source_behind_whole_numbers_is_unconnected_and_the_others_are_not),
      TEST(seeds_weigh_the_targets),
      TEST(seeds_of_another_shape_or_number_are_refused),
      TEST(a_gradient_that_is_its_seed_does_not_change_with_a_variable),
      TEST(detach_cuts_one_path_only),
      TEST(an_op_that_is_not_differentiable_is_a_constant),
      TEST(an_assigned_value_has_no_past),
      TEST(only_the_branch_taken_is_connected),
      TEST(where_passes_gradients_only_to_what_it_selects),
      TEST(a_jacobian_has_the_shape_of_target_and_source),
      TEST(a_scalar_has_a_jacobian_by_a_source_of_any_rank),
      TEST(a_jacobian_of_a_tape_that_is_not_persistent_is_an_error),
      TEST(the_jacobian_by_an_unconnected_source_is_null),
      TEST(a_batch_jacobian_has_one_jacobian_a_sample),
      TEST(a_batch_jacobian_of_no_elements_is_empty),
      TEST(a_batch_jacobian_without_a_common_batch_is_refused),
      TEST(the_gradients_of_rows_and_of_the_whole_add_up),
      TEST(a_gradient_that_is_not_a_number_goes_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
