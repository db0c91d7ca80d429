#include "gan/run.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gan/epoch.h"
#include "gan/metrics.h"
#include "gan/report.h"
#include "gan/text.h"
#include "nn/file.h"

#define CHECKPOINT "%s/checkpoint.safetensors"
#define PREVIOUS "%s/checkpoint.previous.safetensors"
#define COMING "%s/checkpoint.coming.safetensors"
#define BROKEN "%s/checkpoint.broken.safetensors"
#define FILM "%s/training.gif"
#define METRICS "metrics.csv"
#define EVALUATION "evaluation.csv"
#define REPORT "%s/report.html"

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

/* Two runs would remove each other's files. Not every file system has locks: nothing is lost where one refuses. */
static bool lock_folder(gan_run *run) {
  run->lock = opendir(run->folder);
  if (!run->lock) return ag_fail(AG_ERROR_FILE, "%s: cannot be opened: %s", run->folder, strerror(errno));
  if (flock(dirfd(run->lock), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return true;
  return ag_fail(AG_ERROR_FILE, "%s: another training is writing there", run->folder);
}

static bool remove_file(char *path) {
  bool removed = path && (remove(path) == 0 || errno == ENOENT);
  if (path && !removed)
    ag_fail(AG_ERROR_FILE, "%s: an earlier run's file cannot be removed: %s", path, strerror(errno));
  ag_free(path);
  return removed;
}

/* What a run wrote of epochs after this one, not a user's notes beside it. */
static bool remove_epochs_after(int64_t last, const gan_run *run, const gan_epoch_files *files) {
  size_t count = 0;
  int64_t *epochs = NULL;
  bool removed = gan_epochs_of(run->folder, files, &count, &epochs);
  for (size_t i = 0; removed && i < count; i++)
    if (epochs[i] > last) removed = remove_file(gan_epoch_path(run->folder, files, epochs[i]));
  ag_free(epochs);
  return removed;
}

/* Whether a line of one of the folder's tables has reached its file. */
static bool line_written(const gan_run *run, const char *name, FILE *table) {
  if (table && fflush(table) == 0 && !ferror(table)) return true;
  return ag_fail(AG_ERROR_FILE, "%s/%s: cannot be written: %s", run->folder, name, strerror(errno));
}

static FILE *open_table(const gan_run *run, const char *name, const char *mode) {
  char *path = gan_text("%s/%s", run->folder, name);
  FILE *table = path ? fopen(path, mode) : NULL;
  ag_free(path);
  return table;
}

static bool start_metrics(gan_run *run) {
  run->metrics = open_table(run, METRICS, "w");
  if (run->metrics) fputs(gan_metrics_header, run->metrics);
  return line_written(run, METRICS, run->metrics);
}

static bool remove_after(int64_t last, const gan_run *run) {
  return remove_epochs_after(last, run, &gan_epoch_samples) && remove_epochs_after(last, run, &gan_epoch_kept);
}

bool gan_run_start(gan_run *run, const char *folder) {
  if (!run || !folder) return ag_fail_null("gan_run_start", "run or folder");
  if (!*folder) return ag_fail(AG_ERROR_ARGUMENT, "the run's folder has an empty name, expected a path");
  *run = (gan_run){.folder = gan_text("%s", folder)};
  char *samples = gan_epoch_folder(folder, &gan_epoch_samples);
  bool started = run->folder && make_folders(samples) && lock_folder(run) && remove_after(-1, run) &&
                 remove_file(gan_text(FILM, folder)) && remove_file(gan_text(CHECKPOINT, folder)) &&
                 remove_file(gan_text(PREVIOUS, folder)) && remove_file(gan_text(BROKEN, folder)) &&
                 remove_file(gan_text(REPORT, folder)) && remove_file(gan_text("%s/" EVALUATION, folder)) &&
                 start_metrics(run);
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
  if (run->lock) closedir(run->lock);
  *run = (gan_run){0};
}

bool gan_run_log(gan_run *run, const gan_position *at, const gan_figures *figures) {
  if (!run || !run->metrics || !at || !figures) return ag_fail_null("gan_run_log", "run, position or figures");
  gan_metrics_write(run->metrics, at->step, at->epoch, figures);
  return line_written(run, METRICS, run->metrics);
}

bool gan_run_log_evaluation(gan_run *run, const gan_position *at, const gan_row *row) {
  if (!run || !run->folder || !at || !row) return ag_fail_null("gan_run_log_evaluation", "run, position or row");
  if (!run->evaluation) {
    run->evaluation = open_table(run, EVALUATION, "w");
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

/* One frame an epoch: a later picture of the same epoch takes the place of the earlier one. A film begins anew with a
 * picture of another size. */
static bool add_frame(gan_run *run, int64_t epoch, gan_picture picture) {
  if (run->count && run->shown == epoch) gan_picture_free(&run->frames[--run->count]);
  run->shown = -1;
  while (run->count && (run->frames->width != picture.width || run->frames->height != picture.height))
    gan_picture_free(&run->frames[--run->count]);
  gan_picture *frames = ag_reallocate(run->frames, run->count + 1, sizeof *frames);
  if (!frames) return gan_picture_free(&picture), false;
  run->frames = frames;
  frames[run->count++] = picture;
  run->shown = epoch;
  return true;
}

static bool save_pictures(gan_run *run, int64_t epoch, gan_picture picture) {
  if (!add_frame(run, epoch, picture)) return false;
  char *path = gan_epoch_path(run->folder, &gan_epoch_samples, epoch), *film = gan_text(FILM, run->folder);
  bool saved =
      path && film && gan_png_write(path, &picture) && gan_gif_write(film, run->count, run->frames, SECONDS_A_FRAME);
  ag_free(film);
  ag_free(path);
  return saved;
}

/* A copy of its own at the end of each so many epochs, where the model asks for it. */
static bool keep_checkpoint(const gan_run *run, const gan_position *at, const gan_pair *pair) {
  int64_t every = at->model->keep_every;
  if (every == 0 || at->epoch % every != 0 || at->step != at->epoch * at->steps_an_epoch) return true;
  char *folder = gan_epoch_folder(run->folder, &gan_epoch_kept);
  char *path = gan_epoch_path(run->folder, &gan_epoch_kept, at->epoch);
  bool kept = folder && path && make_folders(folder) && gan_checkpoint_save(path, at, pair);
  ag_free(path);
  ag_free(folder);
  return kept;
}

/* Room for a new checkpoint: one that is broken goes aside and leaves the one before in its place. Where the file
 * system has links there is one under that name at any moment. */
static bool keep_last(const gan_run *run, const char *current, const char *previous, const char *aside) {
  if (access(current, F_OK) != 0) return true;
  if (run->broken) return rename(current, aside) == 0;
  if (remove(previous) != 0 && errno != ENOENT) return false;
  return link(current, previous) == 0 || rename(current, previous) == 0;
}

/* The new checkpoint gets its name, once it is whole. */
static bool promote(const gan_run *run, const char *coming, const char *current, const char *previous) {
  char *aside = gan_text(BROKEN, run->folder);
  if (!aside) return false;
  bool kept = keep_last(run, current, previous, aside);
  if (!kept) ag_fail(AG_ERROR_FILE, "%s: cannot be kept: %s", current, strerror(errno));
  ag_free(aside);
  return kept && nn_file_rename(coming, current);
}

/* The checkpoint counts on the lines of the tables. */
static bool sync_table(const gan_run *run, const char *name, FILE *table) {
  return !table || fsync(fileno(table)) == 0 || errno == EINVAL || line_written(run, name, NULL);
}

bool gan_run_checkpoint(gan_run *run, const gan_position *at, const gan_pair *pair) {
  if (!run || !run->metrics || !at || !pair) return ag_fail_null("gan_run_checkpoint", "run, position or pair");
  char *coming = gan_text(COMING, run->folder), *current = gan_text(CHECKPOINT, run->folder),
       *previous = gan_text(PREVIOUS, run->folder);
  bool saved = coming && current && previous && sync_table(run, METRICS, run->metrics) &&
               sync_table(run, EVALUATION, run->evaluation) && gan_checkpoint_save(coming, at, pair) &&
               promote(run, coming, current, previous);
  if (saved) run->broken = false;
  ag_free(previous);
  ag_free(current);
  ag_free(coming);
  return saved;
}

bool gan_run_show(gan_run *run, const gan_position *at, const gan_pair *pair, gan_picture picture) {
  bool given = run && run->folder && at && at->model && pair;
  if (given && keep_checkpoint(run, at, pair))
    return save_pictures(run, at->epoch, picture) && gan_report_write(run->folder);
  gan_picture_free(&picture);
  return given ? false : ag_fail_null("gan_run_show", "run, position or pair");
}

/* ---- Going on ---- */

/* Whether a line of a table still stands: it is whole, and its first number is at most `last`. */
static bool stands(const char *line, int64_t last) {
  char *end;
  long long number = strtoll(line, &end, 10);
  return end != line && *end == ',' && number >= 1 && number <= last && strchr(line, '\n');
}

/* What follows where open_table gave none: a table that is not there is no error. */
static bool is_only_missing(const gan_run *run, const char *name) {
  return !ag_failed() && (errno == ENOENT || line_written(run, name, NULL));
}

/* Opens a table, if there is one, and cuts it behind the last of its numbered lines that stand. *table stays NULL where
 * not even its first line is whole. */
static bool cut_table(const gan_run *run, const char *name, int64_t last, FILE **table) {
  FILE *file = open_table(run, name, "r+");
  if (!file) return is_only_missing(run, name);
  char line[1024];
  bool headed = fgets(line, sizeof line, file) && strchr(line, '\n');
  long end = ftell(file);
  while (fgets(line, sizeof line, file) && stands(line, last)) end = ftell(file);
  bool fine = !ferror(file) && end >= 0;
  if (fine && headed && fseek(file, end, SEEK_SET) == 0 && ftruncate(fileno(file), end) == 0) *table = file;
  else fclose(file);
  return *table || (fine && !headed) || line_written(run, name, NULL);
}

/* Lines of other columns than those of the lines before would make the table unreadable. */
static bool has_our_columns(const gan_run *run) {
  char line[1024];
  FILE *file = open_table(run, METRICS, "r");
  if (!file) return is_only_missing(run, METRICS);
  bool ours = !fgets(line, sizeof line, file) || !strchr(line, '\n') || strcmp(line, gan_metrics_header) == 0;
  fclose(file);
  return ours || ag_fail(AG_ERROR_FILE, "%s/" METRICS ": line 1: expected %.*s; another version began this run",
                         run->folder, (int)strcspn(gan_metrics_header, "\n"), gan_metrics_header);
}

static bool cut_tables(gan_run *run, const gan_position *at) {
  return cut_table(run, METRICS, at->step, &run->metrics) && (run->metrics || start_metrics(run)) &&
         cut_table(run, EVALUATION, at->epoch - at->evaluate, &run->evaluation); /* the last one is judged once more */
}

static bool read_frame(gan_run *run, int64_t epoch) {
  gan_picture picture;
  char *path = gan_epoch_path(run->folder, &gan_epoch_samples, epoch);
  bool read = path && gan_png_read(path, &picture);
  ag_free(path);
  return read && add_frame(run, epoch, picture);
}

/* The film so far, from the pictures of epochs that have ended; it goes on without those that cannot be read. */
static bool read_frames(gan_run *run, int64_t epochs) {
  size_t count = 0;
  int64_t *shown = NULL;
  bool fine = gan_epochs_of(run->folder, &gan_epoch_samples, &count, &shown);
  for (size_t i = 0; fine && i < count && shown[i] <= epochs; i++) {
    fine = read_frame(run, shown[i]) || ag_error_kind() == AG_ERROR_FILE;
    if (fine) ag_error_clear();
  }
  ag_free(shown);
  return fine;
}

/* Who uses a checkpoint, and what for. */
typedef struct {
  gan_model *model;
  gan_position *at;
  gan_pair *pair;
  ag_precision *precision;
  gan_note_function *note;
  void *context;
  bool broken; /* the newest one was, or missing */
} checkpoint_user;
typedef bool checkpoint_use(const char *path, const checkpoint_user *user);

static bool resume_from(const char *path, const checkpoint_user *user) {
  if (!gan_checkpoint_resume(path, user->at, user->pair)) return false;
  char *differs = gan_checkpoint_differs(path, user->at);
  if (differs && user->note) user->note(differs, user->context);
  ag_free(differs);
  return !ag_failed();
}

static bool read_from(const char *path, const checkpoint_user *user) {
  return gan_checkpoint_read(path, user->model, user->at, user->precision);
}

static bool load_from(const char *path, const checkpoint_user *user) {
  return gan_checkpoint_load(path, user->pair, user->model);
}

/* The checkpoint before one that cannot be used; the pending error tells why. */
static bool use_previous(const char *previous, checkpoint_use *use, checkpoint_user *user) {
  char *reason = gan_text("%s", ag_error_message());
  char *sentence = gan_text("%s; taking %s, the one before", ag_error_message(), previous);
  bool used = false;
  if (reason && sentence) {
    ag_error_clear();
    user->broken = true;
    used = use(previous, user);
    if (used && user->note) user->note(sentence, user->context);
    if (!used && ag_error_kind() == AG_ERROR_FILE) { /* neither can: the last one is what was asked for */
      ag_error_clear();
      ag_fail(AG_ERROR_FILE, "%s", reason);
    }
  }
  ag_free(sentence);
  ag_free(reason);
  return used;
}

/* The folder's checkpoint, or the one before where that one is broken, which `note` is told. */
static bool use_checkpoint(const char *folder, checkpoint_use *use, checkpoint_user *user) {
  char *current = gan_text(CHECKPOINT, folder), *previous = gan_text(PREVIOUS, folder);
  bool used = current && previous && use(current, user);
  if (!used && previous && ag_error_kind() == AG_ERROR_FILE && access(previous, F_OK) == 0)
    used = use_previous(previous, use, user);
  ag_free(previous);
  ag_free(current);
  return used;
}

bool gan_run_resume(gan_run *run, const char *folder, gan_position *at, gan_pair *pair, gan_note_function *note,
                    void *context) {
  if (!run || !folder || !at || !pair) return ag_fail_null("gan_run_resume", "run, folder, position or pair");
  *run = (gan_run){.folder = gan_text("%s", folder)};
  checkpoint_user user = {.at = at, .pair = pair, .note = note, .context = context};
  bool found = run->folder && lock_folder(run) && use_checkpoint(folder, resume_from, &user);
  run->broken = user.broken;
  bool resumed = found && has_our_columns(run) && remove_after(at->epoch, run) && cut_tables(run, at) &&
                 read_frames(run, at->epoch - 1) &&
                 (!run->broken || gan_run_checkpoint(run, at, pair)); /* for what reads it, as the report */
  if (!resumed) gan_run_close(run);
  return resumed;
}

bool gan_run_read(const char *folder, gan_model *model, gan_position *at, ag_precision *precision) {
  if (!folder || !model || !at || !precision)
    return ag_fail_null("gan_run_read", "folder, model, position or precision");
  return use_checkpoint(folder, read_from, &(checkpoint_user){.model = model, .at = at, .precision = precision});
}

bool gan_run_load(const char *folder, gan_pair *pair, gan_model *model, gan_note_function *note, void *context) {
  if (!folder || !pair || !model) return ag_fail_null("gan_run_load", "folder, pair or model");
  checkpoint_user user = {.pair = pair, .model = model, .note = note, .context = context};
  return use_checkpoint(folder, load_from, &user);
}
