/* Tapes: record ops, then differentiate backwards. TensorFlow's GradientTape is the reference for behaviour. A tape
 * belongs to the scope it was started in and to its thread. Any number of tapes record at once. */
#pragma once

#include "autograd/tensor.h"

typedef struct ag_tape ag_tape;

enum {
  AG_PERSISTENT = 1,   /* gradients may be asked for more than once; keeps what it recorded until reset or freed */
  AG_MANUAL_WATCH = 2, /* trainable variables are not watched by themselves */
};
ag_tape *ag_tape_start(void);
ag_tape *ag_tape_start_with(int flags);

/* Stops recording; ag_tape_resume goes on, appending. Stopping a tape that is not recording (but once, where its own
 * gradient stopped it) is an error, as is resuming one that is, or one that gave its gradient and is not persistent:
 * ag_tape_reset comes first. */
void ag_tape_stop(ag_tape *tape);
void ag_tape_resume(ag_tape *tape);
/* Forgets everything recorded and watched; goes on recording if it was, else waits for ag_tape_resume. A used tape may
 * be used again. */
void ag_tape_reset(ag_tape *tape);
/* Whether ops run now are recorded; of NULL: false. */
bool ag_tape_is_recording(const ag_tape *tape);

/* From now on, ops that read this tensor are recorded on this tape. */
void ag_tape_watch(ag_tape *tape, ag_tensor *tensor);
/* The variables that this tape has watched, in the order in which it met them. */
ag_list ag_tape_watched(ag_tape *tape);

/* The gradient of sum(target) with respect to source, of the source's shape; NULL without an error where the source is
 * not connected, or was not watched. Stops the tape if it records (a persistent one goes on and records its own
 * gradient). A second gradient from a tape that is not persistent is an error. What the sweep computes is recorded by
 * the other tapes that run. */
ag_tensor *ag_gradient(ag_tape *tape, ag_tensor *target, ag_tensor *source);
/* One gradient a source, in order. */
ag_list ag_gradients(ag_tape *tape, ag_tensor *target, ag_list sources);

typedef enum { AG_UNCONNECTED_NULL, AG_UNCONNECTED_ZEROS } ag_unconnected;
/* The gradients of the sum of several targets, each weighted by its seed: a tensor of the target's shape, or NULL for
 * ones. seeds.count is targets.count, or 0 for no seeds at all. */
ag_list ag_gradients_of(ag_tape *tape, ag_list targets, ag_list sources, ag_list seeds, ag_unconnected unconnected);

/* d target / d source, of shape target + source, one sweep for each element of the target. The tape must be persistent;
 * stop it first, unless a derivative of the Jacobian is wanted of it: it records every sweep. NULL without an error
 * where the source is not connected, as ag_gradient's. */
ag_tensor *ag_jacobian(ag_tape *tape, ag_tensor *target, ag_tensor *source);
/* For each sample: [batch, ...target, ...source] from target [batch, ...] and source [batch, ...], which must not mix
 * samples; both have at least 2 axes: make [batch, 1] of [batch]. The tape and NULL as for ag_jacobian. */
ag_tensor *ag_batch_jacobian(ag_tape *tape, ag_tensor *target, ag_tensor *source);

/* How many calls this tape has recorded, those that it has freed since included; of NULL: 0. */
size_t ag_tape_length(const ag_tape *tape);
