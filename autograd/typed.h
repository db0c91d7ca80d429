/* The kernels for ag_real. Not installed. */
#pragma once

#include "autograd/kernels/kernels.h"
#include "autograd/tensor.h"

#ifdef AG_DOUBLE
typedef kernel_table_f64 ag_kernel_table;
typedef kernel_operand_f64 ag_kernel_operand;
typedef kernel_product_f64 ag_kernel_product;
typedef kernel_batch_norm_f64 ag_kernel_batch_norm;
typedef kernel_convolution_f64 ag_kernel_convolution;
static inline const ag_kernel_table *ag_kernels(void) { return kernels_f64(); }
#else
typedef kernel_table_f32 ag_kernel_table;
typedef kernel_operand_f32 ag_kernel_operand;
typedef kernel_product_f32 ag_kernel_product;
typedef kernel_batch_norm_f32 ag_kernel_batch_norm;
typedef kernel_convolution_f32 ag_kernel_convolution;
static inline const ag_kernel_table *ag_kernels(void) { return kernels_f32(); }
#endif
