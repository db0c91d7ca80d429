/* What recording keeps, what a gradient runs, and what both cost: pruning, values that no assignment changes, deep and
 * wide graphs, memory, threads. */
#include <pthread.h>

#include "tests/check.h"

#include <math.h>

/* Ops of two networks: the same square, but each counts how often its vjp runs. */
static int generator_calls, discriminator_calls;

static ag_tensor *square_forward(ag_node *node) { return ag_square(node->inputs[0]); }

static ag_tensor *square_slope(ag_node *node, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_scale(node->inputs[0], 2));
}

static ag_tensor *generator_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  (void)input;
  generator_calls++;
  return square_slope(node, cotangent);
}

static ag_tensor *discriminator_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  (void)input;
  discriminator_calls++;
  return square_slope(node, cotangent);
}

static const ag_op generator_op = {.name = "generator", .forward = square_forward, .vjp = generator_vjp};
static const ag_op discriminator_op = {.name = "discriminator", .forward = square_forward, .vjp = discriminator_vjp};

static void count_op(const ag_node *node, void *context) {
  (void)node;
  ++*(int *)context;
}

typedef struct {
  double gradient;
  int ops, generator_calls, discriminator_calls;
} pass;

/* One forward pass through a generator of `depth` layers and a discriminator of two, then one network's gradient. */
static pass adversarial_pass(int depth, bool of_generator) {
  ag_tensor *g = ag_variable(ag_scalar(1.01)), *d = ag_variable(ag_scalar(1.5));
  ag_tape *tape = ag_tape_start();
  ag_tensor *fake = g;
  for (int layer = 0; layer < depth; layer++) fake = ag_apply(&generator_op, AG_INPUTS(fake), NULL, 0);
  ag_tensor *score = ag_apply(&discriminator_op, AG_INPUTS(ag_mul(d, fake)), NULL, 0);
  ag_tensor *loss = ag_apply(&discriminator_op, AG_INPUTS(score), NULL, 0);
  ag_tape_stop(tape);
  pass result = {0};
  generator_calls = discriminator_calls = 0;
  ag_observe(count_op, &result.ops);
  ag_tensor *gradient = ag_gradient(tape, loss, of_generator ? g : d);
  ag_observe(NULL, NULL);
  result.gradient = ag_item(gradient);
  result.generator_calls = generator_calls;
  result.discriminator_calls = discriminator_calls;
  return result;
}

static void the_gradient_of_the_discriminator_runs_none_of_the_generators_ops(void **state) {
  (void)state;
  pass shallow = adversarial_pass(1, false), deep = adversarial_pass(5, false);
  assert_int_equal(shallow.generator_calls, 0);
  assert_int_equal(deep.generator_calls, 0);
  assert_int_equal(deep.discriminator_calls, 2);
  assert_true(deep.ops > 0);
  assert_int_equal(deep.ops, shallow.ops);
  /* loss = (d g^2)^4 at depth 1 */
  assert_true(check_close(shallow.gradient, 4 * pow(1.5, 3) * pow(1.01, 8)));
}

static void the_gradient_of_the_generator_runs_through_both(void **state) {
  (void)state;
  pass shallow = adversarial_pass(1, true), deep = adversarial_pass(5, true);
  assert_int_equal(shallow.generator_calls, 1);
  assert_int_equal(deep.generator_calls, 5);
  assert_int_equal(deep.discriminator_calls, 2);
  assert_true(deep.ops > shallow.ops);
  assert_true(check_close(shallow.gradient, 8 * pow(1.5, 4) * pow(1.01, 7)));
}

static int asked[3];

static ag_tensor *sum_of_three(ag_node *node) {
  return ag_add(ag_add(node->inputs[0], node->inputs[1]), node->inputs[2]);
}

static ag_tensor *vjp_counts(ag_node *node, int input, ag_tensor *cotangent) {
  (void)node;
  asked[input]++;
  return cotangent;
}

static void only_the_vjps_of_wanted_inputs_run(void **state) {
  (void)state;
  static const ag_op op = {.name = "sum_of_three", .forward = sum_of_three, .vjp = vjp_counts};
  ag_tensor *a = ag_variable(ag_scalar(1)), *b = ag_variable(ag_scalar(2)), *c = ag_scalar(3);
  memset(asked, 0, sizeof asked);
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_apply(&op, AG_INPUTS(ag_square(a), ag_square(b), c), NULL, 0);
  assert_value(ag_gradient(tape, y, b), 4);
  assert_int_equal(asked[0], 0);
  assert_int_equal(asked[1], 1);
  assert_int_equal(asked[2], 0);
}

static ag_tensor *second_of(ag_node *node) { return node->inputs[1]; }

static void an_op_may_return_any_of_its_inputs(void **state) {
  (void)state;
  static const ag_op op = {.name = "second_of", .forward = second_of, .vjp = vjp_counts};
  ag_tensor *x = ag_scalar(3), *y = ag_scalar(4);
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, y);
  ag_tensor *z = ag_apply(&op, AG_INPUTS(x, y), NULL, 0);
  assert_ptr_not_equal(z, y);
  assert_value(ag_gradient(tape, z, y), 1);
}

static void what_does_not_reach_the_target_is_not_run(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(3));
  generator_calls = 0;
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_square(x);
  ag_apply(&generator_op, AG_INPUTS(y), NULL, 0);
  ag_apply(&generator_op, AG_INPUTS(x), NULL, 0);
  assert_value(ag_gradient(tape, y, x), 6);
  assert_int_equal(generator_calls, 0);
}

static void what_lies_before_the_source_is_not_run(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(3));
  generator_calls = 0;
  ag_tape *tape = ag_tape_start();
  ag_tensor *middle = ag_apply(&generator_op, AG_INPUTS(x), NULL, 0);
  ag_tensor *y = ag_square(middle);
  assert_value(ag_gradient(tape, y, middle), 18);
  assert_int_equal(generator_calls, 0);
}

typedef struct {
  double factor;
} scale_attributes;

static ag_tensor *scale_forward(ag_node *node) {
  return ag_scale(node->inputs[0], ((const scale_attributes *)node->attributes)->factor);
}

static ag_tensor *scale_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  (void)input;
  return ag_scale(cotangent, ((const scale_attributes *)node->attributes)->factor);
}

static void attributes_are_copied_and_stay_with_the_call(void **state) {
  (void)state;
  static const ag_op op = {.name = "scale_by", .forward = scale_forward, .vjp = scale_vjp};
  ag_tensor *x = ag_variable(ag_scalar(3));
  scale_attributes attributes = {5};
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_apply(&op, AG_INPUTS(x), &attributes, sizeof attributes);
  attributes.factor = 7;
  assert_value(ag_gradient(tape, y, x), 5);
}

static ag_tensor *saving_forward(ag_node *node) {
  node->saved = ag_exp(node->inputs[0]);
  return ag_scale(node->saved, 2);
}

static ag_tensor *saving_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  (void)input;
  return ag_mul(cotangent, ag_scale(node->saved, 2));
}

static void what_forward_saves_outlives_its_scope(void **state) {
  (void)state;
  static const ag_op op = {
      .name = "saving", .forward = saving_forward, .vjp = saving_vjp, .drops = AG_DROP_INPUTS | AG_DROP_OUTPUT};
  ag_tensor *x = ag_variable(ag_scalar(0));
  ag_tape *tape = ag_tape_start();
  ag_scope *scope = ag_scope_enter();
  ag_tensor *y = ag_scope_leave_with(scope, ag_apply(&op, AG_INPUTS(ag_scale(x, 3)), NULL, 0));
  assert_value(y, 2);
  assert_value(ag_gradient(tape, y, x), 6);
}

/* What a node keeps is what it read. */

static void a_gradient_sees_the_values_that_were_recorded(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(3));
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tensor *before = ag_square(v);
  assert_true(ag_assign(v, ag_scalar(10)));
  ag_tensor *after = ag_square(v);
  assert_true(ag_assign(v, ag_scalar(100)));
  ag_tape_stop(tape);
  assert_value(ag_gradient(tape, before, v), 6);
  assert_value(ag_gradient(tape, after, v), 20);
  assert_value(ag_gradient(tape, ag_list_make(2, (ag_tensor *[]){before, after}).items[0], v), 6);
  assert_value(v, 100);
}

static void a_second_derivative_sees_the_values_that_were_recorded(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(3));
  ag_tape *outer = ag_tape_start();
  ag_tape *inner = ag_tape_start();
  ag_tensor *y = ag_mul(ag_square(v), v);
  ag_assign(v, ag_scalar(10));
  ag_tensor *slope = ag_gradient(inner, y, v);
  ag_assign(v, ag_scalar(20));
  assert_value(slope, 27);
  assert_value(ag_gradient(outer, slope, v), 18);
}

static void aliases_of_a_variable_keep_the_value_that_they_saw(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_full(AG_SHAPE(2), 3));
  ag_tensor *aliases[] = {ag_detach(v), ag_identity(v), ag_reshape(v, AG_SHAPE(1, 2))};
  ag_assign(v, ag_full(AG_SHAPE(2), 5));
  ag_variable_data(v)[0] = 7;
  for (int i = 0; i < 3; i++) assert_true(ag_data(aliases[i])[0] == 3);
  assert_values(v, AG_SHAPE(2), 7, 5);
}

static void an_assignment_is_in_place_where_nobody_else_holds_the_values(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(1));
  const ag_real *first = ag_data(v);
  ag_assign(v, ag_scalar(2));
  assert_ptr_equal(ag_data(v), first);
  ag_scope *scope = ag_scope_enter();
  ag_detach(v);
  ag_scope_leave(scope);
  ag_assign(v, ag_scalar(3));
  assert_ptr_equal(ag_data(v), first);
  assert_ptr_equal(ag_variable_data(v), first);
}

static void an_assignment_takes_a_fresh_buffer_where_somebody_does(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(1));
  const ag_real *first = ag_data(v);
  ag_tensor *alias = ag_detach(v);
  ag_assign(v, ag_scalar(2));
  assert_ptr_not_equal(ag_data(v), first);
  assert_value(alias, 1);
  alias = ag_detach(v);
  ag_variable_data(v)[0] += 1;
  assert_value(alias, 2);
  assert_value(v, 3);
}

static void a_tape_that_has_given_its_gradient_no_longer_holds_the_values(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(3));
  const ag_real *values = ag_data(v);
  ag_scope *scope = ag_scope_enter();
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_square(v);
  ag_gradient(tape, y, v);
  ag_assign(v, ag_scalar(4));
  assert_ptr_equal(ag_data(v), values);
  ag_scope_leave(scope);
}

static void a_variable_may_be_assigned_to_itself(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_full(AG_SHAPE(2), 3));
  ag_tensor *alias = ag_detach(v);
  assert_true(ag_assign(v, v));
  assert_true(ag_assign(v, alias));
  assert_values(v, AG_SHAPE(2), 3, 3);
}

static void a_frozen_variable_may_be_watched_by_name(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(3));
  ag_set_trainable(v, false);
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, v);
  ag_tensor *y = ag_square(v);
  ag_assign(v, ag_scalar(9));
  assert_value(ag_gradient(tape, y, v), 6);
}

/* Size */

enum { DEEP = 100000, WIDE = 10000 };

static void a_chain_of_a_hundred_thousand_ops_is_swept_and_freed(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(1));
  ag_scope *scope = ag_scope_enter();
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = x;
  for (int i = 0; i < DEEP; i++) y = i % 2 ? ag_neg(y) : ag_add_scalar(y, 1);
  assert_int_equal(ag_tape_length(tape), DEEP);
  assert_value(ag_gradient(tape, y, x), 1); /* an even number of neg */
  ag_scope_leave(scope);
}

static void a_deep_chain_that_its_tape_alone_holds_is_freed(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(1));
  ag_scope *outer = ag_scope_enter();
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_scope *scope = ag_scope_enter();
  ag_tensor *y = x;
  for (int i = 0; i < DEEP; i++) y = ag_tanh(y);
  ag_scope_leave(scope);
  assert_int_equal(ag_tape_length(tape), DEEP);
  ag_scope_leave(outer);
}

static void the_second_derivative_of_a_deep_chain_is_swept_too(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(2));
  ag_scope *scope = ag_scope_enter();
  ag_tape *outer = ag_tape_start();
  ag_tape *inner = ag_tape_start();
  ag_tensor *y = ag_square(x);
  for (int i = 0; i < DEEP / 10; i++) y = ag_add_scalar(y, 1);
  ag_tensor *slope = ag_gradient(inner, y, x);
  assert_value(slope, 4);
  assert_value(ag_gradient(outer, slope, x), 2);
  ag_scope_leave(scope);
}

static void a_diamond_of_ten_thousand_branches_sums_them_all(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(3));
  ag_scope *scope = ag_scope_enter();
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_scalar(0), *middle = ag_scale(x, 2);
  for (int i = 0; i < WIDE; i++) y = ag_add(y, ag_scale(middle, i % 10));
  assert_value(ag_gradient(tape, y, x), 2 * 4.5 * WIDE);
  ag_scope_leave(scope);
}

static void a_wide_concat_gives_each_part_its_gradient(void **state) {
  (void)state;
  static ag_tensor *parts[WIDE];
  ag_tensor *x = ag_variable(ag_ones(AG_SHAPE(1)));
  ag_scope *scope = ag_scope_enter();
  ag_tape *tape = ag_tape_start();
  for (int i = 0; i < WIDE; i++) parts[i] = ag_scale(x, i % 2);
  ag_tensor *y = ag_concat(ag_list_make(WIDE, parts), 0);
  assert_values(ag_gradient(tape, y, x), AG_SHAPE(1), WIDE / 2);
  ag_scope_leave(scope);
}

static void diamonds_upon_diamonds_cost_no_more_than_their_ops(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(1));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = x;
  for (int i = 0; i < 60; i++) y = ag_scale(ag_add(y, y), 0.5); /* 2^60 paths */
  int ops = 0;
  ag_observe(count_op, &ops);
  ag_tensor *gradient = ag_gradient(tape, y, x);
  ag_observe(NULL, NULL);
  assert_value(gradient, 1);
  assert_true(ops <= 60 * 4);
}

/* Memory */

enum { BIG = 1 << 16 };
static const size_t big_bytes = BIG * sizeof(ag_real);

/* The sum of x squared twenty times, of which the running tape alone holds what lies between. */
static ag_tensor *chain_held_by_the_tape(ag_tensor *x) {
  ag_scope *scope = ag_scope_enter();
  for (int i = 0; i < 20; i++) x = ag_square(x);
  return ag_scope_leave_with(scope, ag_sum(x));
}

static void a_sweep_frees_what_it_has_passed(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_ones(AG_SHAPE(BIG)));
  ag_scope *outer = ag_scope_enter();
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = chain_held_by_the_tape(x);
  size_t recorded = ag_memory_in_use();
  assert_true(recorded >= 20 * big_bytes);
  ag_memory_peak_reset();
  ag_tensor *gradient = ag_gradient(tape, y, x);
  assert_true(ag_memory_peak() < recorded + 6 * big_bytes);
  assert_true(ag_memory_in_use() < 4 * big_bytes);
  assert_true(ag_data(gradient)[BIG - 1] == 1 << 20);
  ag_scope_leave(outer);
}

static void a_failed_gradient_frees_what_its_tape_held(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_ones(AG_SHAPE(BIG)));
  ag_scope *outer = ag_scope_enter();
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = chain_held_by_the_tape(x);
  ag_gradients_of(tape, AG_LIST(y), AG_LIST(x), AG_LIST(ag_ones(AG_SHAPE(3))), AG_UNCONNECTED_NULL);
  assert_error(AG_ERROR_SHAPE, "[3]");
  assert_true(ag_memory_in_use() < 4 * big_bytes);
  ag_scope_leave(outer);
}

static void only_results_reach_the_callers_scope(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_ones(AG_SHAPE(BIG)));
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  ag_tensor *y = ag_exp(ag_square(ag_tanh(x))); /* its seed of ones is as big */
  ag_tape_stop(tape);
  size_t before = ag_memory_in_use();
  ag_gradient(tape, y, x);
  assert_true(ag_memory_in_use() <= before + big_bytes + big_bytes / 4);
}

static void ops_that_drop_their_values_keep_none(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_ones(AG_SHAPE(BIG)));
  size_t before = ag_memory_in_use();
  ag_scope *outer = ag_scope_enter();
  ag_tape *tape = ag_tape_start();
  ag_scope *scope = ag_scope_enter();
  ag_tensor *y = x;
  for (int i = 0; i < 20; i++) y = ag_scale(y, 2);
  y = ag_scope_leave_with(scope, y);
  assert_true(ag_memory_in_use() < before + 2 * big_bytes);
  ag_memory_peak_reset();
  ag_tensor *gradient = ag_gradient(tape, y, x);
  assert_true(ag_memory_peak() < before + 6 * big_bytes); /* nor does the sweep keep cotangents */
  assert_true(ag_data(gradient)[0] == 1 << 20);
  ag_scope_leave(outer);
}

/* The sum of the squares of all parts of x, taken in twos of which half overlaps, by slices or by gathers, with weights
 * that tell the parts apart. */
static ag_tensor *sum_of_parts(ag_tensor *x, int axis, bool by_slices) {
  ag_tensor *sum = ag_scalar(0);
  for (int64_t i = 0; i + 1 < ag_shape_of(x).sizes[axis]; i++) {
    ag_scope *scope = ag_scope_enter();
    ag_tensor *indices = ag_add_scalar(ag_arange(2), (double)i);
    ag_tensor *part = by_slices ? ag_slice(x, axis, i, 2) : ag_gather(x, indices, axis);
    sum = ag_scope_leave_with(scope, ag_add(sum, ag_scale(ag_sum(ag_square(part)), (double)(i + 1))));
  }
  return sum;
}

/* d/dx of it: 2 x, times the weights of the parts that hold it. */
static double slope_of_parts(double x, int64_t at, int64_t count) {
  double weight = 0;
  if (at > 0) weight += (double)at;
  if (at + 1 < count) weight += (double)(at + 1);
  return 2 * x * weight;
}

static void parts_of_a_tensor_add_their_gradients_in_place(void **state) {
  (void)state;
  enum { ROWS = 100, COLUMNS = 150 };
  for (int axis = 0; axis < 2; axis++) {
    for (int by_slices = 0; by_slices < 2; by_slices++) {
      ag_scope *scope = ag_scope_enter();
      ag_tensor *x = ag_variable(ag_reshape(ag_scale(ag_arange(ROWS * COLUMNS), 1e-4), AG_SHAPE(ROWS, COLUMNS)));
      const size_t bytes = ag_size(x) * sizeof(ag_real);
      ag_tape *tape = ag_tape_start();
      ag_tensor *y = sum_of_parts(x, axis, by_slices);
      size_t recorded = ag_memory_in_use();
      ag_memory_peak_reset();
      ag_tensor *gradient = ag_gradient(tape, y, x);
      assert_true(ag_memory_peak() < recorded + bytes + bytes / 2); /* not one more for each part */
      for (size_t i = 0; i < ag_size(x); i++) {
        int64_t at = axis == 0 ? (int64_t)i / COLUMNS : (int64_t)i % COLUMNS;
        double expected = slope_of_parts((double)ag_data(x)[i], at, axis == 0 ? ROWS : COLUMNS);
        if (fabs((double)ag_data(gradient)[i] - expected) > 1e-5 * expected) fail_msg("element %zu", i);
      }
      ag_scope_leave(scope);
    }
  }
}

/* Under a tape that sees the sweep, nothing changes in place, or its record would be wrong. */
static void gradients_of_parts_can_be_differentiated(void **state) {
  (void)state;
  for (int by_slices = 0; by_slices < 2; by_slices++) {
    ag_tensor *x = ag_variable(ag_from(AG_SHAPE(2, 3), (ag_real[]){1, 2, 3, 4, 5, 6}));
    ag_tape *outer = ag_tape_start(), *inner = ag_tape_start();
    ag_tensor *gradient = ag_gradient(inner, sum_of_parts(x, 1, by_slices), x);
    assert_values(gradient, AG_SHAPE(2, 3), 2, 12, 12, 8, 30, 24);
    ag_tensor *second = ag_gradient(outer, ag_sum(ag_mul(gradient, gradient)), x); /* 2 (2 w)^2 x */
    assert_values(second, AG_SHAPE(2, 3), 8, 144, 96, 32, 360, 192);
  }
}

static void what_comes_after_the_target_is_not_connected_to_it(void **state) {
  (void)state;
  for (int persistent = 0; persistent < 2; persistent++) {
    ag_tensor *x = ag_variable(ag_scalar(3));
    ag_tape *tape = ag_tape_start_with(persistent ? AG_PERSISTENT : 0);
    ag_tensor *y = ag_square(x), *later = ag_scale(y, 2);
    ag_list gradients = ag_gradients(tape, y, AG_LIST(x, later, y));
    assert_false(ag_failed());
    assert_value(gradients.items[0], 6);
    assert_null(gradients.items[1]);
    assert_value(gradients.items[2], 1);
    if (persistent) assert_value(ag_gradient(tape, later, y), 2);
  }
}

static ag_tensor *wasteful_forward(ag_node *node) {
  for (int i = 0; i < 10; i++) ag_ones(AG_SHAPE(BIG));
  return ag_square(ag_sqrt(node->inputs[0]));
}

static void what_forward_makes_beside_its_output_is_released(void **state) {
  (void)state;
  static const ag_op op = {.name = "wasteful", .forward = wasteful_forward, .not_differentiable = true};
  size_t before = ag_memory_in_use();
  assert_value(ag_apply(&op, AG_INPUTS(ag_scalar(3)), NULL, 0), 3);
  assert_true(ag_memory_in_use() < before + big_bytes);
}

static ag_tensor *twice_owned(ag_node *node) {
  ag_tensor *output = ag_add_scalar(node->inputs[0], 1);
  return ag_scope_leave_with(ag_scope_enter(), output);
}

/* What is not freed is found by check_leave. */
static void an_output_that_a_scope_owns_twice_is_freed(void **state) {
  (void)state;
  static const ag_op op = {.name = "twice_owned", .forward = twice_owned, .not_differentiable = true};
  assert_value(ag_apply(&op, AG_INPUTS(ag_scalar(1)), NULL, 0), 2);
}

/* Tapes stop with their scope. */
static void leaving_a_scope_stops_its_tapes(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(3));
  ag_tape *outer = ag_tape_start();
  ag_scope *scope = ag_scope_enter();
  ag_tape_start();
  ag_tensor *y = ag_scope_leave_with(scope, ag_square(x));
  ag_tensor *z = ag_mul(y, x);
  assert_value(ag_gradient(outer, z, x), 27);
}

/* Threads */

typedef struct {
  ag_tape *foreign;
  double gradient;
  bool blind_to_other_tapes, foreign_refused, failed;
} thread_result;

static void *differentiate(void *context) {
  thread_result *result = context;
  ag_scope *scope = ag_scope_enter();
  ag_tape_stop(result->foreign);
  result->foreign_refused = ag_error_kind() == AG_ERROR_TAPE;
  ag_error_clear();
  ag_tensor *x = ag_variable(ag_scalar(1));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = x;
  for (int i = 0; i < 2000; i++) y = ag_add(y, x);
  result->blind_to_other_tapes = ag_tape_length(tape) == 2000;
  result->gradient = ag_item(ag_gradient(tape, y, x));
  result->failed = ag_failed();
  ag_scope_leave(scope);
  return NULL;
}

static void each_thread_has_tapes_of_its_own(void **state) {
  (void)state;
  ag_tensor *x = ag_variable(ag_scalar(3));
  ag_tape *tape = ag_tape_start();
  pthread_t threads[2];
  thread_result results[2] = {{.foreign = tape}, {.foreign = tape}};
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, differentiate, &results[i]), 0);
  ag_tensor *y = x;
  for (int i = 0; i < 1000; i++) y = ag_add(y, x);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(results[i].failed);
    assert_true(results[i].foreign_refused);
    assert_true(results[i].blind_to_other_tapes);
    assert_true(results[i].gradient == 2001);
  }
  assert_int_equal(ag_tape_length(tape), 1000);
  assert_value(ag_gradient(tape, y, x), 1001);
}

/* log(0) = -inf; its slope at 0, 1 / 0, is infinite, too, and made by the vjp's division. */
static void the_first_value_that_is_not_finite_is_found_by_its_op(void **state) {
  (void)state;
  ag_nonfinite found = {0};
  ag_observe(ag_find_nonfinite, &found);
  ag_tensor *x = ag_variable(ag_from(AG_SHAPE(2, 2), (ag_real[]){1, 2, 0, 3}));
  ag_tensor *y = ag_square(ag_log(ag_scale(x, 2)));
  ag_observe(NULL, NULL);
  assert_string_equal(found.op, "log");
  assert_int_equal(found.index, 2);
  assert_true(found.value == -INFINITY);
  assert_true(ag_shape_equal(found.shape, AG_SHAPE(2, 2)));
  assert_false(found.from_input);

  found = (ag_nonfinite){0};
  ag_observe(ag_find_nonfinite, &found);
  ag_tensor *z = ag_variable(ag_scalar(0));
  ag_tape *tape = ag_tape_start();
  ag_tensor *root = ag_sqrt(z);
  assert_null(found.op);
  ag_gradient(tape, root, z);
  assert_string_equal(found.op, "div");
  assert_false(found.from_input);

  found = (ag_nonfinite){0};
  ag_add(y, z); /* one of them is enough */
  ag_observe(NULL, NULL);
  assert_string_equal(found.op, "add");
  assert_true(found.from_input);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_first_value_that_is_not_finite_is_found_by_its_op),
      TEST(the_gradient_of_the_discriminator_runs_none_of_the_generators_ops),
      TEST(the_gradient_of_the_generator_runs_through_both),
      TEST(only_the_vjps_of_wanted_inputs_run),
      TEST(an_op_may_return_any_of_its_inputs),
      TEST(what_does_not_reach_the_target_is_not_run),
      TEST(what_lies_before_the_source_is_not_run),
      TEST(attributes_are_copied_and_stay_with_the_call),
      TEST(what_forward_saves_outlives_its_scope),
      TEST(a_gradient_sees_the_values_that_were_recorded),
      TEST(a_second_derivative_sees_the_values_that_were_recorded),
      TEST(aliases_of_a_variable_keep_the_value_that_they_saw),
      TEST(an_assignment_is_in_place_where_nobody_else_holds_the_values),
      TEST(an_assignment_takes_a_fresh_buffer_where_somebody_does),
      TEST(a_tape_that_has_given_its_gradient_no_longer_holds_the_values),
      TEST(a_variable_may_be_assigned_to_itself),
      TEST(a_frozen_variable_may_be_watched_by_name),
      TEST(a_chain_of_a_hundred_thousand_ops_is_swept_and_freed),
      TEST(a_deep_chain_that_its_tape_alone_holds_is_freed),
      TEST(the_second_derivative_of_a_deep_chain_is_swept_too),
      TEST(a_diamond_of_ten_thousand_branches_sums_them_all),
      TEST(a_wide_concat_gives_each_part_its_gradient),
      TEST(diamonds_upon_diamonds_cost_no_more_than_their_ops),
      TEST(a_sweep_frees_what_it_has_passed),
      TEST(a_failed_gradient_frees_what_its_tape_held),
      TEST(only_results_reach_the_callers_scope),
      TEST(ops_that_drop_their_values_keep_none),
      TEST(parts_of_a_tensor_add_their_gradients_in_place),
      TEST(gradients_of_parts_can_be_differentiated),
      TEST(what_comes_after_the_target_is_not_connected_to_it),
      TEST(what_forward_makes_beside_its_output_is_released),
      TEST(an_output_that_a_scope_owns_twice_is_freed),
      TEST(leaving_a_scope_stops_its_tapes),
      TEST(each_thread_has_tapes_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
