/* Convolutions: which products the engine is to sum for each of the three passes. */

typedef TYPED(kernel_convolution) convolution;

/* Whose pixels or taps are the slots of each operand of the products. */
typedef struct {
  kernel_conv_part result, a, b;
} conv_roles;

/* The slots that meet in a window: tap (i, j) of output (row, column) reads the input under it, unless that is padding.
 * Returns how often. next[slot] counts the meetings of a slot; where there is `pair`, it says where the next one is
 * put. Both may be NULL. */
static size_t visit_meetings(const kernel_windows *w, conv_roles roles, size_t *next, kernel_pair *pair) {
  size_t count = 0;
  for (size_t i = 0; i < w->kh; i++)
    for (size_t j = 0; j < w->kw; j++) {
      const range rows = windows_inside(w->oh, w->stride_h, i, w->pad_h, w->h);
      const range columns = windows_inside(w->ow, w->stride_w, j, w->pad_w, w->w);
      count += (rows.end - rows.first) * (columns.end - columns.first);
      for (size_t row = rows.first; next && row < rows.end; row++)
        for (size_t column = columns.first; column < columns.end; column++) {
          size_t input_row = row * w->stride_h + i - w->pad_h, input_column = column * w->stride_w + j - w->pad_w;
          const size_t at[KERNEL_PARTS] = {[KERNEL_INPUTS] = input_row * w->w + input_column,
                                           [KERNEL_OUTPUTS] = row * w->ow + column,
                                           [KERNEL_TAPS] = i * w->kw + j};
          size_t place = next[at[roles.result]]++;
          if (pair) pair[place] = (kernel_pair){(uint32_t)at[roles.a], (uint32_t)at[roles.b]};
        }
    }
  return count;
}

/* The pairs of each slot, by a counting sort: counts stand two places ahead, places to fill one. For two slots of 3 and
 * 2 pairs start is 0 0 3 2 when they are counted, 0 0 3 5 when these are summed, and 0 3 5 5 when they are filled. */
static void make_pairs(const kernel_windows *w, conv_roles roles, size_t slots, size_t *start, kernel_pair *pair) {
  memset(start, 0, (slots + 2) * sizeof *start);
  visit_meetings(w, roles, start + 2, NULL);
  for (size_t i = 2; i < slots + 2; i++) start[i] += start[i - 1];
  visit_meetings(w, roles, start + 1, pair);
}

static conv_roles roles_of(const convolution *c) {
  return (conv_roles){c->wanted, c->wanted == KERNEL_INPUTS ? KERNEL_OUTPUTS : KERNEL_INPUTS,
                      c->wanted == KERNEL_TAPS ? KERNEL_OUTPUTS : KERNEL_TAPS};
}

/* A part as matrices, one a slot: [n, channels] of a pixel, [in, out] of a tap; or their transposes. */
static operand matrices(const convolution *c, kernel_conv_part part, bool transposed) {
  const kernel_windows *w = &c->windows;
  const bool images = part == KERNEL_INPUTS, taps = part == KERNEL_TAPS;
  size_t slots = images ? w->h * w->w : taps ? w->kh * w->kw : w->oh * w->ow, columns = images ? w->c : c->channels;
  size_t row = taps ? columns : slots * columns;
  return (operand){c->values[part], slots, (ptrdiff_t)(taps ? w->c * columns : columns),
                   transposed ? 1 : (ptrdiff_t)row, transposed ? (ptrdiff_t)row : 1};
}

/* Without its pairs. */
static product product_of_slots(const convolution *c) {
  const bool images = c->wanted == KERNEL_INPUTS, taps = c->wanted == KERNEL_TAPS;
  const operand result = matrices(c, c->wanted, false);
  return (product){.arithmetic = c->arithmetic,
                   .pairs.slots = result.slots,
                   .a = matrices(c, roles_of(c).a, taps),
                   .b = matrices(c, roles_of(c).b, !images),
                   .rows = taps ? c->windows.c : c->windows.n,
                   .columns = images ? c->windows.c : c->channels,
                   .depth = taps     ? c->windows.n
                            : images ? c->channels
                                     : c->windows.c,
                   .out = c->result,
                   .slot_stride = (size_t)result.slot_stride,
                   .row_stride = (size_t)result.index_stride};
}

static size_t slots_workspace(const convolution *c) {
  const product of = product_of_slots(c);
  size_t meetings = visit_meetings(&c->windows, roles_of(c), NULL, NULL);
  return aligned(products_workspace(&of)) + (of.pairs.slots + 2) * sizeof(size_t) + meetings * sizeof(kernel_pair);
}

static void convolve_slots(const convolution *c, char *workspace) {
  product of = product_of_slots(c);
  size_t *start = (size_t *)(workspace + aligned(products_workspace(&of)));
  kernel_pair *pair = (kernel_pair *)(start + of.pairs.slots + 2);
  make_pairs(&c->windows, roles_of(c), of.pairs.slots, start, pair);
  of.pairs.start = start, of.pairs.pair = pair;
  products(&of, workspace);
}

/* Images of few channels make matrices too thin for the engine. Then the patches under all windows are written out as
 * one matrix, which makes the pass a convolution of images of one pixel by a kernel of one tap. */
static bool is_thin(const kernel_windows *w) {
  enum { FEW_CHANNELS = 3, SMALL_PATCH = 1024 };
  return w->c <= FEW_CHANNELS && w->kh * w->kw <= SMALL_PATCH;
}

static convolution flattened(const convolution *c, real *patches) {
  const kernel_windows *w = &c->windows;
  convolution flat = *c;
  flat.windows = (kernel_windows){w->n * w->oh * w->ow, 1, 1, w->kh * w->kw * w->c, 1, 1, 1, 1, 1, 1, 0, 0};
  flat.values[KERNEL_INPUTS] = patches;
  if (c->wanted == KERNEL_INPUTS) flat.result = patches;
  return flat;
}

static size_t patches_bytes(const convolution *flat) {
  return aligned(flat->windows.n * flat->windows.c * sizeof(real));
}

static size_t thin_workspace(const convolution *c) {
  const convolution flat = flattened(c, NULL);
  return patches_bytes(&flat) + slots_workspace(&flat);
}

static void convolve_thin(const convolution *c, char *workspace) {
  const convolution flat = flattened(c, (real *)workspace);
  if (c->wanted != KERNEL_INPUTS) patches(&c->windows, c->values[KERNEL_INPUTS], (real *)workspace);
  convolve_slots(&flat, workspace + patches_bytes(&flat));
  if (c->wanted == KERNEL_INPUTS) patches_transpose(&c->windows, (real *)workspace, c->result);
}

enum { IMAGES = 32 };

/* Some of the images, so that their patches stay in cache; all of them where the result is a sum over images. */
static convolution some_images(const convolution *c, size_t first) {
  const kernel_windows *w = &c->windows;
  convolution some = *c;
  if (c->wanted == KERNEL_TAPS) return some;
  const size_t inputs = first * w->h * w->w * w->c, outputs = first * w->oh * w->ow * c->channels;
  some.windows.n = smaller(w->n - first, IMAGES);
  if (c->wanted == KERNEL_INPUTS) some.values[KERNEL_OUTPUTS] += outputs, some.result += inputs;
  else some.values[KERNEL_INPUTS] += inputs, some.result += outputs;
  return some;
}

/* The last images, where they are fewer, may need more than the first: their products are planned in another way. */
static size_t convolution_workspace(const convolution *c) {
  if (!is_thin(&c->windows)) return slots_workspace(c);
  const convolution first = some_images(c, 0), last = some_images(c, c->windows.n / IMAGES * IMAGES);
  return larger(thin_workspace(&first), thin_workspace(&last));
}

static void convolve(const convolution *c, void *workspace) {
  if (!is_thin(&c->windows)) {
    convolve_slots(c, workspace);
    return;
  }
  size_t first = 0;
  do { /* once also without images: a kernel's gradient is zeros then */
    const convolution some = some_images(c, first);
    convolve_thin(&some, workspace);
    first += some.windows.n;
  } while (first < c->windows.n);
}
