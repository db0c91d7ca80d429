/* Loops over raw memory. They know no tensor, take no memory and cannot fail; the caller has checked sizes. How a
 * result is computed depends on sizes alone, so that the bits do not depend on the number of threads.
 *
 * The same sources (kernels/cpu.c includes them all) are compiled once for each kind of CPU and each type of number; a
 * table of functions stands for each result. All arrays are row-major; names in [] are sizes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KERNEL_MAX_RANK = 8 };

/* y = f(x), with parameters p and q where named */
typedef enum {
  KERNEL_SCALE,      /* p x */
  KERNEL_ADD_SCALAR, /* x + p */
  KERNEL_SQUARE,
  KERNEL_SQRT,
  KERNEL_EXP,
  KERNEL_LOG,
  KERNEL_RECIPROCAL,
  KERNEL_ABS,
  KERNEL_SIGN,
  KERNEL_POW_SCALAR, /* x^p */
  KERNEL_CLIP,       /* to [p, q] */
  KERNEL_LEAKY_RELU, /* x > 0 ? x : p x */
  KERNEL_SIGMOID,
  KERNEL_TANH,
  KERNEL_SOFTPLUS,
} kernel_map;

/* y = f(a, b) */
typedef enum {
  KERNEL_ADD,
  KERNEL_ADD_LEAKY_RELU, /* leaky_relu(a + b), slope p */
  KERNEL_SUB,
  KERNEL_MUL,
  KERNEL_DIV,
  KERNEL_POW,
  KERNEL_MAXIMUM, /* NaN where either is */
  KERNEL_MINIMUM,
  KERNEL_EQUAL,
  KERNEL_NOT_EQUAL,
  KERNEL_LESS,
  KERNEL_LESS_EQUAL,
  KERNEL_GREATER,
  KERNEL_GREATER_EQUAL,
  KERNEL_LEAKY_GATE,            /* b > 0 ? a : p a */
  KERNEL_CLIP_GATE,             /* p <= b <= q ? a : 0 */
  KERNEL_SIGMOID_CROSS_ENTROPY, /* max(b, 0) - a b + log(1 + exp(-|b|)) */
} kernel_zip;

typedef enum { KERNEL_SUM, KERNEL_MAX } kernel_reduction;

/* How the elements of up to three operands lie: element (i0, i1, ...) is at sum(i * stride); a stride of 0 broadcasts.
 */
typedef struct {
  int rank;
  size_t sizes[KERNEL_MAX_RANK];
  ptrdiff_t strides[3][KERNEL_MAX_RANK];
} kernel_grid;

/* The products engine: out[o][i][j] = sum over the pairs (a, b) of o, and over k, of A[a][i][k] * B[b][j][k].
 * Convolutions, their gradients and matrix products are all of this form. pairs of slot o: pair[start[o]] ...
 * pair[start[o+1]-1]. */
typedef struct {
  uint32_t a, b;
} kernel_pair;
typedef struct {
  size_t slots;
  const size_t *start; /* [slots + 1] */
  const kernel_pair *pair;
} kernel_pairs;

/* How products are computed: in the type itself; from floats rounded to bfloat16 and summed in float; or from floats
 * written as two bfloat16 halves, three products of halves each, with a relative error near 4e-6. Infinities among the
 * halves give NaN, and what is smaller than 2^-126 counts as 0. Doubles are always computed in double. */
typedef enum { KERNEL_NATIVE, KERNEL_BF16X3, KERNEL_BF16 } kernel_arithmetic;

/* Windows of a pooling or convolution over images [n, h, w, c] -> [n, oh, ow, c]: input row = output row * stride + tap
 * - pad. */
typedef struct {
  size_t n, h, w, c, oh, ow, kh, kw, stride_h, stride_w, pad_h, pad_w;
} kernel_windows;

/* The parts of a convolution: its images, its outputs, and the taps of its kernel. */
typedef enum { KERNEL_INPUTS, KERNEL_OUTPUTS, KERNEL_TAPS, KERNEL_PARTS } kernel_conv_part;

#define KERNEL_REAL float
#define KERNEL_TYPED(name) name##_f32
#include "autograd/kernels/table.h"
#undef KERNEL_REAL
#undef KERNEL_TYPED
#define KERNEL_REAL double
#define KERNEL_TYPED(name) name##_f64
#include "autograd/kernels/table.h"
#undef KERNEL_REAL
#undef KERNEL_TYPED

/* Threads of the calling thread's kernels from now on; 0: as many as the CPU has. */
void kernel_set_threads(int threads);
int kernel_get_threads(void);

/* The kinds of CPU that were compiled in and that this CPU can run, best first, by name ("avx512", "avx2", "portable");
 * NULL past the end. */
const char *kernel_cpu_name(size_t index);
const char *kernel_cpu_in_use(void);
/* Uses the named kind from now on, on all threads (NULL: the best). False when there is none of that name. At first use
 * the environment variable DUALTAPE_CPU names it; a name that is none is passed over. */
bool kernel_force_cpu(const char *name);

/* Whether products in bfloat16 are fast here: whether the kernels in use have a unit for them (AMX), for which the
 * system's leave is asked at the first call. Where they are not, they are computed all the same, slower than floats. */
bool kernel_bf16_is_fast(void);
/* Leaves that unit unused, and says that products in bfloat16 are fast: for tests of the portable path. */
void kernel_emulate_bf16(bool on);
/* The unit, for the kernels that use it. */
bool kernel_amx(void);
