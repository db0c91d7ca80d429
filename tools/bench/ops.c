/* Ops beside the products, one by one: forward, and the gradient for a cotangent of ones (forward included). Each works
 * on a matrix [batch, 1000] or as many numbers as images. bench-vs-pytorch knows each by its name. */
#include "tools/bench/bench.h"

enum { COLUMNS = 1000, PRIME = 7919 };

typedef struct {
  ag_tensor *matrix, *positive, *row, *column, *row_indices, *column_indices, *images;
  ag_rng rng;
} operands;

static ag_tensor *cube(operands *o) { return ag_pow_scalar(o->matrix, 3); }
static ag_tensor *power(operands *o) { return ag_pow_scalar(o->positive, 0.7); }
static ag_tensor *powers(operands *o) { return ag_pow(o->positive, o->matrix); }
static ag_tensor *add(operands *o) { return ag_add(o->matrix, o->positive); }
static ag_tensor *divide(operands *o) { return ag_div(o->matrix, o->positive); }
static ag_tensor *add_row(operands *o) { return ag_add(o->matrix, o->row); }
static ag_tensor *add_column(operands *o) { return ag_add(o->matrix, o->column); }
static ag_tensor *larger(operands *o) { return ag_maximum(o->matrix, o->positive); }
static ag_tensor *greater(operands *o) { return ag_greater(o->matrix, o->positive); }
static ag_tensor *where(operands *o) { return ag_where(o->matrix, o->matrix, o->positive); }
static ag_tensor *sum_rows(operands *o) { return ag_sum_axes(o->matrix, AG_AXES(1), false); }
static ag_tensor *sum_columns(operands *o) { return ag_sum_axes(o->matrix, AG_AXES(0), false); }
static ag_tensor *max_rows(operands *o) { return ag_max_axes(o->matrix, AG_AXES(1), false); }
static ag_tensor *max_columns(operands *o) { return ag_max_axes(o->matrix, AG_AXES(0), false); }
static ag_tensor *argmax_rows(operands *o) { return ag_argmax(o->matrix, 1); }
static ag_tensor *argmax_columns(operands *o) { return ag_argmax(o->matrix, 0); }
static ag_tensor *softmax_rows(operands *o) { return ag_softmax(o->matrix, 1); }
static ag_tensor *softmax_columns(operands *o) { return ag_softmax(o->matrix, 0); }
static ag_tensor *log_softmax_rows(operands *o) { return ag_log_softmax(o->matrix, 1); }
static ag_tensor *norm_rows(operands *o) { return ag_norm(o->matrix, AG_AXES(1), false); }
static ag_tensor *transpose(operands *o) { return ag_transpose(o->matrix, AG_AXES(1, 0)); }
static ag_tensor *channels_first(operands *o) { return ag_transpose(o->images, AG_AXES(0, 3, 1, 2)); }
static ag_tensor *concat(operands *o) { return ag_concat(AG_LIST(o->matrix, o->positive), 1); }
static ag_tensor *slice(operands *o) { return ag_slice(o->matrix, 1, 100, 500); }
static ag_tensor *pad(operands *o) { return ag_pad(o->matrix, 1, 10, 10); }
static ag_tensor *gather_rows(operands *o) { return ag_gather(o->matrix, o->row_indices, 0); }
static ag_tensor *gather_columns(operands *o) { return ag_gather(o->matrix, o->column_indices, 1); }
static ag_tensor *one_hot(operands *o) { return ag_one_hot(o->column_indices, COLUMNS); }
static ag_tensor *normal(operands *o) { return ag_normal(&o->rng, ag_shape_of(o->matrix), 0, 1); }
static ag_tensor *uniform(operands *o) { return ag_uniform(&o->rng, ag_shape_of(o->matrix), 0, 1); }
static ag_tensor *dropout(operands *o) { return ag_dropout(o->matrix, 0.3, &o->rng); }
static ag_tensor *max_pool(operands *o) { return ag_max_pool(o->images, 2, 2, AG_STRIDE(2, AG_VALID)); }
static ag_tensor *avg_pool(operands *o) { return ag_avg_pool(o->images, 2, 2, AG_STRIDE(2, AG_VALID)); }
static ag_tensor *upsample(operands *o) { return ag_upsample_nearest(o->images, 2, 2); }

typedef enum { NONE, MATRIX, POSITIVE, IMAGES } wanted; /* what the gradient is with respect to */

static const struct {
  const char *name;
  ag_tensor *(*of_one)(ag_tensor *); /* of `source`, or: */
  ag_tensor *(*of_operands)(operands *o);
  wanted source;
} ops[] = {
    {"exp", ag_exp, NULL, MATRIX},
    {"log", ag_log, NULL, POSITIVE},
    {"sqrt", ag_sqrt, NULL, POSITIVE},
    {"square", ag_square, NULL, MATRIX},
    {"tanh", ag_tanh, NULL, MATRIX},
    {"sigmoid", ag_sigmoid, NULL, MATRIX},
    {"softplus", ag_softplus, NULL, MATRIX},
    {"relu", ag_relu, NULL, MATRIX},
    {"x^3", NULL, cube, MATRIX},
    {"x^0.7", NULL, power, POSITIVE},
    {"pow", NULL, powers, POSITIVE},
    {"add", NULL, add, MATRIX},
    {"div", NULL, divide, MATRIX},
    {"add a row", NULL, add_row, MATRIX},
    {"add a column", NULL, add_column, MATRIX},
    {"maximum", NULL, larger, MATRIX},
    {"greater", NULL, greater, NONE},
    {"where", NULL, where, MATRIX},
    {"sum", ag_sum, NULL, MATRIX},
    {"sum of rows", NULL, sum_rows, MATRIX},
    {"sum of columns", NULL, sum_columns, MATRIX},
    {"max", ag_max, NULL, MATRIX},
    {"max of rows", NULL, max_rows, MATRIX},
    {"max of columns", NULL, max_columns, MATRIX},
    {"argmax of rows", NULL, argmax_rows, NONE},
    {"argmax of columns", NULL, argmax_columns, NONE},
    {"softmax of rows", NULL, softmax_rows, MATRIX},
    {"softmax of columns", NULL, softmax_columns, MATRIX},
    {"log_softmax of rows", NULL, log_softmax_rows, MATRIX},
    {"norm of rows", NULL, norm_rows, MATRIX},
    {"transpose", NULL, transpose, MATRIX},
    {"NHWC to NCHW", NULL, channels_first, IMAGES},
    {"concat", NULL, concat, MATRIX},
    {"slice", NULL, slice, MATRIX},
    {"pad", NULL, pad, MATRIX},
    {"gather rows", NULL, gather_rows, MATRIX},
    {"gather columns", NULL, gather_columns, MATRIX},
    {"one_hot", NULL, one_hot, NONE},
    {"normal", NULL, normal, NONE},
    {"uniform", NULL, uniform, NONE},
    {"dropout", NULL, dropout, MATRIX},
    {"max_pool", NULL, max_pool, IMAGES},
    {"avg_pool", NULL, avg_pool, IMAGES},
    {"upsample", NULL, upsample, IMAGES},
};
enum { OPS = sizeof ops / sizeof *ops };

typedef struct {
  operands *operands;
  int op;
  ag_tensor *cotangent;
} call;

static ag_tensor *source_of(const call *c) {
  wanted source = ops[c->op].source;
  return source == IMAGES ? c->operands->images : source == POSITIVE ? c->operands->positive : c->operands->matrix;
}

static ag_tensor *apply(const call *c) {
  return ops[c->op].of_one ? ops[c->op].of_one(source_of(c)) : ops[c->op].of_operands(c->operands);
}

static bool forward(void *context) { return apply(context) != NULL; }

static bool gradient(void *context) {
  const call *c = context;
  ag_tensor *source = source_of(c);
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  ag_tape_watch(tape, source);
  ag_list output = AG_LIST(apply(c)), seeds = AG_LIST(c->cotangent);
  return ag_gradients_of(tape, output, AG_LIST(source), seeds, AG_UNCONNECTED_NULL).items != NULL;
}

/* Each index once, in an order that jumps about. */
static ag_tensor *indices(int64_t count) {
  ag_real *values;
  ag_tensor *tensor = ag_make(AG_SHAPE(count), &values);
  for (int64_t i = 0; tensor && i < count; i++) values[i] = (ag_real)(i * PRIME % count);
  return tensor;
}

static operands make(int64_t batch) {
  operands o = {.rng = ag_rng_seed(1)};
  o.matrix = ag_normal(&o.rng, AG_SHAPE(batch, COLUMNS), 0, 1);
  o.positive = ag_add_scalar(ag_abs(o.matrix), 0.1);
  o.row = ag_normal(&o.rng, AG_SHAPE(COLUMNS), 0, 1);
  o.column = ag_normal(&o.rng, AG_SHAPE(batch, 1), 0, 1);
  o.row_indices = indices(batch);
  o.column_indices = indices(COLUMNS);
  o.images = ag_normal(&o.rng, AG_SHAPE((batch + 31) / 32, 32, 32, 32), 0, 1);
  return o;
}

static bool run_pass(const bench_options *options, call *c, const char *pass, bench_work *work, bench_times *sum) {
  bench_times times;
  if (!bench_measure(options, options->steps, false, work, c, &times)) return false;
  printf("{\"name\": \"ops\", \"op\": \"%s\", \"pass\": \"%s\", \"median_ms\": %.4f, \"min_ms\": %.4f}\n",
         ops[c->op].name, pass, times.median_ms, times.min_ms);
  fflush(stdout);
  sum->median_ms += times.median_ms;
  sum->min_ms += times.min_ms;
  return true;
}

bool bench_ops(const bench_options *options) {
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  operands o = make(options->batch);
  bench_times sum = {0};
  bool done = !ag_failed();
  for (int i = 0; done && i < OPS; i++) {
    call c = {&o, i, NULL};
    if (ops[i].source != NONE) c.cotangent = ag_ones(ag_shape_of(apply(&c)));
    done = run_pass(options, &c, "forward", forward, &sum) &&
           (ops[i].source == NONE || run_pass(options, &c, "gradient", gradient, &sum));
  }
  if (done) bench_summary(options, &sum, ", \"ops\": %d", (int)OPS);
  ag_scope_leave(scope);
  return done;
}
