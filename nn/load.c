/* Nothing in the file is believed before it was compared with the size of the file or with the model. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/catalogue_private.h"

enum { MAX_HEADER = 100000000 };

typedef struct {
  const char *path;
  FILE *file;
  uint64_t data_size; /* what follows the header */
  cJSON *header;
} reader;

static bool refuse(const reader *r, const char *what) { return ag_fail(AG_ERROR_FILE, "%s: %s", r->path, what); }

static bool refuse_tensor(const reader *r, const char *name, const char *what) {
  return ag_fail(AG_ERROR_FILE, "%s: tensor %s %s", r->path, name, what);
}

static bool read_bytes(const reader *r, void *bytes, size_t size) {
  errno = 0;
  if (fread(bytes, 1, size, r->file) == size) return true;
  return refuse(r, errno ? strerror(errno) : "no safetensors file: it ends too soon");
}

/* What is left of the file behind the place where it is read; false and an error where that has no size. */
static bool size_left(const reader *r, uint64_t *size) {
  long here = ftell(r->file);
  if (here < 0 || fseek(r->file, 0, SEEK_END) != 0) return refuse(r, strerror(errno));
  long end = ftell(r->file);
  if (end < here || fseek(r->file, here, SEEK_SET) != 0) return refuse(r, strerror(errno));
  *size = (uint64_t)(end - here);
  return true;
}

static cJSON *parse(const char *text, size_t length) {
  const char *end = text;
  cJSON *header = text[0] == '{' ? cJSON_ParseWithLengthOpts(text, length, &end, false) : NULL;
  while (header && end < text + length && *end == ' ') end++;
  if (header && end == text + length) return header;
  cJSON_Delete(header);
  return NULL;
}

/* A NUL, or JSON's escape for one. In C it would end a name, and so make it another's. */
static bool holds_nul(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '\0') return true;
    if (text[i] != '\\') continue;
    i++; /* what is escaped is looked at here, so that \\u0000, a backslash and u0000, is none */
    if (strncmp(text + i, "u0000", 5) == 0) return true;
  }
  return false;
}

static bool read_header(reader *r) {
  unsigned char bytes[NN_LENGTH_BYTES];
  uint64_t length = 0, left = 0;
  if (!read_bytes(r, bytes, sizeof bytes) || !size_left(r, &left)) return false;
  for (int i = 0; i < NN_LENGTH_BYTES; i++) length |= (uint64_t)bytes[i] << 8 * i;
  if (length > left || length > MAX_HEADER) {
    return refuse(r, "no safetensors file: the length of its header is more than the file or 100 MB");
  }
  r->data_size = left - length;
  char *text = ag_allocate((size_t)length + 1, 1);
  if (!text) return false;
  bool read = read_bytes(r, text, (size_t)length);
  if (read && holds_nul(text, (size_t)length)) read = refuse(r, "its header holds a NUL character, expected text");
  if (read) r->header = parse(text, (size_t)length);
  ag_free(text);
  if (r->header || !read) return r->header;
  return refuse(r, "no safetensors file: its header is no JSON object, or too long for the memory left");
}

static bool reader_open(reader *r, const char *path) {
  *r = (reader){.path = path, .file = path ? fopen(path, "rb") : NULL};
  if (!path) return ag_fail_null("safetensors", "path");
  if (r->file) return read_header(r);
  return ag_fail(AG_ERROR_FILE, "%s: cannot read: %s", path, strerror(errno));
}

static void reader_close(reader *r) {
  cJSON_Delete(r->header);
  if (r->file) fclose(r->file);
}

/* A whole number from 0 to 2^53, up to where doubles, which cJSON keeps numbers in, are exact. */
static bool whole(const cJSON *item, uint64_t *value) {
  if (!cJSON_IsNumber(item)) return false;
  double number = item->valuedouble;
  if (!(number >= 0 && number <= 9007199254740992.0) || floor(number) != number) return false;
  *value = (uint64_t)number;
  return true;
}

static bool check_shape(const reader *r, const nn_entry *e, const cJSON *sizes) {
  ag_shape expected = ag_shape_of(e->variable), shape = {0};
  const cJSON *item;
  cJSON_ArrayForEach(item, sizes) {
    uint64_t size;
    if (!whole(item, &size)) return refuse_tensor(r, e->name, "has a size that is no whole number up to 2^53");
    if (shape.rank == AG_MAX_RANK) return refuse_tensor(r, e->name, "has too many axes");
    shape.sizes[shape.rank++] = (int64_t)size;
  }
  if (cJSON_IsArray(sizes) && ag_shape_equal(shape, expected)) return true;
  return ag_fail(AG_ERROR_FILE, "%s: tensor %s has shape %s, expected %s", r->path, e->name, ag_shape_print(shape).text,
                 ag_shape_print(expected).text);
}

static bool check_offsets(const reader *r, nn_entry *e, const cJSON *offsets) {
  if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 || !whole(offsets->child, &e->begin) ||
      !whole(offsets->child->next, &e->end)) {
    return refuse_tensor(r, e->name, "has data_offsets that are no two whole numbers up to 2^53");
  }
  if (e->end > r->data_size) return refuse_tensor(r, e->name, "ends behind the end of the file; is it truncated?");
  bool fits = !e->variable || e->end - e->begin == NN_VALUE_BYTES * (uint64_t)ag_size(e->variable);
  if (e->begin <= e->end && fits) return true;
  return refuse_tensor(r, e->name, "has data_offsets that do not fit its shape");
}

/* Whether a tensor of this name belongs to one of the layers that are loaded. */
static bool is_ours(const nn_catalogue *all, const char *name) {
  for (size_t i = 0; i < all->layer_count; i++) {
    size_t length = strlen(all->layers[i].name);
    if (strncmp(name, all->layers[i].name, length) == 0 && name[length] == '.') return true;
  }
  return false;
}

/* One tensor of the header against the model. */
static bool match(const reader *r, nn_catalogue *all, const cJSON *info) {
  nn_entry *e = nn_catalogue_find(all, info->string);
  if (!e && is_ours(all, info->string)) return refuse_tensor(r, info->string, "is not part of this model");
  if (!e) e = nn_catalogue_append(all, NULL, info->string, NULL);
  if (!e) return false;
  if (e->step) return refuse_tensor(r, e->name, "is a count of steps, which belongs into the metadata");
  if (e->found) return refuse_tensor(r, e->name, "is there twice");
  e->found = true;
  const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(info, "dtype");
  const cJSON *shape = cJSON_GetObjectItemCaseSensitive(info, "shape");
  const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(info, "data_offsets");
  if (!cJSON_IsObject(info) || cJSON_GetArraySize(info) != 3 || !dtype || !shape || !offsets) {
    return refuse_tensor(r, e->name, "is not described by dtype, shape and data_offsets alone");
  }
  if (e->variable && (!cJSON_IsString(dtype) || strcmp(dtype->valuestring, "F32") != 0)) {
    return refuse_tensor(r, e->name, "is not of dtype F32");
  }
  return (!e->variable || check_shape(r, e, shape)) && check_offsets(r, e, offsets);
}

static bool check_metadata(const reader *r, const cJSON *metadata) {
  const cJSON *item;
  bool valid = cJSON_IsObject(metadata);
  cJSON_ArrayForEach(item, metadata) valid = valid && cJSON_IsString(item);
  return valid || refuse(r, "its __metadata__ is no map of strings");
}

/* A count of steps from the metadata. */
static bool read_step(const reader *r, nn_entry *e) {
  const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(r->header, "__metadata__");
  const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metadata, e->name));
  if (!text) return refuse_tensor(r, e->name, "is missing in the metadata");
  char *end;
  errno = 0;
  e->step_read = strtoull(text, &end, 10);
  if (text[0] >= '0' && text[0] <= '9' && !*end && !errno && e->step_read <= INT64_MAX) return true;
  return refuse_tensor(r, e->name, "is no whole number, or too large");
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const nn_entry *)a)->name, ((const nn_entry *)b)->name);
}

static int by_place(const void *a, const void *b) {
  const nn_entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->end > y->end) - (x->end < y->end);
}

/* Each name may stand once, the model's and others'. Sorts them, for a stranger's file may hold a million. */
static bool check_names(const reader *r, nn_catalogue *all) {
  if (all->count > 0) qsort(all->entries, all->count, sizeof *all->entries, by_name);
  for (size_t i = 1; i < all->count; i++) {
    if (by_name(&all->entries[i - 1], &all->entries[i]) == 0)
      return refuse_tensor(r, all->entries[i].name, "is there twice");
  }
  return true;
}

/* The tensors must lie one behind the other, from the start of the data to its end. Sorts them by place. */
static bool check_cover(const reader *r, nn_catalogue *all) {
  if (all->count > 0) qsort(all->entries, all->count, sizeof *all->entries, by_place);
  uint64_t end = 0;
  for (size_t i = 0; i < all->count; i++) {
    const nn_entry *e = &all->entries[i];
    if (e->begin != end) return refuse_tensor(r, e->name, "overlaps another or leaves a hole before it");
    end = e->end;
  }
  return end == r->data_size || refuse(r, "there are bytes behind the last tensor");
}

static bool match_all(const reader *r, nn_catalogue *all) {
  const cJSON *item;
  bool metadata_met = false;
  cJSON_ArrayForEach(item, r->header) {
    bool is_metadata = strcmp(item->string, "__metadata__") == 0;
    if (is_metadata && metadata_met) return refuse(r, "its __metadata__ is there twice");
    metadata_met = metadata_met || is_metadata;
    if (is_metadata ? !check_metadata(r, item) : !match(r, all, item)) return false;
  }
  for (size_t i = 0; i < all->count; i++) { /* there are no entries to point to in an empty file */
    nn_entry *e = &all->entries[i];
    if (e->step ? !read_step(r, e) : !e->found && !refuse_tensor(r, e->name, "is missing")) return false;
  }
  return check_names(r, all) && check_cover(r, all);
}

static float value_at(const unsigned char *data, size_t i) {
  uint32_t bits = 0;
  for (int k = 0; k < NN_VALUE_BYTES; k++) bits |= (uint32_t)data[NN_VALUE_BYTES * i + (size_t)k] << 8 * k;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static bool check_values(const reader *r, const nn_entry *e, const unsigned char *data) {
  for (size_t k = 0; k < ag_size(e->variable); k++) {
    float value = value_at(data + e->begin, k);
    if (!isfinite(value)) return refuse_tensor(r, e->name, "holds a value that is not finite");
    if (e->not_negative && value < 0) return refuse_tensor(r, e->name, "holds a negative mean of squares");
  }
  return true;
}

/* Into the variables, once nothing can fail any more. */
static bool assign_all(const reader *r, const nn_catalogue *all, const unsigned char *data) {
  if (all->count == 0) return true;
  const nn_entry *end = all->entries + all->count;
  for (const nn_entry *e = all->entries; e < end; e++) {
    if (e->variable && !(check_values(r, e, data) && ag_variable_data(e->variable))) return false;
  }
  for (const nn_entry *e = all->entries; e < end; e++) {
    if (e->step) *e->step = e->step_read;
    ag_real *values = e->variable ? ag_variable_data(e->variable) : NULL; /* again: in place now, so it cannot fail */
    for (size_t k = 0; values && k < ag_size(e->variable); k++) values[k] = (ag_real)value_at(data + e->begin, k);
  }
  return true;
}

bool nn_load(const char *path, size_t count, const nn_named_layer *layers) {
  if (ag_failed()) return false;
  nn_catalogue all;
  reader r = {0};
  bool loaded = nn_catalogue_make(&all, path, count, layers) && reader_open(&r, path) && match_all(&r, &all);
  unsigned char *data = loaded ? ag_allocate((size_t)r.data_size, 1) : NULL;
  loaded = data && read_bytes(&r, data, (size_t)r.data_size) && assign_all(&r, &all, data);
  ag_free(data);
  reader_close(&r);
  nn_catalogue_free(&all);
  return loaded;
}

bool nn_each_metadata(const char *path, nn_metadata_function *f, void *context) {
  if (!f) return ag_fail_null("each_metadata", "the function");
  if (ag_failed()) return false;
  reader r;
  bool opened = reader_open(&r, path);
  const cJSON *metadata = opened ? cJSON_GetObjectItemCaseSensitive(r.header, "__metadata__") : NULL, *item;
  bool valid = opened && (!metadata || check_metadata(&r, metadata));
  cJSON_ArrayForEach(item, metadata) if (valid) f(item->string, item->valuestring, context);
  reader_close(&r);
  return valid;
}

typedef struct {
  const char *key;
  char *value;
} search;

static void keep_value(const char *key, const char *value, void *context) {
  search *s = context;
  if (s->value || strcmp(key, s->key) != 0) return;
  s->value = ag_allocate(strlen(value) + 1, 1);
  if (s->value) strcpy(s->value, value);
}

char *nn_read_metadata(const char *path, const char *key) {
  if (!key) return ag_fail_null("read_metadata", "key");
  search s = {.key = key};
  nn_each_metadata(path, keep_value, &s);
  return s.value;
}
