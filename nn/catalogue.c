#include "nn/catalogue_private.h"

#include <stdio.h>
#include <string.h>

#include "nn/optimizer_private.h"

nn_entry *nn_catalogue_find(const nn_catalogue *all, const char *name) {
  for (size_t i = 0; i < all->model_count; i++) {
    if (strcmp(all->entries[i].name, name) == 0) return &all->entries[i];
  }
  return NULL;
}

static bool grow(nn_catalogue *all) {
  if (all->count < all->capacity) return true;
  size_t capacity = 2 * all->capacity + 16;
  nn_entry *entries = ag_reallocate(all->entries, capacity, sizeof *entries);
  if (!entries) return false;
  all->entries = entries;
  all->capacity = capacity;
  return true;
}

nn_entry *nn_catalogue_append(nn_catalogue *all, const char *prefix, const char *name, const char *kind) {
  const char *parts[] = {prefix ? prefix : "", prefix ? "." : "", name, kind ? "." : "", kind ? kind : ""};
  size_t size = 1;
  for (int i = 0; i < 5; i++) size += strlen(parts[i]);
  char *full = ag_failed() || !grow(all) ? NULL : ag_allocate(size, 1);
  if (!full) return NULL;
  snprintf(full, size, "%s%s%s%s%s", parts[0], parts[1], parts[2], parts[3], parts[4]);
  if (nn_catalogue_find(all, full)) ag_fail(AG_ERROR_ARGUMENT, "%s: two tensors are named %s", all->path, full);
  all->entries[all->count] = (nn_entry){.name = full};
  return &all->entries[all->count++];
}

/* A variable, or a count of steps; `kind` ("moment1") goes behind the name where there is one. */
static void add(nn_catalogue *all, const char *name, const char *kind, ag_tensor *variable, uint64_t *step) {
  nn_entry *e = nn_catalogue_append(all, all->layer->name, name, kind);
  if (!e) return;
  all->model_count = all->count;
  e->variable = variable;
  e->step = step;
  if (!variable) return;
  e->begin = all->size;
  e->end = all->size += NN_VALUE_BYTES * (uint64_t)ag_size(variable);
}

static void add_variable(const char *name, ag_tensor *variable, bool is_buffer, void *all) {
  add(all, name, NULL, variable, NULL);
}

/* What the optimizer keeps of a weight. */
static void add_state(const char *name, ag_tensor *weight, bool is_buffer, void *context) {
  static const char *const kinds[NN_MAX_MOMENTS] = {"moment1", "moment2"};
  nn_catalogue *all = context;
  nn_weight_state state;
  if (is_buffer || !nn_weight_state_of(all->layer->optimizer, weight, &state)) return;
  for (int i = 0; i < state.count; i++) {
    add(all, name, kinds[i], state.moments[i], NULL);
    if (!ag_failed()) all->entries[all->count - 1].not_negative = i >= state.first_of_squares;
  }
  add(all, name, "step", NULL, state.step);
}

/* Such names would make the one network find the other's tensors among its own. */
static bool is_beginning(const char *name, const char *other) {
  size_t length = strlen(name);
  return strncmp(other, name, length) == 0 && other[length] == '.';
}

/* Whether the layer's name is no other's beginning, nor the other way round, among the layers up to it. */
static bool name_stands_apart(const nn_catalogue *all, size_t layer) {
  const char *name = all->layers[layer].name;
  for (size_t i = 0; i < layer; i++) {
    const char *other = all->layers[i].name;
    if (is_beginning(name, other) || is_beginning(other, name))
      return ag_fail(AG_ERROR_ARGUMENT, "%s: of the names %s and %s one is the other's beginning", all->path, other,
                     name);
  }
  return true;
}

void nn_catalogue_free(nn_catalogue *all) {
  for (size_t i = 0; i < all->count; i++) ag_free(all->entries[i].name);
  ag_free(all->entries);
}

bool nn_catalogue_make(nn_catalogue *all, const char *path, size_t count, const nn_named_layer *layers) {
  *all = (nn_catalogue){.path = path, .layer_count = count, .layers = layers};
  if (!path) ag_fail_null("safetensors", "path");
  if (!layers) ag_fail_null("safetensors", "layers");
  for (size_t i = 0; i < count && !ag_failed(); i++) {
    all->layer = &layers[i];
    if (!layers[i].name) ag_fail_null("safetensors", "the name of a layer");
    else if (!nn_is_built(layers[i].layer))
      ag_fail(AG_ERROR_ARGUMENT, "%s: the layer %s is NULL or not built; use nn_build", path, layers[i].name);
    else if (name_stands_apart(all, i))
      nn_each_variable(layers[i].layer, layers[i].optimizer ? add_state : add_variable, all);
  }
  return !ag_failed();
}
