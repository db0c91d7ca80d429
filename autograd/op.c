#include "autograd/op.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "autograd/memory.h"
#include "autograd/tape_private.h"

static _Thread_local struct {
  ag_precision precision;
  int forward_depth; /* inside a forward nothing is recorded: the op itself will be */
  ag_observer *observer;
  void *observer_context;
} thread;

void ag_set_precision(ag_precision precision) {
  if (precision < AG_HIGHEST || precision > AG_MEDIUM)
    ag_fail(AG_ERROR_ARGUMENT, "set_precision: %d is none", (int)precision);
  else thread.precision = precision;
}
ag_precision ag_get_precision(void) { return thread.precision; }
const char *ag_kernels_name(void) { return kernel_cpu_in_use(); }

bool ag_precision_available(ag_precision precision) {
  return precision == AG_HIGHEST ||
         (precision <= AG_MEDIUM && sizeof(ag_real) == sizeof(float) && kernel_bf16_is_fast());
}

void ag_set_threads(int threads) {
  if (threads < 0 || threads > AG_MAX_THREADS) ag_fail(AG_ERROR_ARGUMENT, "set_threads: %d is not in range", threads);
  else kernel_set_threads(threads);
}

void ag_observe(ag_observer *observer, void *context) {
  thread.observer = observer;
  thread.observer_context = context;
}

static bool inputs_given(const ag_op *op, int count, ag_tensor *const *inputs) {
  for (int i = 0; i < count; i++) {
    if (inputs[i] && !inputs[i]->buffer) return ag_data(inputs[i]); /* tells that it was dropped */
    if (inputs[i]) continue;
    char what[32] = "input";
    if (count > 1) snprintf(what, sizeof what, "input %d", i);
    return ag_fail(AG_ERROR_ARGUMENT, "%s: %s is NULL; an unconnected gradient?", op->name, what);
  }
  return true;
}

/* Whether a tape will record this call. Lets each tape meet every input, so that all variables read are watched. */
static bool anyone_sees(int count, ag_tensor *const *inputs) {
  bool seen = false;
  for (ag_tape *tape = ag_tape_innermost(); tape; tape = tape->outer) {
    tape->sees_call = false;
    for (int i = 0; i < count; i++) tape->sees_call |= ag_tape_sees(tape, inputs[i]);
    seen |= tape->sees_call;
  }
  return seen;
}

bool ag_ops_are_seen(void) { return ag_tape_innermost() || thread.observer; }

/* A record that outlives the call: attributes and input pointers are copied behind it, tensors kept. */
static ag_record *record_make(const ag_node *node, size_t attribute_bytes) {
  size_t align = _Alignof(max_align_t);
  size_t attributes_at = (sizeof(ag_record) + (size_t)node->count * sizeof(ag_tensor *) + align - 1) / align * align;
  size_t bytes = attributes_at + attribute_bytes;
  ag_record *record = ag_pool_take(bytes);
  if (!record) return NULL;
  *record = (ag_record){.node = *node, .owners = 1, .bytes = bytes};
  ag_node *kept = &record->node;
  kept->inputs = (ag_tensor **)(record + 1);
  kept->attributes = (char *)record + attributes_at;
  if (attribute_bytes) memcpy((char *)record + attributes_at, node->attributes, attribute_bytes);
  bool complete = true;
  for (int i = 0; i < node->count; i++) {
    kept->inputs[i] = ag_tensor_keep(node->inputs[i], node->op->drops & AG_DROP_INPUTS);
    complete &= kept->inputs[i] != NULL;
  }
  ag_retain(kept->saved);
  kept->output = ag_tensor_keep(node->output, node->op->drops & AG_DROP_OUTPUT);
  if (complete && kept->output) return record;
  ag_record_release(record);
  return NULL;
}

static bool record_call(const ag_node *node, size_t attribute_bytes) {
  ag_record *record = record_make(node, attribute_bytes);
  if (!record) return false;
  bool recorded = true;
  for (ag_tape *tape = ag_tape_innermost(); tape; tape = tape->outer) {
    if (tape->sees_call) recorded &= ag_tape_append(tape, record);
  }
  ag_record_release(record);
  return recorded;
}

ag_tensor *ag_apply(const ag_op *op, int count, ag_tensor *const *inputs, const void *attributes,
                    size_t attribute_bytes) {
  if (!op || !op->name || !op->forward) return ag_fail_null("apply", op ? "the op's name or its forward" : "the op");
  if (count < 0 || (count > 0 && !inputs)) return ag_fail_null(op->name, "the list of inputs");
  if (attribute_bytes && !attributes) return ag_fail_null(op->name, "attributes");
  if (!inputs_given(op, count, inputs)) return NULL;
  bool failed_before = ag_failed();
  bool recorded = thread.forward_depth == 0 && anyone_sees(count, inputs) && !op->not_differentiable;
  if (ag_failed() && !failed_before) return NULL; /* a tape had no memory to watch an input */
  if (recorded && !op->vjp)
    return ag_fail(AG_ERROR_TAPE, "%s: the op has no vjp, so a tape that watches its input cannot record it", op->name);
  ag_node node = {.op = op,
                  .count = count,
                  .inputs = (ag_tensor **)inputs,
                  .attributes = attributes,
                  .precision = thread.precision};
  size_t mark = ag_scope_mark();
  thread.forward_depth++;
  node.output = op->forward(&node);
  thread.forward_depth--;
  for (int i = 0; i < count; i++) { /* the output is a tensor of its own, or tapes would take it for its input */
    if (node.output == inputs[i] && node.output) node.output = ag_tensor_alias(node.output, node.output->shape);
  }
  if (node.output && recorded && !record_call(&node, attribute_bytes)) node.output = NULL;
  if (node.output && thread.observer) thread.observer(&node, thread.observer_context);
  ag_scope_release_to(mark, node.output);
  if (!node.output) ag_fail(AG_ERROR_ARGUMENT, "%s: forward returned NULL", op->name);
  return node.output;
}
