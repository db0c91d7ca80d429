#include <math.h>

#include "nn/optimizer.h"

/* The norm of all gradients as one vector, as the norm of their norms; 0 where all are NULL. */
static ag_tensor *global_norm_of(ag_list gradients) {
  ag_tensor **norms = ag_allocate(gradients.count, sizeof *norms);
  size_t given = 0;
  for (size_t i = 0; norms && i < gradients.count; i++) {
    if (gradients.items[i]) norms[given++] = ag_norm(gradients.items[i], AG_ALL_AXES, false);
  }
  ag_tensor *total = NULL;
  if (norms) total = given > 0 ? ag_norm(ag_stack(ag_list_make(given, norms), 0), AG_ALL_AXES, false) : ag_scalar(0);
  ag_free(norms);
  return total;
}

/* Written in ops, so that a gradient of clipped gradients is right, too. */
static ag_list clip(ag_list gradients, double norm, double *global_norm) {
  ag_tensor *total = global_norm_of(gradients);
  ag_list clipped = ag_list_make(gradients.count, gradients.items);
  if (!total || !clipped.items) return (ag_list){0, NULL};
  *global_norm = ag_item(total);
  if (!isfinite(*global_norm)) {
    ag_fail(AG_ERROR_NONFINITE, "clip_by_global_norm: the gradients' norm is %g", *global_norm);
    return (ag_list){0, NULL};
  }
  if (*global_norm <= norm) return clipped;
  ag_tensor *factor = ag_div(ag_scalar(norm), total);
  for (size_t i = 0; i < clipped.count; i++) {
    if (clipped.items[i]) clipped.items[i] = ag_mul(clipped.items[i], factor);
  }
  return ag_failed() ? (ag_list){0, NULL} : clipped;
}

ag_list nn_clip_by_global_norm(ag_list gradients, double norm, double *global_norm) {
  ag_list none = {0, NULL};
  if (!gradients.items) ag_fail_null("clip_by_global_norm", "gradients");
  if (!(norm > 0 && isfinite(norm))) {
    ag_fail(AG_ERROR_ARGUMENT, "clip_by_global_norm: norm is %g, expected a finite number above 0", norm);
  }
  ag_scope *scope = ag_failed() ? NULL : ag_scope_enter();
  if (!scope) return none;
  double before = NAN;
  ag_list clipped = clip(gradients, norm, &before);
  if (global_norm) *global_norm = before;
  return ag_scope_leave_with_list(scope, clipped);
}
