#include <stdio.h>

#include "gan/command.h"

int command_report(int argc, char **argv) {
  static const struct option table[] = {{"run", required_argument, NULL, 'r'}, HELP_OPTION};
  const char *run = NULL;
  for (int letter; (letter = next_option(argc, argv, table)) != OPTION_END;) {
    if (letter == OPTION_HELP) {
      puts(
          "usage: mnist-gan report --run DIR\n\n"
          "Writes DIR/report.html: pictures, curves and settings of a run on one page that needs nothing else.\n\n"
          "  --run DIR      the run folder that mnist-gan train filled");
      return EXIT_DONE;
    }
    if (letter == OPTION_WRONG) return EXIT_USAGE;
    run = optarg;
  }
  if (!run) {
    fputs("mnist-gan report: --run is missing, expected the folder that mnist-gan train filled\n", stderr);
    return EXIT_USAGE;
  }
  if (!gan_report_write(run)) return report_error();
  printf("%s/report.html\n", run);
  return EXIT_DONE;
}
