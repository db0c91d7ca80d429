/* Numerical checks of gradients, meant for the double library: the analytic gradient of sum(v * f(inputs)) for a fixed
 * random v, element by element, against central differences. */
#pragma once

#include "autograd/tensor.h"

/* A function of its inputs, written in ops; the same inputs must give the same bits. Only what is read from `inputs` is
 * checked: a variable that the function knows otherwise, as a layer's weights, counts as a constant. */
typedef ag_tensor *ag_function(ag_list inputs, void *context);

typedef struct {
  double rtol,
      atol; /* in: |analytic - numeric| <= atol + rtol * |numeric|; 0 for the default 1e-6, 1e-8 (second: 1e-5, 1e-7) */
  double step;  /* in: of the difference; 0 for the default 1e-3 of a fourth-order formula */
  size_t input; /* out: where the difference is worst, relative to its tolerance */
  size_t index;
  double analytic, numeric;
} ag_check;

/* True when every element agrees. False and an error that tells the worst element otherwise; also when f fails or gives
 * different bits for the same inputs. `check` may be NULL. Inputs should keep 2 steps away from kinks. */
bool ag_gradcheck(ag_function *f, void *context, ag_list inputs, ag_check *check);
/* The same for the gradient itself: (inputs, v) -> the gradients of sum(v * f(inputs)). */
bool ag_gradgradcheck(ag_function *f, void *context, ag_list inputs, ag_check *check);
