#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

void fuzz_require(bool holds, const char *sentence) {
  if (holds) return;
  fprintf(stderr, "%s (pending error: \"%s\")\n", sentence, ag_error_message());
  abort();
}

const char *fuzz_file(const uint8_t *bytes, size_t size) {
  static char path[32];
  static int file = -1;
  if (file < 0) {
    file = memfd_create("input", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  }
  bool written = file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size;
  fuzz_require(written, "the input cannot be written to a file in memory");
  return path;
}

bool fuzz_outcome(bool read, const char *path) {
  if (read) {
    fuzz_require(!ag_failed(), "an error is pending though the file was read");
    return true;
  }
  size_t length = strlen(path);
  const char *sentence = ag_error_message();
  fuzz_require(ag_error_kind() == AG_ERROR_FILE, "the file was not read, and the error is none of a file");
  fuzz_require(strncmp(sentence, path, length) == 0 && strncmp(sentence + length, ": ", 2) == 0 && sentence[length + 2],
               "the error does not name the file and a reason");
  ag_error_clear();
  return false;
}

void fuzz_touch(const void *bytes, size_t size) {
  const volatile uint8_t *byte = bytes;
  for (size_t i = 0; i < size; i++) (void)byte[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  size_t before = ag_memory_in_use();
  ag_scope *scope = ag_scope_enter();
  fuzz_one(bytes, size);
  fuzz_require(!ag_failed(), "the target left an error pending");
  ag_scope_leave(scope);
  fuzz_require(ag_memory_in_use() == before, "memory of tensors is left");
  return 0;
}
