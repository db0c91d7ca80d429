/* The names of a run's files that belong to an epoch: "epoch-0007.png", "epoch-0007.safetensors". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The epoch of a name that a run gives with this ending (".png"), 0 or more; -1 for any other name. */
int64_t gan_epoch_of(const char *name, const char *ending);
/* The epochs of a folder's files with this ending, ascending; none where there is no such folder. Free with ag_free.
 * False and an error. */
bool gan_epochs_in(const char *folder, const char *ending, size_t *count, int64_t **epochs);
/* "FOLDER/epoch-0007.png", to be freed with ag_free; NULL and an error without memory. */
char *gan_epoch_path(const char *folder, int64_t epoch, const char *ending);
