/* What a model is: a row of what the training loop has to know. One file in models/ each, listed in models.c. */
#pragma once

#include "gan/step.h"

typedef struct {
  const char *name;
  const char *about; /* one line */
  nn_layer *(*make_generator)(void);
  nn_layer *(*make_discriminator)(void);
  nn_optimizer *(*make_optimizer)(void); /* called once for each network */
  const gan_loss *loss;
  gan_step *step;
  int64_t noise; /* size of the generator's input */
  int64_t batch;
  int64_t epochs;
  double black; /* pixels lie in [black, 1]: -1 where the generator ends in tanh, 0 in a sigmoid */
} gan_model;

/* Every model, ended by NULL; the first is the default. */
extern const gan_model *const gan_models[];
/* NULL without an error when there is none of that name. */
const gan_model *gan_model_find(const char *name);

/* Makes and builds both networks for images [28, 28, 1]. False and an error; there is nothing to free then. */
bool gan_pair_make(gan_pair *pair, const gan_model *model, ag_rng *rng);
void gan_pair_free(gan_pair *pair);
