/* Optimizers. State is kept per variable, so one optimizer may serve several networks; step counts are per variable,
 * too. */
#pragma once

#include "autograd/autograd.h"

typedef struct nn_optimizer nn_optimizer;

/* v = momentum v - rate g; w = w + v (Keras's SGD). */
typedef struct {
  int none_;
  double learning_rate; /* 0.01 */
  double momentum;      /* 0 */
} nn_sgd_options;
#define nn_sgd(...) nn_sgd_of((nn_sgd_options){.none_ = 0, __VA_ARGS__})
nn_optimizer *nn_sgd_of(nn_sgd_options options);

/* s = rho s + (1 - rho) g^2; w = w - rate g / (sqrt(s) + epsilon), as PyTorch has it (Keras adds epsilon inside the
 * root). */
typedef struct {
  int none_;
  double learning_rate; /* 1e-3 */
  double rho;           /* 0.9 */
  double epsilon;       /* 1e-7 */
} nn_rmsprop_options;
#define nn_rmsprop(...) nn_rmsprop_of((nn_rmsprop_options){.none_ = 0, __VA_ARGS__})
nn_optimizer *nn_rmsprop_of(nn_rmsprop_options options);

/* m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w = w - rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon):
 * Kingma and Ba 2015, section 2, as Keras has it; PyTorch's epsilon is this one times 1 / sqrt(1 - b2^t). AdamW
 * (Loshchilov and Hutter 2019) takes rate * weight_decay * w off w as well. */
typedef struct {
  int none_;
  double learning_rate; /* 1e-3 */
  double beta1, beta2;  /* 0.9, 0.999 */
  double epsilon;       /* 1e-7 */
  double weight_decay;  /* AdamW only: 4e-3 */
} nn_adam_options;
#define nn_adam(...) nn_adam_of((nn_adam_options){.none_ = 0, __VA_ARGS__})
#define nn_adamw(...) nn_adamw_of((nn_adam_options){.none_ = 0, __VA_ARGS__})
nn_optimizer *nn_adam_of(nn_adam_options options);
nn_optimizer *nn_adamw_of(nn_adam_options options);

void nn_optimizer_free(nn_optimizer *optimizer);
double nn_learning_rate(const nn_optimizer *optimizer);
/* From the next step on. False and an error for a negative or not finite rate. */
bool nn_set_learning_rate(nn_optimizer *optimizer, double learning_rate);

/* One step, all or nothing: a failed list, another count, another shape or missing memory changes nothing and is an
 * error. A single NULL gradient leaves its variable and moments alone; a list of only NULLs is an error, and so is a
 * gradient for what is no trainable variable, or two for one variable. Values are applied as they are, NaN too. */
bool nn_apply_gradients(nn_optimizer *optimizer, ag_list variables, ag_list gradients);

/* The gradients scaled by min(1, norm / global norm), where the global norm is that of all of them as one vector; NULLs
 * stay NULL. global_norm (may be NULL) tells the norm before; one that is not finite by ag_norm is an error. */
ag_list nn_clip_by_global_norm(ag_list gradients, double norm, double *global_norm);
