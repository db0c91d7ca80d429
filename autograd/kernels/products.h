/* The products engine. A convolution is a sum of small matrix products: each output slot (a pixel, or a tap of the
 * kernel) is the sum over a short list of pairs (slot of A, slot of B), and the sides of the matrices are batch and
 * channels. So no patches are unfolded, nothing is multiplied by padding, and one loop serves every stride and all
 * three passes; a matrix product is the case of one pair.
 *
 * Both operands are cut into panels of a few indices and packed so that the innermost loop reads memory in order, with
 * zeros after the last index. One tile of the output (a panel of A times a panel of B) is summed in registers over all
 * its pairs and a block of depths. Blocks are short enough for a panel of A and one of B, all slots of them, to stay in
 * cache; those of a tile are added in order. Tiles and blocks depend on sizes alone and one thread computes a tile: the
 * bits do not depend on the number of threads. */

/* The sums of a tile, rows x vectors, fill the registers. Thin tiles are for results of few rows (one channel, one
 * unit). The cache is half of the second level of the smaller CPUs of a kind. */
#if defined(__AVX512F__)
enum { TILE_BYTES = 64, TILE_ROWS = 13, TILE_VECTORS = 2, TILE_CACHE = 512 << 10 };
#elif defined(__AVX2__)
enum { TILE_BYTES = 32, TILE_ROWS = 6, TILE_VECTORS = 2, TILE_CACHE = 256 << 10 };
#else
enum { TILE_BYTES = 16, TILE_ROWS = 4, TILE_VECTORS = 2, TILE_CACHE = 128 << 10 };
#endif
enum { THIN_ROWS = 1, THIN_VECTORS = 8, TILE_LANES = TILE_BYTES / sizeof(real), TILE_SUMS = TILE_ROWS * TILE_VECTORS };
enum { DEPTH_MIN = 32, DEPTH_MAX = 512, PACK_DEPTH = 16, PRODUCTS_PARALLEL = 1 << 20 };
typedef real tile_vector __attribute__((vector_size(TILE_BYTES), may_alias));

/* The terms of one output slot, in the panels that the tile belongs to. */
typedef struct {
  const kernel_pair *pair, *end;
  bool swapped;
  const real *a, *b;     /* [slots of A, depth, rows of a tile], [slots of B, depth, columns of a tile] */
  size_t a_slot, b_slot; /* elements from slot to slot */
  size_t depth;
} tile_terms;

/* tile[rows, vectors * lanes] = the sum over pairs and depth; rows and vectors are constants where it is called */
INLINE void tile_sum(size_t rows, size_t vectors, const tile_terms *terms, real *tile) {
  tile_vector sum[TILE_SUMS] = {{0}};
  for (const kernel_pair *pair = terms->pair; pair < terms->end; pair++) {
    const real *a = terms->a + (terms->swapped ? pair->b : pair->a) * terms->a_slot;
    const real *b = terms->b + (terms->swapped ? pair->a : pair->b) * terms->b_slot;
    for (size_t k = terms->depth; k > 0; k--, a += rows, b += vectors * TILE_LANES)
      for (size_t i = 0; i < rows; i++)
        for (size_t v = 0; v < vectors; v++) sum[i * vectors + v] += a[i] * ((const tile_vector *)b)[v];
  }
  for (size_t v = 0; v < rows * vectors; v++) ((tile_vector *)tile)[v] = sum[v];
}

static void tile_sum_full(const tile_terms *terms, real *tile) { tile_sum(TILE_ROWS, TILE_VECTORS, terms, tile); }
static void tile_sum_thin(const tile_terms *terms, real *tile) { tile_sum(THIN_ROWS, THIN_VECTORS, terms, tile); }

typedef struct {
  size_t rows, columns;
  double cost; /* measured time for one element of the tile, relative */
  void (*sum)(const tile_terms *terms, real *tile);
} tile_shape;

/* How a product of these sizes is computed. */
typedef struct {
  tile_shape tile;
  bool swapped; /* B gives the rows of the tiles and A their columns; what follows is said after swapping */
  operand a, b;
  size_t rows, columns, row_panels, column_panels;
  size_t block; /* the longest block of depths */
} products_plan;

/* The tile that spends least on the zeros around the result, and the side from which to see it. */
static void choose_tile(products_plan *plan, size_t rows, size_t columns) {
  static const tile_shape shapes[] = {{TILE_ROWS, TILE_VECTORS * TILE_LANES, 1, tile_sum_full},
                                      {THIN_ROWS, THIN_VECTORS * TILE_LANES, 2, tile_sum_thin}};
  const double swapped_cost = 1.25; /* it stores across the rows of the result */
  double least = INFINITY;
  for (int choice = 0; choice < 4; choice++) {
    const tile_shape *tile = &shapes[choice / 2];
    bool swapped = choice % 2;
    size_t row_panels = pieces_of(swapped ? columns : rows, tile->rows);
    size_t column_panels = pieces_of(swapped ? rows : columns, tile->columns);
    double cost = (double)(row_panels * tile->rows) * (double)(column_panels * tile->columns) * tile->cost;
    if (swapped) cost *= swapped_cost;
    if (cost >= least) continue;
    least = cost;
    plan->tile = *tile, plan->swapped = swapped, plan->row_panels = row_panels, plan->column_panels = column_panels;
  }
}

static products_plan plan_products(const operand *a, const operand *b, size_t rows, size_t columns, size_t depth) {
  products_plan plan;
  choose_tile(&plan, rows, columns);
  plan.a = plan.swapped ? *b : *a, plan.rows = plan.swapped ? columns : rows;
  plan.b = plan.swapped ? *a : *b, plan.columns = plan.swapped ? rows : columns;
  size_t one_deep = (plan.a.slots * plan.tile.rows + plan.b.slots * plan.tile.columns) * sizeof(real);
  size_t longest = smaller(larger(TILE_CACHE / larger(one_deep, 1), DEPTH_MIN), DEPTH_MAX);
  plan.block = depth > longest ? pieces_of(depth, pieces_of(depth, longest)) : depth;
  return plan;
}

/* One block of depths of a product. */
typedef struct {
  products_plan plan;
  const kernel_pairs *pairs;
  size_t first, depth;
  real *a_panels; /* [row panels, slots of A, depth, rows of a tile] */
  real *b_panels; /* [column panels, slots of B, depth, columns of a tile] */
  real *out;
  size_t slot_stride, row_stride, column_stride; /* rows and columns of tiles */
} products_block;

/* to[depth, width] = values[indices, depth] in the strides of `from`, with zeros after the last index */
static void pack_piece(const operand *from, const real *values, size_t indices, size_t depth, size_t width, real *to) {
  if (indices < width) memset(to, 0, depth * width * sizeof *to);
  if (from->index_stride == 1) {
    for (size_t k = 0; k < depth; k++, to += width, values += from->depth_stride)
      for (size_t i = 0; i < indices; i++) to[i] = values[i];
  } else if (from->depth_stride == 1) {
    for (size_t i = 0; i < indices; i++, values += from->index_stride)
      for (size_t k = 0; k < depth; k++) to[k * width + i] = values[k];
  } else {
    for (size_t i = 0; i < indices; i++, values += from->index_stride)
      for (size_t k = 0; k < depth; k++) to[k * width + i] = values[(ptrdiff_t)k * from->depth_stride];
  }
}

/* Packs the n-th piece of to[panels, slots, depth, width], counted in the order in which the pieces lie in `from`. */
static void pack_nth(const operand *from, size_t indices, size_t first, size_t depth, size_t width, size_t n,
                     real *to) {
  size_t panels = pieces_of(indices, width), pieces = pieces_of(depth, PACK_DEPTH), panel, rest;
  if (from->index_stride == 1) panel = n % panels, rest = n / panels;
  else panel = n / (pieces * from->slots), rest = n % (pieces * from->slots);
  size_t slot = rest / pieces, k = rest % pieces * PACK_DEPTH, i = panel * width;
  const real *values = from->values + (ptrdiff_t)slot * from->slot_stride + (ptrdiff_t)i * from->index_stride +
                       (ptrdiff_t)(first + k) * from->depth_stride;
  pack_piece(from, values, smaller(indices - i, width), smaller(depth - k, PACK_DEPTH), width,
             to + ((panel * from->slots + slot) * depth + k) * width);
}

static void pack_a(const products_block *block, size_t n) {
  const products_plan *plan = &block->plan;
  pack_nth(&plan->a, plan->rows, block->first, block->depth, plan->tile.rows, n, block->a_panels);
}

static void pack_b(const products_block *block, size_t n) {
  const products_plan *plan = &block->plan;
  pack_nth(&plan->b, plan->columns, block->first, block->depth, plan->tile.columns, n, block->b_panels);
}

/* out[rows, columns] in the strides of the block = (or +=, after the first block) tile[rows, width] */
static void tile_store(const products_block *block, const real *tile, size_t rows, size_t columns, real *out) {
  const size_t width = block->plan.tile.columns, stride = block->column_stride;
  const bool add = block->first > 0;
  for (size_t i = 0; i < rows; i++, out += block->row_stride, tile += width) {
    if (stride != 1)
      for (size_t j = 0; j < columns; j++) out[j * stride] = add ? out[j * stride] + tile[j] : tile[j];
    else if (add)
      for (size_t j = 0; j < columns; j++) out[j] += tile[j];
    else
      for (size_t j = 0; j < columns; j++) out[j] = tile[j];
  }
}

/* The n-th tile of the output. Slots go first, since their tiles read the same panels. */
static void compute_tile(const products_block *block, size_t n) {
  const products_plan *plan = &block->plan;
  const kernel_pairs *pairs = block->pairs;
  size_t slot = n % pairs->slots, panels = n / pairs->slots;
  size_t row_panel = panels % plan->row_panels, column_panel = panels / plan->row_panels;
  size_t i = row_panel * plan->tile.rows, j = column_panel * plan->tile.columns;
  size_t rows = smaller(plan->rows - i, plan->tile.rows), columns = smaller(plan->columns - j, plan->tile.columns);
  size_t a_slot = block->depth * plan->tile.rows, b_slot = block->depth * plan->tile.columns;
  tile_terms terms = {.pair = pairs->pair + pairs->start[slot],
                      .end = pairs->pair + pairs->start[slot + 1],
                      .swapped = plan->swapped,
                      .a_slot = a_slot,
                      .b_slot = b_slot,
                      .depth = block->depth,
                      .a = block->a_panels + row_panel * plan->a.slots * a_slot,
                      .b = block->b_panels + column_panel * plan->b.slots * b_slot};
  real *out = block->out + slot * block->slot_stride + i * block->row_stride + j * block->column_stride;
  /* rows of the result are far apart: fetch them while the sum is being made */
  for (size_t row = 0; row < rows; row++) __builtin_prefetch(out + row * block->row_stride, 1);
  _Alignas(64) real tile[TILE_SUMS * TILE_LANES];
  plan->tile.sum(&terms, tile);
  tile_store(block, tile, rows, columns, out);
}

/* f(block, 0) ... f(block, count - 1), in runs short enough to share out evenly. Entering a parallel region, even one
 * of a single thread, takes longer than a small product. */
typedef void block_step(const products_block *block, size_t n);
static void each(bool parallel, size_t count, block_step *f, const products_block *block) {
  if (parallel) {
#pragma omp parallel for schedule(dynamic, count / 128 + 1)
    for (size_t n = 0; n < count; n++) f(block, n);
  } else {
    for (size_t n = 0; n < count; n++) f(block, n);
  }
}

static size_t products_workspace(const operand *a, const operand *b, size_t rows, size_t columns, size_t depth) {
  products_plan plan = plan_products(a, b, rows, columns, depth);
  size_t a_indices = plan.row_panels * plan.tile.rows, b_indices = plan.column_panels * plan.tile.columns;
  return plan.block * (plan.a.slots * a_indices + plan.b.slots * b_indices);
}

static void products(const kernel_pairs *pairs, const operand *a, const operand *b, size_t rows, size_t columns,
                     size_t depth, real *out, size_t slot_stride, size_t row_stride, real *workspace) {
  products_block block = {.plan = plan_products(a, b, rows, columns, depth), .pairs = pairs, .out = out};
  const products_plan *plan = &block.plan;
  block.slot_stride = slot_stride;
  block.row_stride = plan->swapped ? 1 : row_stride, block.column_stride = plan->swapped ? row_stride : 1;
  block.b_panels = workspace; /* first, because it is read by whole vectors, which must be aligned */
  block.a_panels = workspace + plan->column_panels * plan->b.slots * plan->block * plan->tile.columns;
  const bool parallel = rows * columns * depth * pairs->start[pairs->slots] >= PRODUCTS_PARALLEL;
  do { /* once also for depth 0: the sum of nothing is stored */
    block.depth = smaller(depth - block.first, plan->block);
    size_t pieces = pieces_of(block.depth, PACK_DEPTH);
    each(parallel, plan->row_panels * plan->a.slots * pieces, pack_a, &block);
    each(parallel, plan->column_panels * plan->b.slots * pieces, pack_b, &block);
    each(parallel, plan->row_panels * plan->column_panels * pairs->slots, compute_tile, &block);
    block.first += block.depth;
  } while (block.first < depth);
}
