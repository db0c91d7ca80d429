/* A map from tensor identities to numbers: open addressing, linear probing. For tape.c and gradient.c. */
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

/* The value of an id, to be read or changed until the next ag_idmap_add; NULL where there is none. */
uint64_t *ag_idmap_find(const ag_idmap *map, uint64_t id);
/* The value of an id, added with this value where it was missing. NULL and an error without memory. */
uint64_t *ag_idmap_add(ag_idmap *map, uint64_t id, uint64_t value);
void ag_idmap_free(ag_idmap *map);
