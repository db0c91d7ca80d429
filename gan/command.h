/* What the commands of mnist-gan share. */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "gan/gan.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_SIGNAL = 128 /* and its number, as shells have it */ };

/* argv[0] is the command's name; each returns the exit status. */
int command_train(int argc, char **argv);
int command_sample(int argc, char **argv);
int command_interpolate(int argc, char **argv);
int command_report(int argc, char **argv);
int command_evaluate(int argc, char **argv);
int command_summary(int argc, char **argv);
int command_models(int argc, char **argv);

enum { OPTION_END = -1, OPTION_WRONG = '?', OPTION_HELP = 'h' };
/* The next option's letter, its value in optarg. OPTION_WRONG once the mistake is told on stderr. A table ends with
 * HELP_OPTION. */
int next_option(int argc, char **argv, const struct option *options);
#define HELP_OPTION \
  {"help", no_argument, NULL, OPTION_HELP}, { NULL, 0, NULL, 0 }

/* These tell on stderr what was expected, and return false or NULL. */
bool read_number(const char *option, const char *text, int64_t lowest, int64_t highest, int64_t *value);
bool read_seed(const char *text, uint64_t *seed);
bool read_share(const char *option, const char *text, double *value); /* 0 < value < 1 */
const gan_model *read_model(const char *text);
const gan_loss *read_loss(const char *text);
bool ends_with(const char *text, const char *end);
/* Prints the pending error; returns EXIT_FAILED. */
int report_error(void);

/* Draws the progress of `train`: a bar on a terminal, a line an epoch elsewhere. */
typedef struct {
  bool terminal;
  double start;      /* seconds */
  gan_figures total; /* of the epoch so far, */
  int64_t count;     /* over so many steps */
  bool unfinished;   /* a bar stands on the terminal's last line */
  int64_t steps_left;
} progress_display;
progress_display progress_start(void);
/* Their context: the display. */
gan_progress_function progress_show;
gan_note_function progress_note;
/* Loads the test digits of a folder, too, and makes the judge of digits, telling on stdout that it takes a while and on
 * stderr why it could not be kept. False and an error; both are freed by the caller in any case. */
bool open_judge(gan_judge *judge, const char *data, const gan_images *train, gan_images *test);
