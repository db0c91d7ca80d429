/* float_graphs SEED CASES: the random graphs of the suite properties over floats. A line a graph: the target, then the
 * gradients of all inputs. */
#include <inttypes.h>

#include "tests/random_graph.h"

static bool print_graph(uint64_t seed, uint64_t number) {
  cases c = cases_of(seed, GRAPH_CASES, number);
  ag_tensor *inputs[GRAPH_INPUTS];
  graph_inputs(&c, inputs);
  ag_tape *tape = ag_tape_start();
  for (int i = 0; i < GRAPH_INPUTS; i++) ag_tape_watch(tape, inputs[i]);
  graph g = graph_make(c, inputs);
  if (!g.target) return false;
  printf("%a", ag_item(g.target));
  ag_list gradients =
      ag_gradients_of(tape, AG_LIST(g.target), ag_list_make(GRAPH_INPUTS, inputs), (ag_list){0}, AG_UNCONNECTED_ZEROS);
  for (size_t i = 0; i < gradients.count; i++)
    for (size_t k = 0; k < ag_size(gradients.items[i]); k++) printf(" %a", (double)ag_data(gradients.items[i])[k]);
  putchar('\n');
  return gradients.items != NULL;
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  bool fine = true;
  for (uint64_t i = 0; fine && i < count; i++) {
    ag_scope *scope = ag_scope_enter();
    fine = print_graph(seed, i);
    ag_scope_leave(scope);
  }
  if (!fine) fprintf(stderr, "%s\n", ag_error_message());
  return !fine;
}
