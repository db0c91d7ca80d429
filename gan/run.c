#include "gan/run.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gan/file.h"
#include "gan/report.h"

#define CHECKPOINT "%s/checkpoint.safetensors"
#define FILM "%s/training.gif"
#define METRICS "metrics.csv"
#define EVALUATION "evaluation.csv"
#define REPORT "%s/report.html"
#define SAMPLES "%s/samples"
#define KEPT "%s/kept"

static const double SECONDS_A_FRAME = 0.25;

static bool exists(char *path) {
  bool there = path && access(path, F_OK) == 0;
  ag_free(path);
  return there;
}

bool gan_run_exists(const char *folder) {
  if (!folder) return ag_fail_null("gan_run_exists", "folder");
  return exists(gan_text("%s/" METRICS, folder)) || exists(gan_text(CHECKPOINT, folder)) ||
         exists(gan_text(FILM, folder));
}

/* Like mkdir -p. */
static bool make_folders(char *path) {
  for (char *end = path; path && end;) {
    end = strchr(end + 1, '/');
    if (end) *end = '\0';
    bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
    int reason = errno;
    if (end) *end = '/';
    if (!made) return ag_fail(AG_ERROR_FILE, "%s: cannot be made: %s", path, strerror(reason));
  }
  return path != NULL;
}

static bool remove_file(char *path) {
  bool removed = path && (remove(path) == 0 || errno == ENOENT);
  if (path && !removed)
    ag_fail(AG_ERROR_FILE, "%s: an earlier run's file cannot be removed: %s", path, strerror(errno));
  ag_free(path);
  return removed;
}

/* "epoch-0001.png" or "epoch-0001.safetensors": what a run writes, not a user's notes beside it. */
static bool is_of_an_epoch(const char *name) {
  if (strncmp(name, "epoch-", 6) != 0) return false;
  const char *ending = name + 6 + strspn(name + 6, "0123456789");
  return ending > name + 6 && (strcmp(ending, ".png") == 0 || strcmp(ending, ".safetensors") == 0);
}

static bool remove_epochs(const char *folder) {
  DIR *files = opendir(folder);
  if (!files) return errno == ENOENT || ag_fail(AG_ERROR_FILE, "%s: cannot be read: %s", folder, strerror(errno));
  bool removed = true;
  for (struct dirent *entry; removed && (entry = readdir(files));)
    if (is_of_an_epoch(entry->d_name)) removed = remove_file(gan_text("%s/%s", folder, entry->d_name));
  closedir(files);
  return removed;
}

/* Whether a line of one of the folder's tables has reached its file. */
static bool line_written(const gan_run *run, const char *name, FILE *table) {
  if (table && fflush(table) == 0 && !ferror(table)) return true;
  return ag_fail(AG_ERROR_FILE, "%s/%s: cannot be written: %s", run->folder, name, strerror(errno));
}

static FILE *open_table(const gan_run *run, const char *name) {
  char *path = gan_text("%s/%s", run->folder, name);
  FILE *table = path ? fopen(path, "w") : NULL;
  ag_free(path);
  return table;
}

static bool start_metrics(gan_run *run) {
  run->metrics = open_table(run, METRICS);
  if (run->metrics) fputs("step,epoch,g_loss,d_loss,d_real,d_fake,accuracy,spread\n", run->metrics);
  return line_written(run, METRICS, run->metrics);
}
bool gan_run_start(gan_run *run, const char *folder) {
  if (!run || !folder) return ag_fail_null("gan_run_start", "run or folder");
  if (!*folder) return ag_fail(AG_ERROR_ARGUMENT, "the run's folder has an empty name, expected a path");
  *run = (gan_run){.folder = gan_text("%s", folder)};
  char *samples = gan_text(SAMPLES, folder), *kept = gan_text(KEPT, folder);
  bool started = run->folder && make_folders(samples) && remove_epochs(samples) && kept && remove_epochs(kept) &&
                 remove_file(gan_text(FILM, folder)) && remove_file(gan_text(CHECKPOINT, folder)) &&
                 remove_file(gan_text(REPORT, folder)) && remove_file(gan_text("%s/" EVALUATION, folder)) &&
                 start_metrics(run);
  ag_free(kept);
  ag_free(samples);
  if (!started) gan_run_close(run);
  return started;
}

void gan_run_close(gan_run *run) {
  if (!run) return;
  for (size_t i = 0; i < run->count; i++) gan_picture_free(&run->frames[i]);
  ag_free(run->frames);
  ag_free(run->folder);
  if (run->metrics) fclose(run->metrics); /* every line was flushed */
  if (run->evaluation) fclose(run->evaluation);
  *run = (gan_run){0};
}

bool gan_run_log(gan_run *run, const gan_position *at, const gan_figures *figures) {
  if (!run || !run->metrics || !at || !figures) return ag_fail_null("gan_run_log", "run, position or figures");
  fprintf(run->metrics, "%" PRId64 ",%" PRId64 ",%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", at->step, at->epoch, figures->g_loss,
          figures->d_loss, figures->d_real, figures->d_fake, figures->accuracy, figures->spread);
  return line_written(run, METRICS, run->metrics);
}

bool gan_run_log_evaluation(gan_run *run, const gan_position *at, const gan_row *row) {
  if (!run || !run->folder || !at || !row) return ag_fail_null("gan_run_log_evaluation", "run, position or row");
  if (!run->evaluation) {
    run->evaluation = open_table(run, EVALUATION);
    if (!run->evaluation) return line_written(run, EVALUATION, NULL);
    fputs("epoch,", run->evaluation);
    gan_row_write_names(run->evaluation, row);
    fputc('\n', run->evaluation);
  }
  fprintf(run->evaluation, "%" PRId64 ",", at->epoch);
  gan_row_write(run->evaluation, row);
  fputc('\n', run->evaluation);
  return line_written(run, EVALUATION, run->evaluation);
}

static bool save_pictures(gan_run *run, int64_t epoch, gan_picture picture) {
  gan_picture *frames = ag_reallocate(run->frames, run->count + 1, sizeof *frames);
  if (!frames) return gan_picture_free(&picture), false;
  run->frames = frames;
  frames[run->count++] = picture;
  char *path = gan_text(SAMPLES "/epoch-%04" PRId64 ".png", run->folder, epoch);
  char *film = gan_text(FILM, run->folder);
  bool saved =
      path && film && gan_png_write(path, &picture) && gan_gif_write(film, run->count, frames, SECONDS_A_FRAME);
  ag_free(film);
  ag_free(path);
  return saved;
}

/* A copy of its own for each so many epochs, where the model asks for it. */
static bool keep_checkpoint(const gan_run *run, const gan_position *at, const gan_pair *pair) {
  int64_t every = at->model->keep_every;
  if (every == 0 || at->epoch % every != 0) return true;
  char *folder = gan_text(KEPT, run->folder);
  char *path = gan_text(KEPT "/epoch-%04" PRId64 ".safetensors", run->folder, at->epoch);
  bool kept = path && make_folders(folder) && gan_checkpoint_save(path, at, pair);
  ag_free(path);
  ag_free(folder);
  return kept;
}

bool gan_run_save(gan_run *run, const gan_position *at, const gan_pair *pair, gan_picture picture) {
  if (!run || !run->folder || !at || !pair) return ag_fail_null("gan_run_save", "run, position or pair");
  char *path = gan_text(CHECKPOINT, run->folder);
  bool saved = path && gan_checkpoint_save(path, at, pair) && keep_checkpoint(run, at, pair);
  ag_free(path);
  if (saved) return save_pictures(run, at->epoch, picture) && gan_report_write(run->folder);
  gan_picture_free(&picture);
  return false;
}

bool gan_run_load(const char *folder, gan_pair *pair, gan_model *model) {
  if (!folder || !pair || !model) return ag_fail_null("gan_run_load", "folder, pair or model");
  char *path = gan_text(CHECKPOINT, folder);
  bool loaded = path && gan_checkpoint_load(path, pair, model);
  ag_free(path);
  return loaded;
}
