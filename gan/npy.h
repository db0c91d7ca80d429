/* Arrays in NumPy's .npy files (numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
#pragma once

#include "autograd/autograd.h"

/* Float32 in NumPy's format 1.0, in the shape of the tensor, of rank 1 to 4; [N, H, W, 1] becomes [N, H, W]. The file
 * is whole or not there; false and an error otherwise. */
bool gan_npy_write(const char *path, const ag_tensor *array);
/* An array of rank 1 to 4 of little-endian float32 or float64 in C order, of format 1.0, 2.0 or 3.0, in its own shape.
 * Strict: NULL and an error for anything else, a size of 0, a file that ends early or goes on after the array. */
ag_tensor *gan_npy_read(const char *path);
