/* Save and load: bytes against the format's description, and every way in which a file can be wrong. */
#include "tests/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/nn.h"

/* Each test works in a folder of its own, which must be empty at its end but for what it removes. */
static char folder[64];
static char path[128];

static int enter_folder(void **state) {
  strcpy(folder, "/tmp/dualtape-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  return check_enter(state);
}

static int leave_folder(void **state) {
  remove(path);
  int left = rmdir(folder);
  if (left != 0) print_error("%s is not empty\n", folder);
  return check_leave(state) || left;
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

static ag_tensor *kernel_of(nn_layer *layer) { return nn_variables(layer).items[0]; }

/* A Dense layer with kernel [2, 1] = 1.5, -2 and bias [1] = 0.25. */
static nn_layer *make_dense(void) {
  nn_layer *layer = nn_dense(1);
  ag_rng rng = ag_rng_seed(1);
  assert_true(nn_build(layer, AG_SHAPE(2), &rng));
  ag_list variables = nn_variables(layer);
  assert_true(ag_assign(variables.items[0], ag_from(AG_SHAPE(2, 1), (ag_real[]){(ag_real)1.5, -2})));
  assert_true(ag_assign(variables.items[1], ag_full(AG_SHAPE(1), 0.25)));
  return layer;
}

static void assert_untouched(nn_layer *layer) {
  assert_values(kernel_of(layer), AG_SHAPE(2, 1), 1.5, -2);
  assert_values(nn_variables(layer).items[1], AG_SHAPE(1), 0.25);
}

static bool load(nn_layer *layer) { return nn_load(path, 1, &(nn_named_layer){.name = "d", .layer = layer}); }
static bool save(nn_layer *layer) { return nn_save(path, 1, &(nn_named_layer){.name = "d", .layer = layer}, NULL); }

static size_t read_file(char *bytes, size_t room) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t size = fread(bytes, 1, room, file);
  fclose(file);
  return size;
}

static void write_bytes(const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
}

/* A file of this header, with its length before it, and these values; on a little-endian machine. */
static void write_file(const char *header, size_t length, const float *values, size_t count) {
  char bytes[2048] = {(char)(length & 255), (char)(length >> 8 & 255)};
  memcpy(bytes + 8, header, length);
  if (count > 0) memcpy(bytes + 8 + length, values, count * sizeof *values);
  write_bytes(bytes, 8 + length + count * sizeof *values);
}

/* What the format asks for */

static void the_file_is_byte_for_byte_what_the_format_says(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  for (const char *more = "12345678"; *more; more++) { /* so that the header has every length modulo 8 */
    char value[16], header[256];
    snprintf(value, sizeof value, "a \"b\"%s", more);
    const char *metadata[] = {"model", value, NULL};
    assert_true(nn_save(path, 1, &(nn_named_layer){.name = "d", .layer = layer}, metadata));
    int used = snprintf(header, sizeof header,
                        "{\"__metadata__\":{\"model\":\"a \\\"b\\\"%s\"},"
                        "\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                        "\"d.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
                        more);
    size_t length = ((size_t)used + 7) / 8 * 8; /* spaces up to the next multiple of 8 */
    unsigned char expected[512] = {(unsigned char)length};
    memset(expected + 8, ' ', length);
    memcpy(expected + 8, header, (size_t)used);
    static const unsigned char values[12] = {0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0x80, 0x3e}; /* IEEE 754 */
    memcpy(expected + 8 + length, values, sizeof values);
    char bytes[1024];
    assert_int_equal(read_file(bytes, sizeof bytes), 8 + length + sizeof values);
    assert_memory_equal(bytes, expected, 8 + length + sizeof values);
  }
  nn_layer_free(layer);
}

/* IEEE 754's edges, and the bytes that it gives them, the low one first: both zeros, the smallest and the largest
 * denormal, the smallest and the largest normal number, the float next to 1/3. */
static const float edges[] = {0.0f, -0.0f, 0x1p-149f, -0x0.fffffep-126f, -0x1p-126f, 0x1.fffffep127f, 0x1.555556p-2f};
static const unsigned char edge_bytes[] = {0,    0,    0,    0,    0,    0,    0,    0x80, 1,    0,
                                           0,    0,    0xff, 0xff, 0x7f, 0x80, 0,    0,    0x80, 0x80,
                                           0xff, 0xff, 0x7f, 0x7f, 0xab, 0xaa, 0xaa, 0x3e};
enum { EDGES = sizeof edges / sizeof *edges };

/* kernel [6, 1] and bias [1] hold the edges. */
static nn_layer *make_edges(ag_real factor) {
  nn_layer *layer = nn_dense(1);
  ag_rng rng = ag_rng_seed(1);
  assert_true(nn_build(layer, AG_SHAPE(EDGES - 1), &rng));
  ag_real values[EDGES];
  for (int i = 0; i < EDGES; i++) values[i] = factor * edges[i];
  assert_true(ag_assign(kernel_of(layer), ag_from(AG_SHAPE(EDGES - 1, 1), values)));
  assert_true(ag_assign(nn_variables(layer).items[1], ag_from(AG_SHAPE(1), &values[EDGES - 1])));
  return layer;
}

static void every_kind_of_float_is_written_and_read_as_its_bytes(void **state) {
  (void)state;
  static const char header[] =
      "{\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[6,1],\"data_offsets\":[0,24]},"
      "\"d.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[24,28]}}";
  enum { LENGTH = (sizeof header - 1 + 7) / 8 * 8 };
  unsigned char file[8 + LENGTH + sizeof edge_bytes] = {LENGTH};
  memset(file + 8, ' ', LENGTH);
  memcpy(file + 8, header, sizeof header - 1);
  memcpy(file + 8 + LENGTH, edge_bytes, sizeof edge_bytes);

  nn_layer *saved = make_edges(1), *loaded = make_edges(0);
  assert_true(save(saved));
  char bytes[1024];
  assert_int_equal(read_file(bytes, sizeof bytes), sizeof file);
  assert_memory_equal(bytes, file, sizeof file);

  write_bytes(file, sizeof file);
  assert_true(load(loaded));
  for (int i = 0; i < EDGES; i++) {
    ag_tensor *variable = nn_variables(loaded).items[i == EDGES - 1];
    ag_real value = ag_data(variable)[i == EDGES - 1 ? 0 : i];
    assert_true(value == edges[i] && signbit(value) == signbit(edges[i]));
  }
  nn_layer_free(saved);
  nn_layer_free(loaded);
}

/* Another writer may order tensors differently, add metadata and pad. */
static void a_file_of_another_writer_is_read(void **state) {
  (void)state;
  static const char header[] =
      "{ \"d.bias\" : {\"shape\":[1],\"data_offsets\":[8, 12],\"dtype\":\"F32\"},\n"
      "\"__metadata__\":{\"format\":\"pt\"},"
      "\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}      ";
  write_file(header, sizeof header - 1, (float[]){7, 8, 9}, 3);
  nn_layer *layer = make_dense();
  assert_true(load(layer));
  assert_values(kernel_of(layer), AG_SHAPE(2, 1), 7, 8);
  assert_values(nn_variables(layer).items[1], AG_SHAPE(1), 9);
  nn_layer_free(layer);
}

static nn_layer *make_network(uint64_t seed) {
  nn_layer *layer = nn_sequential(nn_conv2d(3, 2), nn_batch_norm(), nn_flatten(), nn_dense(2));
  ag_rng rng = ag_rng_seed(seed);
  assert_true(nn_build(layer, AG_SHAPE(4, 4, 1), &rng));
  for (int i = 0; i < 3; i++) {
    assert_non_null(nn_forward(layer, ag_normal(&rng, AG_SHAPE(5, 4, 4, 1), 1, 2), NN_TRAIN(&rng)));
  }
  return layer;
}

static void weights_and_buffers_of_several_layers_come_back(void **state) {
  (void)state;
  nn_named_layer saved[2] = {{.name = "generator", .layer = make_network(1)},
                             {.name = "discriminator", .layer = make_network(2)}};
  nn_named_layer loaded[2] = {{.name = "generator", .layer = make_network(3)},
                              {.name = "discriminator", .layer = make_network(4)}};
  assert_true(nn_save(path, 2, saved, NULL));
  assert_true(nn_load(path, 2, loaded));
  for (int k = 0; k < 2; k++) {
    ag_list before = nn_variables(saved[k].layer), after = nn_variables(loaded[k].layer);
    assert_int_equal(before.count, 8);
    for (size_t i = 0; i < before.count; i++) {
      for (size_t j = 0; j < ag_size(before.items[i]); j++) {
        assert_true((float)ag_data(before.items[i])[j] == (float)ag_data(after.items[i])[j]);
      }
    }
  }
  for (int k = 0; k < 2; k++) {
    nn_layer_free(saved[k].layer);
    nn_layer_free(loaded[k].layer);
  }
}

static void the_u_of_a_spectral_norm_comes_back(void **state) {
  (void)state;
  nn_layer *saved = nn_spectral_norm(nn_dense(4)), *loaded = nn_spectral_norm(nn_dense(4));
  ag_rng rng = ag_rng_seed(1);
  assert_true(nn_build(saved, AG_SHAPE(3), &rng) && nn_build(loaded, AG_SHAPE(3), &rng));
  ag_tensor *x = ag_normal(&rng, AG_SHAPE(2, 3), 0, 1);
  nn_forward(saved, x, NN_TRAIN(&rng));
  assert_true(save(saved) && load(loaded));
  for (int i = 0; i < 3; i++) { /* goes on as if never stopped */
    const ag_real *expected = ag_data(nn_forward(saved, x, NN_TRAIN(&rng)));
    assert_memory_equal(ag_data(nn_forward(loaded, x, NN_TRAIN(&rng))), expected, 8 * sizeof *expected);
  }
  nn_layer_free(saved);
  nn_layer_free(loaded);
}

static void loading_leaves_what_was_recorded(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  assert_true(save(layer));
  assert_true(ag_assign(kernel_of(layer), ag_full(AG_SHAPE(2, 1), 3)));
  ag_tensor *before = ag_detach(kernel_of(layer));
  assert_true(load(layer));
  assert_values(before, AG_SHAPE(2, 1), 3, 3);
  assert_untouched(layer);
  nn_layer_free(layer);
}

static void a_layer_without_variables_makes_an_empty_file(void **state) {
  (void)state;
  nn_layer *layer = nn_flatten();
  ag_rng rng = ag_rng_seed(1);
  assert_true(nn_build(layer, AG_SHAPE(2), &rng));
  assert_true(save(layer) && load(layer));
  nn_layer_free(layer);
}

static void metadata_is_read_by_key(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  const char *metadata[] = {"model", "dcgan", "Model", "\xc3\xa9\n", "empty", "", "wide",
                            "\xe2\x82\xac\xf0\x9f\x98\x80", NULL};
  assert_true(nn_save(path, 1, &(nn_named_layer){.name = "d", .layer = layer}, metadata));
  for (int i = 0; metadata[i]; i += 2) {
    char *value = nn_read_metadata(path, metadata[i]);
    assert_non_null(value);
    assert_string_equal(value, metadata[i + 1]);
    ag_free(value);
  }
  assert_null(nn_read_metadata(path, "missing"));
  assert_false(ag_failed());
  assert_true(load(layer));
  assert_true(save(layer));
  assert_null(nn_read_metadata(path, "model"));
  assert_false(ag_failed());
  nn_layer_free(layer);
}

/* Files that are wrong */

#define KERNEL "\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}"
/* Up to the shape of the bias. */
#define WITH_BIAS "{" KERNEL ",\"d.bias\":{\"dtype\":\"F32\",\"shape\":"
#define BIAS "\"d.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}"

#define OTHER "\"other\":{\"dtype\":\"F64\",\"shape\":[0],\"data_offsets\":[12,12]}"

static void wrong_headers_are_refused_by_name(void **state) {
  (void)state;
  static const struct {
    const char *header, *text;
  } cases[] = {
      {"{" KERNEL "}", "tensor d.bias is missing"},
      {"{}", "tensor d.kernel is missing"},
      {"{" KERNEL "," BIAS ",\"d.more\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[12,16]}}",
       "tensor d.more is not part of this model"},
      {"{" KERNEL "," BIAS "," KERNEL "}", "tensor d.kernel is there twice"},
      {"{" KERNEL "," BIAS "," OTHER "," OTHER "}", "tensor other is there twice"},
      {"{\"D.kernel\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}," BIAS "}",
       "tensor d.kernel is missing"},
      {"{" KERNEL ",\"d.bias\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,12]}}",
       "tensor d.bias is not of dtype F32"},
      {"{" KERNEL ",\"d.bias\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[8,12]}}",
       "tensor d.bias is not of dtype F32"},
      {"{" KERNEL ",\"d.bias\":{\"shape\":[1],\"data_offsets\":[8,12]}}", "tensor d.bias is not described"},
      {"{" KERNEL ",\"d.bias\":{\"dtype\":\"F32\",\"data_offsets\":[8,12]}}", "tensor d.bias is not described"},
      {WITH_BIAS "[1]}}", "tensor d.bias is not described"},
      {"{" KERNEL ",\"d.bias\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
       "tensor d.bias is not described"},
      {"{" KERNEL ",\"d.bias\":[1]}", "tensor d.bias is not described"},
      {"{" KERNEL ",\"d.bias\":null}", "tensor d.bias is not described"},
      {WITH_BIAS "[1,1],\"data_offsets\":[8,12]}}", "tensor d.bias has shape [1, 1], expected [1]"},
      {WITH_BIAS "[2],\"data_offsets\":[8,12]}}", "tensor d.bias has shape [2], expected [1]"},
      {WITH_BIAS "[1.5],\"data_offsets\":[8,12]}}", "tensor d.bias has a size that is no whole number"},
      {WITH_BIAS "[-1],\"data_offsets\":[8,12]}}", "tensor d.bias has a size that is no whole number"},
      {WITH_BIAS "[1e300],\"data_offsets\":[8,12]}}", "tensor d.bias has a size that is no whole number"},
      {WITH_BIAS "[\"1\"],\"data_offsets\":[8,12]}}", "tensor d.bias has a size that is no whole number"},
      {WITH_BIAS "[1,1,1,1,1,1,1,1,1],\"data_offsets\":[8,12]}}", "tensor d.bias has too many axes"},
      {WITH_BIAS "1,\"data_offsets\":[8,12]}}", "tensor d.bias has shape []"},
      {WITH_BIAS "{\"a\":1},\"data_offsets\":[8,12]}}", "tensor d.bias has shape"},
      {WITH_BIAS "[1],\"data_offsets\":[8]}}", "tensor d.bias has data_offsets"},
      {WITH_BIAS "[1],\"data_offsets\":[8,12,16]}}", "tensor d.bias has data_offsets"},
      {WITH_BIAS "[1],\"data_offsets\":[8.5,12.5]}}", "tensor d.bias has data_offsets"},
      {WITH_BIAS "[1],\"data_offsets\":[-4,0]}}", "tensor d.bias has data_offsets"},
      {WITH_BIAS "[1],\"data_offsets\":[12,8]}}", "tensor d.bias has data_offsets"},
      {WITH_BIAS "[1],\"data_offsets\":[4,12]}}", "tensor d.bias has data_offsets"},
      {WITH_BIAS "[1],\"data_offsets\":[12,16]}}", "tensor d.bias ends behind the end of the file"},
      {WITH_BIAS "[1],\"data_offsets\":[9007199254740988,9007199254740992]}}",
       "tensor d.bias ends behind the end of the file"},
      {WITH_BIAS "[1152921504606846976],\"data_offsets\":[8,4611686018427387912]}}",
       "tensor d.bias has a size that is no whole number up to 2^53"},
      {WITH_BIAS "[1],\"data_offsets\":[8,4611686018427387912]}}",
       "tensor d.bias has data_offsets that are no two whole numbers up to 2^53"},
      {"{\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[8,12]},"
       "\"d.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}",
       "tensor d.kernel has data_offsets that do not fit its shape"},
      {"{" KERNEL "," BIAS ",\"other\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[4,12]}}",
       "tensor other overlaps another"},
      {"{" KERNEL "," BIAS ",\"other\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[12,20]}}",
       "tensor other ends behind the end of the file"},
      {WITH_BIAS "[1],\"data_offsets\":[4,8]}}", "tensor d.bias overlaps another"},
      {"{" BIAS ",\"d.kernel\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[4,12]}}",
       "tensor d.kernel overlaps another or leaves a hole before it"},
      {"{" BIAS ",\"__metadata__\":{\"a\":1}," KERNEL "}", "__metadata__"},
      {"{" BIAS ",\"__metadata__\":\"a\"," KERNEL "}", "__metadata__"},
      {"{\"__metadata__\":{}," BIAS ",\"__metadata__\":{}," KERNEL "}", "__metadata__ is there twice"},
      {"[" KERNEL "]", "no JSON object"},
      {" {" KERNEL "," BIAS "}", "no JSON object"},
      {"{" KERNEL "," BIAS "} x", "no JSON object"},
      {"{" KERNEL "," BIAS "}\n", "no JSON object"},
      {"{" KERNEL "," BIAS, "no JSON object"},
      {"{" KERNEL "," BIAS ",}", "no JSON object"},
      {"", "no JSON object"},
  };
  nn_layer *layer = make_dense();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_file(cases[i].header, strlen(cases[i].header), (float[]){7, 8, 9}, 3);
    assert_false(load(layer));
    if (!strstr(ag_error_message(), cases[i].text)) print_error("case %zu, %s\n", i, cases[i].header);
    assert_true(strstr(ag_error_message(), path) != NULL);
    assert_error(AG_ERROR_FILE, cases[i].text);
    assert_untouched(layer);
  }
  nn_layer_free(layer);
}

static void other_dtypes_are_refused_by_name(void **state) {
  (void)state;
  static const char *const dtypes[] = {"F64", "F16", "BF16", "F8_E4M3", "I64", "I32", "U8", "BOOL", "f32", "F32 ", ""};
  nn_layer *layer = make_dense();
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
    char header[256];
    int length =
        snprintf(header, sizeof header,
                 "{" BIAS ",\"d.kernel\":{\"dtype\":\"%s\",\"shape\":[2,1],\"data_offsets\":[0,8]}}", dtypes[i]);
    write_file(header, (size_t)length, (float[]){7, 8, 9}, 3);
    assert_false(load(layer));
    assert_error(AG_ERROR_FILE, "tensor d.kernel is not of dtype F32");
    assert_untouched(layer);
  }
  nn_layer_free(layer);
}

/* JSON's \\u0000 would end the name in C, and so make it another's. */
static void names_with_a_nul_are_refused(void **state) {
  (void)state;
  static const char escaped[] =
      "{" KERNEL ",\"d.bias\\u0000x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
  static const char raw[] = "{" KERNEL ",\"d.bias\0x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
  static const char harmless[] = "{" KERNEL "," BIAS ",\"__metadata__\":{\"model\":\"a\\\\u0000\"}}";
  nn_layer *layer = make_dense();
  write_file(escaped, sizeof escaped - 1, (float[]){7, 8, 9}, 3);
  assert_false(load(layer));
  assert_error(AG_ERROR_FILE, "its header holds a NUL");
  write_file(raw, sizeof raw - 1, (float[]){7, 8, 9}, 3);
  assert_false(load(layer));
  assert_error(AG_ERROR_FILE, "its header holds a NUL");
  assert_untouched(layer);
  write_file(harmless, sizeof harmless - 1, (float[]){7, 8, 9}, 3);
  assert_true(load(layer));
  char *model = nn_read_metadata(path, "model");
  assert_string_equal(model, "a\\u0000");
  ag_free(model);
  nn_layer_free(layer);
}

/* The file of a pair of networks, of which one is wanted. */
static void tensors_under_other_names_are_passed_over(void **state) {
  (void)state;
  static const char header[] =
      "{\"other.0.table\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[12,16]}," KERNEL "," BIAS "}";
  nn_layer *layer = make_dense();
  write_file(header, sizeof header - 1, (float[]){7, 8, 9, 10}, 4);
  assert_true(load(layer));
  ag_scope *scope = ag_scope_enter();
  assert_true(ag_item(nn_variables(layer).items[1]) == 9);
  ag_scope_leave(scope);
  nn_layer_free(layer);
}

static const char good_header[] = "{" KERNEL "," BIAS "}";

static void bytes_behind_the_last_tensor_are_refused(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  write_file(good_header, sizeof good_header - 1, (float[]){7, 8, 9, 10}, 4);
  assert_false(load(layer));
  assert_error(AG_ERROR_FILE, "behind the last tensor");
  assert_untouched(layer);
  nn_layer_free(layer);
}

static void values_that_are_not_finite_are_saved_but_not_loaded(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  const float wrong[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 3; i++) {
    write_file(good_header, sizeof good_header - 1, (float[]){7, 8, wrong[i]}, 3);
    assert_false(load(layer));
    assert_error(AG_ERROR_FILE, "tensor d.bias holds a value that is not finite");
    assert_untouched(layer);
  }
  assert_true(ag_assign(kernel_of(layer), ag_full(AG_SHAPE(2, 1), NAN)));
  assert_true(save(layer));
  assert_false(load(layer));
  assert_error(AG_ERROR_FILE, "tensor d.kernel holds a value that is not finite");
  nn_layer_free(layer);
}

/* Every prefix of a good file is refused, and changes nothing. */
static void a_truncated_file_is_refused(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  assert_true(save(layer));
  char bytes[1024];
  size_t size = read_file(bytes, sizeof bytes);
  for (size_t length = 0; length < size; length++) {
    write_bytes(bytes, length);
    assert_false(load(layer));
    assert_error(AG_ERROR_FILE, path);
    assert_untouched(layer);
  }
  nn_layer_free(layer);
}

static void a_header_longer_than_the_file_takes_no_memory(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  static const unsigned char lengths[][8] = {
      {255, 255, 255, 255, 255, 255, 255, 255}, {255, 255, 255, 255, 255, 255, 255, 127}, {0, 0, 0, 0, 1}, {9}};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    char bytes[16] = {0};
    memcpy(bytes, lengths[i], 8);
    write_bytes(bytes, sizeof bytes);
    assert_false(load(layer));
    assert_error(AG_ERROR_FILE, "the length of its header");
    assert_null(nn_read_metadata(path, "model"));
    assert_error(AG_ERROR_FILE, "the length of its header");
  }
  nn_layer_free(layer);
}

static void a_file_that_cannot_be_read_is_named_with_the_reason(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  assert_false(load(layer));
  assert_error(AG_ERROR_FILE, "No such file");
  assert_false(nn_load(folder, 1, &(nn_named_layer){.name = "d", .layer = layer}));
  assert_true(strstr(ag_error_message(), folder) != NULL);
  assert_error(AG_ERROR_FILE, "directory");
  assert_null(nn_read_metadata(folder, "model"));
  assert_error(AG_ERROR_FILE, "directory");
  nn_layer_free(layer);
}

/* Calls that are wrong, and disks */

static void wrong_calls_are_refused(void **state) {
  (void)state;
  nn_layer *layer = make_dense(), *unbuilt = nn_dense(2);
  nn_named_layer twice[2] = {{.name = "d", .layer = layer}, {.name = "d", .layer = layer}};
  assert_false(nn_save(NULL, 2, twice, NULL));
  assert_error(AG_ERROR_ARGUMENT, "path");
  assert_false(nn_save(path, 2, NULL, NULL));
  assert_error(AG_ERROR_ARGUMENT, "layers");
  assert_false(nn_save(path, 2, twice, NULL));
  assert_error(AG_ERROR_ARGUMENT, "two tensors are named d.kernel");
  assert_false(nn_load(path, 2, twice));
  assert_error(AG_ERROR_ARGUMENT, "two tensors are named d.kernel");
  static const char *const nested[][2] = {{"gen", "gen.ema"}, {"gen.ema", "gen"}};
  for (int i = 0; i < 2; i++) {
    nn_named_layer pair[2] = {{.name = nested[i][0], .layer = layer}, {.name = nested[i][1], .layer = layer}};
    assert_false(nn_save(path, 2, pair, NULL));
    assert_error(AG_ERROR_ARGUMENT, "one is the other's beginning");
  }
  assert_false(nn_save(path, 1, &(nn_named_layer){.name = "d", .layer = unbuilt}, NULL));
  assert_error(AG_ERROR_ARGUMENT, "not built");
  assert_false(nn_save(path, 1, &(nn_named_layer){.name = NULL, .layer = layer}, NULL));
  assert_error(AG_ERROR_ARGUMENT, "name");
  assert_false(nn_save(path, 1, twice, (const char *[]){"a", "1", "a", "2", NULL}));
  assert_error(AG_ERROR_ARGUMENT, "two metadata values for a");
  static const char *const no_utf8[] = {"caf\xe9", "\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                        "\xe0\x80\xaf", "\xff"};
  for (size_t i = 0; i < sizeof no_utf8 / sizeof *no_utf8; i++) {
    assert_false(nn_save(path, 1, twice, (const char *[]){"a", no_utf8[i], NULL}));
    assert_error(AG_ERROR_ARGUMENT, "not UTF-8");
    assert_false(nn_save(path, 1, &(nn_named_layer){.name = no_utf8[i], .layer = layer}, NULL));
    assert_error(AG_ERROR_ARGUMENT, "not UTF-8");
  }
  assert_false(nn_save(path, 1, twice, (const char *[]){"a", NULL}));
  assert_error(AG_ERROR_ARGUMENT, "metadata");
  assert_null(nn_read_metadata(NULL, "a"));
  assert_error(AG_ERROR_ARGUMENT, "path");
  assert_null(nn_read_metadata(path, NULL));
  assert_error(AG_ERROR_ARGUMENT, "key");
  assert_int_not_equal(access(path, F_OK), 0);
  nn_layer_free(layer);
  nn_layer_free(unbuilt);
}

static void a_folder_that_cannot_be_written_is_an_error(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  char wrong[200];
  snprintf(wrong, sizeof wrong, "%s/no/model", folder);
  assert_false(nn_save(wrong, 1, &(nn_named_layer){.name = "d", .layer = layer}, NULL));
  assert_true(strstr(ag_error_message(), wrong) != NULL);
  assert_error(AG_ERROR_FILE, "No such file");
  assert_int_equal(mkdir(path, 0700), 0); /* a folder where the file should go */
  assert_false(save(layer));
  assert_error(AG_ERROR_FILE, "directory");
  assert_int_equal(rmdir(path), 0); /* and the folder around it is left empty: no temporary file */
  nn_layer_free(layer);
}

static void a_pipe_is_not_replaced_by_a_file(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_false(nn_save(path, 1, &(nn_named_layer){.name = "d", .layer = layer}, NULL));
  assert_error(AG_ERROR_FILE, "no regular file");
  struct stat status;
  assert_true(stat(path, &status) == 0 && S_ISFIFO(status.st_mode));
  nn_layer_free(layer);
}

static void a_full_disk_leaves_the_old_file(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  assert_true(save(layer));
  ag_rng rng = ag_rng_seed(1);
  nn_layer *large = nn_dense(100);
  assert_true(nn_build(large, AG_SHAPE(100), &rng));
  /* Files may not grow beyond 4096 bytes from here on. */
  struct rlimit before, limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  limit = (struct rlimit){4096, before.rlim_max};
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  bool saved = save(large);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  assert_false(saved);
  assert_error(AG_ERROR_FILE, "cannot be written: File too large");
  assert_true(load(layer));
  assert_untouched(layer);
  nn_layer_free(layer);
  nn_layer_free(large);
}

/* Two steps with gradients of some size. */
static void make_steps(nn_optimizer *optimizer, nn_layer *layer) {
  for (int i = 0; i < 2; i++) {
    ag_list weights = nn_trainable_variables(layer), gradients = nn_trainable_variables(layer);
    for (size_t k = 0; k < gradients.count; k++) gradients.items[k] = ag_full(ag_shape_of(weights.items[k]), 0.5 + i);
    assert_true(nn_apply_gradients(optimizer, weights, gradients));
  }
}

static bool save_both(nn_layer *layer, nn_optimizer *optimizer) {
  nn_named_layer parts[2] = {{.name = "d", .layer = layer},
                             {.name = "o", .layer = layer, .optimizer = optimizer}};
  return nn_save(path, 2, parts, NULL);
}

static bool load_both(nn_layer *layer, nn_optimizer *optimizer) {
  nn_named_layer parts[2] = {{.name = "d", .layer = layer},
                             {.name = "o", .layer = layer, .optimizer = optimizer}};
  return nn_load(path, 2, parts);
}

static void an_optimizer_goes_on_as_if_never_saved(void **state) {
  (void)state;
  nn_optimizer *optimizers[][2] = {{nn_adam(), nn_adam()},
                                   {nn_rmsprop(), nn_rmsprop()},
                                   {nn_sgd(.momentum = 0.9), nn_sgd(.momentum = 0.9)},
                                   {nn_sgd(), nn_sgd()}};
  for (size_t k = 0; k < sizeof optimizers / sizeof *optimizers; k++) {
    nn_layer *one = make_dense(), *two = make_dense();
    make_steps(optimizers[k][0], one);
    assert_true(save_both(one, optimizers[k][0]));
    assert_true(load_both(two, optimizers[k][1]));
    make_steps(optimizers[k][0], one);
    make_steps(optimizers[k][1], two);
    assert_memory_equal(ag_data(kernel_of(one)), ag_data(kernel_of(two)), 2 * sizeof(ag_real));
    nn_layer_free(one);
    nn_layer_free(two);
    nn_optimizer_free(optimizers[k][0]);
    nn_optimizer_free(optimizers[k][1]);
  }
}

/* Adam's moments after one step by the gradient 2: m = 0.1 * 2, v = 0.001 * 4 (Kingma and Ba 2015). */
static void moments_are_tensors_and_steps_are_text(void **state) {
  (void)state;
  nn_layer *layer = make_dense();
  nn_optimizer *optimizer = nn_adam();
  ag_list weights = nn_trainable_variables(layer);
  weights.count = 1;
  ag_tensor *gradient = ag_full(AG_SHAPE(2, 1), 2);
  assert_true(nn_apply_gradients(optimizer, weights, (ag_list){1, &gradient}));
  nn_named_layer part = {.name = "o", .layer = layer, .optimizer = optimizer};
  assert_true(nn_save(path, 1, &part, NULL));
  static const char header[] =
      "{\"__metadata__\":{\"o.kernel.step\":\"1\",\"o.bias.step\":\"0\"},"
      "\"o.kernel.moment1\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
      "\"o.kernel.moment2\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[8,16]},"
      "\"o.bias.moment1\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]},"
      "\"o.bias.moment2\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[20,24]}}";
  char bytes[1024];
  size_t size = read_file(bytes, sizeof bytes);
  assert_memory_equal(bytes + 8, header, sizeof header - 1);
  float moments[6];
  memcpy(moments, bytes + size - sizeof moments, sizeof moments);
  for (int i = 0; i < 6; i++) assert_true(check_close(moments[i], i < 2 ? 0.2 : i < 4 ? 0.004 : 0));
  nn_layer_free(layer);
  nn_optimizer_free(optimizer);
}

static void a_negative_mean_of_squares_is_refused(void **state) {
  (void)state;
  static const char header[] =
      "{\"__metadata__\":{\"o.kernel.step\":\"1\",\"o.bias.step\":\"1\"},"
      "\"o.kernel.moment1\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
      "\"o.bias.moment1\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
  nn_layer *layer = make_dense();
  nn_optimizer *rmsprop = nn_rmsprop(), *momentum = nn_sgd(.momentum = 0.9);
  write_file(header, sizeof header - 1, (float[]){1, -1, 1}, 3);
  nn_named_layer squares = {.name = "o", .layer = layer, .optimizer = rmsprop};
  assert_false(nn_load(path, 1, &squares));
  assert_error(AG_ERROR_FILE, "tensor o.kernel.moment1 holds a negative mean of squares");
  nn_named_layer velocity = {.name = "o", .layer = layer, .optimizer = momentum};
  assert_true(nn_load(path, 1, &velocity));
  write_file(header, sizeof header - 1, (float[]){1, 0, 0}, 3); /* zero is what it is before the first step */
  assert_true(nn_load(path, 1, &squares));
  nn_layer_free(layer);
  nn_optimizer_free(rmsprop);
  nn_optimizer_free(momentum);
}

static void wrong_states_of_an_optimizer_change_nothing(void **state) {
  (void)state;
  static const struct {
    const char *steps, *tensor, *reason;
  } cases[] = {
      {"\"o.kernel.step\":\"1\"", "", "o.bias.step is missing"},
      {"\"o.kernel.step\":\"-1\",\"o.bias.step\":\"1\"", "", "o.kernel.step is no whole number, or too large"},
      {"\"o.kernel.step\":\"9223372036854775808\",\"o.bias.step\":\"1\"", "",
       "o.kernel.step is no whole number, or too large"},
      {"\"o.kernel.step\":\"1.5\",\"o.bias.step\":\"1\"", "", "o.kernel.step is no whole number, or too large"},
      {"\"o.kernel.step\":\"1\",\"o.bias.step\":\"1\"",
       ",\"o.bias.step\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}", "o.bias.step is a count of steps"},
  };
  nn_layer *layer = make_dense();
  nn_optimizer *optimizer = nn_sgd();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char header[512];
    int length = snprintf(header, sizeof header, "{\"__metadata__\":{%s}%s}", cases[i].steps, cases[i].tensor);
    write_file(header, (size_t)length, NULL, 0);
    nn_named_layer part = {.name = "o", .layer = layer, .optimizer = optimizer};
    assert_false(nn_load(path, 1, &part));
    assert_error(AG_ERROR_FILE, cases[i].reason);
  }
  nn_layer_free(layer);
  nn_optimizer_free(optimizer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FILE_TEST(the_file_is_byte_for_byte_what_the_format_says),
      FILE_TEST(every_kind_of_float_is_written_and_read_as_its_bytes),
      FILE_TEST(a_file_of_another_writer_is_read),
      FILE_TEST(weights_and_buffers_of_several_layers_come_back),
      FILE_TEST(an_optimizer_goes_on_as_if_never_saved),
      FILE_TEST(moments_are_tensors_and_steps_are_text),
      FILE_TEST(a_negative_mean_of_squares_is_refused),
      FILE_TEST(wrong_states_of_an_optimizer_change_nothing),
      FILE_TEST(the_u_of_a_spectral_norm_comes_back),
      FILE_TEST(loading_leaves_what_was_recorded),
      FILE_TEST(a_layer_without_variables_makes_an_empty_file),
      FILE_TEST(metadata_is_read_by_key),
      FILE_TEST(wrong_headers_are_refused_by_name),
      FILE_TEST(other_dtypes_are_refused_by_name),
      FILE_TEST(names_with_a_nul_are_refused),
      FILE_TEST(tensors_under_other_names_are_passed_over),
      FILE_TEST(bytes_behind_the_last_tensor_are_refused),
      FILE_TEST(values_that_are_not_finite_are_saved_but_not_loaded),
      FILE_TEST(a_truncated_file_is_refused),
      FILE_TEST(a_header_longer_than_the_file_takes_no_memory),
      FILE_TEST(a_file_that_cannot_be_read_is_named_with_the_reason),
      FILE_TEST(wrong_calls_are_refused),
      FILE_TEST(a_folder_that_cannot_be_written_is_an_error),
      FILE_TEST(a_pipe_is_not_replaced_by_a_file),
      FILE_TEST(a_full_disk_leaves_the_old_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
