/* What an op is. The built-in ops of ops/ and a user's own go through the same door, ag_apply, which checks the inputs,
 * runs forward and lets every tape of this thread record the call. */
#pragma once

#include "autograd/tensor.h"

typedef struct ag_op ag_op;

/* How exact products are (PyTorch's names). A setting of the thread; each call keeps it, so that its vjp uses the same.
 * What the CPU lacks runs as AG_HIGHEST. */
typedef enum {
  AG_HIGHEST = 0, /* float */
  AG_HIGH,   /* two bfloat16 halves, three products: near float (relative error about 4e-6). An infinite input gives
              * NaN; inputs below 1e-33 lose digits, and below 1.2e-38 count as 0 */
  AG_MEDIUM, /* bfloat16 inputs, float sums */
} ag_precision;
void ag_set_precision(ag_precision precision);
ag_precision ag_get_precision(void);
/* Whether this library computes at this precision on this CPU (AMX for all but AG_HIGHEST, and not in double), or falls
 * back to AG_HIGHEST. */
bool ag_precision_available(ag_precision precision);
/* The kind of CPU that the kernels in use are made for: "avx512", "avx2" or "portable". */
const char *ag_kernels_name(void);

/* Threads that a kernel may use on behalf of the calling thread; results do not depend on it. 0: as many as the CPU
 * has. An error for more than AG_MAX_THREADS. They are OpenMP's, whose number for the calling thread this sets; its
 * runtime ends the process where the system has no more threads, and a child of fork() must keep to 1. */
enum { AG_MAX_THREADS = 1024 };
void ag_set_threads(int threads);

/* One call of an op: what forward reads and a tape keeps. */
typedef struct {
  const ag_op *op;
  int count; /* of inputs */
  ag_precision precision;
  ag_tensor **inputs;     /* the values at the time of the call, whatever was assigned since; never NULL */
  const void *attributes; /* the bytes handed to ag_apply, suitably aligned for any type */
  ag_tensor *output;      /* set for vjp and observers */
  ag_tensor *saved;       /* what forward leaves for vjp beside inputs and output, from ag_make; else NULL. To tapes a
                           * constant: what depends on the inputs, vjp computes from them or from output */
  ag_tensor *memo;        /* what the vjp of one input may leave for that of the next; same cotangent */
  ag_tensor *total;       /* the input's gradient so far, where vjp may add its own to it and return it; else NULL */
} ag_node;

/* Values of inputs and output that vjp does not read, and that a tape therefore need not keep: only their shapes. */
enum { AG_DROP_INPUTS = 1, AG_DROP_OUTPUT = 2 };

/* An op is a `static const ag_op` beside the function that users call. */
struct ag_op {
  const char *name; /* as in the error messages and the graph */
  /* Returns a tensor made with ag_make (or by other ops; nothing is recorded meanwhile), NULL after an error. */
  ag_tensor *(*forward)(ag_node *node);
  /* The vector-Jacobian product: the gradient of sum(cotangent * output) with respect to inputs[input], written in ops,
   * so that it can itself be differentiated. Its shape is the input's, or one that broadcasting made of it: the sweep
   * sums that back. NULL without an error means zero. Called only for inputs whose gradient is wanted. */
  ag_tensor *(*vjp)(ag_node *node, int input, ag_tensor *cotangent);
  bool not_differentiable; /* no vjp, and its output is a constant to every tape (comparisons, argmax) */
  int drops;               /* AG_DROP_... */
};

/* Runs an op on `count` inputs. attributes (attribute_bytes of them, copied) are what the op needs beside tensors. A
 * NULL input is an error that names the op, or leaves the pending one alone. An op with neither vjp nor
 * not_differentiable is refused where a tape would have to record it. */
ag_tensor *ag_apply(const ag_op *op, int count, ag_tensor *const *inputs, const void *attributes,
                    size_t attribute_bytes);
#define AG_INPUTS(...) \
  (int)(sizeof((ag_tensor *[]){__VA_ARGS__}) / sizeof(ag_tensor *)), (ag_tensor *[]) { __VA_ARGS__ }

/* The gradient of sum(cotangent * f(inputs)) with respect to inputs[input], where f is written in ops: how a fused op
 * gets its own vjp from its composite form. f returns the output from node->inputs and node->attributes; it runs once
 * for each input whose gradient is wanted. */
ag_tensor *ag_composite_vjp(ag_tensor *(*f)(ag_node *node), ag_node *node, int input, ag_tensor *cotangent);

/* Called after each op that runs on this thread (forward passes and those inside gradients): for tests and profiles.
 * One a thread; NULL ends it. */
typedef void ag_observer(const ag_node *node, void *context);
void ag_observe(ag_observer *observer, void *context);

/* The first op whose output held a value that is not finite, and which; op is NULL where there was none. */
typedef struct {
  const char *op;
  ag_shape shape;
  size_t index;    /* of the value */
  double value;    /* infinite or NaN */
  bool from_input; /* an input of the op was not finite either: it came from outside */
} ag_nonfinite;
/* An observer that finds it, in forward passes and gradients alike; its context is an ag_nonfinite, zeros at first. */
ag_observer ag_find_nonfinite;
