/* Scopes own tensors: every tensor, tape and list made on this thread belongs to the innermost open scope and lives
 * until that is left. With no scope open, making one is an error. A thread leaves its scopes before it ends, or
 * what they own is lost. */
#pragma once

#include "autograd/tensor.h"

typedef struct ag_scope ag_scope;

/* Opens a scope on this thread. NULL and an error without memory. */
ag_scope *ag_scope_enter(void);
/* Leaves the scope and those opened inside it, stops their tapes, releases what they own. */
void ag_scope_leave(ag_scope *scope);
/* The same, but hands one tensor (or the tensors of a list) to the scope around it. The argument is returned; NULL
 * where it was NULL, and NULL and an error where there is no scope around: it is freed then. A list is {0, NULL} while
 * an error is pending. */
ag_tensor *ag_scope_leave_with(ag_scope *scope, ag_tensor *tensor);
ag_list ag_scope_leave_with_list(ag_scope *scope, ag_list list);

/* One more owner: the tensor outlives its scope until ag_release. Each ag_release ends one ag_retain: one more would
 * free what a scope still owns. Both may run on any thread. NULL is passed over. */
ag_tensor *ag_retain(ag_tensor *tensor);
void ag_release(ag_tensor *tensor);
