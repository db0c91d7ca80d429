/* The first error of this thread: a code and a sentence. Later errors do not replace it; ag_error_clear() forgets it.
 * While one is pending, layers, gradients, optimizers, nn_save, nn_load and training refuse: who handles an error
 * clears it. */
#pragma once

#include <stdbool.h>

typedef enum {
  AG_OK = 0,
  AG_ERROR_ARGUMENT,  /* a NULL, a wrong value, no scope open */
  AG_ERROR_SHAPE,     /* shapes that do not fit, or too large */
  AG_ERROR_MEMORY,    /* no memory */
  AG_ERROR_TAPE,      /* a used or stopped tape, another thread's, one not persistent; an op without a vjp */
  AG_ERROR_FILE,      /* a file that cannot be read or written, or holds something else */
  AG_ERROR_NONFINITE, /* a loss or a gradient that is infinite or NaN, which training cannot go on with */
} ag_error_code;

bool ag_failed(void);
ag_error_code ag_error_kind(void);
/* The sentence of the pending error, "" when there is none. Valid until the error is cleared. */
const char *ag_error_message(void);
void ag_error_clear(void);

/* Records an error unless one is pending. Returns NULL always, so that a function can `return ag_fail(...)`, where it
 * returns a bool as well. Another code than an error's counts as AG_ERROR_ARGUMENT. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void *
ag_fail(ag_error_code code, const char *format, ...);

/* Puts where it happened in front of the pending error's sentence, as in "layer 2: "; later calls go further to the
 * front. Without an error it does nothing. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void ag_error_prefix(const char *format, ...);

/* For a function handed NULL: leaves a pending error alone, else records "<who>: <what> is NULL". Returns NULL. */
void *ag_fail_null(const char *who, const char *what);
