/* Every public function of autograd/ but the ops called wrongly: NULL for each pointer, sizes too large or beyond 64
 * bits, enums out of range, used and foreign tapes. covers.sh sees that this suite, misuse_ops and misuse_nn leave out
 * no function of autograd/ and nn/. */
#include "tests/misuse.h"

#include <pthread.h>

/* autograd/error.h, memory.h */

static void errors(void **state) {
  (void)state;
  const char *no_format = NULL;
  REFUSED(ag_fail(AG_ERROR_SHAPE, no_format, 1), "");
  REFUSED(ag_fail(AG_OK, "no %s", "code"), "no code");
  REFUSED(ag_fail((ag_error_code)99, "code %d", 99), "code 99");
  REFUSED(ag_fail_null(NULL, NULL), "NULL");
  ACCEPTED(ag_error_prefix(no_format, 1));
  ag_fail(AG_ERROR_SHAPE, "cause");
  REFUSED_VOID(ag_error_prefix(no_format, 1), "cause");
  ag_fail(AG_ERROR_SHAPE, "first");
  assert_true(ag_failed());
  assert_int_equal(ag_error_kind(), AG_ERROR_SHAPE);
  REFUSED(ag_exp(NULL), "first"); /* the first one stays */
  assert_string_equal(ag_error_message(), "");
  ACCEPTED(ag_error_clear());
  check_nothing_wrong();
}

static void memory(void **state) {
  (void)state;
  TOO_LARGE(ag_allocate(SIZE_MAX, 2));
  TOO_LARGE(ag_allocate((size_t)1 << 62, 8));
  TOO_LARGE(ag_reallocate(NULL, SIZE_MAX, 2));
  TOO_LARGE(ag_reallocate(NULL, (size_t)1 << 62, 1));
  TOO_LARGE(ag_pool_take(SIZE_MAX));
  TOO_LARGE(ag_pool_take(((size_t)1 << 62) + 1));
  TOO_LARGE(ag_pool_take((size_t)1 << 60));
  ACCEPTED(ag_free(NULL));
  ACCEPTED(ag_free(ag_allocate(0, 0)));
  ACCEPTED(ag_pool_give(NULL, 0));
  ACCEPTED(ag_pool_give(ag_pool_take(0), 0));
  ACCEPTED(ag_pool_trim());
  ACCEPTED(ag_memory_in_use());
  ACCEPTED(ag_memory_peak());
  ACCEPTED(ag_memory_peak_reset());
  check_nothing_wrong();
}

/* autograd/tensor.h */

static void shapes(void **state) {
  (void)state;
  const int64_t square[] = {(int64_t)1 << 40, (int64_t)1 << 40}, negative[] = {2, -2}, hidden[] = {0, INT64_MAX, 2};
  REFUSED(ag_shape_make(1, NULL).rank >= 0, "shape: sizes is NULL");
  REFUSED(ag_shape_make(-1, square).rank >= 0, "shape: -1 axes");
  REFUSED(ag_shape_make(AG_MAX_RANK + 1, square).rank >= 0, "shape: 9 axes");
  REFUSED(ag_shape_make(INT_MAX, square).rank >= 0, "axes");
  REFUSED(ag_shape_make(2, negative).rank >= 0, "negative");
  TOO_LARGE(ag_shape_make(2, square).rank >= 0);
  TOO_LARGE(ag_shape_make(3, hidden).rank >= 0);
  ACCEPTED(ag_shape_equal(bad_rank(), bad_rank()));
  ACCEPTED(ag_shape_equal((ag_shape){.rank = -1}, ag_shape_make(0, NULL)));
  ACCEPTED(ag_shape_size(bad_rank()));
  ACCEPTED(ag_shape_size((ag_shape){.rank = INT_MIN}));
  assert_string_equal(ag_shape_print(bad_rank()).text, "[invalid]");
  assert_string_equal(ag_shape_print((ag_shape){.rank = -1}).text, "[invalid]");
  ag_shape longest = {.rank = AG_MAX_RANK};
  for (int i = 0; i < AG_MAX_RANK; i++) longest.sizes[i] = INT64_MIN;
  assert_int_equal(strlen(ag_shape_print(longest).text), 2 + AG_MAX_RANK * 20 + (AG_MAX_RANK - 1) * 2);
  check_nothing_wrong();
}

static void construction(void **state) {
  (void)state;
  const ag_shape wrong[] = {bad_rank(), {.rank = -1}, {1, {-1}}, {2, {3, INT64_MIN}}};
  const ag_shape large[] = {{2, {(int64_t)1 << 40, (int64_t)1 << 40}}, {1, {HUGE_SIZE}}, {1, {INT64_MAX}}};
  ag_real value = 1, *values;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    REFUSED(ag_full(wrong[i], 1), "shape");
    REFUSED(ag_zeros(wrong[i]), "shape");
    REFUSED(ag_ones(wrong[i]), "shape");
    REFUSED(ag_from(wrong[i], &value), "shape");
    REFUSED(ag_make(wrong[i], &values), "shape");
  }
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
    TOO_LARGE(ag_full(large[i], 1));
    TOO_LARGE(ag_zeros(large[i]));
    TOO_LARGE(ag_ones(large[i]));
    TOO_LARGE(ag_from(large[i], &value));
    TOO_LARGE(ag_make(large[i], &values));
  }
  REFUSED(ag_from(AG_SHAPE(1), NULL), "from: values is NULL");
  REFUSED(ag_arange(-1), "negative");
  REFUSED(ag_arange(INT64_MIN), "negative");
  REFUSED(ag_arange(INT64_MAX), "not exact");
  REFUSED(ag_arange((1 << 24) + 1), "not exact");
  ACCEPTED(ag_arange(1 << 24));
  REFUSED(ag_list_make(1, NULL).items, "list_make: items is NULL");
  TOO_LARGE(ag_list_make(SIZE_MAX, (ag_tensor *[]){NULL}).items);
  ACCEPTED(ag_list_make(0, NULL));
  REFUSED(ag_make(AG_SHAPE(2), NULL), "make: values is NULL");
  ACCEPTED(ag_arange(0));
  ACCEPTED(ag_scalar(NAN));
  check_nothing_wrong();
}

static void reading(void **state) {
  (void)state;
  REFUSED(ag_shape_of(NULL).rank >= 0, "shape_of: tensor is NULL");
  REFUSED(ag_size(NULL), "size: tensor is NULL");
  REFUSED(ag_data(NULL), "data: tensor is NULL");
  REFUSED(!isnan(ag_item(NULL)), "item: tensor is NULL");
  REFUSED(!isnan(ag_item(ones())), "item: a tensor of shape [2, 3]");
  REFUSED(!isnan(ag_item(ag_zeros(AG_SHAPE(0)))), "item");
  REFUSED_VOID(ag_print(NULL, stdout), "print: tensor is NULL");
  REFUSED_VOID(ag_print(ones(), NULL), "print: file is NULL");
  check_nothing_wrong();
}

static void variables(void **state) {
  (void)state;
  ag_tensor *variable = ag_variable(ones());
  REFUSED(ag_variable(NULL), "variable: tensor is NULL");
  REFUSED(ag_assign(NULL, ones()), "assign: variable is NULL");
  REFUSED(ag_assign(variable, NULL), "assign: tensor is NULL");
  REFUSED(ag_assign(ones(), ones()), "assign: the tensor is no variable");
  REFUSED(ag_assign(variable, ag_ones(AG_SHAPE(3, 2))), "assign: the variable has shape [2, 3]");
  REFUSED_VOID(ag_set_trainable(NULL, true), "set_trainable: variable is NULL");
  REFUSED_VOID(ag_set_trainable(ones(), true), "set_trainable: the tensor is no variable");
  REFUSED(ag_variable_data(NULL), "variable_data: variable is NULL");
  REFUSED(ag_variable_data(ones()), "variable_data: the tensor is no variable");
  REFUSED(ag_detach(NULL), "detach: tensor is NULL");
  ACCEPTED(ag_is_variable(NULL));
  ACCEPTED(ag_is_trainable(NULL));
  assert_false(ag_is_variable(NULL) || ag_is_trainable(NULL) || ag_is_trainable(ones()));
  check_nothing_wrong();
}

/* autograd/op.h */

static ag_tensor *no_forward(ag_node *node) {
  (void)node;
  return NULL;
}
static ag_tensor *copy_forward(ag_node *node) { return node->count ? ag_identity(node->inputs[0]) : ag_scalar(1); }
static const ag_op fails = {.name = "fails", .forward = no_forward};
static const ag_op no_vjp = {.name = "no_vjp", .forward = copy_forward};
static const ag_op nameless = {.forward = no_forward}, empty_op = {.name = "empty"};

static void ops_of_ones_own(void **state) {
  (void)state;
  ag_tensor *x = ones(), *variable = ag_variable(x);
  ag_node node = {.op = &no_vjp, .count = 1, .inputs = &x, .output = x};
  REFUSED(ag_apply(NULL, 0, NULL, NULL, 0), "apply: the op is NULL");
  REFUSED(ag_apply(&empty_op, 1, &x, NULL, 0), "forward is NULL");
  REFUSED(ag_apply(&nameless, 1, &x, NULL, 0), "");
  REFUSED(ag_apply(&no_vjp, -1, &x, NULL, 0), "no_vjp");
  REFUSED(ag_apply(&no_vjp, 1, NULL, NULL, 0), "no_vjp: the list of inputs is NULL");
  REFUSED(ag_apply(&no_vjp, 1, &(ag_tensor *){NULL}, NULL, 0), "no_vjp: input is NULL");
  REFUSED(ag_apply(&no_vjp, 1, &x, NULL, 8), "no_vjp: ");
  REFUSED(ag_apply(&fails, 1, &x, NULL, 0), "fails: forward returned NULL");
  ag_tape *tape = ag_tape_start();
  REFUSED(ag_apply(&no_vjp, 1, &variable, NULL, 0), "no_vjp: the op has no vjp");
  ag_tape_stop(tape);
  ACCEPTED(ag_apply(&no_vjp, 0, NULL, NULL, 0));
  REFUSED(ag_composite_vjp(NULL, &node, 0, x), "composite_vjp");
  REFUSED(ag_composite_vjp(copy_forward, NULL, 0, x), "composite_vjp");
  REFUSED(ag_composite_vjp(copy_forward, &node, 1, x), "composite_vjp");
  REFUSED(ag_composite_vjp(copy_forward, &node, -1, x), "composite_vjp");
  REFUSED(ag_composite_vjp(copy_forward, &node, 0, ag_scalar(1)), "seed has shape []");
  REFUSED(ag_composite_vjp(no_forward, &node, 0, x), "composite_vjp: f returned NULL");
  check_nothing_wrong();
}

static void settings(void **state) {
  (void)state;
  REFUSED_VOID(ag_set_precision((ag_precision)99), "set_precision: 99");
  REFUSED_VOID(ag_set_precision((ag_precision)-1), "set_precision");
  assert_int_equal(ag_get_precision(), AG_HIGHEST);
  assert_false(ag_precision_available((ag_precision)99));
  REFUSED_VOID(ag_set_threads(-1), "set_threads: -1");
  REFUSED_VOID(ag_set_threads(INT_MIN), "set_threads");
  REFUSED_VOID(ag_set_threads(INT_MAX), "set_threads: 2147483647");
  ACCEPTED(ag_observe(NULL, NULL));
  assert_non_null(ag_kernels_name());
  REFUSED_VOID(ag_find_nonfinite(NULL, &(ag_nonfinite){0}), "find_nonfinite");
  REFUSED_VOID(ag_find_nonfinite(&(ag_node){0}, NULL), "find_nonfinite");
  check_nothing_wrong();
}

/* autograd/scope.h */

static void scopes(void **state) {
  (void)state;
  ag_scope *left = ag_scope_enter(), *open = ag_scope_enter();
  ag_tensor *x = ones();
  REFUSED_VOID(ag_scope_leave(NULL), "scope_leave: scope is NULL");
  REFUSED_VOID(ag_scope_leave((ag_scope *)(void *)&x), "scope_leave: this scope is not open");
  REFUSED_VOID(ag_scope_leave_with(NULL, x), "scope_leave: scope is NULL");
  REFUSED_VOID(ag_scope_leave_with_list(NULL, AG_LIST(x)), "scope_leave: scope is NULL");
  REFUSED(ag_scope_leave_with_list(open, (ag_list){1, NULL}).items, "items is NULL");
  ACCEPTED(ag_scope_leave_with(left, NULL)); /* NULL is passed on */
  ag_scope *with_null = ag_scope_enter();
  ACCEPTED(ag_scope_leave_with_list(with_null, AG_LIST(NULL, ag_scalar(1))));
  ACCEPTED(ag_retain(NULL));
  ACCEPTED(ag_release(NULL));
  check_nothing_wrong();
}

/* autograd/tape.h, dot.h */

static void tapes_that_are_null(void **state) {
  (void)state;
  ag_tensor *x = ones();
  REFUSED_VOID(ag_tape_stop(NULL), "tape_stop: tape is NULL");
  REFUSED_VOID(ag_tape_resume(NULL), "tape_resume: tape is NULL");
  REFUSED_VOID(ag_tape_reset(NULL), "tape_reset: tape is NULL");
  REFUSED_VOID(ag_tape_watch(NULL, x), "tape_watch: tape is NULL");
  REFUSED(ag_tape_watched(NULL).items, "tape_watched: tape is NULL");
  REFUSED(ag_gradient(NULL, x, x), "gradient: tape is NULL");
  REFUSED(ag_gradients(NULL, x, AG_LIST(x)).items, "gradient: tape is NULL");
  REFUSED(ag_gradients_of(NULL, AG_LIST(x), AG_LIST(x), nothing(), AG_UNCONNECTED_NULL).items, "tape is NULL");
  REFUSED(ag_jacobian(NULL, x, x), "jacobian: tape is NULL");
  REFUSED(ag_batch_jacobian(NULL, x, x), "batch_jacobian: tape is NULL");
  REFUSED(ag_tape_write_dot(NULL, stdout), "tape_write_dot: tape is NULL");
  ACCEPTED(ag_tape_is_recording(NULL));
  ACCEPTED(ag_tape_length(NULL));
  assert_false(ag_tape_is_recording(NULL) || ag_tape_length(NULL));
  check_nothing_wrong();
}

static void arguments_of_tapes(void **state) {
  (void)state;
  ag_tensor *x = ones(), *with_null[] = {x, NULL};
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  REFUSED_VOID(ag_tape_watch(tape, NULL), "tape_watch: tensor is NULL");
  REFUSED_VOID(ag_tape_resume(tape), "tape_resume: the tape is recording");
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_square(x);
  ag_tape_stop(tape);
  REFUSED_VOID(ag_tape_stop(tape), "tape_stop: the tape is not recording");
  REFUSED(ag_gradient(tape, NULL, x), "the target is NULL");
  REFUSED(ag_gradient(tape, y, NULL), "the source is NULL");
  REFUSED(ag_gradients(tape, NULL, AG_LIST(x)).items, "the target is NULL");
  REFUSED(ag_gradients(tape, y, nothing()).items, "a source is NULL");
  REFUSED(ag_gradients(tape, y, (ag_list){2, with_null}).items, "a source is NULL");
  const ag_list xs = AG_LIST(x), ys = AG_LIST(y), none = nothing();
  REFUSED(ag_gradients_of(tape, none, xs, none, AG_UNCONNECTED_NULL).items, "a target is NULL");
  REFUSED(ag_gradients_of(tape, (ag_list){2, with_null}, xs, none, AG_UNCONNECTED_NULL).items, "a target is NULL");
  REFUSED(ag_gradients_of(tape, ys, none, none, AG_UNCONNECTED_NULL).items, "a source is NULL");
  REFUSED(ag_gradients_of(tape, ys, xs, (ag_list){1, NULL}, AG_UNCONNECTED_NULL).items, "list of seeds is NULL");
  REFUSED(ag_gradients_of(tape, ys, xs, AG_LIST(y, y), AG_UNCONNECTED_NULL).items, "2 seeds for 1 targets");
  REFUSED(ag_gradients_of(tape, ys, xs, AG_LIST(ag_scalar(1)), AG_UNCONNECTED_NULL).items, "seed has shape []");
  REFUSED(ag_gradients_of(tape, ys, xs, none, (ag_unconnected)7).items, "7 names no value");
  REFUSED(ag_jacobian(tape, NULL, x), "jacobian: the target is NULL");
  REFUSED(ag_jacobian(tape, y, NULL), "jacobian: the source is NULL");
  REFUSED(ag_batch_jacobian(tape, NULL, x), "batch_jacobian: the target is NULL");
  REFUSED(ag_batch_jacobian(tape, y, NULL), "batch_jacobian: the source is NULL");
  REFUSED(ag_batch_jacobian(tape, ag_scalar(1), x), "batch_jacobian: shapes");
  REFUSED(ag_batch_jacobian(tape, y, ag_ones(AG_SHAPE(3, 2))), "batch_jacobian: shapes");
  REFUSED(ag_tape_write_dot(tape, NULL), "tape_write_dot: file is NULL");
  ag_tensor *deep = ag_zeros((ag_shape){5, {1, 1, 1, 1, 1}});
  ag_tape_resume(tape);
  ag_tape_watch(tape, deep);
  ag_tensor *square = ag_square(deep);
  REFUSED(ag_jacobian(tape, square, deep), "shape: 10 axes");
  check_nothing_wrong();
}

/* A user's op that says it drops its input, and whose vjp gives just that back. */
static ag_tensor *copying_forward(ag_node *node) { return ag_detach(ag_add_scalar(node->inputs[0], 0)); }
static ag_tensor *dropped_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  (void)cotangent;
  return node->inputs[input];
}

static ag_tensor *reading_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_mul(cotangent, ag_one_hot(node->inputs[input], 3));
}

static void a_vjp_that_reads_what_its_op_dropped(void **state) {
  (void)state;
  static const ag_op op = {.name = "copying", .forward = copying_forward, .vjp = reading_vjp, .drops = AG_DROP_INPUTS};
  ag_tensor *x = ag_variable(ag_zeros(AG_SHAPE(3)));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_apply(&op, AG_INPUTS(x), NULL, 0);
  ag_tape_stop(tape);
  REFUSED(ag_gradient(tape, y, x), "gradient of copying: one_hot: the op that was recorded drops this value");
  check_nothing_wrong();
}

static void a_vjp_that_gives_back_what_its_op_dropped(void **state) {
  (void)state;
  static const ag_op op = {.name = "copying", .forward = copying_forward, .vjp = dropped_vjp, .drops = AG_DROP_INPUTS};
  ag_tensor *x = ag_variable(ones());
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_add(ag_apply(&op, AG_INPUTS(x), NULL, 0), ag_exp(x));
  ag_tape_stop(tape);
  REFUSED(ag_gradient(tape, y, x), "gradient of copying: data: the op that was recorded drops this value");
  check_nothing_wrong();
}

static void used_tapes(void **state) {
  (void)state;
  ag_tensor *x = ones();
  REFUSED(ag_tape_start_with(64), "tape_start: flags 64");
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  ag_tape_watch(tape, x);
  ag_tensor *y = ag_square(x);
  REFUSED(ag_jacobian(tape, y, x), "jacobian: the tape must be persistent");
  REFUSED(ag_batch_jacobian(tape, y, x), "batch_jacobian: the tape must be persistent");
  assert_non_null(ag_gradient(tape, y, x));
  const char *used = "the tape has given its gradient";
  REFUSED(ag_gradient(tape, y, x), used);
  REFUSED(ag_gradients(tape, y, AG_LIST(x)).items, used);
  REFUSED(ag_gradients_of(tape, AG_LIST(y), AG_LIST(x), nothing(), AG_UNCONNECTED_ZEROS).items, used);
  REFUSED_VOID(ag_tape_resume(tape), used);
  REFUSED(ag_jacobian(tape, y, x), "persistent");
  ACCEPTED(ag_tape_stop(tape)); /* once, where its own gradient stopped it */
  REFUSED_VOID(ag_tape_stop(tape), "tape_stop: the tape is not recording");
  ACCEPTED(ag_tape_watched(tape));
  ACCEPTED(ag_tape_watch(tape, x));
  FILE *sink = tmpfile();
  ACCEPTED(ag_tape_write_dot(tape, sink));
  fclose(sink);
  ACCEPTED(ag_tape_reset(tape));
  ACCEPTED(ag_tape_resume(tape));
  check_nothing_wrong();
}

/* Every function that takes a tape, from a thread that the tape does not belong to. */
static void *use_foreign_tape(void *argument) {
  ag_tape *tape = argument;
  const char *foreign = "the tape belongs to another thread";
  ag_scope *scope = ag_scope_enter();
  ag_tensor *x = ones();
  REFUSED_VOID(ag_tape_stop(tape), foreign);
  REFUSED_VOID(ag_tape_resume(tape), foreign);
  REFUSED_VOID(ag_tape_reset(tape), foreign);
  REFUSED_VOID(ag_tape_watch(tape, x), foreign);
  REFUSED(ag_tape_watched(tape).items, foreign);
  REFUSED(ag_gradient(tape, x, x), foreign);
  REFUSED(ag_gradients(tape, x, AG_LIST(x)).items, foreign);
  REFUSED(ag_gradients_of(tape, AG_LIST(x), AG_LIST(x), nothing(), AG_UNCONNECTED_NULL).items, foreign);
  REFUSED(ag_jacobian(tape, x, x), foreign);
  REFUSED(ag_batch_jacobian(tape, x, x), foreign);
  REFUSED(ag_tape_write_dot(tape, stdout), foreign);
  ag_scope_leave(scope);
  return NULL;
}

static void tapes_of_other_threads(void **state) {
  (void)state;
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, use_foreign_tape, tape), 0);
  pthread_join(thread, NULL);
  assert_true(ag_tape_is_recording(tape));
  check_nothing_wrong();
}

/* autograd/gradcheck.h */

static ag_tensor *square_first(ag_list inputs, void *context) {
  (void)context;
  return ag_square(inputs.items[0]);
}

static ag_tensor *give_null(ag_list inputs, void *context) {
  (void)inputs, (void)context;
  return NULL;
}

static void gradient_checks(void **state) {
  (void)state;
  ag_tensor *with_null[] = {NULL};
  const ag_list x = AG_LIST(ones()), null_inside = {1, with_null};
  REFUSED(ag_gradcheck(NULL, NULL, x, NULL), "gradcheck: the function is NULL");
  REFUSED(ag_gradcheck(square_first, NULL, nothing(), NULL), "gradcheck: the list of inputs is NULL");
  REFUSED(ag_gradcheck(square_first, NULL, null_inside, NULL), "is NULL");
  REFUSED(ag_gradcheck(give_null, NULL, x, NULL), "gradcheck: the function returned NULL");
  REFUSED(ag_gradgradcheck(NULL, NULL, x, NULL), "gradgradcheck: the function is NULL");
  REFUSED(ag_gradgradcheck(square_first, NULL, nothing(), NULL), "gradgradcheck: the list of inputs is NULL");
  REFUSED(ag_gradgradcheck(square_first, NULL, null_inside, NULL), "is NULL");
  REFUSED(ag_gradgradcheck(give_null, NULL, x, NULL), "gradgradcheck: the function returned NULL");
  check_nothing_wrong();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(errors),
      TEST(memory),
      TEST(shapes),
      TEST(construction),
      TEST(reading),
      TEST(variables),
      TEST(ops_of_ones_own),
      TEST(settings),
      TEST(scopes),
      TEST(tapes_that_are_null),
      TEST(arguments_of_tapes),
      TEST(used_tapes),
      TEST(a_vjp_that_reads_what_its_op_dropped),
      TEST(a_vjp_that_gives_back_what_its_op_dropped),
      TEST(tapes_of_other_threads),
      TEST(gradient_checks),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  printf("%d wrong calls of autograd refused or passed over as documented\n", misuse.calls);
  return failed;
}
