/* What a tape records and for how long, with the numbers of tests/tapes.h: watching, stopping, resuming, resetting,
 * several gradients of one tape, ops of one's own. */
#include "tests/tapes.h"

static ag_tensor *constant(double value) {
  ag_tensor *variable = ag_variable(ag_scalar(value));
  ag_set_trainable(variable, false);
  return variable;
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

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(only_ops_that_read_something_watched_while_the_tape_runs_are_recorded),
      TEST(trainable_variables_are_watched_when_they_are_read),
      TEST(other_variables_and_constants_are_watched_only_when_asked),
      TEST(manual_watching_watches_only_what_is_named),
      TEST(watching_nothing_is_an_error),
      TEST(watching_is_of_one_tape),
      TEST(watched_variables_stay_after_a_gradient_and_go_with_reset),
      TEST(watched_variables_come_in_the_order_in_which_the_tape_met_them),
      TEST(a_tape_that_is_not_persistent_gives_one_gradient),
      TEST(a_persistent_tape_gives_any_number_of_gradients_of_any_targets),
      TEST(a_gradient_stops_its_tape_and_stopping_it_afterwards_is_no_error),
      TEST(sibling_tapes_record_one_forward_pass),
      TEST(resuming_a_running_tape_is_an_error),
      TEST(a_resumed_tape_appends),
      TEST(what_runs_while_a_tape_is_stopped_is_hidden_from_it),
      TEST(stopping_a_stopped_tape_is_an_error),
      TEST(reset_forgets_everything_and_records_anew),
      TEST(an_op_of_ones_own_has_the_gradient_that_it_gives),
      TEST(a_vjp_of_an_unfit_shape_is_an_error_that_names_the_op),
      TEST(an_error_in_forward_leaves_the_tapes_as_they_were),
      TEST(an_error_in_a_vjp_names_the_op_and_leaves_the_other_tapes_as_they_were),
      TEST(an_op_without_vjp_is_refused_by_name_where_it_would_be_recorded),
      TEST(repeated_steps_keep_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
