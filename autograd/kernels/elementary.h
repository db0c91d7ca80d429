/* exp, log, tanh, sigmoid, softplus of one number, in code without branches, so that loops over them vectorise, and
 * without the C library, so that its version does not change a run. cpu.c includes this once for float (exp_f32) and
 * once for double (exp_f64). Errors stay under 3 units in the last place.
 *
 * Method: Cody and Waite, Software Manual for the Elementary Functions (1980). x is reduced by a multiple of ln 2, held
 * as a high part with trailing zeros, so that products with small whole numbers are exact, and the rest; what is left
 * goes into a Taylor series. Exponents are handled as bits of the IEEE 754 formats. */
#ifdef ELEMENTARY_DOUBLE
#define NUMBER double
#define BITS uint64_t
#define NAMED(name) name##_f64
#define MANTISSA 52
#define EXPONENT_BIAS 1023
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define EXP_LEAST -746 /* exp rounds to 0 */
#define EXP_MOST 710   /* exp overflows */
#else
#define NUMBER float
#define BITS uint32_t
#define NAMED(name) name##_f32
#define MANTISSA 23
#define EXPONENT_BIAS 127
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440054690583e-4f
#define EXP_LEAST -104
#define EXP_MOST 89
#endif
#define ONE_BITS ((BITS)EXPONENT_BIAS << MANTISSA)

static inline BITS NAMED(to_bits)(NUMBER x) {
  BITS bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline NUMBER NAMED(from_bits)(BITS bits) {
  NUMBER x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* x = n ln 2 + r with |r| <= ln 2 / 2: returns e^r - 1, of full relative accuracy near r = 0. Adding 1.5 * 2^MANTISSA
 * rounds to a whole number and leaves it in the low bits. A NaN gives NaN and any n. */
static inline NUMBER NAMED(exp_reduced)(NUMBER x, BITS *n) {
  const NUMBER log2_e = (NUMBER)1.4426950408889634, round = (NUMBER)(3ull << (MANTISSA - 1));
  NUMBER shifted = x * log2_e + round, whole = shifted - round;
  *n = NAMED(to_bits)(shifted) - NAMED(to_bits)(round);
  NUMBER r = x - whole * LN2_HIGH - whole * LN2_LOW, series = 0;
#ifdef ELEMENTARY_DOUBLE
  series = 1.0 / 6227020800;
  series = series * r + 1.0 / 479001600;
  series = series * r + 1.0 / 39916800;
  series = series * r + 1.0 / 3628800;
  series = series * r + 1.0 / 362880;
  series = series * r + 1.0 / 40320;
#endif
  series = series * r + (NUMBER)(1.0 / 5040);
  series = series * r + (NUMBER)(1.0 / 720);
  series = series * r + (NUMBER)(1.0 / 120);
  series = series * r + (NUMBER)(1.0 / 24);
  series = series * r + (NUMBER)(1.0 / 6);
  series = series * r + (NUMBER)0.5;
  return r + r * r * series;
}

/* 2^n is applied in two halves: each is a normal number even where the result overflows or is denormal. */
static inline NUMBER NAMED(exp)(NUMBER x) {
  BITS n;
  x = x > EXP_MOST ? EXP_MOST : x < EXP_LEAST ? EXP_LEAST : x;
  NUMBER power = 1 + NAMED(exp_reduced)(x, &n);
  BITS biased = n + 2 * EXPONENT_BIAS, half = biased >> 1;
  return power * NAMED(from_bits)(half << MANTISSA) * NAMED(from_bits)((biased - half) << MANTISSA);
}

/* tanh(|x|) = t / (t + 2) with t = e^(2|x|) - 1, which keeps the relative accuracy of t near 0. From |x| = 20 on it
 * is 1. */
static inline NUMBER NAMED(tanh)(NUMBER x) {
  BITS n;
  NUMBER twice = fabs(x) * 2, reduced = NAMED(exp_reduced)(twice > 40 ? 40 : twice, &n);
  NUMBER power = NAMED(from_bits)((n << MANTISSA) + ONE_BITS), t = power * reduced + (power - 1);
  return copysign(t / (t + 2), x);
}

/* log of a positive, finite, normal number m 2^k with sqrt(1/2) <= m < sqrt(2): with f = m - 1 and s = f / (2 + f),
 * log(m) = 2 atanh(s) = 2s + s R, R = 2/3 s^2 + 2/5 s^4 + ..., and 2s = f - s f, where f is exact. */
static inline NUMBER NAMED(log_normal)(NUMBER x) {
  const BITS half_root = NAMED(to_bits)((NUMBER)0.70710678118654752);
  const BITS whole_bits = (BITS)(MANTISSA + EXPONENT_BIAS) << MANTISSA;
  BITS bits = NAMED(to_bits)(x) - half_root + ONE_BITS;
  /* the exponent, put into the mantissa of 2^MANTISSA */
  NUMBER k = NAMED(from_bits)((bits >> MANTISSA) + whole_bits) - ((NUMBER)(1ull << MANTISSA) + EXPONENT_BIAS);
  NUMBER f = NAMED(from_bits)((bits & (((BITS)1 << MANTISSA) - 1)) + half_root) - 1;
  NUMBER s = f / (2 + f), z = s * s, series = 0;
#ifdef ELEMENTARY_DOUBLE
  series = 2.0 / 19;
  series = series * z + 2.0 / 17;
  series = series * z + 2.0 / 15;
  series = series * z + 2.0 / 13;
  series = series * z + 2.0 / 11;
#endif
  series = series * z + (NUMBER)(2.0 / 9);
  series = series * z + (NUMBER)(2.0 / 7);
  series = series * z + (NUMBER)(2.0 / 5);
  series = series * z + (NUMBER)(2.0 / 3);
  return k * LN2_HIGH + (f - (s * (f - z * series) - k * LN2_LOW));
}

static inline NUMBER NAMED(log)(NUMBER x) {
  const NUMBER least_normal = NAMED(from_bits)((BITS)1 << MANTISSA), lift = (NUMBER)(1ull << MANTISSA);
  bool denormal = x < least_normal;
  NUMBER y = NAMED(log_normal)(denormal ? x * lift : x);
  y -= denormal ? MANTISSA * (NUMBER)0.69314718055994531 : 0;
  y = x > 0 ? y : x == 0 ? -INFINITY : NAN;
  return x == INFINITY ? x : y;
}

/* log(1 + x) for 0 <= x <= 1: the part of x that is lost in u = 1 + x comes back as a first-order term. */
static inline NUMBER NAMED(log1p_unit)(NUMBER x) {
  NUMBER u = 1 + x, lost = x - (u - 1);
  return NAMED(log_normal)(u) + lost / u;
}

static inline NUMBER NAMED(sigmoid)(NUMBER x) { return 1 / (1 + NAMED(exp)(-x)); }

static inline NUMBER NAMED(softplus)(NUMBER x) { return (x > 0 ? x : 0) + NAMED(log1p_unit)(NAMED(exp)(-fabs(x))); }

#undef NUMBER
#undef BITS
#undef NAMED
#undef MANTISSA
#undef EXPONENT_BIAS
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_LEAST
#undef EXP_MOST
#undef ONE_BITS
