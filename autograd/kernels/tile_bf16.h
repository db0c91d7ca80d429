/* Tiles of the products engine in bfloat16, the upper half of a float. A float is rounded to one (medium precision), or
 * written as the sum of two, of which three products of halves are summed (high precision; Henry, Tang and Heinecke,
 * "Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations", ARITH 2019). Sums are
 * float. Tiles are those of Intel's AMX: 2 x 2 of its registers, 16 x 16 sums each. Plain C does the same without. */
#ifdef HAVE_AMX_KERNELS
#include <immintrin.h>
#endif

typedef uint16_t bf16;

/* A panel is made of blocks of 32 indices by 32 depths; at high precision the low halves follow the high ones. */
enum { BLOCK_SIDE = 32, BLOCK = BLOCK_SIDE * BLOCK_SIDE, REGISTER_SIDE = 16, REGISTER = REGISTER_SIDE * BLOCK_SIDE };
enum { BF16_CACHE = 1200 << 10 }; /* CPUs with AMX have 2 MB at the second level */

/* To nearest, ties to even; NaN stays NaN. */
static inline bf16 bf16_from(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return (bf16)(x != x ? bits >> 16 | 0x40 : rounded);
}

static inline float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* block[outer, inner] = values in these strides, with zeros around */
static void gather_block(const float *values, size_t outer, ptrdiff_t outer_stride, size_t inner,
                         ptrdiff_t inner_stride, float block[BLOCK_SIDE][BLOCK_SIDE]) {
  if (outer < BLOCK_SIDE || inner < BLOCK_SIDE) memset(block, 0, BLOCK * sizeof(float));
  if (inner_stride == 1) {
    for (size_t i = 0; i < outer; i++, values += outer_stride)
      for (size_t j = 0; j < inner; j++) block[i][j] = values[j];
  } else {
    for (size_t j = 0; j < inner; j++, values += inner_stride)
      for (size_t i = 0; i < outer; i++) block[i][j] = values[(ptrdiff_t)i * outer_stride];
  }
}

/* high = block in bfloat16; block = what that leaves */
static void round_block(float block[BLOCK_SIDE][BLOCK_SIDE], bf16 high[BLOCK_SIDE][BLOCK_SIDE]) {
  for (size_t i = 0; i < BLOCK_SIDE; i++)
    for (size_t j = 0; j < BLOCK_SIDE; j++) {
      high[i][j] = bf16_from(block[i][j]);
      block[i][j] -= float_of((uint32_t)high[i][j] << 16);
    }
}

/* to[half, index, depth] */
static void pack_bf16_rows(const tile_shape *tile, const operand *from, const float *values, const float *next,
                           size_t indices, size_t depth, void *to) {
  float block[BLOCK_SIDE][BLOCK_SIDE];
  gather_block(values, indices, from->index_stride, depth, from->depth_stride, block);
  for (size_t half = 0; half < tile->halves; half++) round_block(block, (bf16(*)[BLOCK_SIDE])to + half * BLOCK_SIDE);
}

/* to[half, register, pair of depths, index, depth of the pair], as AMX wants it */
static void pack_bf16_columns(const tile_shape *tile, const operand *from, const float *values, const float *next,
                              size_t indices, size_t depth, void *to) {
  float block[BLOCK_SIDE][BLOCK_SIDE];
  bf16 rounded[BLOCK_SIDE][BLOCK_SIDE], *pair = to;
  gather_block(values, depth, from->depth_stride, indices, from->index_stride, block);
  for (size_t half = 0; half < tile->halves; half++) {
    round_block(block, rounded);
    for (size_t j = 0; j < BLOCK_SIDE; j += REGISTER_SIDE)
      for (size_t k = 0; k < BLOCK_SIDE; k += 2)
        for (size_t i = j; i < j + REGISTER_SIDE; i++) *pair++ = rounded[k][i], *pair++ = rounded[k + 1][i];
  }
}

/* What is asked of a CPU: between open and close, sums[32, 32] += a block of rows times one of columns. */
typedef struct {
  void (*open)(const tile_terms *terms);
  void (*multiply)(const bf16 *rows, const bf16 *columns, const tile_terms *terms);
  void (*close)(const tile_terms *terms);
} bf16_unit;

INLINE void tile_sum_bf16(const bf16_unit *unit, const tile_terms *terms) {
  const size_t low = terms->tile->halves == 2 ? BLOCK : 0, block = BLOCK * terms->tile->halves;
  unit->open(terms);
  for (const kernel_pair *pair = terms->pair; pair < terms->end; pair++) {
    const bf16 *a = (const bf16 *)(terms->a + (terms->swapped ? pair->b : pair->a) * terms->a_slot);
    const bf16 *b = (const bf16 *)(terms->b + (terms->swapped ? pair->a : pair->b) * terms->b_slot);
    for (size_t k = 0; k < terms->depth; k += BLOCK_SIDE, a += block, b += block) {
      unit->multiply(a, b, terms);
      if (low) unit->multiply(a, b + low, terms), unit->multiply(a + low, b, terms);
    }
  }
  unit->close(terms);
}

static void portable_open(const tile_terms *terms) {
  for (size_t i = 0; i < BLOCK_SIDE; i++) memset(terms->sums + i * terms->row_stride, 0, BLOCK_SIDE * sizeof(float));
}

/* A row of one of AMX's registers: floats, or pairs of bfloat16, each pair in the halves of one number. */
typedef float register_row __attribute__((vector_size(64)));
typedef uint32_t register_pairs __attribute__((vector_size(64)));

/* In the order of AMX: even depths and odd depths are summed apart. */
static void portable_multiply(const bf16 *rows, const bf16 *columns, const tile_terms *terms) {
  for (size_t i = 0; i < BLOCK_SIDE; i++)
    for (size_t j = 0; j < BLOCK_SIDE; j += REGISTER_SIDE) {
      register_row even = {0}, odd = {0}, total;
      for (size_t k = 0; k < BLOCK_SIDE; k += 2) {
        uint32_t pair;
        register_pairs pairs;
        memcpy(&pair, rows + i * BLOCK_SIDE + k, sizeof pair);
        memcpy(&pairs, columns + j * BLOCK_SIDE + k * REGISTER_SIDE, sizeof pairs);
        even += float_of(pair << 16) * (register_row)(pairs << 16);
        odd += float_of(pair & 0xffff0000u) * (register_row)(pairs & 0xffff0000u);
      }
      float *sums = terms->sums + i * terms->row_stride + j;
      memcpy(&total, sums, sizeof total);
      total += even + odd;
      memcpy(sums, &total, sizeof total);
    }
}

static void portable_close(const tile_terms *terms) {}

static void tile_sum_portable(const tile_terms *terms) {
  static const bf16_unit portable = {portable_open, portable_multiply, portable_close};
  tile_sum_bf16(&portable, terms);
}

#ifdef HAVE_AMX_KERNELS
/* Registers 0 to 3 hold the sums, 4 and 5 a block of rows, 6 and 7 one of columns: 16 rows of 64 bytes each. */
static void amx_enter(void) {
  static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } layout = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
  __asm__ volatile("" ::"m"(layout)); /* gcc 12 does not know that loadconfig reads all of it */
  _tile_loadconfig(&layout);
}

static void amx_leave(void) { _tile_release(); }

static inline void amx_open(const tile_terms *terms) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

static inline void amx_multiply(const bf16 *rows, const bf16 *columns, const tile_terms *terms) {
  _tile_loadd(4, rows, 64);
  _tile_loadd(6, columns, 64);
  _tile_dpbf16ps(0, 4, 6);
  _tile_loadd(7, columns + REGISTER, 64);
  _tile_dpbf16ps(1, 4, 7);
  _tile_loadd(5, rows + REGISTER, 64);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

static inline void amx_close(const tile_terms *terms) {
  float *upper = terms->sums, *lower = upper + REGISTER_SIDE * terms->row_stride;
  const size_t row = terms->row_stride * sizeof(float);
  _tile_stored(0, upper, row);
  _tile_stored(1, upper + REGISTER_SIDE, row);
  _tile_stored(2, lower, row);
  _tile_stored(3, lower + REGISTER_SIDE, row);
}

static void tile_sum_amx(const tile_terms *terms) {
  static const bf16_unit amx = {amx_open, amx_multiply, amx_close};
  tile_sum_bf16(&amx, terms);
}
#endif

/* The costs are those of AMX beside AVX-512 floats (measured for whole convolutions: 0.14 and 0.30). */
static tile_shape tile_bf16(size_t halves) {
  tile_shape tile = {.rows = BLOCK_SIDE,
                     .columns = BLOCK_SIDE,
                     .step = BLOCK_SIDE,
                     .bytes = halves * sizeof(bf16),
                     .halves = halves,
                     .cache = BF16_CACHE,
                     .cost = halves == 2 ? 0.3 : 0.14,
                     .pack_rows = pack_bf16_rows,
                     .pack_columns = pack_bf16_columns,
                     .sum = tile_sum_portable};
#ifdef HAVE_AMX_KERNELS
  if (kernel_amx()) tile.sum = tile_sum_amx, tile.enter = amx_enter, tile.leave = amx_leave;
#endif
  return tile;
}
