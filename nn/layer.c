#include <math.h>
#include <string.h>

#include "nn/layers/common.h"

struct nn_layer {
  const nn_layer_class *class_of_layer;
  bool built, any_size;
  bool built_before; /* by the user, before the build of an outer layer that is under way */
  bool met;          /* in the visit of adopt_all that is under way */
  nn_layer *outer;   /* the layer that frees this one; NULL: the user */
  nn_layer *next;    /* in the list of disown_all */
  ag_shape input, output;
  max_align_t self[];
};

struct nn_visitor {
  nn_variable_function *variable; /* may be NULL */
  nn_layer_function *layer;       /* may be NULL */
  void *context;
};

double nn_option(double value, double otherwise) {
  return value == 0 && !signbit(value) ? otherwise : value + 0.0; /* -0.0 + 0.0 is 0.0 */
}

/* Making and freeing. */

/* What a layer names itself. Before the build its tensors are unset, or went with a build that failed: passed over. */
static void visit(nn_layer *layer, nn_variable_function *variable, nn_layer_function *inner, void *context) {
  nn_visitor visitor = {layer->built ? variable : NULL, inner, context};
  if (layer->class_of_layer->variables) layer->class_of_layer->variables(layer->self, &visitor);
}

static bool can_visit(const char *who, const nn_visitor *visitor, const char *name) {
  if (visitor && name) return true;
  return ag_fail_null(who, visitor ? "name" : "visitor");
}

void nn_visit_weight(nn_visitor *visitor, const char *name, ag_tensor *variable) {
  if (can_visit("visit_weight", visitor, name) && visitor->variable && variable)
    visitor->variable(name, variable, false, visitor->context);
}

void nn_visit_buffer(nn_visitor *visitor, const char *name, ag_tensor *variable) {
  if (can_visit("visit_buffer", visitor, name) && visitor->variable && variable)
    visitor->variable(name, variable, true, visitor->context);
}

void nn_visit_layer(nn_visitor *visitor, const char *name, nn_layer *layer) {
  if (can_visit("visit_layer", visitor, name) && visitor->layer && layer) visitor->layer(name, layer, visitor->context);
}

/* Each inner layer has one outer layer, which frees it, and is named once. */
static void forget_met(const char *name, nn_layer *inner, void *context) { inner->met = false; }

static void adopt(const char *name, nn_layer *inner, void *context) {
  if (inner->met || (inner->outer && inner->outer != context)) {
    ag_fail(AG_ERROR_ARGUMENT, "%s: %s is part of two layers, or twice of one", inner->class_of_layer->name, name);
  } else {
    inner->outer = context;
    inner->met = true;
  }
}

static bool adopt_all(nn_layer *layer) {
  bool failed_before = ag_failed();
  visit(layer, NULL, forget_met, NULL);
  visit(layer, NULL, adopt, layer);
  return failed_before || !ag_failed();
}

typedef struct {
  const nn_layer *outer;
  nn_layer *first;
} disowned;

static void disown(const char *name, nn_layer *inner, void *context) {
  disowned *list = context;
  if (inner->outer != list->outer) return;
  inner->outer = NULL;
  inner->next = list->first;
  list->first = inner;
}

/* The list of the layer's own inner layers, each once however often it is named, which from now on are the caller's. */
static nn_layer *disown_all(nn_layer *layer) {
  disowned list = {.outer = layer};
  visit(layer, NULL, disown, &list);
  return list.first;
}

nn_layer *nn_layer_new(const nn_layer_class *class_of_layer, const void *self, size_t size) {
  if (!class_of_layer) return ag_fail_null("layer_new", "class_of_layer");
  if (!self && size > 0) return ag_fail_null("layer_new", "self");
  if (!class_of_layer->name || !class_of_layer->forward) {
    return ag_fail(AG_ERROR_ARGUMENT, "layer_new: a class needs a name and a forward function");
  }
  if (size > SIZE_MAX - sizeof(nn_layer)) return ag_fail(AG_ERROR_MEMORY, "layer_new: %zu bytes are too many", size);
  nn_layer *layer = ag_allocate(1, sizeof(nn_layer) + size);
  if (!layer) return NULL;
  layer->class_of_layer = class_of_layer;
  if (size > 0) memcpy(layer->self, self, size);
  if (adopt_all(layer)) return layer;
  disown_all(layer);
  ag_free(layer);
  return NULL;
}

void *nn_layer_self(nn_layer *layer) { return layer ? layer->self : ag_fail_null("layer_self", "layer"); }

const nn_layer_class *nn_layer_class_of(const nn_layer *layer) {
  return layer ? layer->class_of_layer : ag_fail_null("layer_class_of", "layer");
}

static void release(const char *name, ag_tensor *variable, bool is_buffer, void *context) { ag_release(variable); }

static void free_list(nn_layer *first) {
  for (nn_layer *layer = first, *next; layer; layer = next) {
    next = layer->next;
    nn_layer_free(layer);
  }
}

void nn_layer_free(nn_layer *layer) {
  if (!layer || layer->outer) return;
  visit(layer, release, NULL, NULL);
  free_list(disown_all(layer));
  if (layer->class_of_layer->free) layer->class_of_layer->free(layer->self);
  ag_free(layer);
}

void nn_layers_free(size_t count, nn_layer *const *layers) {
  nn_layer *first = NULL;
  for (size_t i = 0; i < count; i++)
    if (layers[i]) layers[i]->met = false;
  for (size_t i = 0; i < count; i++) { /* listed before any of them goes, for one may lie inside another */
    nn_layer *layer = layers[i];
    if (!layer || layer->outer || layer->met) continue;
    layer->met = true;
    layer->next = first;
    first = layer;
  }
  free_list(first);
}

/* Building. */

enum { TRIED = 2 /* samples: with one, a layer that takes the batch for a sample's own axis would pass */ };

/* [TRIED, ...shape]; a refused shape and an error where that is none. */
static ag_shape batch_to_try(ag_shape shape) {
  bool valid = shape.rank >= 0 && shape.rank < AG_MAX_RANK;
  int64_t sizes[AG_MAX_RANK] = {TRIED};
  for (int i = 0; valid && i < shape.rank; i++) {
    valid = shape.sizes[i] >= 0;
    sizes[i + 1] = shape.sizes[i];
  }
  if (valid) return ag_shape_make(shape.rank + 1, sizes);
  ag_fail(AG_ERROR_SHAPE, "input of rank %d, expected at most %d sizes beside the batch, none negative", shape.rank,
          AG_MAX_RANK - 1);
  return (ag_shape){.rank = -1};
}

static ag_shape without_batch(ag_shape shape) { return ag_shape_make(shape.rank - 1, shape.sizes + 1); }

typedef struct {
  const char *name;
  int count;
} name_count;

static void count_name(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  name_count *wanted = context;
  wanted->count += strcmp(name, wanted->name) == 0;
}

static void check_variable(const char *name, ag_tensor *variable, bool is_buffer, void *layer) {
  name_count same = {.name = name};
  visit(layer, count_name, NULL, &same);
  if (!ag_is_variable(variable)) ag_fail(AG_ERROR_ARGUMENT, "%s is no variable", name);
  else if (strchr(name, '.') || same.count > 1)
    ag_fail(AG_ERROR_ARGUMENT, "%s: the names of a layer's tensors hold no '.', and each stands once", name);
  else if (is_buffer) ag_set_trainable(variable, false);
}

static void retain(const char *name, ag_tensor *variable, bool is_buffer, void *context) { ag_retain(variable); }

static void remember_built(const char *name, nn_layer *layer, void *context) {
  layer->built_before = layer->built;
  visit(layer, NULL, remember_built, context);
}

static void undo_build(const char *name, nn_layer *layer, void *context) {
  if (!layer->built_before) {
    visit(layer, release, NULL, NULL);
    layer->built = false;
  }
  visit(layer, NULL, undo_build, context);
}

/* Builds and runs the layer in the current scope, which owns all that it makes. */
static bool build_and_try(nn_layer *layer, ag_rng *rng) {
  const nn_layer_class *class = layer->class_of_layer;
  ag_shape batch = batch_to_try(layer->input);
  if (ag_failed()) return false;
  bool made = !class->build || class->build(layer->self, layer->input, rng);
  if (!made) ag_fail(AG_ERROR_ARGUMENT, "build failed without an error");
  if (!adopt_all(layer) || !made) return false; /* build may have made inner layers, failed or not */
  layer->built = true;
  visit(layer, check_variable, NULL, layer);
  if (ag_failed()) return false;
  ag_tensor *zeros = ag_zeros(batch), *output = zeros ? class->forward(layer->self, zeros, NN_EVAL) : NULL;
  if (!output || ag_failed()) return ag_fail(AG_ERROR_ARGUMENT, "forward gave NULL without an error");
  ag_shape shape = ag_shape_of(output);
  if (shape.rank < 1 || shape.sizes[0] != TRIED)
    return ag_fail(AG_ERROR_SHAPE, "forward made %s of %s, expected [%d, ...]", ag_shape_print(shape).text,
                   ag_shape_print(batch).text, TRIED);
  layer->output = without_batch(shape);
  return true;
}

bool nn_build(nn_layer *layer, ag_shape input, ag_rng *rng) {
  if (!layer) return ag_fail_null("build", "layer");
  const char *name = layer->class_of_layer->name;
  if (!rng) return ag_fail_null(name, "rng");
  if (ag_failed()) return false;
  if (layer->built)
    return ag_fail(AG_ERROR_ARGUMENT, "%s: built before, for inputs of shape %s", name,
                   ag_shape_print(layer->input).text);
  ag_scope *scope = ag_scope_enter();
  if (!scope) return false;
  ag_rng rng_before = *rng;
  visit(layer, NULL, remember_built, NULL);
  layer->input = input;
  if (build_and_try(layer, rng)) {
    visit(layer, retain, NULL, NULL);
  } else {
    ag_error_prefix("%s: ", name);
    layer->built = false;
    visit(layer, NULL, undo_build, NULL);
    *rng = rng_before;
  }
  ag_scope_leave(scope);
  return layer->built;
}

bool nn_is_built(const nn_layer *layer) { return layer && layer->built; }

static bool check_built(const nn_layer *layer, const char *who) {
  if (!layer) return ag_fail_null(who, "layer");
  if (layer->built) return true;
  return ag_fail(AG_ERROR_ARGUMENT, "%s: %s is not built; use nn_build", who, layer->class_of_layer->name);
}

ag_shape nn_input_shape(const nn_layer *layer) {
  return check_built(layer, "input_shape") ? layer->input : (ag_shape){.rank = -1};
}

ag_shape nn_output_shape(const nn_layer *layer) {
  return check_built(layer, "output_shape") ? layer->output : (ag_shape){.rank = -1};
}

/* Running. */

static bool fits(const nn_layer *layer, ag_shape shape) {
  if (shape.rank != layer->input.rank + 1) return false;
  ag_shape sample = without_batch(shape);
  for (int i = 0; layer->any_size && i + 1 < sample.rank; i++) sample.sizes[i] = layer->input.sizes[i];
  return ag_shape_equal(sample, layer->input);
}

static void allow_any_size(const char *name, nn_layer *layer, void *context) {
  layer->any_size = true;
  visit(layer, NULL, allow_any_size, NULL);
}

void nn_allow_any_size(nn_layer *layer) {
  if (check_built(layer, "allow_any_size")) allow_any_size(NULL, layer, NULL);
}

/* slope: of a leaky_relu that follows; NULL: none does */
static ag_tensor *run(nn_layer *layer, ag_tensor *input, nn_mode mode, const double *slope) {
  if (!input) return ag_fail_null(layer ? layer->class_of_layer->name : "forward", "input");
  if (ag_failed() || !check_built(layer, "forward")) return NULL;
  const char *name = layer->class_of_layer->name;
  if (!fits(layer, ag_shape_of(input))) {
    return ag_fail(AG_ERROR_SHAPE, "%s: input has shape %s, expected a batch of %s%s", name,
                   ag_shape_print(ag_shape_of(input)).text, ag_shape_print(layer->input).text,
                   layer->any_size ? " or of other sizes before the last" : "");
  }
  ag_scope *scope = ag_scope_enter();
  if (!scope) return NULL;
  const nn_layer_class *class = layer->class_of_layer;
  ag_tensor *output =
      slope ? class->forward_leaky_relu(layer->self, input, mode, *slope) : class->forward(layer->self, input, mode);
  if (!output || ag_failed()) {
    ag_fail(AG_ERROR_ARGUMENT, "forward gave NULL without an error");
    ag_error_prefix("%s: ", name);
    output = NULL;
  }
  return ag_scope_leave_with(scope, output);
}

ag_tensor *nn_forward(nn_layer *layer, ag_tensor *input, nn_mode mode) { return run(layer, input, mode, NULL); }

ag_tensor *nn_forward_leaky_relu(nn_layer *layer, ag_tensor *input, nn_mode mode, double slope) {
  return run(layer, input, mode, &slope);
}

/* Listing. */

/* A walk through a layer and its inner layers; names grow into paths on the way down. */
typedef struct {
  const char *prefix; /* NULL at the top */
  nn_variable_function *f;
  void *context;
} walk;

static char *join(const char *prefix, const char *name) {
  size_t size = (prefix ? strlen(prefix) + 1 : 0) + strlen(name) + 1;
  char *path = ag_allocate(size, 1);
  if (path) snprintf(path, size, "%s%s%s", prefix ? prefix : "", prefix ? "." : "", name);
  return path;
}

static void walk_variable(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  const walk *here = context;
  char *path = join(here->prefix, name);
  if (path) here->f(path, variable, is_buffer, here->context);
  ag_free(path);
}

static void walk_layer(const char *name, nn_layer *layer, void *context) {
  const walk *here = context;
  walk inner = {join(here->prefix, name), here->f, here->context};
  if (inner.prefix) visit(layer, walk_variable, walk_layer, &inner);
  ag_free((char *)inner.prefix);
}

void nn_each_variable(nn_layer *layer, nn_variable_function *f, void *context) {
  if (!f) ag_fail_null("each_variable", "the function");
  else if (check_built(layer, "each_variable")) visit(layer, walk_variable, walk_layer, &(walk){NULL, f, context});
}

void nn_each_layer(nn_layer *layer, nn_layer_function *f, void *context) {
  if (!layer || !f) ag_fail_null("each_layer", layer ? "the function" : "layer");
  else visit(layer, NULL, f, context);
}

typedef struct {
  bool only_trainable;
  size_t count, capacity;
  ag_tensor **items;
} collection;

static void collect(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  collection *all = context;
  if (all->only_trainable && (is_buffer || !ag_is_trainable(variable))) return;
  for (size_t i = 0; i < all->count; i++) {
    if (all->items[i] == variable) return;
  }
  if (all->count == all->capacity) {
    size_t capacity = 2 * all->capacity + 16;
    ag_tensor **items = ag_reallocate(all->items, capacity, sizeof *items);
    if (!items) return;
    all->items = items;
    all->capacity = capacity;
  }
  all->items[all->count++] = variable;
}

static void collect_layer(const char *name, nn_layer *layer, void *context) {
  visit(layer, collect, collect_layer, context);
}

static ag_list collect_all(nn_layer *layer, bool only_trainable, const char *who) {
  if (ag_failed() || !check_built(layer, who)) return (ag_list){0, NULL};
  collection all = {.only_trainable = only_trainable};
  collect_layer(NULL, layer, &all);
  ag_list list = ag_failed() ? (ag_list){0, NULL} : ag_list_make(all.count, all.items);
  ag_free(all.items);
  return list;
}

ag_list nn_trainable_variables(nn_layer *layer) { return collect_all(layer, true, "trainable_variables"); }

ag_list nn_variables(nn_layer *layer) { return collect_all(layer, false, "variables"); }

static void set_trainable(const char *name, ag_tensor *variable, bool is_buffer, void *context) {
  if (!is_buffer) ag_set_trainable(variable, *(const bool *)context);
}

/* Without paths, which take memory: what was frozen can always be unfrozen. */
static void set_layer_trainable(const char *name, nn_layer *layer, void *context) {
  visit(layer, set_trainable, set_layer_trainable, context);
}

void nn_set_trainable(nn_layer *layer, bool trainable) {
  if (check_built(layer, "set_trainable")) set_layer_trainable(NULL, layer, &trainable);
}
