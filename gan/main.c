/* mnist-gan: trains generative adversarial networks on MNIST and draws with them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gan/command.h"

static const struct {
  const char *name, *about;
  int (*run)(int argc, char **argv);
} commands[] = {
    {"train", "trains a model on images and fills a run folder", command_train},
    {"sample", "draws new images with a trained generator", command_sample},
    {"interpolate", "walks from one image of a generator to the next", command_interpolate},
    {"report", "writes a run's curves and pictures as one page", command_report},
    {"evaluate", "tells by figures how near generated digits come to real ones", command_evaluate},
    {"summary", "prints the networks of a model, layer by layer", command_summary},
    {"models", "lists the models", command_models},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *file) {
  fputs("usage: mnist-gan COMMAND [OPTIONS]\n\n", file);
  for (int i = 0; i < COMMANDS; i++) fprintf(file, "  %-11s %s\n", commands[i].name, commands[i].about);
  fputs("\nmnist-gan COMMAND --help tells the options of a command.\n", file);
}

static int run(int argc, char **argv) {
  if (argc < 2) {
    print_help(stderr);
    return EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_help(stdout);
    return EXIT_DONE;
  }
  for (int i = 0; i < COMMANDS; i++)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  fprintf(stderr, "mnist-gan: '%s' is no command, expected one of those that mnist-gan --help lists\n", argv[1]);
  return EXIT_USAGE;
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* who reads a log sees a warning when it is given */
  int status = run(argc, argv);
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  fprintf(stderr, "mnist-gan: standard output cannot be written: %s\n", strerror(errno));
  return status ? status : EXIT_FAILED;
}
