#include "gan/idx.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "autograd/autograd.h"
#include "gan/text.h"

enum { UNSIGNED_BYTES = 8, LARGEST_RATIO = 1032 /* deflate cannot shrink more: zlib.net/zlib_tech.html */ };

/* Reads exactly `count` bytes, or tells that the file is broken or ends early. */
static bool read_bytes(gzFile file, const char *path, uint8_t *bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    size_t left = count - done;
    int got = gzread(file, bytes + done, left < 1 << 20 ? (unsigned)left : 1 << 20);
    if (got > 0) {
      done += (size_t)got;
      continue;
    }
    int code;
    const char *reason = gzerror(file, &code);
    if (got < 0 && code != Z_BUF_ERROR) /* Z_BUF_ERROR: the compressed stream ends early */
      return ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", path, code == Z_ERRNO ? strerror(errno) : reason);
    return ag_fail(AG_ERROR_FILE, "%s: ends %zu bytes early, expected a whole IDX file", path, left);
  }
  return true;
}

/* The magic number 0x00000800 + rank, then a big-endian size for each axis. */
static bool read_header(gan_idx *idx, gzFile file, const char *path, int rank) {
  uint8_t magic[4], size[4];
  if (!read_bytes(file, path, magic, sizeof magic)) return false;
  if (magic[0] || magic[1] || magic[2] != UNSIGNED_BYTES || magic[3] != rank)
    return ag_fail(AG_ERROR_FILE, "%s: starts with %02x%02x%02x%02x, expected the magic number %08x of an IDX file",
                   path, magic[0], magic[1], magic[2], magic[3], UNSIGNED_BYTES << 8 | rank);
  idx->rank = rank;
  for (int i = 0; i < rank; i++) {
    if (!read_bytes(file, path, size, sizeof size)) return false;
    idx->sizes[i] = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
  }
  return true;
}

/* Bytes that the header promises. 0 and an error when the file cannot hold them: its word alone takes no memory. */
static size_t count_bytes(const gan_idx *idx, gzFile file, const char *path, uint64_t file_size) {
  uint64_t most = gzdirect(file) ? file_size : file_size * LARGEST_RATIO;
  uint64_t product = 1;
  for (int i = 0; i < idx->rank; i++) {
    if (!idx->sizes[i]) return (ag_fail(AG_ERROR_FILE, "%s: axis %d has size 0, expected at least 1", path, i), 0);
    if (product > most / idx->sizes[i])
      return (ag_fail(AG_ERROR_FILE, "%s: its header promises more elements than its %llu bytes can hold", path,
                      (unsigned long long)file_size),
              0);
    product *= idx->sizes[i];
  }
  return (size_t)product;
}

static bool read_open(gan_idx *idx, gzFile file, const char *path, int rank, uint64_t file_size) {
  if (!read_header(idx, file, path, rank)) return false;
  size_t count = count_bytes(idx, file, path, file_size);
  idx->bytes = count ? ag_allocate(count, 1) : NULL;
  if (!idx->bytes || !read_bytes(file, path, idx->bytes, count)) return false;
  uint8_t more;
  int code, got = gzread(file, &more, 1); /* also checks the gzip trailer */
  const char *reason = gzerror(file, &code);
  if (got == 0 && code == Z_OK) return true;
  if (got <= 0) return ag_fail(AG_ERROR_FILE, "%s: is damaged: %s", path, reason);
  return ag_fail(AG_ERROR_FILE, "%s: goes on after the %zu bytes that its header promises", path, count);
}

bool gan_idx_read(gan_idx *idx, const char *path, int rank) {
  if (!idx || !path) return ag_fail_null("gan_idx_read", "idx or path");
  *idx = (gan_idx){0};
  if (rank < 1 || rank > 3) return ag_fail(AG_ERROR_ARGUMENT, "gan_idx_read: rank is %d, expected 1 to 3", rank);
  struct stat status;
  if (stat(path, &status)) return ag_fail(AG_ERROR_FILE, "%s: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode)) return ag_fail(AG_ERROR_FILE, "%s: is no regular file, expected an IDX file", path);
  if (!status.st_size) return ag_fail(AG_ERROR_FILE, "%s: is empty, expected an IDX file", path);
  gzFile file = gzopen(path, "rb");
  if (!file) return ag_fail(AG_ERROR_FILE, "%s: cannot be opened: %s", path, strerror(errno));
  bool whole = read_open(idx, file, path, rank, (uint64_t)status.st_size);
  gzclose(file);
  if (!whole) gan_idx_free(idx);
  return whole;
}

void gan_idx_free(gan_idx *idx) {
  if (!idx) return;
  ag_free(idx->bytes);
  *idx = (gan_idx){0};
}

/* "train-images", 3: reads whichever of the four names is there. */
static bool read_from_folder(gan_idx *idx, const char *folder, const char *part, const char *what, int rank) {
  static const char *const names[] = {"%s/%s-%s-idx%d-ubyte", "%s/%s-%s.idx%d-ubyte", "%s/%s-%s-idx%d-ubyte.gz",
                                      "%s/%s-%s.idx%d-ubyte.gz"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char *path = gan_text(names[i], folder, part, what, rank);
    if (!path) return false;
    bool there = access(path, F_OK) == 0;
    bool read = there && gan_idx_read(idx, path, rank);
    ag_free(path);
    if (there) return read;
  }
  return ag_fail(AG_ERROR_FILE, "%s: holds no %s-%s-idx%d-ubyte, plain or .gz (tools/get-mnist fetches MNIST)", folder,
                 part, what, rank);
}

static bool fit_together(const gan_idx *pixels, const gan_idx *labels, const char *folder, const char *part) {
  if (labels->sizes[0] != pixels->sizes[0])
    return ag_fail(AG_ERROR_FILE, "%s: %zu %s labels, expected one for each of the %zu images", folder,
                   labels->sizes[0], part, pixels->sizes[0]);
  for (size_t i = 0; i < labels->sizes[0]; i++)
    if (labels->bytes[i] > 9)
      return ag_fail(AG_ERROR_FILE, "%s: %s label %zu is %d, expected 0 to 9", folder, part, i, labels->bytes[i]);
  return true;
}

bool gan_images_load(gan_images *images, const char *folder, const char *part) {
  if (!images || !folder || !part) return ag_fail_null("gan_images_load", "images, folder or part");
  *images = (gan_images){0};
  gan_idx pixels = {0}, labels = {0};
  bool loaded = read_from_folder(&pixels, folder, part, "images", 3) &&
                read_from_folder(&labels, folder, part, "labels", 1) && fit_together(&pixels, &labels, folder, part);
  if (!loaded) {
    gan_idx_free(&pixels);
    gan_idx_free(&labels);
    return false;
  }
  *images = (gan_images){pixels.sizes[0], pixels.sizes[1], pixels.sizes[2], pixels.bytes, labels.bytes};
  return true;
}

uint32_t gan_images_crc32(const gan_images *images, size_t count) {
  if (!images || count > images->count)
    return (ag_fail(AG_ERROR_ARGUMENT, "images: the CRC-32 of %zu, expected as many images", count), 0);
  uLong sum = crc32_z(0, images->labels, count);
  return (uint32_t)crc32_z(sum, images->pixels, count * images->height * images->width);
}

void gan_images_free(gan_images *images) {
  if (!images) return;
  ag_free(images->pixels);
  ag_free(images->labels);
  *images = (gan_images){0};
}
