/* The numbers that random cases are drawn from: SplitMix64 (Steele et al. 2014), not the library under test. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

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

/* What DUALTAPE_SEED says, or 1. */
static inline uint64_t cases_seed(void) {
  const char *text = getenv("DUALTAPE_SEED");
  return text ? strtoull(text, NULL, 10) : 1;
}
