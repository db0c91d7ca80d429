/* The reverse sweep. It first finds what depends on the sources; from the targets it touches nothing else. */
#include "autograd/memory.h"
#include "autograd/ops.h"
#include "autograd/tape_private.h"

/* What the sweep knows of a tensor: of the output of each record, and behind them of each source that is none. */
typedef struct {
  ag_tensor *cotangent; /* owned; NULL: none yet */
  bool source, from_source;
} slot;

typedef struct {
  ag_tape *tape;
  size_t end; /* of the records that are swept */
  slot *slots;
  size_t slot_count;
  ag_idmap sources; /* the slots of those that are no outputs */
  size_t *wires;    /* for all inputs of all records the slots to which the gradient flows on, or NOWHERE */
  size_t wire_count;
} sweep;

static const size_t NOWHERE = SIZE_MAX;

static size_t find(const sweep *s, const ag_tensor *tensor) {
  const uint64_t *place = ag_idmap_find(&s->tape->places, tensor->id);
  if (!place || *place >= s->end) place = ag_idmap_find(&s->sources, tensor->id);
  return place ? *place : NOWHERE;
}

/* An input that the tape did not watch is a constant, even where it is asked for: of what was computed from it only a
 * part was recorded. */
static size_t find_input(const sweep *s, const ag_tensor *input) {
  size_t found = find(s, input);
  bool connected =
      found != NOWHERE && s->slots[found].from_source && (found < s->end || ag_tape_watches(s->tape, input));
  return connected ? found : NOWHERE;
}

static bool sweep_make(sweep *s, ag_list sources) {
  s->slot_count = s->end + sources.count;
  for (size_t i = 0; i < s->end; i++) s->wire_count += (size_t)s->tape->records[i]->node.count;
  s->slots = ag_allocate(s->slot_count, sizeof *s->slots);
  s->wires = ag_allocate(s->wire_count, sizeof *s->wires);
  if (!s->slots || !s->wires) return false;
  for (size_t i = 0; i < sources.count; i++) {
    const ag_tensor *source = sources.items[i];
    if (find(s, source) == NOWHERE && !ag_idmap_add(&s->sources, source->id, s->end + i)) return false;
    s->slots[find(s, source)] = (slot){.source = true, .from_source = true};
  }
  size_t *wire = s->wires;
  for (size_t i = 0; i < s->end; i++) {
    const ag_node *node = &s->tape->records[i]->node;
    for (int j = 0; j < node->count; j++, wire++) {
      *wire = find_input(s, node->inputs[j]);
      if (*wire != NOWHERE) s->slots[i].from_source = true;
    }
  }
  return true;
}

static void sweep_free(sweep *s) {
  for (size_t i = 0; s->slots && i < s->slot_count; i++) ag_release(s->slots[i].cotangent);
  ag_free(s->slots);
  ag_free(s->wires);
  ag_idmap_free(&s->sources);
}

/* The cotangent so far, where it may be changed: nobody else holds it, and no tape is to know of the sum. */
static ag_tensor *changeable(const slot *to) {
  return to->cotangent && ag_is_sole(to->cotangent) && !ag_ops_are_seen() ? to->cotangent : NULL;
}

static bool accumulate(slot *to, ag_tensor *cotangent, ag_tensor *total) {
  if (!cotangent->buffer) return ag_data(cotangent); /* tells that it was dropped */
  if (total) return ag_add_in_place(total, cotangent, 0, 0);
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
    if (given && !ag_shape_equal(given->shape, target->shape))
      return ag_fail(AG_ERROR_SHAPE, "gradient: the seed has shape %s, its target %s",
                     ag_shape_print(given->shape).text, ag_shape_print(target->shape).text);
    size_t to = find(s, target);
    if (to == NOWHERE || !s->slots[to].from_source) continue;
    if (!given) given = ag_ones(target->shape);
    if (given && ag_tensor_variable(given)) given = ag_identity(given); /* a result may not change with a variable */
    if (!given || !accumulate(&s->slots[to], given, NULL)) return false;
  }
  return true;
}

/* The cotangents of the inputs of one call, from that of its output. */
static bool step(sweep *s, slot *output, ag_node *node, const size_t *wires) {
  ag_tensor *cotangent = output->cotangent;
  if (output->source) ag_retain(cotangent);
  else output->cotangent = NULL; /* nobody will ask for it again */
  bool fine = true;
  node->memo = NULL;
  for (int i = 0; fine && i < node->count; i++) {
    if (wires[i] == NOWHERE) continue;
    node->total = changeable(&s->slots[wires[i]]);
    ag_tensor *gradient = node->op->vjp(node, i, cotangent);
    if (gradient && gradient == node->total) continue;
    if (gradient && !ag_same_shape(gradient, node->inputs[i])) gradient = ag_sum_to(gradient, node->inputs[i]->shape);
    fine = gradient ? accumulate(&s->slots[wires[i]], gradient, node->total) : !ag_failed();
  }
  node->memo = node->total = NULL;
  ag_release(cotangent);
  return fine;
}

/* Frees what a tape that is not persistent holds, even where something failed before. */
static bool run(sweep *s, bool fine) {
  ag_precision precision = ag_get_precision();
  bool persistent = s->tape->flags & AG_PERSISTENT;
  size_t wires = s->wire_count;
  for (size_t i = s->end; i-- > 0;) {
    ag_record *record = s->tape->records[i];
    wires -= (size_t)record->node.count;
    if (fine && s->slots[i].cotangent) {
      size_t scope_mark = ag_scope_mark();
      ag_set_precision(record->node.precision);
      fine = step(s, &s->slots[i], &record->node, &s->wires[wires]);
      if (!fine) ag_error_prefix("gradient of %s: ", record->node.op->name);
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
    ag_tensor *gradient = s->slots[find(s, sources.items[i])].cotangent;
    if (gradient) gradient = ag_scope_own_tensor(ag_retain(gradient), "gradient");
    else if (unconnected == AG_UNCONNECTED_ZEROS) gradient = ag_zeros(sources.items[i]->shape);
    list.items[i] = gradient;
  }
  return ag_failed() ? (ag_list){0} : list;
}

/* Behind the last record of a target. What a persistent tape records of its own gradients is not swept again. */
static size_t end_of(const ag_tape *tape, ag_list targets) {
  size_t end = 0;
  for (size_t i = 0; i < targets.count; i++) {
    const uint64_t *place = ag_idmap_find(&tape->places, targets.items[i]->id);
    if (place && *place >= end) end = *place + 1;
  }
  return end;
}

static bool all_given(ag_list list, const char *what) {
  if (!list.items) return ag_fail_null("gradient", what);
  for (size_t i = 0; i < list.count; i++)
    if (!list.items[i]) return ag_fail_null("gradient", what);
  return true;
}

static bool ready(ag_tape *tape, ag_list targets, ag_list sources, ag_list seeds, ag_unconnected unconnected) {
  if (ag_failed()) return false; /* a seed that is NULL may be what failed */
  if (!ag_tape_usable(tape, "gradient") || !all_given(targets, "a target") || !all_given(sources, "a source"))
    return false;
  if (seeds.count && !seeds.items) return ag_fail_null("gradient", "the list of seeds");
  if (seeds.count && seeds.count != targets.count)
    ag_fail(AG_ERROR_ARGUMENT, "gradient: %zu seeds for %zu targets", seeds.count, targets.count);
  else if (unconnected != AG_UNCONNECTED_NULL && unconnected != AG_UNCONNECTED_ZEROS)
    ag_fail(AG_ERROR_ARGUMENT, "gradient: %d names no value for unconnected sources", (int)unconnected);
  else if (tape->used)
    ag_fail(AG_ERROR_TAPE, "gradient: the tape has given its gradient already; AG_PERSISTENT lets it give more");
  return !ag_failed(); /* none was pending */
}

ag_list ag_gradients_of(ag_tape *tape, ag_list targets, ag_list sources, ag_list seeds, ag_unconnected unconnected) {
  if (!ready(tape, targets, sources, seeds, unconnected)) return (ag_list){0};
  if (!(tape->flags & AG_PERSISTENT)) {
    tape->used = true;
    tape->stopped_by_gradient = tape->recording;
    ag_tape_halt(tape);
  }
  sweep s = {.tape = tape, .end = tape->flags & AG_PERSISTENT ? end_of(tape, targets) : tape->count};
  size_t scope_mark = ag_scope_mark();
  bool fine = sweep_make(&s, sources) && seed(&s, targets, seeds);
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
  if (!f || !node || input < 0 || input >= node->count) return ag_fail_null("composite_vjp", "f, node or that input");
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
  if (!output) return ag_fail(AG_ERROR_ARGUMENT, "composite_vjp: f returned NULL");
  ag_list list = ag_gradients_of(tape, (ag_list){1, &output}, (ag_list){1, &source}, (ag_list){1, &cotangent},
                                 AG_UNCONNECTED_NULL);
  return list.items ? list.items[0] : NULL;
}
