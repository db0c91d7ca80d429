/* gather picks rows by index; scatter, its transpose, adds rows up at their index. */

static void gather_rows(size_t inner, size_t picks, const real *index, const real *x, real *y) {
  if (inner == 1) {
    for (size_t i = 0; i < picks; i++) y[i] = x[(ptrdiff_t)index[i]]; /* signed: so CPUs convert many at once */
    return;
  }
  for (size_t i = 0; i < picks; i++) memcpy(y + i * inner, x + (size_t)index[i] * inner, inner * sizeof *y);
}

/* Pieces hold many matrices, or a part of the picks of one: threads share them out, few or many as the matrices are. */
static void gather(size_t outer, size_t count, size_t inner, size_t picks, const real *index, const real *x, real *y) {
  if (inner == 0 || picks == 0) return;
  const size_t rows = outer * picks, piece = pieces_of(PIECE, inner);
#pragma omp parallel for schedule(static) if (rows * inner >= PARALLEL)
  for (size_t start = 0; start < rows; start += piece) {
    const size_t end = smaller(start + piece, rows);
    size_t matrix = start / picks, pick = start % picks;
    for (size_t row = start, run; row < end; row += run, matrix++, pick = 0) {
      run = smaller(picks - pick, end - row);
      gather_rows(inner, run, index + pick, x + matrix * count * inner, y + row * inner);
    }
  }
}

static void add_piece(size_t n, const real *x, real *y) {
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void scatter_rows(size_t inner, size_t columns, size_t picks, const real *index, const real *x, real *y) {
  if (inner == 1) {
    for (size_t i = 0; i < picks; i++) y[(ptrdiff_t)index[i]] += x[i];
    return;
  }
  for (size_t i = 0; i < picks; i++) add_piece(columns, x + i * inner, y + (size_t)index[i] * inner);
}

/* Rows may be hit twice, so that threads share out outer and columns, not picks. */
static void scatter(size_t outer, size_t count, size_t inner, size_t picks, const real *index, const real *x, real *y) {
  if (picks == 0) return;
  size_t across = pieces_of(inner, COLUMNS);
#pragma omp parallel for schedule(static) if (outer * picks * inner >= PARALLEL)
  for (size_t n = 0; n < outer * across; n++) {
    size_t o = n / across, column = n % across * COLUMNS;
    scatter_rows(inner, smaller(COLUMNS, inner - column), picks, index, x + o * picks * inner + column,
                 y + o * count * inner + column);
  }
}
