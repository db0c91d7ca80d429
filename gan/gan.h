/* All that a user of the networks, losses and training runs includes. */
#pragma once

#include "gan/checkpoint.h"
#include "gan/dataset.h"
#include "gan/idx.h"
#include "gan/interpolate.h"
#include "gan/losses.h"
#include "gan/mixture.h"
#include "gan/model.h"
#include "gan/pair.h"
#include "gan/picture.h"
#include "gan/report.h"
#include "gan/run.h"
#include "gan/sample.h"
#include "gan/scatter.h"
#include "gan/step.h"
#include "gan/train.h"
#include "gan/watch.h"
