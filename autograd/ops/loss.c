/* Softmax and cross-entropies from logits. */
#include "autograd/ops/common.h"

static ag_tensor *sum_along(const ag_node *node, ag_tensor *x) {
  return ag_sum_axes(x, AG_AXES(*(const int *)node->attributes), true);
}

/* Logits less their largest one, which changes no softmax but keeps exp in range. */
static ag_tensor *shifted(const ag_node *node) {
  ag_tensor *logits = node->inputs[0];
  int axis = ag_resolve_axis(node->op->name, ag_shape_of(logits), *(const int *)node->attributes);
  return axis < 0 ? NULL : ag_sub(logits, ag_max_axes(logits, AG_AXES(axis), true));
}

static ag_tensor *softmax_forward(ag_node *node) {
  ag_tensor *exponentials = ag_exp(shifted(node));
  return ag_div(exponentials, sum_along(node, exponentials));
}
static ag_tensor *softmax_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  ag_tensor *weighted = ag_mul(cotangent, node->output);
  return ag_sub(weighted, ag_mul(node->output, sum_along(node, weighted)));
}
static const ag_op softmax_op = {
    .name = "softmax", .forward = softmax_forward, .vjp = softmax_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_softmax(ag_tensor *logits, int axis) {
  return ag_apply(&softmax_op, AG_INPUTS(logits), &axis, sizeof axis);
}

static ag_tensor *log_softmax_forward(ag_node *node) {
  ag_tensor *x = shifted(node);
  return ag_sub(x, ag_log(sum_along(node, ag_exp(x))));
}
static ag_tensor *log_softmax_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_sub(cotangent, ag_mul(ag_exp(node->output), sum_along(node, cotangent)));
}
static const ag_op log_softmax_op = {
    .name = "log_softmax", .forward = log_softmax_forward, .vjp = log_softmax_vjp, .drops = AG_DROP_INPUTS};
ag_tensor *ag_log_softmax(ag_tensor *logits, int axis) {
  return ag_apply(&log_softmax_op, AG_INPUTS(logits), &axis, sizeof axis);
}

static ag_tensor *sigmoid_cross_entropy_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  ag_tensor *labels = node->inputs[0], *logits = node->inputs[1];
  return ag_mul(cotangent, input == 0 ? ag_neg(logits) : ag_sub(ag_sigmoid(logits), labels));
}
static const ag_op sigmoid_cross_entropy_op = {
    .name = "sigmoid_cross_entropy", .forward = ag_zip_forward, .vjp = sigmoid_cross_entropy_vjp,
    .drops = AG_DROP_OUTPUT};
ag_tensor *ag_sigmoid_cross_entropy(ag_tensor *labels, ag_tensor *logits) {
  bool fits = !labels || !logits || ag_broadcasts_to("sigmoid_cross_entropy", ag_shape_of(labels), ag_shape_of(logits));
  return fits ? ag_zip_apply(&sigmoid_cross_entropy_op, KERNEL_SIGMOID_CROSS_ENTROPY, labels, logits, 0, 0) : NULL;
}

ag_tensor *ag_softmax_cross_entropy(ag_tensor *labels, ag_tensor *logits) {
  if (!labels || !logits) return ag_fail_null("softmax_cross_entropy", labels ? "logits" : "labels");
  ag_shape shape = ag_shape_of(logits);
  if (shape.rank < 1 || !ag_shape_equal(ag_shape_of(labels), shape))
    return ag_fail_shapes("softmax_cross_entropy", ag_shape_of(labels), shape, "one [..., classes] is expected");
  return ag_neg(ag_sum_axes(ag_mul(labels, ag_log_softmax(logits, -1)), AG_AXES(-1), false));
}
