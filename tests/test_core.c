/* Errors, scopes, memory, tensors, variables, threads, randomness and settings. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/check.h"

/* Runs a test's calls with no scope open. */
static void close_all_scopes(void) { ag_scope_leave(check_scope); }
static void reopen_scope(void) { check_scope = ag_scope_enter(); }

/* Errors */

static void the_first_error_wins_until_it_is_cleared(void **state) {
  (void)state;
  assert_false(ag_failed());
  assert_int_equal(ag_error_kind(), AG_OK);
  assert_string_equal(ag_error_message(), "");
  assert_null(ag_fail(AG_ERROR_SHAPE, "first: %d", 1));
  assert_null(ag_fail(AG_ERROR_FILE, "second"));
  assert_true(ag_failed());
  assert_int_equal(ag_error_kind(), AG_ERROR_SHAPE);
  assert_string_equal(ag_error_message(), "first: 1");
  ag_error_clear();
  assert_false(ag_failed());
  assert_string_equal(ag_error_message(), "");
}

static void a_null_is_an_error_unless_one_is_pending(void **state) {
  (void)state;
  assert_null(ag_fail_null("who", "what"));
  assert_error(AG_ERROR_ARGUMENT, "who: what is NULL");
  ag_fail(AG_ERROR_SHAPE, "cause");
  assert_null(ag_fail_null("who", "what"));
  assert_error(AG_ERROR_SHAPE, "cause");
}

static void a_long_sentence_is_cut_and_not_overrun(void **state) {
  (void)state;
  char word[5000];
  memset(word, 'x', sizeof word - 1);
  word[sizeof word - 1] = '\0';
  ag_fail(AG_ERROR_ARGUMENT, "%s", word);
  size_t length = strlen(ag_error_message());
  assert_true(length > 100 && length < sizeof word);
  ag_error_prefix("%s", word);
  assert_int_equal(strlen(ag_error_message()), length);
  ag_error_clear();
}

static void prefixes_say_where_an_error_happened_the_last_one_first(void **state) {
  (void)state;
  ag_fail(AG_ERROR_SHAPE, "cause");
  ag_error_prefix("layer %d: ", 2);
  ag_error_prefix("step %d, ", 7);
  assert_string_equal(ag_error_message(), "step 7, layer 2: cause");
  assert_error(AG_ERROR_SHAPE, "cause");
  ag_error_prefix("layer %d: ", 3);
  assert_false(ag_failed());
}

static void an_error_goes_through_a_chain_to_its_end(void **state) {
  (void)state;
  ag_tensor *wrong = ag_add(ag_zeros(AG_SHAPE(2, 3)), ag_zeros(AG_SHAPE(4, 5)));
  assert_null(ag_mean(ag_mul(ag_exp(wrong), ag_scalar(1))));
  assert_true(strstr(ag_error_message(), "[2, 3]") && strstr(ag_error_message(), "[4, 5]"));
  assert_error(AG_ERROR_SHAPE, "add");
  assert_null(ag_mul(ag_scalar(1), NULL));
  assert_error(AG_ERROR_ARGUMENT, "mul");
}

static void every_function_that_reads_a_tensor_refuses_null(void **state) {
  (void)state;
  assert_true(ag_shape_of(NULL).rank < 0);
  assert_error(AG_ERROR_ARGUMENT, "shape");
  assert_int_equal(ag_size(NULL), 0);
  assert_error(AG_ERROR_ARGUMENT, "size");
  assert_null(ag_data(NULL));
  assert_error(AG_ERROR_ARGUMENT, "data");
  assert_true(isnan(ag_item(NULL)));
  assert_true(ag_failed());
  ag_error_clear();
  ag_print(NULL, stdout);
  assert_true(ag_failed());
  ag_error_clear();
  assert_null(ag_variable(NULL));
  assert_true(ag_failed());
  ag_error_clear();
  assert_null(ag_detach(NULL));
  assert_true(ag_failed());
  ag_error_clear();
  assert_false(ag_assign(NULL, ag_scalar(1)));
  assert_error(AG_ERROR_ARGUMENT, "assign");
  assert_false(ag_assign(ag_variable(ag_scalar(1)), NULL));
  assert_true(ag_failed());
  ag_error_clear();
  assert_null(ag_from(AG_SHAPE(2), NULL));
  assert_error(AG_ERROR_ARGUMENT, "from");
}

/* Scopes */

static void tensors_die_with_their_scope(void **state) {
  (void)state;
  size_t before = ag_memory_in_use();
  ag_scope *scope = ag_scope_enter();
  ag_square(ag_ones(AG_SHAPE(1000)));
  assert_true(ag_memory_in_use() >= before + 2000 * sizeof(ag_real));
  ag_scope_leave(scope);
  assert_int_equal(ag_memory_in_use(), before);
}

static void leaving_a_scope_leaves_those_opened_inside_it(void **state) {
  (void)state;
  size_t before = ag_memory_in_use();
  ag_scope *outer = ag_scope_enter();
  ag_ones(AG_SHAPE(10));
  ag_scope_enter();
  ag_ones(AG_SHAPE(10));
  ag_scope *innermost = ag_scope_enter();
  ag_ones(AG_SHAPE(10));
  ag_scope_leave(outer);
  assert_int_equal(ag_memory_in_use(), before);
  assert_non_null(ag_scalar(1)); /* owned by the scope of the test again */
  ag_scope_leave(innermost);
  assert_error(AG_ERROR_ARGUMENT, "scope");
}

static void one_tensor_may_be_handed_to_the_scope_around(void **state) {
  (void)state;
  size_t before = ag_memory_in_use();
  ag_scope *outer = ag_scope_enter();
  ag_scope *inner = ag_scope_enter();
  ag_tensor *kept = ag_full(AG_SHAPE(2), 3);
  ag_ones(AG_SHAPE(1000));
  assert_ptr_equal(ag_scope_leave_with(inner, kept), kept);
  assert_true(ag_memory_in_use() < before + 1000 * sizeof(ag_real));
  assert_values(kept, AG_SHAPE(2), 3, 3);
  ag_scope_leave(outer);
  assert_int_equal(ag_memory_in_use(), before);
}

static void a_tensor_of_an_outer_scope_may_be_handed_on_as_well(void **state) {
  (void)state;
  ag_tensor *mine = ag_scalar(5);
  ag_scope *scope = ag_scope_enter();
  assert_ptr_equal(ag_scope_leave_with(scope, mine), mine);
  assert_value(mine, 5);
  scope = ag_scope_enter();
  assert_null(ag_scope_leave_with(scope, NULL));
  assert_false(ag_failed());
}

static void a_list_may_be_handed_to_the_scope_around(void **state) {
  (void)state;
  ag_scope *scope = ag_scope_enter();
  ag_tensor *twice = ag_scalar(2);
  ag_list list = ag_scope_leave_with_list(scope, AG_LIST(ag_scalar(1), NULL, twice, twice));
  assert_int_equal(list.count, 4);
  assert_value(list.items[0], 1);
  assert_null(list.items[1]);
  assert_value(list.items[2], 2);
  assert_ptr_equal(list.items[2], list.items[3]);
}

static void a_list_is_a_copy_in_the_scope(void **state) {
  (void)state;
  ag_tensor *items[] = {ag_scalar(1), ag_scalar(2)};
  ag_list list = ag_list_make(2, items);
  items[0] = NULL;
  assert_value(list.items[0], 1);
  assert_int_equal(ag_list_make(0, NULL).count, 0);
  assert_false(ag_failed());
}

static void without_a_scope_nothing_can_be_made(void **state) {
  (void)state;
  close_all_scopes();
  assert_null(ag_scalar(1));
  assert_error(AG_ERROR_ARGUMENT, "scope");
  assert_null(ag_tape_start());
  assert_error(AG_ERROR_ARGUMENT, "scope");
  assert_null(ag_list_make(0, NULL).items);
  assert_error(AG_ERROR_ARGUMENT, "scope");
  reopen_scope();
}

static void the_outermost_scope_has_nobody_to_hand_a_tensor_to(void **state) {
  (void)state;
  close_all_scopes();
  ag_scope *only = ag_scope_enter();
  assert_null(ag_scope_leave_with(only, ag_scalar(1)));
  assert_error(AG_ERROR_ARGUMENT, "scope");
  reopen_scope();
}

static void a_retained_tensor_outlives_its_scope(void **state) {
  (void)state;
  ag_scope *scope = ag_scope_enter();
  ag_tensor *kept = ag_retain(ag_full(AG_SHAPE(2), 7));
  ag_scope_leave(scope);
  assert_values(kept, AG_SHAPE(2), 7, 7);
  ag_release(kept);
  assert_null(ag_retain(NULL));
  ag_release(NULL);
}

static void a_scope_holds_as_many_tensors_as_there_are(void **state) {
  (void)state;
  ag_scope *scope = ag_scope_enter();
  for (int i = 0; i < 200000; i++) assert_non_null(ag_scalar(i));
  ag_scope_leave(scope);
}

/* Memory */

static void blocks_are_zeroed_and_sizes_that_overflow_refused(void **state) {
  (void)state;
  unsigned char *block = ag_allocate(100, 3);
  assert_non_null(block);
  for (int i = 0; i < 300; i++) assert_int_equal(block[i], 0);
  block[7] = 7;
  block = ag_reallocate(block, 1000, 3);
  assert_non_null(block);
  assert_int_equal(block[7], 7);
  assert_null(ag_reallocate(block, SIZE_MAX / 2, 3));
  assert_error(AG_ERROR_MEMORY, "");
  assert_int_equal(block[7], 7);
  ag_free(block);
  ag_free(NULL);
  assert_null(ag_allocate(SIZE_MAX / 2, 3));
  assert_error(AG_ERROR_MEMORY, "");
}

static void buffers_are_aligned_to_64_bytes(void **state) {
  (void)state;
  for (int64_t size = 0; size < 300; size++) {
    ag_tensor *tensor = ag_ones(AG_SHAPE(size));
    assert_non_null(tensor);
    assert_int_equal((uintptr_t)ag_data(tensor) % 64, 0);
  }
}

static void buffers_of_every_size_hold_what_they_promise(void **state) {
  (void)state;
  for (size_t bytes = 1; bytes < 100000; bytes += bytes / 7 + 1) {
    unsigned char *buffer = ag_pool_take(bytes);
    assert_non_null(buffer);
    memset(buffer, 0xAB, bytes); /* the sanitizer sees an overrun */
    ag_pool_give(buffer, bytes);
  }
  ag_pool_trim();
}

static void the_pool_counts_what_is_in_use_and_the_most_there_was(void **state) {
  (void)state;
  size_t before = ag_memory_in_use();
  ag_memory_peak_reset();
  void *a = ag_pool_take(10000), *b = ag_pool_take(20000);
  assert_true(ag_memory_in_use() >= before + 30000);
  ag_pool_give(a, 10000);
  ag_pool_give(b, 20000);
  assert_int_equal(ag_memory_in_use(), before);
  assert_true(ag_memory_peak() >= before + 30000);
  ag_memory_peak_reset();
  assert_int_equal(ag_memory_peak(), before);
}

static void memory_in_use_does_not_grow_over_steps(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_ones(AG_SHAPE(64, 64)));
  size_t in_use = 0, peak = 0;
  for (int step = 0; step < 10; step++) {
    ag_memory_peak_reset();
    ag_scope *scope = ag_scope_enter();
    ag_tape *tape = ag_tape_start();
    ag_tensor *gradient = ag_gradient(tape, ag_mean(ag_matmul(v, v)), v);
    ag_assign(v, ag_sub(v, ag_scale(gradient, 0.1)));
    ag_scope_leave(scope);
    if (step == 0) in_use = ag_memory_in_use(), peak = ag_memory_peak();
    assert_int_equal(ag_memory_in_use(), in_use);
    assert_int_equal(ag_memory_peak(), peak);
  }
}

static void sizes_that_no_machine_has_are_errors(void **state) {
  (void)state;
  size_t before = ag_memory_in_use();
  assert_null(ag_zeros(AG_SHAPE((int64_t)1 << 50)));
  assert_error(AG_ERROR_MEMORY, "");
  assert_null(ag_zeros(AG_SHAPE(INT64_MAX / 4)));
  assert_true(ag_failed());
  ag_error_clear();
  assert_null(ag_arange((int64_t)1 << 50));
  assert_true(ag_failed());
  ag_error_clear();
  assert_null(ag_broadcast_to(ag_ones(AG_SHAPE(1)), AG_SHAPE((int64_t)1 << 50)));
  assert_true(ag_failed());
  ag_error_clear();
  assert_null(ag_pool_take(SIZE_MAX - 100));
  assert_error(AG_ERROR_MEMORY, "");
  assert_int_equal(ag_memory_in_use(), before + (ag_memory_in_use() - before) % 4096); /* nothing large was counted */
}

/* Tensors */

static void tensors_hold_what_they_were_made_of(void **state) {
  (void)state;
  assert_value(ag_scalar(2.5), 2.5);
  assert_values(ag_full(AG_SHAPE(1, 2), 3), AG_SHAPE(1, 2), 3, 3);
  assert_values(ag_zeros(AG_SHAPE(2)), AG_SHAPE(2), 0, 0);
  assert_values(ag_ones(AG_SHAPE(2)), AG_SHAPE(2), 1, 1);
  assert_values(ag_arange(3), AG_SHAPE(3), 0, 1, 2);
  assert_values(ag_from(AG_SHAPE(2, 2), (ag_real[]){1, 2, 3, 4}), AG_SHAPE(2, 2), 1, 2, 3, 4);
  ag_real *values;
  ag_tensor *made = ag_make(AG_SHAPE(2), &values);
  values[0] = 5, values[1] = 6;
  assert_values(made, AG_SHAPE(2), 5, 6);
}

static void a_tensor_may_be_empty(void **state) {
  (void)state;
  ag_tensor *empty = ag_zeros(AG_SHAPE(3, 0, 2));
  assert_int_equal(ag_size(empty), 0);
  assert_value(ag_sum(empty), 0);
  assert_true(ag_shape_equal(ag_shape_of(ag_add(empty, ag_scalar(1))), AG_SHAPE(3, 0, 2)));
  assert_int_equal(ag_size(ag_arange(0)), 0);
}

static void item_reads_the_value_of_one_element_only(void **state) {
  (void)state;
  assert_true(ag_item(ag_full(AG_SHAPE(1, 1, 1), 4)) == 4);
  assert_true(isnan(ag_item(ag_ones(AG_SHAPE(2, 3)))));
  assert_error(AG_ERROR_SHAPE, "[2, 3]");
}

static void shapes_know_their_size_and_text(void **state) {
  (void)state;
  assert_int_equal(ag_shape_size(AG_SHAPE(2, 3, 4)), 24);
  assert_int_equal(ag_shape_size(AG_SCALAR_SHAPE), 1);
  assert_int_equal(ag_shape_size(AG_SHAPE(5, 0)), 0);
  assert_string_equal(ag_shape_print(AG_SHAPE(2, 3)).text, "[2, 3]");
  assert_string_equal(ag_shape_print(AG_SHAPE(7)).text, "[7]");
  assert_string_equal(ag_shape_print(AG_SCALAR_SHAPE).text, "[]");
  assert_true(ag_shape_equal(AG_SHAPE(2, 3), AG_SHAPE(2, 3)));
  assert_false(ag_shape_equal(AG_SHAPE(2, 3), AG_SHAPE(3, 2)));
  assert_false(ag_shape_equal(AG_SHAPE(1), AG_SCALAR_SHAPE));
}

static void the_text_of_the_longest_shape_fits(void **state) {
  (void)state;
  ag_shape longest = {.rank = AG_MAX_RANK};
  for (int i = 0; i < AG_MAX_RANK; i++) longest.sizes[i] = INT64_MAX;
  const char *text = ag_shape_print(longest).text;
  assert_int_equal(text[strlen(text) - 1], ']');
  for (int i = 0; i < AG_MAX_RANK; i++) longest.sizes[i] = INT64_MIN;
  text = ag_shape_print(longest).text;
  assert_int_equal(text[strlen(text) - 1], ']');
}

static void shapes_that_cannot_be_are_refused(void **state) {
  (void)state;
  assert_true(AG_SHAPE(2, -2).rank < 0);
  assert_error(AG_ERROR_SHAPE, "-2");
  assert_null(ag_zeros(AG_SHAPE(2, -1))); /* that shape is for ag_reshape alone */
  assert_error(AG_ERROR_SHAPE, "-1");
  assert_true(AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1).rank < 0);
  assert_error(AG_ERROR_SHAPE, "9");
  assert_true(AG_SHAPE((int64_t)1 << 40, (int64_t)1 << 40).rank < 0);
  assert_error(AG_ERROR_SHAPE, "");
  ag_shape invalid = {.rank = -1}, by_hand = {.rank = 2, .sizes = {3, -4}}, too_long = {.rank = 99};
  assert_null(ag_zeros(invalid));
  assert_error(AG_ERROR_SHAPE, "");
  assert_null(ag_zeros(by_hand));
  assert_error(AG_ERROR_SHAPE, "-4");
  assert_null(ag_zeros(too_long));
  assert_error(AG_ERROR_SHAPE, "");
  assert_null(ag_reshape(ag_ones(AG_SHAPE(2)), too_long));
  assert_error(AG_ERROR_SHAPE, "");
}

static void a_size_of_zero_makes_no_overflow(void **state) {
  (void)state;
  ag_tensor *empty = ag_zeros(AG_SHAPE(0, (int64_t)1 << 40));
  assert_non_null(empty);
  assert_int_equal(ag_size(empty), 0);
}

/* What ag_print writes, read back. */
static const char *printed(const ag_tensor *tensor) {
  static char text[10000];
  FILE *file = tmpfile();
  assert_non_null(file);
  ag_print(tensor, file);
  rewind(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static void printing_shows_shape_and_values(void **state) {
  (void)state;
  const char *text = printed(ag_from(AG_SHAPE(2, 3), (ag_real[]){1, 2, 3, 4, 5.5, -6}));
  assert_non_null(strstr(text, "[2, 3]"));
  assert_non_null(strstr(text, "[[1, 2, 3],\n [4, 5.5, -6]]"));
  assert_non_null(strstr(printed(ag_scalar(0.25)), "0.25"));
}

static void printing_shortens_what_is_long(void **state) {
  (void)state;
  const char *text = printed(ag_arange(100000));
  assert_non_null(strstr(text, "[0, 1, 2, ..., 99997, 99998, 99999]"));
  assert_true(strlen(printed(ag_zeros(AG_SHAPE(100, 100, 100)))) < 3000);
  assert_non_null(strstr(printed(ag_arange(8)), "[0, 1, 2, 3, 4, 5, 6, 7]"));
}

/* Variables */

static void a_variable_is_a_copy_that_may_change(void **state) {
  (void)state;
  ag_tensor *initial = ag_full(AG_SHAPE(2), 1);
  ag_tensor *v = ag_variable(initial);
  assert_true(ag_is_variable(v));
  assert_false(ag_is_variable(initial));
  assert_false(ag_is_variable(ag_detach(v)));
  assert_true(ag_assign(v, ag_full(AG_SHAPE(2), 2)));
  assert_values(v, AG_SHAPE(2), 2, 2);
  assert_values(initial, AG_SHAPE(2), 1, 1);
}

static void an_assignment_that_fails_changes_nothing(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_full(AG_SHAPE(2), 1)), *constant = ag_ones(AG_SHAPE(2));
  assert_false(ag_assign(v, ag_zeros(AG_SHAPE(3))));
  assert_true(strstr(ag_error_message(), "[2]") != NULL);
  assert_error(AG_ERROR_SHAPE, "[3]");
  assert_false(ag_assign(v, ag_zeros(AG_SHAPE(2, 1))));
  assert_error(AG_ERROR_SHAPE, "[2, 1]");
  assert_false(ag_assign(constant, ag_zeros(AG_SHAPE(2))));
  assert_error(AG_ERROR_ARGUMENT, "variable");
  assert_null(ag_variable_data(constant));
  assert_error(AG_ERROR_ARGUMENT, "variable");
  assert_values(v, AG_SHAPE(2), 1, 1);
  assert_values(constant, AG_SHAPE(2), 1, 1);
}

static void only_variables_are_trainable(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_scalar(1)), *constant = ag_scalar(1);
  assert_true(ag_is_trainable(v));
  ag_set_trainable(v, false);
  assert_false(ag_is_trainable(v));
  ag_set_trainable(v, true);
  assert_true(ag_is_trainable(v));
  assert_false(ag_is_trainable(constant));
  ag_set_trainable(constant, true);
  assert_error(AG_ERROR_ARGUMENT, "variable");
}

/* Threads */

enum { THREADS = 4 };

static void in_threads(void *(*function)(void *), void *context) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, function, context), 0);
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void *retain_and_release(void *tensor) {
  for (int i = 0; i < 20000; i++) ag_release(ag_retain(tensor));
  ag_release(tensor); /* the owner that the test made for this thread */
  return NULL;
}

static void tensors_may_be_retained_and_released_on_any_thread(void **state) {
  (void)state;
  size_t before = ag_memory_in_use();
  ag_scope *scope = ag_scope_enter();
  ag_tensor *shared = ag_ones(AG_SHAPE(1000));
  for (int i = 0; i < THREADS; i++) ag_retain(shared);
  ag_scope_leave(scope); /* the last of the threads frees it */
  in_threads(retain_and_release, shared);
  assert_int_equal(ag_memory_in_use(), before);
}

static void *make_and_drop(void *failures) {
  for (int i = 0; i < 500; i++) {
    ag_scope *scope = ag_scope_enter();
    ag_tensor *tensor = ag_full(AG_SHAPE(1 + i % 50), i);
    if (!tensor || ag_data(tensor)[i % 50] != i) atomic_fetch_add((atomic_int *)failures, 1);
    ag_scope_leave(scope);
  }
  return NULL;
}

static void threads_share_the_pool(void **state) {
  (void)state;
  atomic_int failures = 0;
  size_t before = ag_memory_in_use();
  in_threads(make_and_drop, &failures);
  assert_int_equal(failures, 0);
  assert_int_equal(ag_memory_in_use(), before);
}

static void *fail_and_set(void *fresh) {
  bool untouched = !ag_failed() && ag_get_precision() == AG_HIGHEST;
  if (untouched) atomic_fetch_add((atomic_int *)fresh, 1);
  ag_fail(AG_ERROR_FILE, "of this thread");
  ag_set_precision(AG_MEDIUM);
  return NULL;
}

static void each_thread_has_its_own_error_and_precision(void **state) {
  (void)state;
  atomic_int fresh = 0;
  ag_fail(AG_ERROR_SHAPE, "of the test");
  in_threads(fail_and_set, &fresh);
  assert_int_equal(fresh, THREADS);
  assert_int_equal(ag_get_precision(), AG_HIGHEST);
  assert_error(AG_ERROR_SHAPE, "of the test");
}

static void *make_without_scope(void *refused) {
  if (!ag_scalar(1)) atomic_fetch_add((atomic_int *)refused, 1);
  return NULL;
}

static void each_thread_has_its_own_scopes(void **state) {
  (void)state;
  atomic_int refused = 0;
  in_threads(make_without_scope, &refused);
  assert_int_equal(refused, THREADS);
}

/* Random numbers */

static bool same_bits(const ag_tensor *a, const ag_tensor *b) {
  return memcmp(ag_data(a), ag_data(b), ag_size(a) * sizeof(ag_real)) == 0;
}

static void a_copy_of_a_generator_draws_the_same_again(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(7), again = rng, other = ag_rng_seed(8);
  ag_tensor *first = ag_uniform(&rng, AG_SHAPE(10, 10), 0, 1), *second = ag_uniform(&rng, AG_SHAPE(10, 10), 0, 1);
  assert_true(same_bits(ag_uniform(&again, AG_SHAPE(10, 10), 0, 1), first));
  assert_true(same_bits(ag_uniform(&again, AG_SHAPE(10, 10), 0, 1), second));
  assert_false(same_bits(first, second));
  assert_false(same_bits(ag_uniform(&other, AG_SHAPE(10, 10), 0, 1), first));
  assert_int_equal(rng.counter, 2);
}

static void a_draw_does_not_depend_on_the_number_of_threads(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(7), again = rng;
  ag_set_threads(1);
  ag_tensor *uniform = ag_uniform(&rng, AG_SHAPE(100001), 0, 1), *normal = ag_normal(&rng, AG_SHAPE(100001), 0, 1);
  ag_set_threads(3);
  assert_true(same_bits(ag_uniform(&again, AG_SHAPE(100001), 0, 1), uniform));
  assert_true(same_bits(ag_normal(&again, AG_SHAPE(100001), 0, 1), normal));
  ag_set_threads(0);
}

/* The moments of n draws; the expected ones are told with their standard errors for a normal distribution. */
static void check_moments(const ag_tensor *x, double mean, double variance, double kurtosis) {
  size_t n = ag_size(x);
  double sum = 0, squares = 0, fourth = 0;
  for (size_t i = 0; i < n; i++) sum += (double)ag_data(x)[i];
  for (size_t i = 0; i < n; i++) {
    double d = (double)ag_data(x)[i] - sum / (double)n;
    squares += d * d;
    fourth += d * d * d * d;
  }
  double v = squares / (double)n, tolerance = 5 / sqrt((double)n);
  assert_true(fabs(sum / (double)n - mean) < tolerance * sqrt(variance));
  assert_true(fabs(v / variance - 1) < tolerance * 2);
  assert_true(fabs(fourth / (double)n / (v * v) - kurtosis) < tolerance * 10);
}

static void random_numbers_have_the_moments_of_their_distribution(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(3);
  ag_tensor *uniform = ag_uniform(&rng, AG_SHAPE(200000), -1, 3);
  check_moments(uniform, 1, 16.0 / 12, 1.8);
  for (size_t i = 0; i < ag_size(uniform); i++) assert_true(ag_data(uniform)[i] >= -1 && ag_data(uniform)[i] < 3);
  assert_values(ag_uniform(&rng, AG_SHAPE(2), 0.5, 0.5), AG_SHAPE(2), 0.5, 0.5);
  check_moments(ag_normal(&rng, AG_SHAPE(200000), 2, 3), 2, 9, 3);
}

static void normal_numbers_fall_where_they_should(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(4);
  ag_tensor *x = ag_normal(&rng, AG_SHAPE(200000), 0, 1);
  const double bounds[] = {-3, -2, -1, 0, 1, 2, 3};
  for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
    double below = 0, expected = erfc(-bounds[b] / sqrt(2)) / 2;
    for (size_t i = 0; i < ag_size(x); i++) below += (double)ag_data(x)[i] < bounds[b];
    double n = (double)ag_size(x);
    assert_true(fabs(below / n - expected) < 5 * sqrt(expected * (1 - expected) / n));
  }
}

static void whole_random_numbers_are_below_their_bound_and_evenly_spread(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(5);
  int seen[7] = {0};
  for (int i = 0; i < 70000; i++) {
    uint32_t number = ag_random_below(&rng, 7);
    assert_true(number < 7);
    seen[number]++;
  }
  for (int i = 0; i < 7; i++) assert_true(abs(seen[i] - 10000) < 5 * 93); /* 5 standard deviations */
  uint32_t low = 0; /* the last 7 of 31 bits, where a random word has 24 */
  for (int i = 0; i < 100; i++) low |= ag_random_below(&rng, (uint32_t)1 << 31) & 0x7f;
  assert_int_equal(low, 0x7f);
  assert_int_equal(ag_random_below(&rng, 0), 0);
  assert_int_equal(ag_random_below(&rng, 1), 0);
  assert_int_equal(ag_random_below(NULL, 1), 0);
  assert_true(ag_failed());
  ag_error_clear();
}

static void a_draw_without_generator_is_an_error(void **state) {
  (void)state;
  assert_null(ag_uniform(NULL, AG_SHAPE(2), 0, 1));
  assert_error(AG_ERROR_ARGUMENT, "uniform");
  assert_null(ag_normal(NULL, AG_SHAPE(2), 0, 1));
  assert_error(AG_ERROR_ARGUMENT, "normal");
}

/* Settings */

static void keep_precision(const ag_node *node, void *context) {
  ag_precision *lowest = context;
  if (node->precision > *lowest) *lowest = node->precision;
}

static void precision_is_a_setting_that_starts_at_highest(void **state) {
  (void)state;
  assert_int_equal(ag_get_precision(), AG_HIGHEST);
  assert_true(ag_precision_available(AG_HIGHEST));
  ag_set_precision(AG_HIGH);
  assert_int_equal(ag_get_precision(), AG_HIGH);
  ag_set_precision((ag_precision)17);
  assert_error(AG_ERROR_ARGUMENT, "precision");
  assert_int_equal(ag_get_precision(), AG_HIGH);
  ag_set_precision(AG_HIGHEST);
}

static void a_gradient_runs_at_the_precision_of_its_forward_pass(void **state) {
  (void)state;
  ag_tensor *v = ag_variable(ag_ones(AG_SHAPE(3, 3)));
  ag_tape *tape = ag_tape_start();
  ag_set_precision(AG_MEDIUM);
  ag_tensor *y = ag_matmul(v, v);
  ag_set_precision(AG_HIGHEST);
  ag_precision lowest = AG_HIGHEST;
  ag_observe(keep_precision, &lowest);
  ag_tensor *gradient = ag_gradient(tape, y, v);
  ag_observe(NULL, NULL);
  assert_non_null(gradient);
  assert_int_equal(lowest, AG_MEDIUM);
  assert_int_equal(ag_get_precision(), AG_HIGHEST);
}

static void a_negative_number_of_threads_is_refused(void **state) {
  (void)state;
  ag_set_threads(-1);
  assert_error(AG_ERROR_ARGUMENT, "threads");
}

/* A stranger's file may hold names that would clear the screen. */
static void sentences_hold_nothing_that_a_terminal_obeys(void **state) {
  (void)state;
  ag_fail(AG_ERROR_FILE, "%s", "a\nb\x1b[2J\x7f");
  assert_string_equal(ag_error_message(), "a?b?[2J?");
  ag_error_clear();
}

static void lists_and_ops_of_nothing_are_refused(void **state) {
  (void)state;
  ag_tensor *x = ag_ones(AG_SHAPE(2));
  assert_null(ag_list_make(2, NULL).items);
  assert_error(AG_ERROR_ARGUMENT, "items is NULL");
  assert_null(ag_concat((ag_list){2, NULL}, 0));
  assert_error(AG_ERROR_ARGUMENT, "concat");
  assert_null(ag_stack((ag_list){2, NULL}, 0));
  assert_error(AG_ERROR_ARGUMENT, "items is NULL");
  assert_null(ag_scope_leave_with_list(ag_scope_enter(), (ag_list){2, NULL}).items);
  assert_error(AG_ERROR_ARGUMENT, "items is NULL");
  assert_null(ag_apply(NULL, AG_INPUTS(x), NULL, 0));
  assert_error(AG_ERROR_ARGUMENT, "the op is NULL");
  assert_null(ag_apply(&(ag_op){.name = "hollow"}, AG_INPUTS(x), NULL, 0));
  assert_error(AG_ERROR_ARGUMENT, "forward is NULL");
  assert_int_equal(ag_shape_make(2, NULL).rank, -1);
  assert_error(AG_ERROR_ARGUMENT, "sizes is NULL");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_first_error_wins_until_it_is_cleared),
      TEST(a_null_is_an_error_unless_one_is_pending),
      TEST(a_long_sentence_is_cut_and_not_overrun),
      TEST(prefixes_say_where_an_error_happened_the_last_one_first),
      TEST(an_error_goes_through_a_chain_to_its_end),
      TEST(every_function_that_reads_a_tensor_refuses_null),
      TEST(tensors_die_with_their_scope),
      TEST(leaving_a_scope_leaves_those_opened_inside_it),
      TEST(one_tensor_may_be_handed_to_the_scope_around),
      TEST(a_tensor_of_an_outer_scope_may_be_handed_on_as_well),
      TEST(a_list_may_be_handed_to_the_scope_around),
      TEST(a_list_is_a_copy_in_the_scope),
      TEST(without_a_scope_nothing_can_be_made),
      TEST(the_outermost_scope_has_nobody_to_hand_a_tensor_to),
      TEST(a_retained_tensor_outlives_its_scope),
      TEST(a_scope_holds_as_many_tensors_as_there_are),
      TEST(blocks_are_zeroed_and_sizes_that_overflow_refused),
      TEST(buffers_are_aligned_to_64_bytes),
      TEST(buffers_of_every_size_hold_what_they_promise),
      TEST(the_pool_counts_what_is_in_use_and_the_most_there_was),
      TEST(memory_in_use_does_not_grow_over_steps),
      TEST(sizes_that_no_machine_has_are_errors),
      TEST(tensors_hold_what_they_were_made_of),
      TEST(a_tensor_may_be_empty),
      TEST(item_reads_the_value_of_one_element_only),
      TEST(shapes_know_their_size_and_text),
      TEST(the_text_of_the_longest_shape_fits),
      TEST(shapes_that_cannot_be_are_refused),
      TEST(a_size_of_zero_makes_no_overflow),
      TEST(printing_shows_shape_and_values),
      TEST(printing_shortens_what_is_long),
      TEST(a_variable_is_a_copy_that_may_change),
      TEST(an_assignment_that_fails_changes_nothing),
      TEST(only_variables_are_trainable),
      TEST(tensors_may_be_retained_and_released_on_any_thread),
      TEST(threads_share_the_pool),
      TEST(each_thread_has_its_own_error_and_precision),
      TEST(each_thread_has_its_own_scopes),
      TEST(a_copy_of_a_generator_draws_the_same_again),
      TEST(a_draw_does_not_depend_on_the_number_of_threads),
      TEST(random_numbers_have_the_moments_of_their_distribution),
      TEST(normal_numbers_fall_where_they_should),
      TEST(whole_random_numbers_are_below_their_bound_and_evenly_spread),
      TEST(a_draw_without_generator_is_an_error),
      TEST(precision_is_a_setting_that_starts_at_highest),
      TEST(a_gradient_runs_at_the_precision_of_its_forward_pass),
      TEST(a_negative_number_of_threads_is_refused),
      TEST(sentences_hold_nothing_that_a_terminal_obeys),
      TEST(lists_and_ops_of_nothing_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
