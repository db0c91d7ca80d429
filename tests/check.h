/* What the suites share. Each TEST runs in a scope of its own and must leave no error and no tensor memory in use. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "autograd/autograd.h"

#define TEST(test) cmocka_unit_test_setup_teardown(test, check_enter, check_leave)

static ag_scope *check_scope;
static size_t check_memory;

static inline int check_enter(void **state) {
  (void)state;
  ag_error_clear();
  check_memory = ag_memory_in_use();
  check_scope = ag_scope_enter();
  return check_scope == NULL;
}

static inline int check_leave(void **state) {
  (void)state;
  bool clean = !ag_failed();
  if (!clean) print_error("left pending: %s\n", ag_error_message());
  ag_error_clear();
  ag_scope_leave(check_scope);
  if (ag_memory_in_use() == check_memory) return clean ? 0 : -1;
  print_error("%zu bytes in use, %zu before the test\n", ag_memory_in_use(), check_memory);
  return -1;
}

/* Enough for a few roundings of values near 1. */
static inline bool check_close(double actual, double expected) {
  double tolerance = sizeof(ag_real) == sizeof(float) ? 1e-5 : 1e-12;
  return actual == expected || fabs(actual - expected) <= tolerance * (1 + fabs(expected));
}

static inline void check_values(const ag_tensor *tensor, ag_shape shape, const double *expected, size_t count,
                                const char *file, int line) {
  if (!tensor) {
    print_error("the tensor is NULL; %s\n", ag_failed() ? ag_error_message() : "no error is pending");
    _fail(file, line);
    return;
  }
  if (!ag_shape_equal(ag_shape_of(tensor), shape) || count != ag_size(tensor)) {
    print_error("shape %s, expected %s and %zu values\n", ag_shape_print(ag_shape_of(tensor)).text,
                ag_shape_print(shape).text, count);
    _fail(file, line);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    if (check_close((double)ag_data(tensor)[i], expected[i])) continue;
    print_error("element %zu is %.17g, expected %.17g\n", i, (double)ag_data(tensor)[i], expected[i]);
    _fail(file, line);
    return;
  }
}

static inline void check_error(ag_error_code code, const char *text, const char *file, int line) {
  if (ag_error_kind() != code || !strstr(ag_error_message(), text)) {
    print_error("error %d \"%s\", expected %d with \"%s\"\n", ag_error_kind(), ag_error_message(), code, text);
    _fail(file, line);
  }
  ag_error_clear();
}

#define assert_values(tensor, shape, ...)                                                                          \
  check_values(tensor, shape, (double[]){__VA_ARGS__}, sizeof((double[]){__VA_ARGS__}) / sizeof(double), __FILE__, \
               __LINE__)
/* A scalar. */
#define assert_value(tensor, ...) assert_values(tensor, AG_SCALAR_SHAPE, __VA_ARGS__)
/* NULL that is no error: an unconnected gradient. */
#define assert_unconnected(tensor) \
  do {                             \
    assert_null(tensor);           \
    assert_false(ag_failed());     \
  } while (0)
/* The pending error is of this kind and its sentence holds this text; clears it. */
#define assert_error(code, text) check_error(code, text, __FILE__, __LINE__)
