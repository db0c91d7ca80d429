/* All kernels for one kind of CPU and one type of number, and the table of them. The build compiles this file once for
 * each: KERNEL_CPU is portable, avx2 or avx512 (with the compiler options to match); KERNEL_IS_DOUBLE is defined for
 * double. */
#include "autograd/kernels/kernels.h"

#include <string.h>
#include <tgmath.h>

#ifdef _OPENMP
#include <omp.h>
#elif defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#endif

#ifdef KERNEL_IS_DOUBLE
typedef double real;
#define TYPED(name) name##_f64
#else
typedef float real;
#define TYPED(name) name##_f32
#endif
typedef TYPED(kernel_operand) operand;
typedef TYPED(kernel_table) table;

/* Inlined wherever it is called, so that constant arguments leave a loop of their own. */
#define INLINE static inline __attribute__((always_inline))

/* Work of at least PARALLEL elements is given to all threads, in pieces of about PIECE elements: large enough to be
 * worth the trip, small enough for the nearest caches. A parallel region costs something even on one thread, so what is
 * a single piece goes without. */
enum { PARALLEL = 32768, PIECE = 8192 };

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static inline size_t pieces_of(size_t n, size_t size) { return (n + size - 1) / size; }

/* clang-format off: the order matters */
#include "autograd/kernels/elementary.h"
#define ELEMENTARY_DOUBLE
#include "autograd/kernels/elementary.h"
#include "autograd/kernels/grid.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/copy.h"
#include "autograd/kernels/totals.h"
#include "autograd/kernels/largest.h"
#include "autograd/kernels/reduce.h"
#include "autograd/kernels/gather.h"
#include "autograd/kernels/products.h"
#include "autograd/kernels/patches.h"
#include "autograd/kernels/convolution.h"
#include "autograd/kernels/pool.h"
#include "autograd/kernels/batch_norm.h"
#include "autograd/kernels/random.h"
#include "autograd/kernels/optimizer.h"
/* clang-format on */

#define PASTE(prefix, cpu) prefix##_##cpu
#define TABLE_NAME(prefix, cpu) PASTE(prefix, cpu)
#define QUOTE(cpu) #cpu
#define CPU_NAME(cpu) QUOTE(cpu)

extern const table TABLE_NAME(TYPED(kernels), KERNEL_CPU);
const table TABLE_NAME(TYPED(kernels), KERNEL_CPU) = {
    .cpu = CPU_NAME(KERNEL_CPU),
    .fill = fill,
    .map = map,
    .zip = zip,
    .where = where,
    .copy = copy,
    .reduce = reduce,
    .argmax = argmax,
    .gather = gather,
    .scatter = scatter,
    .products_workspace = products_workspace,
    .products = products,
    .convolution_workspace = convolution_workspace,
    .convolution = convolve,
    .max_pool = max_pool,
    .pool_gather = pool_gather,
    .pool_scatter = pool_scatter,
    .avg_pool = avg_pool,
    .avg_pool_transpose = avg_pool_transpose,
    .batch_moments = batch_moments,
    .batch_normalize = batch_normalize,
    .batch_sums = batch_sums,
    .batch_norm_backward = batch_norm_backward,
    .uniform = uniform,
    .normal = normal,
    .dropout = dropout,
    .sgd = sgd,
    .rmsprop = rmsprop,
    .adam = adam,
};
