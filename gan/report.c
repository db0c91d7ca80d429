#include "gan/report.h"

#include <unistd.h>

#include "gan/epoch.h"
#include "gan/report_private.h"
#include "gan/text.h"
#include "nn/file.h"
#include "nn/nn.h"

enum { MOST_PICTURES = 23 }; /* with the film, full rows of 2, 3, 4 or 6 */

static bool read_metrics(gan_report *report) {
  gan_csv *metrics = &report->metrics;
  if (!gan_metrics_read(metrics, report->folder)) return false;
  return metrics->rows || ag_fail(AG_ERROR_FILE, "%s: line 2: is missing, expected a training step", metrics->path);
}

static bool read_evaluation(gan_report *report) {
  char *path = gan_text("%s/evaluation.csv", report->folder);
  bool read = path && (access(path, F_OK) != 0 || gan_csv_read(&report->evaluation, path));
  ag_free(path);
  return read;
}

/* Keeps MOST_PICTURES, the first and the last among them, as evenly as it goes. */
static void thin_pictures(gan_report *report) {
  if (report->picture_count <= MOST_PICTURES) return;
  for (size_t i = 0; i < MOST_PICTURES; i++)
    report->pictures[i] = report->pictures[i * (report->picture_count - 1) / (MOST_PICTURES - 1)];
  report->picture_count = MOST_PICTURES;
}

static bool read_pictures(gan_report *report) {
  bool read = gan_epochs_of(report->folder, &gan_epoch_samples, &report->picture_count, &report->pictures);
  thin_pictures(report);
  return read;
}

static bool read_checkpoint(gan_report *report) {
  report->checkpoint = gan_text("%s/checkpoint.safetensors", report->folder);
  report->model = report->checkpoint ? nn_read_metadata(report->checkpoint, "model") : NULL;
  if (report->checkpoint && !report->model)
    ag_fail(AG_ERROR_FILE, "%s: its metadata names no model", report->checkpoint);
  return report->model != NULL;
}

static bool write_page(const gan_report *report) {
  char *path = gan_text("%s/report.html", report->folder);
  nn_file file;
  bool written = path && nn_file_create(&file, path) && nn_file_close(&file, gan_report_page(file.stream, report));
  ag_free(path);
  return written;
}

bool gan_report_write(const char *folder) {
  if (!folder) return ag_fail_null("gan_report_write", "folder");
  gan_report report = {.folder = folder};
  bool written = read_metrics(&report) && read_checkpoint(&report) && read_evaluation(&report) &&
                 read_pictures(&report) && write_page(&report);
  gan_csv_free(&report.metrics);
  gan_csv_free(&report.evaluation);
  ag_free(report.checkpoint);
  ag_free(report.model);
  ag_free(report.pictures);
  return written;
}
