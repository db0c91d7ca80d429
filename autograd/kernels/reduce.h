/* Sums down the columns of a matrix [rows, columns], in double. All sums of the library but those of products, and of
 * what is scattered, are so: a long vector is summed as LANES interleaved ones. Where the matrix is large and there is
 * little else to share out, rows are cut into PARTS parts, which are summed on all threads and added up in order; sizes
 * alone decide. */

enum { COLUMNS = 128, LANES = 32, BAND = 4, PARTS = 32 };

typedef enum { TOTAL_SUM, TOTAL_MAX, TOTAL_MOMENTS, TOTAL_NORM } total_kind;

typedef struct {
  total_kind kind;
  size_t rows, columns; /* columns: at most COLUMNS */
  size_t row_stride;
  const real *x;
  const real *mean;                 /* a number a column: what TOTAL_MOMENTS and TOTAL_NORM subtract */
  const real *g;                    /* for TOTAL_NORM: the cotangents, laid out as x is */
  const real *scale, *gamma, *beta; /* and numbers a column, which tell where g is multiplied by the slope */
  real slope;
} total_terms;

INLINE real normalized(real x, real mean, real scale, real gamma, real beta) {
  return (x - mean) * scale * gamma + beta;
}

/* One or two totals a column. */
typedef struct {
  double first[COLUMNS], second[COLUMNS];
} totals;

static inline real max_or_nan(real a, real b) { return ((b > a) | (b != b)) ? b : a; }
static inline double joined(total_kind kind, double a, double b) {
  return kind == TOTAL_MAX ? max_or_nan((real)a, (real)b) : a + b;
}

/* Adds the terms of some rows, from `row` on, to the totals of their columns. Their number is a constant, so that the
 * loop over columns vectorises and a total is read and written once for all of them. */
INLINE void total_band(total_kind kind, size_t rows, const total_terms *t, size_t row, totals *restrict to) {
  const bool both = kind == TOTAL_MOMENTS || kind == TOTAL_NORM;
  const size_t stride = t->row_stride;
  const real slope = t->slope;
  const real *x = t->x + row * stride, *g = kind == TOTAL_NORM ? t->g + row * stride : NULL;
  for (size_t c = 0; c < t->columns; c++) {
    double first = to->first[c], second = both ? to->second[c] : 0;
    const double mean = both ? t->mean[c] : 0;
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++) {
      const double value = x[r * stride + c];
      if (!both) first = joined(kind, first, value);
      if (kind == TOTAL_MOMENTS) first += value - mean, second += (value - mean) * (value - mean);
      if (kind == TOTAL_NORM) {
        const real y = normalized(x[r * stride + c], t->mean[c], t->scale[c], t->gamma[c], t->beta[c]);
        const real whole = g[r * stride + c], scaled = slope * whole;
        const double gated = y > 0 ? whole : scaled;
        first += gated, second += gated * (value - mean);
      }
    }
    to->first[c] = first;
    if (both) to->second[c] = second;
  }
}

INLINE void total_rows(total_kind kind, const total_terms *t, size_t begin, size_t end, totals *to) {
  for (size_t c = 0; c < t->columns; c++) to->first[c] = kind == TOTAL_MAX ? -INFINITY : 0, to->second[c] = 0;
  size_t row = begin;
  for (; row + BAND <= end; row += BAND) total_band(kind, BAND, t, row, to);
  for (; row < end; row++) total_band(kind, 1, t, row, to);
}

static void total_part(const total_terms *t, size_t begin, size_t end, totals *to) {
  switch (t->kind) {
    case TOTAL_SUM: total_rows(TOTAL_SUM, t, begin, end, to); break;
    case TOTAL_MAX: total_rows(TOTAL_MAX, t, begin, end, to); break;
    case TOTAL_MOMENTS: total_rows(TOTAL_MOMENTS, t, begin, end, to); break;
    case TOTAL_NORM: total_rows(TOTAL_NORM, t, begin, end, to); break;
  }
}

/* Whether `matrices` matrices are better cut into parts than shared out whole. */
static bool cut_into_parts(size_t matrices, size_t rows, size_t columns) {
  return matrices < PARTS / 2 && rows >= PARTS && rows * columns >= PARALLEL;
}

static void total(const total_terms *t, bool cut, totals *to) {
  if (!cut) {
    total_part(t, 0, t->rows, to);
    return;
  }
  totals part[PARTS];
  size_t rows = pieces_of(t->rows, PARTS);
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < PARTS; i++)
    total_part(t, smaller(i * rows, t->rows), smaller((i + 1) * rows, t->rows), &part[i]);
  *to = part[0];
  for (size_t i = 1; i < PARTS; i++) {
    for (size_t c = 0; c < t->columns; c++) {
      to->first[c] = joined(t->kind, to->first[c], part[i].first[c]);
      to->second[c] += part[i].second[c];
    }
  }
}

/* The first total of all elements of a vector, for the kinds that have one: LANES columns are folded in halves. */
static double total_of_vector(total_kind kind, size_t n, const real *x, bool cut) {
  const total_terms t = {.kind = kind, .rows = n / LANES, .columns = LANES, .row_stride = LANES, .x = x};
  double result = kind == TOTAL_MAX ? -INFINITY : 0;
  if (t.rows > 0) {
    totals to;
    total(&t, cut, &to);
    for (size_t half = LANES / 2; half > 0; half /= 2)
      for (size_t c = 0; c < half; c++) to.first[c] = joined(kind, to.first[c], to.first[c + half]);
    result = to.first[0];
  }
  for (size_t i = t.rows * LANES; i < n; i++) result = joined(kind, result, x[i]);
  return result;
}

static void reduce_rows(total_kind kind, size_t outer, size_t count, const real *x, real *y) {
  bool cut = cut_into_parts(outer, count / LANES, LANES);
  if (cut || outer * count < PARALLEL) {
    for (size_t o = 0; o < outer; o++) y[o] = (real)total_of_vector(kind, count, x + o * count, cut);
    return;
  }
#pragma omp parallel for schedule(static)
  for (size_t o = 0; o < outer; o++) y[o] = (real)total_of_vector(kind, count, x + o * count, false);
}

/* The i-th block of columns, counted through all matrices. */
static void reduce_columns(total_kind kind, size_t count, size_t inner, const real *x, real *y, bool cut, size_t i) {
  size_t across = pieces_of(inner, COLUMNS), o = i / across, column = i % across * COLUMNS;
  total_terms t = {.kind = kind, .rows = count, .columns = smaller(COLUMNS, inner - column), .row_stride = inner};
  t.x = x + o * count * inner + column;
  totals to;
  total(&t, cut, &to);
  for (size_t c = 0; c < t.columns; c++) y[o * inner + column + c] = (real)to.first[c];
}

static void reduce(kernel_reduction f, size_t outer, size_t count, size_t inner, const real *x, real *y) {
  total_kind kind = f == KERNEL_SUM ? TOTAL_SUM : TOTAL_MAX;
  if (inner == 1) {
    reduce_rows(kind, outer, count, x, y);
    return;
  }
  size_t blocks = outer * pieces_of(inner, COLUMNS);
  if (cut_into_parts(blocks, count, smaller(inner, COLUMNS))) { /* threads share the parts, not the blocks */
    for (size_t i = 0; i < blocks; i++) reduce_columns(kind, count, inner, x, y, true, i);
    return;
  }
#pragma omp parallel for schedule(static) if (outer * count * inner >= PARALLEL)
  for (size_t i = 0; i < blocks; i++) reduce_columns(kind, count, inner, x, y, false, i);
}

static void argmax(size_t outer, size_t count, size_t inner, const real *x, real *y) {
#pragma omp parallel for schedule(static) if (outer * count * inner >= PARALLEL)
  for (size_t n = 0; n < outer * inner; n++) {
    const real *values = x + n / inner * count * inner + n % inner;
    size_t best = 0;
    for (size_t k = 1; k < count; k++) {
      real value = values[k * inner], largest = values[best * inner];
      if (value > largest || (value != value && largest == largest)) best = k;
    }
    y[n] = (real)best;
  }
}
