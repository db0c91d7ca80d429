#include <math.h>

#include "autograd/op.h"

static bool find(const ag_tensor *tensor, size_t *index) {
  const ag_real *values = ag_data(tensor);
  for (*index = 0; values && *index < ag_size(tensor); ++*index)
    if (!isfinite(values[*index])) return true;
  return false;
}

void ag_find_nonfinite(const ag_node *node, void *context) {
  ag_nonfinite *found = context;
  size_t place;
  bool given = node && node->output && found;
  if (!given) ag_fail_null("find_nonfinite", "the node, its output or the context");
  if (!given || found->op || !find(node->output, &found->index)) return;
  found->op = node->op->name;
  found->shape = ag_shape_of(node->output);
  found->value = (double)ag_data(node->output)[found->index];
  for (int i = 0; i < node->count; i++) found->from_input |= find(node->inputs[i], &place);
}
