/* Where the time of a training step goes. The library tells of each op when it has run, so an op is given the time
 * since the op before it, and with it what ran between the two and is no op: drawing noise, the statistics of a batch
 * (they show up at the add_scalar that follows them), giving memory back. */
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"

typedef enum { FORWARD, GRADIENT, UPDATE } step_phase;
static const char *const phase_names[] = {"forward", "gradient", "update"};

/* All calls in one phase of one op with outputs of one shape. */
typedef struct {
  step_phase phase;
  const char *op;
  ag_shape output;
  int64_t calls;
  double ms, bytes, flops;
} row;

/* Losses know no context, so the profile of a program is one. */
static struct {
  step_phase phase;
  int losses;  /* still to come: after the last, the step goes on to gradients */
  double last; /* when the op before ended */
  bool warm;   /* the first step is not counted */
  row *rows;
  size_t count, capacity;
} profile;

static row *find_row(step_phase phase, const char *op, ag_shape output) {
  for (size_t i = 0; i < profile.count; i++) {
    row *r = &profile.rows[i];
    if (r->phase == phase && strcmp(r->op, op) == 0 && ag_shape_equal(r->output, output)) return r;
  }
  if (profile.count == profile.capacity) {
    size_t capacity = 2 * profile.capacity + 64;
    row *rows = ag_reallocate(profile.rows, capacity, sizeof *rows);
    if (!rows) return NULL;
    profile.rows = rows;
    profile.capacity = capacity;
  }
  profile.rows[profile.count] = (row){.phase = phase, .op = op, .output = output};
  return &profile.rows[profile.count++];
}

static double bytes_of(const ag_tensor *tensor) { return (double)ag_size(tensor) * sizeof(ag_real); }

/* Inputs are read and outputs written; an output that shares an input's buffer (reshape) moves nothing. */
static double bytes_moved(const ag_node *node) {
  double bytes = bytes_of(node->output);
  for (int i = 0; i < node->count; i++) {
    if (ag_data(node->inputs[i]) == ag_data(node->output)) return 0;
    bytes += bytes_of(node->inputs[i]);
  }
  return bytes;
}

static double product(ag_shape shape, int first, int last) {
  double size = 1;
  for (int i = first; i < last; i++) size *= (double)shape.sizes[i];
  return size;
}

/* Of products, nominal: multiplications by padding count, though nobody does them. 0 for other ops. */
static double flops_done(const ag_node *node) {
  const char *op = node->op->name;
  ag_shape a = ag_shape_of(node->inputs[0]), b = ag_shape_of(node->inputs[node->count - 1]);
  ag_shape out = ag_shape_of(node->output);
  if (strcmp(op, "matmul") == 0)
    return 2 * product(out, 0, out.rank) * product(a, a.rank - 2, a.rank) / (double)out.sizes[out.rank - 2];
  /* Each pixel of the smaller images meets all of the kernel. */
  if (strcmp(op, "conv2d") == 0) return 2 * product(out, 0, 3) * product(b, 0, 4);
  if (strcmp(op, "conv2d_transpose") == 0) return 2 * product(a, 0, 3) * product(b, 0, 4);
  if (strcmp(op, "conv2d_kernel_gradient") == 0) return 2 * product(b, 0, 3) * product(out, 0, 4);
  return 0;
}

static void observe(const ag_node *node, void *context) {
  (void)context;
  double now = bench_now();
  row *r = find_row(profile.phase, node->op->name, ag_shape_of(node->output));
  if (r) {
    r->calls++;
    r->ms += now - profile.last;
    r->bytes += bytes_moved(node);
    r->flops += flops_done(node);
  }
  profile.last = bench_now(); /* what the profile itself takes is nobody's */
}

/* The step's own losses, which also tell where its forward pass ends. */
static ag_tensor *told(ag_tensor *loss) {
  if (--profile.losses == 0) profile.phase = GRADIENT;
  return loss;
}
static ag_tensor *generator_loss(ag_tensor *fake) { return told(gan_cross_entropy.generator(fake)); }
static ag_tensor *real_loss(ag_tensor *real) { return told(gan_cross_entropy.real(real)); }
static ag_tensor *fake_loss(ag_tensor *fake) { return told(gan_cross_entropy.fake(fake)); }
static const gan_loss told_loss = {"profiled", GAN_LOGIT, real_loss, fake_loss, generator_loss, 0, 0};

static int64_t count_weights(const gan_pair *pair) {
  nn_layer *networks[] = {pair->generator, pair->discriminator};
  size_t count = 0;
  for (int i = 0; i < 2; i++) {
    ag_list weights = nn_trainable_variables(networks[i]);
    for (size_t k = 0; k < weights.count; k++) count += ag_size(weights.items[k]);
  }
  return (int64_t)count;
}

/* The optimizers run no ops: theirs is the time from the last op to the step's end. For each weight they read it, its
 * gradient and two moments, and write all but the gradient. */
static bool tell_update(const gan_pair *pair) {
  double ms = bench_now() - profile.last;
  int64_t weights = count_weights(pair);
  row *update = find_row(UPDATE, "adam", AG_SHAPE(weights));
  if (!update) return false;
  update->calls++;
  update->ms += ms;
  update->bytes += 7.0 * (double)weights * sizeof(ag_real);
  return true;
}

static bool train(void *context) {
  bench_training *dcgan = context;
  profile.phase = FORWARD;
  profile.losses = 3;
  profile.last = bench_now();
  if (!bench_training_step(dcgan) || !tell_update(&dcgan->pair)) return false;
  if (!profile.warm) profile.count = 0;
  profile.warm = true;
  return true;
}

static int compare_ms(const void *a, const void *b) {
  double x = ((const row *)a)->ms, y = ((const row *)b)->ms;
  return (x < y) - (x > y);
}

/* JSON, padded so that the lines make a table. */
static void print_text(const char *key, const char *text, int width) {
  printf("\"%s\": \"%s\",%*s ", key, text, width - (int)strlen(text), "");
}

static double giga_per_s(double amount, double ms) { return ms > 0 ? 1e-6 * amount / ms : 0; }

/* All figures are those of one step. */
static void print_row(const row *r, double steps, double all_ms) {
  printf("{\"name\": \"profile\", ");
  print_text("phase", phase_names[r->phase], 8);
  print_text("op", r->op, 22);
  print_text("output", ag_shape_print(r->output).text, 18);
  printf("\"calls\": %3.0f, \"ms\": %8.3f, \"share\": %.4f, ", (double)r->calls / steps, r->ms / steps, r->ms / all_ms);
  printf("\"mb\": %7.2f, \"gb_per_s\": %6.1f", 1e-6 * r->bytes / steps, giga_per_s(r->bytes, r->ms));
  if (r->flops > 0)
    printf(", \"gflop\": %7.3f, \"gflops\": %6.1f", 1e-9 * r->flops / steps, giga_per_s(r->flops, r->ms));
  puts("}");
}

static void print_profile(const bench_options *options, const bench_times *times) {
  row sum = {0};
  double phase_ms[] = {0, 0, 0}, steps = (double)options->steps;
  for (size_t i = 0; i < profile.count; i++) {
    const row *r = &profile.rows[i];
    phase_ms[r->phase] += r->ms;
    sum.calls += r->calls, sum.ms += r->ms, sum.bytes += r->bytes, sum.flops += r->flops;
  }
  qsort(profile.rows, profile.count, sizeof *profile.rows, compare_ms);
  for (size_t i = 0; i < profile.count; i++) print_row(&profile.rows[i], steps, sum.ms);
  bench_summary(options, times,
                ", \"forward_ms\": %.3f, \"gradient_ms\": %.3f, \"update_ms\": %.3f, \"calls\": %.0f, \"mb\": %.1f, "
                "\"gflop\": %.3f",
                phase_ms[FORWARD] / steps, phase_ms[GRADIENT] / steps, phase_ms[UPDATE] / steps,
                (double)sum.calls / steps, 1e-6 * sum.bytes / steps, 1e-9 * sum.flops / steps);
}

bool bench_profile(const bench_options *options) {
  bench_training dcgan;
  bench_times times;
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  bool done = bench_training_make(&dcgan, "dcgan", options->batch);
  dcgan.pair.loss = &told_loss;
  ag_observe(observe, NULL);
  done = done && bench_measure(options, options->steps, false, train, &dcgan, &times);
  ag_observe(NULL, NULL);
  if (done) print_profile(options, &times);
  ag_free(profile.rows);
  bench_training_free(&dcgan);
  ag_scope_leave(scope);
  return done;
}
