/* Random tensors of the suite properties. Values are multiples of 2^-10, so that float and double libraries start from
 * the same ones. */
#pragma once

#include "autograd/autograd.h"
#include "tests/random_numbers.h"

static inline double draw_value(cases *c) { return (double)draw_int(c, -2048, 2048) / 1024; }

/* From -2 to 2; coarse: of so few different values that ties are common. */
static inline ag_tensor *draw_tensor(cases *c, ag_shape shape, bool coarse) {
  ag_real *values;
  ag_tensor *x = ag_make(shape, &values);
  for (size_t i = 0; x && i < ag_size(x); i++)
    values[i] = (ag_real)(coarse ? (double)draw_int(c, -4, 4) / 2 : draw_value(c));
  return x;
}

static inline ag_shape draw_shape(cases *c, int lowest_rank, int highest_rank, int64_t smallest, int64_t largest) {
  ag_shape shape = {.rank = (int)draw_int(c, lowest_rank, highest_rank)};
  for (int i = 0; i < shape.rank; i++) shape.sizes[i] = draw_int(c, smallest, largest);
  return shape;
}
