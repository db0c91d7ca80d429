/* What the suites tape, gradients and higher_orders share. They hold tapes against TensorFlow's GradientTape. The
 * number in front of a test is that of the behaviour in the list of fifty that they follow (read off
 * tensorflow/python/eager/backprop_test.py and its guides).
 *
 * Numbers that mean nothing in C, and why:
 * 5 (half), 23 (half), 46 (half): tensors hold one type of number, so there is nothing of another type to watch, to
 *     differentiate or to refuse; what remains of each is tested.
 * 10: lists do not nest; that the result follows the order of the sources remains, and is tested.
 * 19: there is no functional interface but that of ag_gradcheck; suite checker shows there that one tensor given twice
 *     counts as two arguments.
 * 28 (half): the library prints nothing, so there is no warning to give once.
 * 37 (half): a tape is recording when it is made, so none was never started. */
#pragma once

#include "tests/check.h"

static const ag_list no_seeds = {0, NULL};

static inline ag_tensor *cube(ag_tensor *x) { return ag_mul(ag_mul(x, x), x); }

static inline ag_tape *start_watching(ag_tensor *x) {
  ag_tape *tape = ag_tape_start();
  ag_tape_watch(tape, x);
  return tape;
}

static inline ag_tensor *forward_square(ag_node *node) { return ag_square(node->inputs[0]); }
