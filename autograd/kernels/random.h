/* Random numbers from Philox 4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as
 * easy as 1, 2, 3 (SC 2011). Block i of a draw encrypts the counter {i, draw} (two words each, low one first) under the
 * seed, so any element can be had at once by any thread. */

enum { BLOCKS = 64, WORDS = 4 * BLOCKS }; /* blocks made together, side by side in the vector units */

/* words[4 i + w] = word w of block first + i; first is a multiple of BLOCKS. At least `count` words are made: their
 * number, a multiple of 64, is returned. A round is done for all blocks before the next, so that none waits for its
 * own products; these are taken in two halves, which compilers make better vector code of than of whole ones. */
static size_t philox(uint64_t seed, uint64_t draw, uint64_t first, size_t count, uint32_t words[WORDS]) {
  uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32), c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS];
  const size_t blocks = pieces_of(count, 64) * 16;
  for (size_t i = 0; i < blocks; i++) {
    c0[i] = (uint32_t)first + (uint32_t)i, c1[i] = (uint32_t)(first >> 32);
    c2[i] = (uint32_t)draw, c3[i] = (uint32_t)(draw >> 32);
  }
  for (int round = 0; round < 10; round++, key0 += 0x9E3779B9, key1 += 0xBB67AE85) {
    for (size_t i = 0; i < blocks; i++) {
      uint32_t high_a = (uint32_t)((uint64_t)0xD2511F53 * c0[i] >> 32), low_a = 0xD2511F53 * c0[i];
      uint32_t high_b = (uint32_t)((uint64_t)0xCD9E8D57 * c2[i] >> 32), low_b = 0xCD9E8D57 * c2[i];
      c0[i] = high_b ^ c1[i] ^ key0, c1[i] = low_b;
      c2[i] = high_a ^ c3[i] ^ key1, c3[i] = low_a;
    }
  }
  for (size_t i = 0; i < blocks; i++)
    words[4 * i] = c0[i], words[4 * i + 1] = c1[i], words[4 * i + 2] = c2[i], words[4 * i + 3] = c3[i];
  return 4 * blocks;
}

/* `low` is reached, `high` is not, whatever the rounding. */
static void uniform(uint64_t seed, uint64_t counter, size_t n, double low, double high, real *y) {
  const real end = (real)high, last = nextafter(end, (real)low);
#pragma omp parallel for schedule(static) if (n >= PARALLEL)
  for (size_t i = 0; i < n; i += WORDS) {
    uint32_t words[WORDS];
    const size_t count = smaller(WORDS, n - i);
    philox(seed, counter, i / 4, count, words);
    for (size_t j = 0; j < count; j++) {
      real value = (real)(low + (high - low) * ((int32_t)(words[j] >> 8) * 0x1p-24)); /* signed converts faster */
      y[i + j] = value < end ? value : last;
    }
  }
}

static inline double polynomial(const double coefficient[8], double x) {
  double sum = coefficient[7];
#pragma GCC unroll 7
  for (int i = 6; i >= 0; i--) sum = sum * x + coefficient[i];
  return sum;
}

/* The number below which a normal number lies with the probability 1/2 + q, |q| <= 1/2 - 2^-33: M. J. Wichura,
 * Algorithm AS 241 (PPND16), Applied Statistics 37 (1988) 477-484, relative error 1e-16, without its last part, for
 * probabilities below 1e-11. Both parts are computed, so that loops vectorise. */
static inline double inverse_normal(double q) {
  static const double a[8] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                              1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                              3.3430575583588128105e4, 2.5090809287301226727e3};
  static const double b[8] = {1.0000000000000000000e0, 4.2313330701600911252e1, 6.8718700749205790830e2,
                              5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4,
                              2.8729085735721942674e4, 5.2264952788528545610e3};
  static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                              3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                              2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static const double d[8] = {1.00000000000000000000e0,  2.05319162663775882187e0,  1.67638483018380384940e0,
                              6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
                              5.47593808499534494600e-4, 1.05075007164441684324e-9};
  const bool tail = fabs(q) > 0.425;
  double t = 0.180625 - q * q, r = sqrt(-log_normal_f64(0.5 - fabs(q))) - 1.6;
  double numerator = tail ? polynomial(c, r) : q * polynomial(a, t);
  double quotient = numerator / (tail ? polynomial(d, r) : polynomial(b, t));
  return tail ? copysign(quotient, q) : quotient;
}

static void normal(uint64_t seed, uint64_t counter, size_t n, double mean, double deviation, real *y) {
#pragma omp parallel for schedule(static) if (n >= PARALLEL)
  for (size_t i = 0; i < n; i += WORDS) {
    uint32_t words[WORDS];
    double numbers[WORDS];
    const size_t count = smaller(WORDS, n - i), made = philox(seed, counter, i / 4, count, words);
    for (size_t j = 0; j < made; j++) { /* whole vectors: a rest might be rounded in another way */
      double q = ((int32_t)(words[j] ^ 0x80000000) + 0.5) * 0x1p-32; /* (words[j] + 1/2) / 2^32 - 1/2 */
      numbers[j] = mean + deviation * inverse_normal(q);
    }
    for (size_t j = 0; j < count; j++) y[i + j] = (real)numbers[j];
  }
}

/* What it reads and writes is fetched while the words are made. */
static void dropout(uint64_t seed, uint64_t counter, double rate, size_t n, const real *x, real *y) {
  /* word / 2^24 >= rate, in whole numbers */
  const int32_t least = (int32_t)ceil(rate * 0x1p24);
  const real factor = (real)(1 / (1 - rate));
#pragma omp parallel for schedule(static) if (n >= PARALLEL)
  for (size_t i = 0; i < n; i += WORDS) {
    uint32_t words[WORDS];
    const size_t count = smaller(WORDS, n - i);
    for (size_t j = 0; j < count; j += 64 / sizeof(real))
      __builtin_prefetch(x + i + j), __builtin_prefetch(y + i + j, 1);
    philox(seed, counter, i / 4, count, words);
    for (size_t j = 0; j < count; j++) y[i + j] = (int32_t)(words[j] >> 8) >= least ? x[i + j] * factor : 0;
  }
}
