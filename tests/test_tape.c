/* What a tape does, held against TensorFlow's GradientTape. The number in front of a test is that of the behaviour in
 * the list of fifty that this suite follows (read off tensorflow/python/eager/backprop_test.py and its guides).
 *
 * Numbers that mean nothing in C, and why:
 * 5 (half), 23 (half), 46 (half): tensors hold one type of number, so there is nothing of another type to watch, to
 *     differentiate or to refuse; what remains of each is tested.
 * 10: lists do not nest; that the result follows the order of the sources remains, and is tested.
 * 19: there is no functional interface but that of ag_gradcheck; suite checker shows there that one tensor given twice
 *     counts as two arguments.
 * 28 (half): the library prints nothing, so there is no warning to give once.
 * 37 (half): a tape is recording when it is made, so none was never started. */
#include "tests/check.h"

static const ag_list no_seeds = {0, NULL};

static ag_tensor *cube(ag_tensor *x) { return ag_mul(ag_mul(x, x), x); }

static ag_tensor *constant(double value) {
  ag_tensor *variable = ag_variable(ag_scalar(value));
  ag_set_trainable(variable, false);
  return variable;
}

static ag_tape *start_watching(ag_tensor *x) {
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  return tape;
}

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

/* 1 */
static void only_ops_that_read_something_watched_while_the_tape_runs_are_recorded(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3), *unwatched = ag_scalar(4);
  ag_square(x);
  ag_tape *tape = start_watching(x);
  ag_square(unwatched);
  assert_int_equal(ag_tape_length(tape), 0);
  ag_tensor *y = ag_square(x);
  assert_int_equal(ag_tape_length(tape), 1);
  ag_mul(y, unwatched);
  assert_int_equal(ag_tape_length(tape), 2);
  ag_tape_stop(tape);
  ag_square(x);
  assert_int_equal(ag_tape_length(tape), 2);
}

/* 2 */
static void trainable_variables_are_watched_when_they_are_read(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(3));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_square(v);
  ag_tape_stop(tape);
  assert_value(ag_gradient(tape, y, v), 6);
}

/* 3 */
static void other_variables_and_constants_are_watched_only_when_asked(void **state) {
  (void)state;
  ag_tensor *frozen = constant(3), *x = ag_scalar(5);
  for (int asked = 0; asked < 2; asked++) {
    ag_tape *tape = ag_tape_start();
    if (asked) ag_tape_watch(tape, frozen), ag_tape_watch(tape, x);
    ag_tensor *y = ag_mul(frozen, x);
    ag_tape_stop(tape);
    ag_list gradients = ag_gradients(tape, y, AG_LIST(frozen, x));
    assert_false(ag_failed());
    for (int i = 0; i < 2; i++) {
      if (asked) assert_value(gradients.items[i], i ? 3 : 5);
      else assert_null(gradients.items[i]);
    }
  }
}

/* 4 */
static void manual_watching_watches_only_what_is_named(void **state) {
  (void)state;
  ag_tensor *a = ag_variable(ag_scalar(2)), *b = ag_variable(ag_scalar(3));
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  ag_tape_watch(tape, a);
  ag_tensor *y = ag_add(ag_square(a), ag_square(b));
  ag_tape_stop(tape);
  assert_int_equal(ag_tape_watched(tape).count, 1);
  ag_list gradients = ag_gradients(tape, y, AG_LIST(a, b));
  assert_value(gradients.items[0], 4);
  assert_unconnected(gradients.items[1]);
}

/* 5 */
static void watching_nothing_is_an_error(void **state) {
  (void)state;
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, NULL);
  assert_error(AG_ERROR_ARGUMENT, "watch");
  ag_tape_watch(NULL, ag_scalar(1));
  assert_error(AG_ERROR_ARGUMENT, "watch");
}

/* 6 */
static void watching_is_of_one_tape(void **state) {
  (void)state;
  ag_tensor *a = constant(2), *b = constant(2);
  ag_tape *outer = start_watching(a);
  ag_tape *inner = start_watching(a);
  ag_tape_watch(inner, b);
  ag_tensor *y = cube(a), *z = ag_square(b);
  assert_int_equal(ag_tape_length(outer), 2);
  assert_int_equal(ag_tape_length(inner), 3);
  ag_tape_stop(inner);
  ag_list first = ag_gradients_of(inner, AG_LIST(y, z), AG_LIST(a, b), no_seeds, AG_UNCONNECTED_NULL);
  assert_value(first.items[0], 12);
  assert_value(first.items[1], 4);
  ag_tape_stop(outer);
  ag_list second = ag_gradients_of(outer, first, AG_LIST(a, b), no_seeds, AG_UNCONNECTED_NULL);
  assert_value(second.items[0], 12);
  assert_unconnected(second.items[1]);
}

/* 7 */
static void watched_variables_stay_after_a_gradient_and_go_with_reset(void **state) {
  (void)state;
  ag_tensor *a = ag_variable(ag_scalar(2)), *b = ag_variable(ag_scalar(3));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_mul(a, ag_mul(a, b));
  ag_tape_stop(tape);
  ag_gradient(tape, y, a);
  ag_list watched = ag_tape_watched(tape);
  assert_int_equal(watched.count, 2);
  assert_ptr_equal(watched.items[0], a);
  assert_ptr_equal(watched.items[1], b);
  ag_tape_reset(tape);
  assert_int_equal(ag_tape_watched(tape).count, 0);
  assert_false(ag_failed());
}

/* 7 */
static void watched_variables_come_in_the_order_in_which_the_tape_met_them(void **state) {
  (void)state;
  ag_tensor *later = ag_variable(ag_scalar(2)), *sooner = ag_variable(ag_scalar(3));
  ag_tape *tape = ag_tape_start();
  ag_square(sooner);
  ag_square(later);
  ag_list watched = ag_tape_watched(tape);
  assert_int_equal(watched.count, 2);
  assert_ptr_equal(watched.items[0], sooner);
  assert_ptr_equal(watched.items[1], later);
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

/* 25 */
static void a_tape_that_is_not_persistent_gives_one_gradient(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x);
  ag_tape_stop(tape);
  assert_value(ag_gradient(tape, y, x), 6);
  assert_null(ag_gradient(tape, y, x));
  assert_error(AG_ERROR_TAPE, "already");
  ag_tape_reset(tape);
  ag_tape_resume(tape);
  ag_tape_watch(tape, x);
  y = cube(x);
  assert_value(ag_gradient(tape, y, x), 27);
}

/* 26 */
static void a_persistent_tape_gives_any_number_of_gradients_of_any_targets(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_square(x);
  ag_tensor *z = ag_square(y);
  ag_tape_stop(tape);
  for (int again = 0; again < 2; again++) {
    assert_value(ag_gradient(tape, z, x), 108);
    assert_value(ag_gradient(tape, y, x), 6);
    assert_value(ag_gradient(tape, z, y), 18);
  }
}

/* 27 */
static void a_gradient_stops_its_tape_and_stopping_it_afterwards_is_no_error(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x);
  assert_true(ag_tape_is_recording(tape));
  assert_value(ag_gradient(tape, y, x), 6);
  assert_false(ag_tape_is_recording(tape));
  ag_tape_stop(tape);
  assert_false(ag_failed());
}

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

/* 33 */
static void sibling_tapes_record_one_forward_pass(void **state) {
  (void)state;
  ag_tensor *g = ag_variable(ag_scalar(2)), *d = ag_variable(ag_scalar(5));
  ag_tape *gen_tape = ag_tape_start();
  ag_tape *disc_tape = ag_tape_start();
  ag_tensor *score = ag_mul(d, ag_scale(g, 3));
  ag_tensor *gen_loss = ag_neg(score), *disc_loss = ag_square(score);
  ag_tape_stop(gen_tape); /* in either order: they do not nest */
  ag_tape_stop(disc_tape);
  assert_value(ag_gradient(gen_tape, gen_loss, g), -15);
  assert_value(ag_gradient(disc_tape, disc_loss, d), 2 * 30 * 6);
}

/* 34 */
static void resuming_a_running_tape_is_an_error(void **state) {
  (void)state;
  ag_tape *tape = ag_tape_start();
  ag_tape_resume(tape);
  assert_error(AG_ERROR_TAPE, "");
  assert_true(ag_tape_is_recording(tape));
}

/* 35 */
static void a_resumed_tape_appends(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_scale(x, 2);
  ag_tape_stop(tape);
  ag_tape_resume(tape);
  ag_tensor *z = ag_scale(y, 2);
  ag_tape_stop(tape);
  assert_value(ag_gradient(tape, z, x), 4);
}

/* 36 */
static void what_runs_while_a_tape_is_stopped_is_hidden_from_it(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *before = ag_square(x);
  ag_tape_stop(tape);
  ag_tensor *hidden = ag_square(x);
  ag_tape_resume(tape);
  ag_tensor *after = ag_mul(x, before), *from_hidden = ag_scale(hidden, 2);
  ag_tape_stop(tape);
  assert_unconnected(ag_gradient(tape, hidden, x));
  assert_unconnected(ag_gradient(tape, from_hidden, x));
  assert_value(ag_gradient(tape, before, x), 6);
  assert_value(ag_gradient(tape, after, x), 27);
}

/* 37 */
static void stopping_a_stopped_tape_is_an_error(void **state) {
  (void)state;
  ag_tape *tape = ag_tape_start();
  ag_tape_stop(tape);
  ag_tape_stop(tape);
  assert_error(AG_ERROR_TAPE, "");
  ag_tape_stop(NULL);
  assert_error(AG_ERROR_ARGUMENT, "");
  ag_tensor *x = ag_scalar(3);
  tape = start_watching(x);
  ag_gradient(tape, ag_square(x), x);
  ag_tape_reset(tape); /* forgets also that the gradient stopped it */
  ag_tape_stop(tape);
  assert_error(AG_ERROR_TAPE, "");
}

/* 38 */
static void reset_forgets_everything_and_records_anew(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(1)), *x = ag_scalar(1);
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tape_watch(tape, x);
  ag_tensor *forgotten = ag_mul(v, v);
  ag_tape_reset(tape);
  assert_int_equal(ag_tape_length(tape), 0);
  assert_true(ag_tape_is_recording(tape));
  ag_tensor *y = ag_mul(v, v), *unwatched = ag_square(x);
  ag_tape_stop(tape);
  assert_value(ag_gradient(tape, y, v), 2);
  assert_unconnected(ag_gradient(tape, forgotten, v));
  assert_unconnected(ag_gradient(tape, unwatched, x));
}

/* 39 */
static void detach_cuts_one_path_only(void **state) {
  (void)state;
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_mul(x, ag_detach(ag_square(x)));
  assert_value(ag_gradient(tape, y, x), 9);
}

static ag_tensor *forward_square(ag_node *node) { return ag_square(node->inputs[0]); }

static ag_tensor *vjp_ten_times(ag_node *node, int input, ag_tensor *cotangent) {
  (void)node, (void)input;
  return ag_scale(cotangent, 10);
}

/* 40 */
static void an_op_of_ones_own_has_the_gradient_that_it_gives(void **state) {
  (void)state;
  static const ag_op op = {.name = "ten_times", .forward = forward_square, .vjp = vjp_ten_times};
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_apply(&op, AG_INPUTS(x), NULL, 0);
  assert_value(y, 9);
  assert_int_equal(ag_tape_length(tape), 1); /* and not the ops that its forward is made of */
  assert_value(ag_gradient(tape, y, x), 10);
}

static ag_tensor *vjp_of_wrong_shape(ag_node *node, int input, ag_tensor *cotangent) {
  (void)node, (void)input, (void)cotangent;
  return ag_ones(AG_SHAPE(5));
}

/* 40 */
static void a_vjp_of_an_unfit_shape_is_an_error_that_names_the_op(void **state) {
  (void)state;
  static const ag_op op = {.name = "unfit", .forward = forward_square, .vjp = vjp_of_wrong_shape};
  ag_tensor *x = ag_ones(AG_SHAPE(2));
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_apply(&op, AG_INPUTS(x), NULL, 0);
  assert_null(ag_gradient(tape, y, x));
  assert_error(AG_ERROR_SHAPE, "gradient of unfit: sum_to: shapes [2] and [5]");
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

static ag_tensor *forward_fails(ag_node *node) {
  (void)node;
  return ag_fail(AG_ERROR_ARGUMENT, "broken: forward fails");
}

static ag_tensor *vjp_fails(ag_node *node, int input, ag_tensor *cotangent) {
  (void)node, (void)input, (void)cotangent;
  return ag_fail(AG_ERROR_ARGUMENT, "vjp fails");
}

/* 42 */
static void an_error_in_forward_leaves_the_tapes_as_they_were(void **state) {
  (void)state;
  static const ag_op op = {.name = "broken", .forward = forward_fails, .vjp = vjp_ten_times};
  ag_tensor *x = ag_scalar(3);
  ag_tape *tape = start_watching(x);
  ag_tensor *y = ag_square(x);
  assert_null(ag_apply(&op, AG_INPUTS(x), NULL, 0));
  assert_error(AG_ERROR_ARGUMENT, "forward fails");
  assert_true(ag_tape_is_recording(tape));
  assert_int_equal(ag_tape_length(tape), 1);
  assert_value(ag_gradient(tape, ag_mul(y, x), x), 27);
}

/* 42 */
static void an_error_in_a_vjp_names_the_op_and_leaves_the_other_tapes_as_they_were(void **state) {
  (void)state;
  static const ag_op op = {.name = "broken", .forward = forward_square, .vjp = vjp_fails};
  ag_tensor *x = ag_scalar(3);
  ag_tape *outer = start_watching(x);
  ag_tape *inner = start_watching(x);
  ag_tensor *y = ag_square(ag_apply(&op, AG_INPUTS(x), NULL, 0));
  assert_null(ag_gradient(inner, y, x));
  assert_error(AG_ERROR_ARGUMENT, "gradient of broken: vjp fails");
  assert_false(ag_tape_is_recording(inner));
  assert_true(ag_tape_is_recording(outer));
  assert_value(ag_gradient(outer, cube(x), x), 27);
}

/* 43 */
static void an_op_without_vjp_is_refused_by_name_where_it_would_be_recorded(void **state) {
  (void)state;
  static const ag_op op = {.name = "one_way", .forward = forward_square};
  ag_tensor *x = ag_scalar(3);
  assert_value(ag_apply(&op, AG_INPUTS(x), NULL, 0), 9);
  ag_tape *tape = ag_tape_start();
  assert_value(ag_apply(&op, AG_INPUTS(x), NULL, 0), 9);
  ag_tape_watch(tape, x);
  assert_null(ag_apply(&op, AG_INPUTS(x), NULL, 0));
  assert_error(AG_ERROR_TAPE, "one_way");
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

/* 50 */
static void repeated_steps_keep_no_memory(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_ones(AG_SHAPE(16)));
  size_t first = 0;
  for (int step = 0; step < 20; step++) {
    ag_scope *scope = ag_scope_enter();
    ag_tape *outer = ag_tape_start_with(AG_PERSISTENT);
    ag_tape *inner = ag_tape_start();
    ag_tensor *slope = ag_gradient(inner, cube(v), v);
    ag_gradient(outer, slope, v);
    ag_jacobian(outer, slope, v);
    ag_assign(v, ag_scale(v, 0.5));
    ag_scope_leave(scope);
    if (step == 0) first = ag_memory_in_use();
    assert_int_equal(ag_memory_in_use(), first);
  }
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
      TEST(only_ops_that_read_something_watched_while_the_tape_runs_are_recorded),
      TEST(a_source_that_was_not_watched_is_unconnected),
      TEST(a_seed_that_failed_gives_no_gradient),
      TEST(trainable_variables_are_watched_when_they_are_read),
      TEST(other_variables_and_constants_are_watched_only_when_asked),
      TEST(manual_watching_watches_only_what_is_named),
      TEST(watching_nothing_is_an_error),
      TEST(watching_is_of_one_tape),
      TEST(watched_variables_stay_after_a_gradient_and_go_with_reset),
      TEST(watched_variables_come_in_the_order_in_which_the_tape_met_them),
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
      TEST(a_tape_that_is_not_persistent_gives_one_gradient),
      TEST(a_persistent_tape_gives_any_number_of_gradients_of_any_targets),
      TEST(a_gradient_stops_its_tape_and_stopping_it_afterwards_is_no_error),
      TEST(a_running_persistent_tape_records_its_own_gradient),
      TEST(one_persistent_tape_gives_derivatives_of_every_order),
      TEST(nested_tapes_give_the_second_derivative),
      TEST(a_gradient_taken_after_the_outer_tape_stopped_is_a_constant_to_it),
      TEST(a_forward_pass_before_the_outer_tape_started_is_a_constant_to_it),
      TEST(an_inner_gradient_may_feed_the_outer_computation),
      TEST(sibling_tapes_record_one_forward_pass),
      TEST(resuming_a_running_tape_is_an_error),
      TEST(a_resumed_tape_appends),
      TEST(what_runs_while_a_tape_is_stopped_is_hidden_from_it),
      TEST(stopping_a_stopped_tape_is_an_error),
      TEST(reset_forgets_everything_and_records_anew),
      TEST(detach_cuts_one_path_only),
      TEST(an_op_of_ones_own_has_the_gradient_that_it_gives),
      TEST(a_vjp_of_an_unfit_shape_is_an_error_that_names_the_op),
      TEST(an_own_gradient_may_have_an_own_gradient),
      TEST(a_value_read_before_the_outer_tape_started_is_a_constant_to_it),
      TEST(an_error_in_forward_leaves_the_tapes_as_they_were),
      TEST(an_error_in_a_vjp_names_the_op_and_leaves_the_other_tapes_as_they_were),
      TEST(an_op_without_vjp_is_refused_by_name_where_it_would_be_recorded),
      TEST(an_op_that_is_not_differentiable_is_a_constant),
      TEST(an_assigned_value_has_no_past),
      TEST(only_the_branch_taken_is_connected),
      TEST(where_passes_gradients_only_to_what_it_selects),
      TEST(a_jacobian_has_the_shape_of_target_and_source),
      TEST(a_scalar_has_a_jacobian_by_a_source_of_any_rank),
      TEST(a_jacobian_of_a_tape_that_is_not_persistent_is_an_error),
      TEST(the_jacobian_by_an_unconnected_source_is_null),
      TEST(a_batch_jacobian_has_one_jacobian_a_sample),
      TEST(the_gradient_of_a_mean_of_nothing_has_a_gradient_of_zero),
      TEST(a_batch_jacobian_of_no_elements_is_empty),
      TEST(a_batch_jacobian_without_a_common_batch_is_refused),
      TEST(the_gradients_of_rows_and_of_the_whole_add_up),
      TEST(repeated_steps_keep_no_memory),
      TEST(a_gradient_that_is_not_a_number_goes_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
