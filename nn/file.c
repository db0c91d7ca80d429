#include "nn/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/autograd.h"

static void free_names(nn_file *file) {
  ag_free(file->path);
  ag_free(file->temporary);
  *file = (nn_file){0};
}

static char *join(const char *path, const char *ending) {
  size_t size = strlen(path) + strlen(ending) + 1;
  char *text = ag_allocate(size, 1);
  if (text) snprintf(text, size, "%s%s", path, ending);
  return text;
}

bool nn_file_create(nn_file *file, const char *path) {
  if (!file || !path) return ag_fail_null("nn_file_create", "file or path");
  struct stat status;
  bool in_place = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
  *file = (nn_file){.path = join(path, ""), .temporary = in_place ? NULL : join(path, ".part")};
  if (file->path && (in_place || file->temporary)) {
    file->stream = fopen(in_place ? file->path : file->temporary, "wb");
    if (file->stream) {
      errno = 0; /* nn_file_close tells what goes wrong from here on */
      return true;
    }
    ag_fail(AG_ERROR_FILE, "%s: cannot be written: %s", path, strerror(errno));
  }
  free_names(file);
  return false;
}

/* A rename lasts through a power cut once its folder is written. Not every file system can do that: nothing is lost
 * where one refuses. */
static void sync_folder_of(const char *path) {
  char folder[4096];
  if ((size_t)snprintf(folder, sizeof folder, "%s", path) >= sizeof folder) return;
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = '\0';
  int opened = open(slash ? folder : ".", O_RDONLY);
  if (opened < 0) return;
  fsync(opened);
  close(opened);
}

/* False, and errno tells why. */
static bool rename_to_stay(const char *from, const char *to) {
  if (rename(from, to) != 0) return false;
  sync_folder_of(to);
  return true;
}

bool nn_file_rename(const char *from, const char *to) {
  if (!from || !to) return ag_fail_null("nn_file_rename", "a path");
  return rename_to_stay(from, to) ||
         ag_fail(AG_ERROR_FILE, "%s: cannot be renamed to %s: %s", from, to, strerror(errno));
}

/* To the disk, where it is one. */
static bool sync_stream(const nn_file *file) {
  return fflush(file->stream) == 0 && (!file->temporary || fsync(fileno(file->stream)) == 0);
}

bool nn_file_close(nn_file *file, bool complete) {
  if (!file || !file->stream) return ag_fail_null("nn_file_close", "file");
  complete = complete && !ferror(file->stream) && sync_stream(file);
  int reason = complete ? 0 : errno;
  if (fclose(file->stream) && !reason) reason = errno;
  if (complete && !reason && file->temporary && !rename_to_stay(file->temporary, file->path)) reason = errno;
  complete = complete && !reason;
  if (!complete) {
    ag_fail(AG_ERROR_FILE, "%s: cannot be written: %s", file->path, strerror(reason ? reason : EIO));
    if (file->temporary) remove(file->temporary);
  }
  free_names(file);
  return complete;
}
