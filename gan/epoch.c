#include "gan/epoch.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "gan/text.h"

int64_t gan_epoch_of(const char *name, const char *ending) {
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
    int64_t epoch = gan_epoch_of(entry->d_name, ending);
    if (epoch < 0) continue;
    int64_t *more = ag_reallocate(*epochs, *count + 1, sizeof *more);
    if (!more) return false;
    *epochs = more;
    more[(*count)++] = epoch;
  }
  if (*count) qsort(*epochs, *count, sizeof **epochs, compare);
  return true;
}

bool gan_epochs_in(const char *folder, const char *ending, size_t *count, int64_t **epochs) {
  *count = 0;
  *epochs = NULL;
  DIR *files = opendir(folder);
  if (!files) return errno == ENOENT || ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", folder, strerror(errno));
  bool listed = list(files, ending, count, epochs);
  closedir(files);
  return listed;
}

char *gan_epoch_path(const char *folder, int64_t epoch, const char *ending) {
  return gan_text("%s/epoch-%04" PRId64 "%s", folder, epoch, ending);
}
