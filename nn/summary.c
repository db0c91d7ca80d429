#include "nn/summary.h"

#include <errno.h>
#include <string.h>

#include "nn/layers/common.h"

typedef struct {
  char text[32];
} number_text;

/* 1234567 as "1,234,567". */
static number_text with_separators(size_t number) {
  char digits[24];
  size_t count = (size_t)snprintf(digits, sizeof digits, "%zu", number), length = 0;
  number_text out;
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && (count - i) % 3 == 0) out.text[length++] = ',';
    out.text[length++] = digits[i];
  }
  out.text[length] = '\0';
  return out;
}

/* [7, 7, 256] as "(None, 7, 7, 256)": None is the batch, of any size. */
static ag_shape_text with_none(ag_shape shape) {
  ag_shape_text out;
  int at = snprintf(out.text, sizeof out.text, "(None");
  for (int i = 0; i < shape.rank; i++) {
    at += snprintf(out.text + at, sizeof out.text - (size_t)at, ", %lld", (long long)shape.sizes[i]);
  }
  snprintf(out.text + at, sizeof out.text - (size_t)at, ")");
  return out;
}

static size_t numbers_in(ag_list variables) {
  size_t count = 0;
  for (size_t i = 0; i < variables.count; i++) count += ag_size(variables.items[i]);
  return count;
}

/* The table is walked twice: once to measure the columns, once to print them. */
typedef struct {
  FILE *file; /* NULL while measuring */
  int name_width, shape_width, number_width;
  size_t layers, listed; /* rows so far, and the numbers in them */
} table;

static void widen(int *width, int length) {
  if (length > *width) *width = length;
}

static void row(table *t, const char *name, const char *shape, const char *numbers) {
  widen(&t->name_width, (int)strlen(name));
  widen(&t->shape_width, (int)strlen(shape));
  widen(&t->number_width, (int)strlen(numbers));
  if (!t->file) return;
  fprintf(t->file, " %-*s  %-*s  %s\n", t->name_width, name, t->shape_width, shape, numbers);
}

static void line(const table *t, char mark) {
  for (int i = 0; i < t->name_width + t->shape_width + t->number_width + 6; i++) fputc(mark, t->file);
  fputc('\n', t->file);
}

static void layer_row(const char *name, nn_layer *layer, void *context) {
  table *t = context;
  const char *kind = nn_layer_class_of(layer)->name;
  size_t size = strlen(name) + strlen(kind) + 4, numbers = numbers_in(nn_variables(layer));
  char *title = ag_allocate(size, 1);
  if (!title) return;
  snprintf(title, size, *name ? "%s (%s)" : "%s%s", name, kind);
  row(t, title, with_none(nn_output_shape(layer)).text, with_separators(numbers).text);
  t->listed += numbers;
  t->layers++;
  ag_free(title);
}

/* One row for each inner layer; one for the layer itself where it has none, or weights beside theirs. */
static void rows(table *t, nn_layer *layer, size_t total) {
  row(t, "Layer (type)", "Output Shape", "Param #");
  if (t->file) line(t, '=');
  t->listed = t->layers = 0;
  nn_each_layer(layer, layer_row, t);
  if (t->layers == 0) layer_row("", layer, t);
  else if (t->listed < total) row(t, "(own weights)", "", with_separators(total - t->listed).text);
}

bool nn_summary(nn_layer *layer, FILE *file) {
  if (!file) return ag_fail_null("summary", "file");
  ag_scope *scope = ag_failed() ? NULL : ag_scope_enter();
  if (!scope) return false;
  size_t total = numbers_in(nn_variables(layer)), trainable = numbers_in(nn_trainable_variables(layer));
  table t = {.file = NULL};
  if (!ag_failed()) rows(&t, layer, total);
  if (!ag_failed()) {
    t.file = file;
    line(&t, '_');
    rows(&t, layer, total);
    line(&t, '=');
    fprintf(file, "Total params: %s\n", with_separators(total).text);
    fprintf(file, "Trainable params: %s\n", with_separators(trainable).text);
    fprintf(file, "Non-trainable params: %s\n", with_separators(total - trainable).text);
    line(&t, '_');
    if (fflush(file) != 0 || ferror(file)) ag_fail(AG_ERROR_FILE, "summary: cannot write: %s", strerror(errno));
  }
  ag_scope_leave(scope);
  return !ag_failed();
}
