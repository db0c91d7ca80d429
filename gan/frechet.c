#include "gan/frechet.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

static void fit(gan_gaussian *gaussian, const ag_real *values, size_t count) {
  size_t d = gaussian->dimension;
  double *mean = gaussian->mean, *covariance = gaussian->covariance;
  for (size_t n = 0; n < count; n++)
    for (size_t i = 0; i < d; i++) mean[i] += (double)values[n * d + i] / (double)count;
  for (size_t n = 0; n < count; n++) {
    const ag_real *x = values + n * d;
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j <= i; j++) covariance[i * d + j] += ((double)x[i] - mean[i]) * ((double)x[j] - mean[j]);
  }
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j <= i; j++) covariance[j * d + i] = covariance[i * d + j] /= (double)(count - 1);
}

bool gan_gaussian_fit(gan_gaussian *gaussian, const ag_tensor *samples) {
  if (!gaussian || !samples) return ag_fail_null("gan_gaussian_fit", "gaussian or samples");
  *gaussian = (gan_gaussian){0};
  ag_shape shape = ag_shape_of(samples);
  if (shape.rank != 2 || shape.sizes[0] < 2 || shape.sizes[1] < 1)
    return ag_fail(AG_ERROR_SHAPE, "gaussian: samples are %s, expected [N, dimension] with N of at least 2",
                   ag_shape_print(shape).text);
  gaussian->dimension = (size_t)shape.sizes[1];
  gaussian->mean = ag_allocate(gaussian->dimension, sizeof(double));
  gaussian->covariance = ag_allocate(gaussian->dimension, gaussian->dimension * sizeof(double));
  bool made = gaussian->mean && gaussian->covariance;
  if (made) fit(gaussian, ag_data(samples), (size_t)shape.sizes[0]);
  else gan_gaussian_free(gaussian);
  return made;
}

void gan_gaussian_free(gan_gaussian *gaussian) {
  if (!gaussian) return;
  ag_free(gaussian->mean);
  ag_free(gaussian->covariance);
  *gaussian = (gan_gaussian){0};
}

/* The eigenvalues of a symmetric matrix [n, n]. With vectors, row i of the matrix becomes the eigenvector of values[i].
 */
static bool eigenvalues(size_t n, double *matrix, bool vectors, double *values) {
  lapack_int order = (lapack_int)n;
  lapack_int info = LAPACKE_dsyev(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'U', order, matrix, order, values);
  if (info == 0) return true;
  return ag_fail(AG_ERROR_ARGUMENT, "frechet distance: LAPACK finds no eigenvalues (%d): are all features finite?",
                 (int)info);
}

/* product = a b^T, all [n, n]. */
static void multiply_transposed(size_t n, const double *a, const double *b, double *product) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t k = 0; k < n; k++) sum += a[i * n + k] * b[j * n + k];
      product[i * n + j] = sum;
    }
}

/* Tr (A B)^1/2, the sum of the roots of the eigenvalues of A^1/2 B A^1/2. With A = V diag(w) V^T those are the ones of
 * S B S^T, S = diag(w)^1/2 V^T. workspace holds 3 n^2 + n. */
static bool trace_of_root(size_t n, const double *a, const double *b, double *workspace, double *trace) {
  double *s = workspace, *product = s + n * n, *inner = product + n * n, *values = inner + n * n;
  memcpy(s, a, n * n * sizeof *s);
  if (!eigenvalues(n, s, true, values)) return false;
  for (size_t i = 0; i < n; i++) /* rounding may leave an eigenvalue of 0 a little below it */
    for (size_t k = 0; k < n; k++) s[i * n + k] *= sqrt(fmax(values[i], 0));
  multiply_transposed(n, s, b, product);
  multiply_transposed(n, product, s, inner);
  if (!eigenvalues(n, inner, false, values)) return false;
  *trace = 0;
  for (size_t i = 0; i < n; i++) *trace += sqrt(fmax(values[i], 0));
  return true;
}

bool gan_frechet_distance(const gan_gaussian *one, const gan_gaussian *other, double *distance) {
  if (!one || !one->mean || !one->covariance || !other || !other->mean || !other->covariance || !distance)
    return ag_fail_null("gan_frechet_distance", "an argument");
  size_t n = one->dimension;
  if (other->dimension != n)
    return ag_fail(AG_ERROR_SHAPE, "frechet distance: dimensions are %zu and %zu, expected the same", n,
                   other->dimension);
  if (n > INT32_MAX) return ag_fail(AG_ERROR_SHAPE, "frechet distance: %zu dimensions are more than LAPACK takes", n);
  double *workspace = ag_allocate(n, (3 * n + 1) * sizeof *workspace), root;
  bool done = workspace && trace_of_root(n, one->covariance, other->covariance, workspace, &root);
  ag_free(workspace);
  if (!done) return false;
  *distance = -2 * root;
  for (size_t i = 0; i < n; i++) {
    double apart = one->mean[i] - other->mean[i];
    *distance += apart * apart + one->covariance[i * n + i] + other->covariance[i * n + i];
  }
  return isfinite(*distance) ||
         ag_fail(AG_ERROR_ARGUMENT, "frechet distance: it is %g: are all features finite?", *distance);
}
