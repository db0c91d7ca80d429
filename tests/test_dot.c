/* The recorded graph as Graphviz text. */
#include <stdlib.h>

#include "tests/check.h"

/* What ag_tape_write_dot writes, read back. */
static const char *written(const ag_tape *tape) {
  static char text[20000];
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_true(ag_tape_write_dot(tape, file));
  rewind(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static int occurrences(const char *text, const char *word) {
  int count = 0;
  for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) count++;
  return count;
}

static ag_tape *record(void) {
  ag_tensor *v = ag_variable(ag_ones(AG_SHAPE(2, 3)));
  ag_tape *tape = ag_tape_start();
  ag_tensor *y = ag_square(v);
  ag_sum(ag_mul(y, ag_exp(y)));
  ag_tape_stop(tape);
  return tape;
}

static void the_graph_is_one_digraph_with_balanced_braces(void **state) {
  (void)state;
  const char *text = written(record());
  assert_int_equal(strncmp(text, "digraph", strlen("digraph")), 0);
  assert_int_equal(occurrences(text, "{"), 1);
  assert_int_equal(occurrences(text, "}"), 1);
  assert_string_equal(text + strlen(text) - 2, "}\n");
}

static void the_graph_names_ops_and_shapes(void **state) {
  (void)state;
  const char *text = written(record());
  const char *const ops[] = {"\"square\"", "\"mul\"", "\"exp\"", "\"sum"};
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) assert_int_equal(occurrences(text, ops[i]), 1);
  assert_true(occurrences(text, "[2, 3]") >= 4);
}

static void each_node_is_declared_once_and_every_arrow_joins_two_of_them(void **state) {
  (void)state;
  static char text[20000];
  strcpy(text, written(record()));
  char names[100][32];
  int count = 0, arrows = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    char name[32], to[32];
    if (sscanf(line, " %31s -> %31[^;];", name, to) == 2) {
      int found = 0;
      for (int i = 0; i < count; i++) found += !strcmp(names[i], name) + !strcmp(names[i], to);
      assert_int_equal(found, 2);
      arrows++;
    } else if (sscanf(line, " %31s [label", name) == 1 && strchr(line, '[')) {
      for (int i = 0; i < count; i++) assert_string_not_equal(names[i], name);
      strcpy(names[count++], name);
    }
  }
  assert_int_equal(count, 5 + 4);  /* five tensors, four calls */
  assert_int_equal(arrows, 5 + 4); /* one an input, one an output */
}

static void an_empty_tape_is_an_empty_graph(void **state) {
  (void)state;
  const char *text = written(ag_tape_start());
  assert_int_equal(occurrences(text, "->"), 0);
  assert_int_equal(occurrences(text, "}"), 1);
}

static void a_file_that_cannot_be_written_is_an_error(void **state) {
  (void)state;
  ag_tape *tape = record();
  assert_false(ag_tape_write_dot(tape, NULL));
  assert_error(AG_ERROR_ARGUMENT, "dot");
  assert_false(ag_tape_write_dot(NULL, stdout));
  assert_error(AG_ERROR_ARGUMENT, "dot");
  FILE *file = fopen("/dev/null", "r"); /* open, but not for writing */
  assert_non_null(file);
  assert_false(ag_tape_write_dot(tape, file));
  assert_error(AG_ERROR_FILE, "dot");
  fclose(file);
  file = fopen("/dev/full", "w"); /* tells only when the buffer is written out */
  if (!file) return;
  assert_false(ag_tape_write_dot(tape, file));
  assert_error(AG_ERROR_FILE, "dot");
  fclose(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(the_graph_is_one_digraph_with_balanced_braces),
      TEST(the_graph_names_ops_and_shapes),
      TEST(each_node_is_declared_once_and_every_arrow_joins_two_of_them),
      TEST(an_empty_tape_is_an_empty_graph),
      TEST(a_file_that_cannot_be_written_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
