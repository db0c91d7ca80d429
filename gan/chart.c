#include "gan/chart.h"

#include <math.h>
#include <stdlib.h>

#include "autograd/autograd.h"

/* The drawing, in its own units: the plot and the room for tick labels around it. */
enum { WIDTH = 520, HEIGHT = 290, LEFT = 50, RIGHT = 14, TOP = 10, BOTTOM = 46, TICKS = 5 };

typedef struct {
  double low, high, step; /* step: from tick to tick */
} range;

/* The curves in at most GAN_CHART_POINTS points: x first, then each curve, [1 + curves, points]. */
typedef struct {
  size_t points;
  double *values;
  range x, y;
  bool cut; /* y leaves out what lies far off */
} plot;

void gan_html_text(FILE *stream, const char *text) {
  for (; *text; text++) switch (*text) {
      case '&': fputs("&amp;", stream); break;
      case '<': fputs("&lt;", stream); break;
      case '>': fputs("&gt;", stream); break;
      case '"': fputs("&quot;", stream); break;
      case '\'': fputs("&#39;", stream); break;
      default: fputc(*text, stream);
    }
}

/* Over rows [first, end) what is not NaN; NaN when nothing is left. */
static double mean(const gan_chart *chart, size_t first, size_t end, size_t column) {
  double sum = 0, count = 0;
  for (size_t row = first; row < end; row++) {
    double value = chart->values[row * chart->columns + column];
    if (!isnan(value)) sum += value, count++;
  }
  return count > 0 ? sum / count : NAN;
}

static void average(const gan_chart *chart, plot *p) {
  for (size_t i = 0; i < p->points; i++) {
    size_t first = i * chart->count / p->points, end = (i + 1) * chart->count / p->points;
    p->values[i] = mean(chart, first, end, 0);
    for (size_t c = 0; c < chart->curve_count; c++)
      p->values[(c + 1) * p->points + i] = mean(chart, first, end, chart->curves[c].column);
  }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Ticks 1, 2 or 5 times a power of ten apart, about TICKS of them. */
static range with_ticks(double low, double high) {
  double rough = (high - low) / TICKS, power = pow(10, floor(log10(rough)));
  double digit = rough / power;
  return (range){low, high, power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10)};
}

/* From the least to the largest value, on to the next tick. But where a few reach farther beyond the middle 96% than
 * that is wide, as the first losses of a critic do, they would flatten all the rest: the range then leaves them out. */
static range reach(double *values, size_t count, bool *cut) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (!isnan(values[i])) values[kept++] = values[i];
  if (!kept) return with_ticks(0, 1);
  qsort(values, kept, sizeof *values, compare);
  double low = values[(size_t)(0.02 * (double)(kept - 1))], high = values[(size_t)ceil(0.98 * (double)(kept - 1))];
  double least = fmax(values[0], 2 * low - high), most = fmin(values[kept - 1], 2 * high - low);
  *cut = least > values[0] || most < values[kept - 1];
  double around = least == most ? fmax(fabs(least), 1) / 2 : 0;
  range r = with_ticks(least - around, most + around);
  return (range){floor(r.low / r.step) * r.step, ceil(r.high / r.step) * r.step, r.step};
}

/* Decimals enough to tell one tick from the next. */
static void put_tick(FILE *stream, double value, double step) {
  if (step >= 1e6 || step < 1e-4) fprintf(stream, "%g", value);
  else fprintf(stream, "%.*f", (int)fmax(0, -floor(log10(step) + 1e-9)), value + 0.0);
}

static double across(const plot *p, double x) {
  return LEFT + (x - p->x.low) / (p->x.high - p->x.low) * (WIDTH - LEFT - RIGHT);
}

static double down(const plot *p, double y) {
  return HEIGHT - BOTTOM - (y - p->y.low) / (p->y.high - p->y.low) * (HEIGHT - TOP - BOTTOM);
}

/* The n-th tick of an axis, from 0; false after the last. The bound is for axes that end at infinity. */
static bool tick(range axis, int n, double *value) {
  *value = (ceil(axis.low / axis.step - 1e-9) + n) * axis.step;
  return n < 4 * TICKS && *value <= axis.high + 1e-9 * axis.step;
}

static void put_axes(FILE *stream, const plot *p) {
  double value;
  for (int n = 0; tick(p->y, n, &value); n++) {
    double y = down(p, value);
    fprintf(stream, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" class=\"y\">", LEFT, y,
            WIDTH - RIGHT, LEFT - 8, y + 4);
    put_tick(stream, value, p->y.step);
    fputs("</text>", stream);
  }
  for (int n = 0; tick(p->x, n, &value); n++) {
    double x = across(p, value);
    fprintf(stream, "<path class=\"axis\" d=\"M%.1f %dv5\"/><text x=\"%.1f\" y=\"%d\" class=\"x\">", x, HEIGHT - BOTTOM,
            x, HEIGHT - BOTTOM + 19);
    put_tick(stream, value, p->x.step);
    fputs("</text>", stream);
  }
  fprintf(stream, "<path class=\"axis\" d=\"M%d %dH%d\"/><text x=\"%d\" y=\"%d\" class=\"x\">step</text>", LEFT,
          HEIGHT - BOTTOM, WIDTH - RIGHT, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5);
}

/* A line that starts anew after each gap; a point alone between gaps is a dot. */
static void put_curve(FILE *stream, const plot *p, const double *y, int color) {
  fprintf(stream, "<path class=\"curve curve-%d\" d=\"", color);
  for (size_t i = 0; i < p->points; i++) {
    bool after = i > 0 && !isnan(y[i - 1]), before = i + 1 < p->points && !isnan(y[i + 1]);
    if (isnan(y[i])) continue;
    double x = across(p, p->values[i]), down_y = down(p, y[i]);
    if (after || before) fprintf(stream, "%c%.1f %.1f", after ? 'L' : 'M', x, down_y);
    else fprintf(stream, "M%.1f %.1fa1 1 0 1 0 2 0a1 1 0 1 0 -2 0", x - 1, down_y);
  }
  fputs("\"/>", stream);
}

static void put_legend(FILE *stream, const gan_chart *chart) {
  fputs("<figure><figcaption><b>", stream);
  gan_html_text(stream, chart->title);
  fputs("</b>", stream);
  for (size_t c = 0; chart->curve_count > 1 && c < chart->curve_count; c++) {
    fprintf(stream, "<span><i class=\"curve-%d\"></i>", chart->curves[c].color);
    gan_html_text(stream, chart->curves[c].name);
    fputs("</span>", stream);
  }
  fputs("</figcaption>\n", stream);
}

static void put_figure(FILE *stream, const gan_chart *chart, const plot *p) {
  put_legend(stream, chart);
  fprintf(stream, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
  gan_html_text(stream, chart->title);
  fputs("\">", stream);
  put_axes(stream, p);
  /* an svg of its own cuts off what reaches beyond the plot */
  fprintf(stream, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" viewBox=\"%d %d %d %d\">", LEFT, TOP - 2,
          WIDTH - LEFT, HEIGHT - TOP - BOTTOM + 4, LEFT, TOP - 2, WIDTH - LEFT, HEIGHT - TOP - BOTTOM + 4);
  for (size_t c = 0; c < chart->curve_count; c++)
    put_curve(stream, p, p->values + (c + 1) * p->points, chart->curves[c].color);
  fputs("</svg></svg>\n", stream);
  size_t bin = (chart->count + p->points - 1) / p->points;
  const char *most = chart->count % p->points ? "up to " : "";
  if (bin > 1) fprintf(stream, "<small>Means of %s%zu steps each.</small>\n", most, bin);
  if (p->cut) fputs("<small>A few values lie far outside and are not shown.</small>\n", stream);
  fputs("</figure>\n", stream);
}

bool gan_chart_write(FILE *stream, const gan_chart *chart) {
  if (!stream || !chart || !chart->count) return ag_fail_null("gan_chart_write", "stream, chart or its values");
  plot p = {.points = chart->count < GAN_CHART_POINTS ? chart->count : GAN_CHART_POINTS, .y = with_ticks(0, 1)};
  size_t size = p.points * (1 + chart->curve_count), curve_size = size - p.points;
  p.values = ag_allocate(size + curve_size, sizeof *p.values); /* and the curves once more, to be sorted */
  if (!p.values) return false;
  average(chart, &p);
  double around = p.points == 1 ? 1 : 0;
  p.x = with_ticks(p.values[0] - around, p.values[p.points - 1] + around);
  p.x.step = fmax(p.x.step, 1); /* training steps are whole */
  for (size_t i = 0; i < curve_size; i++) p.values[size + i] = p.values[p.points + i];
  if (!chart->share) p.y = reach(p.values + size, curve_size, &p.cut);
  put_figure(stream, chart, &p);
  ag_free(p.values);
  return true;
}
