/* What a model is: a row of what the training loop has to know. One file in models/ each, listed in models.c. A user's
 * own model is such a row, too, and a copy of one with another loss or schedule is a new model. */
#pragma once

#include "gan/mixture.h"
#include "gan/step.h"

typedef struct {
  const char *name;
  const char *about; /* one line */
  nn_layer *(*make_generator)(void);
  nn_layer *(*make_discriminator)(void);
  nn_optimizer *(*make_optimizer)(void);               /* called once for each network */
  nn_optimizer *(*make_discriminator_optimizer)(void); /* the discriminator's; NULL: make_optimizer's, too */
  bool shared_optimizer;                               /* make_optimizer is called once, for both */
  const gan_loss *loss;
  gan_step *step;
  int64_t critic_steps, pack, classes; /* as in gan_pair */
  int64_t freeze_after;                /* as in gan_pair */
  struct {
    double first, last;
  } instance_noise; /* as in gan_pair, falling by the same factor each step; 0 and 0: none */
  struct {
    double deviation, share;
  } wide_noise;         /* beside it, as in gan_pair; the share falls as the learning rates do */
  double average;       /* decay of the generator's moving average; 0: none is kept */
  double learning_rate; /* of both optimizers, in place of their own; 0: as make_optimizer has it */
  int64_t decay;        /* the learning rates fall over the run as (the share that is left)^decay */
  int64_t noise;        /* size of the generator's noise */
  int64_t batch;
  int64_t epochs;
  int64_t shown;              /* images in a picture; 0: 16, and of a conditional model 100 */
  int64_t keep_every;         /* epochs from one checkpoint that is kept to the next; 0: only the last one is */
  double black;               /* pixels lie in [black, 1]: -1 where the generator ends in tanh, 0 in a sigmoid */
  const gan_mixture *mixture; /* what it learns; NULL: images */
} gan_model;

/* Every model, ended by NULL; the first is the default. */
extern const gan_model *const gan_models[];
/* NULL without an error when there is none of that name. */
const gan_model *gan_model_find(const char *name);

/* Makes and builds the networks, the discriminator for what the generator gives. The optimizers have their own rates,
 * and the noise its first deviation: learning_rate and what changes over a run is for gan_train. False and an error;
 * there is nothing to free then. */
bool gan_pair_make(gan_pair *pair, const gan_model *model, ag_rng *rng);
