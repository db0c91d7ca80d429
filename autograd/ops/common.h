/* What the families of ops share. Private to ops/. */
#pragma once

#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/typed.h"

enum { AG_DROP_ALL = AG_DROP_INPUTS | AG_DROP_OUTPUT };

/* Records "<op>: shapes <a> and <b>, but <expected>". Returns NULL. */
void *ag_fail_shapes(const char *op, ag_shape a, ag_shape b, const char *expected);

/* The axis counted from the front; -1 and an error when the shape has no such axis. */
int ag_resolve_axis(const char *op, ag_shape shape, int axis);
/* The product of the sizes of axes first ... last - 1. */
size_t ag_sizes_product(ag_shape shape, int first, int last);

/* The shape that both broadcast to; false when there is none. */
bool ag_broadcast_shapes(ag_shape a, ag_shape b, ag_shape *result);
/* Whether one shape broadcasts to the other; an error when not. */
bool ag_broadcasts_to(const char *op, ag_shape from, ag_shape to);
/* A grid over the elements of a shape; ag_grid_lay sets one operand's strides: those of a tensor broadcast to it. */
kernel_grid ag_grid(ag_shape shape);
void ag_grid_lay(kernel_grid *grid, int operand, ag_shape shape);

/* Applies an op whose forward is ag_zip_forward: one elementwise kernel of two inputs, with its p and q. */
ag_tensor *ag_zip_apply(const ag_op *op, kernel_zip f, ag_tensor *a, ag_tensor *b, double p, double q);
ag_tensor *ag_zip_forward(ag_node *node);

/* The windows of height x width over images [N, H, W, C]. False and an error where none fit or a stride is below 1. */
bool ag_windows_over(const char *op, ag_shape images, int64_t height, int64_t width, ag_window window,
                     kernel_windows *windows);

/* How the kernels compute products at a precision, or at the one it falls back to. */
kernel_arithmetic ag_arithmetic(ag_precision precision);
