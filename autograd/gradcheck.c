#include "autograd/gradcheck.h"

#include <math.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/ops.h"
#include "autograd/scope.h"
#include "autograd/tape.h"

typedef struct {
  const char *name; /* of the check, for its errors */
  ag_function *f;
  void *context;
  ag_list inputs;
  ag_tensor *cotangent; /* the fixed random v */
} problem;

/* A fixed v of the shape of y: with ones, mistakes that cancel in a sum would pass (batch norm's gradient is all zeros
 * then). */
static ag_tensor *random_like(ag_tensor *y) {
  ag_rng rng = ag_rng_seed(2015);
  return y ? ag_normal(&rng, ag_shape_of(y), 0, 1) : NULL;
}

static bool same_bits(ag_tensor *a, ag_tensor *b) {
  return ag_shape_equal(ag_shape_of(a), ag_shape_of(b)) &&
         memcmp(ag_data(a), ag_data(b), ag_size(a) * sizeof(ag_real)) == 0;
}

/* The gradients of sum(cotangent * f(inputs)) with respect to all inputs. */
static ag_list gradients_of(ag_function *f, void *context, ag_list inputs, ag_tensor *cotangent) {
  ag_tape *tape = ag_tape_start_with(AG_MANUAL_WATCH);
  for (size_t i = 0; i < inputs.count; i++) ag_tape_watch(tape, inputs.items[i]);
  ag_tensor *y = f(inputs, context);
  if (!y || !cotangent) return (ag_list){0};
  return ag_gradients_of(tape, (ag_list){1, &y}, inputs, (ag_list){1, &cotangent}, AG_UNCONNECTED_ZEROS);
}

/* f with one element of one input moved; the result belongs to the current scope. */
static ag_tensor *moved(const problem *p, size_t input, size_t index, double by) {
  ag_tensor *original = p->inputs.items[input];
  ag_real *values;
  ag_tensor *copy = ag_make(ag_shape_of(original), &values);
  if (!copy) return NULL;
  memcpy(values, ag_data(original), ag_size(original) * sizeof *values);
  values[index] += (ag_real)by;
  ag_list inputs = ag_list_make(p->inputs.count, p->inputs.items);
  if (inputs.items) inputs.items[input] = copy;
  return inputs.items ? p->f(inputs, p->context) : NULL;
}

/* The derivative of sum(v * f) by the five-point formula (Abramowitz and Stegun, 25.3.6), of fourth order. */
static double numeric_slope(const problem *p, size_t input, size_t index, double step) {
  static const double offset[4] = {-2, -1, 1, 2}, weight[4] = {1. / 12, -8. / 12, 8. / 12, -1. / 12};
  const ag_real *v = ag_data(p->cotangent), *values[4];
  for (int k = 0; k < 4; k++) {
    ag_tensor *y = moved(p, input, index, offset[k] * step);
    if (!y || !(values[k] = ag_data(y))) return NAN;
    if (!ag_shape_equal(ag_shape_of(y), ag_shape_of(p->cotangent))) {
      ag_fail(AG_ERROR_SHAPE, "%s: the function gives shape %s, then %s for an input that moved a little", p->name,
              ag_shape_print(ag_shape_of(p->cotangent)).text, ag_shape_print(ag_shape_of(y)).text);
      return NAN;
    }
  }
  double slope = 0;
  for (size_t i = 0; i < ag_size(p->cotangent); i++) {
    double difference = 0;
    for (int k = 0; k < 4; k++) difference += weight[k] * (double)values[k][i];
    slope += difference * (double)v[i];
  }
  return slope / step;
}

/* Compares every element; keeps the worst in *check. Its error relative to the tolerance, infinite for NaN. */
static double compare(const problem *p, ag_list gradients, ag_check *check) {
  double worst = -1;
  for (size_t input = 0; input < p->inputs.count; input++) {
    const ag_real *analytic = ag_data(gradients.items[input]);
    for (size_t index = 0; analytic && index < ag_size(p->inputs.items[input]); index++) {
      ag_scope *scope = ag_scope_enter();
      double numeric = numeric_slope(p, input, index, check->step);
      ag_scope_leave(scope);
      double error = fabs((double)analytic[index] - numeric) / (check->atol + check->rtol * fabs(numeric));
      if (isnan(error)) error = INFINITY;
      if (error <= worst) continue;
      worst = error;
      check->input = input;
      check->index = index;
      check->analytic = (double)analytic[index];
      check->numeric = numeric;
    }
  }
  return worst;
}

static bool check_in_scope(problem *p, ag_check *check) {
  if (!p->inputs.items) return ag_fail_null(p->name, "the list of inputs");
  p->inputs = ag_list_make(p->inputs.count, p->inputs.items);
  for (size_t i = 0; i < p->inputs.count; i++) p->inputs.items[i] = ag_detach(p->inputs.items[i]);
  if (ag_failed()) return false;
  ag_tensor *once = p->f(p->inputs, p->context), *again = once ? p->f(p->inputs, p->context) : NULL;
  if (!again) return ag_fail(AG_ERROR_ARGUMENT, "%s: the function returned NULL", p->name);
  if (!same_bits(once, again))
    return ag_fail(AG_ERROR_ARGUMENT, "%s: the function gives different results for the same inputs", p->name);
  p->cotangent = random_like(once);
  ag_list gradients = gradients_of(p->f, p->context, p->inputs, p->cotangent);
  if (!gradients.items) return ag_fail(AG_ERROR_ARGUMENT, "%s: no gradients", p->name);
  bool agree = compare(p, gradients, check) <= 1;
  if (ag_failed() || agree) return !ag_failed();
  return ag_fail(AG_ERROR_ARGUMENT, "%s: input %zu, element %zu: the analytic gradient is %.12g, the numeric %.12g%s",
                 p->name, check->input, check->index, check->analytic, check->numeric,
                 sizeof(ag_real) == 8 ? "" : ", in float");
}

/* The cotangent is still to be drawn. */
static bool run_check(problem p, ag_check *check, double rtol, double atol) {
  if (!p.f) return ag_fail_null(p.name, "the function");
  ag_check asked = check ? *check : (ag_check){0}, used = asked;
  if (asked.rtol == 0) used.rtol = rtol;
  if (asked.atol == 0) used.atol = atol;
  if (asked.step == 0) used.step = 1e-3;
  ag_scope *scope = ag_scope_enter();
  bool fine = scope && check_in_scope(&p, &used);
  if (scope) ag_scope_leave(scope);
  used.rtol = asked.rtol, used.atol = asked.atol, used.step = asked.step; /* 0: another default to the second order */
  if (check) *check = used;
  return fine;
}

bool ag_gradcheck(ag_function *f, void *context, ag_list inputs, ag_check *check) {
  return run_check((problem){"gradcheck", f, context, inputs, NULL}, check, 1e-6, 1e-8);
}

/* (inputs, v) -> all gradients of sum(v * f(inputs)), as one vector. */
static ag_tensor *gradient_function(ag_list inputs, void *context) {
  const problem *p = context;
  ag_list own = {inputs.count - 1, inputs.items};
  ag_list gradients = gradients_of(p->f, p->context, own, inputs.items[own.count]);
  for (size_t i = 0; i < gradients.count; i++) gradients.items[i] = ag_reshape(gradients.items[i], AG_SHAPE(-1));
  return gradients.items ? ag_concat(gradients, 0) : NULL;
}

bool ag_gradgradcheck(ag_function *f, void *context, ag_list inputs, ag_check *check) {
  if (!f || !inputs.items) return ag_fail_null("gradgradcheck", f ? "the list of inputs" : "the function");
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  ag_list with_v = {inputs.count + 1, ag_allocate(inputs.count + 1, sizeof(ag_tensor *))};
  ag_tensor *v = random_like(f(inputs, context));
  for (size_t i = 0; with_v.items && i < with_v.count; i++) with_v.items[i] = i < inputs.count ? inputs.items[i] : v;
  if (!v) ag_fail(AG_ERROR_ARGUMENT, "gradgradcheck: the function returned NULL");
  problem inner = {.f = f, .context = context}, outer = {"gradgradcheck", gradient_function, &inner, with_v, NULL};
  bool fine = v && with_v.items && run_check(outer, check, 1e-5, 1e-7);
  ag_free(with_v.items);
  ag_scope_leave(scope);
  return fine;
}
