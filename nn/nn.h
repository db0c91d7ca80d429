/* All that a user of layers and optimizers includes. Layers and optimizers are made without a scope and freed by hand;
 * the tensors that they keep are retained. Defaults are Keras's. */
#pragma once

#include "nn/init.h"
#include "nn/layer.h"
#include "nn/layers.h"
#include "nn/optimizer.h"
#include "nn/safetensors.h"
#include "nn/summary.h"
