/* The patches of images under the windows of a convolution, one a row: [n, oh, ow, kh, kw, c], zeros in the padding. */

typedef struct {
  size_t first, end;
} range;

/* Of `count` windows at distance `stride`, those whose tap number `tap` lies inside an image of `size`. */
static range windows_inside(size_t count, size_t stride, size_t tap, size_t pad, size_t size) {
  size_t first = tap < pad ? pieces_of(pad - tap, stride) : 0;
  size_t end = size + pad > tap ? pieces_of(size + pad - tap, stride) : 0;
  return (range){smaller(first, count), larger(smaller(first, count), smaller(end, count))};
}

/* One tap in a row of windows: patches[column * step] = pixels of a line of the image, or added to them. */
INLINE void move_tap(const kernel_windows *w, size_t tap, range columns, real *line, real *patches, bool add) {
  const size_t step = w->kh * w->kw * w->c, stride = w->stride_w * w->c;
  real *pixels = columns.first < columns.end ? line + (columns.first * w->stride_w + tap - w->pad_w) * w->c : line;
  for (size_t channel = 0; channel < w->c; channel++, patches++, pixels++) {
    if (add) {
      for (size_t o = columns.first; o < columns.end; o++) pixels[(o - columns.first) * stride] += patches[o * step];
    } else {
      for (size_t o = 0; o < columns.first; o++) patches[o * step] = 0;
      for (size_t o = columns.first; o < columns.end; o++) patches[o * step] = pixels[(o - columns.first) * stride];
      for (size_t o = columns.end; o < w->ow; o++) patches[o * step] = 0;
    }
  }
}

/* All windows of one image: patches [oh, ow, kh, kw, c] from the image [h, w, c], or added to it. */
INLINE void move_patches(const kernel_windows *w, real *image, real *patches, bool add) {
  for (size_t i = 0; i < w->kh; i++) {
    const range rows = windows_inside(w->oh, w->stride_h, i, w->pad_h, w->h);
    for (size_t row = 0; row < w->oh; row++)
      for (size_t j = 0; j < w->kw; j++) {
        range columns = windows_inside(w->ow, w->stride_w, j, w->pad_w, w->w);
        real *line = image;
        if (row < rows.first || row >= rows.end) columns.first = columns.end = 0;
        else line += (row * w->stride_h + i - w->pad_h) * w->w * w->c;
        move_tap(w, j, columns, line, patches + ((row * w->ow * w->kh + i) * w->kw + j) * w->c, add);
      }
  }
}

static void patches(const kernel_windows *w, const real *images, real *rows) {
  const size_t patch = w->oh * w->ow * w->kh * w->kw * w->c, image = w->h * w->w * w->c;
#pragma omp parallel for schedule(static) if (w->n * patch >= PARALLEL)
  for (size_t n = 0; n < w->n; n++) move_patches(w, (real *)images + n * image, rows + n * patch, false);
}

static void patches_transpose(const kernel_windows *w, const real *rows, real *images) {
  const size_t patch = w->oh * w->ow * w->kh * w->kw * w->c, image = w->h * w->w * w->c;
#pragma omp parallel for schedule(static) if (w->n * patch >= PARALLEL)
  for (size_t n = 0; n < w->n; n++) {
    memset(images + n * image, 0, image * sizeof *images);
    move_patches(w, images + n * image, (real *)rows + n * patch, true);
  }
}
