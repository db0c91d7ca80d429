/* Two multilayer perceptrons as PyTorch tutorials have them, with PyTorch's defaults. */
#include "tools/bench/bench.h"

enum { NOISE = 64, PIXELS = GAN_IMAGE_SIZE * GAN_IMAGE_SIZE };
static const nn_init torch_init = {.kind = NN_TORCH_UNIFORM};

static nn_layer *linear(int units) { return nn_dense(units, .kernel_init = torch_init, .bias_init = torch_init); }

static nn_layer *generator_block(int units) {
  return nn_sequential(linear(units), nn_batch_norm(.momentum = 0.9, .epsilon = 1e-5), nn_activation(NN_RELU));
}

static nn_layer *discriminator_block(int units) { return nn_sequential(linear(units), nn_leaky_relu(.slope = 0.2)); }

typedef struct {
  gan_pair pair;
  ag_rng rng;
  ag_tensor *images; /* [batch, 784] in [0, 1] */
} mlp;

static bool make(mlp *m, int64_t batch) {
  *m = (mlp){.rng = ag_rng_seed(1)};
  m->pair = (gan_pair){
      .generator = nn_sequential(generator_block(128), generator_block(256), generator_block(512),
                                 generator_block(1024), linear(PIXELS), nn_activation(NN_SIGMOID)),
      .discriminator =
          nn_sequential(discriminator_block(512), discriminator_block(256), discriminator_block(128), linear(1)),
      .generator_optimizer = nn_adam(.learning_rate = 1e-4, .epsilon = 1e-8),
      .discriminator_optimizer = nn_adam(.learning_rate = 1e-4, .epsilon = 1e-8),
      .loss = &gan_cross_entropy,
  };
  m->images = ag_uniform(&m->rng, AG_SHAPE(batch, PIXELS), 0, 1);
  return m->images && nn_build(m->pair.generator, AG_SHAPE(NOISE), &m->rng) &&
         nn_build(m->pair.discriminator, AG_SHAPE(PIXELS), &m->rng) && !ag_failed();
}

static ag_tensor *forge(mlp *m) {
  ag_tensor *noise = ag_normal(&m->rng, AG_SHAPE(ag_shape_of(m->images).sizes[0], NOISE), 0, 1);
  return nn_forward(m->pair.generator, noise, NN_TRAIN(&m->rng));
}

static ag_tensor *judge(mlp *m, ag_tensor *images) {
  return nn_forward(m->pair.discriminator, images, NN_TRAIN(&m->rng));
}

static bool descend(ag_tape *tape, ag_tensor *loss, nn_layer *network, nn_optimizer *optimizer) {
  ag_list variables = nn_trainable_variables(network);
  return nn_apply_gradients(optimizer, variables, ag_gradients(tape, loss, variables));
}

static bool train_discriminator(mlp *m) {
  ag_tensor *fake = ag_detach(forge(m));
  ag_tape *tape = ag_tape_start();
  ag_tensor *loss = ag_scale(m->pair.loss->discriminator(judge(m, m->images), judge(m, fake)), 0.5);
  ag_tape_stop(tape);
  return descend(tape, loss, m->pair.discriminator, m->pair.discriminator_optimizer);
}

static bool train_generator(mlp *m) {
  ag_tape *tape = ag_tape_start();
  ag_tensor *loss = m->pair.loss->generator(judge(m, forge(m)));
  ag_tape_stop(tape);
  return descend(tape, loss, m->pair.generator, m->pair.generator_optimizer);
}

static bool train(void *context) { return train_discriminator(context) && train_generator(context); }

bool bench_mlp_step(const bench_options *options) {
  mlp m;
  bench_times times;
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  bool done = make(&m, options->batch) && bench_measure(options, options->steps, true, train, &m, &times);
  if (done) bench_images_summary(options, &times);
  gan_pair_free(&m.pair);
  ag_scope_leave(scope);
  return done;
}
