#include "autograd/scope.h"

#include "autograd/memory.h"
#include "autograd/memory_private.h"
#include "autograd/tensor_private.h"

struct ag_scope {
  ag_scope *outer;
  size_t first; /* of its entries */
};

typedef struct {
  void *object;
  void (*release)(void *object);
} entry;

/* All that the open scopes of this thread own, outermost first. */
static _Thread_local struct {
  ag_scope *innermost;
  entry *entries;
  size_t count, capacity;
} stack;

static bool make_room(void) {
  if (stack.count < stack.capacity) return true;
  size_t capacity = stack.capacity ? 2 * stack.capacity : 64;
  entry *entries = ag_reallocate(stack.entries, capacity, sizeof(entry));
  if (!entries) return false;
  stack.entries = entries;
  stack.capacity = capacity;
  return true;
}

void *ag_scope_own(void *object, void (*release)(void *object), const char *who) {
  if (stack.innermost && make_room()) {
    stack.entries[stack.count++] = (entry){object, release};
    return object;
  }
  ag_fail(AG_ERROR_ARGUMENT, "%s: no scope is open on this thread; call ag_scope_enter first", who);
  release(object);
  return NULL;
}

static void release_tensor(void *tensor) { ag_release(tensor); }

ag_tensor *ag_scope_own_tensor(ag_tensor *tensor, const char *who) {
  return tensor ? ag_scope_own(tensor, release_tensor, who) : NULL;
}

size_t ag_scope_mark(void) { return stack.count; }

void ag_scope_release_to(size_t mark, ag_tensor *but) {
  if (but && stack.count == mark + 1 && stack.entries[mark].object == but) return; /* as most often */
  bool held = false;
  while (stack.count > mark) { /* one by one, the youngest first: a release may look at the stack */
    entry last = stack.entries[--stack.count];
    if (last.object == but && !held) held = true;
    else last.release(last.object);
  }
  /* There is room, unless nothing was released: then `but` is owned by an outer scope already. */
  if (but && stack.count < stack.capacity)
    stack.entries[stack.count++] = (entry){held ? but : ag_retain(but), release_tensor};
}

ag_scope *ag_scope_enter(void) {
  ag_scope *scope = ag_allocate(1, sizeof *scope);
  if (!scope) return NULL;
  if (!stack.innermost) ag_pool_shelves(true);
  *scope = (ag_scope){stack.innermost, stack.count};
  stack.innermost = scope;
  return scope;
}

static bool is_open(const ag_scope *scope) {
  for (const ag_scope *s = stack.innermost; s; s = s->outer)
    if (s == scope) return true;
  return ag_fail(AG_ERROR_ARGUMENT, "scope_leave: this scope is not open on this thread");
}

static void leave(ag_scope *scope) {
  ag_scope_release_to(scope->first, NULL);
  const ag_scope *outer = scope->outer;
  while (stack.innermost != outer) {
    ag_scope *last = stack.innermost;
    stack.innermost = last->outer;
    ag_free(last);
  }
  if (outer) return;
  ag_pool_shelves(false);
  ag_free(stack.entries);
  stack.entries = NULL;
  stack.capacity = 0;
}

void ag_scope_leave(ag_scope *scope) {
  if (scope && is_open(scope)) leave(scope);
  else if (!scope) ag_fail_null("scope_leave", "scope");
}

ag_tensor *ag_scope_leave_with(ag_scope *scope, ag_tensor *tensor) {
  ag_retain(tensor);
  ag_scope_leave(scope);
  return ag_scope_own_tensor(tensor, "scope_leave_with");
}

ag_list ag_scope_leave_with_list(ag_scope *scope, ag_list list) {
  /* The items stand in the scope that is left: they are moved by way of a block of our own. */
  if (list.count && !list.items) return ag_scope_leave(scope), ag_list_make(list.count, NULL);
  ag_tensor **items = ag_allocate(list.count, sizeof *items);
  for (size_t i = 0; items && i < list.count; i++) items[i] = ag_retain(list.items[i]);
  ag_scope_leave(scope);
  ag_list moved = items && list.items ? ag_list_make(list.count, items) : (ag_list){0};
  for (size_t i = 0; items && i < list.count; i++) {
    if (moved.items) ag_scope_own_tensor(ag_retain(items[i]), "scope_leave_with_list");
    ag_release(items[i]);
  }
  ag_free(items);
  return ag_failed() ? (ag_list){0} : moved;
}
