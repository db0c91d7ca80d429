/* The rows of gan/models/, for models.c; not installed. */
#pragma once

#include "gan/model.h"

extern const gan_model gan_dcgan, gan_dcgan_6272, gan_mlp_keras, gan_mlp_torch, gan_minimax_mlp, gan_dcgan_paper,
    gan_dcgan_small, gan_wgan, gan_wgan_gp, gan_sngan, gan_ring_toy, gan_grid_toy;

/* Networks that other models take, too. */
nn_layer *gan_dcgan_discriminator(void);
nn_layer *gan_dcgan_small_generator(void);
nn_layer *gan_mlp_torch_generator(void);
nn_layer *gan_mlp_torch_discriminator(void);
nn_layer *gan_dcgan_paper_generator(void);
nn_layer *gan_dcgan_paper_discriminator(void);
