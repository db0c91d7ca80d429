/* Batch norm over x [rows, c], what Ioffe and Szegedy (2015) call a training-mode pass, in pieces. */

typedef TYPED(kernel_batch_norm) batch_norm;

/* What both passes over the rows do for COLUMNS columns from `column` on. */
typedef struct {
  total_terms terms; /* of column 0 */
  size_t rows, c;
  real *mean, *variance; /* results of TOTAL_MOMENTS */
  real *sum_g, *sum_gx;  /* results of TOTAL_NORM */
} batch_pass;

static void batch_total(const batch_pass *pass, const real *mean, size_t column, bool cut, totals *to) {
  total_terms t = pass->terms;
  t.rows = pass->rows, t.row_stride = pass->c, t.columns = smaller(COLUMNS, pass->c - column);
  t.x += column;
  t.mean = mean + column;
  if (t.kind == TOTAL_NORM) t.g += column, t.scale += column, t.gamma += column, t.beta += column;
  total(&t, cut, to);
}

/* Moments are taken about the first row. Where that turns out to lie far from the mean, so that digits are lost in the
 * difference, they are taken again about the mean (Chan, Golub and LeVeque 1983). */
static void batch_moments_block(const batch_pass *pass, size_t column, bool cut) {
  const real *center = pass->terms.x;
  bool near = false;
  for (int round = 0; round < 2 && !near; round++, center = pass->mean) {
    totals to;
    batch_total(pass, center, column, cut, &to);
    near = true;
    for (size_t i = 0; i < smaller(COLUMNS, pass->c - column); i++) {
      double shift = to.first[i] / (double)pass->rows, square = to.second[i] / (double)pass->rows - shift * shift;
      near = near && shift * shift <= 16 * square;
      pass->mean[column + i] = (real)(center[column + i] + shift);
      pass->variance[column + i] = (real)(square < 0 ? 0 : square);
    }
  }
}

static void batch_sums_block(const batch_pass *pass, size_t column, bool cut) {
  totals to;
  batch_total(pass, pass->terms.mean, column, cut, &to);
  for (size_t i = 0; i < smaller(COLUMNS, pass->c - column); i++) {
    pass->sum_g[column + i] = (real)to.first[i];
    pass->sum_gx[column + i] = (real)(to.second[i] * pass->terms.scale[column + i]);
  }
}

/* Threads share the blocks of columns, or the parts of each block. */
static void batch_run(const batch_pass *pass, void (*block)(const batch_pass *pass, size_t column, bool cut)) {
  size_t rows = pass->rows, c = pass->c;
  if (cut_into_parts(pieces_of(c, COLUMNS), rows, smaller(c, COLUMNS))) {
    for (size_t column = 0; column < c; column += COLUMNS) block(pass, column, true);
    return;
  }
#pragma omp parallel for schedule(static) if (rows * c >= PARALLEL)
  for (size_t column = 0; column < c; column += COLUMNS) block(pass, column, false);
}

static void batch_moments(size_t rows, size_t c, const real *x, real *mean, real *variance) {
  const total_terms terms = {.kind = TOTAL_MOMENTS, .x = x};
  batch_run(&(batch_pass){.terms = terms, .rows = rows, .c = c, .mean = mean, .variance = variance},
            batch_moments_block);
}

static void batch_sums(const batch_norm *n, const real *g, real *sum_g, real *sum_gx) {
  const total_terms terms = {.kind = TOTAL_NORM,
                             .x = n->x,
                             .mean = n->mean,
                             .g = g,
                             .scale = n->scale,
                             .gamma = n->gamma,
                             .beta = n->beta,
                             .slope = (real)n->slope};
  batch_run(&(batch_pass){.terms = terms, .rows = n->rows, .c = n->c, .sum_g = sum_g, .sum_gx = sum_gx},
            batch_sums_block);
}

static void batch_normalize(const batch_norm *n, real *y) {
  const size_t c = n->c, rows = c > 0 ? n->rows : 0, height = larger(1, PIECE / larger(1, c));
  const real slope = (real)n->slope;
#pragma omp parallel for schedule(static) if (rows * c >= PARALLEL)
  for (size_t first = 0; first < rows; first += height)
    for (size_t at = first * c; at < smaller(first + height, rows) * c; at += c) {
#pragma omp simd
      for (size_t i = 0; i < c; i++) {
        real normal = normalized(n->x[at + i], n->mean[i], n->scale[i], n->gamma[i], n->beta[i]);
        y[at + i] = map_one(KERNEL_LEAKY_RELU, normal, slope, 0);
      }
    }
}

static void batch_norm_backward(const batch_norm *n, const real *g, const real *sum_g, const real *sum_gx, real *dx) {
  const size_t c = n->c, rows = c > 0 ? n->rows : 0, height = larger(1, PIECE / larger(1, c));
  const real share = 1 / (real)n->rows, slope = (real)n->slope;
#pragma omp parallel for schedule(static) if (rows * c >= PARALLEL)
  for (size_t first = 0; first < rows; first += height)
    for (size_t at = first * c; at < smaller(first + height, rows) * c; at += c) {
#pragma omp simd
      for (size_t i = 0; i < c; i++) {
        real x = n->x[at + i], normal = (x - n->mean[i]) * n->scale[i];
        real y = normalized(x, n->mean[i], n->scale[i], n->gamma[i], n->beta[i]);
        real gated = y > 0 ? g[at + i] : slope == 0 ? 0 : slope * g[at + i];
        dx[at + i] = n->gamma[i] * n->scale[i] * (gated - share * (sum_g[i] + normal * sum_gx[i]));
      }
    }
}
