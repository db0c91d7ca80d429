/* Grids as loops want them: axes that lie one behind the other in all operands are merged, the innermost comes first,
 * and the whole is cut into blocks of planes x rows x columns, the three innermost axes, which threads share out. */

enum { OPERANDS = 4, BLOCK_RANK = 3 };

typedef struct {
  int rank; /* at least BLOCK_RANK */
  size_t sizes[KERNEL_MAX_RANK];
  ptrdiff_t strides[OPERANDS][KERNEL_MAX_RANK];
  size_t elements, blocks;
  size_t block[KERNEL_MAX_RANK], across[KERNEL_MAX_RANK]; /* by axis: the size of a block, and how many there are */
} grid_layout;

typedef struct {
  size_t columns, rows, planes;
  ptrdiff_t offset[OPERANDS];
} grid_block;

static void next_plane(const grid_layout *l, grid_block *at) {
  for (int o = 0; o < OPERANDS; o++) at->offset[o] += l->strides[o][2];
}

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
  size_t rows = layout_transposes(l) ? smaller(l->sizes[1], 16) : 1;
  l->block[0] = smaller(l->sizes[0], PIECE / rows);
  l->block[1] = smaller(l->sizes[1], PIECE / l->block[0]);
  l->block[2] = smaller(l->sizes[2], PIECE / (l->block[0] * l->block[1]));
  l->blocks = 1;
  for (int axis = 0; axis < l->rank; axis++) {
    if (axis >= BLOCK_RANK) l->block[axis] = 1;
    l->across[axis] = pieces_of(l->sizes[axis], l->block[axis]);
    l->blocks *= l->across[axis];
  }
}

/* So many operands of the grid and, if `dense`, one more that lies densely. Without elements there are no blocks. */
static grid_layout layout_of(const kernel_grid *grid, int operands, bool dense) {
  grid_layout l;
  l.rank = 0, l.elements = 1, l.blocks = 0;
  for (int axis = 0; axis < BLOCK_RANK; axis++) {
    l.sizes[axis] = 1;
    for (int o = 0; o < OPERANDS; o++) l.strides[o][axis] = 0;
  }
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
  if (l.rank < BLOCK_RANK) l.rank = BLOCK_RANK;
  if (l.elements > 0) layout_cut(&l);
  return l;
}

static grid_block block_at(const grid_layout *l, size_t number) {
  if (l->blocks == 1) return (grid_block){.columns = l->sizes[0], .rows = l->sizes[1], .planes = l->sizes[2]};
  size_t size[KERNEL_MAX_RANK] = {0};
  grid_block b = {0};
  for (int axis = 0; axis < l->rank; number /= l->across[axis], axis++) {
    const size_t start = number % l->across[axis] * l->block[axis];
    size[axis] = smaller(l->block[axis], l->sizes[axis] - start);
    for (int o = 0; o < OPERANDS; o++) b.offset[o] += (ptrdiff_t)start * l->strides[o][axis];
  }
  b.columns = size[0], b.rows = size[1], b.planes = size[2];
  return b;
}
