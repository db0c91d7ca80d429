/* The tests of test_kernels.c for one type of number; included for float and for double. */

#define EPSILON (ldexp(1, 1 - DIGITS))

static REAL *TYPED(numbers)(size_t n) {
  REAL *x = guarded_take(n * sizeof *x, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (REAL)next_number();
  return x;
}

static REAL *TYPED(space)(size_t n) {
  REAL *x = guarded_take(n * sizeof *x, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (REAL)-77; /* must be overwritten */
  return x;
}

/* The distance in units of the last place of the expected value. */
static long double TYPED(units)(REAL actual, long double expected) {
  int exponent;
  frexpl(expected, &exponent);
  if (exponent < EXPONENT_MIN) exponent = EXPONENT_MIN;
  return fabsl((long double)actual - expected) / ldexpl(1, exponent - DIGITS);
}

static long double TYPED(exact)(kernel_map f, long double x) {
  switch (f) {
  case KERNEL_EXP: return expl(x);
  case KERNEL_LOG: return logl(x);
  case KERNEL_TANH: return tanhl(x);
  case KERNEL_SIGMOID: return 1 / (1 + expl(-x));
  default: return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))); /* softplus */
  }
}

/* Evenly over a range, and evenly over the exponents of small numbers, both with odd counts. */
static void TYPED(elementary_functions_are_accurate)(void **state) {
  (void)state;
  enum { N = 40001 };
  static const struct {
    kernel_map f;
    double low, high;
  } ranges[] = {{KERNEL_EXP, -EXP_RANGE, EXP_RANGE}, {KERNEL_EXP, -1.2 * EXP_RANGE, -EXP_RANGE}, {KERNEL_EXP, -2, 2},
                {KERNEL_LOG, 0.4, 2.5}, {KERNEL_LOG, 0.99, 1.01}, {KERNEL_LOG, 0, 1e6}, {KERNEL_TANH, -25, 25},
                {KERNEL_TANH, -1, 1}, {KERNEL_SIGMOID, -EXP_RANGE, 50}, {KERNEL_SIGMOID, -3, 3},
                {KERNEL_SOFTPLUS, -EXP_RANGE, 50}, {KERNEL_SOFTPLUS, -3, 3}};
  REAL *x = TYPED(space)(N), *y = TYPED(space)(N);
  for (size_t r = 0; r < 2 * sizeof ranges / sizeof *ranges; r++) {
    kernel_map f = ranges[r / 2].f;
    double low = ranges[r / 2].low, high = ranges[r / 2].high;
    for (size_t i = 0; i < N; i++) {
      x[i] = (REAL)(low + (high - low) * (double)(i + 1) / (N + 1));
      if (r % 2 == 1) x[i] = (REAL)(high * pow(2, -((double)EXPONENT_MIN * -1.02) * (double)i / N));
    }
    TYPED(kernels)()->map(f, N, x, 0, 0, y);
    for (size_t i = 0; i < N; i++) {
      long double expected = TYPED(exact)(f, x[i]);
      if (!(TYPED(units)(y[i], expected) <= 3))
        fail_msg("function %d of %.17g is %.17g, expected %.17Lg", f, (double)x[i], (double)y[i], expected);
    }
  }
  guarded_free(x), guarded_free(y);
}

static void TYPED(elementary_functions_keep_their_limits)(void **state) {
  (void)state;
  static const struct {
    kernel_map f;
    double x, y;
  } limits[] = {{KERNEL_EXP, 0, 1}, {KERNEL_EXP, INFINITY, INFINITY}, {KERNEL_EXP, -INFINITY, 0},
                {KERNEL_EXP, NAN, NAN},
                {KERNEL_EXP, 1e5, INFINITY}, {KERNEL_EXP, -1e5, 0}, {KERNEL_LOG, 1, 0}, {KERNEL_LOG, 0, -INFINITY},
                {KERNEL_LOG, -0.0, -INFINITY}, {KERNEL_LOG, -1, NAN}, {KERNEL_LOG, -INFINITY, NAN},
                {KERNEL_LOG, INFINITY, INFINITY},
                {KERNEL_LOG, NAN, NAN}, {KERNEL_TANH, 0, 0}, {KERNEL_TANH, INFINITY, 1}, {KERNEL_TANH, -INFINITY, -1},
                {KERNEL_TANH, 100, 1}, {KERNEL_TANH, NAN, NAN}, {KERNEL_SIGMOID, 0, 0.5}, {KERNEL_SIGMOID, INFINITY, 1},
                {KERNEL_SIGMOID, -INFINITY, 0}, {KERNEL_SIGMOID, NAN, NAN}, {KERNEL_SOFTPLUS, INFINITY, INFINITY},
                {KERNEL_SOFTPLUS, -INFINITY, 0}, {KERNEL_SOFTPLUS, 1e6, 1e6}, {KERNEL_SOFTPLUS, NAN, NAN}};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    REAL x[9], y[9]; /* nine: vectors and a rest */
    for (int j = 0; j < 9; j++) x[j] = (REAL)limits[i].x;
    TYPED(kernels)()->map(limits[i].f, 9, x, 0, 0, y);
    for (int j = 0; j < 9; j++) check_near((double)y[j], limits[i].y, 0, "limit", i);
  }
  REAL zero = (REAL)-0.0;
  TYPED(kernels)()->map(KERNEL_TANH, 1, &zero, 0, 0, &zero);
  assert_true(signbit(zero));
}

static void TYPED(check_power)(REAL actual, REAL expected, size_t index) {
  bool near = actual == expected || (isfinite(expected) && TYPED(units)(actual, expected) <= 1.5);
  if (isnan(expected) ? isnan(actual) : near && signbit(actual) == signbit(expected)) return;
  fail_msg("power %zu is %.9g, expected %.9g", index, (double)actual, (double)expected);
}

/* Appendix F: signs, zeros, infinities, NaN, and exponents that are whole, odd or neither. */
static void TYPED(powers_are_those_of_c)(void **state) {
  (void)state;
  static const double numbers[] = {0,   -0.0, 1,    -1,   2,    -2,       0.5,       -0.5, 3,        -3,       2.5,
                                   -2.5, 1e-3, -1e-3, 126, 1.001, 16777215, -16777216, 1e38, INFINITY, -INFINITY, NAN};
  enum { NUMBERS = sizeof numbers / sizeof *numbers };
  const kernel_grid grid = {.rank = 1, .sizes = {NUMBERS}, .strides = {{1}, {0}, {1}}};
  for (size_t i = 0; i < NUMBERS; i++) {
    REAL x[NUMBERS], by_map[NUMBERS], by_zip[NUMBERS], exponent = (REAL)numbers[i];
    for (size_t k = 0; k < NUMBERS; k++) x[k] = (REAL)numbers[k];
    TYPED(kernels)()->map(KERNEL_POW_SCALAR, NUMBERS, x, (double)exponent, 0, by_map);
    TYPED(kernels)()->zip(KERNEL_POW, &grid, x, &exponent, 0, 0, by_zip);
    for (size_t k = 0; k < NUMBERS; k++) {
      const REAL expected = (REAL)pow((double)x[k], (double)exponent);
      TYPED(check_power)(by_map[k], expected, i * NUMBERS + k);
      TYPED(check_power)(by_zip[k], expected, i * NUMBERS + k);
    }
  }
}

static void TYPED(map_follows_the_formulas)(void **state) {
  (void)state;
  static const struct {
    kernel_map f;
    double p, q, x, y;
  } cases[] = {{KERNEL_SCALE, 3, 0, -2, -6}, {KERNEL_ADD_SCALAR, 3, 0, -2, 1}, {KERNEL_SQUARE, 0, 0, -3, 9},
               {KERNEL_SQRT, 0, 0, 9, 3}, {KERNEL_SQRT, 0, 0, -1, NAN}, {KERNEL_RECIPROCAL, 0, 0, 4, 0.25},
               {KERNEL_ABS, 0, 0, -4, 4}, {KERNEL_SIGN, 0, 0, -4, -1}, {KERNEL_SIGN, 0, 0, 4, 1},
               {KERNEL_SIGN, 0, 0, 0, 0}, {KERNEL_SIGN, 0, 0, NAN, NAN}, {KERNEL_POW_SCALAR, 3, 0, -2, -8},
               {KERNEL_POW_SCALAR, 0.5, 0, 4, 2}, {KERNEL_CLIP, -1, 2, 5, 2}, {KERNEL_CLIP, -1, 2, -5, -1},
               {KERNEL_CLIP, -1, 2, 1, 1}, {KERNEL_CLIP, -1, 2, NAN, NAN}, {KERNEL_LEAKY_RELU, 0.25, 0, -4, -1},
               {KERNEL_LEAKY_RELU, 0.25, 0, 4, 4}, {KERNEL_LEAKY_RELU, 0, 0, -INFINITY, 0},
               {KERNEL_LEAKY_RELU, 0, 0, NAN, NAN}, {KERNEL_LEAKY_RELU, 0.25, 0, NAN, NAN}};
  enum { N = 40009 };
  REAL *x = TYPED(space)(N), *y = TYPED(space)(N);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (size_t j = 0; j < N; j++) x[j] = (REAL)cases[i].x;
    TYPED(kernels)()->map(cases[i].f, N, x, cases[i].p, cases[i].q, y);
    for (size_t j = 0; j < N; j++) check_near((double)y[j], cases[i].y, 0, "map", i);
  }
  guarded_free(x), guarded_free(y);
}

static double TYPED(zip_formula)(kernel_zip f, double a, double b, double p, double q) {
  switch (f) {
  case KERNEL_ADD: return a + b;
  case KERNEL_ADD_LEAKY_RELU: return a + b > 0 ? a + b : p * (a + b);
  case KERNEL_SUB: return a - b;
  case KERNEL_MUL: return a * b;
  case KERNEL_DIV: return a / b;
  case KERNEL_POW: return pow(a, b);
  case KERNEL_MAXIMUM: return fmax(a, b);
  case KERNEL_MINIMUM: return fmin(a, b);
  case KERNEL_EQUAL: return a == b;
  case KERNEL_NOT_EQUAL: return a != b;
  case KERNEL_LESS: return a < b;
  case KERNEL_LESS_EQUAL: return a <= b;
  case KERNEL_GREATER: return a > b;
  case KERNEL_GREATER_EQUAL: return a >= b;
  case KERNEL_LEAKY_GATE: return b > 0 ? a : p * a;
  case KERNEL_CLIP_GATE: return b >= p && b <= q ? a : 0;
  default: return fmax(b, 0) - a * b + log1p(exp(-fabs(b)));
  }
}

static void TYPED(zip_follows_the_formulas)(void **state) {
  (void)state;
  enum { N = 1003 };
  const kernel_grid grid = {.rank = 1, .sizes = {N}, .strides = {{1}, {1}, {1}}};
  REAL *a = TYPED(numbers)(N), *b = TYPED(numbers)(N), *y = TYPED(space)(N);
  for (size_t i = 0; i < N; i += 5) b[i] = a[i]; /* ties */
  b[3] = 0, b[4] = (REAL)-0.5, b[6] = 1;
  for (kernel_zip f = KERNEL_ADD; f <= KERNEL_SIGMOID_CROSS_ENTROPY; f++) {
    TYPED(kernels)()->zip(f, &grid, a, b, -0.5, 1, y);
    for (size_t i = 0; i < N; i++)
      check_near((double)y[i], TYPED(zip_formula)(f, (double)a[i], (double)b[i], -0.5, 1), 8 * EPSILON, "zip", i);
  }
  a[0] = INFINITY, b[0] = -1; /* a gate of slope 0 lets nothing through */
  TYPED(kernels)()->zip(KERNEL_LEAKY_GATE, &grid, a, b, 0, 0, y);
  assert_true(y[0] == 0);
  guarded_free(a), guarded_free(b), guarded_free(y);
}

static void TYPED(maximum_and_minimum_pass_nan_on)(void **state) {
  (void)state;
  enum { N = 9 };
  const kernel_grid grid = {.rank = 1, .sizes = {N}, .strides = {{1}, {1}, {1}}};
  REAL nan[N], one[N], y[N];
  for (int i = 0; i < N; i++) nan[i] = NAN, one[i] = 1;
  for (kernel_zip f = KERNEL_MAXIMUM; f <= KERNEL_MINIMUM; f++) {
    for (int order = 0; order < 2; order++) {
      TYPED(kernels)()->zip(f, &grid, order ? nan : one, order ? one : nan, 0, 0, y);
      for (int i = 0; i < N; i++) assert_true(isnan(y[i]));
    }
  }
}

static void TYPED(zip_walks_any_grid)(void **state) {
  (void)state;
  REAL *a = TYPED(numbers)(GRID_ELEMENTS), *b = TYPED(numbers)(GRID_ELEMENTS);
  for (int g = 0; g < GRIDS; g++) {
    size_t n = grid_elements(&grids[g]);
    for (size_t apart = 1; apart <= 2; apart++) {
      const kernel_grid grid = laid(grids[g], 2, (ptrdiff_t)apart);
      REAL *y = TYPED(space)(n * apart);
      TYPED(kernels)()->zip(KERNEL_SUB, &grid, a, b, 0, 0, y);
      for (size_t i = 0; i < n; i++) {
        if (y[i * apart] != a[grid_offset(&grid, 0, i)] - b[grid_offset(&grid, 1, i)] ||
            (apart == 2 && y[2 * i + 1] != -77))
          fail_msg("grid %d, element %zu, %zu apart", g, i, apart);
      }
      guarded_free(y);
    }
  }
  guarded_free(a), guarded_free(b);
}

static void TYPED(where_walks_any_grid)(void **state) {
  (void)state;
  REAL *c = TYPED(numbers)(GRID_ELEMENTS), *a = TYPED(numbers)(GRID_ELEMENTS), *b = TYPED(numbers)(GRID_ELEMENTS);
  for (size_t i = 0; i < GRID_ELEMENTS; i += 1 + i % 3) c[i] = 0;
  for (int g = 0; g < GRIDS; g++) {
    size_t n = grid_elements(&grids[g]);
    REAL *y = TYPED(space)(n);
    TYPED(kernels)()->where(&grids[g], c, a, b, y);
    for (size_t i = 0; i < n; i++) {
      bool first = c[grid_offset(&grids[g], 0, i)] != 0;
      if (y[i] != (first ? a[grid_offset(&grids[g], 1, i)] : b[grid_offset(&grids[g], 2, i)]))
        fail_msg("grid %d, element %zu", g, i);
    }
    guarded_free(y);
  }
  guarded_free(a), guarded_free(b), guarded_free(c);
}

/* Reads with each operand's strides, writes densely and, where the grid is a transposition, the other way round. */
static void TYPED(copy_walks_any_grid)(void **state) {
  (void)state;
  REAL *from = TYPED(numbers)(GRID_ELEMENTS);
  for (int g = 0; g < GRIDS; g++) {
    size_t n = grid_elements(&grids[g]);
    for (int operand = 0; operand < 3; operand++) {
      REAL *to = TYPED(space)(n);
      kernel_grid grid = laid(grids[g], 1, 1);
      memcpy(grid.strides[0], grids[g].strides[operand], sizeof grid.strides[0]);
      TYPED(kernels)()->copy(&grid, from, to);
      for (size_t i = 0; i < n; i++)
        if (to[i] != from[grid_offset(&grid, 0, i)]) fail_msg("grid %d, operand %d, element %zu", g, operand, i);
      guarded_free(to);
    }
  }
  kernel_grid scattered = {.rank = 2, .sizes = {300, 200}, .strides = {{200, 1}, {2, 601}}};
  REAL *to = TYPED(space)(2 * 299 + 601 * 199 + 1);
  TYPED(kernels)()->copy(&scattered, from, to);
  for (size_t i = 0; i < 300 * 200; i++) assert_true(to[grid_offset(&scattered, 1, i)] == from[i]);
  assert_true(to[1] == -77 && to[600] == -77);
  scattered.strides[0][0] = scattered.strides[0][1] = 0; /* one element to all places */
  TYPED(kernels)()->copy(&scattered, from, to);
  for (size_t i = 0; i < 300 * 200; i++) assert_true(to[grid_offset(&scattered, 1, i)] == from[0]);
  assert_true(to[1] == -77 && to[600] == -77);
  guarded_free(from), guarded_free(to);
}

static void TYPED(fill_reaches_all_elements)(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 9, 8192, 8193, 100001};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    REAL *y = TYPED(space)(sizes[s]);
    TYPED(kernels)()->fill(sizes[s], 0.5, y);
    for (size_t i = 0; i < sizes[s]; i++) assert_true(y[i] == (REAL)0.5);
    guarded_free(y);
  }
}

static void TYPED(reduce_equals_a_slow_loop)(void **state) {
  (void)state;
  for (size_t s = 0; s < REDUCE_SHAPES; s++) {
    size_t outer = reduce_shapes[s].outer, count = reduce_shapes[s].count, inner = reduce_shapes[s].inner;
    size_t n = outer * inner;
    REAL *x = TYPED(numbers)(n * count), *sum = TYPED(space)(n), *max = TYPED(space)(n), *arg = TYPED(space)(n);
    for (size_t i = 0; i < outer * count * inner; i += 7) x[i] = (REAL)1.5; /* ties, near the largest */
    TYPED(kernels)()->reduce(KERNEL_SUM, outer, count, inner, x, sum);
    if (count > 0) TYPED(kernels)()->reduce(KERNEL_MAX, outer, count, inner, x, max);
    if (count > 0) TYPED(kernels)()->argmax(outer, count, inner, x, arg);
    for (size_t o = 0; o < n; o++) {
      long double total = 0;
      double largest = -INFINITY;
      size_t at = 0;
      for (size_t k = 0; k < count; k++) {
        double value = (double)x[(o / inner * count + k) * inner + o % inner];
        total += value;
        if (value > largest) largest = value, at = k;
      }
      check_near((double)sum[o], (double)total, 1e-13 + EPSILON, "sum", s);
      if (count == 0) continue;
      check_near((double)max[o], largest, 0, "max", s);
      check_near((double)arg[o], (double)at, 0, "argmax", s);
    }
    guarded_free(x), guarded_free(sum), guarded_free(max), guarded_free(arg);
  }
}

static void TYPED(max_and_argmax_take_nan_for_the_largest)(void **state) {
  (void)state;
  static const reduce_shape shapes[] = {{1, 5, 1},     {150, 9, 1},  {3, 32, 1},   {1, 200, 1},
                                        {1, 40000, 1}, {2, 300, 3}, {1, 3000, 64}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    size_t outer = shapes[s].outer, count = shapes[s].count, inner = shapes[s].inner, n = outer * inner;
    for (size_t place = 0; place < count; place += 1 + count / 7) {
      REAL *x = TYPED(numbers)(outer * count * inner), *max = TYPED(space)(n), *arg = TYPED(space)(n);
      for (size_t o = 0; o < n; o++) x[(o / inner * count + place) * inner + o % inner] = NAN;
      if (place + 1 < count) x[(place + 1) * inner] = NAN; /* a later one */
      TYPED(kernels)()->reduce(KERNEL_MAX, outer, count, inner, x, max);
      TYPED(kernels)()->argmax(outer, count, inner, x, arg);
      for (size_t o = 0; o < n; o++) {
        assert_true(isnan(max[o]));
        assert_true(arg[o] == (REAL)place);
      }
      guarded_free(x), guarded_free(max), guarded_free(arg);
    }
  }
}

static void TYPED(long_sums_stay_accurate)(void **state) {
  (void)state;
  enum { N = 10000019 };
  REAL *x = guarded_take(N * sizeof *x, sizeof *x), y;
  for (size_t i = 0; i < N; i++) x[i] = (REAL)0.1;
  TYPED(kernels)()->reduce(KERNEL_SUM, 1, N, 1, x, &y);
  double expected = (double)x[0] * N;
  assert_true(fabs((double)y - expected) <= 1e-7 * expected);
  guarded_free(x);
}

static void TYPED(gather_and_scatter_are_transposes)(void **state) {
  (void)state;
  static const struct {
    size_t outer, count, inner, picks;
  } shapes[] = {{1, 5, 1, 9}, {300, 40, 1, 50}, {3, 7, 4, 5}, {1, 50, 130, 400}, {40, 10, 67, 30}, {2, 3, 5, 0}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    size_t outer = shapes[s].outer, count = shapes[s].count, inner = shapes[s].inner, picks = shapes[s].picks;
    REAL *x = TYPED(numbers)(outer * count * inner), *y = TYPED(space)(outer * picks * inner);
    REAL *g = TYPED(numbers)(outer * picks * inner), *back = TYPED(numbers)(outer * count * inner);
    REAL *index = TYPED(space)(picks);
    double *expected = calloc(outer * count * inner, sizeof *expected);
    for (size_t i = 0; i < outer * count * inner; i++) expected[i] = (double)back[i]; /* what a scatter adds to */
    for (size_t i = 0; i < picks; i++) index[i] = (REAL)(i * i % count);
    TYPED(kernels)()->gather(outer, count, inner, picks, index, x, y);
    TYPED(kernels)()->scatter(outer, count, inner, picks, index, g, back);
    for (size_t o = 0; o < outer; o++) {
      for (size_t i = 0; i < picks * inner; i++) {
        size_t row = (o * count + (size_t)index[i / inner]) * inner + i % inner;
        assert_true(y[o * picks * inner + i] == x[row]);
        expected[row] += (double)g[o * picks * inner + i];
      }
    }
    for (size_t i = 0; i < outer * count * inner; i++)
      check_near((double)back[i], expected[i], 50 * EPSILON, "scatter", i);
    guarded_free(index), guarded_free(x), guarded_free(g), guarded_free(y), guarded_free(back), free(expected);
  }
}

/* Where tap `tap` of output place (n, row, column) lies in the input, -1 if outside the image. */
static ptrdiff_t TYPED(tap_place)(const kernel_windows *w, size_t place, size_t tap) {
  ptrdiff_t row = (ptrdiff_t)(place / w->ow % w->oh * w->stride_h + tap / w->kw) - (ptrdiff_t)w->pad_h;
  ptrdiff_t column = (ptrdiff_t)(place % w->ow * w->stride_w + tap % w->kw) - (ptrdiff_t)w->pad_w;
  if (row < 0 || row >= (ptrdiff_t)w->h || column < 0 || column >= (ptrdiff_t)w->w) return -1;
  return (((ptrdiff_t)(place / w->ow / w->oh * w->h) + row) * (ptrdiff_t)w->w + column) * (ptrdiff_t)w->c;
}

static void TYPED(max_pool_takes_the_first_largest_inside)(void **state) {
  (void)state;
  for (size_t s = 0; s < WINDOWS; s++) {
    const kernel_windows *w = &windows[s];
    size_t inputs = w->n * w->h * w->w * w->c, outputs = w->n * w->oh * w->ow * w->c;
    REAL *x = TYPED(numbers)(inputs), *y = TYPED(space)(outputs), *which = TYPED(space)(outputs);
    REAL *g = TYPED(numbers)(outputs), *back = TYPED(space)(inputs), *again = TYPED(space)(outputs);
    double *expected = calloc(inputs, sizeof *expected);
    for (size_t i = 0; i < inputs; i++) x[i] = (REAL)(floor((double)x[i] * 3) - 9); /* ties, below the padding's 0 */
    for (size_t i = 5; i < inputs; i += 31) x[i] = i % 2 ? NAN : -INFINITY;
    if (s == 1) x[0] = x[1] = x[4] = x[5] = -INFINITY; /* all of one window */
    TYPED(kernels)()->max_pool(w, x, y, which);
    TYPED(kernels)()->pool_gather(w, x, which, again);
    TYPED(kernels)()->pool_scatter(w, g, which, back);
    for (size_t i = 0; i < outputs; i++) {
      ptrdiff_t best = -1;
      size_t best_tap = 0;
      for (size_t tap = 0; tap < w->kh * w->kw; tap++) {
        ptrdiff_t at = TYPED(tap_place)(w, i / w->c, tap);
        if (at < 0) continue;
        at += (ptrdiff_t)(i % w->c);
        bool larger = best < 0 || x[at] > x[best] || (isnan(x[at]) && !isnan(x[best]));
        if (larger) best = at, best_tap = tap;
      }
      check_near((double)which[i], (double)best_tap, 0, "which", i);
      check_near((double)y[i], (double)x[best], 0, "max_pool", i);
      check_near((double)again[i], (double)x[best], 0, "pool_gather", i);
      expected[best] += (double)g[i];
    }
    for (size_t i = 0; i < inputs; i++) check_near((double)back[i], expected[i], 20 * EPSILON, "pool_scatter", i);
    guarded_free(x), guarded_free(y), guarded_free(which), guarded_free(again), guarded_free(g), guarded_free(back);
    free(expected);
  }
}

static void TYPED(avg_pool_counts_what_is_inside)(void **state) {
  (void)state;
  for (size_t s = 0; s < WINDOWS; s++) {
    const kernel_windows *w = &windows[s];
    size_t inputs = w->n * w->h * w->w * w->c, outputs = w->n * w->oh * w->ow * w->c;
    REAL *x = TYPED(numbers)(inputs), *y = TYPED(space)(outputs);
    REAL *g = TYPED(numbers)(outputs), *back = TYPED(space)(inputs);
    double *expected = calloc(inputs, sizeof *expected);
    TYPED(kernels)()->avg_pool(w, x, y);
    TYPED(kernels)()->avg_pool_transpose(w, g, back);
    for (size_t i = 0; i < outputs; i++) {
      double sum = 0, inside = 0;
      for (int pass = 0; pass < 2; pass++) {
        for (size_t tap = 0; tap < w->kh * w->kw; tap++) {
          ptrdiff_t at = TYPED(tap_place)(w, i / w->c, tap);
          if (at < 0) continue;
          if (pass == 0)
            sum += (double)x[at + (ptrdiff_t)(i % w->c)], inside++;
          else
            expected[at + (ptrdiff_t)(i % w->c)] += (double)g[i] / inside;
        }
      }
      check_near((double)y[i], sum / inside, 20 * EPSILON, "avg_pool", i);
    }
    for (size_t i = 0; i < inputs; i++) check_near((double)back[i], expected[i], 20 * EPSILON, "avg_pool_transpose", i);
    guarded_free(x), guarded_free(y), guarded_free(g), guarded_free(back), free(expected);
  }
}

/* A mean far from 0 and a first row far from the mean. */
static void TYPED(batch_moments_stay_accurate)(void **state) {
  (void)state;
  static const size_t shapes[][2] = {{1, 3}, {7, 1}, {1000, 67}, {3001, 64}, {31, 2600}, {40, 1500}, {50000, 1}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    size_t rows = shapes[s][0], c = shapes[s][1];
    REAL *x = TYPED(numbers)(rows * c), *mean = TYPED(space)(c), *variance = TYPED(space)(c);
    for (size_t i = 0; i < rows * c; i++) x[i] = (REAL)((double)x[i] + 1000 + (i < c ? 500 : 0));
    TYPED(kernels)()->batch_moments(rows, c, x, mean, variance);
    for (size_t i = 0; i < c; i++) {
      long double sum = 0, squares = 0;
      for (size_t r = 0; r < rows; r++) sum += x[r * c + i];
      for (size_t r = 0; r < rows; r++) squares += (x[r * c + i] - sum / rows) * (x[r * c + i] - sum / rows);
      check_near((double)mean[i], (double)(sum / rows), 2 * EPSILON, "mean", i);
      check_near((double)variance[i], (double)(squares / rows), 1e-13 + 2 * EPSILON, "variance", i);
    }
    guarded_free(x), guarded_free(mean), guarded_free(variance);
  }
}

static void TYPED(check_batch_norm)(double slope) {
  static const size_t shapes[][2] = {{1, 3}, {7, 1}, {1000, 67}, {3001, 64}, {31, 2600}, {40, 1500}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    size_t rows = shapes[s][0], c = shapes[s][1], n = rows * c;
    REAL *x = TYPED(numbers)(n), *g = TYPED(numbers)(n), *mean = TYPED(numbers)(c), *scale = TYPED(numbers)(c);
    REAL *gamma = TYPED(numbers)(c), *beta = TYPED(numbers)(c), *y = TYPED(space)(n), *dx = TYPED(space)(n);
    REAL *sum_g = TYPED(space)(c), *sum_gx = TYPED(space)(c);
    TYPED(kernel_batch_norm) norm = {rows, c, x, mean, scale, gamma, beta, slope};
    TYPED(kernels)()->batch_normalize(&norm, y);
    TYPED(kernels)()->batch_sums(&norm, g, sum_g, sum_gx);
    TYPED(kernels)()->batch_norm_backward(&norm, g, sum_g, sum_gx, dx);
    for (size_t i = 0; i < c; i++) {
      double total = 0, total_x = 0;
      for (size_t k = i; k < n; k += c) {
        double normal = ((double)x[k] - (double)mean[i]) * (double)scale[i];
        double z = normal * (double)gamma[i] + (double)beta[i], gated = (double)(y[k] > 0 ? g[k] : (REAL)slope * g[k]);
        total += gated, total_x += gated * normal;
        check_near((double)y[k], z > 0 ? z : slope * z, 10 * EPSILON, "normalize", k);
      }
      check_near((double)sum_g[i], total, 1e-12 + 2 * EPSILON, "sum_g", i);
      check_near((double)sum_gx[i], total_x, 1e-12 + 2 * EPSILON, "sum_gx", i);
      for (size_t k = i; k < n; k += c) {
        double normal = ((double)x[k] - (double)mean[i]) * (double)scale[i];
        double expected = (double)gamma[i] * (double)scale[i] *
                          ((double)(y[k] > 0 ? g[k] : (REAL)slope * g[k]) - (total + normal * total_x) / (double)rows);
        check_near((double)dx[k], expected, 300 * EPSILON, "backward", k);
      }
    }
    guarded_free(x), guarded_free(g), guarded_free(mean), guarded_free(scale), guarded_free(gamma);
    guarded_free(beta), guarded_free(y), guarded_free(dx), guarded_free(sum_g), guarded_free(sum_gx);
  }
}

static void TYPED(batch_norm_equals_a_slow_loop)(void **state) {
  (void)state;
  TYPED(check_batch_norm)(1);
  TYPED(check_batch_norm)(0.3);
  TYPED(check_batch_norm)(0);
}

static void TYPED(random_numbers_are_those_of_the_words)(void **state) {
  (void)state;
  static const uint64_t draws[][2] = {{0, 0}, {1, 2}, {0xfedcba9876543210, 0x0123456789abcdef}};
  static const size_t sizes[] = {1, 3, 64, 101, 1025, 50003};
  for (size_t d = 0; d < 3; d++) {
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      REAL *uniform = TYPED(space)(sizes[s]), *normal = TYPED(space)(sizes[s]);
      TYPED(kernels)()->uniform(draws[d][0], draws[d][1], sizes[s], 0, 1, uniform);
      TYPED(kernels)()->normal(draws[d][0], draws[d][1], sizes[s], 0, 1, normal);
      for (size_t i = 0; i < sizes[s]; i++) {
        uint32_t word = reference_word(draws[d][0], draws[d][1], i);
        check_near((double)uniform[i], (word >> 8) * 0x1p-24, 0, "uniform", i);
        /* the distribution function takes a normal number back to the word, from whichever tail is the smaller */
        bool left = word < UINT32_C(0x80000000);
        long double p = left ? (word + 0.5L) * 0x1p-32L : 1 - (word + 0.5L) * 0x1p-32L;
        long double back = erfcl((left ? -1 : 1) * (long double)normal[i] * sqrtl(0.5L)) / 2;
        if (!(fabsl(back - p) <= 40 * EPSILON * p)) fail_msg("normal: element %zu is %.17g", i, (double)normal[i]);
      }
      guarded_free(uniform), guarded_free(normal);
    }
  }
}

static void TYPED(fewer_random_numbers_are_the_first_of_more)(void **state) {
  (void)state;
  enum { MOST = 2100 };
  REAL *x = TYPED(numbers)(MOST), *more[3], *fewer = TYPED(space)(MOST);
  for (int i = 0; i < 3; i++) more[i] = TYPED(space)(MOST);
  TYPED(kernels)()->uniform(3, 5, MOST, -0.3, 0.7, more[0]);
  TYPED(kernels)()->normal(3, 5, MOST, 0.1, 0.7, more[1]);
  TYPED(kernels)()->dropout(3, 5, 0.3, MOST, x, more[2]);
  for (size_t n = 1; n < MOST; n += 1 + n / 19) {
    TYPED(kernels)()->uniform(3, 5, n, -0.3, 0.7, fewer);
    assert_memory_equal(fewer, more[0], n * sizeof *fewer);
    TYPED(kernels)()->normal(3, 5, n, 0.1, 0.7, fewer);
    assert_memory_equal(fewer, more[1], n * sizeof *fewer);
    TYPED(kernels)()->dropout(3, 5, 0.3, n, x, fewer);
    assert_memory_equal(fewer, more[2], n * sizeof *fewer);
  }
  guarded_free(x), guarded_free(fewer), guarded_free(more[0]), guarded_free(more[1]), guarded_free(more[2]);
}

static void TYPED(uniform_stays_below_its_end)(void **state) {
  (void)state;
  enum { N = 100003 };
  const double ranges[][2] = {
      {1, (double)(REAL)(1 + EPSILON)}, {1 << 20, (1 << 20) + 1}, {-3, 5}, {2, 2}, {-1e-30, 1e-30}};
  REAL *y = TYPED(space)(N);
  for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
    double low = ranges[r][0], high = ranges[r][1], sum = 0;
    TYPED(kernels)()->uniform(7, r, N, low, high, y);
    for (size_t i = 0; i < N; i++) {
      assert_true((double)y[i] >= low && ((double)y[i] < high || low == high));
      sum += ((double)y[i] - low) / (high - low);
    }
    if (r >= 2 && r != 3) assert_true(fabs(sum / N - 0.5) < 5 / sqrt(12.0 * N));
  }
  TYPED(kernels)()->normal(7, 9, N, 3, 2, y);
  double sum = 0, squares = 0;
  for (size_t i = 0; i < N; i++) sum += (double)y[i] - 3, squares += ((double)y[i] - 3) * ((double)y[i] - 3);
  assert_true(fabs(sum / N) < 5 * 2 / sqrt(N) && fabs(squares / N - 4) < 5 * 4 * sqrt(2.0 / N));
  guarded_free(y);
}

static void TYPED(dropout_keeps_by_the_words)(void **state) {
  (void)state;
  const double just_kept = (reference_word(11, 4, 0) >> 8) * 0x1p-24, rates[] = {0, 0.25, 0.3, 0.9999999, just_kept};
  enum { N = 50005 };
  REAL *x = TYPED(numbers)(N), *y = TYPED(space)(N);
  for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
    TYPED(kernels)()->dropout(11, r, rates[r], N, x, y);
    for (size_t i = 0; i < N; i++) {
      bool kept = (reference_word(11, r, i) >> 8) * 0x1p-24 >= rates[r];
      check_near((double)y[i], kept ? (double)x[i] / (1 - rates[r]) : 0, 2 * EPSILON, "dropout", i);
    }
  }
  guarded_free(x), guarded_free(y);
}

static void TYPED(optimizers_follow_the_formulas)(void **state) {
  (void)state;
  enum { N = 40001 };
  const double rate = 0.125, decay = 0.01, epsilon = 1e-3;
  REAL *g = TYPED(numbers)(N), *w = TYPED(numbers)(N), *m = TYPED(numbers)(N), *v = TYPED(numbers)(N);
  REAL *new_w = TYPED(space)(N), *new_m = TYPED(space)(N), *new_v = TYPED(space)(N);
  for (size_t i = 0; i < N; i++) v[i] = (REAL)fabs((double)v[i]);
  for (int rule = 0; rule < 4; rule++) {
    memcpy(new_w, w, N * sizeof *w), memcpy(new_m, m, N * sizeof *m), memcpy(new_v, v, N * sizeof *v);
    if (rule == 0) TYPED(kernels)()->sgd(N, rate, 0, g, NULL, new_w);
    if (rule == 1) TYPED(kernels)()->sgd(N, rate, 0.9, g, new_m, new_w);
    if (rule == 2) TYPED(kernels)()->rmsprop(N, rate, 0.9, epsilon, g, new_v, new_w);
    if (rule == 3) TYPED(kernels)()->adam(N, rate, 0.9, 0.99, epsilon, decay, g, new_m, new_v, new_w);
    for (size_t i = 0; i < N; i++) {
      double gi = (double)g[i], wi = (double)w[i], mi = (double)m[i], vi = (double)v[i];
      if (rule == 0) wi -= rate * gi;
      if (rule == 1) mi = 0.9 * mi - rate * gi, wi += mi;
      if (rule == 2) vi = 0.9 * vi + 0.1 * gi * gi, wi -= rate * gi / (sqrt(vi) + epsilon);
      if (rule == 3) mi = 0.9 * mi + 0.1 * gi, vi = 0.99 * vi + 0.01 * gi * gi;
      if (rule == 3) wi -= decay * wi + rate * mi / (sqrt(vi) + epsilon);
      check_near((double)new_w[i], wi, 20 * EPSILON * (1 + fabs(wi - (double)w[i])), "w", i);
      check_near((double)new_m[i], mi, 8 * EPSILON, "m", i);
      check_near((double)new_v[i], vi, 8 * EPSILON, "v", i);
    }
  }
  guarded_free(g), guarded_free(w), guarded_free(m), guarded_free(v), guarded_free(new_w), guarded_free(new_m);
  guarded_free(new_v);
}

/* What kernels with sums or many pieces make of x [n] and g [n] on so many threads, one result after the other. */
static void TYPED(with_threads)(int threads, size_t n, const REAL *x, const REAL *g, REAL *y) {
  enum { C = 50 };
  const kernel_grid grid = {.rank = 2, .sizes = {n / C, C}, .strides = {{C, 1}, {0, 1}, {C, 1}}};
  const kernel_windows w = {.n = n / 700, .h = 7, .w = 4, .c = 25, .oh = 7, .ow = 4, .kh = 3, .kw = 3, .stride_h = 1,
                            .stride_w = 1, .pad_h = 1, .pad_w = 1};
  const TYPED(kernel_table) *k = TYPED(kernels)();
  kernel_set_threads(threads);
  k->map(KERNEL_TANH, n, x, 0, 0, y), y += n;
  k->zip(KERNEL_SIGMOID_CROSS_ENTROPY, &grid, x, g, 0, 0, y), y += n;
  k->reduce(KERNEL_SUM, 1, n, 1, x, y), y += 1;
  k->reduce(KERNEL_SUM, 1, n / C, C, x, y), y += C;
  k->reduce(KERNEL_SUM, n / C, C, 1, x, y), y += n / C;
  k->batch_moments(n / C, C, x, y, y + C), y += 2 * C;
  k->batch_sums(&(TYPED(kernel_batch_norm)){n / C, C, x, x, g, g, x, 0.3}, g, y, y + C), y += 2 * C;
  k->avg_pool_transpose(&w, x, y), y += n;
  k->normal(1, 2, n, 0, 1, y), y += n;
  k->uniform(1, 2, n, 0, 1, y), y += n;
  k->dropout(1, 2, 0.5, n, x, y), y += n;
  k->fill(3 * n, 1, y), k->adam(n, 0.1, 0.9, 0.99, 1e-3, 0, x, y, y + n, y + 2 * n), y += 3 * n;
  kernel_set_threads(0);
}

static void TYPED(threads_do_not_change_a_bit)(void **state) {
  (void)state;
  enum { N = 140000, RESULTS = 9 * N + N / 50 + 251 };
  REAL *x = TYPED(numbers)(N), *g = TYPED(numbers)(N), *one = TYPED(space)(RESULTS), *many = TYPED(space)(RESULTS);
  TYPED(with_threads)(1, N, x, g, one);
  for (int threads = 2; threads <= 4; threads++) {
    TYPED(with_threads)(threads, N, x, g, many);
    assert_memory_equal(one, many, RESULTS * sizeof *one);
  }
  guarded_free(x), guarded_free(g), guarded_free(one), guarded_free(many);
}

#undef EPSILON
