/* Line charts, drawn as a figure of HTML with inline SVG. Colours are the page's CSS: class curve-1, curve-2 ... */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct {
  const char *name;
  size_t column; /* in the values */
  int color;     /* from 1 */
} gan_curve;

/* Values [count, columns], row by row; NaN is a gap. The first column, the training step, is strictly increasing and
 * finite. */
typedef struct {
  const char *title;
  size_t count, columns;
  const double *values;
  size_t curve_count;
  const gan_curve *curves;
  bool share; /* the vertical axis is [0, 1]; otherwise as far as the values reach, far outliers left out */
} gan_chart;

/* At most GAN_CHART_POINTS points a curve: more rows are averaged in bins of consecutive ones, over what is not NaN.
 * False and an error without memory; whether the stream took it is for its owner to ask. */
enum { GAN_CHART_POINTS = 400 };
bool gan_chart_write(FILE *stream, const gan_chart *chart);

/* Text with & < > " and ' escaped, for HTML text and quoted attributes. */
void gan_html_text(FILE *stream, const char *text);
