/* The products engine. A convolution is a sum of small matrix products: each output slot (a pixel, or a tap of the
 * kernel) is the sum over a short list of pairs (slot of A, slot of B), and the sides of the matrices are batch and
 * channels. So no patches are unfolded, nothing is multiplied by padding, and one loop serves every stride and all
 * three passes; a matrix product is the case of one pair.
 *
 * Both operands are cut into panels of a few indices and packed so that the innermost loop reads memory in order, with
 * zeros after the last index. One tile of the output (a panel of A times a panel of B) is summed in registers over all
 * its pairs and a block of depths. Blocks are short enough for a panel of A and one of B, all slots of them, to stay in
 * cache; those of a tile are added in order. Tiles and blocks depend on sizes alone and one thread computes a tile: the
 * bits do not depend on the number of threads.
 *
 * This file is the engine. What the numbers in a panel are and how a tile of them is summed is a tile_shape's:
 * tile_real.h has those of the type itself, tile_bf16.h those of bfloat16. */

typedef TYPED(kernel_product) product;

enum { DEPTH_MIN = 32, DEPTH_MAX = 4096, PIECE_DEPTH = 32, PRODUCTS_PARALLEL = 1 << 20 };

typedef struct tile_shape tile_shape;

/* The terms of one output slot, in the panels that the tile belongs to. */
typedef struct {
  const tile_shape *tile;
  const kernel_pair *pair, *end;
  bool swapped;
  const char *a, *b;     /* panels [slots of A, depth, rows of a tile], [slots of B, depth, columns of a tile] */
  size_t a_slot, b_slot; /* bytes from slot to slot */
  size_t depth;          /* with the zeros behind it */
  real *sums;            /* where the tile goes, [rows, columns] */
  size_t row_stride;
} tile_terms;

/* Packs values[indices, depth], in the strides of `from`: at most PIECE_DEPTH deep, and as wide as a panel with the
 * zeros put after the last index. */
typedef void tile_pack(const tile_shape *tile, const operand *from, const real *values, size_t indices, size_t depth,
                       void *to);

struct tile_shape {
  size_t rows, columns; /* of results */
  size_t step;          /* depths are padded to a multiple of it */
  size_t bytes;         /* of a packed number */
  size_t halves;        /* that it is written in, where it is of bfloat16 */
  size_t cache;         /* how many bytes of panels stay near */
  double cost;          /* measured time for one multiplication, relative */
  tile_pack *pack_rows, *pack_columns;
  void (*sum)(const tile_terms *terms);
  void (*enter)(void), (*leave)(void); /* what a thread does around its tiles; NULL: nothing */
};

#include "autograd/kernels/tile_real.h"
#ifndef KERNEL_IS_DOUBLE
#include "autograd/kernels/tile_bf16.h"
#endif

/* How a product is computed. */
typedef struct {
  tile_shape tile;
  bool swapped; /* B gives the rows of the tiles and A their columns; what follows is said after swapping */
  operand a, b;
  size_t rows, columns, row_panels, column_panels;
  size_t block; /* the longest block of depths */
} products_plan;

static inline size_t padded(size_t n, size_t step) { return pieces_of(n, step) * step; }

/* Takes the tile if it spends less on the product, and on the zeros around it, than those before. */
static void consider_tile(products_plan *plan, const product *of, const tile_shape *tile, bool swapped, double *least) {
  const double swapped_cost = 1.25; /* it stores across the rows of the result */
  size_t row_panels = pieces_of(swapped ? of->columns : of->rows, tile->rows);
  size_t column_panels = pieces_of(swapped ? of->rows : of->columns, tile->columns);
  double cost = (double)(row_panels * tile->rows) * (double)(column_panels * tile->columns) * tile->cost *
                (double)padded(of->depth, tile->step);
  if (swapped) cost *= swapped_cost;
  if (cost >= *least) return;
  *least = cost;
  plan->tile = *tile, plan->swapped = swapped, plan->row_panels = row_panels, plan->column_panels = column_panels;
}

static products_plan plan_products(const product *of) {
  products_plan plan = {.tile = tile_full};
  double least = INFINITY;
  for (int swapped = 0; swapped < 2; swapped++) {
    consider_tile(&plan, of, &tile_full, swapped, &least);
    consider_tile(&plan, of, &tile_thin, swapped, &least);
#ifndef KERNEL_IS_DOUBLE
    if (of->arithmetic == KERNEL_NATIVE) continue; /* and the system is not asked for AMX */
    const tile_shape bf16_tile = tile_bf16(of->arithmetic == KERNEL_BF16X3 ? 2 : 1);
    consider_tile(&plan, of, &bf16_tile, swapped, &least);
#endif
  }
  const tile_shape *tile = &plan.tile;
  plan.a = plan.swapped ? of->b : of->a, plan.rows = plan.swapped ? of->columns : of->rows;
  plan.b = plan.swapped ? of->a : of->b, plan.columns = plan.swapped ? of->rows : of->columns;
  size_t one_deep = (plan.a.slots * tile->rows + plan.b.slots * tile->columns) * tile->bytes;
  size_t longest = smaller(larger(tile->cache / larger(one_deep, 1), DEPTH_MIN), DEPTH_MAX);
  size_t blocks = larger(pieces_of(of->depth, longest), 1);
  plan.block = padded(pieces_of(of->depth, blocks), tile->step);
  return plan;
}

/* One block of depths of a product. */
typedef struct {
  products_plan plan;
  const product *of;
  size_t first, depth, padded_depth;
  char *a_panels;                   /* [row panels, slots of A, padded depth, rows of a tile] */
  char *b_panels;                   /* [column panels, slots of B, padded depth, columns of a tile] */
  size_t row_stride, column_stride; /* of the result, for the rows and columns of tiles */
} products_block;

/* Packs the n-th piece of to[panels, slots, depth, width], counted in the order in which the pieces lie in `from`. */
static void pack_nth(const products_block *block, const operand *from, size_t indices, size_t width, tile_pack *pack,
                     size_t n, char *to) {
  size_t panels = pieces_of(indices, width), pieces = pieces_of(block->depth, PIECE_DEPTH), panel, rest;
  if (from->index_stride == 1) panel = n % panels, rest = n / panels;
  else panel = n / (pieces * from->slots), rest = n % (pieces * from->slots);
  size_t slot = rest / pieces, k = rest % pieces * PIECE_DEPTH, i = panel * width;
  const real *values = from->values + (ptrdiff_t)slot * from->slot_stride + (ptrdiff_t)i * from->index_stride +
                       (ptrdiff_t)(block->first + k) * from->depth_stride;
  pack(&block->plan.tile, from, values, smaller(indices - i, width), smaller(block->depth - k, PIECE_DEPTH),
       to + ((panel * from->slots + slot) * block->padded_depth + k) * width * block->plan.tile.bytes);
}

static void pack_a(const products_block *block, size_t n) {
  const products_plan *plan = &block->plan;
  pack_nth(block, &plan->a, plan->rows, plan->tile.rows, plan->tile.pack_rows, n, block->a_panels);
}

static void pack_b(const products_block *block, size_t n) {
  const products_plan *plan = &block->plan;
  pack_nth(block, &plan->b, plan->columns, plan->tile.columns, plan->tile.pack_columns, n, block->b_panels);
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
  const kernel_pairs *pairs = &block->of->pairs;
  size_t slot = n % pairs->slots, panels = n / pairs->slots;
  size_t row_panel = panels % plan->row_panels, column_panel = panels / plan->row_panels;
  size_t i = row_panel * plan->tile.rows, j = column_panel * plan->tile.columns;
  size_t rows = smaller(plan->rows - i, plan->tile.rows), columns = smaller(plan->columns - j, plan->tile.columns);
  size_t a_slot = block->padded_depth * plan->tile.rows * plan->tile.bytes;
  size_t b_slot = block->padded_depth * plan->tile.columns * plan->tile.bytes;
  tile_terms terms = {.tile = &plan->tile,
                      .pair = pairs->pair + pairs->start[slot],
                      .end = pairs->pair + pairs->start[slot + 1],
                      .swapped = plan->swapped,
                      .a_slot = a_slot,
                      .b_slot = b_slot,
                      .depth = block->padded_depth,
                      .a = block->a_panels + row_panel * plan->a.slots * a_slot,
                      .b = block->b_panels + column_panel * plan->b.slots * b_slot};
  real *out = block->of->out + slot * block->of->slot_stride + i * block->row_stride + j * block->column_stride;
  /* rows of the result are far apart: fetch them while the sum is being made */
  for (size_t row = 0; row < rows; row++) __builtin_prefetch(out + row * block->row_stride, 1);
  _Alignas(64) real tile[TILE_LARGEST];
  const bool whole = rows == plan->tile.rows && columns == plan->tile.columns;
  const bool straight = whole && block->column_stride == 1 && block->first == 0;
  terms.sums = straight ? out : tile, terms.row_stride = straight ? block->row_stride : plan->tile.columns;
  plan->tile.sum(&terms);
  if (!straight) tile_store(block, tile, rows, columns, out);
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

/* The same for compute_tile, with what each thread does around its tiles. */
static void each_tile(bool parallel, size_t count, const products_block *block) {
  const tile_shape *tile = &block->plan.tile;
  if (!tile->enter) {
    each(parallel, count, compute_tile, block);
    return;
  }
#pragma omp parallel if (parallel)
  {
    tile->enter();
#pragma omp for schedule(dynamic, count / 128 + 1)
    for (size_t n = 0; n < count; n++) compute_tile(block, n);
    tile->leave();
  }
}

static size_t products_workspace(const product *of) {
  products_plan plan = plan_products(of);
  size_t a_indices = plan.row_panels * plan.tile.rows, b_indices = plan.column_panels * plan.tile.columns;
  return plan.block * (plan.a.slots * a_indices + plan.b.slots * b_indices) * plan.tile.bytes;
}

static void products(const product *of, void *workspace) {
  products_block block = {.plan = plan_products(of), .of = of};
  const products_plan *plan = &block.plan;
  block.row_stride = plan->swapped ? 1 : of->row_stride, block.column_stride = plan->swapped ? of->row_stride : 1;
  block.b_panels = workspace; /* first, because it is read by whole vectors, which must be aligned */
  block.a_panels =
      block.b_panels + plan->column_panels * plan->b.slots * plan->block * plan->tile.columns * plan->tile.bytes;
  const bool parallel = of->rows * of->columns * of->depth * of->pairs.start[of->pairs.slots] >= PRODUCTS_PARALLEL;
  do { /* once also for depth 0: the sum of nothing is stored */
    block.depth = smaller(of->depth - block.first, plan->block);
    block.padded_depth = padded(block.depth, plan->tile.step);
    size_t pieces = pieces_of(block.depth, PIECE_DEPTH);
    each(parallel, plan->row_panels * plan->a.slots * pieces, pack_a, &block);
    each(parallel, plan->column_panels * plan->b.slots * pieces, pack_b, &block);
    each_tile(parallel, plan->row_panels * plan->column_panels * of->pairs.slots, &block);
    block.first += block.depth;
  } while (block.first < of->depth);
}
