#include "gan/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "gan/c_locale.h"
#include "gan/text.h"

const char gan_metrics_header[] = "step,epoch,g_loss,d_loss,d_real,d_fake,accuracy,spread,g_gradient\n";

void gan_metrics_write(FILE *stream, int64_t step, int64_t epoch, const gan_figures *figures) {
  locale_t before = gan_c_locale_enter();
  fprintf(stream, "%" PRId64 ",%" PRId64 ",%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", step, epoch, figures->g_loss,
          figures->d_loss, figures->d_real, figures->d_fake, figures->accuracy, figures->spread, figures->g_gradient);
  gan_c_locale_leave(before);
}

static bool has_columns(const gan_csv *metrics) {
  const char *expected = gan_metrics_header;
  for (size_t i = 0; i <= METRIC_ACCURACY; i++) {
    const char *name = i < metrics->columns ? metrics->names[i] : "missing";
    size_t length = strcspn(expected, ",");
    if (strlen(name) != length || strncmp(name, expected, length) != 0)
      return ag_fail(AG_ERROR_FILE, "%s: line 1: column %zu is %s, expected %.*s", metrics->path, i + 1, name,
                     (int)length, expected);
    expected += length + 1;
  }
  return true;
}

static bool steps_increase(const gan_csv *metrics) {
  double before = 0;
  for (size_t row = 0; row < metrics->rows; row++) {
    double step = gan_csv_value(metrics, row, METRIC_STEP);
    if (!(step > before))
      return ag_fail(AG_ERROR_FILE, "%s: line %zu: step is %g, expected more than %g", metrics->path, row + 2, step,
                     before);
    before = step;
  }
  return true;
}

bool gan_metrics_read(gan_csv *metrics, const char *folder) {
  char *path = gan_text("%s/metrics.csv", folder);
  bool read = path && gan_csv_read(metrics, path);
  ag_free(path);
  if (!read) return false;
  if (has_columns(metrics) && steps_increase(metrics)) return true;
  gan_csv_free(metrics);
  return false;
}

static double value_at(const gan_csv *metrics, size_t row, size_t column) {
  return column < metrics->columns ? gan_csv_value(metrics, row, column) : NAN;
}

gan_figures gan_metrics_figures(const gan_csv *metrics, size_t row) {
  return (gan_figures){
      .g_loss = value_at(metrics, row, METRIC_G_LOSS),
      .d_loss = value_at(metrics, row, METRIC_D_LOSS),
      .d_real = value_at(metrics, row, METRIC_D_REAL),
      .d_fake = value_at(metrics, row, METRIC_D_FAKE),
      .accuracy = value_at(metrics, row, METRIC_ACCURACY),
      .spread = value_at(metrics, row, METRIC_SPREAD),
      .g_gradient = value_at(metrics, row, METRIC_G_GRADIENT),
  };
}
