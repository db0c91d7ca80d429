/* Layers of one's own: what a class has to say and what it need not care for, and how a wrong one is told so. */
#include "tests/layers.h"

/* y = scale * inner(x) + x: a weight of its own and a layer inside. */
typedef struct {
  nn_layer *inner;
  ag_tensor *scale;
  int *freed;
} residual;

static bool residual_build(void *self, ag_shape input, ag_rng *rng) {
  residual *layer = self;
  layer->scale = ag_variable(ag_full(AG_SHAPE(1), 2));
  return nn_build(layer->inner, input, rng);
}

static ag_tensor *residual_forward(void *self, ag_tensor *input, nn_mode mode) {
  residual *layer = self;
  return ag_add(ag_mul(layer->scale, nn_forward(layer->inner, input, mode)), input);
}

static void residual_variables(void *self, nn_visitor *visitor) {
  residual *layer = self;
  nn_visit_weight(visitor, "scale", layer->scale);
  nn_visit_layer(visitor, "inner", layer->inner);
}

static void residual_free(void *self) { ++*((residual *)self)->freed; }

static const nn_layer_class residual_class = {.name = "Residual",
                                              .build = residual_build,
                                              .forward = residual_forward,
                                              .variables = residual_variables,
                                              .free = residual_free};

static nn_layer *make_residual(nn_layer *inner, int *freed) {
  return nn_layer_new(&residual_class, &(residual){.inner = inner, .freed = freed}, sizeof(residual));
}

static void a_users_layer_needs_no_ownership_calls(void **state) {
  (void)state;
  int freed = 0;
  nn_layer *layer = nn_sequential(nn_flatten(), make_residual(nn_dense(2), &freed));
  build(layer, AG_SHAPE(2));
  set(layer, "1.inner.kernel", NUMBERS(AG_SHAPE(2, 2), 1, 0, 0, 10));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = nn_forward(layer, NUMBERS(AG_SHAPE(1, 2), 3, 4), NN_EVAL);
  assert_values(y, AG_SHAPE(1, 2), 2 * 3 + 3, 2 * 40 + 4);
  ag_list weights = nn_trainable_variables(layer);
  assert_int_equal(weights.count, 3);
  ag_list gradients = ag_gradients(tape, y, weights);
  assert_values(gradients.items[0], AG_SHAPE(1), 43);
  assert_values(gradients.items[1], AG_SHAPE(2, 2), 6, 6, 8, 8);
  nn_layer_free(layer);
  assert_int_equal(freed, 1);
}

static void name_scale_again(void *self, nn_visitor *visitor) {
  residual_variables(self, visitor);
  nn_visit_weight(visitor, "again", ((residual *)self)->scale);
}

static void a_weight_of_two_names_is_listed_once(void **state) {
  (void)state;
  nn_layer_class class = residual_class;
  class.variables = name_scale_again;
  int freed = 0;
  nn_layer *layer = nn_layer_new(&class, &(residual){.inner = nn_dense(2), .freed = &freed}, sizeof(residual));
  build(layer, AG_SHAPE(2));
  assert_int_equal(nn_trainable_variables(layer).count, 3);
  nn_layer_free(layer);
}

static void a_users_layer_that_fails_is_named(void **state) {
  (void)state;
  int freed = 0;
  assert_refused(make_residual(nn_dense(0), &freed), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Residual: Dense: units");
  assert_refused(make_residual(nn_dense(3), &freed), AG_SHAPE(2), AG_ERROR_SHAPE, "Residual: add: ");
  assert_int_equal(freed, 2);
}

static bool build_inner_and_fail(void *self, ag_shape input, ag_rng *rng) {
  residual *layer = self;
  layer->inner = make_residual(nn_dense(0), layer->freed);
  return nn_build(layer->inner, input, rng);
}

static void what_a_build_that_fails_has_made_is_freed(void **state) {
  (void)state;
  nn_layer_class class = residual_class;
  class.build = build_inner_and_fail;
  int freed = 0;
  nn_layer *layer = nn_layer_new(&class, &(residual){.freed = &freed}, sizeof(residual));
  assert_refused(layer, AG_SHAPE(2), AG_ERROR_ARGUMENT, "Residual: Residual: Dense: units");
  assert_int_equal(freed, 2);
}

static ag_tensor *forward_null(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)input, (void)mode;
  return NULL;
}

static ag_tensor *forward_sum(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)mode;
  return ag_sum(input);
}

static ag_tensor *forward_one_sample(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)mode;
  return ag_reshape(input, AG_SHAPE(1, -1));
}

static void name_twice(void *self, nn_visitor *visitor) {
  nn_visit_weight(visitor, "gain", ((ag_tensor **)self)[0]);
  nn_visit_buffer(visitor, "gain", ((ag_tensor **)self)[1]);
}

static void name_with_dot(void *self, nn_visitor *visitor) {
  nn_visit_weight(visitor, "0.gain", ((ag_tensor **)self)[0]);
}

static bool build_two(void *self, ag_shape input, ag_rng *rng) {
  (void)input, (void)rng;
  for (int i = 0; i < 2; i++) ((ag_tensor **)self)[i] = ag_variable(ag_scalar(1));
  return true;
}

static bool build_false(void *self, ag_shape input, ag_rng *rng) {
  (void)self, (void)input, (void)rng;
  return false;
}

static bool build_constant(void *self, ag_shape input, ag_rng *rng) {
  (void)input, (void)rng;
  ((residual *)self)->scale = ag_scalar(1);
  return true;
}

static void a_class_that_breaks_the_rules_is_told_so(void **state) {
  (void)state;
  static const nn_layer_class null = {.name = "Null", .forward = forward_null};
  static const nn_layer_class sum = {.name = "Sum", .forward = forward_sum};
  static const nn_layer_class silent = {.name = "Silent", .build = build_false, .forward = forward_sum};
  static const nn_layer_class constant = {
      .name = "Constant", .build = build_constant, .forward = forward_sum, .variables = residual_variables};
  static const nn_layer_class nothing = {.name = "Nothing"};
  assert_refused(nn_layer_new(&null, NULL, 0), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Null: forward");
  assert_refused(nn_layer_new(&sum, NULL, 0), AG_SHAPE(2), AG_ERROR_SHAPE, "Sum: forward made [] of [2, 2]");
  static const nn_layer_class one = {.name = "One", .forward = forward_one_sample};
  static const nn_layer_class twice = {
      .name = "Twice", .build = build_two, .forward = forward_sum, .variables = name_twice};
  static const nn_layer_class dotted = {
      .name = "Dotted", .build = build_two, .forward = forward_sum, .variables = name_with_dot};
  ag_tensor *pair[2] = {NULL, NULL};
  assert_refused(nn_layer_new(&one, NULL, 0), AG_SHAPE(3), AG_ERROR_SHAPE,
                 "One: forward made [1, 6] of [2, 3], expected [2, ...]");
  assert_refused(nn_layer_new(&twice, pair, sizeof pair), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Twice: gain: the names");
  assert_refused(nn_layer_new(&dotted, pair, sizeof pair), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Dotted: 0.gain: the names");
  assert_refused(nn_layer_new(&silent, NULL, 0), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Silent: build");
  residual self = {.inner = NULL};
  assert_refused(nn_layer_new(&constant, &self, sizeof self), AG_SHAPE(2), AG_ERROR_ARGUMENT, "Constant: scale");
  assert_null(nn_layer_new(&nothing, NULL, 0));
  assert_error(AG_ERROR_ARGUMENT, "forward");
  assert_null(nn_layer_new(NULL, NULL, 0));
  assert_error(AG_ERROR_ARGUMENT, "class");
  assert_null(nn_layer_new(&sum, NULL, 8));
  assert_error(AG_ERROR_ARGUMENT, "self");
  assert_null(nn_layer_new(&sum, &self, SIZE_MAX));
  assert_error(AG_ERROR_MEMORY, "layer_new");
}

typedef struct {
  nn_layer *made;
} twin;

static bool build_twin(void *self, ag_shape input, ag_rng *rng) {
  twin *layer = self;
  if (!layer->made) layer->made = nn_dense(1);
  return nn_build(layer->made, input, rng);
}

static ag_tensor *forward_twin(void *self, ag_tensor *input, nn_mode mode) {
  return nn_forward(((twin *)self)->made, input, mode);
}

static void variables_of_twin(void *self, nn_visitor *visitor) {
  nn_visit_layer(visitor, "left", ((twin *)self)->made);
  nn_visit_layer(visitor, "right", ((twin *)self)->made);
}

/* Its inner layer is made by build, so only then can it be found out. */
static void a_layer_named_twice_is_refused_and_freed_once(void **state) {
  (void)state;
  static const nn_layer_class class = {
      .name = "Twin", .build = build_twin, .forward = forward_twin, .variables = variables_of_twin};
  ag_rng rng = ag_rng_seed(1);
  nn_layer *layer = nn_layer_new(&class, &(twin){NULL}, sizeof(twin));
  assert_false(nn_build(layer, AG_SHAPE(2), &rng));
  assert_error(AG_ERROR_ARGUMENT, "twice of one");
  nn_layer_free(layer);
}

static void the_summary_counts_frozen_weights_and_own_weights(void **state) {
  (void)state;
  int freed = 0;
  nn_layer *layer = make_residual(nn_dense(2), &freed);
  build(layer, AG_SHAPE(2));
  nn_set_trainable(layer, false);
  assert_summary(layer,
                 "______________________________________\n"
                 " Layer (type)   Output Shape  Param #\n"
                 "======================================\n"
                 " inner (Dense)  (None, 2)     6\n"
                 " (own weights)                1\n"
                 "======================================\n"
                 "Total params: 7\n"
                 "Trainable params: 0\n"
                 "Non-trainable params: 7\n"
                 "______________________________________\n");
  nn_layer_free(layer);
  layer = nn_dense(3);
  build(layer, AG_SHAPE(2));
  assert_summary(layer,
                 "_____________________________________\n"
                 " Layer (type)  Output Shape  Param #\n"
                 "=====================================\n"
                 " Dense         (None, 3)     9\n"
                 "=====================================\n"
                 "Total params: 9\n"
                 "Trainable params: 9\n"
                 "Non-trainable params: 0\n"
                 "_____________________________________\n");
  nn_layer_free(layer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_layer_named_twice_is_refused_and_freed_once),
      TEST(a_users_layer_needs_no_ownership_calls),
      TEST(a_weight_of_two_names_is_listed_once),
      TEST(a_users_layer_that_fails_is_named),
      TEST(what_a_build_that_fails_has_made_is_freed),
      TEST(a_class_that_breaks_the_rules_is_told_so),
      TEST(the_summary_counts_frozen_weights_and_own_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
