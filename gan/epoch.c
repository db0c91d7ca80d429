#include "gan/epoch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gan/file.h"

int64_t gan_epoch_of(const char *name, const char *ending) {
  if (strncmp(name, "epoch-", 6) != 0) return -1;
  size_t digits = strspn(name + 6, "0123456789");
  bool plain = digits == 4 || (digits > 4 && digits < 19 && name[6] != '0');
  if (!plain || strcmp(name + 6 + digits, ending) != 0) return -1;
  return strtoll(name + 6, NULL, 10);
}

char *gan_epoch_path(const char *folder, int64_t epoch, const char *ending) {
  return gan_text("%s/epoch-%04" PRId64 "%s", folder, epoch, ending);
}
