#include "autograd/dot.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "autograd/tape_private.h"

/* Tensors that several calls share are named once, by the first. */
static bool write_once(ag_idmap *written, ag_tensor *tensor, FILE *file) {
  if (ag_idmap_find(written, tensor->id)) return true;
  ag_tensor *variable = ag_tensor_variable(tensor);
  fprintf(file, "  t%" PRIu64 " [label=\"%s%s\", shape=%s];\n", tensor->id, variable ? "variable " : "",
          ag_shape_print(tensor->shape).text, variable ? "box" : "ellipse");
  return ag_idmap_add(written, tensor->id, 0) != NULL;
}

static bool write_call(ag_idmap *written, const ag_node *node, size_t number, FILE *file) {
  bool fine = write_once(written, node->output, file);
  fprintf(file, "  op%zu [label=\"%s\", shape=plaintext];\n", number, node->op->name);
  for (int i = 0; fine && i < node->count; i++) {
    fine = write_once(written, node->inputs[i], file);
    fprintf(file, "  t%" PRIu64 " -> op%zu;\n", node->inputs[i]->id, number);
  }
  fprintf(file, "  op%zu -> t%" PRIu64 ";\n", number, node->output->id);
  return fine;
}

bool ag_tape_write_dot(const ag_tape *tape, FILE *file) {
  if (!ag_tape_usable(tape, "tape_write_dot")) return false;
  if (!file) return ag_fail_null("tape_write_dot", "file");
  ag_idmap written = {0};
  bool fine = true;
  fprintf(file, "digraph tape {\n");
  for (size_t i = 0; fine && i < tape->count; i++) {
    if (tape->records[i]) fine = write_call(&written, &tape->records[i]->node, i, file);
  }
  fprintf(file, "}\n");
  ag_idmap_free(&written);
  if (fflush(file) == 0 && !ferror(file)) return fine;
  return ag_fail(AG_ERROR_FILE, "tape_write_dot: cannot write: %s", strerror(errno));
}
