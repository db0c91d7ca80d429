/* Properties over many random cases: ops against slow loops over doubles, transposes against <Ax, y> = <x, A'y>,
 * gradients against sums of gradients and finite differences, floats against doubles. The seed is 1, or what the
 * environment's DUALTAPE_SEED says. */
#include "tests/check.h"
#include "tests/random_graph.h"

#include <inttypes.h>
#include <stdio.h>

enum { OP_CASES = 600, GRADIENT_CASES = 300, GRAPHS = 300 };

static uint64_t seed;
static struct {
  const char *property;
  uint64_t number, count; /* of the case that runs, and of all so far */
} running;

static void expect_near(double actual, double expected, double tolerance) {
  if (actual == expected || fabs(actual - expected) <= tolerance || (isnan(actual) && isnan(expected))) return;
  print_error("%s, DUALTAPE_SEED=%" PRIu64 ", case %" PRIu64 ": %.17g, expected %.17g within %g\n", running.property,
              seed, running.number, actual, expected, tolerance);
  fail();
}

static void expect_no_error(void) {
  if (!ag_failed()) return;
  print_error("%s, DUALTAPE_SEED=%" PRIu64 ", case %" PRIu64 ": %s\n", running.property, seed, running.number,
              ag_error_message());
  ag_error_clear();
  fail();
}

/* Runs a property's cases, each with random numbers and a scope of its own. */
static void run_cases(const char *property, uint64_t id, uint64_t count, void (*one)(cases *c)) {
  running.property = property;
  for (running.number = 0; running.number < count; running.number++, running.count++) {
    ag_scope *scope = ag_scope_enter();
    cases c = cases_of(seed, id, running.number);
    one(&c);
    expect_no_error();
    ag_scope_leave(scope);
  }
}

/* The slow reference reads tensors by coordinates. */

typedef struct {
  int64_t at[AG_MAX_RANK];
} place;

static place unravel(ag_shape shape, size_t flat) {
  place p = {{0}};
  for (int i = shape.rank - 1; i >= 0; i--) {
    p.at[i] = (int64_t)(flat % (size_t)shape.sizes[i]);
    flat /= (size_t)shape.sizes[i];
  }
  return p;
}

static size_t ravel(ag_shape shape, place p) {
  size_t flat = 0;
  for (int i = 0; i < shape.rank; i++) flat = flat * (size_t)shape.sizes[i] + (size_t)p.at[i];
  return flat;
}

static double value_at(const ag_tensor *x, place p) { return (double)ag_data(x)[ravel(ag_shape_of(x), p)]; }

/* Where an operand that is broadcast to `to` is read for this place of the result. */
static size_t broadcast_index(ag_shape shape, ag_shape to, place p) {
  place own = {{0}};
  for (int i = 0; i < shape.rank; i++) own.at[i] = shape.sizes[i] == 1 ? 0 : p.at[i + to.rank - shape.rank];
  return ravel(shape, own);
}

static void expect_shape(const ag_tensor *x, ag_shape shape) {
  expect_no_error();
  if (ag_shape_equal(ag_shape_of(x), shape)) return;
  print_error("%s, DUALTAPE_SEED=%" PRIu64 ", case %" PRIu64 ": shape %s, expected %s\n", running.property, seed,
              running.number, ag_shape_print(ag_shape_of(x)).text, ag_shape_print(shape).text);
  fail();
}

static double dot(const ag_tensor *a, const ag_tensor *b) {
  double sum = 0;
  assert_int_equal(ag_size(a), ag_size(b));
  for (size_t i = 0; i < ag_size(a); i++) sum += (double)ag_data(a)[i] * (double)ag_data(b)[i];
  return sum;
}

static double magnitude(const ag_tensor *a, const ag_tensor *b) {
  double sum = 1;
  for (size_t i = 0; i < ag_size(a); i++) sum += fabs((double)ag_data(a)[i] * (double)ag_data(b)[i]);
  return sum;
}

static ag_tape *watching(ag_tensor *x) {
  ag_tape *tape = ag_tape_start_with(AG_PERSISTENT | AG_MANUAL_WATCH);
  ag_tape_watch(tape, x);
  return tape;
}

/* The gradient of sum(v * y) with respect to x, zeros where it is not connected. */
static ag_tensor *pull_back(ag_tape *tape, ag_tensor *y, ag_tensor *x, ag_tensor *v) {
  ag_list list = ag_gradients_of(tape, AG_LIST(y), AG_LIST(x), AG_LIST(v), AG_UNCONNECTED_ZEROS);
  expect_no_error();
  return list.items[0];
}

/* y = A x, recorded by the tape: <y, v> = <x, A'v>, where the tape says what A' is. */
static void expect_adjoint(cases *c, ag_tape *tape, ag_tensor *x, ag_tensor *y) {
  expect_no_error();
  ag_tensor *v = draw_tensor(c, ag_shape_of(y), false), *back = pull_back(tape, y, x, v);
  expect_shape(back, ag_shape_of(x));
  expect_near(dot(x, back), dot(y, v), 1e-12 * (magnitude(y, v) + magnitude(x, back)));
}

/* Elementwise ops */

/* A shape and two that broadcast to it; sizes 0 and rank 0 among them. */
static ag_shape draw_operand(cases *c, ag_shape to) {
  ag_shape shape = {.rank = (int)draw_int(c, 0, to.rank)};
  for (int i = 0; i < shape.rank; i++) shape.sizes[i] = draw_int(c, 0, 2) == 0 ? 1 : to.sizes[i + to.rank - shape.rank];
  return shape;
}

static ag_shape joint_shape(ag_shape a, ag_shape b) {
  ag_shape joint = {.rank = a.rank > b.rank ? a.rank : b.rank};
  for (int i = 0; i < joint.rank; i++) {
    int64_t m = i < joint.rank - a.rank ? 1 : a.sizes[i - joint.rank + a.rank];
    int64_t n = i < joint.rank - b.rank ? 1 : b.sizes[i - joint.rank + b.rank];
    joint.sizes[i] = m == 1 ? n : m;
  }
  return joint;
}

static double add(double a, double b) { return a + b; }
static double sub(double a, double b) { return a - b; }
static double mul(double a, double b) { return a * b; }
static double divide(double a, double b) { return a / b; }
static double equal(double a, double b) { return a == b; }
static double not_equal(double a, double b) { return a != b; }
static double less(double a, double b) { return a < b; }
static double less_equal(double a, double b) { return a <= b; }
static double greater(double a, double b) { return a > b; }
static double greater_equal(double a, double b) { return a >= b; }
static double cross_entropy(double z, double x) { return fmax(x, 0) - x * z + log1p(exp(-fabs(x))); }

/* Labels alone broadcast. */
static ag_tensor *loss_of_joint_logits(ag_tensor *labels, ag_tensor *logits) {
  ag_shape joint = joint_shape(ag_shape_of(labels), ag_shape_of(logits));
  return ag_sigmoid_cross_entropy(labels, ag_broadcast_to(logits, joint));
}

static const struct {
  ag_tensor *(*op)(ag_tensor *a, ag_tensor *b);
  double (*f)(double a, double b);
} binary_ops[] = {{ag_add, add},
                  {ag_sub, sub},
                  {ag_mul, mul},
                  {ag_div, divide},
                  {ag_maximum, fmax},
                  {ag_minimum, fmin},
                  {ag_equal, equal},
                  {ag_not_equal, not_equal},
                  {ag_less, less},
                  {ag_less_equal, less_equal},
                  {ag_greater, greater},
                  {ag_greater_equal, greater_equal},
                  {loss_of_joint_logits, cross_entropy}};

static void binary_case(cases *c) {
  ag_shape to = draw_shape(c, 0, 5, 0, 4), shapes[] = {draw_operand(c, to), draw_operand(c, to)};
  size_t which = (size_t)draw_int(c, 0, sizeof binary_ops / sizeof *binary_ops - 1);
  bool coarse = draw_bool(c);
  ag_tensor *a = draw_tensor(c, shapes[0], coarse), *b = draw_tensor(c, shapes[1], coarse);
  ag_tensor *y = binary_ops[which].op(a, b);
  ag_shape joint = joint_shape(shapes[0], shapes[1]);
  expect_shape(y, joint);
  for (size_t i = 0; i < ag_size(y); i++) {
    place p = unravel(joint, i);
    double expected = binary_ops[which].f((double)ag_data(a)[broadcast_index(shapes[0], joint, p)],
                                          (double)ag_data(b)[broadcast_index(shapes[1], joint, p)]);
    expect_near((double)ag_data(y)[i], expected, 1e-14 * (1 + fabs(expected)));
  }
}

/* The gradient of a product, summed back over what was broadcast, by loops. */
static void broadcast_gradient_case(cases *c) {
  ag_shape to = draw_shape(c, 0, 5, 0, 4), shape = draw_operand(c, to), other = draw_operand(c, to);
  ag_tensor *a = draw_tensor(c, shape, false), *b = draw_tensor(c, other, false);
  ag_tape *tape = watching(a);
  ag_tensor *y = ag_mul(a, b);
  ag_shape joint = joint_shape(shape, other);
  ag_tensor *v = draw_tensor(c, joint, false), *gradient = pull_back(tape, y, a, v);
  expect_shape(gradient, shape);
  double expected[1024] = {0};
  for (size_t i = 0; i < ag_size(v); i++) {
    place p = unravel(joint, i);
    expected[broadcast_index(shape, joint, p)] +=
        (double)ag_data(v)[i] * (double)ag_data(b)[broadcast_index(other, joint, p)];
  }
  for (size_t i = 0; i < ag_size(a); i++) expect_near((double)ag_data(gradient)[i], expected[i], 1e-11);
}

static void where_case(cases *c) {
  ag_shape to = draw_shape(c, 0, 4, 0, 4), s[3];
  ag_tensor *in[3];
  for (int i = 0; i < 3; i++) in[i] = draw_tensor(c, s[i] = draw_operand(c, to), true);
  ag_tensor *y = ag_where(in[0], in[1], in[2]);
  ag_shape joint = joint_shape(joint_shape(s[0], s[1]), s[2]);
  expect_shape(y, joint);
  for (size_t i = 0; i < ag_size(y); i++) {
    place p = unravel(joint, i);
    int taken = ag_data(in[0])[broadcast_index(s[0], joint, p)] != 0 ? 1 : 2;
    expect_near((double)ag_data(y)[i], (double)ag_data(in[taken])[broadcast_index(s[taken], joint, p)], 0);
  }
}

static double square(double x) { return x * x; }
static double reciprocal(double x) { return 1 / x; }
static double sign(double x) { return (x > 0) - (x < 0); }
static double relu(double x) { return fmax(x, 0); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return log1p(exp(x)); }
static double negative(double x) { return -x; }
static double same(double x) { return x; }
static ag_tensor *sqrt_of_square(ag_tensor *x) { return ag_sqrt(ag_square(x)); }
static ag_tensor *log_of_square(ag_tensor *x) { return ag_log(ag_square(x)); }
static double log_square(double x) { return log(x * x); }
static ag_tensor *cube(ag_tensor *x) { return ag_pow_scalar(x, 3); }
static double cubed(double x) { return x * x * x; }
static ag_tensor *clipped(ag_tensor *x) { return ag_clip(x, -1, 0.5); }
static double clip(double x) { return fmin(fmax(x, -1), 0.5); }
static ag_tensor *leaky(ag_tensor *x) { return ag_leaky_relu(x, 0.25); }
static double leak(double x) { return x > 0 ? x : x / 4; }

static const struct {
  ag_tensor *(*op)(ag_tensor *x);
  double (*f)(double x);
} unary_ops[] = {{ag_neg, negative},
                 {ag_square, square},
                 {ag_exp, exp},
                 {ag_reciprocal, reciprocal},
                 {ag_abs, fabs},
                 {ag_sign, sign},
                 {ag_relu, relu},
                 {ag_sigmoid, sigmoid},
                 {ag_tanh, tanh},
                 {ag_softplus, softplus},
                 {ag_identity, same},
                 {sqrt_of_square, fabs},
                 {log_of_square, log_square},
                 {cube, cubed},
                 {clipped, clip},
                 {leaky, leak}};

static void unary_case(cases *c) {
  size_t which = (size_t)draw_int(c, 0, sizeof unary_ops / sizeof *unary_ops - 1);
  ag_tensor *x = draw_tensor(c, draw_shape(c, 0, 5, 0, 5), draw_bool(c)), *y = unary_ops[which].op(x);
  expect_shape(y, ag_shape_of(x));
  for (size_t i = 0; i < ag_size(x); i++) {
    double expected = unary_ops[which].f((double)ag_data(x)[i]);
    expect_near((double)ag_data(y)[i], expected, 1e-14 * (1 + fabs(expected)));
  }
}

/* Reductions */

/* Some axes of a shape, each once, some counted from the end; none at all stands for all of them. */
static ag_axes draw_axes(cases *c, int rank, bool reduced[AG_MAX_RANK]) {
  ag_axes axes = {0};
  for (int i = 0; i < rank; i++) {
    reduced[i] = draw_bool(c);
    if (reduced[i]) axes.axis[axes.count++] = draw_bool(c) ? i : i - rank;
  }
  for (int i = 0; axes.count == 0 && i < rank; i++) reduced[i] = true;
  return axes;
}

/* The place of the reduced result, with its axes kept, that an element counts for. */
static place kept_place(place p, int rank, const bool reduced[AG_MAX_RANK]) {
  for (int i = 0; i < rank; i++)
    if (reduced[i]) p.at[i] = 0;
  return p;
}

static void reduction_case(cases *c) {
  enum { SUM, MEAN, MAX, NORM };
  int which = (int)draw_int(c, SUM, NORM);
  ag_shape shape = draw_shape(c, 0, 5, which == MAX ? 1 : 0, 4), kept = shape, dropped = {0};
  bool reduced[AG_MAX_RANK] = {false}, keepdims = draw_bool(c);
  ag_axes axes = draw_axes(c, shape.rank, reduced);
  for (int i = 0; i < shape.rank; i++) {
    if (reduced[i]) kept.sizes[i] = 1;
    else dropped.sizes[dropped.rank++] = shape.sizes[i];
  }
  ag_tensor *x = draw_tensor(c, shape, draw_bool(c));
  ag_tensor *y = which == SUM    ? ag_sum_axes(x, axes, keepdims)
                 : which == MEAN ? ag_mean_axes(x, axes, keepdims)
                 : which == MAX  ? ag_max_axes(x, axes, keepdims)
                                 : ag_norm(x, axes, keepdims);
  expect_shape(y, keepdims ? kept : dropped);
  double expected[1024], terms = 1;
  for (int i = 0; i < shape.rank; i++) terms *= reduced[i] ? (double)shape.sizes[i] : 1;
  for (size_t i = 0; i < ag_size(y); i++) expected[i] = which == MAX ? -INFINITY : 0;
  for (size_t i = 0; i < ag_size(x); i++) {
    double value = (double)ag_data(x)[i],
           *to = &expected[ravel(kept, kept_place(unravel(shape, i), shape.rank, reduced))];
    if (which == MAX) *to = fmax(*to, value);
    else *to += which == NORM ? value * value : value;
  }
  for (size_t i = 0; i < ag_size(y); i++) {
    double value = which == MEAN ? expected[i] / terms : which == NORM ? sqrt(expected[i]) : expected[i];
    expect_near((double)ag_data(y)[i], value, 1e-11);
  }
}

static void argmax_case(cases *c) {
  ag_shape shape = draw_shape(c, 1, 4, 1, 4);
  int axis = (int)draw_int(c, 0, shape.rank - 1), asked = draw_bool(c) ? axis : axis - shape.rank;
  ag_tensor *x = draw_tensor(c, shape, true), *y = ag_argmax(x, asked);
  expect_no_error();
  ag_shape outer = shape;
  outer.sizes[axis] = 1;
  for (size_t i = 0; i < ag_size(y); i++) {
    place p = unravel(outer, i), best = p;
    for (p.at[axis] = 1; p.at[axis] < shape.sizes[axis]; p.at[axis]++)
      if (value_at(x, p) > value_at(x, best)) best = p;
    expect_near((double)ag_data(y)[i], (double)best.at[axis], 0);
  }
}

/* Ties share the gradient of a maximum evenly. */
static void max_gradient_case(cases *c) {
  ag_tensor *x = draw_tensor(c, draw_shape(c, 0, 4, 1, 4), true);
  ag_tape *tape = watching(x);
  ag_tensor *y = ag_max(x), *gradient = pull_back(tape, y, x, ag_scalar(1));
  double ties = 0;
  for (size_t i = 0; i < ag_size(x); i++) ties += (double)ag_data(x)[i] == ag_item(y);
  for (size_t i = 0; i < ag_size(x); i++)
    expect_near((double)ag_data(gradient)[i], (double)ag_data(x)[i] == ag_item(y) ? 1 / ties : 0, 1e-15);
}

/* Ops that move values */

/* For each element of the result, where it comes from; a place that is not within x stands for 0. */
static void expect_moved(const ag_tensor *x, const ag_tensor *y, place (*from)(place to, const void *how),
                         const void *how) {
  ag_shape shape = ag_shape_of(x);
  for (size_t i = 0; i < ag_size(y); i++) {
    place p = from(unravel(ag_shape_of(y), i), how);
    bool within = true;
    for (int k = 0; k < shape.rank; k++) within = within && p.at[k] >= 0 && p.at[k] < shape.sizes[k];
    expect_near((double)ag_data(y)[i], within ? value_at(x, p) : 0, 0);
  }
}

static place from_order(place to, const void *how) {
  const ag_axes *order = how;
  place p = {{0}};
  for (int i = 0; i < order->count; i++) p.at[order->axis[i]] = to.at[i];
  return p;
}

static void transpose_case(cases *c) {
  ag_shape shape = draw_shape(c, 1, 5, 0, 4), expected = shape;
  ag_axes order = {.count = shape.rank};
  for (int i = 0; i < shape.rank; i++) { /* Fisher and Yates */
    int j = (int)draw_int(c, 0, i);
    order.axis[i] = order.axis[j];
    order.axis[j] = i;
  }
  for (int i = 0; i < shape.rank; i++) expected.sizes[i] = shape.sizes[order.axis[i]];
  ag_tensor *x = draw_tensor(c, shape, false);
  ag_tape *tape = watching(x);
  ag_tensor *y = ag_transpose(x, order);
  expect_shape(y, expected);
  expect_moved(x, y, from_order, &order);
  expect_adjoint(c, tape, x, y);
}

typedef struct {
  int axis;
  int64_t by;
} offset;

static place from_offset(place to, const void *how) {
  const offset *o = how;
  to.at[o->axis] += o->by;
  return to;
}

static void slice_and_pad_case(cases *c) {
  ag_shape shape = draw_shape(c, 1, 4, 0, 5);
  offset o = {(int)draw_int(c, 0, shape.rank - 1), 0};
  ag_shape expected = shape;
  ag_tensor *x = draw_tensor(c, shape, false), *y;
  int64_t *size = &expected.sizes[o.axis], asked = draw_bool(c) ? o.axis : o.axis - shape.rank;
  ag_tape *tape = watching(x);
  if (draw_bool(c)) {
    o.by = draw_int(c, 0, *size);
    *size = draw_int(c, 0, *size - o.by);
    y = ag_slice(x, (int)asked, o.by, *size);
  } else {
    int64_t before = draw_int(c, 0, 3), after = draw_int(c, 0, 3);
    o.by = -before;
    *size += before + after;
    y = ag_pad(x, (int)asked, before, after);
  }
  expect_shape(y, expected);
  expect_moved(x, y, from_offset, &o);
  expect_adjoint(c, tape, x, y);
}

static place from_nowhere_else(place to, const void *how) {
  (void)how;
  return to;
}

/* A reshape keeps the order; -1 stands for what is left. */
static void reshape_case(cases *c) {
  ag_shape shape = draw_shape(c, 1, 4, 1, 4), asked = {.rank = 2};
  ag_tensor *x = draw_tensor(c, shape, false);
  int split = (int)draw_int(c, 0, shape.rank);
  asked.sizes[0] = asked.sizes[1] = 1;
  for (int i = 0; i < shape.rank; i++) asked.sizes[i >= split] *= shape.sizes[i];
  ag_shape given = asked;
  if (draw_bool(c)) given.sizes[draw_int(c, 0, 1)] = -1;
  ag_tape *tape = watching(x);
  ag_tensor *y = ag_reshape(x, given);
  expect_shape(y, asked);
  expect_moved(ag_reshape(x, AG_SHAPE(-1)), ag_reshape(y, AG_SHAPE(-1)), from_nowhere_else, NULL);
  for (size_t i = 0; i < ag_size(x); i++) expect_near((double)ag_data(y)[i], (double)ag_data(x)[i], 0);
  expect_adjoint(c, tape, x, y);
}

static void broadcast_to_case(cases *c) {
  ag_shape to = draw_shape(c, 0, 5, 0, 4), shape = draw_operand(c, to);
  ag_tensor *x = draw_tensor(c, shape, false);
  ag_tape *tape = watching(x);
  ag_tensor *y = ag_broadcast_to(x, to);
  expect_shape(y, to);
  for (size_t i = 0; i < ag_size(y); i++)
    expect_near((double)ag_data(y)[i], (double)ag_data(x)[broadcast_index(shape, to, unravel(to, i))], 0);
  expect_adjoint(c, tape, x, y);
  ag_tensor *v = draw_tensor(c, to, false), *back = ag_sum_to(v, shape);
  expect_near(dot(x, back), dot(y, v), 1e-12 * magnitude(y, v));
}

static void concat_case(cases *c) {
  ag_shape shape = draw_shape(c, 1, 4, 0, 4), expected = shape;
  int axis = (int)draw_int(c, 0, shape.rank - 1), parts = (int)draw_int(c, 1, 4);
  ag_tensor *in[4];
  expected.sizes[axis] = 0;
  for (int i = 0; i < parts; i++) {
    shape.sizes[axis] = draw_int(c, 0, 3);
    expected.sizes[axis] += shape.sizes[axis];
    in[i] = draw_tensor(c, shape, false);
  }
  ag_tape *tape = watching(in[0]);
  ag_tensor *y = ag_concat(ag_list_make((size_t)parts, in), draw_bool(c) ? axis : axis - shape.rank);
  expect_shape(y, expected);
  int64_t start = 0;
  for (int i = 0; i < parts; i++) {
    ag_shape part = ag_shape_of(in[i]);
    for (size_t k = 0; k < ag_size(in[i]); k++) {
      place p = unravel(part, k);
      p.at[axis] += start;
      expect_near(value_at(y, p), (double)ag_data(in[i])[k], 0);
    }
    start += part.sizes[axis];
  }
  ag_tensor *v = draw_tensor(c, expected, false), *back = pull_back(tape, y, in[0], v);
  for (size_t k = 0; k < ag_size(in[0]); k++)
    expect_near((double)ag_data(back)[k], value_at(v, unravel(ag_shape_of(in[0]), k)), 0);
}

static void stack_case(cases *c) {
  ag_shape shape = draw_shape(c, 0, 4, 0, 4);
  int axis = (int)draw_int(c, 0, shape.rank), parts = (int)draw_int(c, 1, 4);
  ag_tensor *in[4];
  for (int i = 0; i < parts; i++) in[i] = draw_tensor(c, shape, false);
  ag_tensor *y = ag_stack(ag_list_make((size_t)parts, in), draw_bool(c) ? axis : axis - shape.rank - 1);
  expect_no_error();
  assert_int_equal(ag_shape_of(y).sizes[axis], parts);
  for (size_t i = 0; i < ag_size(y); i++) {
    place to = unravel(ag_shape_of(y), i), p = {{0}};
    for (int k = 0; k < shape.rank; k++) p.at[k] = to.at[k < axis ? k : k + 1];
    expect_near((double)ag_data(y)[i], value_at(in[to.at[axis]], p), 0);
  }
}

static void gather_case(cases *c) {
  ag_shape shape = draw_shape(c, 1, 4, 1, 4), rows = draw_shape(c, 0, 2, 0, 3);
  int axis = (int)draw_int(c, 0, shape.rank - 1);
  ag_real *index;
  ag_tensor *x = draw_tensor(c, shape, false), *indices = ag_make(rows, &index);
  for (size_t i = 0; i < ag_size(indices); i++) index[i] = (ag_real)draw_int(c, 0, shape.sizes[axis] - 1);
  ag_tape *tape = watching(x);
  ag_tensor *y = ag_gather(x, indices, draw_bool(c) ? axis : axis - shape.rank);
  expect_no_error();
  for (size_t i = 0; i < ag_size(y); i++) {
    place to = unravel(ag_shape_of(y), i), row = {{0}}, p = {{0}};
    for (int k = 0; k < rows.rank; k++) row.at[k] = to.at[axis + k];
    for (int k = 0; k < shape.rank; k++)
      p.at[k] = k < axis ? to.at[k] : k == axis ? (int64_t)value_at(indices, row) : to.at[k + rows.rank - 1];
    expect_near((double)ag_data(y)[i], value_at(x, p), 0);
  }
  expect_adjoint(c, tape, x, y);
  ag_tensor *hot = ag_one_hot(indices, shape.sizes[axis]);
  for (size_t i = 0; i < ag_size(hot); i++) {
    place p = unravel(ag_shape_of(hot), i);
    expect_near((double)ag_data(hot)[i], (double)p.at[rows.rank] == value_at(indices, p), 0);
  }
}

/* Products */

static void matmul_case(cases *c) {
  int64_t m = draw_int(c, 0, 6), k = draw_int(c, 0, 6), n = draw_int(c, 0, 6);
  bool ta = draw_bool(c), tb = draw_bool(c);
  ag_shape to = draw_shape(c, 0, 3, 0, 3), a = draw_operand(c, to), b = draw_operand(c, to), joint = joint_shape(a, b);
  ag_shape batch_a = a, batch_b = b, batch = joint;
  a.sizes[a.rank++] = ta ? k : m, a.sizes[a.rank++] = ta ? m : k;
  b.sizes[b.rank++] = tb ? n : k, b.sizes[b.rank++] = tb ? k : n;
  joint.sizes[joint.rank++] = m, joint.sizes[joint.rank++] = n;
  ag_tensor *x = draw_tensor(c, a, false), *w = draw_tensor(c, b, false);
  ag_tape *tape = watching(x);
  ag_tape_watch(tape, w);
  ag_tensor *y = ag_matmul_transposed(x, ta, w, tb);
  expect_shape(y, joint);
  for (size_t i = 0; i < ag_size(y); i++) {
    place p = unravel(joint, i);
    int64_t row = p.at[joint.rank - 2], column = p.at[joint.rank - 1];
    const ag_real *left = ag_data(x) + broadcast_index(batch_a, batch, p) * (size_t)(m * k);
    const ag_real *right = ag_data(w) + broadcast_index(batch_b, batch, p) * (size_t)(k * n);
    double sum = 0;
    for (int64_t d = 0; d < k; d++)
      sum += (double)left[ta ? d * m + row : row * k + d] * (double)right[tb ? column * k + d : d * n + column];
    expect_near((double)ag_data(y)[i], sum, 1e-12);
  }
  expect_adjoint(c, tape, x, y);
  expect_adjoint(c, tape, w, y);
}

/* Windows */

typedef struct {
  ag_shape images, kernel;
  ag_window window;
  int64_t out[2], before[2]; /* windows along each axis, and zeros before the first */
} windows;

/* As TensorFlow's documentation of `padding` has it. */
static windows draw_windows(cases *c) {
  windows w = {.window = {(int)draw_int(c, 1, 4), (int)draw_int(c, 1, 4), draw_bool(c) ? AG_SAME : AG_VALID}};
  w.kernel = draw_shape(c, 4, 4, 1, 5);
  w.images = draw_shape(c, 4, 4, 1, 9);
  w.images.sizes[0] = draw_int(c, 0, 3);
  w.images.sizes[3] = w.kernel.sizes[2];
  for (int i = 0; i < 2; i++) {
    int64_t *size = &w.images.sizes[1 + i], taps = w.kernel.sizes[i];
    int64_t stride = i ? w.window.stride_w : w.window.stride_h;
    if (w.window.padding == AG_VALID && *size < taps) *size = taps;
    bool padded = w.window.padding == AG_SAME;
    w.out[i] = padded ? (*size + stride - 1) / stride : (*size - taps) / stride + 1;
    int64_t missing = padded ? (w.out[i] - 1) * stride + taps - *size : 0;
    w.before[i] = missing > 0 ? missing / 2 : 0;
  }
  return w;
}

/* The pixel under a tap of the window at y, x; false where that is padding. */
static bool pixel_of(const windows *w, place window, int64_t tap_y, int64_t tap_x, place *pixel) {
  *pixel = window;
  pixel->at[1] = window.at[1] * w->window.stride_h - w->before[0] + tap_y;
  pixel->at[2] = window.at[2] * w->window.stride_w - w->before[1] + tap_x;
  return pixel->at[1] >= 0 && pixel->at[1] < w->images.sizes[1] && pixel->at[2] >= 0 &&
         pixel->at[2] < w->images.sizes[2];
}

static double convolved(const windows *w, const ag_tensor *images, const ag_tensor *kernel, place p) {
  double sum = 0;
  for (int64_t tap_y = 0; tap_y < w->kernel.sizes[0]; tap_y++)
    for (int64_t tap_x = 0; tap_x < w->kernel.sizes[1]; tap_x++) {
      place pixel;
      if (!pixel_of(w, p, tap_y, tap_x, &pixel)) continue;
      for (pixel.at[3] = 0; pixel.at[3] < w->images.sizes[3]; pixel.at[3]++)
        sum += value_at(images, pixel) * value_at(kernel, (place){{tap_y, tap_x, pixel.at[3], p.at[3]}});
    }
  return sum;
}

static void conv2d_case(cases *c) {
  windows w = draw_windows(c);
  ag_tensor *images = draw_tensor(c, w.images, false), *kernel = draw_tensor(c, w.kernel, false);
  ag_tape *tape = watching(images);
  ag_tape_watch(tape, kernel);
  ag_tensor *y = ag_conv2d(images, kernel, w.window);
  expect_shape(y, AG_SHAPE(w.images.sizes[0], w.out[0], w.out[1], w.kernel.sizes[3]));
  for (size_t i = 0; i < ag_size(y); i++)
    expect_near((double)ag_data(y)[i], convolved(&w, images, kernel, unravel(ag_shape_of(y), i)), 1e-11);
  expect_adjoint(c, tape, images, y);
  expect_adjoint(c, tape, kernel, y);
}

/* <conv2d(x, k), y> = <x, conv2d_transpose(y, k)> = <k, conv2d_kernel_gradient(x, y)>, called by name; and the
 * gradients of the last two. */
static void conv2d_transpose_case(cases *c) {
  windows w = draw_windows(c);
  ag_tensor *x = draw_tensor(c, w.images, false), *k = draw_tensor(c, w.kernel, false);
  ag_tensor *forward = ag_conv2d(x, k, w.window), *y = draw_tensor(c, ag_shape_of(forward), false);
  ag_tape *tape = watching(y);
  ag_tape_watch(tape, x);
  ag_tape_watch(tape, k);
  ag_tensor *back = ag_conv2d_transpose_to(y, k, w.window, w.images.sizes[1], w.images.sizes[2]);
  ag_tensor *taps = ag_conv2d_kernel_gradient(x, y, w.window, w.kernel.sizes[0], w.kernel.sizes[1]);
  expect_shape(back, w.images);
  expect_shape(taps, w.kernel);
  double product = dot(forward, y), tolerance = 1e-12 * (magnitude(forward, y) + magnitude(x, back));
  expect_near(dot(x, back), product, tolerance);
  expect_near(dot(k, taps), product, tolerance + 1e-12 * magnitude(k, taps));
  expect_adjoint(c, tape, y, back);
  expect_adjoint(c, tape, k, back);
  expect_adjoint(c, tape, x, taps);
  expect_adjoint(c, tape, y, taps);
}

static void pool_case(cases *c) {
  windows w = draw_windows(c);
  bool largest = draw_bool(c);
  ag_tensor *x = draw_tensor(c, w.images, draw_bool(c));
  ag_tape *tape = watching(x);
  ag_tensor *y = (largest ? ag_max_pool : ag_avg_pool)(x, w.kernel.sizes[0], w.kernel.sizes[1], w.window);
  expect_shape(y, AG_SHAPE(w.images.sizes[0], w.out[0], w.out[1], w.images.sizes[3]));
  for (size_t i = 0; i < ag_size(y); i++) {
    place p = unravel(ag_shape_of(y), i), pixel;
    double sum = 0, most = -INFINITY, count = 0;
    for (int64_t tap = 0; tap < w.kernel.sizes[0] * w.kernel.sizes[1]; tap++) {
      if (!pixel_of(&w, p, tap / w.kernel.sizes[1], tap % w.kernel.sizes[1], &pixel)) continue;
      sum += value_at(x, pixel);
      most = fmax(most, value_at(x, pixel));
      count++;
    }
    expect_near((double)ag_data(y)[i], largest ? most : sum / count, 1e-13);
  }
  /* a maximum is linear as long as the same pixels win */
  expect_adjoint(c, tape, x, y);
}

static void upsample_case(cases *c) {
  ag_shape shape = draw_shape(c, 4, 4, 0, 4);
  int64_t h = draw_int(c, 1, 3), v = draw_int(c, 1, 3);
  ag_tensor *x = draw_tensor(c, shape, false);
  ag_tape *tape = watching(x);
  ag_tensor *y = ag_upsample_nearest(x, h, v);
  expect_shape(y, AG_SHAPE(shape.sizes[0], shape.sizes[1] * h, shape.sizes[2] * v, shape.sizes[3]));
  for (size_t i = 0; i < ag_size(y); i++) {
    place p = unravel(ag_shape_of(y), i);
    p.at[1] /= h, p.at[2] /= v;
    expect_near((double)ag_data(y)[i], value_at(x, p), 0);
  }
  expect_adjoint(c, tape, x, y);
}

/* Gradients */

typedef struct {
  graph graph;
  ag_tape *tape; /* persistent; watches the inputs */
  ag_tensor *inputs[GRAPH_INPUTS];
  ag_list sources;
} recorded;

static recorded record_graph(cases *c) {
  recorded r = {.tape = ag_tape_start_with(AG_PERSISTENT | AG_MANUAL_WATCH)};
  graph_inputs(c, r.inputs);
  r.sources = ag_list_make(GRAPH_INPUTS, r.inputs);
  for (int i = 0; i < GRAPH_INPUTS; i++) ag_tape_watch(r.tape, r.inputs[i]);
  r.graph = graph_make(*c, r.inputs);
  ag_tape_stop(r.tape);
  expect_no_error();
  return r;
}

static ag_list gradients_with(const recorded *r, ag_list targets, ag_list seeds) {
  ag_list list = ag_gradients_of(r->tape, targets, r->sources, seeds, AG_UNCONNECTED_ZEROS);
  expect_no_error();
  return list;
}

static ag_tensor *last_value(const recorded *r, size_t before) {
  return r->graph.values[GRAPH_VALUES - 1 - before].tensor;
}

static void sum_of_gradients_case(cases *c) {
  recorded r = record_graph(c);
  ag_tensor *targets[] = {r.graph.target, last_value(&r, 0), last_value(&r, 1)};
  ag_list together = gradients_with(&r, ag_list_make(3, targets), (ag_list){0}), alone[3];
  for (int t = 0; t < 3; t++) alone[t] = gradients_with(&r, AG_LIST(targets[t]), (ag_list){0});
  for (size_t i = 0; i < together.count; i++)
    for (size_t k = 0; k < ag_size(together.items[i]); k++) {
      double sum = 0, size = 1;
      for (int t = 0; t < 3; t++) sum += (double)ag_data(alone[t].items[i])[k];
      for (int t = 0; t < 3; t++) size += fabs((double)ag_data(alone[t].items[i])[k]);
      expect_near((double)ag_data(together.items[i])[k], sum, 1e-11 * size);
    }
}

/* vjp(a u + b v) = a vjp(u) + b vjp(v) */
static void linear_in_the_seed_case(cases *c) {
  recorded r = record_graph(c);
  ag_tensor *y = last_value(&r, 0);
  double a = draw_value(c), b = draw_value(c);
  ag_tensor *u = draw_tensor(c, ag_shape_of(y), false), *v = draw_tensor(c, ag_shape_of(y), false);
  ag_tensor *mixed = ag_add(ag_scale(u, a), ag_scale(v, b));
  ag_list of_u = gradients_with(&r, AG_LIST(y), AG_LIST(u)), of_v = gradients_with(&r, AG_LIST(y), AG_LIST(v));
  ag_list of_both = gradients_with(&r, AG_LIST(y), AG_LIST(mixed));
  for (size_t i = 0; i < of_both.count; i++)
    for (size_t k = 0; k < ag_size(of_both.items[i]); k++) {
      double left = a * (double)ag_data(of_u.items[i])[k], right = b * (double)ag_data(of_v.items[i])[k];
      expect_near((double)ag_data(of_both.items[i])[k], left + right, 1e-11 * (1 + fabs(left) + fabs(right)));
    }
}

/* A source may be what the tape computed itself: the target's own gradient is the seed, and others stay as they were.
 */
static void more_sources_case(cases *c) {
  recorded r = record_graph(c);
  ag_tensor *y = last_value(&r, 0), *v = draw_tensor(c, ag_shape_of(y), false), *sources[GRAPH_VALUES];
  for (int i = 0; i < GRAPH_VALUES; i++) sources[i] = r.graph.values[i].tensor;
  ag_list alone = gradients_with(&r, AG_LIST(y), AG_LIST(v));
  ag_list all =
      ag_gradients_of(r.tape, AG_LIST(y), ag_list_make(GRAPH_VALUES, sources), AG_LIST(v), AG_UNCONNECTED_ZEROS);
  expect_no_error();
  for (size_t k = 0; k < ag_size(y); k++)
    expect_near((double)ag_data(all.items[GRAPH_VALUES - 1])[k], (double)ag_data(v)[k], 0);
  for (size_t i = 0; i < GRAPH_INPUTS; i++)
    for (size_t k = 0; k < ag_size(alone.items[i]); k++)
      expect_near((double)ag_data(all.items[i])[k], (double)ag_data(alone.items[i])[k], 1e-12);
}

/* The inputs moved by a step along a direction. */
static void move_inputs(ag_tensor *const from[], ag_tensor *const along[], double step, ag_tensor *to[]) {
  for (int i = 0; i < GRAPH_INPUTS; i++) to[i] = ag_add(from[i], ag_scale(along[i], step));
}

static double sum_of_dots(ag_list gradients, ag_tensor *const along[]) {
  double sum = 0;
  for (size_t i = 0; i < gradients.count; i++) sum += dot(gradients.items[i], along[i]);
  return sum;
}

/* The five-point formula (Abramowitz and Stegun, 25.3.6) over f at four steps. */
static const double fd_offset[4] = {-2, -1, 1, 2}, fd_weight[4] = {1. / 12, -8. / 12, 8. / 12, -1. / 12};
static const double fd_step = 2e-4;

static void finite_difference_case(cases *c) {
  recorded r = record_graph(c);
  cases directions = *c;
  ag_tensor *along[GRAPH_INPUTS], *moved[GRAPH_INPUTS];
  for (int i = 0; i < GRAPH_INPUTS; i++) along[i] = draw_tensor(&directions, ag_shape_of(r.inputs[i]), false);
  double analytic = sum_of_dots(gradients_with(&r, AG_LIST(r.graph.target), (ag_list){0}), along), numeric = 0;
  for (int k = 0; k < 4; k++) {
    move_inputs(r.inputs, along, fd_offset[k] * fd_step, moved);
    numeric += fd_weight[k] * ag_item(graph_make(*c, moved).target) / fd_step;
  }
  expect_near(analytic, numeric, 1e-6 * (1 + fabs(numeric)));
}

/* <gradient, along> as a number that the outer tapes record. */
static ag_tensor *slope_along(cases c, ag_tensor *const inputs[], ag_tensor *const along[]) {
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  for (int i = 0; i < GRAPH_INPUTS; i++) ag_tape_watch(tape, inputs[i]);
  graph g = graph_make(c, inputs);
  ag_list gradients =
      ag_gradients_of(tape, AG_LIST(g.target), ag_list_make(GRAPH_INPUTS, inputs), (ag_list){0}, AG_UNCONNECTED_ZEROS);
  expect_no_error();
  ag_tensor *sum = ag_scalar(0);
  for (size_t i = 0; i < gradients.count; i++) sum = ag_add(sum, ag_sum(ag_mul(gradients.items[i], along[i])));
  return sum;
}

static void second_order_case(cases *c) {
  ag_tensor *inputs[GRAPH_INPUTS], *u[GRAPH_INPUTS], *v[GRAPH_INPUTS], *moved[GRAPH_INPUTS];
  graph_inputs(c, inputs);
  cases directions = *c;
  ag_tape *outer = ag_tape_start_with(AG_MANUAL_WATCH);
  for (int i = 0; i < GRAPH_INPUTS; i++) {
    ag_tape_watch(outer, inputs[i]);
    u[i] = draw_tensor(&directions, ag_shape_of(inputs[i]), false);
    v[i] = draw_tensor(&directions, ag_shape_of(inputs[i]), false);
  }
  ag_tensor *slope = slope_along(*c, inputs, u);
  double analytic = sum_of_dots(
      ag_gradients_of(outer, AG_LIST(slope), ag_list_make(GRAPH_INPUTS, inputs), (ag_list){0}, AG_UNCONNECTED_ZEROS),
      v);
  double numeric = 0;
  for (int k = 0; k < 4; k++) {
    move_inputs(inputs, v, fd_offset[k] * fd_step, moved);
    numeric += fd_weight[k] * ag_item(slope_along(*c, moved, u)) / fd_step;
  }
  expect_near(analytic, numeric, 1e-6 * (1 + fabs(numeric)));
}

/* Floats */

/* How far rounding each value of the graph to float may move the target, to first order: sum |d target / d value| times
 * the rounding of the value, a few units in the last place of the largest number on the way to it. */
static double rounding_of_target(const recorded *r) {
  enum { UNITS = 4 };
  ag_tensor *values[GRAPH_VALUES];
  for (int i = 0; i < GRAPH_VALUES; i++) values[i] = r->graph.values[i].tensor;
  ag_list slopes = ag_gradients_of(r->tape, AG_LIST(r->graph.target), ag_list_make(GRAPH_VALUES, values), (ag_list){0},
                                   AG_UNCONNECTED_ZEROS);
  expect_no_error();
  double sum = GRAPH_OPS * graph_limit; /* of the target's own additions */
  for (size_t i = 0; i < slopes.count; i++)
    for (size_t k = 0; k < ag_size(slopes.items[i]); k++)
      sum += fabs((double)ag_data(slopes.items[i])[k]) * r->graph.values[i].magnitude;
  return UNITS * 0x1p-24 * sum;
}

/* The gradient's own sweep takes about twice as many ops again and multiplies by values of at most graph_limit, so its
 * bound is taken as the target's, relative to its size; measured, the differences stay 30 times below it. */
static void expect_same_line(FILE *floats, const recorded *r) {
  double value, tolerance = rounding_of_target(r);
  assert_int_equal(fscanf(floats, "%la", &value), 1);
  expect_near(value, ag_item(r->graph.target), tolerance);
  ag_list gradients = gradients_with(r, AG_LIST(r->graph.target), (ag_list){0});
  for (size_t i = 0; i < gradients.count; i++)
    for (size_t k = 0; k < ag_size(gradients.items[i]); k++) {
      assert_int_equal(fscanf(floats, "%la", &value), 1);
      double expected = (double)ag_data(gradients.items[i])[k];
      expect_near(value, expected, tolerance * (1 + fabs(expected)));
    }
}

static FILE *floats;

static void float_case(cases *c) {
  recorded r = record_graph(c);
  expect_same_line(floats, &r);
}

#define PROPERTY(name, id, count, one) \
  static void name(void **state) {     \
    (void)state;                       \
    run_cases(#name, id, count, one);  \
  }
PROPERTY(binary_ops_broadcast_as_loops_say, 1, OP_CASES, binary_case)
PROPERTY(a_broadcast_gradient_is_summed_back, 2, OP_CASES, broadcast_gradient_case)
PROPERTY(where_picks_as_loops_say, 3, OP_CASES, where_case)
PROPERTY(unary_ops_agree_with_the_c_library, 4, OP_CASES, unary_case)
PROPERTY(reductions_agree_with_loops, 5, OP_CASES, reduction_case)
PROPERTY(argmax_is_the_first_largest, 6, OP_CASES, argmax_case)
PROPERTY(ties_share_the_gradient_of_max, 7, OP_CASES, max_gradient_case)
PROPERTY(transpose_moves_and_is_adjoint, 8, OP_CASES, transpose_case)
PROPERTY(slice_and_pad_move_and_are_adjoint, 9, OP_CASES, slice_and_pad_case)
PROPERTY(reshape_keeps_the_order, 10, OP_CASES, reshape_case)
PROPERTY(broadcast_to_and_sum_to_are_adjoint, 11, OP_CASES, broadcast_to_case)
PROPERTY(concat_joins_and_its_gradient_parts, 12, OP_CASES, concat_case)
PROPERTY(stack_adds_an_axis, 13, OP_CASES, stack_case)
PROPERTY(gather_and_one_hot_follow_indices, 14, OP_CASES, gather_case)
PROPERTY(matmul_agrees_with_loops_and_is_adjoint, 15, OP_CASES, matmul_case)
PROPERTY(conv2d_agrees_with_loops_and_is_adjoint, 16, OP_CASES, conv2d_case)
PROPERTY(conv2d_and_its_transpose_are_adjoint, 17, OP_CASES, conv2d_transpose_case)
PROPERTY(pools_agree_with_loops_and_are_adjoint, 18, OP_CASES, pool_case)
PROPERTY(upsampling_repeats_and_is_adjoint, 19, OP_CASES, upsample_case)
PROPERTY(a_sum_of_gradients_is_the_gradient_of_the_sum, 20, GRADIENT_CASES, sum_of_gradients_case)
PROPERTY(gradients_are_linear_in_the_seed, 21, GRADIENT_CASES, linear_in_the_seed_case)
PROPERTY(computed_values_may_be_sources, 24, GRADIENT_CASES, more_sources_case)
PROPERTY(random_graphs_agree_with_finite_differences, 22, GRAPHS, finite_difference_case)
PROPERTY(second_derivatives_of_random_graphs_agree_with_finite_differences, 23, GRAPHS / 3, second_order_case)

static void random_graphs_over_floats_agree_with_doubles(void **state) {
  (void)state;
  char command[1024];
  snprintf(command, sizeof command, "'%s' %" PRIu64 " %d", FLOAT_GRAPHS, seed, GRAPHS);
  floats = popen(command, "r");
  assert_non_null(floats);
  run_cases(__func__, GRAPH_CASES, GRAPHS, float_case);
  assert_int_equal(pclose(floats), 0);
}

int main(void) {
  seed = cases_seed();
  const struct CMUnitTest tests[] = {
      TEST(binary_ops_broadcast_as_loops_say),
      TEST(a_broadcast_gradient_is_summed_back),
      TEST(where_picks_as_loops_say),
      TEST(unary_ops_agree_with_the_c_library),
      TEST(reductions_agree_with_loops),
      TEST(argmax_is_the_first_largest),
      TEST(ties_share_the_gradient_of_max),
      TEST(transpose_moves_and_is_adjoint),
      TEST(slice_and_pad_move_and_are_adjoint),
      TEST(reshape_keeps_the_order),
      TEST(broadcast_to_and_sum_to_are_adjoint),
      TEST(concat_joins_and_its_gradient_parts),
      TEST(stack_adds_an_axis),
      TEST(gather_and_one_hot_follow_indices),
      TEST(matmul_agrees_with_loops_and_is_adjoint),
      TEST(conv2d_agrees_with_loops_and_is_adjoint),
      TEST(conv2d_and_its_transpose_are_adjoint),
      TEST(pools_agree_with_loops_and_are_adjoint),
      TEST(upsampling_repeats_and_is_adjoint),
      TEST(a_sum_of_gradients_is_the_gradient_of_the_sum),
      TEST(gradients_are_linear_in_the_seed),
      TEST(computed_values_may_be_sources),
      TEST(random_graphs_agree_with_finite_differences),
      TEST(second_derivatives_of_random_graphs_agree_with_finite_differences),
      TEST(random_graphs_over_floats_agree_with_doubles),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  printf("%zu properties, %" PRIu64 " cases, DUALTAPE_SEED=%" PRIu64 "\n", sizeof tests / sizeof *tests, running.count,
         seed);
  return failed;
}
