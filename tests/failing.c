#include "failing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <dirent.h>
#include <gif_lib.h>
#include <png.h>
#include <zlib.h>

enum { MEMORY, JSON, FILES, PICTURES, KINDS };

static struct {
  bool armed, reached, repeats; /* repeats: the next request for memory is the same once more */
  bool inflating;               /* zlib's last error is one of ours */
  failing_mode mode;
  size_t asked, n, live, counts[KINDS];
} failing;

void failing_arm(size_t n, failing_mode mode) {
  failing.armed = true;
  failing.reached = failing.repeats = failing.inflating = false;
  failing.asked = 0;
  failing.n = n;
  failing.mode = mode;
}

bool failing_disarm(void) {
  failing.armed = false;
  return failing.reached;
}

size_t failing_live(void) { return failing.live; }

void failing_print_counts(void) {
  const size_t *counts = failing.counts;
  printf("%zu requests failed: %zu for memory, %zu of cJSON, %zu of files, folders and gzip streams, %zu of pictures\n",
         counts[MEMORY] + counts[JSON] + counts[FILES] + counts[PICTURES], counts[MEMORY], counts[JSON], counts[FILES],
         counts[PICTURES]);
}

static bool fails(int kind) {
  if (!failing.armed) return false;
  failing.asked++;
  bool fails = failing.asked == failing.n || (failing.asked > failing.n && failing.mode == FAILING_FROM_ON);
  fails = fails && (kind == MEMORY || failing.mode != FAILING_AT_FIRST); /* nobody repeats the others */
  failing.reached |= failing.asked == failing.n;
  if (fails) failing.counts[kind]++;
  if (fails) errno = ENOMEM;
  return fails;
}

/* The library repeats a request that failed. */
static bool memory_fails(void) {
  if (failing.repeats) {
    failing.repeats = false;
    return failing.armed && failing.mode != FAILING_AT_FIRST;
  }
  return failing.repeats = fails(MEMORY);
}

static void *hand_out(void *object) {
  failing.live += object != NULL;
  return object;
}

static void take_back(const void *object) { failing.live -= object != NULL; }

/* Memory. Compilers make malloc or calloc of a realloc of NULL. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) { return memory_fails() ? NULL : hand_out(__real_malloc(size)); }

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) { return memory_fails() ? NULL : hand_out(__real_calloc(count, size)); }

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size) {
  if (memory_fails()) return NULL;
  return block ? __real_realloc(block, size) : hand_out(__real_realloc(NULL, size));
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return memory_fails() ? NULL : hand_out(__real_aligned_alloc(alignment, size));
}

void __real_free(void *block);
void __wrap_free(void *block) {
  take_back(block);
  __real_free(block);
}

/* cJSON: what it is asked to add belongs to the object. */
cJSON *__real_cJSON_CreateObject(void);
cJSON *__wrap_cJSON_CreateObject(void) { return fails(JSON) ? NULL : hand_out(__real_cJSON_CreateObject()); }

cJSON *__real_cJSON_CreateNumber(double number);
cJSON *__wrap_cJSON_CreateNumber(double number) { return fails(JSON) ? NULL : __real_cJSON_CreateNumber(number); }

cJSON *__real_cJSON_AddObjectToObject(cJSON *object, const char *name);
cJSON *__wrap_cJSON_AddObjectToObject(cJSON *object, const char *name) {
  return fails(JSON) ? NULL : __real_cJSON_AddObjectToObject(object, name);
}

cJSON *__real_cJSON_AddArrayToObject(cJSON *object, const char *name);
cJSON *__wrap_cJSON_AddArrayToObject(cJSON *object, const char *name) {
  return fails(JSON) ? NULL : __real_cJSON_AddArrayToObject(object, name);
}

cJSON *__real_cJSON_AddStringToObject(cJSON *object, const char *name, const char *string);
cJSON *__wrap_cJSON_AddStringToObject(cJSON *object, const char *name, const char *string) {
  return fails(JSON) ? NULL : __real_cJSON_AddStringToObject(object, name, string);
}

cJSON *__real_cJSON_ParseWithLengthOpts(const char *text, size_t size, const char **end, cJSON_bool terminated);
cJSON *__wrap_cJSON_ParseWithLengthOpts(const char *text, size_t size, const char **end, cJSON_bool terminated) {
  return fails(JSON) ? NULL : hand_out(__real_cJSON_ParseWithLengthOpts(text, size, end, terminated));
}

char *__real_cJSON_PrintUnformatted(const cJSON *item);
char *__wrap_cJSON_PrintUnformatted(const cJSON *item) {
  return fails(JSON) ? NULL : hand_out(__real_cJSON_PrintUnformatted(item));
}

void __real_cJSON_Delete(cJSON *item);
void __wrap_cJSON_Delete(cJSON *item) {
  take_back(item);
  __real_cJSON_Delete(item);
}

void __real_cJSON_free(void *text);
void __wrap_cJSON_free(void *text) {
  take_back(text);
  __real_cJSON_free(text);
}

/* Files, folders and gzip streams. */
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode) {
  return fails(FILES) ? NULL : hand_out(__real_fopen(path, mode));
}

/* By this name where files may be large. */
FILE *__wrap_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode) { return __wrap_fopen(path, mode); }

/* Thousands of files are written, for no one to keep. */
int __wrap_fsync(int file);
int __wrap_fsync(int file) { return (void)file, 0; }

int __real_fclose(FILE *stream);
int __wrap_fclose(FILE *stream) {
  take_back(stream);
  return __real_fclose(stream);
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path) { return fails(FILES) ? NULL : hand_out(__real_opendir(path)); }

int __real_closedir(DIR *folder);
int __wrap_closedir(DIR *folder) {
  take_back(folder);
  return __real_closedir(folder);
}

gzFile __real_gzopen(const char *path, const char *mode);
gzFile __wrap_gzopen(const char *path, const char *mode) {
  return fails(FILES) ? NULL : hand_out(__real_gzopen(path, mode));
}

gzFile __wrap_gzopen64(const char *path, const char *mode);
gzFile __wrap_gzopen64(const char *path, const char *mode) { return __wrap_gzopen(path, mode); }

int __real_gzread(gzFile file, voidp buffer, unsigned length);
int __wrap_gzread(gzFile file, voidp buffer, unsigned length) {
  failing.inflating = fails(FILES);
  return failing.inflating ? -1 : __real_gzread(file, buffer, length);
}

const char *__real_gzerror(gzFile file, int *code);
const char *__wrap_gzerror(gzFile file, int *code) {
  if (!failing.inflating) return __real_gzerror(file, code);
  *code = Z_MEM_ERROR;
  return "out of memory";
}

int __real_gzclose(gzFile file);
int __wrap_gzclose(gzFile file) {
  take_back(file);
  return __real_gzclose(file);
}

/* Pictures and films. */
int __real_png_image_write_to_stdio(png_imagep image, FILE *stream, int eight_bits, const void *pixels,
                                    png_int_32 stride, const void *colours);
int __wrap_png_image_write_to_stdio(png_imagep image, FILE *stream, int eight_bits, const void *pixels,
                                    png_int_32 stride, const void *colours) {
  if (fails(PICTURES)) return 0;
  return __real_png_image_write_to_stdio(image, stream, eight_bits, pixels, stride, colours);
}

ColorMapObject *__real_GifMakeMapObject(int count, const GifColorType *colours);
ColorMapObject *__wrap_GifMakeMapObject(int count, const GifColorType *colours) {
  return fails(PICTURES) ? NULL : hand_out(__real_GifMakeMapObject(count, colours));
}

void __real_GifFreeMapObject(ColorMapObject *map);
void __wrap_GifFreeMapObject(ColorMapObject *map) {
  take_back(map);
  __real_GifFreeMapObject(map);
}

GifFileType *__real_EGifOpen(void *data, OutputFunc write, int *error);
GifFileType *__wrap_EGifOpen(void *data, OutputFunc write, int *error) {
  return fails(PICTURES) ? NULL : hand_out(__real_EGifOpen(data, write, error));
}

int __real_EGifPutScreenDesc(GifFileType *gif, int width, int height, int bits, int background,
                             const ColorMapObject *map);
int __wrap_EGifPutScreenDesc(GifFileType *gif, int width, int height, int bits, int background,
                             const ColorMapObject *map) {
  return fails(PICTURES) ? GIF_ERROR : __real_EGifPutScreenDesc(gif, width, height, bits, background, map);
}

int __real_EGifPutImageDesc(GifFileType *gif, int left, int top, int width, int height, bool interlace,
                            const ColorMapObject *map);
int __wrap_EGifPutImageDesc(GifFileType *gif, int left, int top, int width, int height, bool interlace,
                            const ColorMapObject *map) {
  return fails(PICTURES) ? GIF_ERROR : __real_EGifPutImageDesc(gif, left, top, width, height, interlace, map);
}

int __real_EGifCloseFile(GifFileType *gif, int *error);
int __wrap_EGifCloseFile(GifFileType *gif, int *error) {
  take_back(gif);
  return __real_EGifCloseFile(gif, error);
}
