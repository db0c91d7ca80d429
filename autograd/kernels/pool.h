/* Pooling over images [n, h, w, c] -> [n, oh, ow, c]. A window is walked tap by tap, all channels of a tap together.
 * Threads share out the images where windows may add to the same input, else the output rows. */

enum { CHANNELS = 64 };

/* The taps of one window that lie inside the image, and the input row and column of tap (0, 0). */
typedef struct {
  size_t row_begin, row_end, column_begin, column_end;
  ptrdiff_t row, column;
} taps;

static taps taps_at(const kernel_windows *w, size_t row, size_t column) {
  taps t = {.row = (ptrdiff_t)(row * w->stride_h) - (ptrdiff_t)w->pad_h,
            .column = (ptrdiff_t)(column * w->stride_w) - (ptrdiff_t)w->pad_w};
  t.row_begin = t.row < 0 ? (size_t)-t.row : 0;
  t.row_end = smaller(w->kh, (size_t)((ptrdiff_t)w->h - t.row));
  t.column_begin = t.column < 0 ? (size_t)-t.column : 0;
  t.column_end = smaller(w->kw, (size_t)((ptrdiff_t)w->w - t.column));
  return t;
}

/* Where channel 0 of a tap lies in its image. */
static size_t tap_offset(const kernel_windows *w, const taps *t, size_t row, size_t column) {
  return ((size_t)(t->row + (ptrdiff_t)row) * w->w + (size_t)(t->column + (ptrdiff_t)column)) * w->c;
}

/* The largest of one window in up to CHANNELS channels: NaN before numbers, the first of equals. */
static void max_of_taps(const kernel_windows *w, const taps *t, size_t channels, const real *image, real *restrict best,
                        real *restrict which) {
  fill_piece(channels, -INFINITY, best);
  fill_piece(channels, (real)(t->row_begin * w->kw + t->column_begin), which);
  for (size_t i = t->row_begin; i < t->row_end; i++) {
    for (size_t j = t->column_begin; j < t->column_end; j++) {
      const real *x = image + tap_offset(w, t, i, j), tap = (real)(i * w->kw + j);
      for (size_t c = 0; c < channels; c++) {
        bool wins = (x[c] > best[c]) | ((x[c] != x[c]) & (best[c] == best[c]));
        best[c] = wins ? x[c] : best[c];
        which[c] = wins ? tap : which[c];
      }
    }
  }
}

static inline size_t input_elements(const kernel_windows *w) { return w->n * w->h * w->w * w->c; }

static void max_pool(const kernel_windows *windows, const real *x, real *y, real *which) {
  const kernel_windows w = *windows;
#pragma omp parallel for schedule(static) if (input_elements(&w) >= PARALLEL)
  for (size_t n = 0; n < w.n * w.oh; n++) {
    for (size_t column = 0; column < w.ow; column++) {
      taps t = taps_at(&w, n % w.oh, column);
      for (size_t c = 0; c < w.c; c += CHANNELS) {
        real best[CHANNELS];
        size_t channels = smaller(CHANNELS, w.c - c), at = (n * w.ow + column) * w.c + c;
        max_of_taps(&w, &t, channels, x + n / w.oh * w.h * w.w * w.c + c, best, which + at);
        memcpy(y + at, best, channels * sizeof *y);
      }
    }
  }
}

/* Where in its image the tap lies that was chosen for a channel. */
static size_t chosen_offset(const kernel_windows *w, const taps *t, real which, size_t channel) {
  size_t tap = (size_t)which;
  return tap_offset(w, t, tap / w->kw, tap % w->kw) + channel;
}

static void pool_gather(const kernel_windows *windows, const real *x, const real *which, real *y) {
  const kernel_windows w = *windows;
#pragma omp parallel for schedule(static) if (input_elements(&w) >= PARALLEL)
  for (size_t n = 0; n < w.n * w.oh; n++) {
    const real *image = x + n / w.oh * w.h * w.w * w.c;
    for (size_t column = 0; column < w.ow; column++) {
      taps t = taps_at(&w, n % w.oh, column);
      size_t at = (n * w.ow + column) * w.c;
      for (size_t c = 0; c < w.c; c++) y[at + c] = image[chosen_offset(&w, &t, which[at + c], c)];
    }
  }
}

static void pool_scatter(const kernel_windows *windows, const real *y, const real *which, real *x) {
  const kernel_windows w = *windows;
#pragma omp parallel for schedule(static) if (input_elements(&w) >= PARALLEL)
  for (size_t n = 0; n < w.n; n++) {
    real *image = x + n * w.h * w.w * w.c;
    fill_piece(w.h * w.w * w.c, 0, image);
    for (size_t row = 0; row < w.oh; row++) {
      for (size_t column = 0; column < w.ow; column++) {
        taps t = taps_at(&w, row, column);
        size_t at = ((n * w.oh + row) * w.ow + column) * w.c;
        for (size_t c = 0; c < w.c; c++) image[chosen_offset(&w, &t, which[at + c], c)] += y[at + c];
      }
    }
  }
}

static size_t taps_inside(const taps *t) { return (t->row_end - t->row_begin) * (t->column_end - t->column_begin); }

/* The mean of one window in up to CHANNELS channels. */
static void mean_of_taps(const kernel_windows *w, const taps *t, size_t channels, const real *image, real *mean) {
  double sum[CHANNELS] = {0};
  for (size_t i = t->row_begin; i < t->row_end; i++) {
    for (size_t j = t->column_begin; j < t->column_end; j++) {
      const real *x = image + tap_offset(w, t, i, j);
      for (size_t c = 0; c < channels; c++) sum[c] += x[c];
    }
  }
  for (size_t c = 0; c < channels; c++) mean[c] = (real)(sum[c] / (double)taps_inside(t));
}

static void avg_pool(const kernel_windows *windows, const real *x, real *y) {
  const kernel_windows w = *windows;
#pragma omp parallel for schedule(static) if (input_elements(&w) >= PARALLEL)
  for (size_t n = 0; n < w.n * w.oh; n++) {
    const real *image = x + n / w.oh * w.h * w.w * w.c;
    for (size_t column = 0; column < w.ow; column++) {
      taps t = taps_at(&w, n % w.oh, column);
      for (size_t c = 0; c < w.c; c += CHANNELS)
        mean_of_taps(&w, &t, smaller(CHANNELS, w.c - c), image + c, y + (n * w.ow + column) * w.c + c);
    }
  }
}

static void avg_pool_transpose(const kernel_windows *windows, const real *y, real *x) {
  const kernel_windows w = *windows;
#pragma omp parallel for schedule(static) if (input_elements(&w) >= PARALLEL)
  for (size_t n = 0; n < w.n; n++) {
    real *image = x + n * w.h * w.w * w.c;
    fill_piece(w.h * w.w * w.c, 0, image);
    for (size_t place = 0; place < w.oh * w.ow; place++) {
      taps t = taps_at(&w, place / w.ow, place % w.ow);
      const real *from = y + (n * w.oh * w.ow + place) * w.c, share = 1 / (real)taps_inside(&t);
      for (size_t i = t.row_begin; i < t.row_end; i++) {
        for (size_t j = t.column_begin; j < t.column_end; j++) {
          real *to = image + tap_offset(&w, &t, i, j);
          for (size_t c = 0; c < w.c; c++) to[c] += share * from[c];
        }
      }
    }
  }
}
