/* The inside of a tape, for autograd/ alone. */
#pragma once

#include "autograd/idmap.h"
#include "autograd/op.h"
#include "autograd/tape.h"
#include "autograd/tensor_private.h"

/* A recorded call: a node with the inputs, output and attributes that it points to. Shared by the tapes that recorded
 * it. */
typedef struct {
  ag_node node;
  size_t owners, bytes;
} ag_record;

struct ag_tape {
  ag_tape *outer; /* the tape that started recording before this one */
  const void *thread;
  ag_record **records; /* an entry is NULL where the sweep has passed and freed it */
  size_t count, capacity;
  ag_idmap watched; /* since when each tensor is, on the clock of ag_tensor_clock */
  ag_idmap places;  /* among the records, of what each computed */
  ag_tensor **variables;
  size_t variable_count, variable_capacity;
  int flags;
  bool recording, used, stopped_by_gradient;
  bool sees_call; /* whether it records the op that runs */
};

/* Whether a tape or an observer of this thread is to know of each op. */
bool ag_ops_are_seen(void);
/* The innermost tape that records on this thread; NULL when none does. */
ag_tape *ag_tape_innermost(void);
/* Whether the tape must record a call that reads this tensor. Watches a trainable variable by itself. False and an
 * error without memory. */
bool ag_tape_sees(ag_tape *tape, ag_tensor *tensor);
/* Whether the tape watches this tensor. What was read from a variable before the tape watched it is a constant to the
 * tape. It stands in an older recording, of which this tape saw nothing: to connect it would give a part of a second
 * derivative. */
static inline bool ag_tape_watches(const ag_tape *tape, const ag_tensor *tensor) {
  const uint64_t *since = ag_idmap_find(&tape->watched, tensor->id);
  return since && (!tensor->snapshot || tensor->read_at > *since);
}
/* Appends a shared record. False and an error without memory. */
bool ag_tape_append(ag_tape *tape, ag_record *record);
void ag_record_release(ag_record *record);

/* Where the tape is this thread's own and not NULL; otherwise an error that names `who`. */
bool ag_tape_usable(const ag_tape *tape, const char *who);
/* Stops recording without complaint. */
void ag_tape_halt(ag_tape *tape);
