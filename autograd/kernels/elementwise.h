/* fill, map, zip, where. A function is chosen once a piece; each has a loop of its own. */

static void fill_piece(size_t n, real value, real *y) {
  for (size_t i = 0; i < n; i++) y[i] = value;
}

static void fill(size_t n, double value, real *y) {
  if (n <= PIECE) {
    fill_piece(n, (real)value, y);
    return;
  }
#pragma omp parallel for schedule(static) if (n >= PARALLEL)
  for (size_t i = 0; i < n; i += PIECE) fill_piece(smaller(PIECE, n - i), (real)value, y + i);
}

/* x^y with the special cases of C (appendix F). Of floats in double, so that its errors vanish when it is rounded. */
#ifdef KERNEL_IS_DOUBLE
INLINE real power(real x, real y) { return pow(x, y); }
#else
INLINE real power(real x, real y) {
  const double base = x, exponent = y, half = 0.5 * exponent, size = fabs(base);
  const bool whole = floor(exponent) == exponent, odd = whole && floor(half) != half;
  const double log_of = whole || size == INFINITY ? size : base; /* NaN where that is negative */
  double result = exponent == 2 ? base * base : exp_f64(exponent * log_f64(log_of));
  result = log_of == 1 ? 1 : result;
  result = exponent == 0 ? 1 : result;
  return (real)(odd ? copysign(result, base) : result);
}
#endif

INLINE real map_one(kernel_map f, real x, real p, real q) {
  switch (f) {
  case KERNEL_SCALE: return p * x;
  case KERNEL_ADD_SCALAR: return x + p;
  case KERNEL_SQUARE: return x * x;
  case KERNEL_SQRT: return sqrt(x);
  case KERNEL_EXP: return TYPED(exp)(x);
  case KERNEL_LOG: return TYPED(log)(x);
  case KERNEL_RECIPROCAL: return 1 / x;
  case KERNEL_ABS: return fabs(x);
  case KERNEL_SIGN: return x > 0 ? 1 : x < 0 ? -1 : x;
  case KERNEL_POW_SCALAR: return power(x, p);
  case KERNEL_CLIP: return x < p ? p : x > q ? q : x;
  /* with a slope of 0, all that is negative gives 0: not -0, nor NaN for -inf */
  case KERNEL_LEAKY_RELU: return x > 0 ? x : p == 0 && x <= 0 ? 0 : p * x;
  case KERNEL_SIGMOID: return TYPED(sigmoid)(x);
  case KERNEL_TANH: return TYPED(tanh)(x);
  case KERNEL_SOFTPLUS: return TYPED(softplus)(x);
  }
  return x;
}

INLINE void map_loop(kernel_map f, size_t n, const real *x, real p, real q, real *y) {
  for (size_t i = 0; i < n; i++) y[i] = map_one(f, x[i], p, q);
}

static void power_loop(size_t n, const real *x, real p, real *y) {
  if (p == 1) map_loop(KERNEL_SCALE, n, x, 1, 0, y);
  else if (p == -1) map_loop(KERNEL_RECIPROCAL, n, x, p, 0, y);
  else if (p == 2) map_loop(KERNEL_SQUARE, n, x, p, 0, y);
  else if (p == 3)
    for (size_t i = 0; i < n; i++) y[i] = x[i] * x[i] * x[i];
  else map_loop(KERNEL_POW_SCALAR, n, x, p, 0, y);
}

static void map_piece(kernel_map f, size_t n, const real *x, real p, real q, real *y) {
#define LOOP(f) case f: map_loop(f, n, x, p, q, y); break
  switch (f) {
    LOOP(KERNEL_SCALE);
    LOOP(KERNEL_ADD_SCALAR);
    LOOP(KERNEL_SQUARE);
    LOOP(KERNEL_SQRT);
    LOOP(KERNEL_EXP);
    LOOP(KERNEL_LOG);
    LOOP(KERNEL_RECIPROCAL);
    LOOP(KERNEL_ABS);
    LOOP(KERNEL_SIGN);
    case KERNEL_POW_SCALAR: power_loop(n, x, p, y); break;
    LOOP(KERNEL_CLIP);
    LOOP(KERNEL_LEAKY_RELU);
    LOOP(KERNEL_SIGMOID);
    LOOP(KERNEL_TANH);
    LOOP(KERNEL_SOFTPLUS);
  }
#undef LOOP
}

static void map(kernel_map f, size_t n, const real *x, double p, double q, real *y) {
  if (n <= PIECE) {
    map_piece(f, n, x, (real)p, (real)q, y);
    return;
  }
#pragma omp parallel for schedule(static) if (n >= PARALLEL)
  for (size_t i = 0; i < n; i += PIECE) map_piece(f, smaller(PIECE, n - i), x + i, (real)p, (real)q, y + i);
}

INLINE real zip_one(kernel_zip f, real a, real b, real p, real q) {
  switch (f) {
  case KERNEL_ADD: return a + b;
  case KERNEL_ADD_LEAKY_RELU: return map_one(KERNEL_LEAKY_RELU, a + b, p, q);
  case KERNEL_SUB: return a - b;
  case KERNEL_MUL: return a * b;
  case KERNEL_DIV: return a / b;
  case KERNEL_POW: return power(a, b);
  case KERNEL_MAXIMUM: return ((a > b) | (a != a)) ? a : b;
  case KERNEL_MINIMUM: return ((a < b) | (a != a)) ? a : b;
  case KERNEL_EQUAL: return a == b;
  case KERNEL_NOT_EQUAL: return a != b;
  case KERNEL_LESS: return a < b;
  case KERNEL_LESS_EQUAL: return a <= b;
  case KERNEL_GREATER: return a > b;
  case KERNEL_GREATER_EQUAL: return a >= b;
  case KERNEL_LEAKY_GATE: return b > 0 ? a : p == 0 ? 0 : p * a;
  case KERNEL_CLIP_GATE: return ((p <= b) & (b <= q)) ? a : 0;
  case KERNEL_SIGMOID_CROSS_ENTROPY:
    return ((b > 0 ? b : 0) - a * b) + TYPED(log1p_unit)(TYPED(exp)(-fabs(b)));
  }
  return a;
}

INLINE void zip_loop(kernel_zip f, size_t n, const real *a, ptrdiff_t step_a, const real *b, ptrdiff_t step_b, real p,
                     real q, real *y, ptrdiff_t step_y) {
#pragma omp simd /* y may be a or b itself */
  for (size_t i = 0; i < n; i++) {
    ptrdiff_t at = (ptrdiff_t)i;
    y[at * step_y] = zip_one(f, a[at * step_a], b[at * step_b], p, q);
  }
}

/* Each function, for a switch that leaves it a loop of its own. */
#define EACH_ZIP(LOOP) \
  LOOP(KERNEL_ADD) LOOP(KERNEL_ADD_LEAKY_RELU) LOOP(KERNEL_SUB) LOOP(KERNEL_MUL) LOOP(KERNEL_DIV) LOOP(KERNEL_POW) \
  LOOP(KERNEL_MAXIMUM) LOOP(KERNEL_MINIMUM) LOOP(KERNEL_EQUAL) LOOP(KERNEL_NOT_EQUAL) LOOP(KERNEL_LESS) \
  LOOP(KERNEL_LESS_EQUAL) LOOP(KERNEL_GREATER) LOOP(KERNEL_GREATER_EQUAL) LOOP(KERNEL_LEAKY_GATE) \
  LOOP(KERNEL_CLIP_GATE) LOOP(KERNEL_SIGMOID_CROSS_ENTROPY)

/* One row, or all of a tensor, where both operands lie densely. */
static void zip_dense(kernel_zip f, size_t n, const real *a, const real *b, real p, real q, real *y) {
#define LOOP(f) case f: zip_loop(f, n, a, 1, b, 1, p, q, y, 1); break;
  switch (f) { EACH_ZIP(LOOP) }
#undef LOOP
}

INLINE void zip_rows(kernel_zip f, const grid_layout *l, grid_block at, const real *a, const real *b, real p, real q,
                     real *y) {
  const ptrdiff_t step_a = l->strides[0][0], step_b = l->strides[1][0], step_y = l->strides[2][0];
  a += at.offset[0], b += at.offset[1], y += at.offset[2];
  for (size_t i = 0; i < at.rows; i++, a += l->strides[0][1], b += l->strides[1][1], y += l->strides[2][1]) {
    if (step_a == 1 && step_b == 1 && step_y == 1)
      zip_dense(f, at.columns, a, b, p, q, y);
    else if (step_a == 1 && step_b == 0 && step_y == 1)
      zip_loop(f, at.columns, a, 1, b, 0, p, q, y, 1);
    else if (step_a == 0 && step_b == 1 && step_y == 1)
      zip_loop(f, at.columns, a, 0, b, 1, p, q, y, 1);
    else
      zip_loop(f, at.columns, a, step_a, b, step_b, p, q, y, step_y);
  }
}

static void zip_block(kernel_zip f, const grid_layout *l, grid_block at, const real *a, const real *b, real p, real q,
                      real *y) {
#define LOOP(f) case f: zip_rows(f, l, at, a, b, p, q, y); break;
  for (; at.planes > 0; at.planes--, next_plane(l, &at))
    switch (f) { EACH_ZIP(LOOP) }
#undef LOOP
}

static void zip(kernel_zip f, const kernel_grid *grid, const real *a, const real *b, double p, double q, real *y) {
  if (grid->rank == 1 && grid->strides[0][0] == 1 && grid->strides[1][0] == 1 && grid->strides[2][0] == 1) {
    const size_t n = grid->sizes[0];
    if (n <= PIECE) {
      zip_dense(f, n, a, b, (real)p, (real)q, y);
      return;
    }
#pragma omp parallel for schedule(static) if (n >= PARALLEL)
    for (size_t i = 0; i < n; i += PIECE)
      zip_dense(f, smaller(PIECE, n - i), a + i, b + i, (real)p, (real)q, y + i);
    return;
  }
  const grid_layout l = layout_of(grid, 3, false);
  if (l.blocks == 1) {
    zip_block(f, &l, block_at(&l, 0), a, b, (real)p, (real)q, y);
    return;
  }
#pragma omp parallel for schedule(static) if (l.elements >= PARALLEL)
  for (size_t i = 0; i < l.blocks; i++) zip_block(f, &l, block_at(&l, i), a, b, (real)p, (real)q, y);
}

INLINE void where_loop(size_t n, const real *c, ptrdiff_t step_c, const real *a, ptrdiff_t step_a, const real *b,
                       ptrdiff_t step_b, real *y) {
  for (size_t i = 0; i < n; i++) {
    ptrdiff_t at = (ptrdiff_t)i;
    y[i] = c[at * step_c] != 0 ? a[at * step_a] : b[at * step_b];
  }
}

static void where_rows(const grid_layout *l, grid_block at, const real *c, const real *a, const real *b, real *y) {
  const ptrdiff_t step_c = l->strides[0][0], step_a = l->strides[1][0], step_b = l->strides[2][0];
  c += at.offset[0], a += at.offset[1], b += at.offset[2], y += at.offset[3];
  for (size_t i = 0; i < at.rows; i++) {
    if (step_c == 1 && step_a == 1 && step_b == 1)
      where_loop(at.columns, c, 1, a, 1, b, 1, y);
    else
      where_loop(at.columns, c, step_c, a, step_a, b, step_b, y);
    c += l->strides[0][1], a += l->strides[1][1], b += l->strides[2][1], y += l->strides[3][1];
  }
}

static void where_block(const grid_layout *l, grid_block at, const real *c, const real *a, const real *b, real *y) {
  for (; at.planes > 0; at.planes--, next_plane(l, &at)) where_rows(l, at, c, a, b, y);
}

static void where(const kernel_grid *grid, const real *condition, const real *a, const real *b, real *y) {
  const grid_layout l = layout_of(grid, 3, true);
  if (l.blocks == 1) {
    where_block(&l, block_at(&l, 0), condition, a, b, y);
    return;
  }
#pragma omp parallel for schedule(static) if (l.elements >= PARALLEL)
  for (size_t i = 0; i < l.blocks; i++) where_block(&l, block_at(&l, i), condition, a, b, y);
}
