/* Networks as a whole: names and lists of variables, freezing, other sizes of inputs, building and its mistakes, who
 * frees what, the summary. */
#include "tests/layers.h"

/* Sequential, names, lists */

static nn_layer *small_network(void) {
  return nn_sequential(nn_dense(4, .no_bias = true), nn_batch_norm(), nn_sequential(nn_leaky_relu(), nn_dense(2)));
}

typedef struct {
  char text[200];
} listing;

static void list_name(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  listing *all = context;
  assert_true(ag_is_variable(variable) && ag_is_trainable(variable) == !is_buffer);
  strcat(all->text, is_buffer ? " !" : " ");
  strcat(all->text, name);
}

static void variables_are_named_by_their_path(void **state) {
  (void)state;
  nn_layer *layer = small_network();
  build(layer, AG_SHAPE(3));
  listing all = {""};
  nn_each_variable(layer, list_name, &all);
  assert_string_equal(all.text, " 0.kernel 1.gamma 1.beta !1.moving_mean !1.moving_variance 2.1.kernel 2.1.bias");
  ag_list weights = nn_trainable_variables(layer);
  assert_int_equal(weights.count, 5);
  assert_true(weights.items[0] == named(layer, "0.kernel") && weights.items[4] == named(layer, "2.1.bias"));
  assert_int_equal(nn_variables(layer).count, 7);
  nn_layer_free(layer);
}

static void sequential_runs_its_layers_in_turn(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_dense(2), nn_leaky_relu(), nn_dense(1));
  build(layer, AG_SHAPE(1));
  assert_shape(nn_input_shape(layer), AG_SHAPE(1));
  assert_shape(nn_output_shape(layer), AG_SHAPE(1));
  set(layer, "0.kernel", NUMBERS(AG_SHAPE(1, 2), 1, -1));
  set(layer, "2.kernel", NUMBERS(AG_SHAPE(2, 1), 1, 10));
  set(layer, "2.bias", NUMBERS(AG_SHAPE(1), 7));
  assert_values(nn_forward(layer, NUMBERS(AG_SHAPE(1, 1), 2), NN_EVAL), AG_SHAPE(1, 1), 2 - 6 + 7);
  nn_layer_free(layer);
}

static void only_the_result_of_forward_stays(void **state) {
  (void)state;
  nn_layer *layer = small_network();
  build(layer, AG_SHAPE(3));
  ag_tensor *x = ag_ones(AG_SHAPE(100, 3));
  size_t before = ag_memory_in_use();
  ag_zeros(AG_SHAPE(100, 2));
  size_t of_the_result = ag_memory_in_use() - before;
  before = ag_memory_in_use();
  nn_forward(layer, x, NN_EVAL);
  assert_int_equal(ag_memory_in_use() - before, of_the_result);
  nn_layer_free(layer);
}

static void a_null_among_the_layers_is_named_by_its_place(void **state) {
  (void)state;
  assert_null(nn_sequential(nn_dense(1), nn_flatten(), NULL, nn_dense(2)));
  assert_error(AG_ERROR_ARGUMENT, "layer 2 is NULL");
  assert_null(nn_sequential_of(0, NULL));
  assert_error(AG_ERROR_ARGUMENT, "Sequential");
  nn_layer *twice = nn_dense(1);
  assert_null(nn_sequential(nn_flatten(), twice, twice));
  assert_error(AG_ERROR_ARGUMENT, "layers 1 and 2 are the same");
}

static void a_network_never_built_is_freed(void **state) {
  (void)state;
  nn_layer *layer = small_network();
  assert_false(nn_is_built(layer));
  nn_layer_free(layer);
  nn_layer_free(NULL);
}

static void a_frozen_network_is_neither_listed_nor_watched(void **state) {
  (void)state;
  nn_layer *layer = small_network();
  build(layer, AG_SHAPE(3));
  nn_set_trainable(layer, false);
  assert_int_equal(nn_trainable_variables(layer).count, 0);
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = nn_forward(layer, ag_ones(AG_SHAPE(1, 3)), NN_EVAL);
  assert_int_equal(ag_tape_length(tape), 0);
  assert_unconnected(ag_gradient(tape, y, named(layer, "0.kernel")));
  nn_set_trainable(layer, true);
  assert_int_equal(nn_trainable_variables(layer).count, 5);
  assert_false(ag_is_trainable(named(layer, "1.moving_mean")));
  nn_layer_free(layer);
}

/* What a network makes of a part of images [2, H, W, 3], it makes of the whole there. */
static void inputs_of_any_size_fit_where_they_are_allowed(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_conv2d(4, 3), nn_leaky_relu(), nn_conv2d(2, 3, .stride = 2));
  build(layer, AG_SHAPE(9, 9, 3));
  ag_tensor *images = waves(AG_SHAPE(2, 13, 21, 3), 1), *part = ag_slice(ag_slice(images, 1, 2, 9), 2, 4, 9);
  assert_null(nn_forward(layer, images, NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "Sequential: input has shape [2, 13, 21, 3], expected a batch of [9, 9, 3]");
  nn_allow_any_size(layer);
  ag_tensor *of_part = nn_forward(layer, part, NN_EVAL), *of_all = nn_forward(layer, images, NN_EVAL);
  assert_shape(ag_shape_of(of_all), AG_SHAPE(2, 5, 9, 2));
  ag_tensor *there = ag_slice(ag_slice(of_all, 1, 1, 3), 2, 2, 3);
  for (size_t i = 0; i < ag_size(of_part); i++)
    assert_true(check_close((double)ag_data(there)[i], (double)ag_data(of_part)[i]));
  assert_null(nn_forward(layer, ag_ones(AG_SHAPE(2, 13, 21, 4)), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "expected a batch of [9, 9, 3] or of other sizes before the last");
  assert_null(nn_forward(layer, ag_ones(AG_SHAPE(13, 21, 3)), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "input has shape [13, 21, 3]");
  nn_layer_free(layer);
}

static void what_needs_the_sizes_of_the_build_refuses_others(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_flatten(), nn_dense(1));
  build(layer, AG_SHAPE(2, 3));
  nn_allow_any_size(layer);
  assert_null(nn_forward(layer, ag_ones(AG_SHAPE(1, 4, 3)), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "Dense: input has shape [1, 12]");
  nn_layer_free(layer);
}

/* Building and its mistakes */

static void wrong_options_fail_when_the_layer_is_built(void **state) {
  (void)state;
  assert_refused(nn_dense(0), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dense: units is 0");
  assert_refused(nn_dense(-2), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dense: units is -2");
  assert_refused(nn_dense(2, .activation = (nn_activation_kind)50), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dense: ");
  assert_refused(nn_maxout(2), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Maxout: units, pieces are 2, 0");
  assert_refused(nn_maxout(-1, .pieces = 2), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Maxout: units, pieces are -1, 2");
  assert_refused(nn_conv2d(0, 3), AG_SHAPE(8, 8, 1), AG_ERROR_ARGUMENT, "Conv2D: filters");
  assert_refused(nn_conv2d(3, 0), AG_SHAPE(8, 8, 1), AG_ERROR_ARGUMENT, "Conv2D: filters, kernel_size");
  assert_refused(nn_conv2d_transpose(3, 3, .stride = -1), AG_SHAPE(8, 8, 1), AG_ERROR_ARGUMENT, "Conv2DTranspose: ");
  assert_refused(nn_dropout(1), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dropout: rate is 1");
  assert_refused(nn_dropout(-0.5), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dropout: rate is -0.5");
  assert_refused(nn_dropout(NAN), AG_SHAPE(3), AG_ERROR_ARGUMENT, "Dropout: rate");
  assert_refused(nn_leaky_relu(.slope = -1), AG_SHAPE(3), AG_ERROR_ARGUMENT, "LeakyReLU: slope");
  assert_refused(nn_batch_norm(.momentum = 1.5), AG_SHAPE(3), AG_ERROR_ARGUMENT, "BatchNormalization: momentum");
  assert_refused(nn_batch_norm(.epsilon = -1), AG_SHAPE(3), AG_ERROR_ARGUMENT, "BatchNormalization: epsilon");
  assert_refused(nn_upsampling2d(0), AG_SHAPE(2, 2, 1), AG_ERROR_ARGUMENT, "UpSampling2D: factor");
  assert_refused(nn_max_pool2d(0), AG_SHAPE(2, 2, 1), AG_ERROR_ARGUMENT, "MaxPooling2D: size");
  assert_refused(nn_avg_pool2d(2, .stride = -1), AG_SHAPE(2, 2, 1), AG_ERROR_ARGUMENT, "AveragePooling2D: ");
}

static void wrong_inputs_fail_when_the_layer_is_built(void **state) {
  (void)state;
  assert_refused(nn_dense(2), AG_SCALAR_SHAPE, AG_ERROR_SHAPE, "Dense: ");
  assert_refused(nn_dense(2), AG_SHAPE(-1), AG_ERROR_SHAPE, "Dense: ");
  assert_refused(nn_dense(2), AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 2), AG_ERROR_SHAPE, "Dense: ");
  assert_refused(nn_dense(1 << 30), AG_SHAPE((int64_t)1 << 40), AG_ERROR_SHAPE, "Dense: ");
  assert_refused(nn_maxout(2, .pieces = 2), AG_SCALAR_SHAPE, AG_ERROR_SHAPE, "Maxout: ");
  assert_refused(nn_maxout(2, .pieces = 2), AG_SHAPE(1, 1, 1, 1, 1, 1, 2), AG_ERROR_SHAPE, "Maxout: ");
  assert_refused(nn_conv2d(2, 3), AG_SHAPE(8, 8), AG_ERROR_SHAPE, "Conv2D: input has shape [8, 8]");
  assert_refused(nn_conv2d(2, 9), AG_SHAPE(8, 8, 1), AG_ERROR_SHAPE, "Conv2D: ");
  assert_refused(nn_batch_norm(), AG_SCALAR_SHAPE, AG_ERROR_SHAPE, "BatchNormalization: ");
  assert_refused(nn_upsampling2d(2), AG_SHAPE(8), AG_ERROR_SHAPE, "UpSampling2D: ");
  assert_refused(nn_max_pool2d(3), AG_SHAPE(2, 2, 1), AG_ERROR_SHAPE, "MaxPooling2D: ");
  assert_refused(nn_reshape(4, 4), AG_SHAPE(15), AG_ERROR_SHAPE, "Reshape: input of shape [15] does not fit");
  assert_refused(nn_reshape(2, -1), AG_SHAPE(3), AG_ERROR_SHAPE, "Reshape: input of shape [3] does not fit");
  assert_refused(nn_reshape(-1, -1), AG_SHAPE(4), AG_ERROR_SHAPE, "Reshape: ");
  assert_refused(nn_reshape(-1, 0), AG_SHAPE(0), AG_ERROR_SHAPE, "Reshape: ");
  assert_refused(nn_reshape(1, 1, 1, 1, 1, 1, 1, 4), AG_SHAPE(4), AG_ERROR_SHAPE, "Reshape: ");
  nn_layer *layer = nn_dense(2);
  assert_false(nn_build(layer, AG_SHAPE(2), NULL));
  assert_error(AG_ERROR_ARGUMENT, "Dense: rng");
  assert_false(nn_build(NULL, AG_SHAPE(2), NULL));
  assert_error(AG_ERROR_ARGUMENT, "layer");
  nn_layer_free(layer);
}

/* Or each of them would free it. */
static void a_layer_in_two_places_is_refused(void **state) {
  (void)state;
  nn_layer *shared = nn_dense(1);
  assert_null(nn_sequential(shared, nn_sequential(shared)));
  assert_error(AG_ERROR_ARGUMENT, "part of two layers");
  shared = nn_dense(1);
  nn_layer *outer = nn_sequential(shared); /* is freed first, and the shared one with it */
  assert_null(nn_sequential(outer, shared));
  assert_error(AG_ERROR_ARGUMENT, "part of two layers");
}

static void an_inner_layer_is_freed_with_its_outer_one_alone(void **state) {
  (void)state;
  nn_layer *inner = nn_dense(1), *outer = nn_sequential(inner);
  nn_layer_free(inner);
  assert_string_equal(nn_layer_class_of(inner)->name, "Dense");
  nn_layer_free(outer);
}

static void a_mistake_deep_inside_is_named_by_its_place(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_flatten(), nn_sequential(nn_leaky_relu(), nn_dense(0)));
  assert_refused(layer, AG_SHAPE(3), AG_ERROR_ARGUMENT, "Sequential: layer 1, Sequential: layer 1, Dense: units is 0");
}

static void a_failed_build_may_be_tried_again(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(nn_dense(4), nn_reshape(2, 2), nn_conv2d(1, 1));
  ag_rng rng = ag_rng_seed(2);
  assert_false(nn_build(layer, AG_SHAPE(3), &rng)); /* [2, 2] is no image */
  assert_error(AG_ERROR_SHAPE, "Sequential: layer 2, Conv2D: ");
  assert_true(rng.counter == 0);
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(1, 3)), NN_EVAL));
  assert_error(AG_ERROR_ARGUMENT, "not built");
  nn_layer_free(layer);

  layer = nn_sequential(nn_dense(4), nn_conv2d(1, 1));
  assert_false(nn_build(layer, AG_SHAPE(3), &rng)); /* the Dense layer had been built by then */
  assert_error(AG_ERROR_SHAPE, "Sequential: layer 1, Conv2D: ");
  assert_true(nn_build(layer, AG_SHAPE(2, 2, 5), &rng));
  assert_shape(ag_shape_of(named(layer, "0.kernel")), AG_SHAPE(5, 4));
  nn_layer_free(layer);

  layer = nn_sequential(nn_flatten(), nn_dense(2), nn_reshape(2, 1));
  assert_false(nn_build(layer, AG_SHAPE(-1), &rng));
  assert_error(AG_ERROR_SHAPE, "Sequential");
  assert_true(nn_build(layer, AG_SHAPE(3, 5), &rng));
  assert_shape(ag_shape_of(named(layer, "1.kernel")), AG_SHAPE(15, 2));
  assert_false(nn_build(layer, AG_SHAPE(3, 5), &rng));
  assert_error(AG_ERROR_ARGUMENT, "Sequential: built before");
  assert_true(nn_is_built(layer));
  nn_layer_free(layer);
}

static void a_layer_built_before_keeps_its_weights_in_a_network(void **state) {
  (void)state;
  nn_layer *trained = nn_dense(2), *last = nn_conv2d(1, 1);
  build(trained, AG_SHAPE(3));
  ag_tensor *kernel = named(trained, "kernel");
  nn_layer *network = nn_sequential(trained, nn_dense(1), last);
  ag_rng rng = ag_rng_seed(2);
  assert_false(nn_build(network, AG_SHAPE(3), &rng));
  assert_error(AG_ERROR_SHAPE, "layer 2, Conv2D");
  assert_true(nn_is_built(trained) && named(trained, "kernel") == kernel);
  assert_false(nn_build(network, AG_SHAPE(4), &rng));
  assert_error(AG_ERROR_SHAPE, "Sequential: ");
  nn_layer_free(network);

  trained = nn_dense(2);
  build(trained, AG_SHAPE(3));
  kernel = named(trained, "kernel");
  network = nn_sequential(trained, nn_dense(1));
  build(network, AG_SHAPE(3));
  assert_true(named(network, "0.kernel") == kernel);
  nn_layer_free(network);
}

static void building_needs_no_scope(void **state) {
  (void)state;
  ag_scope_leave(check_scope);
  nn_layer *layer = small_network();
  build(layer, AG_SHAPE(3));
  check_scope = ag_scope_enter();
  assert_non_null(nn_forward(layer, ag_ones(AG_SHAPE(2, 3)), NN_EVAL));
  nn_layer_free(layer);
}

static void forward_refuses_what_it_was_not_built_for(void **state) {
  (void)state;
  nn_layer *layer = nn_dense(2);
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(1, 3)), NN_EVAL));
  assert_error(AG_ERROR_ARGUMENT, "Dense is not built");
  build(layer, AG_SHAPE(3));
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(5, 4)), NN_EVAL));
  assert_true(strstr(ag_error_message(), "[5, 4]") && strstr(ag_error_message(), "[3]"));
  assert_error(AG_ERROR_SHAPE, "Dense: ");
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(3)), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "Dense: ");
  assert_null(nn_forward(layer, ag_scalar(3), NN_EVAL));
  assert_error(AG_ERROR_SHAPE, "Dense: ");
  assert_null(nn_forward(layer, NULL, NN_EVAL));
  assert_error(AG_ERROR_ARGUMENT, "Dense: input is NULL");
  assert_null(nn_forward(NULL, ag_scalar(3), NN_EVAL));
  assert_error(AG_ERROR_ARGUMENT, "layer");
  ag_fail(AG_ERROR_FILE, "earlier");
  assert_null(nn_forward(layer, ag_zeros(AG_SHAPE(1, 3)), NN_EVAL));
  assert_null(nn_trainable_variables(layer).items);
  assert_error(AG_ERROR_FILE, "earlier");
  nn_layer_free(layer);
}

static void a_layer_not_built_has_no_shapes_and_no_variables(void **state) {
  (void)state;
  nn_layer *layer = nn_dense(2);
  assert_true(nn_output_shape(layer).rank < 0);
  assert_error(AG_ERROR_ARGUMENT, "not built");
  assert_int_equal(nn_variables(layer).count, 0);
  assert_error(AG_ERROR_ARGUMENT, "not built");
  nn_layer_free(layer);
}

/* The summary */

static void the_summary_is_a_table(void **state) {
  (void)state;
  nn_layer *layer = nn_sequential(
      nn_dense(7 * 7 * 256, .no_bias = true), nn_batch_norm(), nn_leaky_relu(), nn_reshape(7, 7, 256),
      nn_conv2d_transpose(128, 5, .padding = NN_SAME, .no_bias = true), nn_batch_norm(), nn_leaky_relu(),
      nn_conv2d_transpose(64, 5, .stride = 2, .padding = NN_SAME, .no_bias = true), nn_batch_norm(), nn_leaky_relu(),
      nn_conv2d_transpose(1, 5, .stride = 2, .padding = NN_SAME, .no_bias = true, .activation = NN_TANH));
  build(layer, AG_SHAPE(100));
  /* The numbers are those that Keras prints for this network. */
  assert_summary(layer,
                 "_______________________________________________________\n"
                 " Layer (type)            Output Shape        Param #\n"
                 "=======================================================\n"
                 " 0 (Dense)               (None, 12544)       1,254,400\n"
                 " 1 (BatchNormalization)  (None, 12544)       50,176\n"
                 " 2 (LeakyReLU)           (None, 12544)       0\n"
                 " 3 (Reshape)             (None, 7, 7, 256)   0\n"
                 " 4 (Conv2DTranspose)     (None, 7, 7, 128)   819,200\n"
                 " 5 (BatchNormalization)  (None, 7, 7, 128)   512\n"
                 " 6 (LeakyReLU)           (None, 7, 7, 128)   0\n"
                 " 7 (Conv2DTranspose)     (None, 14, 14, 64)  204,800\n"
                 " 8 (BatchNormalization)  (None, 14, 14, 64)  256\n"
                 " 9 (LeakyReLU)           (None, 14, 14, 64)  0\n"
                 " 10 (Conv2DTranspose)    (None, 28, 28, 1)   1,600\n"
                 "=======================================================\n"
                 "Total params: 2,330,944\n"
                 "Trainable params: 2,305,472\n"
                 "Non-trainable params: 25,472\n"
                 "_______________________________________________________\n");
  nn_layer_free(layer);
}

static void the_summary_tells_what_is_wrong(void **state) {
  (void)state;
  nn_layer *layer = nn_dense(2);
  assert_false(nn_summary(layer, stderr));
  assert_error(AG_ERROR_ARGUMENT, "not built");
  build(layer, AG_SHAPE(2));
  assert_false(nn_summary(layer, NULL));
  assert_error(AG_ERROR_ARGUMENT, "file");
  FILE *full = fopen("/dev/full", "w");
  if (full) {
    assert_false(nn_summary(layer, full));
    assert_error(AG_ERROR_FILE, "summary: ");
    fclose(full);
  }
  nn_layer_free(layer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(variables_are_named_by_their_path),
      TEST(sequential_runs_its_layers_in_turn),
      TEST(only_the_result_of_forward_stays),
      TEST(a_null_among_the_layers_is_named_by_its_place),
      TEST(a_network_never_built_is_freed),
      TEST(a_frozen_network_is_neither_listed_nor_watched),
      TEST(inputs_of_any_size_fit_where_they_are_allowed),
      TEST(what_needs_the_sizes_of_the_build_refuses_others),
      TEST(wrong_options_fail_when_the_layer_is_built),
      TEST(wrong_inputs_fail_when_the_layer_is_built),
      TEST(a_mistake_deep_inside_is_named_by_its_place),
      TEST(a_layer_in_two_places_is_refused),
      TEST(an_inner_layer_is_freed_with_its_outer_one_alone),
      TEST(a_failed_build_may_be_tried_again),
      TEST(a_layer_built_before_keeps_its_weights_in_a_network),
      TEST(building_needs_no_scope),
      TEST(forward_refuses_what_it_was_not_built_for),
      TEST(a_layer_not_built_has_no_shapes_and_no_variables),
      TEST(the_summary_is_a_table),
      TEST(the_summary_tells_what_is_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
