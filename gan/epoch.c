#include "gan/epoch.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "gan/text.h"

const gan_epoch_files gan_epoch_samples = {"samples", ".png"}, gan_epoch_kept = {"kept", ".safetensors"};

/* -1 for any name that a run does not give. */
static int64_t epoch_of(const char *name, const char *ending) {
  if (strncmp(name, "epoch-", 6) != 0) return -1;
  size_t digits = strspn(name + 6, "0123456789");
  bool plain = digits == 4 || (digits > 4 && digits < 19 && name[6] != '0');
  if (!plain || strcmp(name + 6 + digits, ending) != 0) return -1;
  return strtoll(name + 6, NULL, 10);
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static bool list(DIR *folder, const char *ending, size_t *count, int64_t **epochs) {
  for (struct dirent *entry; (entry = readdir(folder));) {
    int64_t epoch = epoch_of(entry->d_name, ending);
    if (epoch < 0) continue;
    int64_t *more = ag_reallocate(*epochs, *count + 1, sizeof *more);
    if (!more) return false;
    *epochs = more;
    more[(*count)++] = epoch;
  }
  if (*count) qsort(*epochs, *count, sizeof **epochs, compare);
  return true;
}

bool gan_epochs_of(const char *run, const gan_epoch_files *files, size_t *count, int64_t **epochs) {
  *count = 0;
  *epochs = NULL;
  char *path = gan_epoch_folder(run, files);
  DIR *folder = path ? opendir(path) : NULL;
  bool listed = folder && list(folder, files->ending, count, epochs);
  if (folder) closedir(folder);
  else if (path) listed = errno == ENOENT || ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  ag_free(path);
  return listed;
}

char *gan_epoch_folder(const char *run, const gan_epoch_files *files) { return gan_text("%s/%s", run, files->folder); }

char *gan_epoch_path(const char *run, const gan_epoch_files *files, int64_t epoch) {
  return gan_text("%s/%s/epoch-%04" PRId64 "%s", run, files->folder, epoch, files->ending);
}
