/* Requests that fail when a test wants them to: those of the library to the system, and its calls of other libraries
 * that take memory. The linker puts the functions of failing.c in their place (-Wl,--wrap, in meson.build). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
  FAILING_ONCE,    /* the n-th request alone */
  FAILING_FROM_ON, /* the n-th and all that follow */
  FAILING_AT_FIRST /* the n-th, where it is for memory, until it is repeated: the library asks twice, and gives idle
                    * buffers back in between */
} failing_mode;

/* From now on requests are counted, and the n-th (from 1) fails. */
void failing_arm(size_t n, failing_mode mode);
/* All succeed again. Whether the n-th request was reached. */
bool failing_disarm(void);
/* Blocks, open files and the like that were handed out and not yet given back, the pool's idle buffers among them. */
size_t failing_live(void);
/* One line: how many requests failed so far, the repeated ones counted once. */
void failing_print_counts(void);
