/* Files that are whole or not there: written beside their name, then renamed. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

typedef struct {
  FILE *stream;
  char *path;
  char *temporary; /* NULL for a device or a pipe, which is written in place */
} gan_file;

/* False and an error when it cannot be made. */
bool gan_file_create(gan_file *file, const char *path);
/* Ends the file and gives it its name. False and an error that tells the path and why, when `complete` is false (errno
 * then tells why), or anything could not be written; the temporary file is then removed. */
bool gan_file_close(gan_file *file, bool complete);

/* The rename lasts through a power cut. False and an error. */
bool gan_file_rename(const char *from, const char *to);

/* printf into memory of its own size, to be freed with ag_free. NULL and an error without memory. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
char *
gan_text(const char *format, ...);
