#include "autograd/idmap.h"

#include "autograd/memory.h"

/* Identities are nearly consecutive: Fibonacci hashing (Knuth, volume 3, 6.4) spreads them. */
static size_t slot_of(uint64_t id, size_t capacity) {
  return (size_t)((id * 0x9E3779B97F4A7C15u) >> 32) & (capacity - 1);
}

static ag_idmap_entry *probe(const ag_idmap *map, uint64_t id) {
  size_t slot = slot_of(id, map->capacity);
  while (map->entries[slot].id && map->entries[slot].id != id) slot = (slot + 1) & (map->capacity - 1);
  return &map->entries[slot];
}

uint64_t *ag_idmap_find(const ag_idmap *map, uint64_t id) {
  if (!map->count) return NULL;
  ag_idmap_entry *entry = probe(map, id);
  return entry->id ? &entry->value : NULL;
}

static bool grow(ag_idmap *map) {
  size_t capacity = map->capacity ? 2 * map->capacity : 16;
  ag_idmap larger = {ag_allocate(capacity, sizeof(ag_idmap_entry)), map->count, capacity};
  if (!larger.entries) return false;
  for (size_t i = 0; i < map->capacity; i++) {
    if (map->entries[i].id) *probe(&larger, map->entries[i].id) = map->entries[i];
  }
  ag_free(map->entries);
  *map = larger;
  return true;
}

uint64_t *ag_idmap_add(ag_idmap *map, uint64_t id, uint64_t value) {
  if (2 * (map->count + 1) > map->capacity && !grow(map)) return NULL;
  ag_idmap_entry *entry = probe(map, id);
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
