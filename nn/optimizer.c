#include "nn/optimizer.h"

#include <math.h>

#include "autograd/typed.h"
#include "nn/layer.h"
#include "nn/optimizer_private.h"

/* What an optimizer knows of one variable. */
typedef struct state {
  struct state *next;
  ag_tensor *variable;                /* retained, so that no other can take its address */
  ag_tensor *moments[NN_MAX_MOMENTS]; /* retained; variables for the sake of ag_variable_data */
  uint64_t step;
} state;

/* One variable's step, all of it at hand. */
typedef struct {
  state *state;
  size_t size;
  const ag_real *gradient;
  ag_real *weights, *moments[NN_MAX_MOMENTS];
} update;

typedef struct {
  const char *name;
  int moments, first_of_squares;
  void (*step)(const nn_optimizer *optimizer, const update *update);
} rule;

struct nn_optimizer {
  const rule *rule;
  double learning_rate;
  double momentum;     /* sgd */
  double rho;          /* rmsprop */
  double beta1, beta2; /* adam */
  double epsilon, weight_decay;
  state *states;
};

static void sgd_step(const nn_optimizer *o, const update *u) {
  ag_kernels()->sgd(u->size, o->learning_rate, o->momentum, u->gradient, u->moments[0], u->weights);
}

static void rmsprop_step(const nn_optimizer *o, const update *u) {
  ag_kernels()->rmsprop(u->size, o->learning_rate, o->rho, o->epsilon, u->gradient, u->moments[0], u->weights);
}

/* By squaring: the same bits with every C library, which pow() does not promise. */
static double power(double base, uint64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) result *= base;
  }
  return result;
}

static void adam_step(const nn_optimizer *o, const update *u) {
  double correction = sqrt(1 - power(o->beta2, u->state->step)) / (1 - power(o->beta1, u->state->step));
  ag_kernels()->adam(u->size, o->learning_rate * correction, o->beta1, o->beta2, o->epsilon,
                     o->learning_rate * o->weight_decay, u->gradient, u->moments[0], u->moments[1], u->weights);
}

static const rule sgd = {"sgd", 0, 0, sgd_step}, sgd_momentum = {"sgd", 1, 1, sgd_step};
static const rule rmsprop = {"rmsprop", 1, 0, rmsprop_step};
static const rule adam = {"adam", 2, 1, adam_step}, adamw = {"adamw", 2, 1, adam_step};

/* Making and freeing. */

static bool check_not_negative(const nn_optimizer *o, const char *what, double value) {
  if (value >= 0 && isfinite(value)) return true;
  return ag_fail(AG_ERROR_ARGUMENT, "%s: %s is %g, expected a finite number, not negative", o->rule->name, what, value);
}

static bool check_share(const nn_optimizer *o, const char *what, double value) {
  if (value >= 0 && value < 1) return true;
  return ag_fail(AG_ERROR_ARGUMENT, "%s: %s is %g, expected at least 0 and less than 1", o->rule->name, what, value);
}

static nn_optimizer *make(nn_optimizer o) {
  bool valid = check_not_negative(&o, "learning_rate", o.learning_rate) && check_share(&o, "momentum", o.momentum) &&
               check_share(&o, "rho", o.rho) && check_share(&o, "beta1", o.beta1) &&
               check_share(&o, "beta2", o.beta2) && check_not_negative(&o, "epsilon", o.epsilon) &&
               check_not_negative(&o, "weight_decay", o.weight_decay);
  nn_optimizer *optimizer = valid ? ag_allocate(1, sizeof o) : NULL;
  if (optimizer) *optimizer = o;
  return optimizer;
}

nn_optimizer *nn_sgd_of(nn_sgd_options options) {
  return make((nn_optimizer){.rule = options.momentum == 0 ? &sgd : &sgd_momentum,
                             .learning_rate = nn_option(options.learning_rate, 0.01),
                             .momentum = nn_option(options.momentum, 0)});
}

nn_optimizer *nn_rmsprop_of(nn_rmsprop_options options) {
  return make((nn_optimizer){.rule = &rmsprop,
                             .learning_rate = nn_option(options.learning_rate, 1e-3),
                             .rho = nn_option(options.rho, 0.9),
                             .epsilon = nn_option(options.epsilon, 1e-7)});
}

static nn_optimizer *make_adam(const rule *kind, nn_adam_options options, double weight_decay) {
  return make((nn_optimizer){.rule = kind,
                             .learning_rate = nn_option(options.learning_rate, 1e-3),
                             .beta1 = nn_option(options.beta1, 0.9),
                             .beta2 = nn_option(options.beta2, 0.999),
                             .epsilon = nn_option(options.epsilon, 1e-7),
                             .weight_decay = weight_decay});
}

nn_optimizer *nn_adam_of(nn_adam_options options) {
  if (options.weight_decay == 0) return make_adam(&adam, options, 0);
  return ag_fail(AG_ERROR_ARGUMENT, "adam: weight_decay is an option of adamw");
}

nn_optimizer *nn_adamw_of(nn_adam_options options) {
  return make_adam(&adamw, options, nn_option(options.weight_decay, 4e-3));
}

static void state_free(state *s) {
  ag_release(s->variable);
  for (int i = 0; i < NN_MAX_MOMENTS; i++) ag_release(s->moments[i]);
  ag_free(s);
}

void nn_optimizer_free(nn_optimizer *optimizer) {
  if (!optimizer) return;
  while (optimizer->states) {
    state *next = optimizer->states->next;
    state_free(optimizer->states);
    optimizer->states = next;
  }
  ag_free(optimizer);
}

double nn_learning_rate(const nn_optimizer *optimizer) {
  if (optimizer) return optimizer->learning_rate;
  ag_fail_null("learning_rate", "optimizer");
  return NAN;
}

bool nn_set_learning_rate(nn_optimizer *optimizer, double learning_rate) {
  if (!optimizer) return ag_fail_null("set_learning_rate", "optimizer");
  if (!check_not_negative(optimizer, "learning_rate", learning_rate)) return false;
  optimizer->learning_rate = learning_rate;
  return true;
}

/* A step. */

/* The variable's state, made where there is none yet. */
static state *state_of(nn_optimizer *optimizer, ag_tensor *variable) {
  for (state *s = optimizer->states; s; s = s->next) {
    if (s->variable == variable) return s;
  }
  state *fresh = ag_allocate(1, sizeof *fresh);
  if (!fresh) return NULL;
  fresh->variable = ag_retain(variable);
  for (int i = 0; i < optimizer->rule->moments; i++) {
    fresh->moments[i] = ag_retain(ag_variable(ag_zeros(ag_shape_of(variable))));
    if (fresh->moments[i]) continue;
    state_free(fresh);
    return NULL;
  }
  fresh->next = optimizer->states;
  optimizer->states = fresh;
  return fresh;
}

bool nn_weight_state_of(nn_optimizer *optimizer, ag_tensor *weight, nn_weight_state *found) {
  ag_scope *scope = ag_scope_enter();
  state *s = scope ? state_of(optimizer, weight) : NULL;
  ag_scope_leave(scope);
  if (!s) return false;
  *found = (nn_weight_state){
      .count = optimizer->rule->moments, .first_of_squares = optimizer->rule->first_of_squares, .step = &s->step};
  for (int i = 0; i < found->count; i++) found->moments[i] = s->moments[i];
  return true;
}

static bool check_pair(const char *name, ag_list variables, ag_list gradients, size_t i) {
  const ag_tensor *variable = variables.items[i], *gradient = gradients.items[i];
  if (!variable) return ag_fail(AG_ERROR_ARGUMENT, "%s: variable %zu is NULL", name, i);
  if (!ag_is_trainable(variable))
    return ag_fail(AG_ERROR_ARGUMENT, "%s: tensor %zu has a gradient, but is no trainable variable", name, i);
  ag_shape shape = ag_shape_of(variable), gradient_shape = ag_shape_of(gradient);
  if (!ag_shape_equal(shape, gradient_shape))
    return ag_fail(AG_ERROR_SHAPE, "%s: variable %zu has shape %s, its gradient %s", name, i,
                   ag_shape_print(shape).text, ag_shape_print(gradient_shape).text);
  for (size_t j = 0; j < i; j++)
    if (variables.items[j] == variable && gradients.items[j])
      return ag_fail(AG_ERROR_ARGUMENT, "%s: variables %zu and %zu are the same", name, j, i);
  return true;
}

static bool check_lists(const char *name, ag_list variables, ag_list gradients) {
  if (variables.count != gradients.count)
    return ag_fail(AG_ERROR_ARGUMENT, "%s: %zu variables, but %zu gradients", name, variables.count, gradients.count);
  if (!variables.items || !gradients.items) return ag_fail_null(name, "the list of variables or gradients");
  size_t given = 0;
  for (size_t i = 0; i < gradients.count; i++) {
    if (!gradients.items[i]) continue;
    if (!check_pair(name, variables, gradients, i)) return false;
    given++;
  }
  return given > 0 ||
         ag_fail(AG_ERROR_ARGUMENT,
                 "%s: none of %zu variables has a gradient; does the loss depend on them, and did the tape record it?",
                 name, variables.count);
}

/* A gradient may be a variable itself, which this very step may change: then its value of now counts. */
static const ag_real *gradient_data(ag_tensor *gradient) {
  return ag_data(ag_is_variable(gradient) ? ag_detach(gradient) : gradient);
}

/* All that may fail, for all variables, before any is changed. Fills in an update for each gradient but the NULLs. */
static bool prepare(nn_optimizer *optimizer, ag_list variables, ag_list gradients, update *updates) {
  size_t count = 0;
  for (size_t i = 0; i < variables.count; i++) {
    if (!gradients.items[i]) continue;
    update *u = &updates[count++];
    u->size = ag_size(gradients.items[i]);
    u->gradient = gradient_data(gradients.items[i]);
    u->state = state_of(optimizer, variables.items[i]);
    if (!u->gradient || !u->state) return false;
  }
  for (update *u = updates; u < updates + count; u++) {
    u->weights = ag_variable_data(u->state->variable);
    if (!u->weights) return false;
    for (int k = 0; k < optimizer->rule->moments; k++) {
      u->moments[k] = ag_variable_data(u->state->moments[k]);
      if (!u->moments[k]) return false;
    }
  }
  return true;
}

bool nn_apply_gradients(nn_optimizer *optimizer, ag_list variables, ag_list gradients) {
  if (!optimizer) return ag_fail_null("apply_gradients", "optimizer");
  if (ag_failed() || !check_lists(optimizer->rule->name, variables, gradients)) return false;
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  update *updates = ag_allocate(variables.count, sizeof *updates);
  bool ready = updates && prepare(optimizer, variables, gradients, updates);
  for (update *u = updates; ready && u < updates + variables.count && u->state; u++) {
    u->state->step++;
    optimizer->rule->step(optimizer, u);
  }
  ag_free(updates);
  ag_scope_leave(scope);
  return ready;
}
