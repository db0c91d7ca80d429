/* Layers, ops, second derivatives, optimizers and a whole DCGAN step, held against what PyTorch computes:
 * tools/golden.py wrote tests/golden/. Cases have the same names here and there, and inputs are a formula of these. */
#include "tests/check.h"

#include <stdlib.h>

#include "nn/nn.h"

#define TOLERANCE 1e-9
#define SEED 0x0123456789abcdefull

enum { BATCH = 3, ENTRIES = 8, NAME = 80, LINE = 512, MAX_TENSORS = 16 };

/* ---- The formula: splitmix64 number i of the stream that starts at the FNV-1a hash of the name, in [-1, 1) ---- */

static uint64_t stream_of(const char *name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
  return hash;
}

static double hashed(uint64_t stream, size_t i) {
  uint64_t z = stream + (i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return (double)(z >> 11) * 0x1p-52 - 1;
}

/* The scale is a power of two, so that only the sum rounds. */
static ag_tensor *made(const char *case_name, const char *name, ag_shape shape, double offset, double scale) {
  char full_name[2 * NAME];
  snprintf(full_name, sizeof full_name, "%s/%s", case_name, name);
  uint64_t stream = stream_of(full_name);
  ag_real *values;
  ag_tensor *tensor = ag_make(shape, &values);
  for (size_t i = 0; tensor && i < ag_size(tensor); i++) values[i] = (ag_real)(offset + scale * hashed(stream, i));
  return tensor;
}

/* ---- The files: one line a tensor ---- */

typedef struct {
  FILE *file;
  size_t rows, compared, wrong;
} golden;

static golden golden_open(const char *path) {
  golden g = {.file = fopen(path, "r")};
  if (!g.file) fail_msg("cannot read %s", path);
  for (char line[LINE]; fgets(line, sizeof line, g.file);) g.rows += line[0] != '#';
  return g;
}

static void golden_close(golden *g) {
  fclose(g->file);
  assert_int_equal(g->wrong, 0);
  assert_int_equal(g->compared, g->rows);
}

/* What follows the name in its row; NULL when there is no such row. */
static char *find_row(golden *g, const char *name, char *line) {
  size_t length = strlen(name);
  rewind(g->file);
  while (fgets(line, LINE, g->file))
    if (!strncmp(line, name, length) && line[length] == ' ') return line + length + 1;
  return NULL;
}

static ag_shape read_shape(char **text) {
  ag_shape shape = AG_SCALAR_SHAPE;
  if (!strncmp(*text, "scalar", 6)) *text += 6;
  else
    for (;; ++*text) {
      shape.sizes[shape.rank++] = strtol(*text, text, 10);
      if (**text != ',' || shape.rank == AG_MAX_RANK) break;
    }
  return shape;
}

static void compare_number(golden *g, const char *name, const char *what, double actual, double expected,
                           double scale) {
  if (fabs(actual - expected) <= TOLERANCE * fmax(fabs(expected), scale)) return;
  print_error("%s: %s is %.17g, expected %.17g\n", name, what, actual, expected);
  g->wrong++;
}

/* Sums may cancel, and entries be small by chance: both are held relative to the size of the whole. */
static void compare_values(golden *g, const char *name, const ag_tensor *tensor, char *row) {
  const ag_real *values = ag_data(tensor);
  size_t n = ag_size(tensor);
  uint64_t weights = stream_of("weights");
  double squares = 0, sum = 0, weighted = 0;
  for (size_t i = 0; i < n; i++) {
    squares += (double)values[i] * (double)values[i];
    sum += (double)values[i];
    weighted += (double)values[i] * hashed(weights, i);
  }
  double norm = strtod(row, &row), typical = norm / sqrt((double)n);
  compare_number(g, name, "2-norm", sqrt(squares), norm, 0);
  compare_number(g, name, "sum", sum, strtod(row, &row), norm);
  compare_number(g, name, "weighted sum", weighted, strtod(row, &row), norm);
  for (size_t i = 0; i < ENTRIES; i++)
    compare_number(g, name, "an entry", (double)values[i * (n - 1) / (ENTRIES - 1)], strtod(row, &row), typical);
}

static void compare(golden *g, const char *case_name, const char *prefix, const char *name, const ag_tensor *tensor) {
  char full_name[3 * NAME], line[LINE];
  snprintf(full_name, sizeof full_name, "%s/%s%s", case_name, prefix, name);
  char *row = find_row(g, full_name, line);
  g->compared++;
  ag_shape shape = row ? read_shape(&row) : AG_SCALAR_SHAPE;
  if (row && tensor && ag_shape_equal(ag_shape_of(tensor), shape)) {
    compare_values(g, full_name, tensor, row);
    return;
  }
  g->wrong++;
  if (!row) print_error("%s: not in the file\n", full_name);
  else if (!tensor) print_error("%s: NULL; %s\n", full_name, ag_error_message());
  else
    print_error("%s: shape %s, expected %s\n", full_name, ag_shape_print(ag_shape_of(tensor)).text,
                ag_shape_print(shape).text);
}

/* ---- Named tensors ---- */

typedef struct {
  size_t count;
  char names[MAX_TENSORS][NAME];
  ag_tensor *items[MAX_TENSORS];
} named_tensors;

static void append(named_tensors *tensors, const char *prefix, const char *name, ag_tensor *tensor) {
  assert_true(tensors->count < MAX_TENSORS);
  snprintf(tensors->names[tensors->count], NAME, "%s%s", prefix, name);
  tensors->items[tensors->count++] = tensor;
}

static ag_list list_of(const named_tensors *tensors) { return ag_list_make(tensors->count, tensors->items); }

static void compare_all(golden *g, const char *case_name, const char *prefix, const named_tensors *tensors,
                        ag_tensor *const *values) {
  for (size_t i = 0; i < tensors->count; i++) {
    compare(g, case_name, prefix, tensors->names[i], values ? values[i] : NULL);
  }
}

/* The variables of a layer, set by the formula. */
typedef struct {
  const char *case_name, *prefix;
  double scale;
  named_tensors weights, buffers;
} variables;

static void set_variable(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  variables *v = context;
  named_tensors *tensors = is_buffer ? &v->buffers : &v->weights;
  append(tensors, v->prefix, name, variable);
  bool positive = strstr(name, "gamma") || strstr(name, "moving_variance");
  ag_assign(variable, made(v->case_name, tensors->names[tensors->count - 1], ag_shape_of(variable), positive ? 1 : 0,
                           positive ? 0.5 : v->scale));
}

static void set_variables(nn_layer *layer, variables *v) {
  nn_each_variable(layer, set_variable, v);
  ag_list trainable = nn_trainable_variables(layer);
  assert_int_equal(trainable.count, v->weights.count);
  for (size_t i = 0; i < trainable.count; i++) assert_ptr_equal(trainable.items[i], v->weights.items[i]);
}

/* ---- First derivatives ---- */

/* The gradients of sum(v * y). Stops the tape. */
static void compare_gradients(golden *g, const char *case_name, ag_tape *tape, ag_tensor *y,
                              const named_tensors *sources) {
  ag_tensor *loss = y ? ag_sum(ag_mul(made(case_name, "v", ag_shape_of(y), 0, 1), y)) : NULL;
  ag_tape_stop(tape);
  ag_list gradients = ag_gradients(tape, loss, list_of(sources));
  compare(g, case_name, "", "output", y);
  compare_all(g, case_name, "d.", sources, gradients.items);
}

static ag_shape with_batch(ag_shape shape, int64_t batch) {
  memmove(shape.sizes + 1, shape.sizes, (AG_MAX_RANK - 1) * sizeof *shape.sizes);
  shape.sizes[0] = batch;
  shape.rank++;
  return shape;
}

/* The last of so many passes in training; 0: a pass in evaluation. */
static void check_layer_after(int passes, golden *g, const char *name, nn_layer *layer, ag_shape input) {
  ag_scope *scope = ag_scope_enter();
  ag_rng rng = ag_rng_seed(SEED);
  nn_build(layer, input, &rng);
  variables v = {.case_name = name, .prefix = "", .scale = 1};
  set_variables(layer, &v);
  named_tensors sources = {0};
  ag_tensor *x = made(name, "input", with_batch(input, BATCH), 0, 4);
  append(&sources, "", "input", x);
  for (size_t i = 0; i < v.weights.count; i++) append(&sources, "", v.weights.names[i], v.weights.items[i]);

  for (int i = 1; i < passes; i++) nn_forward(layer, x, NN_TRAIN(&rng));
  rng = (ag_rng){.seed = SEED, .counter = 0xffffffff}; /* the next draw carries into the upper half */
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  ag_tensor *y = nn_forward(layer, x, passes > 0 ? NN_TRAIN(&rng) : NN_EVAL);
  compare_gradients(g, name, tape, y, &sources);
  compare_all(g, name, "", &v.buffers, v.buffers.items);
  nn_layer_free(layer);
  ag_scope_leave(scope);
}

static void check_layer(golden *g, const char *name, nn_layer *layer, ag_shape input) {
  check_layer_after(1, g, name, layer, input);
}

static void check_layer_eval(golden *g, const char *name, nn_layer *layer, ag_shape input) {
  check_layer_after(0, g, name, layer, input);
}

static void check_convolutions(golden *g) {
  static const struct {
    const char *name;
    int kernel_size, stride;
    nn_padding padding;
    int64_t height, width;
  } convolutions[] = {
      {"conv2d_valid_k3_s1", 3, 1, NN_VALID, 7, 6}, {"conv2d_valid_k4_s2", 4, 2, NN_VALID, 9, 8},
      {"conv2d_same_k3_s1", 3, 1, NN_SAME, 7, 6},   {"conv2d_same_k4_s1", 4, 1, NN_SAME, 5, 6},
      {"conv2d_same_k5_s2", 5, 2, NN_SAME, 8, 7},   {"conv2d_same_k4_s2", 4, 2, NN_SAME, 7, 8},
      {"conv2d_same_k3_s2", 3, 2, NN_SAME, 6, 9},   {"conv2d_same_k5_s3", 5, 3, NN_SAME, 10, 7},
      {"conv2d_valid_k3_s3", 3, 3, NN_VALID, 8, 9}, {"conv2d_same_k1_s2", 1, 2, NN_SAME, 5, 6},
  };
  for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++)
    check_layer(
        g, convolutions[i].name,
        nn_conv2d(3, convolutions[i].kernel_size, .stride = convolutions[i].stride, .padding = convolutions[i].padding),
        AG_SHAPE(convolutions[i].height, convolutions[i].width, 2));
  check_layer(g, "conv2d_no_bias_leaky_relu",
              nn_conv2d(3, 5, .stride = 2, .padding = NN_SAME, .no_bias = true, .activation = NN_LEAKY_RELU),
              AG_SHAPE(6, 6, 2));
}

static void check_transposed_convolutions(golden *g) {
  static const struct {
    const char *name;
    int kernel_size, stride;
    nn_padding padding;
  } convolutions[] = {
      {"conv2d_transpose_valid_k3_s1", 3, 1, NN_VALID}, {"conv2d_transpose_valid_k5_s2", 5, 2, NN_VALID},
      {"conv2d_transpose_valid_k4_s2", 4, 2, NN_VALID}, {"conv2d_transpose_same_k5_s1", 5, 1, NN_SAME},
      {"conv2d_transpose_same_k4_s1", 4, 1, NN_SAME},   {"conv2d_transpose_same_k5_s2", 5, 2, NN_SAME},
      {"conv2d_transpose_same_k4_s2", 4, 2, NN_SAME},   {"conv2d_transpose_same_k3_s2", 3, 2, NN_SAME},
      {"conv2d_transpose_same_k5_s3", 5, 3, NN_SAME},   {"conv2d_transpose_same_k2_s3", 2, 3, NN_SAME},
  };
  for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++)
    check_layer(g, convolutions[i].name,
                nn_conv2d_transpose(3, convolutions[i].kernel_size, .stride = convolutions[i].stride,
                                    .padding = convolutions[i].padding),
                AG_SHAPE(4, 3, 2));
  check_layer(g, "conv2d_transpose_no_bias_tanh",
              nn_conv2d_transpose(3, 5, .stride = 2, .padding = NN_SAME, .no_bias = true, .activation = NN_TANH),
              AG_SHAPE(3, 4, 2));
}

static void check_spectral_norms(golden *g) {
  static const struct {
    const char *name;
    int passes;
  } cases[] = {{"1", 1}, {"5", 5}, {"converged", 1000}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char name[NAME];
    int passes = cases[i].passes;
    snprintf(name, sizeof name, "spectral_norm_dense_%s", cases[i].name);
    check_layer_after(passes, g, name, nn_spectral_norm(nn_dense(5)), AG_SHAPE(4));
    snprintf(name, sizeof name, "spectral_norm_conv2d_%s", cases[i].name);
    check_layer_after(passes, g, name, nn_spectral_norm(nn_conv2d(4, 3, .stride = 2, .padding = NN_SAME)),
                      AG_SHAPE(7, 6, 2));
    snprintf(name, sizeof name, "spectral_norm_conv2d_transpose_%s", cases[i].name);
    check_layer_after(passes, g, name, nn_spectral_norm(nn_conv2d_transpose(3, 5, .stride = 2, .padding = NN_SAME)),
                      AG_SHAPE(4, 3, 2));
  }
  check_layer_eval(g, "spectral_norm_eval", nn_spectral_norm(nn_dense(5)), AG_SHAPE(4));
}

static void check_norms_and_dropouts(golden *g) {
  check_layer(g, "batch_norm", nn_batch_norm(), AG_SHAPE(7));
  check_layer(g, "batch_norm_image", nn_batch_norm(), AG_SHAPE(4, 5, 3));
  check_layer(g, "batch_norm_options", nn_batch_norm(.momentum = 0.75, .epsilon = 1e-5), AG_SHAPE(4, 5, 3));
  check_layer_eval(g, "batch_norm_eval", nn_batch_norm(), AG_SHAPE(7));
  check_layer_eval(g, "batch_norm_image_eval", nn_batch_norm(), AG_SHAPE(4, 5, 3));
  check_layer(g, "dropout", nn_dropout(0.3), AG_SHAPE(5, 7));
  check_layer(g, "two_dropouts", nn_sequential(nn_dropout(0.5), nn_dropout(0.25)), AG_SHAPE(5, 7));
  check_layer_eval(g, "dropout_eval", nn_dropout(0.3), AG_SHAPE(5, 7));
}

static void check_activations(golden *g) {
  check_layer(g, "leaky_relu", nn_leaky_relu(), AG_SHAPE(9));
  check_layer(g, "leaky_relu_slope", nn_leaky_relu(.slope = 0.2), AG_SHAPE(9));
  check_layer(g, "linear", nn_activation(NN_LINEAR), AG_SHAPE(9));
  check_layer(g, "relu", nn_activation(NN_RELU), AG_SHAPE(9));
  check_layer(g, "leaky_relu_activation", nn_activation(NN_LEAKY_RELU), AG_SHAPE(9));
  check_layer(g, "sigmoid", nn_activation(NN_SIGMOID), AG_SHAPE(9));
  check_layer(g, "tanh", nn_activation(NN_TANH), AG_SHAPE(9));
  check_layer(g, "softplus", nn_activation(NN_SOFTPLUS), AG_SHAPE(9));
  check_layer(g, "softmax", nn_activation(NN_SOFTMAX), AG_SHAPE(4, 9));
}

static void check_shapes_and_pools(golden *g) {
  check_layer(g, "reshape", nn_reshape(2, 3, 4), AG_SHAPE(4, 6));
  check_layer(g, "flatten", nn_flatten(), AG_SHAPE(4, 3, 2));
  check_layer(g, "upsampling2d", nn_upsampling2d(2), AG_SHAPE(4, 3, 2));
  check_layer(g, "max_pool2d", nn_max_pool2d(2), AG_SHAPE(6, 7, 2));
  check_layer(g, "avg_pool2d", nn_avg_pool2d(2), AG_SHAPE(6, 7, 2));
  check_layer(g, "max_pool2d_overlapping", nn_max_pool2d(3, .stride = 2), AG_SHAPE(7, 8, 2));
  check_layer(g, "avg_pool2d_overlapping", nn_avg_pool2d(3, .stride = 2), AG_SHAPE(7, 8, 2));
  check_layer(g, "max_pool2d_same", nn_max_pool2d(3, .stride = 2, .padding = NN_SAME), AG_SHAPE(7, 8, 2));
  check_layer(g, "avg_pool2d_same", nn_avg_pool2d(3, .stride = 2, .padding = NN_SAME), AG_SHAPE(7, 8, 2));
  check_layer(g, "max_pool2d_same_s1", nn_max_pool2d(2, .stride = 1, .padding = NN_SAME), AG_SHAPE(5, 4, 2));
  check_layer(g, "avg_pool2d_same_s1", nn_avg_pool2d(2, .stride = 1, .padding = NN_SAME), AG_SHAPE(5, 4, 2));
}

static void layers_agree_with_pytorch(void **state) {
  (void)state;
  golden g = golden_open(GOLDEN_DIR "/layers.txt");
  check_layer(&g, "dense", nn_dense(5), AG_SHAPE(4));
  check_layer(&g, "dense_no_bias_tanh", nn_dense(5, .no_bias = true, .activation = NN_TANH), AG_SHAPE(4));
  check_layer(&g, "dense_rank_3", nn_dense(3), AG_SHAPE(2, 4));
  check_layer(&g, "maxout", nn_maxout(3, .pieces = 4), AG_SHAPE(2, 5));
  check_convolutions(&g);
  check_transposed_convolutions(&g);
  check_spectral_norms(&g);
  check_norms_and_dropouts(&g);
  check_activations(&g);
  check_shapes_and_pools(&g);
  golden_close(&g);
}

static ag_tensor *softmax_0(ag_tensor **x) { return ag_softmax(ag_scale(x[0], 8), 0); }
static ag_tensor *softmax_last(ag_tensor **x) { return ag_softmax(ag_scale(x[0], 8), -1); }
static ag_tensor *log_softmax_1(ag_tensor **x) { return ag_log_softmax(ag_scale(x[0], 64), 1); }
static ag_tensor *log_softmax_last(ag_tensor **x) { return ag_log_softmax(ag_scale(x[0], 64), -1); }
static ag_tensor *labels_of(ag_tensor *x) { return ag_add_scalar(ag_scale(x, 0.5), 0.5); }
static ag_tensor *sigmoid_loss(ag_tensor **x) { return ag_sigmoid_cross_entropy(labels_of(x[0]), ag_scale(x[1], 64)); }
static ag_tensor *softmax_loss(ag_tensor **x) { return ag_softmax_cross_entropy(labels_of(x[0]), ag_scale(x[1], 16)); }
static ag_tensor *norm_all(ag_tensor **x) { return ag_norm(x[0], AG_ALL_AXES, false); }
static ag_tensor *norm_02(ag_tensor **x) { return ag_norm(x[0], AG_AXES(0, 2), false); }
static ag_tensor *norm_keepdims(ag_tensor **x) { return ag_norm(x[0], AG_AXES(1), true); }
static ag_tensor *matmul(ag_tensor **x) { return ag_matmul(x[0], x[1]); }
static ag_tensor *matmul_a(ag_tensor **x) { return ag_matmul_transposed(x[0], true, x[1], false); }
static ag_tensor *matmul_b(ag_tensor **x) { return ag_matmul_transposed(x[0], false, x[1], true); }
static ag_tensor *matmul_ab(ag_tensor **x) { return ag_matmul_transposed(x[0], true, x[1], true); }
static ag_tensor *gather_rows(ag_tensor **x) {
  return ag_gather(x[0], ag_from(AG_SHAPE(4), (ag_real[]){2, 0, 2, 4}), 0);
}
static ag_tensor *gather_1(ag_tensor **x) {
  return ag_gather(x[0], ag_from(AG_SHAPE(2, 3), (ag_real[]){2, 0, 2, 1, 4, 4}), 1);
}
static ag_tensor *max_all(ag_tensor **x) { return ag_max(x[0]); }
static ag_tensor *max_02(ag_tensor **x) { return ag_max_axes(x[0], AG_AXES(0, 2), false); }
static ag_tensor *max_keepdims(ag_tensor **x) { return ag_max_axes(x[0], AG_AXES(-1), true); }
static ag_tensor *conv2d(ag_tensor **x) { return ag_conv2d(x[0], x[1], (ag_window){2, 1, AG_SAME}); }
static ag_tensor *conv2d_transpose(ag_tensor **x) {
  return ag_conv2d_transpose(x[0], x[1], (ag_window){1, 2, AG_SAME});
}
static ag_tensor *max_pool(ag_tensor **x) { return ag_max_pool(x[0], 3, 2, (ag_window){2, 3, AG_SAME}); }
static ag_tensor *avg_pool(ag_tensor **x) { return ag_avg_pool(x[0], 3, 2, (ag_window){2, 1, AG_SAME}); }

typedef struct {
  const char *name;
  ag_tensor *(*f)(ag_tensor **x);
  int count;
  ag_shape shapes[2];
} op_case;

static const op_case op_cases[] = {
    {"softmax_first_axis", softmax_0, 1, {{3, {4, 3, 5}}}},
    {"softmax_last_axis", softmax_last, 1, {{3, {4, 3, 5}}}},
    {"log_softmax_middle_axis", log_softmax_1, 1, {{3, {4, 3, 5}}}},
    {"log_softmax_last_axis", log_softmax_last, 1, {{3, {4, 3, 5}}}},
    {"sigmoid_cross_entropy", sigmoid_loss, 2, {{2, {4, 6}}, {2, {4, 6}}}},
    {"softmax_cross_entropy", softmax_loss, 2, {{2, {4, 6}}, {2, {4, 6}}}},
    {"norm_all_axes", norm_all, 1, {{3, {3, 4, 5}}}},
    {"norm_two_axes", norm_02, 1, {{3, {3, 4, 5}}}},
    {"norm_keepdims", norm_keepdims, 1, {{3, {3, 4, 5}}}},
    {"matmul", matmul, 2, {{2, {3, 4}}, {2, {4, 5}}}},
    {"matmul_batch_broadcast", matmul, 2, {{4, {2, 1, 3, 4}}, {3, {3, 4, 5}}}},
    {"matmul_transpose_a", matmul_a, 2, {{2, {4, 3}}, {2, {4, 5}}}},
    {"matmul_transpose_b", matmul_b, 2, {{3, {2, 3, 4}}, {2, {5, 4}}}},
    {"matmul_transpose_both", matmul_ab, 2, {{3, {2, 4, 3}}, {3, {2, 5, 4}}}},
    {"gather_rows", gather_rows, 1, {{2, {5, 3}}}},
    {"gather_middle_axis", gather_1, 1, {{3, {3, 5, 2}}}},
    {"max_all_axes", max_all, 1, {{2, {4, 5}}}},
    {"max_axes", max_02, 1, {{3, {4, 3, 5}}}},
    {"max_keepdims", max_keepdims, 1, {{3, {4, 3, 5}}}},
    {"conv2d_oblong", conv2d, 2, {{4, {2, 7, 6, 3}}, {4, {4, 3, 3, 2}}}},
    {"conv2d_transpose_oblong", conv2d_transpose, 2, {{4, {2, 4, 3, 2}}, {4, {2, 5, 3, 2}}}},
    {"max_pool_oblong", max_pool, 1, {{4, {2, 7, 8, 3}}}},
    {"avg_pool_oblong", avg_pool, 1, {{4, {2, 7, 8, 3}}}},
};

static void check_op(golden *g, const op_case *op) {
  ag_scope *scope = ag_scope_enter();
  named_tensors inputs = {0};
  ag_tape *tape = ag_tape_start();
  for (int i = 0; i < op->count; i++) {
    const char *name = i == 0 ? "input0" : "input1";
    append(&inputs, "", name, made(op->name, name, op->shapes[i], 0, 1));
    ag_tape_watch(tape, inputs.items[i]);
  }
  compare_gradients(g, op->name, tape, op->f(inputs.items), &inputs);
  ag_scope_leave(scope);
}

static void ops_agree_with_pytorch(void **state) {
  (void)state;
  golden g = golden_open(GOLDEN_DIR "/ops.txt");
  for (size_t i = 0; i < sizeof op_cases / sizeof *op_cases; i++) check_op(&g, &op_cases[i]);
  golden_close(&g);
}

/* ---- Second derivatives: mean(score) + 10 mean((|d score / d input| - 1)^2) ---- */

static void check_penalty(golden *g, const char *name, nn_layer *critic, ag_shape input) {
  ag_scope *scope = ag_scope_enter();
  ag_rng rng = ag_rng_seed(SEED);
  nn_build(critic, input, &rng);
  variables v = {.case_name = name, .prefix = "", .scale = 0.25};
  set_variables(critic, &v);
  ag_tensor *x = made(name, "input", with_batch(input, BATCH), 0, 1);
  named_tensors sources = v.weights;
  append(&sources, "", "input", x);

  ag_tape *outer = ag_tape_start(), *inner = ag_tape_start();
  ag_tape_watch(outer, x);
  ag_tape_watch(inner, x);
  ag_tensor *score = nn_forward(critic, x, NN_TRAIN(&rng));
  ag_tape_stop(inner);
  ag_tensor *slope = ag_gradient(inner, score, x);
  ag_tensor *norms = ag_norm(ag_reshape(slope, AG_SHAPE(BATCH, (int64_t)ag_shape_size(input))), AG_AXES(1), false);
  ag_tensor *loss = ag_add(ag_mean(score), ag_scale(ag_mean(ag_square(ag_add_scalar(norms, -1))), 10));
  ag_tape_stop(outer);
  ag_list gradients = ag_gradients(outer, loss, list_of(&sources));
  compare(g, name, "", "slope", slope);
  compare(g, name, "", "loss", loss);
  compare_all(g, name, "d.", &sources, gradients.items);
  nn_layer_free(critic);
  ag_scope_leave(scope);
}

static void gradient_penalties_agree_with_pytorch(void **state) {
  (void)state;
  golden g = golden_open(GOLDEN_DIR "/second_order.txt");
  check_penalty(&g, "critic",
                nn_sequential(nn_conv2d(4, 5, .stride = 2, .padding = NN_SAME), nn_leaky_relu(), nn_conv2d(3, 3),
                              nn_leaky_relu(), nn_flatten(), nn_dense(1)),
                AG_SHAPE(8, 7, 2));
  check_penalty(
      &g, "smooth",
      nn_sequential(nn_dense(24, .no_bias = true), nn_batch_norm(), nn_activation(NN_TANH), nn_reshape(3, 4, 2),
                    nn_conv2d_transpose(3, 4, .stride = 2, .padding = NN_SAME, .no_bias = true), nn_batch_norm(),
                    nn_activation(NN_SOFTPLUS), nn_avg_pool2d(2, .stride = 1, .padding = NN_SAME),
                    nn_max_pool2d(3, .stride = 2), nn_flatten(), nn_dense(1)),
      AG_SHAPE(5));
  golden_close(&g);
}

/* ---- Optimizers: five steps, the learning rate halves after the third ---- */

static void check_optimizer(golden *g, const char *name, nn_optimizer *optimizer, double gradient_scale) {
  ag_scope *scope = ag_scope_enter();
  ag_shape shape_a = AG_SHAPE(3, 4), shape_b = AG_SHAPE(5);
  ag_list weights =
      AG_LIST(ag_variable(made(name, "a", shape_a, 0, 0x1p-6)), ag_variable(made(name, "b", shape_b, 0, 0x1p-6)));
  for (int t = 1; t <= 5; t++) {
    if (t == 4) nn_set_learning_rate(optimizer, nn_learning_rate(optimizer) / 2);
    char name_a[NAME], name_b[NAME];
    snprintf(name_a, sizeof name_a, "g%d.a", t);
    snprintf(name_b, sizeof name_b, "g%d.b", t);
    assert_true(nn_apply_gradients(
        optimizer, weights,
        AG_LIST(made(name, name_a, shape_a, 0, gradient_scale), made(name, name_b, shape_b, 0, gradient_scale))));
  }
  compare(g, name, "", "a", weights.items[0]);
  compare(g, name, "", "b", weights.items[1]);
  nn_optimizer_free(optimizer);
  ag_scope_leave(scope);
}

static void optimizers_agree_with_pytorch(void **state) {
  (void)state;
  golden g = golden_open(GOLDEN_DIR "/optimizers.txt");
  check_optimizer(&g, "sgd", nn_sgd(), 1);
  check_optimizer(&g, "sgd_momentum", nn_sgd(.learning_rate = 0.1, .momentum = 0.9), 1);
  check_optimizer(&g, "rmsprop", nn_rmsprop(), 1);
  check_optimizer(&g, "rmsprop_options", nn_rmsprop(.learning_rate = 5e-5, .rho = 0.99, .epsilon = 1e-6), 0x1p-20);
  check_optimizer(&g, "adam", nn_adam(), 1);
  check_optimizer(&g, "adam_small_gradients", nn_adam(), 0x1p-22);
  check_optimizer(&g, "adam_options", nn_adam(.learning_rate = 2e-4, .beta1 = NN_ZERO, .beta2 = 0.9, .epsilon = 1e-4),
                  0x1p-10);
  check_optimizer(&g, "adamw", nn_adamw(), 1);
  check_optimizer(&g, "adamw_options",
                  nn_adamw(.learning_rate = 1e-2, .beta1 = 0.5, .beta2 = 0.99, .epsilon = 1e-3, .weight_decay = 0.5),
                  1);
  golden_close(&g);
}

/* ---- One step of contract/dual_tape_step.c, with a batch of 4 ---- */

static nn_layer *make_generator(void) {
  return nn_sequential(
      nn_dense(7 * 7 * 256, .no_bias = true), nn_batch_norm(), nn_leaky_relu(), nn_reshape(7, 7, 256),
      nn_conv2d_transpose(128, 5, .padding = NN_SAME, .no_bias = true), nn_batch_norm(), nn_leaky_relu(),
      nn_conv2d_transpose(64, 5, .stride = 2, .padding = NN_SAME, .no_bias = true), nn_batch_norm(), nn_leaky_relu(),
      nn_conv2d_transpose(1, 5, .stride = 2, .padding = NN_SAME, .no_bias = true, .activation = NN_TANH));
}

static nn_layer *make_discriminator(void) {
  return nn_sequential(nn_conv2d(64, 5, .stride = 2, .padding = NN_SAME), nn_leaky_relu(), nn_dropout(0.3),
                       nn_conv2d(128, 5, .stride = 2, .padding = NN_SAME), nn_leaky_relu(), nn_dropout(0.3),
                       nn_flatten(), nn_dense(1));
}

static ag_tensor *cross_entropy(double label, ag_tensor *logits) {
  return ag_mean(ag_sigmoid_cross_entropy(ag_full(ag_shape_of(logits), label), logits));
}

/* Updates a network and compares gradients, new weights, and the step itself in units of the learning rate, which shows
 * errors that vanish beside the weight. */
static void compare_update(golden *g, const variables *v, ag_list gradients) {
  double rate = 1e-4;
  nn_optimizer *adam = nn_adam(.learning_rate = rate);
  ag_tensor *before[MAX_TENSORS], *steps[MAX_TENSORS];
  for (size_t i = 0; i < v->weights.count; i++) before[i] = ag_detach(v->weights.items[i]);
  nn_apply_gradients(adam, list_of(&v->weights), gradients);
  for (size_t i = 0; i < v->weights.count; i++) steps[i] = ag_scale(ag_sub(v->weights.items[i], before[i]), 1 / rate);
  compare_all(g, "dcgan", "d.", &v->weights, gradients.items);
  compare_all(g, "dcgan", "", &v->weights, v->weights.items);
  compare_all(g, "dcgan", "step.", &v->weights, steps);
  compare_all(g, "dcgan", "", &v->buffers, v->buffers.items);
  nn_optimizer_free(adam);
}

static void a_dual_tape_step_agrees_with_pytorch(void **state) {
  (void)state;
  golden g = golden_open(GOLDEN_DIR "/dcgan.txt");
  ag_rng rng = ag_rng_seed(SEED);
  nn_layer *generator = make_generator(), *discriminator = make_discriminator();
  nn_build(generator, AG_SHAPE(100), &rng);
  nn_build(discriminator, AG_SHAPE(28, 28, 1), &rng);
  variables gen = {.case_name = "dcgan", .prefix = "generator.", .scale = 0x1p-4};
  variables disc = {.case_name = "dcgan", .prefix = "discriminator.", .scale = 0x1p-4};
  set_variables(generator, &gen);
  set_variables(discriminator, &disc);
  ag_tensor *noise = made("dcgan", "noise", AG_SHAPE(4, 100), 0, 2);
  ag_tensor *images = made("dcgan", "images", AG_SHAPE(4, 28, 28, 1), 0, 1);

  rng = ag_rng_seed(SEED);
  ag_tape *gen_tape = ag_tape_start(), *disc_tape = ag_tape_start();
  ag_tensor *generated = nn_forward(generator, noise, NN_TRAIN(&rng));
  ag_tensor *real_output = nn_forward(discriminator, images, NN_TRAIN(&rng));
  ag_tensor *fake_output = nn_forward(discriminator, generated, NN_TRAIN(&rng));
  assert_non_null(real_output);
  assert_non_null(fake_output);
  ag_tensor *gen_loss = cross_entropy(1, fake_output);
  ag_tensor *disc_loss = ag_add(cross_entropy(1, real_output), cross_entropy(0, fake_output));
  ag_tape_stop(disc_tape);
  ag_tape_stop(gen_tape);
  ag_list gen_gradients = ag_gradients(gen_tape, gen_loss, list_of(&gen.weights));
  ag_list disc_gradients = ag_gradients(disc_tape, disc_loss, list_of(&disc.weights));

  compare(&g, "dcgan", "", "generated", generated);
  compare(&g, "dcgan", "", "real_output", real_output);
  compare(&g, "dcgan", "", "fake_output", fake_output);
  compare(&g, "dcgan", "", "generator.loss", gen_loss);
  compare(&g, "dcgan", "", "discriminator.loss", disc_loss);
  compare_update(&g, &gen, gen_gradients);
  compare_update(&g, &disc, disc_gradients);
  nn_layer_free(discriminator);
  nn_layer_free(generator);
  golden_close(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(layers_agree_with_pytorch),
      TEST(ops_agree_with_pytorch),
      TEST(gradient_penalties_agree_with_pytorch),
      TEST(optimizers_agree_with_pytorch),
      TEST(a_dual_tape_step_agrees_with_pytorch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
