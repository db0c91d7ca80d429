#include "autograd/idmap.h"

#include "autograd/memory.h"

static bool grow(ag_idmap *map) {
  size_t capacity = map->capacity ? 2 * map->capacity : 16;
  ag_idmap larger = {ag_allocate(capacity, sizeof(ag_idmap_entry)), map->count, capacity};
  if (!larger.entries) return false;
  for (size_t i = 0; i < map->capacity; i++) {
    if (map->entries[i].id) *ag_idmap_probe(&larger, map->entries[i].id) = map->entries[i];
  }
  ag_free(map->entries);
  *map = larger;
  return true;
}

uint64_t *ag_idmap_add(ag_idmap *map, uint64_t id, uint64_t value) {
  if (2 * (map->count + 1) > map->capacity && !grow(map)) return NULL;
  ag_idmap_entry *entry = ag_idmap_probe(map, id);
  if (!entry->id) {
    *entry = (ag_idmap_entry){id, value};
    map->count++;
  }
  return &entry->value;
}

void ag_idmap_free(ag_idmap *map) {
  ag_free(map->entries);
  *map = (ag_idmap){0};
}
