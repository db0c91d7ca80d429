#include <string.h>

#include "gan/model.h"
#include "gan/models/models.h"

const gan_model *const gan_models[] = {&gan_dcgan,
                                       &gan_dcgan_6272,
                                       &gan_mlp_keras,
                                       &gan_mlp_torch,
                                       &gan_minimax_mlp,
                                       &gan_dcgan_paper,
                                       &gan_dcgan_small,
                                       &gan_wgan,
                                       &gan_wgan_gp,
                                       &gan_sngan,
                                       &gan_ring_toy,
                                       &gan_grid_toy,
                                       NULL};

const gan_model *gan_model_find(const char *name) {
  for (const gan_model *const *model = gan_models; *model; model++)
    if (name && strcmp((*model)->name, name) == 0) return *model;
  return NULL;
}
