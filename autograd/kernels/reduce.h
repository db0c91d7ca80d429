/* Sums and maxima of vectors that lie in any direction. */

typedef struct {
  /* the columns of x [rows, columns], at most COLUMNS */
  void (*down)(size_t rows, size_t columns, size_t row_stride, const real *x, bool cut, real *y);
  real (*of_vector)(size_t n, const real *x, bool cut);                          /* n >= LANES */
  void (*of_short)(size_t vectors, size_t n, const real *x, real *y); /* at most COLUMNS of them, side by side */
} reducer;

static const reducer reducers[] = {
    [KERNEL_SUM] = {sum_down, sum_of_vector, sums_of_short},
    [KERNEL_MAX] = {max_down, max_of_vector, maxima_of_short},
};

static void reduce_vectors(const reducer *f, size_t outer, size_t count, const real *x, real *y) {
  const bool cut = cut_into_parts(outer, count / LANES, LANES); /* threads share the parts, not the vectors */
  const size_t together = count < LANES ? COLUMNS : 1;
#pragma omp parallel for schedule(static) if (!cut && outer * count >= PARALLEL)
  for (size_t o = 0; o < outer; o += together) {
    if (count < LANES) f->of_short(smaller(together, outer - o), count, x + o * count, y + o);
    else y[o] = f->of_vector(count, x + o * count, cut);
  }
}

static void reduce(kernel_reduction kind, size_t outer, size_t count, size_t inner, const real *x, real *y) {
  const reducer *f = &reducers[kind];
  if (inner == 1) {
    reduce_vectors(f, outer, count, x, y);
    return;
  }
  const size_t across = pieces_of(inner, COLUMNS), blocks = outer * across;
  const bool cut = cut_into_parts(blocks, count, smaller(inner, COLUMNS));
#pragma omp parallel for schedule(static) if (!cut && outer * count * inner >= PARALLEL)
  for (size_t i = 0; i < blocks; i++) {
    const size_t column = i % across * COLUMNS;
    const real *from = x + i / across * count * inner + column;
    f->down(count, smaller(COLUMNS, inner - column), inner, from, cut, y + i / across * inner + column);
  }
}
