/* Tiles of the products engine in the type itself, by vectors that the compiler turns into the CPU's. */

/* The sums of a full tile, rows x vectors, fill the registers. A short one wastes less on results of few rows (a small
 * batch), a thin one on a single row (one channel, one unit). The cache is half of the second level of the smaller CPUs
 * of a kind. */
#if defined(__AVX512F__)
enum { TILE_BYTES = 64, TILE_ROWS = 13, SHORT_ROWS = 8, TILE_VECTORS = 2, TILE_CACHE = 512 << 10 };
#elif defined(__AVX2__)
enum { TILE_BYTES = 32, TILE_ROWS = 6, SHORT_ROWS = 4, TILE_VECTORS = 2, TILE_CACHE = 256 << 10 };
#elif defined(__aarch64__)
enum { TILE_BYTES = 16, TILE_ROWS = 8, SHORT_ROWS = 4, TILE_VECTORS = 2, TILE_CACHE = 256 << 10 };
#else
enum { TILE_BYTES = 16, TILE_ROWS = 4, SHORT_ROWS = 2, TILE_VECTORS = 2, TILE_CACHE = 128 << 10 };
#endif
enum { THIN_ROWS = 1, THIN_VECTORS = 8, TILE_LANES = TILE_BYTES / sizeof(real), TILE_SUMS = TILE_ROWS * TILE_VECTORS };
enum { TILE_LARGEST = 1024 }; /* results of any tile */
typedef real tile_vector __attribute__((vector_size(TILE_BYTES), may_alias));
typedef real loose_vector __attribute__((vector_size(TILE_BYTES), may_alias, aligned(sizeof(real))));

/* sums[rows, vectors * lanes] over pairs and depth; rows and vectors are constants where it is called */
INLINE void tile_sum(size_t rows, size_t vectors, const tile_terms *terms) {
  tile_vector sum[TILE_SUMS] = {{0}};
  for (const kernel_pair *pair = terms->pair; pair < terms->end; pair++) {
    const real *a = (const real *)(terms->a + (terms->swapped ? pair->b : pair->a) * terms->a_slot);
    const real *b = (const real *)(terms->b + (terms->swapped ? pair->a : pair->b) * terms->b_slot);
    for (size_t k = terms->depth; k > 0; k--, a += rows, b += vectors * TILE_LANES)
      for (size_t i = 0; i < rows; i++)
        for (size_t v = 0; v < vectors; v++) sum[i * vectors + v] += a[i] * ((const tile_vector *)b)[v];
  }
  for (size_t i = 0; i < rows; i++)
    for (size_t v = 0; v < vectors; v++)
      ((loose_vector *)(terms->sums + i * terms->row_stride))[v] = sum[i * vectors + v];
}

static void tile_sum_full(const tile_terms *terms) { tile_sum(TILE_ROWS, TILE_VECTORS, terms); }
static void tile_sum_short(const tile_terms *terms) { tile_sum(SHORT_ROWS, TILE_VECTORS, terms); }
static void tile_sum_thin(const tile_terms *terms) { tile_sum(THIN_ROWS, THIN_VECTORS, terms); }

/* to[depth, width]. What is packed next is fetched meanwhile: its rows are too far apart for the CPU to foresee it, and
 * fetching past the end does no harm. */
INLINE void pack_indices(size_t width, const operand *from, const real *values, const real *next, size_t indices,
                         size_t depth, real *to) {
  if (from->index_stride == 1) {
    for (size_t k = 0; k < depth; k++, to += width, values += from->depth_stride, next += from->depth_stride) {
      __builtin_prefetch(next);
      for (size_t i = 0; i < indices; i++) to[i] = values[i];
    }
  } else if (from->depth_stride == 1) {
    for (size_t i = 0; i < indices; i++, values += from->index_stride, next += from->index_stride) {
      for (size_t k = 0; k < PIECE_DEPTH; k += 64 / sizeof *next) __builtin_prefetch(next + k);
      for (size_t k = 0; k < depth; k++) to[k * width + i] = values[k];
    }
  } else {
    for (size_t i = 0; i < indices; i++, values += from->index_stride)
      for (size_t k = 0; k < depth; k++) to[k * width + i] = values[(ptrdiff_t)k * from->depth_stride];
  }
}

/* The width is a constant where it is called, and whole pieces have loops of their own. */
INLINE void pack_real(size_t width, const operand *from, const real *values, const real *next, size_t indices,
                      size_t depth, real *to) {
  if (indices == width && depth == PIECE_DEPTH) {
    pack_indices(width, from, values, next, width, PIECE_DEPTH, to);
    return;
  }
  if (indices < width) memset(to, 0, depth * width * sizeof *to);
  pack_indices(width, from, values, next, indices, depth, to);
}

static void pack_full_rows(const tile_shape *tile, const operand *from, const real *values, const real *next,
                           size_t indices, size_t depth, void *to) {
  pack_real(TILE_ROWS, from, values, next, indices, depth, to);
}
static void pack_full_columns(const tile_shape *tile, const operand *from, const real *values, const real *next,
                              size_t indices, size_t depth, void *to) {
  pack_real(TILE_VECTORS * TILE_LANES, from, values, next, indices, depth, to);
}
static void pack_short_rows(const tile_shape *tile, const operand *from, const real *values, const real *next,
                            size_t indices, size_t depth, void *to) {
  pack_real(SHORT_ROWS, from, values, next, indices, depth, to);
}
static void pack_thin_rows(const tile_shape *tile, const operand *from, const real *values, const real *next,
                           size_t indices, size_t depth, void *to) {
  pack_real(THIN_ROWS, from, values, next, indices, depth, to);
}
static void pack_thin_columns(const tile_shape *tile, const operand *from, const real *values, const real *next,
                              size_t indices, size_t depth, void *to) {
  pack_real(THIN_VECTORS * TILE_LANES, from, values, next, indices, depth, to);
}

static const tile_shape tile_full = {.rows = TILE_ROWS,
                                     .columns = TILE_VECTORS * TILE_LANES,
                                     .step = 1,
                                     .bytes = sizeof(real),
                                     .cache = TILE_CACHE,
                                     .cost = 1,
                                     .pack_rows = pack_full_rows,
                                     .pack_columns = pack_full_columns,
                                     .sum = tile_sum_full};
static const tile_shape tile_short = {.rows = SHORT_ROWS,
                                      .columns = TILE_VECTORS * TILE_LANES,
                                      .step = 1,
                                      .bytes = sizeof(real),
                                      .cache = TILE_CACHE,
                                      .cost = 1.05,
                                      .pack_rows = pack_short_rows,
                                      .pack_columns = pack_full_columns,
                                      .sum = tile_sum_short};
static const tile_shape tile_thin = {.rows = THIN_ROWS,
                                     .columns = THIN_VECTORS * TILE_LANES,
                                     .step = 1,
                                     .bytes = sizeof(real),
                                     .cache = TILE_CACHE,
                                     .cost = 2,
                                     .pack_rows = pack_thin_rows,
                                     .pack_columns = pack_thin_columns,
                                     .sum = tile_sum_thin};
