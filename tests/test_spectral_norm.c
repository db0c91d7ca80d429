/* nn_spectral_norm beside what tests/test_golden.c holds against PyTorch: the bound that it gives, its gradients, its
 * buffer, and its mistakes. */
#include "tests/check.h"

#include "nn/nn.h"

/* As many passes as let u settle for the small kernels here. */
static void settle(nn_layer *layer, ag_tensor *x, ag_rng *rng) {
  for (int i = 0; i < 300; i++) assert_non_null(nn_forward(layer, x, NN_TRAIN(rng)));
}

static nn_layer *built(nn_layer *layer, ag_shape input, ag_rng *rng) {
  if (!nn_build(layer, input, rng)) print_error("%s\n", ag_error_message());
  assert_true(nn_is_built(layer));
  return layer;
}

/* The variables of a wrapped Dense layer, in the order of visiting. */
enum { KERNEL, BIAS, U };
static ag_tensor *variable(nn_layer *layer, size_t index) { return nn_variables(layer).items[index]; }

static double length(ag_tensor *x) { return ag_item(ag_norm(x, AG_ALL_AXES, false)); }

static void the_layer_stretches_by_one_at_most_and_somewhere_by_one(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(1);
  nn_layer *layer = built(nn_spectral_norm(nn_dense(9, .kernel_init = {NN_NORMAL, 3})), AG_SHAPE(6), &rng);
  settle(layer, ag_zeros(AG_SHAPE(1, 6)), &rng);
  for (int i = 0; i < 50; i++) {
    ag_tensor *a = ag_normal(&rng, AG_SHAPE(1, 6), 0, 2), *b = ag_normal(&rng, AG_SHAPE(1, 6), 0, 2);
    ag_tensor *difference = ag_sub(nn_forward(layer, a, NN_EVAL), nn_forward(layer, b, NN_EVAL));
    assert_true(length(difference) <= length(ag_sub(a, b)) * (1 + 1e-12));
  }
  /* W u is along the direction that is stretched most, and the bias, of zeros, adds nothing. */
  ag_tensor *steepest = ag_matmul_transposed(variable(layer, U), false, variable(layer, KERNEL), true);
  assert_true(check_close(length(nn_forward(layer, steepest, NN_EVAL)), length(steepest)));
  nn_layer_free(layer);
}

static void u_is_a_buffer_of_length_one_that_moves_in_training_alone(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(2);
  nn_layer *layer = built(nn_spectral_norm(nn_conv2d_transpose(4, 3)), AG_SHAPE(5, 5, 2), &rng);
  assert_int_equal(nn_trainable_variables(layer).count, 2);
  ag_tensor *u = variable(layer, U), *first = ag_detach(u);
  assert_true(ag_shape_equal(ag_shape_of(u), AG_SHAPE(1, 4)));
  assert_true(check_close(length(u), 1));
  ag_tensor *x = ag_ones(AG_SHAPE(1, 5, 5, 2));
  nn_forward(layer, x, NN_EVAL);
  assert_memory_equal(ag_data(u), ag_data(first), 4 * sizeof(ag_real));
  nn_forward(layer, x, NN_TRAIN(&rng));
  assert_true(length(ag_sub(u, first)) > 1e-3);
  assert_true(check_close(length(u), 1));
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, u);
  assert_unconnected(ag_gradient(tape, nn_forward(layer, x, NN_EVAL), u));
  nn_layer_free(layer);
}

static void find_kernel(const char *name, ag_tensor *tensor, bool is_buffer, void *context) {
  if (!is_buffer && strcmp(name, "1.inner.kernel") == 0) *(ag_tensor **)context = tensor;
}

static void the_inner_kernel_keeps_its_name_and_is_trained(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(3);
  nn_layer *layer = nn_sequential(nn_flatten(), nn_spectral_norm(nn_dense(2)), nn_leaky_relu(.slope = 0.2));
  built(layer, AG_SHAPE(3), &rng);
  ag_tensor *kernel = NULL, *x = ag_normal(&rng, AG_SHAPE(4, 3), 0, 1);
  nn_each_variable(layer, find_kernel, &kernel);
  assert_true(kernel && nn_trainable_variables(layer).items[0] == kernel);
  ag_tensor *before = ag_detach(kernel);
  ag_tape *tape = ag_tape_start();
  ag_tensor *loss = ag_mean(ag_square(nn_forward(layer, x, NN_TRAIN(&rng))));
  ag_list weights = nn_trainable_variables(layer);
  nn_optimizer *sgd = nn_sgd();
  assert_true(nn_apply_gradients(sgd, weights, ag_gradients(tape, loss, weights)));
  assert_true(length(ag_sub(kernel, before)) > 0);
  nn_optimizer_free(sgd);
  nn_layer_free(layer);
}

static void a_leaky_relu_after_it_in_a_sequential_is_applied(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(4);
  nn_layer *inner = nn_conv2d(3, 3), *norm = nn_spectral_norm(inner), *activation = nn_leaky_relu(.slope = 0.2);
  nn_layer *both = built(nn_sequential(norm, activation), AG_SHAPE(4, 4, 2), &rng);
  ag_tensor *x = ag_normal(&rng, AG_SHAPE(2, 4, 4, 2), 0, 1);
  ag_tensor *joined = nn_forward(both, x, NN_EVAL);
  ag_tensor *separate = nn_forward(activation, nn_forward(norm, x, NN_EVAL), NN_EVAL);
  assert_true(length(ag_sub(joined, separate)) == 0);
  assert_true(length(ag_sub(joined, nn_forward(activation, nn_forward(inner, x, NN_EVAL), NN_EVAL))) > 1e-3);
  nn_layer_free(both);
}

/* Gradients. A user's layer whose kernel is given anew for each call, so that it can be checked number by number. */

typedef struct {
  ag_tensor *given; /* [in, out] */
} borrowed;

static ag_tensor *borrowed_kernel(void *self, int *outputs) {
  *outputs = 1;
  return ((borrowed *)self)->given;
}

static ag_tensor *borrowed_forward_with_kernel(void *self, ag_tensor *input, ag_tensor *kernel) {
  (void)self;
  return ag_tanh(ag_matmul(input, kernel));
}

static ag_tensor *borrowed_forward(void *self, ag_tensor *input, nn_mode mode) {
  (void)mode;
  return borrowed_forward_with_kernel(self, input, ((borrowed *)self)->given);
}

typedef struct {
  nn_layer *inner, *norm;
} checked;

/* (kernel, x) -> y */
static ag_tensor *output_of(ag_list inputs, void *context) {
  const checked *layers = context;
  ((borrowed *)nn_layer_self(layers->inner))->given = inputs.items[0];
  return nn_forward(layers->norm, inputs.items[1], NN_EVAL);
}

/* (kernel, x) -> the lengths of d sum(y) / d x: a gradient penalty's second derivatives. */
static ag_tensor *slope_of(ag_list inputs, void *context) {
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  ag_tape_watch(tape, inputs.items[1]);
  ag_tensor *y = output_of(inputs, context);
  return ag_norm(ag_gradient(tape, y, inputs.items[1]), AG_AXES(1), false);
}

/* With u settled, the singular vectors move the singular value in second order only, so that the true derivative is the
 * one with u and v held. */
static void gradients_agree_with_differences_where_u_has_settled(void **state) {
  (void)state;
  static const nn_layer_class class = {.name = "Borrowed",
                                       .forward = borrowed_forward,
                                       .kernel = borrowed_kernel,
                                       .forward_with_kernel = borrowed_forward_with_kernel};
  ag_rng rng = ag_rng_seed(5);
  ag_tensor *kernel = ag_normal(&rng, AG_SHAPE(4, 3), 0, 1), *x = ag_normal(&rng, AG_SHAPE(2, 4), 0, 1);
  checked layers = {.inner = nn_layer_new(&class, &(borrowed){kernel}, sizeof(borrowed))};
  layers.norm = built(nn_spectral_norm(layers.inner), AG_SHAPE(4), &rng);
  settle(layers.norm, x, &rng);
  assert_true(ag_gradcheck(output_of, &layers, AG_LIST(kernel, x), NULL));
  assert_true(ag_gradcheck(slope_of, &layers, AG_LIST(kernel, x), NULL));
  nn_layer_free(layers.norm);
}

/* Mistakes */

static void zeros_and_nan_in_the_kernel_do_not_stay_in_u(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(6);
  nn_layer *layer = built(nn_spectral_norm(nn_dense(2, .kernel_init = {.kind = NN_ZEROS})), AG_SHAPE(2), &rng);
  ag_tensor *x = ag_ones(AG_SHAPE(1, 2)), *u = ag_detach(variable(layer, U));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = nn_forward(layer, x, NN_TRAIN(&rng));
  assert_values(y, AG_SHAPE(1, 2), 0, 0);
  assert_values(ag_gradient(tape, y, variable(layer, KERNEL)), AG_SHAPE(2, 2), 1, 1, 1, 1);
  assert_true(ag_assign(variable(layer, KERNEL), ag_full(AG_SHAPE(2, 2), NAN)));
  assert_true(isnan(ag_data(nn_forward(layer, x, NN_TRAIN(&rng)))[0]));
  assert_memory_equal(ag_data(variable(layer, U)), ag_data(u), 2 * sizeof(ag_real));
  nn_layer_free(layer);
}

static void a_layer_built_before_keeps_its_weights(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(7);
  nn_layer *inner = built(nn_dense(2), AG_SHAPE(3), &rng);
  ag_tensor *kernel = ag_detach(nn_variables(inner).items[0]);
  nn_layer *layer = nn_spectral_norm(inner);
  assert_false(nn_build(layer, AG_SHAPE(4), &rng));
  assert_error(AG_ERROR_SHAPE, "SpectralNormalization: Dense was built for inputs of shape [3], not [4]");
  built(layer, AG_SHAPE(3), &rng);
  assert_memory_equal(ag_data(nn_variables(inner).items[0]), ag_data(kernel), 6 * sizeof(ag_real));
  nn_layer_free(layer);
}

static void what_cannot_be_normalised_is_refused_and_freed(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(8);
  nn_layer *layer = nn_spectral_norm(nn_leaky_relu());
  assert_false(nn_build(layer, AG_SHAPE(3), &rng));
  assert_error(AG_ERROR_ARGUMENT, "SpectralNormalization: LeakyReLU has no kernel");
  nn_layer_free(layer);
  layer = nn_spectral_norm(nn_conv2d(2, 9));
  assert_false(nn_build(layer, AG_SHAPE(3, 3, 1), &rng));
  assert_error(AG_ERROR_SHAPE, "SpectralNormalization: Conv2D: ");
  nn_layer_free(layer);
  assert_null(nn_spectral_norm(NULL));
  assert_error(AG_ERROR_ARGUMENT, "SpectralNormalization: inner is NULL");
  nn_layer *inner = nn_dense(1);
  layer = nn_sequential(inner);
  assert_null(nn_spectral_norm(inner));
  assert_error(AG_ERROR_ARGUMENT, "two layers");
  assert_true(nn_build(layer, AG_SHAPE(2), &rng)); /* it is still its network's */
  nn_layer_free(layer);
}

static int scale_outputs; /* the axis that a user's layer says */
static ag_tensor *scale_of(void *self, int *outputs) {
  *outputs = scale_outputs;
  return *(ag_tensor **)self;
}
static bool scale_build(void *self, ag_shape input, ag_rng *rng) {
  (void)rng;
  *(ag_tensor **)self = ag_variable(ag_ones(input));
  return !ag_failed();
}
static ag_tensor *scale_forward(void *self, ag_tensor *input, nn_mode mode) {
  (void)mode;
  return ag_mul(*(ag_tensor **)self, input);
}
static ag_tensor *scale_with(void *self, ag_tensor *input, ag_tensor *kernel) {
  (void)self;
  return ag_mul(kernel, input);
}
static void scale_variables(void *self, nn_visitor *visitor) { nn_visit_weight(visitor, "scale", *(ag_tensor **)self); }

static void a_kernel_without_outputs_is_refused(void **state) {
  (void)state;
  static const nn_layer_class scale = {.name = "Scale",
                                       .build = scale_build,
                                       .forward = scale_forward,
                                       .variables = scale_variables,
                                       .kernel = scale_of,
                                       .forward_with_kernel = scale_with};
  const struct {
    ag_shape kernel;
    int outputs;
  } cases[] = {{AG_SHAPE(3), -1}, {AG_SHAPE(3), 1}, {AG_SHAPE(3, 0), 1}, {AG_SHAPE(2), AG_MAX_RANK}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ag_rng rng = ag_rng_seed(1);
    scale_outputs = cases[i].outputs;
    nn_layer *layer = nn_spectral_norm(nn_layer_new(&scale, &(ag_tensor *){NULL}, sizeof(ag_tensor *)));
    assert_false(nn_build(layer, cases[i].kernel, &rng));
    assert_error(AG_ERROR_SHAPE, "no outputs along axis");
    nn_layer_free(layer);
  }
}

static void the_summary_shows_the_inner_layer_and_u(void **state) {
  (void)state;
  ag_rng rng = ag_rng_seed(9);
  nn_layer *layer = built(nn_spectral_norm(nn_dense(3)), AG_SHAPE(2), &rng);
  char text[1024] = "";
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_true(nn_summary(layer, file));
  rewind(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  assert_non_null(strstr(text, " inner (Dense)  (None, 3)     9\n (own weights)                3\n"));
  assert_non_null(strstr(text, "Trainable params: 9\nNon-trainable params: 3\n"));
  nn_layer_free(layer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_layer_stretches_by_one_at_most_and_somewhere_by_one),
      TEST(u_is_a_buffer_of_length_one_that_moves_in_training_alone),
      TEST(the_inner_kernel_keeps_its_name_and_is_trained),
      TEST(a_leaky_relu_after_it_in_a_sequential_is_applied),
      TEST(gradients_agree_with_differences_where_u_has_settled),
      TEST(zeros_and_nan_in_the_kernel_do_not_stay_in_u),
      TEST(a_layer_built_before_keeps_its_weights),
      TEST(what_cannot_be_normalised_is_refused_and_freed),
      TEST(a_kernel_without_outputs_is_refused),
      TEST(the_summary_shows_the_inner_layer_and_u),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
