/* All that a user of the networks, losses and training runs includes. */
#pragma once

#include "gan/dataset.h"
#include "gan/idx.h"
#include "gan/losses.h"
#include "gan/model.h"
#include "gan/picture.h"
#include "gan/run.h"
#include "gan/sample.h"
#include "gan/step.h"
#include "gan/train.h"
