/* Batch norm over x [rows, c]: what Ioffe and Szegedy (2015) call a training-mode pass, in pieces. */

/* TOTAL_MOMENTS or TOTAL_NORM of COLUMNS columns from `column` on. */
static void batch_total(total_terms t, size_t rows, size_t c, size_t column, bool cut, totals *to) {
  t.rows = rows, t.row_stride = c, t.columns = smaller(COLUMNS, c - column);
  t.x += column;
  t.mean += column;
  if (t.kind == TOTAL_NORM) t.g += column, t.scale += column;
  total(&t, cut, to);
}

/* Moments are taken about the first row, in one pass. Where that turns out to lie far from the mean, so that digits are
 * lost in the difference, a second pass takes them about the mean (Chan, Golub and LeVeque 1983). */
static void batch_moments(size_t rows, size_t c, const real *x, real *mean, real *variance) {
  bool cut = cut_into_parts(pieces_of(c, COLUMNS), rows, smaller(c, COLUMNS));
#pragma omp parallel for schedule(static) if (!cut && rows * c >= PARALLEL)
  for (size_t column = 0; column < c; column += COLUMNS) {
    const real *center = x;
    bool near = false;
    for (int pass = 0; pass < 2 && !near; pass++, center = mean) {
      totals to;
      batch_total((total_terms){.kind = TOTAL_MOMENTS, .x = x, .mean = center}, rows, c, column, cut, &to);
      near = true;
      for (size_t i = 0; i < smaller(COLUMNS, c - column); i++) {
        double shift = to.first[i] / (double)rows, square = to.second[i] / (double)rows - shift * shift;
        near = near && shift * shift <= 16 * square;
        mean[column + i] = (real)(center[column + i] + shift);
        variance[column + i] = (real)(square < 0 ? 0 : square);
      }
    }
  }
}

static void batch_sums(size_t rows, size_t c, const real *g, const real *x, const real *mean, const real *scale,
                       real *sum_g, real *sum_gx) {
  bool cut = cut_into_parts(pieces_of(c, COLUMNS), rows, smaller(c, COLUMNS));
#pragma omp parallel for schedule(static) if (!cut && rows * c >= PARALLEL)
  for (size_t column = 0; column < c; column += COLUMNS) {
    totals to;
    const total_terms all = {.kind = TOTAL_NORM, .x = x, .g = g, .mean = mean, .scale = scale};
    batch_total(all, rows, c, column, cut, &to);
    for (size_t i = 0; i < smaller(COLUMNS, c - column); i++) {
      sum_g[column + i] = (real)to.first[i];
      sum_gx[column + i] = (real)to.second[i];
    }
  }
}

static void batch_normalize(size_t rows, size_t c, const real *x, const real *mean, const real *scale,
                            const real *gamma, const real *beta, real *y) {
  const size_t height = larger(1, PIECE / larger(1, c));
#pragma omp parallel for schedule(static) if (rows * c >= PARALLEL)
  for (size_t first = 0; first < rows; first += height)
    for (size_t row = first; row < smaller(first + height, rows); row++)
      for (size_t i = 0; i < c; i++) y[row * c + i] = (x[row * c + i] - mean[i]) * scale[i] * gamma[i] + beta[i];
}

static void batch_norm_backward(size_t rows, size_t c, const real *g, const real *x, const real *mean,
                                const real *scale, const real *gamma, const real *sum_g, const real *sum_gx, real *dx) {
  const real share = 1 / (real)rows;
  const size_t height = larger(1, PIECE / larger(1, c));
#pragma omp parallel for schedule(static) if (rows * c >= PARALLEL)
  for (size_t first = 0; first < rows; first += height) {
    for (size_t at = first * c; at < smaller(first + height, rows) * c; at += c) {
      for (size_t i = 0; i < c; i++) {
        real normal = (x[at + i] - mean[i]) * scale[i];
        dx[at + i] = gamma[i] * scale[i] * (g[at + i] - share * (sum_g[i] + normal * sum_gx[i]));
      }
    }
  }
}
