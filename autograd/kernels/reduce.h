/* Sums and maxima of vectors that lie in any direction. */

typedef struct {
  /* the columns of x [rows, columns], at most COLUMNS */
  void (*down)(size_t rows, size_t columns, size_t row_stride, const real *x, bool cut, real *y);
  real (*of_vector)(size_t n, const real *x, bool cut);               /* n >= LANES */
  void (*of_short)(size_t vectors, size_t n, const real *x, real *y); /* at most COLUMNS of them, side by side */
} reducer;

static const reducer reducers[] = {
    [KERNEL_SUM] = {sum_down, sum_of_vector, sums_of_short},
    [KERNEL_MAX] = {max_down, max_of_vector, maxima_of_short},
};

static void reduce_short_vectors(const reducer *f, size_t outer, size_t count, const real *x, real *y) {
  if (outer * count < PARALLEL) {
    for (size_t o = 0; o < outer; o += COLUMNS) f->of_short(smaller(COLUMNS, outer - o), count, x + o * count, y + o);
    return;
  }
#pragma omp parallel for schedule(static)
  for (size_t o = 0; o < outer; o += COLUMNS) f->of_short(smaller(COLUMNS, outer - o), count, x + o * count, y + o);
}

/* What is cut shares out its parts itself, and no region may be open around it. */
static void reduce_vectors(const reducer *f, size_t outer, size_t count, const real *x, real *y) {
  const bool cut = cut_into_parts(outer, count / LANES, LANES);
  if (cut || outer * count < PARALLEL) {
    for (size_t o = 0; o < outer; o++) y[o] = f->of_vector(count, x + o * count, cut);
    return;
  }
#pragma omp parallel for schedule(static)
  for (size_t o = 0; o < outer; o++) y[o] = f->of_vector(count, x + o * count, false);
}

/* The i-th block of columns, counted through all matrices. */
static void reduce_block(const reducer *f, size_t count, size_t inner, const real *x, bool cut, real *y, size_t i) {
  const size_t across = pieces_of(inner, COLUMNS), column = i % across * COLUMNS;
  const real *from = x + i / across * count * inner + column;
  f->down(count, smaller(COLUMNS, inner - column), inner, from, cut, y + i / across * inner + column);
}

static void reduce_columns(const reducer *f, size_t outer, size_t count, size_t inner, const real *x, real *y) {
  const size_t blocks = outer * pieces_of(inner, COLUMNS);
  const bool cut = cut_into_parts(blocks, count, smaller(inner, COLUMNS));
  if (cut || outer * count * inner < PARALLEL) {
    for (size_t i = 0; i < blocks; i++) reduce_block(f, count, inner, x, cut, y, i);
    return;
  }
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < blocks; i++) reduce_block(f, count, inner, x, false, y, i);
}

static void reduce(kernel_reduction kind, size_t outer, size_t count, size_t inner, const real *x, real *y) {
  if (inner != 1) reduce_columns(&reducers[kind], outer, count, inner, x, y);
  else if (count < LANES) reduce_short_vectors(&reducers[kind], outer, count, x, y);
  else reduce_vectors(&reducers[kind], outer, count, x, y);
}
