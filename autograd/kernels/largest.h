/* The largest number and where it is: the first of equal ones, or of NaNs where there are any. Any order of comparing
 * gives the same, but for the sign of a zero. */

/* The larger, or NaN where either is. */
static inline real max_or_nan(real a, real b) { return b > a ? b : b != b ? b : a; }
static inline bool is_largest(real x, real largest) { return (x == largest) | (x != x); }

/* Joins some rows to the largest of their columns. Their number is a constant, as in totals.h. */
INLINE void max_band(size_t rows, size_t columns, size_t row_stride, const real *x, real *restrict y) {
#pragma omp simd
  for (size_t c = 0; c < columns; c++) {
    real largest = y[c];
#pragma GCC unroll 8
    for (size_t r = 0; r < rows; r++) largest = max_or_nan(largest, x[r * row_stride + c]);
    y[c] = largest;
  }
}

static void max_rows(size_t rows, size_t columns, size_t row_stride, const real *x, real *y) {
  fill_piece(columns, -INFINITY, y);
  for (; rows >= BAND; rows -= BAND, x += BAND * row_stride) max_band(BAND, columns, row_stride, x, y);
  for (; rows > 0; rows--, x += row_stride) max_band(1, columns, row_stride, x, y);
}

/* The three forms in which reduce.h asks for maxima. */
static void max_down(size_t rows, size_t columns, size_t row_stride, const real *x, bool cut, real *y) {
  if (!cut) {
    max_rows(rows, columns, row_stride, x, y);
    return;
  }
  real part[PARTS * COLUMNS];
  size_t piece = pieces_of(rows, PARTS);
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < PARTS; i++) {
    size_t begin = smaller(i * piece, rows), end = smaller(begin + piece, rows);
    max_rows(end - begin, columns, row_stride, x + begin * row_stride, part + i * COLUMNS);
  }
  max_rows(PARTS, columns, COLUMNS, part, y);
}

/* n >= LANES; what is left after whole rows of LANES is taken with some that were taken before. */
static real max_of_vector(size_t n, const real *x, bool cut) {
  real largest[LANES];
  max_down(n / LANES, LANES, LANES, x, cut, largest);
  max_band(1, LANES, LANES, x + n - LANES, largest);
#pragma GCC unroll 8
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t c = 0; c < half; c++) largest[c] = max_or_nan(largest[c], largest[c + half]);
  return largest[0];
}

static void maxima_of_short(size_t vectors, size_t n, const real *x, real *y) {
  fill_piece(vectors, -INFINITY, y);
  for (size_t i = 0; i < n; i++)
    for (size_t v = 0; v < vectors; v++) y[v] = max_or_nan(y[v], x[v * n + i]);
}

/* Where the largest first stands in each of some vectors. */
INLINE void first_largest(size_t vectors, size_t vector_stride, size_t n, size_t element_stride, const real *x,
                          const real *largest, real *y) {
  for (size_t i = n; i-- > 0;)
    for (size_t v = 0; v < vectors; v++)
      y[v] = is_largest(x[v * vector_stride + i * element_stride], largest[v]) ? (real)i : y[v];
}

static void argmax_of_short(size_t vectors, size_t n, const real *x, real *y) {
  real largest[COLUMNS];
  maxima_of_short(vectors, n, x, largest);
  first_largest(vectors, n, n, 1, x, largest, y);
}

static void argmax_down(size_t rows, size_t columns, size_t row_stride, const real *x, real *y) {
  real largest[COLUMNS];
  max_rows(rows, columns, row_stride, x, largest);
  first_largest(columns, 1, rows, row_stride, x, largest, y);
}

static bool any_largest(const real *x, real largest) {
  int any = 0;
  for (size_t k = 0; k < LANES; k++) any |= is_largest(x[k], largest);
  return any;
}

/* n >= LANES */
static real argmax_of_vector(size_t n, const real *x) {
  const real largest = max_of_vector(n, x, false);
  size_t i = 0;
  while (i + LANES <= n && !any_largest(x + i, largest)) i += LANES;
  while (!is_largest(x[i], largest)) i++;
  return (real)i;
}

/* Of one vector: where there are too few columns to go side by side. */
static real argmax_along(size_t n, size_t stride, const real *x) {
  size_t best = 0;
  for (size_t i = 1; i < n; i++) {
    const real value = x[i * stride], largest = x[best * stride];
    if (value > largest || (value != value && largest == largest)) best = i;
  }
  return (real)best;
}

static void argmax(size_t outer, size_t count, size_t inner, const real *x, real *y) {
  if (inner == 1 && count >= LANES) {
#pragma omp parallel for schedule(static) if (outer * count * inner >= PARALLEL)
    for (size_t o = 0; o < outer; o++) y[o] = argmax_of_vector(count, x + o * count);
  } else if (inner == 1) {
#pragma omp parallel for schedule(static) if (outer * count * inner >= PARALLEL)
    for (size_t o = 0; o < outer; o += COLUMNS)
      argmax_of_short(smaller(COLUMNS, outer - o), count, x + o * count, y + o);
  } else if (inner < BAND) {
#pragma omp parallel for schedule(static) if (outer * count * inner >= PARALLEL)
    for (size_t n = 0; n < outer * inner; n++)
      y[n] = argmax_along(count, inner, x + n / inner * count * inner + n % inner);
  } else {
    const size_t across = pieces_of(inner, COLUMNS);
#pragma omp parallel for schedule(static) if (outer * count * inner >= PARALLEL)
    for (size_t i = 0; i < outer * across; i++) {
      const size_t column = i % across * COLUMNS;
      const real *from = x + i / across * count * inner + column;
      argmax_down(count, smaller(COLUMNS, inner - column), inner, from, y + i / across * inner + column);
    }
  }
}
