/* Softmax and cross-entropies from logits. */
#include "autograd/ops/common.h"

/* Logits less their largest one, which changes no softmax but keeps exp in range. The largest is a constant here: what
 * its gradient would add cancels. */
static ag_tensor *shifted(const char *op, ag_tensor *logits, int axis, ag_axes *axes) {
  if (!logits) return ag_fail_null(op, "logits");
  int resolved = ag_resolve_axis(op, ag_shape_of(logits), axis);
  if (resolved < 0) return NULL;
  *axes = AG_AXES(resolved);
  return ag_sub(logits, ag_max_axes(ag_detach(logits), *axes, true));
}

ag_tensor *ag_softmax(ag_tensor *logits, int axis) {
  ag_axes axes;
  ag_tensor *x = shifted("softmax", logits, axis, &axes);
  if (!x) return NULL;
  ag_tensor *exponentials = ag_exp(x);
  return ag_div(exponentials, ag_sum_axes(exponentials, axes, true));
}

ag_tensor *ag_log_softmax(ag_tensor *logits, int axis) {
  ag_axes axes;
  ag_tensor *x = shifted("log_softmax", logits, axis, &axes);
  if (!x) return NULL;
  return ag_sub(x, ag_log(ag_sum_axes(ag_exp(x), axes, true)));
}

static ag_tensor *sigmoid_cross_entropy_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  ag_tensor *labels = node->inputs[0], *logits = node->inputs[1];
  return ag_mul(cotangent, input == 0 ? ag_neg(logits) : ag_sub(ag_sigmoid(logits), labels));
}
static const ag_op sigmoid_cross_entropy_op = {
    .name = "sigmoid_cross_entropy", .forward = ag_zip_forward, .vjp = sigmoid_cross_entropy_vjp,
    .drops = AG_DROP_OUTPUT};
ag_tensor *ag_sigmoid_cross_entropy(ag_tensor *labels, ag_tensor *logits) {
  return ag_zip_apply(&sigmoid_cross_entropy_op, KERNEL_SIGMOID_CROSS_ENTROPY, labels, logits, 0, 0);
}

ag_tensor *ag_softmax_cross_entropy(ag_tensor *labels, ag_tensor *logits) {
  if (!labels || !logits) return ag_fail_null("softmax_cross_entropy", labels ? "logits" : "labels");
  ag_shape shape = ag_shape_of(logits);
  if (shape.rank < 1 || !ag_shape_equal(ag_shape_of(labels), shape))
    return ag_fail_shapes("softmax_cross_entropy", ag_shape_of(labels), shape, "one [..., classes] is expected");
  return ag_neg(ag_sum_axes(ag_mul(labels, ag_log_softmax(logits, -1)), AG_AXES(-1), false));
}
