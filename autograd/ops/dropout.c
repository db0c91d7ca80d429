/* Dropout. The mask is a function of (seed, counter), so nothing is saved: the vjp draws it again. */
#include "autograd/ops/common.h"

typedef struct {
  ag_rng draw;
  double rate;
} dropout_mask;

static ag_tensor *dropout_forward(ag_node *node) {
  const dropout_mask *mask = node->attributes;
  ag_tensor *x = node->inputs[0];
  ag_real *y;
  ag_tensor *output = ag_make(ag_shape_of(x), &y);
  if (output) ag_kernels()->dropout(mask->draw.seed, mask->draw.counter, mask->rate, ag_size(x), ag_data(x), y);
  return output;
}

static ag_tensor *dropout_vjp(ag_node *node, int input, ag_tensor *cotangent) {
  return ag_apply(node->op, AG_INPUTS(cotangent), node->attributes, sizeof(dropout_mask));
}

static const ag_op dropout_op = {
    .name = "dropout", .forward = dropout_forward, .vjp = dropout_vjp, .drops = AG_DROP_ALL};

ag_tensor *ag_dropout(ag_tensor *x, double rate, ag_rng *rng) {
  if (!rng) return ag_fail_null("dropout", "rng");
  if (!(rate >= 0 && rate < 1)) return ag_fail(AG_ERROR_ARGUMENT, "dropout: rate %g is not in [0, 1)", rate);
  ag_tensor *output = ag_apply(&dropout_op, AG_INPUTS(x), &(dropout_mask){*rng, rate}, sizeof(dropout_mask));
  if (output) rng->counter++;
  return output;
}
