#include "autograd/tape.h"

#include "autograd/memory.h"
#include "autograd/tape_private.h"

static _Thread_local ag_tape *innermost; /* its address also tells threads apart */

ag_tape *ag_tape_innermost(void) { return innermost; }

bool ag_tape_usable(const ag_tape *tape, const char *who) {
  if (!tape) return ag_fail_null(who, "tape");
  return tape->thread == &innermost || ag_fail(AG_ERROR_TAPE, "%s: the tape belongs to another thread", who);
}

static void begin(ag_tape *tape) {
  tape->recording = true;
  tape->stopped_by_gradient = tape->sees_call = false;
  tape->outer = innermost;
  innermost = tape;
}

void ag_tape_halt(ag_tape *tape) {
  if (!tape->recording) return;
  ag_tape **link = &innermost;
  while (*link != tape) link = &(*link)->outer;
  *link = tape->outer;
  tape->recording = false;
}

void ag_record_release(ag_record *record) {
  if (!record || --record->owners) return;
  ag_node *node = &record->node;
  for (int i = 0; i < node->count; i++) ag_release(node->inputs[i]);
  ag_release(node->saved);
  ag_release(node->output);
  ag_pool_give(record, record->bytes);
}

static void forget(ag_tape *tape) {
  for (size_t i = 0; i < tape->count; i++) ag_record_release(tape->records[i]);
  for (size_t i = 0; i < tape->variable_count; i++) ag_release(tape->variables[i]);
  ag_free(tape->records);
  ag_free(tape->variables);
  ag_idmap_free(&tape->watched);
  ag_idmap_free(&tape->places);
  tape->records = NULL;
  tape->variables = NULL;
  tape->count = tape->capacity = tape->variable_count = tape->variable_capacity = 0;
}

static void tape_free(void *object) {
  ag_tape *tape = object;
  ag_tape_halt(tape);
  forget(tape);
  ag_free(tape);
}

ag_tape *ag_tape_start_with(int flags) {
  if (flags & ~(AG_PERSISTENT | AG_MANUAL_WATCH))
    return ag_fail(AG_ERROR_ARGUMENT, "tape_start: flags %d, expected AG_PERSISTENT, AG_MANUAL_WATCH or both", flags);
  ag_tape *tape = ag_allocate(1, sizeof *tape);
  if (!tape) return NULL;
  tape->thread = &innermost;
  tape->flags = flags;
  if (!ag_scope_own(tape, tape_free, "tape_start")) return NULL;
  begin(tape);
  return tape;
}

ag_tape *ag_tape_start(void) { return ag_tape_start_with(0); }

void ag_tape_stop(ag_tape *tape) {
  if (!ag_tape_usable(tape, "tape_stop")) return;
  if (!tape->recording && !tape->stopped_by_gradient) ag_fail(AG_ERROR_TAPE, "tape_stop: the tape is not recording");
  tape->stopped_by_gradient = false;
  ag_tape_halt(tape);
}

void ag_tape_resume(ag_tape *tape) {
  if (!ag_tape_usable(tape, "tape_resume")) return;
  if (tape->recording) ag_fail(AG_ERROR_TAPE, "tape_resume: the tape is recording already");
  else if (tape->used)
    ag_fail(AG_ERROR_TAPE, "tape_resume: the tape has given its gradient; reset it or start a new one");
  else begin(tape);
}

void ag_tape_reset(ag_tape *tape) {
  if (!ag_tape_usable(tape, "tape_reset")) return;
  forget(tape);
  tape->used = tape->stopped_by_gradient = false;
}

bool ag_tape_is_recording(const ag_tape *tape) { return tape && tape->recording; }

size_t ag_tape_length(const ag_tape *tape) { return tape ? tape->count : 0; }

/* One more element behind an array of pointers. */
static bool append(void *array_of_pointers, size_t *count, size_t *capacity, void *pointer) {
  void ***array = array_of_pointers;
  if (*count == *capacity) {
    size_t larger = *capacity ? 2 * *capacity : 16;
    void **grown = ag_reallocate(*array, larger, sizeof *grown);
    if (!grown) return false;
    *array = grown;
    *capacity = larger;
  }
  (*array)[(*count)++] = pointer;
  return true;
}

/* Watches a tensor, and lists it where it is a variable met for the first time. */
static bool watch(ag_tape *tape, ag_tensor *tensor) {
  if (ag_idmap_find(&tape->places, tensor->id) || ag_idmap_find(&tape->watched, tensor->id)) return true;
  ag_tensor *variable = ag_tensor_variable(tensor);
  if (variable && !append(&tape->variables, &tape->variable_count, &tape->variable_capacity, variable)) return false;
  if (ag_idmap_add(&tape->watched, tensor->id, ag_tensor_clock())) return ag_retain(variable), true;
  return tape->variable_count -= variable != NULL, false;
}

void ag_tape_watch(ag_tape *tape, ag_tensor *tensor) {
  if (!ag_tape_usable(tape, "tape_watch")) return;
  if (!tensor) ag_fail_null("tape_watch", "tensor");
  else watch(tape, tensor);
}

ag_list ag_tape_watched(ag_tape *tape) {
  if (!ag_tape_usable(tape, "tape_watched")) return (ag_list){0};
  ag_list list = ag_list_make(tape->variable_count, tape->variables);
  for (size_t i = 0; i < list.count; i++) /* listed by the scope as well: the tape may go first */
    if (!ag_scope_own_tensor(ag_retain(list.items[i]), "tape_watched")) return (ag_list){0};
  return list;
}

bool ag_tape_sees(ag_tape *tape, ag_tensor *tensor) {
  if (ag_idmap_find(&tape->places, tensor->id) || ag_tape_watches(tape, tensor)) return true;
  return tensor->is_variable && tensor->trainable && !(tape->flags & AG_MANUAL_WATCH) && watch(tape, tensor);
}

bool ag_tape_append(ag_tape *tape, ag_record *record) {
  if (!append(&tape->records, &tape->count, &tape->capacity, record)) return false;
  if (!ag_idmap_add(&tape->places, record->node.output->id, tape->count - 1)) return tape->count--, false;
  record->owners++;
  return true;
}
