/* gather picks rows by index; scatter, its transpose, adds rows up at their index. */

static void gather(size_t outer, size_t count, size_t inner, size_t picks, const real *index, const real *x, real *y) {
#pragma omp parallel for schedule(static) if (outer * picks * inner >= PARALLEL)
  for (size_t n = 0; n < outer * picks; n++) {
    const real *row = x + (n / picks * count + (size_t)index[n % picks]) * inner;
    memcpy(y + n * inner, row, inner * sizeof *y);
  }
}

static void add_piece(size_t n, const real *x, real *y) {
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

/* Rows may be hit twice, so that threads share out outer and columns, not picks. */
static void scatter(size_t outer, size_t count, size_t inner, size_t picks, const real *index, const real *x, real *y) {
  fill(outer * count * inner, 0, y);
  size_t across = pieces_of(inner, COLUMNS);
#pragma omp parallel for schedule(static) if (outer * picks * inner >= PARALLEL)
  for (size_t n = 0; n < outer * across; n++) {
    size_t o = n / across, column = n % across * COLUMNS;
    for (size_t i = 0; i < picks; i++) {
      const real *from = x + (o * picks + i) * inner + column;
      add_piece(smaller(COLUMNS, inner - column), from, y + (o * count + (size_t)index[i]) * inner + column);
    }
  }
}
