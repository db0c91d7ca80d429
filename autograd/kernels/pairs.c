/* Which slots of a convolution meet: tap t of output o reads the input under it, unless that is padding. */
#include "autograd/kernels/kernels.h"

/* The taps first ... end - 1 of a window that begins `pad` before an image of `size`, moved on by `offset`. */
typedef struct {
  size_t first, end;
} tap_range;

static tap_range inside(size_t offset, size_t taps, size_t pad, size_t size) {
  size_t first = offset < pad ? pad - offset : 0, end = size + pad > offset ? size + pad - offset : 0;
  if (first > taps) first = taps;
  if (end > taps) end = taps;
  return (tap_range){first, end < first ? first : end};
}

size_t kernel_conv_meetings(const kernel_windows *w) {
  size_t rows = 0, columns = 0;
  for (size_t o = 0; o < w->oh; o++) {
    tap_range taps = inside(o * w->stride_h, w->kh, w->pad_h, w->h);
    rows += taps.end - taps.first;
  }
  for (size_t o = 0; o < w->ow; o++) {
    tap_range taps = inside(o * w->stride_w, w->kw, w->pad_w, w->w);
    columns += taps.end - taps.first;
  }
  return rows * columns;
}

/* Goes through the meetings. next[slot] counts the pairs of a slot; where there is `pair`, it says where the next one
 * is put. */
static void visit(const kernel_windows *w, kernel_conv_roles roles, size_t *next, kernel_pair *pair) {
  for (size_t row = 0; row < w->oh; row++)
    for (size_t column = 0; column < w->ow; column++) {
      tap_range down = inside(row * w->stride_h, w->kh, w->pad_h, w->h);
      tap_range across = inside(column * w->stride_w, w->kw, w->pad_w, w->w);
      for (size_t i = down.first; i < down.end; i++)
        for (size_t j = across.first; j < across.end; j++) {
          size_t input_row = row * w->stride_h + i - w->pad_h, input_column = column * w->stride_w + j - w->pad_w;
          const size_t at[KERNEL_PARTS] = {[KERNEL_INPUTS] = input_row * w->w + input_column,
                                           [KERNEL_OUTPUTS] = row * w->ow + column,
                                           [KERNEL_TAPS] = i * w->kw + j};
          size_t place = next[at[roles.result]]++;
          if (pair) pair[place] = (kernel_pair){(uint32_t)at[roles.a], (uint32_t)at[roles.b]};
        }
    }
}

/* A counting sort: counts stand two places ahead, places to fill one, so that start ends up right. */
void kernel_conv_pairs(const kernel_windows *windows, kernel_conv_roles roles, size_t slots, size_t *start,
                       kernel_pair *pair) {
  visit(windows, roles, start + 2, NULL);
  for (size_t i = 2; i < slots + 2; i++) start[i] += start[i - 1];
  visit(windows, roles, start + 1, pair);
}
