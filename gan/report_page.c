#include <math.h>
#include <unistd.h>

#include "autograd/autograd.h"
#include "gan/c_locale.h"
#include "gan/chart.h"
#include "gan/data_uri.h"
#include "gan/epoch.h"
#include "gan/losses.h"
#include "gan/report_private.h"
#include "gan/text.h"
#include "nn/nn.h"

static const char style[] =
    ":root{color-scheme:light dark;--page:#f7f7f5;--card:#fff;--ink:#16181d;--soft:#5d636e;--line:#e3e4e2;"
    "--blue:#2a78d6;--orange:#d9571e;--green:#128a60}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#131417;--card:#1c1e22;--ink:#eceef1;--soft:#9ba2ad;--line:#32353b;"
    "--blue:#5a9bea;--orange:#f0824c;--green:#34b98a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe "
    "UI',Roboto,'Helvetica Neue',sans-serif;-webkit-text-size-adjust:100%}\n"
    "main{max-width:70rem;margin:0 auto;padding:clamp(1rem,4vw,3rem) clamp(.75rem,3vw,2rem)}\n"
    "h1{font-size:clamp(1.8rem,5vw,2.6rem);line-height:1.15;letter-spacing:-.02em;margin:0;overflow-wrap:anywhere}\n"
    "h2{font-size:1.15rem;letter-spacing:-.01em;margin:2.5rem 0 .75rem}\n"
    "p{margin:.35rem 0 0}p,small,dt,th,figcaption{color:var(--soft)}\n"
    "figure{margin:0}img{display:block;width:100%;height:auto;border-radius:8px}\n"
    "small{display:block;font-size:.8rem;margin-top:.25rem}\n"
    ".card,.charts figure{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1rem}\n"
    ".top{display:grid;gap:1rem;margin-top:1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr))}\n"
    ".tiles{display:grid;gap:.75rem;margin:0;grid-template-columns:repeat(2,1fr)}.tiles "
    "div{display:flex;flex-direction:column;justify-content:center}\n"
    ".tiles b{display:block;font-size:1.7rem;font-weight:600;line-height:1.2;letter-spacing:-.02em}\n"
    ".tiles span{color:var(--soft);font-size:.9rem}\n"
    ".charts{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}\n"
    ".charts figcaption{display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.9rem;margin-bottom:.5rem}\n"
    ".charts b{color:var(--ink);font-weight:600;margin-right:auto}\n"
    "i{display:inline-block;width:1rem;height:3px;border-radius:2px;vertical-align:middle;margin-right:.4rem;"
    "background:currentColor}\n"
    "svg{display:block;width:100%;height:auto;overflow:hidden}\n"
    "text{font-size:13px;fill:var(--soft);font-variant-numeric:tabular-nums}text.x{text-anchor:middle}"
    "text.y{text-anchor:end}\n"
    ".grid{stroke:var(--line)}.axis{stroke:var(--soft);fill:none}\n"
    ".curve{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
    ".curve-1{color:var(--blue)}.curve-2{color:var(--orange)}.curve-3{color:var(--green)}\n"
    ".pictures{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(44%,9.5rem),1fr))}\n"
    ".pictures figcaption{font-size:.85rem;margin-top:.25rem}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.35rem .75rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}"
    "th{font-weight:500}tr:last-child td{border:0}\n"
    "dl{display:grid;gap:.75rem 1.5rem;margin:0;grid-template-columns:repeat(auto-fill,minmax(min(44%,9.5rem),1fr))}\n"
    "@media(max-width:34rem){text{font-size:17px}.charts b{flex:1 0 100%}.card,.charts figure{padding:.75rem}}\n"
    "dt{font-size:.85rem}dd{margin:0;overflow-wrap:anywhere}\n";

/* A picture with what it shows. Frees its path, which may be NULL after an error. */
static bool put_picture(FILE *stream, char *path, const char *alt) {
  if (!path) return false;
  fprintf(stream, "<img alt=\"%s\" src=\"", alt);
  bool put = gan_data_uri_write(stream, path);
  fputs("\">", stream);
  ag_free(path);
  return put;
}

static bool put_samples(FILE *stream, const gan_report *report, size_t index) {
  char alt[48];
  snprintf(alt, sizeof alt, "samples after epoch %lld", (long long)report->pictures[index]);
  return put_picture(stream, gan_epoch_path(report->folder, &gan_epoch_samples, report->pictures[index]), alt);
}

/* Over the rows of the last epoch. */
static double last_mean(const gan_csv *metrics, size_t column) {
  double epoch = gan_csv_value(metrics, metrics->rows - 1, METRIC_EPOCH), sum = 0, count = 0;
  for (size_t row = metrics->rows; row-- > 0 && gan_csv_value(metrics, row, METRIC_EPOCH) == epoch;) {
    double value = gan_csv_value(metrics, row, column);
    if (!isnan(value)) sum += value, count++;
  }
  return count > 0 ? sum / count : NAN;
}

static void put_number(FILE *stream, const char *format, double value) {
  if (isnan(value)) fputs("&ndash;", stream);
  else fprintf(stream, format, value);
}

static void put_tile(FILE *stream, const char *format, double value, const char *name) {
  fputs("<div class=\"card\"><b>", stream);
  put_number(stream, format, value);
  fprintf(stream, "</b><span>%s</span></div>\n", name);
}

static void put_tiles(FILE *stream, const gan_csv *metrics) {
  fputs("<div class=\"tiles\">\n", stream);
  put_tile(stream, "%.3f", last_mean(metrics, METRIC_G_LOSS), "generator&rsquo;s loss");
  put_tile(stream, "%.3f", last_mean(metrics, METRIC_D_LOSS), "discriminator&rsquo;s loss");
  put_tile(stream, "%.3f", last_mean(metrics, METRIC_D_REAL), "D(x), on real samples");
  put_tile(stream, "%.3f", last_mean(metrics, METRIC_D_FAKE), "D(G(z)), on generated ones");
  put_tile(stream, "%.1f%%", 100 * last_mean(metrics, METRIC_ACCURACY), "discriminator&rsquo;s accuracy");
  put_tile(stream, "%.0f", gan_csv_value(metrics, metrics->rows - 1, METRIC_STEP), "steps");
  fputs("</div>\n", stream);
}

static bool put_top(FILE *stream, const gan_report *report) {
  const gan_csv *metrics = &report->metrics;
  fputs("<h1>", stream);
  gan_html_text(stream, report->model);
  fputs("</h1>\n<p>A training run; the figures are the means of epoch ", stream);
  put_number(stream, "%.0f", gan_csv_value(metrics, metrics->rows - 1, METRIC_EPOCH));
  fputs(", its last.</p>\n<div class=\"top\">\n", stream);
  if (report->picture_count) {
    fputs("<figure class=\"card\">", stream);
    if (!put_samples(stream, report, report->picture_count - 1)) return false;
    fputs("</figure>\n", stream);
  }
  put_tiles(stream, metrics);
  fputs("</div>\n", stream);
  return true;
}

static bool put_chart(FILE *stream, const gan_csv *metrics, const char *title, size_t count, const gan_curve *curves,
                      bool share) {
  gan_chart chart = {.title = title,
                     .count = metrics->rows,
                     .columns = metrics->columns,
                     .values = metrics->values,
                     .curve_count = count,
                     .curves = curves,
                     .share = share};
  return gan_chart_write(stream, &chart);
}

/* What D(x) and D(G(z)) are. A model's own loss is known by its values alone: those of a critic have any size. */
static gan_output kind_of_output(const gan_report *report) {
  char *name = nn_read_metadata(report->checkpoint, "loss");
  const gan_loss *loss = gan_loss_find(name);
  ag_free(name);
  if (loss) return loss->output;
  for (size_t row = 0; row < report->metrics.rows; row++)
    for (size_t column = METRIC_D_REAL; column <= METRIC_D_FAKE; column++) {
      double value = gan_csv_value(&report->metrics, row, column);
      if (value < 0 || value > 1) return GAN_SCORE;
    }
  return GAN_LOGIT;
}

static bool put_charts(FILE *stream, const gan_report *report) {
  const gan_csv *metrics = &report->metrics;
  static const gan_curve losses[] = {{"generator", METRIC_G_LOSS, 1}, {"discriminator", METRIC_D_LOSS, 2}};
  static const gan_curve outputs[] = {
      {"D(x)", METRIC_D_REAL, 3}, {"D(G(z))", METRIC_D_FAKE, 1}, {"accuracy", METRIC_ACCURACY, 2}};
  fputs("<h2>Training</h2>\n<div class=\"charts\">\n", stream);
  bool put = put_chart(stream, metrics, "Losses", 2, losses, false);
  const gan_output kind = kind_of_output(report);
  const char *title = kind == GAN_SCORE ? "Critic\u2019s scores" : "Discriminator\u2019s values, driven to 1 and 0";
  if (kind == GAN_LOGIT) put = put && put_chart(stream, metrics, "Discriminator", 3, outputs, true);
  else
    put = put && put_chart(stream, metrics, title, 2, outputs, false) &&
          put_chart(stream, metrics, "Accuracy", 1, &outputs[2], true);
  for (size_t column = METRIC_ACCURACY + 1; put && column < metrics->columns; column++)
    put = put_chart(stream, metrics, metrics->names[column], 1, &(gan_curve){"", column, 1}, false);
  fputs("</div>\n", stream);
  return put;
}

static bool put_film(FILE *stream, const gan_report *report) {
  char *path = gan_text("%s/training.gif", report->folder);
  if (!path) return false;
  if (access(path, F_OK) != 0) return ag_free(path), true;
  fputs("<figure>", stream);
  bool put = put_picture(stream, path, "the samples of all epochs as a film");
  fputs("<figcaption>all epochs</figcaption></figure>\n", stream);
  return put;
}

static bool put_pictures(FILE *stream, const gan_report *report) {
  if (!report->picture_count) return true;
  fputs("<h2>Samples by epoch</h2>\n<div class=\"pictures\">\n", stream);
  if (!put_film(stream, report)) return false;
  for (size_t i = 0; i < report->picture_count; i++) {
    fputs("<figure>", stream);
    if (!put_samples(stream, report, i)) return false;
    fprintf(stream, "<figcaption>epoch %lld</figcaption></figure>\n", (long long)report->pictures[i]);
  }
  fputs("</div>\n", stream);
  return true;
}

static void put_evaluation(FILE *stream, const gan_csv *table) {
  if (!table->path) return;
  fputs("<h2>Evaluation</h2>\n<div class=\"card wide\"><table>\n<tr>", stream);
  for (size_t column = 0; column < table->columns; column++) {
    fputs("<th>", stream);
    gan_html_text(stream, table->names[column]);
    fputs("</th>", stream);
  }
  for (size_t row = 0; row < table->rows; row++) {
    fputs("</tr>\n<tr>", stream);
    for (size_t column = 0; column < table->columns; column++) {
      fputs("<td>", stream);
      put_number(stream, "%.4g", gan_csv_value(table, row, column));
      fputs("</td>", stream);
    }
  }
  fputs("</tr>\n</table></div>\n", stream);
}

/* What the checkpoint's metadata tells; what it does not is passed over. */
static bool put_settings(FILE *stream, const gan_report *report) {
  static const char *const keys[] = {"model",         "loss",  "schedule", "critic_steps", "pack",   "classes",
                                     "average",       "batch", "images",   "precision",    "seed",   "steps",
                                     "learning_rate", "decay", "epoch",    "step"};
  fputs("<h2>Settings</h2>\n<dl class=\"card\">\n", stream);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    char *value = nn_read_metadata(report->checkpoint, keys[i]);
    if (ag_failed()) return false;
    if (!value) continue;
    fprintf(stream, "<div><dt>%s</dt><dd>", keys[i]);
    gan_html_text(stream, value);
    fputs("</dd></div>\n", stream);
    ag_free(value);
  }
  fputs("</dl>\n", stream);
  return true;
}

bool gan_report_page(FILE *stream, const gan_report *report) {
  locale_t before = gan_c_locale_enter();
  fputs(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
      stream);
  gan_html_text(stream, report->model);
  fprintf(stream, "</title>\n<style>\n%s</style>\n<main>\n", style);
  bool put = put_top(stream, report) && put_charts(stream, report) && put_pictures(stream, report);
  if (put) put_evaluation(stream, &report->evaluation);
  put = put && put_settings(stream, report);
  fputs("</main>\n</html>\n", stream);
  gan_c_locale_leave(before);
  return put;
}
