/* All that a user of the networks, losses and training runs includes. */
#pragma once

#include "gan/classifier.h"
#include "gan/dataset.h"
#include "gan/evaluate.h"
#include "gan/frechet.h"
#include "gan/idx.h"
#include "gan/losses.h"
#include "gan/model.h"
#include "gan/neighbours.h"
#include "gan/npy.h"
#include "gan/picture.h"
#include "gan/pixels.h"
#include "gan/run.h"
#include "gan/sample.h"
#include "gan/step.h"
#include "gan/train.h"
