/* Random cases of the suite properties. Numbers come from SplitMix64 (Steele et al. 2014), not from the library under
 * test, and are multiples of 2^-10, so that float and double libraries start from the same ones. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "autograd/autograd.h"

typedef struct {
  uint64_t state;
} cases;

static inline uint64_t cases_next(cases *c) {
  uint64_t z = c->state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

/* The numbers of one case, whatever the others drew. */
static inline cases cases_of(uint64_t seed, uint64_t property, uint64_t number) {
  cases c = {seed};
  c.state = cases_next(&c) ^ property << 32 ^ number;
  cases_next(&c);
  return c;
}

/* From low to high, both included. */
static inline int64_t draw_int(cases *c, int64_t low, int64_t high) {
  return low + (int64_t)(cases_next(c) % (uint64_t)(high - low + 1));
}
static inline bool draw_bool(cases *c) { return draw_int(c, 0, 1); }
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

/* What DUALTAPE_SEED says, or 1. */
static inline uint64_t cases_seed(void) {
  const char *text = getenv("DUALTAPE_SEED");
  return text ? strtoull(text, NULL, 10) : 1;
}
