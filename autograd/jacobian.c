#include "autograd/memory.h"
#include "autograd/ops.h"
#include "autograd/tape_private.h"

static bool usable(ag_tape *tape, ag_tensor *target, ag_tensor *source, const char *who) {
  if (!ag_tape_usable(tape, who)) return false;
  if (!target || !source) return ag_fail_null(who, target ? "the source" : "the target");
  if (tape->flags & AG_PERSISTENT) return true;
  return ag_fail(AG_ERROR_TAPE, "%s: the tape must be persistent, for it is swept once for each element", who);
}

/* [rows, size of source]: the gradients for `rows` seeds, of which seed i has ones at the elements i, i + rows, ...
 * NULL without an error where the source is not connected. */
static ag_tensor *sweep_rows(ag_tape *tape, ag_tensor *target, ag_tensor *source, size_t rows) {
  ag_shape row = AG_SHAPE(1, (int64_t)source->size);
  ag_tensor **gradients = ag_allocate(rows, sizeof *gradients);
  bool fine = gradients != NULL;
  for (size_t i = 0; fine && i < rows; i++) {
    size_t mark = ag_scope_mark();
    ag_real *values;
    ag_tensor *seed = ag_make(target->shape, &values);
    for (size_t j = 0; seed && j < target->size; j++) values[j] = j % rows == i;
    ag_list list =
        ag_gradients_of(tape, (ag_list){1, &target}, (ag_list){1, &source}, (ag_list){1, &seed}, AG_UNCONNECTED_NULL);
    fine = list.items && list.items[0];
    if (fine) gradients[i] = ag_reshape(list.items[0], row);
    ag_scope_release_to(mark, fine ? gradients[i] : NULL);
  }
  ag_tensor *stacked = NULL;
  if (fine) stacked = rows ? ag_concat((ag_list){rows, gradients}, 0) : ag_zeros(AG_SHAPE(0, (int64_t)source->size));
  ag_free(gradients);
  return stacked;
}

ag_tensor *ag_jacobian(ag_tape *tape, ag_tensor *target, ag_tensor *source) {
  if (!usable(tape, target, source, "jacobian")) return NULL;
  size_t mark = ag_scope_mark();
  ag_tensor *rows = sweep_rows(tape, target, source, target->size);
  if (rows) rows = ag_reshape(rows, ag_shape_replace(source->shape, 0, 0, target->shape));
  ag_scope_release_to(mark, rows);
  return rows;
}

ag_tensor *ag_batch_jacobian(ag_tape *tape, ag_tensor *target, ag_tensor *source) {
  if (!usable(tape, target, source, "batch_jacobian")) return NULL;
  ag_shape t = target->shape, s = source->shape;
  if (t.rank < 2 || s.rank < 2 || t.sizes[0] != s.sizes[0])
    return ag_fail(AG_ERROR_SHAPE, "batch_jacobian: shapes %s and %s need at least 2 axes, and the same first size",
                   ag_shape_print(t).text, ag_shape_print(s).text);
  size_t mark = ag_scope_mark(), rows = 1, columns = 1;
  for (int i = 1; i < t.rank; i++) rows *= (size_t)t.sizes[i];
  for (int i = 1; i < s.rank; i++) columns *= (size_t)s.sizes[i];
  ag_tensor *result = sweep_rows(tape, target, source, rows);
  if (result) { /* from [rows, batch * columns] by way of [batch, rows, columns] */
    result = ag_reshape(result, AG_SHAPE((int64_t)rows, t.sizes[0], (int64_t)columns));
    result = ag_reshape(ag_transpose(result, AG_AXES(1, 0, 2)), ag_shape_replace(s, 0, 1, t));
  }
  ag_scope_release_to(mark, result);
  return result;
}
