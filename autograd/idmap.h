/* A map from tensor identities to numbers: open addressing, linear probing. For tape.c, gradient.c and dot.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t id; /* 0: empty */
  uint64_t value;
} ag_idmap_entry;

typedef struct {
  ag_idmap_entry *entries;
  size_t count, capacity; /* a power of two, or 0 */
} ag_idmap;

/* Where an id stands or would stand. Identities are nearly consecutive: Fibonacci hashing (Knuth, volume 3, 6.4)
 * spreads them. */
static inline ag_idmap_entry *ag_idmap_probe(const ag_idmap *map, uint64_t id) {
  size_t last = map->capacity - 1, slot = (size_t)((id * 0x9E3779B97F4A7C15u) >> 32) & last;
  while (map->entries[slot].id && map->entries[slot].id != id) slot = (slot + 1) & last;
  return &map->entries[slot];
}
/* The value of an id, to be read or changed until the next ag_idmap_add; NULL where there is none. */
static inline uint64_t *ag_idmap_find(const ag_idmap *map, uint64_t id) {
  if (!map->count) return NULL;
  ag_idmap_entry *entry = ag_idmap_probe(map, id);
  return entry->id ? &entry->value : NULL;
}
/* The value of an id, added with this value where it was missing. NULL and an error without memory. */
uint64_t *ag_idmap_add(ag_idmap *map, uint64_t id, uint64_t value);
void ag_idmap_free(ag_idmap *map);
