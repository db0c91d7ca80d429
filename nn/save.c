#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/catalogue_private.h"
#include "nn/file.h"

enum { ALIGNMENT = 8 };

static bool add_numbers(cJSON *object, const char *name, size_t count, const int64_t *values) {
  cJSON *array = cJSON_AddArrayToObject(object, name);
  bool complete = array;
  for (size_t i = 0; complete && i < count; i++) {
    complete = cJSON_AddItemToArray(array, cJSON_CreateNumber((double)values[i]));
  }
  return complete;
}

static bool describe(cJSON *header, const nn_entry *e) {
  ag_shape shape = ag_shape_of(e->variable);
  cJSON *info = cJSON_AddObjectToObject(header, e->name);
  return info && cJSON_AddStringToObject(info, "dtype", "F32") &&
         add_numbers(info, "shape", (size_t)shape.rank, shape.sizes) &&
         add_numbers(info, "data_offsets", 2, (int64_t[]){(int64_t)e->begin, (int64_t)e->end});
}

static bool describe_value(cJSON *object, const char *key, const char *value) {
  if (!value) return ag_fail_null("save", "the value of a metadata key");
  if (!cJSON_GetObjectItemCaseSensitive(object, key)) return cJSON_AddStringToObject(object, key, value);
  return ag_fail(AG_ERROR_ARGUMENT, "save: two metadata values for %s", key);
}

/* What the caller has to say, then the counts of steps: as text, for numbers of JSON are doubles. */
static bool describe_metadata(cJSON *header, const nn_catalogue *all, const char *const *metadata) {
  cJSON *object = cJSON_AddObjectToObject(header, "__metadata__");
  bool complete = object;
  for (; complete && metadata && metadata[0]; metadata += 2)
    complete = describe_value(object, metadata[0], metadata[1]);
  for (size_t i = 0; complete && i < all->count; i++) {
    const nn_entry *e = &all->entries[i];
    char step[24];
    if (!e->step) continue;
    snprintf(step, sizeof step, "%" PRIu64, *e->step);
    complete = describe_value(object, e->name, step);
  }
  if (complete && !object->child) cJSON_DeleteItemFromObjectCaseSensitive(header, "__metadata__");
  return complete;
}

static bool is_utf8(const char *text) {
  static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
  for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
    int more = *at < 0x80 ? 0 : *at >> 5 == 6 ? 1 : *at >> 4 == 14 ? 2 : *at >> 3 == 30 ? 3 : -1;
    if (more < 0) return false;
    uint32_t code = more ? *at & (0x3fU >> more) : *at;
    for (int i = 0; i < more; i++) {
      if (*++at >> 6 != 2) return false;
      code = code << 6 | (*at & 0x3fU);
    }
    if (code < lowest[more] || code > 0x10ffff || code >> 11 == 0x1b) return false; /* 0x1b: surrogates */
  }
  return true;
}

/* The header's text, to be freed with cJSON_free; NULL and an error. */
static char *header_text(const nn_catalogue *all, const char *const *metadata) {
  cJSON *header = cJSON_CreateObject();
  bool complete = header && describe_metadata(header, all, metadata);
  for (size_t i = 0; complete && i < all->count; i++)
    if (all->entries[i].variable) complete = describe(header, &all->entries[i]);
  char *text = complete ? cJSON_PrintUnformatted(header) : NULL;
  cJSON_Delete(header);
  if (!text) return ag_fail(AG_ERROR_MEMORY, "save: no memory for the header");
  if (is_utf8(text)) return text;
  cJSON_free(text);
  return ag_fail(AG_ERROR_ARGUMENT, "save: a name or the metadata is not UTF-8");
}

static bool write_length(FILE *file, uint64_t length) {
  unsigned char bytes[NN_LENGTH_BYTES];
  for (int i = 0; i < NN_LENGTH_BYTES; i++) bytes[i] = (unsigned char)(length >> 8 * i);
  return fwrite(bytes, sizeof bytes, 1, file) == 1;
}

static void value_to_bytes(ag_real real, unsigned char bytes[NN_VALUE_BYTES]) {
  float value = (float)real;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  for (int k = 0; k < NN_VALUE_BYTES; k++) bytes[k] = (unsigned char)(bits >> 8 * k);
}

static bool write_values(FILE *file, const ag_tensor *tensor) {
  enum { AT_ONCE = 4096 };
  unsigned char bytes[AT_ONCE][NN_VALUE_BYTES];
  const ag_real *values = ag_data(tensor);
  for (size_t left = ag_size(tensor), count; left > 0; left -= count, values += count) {
    count = left < AT_ONCE ? left : AT_ONCE;
    for (size_t i = 0; i < count; i++) value_to_bytes(values[i], bytes[i]);
    if (fwrite(bytes, NN_VALUE_BYTES, count, file) != count) return false;
  }
  return true;
}

static bool write_all(FILE *file, const nn_catalogue *all, const char *text) {
  size_t length = strlen(text), padding = (ALIGNMENT - length % ALIGNMENT) % ALIGNMENT;
  bool written = write_length(file, length + padding) && fwrite(text, 1, length, file) == length &&
                 fprintf(file, "%*s", (int)padding, "") >= 0;
  for (size_t i = 0; written && i < all->count; i++)
    if (all->entries[i].variable) written = write_values(file, all->entries[i].variable);
  return written;
}

/* A pipe or a device would be lost to the rename; a folder makes it fail. */
static bool check_replaceable(const char *path) {
  struct stat status;
  if (!path || stat(path, &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return true;
  return ag_fail(AG_ERROR_FILE, "%s: cannot be written: it is no regular file", path);
}

bool nn_save(const char *path, size_t count, const nn_named_layer *layers, const char *const *metadata) {
  if (ag_failed() || !check_replaceable(path)) return false;
  nn_catalogue all;
  char *text = nn_catalogue_make(&all, path, count, layers) ? header_text(&all, metadata) : NULL;
  nn_file file;
  bool saved = text && nn_file_create(&file, path) && nn_file_close(&file, write_all(file.stream, &all, text));
  cJSON_free(text);
  nn_catalogue_free(&all);
  return saved;
}
