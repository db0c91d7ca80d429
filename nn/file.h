/* Files that are whole or not there: written beside their name, synced, then renamed. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

typedef struct {
  FILE *stream;
  char *path;
  char *temporary; /* NULL for a device or a pipe, which is written in place */
} nn_file;

/* False and an error when it cannot be made. */
bool nn_file_create(nn_file *file, const char *path);
/* Ends the file and gives it its name. False and an error that tells the path and why, when `complete` is false (errno
 * then tells why), or anything could not be written; the temporary file is then removed. */
bool nn_file_close(nn_file *file, bool complete);
/* The rename lasts through a power cut. False and an error. */
bool nn_file_rename(const char *from, const char *to);
