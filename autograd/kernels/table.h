/* The table of kernels for one type of number; included by kernels.h once for float and once for double. */

/* One operand of the products engine: element (slot, index, depth) is at values[slot * slot_stride + index *
 * index_stride + depth * depth_stride]. */
typedef struct {
  const KERNEL_REAL *values;
  size_t slots; /* how many there are */
  ptrdiff_t slot_stride, index_stride, depth_stride;
} KERNEL_TYPED(kernel_operand);

/* out[o][i][j] at out[o * slot_stride + i * row_stride + j], i < rows, j < columns; overwritten. */
typedef struct {
  kernel_arithmetic arithmetic;
  kernel_pairs pairs;
  KERNEL_TYPED(kernel_operand) a, b;
  size_t rows, columns, depth;
  KERNEL_REAL *out;
  size_t slot_stride, row_stride;
} KERNEL_TYPED(kernel_product);

/* Images [n, h, w, c], kernel [kh, kw, c, channels] and outputs [n, oh, ow, channels], of which one is computed from
 * the others: `wanted`, into result. */
typedef struct {
  kernel_windows windows;
  size_t channels;
  kernel_conv_part wanted;
  const KERNEL_REAL *values[KERNEL_PARTS];
  KERNEL_REAL *result;
  kernel_arithmetic arithmetic;
} KERNEL_TYPED(kernel_convolution);

/* Batch norm of x [rows, c] followed by leaky_relu: y = (x - mean) * scale * gamma + beta where that is above 0, else
 * slope times that. mean, scale = 1 / sqrt(variance + epsilon), gamma and beta are [c]. Slope 1 is batch norm alone. */
typedef struct {
  size_t rows, c;
  const KERNEL_REAL *x, *mean, *scale, *gamma, *beta;
  double slope;
} KERNEL_TYPED(kernel_batch_norm);

typedef struct {
  const char *cpu;

  void (*fill)(size_t n, double value, KERNEL_REAL *y);
  void (*map)(kernel_map f, size_t n, const KERNEL_REAL *x, double p, double q, KERNEL_REAL *y);
  /* y[strides 2] = f(a[strides 0], b[strides 1]); y may be a or b, lying as it does */
  void (*zip)(kernel_zip f, const kernel_grid *grid, const KERNEL_REAL *a, const KERNEL_REAL *b, double p, double q,
              KERNEL_REAL *y);
  /* y = condition != 0 ? a : b; strides 0, 1, 2 are those of condition, a and b */
  void (*where)(const kernel_grid *grid, const KERNEL_REAL *condition, const KERNEL_REAL *a, const KERNEL_REAL *b,
                KERNEL_REAL *y);
  /* to[strides 1] = from[strides 0] */
  void (*copy)(const kernel_grid *grid, const KERNEL_REAL *from, KERNEL_REAL *to);

  /* x [outer, count, inner] -> y [outer, inner]; the sum of none is 0; max needs count > 0 */
  void (*reduce)(kernel_reduction f, size_t outer, size_t count, size_t inner, const KERNEL_REAL *x, KERNEL_REAL *y);
  void (*argmax)(size_t outer, size_t count, size_t inner, const KERNEL_REAL *x, KERNEL_REAL *y);

  /* x [outer, count, inner] -> y [outer, picks, inner] with y[o][i] = x[o][index[i]]; indices are whole and in range */
  void (*gather)(size_t outer, size_t count, size_t inner, size_t picks, const KERNEL_REAL *index, const KERNEL_REAL *x,
                 KERNEL_REAL *y);
  /* its transpose: y [outer, count, inner] gets y[o][index[i]] += x[o][i] in order of i */
  void (*scatter)(size_t outer, size_t count, size_t inner, size_t picks, const KERNEL_REAL *index,
                  const KERNEL_REAL *x, KERNEL_REAL *y);

  /* workspace: products_workspace() bytes, 64-byte aligned */
  size_t (*products_workspace)(const KERNEL_TYPED(kernel_product) *of);
  void (*products)(const KERNEL_TYPED(kernel_product) *of, void *workspace);
  /* workspace: convolution_workspace() bytes, 64-byte aligned. Fewer than 2^32 pixels and taps. */
  size_t (*convolution_workspace)(const KERNEL_TYPED(kernel_convolution) *of);
  void (*convolution)(const KERNEL_TYPED(kernel_convolution) *of, void *workspace);

  /* y [n, oh, ow, c]: the largest of each window, and which: its tap (row * kw + column), the first of equal ones */
  void (*max_pool)(const kernel_windows *windows, const KERNEL_REAL *x, KERNEL_REAL *y, KERNEL_REAL *which);
  /* y [n, oh, ow, c] = x at the taps `which`; and its transpose, x [n, h, w, c] = sum of y there */
  void (*pool_gather)(const kernel_windows *windows, const KERNEL_REAL *x, const KERNEL_REAL *which, KERNEL_REAL *y);
  void (*pool_scatter)(const kernel_windows *windows, const KERNEL_REAL *y, const KERNEL_REAL *which, KERNEL_REAL *x);
  /* the mean of the taps inside the image; and its transpose */
  void (*avg_pool)(const kernel_windows *windows, const KERNEL_REAL *x, KERNEL_REAL *y);
  void (*avg_pool_transpose)(const kernel_windows *windows, const KERNEL_REAL *y, KERNEL_REAL *x);

  /* mean and biased variance of x [rows, c], each [c] */
  void (*batch_moments)(size_t rows, size_t c, const KERNEL_REAL *x, KERNEL_REAL *mean, KERNEL_REAL *variance);
  void (*batch_normalize)(const KERNEL_TYPED(kernel_batch_norm) *norm, KERNEL_REAL *y);
  /* Of the cotangents g of y, or what leaky_relu leaves of them: sum_g[c] = sum over rows of g; sum_gx[c] = sum over
   * rows of g * (x - mean) * scale */
  void (*batch_sums)(const KERNEL_TYPED(kernel_batch_norm) *norm, const KERNEL_REAL *g, KERNEL_REAL *sum_g,
                     KERNEL_REAL *sum_gx);
  /* dx = gamma * scale * (g - sum_g / rows - (x - mean) * scale * sum_gx / rows), with that g */
  void (*batch_norm_backward)(const KERNEL_TYPED(kernel_batch_norm) *norm, const KERNEL_REAL *g,
                              const KERNEL_REAL *sum_g, const KERNEL_REAL *sum_gx, KERNEL_REAL *dx);

  /* Random numbers of draw `counter` of `seed`: element i is word i % 4 of the Philox block i / 4. */
  void (*uniform)(uint64_t seed, uint64_t counter, size_t n, double low, double high, KERNEL_REAL *y);
  void (*normal)(uint64_t seed, uint64_t counter, size_t n, double mean, double deviation, KERNEL_REAL *y);
  /* y = uniform < rate ? 0 : x / (1 - rate) */
  void (*dropout)(uint64_t seed, uint64_t counter, double rate, size_t n, const KERNEL_REAL *x, KERNEL_REAL *y);

  /* Optimizer steps, in place; g is the gradient, the rest state of the weights w. */
  void (*sgd)(size_t n, double rate, double momentum, const KERNEL_REAL *g, KERNEL_REAL *velocity, KERNEL_REAL *w);
  void (*rmsprop)(size_t n, double rate, double rho, double epsilon, const KERNEL_REAL *g, KERNEL_REAL *square,
                  KERNEL_REAL *w);
  /* m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w = w - decay w - rate m / (sqrt(v) + epsilon) */
  void (*adam)(size_t n, double rate, double beta1, double beta2, double epsilon, double decay, const KERNEL_REAL *g,
               KERNEL_REAL *m, KERNEL_REAL *v, KERNEL_REAL *w);
} KERNEL_TYPED(kernel_table);

/* The table in use on this CPU; the same on all threads. */
const KERNEL_TYPED(kernel_table) *KERNEL_TYPED(kernels)(void);
