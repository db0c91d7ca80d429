/* A recorded graph as Graphviz text: `dot -Tsvg`. */
#pragma once

#include "autograd/tape.h"

/* Writes the calls that the tape holds, and the tensors between them. False and an error when the file cannot be
 * written. */
bool ag_tape_write_dot(const ag_tape *tape, FILE *file);
