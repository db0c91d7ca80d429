/* The page of a run: what it tells, what it refuses. Pictures are decoded again, points are where geometry has them. */
#include "check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gan/metrics.h"
#include "gan/picture.h"
#include "gan/report.h"
#include "nn/nn.h"

#define HEADER "step,epoch,g_loss,d_loss,d_real,d_fake,accuracy\n"

static char folder[] = "/tmp/test_report_XXXXXX";

static const char *path_of(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void put(const char *name, const char *text) {
  FILE *file = fopen(path_of(name), "wb");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  fclose(file);
}

static char *get(const char *name, size_t *size) {
  FILE *file = fopen(path_of(name), "rb");
  assert_non_null(file);
  static char bytes[1 << 20];
  *size = fread(bytes, 1, sizeof bytes - 1, file);
  assert_true(*size < sizeof bytes - 1);
  bytes[*size] = '\0';
  fclose(file);
  return bytes;
}

/* The page, to be freed. */
static char *page(void) {
  if (!gan_report_write(folder)) print_error("%s\n", ag_error_message());
  assert_false(ag_failed());
  size_t size;
  return strdup(get("report.html", &size));
}

static void put_checkpoint(const char *model) {
  ag_rng rng = ag_rng_seed(1);
  nn_layer *layer = nn_dense(1);
  assert_true(nn_build(layer, AG_SHAPE(1), &rng));
  const char *metadata[] = {"model", model, "seed", "<7>", NULL};
  nn_named_layer named = {.name = "generator", .layer = layer};
  assert_true(nn_save(path_of("checkpoint.safetensors"), 1, &named, metadata));
  nn_layer_free(layer);
}

static void picture_name(char *name, int epoch) { snprintf(name, 32, "samples/epoch-%04d.png", epoch); }

/* 1 x 1 pixel, grey as the epoch. */
static void put_picture(int epoch) {
  uint8_t pixel = (uint8_t)epoch;
  char name[32];
  picture_name(name, epoch);
  assert_true(gan_png_write(path_of(name), &(gan_picture){1, 1, &pixel}));
}

static size_t count(const char *text, const char *what) {
  size_t n = 0;
  for (const char *at = text; (at = strstr(at, what)); at++) n++;
  return n;
}

/* The n-th path (from 0) of this class. */
static const char *path_data(const char *html, const char *class_name, int n) {
  char start[64];
  snprintf(start, sizeof start, "<path class=\"%s\" d=\"", class_name);
  const char *at = html;
  for (int i = 0; i <= n; i++) {
    at = strstr(at, start);
    assert_non_null(at);
    at += strlen(start);
  }
  return at;
}

/* The points of a path of M and L. Returns how many, up to its end. */
static size_t read_points(const char *data, double *x, double *y, size_t room) {
  size_t n = 0;
  for (char *end; n < room && (*data == 'M' || *data == 'L'); n++, data = end) {
    x[n] = strtod(data + 1, &end);
    y[n] = strtod(end, &end);
  }
  assert_int_equal(*data, '"');
  return n;
}

static int sextet(int letter) {
  if (isupper(letter)) return letter - 'A';
  if (islower(letter)) return letter - 'a' + 26;
  if (isdigit(letter)) return letter - '0' + 52;
  return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

/* Bit by bit. */
static size_t decode(const char *base64, unsigned char *bytes) {
  size_t bits = 0;
  for (; sextet(*base64) >= 0; base64++)
    for (int i = 5; i >= 0; i--, bits++) {
      if (bits % 8 == 0) bytes[bits / 8] = 0;
      bytes[bits / 8] |= (unsigned char)((sextet(*base64) >> i & 1) << (7 - bits % 8));
    }
  size_t padding = strspn(base64, "=");
  assert_int_equal((bits / 6 + padding) % 4, 0);
  assert_int_equal(base64[padding], '"');
  return bits / 8;
}

static void assert_picture(const char *html, int n, const char *file) {
  static const char start[] = "src=\"data:image/png;base64,";
  for (int i = 0; i <= n; i++) {
    html = strstr(html, start);
    assert_non_null(html);
    html += sizeof start - 1;
  }
  size_t size;
  const char *expected = get(file, &size);
  unsigned char bytes[512];
  assert_int_equal(decode(html, bytes), size);
  assert_memory_equal(bytes, expected, size);
}

static void broken_metrics_are_refused_by_line(void **state) {
  (void)state;
  static const struct {
    const char *text, *sentence;
  } broken[] = {
      {"", "metrics.csv: is empty"},
      {HEADER, "metrics.csv: line 2: is missing"},
      {"step,epoch,g_loss,d_loss,d_real,accuracy\n1,1,1,1,1,1\n", "line 1: column 6 is accuracy, expected d_fake"},
      {"step,epoch\n1,1\n", "line 1: column 3 is missing, expected g_loss"},
      {"step,epoch,g_loss,d_loss,d_real,d_fake,right\n1,1,1,1,1,1,1\n", "column 7 is right, expected accuracy"},
      {"step,,g_loss\n", "line 1: name 2 is '', expected one that is not empty"},
      {"step,step\n", "line 1: name 2 is 'step'"},
      {HEADER "1,1,1,1,1,1,1\n2,1,1,1,1,1\n", "line 3: expected 7 fields, it has fewer"},
      {HEADER "1,1,1,1,1,1,1,1\n", "line 2: expected 7 fields, it has more"},
      {HEADER "1,1,1,1,1,1,1\n\n", "line 3: expected 7 fields, it has fewer"},
      {HEADER "1,1,one,1,1,1,1\n", "line 2: g_loss is 'one', expected a number"},
      {HEADER "1,1,1 ,1,1,1,1\n", "line 2: g_loss is '1 ', expected a number"},
      {HEADER "1,1, 1,1,1,1,1\n", "line 2: g_loss is ' 1', expected a number"},
      {HEADER "1,1,1,1,1,1,1\r\n", "line 2: accuracy is '1?', expected a number"},
      {HEADER "1,1,1,1,1,1,0.7", "its last line has no newline"},
      {HEADER "1,1,1,1,1,1,1\n1,1,1,1,1,1,1\n", "line 3: step is 1, expected more than 1"},
      {HEADER ",1,1,1,1,1,1\n", "line 2: step is nan"},
  };
  put("report.html", "the old page");
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    put("metrics.csv", broken[i].text);
    assert_false(gan_report_write(folder));
    assert_error(AG_ERROR_FILE, broken[i].sentence);
  }
  FILE *file = fopen(path_of("metrics.csv"), "wb");
  fwrite("step\0,", 1, 6, file);
  fclose(file);
  assert_false(gan_report_write(folder));
  assert_error(AG_ERROR_FILE, "holds a NUL byte");
  size_t size;
  assert_string_equal(get("report.html", &size), "the old page");
}

static void a_missing_file_and_a_broken_picture_are_refused_by_name(void **state) {
  (void)state;
  put("report.html", "the old page");
  assert_false(gan_report_write("/missing"));
  assert_error(AG_ERROR_FILE, "/missing/metrics.csv: cannot be read: No such file or directory");
  put("metrics.csv", HEADER "1,1,1,1,1,1,1\n");
  put("samples/epoch-0001.png", "GIF, it is not");
  assert_false(gan_report_write(folder));
  assert_error(AG_ERROR_FILE, "samples/epoch-0001.png: is no picture");
  remove(path_of("samples/epoch-0001.png"));
  put("evaluation.csv", "epoch,fid\n5,low\n");
  assert_false(gan_report_write(folder));
  assert_error(AG_ERROR_FILE, "evaluation.csv: line 2: fid is 'low'");
  remove(path_of("evaluation.csv"));
  put("checkpoint.safetensors", "cut");
  assert_false(gan_report_write(folder));
  assert_error(AG_ERROR_FILE, "checkpoint.safetensors");
  put_checkpoint("<i>&'\"");
  size_t size;
  assert_string_equal(get("report.html", &size), "the old page");
  assert_int_not_equal(access(path_of("report.html.part"), F_OK), 0);
}

static void figures_are_read_as_they_were_written(void **state) {
  (void)state;
  const gan_figures figures = {
      .g_loss = 1, .d_loss = 2, .d_real = 3, .d_fake = 4, .accuracy = 5, .spread = 6, .g_gradient = 7};
  FILE *file = fopen(path_of("metrics.csv"), "wb");
  assert_non_null(file);
  fputs(gan_metrics_header, file);
  gan_metrics_write(file, 8, 9, &figures);
  fclose(file);
  size_t size;
  assert_string_equal(get("metrics.csv", &size),
                      "step,epoch,g_loss,d_loss,d_real,d_fake,accuracy,spread,g_gradient\n8,9,1,2,3,4,5,6,7\n");
  gan_csv metrics;
  assert_true(gan_metrics_read(&metrics, folder));
  gan_figures read = gan_metrics_figures(&metrics, 0);
  assert_memory_equal(&read, &figures, sizeof figures);
  gan_csv_free(&metrics);
}

static void names_and_settings_are_escaped(void **state) {
  (void)state;
  put("metrics.csv", "step,epoch,g_loss,d_loss,d_real,d_fake,accuracy,<b>&\n1,1,1,1,1,1,1,1\n");
  put("evaluation.csv", "epoch,<script>\n5,0.25\n10,\n");
  char *html = page();
  assert_non_null(strstr(html, "<title>&lt;i&gt;&amp;&#39;&quot;</title>"));
  assert_non_null(strstr(html, "<dt>seed</dt><dd>&lt;7&gt;</dd>"));
  assert_non_null(strstr(html, "aria-label=\"&lt;b&gt;&amp;\""));
  assert_non_null(strstr(html, "<th>epoch</th><th>&lt;script&gt;</th>"));
  assert_non_null(strstr(html, "<td>5</td><td>0.25</td>"));
  assert_non_null(strstr(html, "<td>10</td><td>&ndash;</td>"));
  assert_null(strstr(html, "<script"));
  assert_null(strstr(html, "<i>&"));
  free(html);
  remove(path_of("evaluation.csv"));
}

static void missing_values_are_gaps(void **state) {
  (void)state;
  put("metrics.csv", HEADER
      "1,1,1,2,0.5,0.5,0.5\n2,1,1,2,0.5,0.5,nan\n3,1,,2,0.5,0.5,0.5\n4,1,inf,2,0.5,0.5,-nan\n"
      "5,1,1,2,0.5,0.5,0.5\n6,1,1,2,0.5,0.5,0.5\n");
  char *html = page();
  const char *losses = path_data(html, "curve curve-1", 0);
  double x[8], y[8];
  assert_int_equal(read_points(losses, x, y, 8), 4);
  assert_int_equal(strcspn(losses + 1, "M"), strcspn(losses + 1, "L") + strcspn(strchr(losses, 'L'), "M"));
  assert_true(x[0] == 50 && fabs(x[1] - (50 + 456 / 5.0)) < 0.06 && x[3] == 506); /* the plot is 456 wide, from 50 */
  const char *accuracy = path_data(html, "curve curve-2", 1);
  assert_true(strncmp(accuracy, "M49.0 127.0a1 1", 15) == 0); /* a dot, half way from 10 to 244 */
  size_t length = strcspn(accuracy, "\""), dots = 0, moves = 0;
  for (size_t i = 0; i < length; i++) moves += accuracy[i] == 'M', dots += accuracy[i] == 'a';
  assert_true(moves == 3 && dots == 4); /* 1 and 3 alone, 5 to 6 a line; a dot is two arcs */
  free(html);
}

static void long_runs_are_drawn_as_means(void **state) {
  (void)state;
  FILE *file = fopen(path_of("metrics.csv"), "wb");
  fputs(HEADER, file);
  for (int step = 1; step <= 12000; step++)
    fprintf(file, "%d,%d,%g,1,0.9,0.1,%s\n", step, step / 100, 0.001 * step, step % 2 ? "0.25" : "0.75");
  fclose(file);
  char *html = page();
  double x[500], y[500];
  assert_int_equal(read_points(path_data(html, "curve curve-2", 1), x, y, 500), 400);
  for (int i = 0; i < 400; i++) assert_true(y[i] == 127); /* 0.5 */
  assert_non_null(strstr(html, "Means of 30 steps each"));
  assert_non_null(strstr(html, "<b>12.000</b>")); /* g_loss in the last epoch: 120, of one step */
  assert_int_equal(read_points(path_data(html, "curve curve-1", 0), x, y, 500), 400);
  assert_true(x[0] == 50 && x[399] == 506);
  /* 0 to 12 on an axis that ends at 12: the means of the first and last 30 steps are 0.0155 and 11.9855 */
  assert_true(fabs(y[0] - (244 - 234 * 0.0155 / 12)) < 0.06 && fabs(y[399] - (244 - 234 * 11.9855 / 12)) < 0.06);
  free(html);
}

static void means_of_an_uneven_number_of_steps_are_said_so(void **state) {
  (void)state;
  FILE *file = fopen(path_of("metrics.csv"), "wb");
  fputs(HEADER, file);
  for (int step = 1; step <= 1001; step++) fprintf(file, "%d,1,1,1,1,1,1\n", step);
  fclose(file);
  char *html = page();
  assert_non_null(strstr(html, "<small>Means of up to 3 steps each.</small>"));
  free(html);
}

static void ticks_are_labelled_and_several_curves_have_a_legend(void **state) {
  (void)state;
  put("metrics.csv",
      "step,epoch,g_loss,d_loss,d_real,d_fake,accuracy,spread\n"
      "1,1,0,0.02,0.5,0.5,0.5,0.5\n2,1,0.01,0.05,0.5,0.5,0.5,0.5\n3,1,0.01,0.05,0.5,0.5,0.5,0.5\n");
  char *html = page();
  /* Losses up to the largest, shares, whole steps; two curves and one. */
  static const char *const present[] = {
      ">0.00</text>", ">0.01</text>", ">0.05</text>", ">0.2</text>",      ">1.0</text>",
      ">1</text>",    ">2</text>",    ">3</text>",    "generator</span>", "<b>spread</b></figcaption>"};
  for (size_t i = 0; i < sizeof present / sizeof *present; i++)
    if (!strstr(html, present[i])) fail_msg("no %s", present[i]);
  assert_null(strstr(html, ">1.5</text>"));
  assert_null(strstr(html, ">2.5</text>"));
  free(html);
}

static void a_single_step_of_zeros_is_drawn(void **state) {
  (void)state;
  put("metrics.csv", HEADER "1,1,0,0,0,0,0\n");
  char *html = page();
  assert_true(!strstr(html, "nan") && !strstr(html, "inf") && strstr(html, "class=\"grid\""));
  free(html);
}

static void outliers_are_left_out_and_said(void **state) {
  (void)state;
  FILE *file = fopen(path_of("metrics.csv"), "wb");
  fputs(HEADER, file);
  for (int step = 1; step <= 300; step++)
    fprintf(file, "%d,1,%d,-1,%d,%d,0.5\n", step, step == 1 ? 1000 : step % 2, step % 2 ? -50 : 50,
            step == 9 ? -9000 : -40);
  fclose(file);
  char *html = page();
  assert_int_equal(count(html, "A few values lie far outside"), 2); /* a high loss, a low score */
  assert_non_null(strstr(html, "Critic\u2019s scores"));            /* they are no probabilities */
  assert_null(strstr(html, ">1000</text>"));
  double x[300], y[300];
  read_points(path_data(html, "curve curve-1", 0), x, y, 300);
  assert_true(y[0] < -1000 && y[1] > 10 && y[1] < 244);
  free(html);
}

static void numbers_of_any_size_are_drawn(void **state) {
  (void)state;
  put("metrics.csv", HEADER "100000000000000000,1,0,0,0,0,0\n100000000000000016,1,0,1.7e308,0,0,0\n");
  char *html = page();
  assert_in_range(count(html, "class=\"grid\""), 0, 40);
  double x[2], y[2];
  assert_int_equal(read_points(path_data(html, "curve curve-3", 0), x, y, 2), 2);
  assert_true(x[0] == 50 && x[1] == 506 && y[0] == 244 && y[1] == 244);
  free(html);
}

static void a_page_refers_to_nothing_outside(void **state) {
  (void)state;
  put("metrics.csv", HEADER "1,1,1,1,1,1,1\n");
  put_picture(1);
  uint8_t pixel = 3;
  assert_true(gan_gif_write(path_of("training.gif"), 1, &(gan_picture){1, 1, &pixel}, 0.1));
  char *html = page();
  assert_int_equal(count(html, "src="), 3);
  assert_int_equal(count(html, "src=\"data:image/png;base64,"), 2);
  assert_int_equal(count(html, "src=\"data:image/gif;base64,"), 1);
  static const char *const references[] = {"http", "href", "url(", "@import", "<script", "<link", "srcset", "//"};
  for (size_t i = 0; i < sizeof references / sizeof *references; i++)
    for (const char *at = html; (at = strstr(at, references[i])); at++) {
      assert_string_equal(references[i], "//"); /* base64 has it, too */
      const char *data = at;
      while (sextet(*data) >= 0) data--;
      assert_int_equal(*data, ',');
    }
  free(html);
  remove(path_of("training.gif"));
}

static void the_last_picture_is_on_top_and_the_others_follow_in_order(void **state) {
  (void)state;
  put("metrics.csv", HEADER "1,1,1,1,1,1,1\n");
  for (int epoch = 1; epoch <= 45; epoch++) put_picture(epoch);
  put("samples/epoch-notes.txt", "not a picture");
  put("samples/epoch-00012.png", "not a run's name");
  char *html = page();
  assert_int_equal(count(html, "<img"), 1 + 23);
  assert_picture(html, 0, "samples/epoch-0045.png");
  for (int i = 0; i < 23; i++) { /* every second one of 45 */
    char name[32];
    picture_name(name, 1 + 2 * i);
    assert_picture(html, 1 + i, name);
  }
  free(html);
}

static int make_folder(void **state) {
  (void)state;
  if (!mkdtemp(folder) || mkdir(path_of("samples"), 0777)) return -1;
  ag_scope *scope = ag_scope_enter();
  put_checkpoint("<i>&'\"");
  ag_scope_leave(scope);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  char name[32];
  for (int epoch = 1; epoch <= 45; epoch++) picture_name(name, epoch), remove(path_of(name));
  static const char *const left[] = {
      "metrics.csv", "evaluation.csv",          "training.gif",           "checkpoint.safetensors",
      "report.html", "samples/epoch-notes.txt", "samples/epoch-00012.png"};
  for (size_t i = 0; i < sizeof left / sizeof *left; i++) remove(path_of(left[i]));
  return rmdir(path_of("samples")) || rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(broken_metrics_are_refused_by_line),
      TEST(a_missing_file_and_a_broken_picture_are_refused_by_name),
      TEST(figures_are_read_as_they_were_written),
      TEST(names_and_settings_are_escaped),
      TEST(missing_values_are_gaps),
      TEST(long_runs_are_drawn_as_means),
      TEST(means_of_an_uneven_number_of_steps_are_said_so),
      TEST(ticks_are_labelled_and_several_curves_have_a_legend),
      TEST(a_single_step_of_zeros_is_drawn),
      TEST(outliers_are_left_out_and_said),
      TEST(numbers_of_any_size_are_drawn),
      TEST(a_page_refers_to_nothing_outside),
      TEST(the_last_picture_is_on_top_and_the_others_follow_in_order),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
