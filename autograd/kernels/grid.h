/* Grids as loops want them: axes that lie one behind the other in all operands are merged, the innermost comes first,
 * and the whole is cut into blocks of rows x columns, the two innermost axes. Threads share out the blocks. */

enum { OPERANDS = 4 };

typedef struct {
  int rank; /* at least 2 */
  size_t sizes[KERNEL_MAX_RANK];
  ptrdiff_t strides[OPERANDS][KERNEL_MAX_RANK];
  size_t elements, block_rows, block_columns;
  size_t across, down, blocks; /* across * down blocks in each of the outermost places */
} grid_layout;

typedef struct {
  size_t rows, columns;
  ptrdiff_t offset[OPERANDS];
} grid_block;

static inline bool layout_continues(const grid_layout *to, const ptrdiff_t *stride) {
  int last = to->rank - 1;
  for (int o = 0; o < OPERANDS; o++)
    if (stride[o] != to->strides[o][last] * (ptrdiff_t)to->sizes[last]) return false;
  return true;
}

/* Whether some operand is read or written across its lines of cache. */
static bool layout_transposes(const grid_layout *l) {
  for (int o = 0; o < OPERANDS; o++)
    if (l->strides[o][0] > 1) return true;
  return false;
}

/* Blocks of about PIECE elements: whole rows where they fit, but at least 16 of them, if there are as many, for a
 * transposition. */
static void layout_cut(grid_layout *l) {
  l->block_rows = l->sizes[1], l->block_columns = l->sizes[0], l->across = 1, l->down = 1;
  if (l->elements > PIECE) {
    l->block_rows = layout_transposes(l) ? smaller(l->sizes[1], 16) : 1;
    l->block_columns = smaller(l->sizes[0], PIECE / l->block_rows);
    l->block_rows = smaller(l->sizes[1], PIECE / l->block_columns);
    l->across = pieces_of(l->sizes[0], l->block_columns), l->down = pieces_of(l->sizes[1], l->block_rows);
  }
  l->blocks = l->across * l->down;
  for (int axis = 2; axis < l->rank; axis++) l->blocks *= l->sizes[axis];
}

/* So many operands of the grid and, if `dense`, one more that lies densely. Without elements there are no blocks. */
static grid_layout layout_of(const kernel_grid *grid, int operands, bool dense) {
  grid_layout l;
  l.rank = 0, l.elements = 1, l.blocks = 0;
  l.sizes[0] = l.sizes[1] = 1;
  for (int o = 0; o < OPERANDS; o++) l.strides[o][0] = l.strides[o][1] = 0;
  for (int axis = grid->rank - 1; axis >= 0; axis--) {
    size_t size = grid->sizes[axis];
    ptrdiff_t stride[OPERANDS] = {0};
    for (int o = 0; o < operands; o++) stride[o] = grid->strides[o][axis];
    if (dense) stride[operands] = (ptrdiff_t)l.elements;
    l.elements *= size;
    if (size == 1) continue;
    if (l.rank > 0 && layout_continues(&l, stride)) {
      l.sizes[l.rank - 1] *= size;
      continue;
    }
    l.sizes[l.rank] = size;
    for (int o = 0; o < OPERANDS; o++) l.strides[o][l.rank] = stride[o];
    l.rank++;
  }
  if (l.rank < 2) l.rank = 2;
  if (l.elements > 0) layout_cut(&l);
  return l;
}

static grid_block block_at(const grid_layout *l, size_t number) {
  if (l->blocks == 1) return (grid_block){.rows = l->sizes[1], .columns = l->sizes[0]};
  size_t column = number % l->across * l->block_columns, row = number / l->across % l->down * l->block_rows;
  grid_block b = {.rows = smaller(l->block_rows, l->sizes[1] - row),
                  .columns = smaller(l->block_columns, l->sizes[0] - column)};
  for (int o = 0; o < OPERANDS; o++)
    b.offset[o] = (ptrdiff_t)column * l->strides[o][0] + (ptrdiff_t)row * l->strides[o][1];
  number /= l->across * l->down;
  for (int axis = 2; axis < l->rank; axis++, number /= l->sizes[axis - 1]) {
    ptrdiff_t at = (ptrdiff_t)(number % l->sizes[axis]);
    for (int o = 0; o < OPERANDS; o++) b.offset[o] += at * l->strides[o][axis];
  }
  return b;
}
