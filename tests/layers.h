/* What the suites of layers share: variables found by name, input values, layers that build or refuse to. */
#pragma once

#include "tests/check.h"

#include <stdio.h>

#include "nn/nn.h"

typedef struct {
  const char *wanted;
  ag_tensor *found;
} search;

static inline void match_name(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  (void)is_buffer;
  search *s = context;
  if (strcmp(name, s->wanted) == 0) s->found = variable;
}

static inline ag_tensor *named(nn_layer *layer, const char *name) {
  search s = {name, NULL};
  nn_each_variable(layer, match_name, &s);
  assert_non_null(s.found);
  return s.found;
}

/* Values in [-1, 1] that differ from place to place. */
static inline double wave(size_t i, double phase) { return sin(1.7 * (double)i + phase); }

static inline ag_tensor *waves(ag_shape shape, double phase) {
  ag_real *values;
  ag_tensor *tensor = ag_make(shape, &values);
  assert_non_null(tensor);
  for (size_t i = 0; i < ag_size(tensor); i++) values[i] = (ag_real)wave(i, phase);
  return tensor;
}

static inline void set(nn_layer *layer, const char *name, const ag_tensor *value) {
  assert_true(ag_assign(named(layer, name), value));
}

#define NUMBERS(shape, ...) ag_from(shape, (ag_real[]){__VA_ARGS__})

static inline void build(nn_layer *layer, ag_shape input) {
  ag_rng rng = ag_rng_seed(1);
  if (!nn_build(layer, input, &rng)) print_error("%s\n", ag_error_message());
  assert_true(nn_is_built(layer));
}

static inline void assert_shape(ag_shape actual, ag_shape expected) {
  assert_string_equal(ag_shape_print(actual).text, ag_shape_print(expected).text);
}

/* Builds, expects the sentence to hold the text, and frees. */
static inline void assert_refused(nn_layer *layer, ag_shape input, ag_error_code code, const char *text) {
  ag_rng rng = ag_rng_seed(1);
  assert_non_null(layer);
  assert_false(nn_build(layer, input, &rng));
  assert_error(code, text);
  assert_false(nn_is_built(layer));
  nn_layer_free(layer);
}

static inline void assert_summary(nn_layer *layer, const char *expected) {
  char text[4096] = "";
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_true(nn_summary(layer, file));
  rewind(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  assert_string_equal(text, expected);
}
