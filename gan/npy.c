#include "gan/npy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/file.h"

enum { LARGEST_RANK = 4 };

/* Magic, version 1.0, the length of the header as two bytes, the header padded so that the data starts at a multiple of
 * 64. */
static bool put_header(FILE *stream, ag_shape shape) {
  enum { START = 10, ROOM = 192 - START };
  char header[ROOM + 1];
  int length = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
  for (int i = 0; i < shape.rank; i++)
    length +=
        snprintf(header + length, sizeof header - (size_t)length, i ? ", %lld" : "%lld", (long long)shape.sizes[i]);
  length += snprintf(header + length, sizeof header - (size_t)length, shape.rank == 1 ? ",), }" : "), }");
  int padded = (START + length + 1 + 63) / 64 * 64 - START;
  memset(header + length, ' ', (size_t)(padded - length));
  header[padded - 1] = '\n';
  const unsigned char start[START] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)padded, 0};
  return fwrite(start, 1, START, stream) == START && fwrite(header, 1, (size_t)padded, stream) == (size_t)padded;
}

static bool put_floats(FILE *stream, const ag_real *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float value = (float)values[i];
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const unsigned char little_endian[4] = {(unsigned char)bits, (unsigned char)(bits >> 8),
                                            (unsigned char)(bits >> 16), (unsigned char)(bits >> 24)};
    if (fwrite(little_endian, 1, 4, stream) != 4) return false;
  }
  return true;
}

bool gan_npy_write(const char *path, const ag_tensor *array) {
  if (!path || !array) return ag_fail_null("gan_npy_write", "path or array");
  ag_shape shape = ag_shape_of(array);
  if (shape.rank == 4 && shape.sizes[3] == 1) shape.rank = 3;
  if (shape.rank < 1 || shape.rank > LARGEST_RANK)
    return ag_fail(AG_ERROR_SHAPE, "%s: the array is %s, expected a rank of 1 to %d", path, ag_shape_print(shape).text,
                   LARGEST_RANK);
  nn_file file;
  if (!nn_file_create(&file, path)) return false;
  bool put = put_header(file.stream, shape) && put_floats(file.stream, ag_data(array), ag_size(array));
  return nn_file_close(&file, put);
}

/* What the header tells: a Python dictionary such as that of put_header, its keys in any order. */
typedef struct {
  ag_shape shape;
  size_t item_size; /* 4 or 8 */
  bool has_order;
} array_header;

/* Steps over the text if it stands at the cursor, and over spaces before it. */
static bool take(const char **cursor, const char *text) {
  const char *at = *cursor + strspn(*cursor, " ");
  size_t length = strlen(text);
  if (strncmp(at, text, length) != 0) return false;
  *cursor = at + length;
  return true;
}

static bool take_shape(const char **cursor, ag_shape *shape) {
  if (!take(cursor, "(")) return false;
  for (bool more = true; !take(cursor, ")");) {
    *cursor += strspn(*cursor, " ");
    if (!more || shape->rank == LARGEST_RANK || **cursor < '0' || **cursor > '9') return false;
    char *end;
    errno = 0;
    shape->sizes[shape->rank++] = strtoll(*cursor, &end, 10);
    if (errno) return false;
    *cursor = end;
    more = take(cursor, ",");
  }
  return shape->rank > 0;
}

/* One key and its value. */
static bool take_entry(const char **cursor, array_header *header, const char *path) {
  if (take(cursor, "'descr':") && !header->item_size) {
    header->item_size = take(cursor, "'<f4'") ? 4 : take(cursor, "'<f8'") ? 8 : 0;
    return header->item_size ||
           ag_fail(AG_ERROR_FILE, "%s: its type is not '<f4' or '<f8' (little-endian float32, float64)", path);
  }
  if (take(cursor, "'fortran_order':") && !header->has_order) {
    header->has_order = take(cursor, "False");
    return header->has_order || ag_fail(AG_ERROR_FILE, "%s: is in Fortran order, expected C order", path);
  }
  return take(cursor, "'shape':") && !header->shape.rank && take_shape(cursor, &header->shape);
}

static bool parse_header(array_header *header, const char *text, size_t length, const char *path) {
  const char *cursor = text;
  bool parsed = take(&cursor, "{");
  for (bool more = true; parsed && !take(&cursor, "}"); more = take(&cursor, ","))
    parsed = more && take_entry(&cursor, header, path);
  parsed = parsed && header->item_size && header->has_order && header->shape.rank;
  if (parsed && cursor + strspn(cursor, " \n") == text + length) return true;
  return ag_fail(AG_ERROR_FILE, "%s: its header does not tell 'descr', 'fortran_order' and a 'shape' of rank 1 to 4",
                 path);
}

/* The header's length takes two bytes in format 1.0, four in 2.0 and 3.0. 0 and an error for what is no such file. */
static size_t read_header_length(FILE *stream, const char *path) {
  unsigned char start[8], length[4] = {0};
  if (fread(start, 1, sizeof start, stream) != sizeof start || memcmp(start, "\x93NUMPY", 6) != 0)
    return (ag_fail(AG_ERROR_FILE, "%s: does not start as a NumPy array file does", path), 0);
  if (start[6] < 1 || start[6] > 3 || start[7] != 0)
    return (
        ag_fail(AG_ERROR_FILE, "%s: is of NumPy's format %d.%d, expected 1.0, 2.0 or 3.0", path, start[6], start[7]),
        0);
  size_t bytes = start[6] == 1 ? 2 : 4, value = 0;
  if (fread(length, 1, bytes, stream) != bytes) return (ag_fail(AG_ERROR_FILE, "%s: ends within its header", path), 0);
  for (size_t i = bytes; i-- > 0;) value = value << 8 | length[i];
  if (!value) ag_fail(AG_ERROR_FILE, "%s: its header is empty", path);
  return value;
}

static bool read_header(array_header *header, FILE *stream, const char *path, uint64_t file_size) {
  size_t length = read_header_length(stream, path);
  if (!length) return false;
  if (length > file_size) return ag_fail(AG_ERROR_FILE, "%s: ends within its header", path);
  char *text = ag_allocate(length + 1, 1);
  if (!text) return false;
  bool read = fread(text, 1, length, stream) == length;
  if (!read) ag_fail(AG_ERROR_FILE, "%s: ends within its header", path);
  read = read && parse_header(header, text, length, path);
  ag_free(text);
  return read;
}

/* Whether the rest of the file is just what the header promises. */
static bool check_size(const array_header *header, const char *path, uint64_t bytes) {
  uint64_t count = bytes / header->item_size, product = 1;
  for (int i = 0; i < header->shape.rank; i++) {
    uint64_t size = (uint64_t)header->shape.sizes[i];
    if (!size) return ag_fail(AG_ERROR_FILE, "%s: axis %d has size 0, expected at least 1", path, i);
    product = product > count / size ? count + 1 : product * size;
  }
  if (product == count && bytes % header->item_size == 0) return true;
  return ag_fail(AG_ERROR_FILE, "%s: %llu bytes follow the header, expected those of an array %s of %zu bytes each",
                 path, (unsigned long long)bytes, ag_shape_print(header->shape).text, header->item_size);
}

static bool read_floats(FILE *stream, size_t item_size, ag_real *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    unsigned char bytes[8];
    uint64_t bits = 0;
    if (fread(bytes, 1, item_size, stream) != item_size) return false;
    for (size_t k = item_size; k-- > 0;) bits = bits << 8 | bytes[k];
    const uint32_t low_bits = (uint32_t)bits;
    float single;
    double value;
    memcpy(&single, &low_bits, sizeof single);
    memcpy(&value, &bits, sizeof value);
    values[i] = item_size == 4 ? (ag_real)single : (ag_real)value;
  }
  return true;
}

static ag_tensor *read_open(FILE *stream, const char *path, uint64_t file_size) {
  array_header header = {0};
  if (!read_header(&header, stream, path, file_size)) return NULL;
  long start = ftell(stream);
  if (start < 0) return ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  if (!check_size(&header, path, file_size - (uint64_t)start)) return NULL;
  ag_real *values;
  ag_tensor *array = ag_make(header.shape, &values);
  if (array && !read_floats(stream, header.item_size, values, ag_size(array)))
    return ag_fail(AG_ERROR_FILE, "%s: cannot be read to its end", path);
  return array;
}

ag_tensor *gan_npy_read(const char *path) {
  if (!path) return ag_fail_null("gan_npy_read", "path");
  struct stat status;
  if (stat(path, &status)) return ag_fail(AG_ERROR_FILE, "%s: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode)) return ag_fail(AG_ERROR_FILE, "%s: is no regular file, expected a NumPy array", path);
  FILE *stream = fopen(path, "rb");
  if (!stream) return ag_fail(AG_ERROR_FILE, "%s: cannot be opened: %s", path, strerror(errno));
  ag_tensor *array = read_open(stream, path, (uint64_t)status.st_size);
  fclose(stream);
  return array;
}
