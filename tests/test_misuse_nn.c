/* Every public function of nn/ called wrongly: NULL for each pointer, options out of range, shapes that do not fit,
 * layers that are not built, files that cannot be. */
#include "tests/misuse.h"

#include "nn/file.h"
#include "nn/nn.h"

/* nn/layer.h */

static ag_rng generator = {1, 0};

static ag_tensor *pass_on(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)mode;
  return input;
}
static ag_tensor *forward_to_null(void *self, ag_tensor *input, nn_mode mode) {
  (void)self, (void)input, (void)mode;
  return NULL;
}
static bool build_fails(void *self, ag_shape input, ag_rng *rng) {
  (void)self, (void)input, (void)rng;
  return false;
}

typedef struct {
  ag_tensor *variable;
} holder;
static bool build_holder(void *self, ag_shape input, ag_rng *rng) {
  (void)input, (void)rng;
  return (((holder *)self)->variable = ag_variable(ones())) != NULL;
}
static void name_nothing(void *self, nn_visitor *visitor) {
  nn_visit_weight(visitor, NULL, ((holder *)self)->variable);
}
static const nn_layer_class passes = {.name = "Passes", .forward = pass_on};
static const nn_layer_class no_names = {
    .name = "NoNames", .build = build_holder, .forward = pass_on, .variables = name_nothing};

static nn_layer *built(nn_layer *layer, ag_shape shape) {
  assert_true(nn_build(layer, shape, &generator));
  return layer;
}

static void count_one(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  (void)name, (void)variable, (void)is_buffer;
  ++*(int *)context;
}

static void layers_of_ones_own(void **state) {
  (void)state;
  const nn_layer_class nameless = {.forward = pass_on}, no_forward_class = {.name = "Nothing"};
  const nn_layer_class unbuilt = {.name = "Fails", .forward = pass_on, .build = build_fails};
  const nn_layer_class to_null = {.name = "ToNull", .forward = forward_to_null};
  REFUSED(nn_layer_new(NULL, NULL, 0), "layer_new: class_of_layer is NULL");
  REFUSED(nn_layer_new(&passes, NULL, 8), "layer_new: self is NULL");
  REFUSED(nn_layer_new(&nameless, NULL, 0), "layer_new: a class needs a name");
  REFUSED(nn_layer_new(&no_forward_class, NULL, 0), "layer_new: a class needs");
  TOO_LARGE(nn_layer_new(&passes, &(int){0}, SIZE_MAX));
  TOO_LARGE(nn_layer_new(&passes, &(int){0}, SIZE_MAX / 2));
  REFUSED(nn_layer_new(&no_names, &(holder){NULL}, sizeof(holder)), "visit_weight: name is NULL");
  REFUSED(nn_layer_self(NULL), "layer_self: layer is NULL");
  REFUSED(nn_layer_class_of(NULL), "layer_class_of: layer is NULL");
  ACCEPTED(nn_layer_free(NULL));
  const struct {
    const nn_layer_class *class_of_layer;
    const char *text;
  } failing[] = {{&unbuilt, "Fails: build failed"}, {&to_null, "ToNull: forward gave NULL"}};
  for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
    nn_layer *layer = nn_layer_new(failing[i].class_of_layer, &(holder){NULL}, sizeof(holder));
    REFUSED(nn_build(layer, AG_SHAPE(2), &generator), failing[i].text);
    assert_false(nn_is_built(layer));
    nn_layer_free(layer);
  }
  REFUSED_VOID(nn_visit_weight(NULL, "name", ones()), "visit_weight: visitor is NULL");
  REFUSED_VOID(nn_visit_buffer(NULL, "name", ones()), "visit_buffer: visitor is NULL");
  REFUSED_VOID(nn_visit_layer(NULL, "name", NULL), "visit_layer: visitor is NULL");
  ACCEPTED(nn_option(NAN, 1));
  check_nothing_wrong();
}

static void layers_in_use(void **state) {
  (void)state;
  nn_layer *layer = nn_dense_of((nn_dense_options){.units = 2});
  REFUSED(nn_build(NULL, AG_SHAPE(3), &generator), "build: layer is NULL");
  REFUSED(nn_build(layer, AG_SHAPE(3), NULL), "Dense: rng is NULL");
  REFUSED(nn_build(layer, bad_rank(), &generator), "Dense: input of rank 100");
  REFUSED(nn_build(layer, (ag_shape){8, {1, 1, 1, 1, 1, 1, 1, 1}}, &generator), "Dense: input of rank 8");
  REFUSED(nn_build(layer, (ag_shape){1, {-1}}, &generator), "Dense: input of rank 1");
  TOO_LARGE(nn_build(layer, (ag_shape){2, {(int64_t)1 << 40, (int64_t)1 << 40}}, &generator));
  TOO_LARGE(nn_build(layer, AG_SHAPE(HUGE_SIZE), &generator));
  REFUSED(nn_forward(layer, ones(), NN_EVAL), "forward: Dense is not built");
  REFUSED(nn_input_shape(layer).rank >= 0, "input_shape: Dense is not built");
  REFUSED(nn_output_shape(layer).rank >= 0, "output_shape: Dense is not built");
  REFUSED(nn_trainable_variables(layer).items, "trainable_variables: Dense is not built");
  REFUSED_VOID(nn_set_trainable(layer, false), "Dense is not built");
  REFUSED_VOID(nn_allow_any_size(layer), "allow_any_size: Dense is not built");
  REFUSED(nn_summary(layer, stdout), "Dense is not built");
  built(layer, AG_SHAPE(3));
  REFUSED(nn_build(layer, AG_SHAPE(3), &generator), "Dense: built before");
  REFUSED(nn_forward(NULL, ones(), NN_EVAL), "forward: layer is NULL");
  REFUSED(nn_forward(layer, NULL, NN_EVAL), "Dense: input is NULL");
  REFUSED(nn_forward(layer, ag_scalar(1), NN_EVAL), "Dense: input has shape []");
  REFUSED(nn_forward(layer, ag_ones(AG_SHAPE(2, 4)), NN_EVAL), "Dense: input has shape [2, 4]");
  REFUSED(nn_forward(layer, ag_ones(AG_SHAPE(3)), NN_EVAL), "Dense: input has shape [3]");
  ACCEPTED(nn_forward(layer, ag_zeros(AG_SHAPE(0, 3)), NN_EVAL));
  REFUSED(nn_input_shape(NULL).rank >= 0, "input_shape: layer is NULL");
  REFUSED(nn_output_shape(NULL).rank >= 0, "output_shape: layer is NULL");
  REFUSED(nn_trainable_variables(NULL).items, "trainable_variables: layer is NULL");
  REFUSED(nn_variables(NULL).items, "variables: layer is NULL");
  REFUSED_VOID(nn_set_trainable(NULL, true), "layer is NULL");
  REFUSED_VOID(nn_allow_any_size(NULL), "allow_any_size: layer is NULL");
  int count = 0;
  REFUSED_VOID(nn_each_variable(NULL, count_one, &count), "each_variable: layer is NULL");
  REFUSED_VOID(nn_each_variable(layer, NULL, NULL), "each_variable: the function is NULL");
  REFUSED_VOID(nn_each_layer(NULL, NULL, NULL), "each_layer: layer is NULL");
  REFUSED_VOID(nn_each_layer(layer, NULL, NULL), "each_layer: the function is NULL");
  REFUSED(nn_summary(NULL, stdout), "layer is NULL");
  REFUSED(nn_summary(layer, NULL), "summary: file is NULL");
  ACCEPTED(nn_is_built(NULL));
  nn_layer_free(layer);
  check_nothing_wrong();
}

/* nn/layers.h: a layer whose options are wrong fails when it is built. */

static void refuse_to_build(nn_layer *layer, ag_shape shape, const char *text, int line) {
  if (ag_failed()) misuse_complain("making a layer", line, "it failed before its build");
  check_refused(!nn_build(layer, shape, &generator), "nn_build", text, line);
  nn_layer_free(layer);
}
#define REFUSED_BUILD(layer, shape, text) refuse_to_build(layer, shape, text, __LINE__)

static void dense_layers(void **state) {
  (void)state;
  const ag_shape three = AG_SHAPE(3);
  const nn_init no_init = {.kind = (nn_init_kind)42}, endless = {NN_NORMAL, INFINITY}, minus = {NN_NORMAL, -1};
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 0}), three, "Dense: units is 0");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = INT_MIN}), three, "Dense: units is");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2}), AG_SCALAR_SHAPE, "Dense: input has shape []");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2, .activation = (nn_activation_kind)42}), three, "Dense: ");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2, .kernel_init = no_init}), three, "initial: 42");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2, .bias_init = endless}), three, "initial: scale");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = 2, .bias_init = minus}), three, "initial: scale");
  REFUSED_BUILD(nn_dense_of((nn_dense_options){.units = INT_MAX}), AG_SHAPE((int64_t)1 << 50), "Dense: ");
  REFUSED_BUILD(nn_maxout_of((nn_maxout_options){.units = 2}), three, "Maxout: units, pieces are 2, 0");
  REFUSED_BUILD(nn_maxout_of((nn_maxout_options){.units = -1, .pieces = 2}), three, "Maxout: units, pieces");
  REFUSED_BUILD(nn_maxout_of((nn_maxout_options){.units = 2, .pieces = 2}), AG_SCALAR_SHAPE, "Maxout: input");
  REFUSED_BUILD(nn_maxout_of((nn_maxout_options){.units = INT_MAX, .pieces = INT_MAX, .no_bias = true}), three,
                "Maxout: ");
  REFUSED(nn_initial(no_init, three, 1, 1, &generator), "initial: 42");
  REFUSED(nn_initial((nn_init){0}, three, 1, 1, NULL), "rng is NULL");
  REFUSED(nn_initial((nn_init){0}, bad_rank(), 1, 1, &generator), "shape");
  REFUSED(nn_initial((nn_init){NN_NORMAL, NAN}, three, 1, 1, &generator), "initial: scale");
  TOO_LARGE(nn_initial((nn_init){NN_ZEROS, 0}, AG_SHAPE(HUGE_SIZE), 1, 1, &generator));
  REFUSED(nn_activate(NULL, NN_LINEAR), "activate: input is NULL");
  REFUSED(nn_activate(NULL, NN_RELU), "is NULL");
  REFUSED(nn_activate(ones(), (nn_activation_kind)-1), "activate: -1");
  REFUSED(nn_activate(ag_scalar(1), NN_SOFTMAX), "softmax: there is no axis");
  REFUSED_BUILD(nn_activation((nn_activation_kind)99), three, "Activation: activate: 99");
  REFUSED_BUILD(nn_leaky_relu_of((nn_leaky_relu_options){.slope = -1}), three, "LeakyReLU: slope is -1");
  REFUSED_BUILD(nn_leaky_relu_of((nn_leaky_relu_options){.slope = INFINITY}), three, "LeakyReLU: slope is inf");
  REFUSED_BUILD(nn_dropout(1), three, "Dropout: rate is 1");
  REFUSED_BUILD(nn_dropout(-0.5), three, "Dropout: rate is -0.5");
  REFUSED_BUILD(nn_dropout(NAN), three, "Dropout: rate is");
  nn_layer *dropout = built(nn_dropout(0.5), three);
  REFUSED(nn_forward(dropout, ones(), (nn_mode){.training = true}), "Dropout: dropout: rng is NULL");
  nn_layer_free(dropout);
  check_nothing_wrong();
}

static void window_layers(void **state) {
  (void)state;
  const ag_shape image = AG_SHAPE(4, 4, 1), three = AG_SHAPE(3);
  nn_layer *(*const convolutions_of[])(nn_conv2d_options) = {nn_conv2d_of, nn_conv2d_transpose_of};
  for (int i = 0; i < 2; i++) {
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 0, .kernel_size = 3}), image,
                  "filters, kernel_size, stride are 0, 3, 1");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 0}), image,
                  "filters, kernel_size, stride");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 3, .stride = -2}), image,
                  "stride are 2, 3, -2");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 3}), three,
                  "input has shape [3]");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 3, .padding = (nn_padding)5}),
                  image, "padding");
    REFUSED_BUILD(
        convolutions_of[i]((nn_conv2d_options){.filters = 2, .kernel_size = 3, .activation = (nn_activation_kind)50}),
        image, "50");
    REFUSED_BUILD(convolutions_of[i]((nn_conv2d_options){.filters = INT_MAX, .kernel_size = INT_MAX}), image,
                  "too large");
  }
  REFUSED_BUILD(nn_conv2d_of((nn_conv2d_options){.filters = 2, .kernel_size = 5}), image, "conv2d: a window of 5");
  REFUSED_BUILD(nn_conv2d_transpose_of((nn_conv2d_options){.filters = 2, .kernel_size = 3, .stride = INT_MAX}), image,
                "conv2d_transpose");
  nn_layer *(*const pools_of[])(nn_pool_options) = {nn_max_pool2d_of, nn_avg_pool2d_of};
  for (int i = 0; i < 2; i++) {
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 0}), image, "size and stride are 0 and 0");
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 2, .stride = -1}), image, "size and stride");
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 5}), image, "a window of 5");
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 2}), three, "input has shape [3]");
    REFUSED_BUILD(pools_of[i]((nn_pool_options){.size = 2, .padding = (nn_padding)5}), image, "padding");
  }
  REFUSED_BUILD(nn_upsampling2d(0), image, "UpSampling2D: factor is 0");
  REFUSED_BUILD(nn_upsampling2d(-1), image, "UpSampling2D: factor is -1");
  REFUSED_BUILD(nn_upsampling2d(2), three, "UpSampling2D: input has shape [3]");
  REFUSED_BUILD(nn_upsampling2d(INT_MAX), image, "UpSampling2D: ");
  check_nothing_wrong();
}

static void layers_of_layers(void **state) {
  (void)state;
  const ag_shape three = AG_SHAPE(3);
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){.momentum = 2}), three, "momentum is 2");
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){.momentum = NAN}), three, "momentum is");
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){.epsilon = -1}), three, "epsilon is -1");
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){.epsilon = INFINITY}), three, "epsilon is inf");
  REFUSED_BUILD(nn_batch_norm_of((nn_batch_norm_options){0}), AG_SCALAR_SHAPE, "input has shape []");
  nn_layer *norm = built(nn_batch_norm_of((nn_batch_norm_options){0}), three);
  REFUSED(nn_forward(norm, ag_zeros(AG_SHAPE(0, 3)), NN_TRAIN(&generator)), "batch_norm: x [0, 3]");
  nn_layer_free(norm);
  REFUSED_BUILD(nn_reshape_to(AG_SHAPE(2)), three, "Reshape: input of shape [3]");
  REFUSED_BUILD(nn_reshape_to(AG_SHAPE(-1, -1)), three, "Reshape: input of shape [3]");
  REFUSED_BUILD(nn_reshape_to((ag_shape){1, {-7}}), three, "Reshape: ");
  REFUSED_BUILD(nn_reshape_to(bad_rank()), three, "Reshape: shape: 100 axes");
  REFUSED_BUILD(nn_reshape_to((ag_shape){8, {1, 1, 1, 1, 1, 1, 1, 3}}), three, "Reshape: shape: 9 axes");
  REFUSED_BUILD(nn_flatten(), bad_rank(), "Flatten: input of rank 100");
  REFUSED(nn_spectral_norm(NULL), "SpectralNormalization: inner is NULL");
  REFUSED_BUILD(nn_spectral_norm(nn_flatten()), three, "Flatten has no kernel");
  nn_layer *part = nn_flatten();
  REFUSED(nn_sequential_of(0, &part), "Sequential: no layers");
  REFUSED(nn_sequential_of(2, NULL), "Sequential: no layers");
  REFUSED(nn_sequential_of(2, (nn_layer *[]){nn_flatten(), NULL}), "Sequential: layer 1 is NULL");
  REFUSED(nn_sequential_of(2, (nn_layer *[]){part, part}), "Sequential: layers 0 and 1 are the same");
  nn_layer *shared = nn_flatten(), *first = nn_sequential_of(1, &shared);
  REFUSED(nn_sequential_of(1, &shared), "part of two layers");
  nn_layer_free(first);
  check_nothing_wrong();
}

/* nn/optimizer.h */

static void refuse_optimizer(nn_optimizer *optimizer, const char *text, int line) {
  check_refused(!optimizer, "making an optimizer", text, line);
  nn_optimizer_free(optimizer);
}
#define REFUSED_OPTIMIZER(optimizer, text) refuse_optimizer(optimizer, text, __LINE__)

static void optimizer_options(void **state) {
  (void)state;
  const double wrong_rates[] = {-1, NAN, INFINITY}, wrong_shares[] = {-0.1, 1, 2, NAN};
  for (size_t i = 0; i < sizeof wrong_rates / sizeof *wrong_rates; i++) {
    const double rate = wrong_rates[i];
    REFUSED_OPTIMIZER(nn_sgd_of((nn_sgd_options){.learning_rate = rate}), "sgd: learning_rate");
    REFUSED_OPTIMIZER(nn_rmsprop_of((nn_rmsprop_options){.learning_rate = rate}), "rmsprop: learning_rate");
    REFUSED_OPTIMIZER(nn_rmsprop_of((nn_rmsprop_options){.epsilon = rate}), "rmsprop: epsilon");
    REFUSED_OPTIMIZER(nn_adam_of((nn_adam_options){.learning_rate = rate}), "adam: learning_rate");
    REFUSED_OPTIMIZER(nn_adam_of((nn_adam_options){.epsilon = rate}), "adam: epsilon");
    REFUSED_OPTIMIZER(nn_adamw_of((nn_adam_options){.weight_decay = rate}), "adamw: weight_decay");
  }
  for (size_t i = 0; i < sizeof wrong_shares / sizeof *wrong_shares; i++) {
    const double share = wrong_shares[i];
    REFUSED_OPTIMIZER(nn_sgd_of((nn_sgd_options){.momentum = share}), "momentum");
    REFUSED_OPTIMIZER(nn_rmsprop_of((nn_rmsprop_options){.rho = share}), "rho");
    REFUSED_OPTIMIZER(nn_adam_of((nn_adam_options){.beta1 = share}), "beta1");
    REFUSED_OPTIMIZER(nn_adamw_of((nn_adam_options){.beta2 = share}), "beta2");
  }
  REFUSED_OPTIMIZER(nn_adam_of((nn_adam_options){.weight_decay = 0.1}), "weight_decay is an option of adamw");
  check_nothing_wrong();
}

static void optimizer_steps(void **state) {
  (void)state;
  nn_optimizer *adam = nn_adam_of((nn_adam_options){0});
  ag_tensor *v = ag_variable(ones()), *g = ones(), *with_null[] = {NULL};
  const ag_list vs = AG_LIST(v), gs = AG_LIST(g), null_inside = {1, with_null};
  REFUSED(nn_apply_gradients(NULL, vs, gs), "apply_gradients: optimizer is NULL");
  REFUSED(nn_apply_gradients(adam, nothing(), nothing()), "adam");
  REFUSED(nn_apply_gradients(adam, nothing(), gs), "adam: 0 variables, but 1 gradients");
  REFUSED(nn_apply_gradients(adam, vs, nothing()), "adam: 1 variables, but 0 gradients");
  REFUSED(nn_apply_gradients(adam, (ag_list){1, NULL}, gs), "adam");
  REFUSED(nn_apply_gradients(adam, vs, (ag_list){1, NULL}), "adam");
  REFUSED(nn_apply_gradients(adam, null_inside, gs), "adam: variable 0 is NULL");
  REFUSED(nn_apply_gradients(adam, vs, null_inside), "adam: none of 1 variables has a gradient");
  REFUSED(nn_apply_gradients(adam, gs, gs), "no trainable variable");
  REFUSED(nn_apply_gradients(adam, vs, AG_LIST(ag_scalar(1))), "adam: variable 0 has shape [2, 3]");
  REFUSED(nn_apply_gradients(adam, AG_LIST(v, v), AG_LIST(g, g)), "adam: variables 0 and 1 are the same");
  for (size_t i = 0; i < ag_size(v); i++) assert_true(ag_data(v)[i] == 1); /* none of these took a step */
  REFUSED(nn_set_learning_rate(NULL, 1), "set_learning_rate: optimizer is NULL");
  REFUSED(nn_set_learning_rate(adam, -1), "adam: learning_rate is -1");
  REFUSED(nn_set_learning_rate(adam, NAN), "adam: learning_rate");
  REFUSED(!isnan(nn_learning_rate(NULL)), "learning_rate: optimizer is NULL");
  REFUSED(nn_clip_by_global_norm(nothing(), 1, NULL).items, "clip_by_global_norm: gradients is NULL");
  REFUSED(nn_clip_by_global_norm(gs, 0, NULL).items, "clip_by_global_norm: norm is 0");
  REFUSED(nn_clip_by_global_norm(gs, -1, NULL).items, "clip_by_global_norm: norm is -1");
  REFUSED(nn_clip_by_global_norm(gs, NAN, NULL).items, "clip_by_global_norm: norm");
  REFUSED(nn_clip_by_global_norm(gs, INFINITY, NULL).items, "clip_by_global_norm: norm is inf");
  REFUSED(nn_clip_by_global_norm(AG_LIST(ag_scalar(NAN)), 1, NULL).items, "the gradients' norm is");
  ACCEPTED(nn_clip_by_global_norm(null_inside, 1, NULL));
  ACCEPTED(nn_optimizer_free(NULL));
  nn_optimizer_free(adam);
  check_nothing_wrong();
}

/* nn/safetensors.h */

static void ignore_metadata(const char *key, const char *value, void *context) {
  (void)key, (void)value, (void)context;
}

static void saving_and_loading(void **state) {
  (void)state;
  nn_layer *layer = built(nn_dense_of((nn_dense_options){.units = 2}), AG_SHAPE(3)), *unbuilt = nn_flatten();
  const nn_named_layer good = {.name = "layer", .layer = layer}, no_name = {.layer = layer},
                       no_layer = {.name = "layer"};
  const nn_named_layer not_built = {.name = "layer", .layer = unbuilt}, twice[] = {good, good};
  const char *path = "/nonexistent/folder/file.safetensors";
  REFUSED(nn_save(NULL, 1, &good, NULL), "");
  REFUSED(nn_save(path, 1, NULL, NULL), "");
  REFUSED(nn_save(path, 1, &no_name, NULL), "");
  REFUSED(nn_save(path, 1, &no_layer, NULL), "");
  REFUSED(nn_save(path, 1, &not_built, NULL), "");
  REFUSED(nn_save(path, 2, twice, NULL), "");
  REFUSED(nn_save(path, 1, &good, (const char *[]){"key", NULL}), "");
  REFUSED(nn_save(path, 1, &good, NULL), "");
  REFUSED(nn_save("", 1, &good, NULL), "");
  REFUSED(nn_load(NULL, 1, &good), "");
  REFUSED(nn_load(path, 1, NULL), "");
  REFUSED(nn_load(path, 1, &no_name), "");
  REFUSED(nn_load(path, 1, &no_layer), "");
  REFUSED(nn_load(path, 1, &not_built), "");
  REFUSED(nn_load(path, 1, &good), "");
  REFUSED(nn_load("/", 1, &good), "");
  nn_file file = {0};
  REFUSED(nn_file_create(NULL, path), "nn_file_create");
  REFUSED(nn_file_create(&file, NULL), "nn_file_create");
  REFUSED(nn_file_create(&file, "/dev/null/nowhere"), "/dev/null/nowhere");
  REFUSED(nn_file_close(NULL, true), "nn_file_close");
  REFUSED(nn_file_close(&file, true), "nn_file_close");
  REFUSED(nn_file_rename(NULL, path), "nn_file_rename");
  REFUSED(nn_file_rename(path, NULL), "nn_file_rename");
  REFUSED(nn_file_rename("/dev/null/nowhere", path), "/dev/null/nowhere");
  REFUSED(nn_each_metadata(NULL, ignore_metadata, NULL), "");
  REFUSED(nn_each_metadata(path, NULL, NULL), "");
  REFUSED(nn_each_metadata(path, ignore_metadata, NULL), "");
  REFUSED(nn_read_metadata(NULL, "key"), "");
  REFUSED(nn_read_metadata(path, NULL), "");
  REFUSED(nn_read_metadata(path, "key"), "");
  nn_layer_free(unbuilt);
  nn_layer_free(layer);
  check_nothing_wrong();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(layers_of_ones_own),
      TEST(layers_in_use),
      TEST(dense_layers),
      TEST(window_layers),
      TEST(layers_of_layers),
      TEST(optimizer_options),
      TEST(optimizer_steps),
      TEST(saving_and_loading),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  printf("%d wrong calls of nn refused or passed over as documented\n", misuse.calls);
  return failed;
}
