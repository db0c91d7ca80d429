/* The reverse sweep. It first marks what lies between the sources and the targets and touches nothing else. */
#include "autograd/memory.h"
#include "autograd/ops.h"
#include "autograd/tape_private.h"

/* What the sweep knows of a tensor, by its identity. */
typedef struct {
  ag_tensor *cotangent; /* retained; NULL: none yet */
  bool source, to_target;
} slot;

typedef struct {
  ag_tape *tape;
  size_t end;     /* records at the start: a persistent tape may go on recording its own gradient */
  bool *on;       /* [end] which records lie between */
  ag_idmap index; /* of the tensors that depend on a source */
  slot *slots;
  size_t count, capacity;
} sweep;

static slot *find(const sweep *s, const ag_tensor *tensor) {
  uint64_t *index = ag_idmap_find(&s->index, tensor->id);
  return index ? &s->slots[*index] : NULL;
}

static slot *add(sweep *s, const ag_tensor *tensor) {
  if (s->count == s->capacity) {
    size_t capacity = s->capacity ? 2 * s->capacity : 32;
    slot *slots = ag_reallocate(s->slots, capacity, sizeof *slots);
    if (!slots) return NULL;
    s->slots = slots;
    s->capacity = capacity;
  }
  uint64_t *index = ag_idmap_add(&s->index, tensor->id, s->count);
  if (!index) return NULL;
  if (*index == s->count) s->slots[s->count++] = (slot){0};
  return &s->slots[*index];
}

static void sweep_free(sweep *s) {
  for (size_t i = 0; i < s->count; i++) ag_release(s->slots[i].cotangent);
  ag_free(s->slots);
  ag_free(s->on);
  ag_idmap_free(&s->index);
}

/* An input through which the gradient flows on. One that the tape did not watch is a constant, even where it is asked
 * for: of what was computed from it only a part was recorded. */
static slot *find_input(const sweep *s, ag_tensor *input) {
  slot *found = find(s, input);
  return found && ag_tape_sees(s->tape, input) ? found : NULL;
}

static bool depends_on_source(const sweep *s, const ag_node *node) {
  for (int i = 0; i < node->count; i++) {
    if (find_input(s, node->inputs[i])) return true;
  }
  return false;
}

/* Forward for what depends on a source, then backward for what of that reaches a target. */
static bool mark(sweep *s, ag_list targets, ag_list sources) {
  for (size_t i = 0; i < sources.count; i++) {
    slot *source = add(s, sources.items[i]);
    if (!source) return false;
    source->source = true;
  }
  for (size_t i = 0; i < s->end; i++) {
    ag_record *record = s->tape->records[i];
    s->on[i] = record && depends_on_source(s, &record->node);
    if (s->on[i] && !add(s, record->node.output)) return false;
  }
  for (size_t i = 0; i < targets.count; i++) {
    slot *target = find(s, targets.items[i]);
    if (target) target->to_target = true;
  }
  for (size_t i = s->end; i-- > 0;) {
    if (!s->on[i]) continue;
    const ag_node *node = &s->tape->records[i]->node;
    s->on[i] = find(s, node->output)->to_target;
    for (int j = 0; s->on[i] && j < node->count; j++) {
      slot *input = find_input(s, node->inputs[j]);
      if (input) input->to_target = true;
    }
  }
  return true;
}

static bool accumulate(slot *to, ag_tensor *cotangent) {
  ag_tensor *sum = to->cotangent ? ag_add(to->cotangent, cotangent) : cotangent;
  if (!sum) return false;
  ag_retain(sum);
  ag_release(to->cotangent);
  to->cotangent = sum;
  return true;
}

static bool seed(sweep *s, ag_list targets, ag_list seeds) {
  for (size_t i = 0; i < targets.count; i++) {
    ag_tensor *target = targets.items[i], *given = seeds.count ? seeds.items[i] : NULL;
    if (given && !ag_shape_equal(given->shape, target->shape)) {
      return ag_fail(AG_ERROR_SHAPE, "gradient: the seed has shape %s, its target %s",
                     ag_shape_print(given->shape).text, ag_shape_print(target->shape).text) != NULL;
    }
    slot *to = find(s, target);
    if (!to) continue;
    if (!given) given = ag_ones(target->shape);
    if (given && ag_tensor_variable(given)) given = ag_identity(given); /* a result may not change with a variable */
    if (!given || !accumulate(to, given)) return false;
  }
  return true;
}

/* Sums what broadcasting spread over more elements; an error names the op whose vjp gave another shape. */
static ag_tensor *fit(const ag_node *node, ag_tensor *gradient, ag_shape to) {
  ag_shape from = gradient->shape;
  bool fits = from.rank >= to.rank;
  for (int i = 1; fits && i <= to.rank; i++) {
    int64_t size = to.sizes[to.rank - i];
    fits = size == 1 || size == from.sizes[from.rank - i];
  }
  if (ag_shape_equal(from, to)) return gradient;
  if (fits) return ag_sum_to(gradient, to);
  return ag_fail(AG_ERROR_SHAPE, "gradient: the vjp of %s gives shape %s for an input of shape %s", node->op->name,
                 ag_shape_print(from).text, ag_shape_print(to).text);
}

/* The cotangents of the inputs of one call, from that of its output. */
static bool step(sweep *s, ag_record *record) {
  ag_node *node = &record->node;
  slot *output = find(s, node->output);
  ag_tensor *cotangent = output->cotangent;
  if (!cotangent) return true;
  ag_retain(cotangent);
  if (!output->source) { /* nobody will ask for it again */
    ag_release(output->cotangent);
    output->cotangent = NULL;
  }
  bool fine = true;
  node->memo = NULL;
  for (int i = 0; fine && i < node->count; i++) {
    if (!find_input(s, node->inputs[i])) continue;
    ag_tensor *gradient = node->op->vjp(node, i, cotangent);
    if (gradient) gradient = fit(node, gradient, node->inputs[i]->shape);
    fine = gradient ? accumulate(find(s, node->inputs[i]), gradient) : !ag_failed();
  }
  node->memo = NULL;
  ag_release(cotangent);
  return fine;
}

/* Frees what a tape that is not persistent holds, even where something failed before. */
static bool run(sweep *s, bool fine) {
  ag_precision precision = ag_get_precision();
  bool persistent = s->tape->flags & AG_PERSISTENT;
  for (size_t i = s->end; i-- > 0;) {
    ag_record *record = s->tape->records[i];
    if (fine && s->on[i]) {
      size_t scope_mark = ag_scope_mark();
      ag_set_precision(record->node.precision);
      fine = step(s, record);
      ag_scope_release_to(scope_mark, NULL);
    }
    if (persistent) continue;
    ag_record_release(record);
    s->tape->records[i] = NULL;
  }
  ag_set_precision(precision);
  return fine;
}

/* The cotangents of the sources, put into the current scope. */
static ag_list results(const sweep *s, ag_list sources, ag_unconnected unconnected) {
  ag_list list = ag_list_make(sources.count, sources.items);
  for (size_t i = 0; i < list.count; i++) {
    ag_tensor *gradient = find(s, sources.items[i])->cotangent;
    bool lost = false;
    if (gradient) lost = !ag_scope_own_tensor(ag_retain(gradient), "gradient");
    else if (unconnected == AG_UNCONNECTED_ZEROS) lost = !(gradient = ag_zeros(sources.items[i]->shape));
    if (lost) return (ag_list){0};
    list.items[i] = gradient;
  }
  return list;
}

static bool all_given(ag_list list, const char *what) {
  if (!list.items) return ag_fail_null("gradient", what) != NULL;
  for (size_t i = 0; i < list.count; i++) {
    if (!list.items[i]) return ag_fail_null("gradient", what) != NULL;
  }
  return true;
}

static bool ready(ag_tape *tape, ag_list targets, ag_list sources, ag_list seeds, ag_unconnected unconnected) {
  if (ag_failed()) return false; /* a seed that is NULL may be what failed */
  if (!ag_tape_usable(tape, "gradient") || !all_given(targets, "a target") || !all_given(sources, "a source"))
    return false;
  if (seeds.count && !seeds.items) return ag_fail_null("gradient", "the list of seeds") != NULL;
  if (seeds.count && seeds.count != targets.count) {
    ag_fail(AG_ERROR_ARGUMENT, "gradient: %zu seeds for %zu targets", seeds.count, targets.count);
  } else if (unconnected != AG_UNCONNECTED_NULL && unconnected != AG_UNCONNECTED_ZEROS) {
    ag_fail(AG_ERROR_ARGUMENT, "gradient: %d names no value for unconnected sources", (int)unconnected);
  } else if (tape->used) {
    ag_fail(AG_ERROR_TAPE, "gradient: the tape has given its gradient already; AG_PERSISTENT lets it give more");
  } else {
    return true;
  }
  return false;
}

ag_list ag_gradients_of(ag_tape *tape, ag_list targets, ag_list sources, ag_list seeds, ag_unconnected unconnected) {
  if (!ready(tape, targets, sources, seeds, unconnected)) return (ag_list){0};
  if (!(tape->flags & AG_PERSISTENT)) {
    tape->used = true;
    tape->stopped_by_gradient = tape->recording;
    ag_tape_halt(tape);
  }
  sweep s = {.tape = tape, .end = tape->count, .on = ag_allocate(tape->count, sizeof(bool))};
  size_t scope_mark = ag_scope_mark();
  bool fine = s.on && mark(&s, targets, sources) && seed(&s, targets, seeds);
  ag_scope_release_to(scope_mark, NULL); /* the sweep keeps its own */
  fine = run(&s, fine);
  ag_list list = fine ? results(&s, sources, unconnected) : (ag_list){0};
  sweep_free(&s);
  return list;
}

ag_list ag_gradients(ag_tape *tape, ag_tensor *target, ag_list sources) {
  if (!target) return (ag_fail_null("gradients", "the target"), (ag_list){0});
  return ag_gradients_of(tape, (ag_list){1, &target}, sources, (ag_list){0}, AG_UNCONNECTED_NULL);
}

ag_tensor *ag_gradient(ag_tape *tape, ag_tensor *target, ag_tensor *source) {
  if (!source) return ag_fail_null("gradient", "the source");
  ag_list list = ag_gradients(tape, target, (ag_list){1, &source});
  return list.items ? list.items[0] : NULL;
}

ag_tensor *ag_composite_vjp(ag_tensor *(*f)(ag_node *node), ag_node *node, int input, ag_tensor *cotangent) {
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  /* A fresh identity: the same tensor may also stand in another place of the call, which is none of this gradient's. */
  ag_tensor *source = ag_identity(node->inputs[input]);
  ag_list inputs = ag_list_make((size_t)node->count, node->inputs);
  if (!tape || !source || !inputs.items) return NULL;
  inputs.items[input] = source;
  ag_node call = *node;
  call.inputs = inputs.items;
  ag_tape_watch(tape, source);
  ag_tensor *output = f(&call);
  if (!output) return NULL;
  ag_list list = ag_gradients_of(tape, (ag_list){1, &output}, (ag_list){1, &source}, (ag_list){1, &cotangent},
                                 AG_UNCONNECTED_NULL);
  return list.items ? list.items[0] : NULL;
}
