#include <stdio.h>

#include "gan/command.h"

int command_models(int argc, char **argv) {
  static const struct option options[] = {HELP_OPTION};
  int letter = next_option(argc, argv, options);
  if (letter == OPTION_WRONG) return EXIT_USAGE;
  if (letter == OPTION_HELP) {
    puts("usage: mnist-gan models\n\nLists the models: name, what it is.");
    return EXIT_DONE;
  }
  for (const gan_model *const *model = gan_models; *model; model++)
    printf("%-14s %s\n", (*model)->name, (*model)->about);
  return EXIT_DONE;
}

static int print_summary(const gan_model *model) {
  gan_pair pair;
  ag_rng rng = ag_rng_seed(0);
  if (!gan_pair_make(&pair, model, &rng)) return report_error();
  bool printed = puts("generator") >= 0 && nn_summary(pair.generator, stdout) && puts("\ndiscriminator") >= 0 &&
                 nn_summary(pair.discriminator, stdout);
  gan_pair_free(&pair);
  return printed ? EXIT_DONE : report_error();
}

int command_summary(int argc, char **argv) {
  static const struct option options[] = {{"model", required_argument, NULL, 'm'}, HELP_OPTION};
  const gan_model *model = gan_models[0];
  for (int letter; (letter = next_option(argc, argv, options)) != OPTION_END;) {
    if (letter == OPTION_HELP) {
      printf(
          "usage: mnist-gan summary [OPTIONS]\n\n"
          "Prints both networks of a model: layers, output shapes, numbers.\n\n"
          "  --model NAME   which model (%s); mnist-gan models lists them\n",
          model->name);
      return EXIT_DONE;
    }
    if (letter == OPTION_WRONG || !(model = read_model(optarg))) return EXIT_USAGE;
  }
  return print_summary(model);
}
