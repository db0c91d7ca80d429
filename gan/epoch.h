/* A run's files that belong to an epoch each: samples/epoch-0007.png, kept/epoch-0007.safetensors. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char *folder, *ending; /* within the run's folder */
} gan_epoch_files;

extern const gan_epoch_files gan_epoch_samples, gan_epoch_kept;

/* The epochs that a run's folder has such a file of, ascending; none where there is no such folder. Free with ag_free.
 * False and an error. */
bool gan_epochs_of(const char *run, const gan_epoch_files *files, size_t *count, int64_t **epochs);
/* "RUN/samples" and "RUN/samples/epoch-0007.png", to be freed with ag_free; NULL and an error without memory. */
char *gan_epoch_folder(const char *run, const gan_epoch_files *files);
char *gan_epoch_path(const char *run, const gan_epoch_files *files, int64_t epoch);
