/* Tensors: shape, storage, construction, reading, printing. Values lie row-major and never change, except a variable's.
 * A tensor belongs to the scope that is open when it is made (autograd/scope.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "autograd/error.h"

/* ag_real is float, or double in the twin library (pkg-config dualtape-double defines AG_DOUBLE). The reference below
 * makes a program that mixes one's header with the other's library fail at link time. */
#ifdef AG_DOUBLE
typedef double ag_real;
#define AG_REAL_LINK_CHECK ag_library_is_double
#else
typedef float ag_real;
#define AG_REAL_LINK_CHECK ag_library_is_float
#endif
extern const char AG_REAL_LINK_CHECK;
#if defined(__GNUC__)
__attribute__((used)) static const char *const ag_real_link_check = &AG_REAL_LINK_CHECK;
#endif

#define AG_MAX_RANK 8

/* A shape by value: sizes from the outermost axis to the innermost. Rank 0 is a scalar; a negative rank marks a shape
 * that could not be made, which every function refuses. */
typedef struct {
  int rank;
  int64_t sizes[AG_MAX_RANK];
} ag_shape;

#define AG_SHAPE(...) ag_shape_make((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
#define AG_SCALAR_SHAPE ((ag_shape){.rank = 0})

/* More than AG_MAX_RANK sizes, a negative one or an overflowing product: an error, and a shape that is refused. -1 may
 * stand where a function says so (ag_reshape); making a tensor refuses it. */
ag_shape ag_shape_make(int rank, const int64_t *sizes);
bool ag_shape_equal(ag_shape a, ag_shape b);
/* Elements of a valid shape: the product of its sizes, 1 for a scalar. */
size_t ag_shape_size(ag_shape shape);
/* The shape's text, "[2, 3]", in a buffer that holds any shape. */
typedef struct {
  char text[AG_MAX_RANK * 22 + 4];
} ag_shape_text;
ag_shape_text ag_shape_print(ag_shape shape);

typedef struct ag_tensor ag_tensor;

/* Some tensors; `items` belongs to the scope that was open when the list was made. An entry may be NULL (an unconnected
 * gradient). After an error a list is {0, NULL}. */
typedef struct {
  size_t count;
  ag_tensor **items;
} ag_list;

/* AG_LIST(a, b): copied into the current scope, so it may outlive the block that wrote it. */
#define AG_LIST(...) \
  ag_list_make(sizeof((ag_tensor *[]){__VA_ARGS__}) / sizeof(ag_tensor *), (ag_tensor *[]){__VA_ARGS__})
ag_list ag_list_make(size_t count, ag_tensor *const *items);

/* Construction. NULL and an error: an invalid shape, no memory, no scope open. */
ag_tensor *ag_scalar(double value);
ag_tensor *ag_full(ag_shape shape, double value);
ag_tensor *ag_zeros(ag_shape shape);
ag_tensor *ag_ones(ag_shape shape);
/* 0, 1, ... count-1 as a vector; at most 2^24 of them in float, 2^53 in double, which are exact. */
ag_tensor *ag_arange(int64_t count);
/* A copy of ag_shape_size(shape) values. */
ag_tensor *ag_from(ag_shape shape, const ag_real *values);
/* A tensor of values not yet set: the caller fills in *values, before anybody else sees it. */
ag_tensor *ag_make(ag_shape shape, ag_real **values);

/* Reading. ag_data is valid as long as the tensor, and a variable's until its next assignment. */
ag_shape ag_shape_of(const ag_tensor *tensor);
size_t ag_size(const ag_tensor *tensor);
const ag_real *ag_data(const ag_tensor *tensor);
/* The value of a tensor with one element; NaN and an error for any other. */
double ag_item(const ag_tensor *tensor);
/* Shape and values to 6 digits; of an axis longer than 8 the first and last 3. */
void ag_print(const ag_tensor *tensor, FILE *file);

/* A variable: a copy of `initial` that ag_assign may change and that every tape watches by itself when it is read.
 * It belongs to the current scope; layers retain theirs. */
ag_tensor *ag_variable(const ag_tensor *initial);
bool ag_is_variable(const ag_tensor *tensor); /* of NULL: false */
/* A variable that is not trainable is watched only when asked for (moving averages, a frozen network). */
void ag_set_trainable(ag_tensor *variable, bool trainable);
bool ag_is_trainable(const ag_tensor *variable); /* of NULL or of no variable: false */
/* Gives the variable a new value of the same shape. What was recorded, detached or computed before keeps the old
 * one; a pointer of ag_data does not. False and an error when the shapes differ or it is no variable; the variable is
 * then unchanged. Not recorded. */
bool ag_assign(ag_tensor *variable, const ag_tensor *value);
/* The variable's values, to be written at once: in place where nobody else holds them, a fresh copy otherwise. Once it
 * is read again (by an op, ag_detach), ask anew: a write would change what was recorded. For optimizers. NULL and an
 * error without memory, or for what is no variable. */
ag_real *ag_variable_data(ag_tensor *variable);
/* The same value as a constant: no gradient flows through it. Shares the buffer. */
ag_tensor *ag_detach(const ag_tensor *tensor);
