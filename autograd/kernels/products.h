/* The products engine. A convolution is a sum of small matrix products: each output slot (a pixel, or a tap of the
 * kernel) is the sum over a short list of pairs (slot of A, slot of B), and the sides of the matrices are batch and
 * channels. So no patches are unfolded, nothing is multiplied by padding, and one loop serves every stride and all
 * three passes; a matrix product is the case of one pair.
 *
 * Both operands are cut into panels of a few indices and packed so that the innermost loop reads memory in order, with
 * zeros after the last index. One tile of the output (a panel of A times a panel of B) is summed in registers over all
 * its pairs and a block of depths. Blocks are short enough for a panel of A and one of B, all slots of them, to stay in
 * cache; those of a tile are added in order. Tiles and blocks depend on sizes alone and one thread computes a tile: the
 * bits do not depend on the number of threads. The smaller operand is packed first; then a thread packs a panel of the
 * larger one, sums all tiles that read it while it is near, and goes on to the next.
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
 * zeros put after the last index. The values at `next` are packed after these. */
typedef void tile_pack(const tile_shape *tile, const operand *from, const real *values, const real *next,
                       size_t indices, size_t depth, void *to);

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

/* The operand that gives the rows of the tiles, or the one that gives their columns. */
typedef struct {
  operand from;
  size_t indices, width, panels; /* width: indices of a panel */
  tile_pack *pack;
  bool own; /* a thread packs a panel when it comes to it, into memory of its own, in place of all of them before */
} tile_side;
enum { ROW_SIDE, COLUMN_SIDE, SIDES };

/* How a product is computed. */
typedef struct {
  tile_shape tile;
  bool swapped; /* B gives the rows of the tiles and A their columns */
  tile_side side[SIDES];
  size_t block; /* the longest block of depths */
} products_plan;

static inline size_t padded(size_t n, size_t step) { return pieces_of(n, step) * step; }
static inline size_t aligned(size_t bytes) { return padded(bytes, 64); }

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
  plan->tile = *tile, plan->swapped = swapped;
}

static tile_side side_of(const operand *from, size_t indices, size_t width, tile_pack *pack) {
  return (tile_side){*from, indices, width, pieces_of(indices, width), pack, false};
}

/* Threads pack the larger operand, unless it has too few panels to keep all of them busy to the end. */
static void choose_own_panels(products_plan *plan) {
  enum { PANELS_A_THREAD = 16 };
  tile_side *rows = &plan->side[ROW_SIDE], *columns = &plan->side[COLUMN_SIDE];
  bool more_rows = rows->from.slots * rows->indices > columns->from.slots * columns->indices;
  tile_side *most = more_rows ? rows : columns;
  most->own = most->panels >= PANELS_A_THREAD * (size_t)kernel_get_threads();
}

static products_plan plan_products(const product *of) {
  products_plan plan = {.tile = tile_full};
  double least = INFINITY;
  for (int swapped = 0; swapped < 2; swapped++) {
    consider_tile(&plan, of, &tile_full, swapped, &least);
    consider_tile(&plan, of, &tile_short, swapped, &least);
    consider_tile(&plan, of, &tile_thin, swapped, &least);
#ifndef KERNEL_IS_DOUBLE
    if (of->arithmetic == KERNEL_NATIVE) continue; /* and the system is not asked for AMX */
    const tile_shape bf16_tile = tile_bf16(of->arithmetic == KERNEL_BF16X3 ? 2 : 1);
    consider_tile(&plan, of, &bf16_tile, swapped, &least);
#endif
  }
  const tile_shape *tile = &plan.tile;
  const operand *rows = plan.swapped ? &of->b : &of->a, *columns = plan.swapped ? &of->a : &of->b;
  plan.side[ROW_SIDE] = side_of(rows, plan.swapped ? of->columns : of->rows, tile->rows, tile->pack_rows);
  plan.side[COLUMN_SIDE] = side_of(columns, plan.swapped ? of->rows : of->columns, tile->columns, tile->pack_columns);
  size_t one_deep = (rows->slots * tile->rows + columns->slots * tile->columns) * tile->bytes;
  size_t longest = smaller(larger(tile->cache / larger(one_deep, 1), DEPTH_MIN), DEPTH_MAX);
  size_t blocks = larger(pieces_of(of->depth, longest), 1);
  plan.block = padded(pieces_of(of->depth, blocks), tile->step);
  choose_own_panels(&plan);
  return plan;
}

static size_t panel_bytes(const products_plan *plan, const tile_side *side) {
  return aligned(side->from.slots * plan->block * side->width * plan->tile.bytes);
}

static size_t panels_bytes(const products_plan *plan, const tile_side *side) {
  return (side->own ? (size_t)kernel_get_threads() : side->panels) * panel_bytes(plan, side);
}

/* One block of depths of a product. */
typedef struct {
  products_plan plan;
  const product *of;
  size_t first, depth, padded_depth;
  char *panels[SIDES];              /* [panels, or threads; slots, padded depth, width] */
  size_t row_stride, column_stride; /* of the result, for the rows and columns of tiles */
} products_block;

/* The memory of a panel, or of a thread. */
static char *packed_panel(const products_block *block, int side, size_t n) {
  return block->panels[side] + n * panel_bytes(&block->plan, &block->plan.side[side]);
}

/* How many pieces a panel is packed in. */
static size_t pieces_a_panel(const products_block *block, const tile_side *side) {
  return side->from.slots * pieces_of(block->depth, PIECE_DEPTH);
}

static const real *values_of(const products_block *block, const tile_side *side, size_t panel, size_t piece) {
  const operand *from = &side->from;
  size_t pieces = pieces_of(block->depth, PIECE_DEPTH), slot = piece / pieces, k = piece % pieces * PIECE_DEPTH;
  return from->values + (ptrdiff_t)slot * from->slot_stride + (ptrdiff_t)(panel * side->width) * from->index_stride +
         (ptrdiff_t)(block->first + k) * from->depth_stride;
}

/* Into the memory of the panel. */
static void pack_piece(const products_block *block, const tile_side *side, size_t panel, size_t piece,
                       const real *next, char *to) {
  size_t pieces = pieces_of(block->depth, PIECE_DEPTH), slot = piece / pieces, k = piece % pieces * PIECE_DEPTH;
  side->pack(&block->plan.tile, &side->from, values_of(block, side, panel, piece), next,
             smaller(side->indices - panel * side->width, side->width), smaller(block->depth - k, PIECE_DEPTH),
             to + (slot * block->padded_depth + k) * side->width * block->plan.tile.bytes);
}

static void pack_panel(const products_block *block, const tile_side *side, size_t panel, char *to) {
  for (size_t piece = 0; piece < pieces_a_panel(block, side); piece++)
    pack_piece(block, side, panel, piece, values_of(block, side, panel, piece + 1), to);
}

static size_t pieces_before(const products_block *block, const tile_side *side) {
  return side->own ? 0 : side->panels * pieces_a_panel(block, side);
}

/* The n-th piece of what is packed before the tiles are summed, counted in the order in which it lies in `from`. */
static void pack_nth(const products_block *block, size_t n, int thread) {
  size_t rows = pieces_before(block, &block->plan.side[ROW_SIDE]);
  int which = n < rows ? ROW_SIDE : COLUMN_SIDE;
  if (which == COLUMN_SIDE) n -= rows;
  const tile_side *side = &block->plan.side[which];
  size_t pieces = pieces_a_panel(block, side);
  bool across = side->from.index_stride == 1;
  size_t panel = across ? n % side->panels : n / pieces, piece = across ? n / side->panels : n % pieces;
  pack_piece(block, side, panel, piece, values_of(block, side, panel + across, piece + !across),
             packed_panel(block, which, panel));
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

/* The tile of a slot, from these panels, whose memory is given. */
static void compute_tile(const products_block *block, size_t slot, size_t row_panel, size_t column_panel,
                         const char *row_values, const char *column_values) {
  const products_plan *plan = &block->plan;
  const kernel_pairs *pairs = &block->of->pairs;
  size_t i = row_panel * plan->tile.rows, j = column_panel * plan->tile.columns;
  size_t rows = smaller(plan->side[ROW_SIDE].indices - i, plan->tile.rows);
  size_t columns = smaller(plan->side[COLUMN_SIDE].indices - j, plan->tile.columns);
  tile_terms terms = {.tile = &plan->tile,
                      .pair = pairs->pair + pairs->start[slot],
                      .end = pairs->pair + pairs->start[slot + 1],
                      .swapped = plan->swapped,
                      .a_slot = block->padded_depth * plan->tile.rows * plan->tile.bytes,
                      .b_slot = block->padded_depth * plan->tile.columns * plan->tile.bytes,
                      .depth = block->padded_depth,
                      .a = row_values,
                      .b = column_values};
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

/* The n-th tile of the output. Slots go first, since their tiles read the same panels. */
static void compute_nth_tile(const products_block *block, size_t n, int thread) {
  size_t row_panels = block->plan.side[ROW_SIDE].panels;
  size_t slot = n % block->of->pairs.slots, panels = n / block->of->pairs.slots;
  size_t row_panel = panels % row_panels, column_panel = panels / row_panels;
  compute_tile(block, slot, row_panel, column_panel, packed_panel(block, ROW_SIDE, row_panel),
               packed_panel(block, COLUMN_SIDE, column_panel));
}

/* All tiles of the n-th panel of the side whose panels threads pack on their own. */
static void compute_nth_panel(const products_block *block, size_t n, int thread) {
  const bool by_rows = block->plan.side[ROW_SIDE].own;
  const int own = by_rows ? ROW_SIDE : COLUMN_SIDE, other = by_rows ? COLUMN_SIDE : ROW_SIDE;
  char *packed = packed_panel(block, own, (size_t)thread);
  pack_panel(block, &block->plan.side[own], n, packed);
  for (size_t m = 0; m < block->plan.side[other].panels; m++) {
    const char *across = packed_panel(block, other, m);
    for (size_t slot = 0; slot < block->of->pairs.slots; slot++)
      if (by_rows) compute_tile(block, slot, n, m, packed, across);
      else compute_tile(block, slot, m, n, across, packed);
  }
}

static int thread_number(void) {
#ifdef _OPENMP
  return omp_get_thread_num();
#else
  return 0;
#endif
}

/* f(block, 0, thread) ... f(block, count - 1, thread), in runs short enough to share out evenly, where threads count
 * from 0. Entering a parallel region, even one of a single thread, takes longer than a small product. */
typedef void block_step(const products_block *block, size_t n, int thread);
static void each(bool parallel, size_t count, block_step *f, const products_block *block) {
  if (parallel) {
#pragma omp parallel for schedule(dynamic, count / 128 + 1)
    for (size_t n = 0; n < count; n++) f(block, n, thread_number());
  } else {
    for (size_t n = 0; n < count; n++) f(block, n, 0);
  }
}

/* The same for steps that sum tiles, with what each thread does around them. */
static void each_with_tiles(bool parallel, size_t count, block_step *f, const products_block *block) {
  const tile_shape *tile = &block->plan.tile;
  if (!tile->enter) {
    each(parallel, count, f, block);
    return;
  }
#pragma omp parallel if (parallel)
  {
    int thread = parallel ? thread_number() : 0;
    tile->enter();
#pragma omp for schedule(dynamic, count / 128 + 1)
    for (size_t n = 0; n < count; n++) f(block, n, thread);
    tile->leave();
  }
}

static size_t products_workspace(const product *of) {
  products_plan plan = plan_products(of);
  return panels_bytes(&plan, &plan.side[ROW_SIDE]) + panels_bytes(&plan, &plan.side[COLUMN_SIDE]);
}

static void products(const product *of, void *workspace) {
  products_block block = {.plan = plan_products(of), .of = of};
  const products_plan *plan = &block.plan;
  const tile_side *rows = &plan->side[ROW_SIDE], *columns = &plan->side[COLUMN_SIDE];
  block.row_stride = plan->swapped ? 1 : of->row_stride, block.column_stride = plan->swapped ? of->row_stride : 1;
  block.panels[ROW_SIDE] = workspace;
  block.panels[COLUMN_SIDE] = block.panels[ROW_SIDE] + panels_bytes(plan, rows);
  const bool parallel = of->rows * of->columns * of->depth * of->pairs.start[of->pairs.slots] >= PRODUCTS_PARALLEL;
  do { /* once also for depth 0: the sum of nothing is stored */
    block.depth = smaller(of->depth - block.first, plan->block);
    block.padded_depth = padded(block.depth, plan->tile.step);
    each(parallel, pieces_before(&block, rows) + pieces_before(&block, columns), pack_nth, &block);
    if (rows->own || columns->own)
      each_with_tiles(parallel, rows->own ? rows->panels : columns->panels, compute_nth_panel, &block);
    else
      each_with_tiles(parallel, rows->panels * columns->panels * of->pairs.slots, compute_nth_tile, &block);
    block.first += block.depth;
  } while (block.first < of->depth);
}
