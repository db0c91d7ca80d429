/* Random numbers from Philox 4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as
 * easy as 1, 2, 3 (SC 2011). Block i of a draw encrypts the counter {i, draw} (two words each, low one first) under the
 * seed, so any element can be had at once by any thread. */

enum { BLOCKS = 16, WORDS = 4 * BLOCKS }; /* blocks made together, side by side in the vector units */

/* words[4 i + w] = word w of block first + i */
static void philox(uint64_t seed, uint64_t draw, uint64_t first, uint32_t words[WORDS]) {
  for (size_t i = 0; i < BLOCKS; i++) {
    uint32_t c0 = (uint32_t)(first + i), c1 = (uint32_t)((first + i) >> 32);
    uint32_t c2 = (uint32_t)draw, c3 = (uint32_t)(draw >> 32);
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++, key0 += 0x9E3779B9, key1 += 0xBB67AE85) {
      uint64_t a = (uint64_t)0xD2511F53 * c0, b = (uint64_t)0xCD9E8D57 * c2;
      c0 = (uint32_t)(b >> 32) ^ c1 ^ key0, c1 = (uint32_t)b;
      c2 = (uint32_t)(a >> 32) ^ c3 ^ key1, c3 = (uint32_t)a;
    }
    words[4 * i] = c0, words[4 * i + 1] = c1, words[4 * i + 2] = c2, words[4 * i + 3] = c3;
  }
}

/* `low` is reached, `high` is not, whatever the rounding. */
static void uniform(uint64_t seed, uint64_t counter, size_t n, double low, double high, real *y) {
  const real end = (real)high, last = nextafter(end, (real)low);
#pragma omp parallel for schedule(static) if (n >= PARALLEL)
  for (size_t i = 0; i < n; i += WORDS) {
    uint32_t words[WORDS];
    philox(seed, counter, i / 4, words);
    for (size_t j = 0; j < smaller(WORDS, n - i); j++) {
      real value = (real)(low + (high - low) * ((double)(words[j] >> 8) * 0x1p-24));
      y[i + j] = value < end ? value : last;
    }
  }
}

static inline double polynomial(const double coefficient[8], double x) {
  double sum = coefficient[7];
  for (int i = 6; i >= 0; i--) sum = sum * x + coefficient[i];
  return sum;
}

/* The inverse of the normal distribution function for 2^-33 <= p <= 1 - 2^-33: M. J. Wichura, Algorithm AS 241
 * (PPND16), Applied Statistics 37 (1988) 477-484, relative error 1e-16, without its last part, for p below 1e-11. */
static double inverse_normal(double p) {
  static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e2,  1.9715909503065514427e3,
                              1.3731693765509461125e4,  4.5921953931549871457e4,  6.7265770927008700853e4,
                              3.3430575583588128105e4,  2.5090809287301226727e3};
  static const double b[8] = {1.0,                      4.2313330701600911252e1,  6.8718700749205790830e2,
                              5.3941960214247511077e3,  2.1213794301586595867e4,  3.9307895800092710610e4,
                              2.8729085735721942674e4,  5.2264952788528545610e3};
  static const double c[8] = {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                              3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
                              2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static const double d[8] = {1.0,                      2.05319162663775882187e0, 1.67638483018380384940e0,
                              6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
                              5.47593808499534494600e-4, 1.05075007164441684324e-9};
  double q = p - 0.5;
  if (fabs(q) <= 0.425) return q * polynomial(a, 0.180625 - q * q) / polynomial(b, 0.180625 - q * q);
  double r = sqrt(-log_f64(q < 0 ? p : 1 - p));
  double tail = polynomial(c, r - 1.6) / polynomial(d, r - 1.6);
  return q < 0 ? -tail : tail;
}

static void normal(uint64_t seed, uint64_t counter, size_t n, double mean, double deviation, real *y) {
#pragma omp parallel for schedule(static) if (n >= PARALLEL)
  for (size_t i = 0; i < n; i += WORDS) {
    uint32_t words[WORDS];
    philox(seed, counter, i / 4, words);
    for (size_t j = 0; j < smaller(WORDS, n - i); j++)
      y[i + j] = (real)(mean + deviation * inverse_normal((words[j] + 0.5) * 0x1p-32));
  }
}

static void dropout(uint64_t seed, uint64_t counter, double rate, size_t n, const real *x, real *y) {
  /* word / 2^24 >= rate, in whole numbers */
  const uint32_t least = (uint32_t)ceil(rate * 0x1p24);
  const real factor = (real)(1 / (1 - rate));
#pragma omp parallel for schedule(static) if (n >= PARALLEL)
  for (size_t i = 0; i < n; i += WORDS) {
    uint32_t words[WORDS];
    philox(seed, counter, i / 4, words);
    for (size_t j = 0; j < smaller(WORDS, n - i); j++) y[i + j] = words[j] >> 8 >= least ? x[i + j] * factor : 0;
  }
}
