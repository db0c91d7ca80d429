/* copy serves transpose, slice, pad, concat and broadcast alike: strides on both sides. */

enum { COPY_COLUMNS = 8 }; /* a transposed copy reads so many lines of cache at a time */

static void copy_rows(const grid_layout *l, grid_block at, const real *from, real *to) {
  const ptrdiff_t from_step = l->strides[0][0], to_step = l->strides[1][0];
  from += at.offset[0], to += at.offset[1];
  const size_t width = from_step == 1 || from_step == 0 ? at.columns : COPY_COLUMNS;
  for (size_t first = 0; first < at.columns; first += width) {
    size_t n = smaller(width, at.columns - first);
    for (size_t i = 0; i < at.rows; i++) {
      const real *source = from + (ptrdiff_t)i * l->strides[0][1] + (ptrdiff_t)first * from_step;
      real *target = to + (ptrdiff_t)i * l->strides[1][1] + (ptrdiff_t)first * to_step;
      if (from_step == 1 && to_step == 1)
        memcpy(target, source, n * sizeof *target);
      else if (from_step == 0 && to_step == 1)
        fill_piece(n, *source, target);
      else
        for (size_t j = 0; j < n; j++) target[(ptrdiff_t)j * to_step] = source[(ptrdiff_t)j * from_step];
    }
  }
}

static void copy_block(const grid_layout *l, grid_block at, const real *from, real *to) {
  for (; at.planes > 0; at.planes--, next_plane(l, &at)) copy_rows(l, at, from, to);
}

/* Axes may be taken in any order: the one along which `from` lies densely becomes the rows, so that a block reads whole
 * lines of cache. */
static void copy_choose_rows(grid_layout *l) {
  for (int axis = 2; axis < l->rank; axis++) {
    if (l->strides[0][0] == 1 || l->strides[0][axis] != 1) continue;
    size_t size = l->sizes[axis];
    l->sizes[axis] = l->sizes[1], l->sizes[1] = size;
    for (int o = 0; o < 2; o++) {
      ptrdiff_t stride = l->strides[o][axis];
      l->strides[o][axis] = l->strides[o][1], l->strides[o][1] = stride;
    }
    layout_cut(l);
    return;
  }
}

static void copy(const kernel_grid *grid, const real *from, real *to) {
  grid_layout l = layout_of(grid, 2, false);
  if (l.blocks == 1) {
    copy_block(&l, block_at(&l, 0), from, to);
    return;
  }
  if (l.blocks > 1) copy_choose_rows(&l);
#pragma omp parallel for schedule(static) if (l.elements >= PARALLEL)
  for (size_t i = 0; i < l.blocks; i++) copy_block(&l, block_at(&l, i), from, to);
}
