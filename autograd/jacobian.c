#include "autograd/memory.h"
#include "autograd/ops.h"
#include "autograd/tape_private.h"

/* The sizes of a from axis `from_a` on, then those of b from axis `from_b` on, behind `first` where that is not
 * negative. */
static ag_shape join(int64_t first, ag_shape a, int from_a, ag_shape b, int from_b) {
  int64_t sizes[2 * AG_MAX_RANK + 1];
  int rank = 0;
  if (first >= 0) sizes[rank++] = first;
  for (int i = from_a; i < a.rank; i++) sizes[rank++] = a.sizes[i];
  for (int i = from_b; i < b.rank; i++) sizes[rank++] = b.sizes[i];
  return ag_shape_make(rank, sizes);
}

static bool usable(ag_tape *tape, ag_tensor *target, ag_tensor *source, const char *who) {
  if (!ag_tape_usable(tape, who)) return false;
  if (!target || !source) return ag_fail_null(who, target ? "the source" : "the target") != NULL;
  if (tape->flags & AG_PERSISTENT) return true;
  return ag_fail(AG_ERROR_TAPE, "%s: the tape must be persistent, for it is swept once for each element", who) != NULL;
}

/* [rows, ...source]: the gradients for `rows` seeds, of which seed i has ones at the elements i, i + rows, i + 2 rows,
 * ... NULL without an error where the source is not connected. */
static ag_tensor *sweep_rows(ag_tape *tape, ag_tensor *target, ag_tensor *source, size_t rows) {
  ag_shape row_shape = join(1, source->shape, 0, AG_SCALAR_SHAPE, 0);
  ag_tensor **gradients = ag_allocate(rows, sizeof *gradients);
  ag_tensor *stacked = NULL;
  bool fine = gradients != NULL;
  for (size_t i = 0; fine && i < rows; i++) {
    ag_real *values;
    ag_tensor *seed = ag_make(target->shape, &values);
    for (size_t j = 0; seed && j < target->size; j++) values[j] = j % rows == i;
    ag_list list =
        ag_gradients_of(tape, (ag_list){1, &target}, (ag_list){1, &source}, (ag_list){1, &seed}, AG_UNCONNECTED_NULL);
    fine = list.items && list.items[0];
    if (fine) gradients[i] = ag_reshape(list.items[0], row_shape);
  }
  if (fine && rows) stacked = ag_concat((ag_list){rows, gradients}, 0);
  else if (fine) stacked = ag_zeros(join(0, source->shape, 0, AG_SCALAR_SHAPE, 0));
  ag_free(gradients);
  return stacked;
}

ag_tensor *ag_jacobian(ag_tape *tape, ag_tensor *target, ag_tensor *source) {
  if (!usable(tape, target, source, "jacobian")) return NULL;
  size_t mark = ag_scope_mark();
  ag_tensor *rows = sweep_rows(tape, target, source, target->size);
  if (rows) rows = ag_reshape(rows, join(-1, target->shape, 0, source->shape, 0));
  ag_scope_release_to(mark, rows);
  return rows;
}

ag_tensor *ag_batch_jacobian(ag_tape *tape, ag_tensor *target, ag_tensor *source) {
  if (!usable(tape, target, source, "batch_jacobian")) return NULL;
  ag_shape t = target->shape, s = source->shape;
  if (t.rank < 2 || s.rank < 2 || t.sizes[0] != s.sizes[0]) {
    return ag_fail(AG_ERROR_SHAPE, "batch_jacobian: shapes %s and %s need at least 2 axes, and the same first size",
                   ag_shape_print(t).text, ag_shape_print(s).text);
  }
  size_t mark = ag_scope_mark(), rows = ag_shape_size(join(-1, t, 1, AG_SCALAR_SHAPE, 0));
  ag_tensor *result = sweep_rows(tape, target, source, rows); /* [rows, batch, ...source] */
  ag_axes order = {.count = s.rank + 1, .axis = {1, 0}};
  for (int i = 2; i <= s.rank && i < AG_MAX_RANK; i++) order.axis[i] = i;
  if (result) result = ag_reshape(ag_transpose(result, order), join(t.sizes[0], t, 1, s, 1));
  ag_scope_release_to(mark, result);
  return result;
}
