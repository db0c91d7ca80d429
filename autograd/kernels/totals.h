/* Sums down the columns of a matrix [rows, columns], of numbers and of what batch norm needs, kept in double. All sums
 * of the library are made here, but for those of products, of windows and of what is scattered: a long vector is summed
 * as LANES interleaved ones. Where the matrix is large and there is little else to share out, rows are cut into PARTS
 * parts, which are summed on all threads and added up in order; sizes alone decide. */

enum {
  COLUMNS = 128, /* at most, of a block */
  LANES = 32,
  BAND = 8, /* rows that are added at once */
  PARTS = 32,
};

typedef enum { TOTAL_SUM, TOTAL_MOMENTS, TOTAL_NORM } total_kind;

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
#pragma GCC unroll 8
    for (size_t r = 0; r < rows; r++) {
      const double value = x[r * stride + c];
      if (!both) first += value;
      if (kind == TOTAL_MOMENTS) first += value - mean, second += (value - mean) * (value - mean);
      if (kind == TOTAL_NORM) {
        const real y = normalized(x[r * stride + c], t->mean[c], t->scale[c], t->gamma[c], t->beta[c]);
        const real whole = g[r * stride + c], scaled = slope == 0 ? 0 : slope * whole;
        const double gated = y > 0 ? whole : scaled;
        first += gated, second += gated * (value - mean);
      }
    }
    to->first[c] = first;
    if (both) to->second[c] = second;
  }
}

INLINE void total_rows(total_kind kind, const total_terms *t, size_t begin, size_t end, totals *to) {
  for (size_t c = 0; c < t->columns; c++) to->first[c] = to->second[c] = 0;
  size_t row = begin;
  for (; row + BAND <= end; row += BAND) total_band(kind, BAND, t, row, to);
  for (; row + BAND / 2 <= end; row += BAND / 2) total_band(kind, BAND / 2, t, row, to);
  for (; row < end; row++) total_band(kind, 1, t, row, to);
}

static void total_part(const total_terms *t, size_t begin, size_t end, totals *to) {
  switch (t->kind) {
    case TOTAL_SUM: total_rows(TOTAL_SUM, t, begin, end, to); break;
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
      to->first[c] += part[i].first[c];
      to->second[c] += part[i].second[c];
    }
  }
}

/* The three forms in which reduce.h asks for sums. */
static void sum_down(size_t rows, size_t columns, size_t row_stride, const real *x, bool cut, real *y) {
  const total_terms t = {.kind = TOTAL_SUM, .rows = rows, .columns = columns, .row_stride = row_stride, .x = x};
  totals to;
  total(&t, cut, &to);
  for (size_t c = 0; c < columns; c++) y[c] = (real)to.first[c];
}

static real sum_of_vector(size_t n, const real *x, bool cut) {
  const total_terms t = {.kind = TOTAL_SUM, .rows = n / LANES, .columns = LANES, .row_stride = LANES, .x = x};
  totals to;
  total(&t, cut, &to);
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t c = 0; c < half; c++) to.first[c] += to.first[c + half];
  for (size_t i = t.rows * LANES; i < n; i++) to.first[0] += x[i];
  return (real)to.first[0];
}

static void sums_of_short(size_t vectors, size_t n, const real *x, real *y) {
  double sum[COLUMNS] = {0};
  for (size_t i = 0; i < n; i++)
    for (size_t v = 0; v < vectors; v++) sum[v] += x[v * n + i];
  for (size_t v = 0; v < vectors; v++) y[v] = (real)sum[v];
}
