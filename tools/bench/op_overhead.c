/* A chain y = x w w ... w of tiny products, all recorded, and its gradient with respect to x and w. Each product thus
 * costs its own recording, the gradients of both of its inputs, and adding up those of w. */
#include "tools/bench/bench.h"

enum { CHAIN = 1000 };

typedef struct {
  ag_tensor *x, *w;
} chain;

static bool differentiate(void *context) {
  const chain *c = context;
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = c->x;
  for (int i = 0; i < CHAIN; i++) y = ag_mul(y, c->w);
  ag_tape_stop(tape);
  return ag_gradients(tape, y, AG_LIST(c->x, c->w)).items != NULL;
}

bool bench_op_overhead(const bench_options *options) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  chain c = {ag_variable(ag_ones(AG_SHAPE(options->batch))), ag_variable(ag_ones(AG_SHAPE(options->batch)))};
  bench_times times;
  bool done = c.x && c.w && bench_measure(options, options->steps, true, differentiate, &c, &times);
  if (done)
    bench_summary(options, &times, ", \"ops\": %d, \"ns_per_op\": %.1f", (int)CHAIN, times.median_ms * 1e6 / CHAIN);
  ag_scope_leave(scope);
  return done;
}
