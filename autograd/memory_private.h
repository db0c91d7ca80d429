/* The inside of the pool, for autograd/ alone. */
#pragma once

#include <stdbool.h>

/* Opens or closes this thread's own shelves of small idle buffers, which spare it the lock. They must be closed before
 * the thread ends. */
void ag_pool_shelves(bool open);
