/* One pass over a variable and its moments each. `simd` says that they do not overlap; in pieces, so that the ends of
 * loops, which may be rounded in another way, do not depend on the number of threads. */

static void sgd(size_t n, double rate, double momentum, const real *g, real *velocity, real *w) {
  const real step = (real)rate, keep = (real)momentum;
  if (!velocity) { /* no momentum */
#pragma omp parallel for simd schedule(static, PIECE) if (parallel : n >= PARALLEL)
    for (size_t i = 0; i < n; i++) w[i] -= step * g[i];
    return;
  }
#pragma omp parallel for simd schedule(static, PIECE) if (parallel : n >= PARALLEL)
  for (size_t i = 0; i < n; i++) {
    velocity[i] = keep * velocity[i] - step * g[i];
    w[i] += velocity[i];
  }
}

static void rmsprop(size_t n, double rate, double rho, double epsilon, const real *g, real *square, real *w) {
  const real step = (real)rate, keep = (real)rho, add = (real)(1 - rho), least = (real)epsilon;
#pragma omp parallel for simd schedule(static, PIECE) if (parallel : n >= PARALLEL)
  for (size_t i = 0; i < n; i++) {
    square[i] = keep * square[i] + add * g[i] * g[i];
    w[i] -= step * g[i] / (sqrt(square[i]) + least);
  }
}

static void adam(size_t n, double rate, double beta1, double beta2, double epsilon, double decay, const real *g,
                 real *m, real *v, real *w) {
  const real step = (real)rate, least = (real)epsilon, shrink = (real)decay;
  const real keep1 = (real)beta1, add1 = (real)(1 - beta1), keep2 = (real)beta2, add2 = (real)(1 - beta2);
#pragma omp parallel for simd schedule(static, PIECE) if (parallel : n >= PARALLEL)
  for (size_t i = 0; i < n; i++) {
    m[i] = keep1 * m[i] + add1 * g[i];
    v[i] = keep2 * v[i] + add2 * g[i] * g[i];
    w[i] -= shrink * w[i] + step * m[i] / (sqrt(v[i]) + least);
  }
}
