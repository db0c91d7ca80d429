/* What the fuzz targets share. A target is one function that hands a stranger's bytes to a reader, which must either
 * read them or refuse them with a sentence about the file; fuzz.c calls it and sees that no memory is left. Built with
 * -Dfuzz=true by clang; run in an empty folder by run.sh. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/autograd.h"

/* The target, in a scope of its own. */
void fuzz_one(const uint8_t *bytes, size_t size);

/* The path of a file in memory that holds these bytes, until the next call. */
const char *fuzz_file(const uint8_t *bytes, size_t size);

/* Stops with the sentence, and so shows the input, unless it holds. */
void fuzz_require(bool holds, const char *sentence);

/* A reader's outcome: no error is pending after success; after failure one that names the file and a reason, which is
 * cleared. Returns `read`. */
bool fuzz_outcome(bool read, const char *path);

/* Reads every byte, so that the sanitizers see those that are not there. */
void fuzz_touch(const void *bytes, size_t size);
