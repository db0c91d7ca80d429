/* All that a user of the engine includes. */
#pragma once

#include "autograd/dot.h"
#include "autograd/error.h"
#include "autograd/gradcheck.h"
#include "autograd/memory.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/random.h"
#include "autograd/scope.h"
#include "autograd/tape.h"
#include "autograd/tensor.h"
